//! A frontier: a node's signed statement of what it holds (`docs/PROTOCOL.md`, "Frontier").

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::codec::{self, DecodeError, TooLarge};
use crate::id::{Lane, LogId, MemberId, NetworkId, RecordId, Time};
use crate::limits::{FRONTIER_BYTES_MAX, FRONTIER_ENTRIES_MAX, HOLES_MAX, LANES};
use crate::tags;

/// The version of the frontier's layout.
pub const VERSION: u8 = 1;

/// Up to where a log is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontierEntry {
    /// The log.
    pub log: LogId,
    /// Highest sequence number without a gap below it.
    pub seq: u64,
    /// Id of the record there.
    pub head: RecordId,
}

/// What a node holds, by its own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    /// The member whose node says this.
    pub member: MemberId,
    /// Names the node's store; a fresh store has a new one.
    pub instance: [u8; 16],
    /// Raised by one for each frontier of this instance.
    pub counter: u64,
    /// The roster epoch that the node knows.
    pub roster_epoch: u32,
    /// The node's clock.
    pub time: Time,
    /// Whether it lists every log, or only what changed since the frontier before it.
    pub complete: bool,
    /// Strictly ascending by log.
    pub entries: Vec<FrontierEntry>,
    /// Records below the frontier that are missing or damaged: strictly ascending, at most 1,024.
    pub holes: Vec<RecordId>,
    /// Lanes of which the node does not keep the bodies that only addressees need; strictly ascending.
    pub bodiless_lanes: Vec<Lane>,
}

/// Why bytes are no frontier. All of these are the sender's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrontierError {
    /// The bytes do not decode.
    #[error("frontier: {0}")]
    Bytes(#[from] DecodeError),
    /// Another version of the layout.
    #[error("frontier: version {0} is unknown; this software reads version {VERSION}")]
    UnknownVersion(u8),
    /// A member id or a lane that does not exist, or a mark that is neither 0 nor 1.
    #[error("frontier: a field has a value that does not exist")]
    Field,
    /// Too many entries.
    #[error("frontier: {0} entries where at most {FRONTIER_ENTRIES_MAX} are allowed")]
    TooManyEntries(usize),
    /// Too many holes.
    #[error("frontier: {0} holes where at most {HOLES_MAX} are allowed")]
    TooManyHoles(usize),
    /// Entries, holes or lanes out of order or doubled.
    #[error("frontier: a list is not in strictly ascending order")]
    Order,
}

impl Frontier {
    /// The canonical bytes.
    ///
    /// # Errors
    /// [`TooLarge`] if they exceed 1 MiB.
    pub fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        codec::encode(&FrontierWire::from(self), FRONTIER_BYTES_MAX)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrontierError> {
        match bytes.first() {
            Some(&VERSION) | None => {}
            Some(&other) => return Err(FrontierError::UnknownVersion(other)),
        }
        codec::decode::<FrontierWire>(bytes, FRONTIER_BYTES_MAX)?.check()
    }

    /// SHA-256 over what is held: equal digests of complete frontiers mean equal holdings. Leaves out member,
    /// instance, counter and time.
    pub fn holdings(&self, network: NetworkId) -> [u8; 32] {
        holdings(network, self.roster_epoch, &self.entries, &self.holes)
    }
}

/// SHA-256(tag ‖ network ‖ epoch ‖ number of entries ‖ entries ‖ number of holes ‖ holes), see [`Frontier::holdings`].
pub fn holdings(
    network: NetworkId,
    roster_epoch: u32,
    entries: &[FrontierEntry],
    holes: &[RecordId],
) -> [u8; 32] {
    let mut hash = Sha256::new()
        .chain_update(tags::HOLDINGS)
        .chain_update(network.as_bytes())
        .chain_update(roster_epoch.to_be_bytes())
        .chain_update((entries.len() as u64).to_be_bytes());
    for entry in entries {
        hash.update(entry.log.at(entry.seq).key());
        hash.update(entry.head.as_bytes());
    }
    hash.update((holes.len() as u64).to_be_bytes());
    holes.iter().for_each(|hole| hash.update(hole.as_bytes()));
    hash.finalize().into()
}

/// A frontier with its signature, as it is stored and passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedFrontier {
    /// Canonical bytes of the frontier.
    pub bytes: ByteBuf,
    /// Ed25519 over [`frontier_hash`].
    #[serde(with = "codec::bytes64")]
    pub signature: [u8; 64],
}

/// SHA-256(tag ‖ network ‖ frontier bytes): what a frontier's signature covers.
pub fn frontier_hash(network: NetworkId, bytes: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(tags::FRONTIER)
        .chain_update(network.as_bytes())
        .chain_update(bytes)
        .finalize()
        .into()
}

#[derive(Serialize, Deserialize)]
struct FrontierWire {
    version: u8,
    member: [u8; 8],
    instance: [u8; 16],
    counter: u64,
    roster_epoch: u32,
    time: u64,
    complete: u8,
    entries: Vec<EntryWire>,
    holes: Vec<[u8; 32]>,
    bodiless_lanes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct EntryWire {
    author: [u8; 8],
    lane: u8,
    generation: u32,
    seq: u64,
    head: [u8; 32],
}

impl From<&Frontier> for FrontierWire {
    fn from(frontier: &Frontier) -> Self {
        let entry = |e: &FrontierEntry| EntryWire {
            author: *e.log.author.as_bytes(),
            lane: e.log.lane.number(),
            generation: e.log.generation,
            seq: e.seq,
            head: e.head.0,
        };
        Self {
            version: VERSION,
            member: *frontier.member.as_bytes(),
            instance: frontier.instance,
            counter: frontier.counter,
            roster_epoch: frontier.roster_epoch,
            time: frontier.time.0,
            complete: u8::from(frontier.complete),
            entries: frontier.entries.iter().map(entry).collect(),
            holes: frontier.holes.iter().map(|id| id.0).collect(),
            bodiless_lanes: frontier.bodiless_lanes.iter().map(|lane| lane.number()).collect(),
        }
    }
}

impl EntryWire {
    fn check(&self) -> Result<FrontierEntry, FrontierError> {
        let author = MemberId::from_bytes(self.author).map_err(|_| FrontierError::Field)?;
        let lane = Lane::new(self.lane).ok_or(FrontierError::Field)?;
        let log = LogId { author, lane, generation: self.generation };
        Ok(FrontierEntry { log, seq: self.seq, head: RecordId(self.head) })
    }
}

impl FrontierWire {
    fn check(self) -> Result<Frontier, FrontierError> {
        if self.entries.len() > FRONTIER_ENTRIES_MAX {
            return Err(FrontierError::TooManyEntries(self.entries.len()));
        }
        if self.holes.len() > HOLES_MAX {
            return Err(FrontierError::TooManyHoles(self.holes.len()));
        }
        if self.bodiless_lanes.len() > usize::from(LANES) || self.complete > 1 {
            return Err(FrontierError::Field);
        }
        let member = MemberId::from_bytes(self.member).map_err(|_| FrontierError::Field)?;
        let entries = self.entries.iter().map(EntryWire::check).collect::<Result<Vec<_>, _>>()?;
        let holes: Vec<RecordId> = self.holes.into_iter().map(RecordId).collect();
        let lanes = self.bodiless_lanes.into_iter().map(Lane::new).collect::<Option<Vec<_>>>();
        let bodiless_lanes = lanes.ok_or(FrontierError::Field)?;
        let in_order = entries.is_sorted_by(|a, b| a.log < b.log)
            && holes.is_sorted_by(|a, b| a < b)
            && bodiless_lanes.is_sorted_by(|a, b| a < b);
        if !in_order {
            return Err(FrontierError::Order);
        }
        Ok(Frontier {
            member,
            instance: self.instance,
            counter: self.counter,
            roster_epoch: self.roster_epoch,
            time: Time(self.time),
            complete: self.complete == 1,
            entries,
            holes,
            bodiless_lanes,
        })
    }
}
