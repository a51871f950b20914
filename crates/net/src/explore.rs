//! Links beyond those that a node needs. Pure: time is an argument.
//!
//! A node stops dialling once it has the links that it wants. Without more, a mesh that was cut in two would never
//! grow together again: in each half every node has enough links. So each node makes one more link now and then, to
//! whoever has none with it, and those whose word it waits for come first. What becomes too many is closed again, at
//! random, so that the links of all stay a random graph, which hangs together.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// When to dial beyond the links that a node wants, and whom.
#[derive(Debug)]
pub(crate) struct Explorer {
    every: Duration,
    every_sought: Duration,
    next: Instant,
    next_sought: Instant,
    sought: BTreeSet<u64>,
}

/// One link more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn<'a> {
    /// To one of those with these tags.
    Sought(&'a BTreeSet<u64>),
    /// To anybody.
    Anybody,
}

impl Explorer {
    /// One link more every so often, and sooner while somebody is sought. `share` (0 to 1) spreads the first ones.
    pub(crate) fn new(every: Duration, every_sought: Duration, share: f64, now: Instant) -> Self {
        let next = now + every.mul_f64(share.clamp(0.0, 1.0));
        Self { every, every_sought, next, next_sought: now, sought: BTreeSet::new() }
    }

    /// Those with these tags come first from now on.
    pub(crate) fn seek(&mut self, tags: Vec<u64>) {
        self.sought = tags.into_iter().collect();
    }

    /// Whether it is time for one more link.
    pub(crate) fn turn(&mut self, now: Instant) -> Option<Turn<'_>> {
        if now >= self.next {
            self.next = now + self.every;
            return Some(Turn::Anybody);
        }
        if !self.sought.is_empty() && now >= self.next_sought {
            self.next_sought = now + self.every_sought;
            return Some(Turn::Sought(&self.sought));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(60);
    const SOUGHT: Duration = Duration::from_secs(2);

    #[test]
    fn anybody_has_a_turn_now_and_then() {
        let now = Instant::now();
        let mut explorer = Explorer::new(EVERY, SOUGHT, 0.5, now);
        assert_eq!(explorer.turn(now), None);
        assert_eq!(explorer.turn(now + EVERY / 2), Some(Turn::Anybody));
        assert_eq!(explorer.turn(now + EVERY), None);
        assert_eq!(explorer.turn(now + EVERY / 2 * 3), Some(Turn::Anybody));
    }

    #[test]
    fn who_is_sought_has_turns_sooner_until_nobody_is() {
        let now = Instant::now();
        let mut explorer = Explorer::new(EVERY, SOUGHT, 1.0, now);
        explorer.seek(vec![7]);
        assert_eq!(explorer.turn(now), Some(Turn::Sought(&BTreeSet::from([7]))));
        assert_eq!(explorer.turn(now), None);
        assert_eq!(explorer.turn(now + SOUGHT), Some(Turn::Sought(&BTreeSet::from([7]))));
        explorer.seek(Vec::new());
        assert_eq!(explorer.turn(now + 2 * SOUGHT), None);
    }
}
