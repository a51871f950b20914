//! The journal of own records: the guard against forking one's own log.
//!
//! A record is appended and synced here *before* it is signed and before it goes into the store; nothing of it
//! leaves the node earlier. After a crash the tail is signed again, byte for byte, since Ed25519 is deterministic.
//! A torn tail was never sent and is cut.
//!
//! An entry is *released* once enough other members hold its record; then a rewrite of the file leaves it out. The
//! last entry of each lane stays for ever, so that the journal always knows where its logs end.

use std::collections::BTreeMap;

use ecomesh_record::codec;
use ecomesh_record::record::RecordError;
use ecomesh_record::{Body, LogId, MemberId, NetworkId, Position, Record};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use thiserror::Error;

use crate::disk::{Disk, DiskError};
use crate::limits::JOURNAL_ENTRY_BYTES_MAX;
use crate::small_log::{self, LogError, LogHeader, Scan, Writer, encode_entry};

/// Name of the journal on its [`Disk`].
pub const JOURNAL: &str = "journal";
/// First bytes of the journal.
pub const JOURNAL_MAGIC: &[u8; 8] = b"ECOJRNL1";
/// The journal is rewritten when released entries take more than this many bytes.
const REWRITE_BYTES: u64 = 8 * 1024 * 1024;

/// One own record before its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Header and body; the signature is all zeros until it is signed again.
    pub record: Record,
    /// The client's idempotency key; zeros if it gave none.
    pub idempotency: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct EntryWire {
    header: ByteBuf,
    body: ByteBuf,
    idempotency: [u8; 32],
}

impl Entry {
    fn encode(&self) -> Vec<u8> {
        let wire = EntryWire {
            header: ByteBuf::from(self.record.header_bytes().to_vec()),
            body: ByteBuf::from(self.record.body().map(Body::encode).unwrap_or_default()),
            idempotency: self.idempotency,
        };
        codec::encode(&wire, JOURNAL_ENTRY_BYTES_MAX)
            .expect("a header of 4 KiB and a body of 1 MiB fit the largest entry")
    }

    fn decode(network: NetworkId, payload: &[u8]) -> Result<Self, ReadError> {
        let wire: EntryWire =
            codec::decode(payload, JOURNAL_ENTRY_BYTES_MAX).map_err(|_| ReadError::Entry)?;
        let record = Record::from_parts(network, wire.header.into_vec(), [0; 64], &wire.body)?;
        Ok(Self { record, idempotency: wire.idempotency })
    }
}

/// Why a journal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// It is no journal.
    #[error("the journal cannot be read: {0}")]
    Log(#[from] LogError),
    /// A whole entry with a content that is no entry: another program wrote it.
    #[error("the journal has an entry that no version of this software writes")]
    Entry,
    /// A whole entry with a record that is none.
    #[error("the journal has an entry with a wrong record: {0}")]
    Record(#[from] RecordError),
    /// It belongs to another network or member.
    #[error("the journal belongs to another network or member")]
    Foreign,
}

/// What a journal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Instance id of the store to which it belongs.
    pub instance: [u8; 16],
    /// The whole entries, oldest first.
    pub entries: Vec<Entry>,
    /// Length of header and whole entries in bytes.
    pub whole_bytes: u64,
    /// Bytes of a torn tail.
    pub torn_bytes: u64,
}

/// Reads a journal's bytes.
///
/// # Errors
/// [`ReadError`].
pub fn read(network: NetworkId, member: MemberId, bytes: &[u8]) -> Result<Content, ReadError> {
    let Scan { header, entries, whole_bytes, torn_bytes } = small_log::scan(JOURNAL_MAGIC, bytes)?;
    if header.network != network || header.member != member {
        return Err(ReadError::Foreign);
    }
    let entries = entries.iter().map(|payload| Entry::decode(network, payload)).collect::<Result<_, _>>()?;
    Ok(Content { instance: header.instance, entries, whole_bytes, torn_bytes })
}

/// Starts an empty journal for a store. Joining a network does this once; whatever was there is gone.
///
/// # Errors
/// [`DiskError`].
pub fn create(
    disk: &mut impl Disk,
    network: NetworkId,
    member: MemberId,
    instance: [u8; 16],
) -> Result<(), DiskError> {
    let header = LogHeader { magic: *JOURNAL_MAGIC, network, member, instance };
    disk.replace(JOURNAL, &header.encode())
}

/// The open journal: what is in it, without the contents.
#[derive(Debug)]
pub struct Journal {
    network: NetworkId,
    member: MemberId,
    instance: [u8; 16],
    /// Entries that are not released, with their length in the file.
    kept: BTreeMap<Position, u64>,
    released_bytes: u64,
    writer: Writer,
}

impl Journal {
    /// Goes on with a journal whose content was read; cuts its torn tail.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn resume(
        disk: &mut impl Disk,
        network: NetworkId,
        member: MemberId,
        content: &Content,
    ) -> Result<Self, DiskError> {
        let length = |entry: &Entry| (entry.record.position(), encode_entry(&entry.encode()).len() as u64);
        Ok(Self {
            network,
            member,
            instance: content.instance,
            kept: content.entries.iter().map(length).collect(),
            released_bytes: 0,
            writer: Writer::resume(disk, JOURNAL, content.whole_bytes, content.torn_bytes)?,
        })
    }

    /// Starts an empty journal and goes on with it.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn fresh(
        disk: &mut impl Disk,
        network: NetworkId,
        member: MemberId,
        instance: [u8; 16],
    ) -> Result<Self, DiskError> {
        let header = LogHeader { magic: *JOURNAL_MAGIC, network, member, instance };
        let writer = Writer::replace(disk, JOURNAL, &header.encode())?;
        Ok(Self { network, member, instance, kept: BTreeMap::new(), released_bytes: 0, writer })
    }

    /// Appends entries and syncs once. When it returns, they survive a loss of power.
    ///
    /// # Errors
    /// [`DiskError`]; nothing of the entries counts then.
    pub fn append(&mut self, disk: &mut impl Disk, entries: &[&Entry]) -> Result<(), DiskError> {
        let encoded: Vec<Vec<u8>> = entries.iter().map(|entry| encode_entry(&entry.encode())).collect();
        self.writer.append(disk, &encoded)?;
        for (entry, bytes) in entries.iter().zip(&encoded) {
            self.kept.insert(entry.record.position(), bytes.len() as u64);
        }
        Ok(())
    }

    /// Gives the journal to another store: the file is rewritten with the new instance id and all kept entries.
    ///
    /// # Errors
    /// [`DiskError`]; the old file stands then.
    pub fn rebind(&mut self, disk: &mut impl Disk, instance: [u8; 16]) -> Result<(), DiskError> {
        self.instance = instance;
        self.rewrite(disk)
    }

    /// Positions that are not released yet, oldest first within each log; without the last of each log.
    pub fn releasable(&self) -> Vec<Position> {
        let last = self.last_of_logs();
        self.kept.keys().filter(|p| last.get(&p.log) != Some(&p.seq)).copied().collect()
    }

    /// Marks entries as no longer needed; the file shrinks at the next [`Journal::rewrite_if_due`].
    pub fn release(&mut self, positions: &[Position]) {
        for position in positions {
            self.released_bytes += self.kept.remove(position).unwrap_or(0);
        }
    }

    /// Rewrites the file without released entries, once they take enough room.
    ///
    /// # Errors
    /// [`DiskError`]; the old file stands then.
    pub fn rewrite_if_due(&mut self, disk: &mut impl Disk) -> Result<(), DiskError> {
        if self.released_bytes < REWRITE_BYTES { Ok(()) } else { self.rewrite(disk) }
    }

    fn rewrite(&mut self, disk: &mut impl Disk) -> Result<(), DiskError> {
        let Some(bytes) = disk.read(JOURNAL)? else { return Ok(()) };
        let Ok(content) = read(self.network, self.member, &bytes) else { return Ok(()) };
        let header = LogHeader {
            magic: *JOURNAL_MAGIC,
            network: self.network,
            member: self.member,
            instance: self.instance,
        };
        let mut file = header.encode();
        let kept = content.entries.iter().filter(|e| self.kept.contains_key(&e.record.position()));
        kept.for_each(|entry| file.extend(encode_entry(&entry.encode())));
        self.writer = Writer::replace(disk, JOURNAL, &file)?;
        self.released_bytes = 0;
        Ok(())
    }

    fn last_of_logs(&self) -> BTreeMap<LogId, u64> {
        self.kept.keys().map(|position| (position.log, position.seq)).collect()
    }
}
