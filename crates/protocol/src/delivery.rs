//! Delivery, honestly told: a record is delivered to an addressee when that addressee's own signed frontier covers
//! it without a hole. Kept with its evidence, never unsaid.
//!
//! A frontier covers a log up to some place, so what is proved is kept in the same way: for each member and log, up to
//! where and since when. Records are remembered one by one only while they are on their way: a bureau's delivered
//! messages of many years take no memory here.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_record::{Header, LogId, MemberId, Position, RecordId, Time};

use crate::verify::VerifiedFrontier;

/// One own document that is still on its way to somebody.
#[derive(Debug)]
struct Open {
    id: RecordId,
    /// When its body expires: whoever holds the record later has not got what it says.
    ends_at: Time,
    /// Number of addressees whose word is missing.
    missing: usize,
}

/// What one member's frontiers have proved of one own log.
#[derive(Debug, Default)]
struct Covered {
    /// Up to where, and since when; both ascend.
    steps: Vec<(u64, Time)>,
    /// Records below that were listed as holes when they were covered, and when they no longer were.
    late: BTreeMap<u64, Option<Time>>,
}

/// A delivery that has just been proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The record.
    pub id: RecordId,
    /// Its place.
    pub position: Position,
    /// The addressee.
    pub member: MemberId,
}

/// What a frontier proves of one own log: all that is on its way to this member up to `seq`, without the holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whose frontier it is.
    pub member: MemberId,
    /// The own log.
    pub log: LogId,
    /// Up to here.
    pub seq: u64,
    /// Places at or below `seq` whose body the member says it lacks.
    pub holes: BTreeSet<u64>,
}

/// All own documents that are on their way, and what was proved of those that arrived.
#[derive(Debug, Default)]
pub struct Deliveries {
    open: BTreeMap<Position, Open>,
    pending: BTreeMap<MemberId, BTreeSet<Position>>,
    covered: BTreeMap<(MemberId, LogId), Covered>,
}

impl Deliveries {
    /// Begins to follow an own record, unless it has arrived everywhere. `members` are all others, for records that
    /// name nobody. `ends_at`: when its body expires.
    pub fn follow(&mut self, header: &Header, id: RecordId, ends_at: Time, members: &[MemberId]) {
        if header.kind.is_control() {
            return;
        }
        let position = header.position();
        let mut missing = 0;
        for member in addressees(header, members) {
            if self.proved_at(*member, position).is_none() {
                self.pending.entry(*member).or_default().insert(position);
                missing += 1;
            }
        }
        if missing > 0 {
            self.open.insert(position, Open { id, ends_at, missing });
        }
    }

    /// The body of an own record expires later now.
    pub fn extend(&mut self, position: Position, ends_at: Time) {
        if let Some(open) = self.open.get_mut(&position) {
            open.ends_at = ends_at;
        }
    }

    /// The body of an own record was erased: nobody gets it any more.
    pub fn withdraw(&mut self, position: Position) {
        if self.open.remove(&position).is_some() {
            for pending in self.pending.values_mut() {
                pending.remove(&position);
            }
        }
    }

    /// Follows no more what has expired by this time.
    pub fn forget_expired(&mut self, now: Time) {
        let expired: Vec<Position> =
            self.open.iter().filter(|(_, open)| open.ends_at <= now).map(|(position, _)| *position).collect();
        expired.into_iter().for_each(|position| self.withdraw(position));
    }

    /// What a frontier proves that was not proved before. Changes nothing: see [`Deliveries::prove`].
    ///
    /// `id_at` gives the id of the own record at a place: a head that is not ours is another branch, or goes on beyond
    /// what is here, and proves nothing.
    pub fn proofs<E>(
        &self,
        verified: &VerifiedFrontier,
        id_at: impl Fn(Position) -> Result<Option<RecordId>, E>,
    ) -> Result<Vec<Proof>, E> {
        let frontier = verified.frontier();
        let Some(pending) = self.pending.get(&frontier.member) else { return Ok(Vec::new()) };
        let mut proofs = Vec::new();
        for entry in &frontier.entries {
            let (from, to) = (entry.log.at(0), entry.log.at(entry.seq));
            if pending.range(from..=to).next().is_none() {
                continue;
            }
            let own = match self.open.get(&to) {
                Some(open) => Some(open.id),
                None => id_at(to)?,
            };
            if own != Some(entry.head) {
                continue;
            }
            let is_hole = |position: &&Position| {
                let id = self.open.get(position).map(|open| open.id);
                id.is_some_and(|id| frontier.holes.binary_search(&id).is_ok())
            };
            let covered = pending.range(from..=to);
            let holes: BTreeSet<u64> = covered.clone().filter(is_hole).map(|p| p.seq).collect();
            if covered.count() > holes.len() {
                proofs.push(Proof { member: frontier.member, log: entry.log, seq: entry.seq, holes });
            }
        }
        Ok(proofs)
    }

    /// Notes what was proved, once its evidence is durable. Returns the deliveries that are news.
    pub fn prove(&mut self, proof: &Proof, at: Time) -> Vec<Proved> {
        self.covered.entry((proof.member, proof.log)).or_default().note(proof, at);
        let Some(pending) = self.pending.get_mut(&proof.member) else { return Vec::new() };
        let covered = pending.range(proof.log.at(0)..=proof.log.at(proof.seq));
        let arrived: Vec<Position> = covered.filter(|p| !proof.holes.contains(&p.seq)).copied().collect();
        for position in &arrived {
            pending.remove(position);
        }
        arrived.into_iter().filter_map(|position| self.arrived(proof.member, position, at)).collect()
    }

    /// Notes again what a frontier in the evidence has proved, when the node starts and follows nothing yet.
    pub fn replay(&mut self, proof: &Proof, at: Time) {
        self.covered.entry((proof.member, proof.log)).or_default().note(proof, at);
    }

    /// The first place of an own log that not all of these members have proved.
    pub fn first_unproved(&self, log: LogId, members: &[MemberId]) -> u64 {
        let of = |member: &MemberId| self.covered.get(&(*member, log)).map_or(0, Covered::first_unproved);
        members.iter().map(of).min().unwrap_or(0)
    }

    fn arrived(&mut self, member: MemberId, position: Position, at: Time) -> Option<Proved> {
        let open = self.open.get_mut(&position)?;
        let (id, in_time) = (open.id, at < open.ends_at);
        open.missing -= 1;
        if open.missing == 0 {
            self.open.remove(&position);
        }
        in_time.then_some(Proved { id, position, member })
    }

    /// Each addressee of an own document, with the time at which its delivery was proved, if that was before `end`, at
    /// which its body was erased or expired. `members` are all others.
    pub fn of(&self, header: &Header, end: Time, members: &[MemberId]) -> Vec<(MemberId, Option<Time>)> {
        let proved = |member: &MemberId| self.proved_at(*member, header.position()).filter(|at| *at < end);
        addressees(header, members).iter().map(|member| (*member, proved(member))).collect()
    }

    /// Members to whom something is still on its way.
    pub fn waiting_for(&self) -> impl Iterator<Item = MemberId> {
        self.pending.iter().filter(|(_, open)| !open.is_empty()).map(|(member, _)| *member)
    }

    fn proved_at(&self, member: MemberId, position: Position) -> Option<Time> {
        self.covered.get(&(member, position.log))?.at(position.seq)
    }
}

impl Covered {
    fn note(&mut self, proof: &Proof, at: Time) {
        let before = self.steps.last().map(|(seq, _)| *seq);
        for seq in &proof.holes {
            if before.is_none_or(|before| *seq > before) {
                self.late.insert(*seq, None);
            }
        }
        for (seq, since) in self.late.range_mut(..=proof.seq) {
            if since.is_none() && !proof.holes.contains(seq) {
                *since = Some(at);
            }
        }
        if before.is_none_or(|before| proof.seq > before) {
            self.steps.push((proof.seq, at));
        }
    }

    fn first_unproved(&self) -> u64 {
        let hole = self.late.iter().find(|(_, since)| since.is_none()).map(|(seq, _)| *seq);
        let next = self.steps.last().map_or(0, |(seq, _)| seq.saturating_add(1));
        hole.map_or(next, |hole| hole.min(next))
    }

    fn at(&self, seq: u64) -> Option<Time> {
        if let Some(since) = self.late.get(&seq) {
            return *since;
        }
        let step = self.steps.partition_point(|(up_to, _)| *up_to < seq);
        self.steps.get(step).map(|(_, at)| *at)
    }
}

fn addressees<'a>(header: &'a Header, members: &'a [MemberId]) -> &'a [MemberId] {
    if header.to.is_empty() { members } else { &header.to }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecomesh_record::Lane;

    fn proof(seq: u64, holes: &[u64]) -> Proof {
        let member = MemberId::parse("TZ").unwrap();
        let log = LogId { author: MemberId::parse("KE").unwrap(), lane: Lane::MESSAGES, generation: 0 };
        Proof { member, log, seq, holes: holes.iter().copied().collect() }
    }

    #[test]
    fn the_first_word_that_covers_a_record_counts() {
        let mut covered = Covered::default();
        covered.note(&proof(3, &[]), Time(10));
        covered.note(&proof(3, &[]), Time(20));
        covered.note(&proof(7, &[]), Time(30));
        assert_eq!(
            [0, 3, 4, 7, 8].map(|seq| covered.at(seq).map(|t| t.0)),
            [Some(10), Some(10), Some(30), Some(30), None]
        );
        assert_eq!(covered.first_unproved(), 8);
    }

    #[test]
    fn a_hole_is_delivered_when_it_is_filled() {
        let mut covered = Covered::default();
        covered.note(&proof(5, &[2]), Time(10));
        assert_eq!((covered.at(1), covered.at(2)), (Some(Time(10)), None));
        assert_eq!(covered.first_unproved(), 2);
        // A hole at a place that was proved before is damage since, and takes nothing back.
        covered.note(&proof(6, &[2, 4]), Time(20));
        assert_eq!((covered.at(4), covered.at(2)), (Some(Time(10)), None));
        covered.note(&proof(6, &[4]), Time(30));
        assert_eq!((covered.at(2), covered.first_unproved()), (Some(Time(30)), 7));
    }
}
