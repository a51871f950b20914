//! Gossip messages that wait for the node's verdict: a bounded table with one deadline for each.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::event::Token;

/// How many tokens per waiting message the queue of deadlines may hold, at 24 bytes each.
const QUEUE_FACTOR: usize = 64;

/// Waiting messages of type `M`. All wait equally long, so that the queue is in order of deadlines.
pub(crate) struct Verdicts<M> {
    waiting: HashMap<Token, M>,
    queue: VecDeque<(Instant, Token)>,
    next: u64,
    timeout: Duration,
    max: usize,
}

impl<M> Verdicts<M> {
    pub(crate) fn new(timeout: Duration, max: usize) -> Self {
        Self { waiting: HashMap::new(), queue: VecDeque::new(), next: 0, timeout, max }
    }

    /// Keeps a message, or gives it back if too many wait.
    pub(crate) fn insert(&mut self, message: M, now: Instant) -> Result<Token, M> {
        // The queue also holds tokens that have their verdict, until their time is over; so it gets a bound of
        // its own, or one message without a verdict would hold up all that follow.
        if self.waiting.len() >= self.max || self.queue.len() >= self.max * QUEUE_FACTOR {
            return Err(message);
        }
        let token = Token(self.next);
        self.next += 1;
        self.waiting.insert(token, message);
        self.queue.push_back((now + self.timeout, token));
        Ok(token)
    }

    /// Takes a message out for its verdict; `None` if its time is over.
    pub(crate) fn take(&mut self, token: Token) -> Option<M> {
        self.waiting.remove(&token)
    }

    /// Takes out a message whose time is over; call until `None`.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<M> {
        while self.queue.front().is_some_and(|(deadline, _)| *deadline <= now) {
            let (_, token) = self.queue.pop_front()?;
            if let Some(message) = self.waiting.remove(&token) {
                return Some(message);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    #[test]
    fn a_verdict_takes_its_message_once() {
        let mut verdicts = Verdicts::new(TIMEOUT, 10);
        let now = Instant::now();
        let token = verdicts.insert("a", now).unwrap();
        assert_eq!(verdicts.take(token), Some("a"));
        assert_eq!(verdicts.take(token), None);
        assert_eq!(verdicts.expire(now + TIMEOUT), None);
    }

    #[test]
    fn messages_expire_in_order_and_not_before() {
        let mut verdicts = Verdicts::new(TIMEOUT, 10);
        let now = Instant::now();
        let first = verdicts.insert("a", now).unwrap();
        verdicts.insert("b", now + Duration::from_secs(1)).unwrap();
        assert_eq!(verdicts.expire(now + Duration::from_millis(1999)), None);
        assert_eq!(verdicts.expire(now + TIMEOUT), Some("a"));
        assert_eq!(verdicts.expire(now + TIMEOUT), None);
        assert_eq!(verdicts.take(first), None);
        assert_eq!(verdicts.expire(now + TIMEOUT * 2), Some("b"));
    }

    #[test]
    fn the_table_is_bounded_and_recovers() {
        let mut verdicts = Verdicts::new(TIMEOUT, 2);
        let now = Instant::now();
        let first = verdicts.insert(1, now).unwrap();
        verdicts.insert(2, now).unwrap();
        assert_eq!(verdicts.insert(3, now), Err(3));
        verdicts.take(first);
        assert!(verdicts.insert(3, now).is_ok());
    }

    #[test]
    fn one_message_without_a_verdict_does_not_hold_up_the_others() {
        let mut verdicts = Verdicts::new(TIMEOUT, 2);
        let now = Instant::now();
        verdicts.insert(0, now).unwrap();
        for n in 1..100 {
            let token = verdicts.insert(n, now).unwrap();
            assert_eq!(verdicts.take(token), Some(n));
        }
        // Without a tick, deadlines do not pile up for ever.
        let mut more = 0;
        while let Ok(token) = verdicts.insert(100, now) {
            verdicts.take(token);
            more += 1;
        }
        assert_eq!(more, 2 * QUEUE_FACTOR - 100);
        assert_eq!(verdicts.expire(now + TIMEOUT), Some(0));
        assert!(verdicts.insert(1, now).is_ok());
    }
}
