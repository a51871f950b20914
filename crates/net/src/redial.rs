//! Which addresses to dial, and when: for ever, with growing waits. Pure: time and jitter are arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use libp2p::Multiaddr;

use crate::{PeerKey, backoff};

/// The list of addresses and what is known of each.
#[derive(Debug)]
pub(crate) struct Redialer {
    entries: BTreeMap<Multiaddr, Entry>,
    min: Duration,
    max: Duration,
}

#[derive(Debug)]
struct Entry {
    tag: u64,
    state: State,
    /// Tries since the last link.
    attempt: u32,
    /// Its place among those that are due at the same time: nodes with one list must not all dial the same ones.
    order: u64,
    /// Who answered there last.
    peer: Option<PeerKey>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// To be dialled at this time.
    Due(Instant),
    /// Being dialled or greeted.
    Busy,
    /// Its peer has a link.
    Linked,
    /// Our own address.
    Own,
}

impl Redialer {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { entries: BTreeMap::new(), min, max }
    }

    /// Replaces the list; addresses that stay keep their state. `draw` gives random numbers.
    pub(crate) fn set(
        &mut self,
        addresses: Vec<(u64, Multiaddr)>,
        now: Instant,
        mut draw: impl FnMut() -> u64,
    ) {
        let mut old = std::mem::take(&mut self.entries);
        for (tag, addr) in addresses {
            let entry = match old.remove(&addr) {
                Some(entry) => Entry { tag, ..entry },
                None => Entry { tag, state: State::Due(now), attempt: 0, order: draw(), peer: None },
            };
            self.entries.insert(addr, entry);
        }
    }

    /// The address that has waited longest, if one is due; it is busy from now on.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(u64, Multiaddr)> {
        let due = self.due(now);
        let (_, _, addr) = due.map(|(at, addr, entry)| (at, entry.order, addr.clone())).min()?;
        self.take(addr)
    }

    /// One of these that is due; it is busy from now on. `draw` chooses among them.
    pub(crate) fn next_of(
        &mut self,
        tags: &BTreeSet<u64>,
        now: Instant,
        draw: u64,
    ) -> Option<(u64, Multiaddr)> {
        let due: Vec<&Multiaddr> = self
            .due(now)
            .filter(|(_, _, entry)| tags.contains(&entry.tag))
            .map(|(_, addr, _)| addr)
            .collect();
        let addr = one_of(&due, draw)?;
        self.take(addr)
    }

    /// Any that is due and has no link; it is busy from now on. `draw` chooses among them.
    pub(crate) fn next_any(&mut self, now: Instant, draw: u64) -> Option<(u64, Multiaddr)> {
        let due: Vec<&Multiaddr> = self.due(now).map(|(_, addr, _)| addr).collect();
        let addr = one_of(&due, draw)?;
        self.take(addr)
    }

    fn due(&self, now: Instant) -> impl Iterator<Item = (Instant, &Multiaddr, &Entry)> {
        self.entries.iter().filter_map(move |(addr, entry)| match entry.state {
            State::Due(at) if at <= now => Some((at, addr, entry)),
            _ => None,
        })
    }

    fn take(&mut self, addr: Multiaddr) -> Option<(u64, Multiaddr)> {
        let entry = self.entries.get_mut(&addr)?;
        entry.state = State::Busy;
        Some((entry.tag, addr))
    }

    /// The dial or greeting came to nothing.
    pub(crate) fn failed(&mut self, addr: &Multiaddr, now: Instant, jitter: u64) {
        let (min, max) = (self.min, self.max);
        if let Some(entry) = self.entries.get_mut(addr) {
            entry.state = State::Due(now + backoff(entry.attempt, min, max, jitter));
            entry.attempt = entry.attempt.saturating_add(1);
        }
    }

    /// The address led to ourselves.
    pub(crate) fn own(&mut self, addr: &Multiaddr) {
        if let Some(entry) = self.entries.get_mut(addr) {
            entry.state = State::Own;
        }
    }

    /// The address led to this peer, which has a link, by this dial or by another.
    pub(crate) fn linked(&mut self, addr: &Multiaddr, peer: PeerKey) {
        if let Some(entry) = self.entries.get_mut(addr) {
            *entry = Entry { state: State::Linked, attempt: 0, peer: Some(peer), ..*entry };
        }
    }

    /// The peer has no link any more.
    pub(crate) fn down(&mut self, peer: PeerKey, now: Instant, jitter: u64) {
        let wait = backoff(0, self.min, self.max, jitter);
        for entry in self.entries.values_mut() {
            if entry.peer == Some(peer) && entry.state == State::Linked {
                entry.state = State::Due(now + wait);
            }
        }
    }

    /// Dial the addresses of this peer as soon as possible.
    pub(crate) fn hurry(&mut self, peer: PeerKey, now: Instant) {
        for entry in self.entries.values_mut() {
            if entry.peer == Some(peer) && matches!(entry.state, State::Linked | State::Due(_)) {
                entry.state = State::Due(now);
                entry.attempt = 0;
            }
        }
    }
}

fn one_of(addresses: &[&Multiaddr], draw: u64) -> Option<Multiaddr> {
    let index = draw % addresses.len().max(1) as u64;
    addresses.get(usize::try_from(index).ok()?).map(|addr| (*addr).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(250);
    const MAX: Duration = Duration::from_secs(60);
    const PEER: PeerKey = PeerKey([1; 32]);

    fn addr(port: u16) -> Multiaddr {
        format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
    }

    fn one(now: Instant) -> Redialer {
        let mut redialer = Redialer::new(MIN, MAX);
        redialer.set(vec![(7, addr(1))], now, || 0);
        redialer
    }

    #[test]
    fn dials_for_ever_with_growing_waits() {
        let mut now = Instant::now();
        let mut redialer = one(now);
        for attempt in 0..50 {
            assert_eq!(redialer.next(now), Some((7, addr(1))));
            assert_eq!(redialer.next(now), None, "busy");
            redialer.failed(&addr(1), now, u64::MAX);
            let wait = backoff(attempt, MIN, MAX, u64::MAX);
            assert_eq!(redialer.next(now + wait - Duration::from_millis(1)), None);
            now += wait;
        }
    }

    #[test]
    fn a_link_resets_the_wait_and_its_end_starts_a_new_one() {
        let now = Instant::now();
        let mut redialer = one(now);
        for _ in 0..10 {
            redialer.next(now + MAX);
            redialer.failed(&addr(1), now, 0);
        }
        redialer.next(now + MAX);
        redialer.linked(&addr(1), PEER);
        assert_eq!(redialer.next(now + MAX * 100), None);
        redialer.down(PeerKey([2; 32]), now, 0);
        assert_eq!(redialer.next(now + MAX), None, "another peer's end");
        redialer.down(PEER, now, u64::MAX);
        assert_eq!(redialer.next(now), None);
        assert_eq!(redialer.next(now + MIN), Some((7, addr(1))));
    }

    #[test]
    fn a_hurried_peer_is_dialled_at_once() {
        let now = Instant::now();
        let mut redialer = one(now);
        redialer.next(now);
        redialer.linked(&addr(1), PEER);
        redialer.hurry(PEER, now);
        assert_eq!(redialer.next(now), Some((7, addr(1))));
    }

    #[test]
    fn the_one_that_waited_longest_comes_first_and_our_own_never() {
        let now = Instant::now();
        let mut redialer = Redialer::new(MIN, MAX);
        redialer.set(vec![(1, addr(1)), (2, addr(2)), (3, addr(3))], now, || 0);
        while redialer.next(now).is_some() {}
        redialer.failed(&addr(1), now, u64::MAX);
        redialer.failed(&addr(2), now, 0);
        redialer.own(&addr(3));
        assert_eq!(redialer.next(now + MAX), Some((2, addr(2))));
        assert_eq!(redialer.next(now + MAX), Some((1, addr(1))));
        assert_eq!(redialer.next(now + MAX), None);
    }

    #[test]
    fn a_new_list_keeps_what_stays() {
        let now = Instant::now();
        let mut redialer = one(now);
        redialer.next(now);
        redialer.set(vec![(8, addr(1)), (9, addr(2))], now, || 0);
        assert_eq!(redialer.next(now), Some((9, addr(2))));
        assert_eq!(redialer.next(now), None, "the first is still busy");
        redialer.set(Vec::new(), now, || 0);
        redialer.failed(&addr(1), now, 0);
        assert_eq!(redialer.next(now + MAX), None);
    }

    #[test]
    fn nodes_with_one_list_begin_at_different_addresses() {
        let now = Instant::now();
        let list: Vec<(u64, Multiaddr)> = (1..100).map(|port| (u64::from(port), addr(port))).collect();
        let firsts = |seed: u64| {
            let mut number = seed;
            let mut redialer = Redialer::new(MIN, MAX);
            redialer.set(list.clone(), now, || {
                number =
                    number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                number >> 16
            });
            (0..10).filter_map(|_| redialer.next(now)).map(|(tag, _)| tag).collect::<Vec<u64>>()
        };
        assert_ne!(firsts(1), firsts(2));
        assert_eq!(firsts(1), firsts(1));
    }

    #[test]
    fn beyond_the_target_those_that_are_sought_and_due_are_drawn() {
        let now = Instant::now();
        let mut redialer = Redialer::new(MIN, MAX);
        redialer.set(vec![(1, addr(1)), (2, addr(2)), (3, addr(3))], now, || 0);
        let sought = BTreeSet::from([2, 3]);
        assert_eq!(redialer.next_of(&sought, now, 1), Some((3, addr(3))));
        assert_eq!(redialer.next_of(&sought, now, 1), Some((2, addr(2))));
        assert_eq!(redialer.next_of(&sought, now, 1), None, "both are busy");
        assert_eq!(redialer.next_any(now, 7), Some((1, addr(1))));
        assert_eq!(redialer.next_any(now, 7), None);
    }
}
