//! The start: what the ledger and the journal say decides whether the node may write at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ecomesh_record::{Lane, LogId, MemberId, NetworkId, Time};

use ecomesh_seal::StorageKey;

use super::bodies::Walk;
use super::gate::decode_certificate;
use super::{BYTES_PREFIX, COUNTER_NAME, Core, CoreConfig, Identity, OpenError, TRANSPORT_PREFIX};
use crate::admission::Admission;
use crate::author::{Author, IDEMPOTENCY_PREFIX, Standing, decode_remembered};
use crate::blame::Blame;
use crate::delivery::{Deliveries, Proof};
use crate::disk::Disk;
use crate::evidence::{self, EvidenceLog};
use crate::frontiers::Frontiers;
use crate::io::{Alarm, Now};
use crate::journal::{self, Content, JOURNAL, Journal};
use crate::ledger::{Ledger, LedgerError, LogHead, Room};
use crate::limits::PAGE_RECORDS_MAX;
use crate::lives::{ERASURE_PREFIX, EXTENSION_PREFIX, Lives};
use crate::replica::{End, Replica};
use crate::roster::Roster;
use crate::sync::Sync;
use crate::verify::{KeyRing, VerifiedFrontier, verify_frontier, verify_record};

/// Where a journal that cannot be used is kept, for people to look at.
const JOURNAL_ASIDE: &str = "journal.damaged";

impl<L: Ledger, D: Disk> Core<L, D> {
    /// Starts from what is on the disk.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed but a torn tail cut, or a damaged journal set aside.
    pub fn open(
        config: CoreConfig,
        identity: Identity,
        roster: Roster,
        ledger: L,
        mut disk: D,
        now: Now,
    ) -> Result<Self, OpenError> {
        let member = config.member;
        let network = roster.network();
        let key = roster.key(member).ok_or(OpenError::NotAMember(member))?;
        if *key != identity.signing.public() {
            return Err(OpenError::OtherKey(member));
        }
        let heads = ledger.heads()?;
        let ring = read_keys(&roster, &ledger, &heads)?;
        let storage = identity.storage.clone();
        let found = read_journal(&mut disk, network, member, &storage)?;
        let standing = stand(&ledger, member, &heads, found.as_ref(), now.mono + config.recovery_ms)?;
        let journal = match &found {
            Some(content) => Journal::resume(&mut disk, network, member, storage, content)?,
            // Until a generation is open, the new journal belongs to no store: a crash recovers again.
            None => Journal::fresh(&mut disk, network, member, storage, [0; 16])?,
        };
        let opened = EvidenceLog::open(&mut disk, network, member, ledger.instance())?;
        let others: Vec<MemberId> = roster.members().map(|m| m.member).filter(|m| *m != member).collect();
        let reserved = ledger.value(COUNTER_NAME)?.and_then(|v| v.try_into().ok());
        // The clock covers the case that the last reservation could not be stored, on a full disk.
        let counter = reserved.map_or(0, u64::from_be_bytes).max(now.wall.0);
        let replica = Replica::open(network, &ledger)?;
        let mut core = Self {
            covers_nothing: replica.has_unlisted_holes(),
            replica,
            frontiers: Frontiers::default(),
            sync: Sync::new(config.seed),
            deliveries: Deliveries::default(),
            lives: read_lives(&roster, &ledger)?,
            admission: Admission::new(read_bytes(&ledger)?),
            blame: Blame::default(),
            author: Author::new(network, member, standing),
            journal,
            evidence: opened.log,
            certificates: read_certificates(&ledger)?,
            admitted: BTreeMap::new(),
            journaled: BTreeMap::new(),
            asked_for_history: BTreeSet::new(),
            pending_evidence: Vec::new(),
            unproved: BTreeSet::new(),
            pending_imports: Vec::new(),
            release_after: None,
            release_at: now.mono,
            over_budget: BTreeSet::new(),
            counter,
            counter_reserved: counter,
            complete: None,
            changed: BTreeSet::new(),
            holes_changed: false,
            delta_at: 0,
            walk: Walk::new(now.mono),
            asks_time: false,
            telling: Vec::new(),
            tell_at: now.mono,
            room: Room::Plenty,
            room_at: 0,
            housekeeping_at: now.mono,
            skew_told: false,
            unheard: BTreeSet::new(),
            sought: Vec::new(),
            records: heads.iter().map(|head| head.seq + 1).sum(),
            outputs: VecDeque::new(),
            ring: Arc::new(ring),
            config,
            identity,
            network,
            roster,
            others,
            ledger,
            disk,
        };
        core.resume_own(found);
        core.resume_deliveries(opened.entries, opened.replaced)?;
        core.resume_idempotency(now)?;
        for id in core.replica.holes() {
            core.fill_from_journal(id);
        }
        let holes = core.replica.holes().len();
        if holes > 0 {
            core.alarm(Alarm::Holes(holes));
        }
        Ok(core)
    }

    /// Own records that are journaled but not stored are signed again, byte for byte; the lanes go on at their ends.
    fn resume_own(&mut self, found: Option<Content>) {
        let Some(content) = found else { return };
        let closed = content.entries.iter().filter(|entry| entry.closed).count();
        if closed > 0 {
            self.alarm(Alarm::JournalClosed(closed));
        }
        for entry in content.entries {
            let position = entry.record.position();
            if self.own_generation() == Some(position.log.generation) {
                let end = End { next: position.seq + 1, head: entry.record.id() };
                self.author.resume(position.log.lane, end);
            }
            if position.seq >= self.replica.durable_end(position.log).next {
                self.sign(entry, None);
            }
        }
    }

    fn resume_deliveries(
        &mut self,
        entries: Vec<evidence::Evidence>,
        replaced: bool,
    ) -> Result<(), LedgerError> {
        for one in entries {
            if let Ok(frontier) = verify_frontier(&self.ring, one.frontier) {
                self.replay_evidence(&frontier, one.received_at)?;
            }
        }
        let own = self.config.member;
        let logs: Vec<LogId> = self.replica.logs().filter(|log| log.author == own).collect();
        for log in logs.into_iter().filter(|log| log.lane != Lane::CONTROL) {
            let mut from = self.deliveries.first_unproved(log, &self.others);
            loop {
                let headers = self.ledger.headers(log, from, PAGE_RECORDS_MAX)?;
                let Some(last) = headers.last() else { break };
                from = last.position().seq + 1;
                for record in &headers {
                    self.follow(record);
                }
            }
        }
        if replaced {
            self.alarm(Alarm::EvidenceReplaced);
        }
        Ok(())
    }

    /// A frontier that was written down because it proved a delivery proves it again.
    fn replay_evidence(&mut self, frontier: &VerifiedFrontier, at: Time) -> Result<(), LedgerError> {
        let said = frontier.frontier();
        for entry in said.entries.iter().filter(|entry| entry.log.author == self.config.member) {
            if self.own_id_at(entry.log.at(entry.seq))? != Some(entry.head) {
                continue;
            }
            let mut holes = BTreeSet::new();
            for id in &said.holes {
                let place = self.ledger.find(*id)?;
                holes.extend(place.filter(|p| p.log == entry.log && p.seq <= entry.seq).map(|p| p.seq));
            }
            let proof = Proof { member: said.member, log: entry.log, seq: entry.seq, holes };
            self.deliveries.replay(&proof, at);
        }
        Ok(())
    }

    fn resume_idempotency(&mut self, now: Now) -> Result<(), LedgerError> {
        for (name, value) in self.ledger.values_with(IDEMPOTENCY_PREFIX)? {
            let key = name.strip_prefix(IDEMPOTENCY_PREFIX).and_then(parse_key);
            let (Some(key), Some(remembered)) = (key, decode_remembered(&value)) else { continue };
            self.author.remember(key, remembered, now.mono);
        }
        Ok(())
    }
}

/// The keys of the roster, and those of the generations that stored records opened, or that stored proofs show to be
/// opened twice.
fn read_keys(roster: &Roster, ledger: &impl Ledger, heads: &[LogHead]) -> Result<KeyRing, LedgerError> {
    let mut ring = KeyRing::of_roster(roster);
    for proof in ledger.forks()? {
        ring.learn_fork(&proof);
    }
    // Heads ascend by author, lane and generation: every generation comes after those that it names.
    for head in heads.iter().filter(|h| h.log.lane == Lane::CONTROL && h.log.generation > 0) {
        let first = ledger.record(head.log.at(0))?;
        if let Some(Ok(verified)) = first.map(|record| verify_record(&ring, record)) {
            ring.learn(&verified);
        }
    }
    Ok(ring)
}

/// The journal; `None` if it is missing or cannot be used, and then it is set aside.
fn read_journal(
    disk: &mut impl Disk,
    network: NetworkId,
    member: MemberId,
    key: &StorageKey,
) -> Result<Option<Content>, OpenError> {
    let Some(bytes) = disk.read(JOURNAL)? else { return Ok(None) };
    match journal::read(network, member, key, &bytes) {
        Ok(content) => Ok(Some(content)),
        Err(_) => {
            disk.replace(JOURNAL_ASIDE, &bytes)?;
            Ok(None)
        }
    }
}

/// A clean restart goes on at once; in every other case the node recovers.
fn stand(
    ledger: &impl Ledger,
    member: MemberId,
    heads: &[LogHead],
    found: Option<&Content>,
    recover_until: u64,
) -> Result<Standing, LedgerError> {
    let recovering = Standing::Recovering(recover_until);
    let Some(content) = found else { return Ok(recovering) };
    if content.instance != ledger.instance() {
        return Ok(recovering);
    }
    let mut journaled: BTreeMap<LogId, u64> = BTreeMap::new();
    for entry in &content.entries {
        journaled.insert(entry.record.position().log, entry.record.position().seq);
    }
    // What the store holds of the newest generation, the journal must know too: else it has lost something.
    let own = heads.iter().filter(|head| head.log.author == member);
    let newest = own.clone().map(|head| head.log.generation).max();
    let current = journaled.keys().map(|log| log.generation).max();
    let knows = |head: &LogHead| journaled.get(&head.log).is_some_and(|seq| *seq >= head.seq);
    let whole = newest <= current && own.filter(|head| Some(head.log.generation) == current).all(knows);
    let current = current.unwrap_or(0);
    let forked = ledger
        .forks()?
        .iter()
        .map(ecomesh_record::ForkProof::position)
        .any(|position| position.log.author == member && position.log.generation == current);
    Ok(if whole && !forked { Standing::Open(current) } else { recovering })
}

fn read_lives(roster: &Roster, ledger: &impl Ledger) -> Result<Lives, LedgerError> {
    let mut values = ledger.values_with(ERASURE_PREFIX)?;
    values.extend(ledger.values_with(EXTENSION_PREFIX)?);
    let values = values.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    Ok(Lives::from_values(roster, values))
}

fn read_bytes(ledger: &impl Ledger) -> Result<BTreeMap<MemberId, u64>, LedgerError> {
    let read = |(name, value): (String, Vec<u8>)| {
        let member = MemberId::parse(name.strip_prefix(BYTES_PREFIX)?).ok()?;
        Some((member, u64::from_be_bytes(value.try_into().ok()?)))
    };
    Ok(ledger.values_with(BYTES_PREFIX)?.into_iter().filter_map(read).collect())
}

fn read_certificates(ledger: &impl Ledger) -> Result<crate::hello::Certificates, LedgerError> {
    let values = ledger.values_with(TRANSPORT_PREFIX)?;
    let read = values.iter().filter_map(|(name, value)| decode_certificate(name, value));
    Ok(read.map(|certificate| (certificate.member, certificate)).collect())
}

fn parse_key(digits: &str) -> Option<[u8; 32]> {
    Some(ecomesh_record::RecordId::parse(digits).ok()?.0)
}
