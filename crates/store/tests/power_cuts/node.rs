//! A whole core over a disk that loses power, with a ledger that commits in one step (as `damage.rs` shows of the real
//! one): what the client was told is there, what was published is never written again in another way, what was proved
//! stays proved, and a loss of power costs no generation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use ecomesh_protocol::hello::{self, Certificate, Hello};
use ecomesh_protocol::io::Draft;
use ecomesh_protocol::ledger::{Batch, Ledger, LedgerError, LogHead, MemoryLedger, Room};
use ecomesh_protocol::verify::{Verified, verify_frontier};
use ecomesh_protocol::wire::{PushReport, Question, verify_push};
use ecomesh_protocol::{Core, CoreConfig, Identity, Input, Now, Output, PeerKey, journal};
use ecomesh_record::frontier::frontier_hash;
use ecomesh_record::{
    Flags, ForkProof, Frontier, FrontierEntry, Kind, LogId, MemberId, Position, Priority, Record, RecordId,
    Retention, SignedFrontier, Time,
};
use ecomesh_store::FileDisk;

use crate::common::{Authors, Dice, INSTANCE, key, member, storage_key};
use crate::full;
use crate::sim::{Sabotage, SimFiles, State, Survives};

const DIR: &str = "log";
const SECOND: u64 = 1_000;

/// A ledger in memory whose commits are operations of the disk.
#[derive(Debug)]
pub struct SimLedger {
    inner: MemoryLedger,
    files: SimFiles,
}

impl Ledger for SimLedger {
    fn instance(&self) -> [u8; 16] {
        self.inner.instance()
    }

    fn room(&mut self) -> Room {
        self.inner.room()
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), LedgerError> {
        let mut next = self.inner.clone();
        next.commit(batch)?;
        self.files.ledger_commits(&next).map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => LedgerError::Full,
            _ => LedgerError::SyncFailed(error.to_string()),
        })?;
        self.inner = next;
        Ok(())
    }

    fn heads(&self) -> Result<Vec<LogHead>, LedgerError> {
        self.inner.heads()
    }

    fn record(&self, position: Position) -> Result<Option<Record>, LedgerError> {
        self.inner.record(position)
    }

    fn page(&self, log: LogId, from: u64, bytes: usize, records: usize) -> Result<Vec<Record>, LedgerError> {
        self.inner.page(log, from, bytes, records)
    }

    fn headers(&self, log: LogId, from: u64, count: usize) -> Result<Vec<Record>, LedgerError> {
        self.inner.headers(log, from, count)
    }

    fn find(&self, id: RecordId) -> Result<Option<Position>, LedgerError> {
        self.inner.find(id)
    }

    fn first_seen(&self, position: Position) -> Result<Option<Time>, LedgerError> {
        self.inner.first_seen(position)
    }

    fn forks(&self) -> Result<Vec<ForkProof>, LedgerError> {
        self.inner.forks()
    }

    fn value(&self, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        self.inner.value(name)
    }

    fn values_with(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        self.inner.values_with(prefix)
    }

    fn holes(&self) -> Result<Vec<RecordId>, LedgerError> {
        self.inner.holes()
    }

    fn is_excused(&self, position: Position) -> bool {
        self.inner.is_excused(position)
    }
}

/// What a node has told the world.
#[derive(Clone, Debug)]
pub enum Told {
    Authored(Position, RecordId),
    Published(Position, RecordId),
    Delivered(Position, MemberId),
}

/// A node of KE, its outputs, and TZ as a peer that only says what it holds.
pub struct Node<L> {
    pub core: Core<L, FileDisk>,
    pub now: Now,
    pub told: Vec<Told>,
    pub refused: usize,
    pub fatal: Option<String>,
    next_ticket: u64,
    counter: u64,
}

pub fn peer(name: &str) -> PeerKey {
    PeerKey(*key(&format!("t{name}")).public().as_bytes())
}

impl<L: Ledger> Node<L> {
    /// Starts from a ledger and a disk.
    pub fn open(authors: &Authors, ledger: L, disk: FileDisk, now: Now) -> Result<Self, String> {
        let config = CoreConfig { member: member("KE"), boot_nonce: [1; 16], seed: 7, recovery_ms: 1_000 };
        let (signing, transport_key) = (key("KE"), peer("KE"));
        let identity = Identity { signing, transport_key, transport_counter: 1, storage: storage_key() };
        let core = Core::open(config, identity, authors.roster.clone(), ledger, disk, now);
        let core = core.map_err(|error| error.to_string())?;
        let (told, next_ticket, counter) = (Vec::new(), 1, now.mono);
        let mut node = Self { core, now, told, refused: 0, fatal: None, next_ticket, counter };
        node.link(authors);
        Ok(node)
    }

    fn link(&mut self, authors: &Authors) {
        let certificate = Certificate { member: member("TZ"), key: peer("TZ"), counter: 1 };
        let hello = Hello { certificate, boot_nonce: [2; 16], instance: [3; 16], roster_epoch: 0 };
        let bytes = hello::encode(authors.network, &key("TZ"), &hello, Vec::new());
        self.core.handle(Input::HelloReceived { peer: peer("TZ"), exchange: 1, bytes }, self.now);
        self.core.handle(Input::LinkUp { peer: peer("TZ") }, self.now);
    }

    pub fn submit(&mut self, dice: &mut Dice) {
        let draft = Draft {
            kind: Kind::MESSAGE,
            priority: Priority::ROUTINE,
            to: if dice.roll(2) == 0 { vec![member("TZ")] } else { Vec::new() },
            retention: Retention::YEARS_5,
            expires_at: None,
            flags: Flags::default(),
            content: vec![dice.roll(256) as u8; dice.roll(600) as usize],
            salt: [dice.roll(256) as u8; 32],
            idempotency: (dice.roll(3) == 0).then(|| [dice.roll(256) as u8; 32]),
            sealed: None,
        };
        self.next_ticket += 1;
        self.core.handle(Input::Author { ticket: self.next_ticket, draft: Box::new(draft) }, self.now);
    }

    /// TZ has a record of its own.
    pub fn receive(&mut self, authors: &mut Authors, dice: &mut Dice) {
        let content = vec![dice.roll(256) as u8; 200];
        let record = Verified::clone(&authors.next("TZ", 1, Kind::MESSAGE, content));
        let topic = record.record().header().priority.topic();
        let report = PushReport { topic, records: vec![record], deferred: 0, blame: None };
        self.core.handle(Input::Pushed { token: 1, from: peer("TZ"), report }, self.now);
    }

    /// TZ says that it holds all that is here.
    pub fn hear(&mut self, authors: &Authors) {
        self.counter += 1;
        let entry = |head: LogHead| FrontierEntry { log: head.log, seq: head.seq, head: head.head };
        let frontier = Frontier {
            member: member("TZ"),
            instance: [3; 16],
            counter: self.counter,
            roster_epoch: 0,
            time: self.now.wall,
            complete: true,
            entries: self.core.ledger().heads().unwrap().into_iter().map(entry).collect(),
            holes: Vec::new(),
            bodiless_lanes: Vec::new(),
        };
        let bytes = frontier.encode().unwrap();
        let hash = frontier_hash(authors.network, &bytes);
        let signature = *key("TZ").sign_frontier(authors.network, &hash).as_bytes();
        let signed = SignedFrontier { bytes: bytes.into(), signature };
        let frontiers = vec![verify_frontier(&authors.ring, signed).unwrap()];
        let question = Ok(Question::Notify { frontiers, forks: Vec::new() });
        self.core.handle(Input::Asked { peer: peer("TZ"), exchange: 2, question }, self.now);
    }

    pub fn commit(&mut self, authors: &Authors) {
        self.core.handle_timeout(self.now);
        self.core.commit(self.now);
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Authored { result: Ok(recorded), .. } => {
                    self.told.push(Told::Authored(recorded.position, recorded.id));
                }
                Output::Authored { .. } => self.refused += 1,
                Output::Publish { topic, bytes } => {
                    let records = verify_push(&authors.ring, topic, &bytes).records;
                    let told =
                        records.iter().map(|r| Told::Published(r.record().position(), r.record().id()));
                    self.told.extend(told);
                }
                Output::Delivered { position, member, .. } => {
                    self.told.push(Told::Delivered(position, member));
                }
                Output::Fatal(reason) => self.fatal = Some(reason),
                _ => {}
            }
        }
        self.now = Now { wall: self.now.wall.after(SECOND), mono: self.now.mono + SECOND };
    }
}

/// All that a node was known to have said.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    pub authored: BTreeMap<Position, RecordId>,
    pub published: BTreeMap<Position, RecordId>,
    pub delivered: BTreeSet<(Position, MemberId)>,
}

impl Promises {
    pub fn learn(&mut self, told: &Told) {
        match told {
            Told::Authored(position, id) => drop(self.authored.insert(*position, *id)),
            Told::Published(position, id) => drop(self.published.insert(*position, *id)),
            Told::Delivered(position, member) => drop(self.delivered.insert((*position, *member))),
        }
    }
}

/// What a node has after a start.
#[derive(Debug)]
pub struct Holds {
    pub records: BTreeMap<Position, RecordId>,
    pub delivered: BTreeSet<(Position, MemberId)>,
    pub generation: Option<u32>,
    /// Where the first record after the start was written.
    pub next: Position,
}

impl Holds {
    /// Lets a node that has just started work, and looks at it.
    pub fn of<L: Ledger>(node: &mut Node<L>, authors: &Authors) -> Result<Self, String> {
        let generation = node.core.status(node.now).generation;
        node.commit(authors);
        let mut records = BTreeMap::new();
        let mut delivered = BTreeSet::new();
        let ledger = node.core.ledger();
        for head in ledger.heads().map_err(|error| error.to_string())? {
            for seq in 0..=head.seq {
                let position = head.log.at(seq);
                let record = ledger.record(position).map_err(|error| error.to_string())?;
                records.insert(position, record.ok_or("a gap in a log")?.id());
                let known = node.core.delivery(position).into_iter().flat_map(|known| known.delivered);
                delivered.extend(known.filter(|(_, at)| at.is_some()).map(|(member, _)| (position, member)));
            }
        }
        let before = node.told.len();
        // It asks its peers for a while, if it is not sure of its own history.
        for _ in 0..4 {
            node.submit(&mut Dice(77));
            node.commit(authors);
        }
        if let Some(fatal) = &node.fatal {
            return Err(format!("it stopped: {fatal}"));
        }
        let next = node.told[before..].iter().find_map(|told| match told {
            Told::Authored(position, id) if !records.values().any(|known| known == id) => Some(*position),
            _ => None,
        });
        Ok(Self { records, delivered, generation, next: next.ok_or("it takes no new record")? })
    }

    /// Compares it with what was said before the cut.
    pub fn check(&self, promises: &Promises) -> Result<(), String> {
        for (position, id) in promises.authored.iter().chain(&promises.published) {
            match self.records.get(position) {
                None => return Err(format!("{position} was acknowledged or published and is lost")),
                Some(other) if other != id => return Err(format!("{position} has become another record")),
                Some(_) => {}
            }
        }
        if promises.published.contains_key(&self.next) {
            return Err(format!("{} is written twice: the log forks", self.next));
        }
        if let Some((position, member)) = promises.delivered.difference(&self.delivered).next() {
            return Err(format!("the delivery of {position} to {member} was told and is forgotten"));
        }
        Ok(())
    }
}

pub fn begin(authors: &Authors) -> SimFiles {
    let files = SimFiles::default();
    let mut disk = FileDisk::open(Path::new(DIR), files.system()).unwrap();
    journal::create(&mut disk, authors.network, member("KE"), INSTANCE).unwrap();
    files.ledger_commits(&MemoryLedger::new(authors.network, INSTANCE)).unwrap();
    files
}

pub fn start(files: &SimFiles, authors: &Authors, now: Now) -> Result<Node<SimLedger>, String> {
    let inner = (*files.state().ledger.expect("there is a ledger from the start")).clone();
    let disk = FileDisk::open(Path::new(DIR), files.system()).map_err(|error| error.to_string())?;
    Node::open(authors, SimLedger { inner, files: files.clone() }, disk, now)
}

pub const START: Now = Now { wall: Time(1_800_000_000_000), mono: 1_000 };

/// Works, and remembers after which operation what was told.
fn work(files: &SimFiles, authors: &mut Authors, steps: usize, dice: &mut Dice) -> Vec<(u64, Told)> {
    let mut node = start(files, authors, START).unwrap();
    let mut events = Vec::new();
    for step in 0..steps {
        (0..dice.roll(3)).for_each(|_| node.submit(dice));
        if dice.roll(3) == 0 {
            node.receive(authors, dice);
        }
        if dice.roll(3) == 0 {
            node.hear(authors);
        }
        node.commit(authors);
        assert_eq!(node.fatal, None);
        events.extend(node.told.drain(..).map(|told| (files.operations(), told)));
        if step % 25 == 24 {
            // Killed, and started again.
            node = start(files, authors, node.now).unwrap();
        }
    }
    events
}

/// What starts from files and a ledger found: most cuts leave what another one left. The ledgers are kept, so that
/// none takes the address of another.
#[derive(Default)]
struct Starts(BTreeMap<StartKey, (Arc<MemoryLedger>, Rc<Holds>)>);

/// The fingerprint of the files, and the address of the ledger.
type StartKey = ([u8; 32], usize);

impl Starts {
    fn from(&mut self, left: State, authors: &Authors) -> Result<Rc<Holds>, String> {
        let ledger = left.ledger.clone().ok_or("there is no ledger")?;
        let key = (left.fingerprint(), Arc::as_ptr(&ledger) as usize);
        if let Some((_, holds)) = self.0.get(&key) {
            return Ok(Rc::clone(holds));
        }
        let mut node = start(&SimFiles::new(left, Sabotage::None), authors, later())?;
        let holds = Rc::new(Holds::of(&mut node, authors)?);
        self.0.insert(key, (ledger, Rc::clone(&holds)));
        Ok(holds)
    }
}

/// A start after all that was played.
pub fn later() -> Now {
    Now { wall: START.wall.after(10_000 * SECOND), mono: START.mono + 10_000 * SECOND }
}

/// Cuts the power after every operation, and looks at what the next start has. Returns the number of cuts.
fn cut_everywhere(files: &SimFiles, events: &[(u64, Told)], authors: &Authors) -> Result<usize, String> {
    let mut starts = Starts::default();
    let mut promises = Promises::default();
    let mut events = events.iter().peekable();
    let mut dice = Dice(13);
    let mut cuts = 0;
    for (operations, moment) in files.moments().iter().enumerate() {
        while let Some((_, told)) = events.next_if(|(at, _)| *at <= operations as u64) {
            promises.learn(told);
        }
        for survives in Survives::ALL {
            let told = |error| format!("operation {operations}, {survives:?}: {error}");
            let holds = starts.from(moment.cut(survives, &mut dice), authors).map_err(told)?;
            holds.check(&promises).map_err(told)?;
            if holds.generation != Some(0) {
                return Err(told("it is not sure of its own history".into()));
            }
            cuts += 1;
        }
        let told = |error| format!("operation {operations}, killed and cut: {error}");
        cuts += check_kill(moment, &promises, &mut starts, authors, &mut dice).map_err(told)?;
    }
    Ok(cuts)
}

/// The process is killed and starts again; then the power goes, at any operation of that start.
fn check_kill(
    moment: &State,
    promises: &Promises,
    starts: &mut Starts,
    authors: &Authors,
    dice: &mut Dice,
) -> Result<usize, String> {
    let files = SimFiles::new(moment.clone(), Sabotage::None);
    files.record();
    let mut node = start(&files, authors, later())?;
    node.commit(authors);
    let mut after = promises.clone();
    node.told.iter().for_each(|told| after.learn(told));
    let moments = files.moments();
    let last = moments.len() - 1;
    let some = if full() { (0..=last).collect() } else { vec![dice.roll(last as u64 + 1) as usize, last] };
    for n in &some {
        let survives = Survives::ALL[dice.roll(8) as usize];
        let holds = starts.from(moments[*n].cut(survives, dice), authors)?;
        holds.check(if *n == last { &after } else { promises })?;
    }
    Ok(some.len())
}

#[test]
fn no_cut_of_power_takes_back_what_a_node_has_said() {
    let mut authors = Authors::new();
    let files = begin(&authors);
    files.record();
    let events = work(&files, &mut authors, if full() { 400 } else { 80 }, &mut Dice(5));
    let count = |is: fn(&Told) -> bool| events.iter().filter(|(_, told)| is(told)).count();
    let authored = count(|told| matches!(told, Told::Authored(..)));
    let published = count(|told| matches!(told, Told::Published(..)));
    let delivered = count(|told| matches!(told, Told::Delivered(..)));
    let cuts = cut_everywhere(&files, &events, &authors).unwrap();
    eprintln!("{cuts} cuts over {} operations; {authored}, {published}, {delivered}", files.operations());
    assert!(authored > 50 && published > 50 && delivered > 10, "{authored}, {published}, {delivered}");
    assert!(cuts > 2_000, "{cuts}");
}

#[test]
fn a_disk_that_breaks_its_word_is_noticed() {
    let mut authors = Authors::new();
    let files = begin(&authors);
    let files = SimFiles::new(files.state(), Sabotage::ContentIsNotSynced);
    files.record();
    let events = work(&files, &mut authors, 20, &mut Dice(5));
    let noticed = cut_everywhere(&files, &events, &authors).unwrap_err();
    assert!(noticed.contains("it is not sure of its own history"), "{noticed}");
}
