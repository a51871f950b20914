//! The **register**: notices, diffusions and entries of databases, as each process makes them of the documents in its
//! store. The projections are those of the product; how they are fed is a model of what `ecomesh-node` does.
//!
//! * `turns.rs`: what clients write, and what members write that keep no rule;
//! * `papers.rs`: the documents themselves;
//! * `closed.rs`: those that are sealed to groups;
//! * `checks.rs`: what must hold (I11).

mod checks;
mod closed;
mod papers;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ecomesh_document::Document;
use ecomesh_document::member::MemberCode;
use ecomesh_document::notice::life::{self, Review};
use ecomesh_document::projection::entries::Item;
use ecomesh_document::projection::notices::Case;
use ecomesh_document::projection::{Entries, Notices, Place};
use ecomesh_protocol::author::lane_of;
use ecomesh_protocol::forks::Forks;
use ecomesh_protocol::lives::{Life, Term};
use ecomesh_protocol::{Ledger, judge};
use ecomesh_record::{ForkProof, Kind, Lane, LogId, MemberId, Position, Record, RecordId};

use crate::coverage::Mark;
use crate::erasures::targets;
use crate::members::reviewers;
use crate::sabotage::Sabotage;
use crate::world::World;

pub(crate) use closed::Meant;
use closed::{Keys, Opened};

/// So many reviewers must agree.
const QUORUM: usize = 2;

/// All documents of a world, each read once: none of a record that says nothing.
pub(crate) type Library = BTreeMap<RecordId, Option<Rc<Document>>>;

/// What one process makes of the documents in its store.
#[derive(Debug)]
pub(crate) struct Register {
    notices: Notices,
    entries: Entries,
    /// The logs that are known to have forked.
    forks: Forks,
    /// Records that are here and not read: their bodies are missing, or have expired by this node's clock.
    unread: BTreeSet<Position>,
    /// All that was read, by the record of which it speaks: for the checks.
    said: BTreeMap<RecordId, BTreeMap<RecordId, Said>>,
    /// The keys of groups under which this process writes.
    keys: Keys,
    /// How many documents came: for sabotage.
    arrivals: u64,
}

/// A document, and where it stands.
type Said = (Place, Rc<Document>);

/// What a record says just now.
enum Reading {
    Document(Place, Rc<Document>),
    /// Nothing, now and later.
    Nothing,
    /// Its body is missing, or its time is over by a clock that may be wrong.
    NotYet,
}

impl Default for Register {
    fn default() -> Self {
        Self::new(QUORUM)
    }
}

impl Register {
    fn new(quorum: usize) -> Self {
        let review = Review::new(reviewers().into_iter().filter_map(code_of), quorum);
        Self {
            notices: Notices::new(review.unwrap_or_else(|_| Review::none())),
            entries: Entries::default(),
            forks: Forks::default(),
            unread: BTreeSet::new(),
            said: BTreeMap::new(),
            keys: Keys::default(),
            arrivals: 0,
        }
    }

    /// Whether an event stands in a log that is disputed from there on.
    fn is_disputed(&self, position: &life::Position, lane: Lane) -> bool {
        let Ok(author) = MemberId::parse(position.who.as_str()) else { return false };
        let log = LogId { author, lane, generation: position.generation };
        self.forks.disputed_from(log).is_some_and(|from| from <= position.seq)
    }

    /// Takes a document as one that stands at `fed`, which is its place unless it is sabotaged.
    fn take(&mut self, place: Place, fed: &Place, document: Rc<Document>) {
        self.arrivals += 1;
        self.notices.take(fed, &document);
        self.entries.take(fed, &document);
        let about = about(place.id, &document);
        self.said.entry(about).or_default().insert(place.id, (place, document));
    }

    fn forget(&mut self, id: RecordId) {
        self.notices.forget(id);
        self.entries.forget(id);
        self.said.values_mut().for_each(|said| {
            said.remove(&id);
        });
    }
}

/// The record of which a document speaks; its own if it opens something.
fn about(own: RecordId, document: &Document) -> RecordId {
    match document {
        Document::NoticeStep(step) => step.notice.0,
        Document::EntryStep(step) => step.entry.0,
        other => other.replaces().map_or(own, |replaced| replaced.0),
    }
}

/// A member's code in documents.
fn code_of(member: MemberId) -> Option<MemberCode> {
    MemberCode::parse(member.as_str()).ok()
}

fn place_of(record: &Record) -> Option<Place> {
    let header = record.header();
    let position = life::Position {
        when_ms: header.created_at.0,
        who: code_of(header.author)?,
        generation: header.generation,
        seq: header.seq,
    };
    Some(Place { position, id: record.id() })
}

/// Whether a record is read here, as in a node: not if it stands in another lane than honest authors write it into.
fn is_registered(record: &Record) -> bool {
    let header = record.header();
    let kinds = [Kind::NOTICE, Kind::DIFFUSION, Kind::NOTICE_STEP, Kind::ENTRY, Kind::ENTRY_STEP];
    kinds.contains(&header.kind) && header.lane == lane_of(header.kind)
}

/// Feeding.
impl World {
    /// Whether this network has notices and entries.
    pub(crate) fn keeps_register(&self) -> bool {
        self.scenario.load.register_permille > 0
    }

    /// A process begins: it reads what is in its store.
    pub(crate) fn open_register(&mut self, number: usize) {
        if self.keeps_register() {
            self.nodes[number].register = self.rebuilt(number);
        }
    }

    /// A record is durable at a node. What is void says nothing.
    pub(crate) fn register(&mut self, number: usize, record: &Record, is_valid: bool) {
        if !self.keeps_register() || !is_valid {
            return;
        }
        if is_registered(record) {
            self.check_key_is_there(number, record);
            self.nodes[number].register.unread.insert(record.position());
            self.read_unread(number);
        } else if record.header().kind == Kind::GROUP_KEY {
            self.read_unread(number);
        }
    }

    /// Reads what is here by now: a record that has come, or one whose missing body came.
    pub(crate) fn read_unread(&mut self, number: usize) {
        for position in self.nodes[number].register.unread.clone() {
            match self.reading(number, position) {
                Reading::Document(place, document) => self.take_document(number, place, document),
                Reading::Nothing => {}
                Reading::NotYet => continue,
            }
            self.nodes[number].register.unread.remove(&position);
        }
    }

    /// A node learnt of an erasure: what it takes back was never said.
    pub(crate) fn forget_erased(&mut self, number: usize, erasure: &Record) {
        if !self.keeps_register() || self.is_broken(number, Sabotage::RememberErased) {
            return;
        }
        let node = &mut self.nodes[number];
        for (author, id) in targets(erasure) {
            if node.ledger.find(id).ok().flatten().is_some_and(|position| position.log.author == author) {
                node.register.forget(id);
            }
        }
        self.check_register(number);
    }

    /// A body was destroyed: it was erased, or its time is over.
    pub(crate) fn forget_destroyed(&mut self, number: usize, position: Position) {
        if self.keeps_register()
            && !self.is_broken(number, Sabotage::RememberErased)
            && let Some(id) = self.nodes[number].ledger.id_at(position)
        {
            self.nodes[number].register.forget(id);
        }
    }

    /// A node learnt of a fork: what stands behind it says nothing any more.
    pub(crate) fn learn_fork(&mut self, number: usize, proof: &ForkProof) {
        if self.keeps_register() {
            self.nodes[number].register.forks.learn(proof.clone());
            self.check_register(number);
        }
    }

    /// What a process makes of a node's store, read in the order of the logs.
    fn rebuilt(&mut self, number: usize) -> Register {
        let quorum = if self.is_broken(number, Sabotage::PublishUnreviewed) { 1 } else { QUORUM };
        let mut register = Register::new(quorum);
        for proof in self.nodes[number].ledger.forks().unwrap_or_default() {
            register.forks.learn(proof);
        }
        for position in self.nodes[number].ledger.places().into_keys() {
            match self.reading(number, position) {
                Reading::Document(place, document) => {
                    let fed = self.fed(number, &register, &place, &document);
                    register.take(place, &fed, document);
                }
                Reading::Nothing => {}
                Reading::NotYet => {
                    register.unread.insert(position);
                }
            }
        }
        register
    }

    fn reading(&mut self, number: usize, position: Position) -> Reading {
        let node = &self.nodes[number];
        let Some(record) = node.ledger.record(position).ok().flatten() else { return Reading::NotYet };
        if !is_registered(&record) || judge(&self.members.roster, &record).is_err() {
            return Reading::Nothing;
        }
        match self.life_at(number, &record) {
            Life::Erased => return Reading::Nothing,
            // A member whose clock is years behind writes what has expired when it comes; some nodes have its body.
            Life::Expired => return Reading::NotYet,
            Life::Living if node.ledger.is_excused(position) => return Reading::Nothing,
            Life::Living => {}
        }
        let Some(body) = record.body() else { return Reading::NotYet };
        let opened =
            match record.header().audience.key_record().map(|_| self.opened_of_group(number, &record)) {
                Some(Opened::Text(text)) => Some(text),
                Some(Opened::Nothing) => return Reading::Nothing,
                Some(Opened::NotYet) => return Reading::NotYet,
                None => None,
            };
        let text = opened.as_deref().unwrap_or_else(|| body.content());
        let decode = || Document::decode(record.header().kind.0, text).ok().map(Rc::new);
        let document = self.library.entry(record.id()).or_insert_with(decode).clone();
        match (place_of(&record), document) {
            (Some(place), Some(document)) => Reading::Document(place, document),
            _ => Reading::Nothing,
        }
    }

    fn life_at(&self, number: usize, record: &Record) -> Life {
        let node = &self.nodes[number];
        let now = node.now(self.now).wall;
        node.core.as_ref().map_or(Life::Living, |core| core.lives().life(&Term::of(record), now))
    }

    /// Whether what a record said is over at a node.
    fn is_over_at(&self, number: usize, record: &Record) -> bool {
        self.life_at(number, record) != Life::Living
    }

    /// What has expired since it was read says nothing any more.
    fn forget_expired(&mut self, number: usize) {
        let node = &self.nodes[number];
        let read: Vec<RecordId> = node.register.said.values().flat_map(BTreeMap::keys).copied().collect();
        for id in read {
            let Some(record) = self.shared(id) else { continue };
            if self.life_at(number, &record) == Life::Expired {
                let register = &mut self.nodes[number].register;
                register.forget(id);
                register.unread.insert(record.position());
            }
        }
    }

    fn take_document(&mut self, number: usize, place: Place, document: Rc<Document>) {
        let about = about(place.id, &document);
        let opens = about == place.id;
        let fed = self.fed(number, &self.nodes[number].register, &place, &document);
        let register = &mut self.nodes[number].register;
        let waited = register.notices.waiting();
        register.take(place, &fed, document);
        if opens && register.notices.waiting() < waited {
            self.coverage.mark(Mark::StepBeforeNotice);
        }
        self.check_matter(number, about);
    }

    /// The place as which a document is handed to the projections: its own, but where this is what is broken.
    fn fed(&self, number: usize, register: &Register, place: &Place, document: &Document) -> Place {
        let mut fed = place.clone();
        if self.is_broken(number, Sabotage::OrderByArrival) {
            fed.position.when_ms = register.arrivals;
        }
        if self.is_broken(number, Sabotage::SourceUnchecked) {
            let about = about(place.id, document);
            let source = register.notices.case(about).map(Case::source);
            let source = source.or_else(|| register.entries.item(about).map(Item::source));
            fed.position.who = source.unwrap_or_else(|| place.author()).clone();
        }
        fed
    }
}
