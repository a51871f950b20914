//! What a node tells about itself: pure reads.

use std::sync::Arc;

use ecomesh_record::{ForkProof, Frontier, FrontierEntry, Lane, LogId, MemberId, NetworkId, Position, Time};

use super::{Core, difference};
use crate::author::Standing;
use crate::disk::Disk;
use crate::io::{Now, PeerKey};
use crate::ledger::{Ledger, LedgerError, Room};
use crate::limits::CLOCK_SKEW_MS;
use crate::lives::Term;
use crate::verify::Verified;

/// The node at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreStatus {
    /// Whose node it is.
    pub member: MemberId,
    /// The network.
    pub network: NetworkId,
    /// The generation in which it writes; `None` while it recovers.
    pub generation: Option<u32>,
    /// For how many more milliseconds it asks its peers for its own history.
    pub recovering_ms: Option<u64>,
    /// Whether it takes records.
    pub room: Room,
    /// Number of logs.
    pub logs: usize,
    /// Number of stored records.
    pub records: u64,
    /// Number of records whose body is missing or damaged.
    pub holes: usize,
    /// Number of records that wait for their predecessors.
    pub parked: usize,
    /// Records that were dropped from the park for want of room, since the start.
    pub parked_dropped: u64,
    /// Pushed records left to the pull by quotas, since the start.
    pub deferred: u64,
    /// Names the store.
    pub instance: [u8; 16],
    /// Counter of the newest own frontier.
    pub frontier_counter: u64,
    /// How far the own clock is from the median of the peers', in milliseconds; needs half of them.
    pub clock_skew_ms: Option<i64>,
    /// Logs that have forked.
    pub disputed: Vec<LogId>,
}

/// One other member, as seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// The member.
    pub member: MemberId,
    /// The transport key of its node, if it was met.
    pub peer: Option<PeerKey>,
    /// Whether there is a full link.
    pub connected: bool,
    /// Records that are here and, by its last word, not there.
    pub behind: u64,
    /// Records that are there and not here.
    pub ahead: u64,
    /// When its last frontier came, by its own or another's way.
    pub last_frontier_at: Option<Time>,
    /// How far the clock in it was from ours then, in milliseconds: of a frontier that was passed on, its age counts too.
    pub clock_skew_ms: Option<i64>,
    /// For how many more milliseconds it is cut off.
    pub blocked_ms: Option<u64>,
    /// How often it was blamed since it was last forgiven.
    pub blame_count: u32,
    /// What it did last.
    pub last_blame: Option<String>,
    /// Whether its messages are not pulled because of its budget.
    pub over_budget: bool,
}

impl PeerStatus {
    /// The time of its last word, if all that it says it holds is here: what it held until then is here. `None` if something
    /// is missing. It is the earlier of its clock and ours: a frontier that another member passes on, or that was long on
    /// its way, comes days after it was signed, and says nothing of these days. How old the word of a clock is that runs
    /// ahead cannot be told, so it does not count.
    pub fn caught_up_at(&self) -> Option<Time> {
        let heard = self.last_frontier_at.filter(|_| self.ahead == 0)?;
        let skew = self.clock_skew_ms.filter(|skew| *skew <= CLOCK_SKEW_MS.cast_signed())?;
        Some(Time(heard.0.saturating_add_signed(skew.min(0))))
    }
}

/// Who has an own record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Members whose frontiers cover it.
    pub held_by: Vec<MemberId>,
    /// Number of other members in the network.
    pub members: usize,
    /// Each addressee, with the time at which its delivery was proved.
    pub delivered: Vec<(MemberId, Option<Time>)>,
}

impl<L: Ledger, D: Disk> Core<L, D> {
    /// The node at a glance.
    pub fn status(&self, now: Now) -> CoreStatus {
        CoreStatus {
            member: self.config.member,
            network: self.network,
            generation: self.own_generation(),
            recovering_ms: match self.author.standing() {
                Standing::Open(_) => None,
                Standing::Recovering(until) => Some(until.saturating_sub(now.mono)),
            },
            room: self.room,
            logs: self.replica.logs().count(),
            records: self.records,
            holes: self.replica.holes().len(),
            parked: self.replica.park().len(),
            parked_dropped: self.replica.park().dropped(),
            deferred: self.admission.deferred(),
            instance: self.ledger.instance(),
            frontier_counter: self.counter,
            clock_skew_ms: self.clock_skew(now),
            disputed: self.replica.forks().iter().map(|proof| proof.position().log).collect(),
        }
    }

    /// All other members.
    pub fn peers(&self, now: Now) -> Vec<PeerStatus> {
        self.others.iter().map(|member| self.peer(*member, now)).collect()
    }

    fn peer(&self, member: MemberId, now: Now) -> PeerStatus {
        let peer = self.admitted.iter().find(|(_, (m, _))| *m == member).map(|(peer, _)| *peer);
        let known = self.frontiers.of(member);
        let (behind, ahead) = self.distance(member);
        let blame = peer.and_then(|peer| self.blame.of(peer));
        PeerStatus {
            member,
            peer,
            connected: peer.is_some_and(|peer| self.sync.is_linked(peer)),
            behind,
            ahead,
            last_frontier_at: known.map(crate::frontiers::Known::heard_at),
            clock_skew_ms: known.map(|known| difference(known.said_at(), known.heard_at())),
            blocked_ms: peer.and_then(|peer| self.blame.excluded_ms(peer, now.mono)),
            blame_count: blame.map_or(0, |blame| blame.count),
            last_blame: blame.map(|blame| blame.reason.clone()),
            over_budget: self.over_budget.contains(&member),
        }
    }

    /// Records that we hold and `member` lacks, and the reverse.
    fn distance(&self, member: MemberId) -> (u64, u64) {
        let Some(known) = self.frontiers.of(member) else { return (self.records, 0) };
        let theirs = |log| known.seq(log).map_or(0, |seq| seq.saturating_add(1));
        let ours = |log| {
            let end = self.replica.durable_end(log).next;
            self.replica.disputed_from(log).map_or(end, |from| from.min(end))
        };
        let behind = self.replica.logs().map(|log| ours(log).saturating_sub(theirs(log)));
        let ahead = known.entries().map(|e| e.seq.saturating_add(1).saturating_sub(ours(e.log)));
        (behind.fold(0, u64::saturating_add), ahead.fold(0, u64::saturating_add))
    }

    /// The own complete frontier, unsigned.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn frontier(&self, now: Now) -> Result<Frontier, LedgerError> {
        Ok(Frontier {
            member: self.config.member,
            instance: self.ledger.instance(),
            counter: self.counter,
            roster_epoch: self.roster.epoch(),
            time: now.wall,
            complete: true,
            entries: self.replica.entries(&self.ledger)?,
            holes: self.replica.holes(),
            bodiless_lanes: Vec::new(),
        })
    }

    /// What another member holds by its last word.
    pub fn frontier_of(&self, member: MemberId) -> Option<Vec<FrontierEntry>> {
        Some(self.frontiers.of(member)?.entries().collect())
    }

    /// Who has an own document; `None` if there is no such record.
    pub fn delivery(&self, position: Position) -> Option<Delivery> {
        if position.log.author != self.config.member || position.log.lane == Lane::CONTROL {
            return None;
        }
        let found = self.ledger.headers(position.log, position.seq, 1).ok()?;
        let record = found.first().filter(|record| record.position() == position)?;
        // Whoever holds the record since its body ended has not got what it says.
        let term = Term::of(record);
        let erased = self.lives.erasure_of(&term).map(|(_, e)| e.written_at);
        let expired = self.lives.expiry(&term);
        let end = erased.into_iter().chain(expired).min().unwrap_or(Time(u64::MAX));
        let delivered = self.deliveries.of(record.header(), end, &self.others);
        let held_by = self.holders(record);
        Some(Delivery { held_by, members: self.others.len(), delivered })
    }

    /// All fork proofs.
    pub fn forks(&self) -> Vec<ForkProof> {
        self.replica.forks().iter().cloned().collect()
    }

    /// Records that came before their predecessors: shown as early, not held.
    pub fn early(&self) -> Vec<Arc<Verified>> {
        self.replica.park().iter().cloned().collect()
    }
}
