//! Blame: only for what no honest peer can send. It closes the link and keeps it closed for a while, never for good.

use std::collections::BTreeMap;

use crate::io::PeerKey;
use crate::limits::{BLAME_MS_MAX, BLAME_MS_MIN};

/// After this long without blame, a peer begins again at the shortest exclusion, in milliseconds.
const FORGIVEN_MS: u64 = 60 * 60 * 1000;
/// Most peers whose blame is remembered; strangers cannot fill memory by changing their keys.
const PEERS_MAX: usize = 4096;

/// What a peer has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How often it was blamed since it was last forgiven.
    pub count: u32,
    /// Until when it is excluded, on the monotonic clock.
    pub until: u64,
    /// What it did last.
    pub reason: String,
}

/// Who is excluded, and for how long.
#[derive(Debug, Default)]
pub struct Blame {
    peers: BTreeMap<PeerKey, Record>,
}

impl Blame {
    /// Blames a peer; returns for how many milliseconds it is excluded: 10 s at first, twice as long each time, at
    /// most 10 minutes. `None` if it is excluded already.
    pub fn blame(&mut self, peer: PeerKey, reason: &str, mono: u64) -> Option<u64> {
        if self.excluded_ms(peer, mono).is_some() {
            return None;
        }
        if self.peers.len() >= PEERS_MAX {
            self.peers.retain(|_, record| record.until + FORGIVEN_MS > mono);
        }
        let count = match self.peers.get(&peer) {
            Some(old) if mono < old.until + FORGIVEN_MS => old.count + 1,
            _ => 1,
        };
        let millis = (BLAME_MS_MIN << (count - 1).min(10)).min(BLAME_MS_MAX);
        if self.peers.len() < PEERS_MAX {
            self.peers.insert(peer, Record { count, until: mono + millis, reason: reason.to_owned() });
        }
        Some(millis)
    }

    /// For how many more milliseconds a peer is excluded.
    pub fn excluded_ms(&self, peer: PeerKey, mono: u64) -> Option<u64> {
        let record = self.peers.get(&peer)?;
        (mono < record.until).then(|| record.until - mono)
    }

    /// What a peer has done.
    pub fn of(&self, peer: PeerKey) -> Option<&Record> {
        self.peers.get(&peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusion_doubles_up_to_ten_minutes_and_is_forgiven() {
        let peer = PeerKey([1; 32]);
        let mut blame = Blame::default();
        let mut mono = 0;
        let mut times = Vec::new();
        for _ in 0..8 {
            let millis = blame.blame(peer, "garbage", mono).unwrap();
            assert_eq!(blame.blame(peer, "garbage", mono), None, "one exclusion at a time");
            times.push(millis / 1000);
            mono += millis;
        }
        assert_eq!(times, [10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(blame.excluded_ms(peer, mono), None, "never for good");
        mono += FORGIVEN_MS;
        assert_eq!(blame.blame(peer, "garbage", mono), Some(BLAME_MS_MIN));
    }
}
