//! Signed records of a small network, and stores in temporary folders.
#![allow(dead_code, unreachable_pub)] // Each test file uses its own part of this module.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ecomesh_protocol::Roster;
use ecomesh_protocol::control::CONTROL_KINDS;
use ecomesh_protocol::ledger::{Batch, Ledger, LedgerError, NewRecord};
use ecomesh_protocol::verify::{KeyRing, Verified, verify_record};
use ecomesh_record::charter::{FounderSignature, Thresholds};
use ecomesh_record::{
    Audience, Body, Charter, CharterMember, Flags, ForkProof, FoundedCharter, Header, Kind, Lane, LogId,
    MemberId, NetworkId, Position, Priority, Record, RecordId, Retention, Time,
};
use ecomesh_seal::{SigningKey, StorageKey};
use ecomesh_store::{OpenError, Opened, Options, SledLedger, open_or_create};

pub const MEMBERS: [&str; 3] = ["KE", "TZ", "ZM"];
pub const INSTANCE: [u8; 16] = [7; 16];

pub fn member(name: &str) -> MemberId {
    MemberId::parse(name).unwrap()
}

pub fn key(name: &str) -> SigningKey {
    let mut seed = [1; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(&seed)
}

/// The key under which bodies are kept.
pub fn storage_key() -> StorageKey {
    StorageKey::from_bytes(&[3; 32])
}

/// A network of three, and the records that its members wrote so far.
pub struct Authors {
    pub roster: Roster,
    pub ring: KeyRing,
    pub network: NetworkId,
    heads: std::collections::BTreeMap<LogId, (u64, RecordId)>,
}

impl Authors {
    pub fn new() -> Self {
        let entry = |name: &&str| CharterMember {
            member: member(name),
            role: 0,
            name: format!("NCB {name}"),
            signing_key: *key(name).public().as_bytes(),
            recovery_keys: Vec::new(),
            fallback_prekey: Vec::new().into(),
            transport_key: *key(&format!("t{name}")).public().as_bytes(),
            ext: Vec::new(),
        };
        let charter = Charter {
            version: 1,
            suite: 1,
            network: "test".into(),
            drafted_at: Time(1_700_000_000_000),
            thresholds: Thresholds::default(),
            retention: (1..=6).map(|class| (class, Retention(class).days().unwrap())).collect(),
            control_kinds: CONTROL_KINDS.to_vec(),
            members: MEMBERS.iter().map(entry).collect(),
            ext: Vec::new(),
        };
        let network = charter.network_id().unwrap();
        let sign = |name: &&str| FounderSignature {
            member: member(name),
            signature: *key(name).sign_charter(network).as_bytes(),
        };
        let founded = FoundedCharter {
            charter: charter.encode().unwrap().into(),
            addresses: Vec::new(),
            signatures: MEMBERS.iter().map(sign).collect(),
        };
        let roster = Roster::found(founded).unwrap();
        let (ring, heads) = (KeyRing::of_roster(&roster), std::collections::BTreeMap::new());
        Self { roster, ring, network, heads }
    }

    /// The next record of a log.
    pub fn next(&mut self, name: &str, lane: u8, kind: Kind, content: Vec<u8>) -> Arc<Verified> {
        let log = LogId { author: member(name), lane: Lane::new(lane).unwrap(), generation: 0 };
        let (seq, prev) = match self.heads.get(&log) {
            Some((seq, id)) => (seq + 1, *id),
            None => (0, RecordId::ZERO),
        };
        let verified = self.sign(name, log.at(seq), prev, kind, content);
        self.heads.insert(log, (seq, verified.record().id()));
        verified
    }

    /// A record at any place.
    pub fn sign(
        &self,
        name: &str,
        at: Position,
        prev: RecordId,
        kind: Kind,
        content: Vec<u8>,
    ) -> Arc<Verified> {
        let mut salt = [3; 32];
        salt[..8].copy_from_slice(&at.seq.to_be_bytes());
        let body = Body::new(salt, content).unwrap();
        let header = Header {
            author: at.log.author,
            lane: at.log.lane,
            generation: at.log.generation,
            seq: at.seq,
            prev,
            created_at: Time(1_700_000_000_000 + at.seq),
            expires_at: Time(0),
            roster_epoch: 0,
            priority: Priority::ROUTINE,
            kind,
            retention: Retention::CONTROL,
            flags: Flags::default(),
            to: Vec::new(),
            audience: Audience::Open,
            body_commit: body.commitment(self.network),
            body_len: u32::try_from(body.content().len()).unwrap(),
            ext: Vec::new(),
        };
        let sign = |id| *key(name).sign_record(self.network, id).as_bytes();
        let record = Record::sign_with(self.network, header, Some(body), sign).unwrap();
        Arc::new(verify_record(&self.ring, record).unwrap())
    }

    /// The same record without its body.
    pub fn bare(&self, record: &Verified) -> Arc<Verified> {
        Arc::new(verify_record(&self.ring, record.record().clone().without_body()).unwrap())
    }

    /// A proof that a log forks at a position.
    pub fn fork(&self, name: &str, at: Position, mark: u8) -> ForkProof {
        let side = |n: u8| {
            let record = self.sign(name, at, RecordId([9; 32]), Kind::MESSAGE, vec![mark, n]);
            (record.record().hash(), *record.record().signature())
        };
        ForkProof::new(at, side(0), side(1)).unwrap()
    }
}

pub fn new(record: &Arc<Verified>) -> NewRecord {
    NewRecord { record: Arc::clone(record), first_seen: Time(5_000 + record.record().header().seq) }
}

pub fn batch(records: &[Arc<Verified>]) -> Batch {
    Batch { records: records.iter().map(new).collect(), ..Batch::default() }
}

/// Small, so that a test does not take 256 MiB.
pub fn options() -> Options {
    Options {
        ballast_bytes: 64 * 1024,
        low_water_bytes: 1024 * 1024,
        min_free_bytes: 64 * 1024,
        ..Options::default()
    }
}

pub fn try_open(path: &Path, network: NetworkId) -> Result<Opened, OpenError> {
    open_or_create(path, network, INSTANCE, &storage_key(), &options())
}

pub fn open(path: &Path, network: NetworkId) -> SledLedger {
    try_open(path, network).unwrap().ledger
}

/// All that the trait tells, to compare two ledgers.
pub fn contents(ledger: &impl Ledger) -> Result<Contents, LedgerError> {
    let mut records = Vec::new();
    let mut excused = Vec::new();
    let heads = ledger.heads()?;
    for head in &heads {
        for seq in 0..=head.seq {
            let position = head.log.at(seq);
            let record = ledger.record(position)?.ok_or_else(|| LedgerError::Damaged("a gap".into()))?;
            assert_eq!(ledger.find(record.id())?, Some(position));
            assert_eq!(ledger.header_hash(position)?, Some((record.hash(), *record.signature())));
            records.push((record, ledger.first_seen(position)?));
            if ledger.is_excused(position) {
                excused.push(position);
            }
        }
        assert_eq!(ledger.record(head.log.at(head.seq + 1))?, None);
    }
    Ok(Contents {
        heads,
        records,
        forks: ledger.forks()?,
        values: ledger.values_with("")?,
        holes: ledger.holes()?,
        excused,
    })
}

#[derive(Debug, PartialEq, Clone)]
pub struct Contents {
    pub heads: Vec<ecomesh_protocol::ledger::LogHead>,
    pub records: Vec<(Record, Option<Time>)>,
    pub forks: Vec<ForkProof>,
    pub values: Vec<(String, Vec<u8>)>,
    pub holes: Vec<RecordId>,
    pub excused: Vec<Position>,
}

pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else if entry.file_name() != "ballast" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files of a store and of its database, with their lengths.
pub fn files(path: &Path) -> Vec<(PathBuf, u64)> {
    let mut all = Vec::new();
    for dir in [path.to_owned(), path.join("records")] {
        for entry in fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let relative = entry.path().strip_prefix(path).unwrap().to_owned();
                all.push((relative, entry.metadata().unwrap().len()));
            }
        }
    }
    all.sort();
    all
}

/// The folder `before`, with each changed block of `after` or without it.
pub fn mix(before: &Path, after: &Path, to: &Path, dice: &mut Dice) {
    copy_dir(before, to);
    for (file, _) in files(after) {
        let old = fs::read(before.join(&file)).unwrap_or_default();
        let new = fs::read(after.join(&file)).unwrap();
        // The marker is written once all blocks of the commit are synced: a new one among old blocks cannot be.
        if file.ends_with("marker") {
            continue;
        }
        // The length of a file is a block of its own, so to say.
        let mut mixed = if dice.roll(2) == 0 && !old.is_empty() { old.clone() } else { new.clone() };
        for at in (0..mixed.len()).step_by(4096) {
            let end = (at + 4096).min(mixed.len());
            let from = if dice.roll(2) == 0 { &old } else { &new };
            let block: Vec<u8> = (at..end).map(|i| from.get(i).copied().unwrap_or(0)).collect();
            mixed[at..end].copy_from_slice(&block);
        }
        fs::write(to.join(&file), mixed).unwrap();
    }
}

/// A small generator, so that damage is the same in each run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}
