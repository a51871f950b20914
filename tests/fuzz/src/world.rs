//! A small network with known keys: what the targets decode is judged by its charter and its keys.

use std::sync::OnceLock;

use ecomesh_protocol::control::CONTROL_KINDS;
use ecomesh_protocol::verify::KeyRing;
use ecomesh_protocol::{PeerKey, Roster};
use ecomesh_record::charter::{FounderSignature, Thresholds};
use ecomesh_record::frontier::frontier_hash;
use ecomesh_record::{
    Audience, Body, Charter, CharterMember, Flags, FoundedCharter, Frontier, Header, Kind, Lane, LogId,
    MemberId, NetworkId, Position, Priority, Record, RecordId, Retention, SignedFrontier, Time,
};
use ecomesh_seal::{SigningKey, StorageKey};

/// The members; the first is the one whose node is played.
pub const MEMBERS: [&str; 3] = ["KE", "TZ", "ZM"];
/// Names the store of the first member.
pub const INSTANCE: [u8; 16] = [7; 16];

pub fn member(name: &str) -> MemberId {
    MemberId::parse(name).expect("a member id of this file")
}

/// The key under which the journal's bodies are.
pub fn storage_key() -> StorageKey {
    StorageKey::from_bytes(&[3; 32])
}

pub fn key(name: &str) -> SigningKey {
    let mut seed = [1; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(&seed)
}

/// The transport key of a member's node.
pub fn peer(name: &str) -> PeerKey {
    PeerKey(*key(&format!("t{name}")).public().as_bytes())
}

pub fn charter() -> Charter {
    let entry = |name: &&str| CharterMember {
        member: member(name),
        role: 0,
        name: format!("NCB {name}"),
        signing_key: *key(name).public().as_bytes(),
        recovery_keys: Vec::new(),
        fallback_prekey: Vec::new().into(),
        transport_key: peer(name).0,
        ext: Vec::new(),
    };
    Charter {
        version: 1,
        suite: 1,
        network: "test".into(),
        drafted_at: Time(1_700_000_000_000),
        thresholds: Thresholds::default(),
        retention: (1..=6).filter_map(|class| Some((class, Retention(class).days()?))).collect(),
        control_kinds: CONTROL_KINDS.to_vec(),
        members: MEMBERS.iter().map(entry).collect(),
        ext: Vec::new(),
    }
}

pub fn founded() -> FoundedCharter {
    let charter = charter();
    let network = charter.network_id().expect("a charter that keeps the rules");
    let sign = |name: &&str| FounderSignature {
        member: member(name),
        signature: *key(name).sign_charter(network).as_bytes(),
    };
    FoundedCharter {
        charter: charter.encode().expect("a charter that keeps the rules").into(),
        addresses: Vec::new(),
        signatures: MEMBERS.iter().map(sign).collect(),
    }
}

/// The network, made once.
pub struct World {
    pub roster: Roster,
    pub ring: KeyRing,
    pub network: NetworkId,
}

pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let roster = Roster::found(founded()).expect("all founders have signed");
        World { ring: KeyRing::of_roster(&roster), network: roster.network(), roster }
    })
}

pub fn log(name: &str, lane: u8, generation: u32) -> LogId {
    LogId { author: member(name), lane: Lane::new(lane).expect("a lane below 4"), generation }
}

/// A signed record at any place.
pub fn record(at: Position, prev: RecordId, content: Vec<u8>) -> Record {
    record_as(Kind::MESSAGE, at, prev, content)
}

pub fn record_as(kind: Kind, at: Position, prev: RecordId, content: Vec<u8>) -> Record {
    let network = world().network;
    let mut salt = [3; 32];
    salt[..8].copy_from_slice(&at.seq.to_be_bytes());
    let body = Body::new(salt, content).expect("a content within 1 MiB");
    let control = kind.is_control();
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
        retention: if control { Retention::CONTROL } else { Retention::YEARS_5 },
        flags: Flags::default(),
        to: Vec::new(),
        audience: Audience::Open,
        body_commit: body.commitment(network),
        body_len: u32::try_from(body.content().len()).expect("a content within 1 MiB"),
        ext: Vec::new(),
    };
    let signing = key(at.log.author.as_str());
    Record::sign_with(network, header, Some(body), |id| *signing.sign_record(network, id).as_bytes())
        .expect("a small header")
}

/// Records of a log, one behind the other.
pub fn chain(name: &str, lane: u8, count: u64, length: usize) -> Vec<Record> {
    let mut prev = RecordId::ZERO;
    let mut all = Vec::new();
    for seq in 0..count {
        let record = record(log(name, lane, 0).at(seq), prev, vec![seq as u8; length]);
        prev = record.id();
        all.push(record);
    }
    all
}

pub fn signed(frontier: &Frontier) -> SignedFrontier {
    let network = world().network;
    let bytes = frontier.encode().expect("a small frontier");
    let hash = frontier_hash(network, &bytes);
    let signature = *key(frontier.member.as_str()).sign_frontier(network, &hash).as_bytes();
    SignedFrontier { bytes: bytes.into(), signature }
}
