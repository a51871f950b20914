//! What the other members hold, by their own signed word: the newest frontier of each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ecomesh_record::limits::FRONTIER_ENTRIES_MAX;
use ecomesh_record::{FrontierEntry, LogId, MemberId, Position, RecordId, SignedFrontier, Time};

use crate::limits::{THIRD_FRONTIERS_BYTES_MAX, THIRD_FRONTIERS_MAX};
use crate::verify::VerifiedFrontier;
use crate::wire::Waiting;

/// Deltas of one member that are kept to be passed on.
const DELTAS_KEPT: usize = 16;

/// What is known of one member.
#[derive(Debug, Default)]
pub struct Known {
    instance: [u8; 16],
    counter: u64,
    hash_of_newest: Option<SignedFrontier>,
    said_at: Time,
    heard_at: Time,
    entries: BTreeMap<LogId, (u64, RecordId)>,
    holes: BTreeSet<RecordId>,
    /// The newest complete frontier as it was signed, with its counter, and the deltas after it.
    complete: Option<(u64, SignedFrontier)>,
    deltas: VecDeque<(u64, SignedFrontier)>,
}

/// What a frontier brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is newer than what was known.
    New,
    /// Nothing new.
    Old,
    /// It contradicts another frontier with the same counter of the same instance: its member is to blame.
    Contradicts,
}

impl Known {
    /// Up to where this member holds a log.
    pub fn seq(&self, log: LogId) -> Option<u64> {
        self.entries.get(&log).map(|(seq, _)| *seq)
    }

    /// The entries, ascending by log.
    pub fn entries(&self) -> impl Iterator<Item = FrontierEntry> {
        self.entries.iter().map(|(log, (seq, head))| FrontierEntry { log: *log, seq: *seq, head: *head })
    }

    /// Whether this member holds the record at a position.
    pub fn holds(&self, position: Position, id: RecordId) -> bool {
        self.seq(position.log).is_some_and(|seq| seq >= position.seq) && !self.holes.contains(&id)
    }

    /// Whether this member says that it lacks this record.
    pub fn lacks(&self, id: RecordId) -> bool {
        self.holes.contains(&id)
    }

    /// The records that it lacks.
    pub fn holes(&self) -> &BTreeSet<RecordId> {
        &self.holes
    }

    /// The member's clock in its newest frontier.
    pub fn said_at(&self) -> Time {
        self.said_at
    }

    /// This node's clock when that came.
    pub fn heard_at(&self) -> Time {
        self.heard_at
    }

    fn take(&mut self, verified: &VerifiedFrontier, direct: bool, now: Time) -> Taken {
        let frontier = verified.frontier();
        if frontier.instance == self.instance {
            if frontier.counter < self.counter {
                return Taken::Old;
            }
            if let (true, Some(newest)) = (frontier.counter == self.counter, &self.hash_of_newest) {
                let same = newest.bytes == verified.signed().bytes;
                return if same { Taken::Old } else { Taken::Contradicts };
            }
        } else if frontier.time < self.said_at && !direct {
            // A frontier of an older store, passed on late.
            return Taken::Old;
        } else {
            *self = Self { instance: frontier.instance, ..Self::default() };
        }
        self.counter = frontier.counter;
        self.hash_of_newest = Some(verified.signed().clone());
        self.said_at = frontier.time;
        self.heard_at = now;
        self.holes = frontier.holes.iter().copied().collect();
        self.keep(verified);
        Taken::New
    }

    fn keep(&mut self, verified: &VerifiedFrontier) {
        let frontier = verified.frontier();
        if frontier.complete {
            self.entries.clear();
            self.deltas.clear();
            self.complete = Some((frontier.counter, verified.signed().clone()));
        } else {
            self.deltas.push_back((frontier.counter, verified.signed().clone()));
            if self.deltas.len() > DELTAS_KEPT {
                self.deltas.pop_front();
            }
        }
        self.entries.extend(frontier.entries.iter().map(|e| (e.log, (e.seq, e.head))));
        while self.entries.len() > FRONTIER_ENTRIES_MAX {
            self.entries.pop_last();
        }
    }
}

/// The newest frontiers of all other members.
#[derive(Debug, Default)]
pub struct Frontiers {
    members: BTreeMap<MemberId, Known>,
}

impl Frontiers {
    /// Takes a frontier. `direct`: it came over its member's own link, and is no old one passed on late.
    pub fn take(&mut self, verified: &VerifiedFrontier, direct: bool, now: Time) -> Taken {
        self.members.entry(verified.frontier().member).or_default().take(verified, direct, now)
    }

    /// What is known of a member.
    pub fn of(&self, member: MemberId) -> Option<&Known> {
        self.members.get(&member)
    }

    /// All members of which something is known.
    pub fn iter(&self) -> impl Iterator<Item = (MemberId, &Known)> {
        self.members.iter().map(|(member, known)| (*member, known))
    }

    /// Members whose frontier covers a record.
    pub fn holders(&self, position: Position, id: RecordId) -> Vec<MemberId> {
        self.iter().filter(|(_, known)| known.holds(position, id)).map(|(member, _)| member).collect()
    }

    /// Highest generation of `author`, up to `bound`, that any member's frontier shows.
    pub fn highest_generation(&self, author: MemberId, bound: u32) -> Option<u32> {
        let logs = self.members.values().flat_map(|known| known.entries.keys());
        let generations = logs.filter(|log| log.author == author).map(|log| log.generation);
        generations.filter(|generation| *generation <= bound).max()
    }

    /// What to say in an exchange when a newer frontier of `member` is wanted.
    pub fn waiting(&self, member: MemberId) -> Waiting {
        match self.members.get(&member) {
            Some(known) => Waiting { member, instance: known.instance, counter: known.counter },
            None => Waiting::anything(member),
        }
    }

    /// Frontiers that are newer than what an asker has, as they were signed; bounded in number and bytes.
    pub fn newer_than(&self, waiting: &[Waiting]) -> Vec<SignedFrontier> {
        let mut found: Vec<SignedFrontier> = Vec::new();
        let mut bytes = 0;
        for wanted in waiting {
            let Some(known) = self.members.get(&wanted.member) else { continue };
            let after = if known.instance == wanted.instance { Some(wanted.counter) } else { None };
            let newer = known.complete.iter().chain(&known.deltas);
            for (_, signed) in newer.filter(|(counter, _)| after.is_none_or(|after| *counter > after)) {
                bytes += signed.bytes.len() + 80;
                if found.len() >= THIRD_FRONTIERS_MAX || bytes > THIRD_FRONTIERS_BYTES_MAX {
                    return found;
                }
                found.push(signed.clone());
            }
        }
        found
    }

    /// The median of the clocks in the frontiers heard in the last hour, moved on by the time since; at least half
    /// of `others` must have spoken.
    pub fn median_clock(&self, now: Time, others: usize) -> Option<Time> {
        let recent = |known: &&Known| now.since(known.heard_at) < 60 * 60 * 1000;
        let mut clocks: Vec<Time> = self
            .members
            .values()
            .filter(recent)
            .map(|known| known.said_at.after(now.since(known.heard_at)))
            .collect();
        clocks.sort_unstable();
        let enough = others > 0 && clocks.len() * 2 >= others;
        if enough { clocks.get(clocks.len() / 2).copied() } else { None }
    }
}
