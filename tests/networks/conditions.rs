//! What the network does to each packet. Pure: time and randomness come from outside, so that it can be tested.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::packet::Packet;
use crate::random::Random;

/// What waits before a slow line, in bytes; more is lost, as in a router.
const QUEUE_BYTES: u64 = 32 * 1024;

/// How the network is now. Nodes are numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    /// From any node to any other, one way.
    pub(crate) delay: Duration,
    /// Of a thousand packets so many are lost, each on its own.
    pub(crate) loss_permille: u64,
    /// Nodes whose line is slow, in bits per second, in each direction.
    pub(crate) slow: Vec<(usize, u64)>,
    /// Nothing goes from the first to the second.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// No FIN and no RST comes from or to these.
    pub(crate) mute: BTreeSet<usize>,
}

impl Conditions {
    /// Cuts everything between two groups, both ways.
    pub(crate) fn part(&mut self, left: &[usize], right: &[usize]) {
        for (a, b) in left.iter().flat_map(|a| right.iter().map(|b| (*a, *b))) {
            self.cut.extend([(a, b), (b, a)]);
        }
    }

    fn bits_per_second(&self, node: usize) -> Option<u64> {
        self.slow.iter().find(|(slow, _)| *slow == node).map(|(_, rate)| *rate)
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives then.
    Arrives(Instant),
    /// The loss took it.
    Lost,
    /// There is no way.
    Cut,
    /// It would have ended a connection.
    Muted,
    /// The queue before a slow line was full.
    Overrun,
}

/// The lines of all nodes.
pub(crate) struct Lines {
    lines: Vec<Line>,
    random: Random,
}

#[derive(Clone, Copy)]
struct Line {
    up_free: Instant,
    down_free: Instant,
}

impl Lines {
    pub(crate) fn new(nodes: usize, random: Random, now: Instant) -> Self {
        Self { lines: vec![Line { up_free: now, down_free: now }; nodes], random }
    }

    /// Judges a packet that a node sends now.
    pub(crate) fn judge(
        &mut self,
        conditions: &Conditions,
        (from, to): (usize, usize),
        (packet, length): (Packet, usize),
        now: Instant,
    ) -> Fate {
        if conditions.cut.contains(&(from, to)) {
            return Fate::Cut;
        }
        if packet.ends && (conditions.mute.contains(&from) || conditions.mute.contains(&to)) {
            return Fate::Muted;
        }
        if self.random.below(1_000) < conditions.loss_permille {
            return Fate::Lost;
        }
        let Some(sent) = pace(&mut self.lines[from].up_free, conditions.bits_per_second(from), length, now)
        else {
            return Fate::Overrun;
        };
        // The line down is busy from when the packet gets there; packets of a near future are put in as they come.
        let there = sent + conditions.delay;
        match pace(&mut self.lines[to].down_free, conditions.bits_per_second(to), length, there) {
            Some(arrival) => Fate::Arrives(arrival),
            None => Fate::Overrun,
        }
    }
}

/// When the last bit of a packet is through a line; `None` if it finds the queue full.
fn pace(free: &mut Instant, bits_per_second: Option<u64>, length: usize, now: Instant) -> Option<Instant> {
    let Some(rate) = bits_per_second else { return Some(now) };
    let start = now.max(*free);
    let full = Duration::from_micros(QUEUE_BYTES * 8 * 1_000_000 / rate);
    if start - now > full {
        return None;
    }
    *free = start + Duration::from_micros(length as u64 * 8 * 1_000_000 / rate);
    Some(*free)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const DATA: Packet = Packet { destination: Ipv4Addr::LOCALHOST, ends: false };
    const END: Packet = Packet { destination: Ipv4Addr::LOCALHOST, ends: true };

    fn lines(now: Instant) -> Lines {
        Lines::new(3, Random::for_test("conditions"), now)
    }

    #[test]
    fn a_packet_takes_its_delay_and_a_slow_line_its_time() {
        let now = Instant::now();
        let mut lines = lines(now);
        let delay = Duration::from_millis(300);
        let conditions = Conditions { delay, slow: vec![(2, 64_000)], ..Conditions::default() };
        let mut judge = |pair| lines.judge(&conditions, pair, (DATA, 800), now);
        assert_eq!(judge((0, 1)), Fate::Arrives(now + delay));
        // 800 bytes are 100 ms at 64 kbit/s, and the second waits for the first; from whomever it comes.
        let ms = Duration::from_millis;
        assert_eq!(judge((0, 2)), Fate::Arrives(now + delay + ms(100)));
        assert_eq!(judge((1, 2)), Fate::Arrives(now + delay + ms(200)));
        assert_eq!(judge((2, 1)), Fate::Arrives(now + delay + ms(100)), "up is another line than down");
        let fates: Vec<Fate> = (0..100).map(|_| judge((0, 2))).collect();
        let overrun = fates.iter().filter(|fate| **fate == Fate::Overrun).count();
        assert!((50..65).contains(&overrun), "32 KiB wait, the rest is lost: {overrun}");
    }

    #[test]
    fn loss_is_what_it_is_said_to_be() {
        let now = Instant::now();
        let mut lines = lines(now);
        let conditions = Conditions { loss_permille: 50, ..Conditions::default() };
        let fates = (0..100_000).map(|_| lines.judge(&conditions, (0, 1), (DATA, 100), now));
        let lost = fates.filter(|fate| *fate == Fate::Lost).count();
        assert!((4_500..5_500).contains(&lost), "{lost} of 100,000");
    }

    #[test]
    fn a_cut_has_a_direction_and_mute_nodes_end_nothing() {
        let now = Instant::now();
        let mut lines = lines(now);
        let mut conditions = Conditions { mute: BTreeSet::from([2]), ..Conditions::default() };
        conditions.cut.insert((0, 1));
        let mut judge = |pair, packet| lines.judge(&conditions, pair, (packet, 100), now);
        assert_eq!(judge((0, 1), DATA), Fate::Cut);
        assert_eq!(judge((1, 0), DATA), Fate::Arrives(now));
        assert_eq!(judge((1, 0), END), Fate::Arrives(now));
        assert_eq!((judge((0, 2), END), judge((2, 0), END)), (Fate::Muted, Fate::Muted));
        assert_eq!(judge((0, 2), DATA), Fate::Arrives(now));
        conditions.cut.clear();
        conditions.part(&[0], &[1, 2]);
        assert_eq!(conditions.cut, BTreeSet::from([(0, 1), (1, 0), (0, 2), (2, 0)]));
    }
}
