//! A small network whose members write logs in memory, and archives of it: good ones, and bad ones.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses its own part of this"
)]

use std::collections::BTreeMap;

use ecomesh_audit::{Fault, Options, Place, Report, What, audit};
use ecomesh_protocol::control::{LogOpen, OpenMode};
use ecomesh_protocol::{LogHead, Roster};
use ecomesh_record::archive::{ArchiveEncoder, Filter, LogRange, Manifest};
use ecomesh_record::charter::{FounderSignature, Thresholds, VERSION};
use ecomesh_record::codec;
use ecomesh_record::record::FRAME_BYTES_MAX;
use ecomesh_record::{
    Audience, Body, Charter, CharterMember, Flags, ForkProof, FoundedCharter, Header, Kind, Lane, LogId,
    MemberId, NetworkId, Position, Priority, Record, RecordFrame, RecordId, Retention, Role, Time, tags,
};
use ecomesh_seal::SigningKey;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

/// 2026-09-21, in milliseconds.
pub const START: Time = Time(1_790_000_000_000);
pub const DAY: u64 = 24 * 60 * 60 * 1000;

pub fn member(name: &str) -> MemberId {
    MemberId::parse(name).unwrap()
}

pub fn log(name: &str, lane: u8, generation: u32) -> LogId {
    LogId { author: member(name), lane: Lane::new(lane).unwrap(), generation }
}

/// The key of a member: its seed is its letters again and again.
pub fn key_of(name: &str) -> SigningKey {
    seeded(name.as_bytes(), b's')
}

pub fn seeded(name: &[u8], purpose: u8) -> SigningKey {
    let mut seed = [purpose; 32];
    seed[..name.len()].copy_from_slice(name);
    SigningKey::from_seed(&seed)
}

/// A network and everything that its members wrote.
#[derive(Clone)]
pub struct Net {
    pub founded: FoundedCharter,
    pub network: NetworkId,
    pub records: BTreeMap<Position, Record>,
    pub forks: Vec<ForkProof>,
    pub filter: Filter,
    pub exporter: MemberId,
    pub exported_at: Time,
}

impl Net {
    /// A network with nothing in it.
    pub fn found(names: &[&str], keepers: &[&str]) -> Self {
        Self::found_with(names, keepers, &[Kind::LOG_OPEN])
    }

    /// A network with these control records.
    pub fn found_with(names: &[&str], keepers: &[&str], control: &[Kind]) -> Self {
        let founder = |name: &&str| CharterMember {
            member: member(name),
            role: if keepers.contains(name) { Role::KEEPER.0 } else { Role::COUNTRY.0 },
            name: format!("NCB {name}"),
            signing_key: *key_of(name).public().as_bytes(),
            recovery_keys: Vec::new(),
            fallback_prekey: ByteBuf::new(),
            transport_key: *seeded(name.as_bytes(), b't').public().as_bytes(),
            ext: Vec::new(),
        };
        let mut members: Vec<CharterMember> = names.iter().map(founder).collect();
        members.sort_by_key(|m| m.member);
        let charter = Charter {
            version: VERSION,
            suite: 1,
            network: "audit test".into(),
            drafted_at: START,
            thresholds: Thresholds::default(),
            retention: vec![(1, 40), (2, 1_827)],
            control_kinds: control.iter().map(|kind| kind.0).collect(),
            members,
            ext: Vec::new(),
        };
        let founded = sign_charter(&charter);
        let network = charter.network_id().unwrap();
        Self {
            founded,
            network,
            records: BTreeMap::new(),
            forks: Vec::new(),
            filter: Filter::default(),
            exporter: member("KE"),
            exported_at: START.after(30 * DAY),
        }
    }

    /// Three members: Kenya writes, is restored, and writes again; Tanzania writes; France only reads.
    pub fn small() -> Self {
        Self::found(&["KE", "TZ", "FR"], &[]).with_mail()
    }

    /// The same, in a network that erases.
    pub fn erasing() -> Self {
        let control = [Kind::LOG_OPEN, Kind::ERASE, Kind::EXTEND];
        Self::found_with(&["KE", "TZ", "FR"], &[], &control).with_mail()
    }

    fn with_mail(mut self) -> Self {
        let net = &mut self;
        net.write("KE", 1, 0, b"ivory, 120 kg", |_| {});
        net.write("KE", 1, 0, b"a second word on it", |h| h.to = vec![member("TZ")]);
        net.write("KE", 1, 0, b"and a third", |h| h.priority = Priority::FLASH);
        net.open_generation("KE", 2, 0);
        net.write("KE", 1, 2, b"after the restore", |_| {});
        net.write("TZ", 1, 0, b"seen", |h| h.to = vec![member("FR"), member("KE")]);
        net.write("TZ", 2, 0, b"an entry", |_| {});
        self
    }

    /// Adds a good record at the end of a log; `change` makes it another one before it is signed.
    pub fn write(
        &mut self,
        author: &str,
        lane: u8,
        generation: u32,
        content: &[u8],
        change: impl FnOnce(&mut Header),
    ) -> Position {
        let record = self.next_record(author, lane, generation, content, change);
        let position = record.position();
        self.records.insert(position, record);
        position
    }

    /// The record that [`Net::write`] would add.
    pub fn next_record(
        &self,
        author: &str,
        lane: u8,
        generation: u32,
        content: &[u8],
        change: impl FnOnce(&mut Header),
    ) -> Record {
        let log = log(author, lane, generation);
        let head = self.head(log);
        let created_at = START.after(60_000 * self.records.len() as u64);
        let control = lane == 0;
        let body = Body::new([seed_of(log, head); 32], content.to_vec()).unwrap();
        let mut header = Header {
            author: log.author,
            lane: log.lane,
            generation,
            seq: head.map_or(0, |h| h.seq + 1),
            prev: head.map_or(RecordId::ZERO, |h| h.head),
            created_at,
            expires_at: if control { Time(0) } else { created_at.after(40 * DAY) },
            roster_epoch: 0,
            priority: Priority::ROUTINE,
            kind: if control { Kind::LOG_OPEN } else { Kind::ECOMESSAGE },
            retention: if control { Retention::CONTROL } else { Retention::DAYS_40 },
            flags: Flags::default(),
            to: Vec::new(),
            audience: Audience::Open,
            body_commit: body.commitment(self.network),
            body_len: content.len() as u32,
            ext: Vec::new(),
        };
        change(&mut header);
        self.sign(&key_of(author), header, Some(body))
    }

    pub fn sign(&self, key: &SigningKey, header: Header, body: Option<Body>) -> Record {
        let network = self.network;
        Record::sign_with(network, header, body, |id| key.sign_record(network, id).0).unwrap()
    }

    /// Opens a generation after a restore.
    pub fn open_generation(&mut self, author: &str, generation: u32, base: u32) -> Position {
        let older = |h: &LogHead| h.log.author == member(author) && h.log.generation < generation;
        let heads: Vec<LogHead> = self.heads().into_iter().filter(older).collect();
        let content = LogOpen { mode: OpenMode::RESTORE, base, heads }.encode().unwrap();
        self.write(author, 0, generation, &content, |_| {})
    }

    pub fn heads(&self) -> Vec<LogHead> {
        let heads: BTreeMap<LogId, LogHead> = self
            .records
            .iter()
            .map(|(p, r)| (p.log, LogHead { log: p.log, seq: p.seq, head: r.id() }))
            .collect();
        heads.into_values().collect()
    }

    fn head(&self, log: LogId) -> Option<LogHead> {
        self.heads().into_iter().find(|head| head.log == log)
    }

    pub fn id(&self, position: Position) -> RecordId {
        self.records[&position].id()
    }

    pub fn place(&self, position: Position) -> Place {
        Place::Record(position, self.id(position))
    }

    /// What an honest exporter says.
    pub fn manifest(&self) -> Manifest {
        let first = |log: LogId| self.records.range(log.at(0)..).next().map_or(0, |(p, _)| p.seq);
        let range = |h: LogHead| LogRange { log: h.log, first: first(h.log), last: h.seq };
        Manifest {
            network: self.network,
            exporter: self.exporter,
            exported_at: self.exported_at,
            filter: self.filter.clone(),
            logs: self.heads().into_iter().map(range).collect(),
        }
    }

    /// A good archive, by the encoder.
    pub fn archive(&self) -> Vec<u8> {
        self.archive_with(&BTreeMap::new())
    }

    /// The archive with content keys of records.
    pub fn archive_with(&self, keys: &BTreeMap<RecordId, [u8; 32]>) -> Vec<u8> {
        let (mut encoder, mut bytes) =
            ArchiveEncoder::begin_with_keys(&self.founded, &self.manifest(), keys).unwrap();
        self.records.values().for_each(|record| bytes.extend(encoder.record(record).unwrap()));
        self.forks.iter().for_each(|proof| bytes.extend(encoder.fork(proof).unwrap()));
        bytes.extend(encoder.finish().unwrap());
        bytes
    }

    /// All parts of the archive, to be changed by hand.
    pub fn parts(&self) -> Parts {
        Parts {
            charter: self.founded.encode().unwrap(),
            manifest: self.manifest().encode().unwrap(),
            records: self.records.values().map(frame_bytes).collect(),
            forks: self.forks.iter().map(ForkProof::encode).collect(),
        }
    }

    pub fn roster(&self) -> Roster {
        Roster::found(self.founded.clone()).unwrap()
    }

    /// A moment after the export.
    pub fn now(&self) -> Time {
        self.exported_at.after(DAY)
    }

    pub fn audit(&self, archive: &[u8]) -> Report {
        audit(archive, &Options::at(self.now())).unwrap()
    }
}

/// One byte that differs from record to record, so that salts do.
fn seed_of(log: LogId, head: Option<LogHead>) -> u8 {
    log.author.as_bytes()[0] ^ log.lane.number() ^ log.generation as u8 ^ head.map_or(0, |h| h.head.0[0])
}

pub fn sign_charter(charter: &Charter) -> FoundedCharter {
    let network = charter.network_id().unwrap();
    let sign = |m: &CharterMember| FounderSignature {
        member: m.member,
        signature: key_of(m.member.as_str()).sign_charter(network).0,
    };
    let hints = |m: &CharterMember| (m.member, vec!["/ip4/192.0.2.1/tcp/4001".to_owned()]);
    FoundedCharter {
        charter: ByteBuf::from(charter.encode().unwrap()),
        addresses: charter.members.iter().take(1).map(hints).collect(),
        signatures: charter.members.iter().map(sign).collect(),
    }
}

pub fn frame_bytes(record: &Record) -> Vec<u8> {
    to_bytes(&record.to_frame())
}

pub fn to_bytes(frame: &RecordFrame) -> Vec<u8> {
    codec::encode(frame, FRAME_BYTES_MAX).unwrap()
}

/// The sections of an archive, put together without any check: written apart from the encoder on purpose.
#[derive(Clone)]
pub struct Parts {
    pub charter: Vec<u8>,
    pub manifest: Vec<u8>,
    pub records: Vec<Vec<u8>>,
    pub forks: Vec<Vec<u8>>,
}

impl Parts {
    pub fn assemble(&self) -> Vec<u8> {
        let mut bytes = b"ECOARCHV\x01".to_vec();
        let mut section = |part: &[u8]| {
            bytes.extend((part.len() as u32).to_be_bytes());
            bytes.extend(part);
        };
        section(&self.charter);
        section(&self.manifest);
        self.records.iter().for_each(|record| section(record));
        section(&[]);
        self.forks.iter().for_each(|proof| section(proof));
        section(&[]);
        close(bytes)
    }
}

/// Adds the checksum.
pub fn close(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = Sha256::new().chain_update(tags::ARCHIVE).chain_update(&bytes).finalize();
    bytes.extend(checksum);
    bytes
}

/// Whether the report has exactly these faults.
#[track_caller]
pub fn assert_faults(report: &Report, expected: &[(Place, What)]) {
    let expected: Vec<Fault> =
        expected.iter().map(|(place, what)| Fault { place: *place, what: what.clone() }).collect();
    assert_eq!(report.faults, expected, "{report}");
    assert_eq!(report.fault_count, expected.len() as u64);
    assert_eq!(report.verdict.is_good(), expected.is_empty());
}
