//! What must hold after every step, and what must hold at the end (`docs/TESTING.md` numbers the invariants).
//!
//! The checks know the world as no node can: every store, every signature, who keeps the rules. They are made when
//! something happens that could break them, so a run pays for what happens and not for its size. The numbers are those
//! of the project's list: I1 acknowledged is durable, I2 equal frontiers mean equal contents, I3 no honest node holds
//! two records for one place, I4 accepted is signed, I6 what is erased is not served (`erasures.rs`), I7 sealed plaintext
//! only at recipients (`secrecy.rs`), I8 all agree once the faults are over, I9 nothing grows without bound and no honest
//! node is blamed, I10 the same seed plays the same run (that one is a test), I11 all make the same of notices and entries
//! (`register/checks.rs`).

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_protocol::Ledger;
use ecomesh_protocol::limits::{PARKED_BYTES_MAX, PARKED_RECORDS_PER_AUTHOR};
use ecomesh_protocol::lives::Term;
use ecomesh_protocol::wire::Question;
use ecomesh_protocol::{Input, Recorded, VerifiedFrontier};
use ecomesh_record::record::{header_hash, record_id};
use ecomesh_record::{Flags, ForkProof, Lane, LogId, MemberId, Position, Record, RecordId};
use ecomesh_seal::Signature;

use crate::coverage::Mark;
use crate::gossip::{Message, MessageId};
use crate::hostile::Vice;
use crate::node::INBOX_MAX;
use crate::pace::EVENTS_PER_SECOND_MAX;
use crate::pool::Job;
use crate::sabotage::Sabotage;
use crate::world::World;

/// Every so many stored records, a signature is checked once more, apart from the node's own code path.
const SAMPLE: u64 = 16;
/// Acknowledged records of one node whose deliveries are asked for at the end.
const DELIVERIES_ASKED: usize = 400;
/// The second byte of a notification.
const NOTIFY: u8 = 2;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

/// What the checks remember.
pub(crate) struct Checks {
    violations: Vec<Violation>,
    /// Own records that each node has acknowledged to a client.
    acknowledged: Vec<Vec<(Position, RecordId)>>,
    /// Records whose only copies were thrown away by the scenario.
    lost: BTreeSet<RecordId>,
    /// Which record of an honest author stands where: one for ever.
    places: BTreeMap<Position, RecordId>,
    /// Records of hostile authors that honest nodes have stored.
    versions: BTreeMap<Position, BTreeSet<RecordId>>,
    stored: u64,
    /// Records of hostile authors that honest nodes have stored, each once for every node.
    pub(crate) stored_of_hostile: u64,
    /// Number of records in each push message.
    in_message: BTreeMap<MessageId, u64>,
    last_told: Vec<Vec<u8>>,
    pulls_failed: BTreeSet<(usize, LogId)>,
    pub(crate) heal: Option<Heal>,
    pub(crate) most_parked: usize,
    pub(crate) most_waiting: usize,
}

/// A planned split heals: what was missing then, and the bytes that were sent until all agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heal {
    /// When it healed, in microseconds.
    pub at: u64,
    /// Bytes of records that nodes lacked.
    pub missing_bytes: u64,
    /// Number of those records, each once for every node that lacked it.
    pub missing_records: u64,
    /// Bytes sent before.
    pub sent_before: u64,
    /// Bytes sent until all agreed.
    pub sent: Option<u64>,
    /// How long that took, in microseconds.
    pub took: Option<u64>,
}

impl Checks {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            violations: Vec::new(),
            acknowledged: vec![Vec::new(); nodes],
            lost: BTreeSet::new(),
            places: BTreeMap::new(),
            versions: BTreeMap::new(),
            stored: 0,
            stored_of_hostile: 0,
            in_message: BTreeMap::new(),
            last_told: vec![Vec::new(); nodes],
            pulls_failed: BTreeSet::new(),
            heal: None,
            most_parked: 0,
            most_waiting: 0,
        }
    }

    /// Notes that something must not be.
    pub(crate) fn fail(&mut self, invariant: &'static str, what: String) {
        self.violations.push(Violation { invariant, what });
    }

    /// Whether everything holds so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// What does not hold.
    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Messages of a node's client that it has acknowledged.
    pub(crate) fn messages_of(&self, number: usize) -> Vec<RecordId> {
        let all = self.acknowledged[number].iter().filter(|(position, _)| position.log.lane != Lane::CONTROL);
        all.map(|(_, id)| *id).collect()
    }

    /// Whether an honest node has stored something at a place of an honest author.
    pub(crate) fn is_known(&self, position: Position) -> bool {
        self.places.contains_key(&position)
    }

    /// Whether the scenario threw away all copies of a record.
    pub(crate) fn is_lost(&self, id: RecordId) -> bool {
        self.lost.contains(&id)
    }

    /// Acknowledged records.
    pub(crate) fn acknowledged_count(&self) -> usize {
        self.acknowledged.iter().map(Vec::len).sum()
    }

    /// A push message is made.
    pub(crate) fn published(&mut self, message: &Message) {
        // A list of up to 250 has its length in the second byte.
        let records = message.bytes.get(1).copied().filter(|count| *count <= 250).map_or(251, u64::from);
        self.in_message.insert(message.id, records);
    }

    /// Number of records in a message of an honest or hostile author; 0 of noise.
    pub(crate) fn records_in(&self, id: MessageId) -> u64 {
        self.in_message.get(&id).copied().unwrap_or(0)
    }
}

/// Checks when something happens.
impl World {
    /// A client was told that its record is durable.
    pub(crate) fn acknowledged(&mut self, number: usize, recorded: &Recorded) {
        if !self.nodes[number].is_honest() {
            return;
        }
        let (position, id) = (recorded.position, recorded.id);
        let ledger = &self.nodes[number].ledger;
        // The body of one that was recorded before may have rotted since.
        let is_there =
            if recorded.repeated { ledger.id_at(position) == Some(id) } else { ledger.holds(position, id) };
        if !is_there && !self.checks.lost.contains(&id) {
            let name = self.name(number);
            self.checks.fail("I1", format!("{name} acknowledged {position}, which it does not hold"));
        }
        self.checks.acknowledged[number].push((position, id));
    }

    /// I1: what was acknowledged is on the disk, after every crash and at every start.
    pub(crate) fn check_durable(&mut self, number: usize) {
        self.remember_erasures(number);
        let node = &self.nodes[number];
        let is_missing = |(position, id): &&(Position, RecordId)| {
            node.ledger.id_at(*position) != Some(*id) && !self.checks.lost.contains(id)
        };
        let mut missing: Vec<(Position, RecordId)> =
            self.checks.acknowledged[number].iter().filter(is_missing).copied().collect();
        if missing.is_empty() || node.instances > 1 {
            // A store that was thrown away is filled by the peers: what it lacks is looked at in the end.
            return;
        }
        let journaled: BTreeSet<RecordId> =
            node.journaled(self.members.roster.network()).iter().map(Record::id).collect();
        missing.retain(|(_, id)| !journaled.contains(id));
        if let Some((position, _)) = missing.first() {
            let name = self.name(number);
            let count = missing.len();
            self.checks
                .fail("I1", format!("{name} lost {count} acknowledged records, the first at {position}"));
        }
    }

    /// A record is durable at a node.
    pub(crate) fn stored(&mut self, number: usize, record: &Record) {
        let (position, id) = (record.position(), record.id());
        self.trace.bytes(&id.0);
        self.count_stored(number, record);
        self.check_stored(number, record);
        self.read_mail(number, record);
        if self.nodes[number].early.remove(&id) {
            self.coverage.mark(Mark::GapFilled);
        }
        if !self.nodes[number].is_honest() {
            return;
        }
        let author = self.members.node_of(position.log.author);
        if author.is_some_and(|author| self.nodes[author].is_honest()) {
            let known = *self.checks.places.entry(position).or_insert(id);
            if known != id {
                let name = self.name(number);
                self.checks.fail("I3", format!("{name} holds another record at {position} than others did"));
            }
        } else {
            self.checks.stored_of_hostile += 1;
            self.checks.versions.entry(position).or_default().insert(id);
        }
        self.checks.stored += 1;
        if self.checks.stored.is_multiple_of(SAMPLE) {
            self.check_signature(number, record);
        }
        if self.checks.pulls_failed.remove(&(number, position.log)) {
            self.coverage.mark(Mark::PageResumed);
        }
    }

    fn count_stored(&mut self, number: usize, record: &Record) {
        let (position, id, now) = (record.position(), record.id(), self.now);
        if position.log.author == self.nodes[number].member {
            self.measure.begun(id, now);
        } else {
            let author = self.members.node_of(position.log.author);
            let honest = |node: usize| self.nodes[node].is_honest();
            let counts = honest(number) && author.is_some_and(honest);
            self.measure.arrived(id, number, record.frame_len(), counts, now);
        }
        if record.frame_len() > ecomesh_protocol::limits::PUSH_RECORD_BYTES_MAX
            && position.log.author != self.nodes[number].member
        {
            self.coverage.mark(Mark::SlicesAssembled);
        }
    }

    /// What waits for its predecessors, and whether a quota left something to the pull: looked at once a second.
    pub(crate) fn note_early(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        let Some(core) = &node.core else { return };
        node.early = core.early().iter().map(|record| record.record().id()).collect();
        if core.status(node.now(self.now)).deferred > 0 {
            self.coverage.mark(Mark::Deferred);
        }
    }

    /// I4: what is stored is strictly signed by its generation's key. Every generation has the charter's key so far.
    fn check_signature(&mut self, number: usize, record: &Record) {
        let network = self.members.roster.network();
        let forged = self.is_broken(number, Sabotage::Forge);
        let mut header = record.header_bytes().to_vec();
        if let Some(last) = header.last_mut().filter(|_| forged) {
            *last ^= 1;
        }
        let id = record_id(network, record.position(), header_hash(&header));
        let key = self.members.roster.key(record.header().author);
        let signature = Signature(*record.signature());
        let good = key.is_some_and(|key| key.verify_record(network, id, &signature).is_ok());
        if !good || id != record.id() {
            let name = self.name(number);
            self.checks.fail("I4", format!("{name} stored {} without its signature", record.position()));
        }
    }

    /// A delivery was told: the addressee, if it is honest, holds the record.
    pub(crate) fn delivered(&mut self, number: usize, id: RecordId, position: Position, member: MemberId) {
        self.coverage.mark(Mark::Delivered);
        self.measure.delivered += 1;
        let Some(addressee) = self.members.node_of(member) else { return };
        let (teller, holder) = (&self.nodes[number], &self.nodes[addressee]);
        let both = teller.is_honest() && holder.is_honest();
        // A home that was lost since then had it.
        if both && holder.instances == 1 && holder.ledger.id_at(position) != Some(id) {
            let (name, to) = (self.name(number), self.name(addressee));
            self.checks.fail("I2", format!("{name} told that {to} has {position}, which it has not"));
        }
    }

    /// A frontier goes out: what it covers is here, and is the same as everywhere else.
    pub(crate) fn check_told(&mut self, number: usize, bytes: &[u8]) {
        self.watch_questions(number, bytes);
        let is_news = bytes.get(1) == Some(&NOTIFY) && self.checks.last_told[number] != bytes;
        if !is_news || !self.nodes[number].is_honest() {
            return;
        }
        self.checks.last_told[number] = bytes.to_vec();
        let node = &self.nodes[number];
        let job = Job::Question { peer: self.members.peers[number], exchange: 0, bytes: bytes.to_vec() };
        let input = self.cache.verify(&node.ring, &node.ring_hash, job);
        let Input::Asked { question, .. } = input else { return };
        match question {
            Ok(Question::Notify { frontiers, .. }) => {
                frontiers.iter().for_each(|frontier| self.check_frontier(number, frontier));
            }
            other => {
                let name = self.name(number);
                self.checks
                    .fail("I4", format!("{name} sends a notification that nobody can read: {other:?}"));
            }
        }
    }

    /// I2, by heads: an entry names the id of its last record, which commits to all before it.
    fn check_frontier(&mut self, number: usize, frontier: &VerifiedFrontier) {
        for entry in &frontier.frontier().entries {
            let position = entry.log.at(entry.seq);
            let name = self.name(number);
            if self.nodes[number].ledger.id_at(position) != Some(entry.head) {
                return self
                    .checks
                    .fail("I2", format!("{name} tells that it holds {position}, which it does not"));
            }
            if self.checks.places.get(&position).is_some_and(|id| *id != entry.head) {
                return self
                    .checks
                    .fail("I2", format!("{name} holds another record at {position} than others"));
            }
            let holed = !self.nodes[number].ledger.holds(position, entry.head);
            if holed && frontier.frontier().holes.binary_search(&entry.head).is_err() {
                return self.checks.fail("I2", format!("{name} hides that it lacks the body of {position}"));
            }
        }
    }

    /// What the questions of a node show.
    fn watch_questions(&mut self, number: usize, bytes: &[u8]) {
        match bytes.get(1) {
            Some(3) => self.coverage.mark(Mark::PagePulled),
            Some(6) => self.coverage.mark(Mark::Bisected),
            _ => {}
        }
        let node = &self.nodes[number];
        let waiting = node.inbox.len();
        self.checks.most_waiting = self.checks.most_waiting.max(waiting);
        if waiting > 4 * INBOX_MAX {
            let name = self.name(number);
            self.checks.fail("I9", format!("{waiting} inputs wait at {name}"));
        }
    }

    /// A node learnt of a fork: only those who do not keep the rules have forked logs.
    pub(crate) fn forked(&mut self, number: usize, proof: &ForkProof) {
        self.coverage.mark(Mark::ForkSeen);
        let position = proof.position();
        let name = self.name(number);
        self.tell(&format!("{name} learns of a fork at {position}"));
        let author = self.members.node_of(position.log.author);
        if author.is_some_and(|author| self.nodes[author].is_honest()) {
            self.checks
                .fail("I3", format!("{name} holds a proof that an honest author forked, at {position}"));
        }
    }

    /// Something is thrown away. Records of which no copy is left that others could take are lost from now on.
    pub(crate) fn after_loss(&mut self, number: usize, lose: impl FnOnce(&mut Self)) {
        let network = self.members.roster.network();
        let mut before = self.nodes[number].ledger.places();
        before.extend(self.nodes[number].journaled(network).iter().map(|r| (r.position(), r.id())));
        lose(self);
        let mut left: BTreeMap<Position, RecordId> = BTreeMap::new();
        let mut whole: BTreeSet<RecordId> = BTreeSet::new();
        // What only a member that withholds has, nobody else gets.
        for node in self.nodes.iter().filter(|node| !node.has(Vice::Withhold)) {
            let places = node.ledger.places();
            whole.extend(
                places.iter().filter(|(place, id)| node.ledger.holds(**place, **id)).map(|(_, id)| *id),
            );
            left.extend(places);
            for record in node.journaled(network) {
                whole.insert(record.id());
                left.insert(record.position(), record.id());
            }
        }
        let reachable = reachable(&left);
        let is_left = |id: &RecordId| reachable.contains(id) && whole.contains(id);
        let gone: Vec<RecordId> = before.into_values().filter(|id| !is_left(id)).collect();
        if !gone.is_empty() {
            let name = self.name(number);
            self.tell(&format!("{} records are lost with what {name} lost", gone.len()));
        }
        self.checks.lost.extend(gone);
    }
}

/// Checks once the faults are over.
impl World {
    /// Why the honest nodes do not agree; `None` if they do.
    pub(crate) fn disagreement(&mut self) -> Option<String> {
        let honest: Vec<usize> = (0..self.nodes.len()).filter(|n| self.nodes[*n].is_honest()).collect();
        if let Some(down) = honest.iter().find(|n| self.nodes[**n].core.is_none()) {
            return Some(format!("{} does not run", self.name(*down)));
        }
        self.check_bounds(&honest);
        self.unequal(&honest)
            .or_else(|| self.unproved_fork(&honest))
            .or_else(|| self.unfinished(&honest))
            .or_else(|| self.unheld(&honest))
            .or_else(|| self.undelivered(&honest))
            .or_else(|| self.undestroyed(&honest))
            .or_else(|| self.misplaced(&honest))
    }

    /// What the honest nodes cover, by their own frontier.
    fn unequal(&self, honest: &[usize]) -> Option<String> {
        let mut first = None;
        for number in honest {
            let node = &self.nodes[*number];
            let core = node.core.as_ref()?;
            let frontier = core.frontier(node.now(self.now)).ok()?;
            if !frontier.holes.is_empty() {
                return Some(format!("{} lacks {} bodies", node.member, frontier.holes.len()));
            }
            let (one, entries) = first.get_or_insert_with(|| (node.member, frontier.entries.clone()));
            if *entries != frontier.entries {
                let differs = |log: &LogId| {
                    let of = |list: &[ecomesh_record::FrontierEntry]| {
                        list.iter().find(|entry| entry.log == *log).map(|entry| entry.seq)
                    };
                    (of(entries), of(&frontier.entries))
                };
                let logs = entries.iter().chain(&frontier.entries).map(|entry| entry.log);
                let unequal: Vec<_> = logs
                    .filter(|log| {
                        let (a, b) = differs(log);
                        a != b
                    })
                    .collect();
                let log = unequal.first()?;
                let (a, b) = differs(log);
                return Some(format!(
                    "{one} and {} differ in {} logs, the first {log}: {a:?} and {b:?}",
                    node.member,
                    unequal.len()
                ));
            }
        }
        None
    }

    /// Where honest nodes hold two versions of one place, all of them know.
    fn unproved_fork(&self, honest: &[usize]) -> Option<String> {
        let forked = self.checks.versions.iter().filter(|(_, ids)| ids.len() > 1);
        for (position, _) in forked {
            // A version that was lost with the only store that had it proves nothing to anybody.
            let here: BTreeSet<RecordId> =
                honest.iter().filter_map(|n| self.nodes[*n].ledger.id_at(*position)).collect();
            if here.len() < 2 {
                continue;
            }
            for number in honest {
                let proofs = self.nodes[*number].ledger.proofs();
                if proofs.get(&position.log).is_none_or(|seq| *seq > position.seq) {
                    return Some(format!("{} has no proof of the fork at {position}", self.name(*number)));
                }
            }
        }
        None
    }

    fn unfinished(&self, honest: &[usize]) -> Option<String> {
        for number in honest {
            let node = &self.nodes[*number];
            let waiting = self.clients[*number].waiting.len();
            if waiting > 0 {
                return Some(format!("{waiting} drafts at {} have no answer", node.member));
            }
            let status = node.core.as_ref()?.status(node.now(self.now));
            if self.scenario.load.erase_permille > 0 && !self.has_told(*number) {
                return Some(format!("{} has not told what it destroyed", node.member));
            }
            if status.generation.is_none() {
                return Some(format!("{} still recovers", node.member));
            }
        }
        None
    }

    /// Every acknowledged record is everywhere.
    fn unheld(&self, honest: &[usize]) -> Option<String> {
        let all = self.checks.acknowledged.iter().flatten();
        for (position, id) in all.filter(|(_, id)| !self.checks.lost.contains(id)) {
            if let Some(lacks) = honest.iter().find(|n| !self.nodes[**n].ledger.holds(*position, *id)) {
                return Some(format!("{} lacks {position}, which was acknowledged", self.name(*lacks)));
            }
        }
        None
    }

    /// Every acknowledged record is proved to be delivered to its honest addressees.
    fn undelivered(&self, honest: &[usize]) -> Option<String> {
        for number in honest {
            let core = self.nodes[*number].core.as_ref()?;
            let own = self.checks.acknowledged[*number].iter().rev();
            let own = own.filter(|(position, _)| position.log.lane != Lane::CONTROL).take(DELIVERIES_ASKED);
            for (position, id) in own.filter(|(_, id)| !self.checks.lost.contains(id)) {
                let Some(delivery) = core.delivery(*position) else {
                    return Some(format!(
                        "{} does not know its own {id:?} at {position}",
                        self.name(*number)
                    ));
                };
                if self.may_have_ended(*number, *position) {
                    continue;
                }
                let is_open = |(member, at): &(MemberId, Option<_>)| {
                    at.is_none() && self.members.node_of(*member).is_some_and(|n| self.nodes[n].is_honest())
                };
                if let Some((member, _)) = delivery.delivered.iter().find(|one| is_open(one)) {
                    return Some(format!("{} has no proof that {member} has {position}", self.name(*number)));
                }
            }
        }
        None
    }

    /// Whether the body of an own record may have ended by its author's clock, which may have been years behind when it was
    /// written: nobody need get it then.
    fn may_have_ended(&self, number: usize, position: Position) -> bool {
        let node = &self.nodes[number];
        let latest = node.now(self.now).wall.max(node.latest_wall);
        let record = node.ledger.record(position).ok().flatten();
        let erased = |record: &Record| {
            node.core.as_ref().is_some_and(|core| core.lives().erasure_of(&Term::of(record)).is_some())
        };
        record.is_some_and(|record| record.header().expires_at <= latest || erased(&record))
    }

    /// Where the body of a record that is for its addressees only stands, and should not, or does not, and should.
    fn misplaced(&self, honest: &[usize]) -> Option<String> {
        if self.scenario.load.part_permille == 0 {
            return None;
        }
        for number in honest {
            let node = &self.nodes[*number];
            for position in node.ledger.places().into_keys() {
                let Some(record) = node.ledger.record(position).ok().flatten() else { continue };
                let header = record.header();
                if header.flags.has(Flags::ADDRESSEES_ONLY)
                    && self.members.roster.needs_body(header, node.member) != record.body().is_some()
                {
                    let what = if record.body().is_some() { "keeps" } else { "lacks" };
                    return Some(format!(
                        "{} {what} what {position} says to its addressees only",
                        node.member
                    ));
                }
            }
        }
        None
    }

    /// I9: a node comes to rest. Without this check a run with a node that does not would never end.
    pub(crate) fn check_rest(&mut self, number: usize) {
        if self.nodes[number].pace.is_restless(self.now) {
            let name = self.name(number);
            let what = format!("{name} does not come to rest: {EVENTS_PER_SECOND_MAX} events in a second");
            self.checks.fail("I9", what);
        }
    }

    /// I9: parks and queues are within their bounds.
    fn check_bounds(&mut self, honest: &[usize]) {
        for number in honest {
            let Some(core) = &self.nodes[*number].core else { continue };
            let early = core.early();
            self.checks.most_parked = self.checks.most_parked.max(early.len());
            let mut by_author: BTreeMap<MemberId, usize> = BTreeMap::new();
            let mut bytes = 0;
            for record in &early {
                *by_author.entry(record.record().header().author).or_default() += 1;
                bytes += record.record().frame_len();
            }
            let worst = by_author.values().max().copied().unwrap_or(0);
            if worst > PARKED_RECORDS_PER_AUTHOR || bytes > PARKED_BYTES_MAX {
                let name = self.name(*number);
                self.checks
                    .fail("I9", format!("{name} has parked {worst} records of one author, {bytes} bytes"));
            }
        }
    }

    /// A planned split heals: what do the nodes lack?
    pub(crate) fn note_heal(&mut self) {
        let mut lengths: BTreeMap<LogId, u64> = BTreeMap::new();
        let mut longest: BTreeMap<LogId, usize> = BTreeMap::new();
        for node in &self.nodes {
            for (log, length) in node.ledger.lengths() {
                let most = lengths.entry(log).or_default();
                if length > *most {
                    *most = length;
                    longest.insert(log, node.number);
                }
            }
        }
        let (mut missing_bytes, mut missing_records) = (0, 0);
        for (log, holder) in longest {
            let ids = self.nodes[holder].ledger.ids(log);
            let mut sizes: Vec<u64> = vec![0];
            for id in ids {
                let bytes = self.shared(id).map_or(0, |record| record.frame_len() as u64);
                sizes.push(sizes.last().copied().unwrap_or(0) + bytes);
            }
            let total = sizes.last().copied().unwrap_or(0);
            for node in &self.nodes {
                let has =
                    node.ledger.lengths().iter().find(|(known, _)| *known == log).map_or(0, |(_, n)| *n);
                let index = usize::try_from(has).unwrap_or(0);
                missing_bytes += total - sizes.get(index).copied().unwrap_or(total);
                missing_records += (sizes.len() as u64 - 1).saturating_sub(has);
            }
        }
        let sent_before = self.measure.bytes.sum();
        self.checks.heal =
            Some(Heal { at: self.now, missing_bytes, missing_records, sent_before, sent: None, took: None });
        self.tell(&format!("at the healing {missing_records} records are missing, {missing_bytes} bytes"));
    }

    /// All agree for the first time.
    pub(crate) fn note_agreement(&mut self) {
        let (now, sent) = (self.now, self.measure.bytes.sum());
        if let Some(heal) = &mut self.checks.heal {
            heal.took = Some(now - heal.at);
            heal.sent = Some(sent - heal.sent_before);
        }
    }

    /// A pull of this node failed: a later record of the log shows that it went on.
    pub(crate) fn pull_failed(&mut self, number: usize, log: LogId) {
        self.checks.pulls_failed.insert((number, log));
    }
}

/// Records whose log is whole up to them, and whose generation was opened: others can take them.
fn reachable(places: &BTreeMap<Position, RecordId>) -> BTreeSet<RecordId> {
    let mut reachable = BTreeSet::new();
    let mut next: BTreeMap<LogId, u64> = BTreeMap::new();
    for (position, id) in places {
        let opening = LogId { lane: Lane::CONTROL, ..position.log }.at(0);
        let opened = position.log.generation == 0 || places.contains_key(&opening);
        let expected = next.entry(position.log).or_insert(0);
        if opened && position.seq == *expected {
            *expected += 1;
            reachable.insert(*id);
        }
    }
    reachable
}
