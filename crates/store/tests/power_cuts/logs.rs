//! Journal and evidence over a disk that loses power, with the code that a node runs: what was acknowledged is there
//! after any cut, nothing is there that was never written, and everything opens.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use ecomesh_protocol::disk::{Disk, DiskError};
use ecomesh_protocol::evidence::{Evidence, EvidenceLog};
use ecomesh_protocol::journal::{self, Entry, JOURNAL, Journal};
use ecomesh_record::{
    Audience, Body, Flags, Header, Kind, Lane, LogId, MemberId, NetworkId, Position, Priority, Record,
    RecordId, Retention, SignedFrontier, Time,
};
use ecomesh_store::FileDisk;

use crate::common::{Dice, INSTANCE, member, storage_key};
use crate::full;
use crate::sim::{Fault, Sabotage, SimFiles, State, Survives};

const NETWORK: NetworkId = NetworkId([5; 32]);
const DIR: &str = "log";

fn own() -> MemberId {
    member("KE")
}

/// The record with this number on a lane, before its signature.
fn entry(lane: u8, seq: u64, content: Vec<u8>) -> Entry {
    let body = Body::new([3; 32], content).unwrap();
    let header = Header {
        author: own(),
        lane: Lane::new(lane).unwrap(),
        generation: 0,
        seq,
        prev: if seq == 0 { RecordId::ZERO } else { RecordId([7; 32]) },
        created_at: Time(1_700_000_000_000),
        expires_at: Time(0),
        roster_epoch: 0,
        priority: Priority::ROUTINE,
        kind: Kind::MESSAGE,
        retention: Retention::YEARS_5,
        flags: Flags::default(),
        to: Vec::new(),
        audience: Audience::Open,
        body_commit: body.commitment(NETWORK),
        body_len: u32::try_from(body.content().len()).unwrap(),
        ext: Vec::new(),
    };
    let record = Record::sign_with(NETWORK, header, Some(body), |_| [0; 64]).unwrap();
    Entry { record, idempotency: [seq as u8; 32], closed: false }
}

fn proof(number: u64, length: usize) -> Evidence {
    let bytes = vec![number as u8; length].into();
    Evidence { received_at: Time(number), frontier: SignedFrontier { bytes, signature: [number as u8; 64] } }
}

/// What a start finds, and goes on with.
pub struct Found {
    disk: FileDisk,
    journal: Journal,
    evidence: EvidenceLog,
    pub content: Rc<Content>,
}

/// What the files say.
pub struct Content {
    entries: Vec<Entry>,
    proofs: Vec<Evidence>,
    instance: [u8; 16],
}

/// The start of a node, as far as these two files go.
pub fn recover(files: &SimFiles) -> Result<Found, String> {
    let text = |error: DiskError| error.to_string();
    let mut disk = FileDisk::open(Path::new(DIR), files.system()).map_err(text)?;
    let bytes = disk.read(JOURNAL).map_err(text)?.ok_or("the journal is gone")?;
    let content = journal::read(NETWORK, own(), &storage_key(), &bytes).map_err(|error| error.to_string())?;
    let journal = Journal::resume(&mut disk, NETWORK, own(), storage_key(), &content).map_err(text)?;
    let opened = EvidenceLog::open(&mut disk, NETWORK, own(), INSTANCE).map_err(text)?;
    if opened.replaced {
        return Err("the evidence is damaged".into());
    }
    let content = Content { entries: content.entries, proofs: opened.entries, instance: content.instance };
    Ok(Found { disk, journal, evidence: opened.log, content: Rc::new(content) })
}

/// What the program that used the files knows of them.
#[derive(Clone, Debug)]
pub enum Event {
    Writes(Vec<Entry>),
    Wrote(Vec<Position>),
    Released(Vec<Position>),
    Proves(Vec<Evidence>),
    Proved(usize),
    Rebinds([u8; 16]),
    Rebound([u8; 16]),
}

/// What must be there, and what may be.
#[derive(Clone, Debug)]
pub struct Known {
    attempted: BTreeMap<Position, Vec<Entry>>,
    acknowledged: BTreeMap<Position, Entry>,
    /// Acknowledged and no longer needed: may be there or not.
    released: BTreeMap<Position, Entry>,
    proofs_attempted: Vec<Evidence>,
    proofs: Vec<Evidence>,
    instances: BTreeSet<[u8; 16]>,
}

impl Known {
    pub fn at_start() -> Self {
        Self {
            attempted: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            released: BTreeMap::new(),
            proofs_attempted: Vec::new(),
            proofs: Vec::new(),
            instances: BTreeSet::from([INSTANCE]),
        }
    }

    pub fn learn(&mut self, event: Event) {
        match event {
            Event::Writes(entries) => {
                for entry in entries {
                    self.attempted.entry(entry.record.position()).or_default().push(entry);
                }
            }
            Event::Wrote(positions) => {
                for position in positions {
                    let mut attempts = self.attempted.remove(&position).unwrap();
                    self.acknowledged.insert(position, attempts.pop().unwrap());
                }
            }
            Event::Released(positions) => {
                for position in positions {
                    let entry = self.acknowledged.remove(&position).unwrap();
                    self.released.insert(position, entry);
                }
            }
            Event::Proves(proofs) => self.proofs_attempted.extend(proofs),
            Event::Proved(count) => {
                let from = self.proofs_attempted.len() - count;
                self.proofs.extend_from_slice(&self.proofs_attempted[from..]);
            }
            Event::Rebinds(instance) => drop(self.instances.insert(instance)),
            Event::Rebound(instance) => {
                self.instances = BTreeSet::from([instance]);
                // What was left out is gone for good.
                self.released.clear();
            }
        }
    }

    /// Compares it with what was found.
    pub fn check(&self, found: &Content) -> Result<(), String> {
        let mut there = BTreeMap::new();
        let mut last: BTreeMap<LogId, u64> = BTreeMap::new();
        for entry in &found.entries {
            let position = entry.record.position();
            if last.insert(position.log, position.seq).is_some_and(|before| before >= position.seq) {
                return Err(format!("{position} stands after its successor"));
            }
            there.insert(position, entry);
        }
        for (position, entry) in &self.acknowledged {
            match there.get(position) {
                None => return Err(format!("{position} was acknowledged and is lost")),
                Some(other) if *other != entry => return Err(format!("{position} has become another")),
                Some(_) => {}
            }
        }
        for (position, entry) in there {
            let known = self.released.get(&position).or_else(|| self.acknowledged.get(&position));
            let is_known = match known {
                Some(known) => known == entry,
                None => self.attempted.get(&position).is_some_and(|some| some.contains(entry)),
            };
            if !is_known {
                return Err(format!("{position} was never written so"));
            }
        }
        if !found.proofs.starts_with(&self.proofs) {
            return Err("evidence was acknowledged and is lost".into());
        }
        let rest = &found.proofs[self.proofs.len()..];
        if !rest.iter().all(|proof| self.proofs_attempted.contains(proof)) {
            return Err("evidence was never written so".into());
        }
        if !self.instances.contains(&found.instance) {
            return Err("the journal belongs to another store".into());
        }
        Ok(())
    }
}

/// A node's work with its journal and its evidence, and what it knows after each operation.
pub struct Work {
    pub files: SimFiles,
    pub found: Found,
    instance: [u8; 16],
    dice: Dice,
    next: BTreeMap<u8, u64>,
    next_proof: u64,
    pub events: Vec<(u64, Event)>,
}

impl Work {
    pub fn new(seed: u64, sabotage: Sabotage) -> Self {
        let files = SimFiles::new(State::default(), Sabotage::None);
        let mut disk = FileDisk::open(Path::new(DIR), files.system()).unwrap();
        journal::create(&mut disk, NETWORK, own(), INSTANCE).unwrap();
        drop(EvidenceLog::open(&mut disk, NETWORK, own(), INSTANCE).unwrap());
        // From here on the disk may lie.
        let files = SimFiles::new(files.state(), sabotage);
        files.record();
        let found = recover(&files).unwrap();
        let (dice, next, events) = (Dice(seed), BTreeMap::new(), Vec::new());
        Self { files, found, instance: INSTANCE, dice, next, next_proof: 0, events }
    }

    fn tell(&mut self, event: Event) {
        self.events.push((self.files.operations(), event));
    }

    /// Works until there were so many operations.
    pub fn run(&mut self, operations: u64) {
        while self.files.operations() < operations {
            match self.dice.roll(20) {
                0 => self.fail_a_write(),
                1 => self.start_again(),
                _ => self.step(),
            }
        }
    }

    /// One thing that may fail.
    pub fn step(&mut self) {
        match self.dice.roll(6) {
            0..=3 => self.write(),
            4 => self.prove(),
            _ => self.release_and_rewrite(),
        }
    }

    pub fn write(&mut self) {
        let count = 1 + self.dice.roll(3);
        let mut entries = Vec::new();
        for _ in 0..count {
            let lane = self.dice.roll(2) as u8;
            let seq = self.next.get(&lane).copied().unwrap_or(0);
            let length = if self.dice.roll(8) == 0 { 3_000 } else { self.dice.roll(400) };
            entries.push(entry(lane, seq, vec![self.dice.roll(256) as u8; length as usize]));
            self.next.insert(lane, seq + 1);
        }
        self.tell(Event::Writes(entries.clone()));
        let all: Vec<&Entry> = entries.iter().collect();
        match self.found.journal.append(&mut self.found.disk, &all) {
            Ok(()) => self.tell(Event::Wrote(entries.iter().map(|e| e.record.position()).collect())),
            // Their places are free again, as in the core.
            Err(_) => entries.iter().rev().for_each(|e| {
                let position = e.record.position();
                self.next.insert(position.log.lane.number(), position.seq);
            }),
        }
    }

    fn prove(&mut self) {
        let count = 1 + self.dice.roll(2);
        let proofs: Vec<Evidence> =
            (0..count).map(|n| proof(self.next_proof + n, self.dice.roll(150) as usize)).collect();
        self.next_proof += count;
        self.tell(Event::Proves(proofs.clone()));
        if self.found.evidence.append(&mut self.found.disk, &proofs).is_ok() {
            self.tell(Event::Proved(count as usize));
        }
    }

    fn release_and_rewrite(&mut self) {
        let mut released = self.found.journal.releasable(None, usize::MAX);
        released.truncate(released.len().saturating_sub(4));
        self.found.journal.release(&released);
        self.tell(Event::Released(released));
        // Sometimes the store is another one.
        let instance = if self.dice.roll(3) == 0 { [self.dice.roll(200) as u8; 16] } else { self.instance };
        self.tell(Event::Rebinds(instance));
        if self.found.journal.rebind(&mut self.found.disk, instance).is_ok() {
            self.instance = instance;
            self.tell(Event::Rebound(instance));
        }
    }

    /// A write for which there is no space leaves half of it, which is taken back; the next one cuts first.
    fn fail_a_write(&mut self) {
        self.files.set_fault(Some(Fault { from: self.files.operations() + 1, count: 1, full: true }));
        self.write();
        self.files.set_fault(None);
        self.write();
    }

    /// The process is killed, and starts again.
    fn start_again(&mut self) {
        self.found = recover(&self.files).unwrap();
    }
}

/// What the cuts met.
#[derive(Debug, Default)]
struct Counts {
    moments: usize,
    cuts: usize,
    second_cuts: usize,
    /// Cuts at which something unsynced was at stake.
    at_stake: usize,
    torn: usize,
    rewrites_seen_half: usize,
}

/// What starts from files found, by the files: most cuts leave what another one left.
#[derive(Default)]
pub struct Starts(BTreeMap<[u8; 32], Rc<Content>>);

impl Starts {
    fn from(&mut self, left: State) -> Result<Rc<Content>, String> {
        let key = left.fingerprint();
        if let Some(content) = self.0.get(&key) {
            return Ok(Rc::clone(content));
        }
        let content = recover(&SimFiles::new(left, Sabotage::None))?.content;
        self.0.insert(key, Rc::clone(&content));
        Ok(content)
    }
}

/// Cuts the power after each operation of a workload.
fn cut_everywhere(work: &Work, counts: &mut Counts) -> Result<(), String> {
    let mut starts = Starts::default();
    let moments = work.files.moments();
    let mut events = work.events.iter().peekable();
    let mut known = Known::at_start();
    let mut dice = Dice(11);
    for (operations, moment) in moments.iter().enumerate() {
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= operations as u64) {
            known.learn(event.clone());
        }
        counts.moments += 1;
        counts.at_stake += usize::from(moment.has_unsynced());
        for (n, survives) in Survives::ALL.into_iter().enumerate() {
            let told = |error| format!("operation {operations}, {survives:?}: {error}");
            let twice = full() || n == operations % Survives::ALL.len();
            let left = moment.cut(survives, &mut dice);
            counts.cuts += 1;
            counts.rewrites_seen_half += usize::from(left.has_unfinished_rewrite());
            known.check(&*starts.from(left.clone()).map_err(told)?).map_err(told)?;
            if twice {
                cut_the_start(left, &known, &mut starts, &mut dice, counts).map_err(told)?;
            }
        }
        check_kill(moment, &known, &mut starts, &mut dice, counts)
            .map_err(|error| format!("operation {operations}, killed: {error}"))?;
    }
    Ok(())
}

/// Starts from what a cut left, and cuts the power at every operation of that start.
fn cut_the_start(
    left: State,
    known: &Known,
    starts: &mut Starts,
    dice: &mut Dice,
    counts: &mut Counts,
) -> Result<(), String> {
    let length = left.length_of(JOURNAL);
    let files = SimFiles::new(left, Sabotage::None);
    files.record();
    let Found { mut disk, mut journal, content, .. } = recover(&files)?;
    counts.torn += usize::from(length > files.state().length_of(JOURNAL));
    let known = known_after_start(known, &content);
    for moment in files.moments() {
        let some = if full() { Survives::ALL.to_vec() } else { vec![Survives::ALL[dice.roll(8) as usize]] };
        for survives in some {
            let told = |error| format!("second cut, {survives:?}: {error}");
            known.check(&*starts.from(moment.cut(survives, dice)).map_err(told)?).map_err(told)?;
            counts.second_cuts += 1;
        }
    }
    // It goes on: one more record is as safe as any.
    let next = append_one_more(&content, &mut journal, &mut disk)?;
    let again = recover(&SimFiles::new(files.state().cut(Survives::Nothing, dice), Sabotage::None))?;
    if again.content.entries.last() != Some(&next) {
        return Err("the first record after the start is lost".into());
    }
    Ok(())
}

fn append_one_more(content: &Content, journal: &mut Journal, disk: &mut FileDisk) -> Result<Entry, String> {
    let is_on_lane = |e: &&Entry| e.record.header().lane == Lane::CONTROL;
    let last = content.entries.iter().rev().find(is_on_lane);
    let next = entry(0, last.map_or(0, |e| e.record.position().seq + 1), vec![9; 100]);
    journal.append(disk, &[&next]).map_err(|error| error.to_string())?;
    Ok(next)
}

/// The process ends and the power stays; after the next start the power is cut.
fn check_kill(
    moment: &State,
    known: &Known,
    starts: &mut Starts,
    dice: &mut Dice,
    counts: &mut Counts,
) -> Result<(), String> {
    let files = SimFiles::new(moment.clone(), Sabotage::None);
    let Found { mut disk, mut journal, content, .. } = recover(&files)?;
    known.check(&content)?;
    let mut known = known_after_start(known, &content);
    let next = append_one_more(&content, &mut journal, &mut disk)?;
    known.acknowledged.insert(next.record.position(), next);
    let some = if full() { &Survives::ALL[..] } else { &[Survives::Nothing, Survives::SomeSectors] };
    for survives in some {
        let told = |error| format!("then cut, {survives:?}: {error}");
        known.check(&*starts.from(files.state().cut(*survives, dice)).map_err(told)?).map_err(told)?;
        counts.second_cuts += 1;
    }
    Ok(())
}

/// What a start finds is signed and sent: from then on it counts as acknowledged.
fn known_after_start(known: &Known, found: &Content) -> Known {
    let mut known = known.clone();
    for entry in &found.entries {
        let position = entry.record.position();
        if !known.released.contains_key(&position) {
            known.acknowledged.insert(position, entry.clone());
        }
    }
    known.proofs.clone_from(&found.proofs);
    known
}

#[test]
fn no_cut_of_power_loses_what_the_journal_or_the_evidence_acknowledged() {
    let mut work = Work::new(1, Sabotage::None);
    work.run(2_000);
    let mut counts = Counts::default();
    cut_everywhere(&work, &mut counts).unwrap();
    eprintln!("{counts:?}");
    // The generator must not quietly stop reaching a case.
    assert!(counts.moments > 2_000 && counts.cuts >= 8 * 2_000 && counts.second_cuts > 10_000, "{counts:?}");
    assert!(counts.at_stake > 800 && counts.torn > 100 && counts.rewrites_seen_half > 100, "{counts:?}");
}

/// The same, with one mechanism taken out: the check must see it, or it proves nothing.
#[test]
fn a_disk_that_breaks_its_word_is_noticed() {
    for (sabotage, complaint) in [
        (Sabotage::ContentIsNotSynced, "was acknowledged and is lost"),
        (Sabotage::FreshFilesAreNotSynced, "the journal cannot be read"),
        (Sabotage::NamesAreNotSynced, "was never written so"),
        (Sabotage::RenameIsTwoSteps, "the journal is gone"),
    ] {
        let mut work = Work::new(1, sabotage);
        work.run(600);
        let noticed = cut_everywhere(&work, &mut Counts::default()).unwrap_err();
        assert!(noticed.contains(complaint), "{sabotage:?}: {noticed}");
    }
}
