//! The shell's end of the event queue: what may be dropped is dropped when the node is slow, the rest waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::PeerKey;
use crate::counters::Tally;
use crate::event::{Event, Events};

/// Greetings and failed dials are dropped while so many events wait behind a full queue.
const MAX_BACKLOG: usize = 256;

/// Sends events without ever blocking.
///
/// What must arrive goes to a backlog when the queue is full. Of links and responses all of it, which is bounded
/// by itself: at most two notes per peer (a down and an up; an up that the node has not seen dies with its down)
/// and one response per request that the node itself made. Of greetings and dials, which go on without the
/// node, up to [`MAX_BACKLOG`]: a greeting that it never hears of ends with the hello timeout.
pub(crate) struct Outbox {
    sender: mpsc::Sender<Event>,
    backlog: VecDeque<Event>,
    /// Slots of the queue that droppable events leave free.
    reserve: usize,
    queued_bytes: Arc<AtomicUsize>,
    max_bytes: usize,
    tally: Arc<Tally>,
}

impl Outbox {
    pub(crate) fn new(slots: usize, max_bytes: usize, tally: Arc<Tally>) -> (Self, Events) {
        let (sender, receiver) = mpsc::channel(slots);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let events = Events { receiver, queued_bytes: queued_bytes.clone() };
        let outbox =
            Self { sender, backlog: VecDeque::new(), reserve: slots / 4, queued_bytes, max_bytes, tally };
        (outbox, events)
    }

    /// Sends what may be dropped; says whether it was sent.
    pub(crate) fn offer(&mut self, event: Event) -> bool {
        let fits = self.backlog.is_empty()
            && self.sender.capacity() > self.reserve
            && self.queued_bytes.load(Ordering::Relaxed) + event.payload() <= self.max_bytes;
        let sent = fits && self.push(event).is_ok();
        if !sent {
            self.tally.events_dropped.one();
        }
        sent
    }

    /// Sends what must arrive.
    pub(crate) fn send(&mut self, event: Event) {
        if let Event::LinkDown { peer, .. } = &event
            && self.retract_up(peer)
        {
            return;
        }
        let lasting = matches!(event, Event::LinkUp { .. } | Event::LinkDown { .. } | Event::Response { .. });
        if !lasting && self.backlog.len() >= MAX_BACKLOG {
            self.tally.events_dropped.one();
        } else if !self.backlog.is_empty() {
            self.backlog.push_back(event);
        } else if let Err(event) = self.push(event) {
            self.backlog.push_back(event);
        }
    }

    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Waits until the queue has room; ends at once, with `false`, if the node is gone.
    pub(crate) async fn room(&self) -> bool {
        self.sender.reserve().await.is_ok()
    }

    /// Waits until the node has dropped its end.
    pub(crate) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Moves the backlog into the queue, as far as it goes.
    pub(crate) fn flush(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            if let Err(event) = self.push(event) {
                self.backlog.push_front(event);
                return;
            }
        }
    }

    fn push(&mut self, event: Event) -> Result<(), Event> {
        let bytes = event.payload();
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.sender.try_send(event) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(event)) => {
                self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                Err(event)
            }
            // Nobody listens any more; the shell stops when it finds out.
            Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }

    /// Takes back a link's coming up that the node has not seen; says whether there was one.
    fn retract_up(&mut self, peer: &PeerKey) -> bool {
        let unseen = |event: &Event| matches!(event, Event::LinkUp { peer: up, .. } if up == peer);
        match self.backlog.iter().rposition(unseen) {
            Some(at) => self.backlog.remove(at).is_some(),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use libp2p::swarm::ConnectionId;

    use super::*;
    use crate::event::{DownReason, LinkId, Token};

    const PEER: PeerKey = PeerKey([1; 32]);

    fn up() -> Event {
        Event::LinkUp { peer: PEER, link: LinkId(ConnectionId::new_unchecked(1)), dialed: true }
    }

    fn down() -> Event {
        Event::LinkDown { peer: PEER, reason: DownReason::Closed }
    }

    fn gossip(length: usize) -> Event {
        Event::Gossip { token: Token(0), from: PEER, topic: 0, bytes: vec![0; length] }
    }

    #[test]
    fn droppable_events_leave_a_quarter_free_and_count() {
        let tally = Arc::new(Tally::default());
        let (mut outbox, mut events) = Outbox::new(8, 1000, tally.clone());
        let sent = (0..8).filter(|_| outbox.offer(gossip(1))).count();
        assert_eq!(sent, 6);
        assert_eq!(tally.snapshot().events_dropped, 2);
        outbox.send(up());
        assert!(!outbox.has_backlog());
        assert_eq!(events.try_recv(), Some(gossip(1)));
    }

    #[test]
    fn bytes_are_bounded_until_the_node_takes_them() {
        let (mut outbox, mut events) = Outbox::new(8, 100, Arc::new(Tally::default()));
        assert!(outbox.offer(gossip(60)));
        assert!(!outbox.offer(gossip(60)));
        assert!(events.try_recv().is_some());
        assert!(outbox.offer(gossip(60)));
    }

    #[test]
    fn what_must_arrive_waits_in_order() {
        let (mut outbox, mut events) = Outbox::new(1, 100, Arc::new(Tally::default()));
        outbox.send(up());
        outbox.send(down());
        outbox.send(up());
        assert!(outbox.has_backlog());
        assert!(!outbox.offer(gossip(1)), "nothing overtakes the backlog");
        let mut seen = Vec::new();
        while let Some(event) = events.try_recv() {
            seen.push(event);
            outbox.flush();
        }
        assert_eq!(seen, [up(), down(), up()]);
    }

    #[test]
    fn greetings_do_not_pile_up_for_ever() {
        let tally = Arc::new(Tally::default());
        let (mut outbox, _events) = Outbox::new(1, 100, tally.clone());
        let link = LinkId(ConnectionId::new_unchecked(1));
        for _ in 0..MAX_BACKLOG + 11 {
            outbox.send(Event::HelloNeeded { link, peer: PEER, tag: 0 });
        }
        assert_eq!((outbox.backlog.len(), tally.snapshot().events_dropped), (MAX_BACKLOG, 10));
        outbox.send(up());
        assert_eq!(outbox.backlog.len(), MAX_BACKLOG + 1);
    }

    #[test]
    fn a_link_that_flaps_unseen_leaves_one_note() {
        let (mut outbox, mut events) = Outbox::new(1, 100, Arc::new(Tally::default()));
        outbox.send(up());
        outbox.send(down());
        for _ in 0..1000 {
            outbox.send(up());
            outbox.send(down());
        }
        assert_eq!(outbox.backlog.len(), 1);
        assert_eq!(events.try_recv(), Some(up()));
        outbox.flush();
        assert_eq!(events.try_recv(), Some(down()));
        assert_eq!(events.try_recv(), None);
    }
}
