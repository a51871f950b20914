//! The fork proofs, and what they make disputed.
//!
//! One proof for each forked log is kept, the one with the lowest position: from there on the log is disputed. A member
//! that forks log after log would fill any store of proofs, so an author's logs have an order, by generation and lane,
//! and only the proofs of its first [`FORKED_LOGS_MAX`] forked logs are kept. Every log behind the last of these is
//! disputed as a whole, forked or not: who signed that many contradictions is not believed any more. Which proofs are
//! kept depends on the set of proofs alone and not on the order in which they came, so all nodes that have the same
//! proofs dispute the same, and what was disputed stays so (docs/PROTOCOL.md, section 12).

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_record::{ForkProof, Lane, LogId, MemberId};

use crate::limits::FORKED_LOGS_MAX;

/// All fork proofs that are kept.
#[derive(Clone, Debug, Default)]
pub struct Forks {
    proofs: BTreeMap<LogId, (u64, ForkProof)>,
    /// The forked logs by the numbers under which their proofs came.
    arrivals: BTreeMap<u64, LogId>,
    by_author: BTreeMap<MemberId, BTreeSet<(u32, Lane)>>,
}

impl Forks {
    /// Learns a true proof. Returns whether it makes more disputed than before.
    pub fn learn(&mut self, proof: ForkProof) -> bool {
        let position = proof.position();
        if self.disputed_from(position.log).is_some_and(|from| from <= position.seq) {
            return false;
        }
        // Before a replaced proof is forgotten: no number is ever given twice.
        let number = self.newest() + 1;
        self.forget(position.log);
        self.arrivals.insert(number, position.log);
        self.proofs.insert(position.log, (number, proof));
        let places = self.by_author.entry(position.log.author).or_default();
        places.insert(place(position.log));
        if places.len() > FORKED_LOGS_MAX
            && let Some((generation, lane)) = places.pop_last()
        {
            self.forget(LogId { author: position.log.author, lane, generation });
        }
        true
    }

    /// From where on a log is disputed.
    pub fn disputed_from(&self, log: LogId) -> Option<u64> {
        let places = self.by_author.get(&log.author)?;
        if let Some((_, proof)) = self.proofs.get(&log) {
            return Some(proof.position().seq);
        }
        let behind_all = places.last().is_some_and(|last| *last < place(log));
        (places.len() >= FORKED_LOGS_MAX && behind_all).then_some(0)
    }

    /// Whether so many logs of an author have forked that no later one is believed.
    pub fn is_discredited(&self, author: MemberId) -> bool {
        self.by_author.get(&author).is_some_and(|places| places.len() >= FORKED_LOGS_MAX)
    }

    /// All proofs, by their logs.
    pub fn iter(&self) -> impl Iterator<Item = &ForkProof> {
        self.proofs.values().map(|(_, proof)| proof)
    }

    /// The first `max` proofs that came after the one of this number, in the order in which they came, each with its
    /// own; numbers begin at 1.
    pub fn after(&self, number: u64, max: usize) -> impl Iterator<Item = (u64, &ForkProof)> {
        let newer = self.arrivals.range(number.saturating_add(1)..);
        newer.filter_map(|(number, log)| Some((*number, &self.proofs.get(log)?.1))).take(max)
    }

    /// The number of the proof that came last; 0 without any.
    pub fn newest(&self) -> u64 {
        self.arrivals.last_key_value().map_or(0, |(number, _)| *number)
    }

    fn forget(&mut self, log: LogId) {
        if let Some((number, _)) = self.proofs.remove(&log) {
            self.arrivals.remove(&number);
        }
    }
}

impl FromIterator<ForkProof> for Forks {
    fn from_iter<I: IntoIterator<Item = ForkProof>>(proofs: I) -> Self {
        let mut forks = Self::default();
        for proof in proofs {
            forks.learn(proof);
        }
        forks
    }
}

/// Where a log stands among those of its author.
fn place(log: LogId) -> (u32, Lane) {
    (log.generation, log.lane)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use ecomesh_record::HeaderHash;

    fn log(author: &str, generation: u32, lane: u8) -> LogId {
        LogId { author: MemberId::parse(author).unwrap(), lane: Lane::new(lane).unwrap(), generation }
    }

    fn proof(log: LogId, seq: u64) -> ForkProof {
        let side = |n| (HeaderHash([n; 32]), [n; 64]);
        ForkProof::new(log.at(seq), side(1), side(2)).unwrap()
    }

    /// Proofs of more logs than are kept, some of them twice.
    fn many() -> Vec<ForkProof> {
        let logs = (0..30).flat_map(|generation| (0..4).map(move |lane| log("KE", generation * 3, lane)));
        let mut proofs: Vec<ForkProof> = logs.map(|log| proof(log, 5)).collect();
        proofs.extend((0..10).map(|generation| proof(log("KE", generation * 3, 1), 2)));
        proofs
    }

    fn shuffled(mut proofs: Vec<ForkProof>, seed: u64) -> Vec<ForkProof> {
        let mut rng = Rng::new(seed);
        for n in (1..proofs.len()).rev() {
            proofs.swap(n, usize::try_from(rng.below(n as u64 + 1)).unwrap());
        }
        proofs
    }

    #[test]
    fn the_lowest_proof_of_a_log_counts() {
        let mut forks = Forks::default();
        let forked = log("KE", 0, 1);
        assert!(forks.learn(proof(forked, 7)));
        assert!(!forks.learn(proof(forked, 7)) && !forks.learn(proof(forked, 8)));
        assert!(forks.learn(proof(forked, 3)));
        assert_eq!(forks.disputed_from(forked), Some(3));
        for other in [log("KE", 0, 0), log("KE", 0, 2), log("KE", 9, 1), log("TZ", 0, 1)] {
            assert_eq!(forks.disputed_from(other), None, "{other}");
        }
        assert_eq!(forks.iter().count(), 1);
    }

    #[test]
    fn every_order_of_arrival_disputes_the_same_and_never_less_than_before() {
        let logs: Vec<LogId> =
            (0..100).flat_map(|generation| (0..4).map(move |lane| log("KE", generation, lane))).collect();
        let disputed = |forks: &Forks| logs.iter().map(|log| forks.disputed_from(*log)).collect::<Vec<_>>();
        let end = disputed(&many().into_iter().collect());
        for seed in 0..50 {
            let mut forks = Forks::default();
            let mut before = disputed(&forks);
            for proof in shuffled(many(), seed) {
                let news = forks.learn(proof);
                let now = disputed(&forks);
                let grew = before.iter().zip(&now).all(|(before, now)| match (before, now) {
                    (None, _) => true,
                    (Some(before), Some(now)) => now <= before,
                    (Some(_), None) => false,
                });
                assert!(grew, "seed {seed}");
                assert_eq!(news, before != now, "seed {seed}");
                before = now;
            }
            assert_eq!(before, end, "seed {seed}");
            assert_eq!(forks.iter().count(), FORKED_LOGS_MAX);
        }
    }

    #[test]
    fn a_member_that_forks_everything_leaves_room_for_the_others() {
        let mut forks: Forks = many().into_iter().collect();
        assert!(forks.is_discredited(MemberId::parse("KE").unwrap()));
        assert!(!forks.is_discredited(MemberId::parse("TZ").unwrap()));
        assert_eq!(forks.disputed_from(log("KE", u32::MAX, 0)), Some(0));
        assert!(forks.learn(proof(log("TZ", 0, 3), 0)));
        assert_eq!(forks.disputed_from(log("TZ", 0, 3)), Some(0));
        assert_eq!(forks.disputed_from(log("TZ", 1, 0)), None);
    }

    #[test]
    fn a_lower_proof_in_place_of_the_newest_is_news_to_those_who_have_that() {
        let mut forks: Forks = [proof(log("KE", 0, 1), 7)].into_iter().collect();
        let told = forks.newest();
        forks.learn(proof(log("KE", 0, 1), 3));
        let news: Vec<u64> = forks.after(told, 64).map(|(_, proof)| proof.position().seq).collect();
        assert_eq!(news, [3]);
    }

    #[test]
    fn whoever_asks_for_what_came_later_gets_each_proof_that_is_kept() {
        for seed in 0..20 {
            let mut forks = Forks::default();
            let mut told = Forks::default();
            let mut number = 0;
            for proof in shuffled(many(), seed) {
                forks.learn(proof);
                if forks.newest().is_multiple_of(7) {
                    for (next, proof) in forks.after(number, 3).collect::<Vec<_>>() {
                        number = next;
                        told.learn(proof.clone());
                    }
                }
            }
            while number < forks.newest() {
                for (next, proof) in forks.after(number, 64).collect::<Vec<_>>() {
                    number = next;
                    told.learn(proof.clone());
                }
            }
            let all = |forks: &Forks| forks.iter().cloned().collect::<Vec<_>>();
            assert_eq!(all(&told), all(&forks), "seed {seed}");
            assert_eq!(forks.after(number, 64).count(), 0);
        }
    }
}
