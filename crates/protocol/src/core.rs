//! The core of a node: it owns the small machines and dispatches between them. It decides; it does nothing.
//!
//! Give it inputs with [`Core::handle`], call [`Core::handle_timeout`] when [`Core::poll_timeout`] says so, call
//! [`Core::commit`] once after a batch of inputs, and take outputs with [`Core::poll_output`] before and after the
//! commit: verdicts on pushes come before it, everything that tells of records only after it, since nothing is told
//! that is not durable. Every function that needs time takes it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ecomesh_record::{
    Frontier, LogId, MemberId, NetworkId, Position, RecordId, SignedFrontier, Time, frontier,
};
use ecomesh_seal::{SigningKey, StorageKey};
use thiserror::Error;

use crate::admission::Admission;
use crate::author::{Author, Standing};
use crate::blame::Blame;
use crate::delivery::{Deliveries, Proof};
use crate::disk::{Disk, DiskError};
use crate::evidence::{Evidence, EvidenceLog};
use crate::frontiers::Frontiers;
use crate::hello::Certificates;
use crate::io::{Alarm, AuthorError, Draft, Imported, Input, Now, Output, PeerKey, Recorded};
use crate::journal::Journal;
use crate::ledger::{Ledger, LedgerError, Room};
use crate::lives::Lives;
use crate::replica::Replica;
use crate::roster::Roster;
use crate::sync::Sync;
use crate::verify::{KeyRing, Verified};

mod bodies;
mod commit;
mod gate;
mod open;
mod receive;
mod serve;
mod status;

pub use status::{CoreStatus, Delivery, PeerStatus};

/// What a core needs to know about its node.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// The member whose node this is.
    pub member: MemberId,
    /// Random, new at each start.
    pub boot_nonce: [u8; 16],
    /// Random; for choices that need no secrecy.
    pub seed: u64,
    /// How long to ask peers for the own history before a generation is opened, in milliseconds.
    pub recovery_ms: u64,
}

/// The keys of a node.
pub struct Identity {
    /// Signs records, frontiers and the transport certificate.
    pub signing: SigningKey,
    /// The public transport key.
    pub transport_key: PeerKey,
    /// Counter of the transport certificate, raised with each change of that key.
    pub transport_counter: u64,
    /// Own bodies are in the journal under it.
    pub storage: StorageKey,
}

/// Why a core cannot start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The member is not in the roster.
    #[error("{0} is not a member of this network: join with the charter that names it")]
    NotAMember(MemberId),
    /// The key is not the member's.
    #[error("the signing key of this home is not the one that the charter names for {0}")]
    OtherKey(MemberId),
    /// The store cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The journal or the evidence cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// An own record that is in the journal but not yet in the store.
#[derive(Debug)]
struct Journaled {
    record: Arc<Verified>,
    ticket: Option<u64>,
    idempotency: [u8; 32],
    /// Its body is in the journal under another key.
    closed: bool,
}

/// The node's decisions. See the module's text for the order of calls.
pub struct Core<L, D> {
    config: CoreConfig,
    identity: Identity,
    network: NetworkId,
    roster: Roster,
    others: Vec<MemberId>,
    ring: Arc<KeyRing>,
    ledger: L,
    disk: D,

    replica: Replica,
    frontiers: Frontiers,
    sync: Sync,
    deliveries: Deliveries,
    lives: Lives,
    admission: Admission,
    blame: Blame,
    author: Author,
    journal: Journal,
    evidence: EvidenceLog,

    certificates: Certificates,
    /// Peers that are let in, with the nonce of their last hello.
    admitted: BTreeMap<PeerKey, (MemberId, [u8; 16])>,
    journaled: BTreeMap<Position, Journaled>,
    /// Members that have told what they hold since the node began to recover.
    asked_for_history: BTreeSet<MemberId>,
    pending_evidence: Vec<(Evidence, Vec<Proof>)>,
    /// Members whose word came, and whose evidence could not be written: it is asked for once more.
    unproved: BTreeSet<MemberId>,
    pending_imports: Vec<(u64, Imported)>,
    /// Up to here the journal was looked at for entries to release.
    release_after: Option<Position>,
    release_at: u64,
    over_budget: BTreeSet<MemberId>,

    counter: u64,
    counter_reserved: u64,
    /// The complete frontier, and the time in it.
    complete: Option<(SignedFrontier, Time)>,
    changed: BTreeSet<LogId>,
    holes_changed: bool,
    /// The last frontier covered nothing, since too many bodies were missing.
    covers_nothing: bool,
    delta_at: u64,

    walk: bodies::Walk,
    /// Something is to be destroyed, and too few others have said what time it is.
    asks_time: bool,
    /// Erasures of which the record is being written that says they are carried out, and when the next one may be.
    telling: Vec<RecordId>,
    tell_at: u64,

    room: Room,
    room_at: u64,
    housekeeping_at: u64,
    skew_told: bool,
    /// Members whose word is waited for without a link, as of the last housekeeping.
    unheard: BTreeSet<MemberId>,
    /// Of them, those that the shell was told to seek.
    sought: Vec<MemberId>,
    records: u64,
    outputs: VecDeque<Output>,
}

/// Frontier counters are reserved in blocks of this, so that a restart never goes back. They begin at the clock's
/// milliseconds and rise more slowly: where no reservation can be stored, the clock alone keeps them rising.
const COUNTER_BLOCK: u64 = 1_000;
/// For how long a complete frontier is handed out, in milliseconds.
const COMPLETE_MS: u64 = 60_000;
/// How often space is looked at while there is none, in milliseconds.
const ROOM_MS: u64 = 1_000;
/// How often clocks are compared and what is old is forgotten, in milliseconds.
const HOUSEKEEPING_MS: u64 = 10_000;

impl<L: Ledger, D: Disk> Core<L, D> {
    /// Takes one input. What it leads to is staged until [`Core::commit`]; verdicts on pushes come out at once.
    pub fn handle(&mut self, input: Input, now: Now) {
        let done = match input {
            Input::StrangerReached { peer } => self.say_hello(peer),
            Input::HelloReceived { peer, exchange, bytes } => {
                self.hello_received(peer, exchange, &bytes, now)
            }
            Input::HelloAnswered { peer, bytes } => self.hello_answered(peer, &bytes, now),
            Input::LinkUp { peer } => self.link_up(peer, now),
            Input::LinkDown { peer } => {
                self.sync.link_down(peer);
                Ok(())
            }
            Input::Pushed { token, from, report } => self.pushed(token, from, report, now),
            Input::Asked { peer, exchange, question } => self.asked(peer, exchange, question, now),
            Input::Answered { peer, request, answer } => self.answered(peer, request, answer, now),
            Input::AskFailed { peer, request } => {
                self.sync.landed(peer, request, now.mono, false);
                Ok(())
            }
            Input::Author { ticket, draft } => {
                self.submit(ticket, draft, now);
                Ok(())
            }
            Input::Import { ticket, records, refused } => self.import(ticket, records, refused, now),
            Input::BodyMissing { id } => {
                self.body_missing(id);
                Ok(())
            }
            Input::LedgerFailed { error } => Err(error),
            Input::Misbehaved { peer, reason } => {
                self.blame(peer, &reason, now);
                Ok(())
            }
        };
        self.check(done);
    }

    /// Does what is due by the clock.
    pub fn handle_timeout(&mut self, now: Now) {
        for (peer, request) in self.sync.tick(now.mono) {
            self.sync.landed(peer, request, now.mono, false);
        }
        if now.mono >= self.release_at {
            let done = self.release_journal(now);
            self.check(done);
        }
        if now.mono >= self.housekeeping_at {
            self.housekeeping_at = now.mono + HOUSEKEEPING_MS;
            let done = self.housekeeping(now);
            self.check(done);
        }
    }

    /// When [`Core::handle_timeout`] and [`Core::commit`] want to be called next, on the monotonic clock.
    pub fn poll_timeout(&self, now: Now) -> u64 {
        let mut at = self.housekeeping_at.min(self.release_at).min(self.sync.next_tick(now.mono));
        let news = !self.changed.is_empty() || self.holes_changed;
        if news || !self.sync.late(self.replica.forks().newest(), now.mono).is_empty() {
            at = at.min(self.delta_at);
        }
        if let Standing::Recovering(until) = self.author.standing()
            && self.room > Room::None
        {
            at = at.min(until);
        }
        if self.room < Room::Plenty {
            at = at.min(self.room_at);
        }
        at
    }

    /// The next effect.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The keys under which received bytes are verified now.
    pub fn ring(&self) -> Arc<KeyRing> {
        self.ring.clone()
    }

    /// The roster.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The store.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    /// Store and disk, for a start after this core has ended.
    pub fn into_parts(self) -> (L, D) {
        (self.ledger, self.disk)
    }

    fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn alarm(&mut self, alarm: Alarm) {
        self.output(Output::Alarm(alarm));
    }

    /// A store that cannot be read or synced ends the process; the next start repairs it.
    fn check(&mut self, done: Result<(), LedgerError>) {
        match done {
            Ok(()) | Err(LedgerError::Full) => {}
            Err(error) => self.output(Output::Fatal(error.to_string())),
        }
    }

    /// Blames a peer: closes its links and keeps them closed for a while.
    fn blame(&mut self, peer: PeerKey, reason: &str, now: Now) {
        if let Some(millis) = self.blame.blame(peer, reason, now.mono) {
            let member = self.admitted.get(&peer).map(|(member, _)| *member);
            self.output(Output::Block { peer, millis, reason: reason.to_owned() });
            self.alarm(Alarm::Blamed { member, millis, reason: reason.to_owned() });
        }
    }

    fn next_counter(&mut self) -> u64 {
        self.counter += 1;
        if self.counter + COUNTER_BLOCK / 2 > self.counter_reserved {
            self.counter_reserved = self.counter + COUNTER_BLOCK;
            let value = self.counter_reserved.to_be_bytes().to_vec();
            self.replica.stage_value(COUNTER_NAME.into(), value);
        }
        self.counter
    }

    /// A signed frontier of these logs, or of all.
    fn sign_frontier(
        &mut self,
        logs: Option<&BTreeSet<LogId>>,
        now: Now,
    ) -> Result<Option<SignedFrontier>, LedgerError> {
        let entries = match logs {
            None => self.replica.entries(&self.ledger)?,
            Some(logs) => {
                let logs: Vec<LogId> = logs.iter().copied().collect();
                self.replica.entries_of(&self.ledger, &logs)?.into_iter().flatten().collect()
            }
        };
        let frontier = Frontier {
            member: self.config.member,
            instance: self.ledger.instance(),
            counter: self.next_counter(),
            roster_epoch: self.roster.epoch(),
            time: now.wall,
            complete: logs.is_none(),
            entries,
            holes: self.replica.holes(),
            bodiless_lanes: Vec::new(),
        };
        let Ok(bytes) = frontier.encode() else { return Ok(None) };
        let hash = frontier::frontier_hash(self.network, &bytes);
        let signature = *self.identity.signing.sign_frontier(self.network, &hash).as_bytes();
        Ok(Some(SignedFrontier { bytes: bytes.into(), signature }))
    }

    /// The complete frontier, signed once after each change, and anew when the time in it is old: it also tells others
    /// what time it is here.
    fn complete_frontier(&mut self, now: Now) -> Result<Option<SignedFrontier>, LedgerError> {
        let is_new =
            |(_, at): &(SignedFrontier, Time)| difference(now.wall, *at).unsigned_abs() < COMPLETE_MS;
        if let Some((frontier, _)) = self.complete.as_ref().filter(|complete| is_new(complete)) {
            return Ok(Some(frontier.clone()));
        }
        let signed = self.sign_frontier(None, now)?;
        self.complete = signed.clone().map(|signed| (signed, now.wall));
        Ok(signed)
    }

    /// Digest of what is held here.
    fn holdings(&self) -> Result<[u8; 32], LedgerError> {
        let entries = self.replica.entries(&self.ledger)?;
        Ok(frontier::holdings(self.network, self.roster.epoch(), &entries, &self.replica.holes()))
    }

    /// What is held here has changed: frontiers made before no longer say it.
    fn touch(&mut self, log: LogId) {
        self.changed.insert(log);
        self.complete = None;
    }

    fn submit(&mut self, ticket: u64, draft: Box<Draft>, now: Now) {
        let no_more =
            self.own_generation().is_none() && self.replica.forks().is_discredited(self.config.member);
        let answer = match no_more {
            true => Err(AuthorError::Discredited),
            false => self.author.submit(&self.roster, ticket, draft, now),
        };
        if let Some(result) = answer.transpose() {
            self.authored(ticket, result);
        }
    }

    /// What became of a draft: of a client's, or of the node's own.
    fn authored(&mut self, ticket: u64, result: Result<Recorded, AuthorError>) {
        match ticket {
            bodies::TOLD_TICKET => self.told(&result),
            _ => self.output(Output::Authored { ticket, result }),
        }
    }

    fn own_generation(&self) -> Option<u32> {
        match self.author.standing() {
            Standing::Open(generation) => Some(generation),
            Standing::Recovering(_) => None,
        }
    }

    /// The node is no longer sure of its own history: it asks its peers, then opens the next generation.
    fn recover(&mut self, now: Now) {
        if self.own_generation().is_some() {
            self.author.recover(now.mono + self.config.recovery_ms);
            self.asked_for_history.clear();
            // A restart must not forget it. If this fails, the fork proof in the store says the same.
            let kept = self.journal.rebind(&mut self.disk, [0; 16]);
            if let Err(DiskError::SyncFailed { .. }) = &kept {
                let reason = kept.map_or_else(|error| error.to_string(), |()| String::new());
                self.output(Output::Fatal(reason));
            }
            let peers: Vec<PeerKey> = self.sync.links().map(|(peer, _)| peer).collect();
            peers.into_iter().for_each(|peer| self.sync.want_exchange(peer));
        }
    }

    fn clock_skew(&self, now: Now) -> Option<i64> {
        let median = self.frontiers.median_clock(now.wall, self.others.len())?;
        Some(difference(now.wall, median))
    }
}

/// `one − other` in milliseconds.
fn difference(one: Time, other: Time) -> i64 {
    i64::try_from(i128::from(one.0) - i128::from(other.0)).unwrap_or(i64::MAX)
}

/// Names of the small values that the core keeps in the ledger.
const COUNTER_NAME: &str = "frontier-counter";
pub(crate) const BYTES_PREFIX: &str = "bytes/";
const TRANSPORT_PREFIX: &str = "transport/";
