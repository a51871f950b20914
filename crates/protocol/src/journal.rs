//! The journal of own records: the guard against forking one's own log.
//!
//! Bodies are in it under the storage key, headers in the clear: where the logs end must be known whatever becomes of a
//! key.
//!
//! A record is appended and synced here *before* it is signed and before it goes into the store; nothing of it
//! leaves the node earlier. After a crash the tail is signed again, byte for byte, since Ed25519 is deterministic.
//! A torn tail was never sent and is cut.
//!
//! An entry is *released* once enough other members hold its record; then a rewrite of the file leaves it out. The
//! last entry of each lane stays for ever, so that the journal always knows where its logs end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use ecomesh_record::codec;
use ecomesh_record::record::RecordError;
use ecomesh_record::{Body, MemberId, NetworkId, Position, Record};
use ecomesh_seal::StorageKey;
use ecomesh_seal::at_rest::Place;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use thiserror::Error;

use crate::disk::{Disk, DiskError};
use crate::limits::JOURNAL_ENTRY_BYTES_MAX;
use crate::small_log::{self, HEADER_BYTES, LogError, LogHeader, Scan, Writer, encode_entry, whole_entry};

/// Name of the journal on its [`Disk`].
pub const JOURNAL: &str = "journal";
/// First bytes of the journal.
pub const JOURNAL_MAGIC: &[u8; 8] = b"ECOJRNL2";
/// The journal is rewritten when released entries take more than this many bytes.
const REWRITE_BYTES: u64 = 8 * 1024 * 1024;

/// One own record before its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Header and body; the signature is all zeros until it is signed again.
    pub record: Record,
    /// The client's idempotency key; zeros if it gave none.
    pub idempotency: [u8; 32],
    /// Whether its body is in the file and does not open: it is under another storage key.
    pub closed: bool,
}

#[derive(Serialize, Deserialize)]
struct EntryWire {
    header: ByteBuf,
    /// Encrypted; empty if it is not here.
    body: ByteBuf,
    idempotency: [u8; 32],
}

impl Entry {
    fn encode(&self, key: &StorageKey) -> Vec<u8> {
        let encrypt = |body: &Body| {
            let mut bytes = body.encode();
            key.body(Place::Journal, self.record.id()).seal(0, true, &mut bytes);
            bytes
        };
        let wire = EntryWire {
            header: ByteBuf::from(self.record.header_bytes().to_vec()),
            body: ByteBuf::from(self.record.body().map(encrypt).unwrap_or_default()),
            idempotency: self.idempotency,
        };
        let about = wire.header.len() + wire.body.len() + 64;
        codec::encode_sized(&wire, about, JOURNAL_ENTRY_BYTES_MAX)
            .expect("a header of 4 KiB and a body of 1 MiB fit the largest entry")
    }

    /// A body that does not open is left out: the place of its record counts all the same.
    fn decode(network: NetworkId, key: &StorageKey, payload: &[u8]) -> Result<Self, ReadError> {
        let wire: EntryWire =
            codec::decode(payload, JOURNAL_ENTRY_BYTES_MAX).map_err(|_| ReadError::Entry)?;
        let mut record = Record::from_parts(network, wire.header.into_vec(), [0; 64], &[])?;
        let open = |key: &StorageKey| key.body(Place::Journal, record.id()).open(0, true, &wire.body);
        let opened = open(key).or_else(|| key.second().as_ref().and_then(open));
        let closed = opened.is_none() && !wire.body.is_empty();
        if let Some(body) = opened {
            let body = Body::decode(&body).map_err(|_| ReadError::Entry)?;
            record.attach(network, body)?;
        }
        Ok(Self { record, idempotency: wire.idempotency, closed })
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
    /// How long each of them is in the file, in bytes.
    lengths: Vec<u64>,
    /// Length of header and whole entries in bytes.
    pub whole_bytes: u64,
    /// Bytes of a torn tail.
    pub torn_bytes: u64,
}

/// Reads a journal's bytes. Bodies that are not under this storage key are left out.
///
/// # Errors
/// [`ReadError`].
pub fn read(
    network: NetworkId,
    member: MemberId,
    key: &StorageKey,
    bytes: &[u8],
) -> Result<Content, ReadError> {
    let Scan { header, entries, whole_bytes, torn_bytes } = small_log::scan(JOURNAL_MAGIC, bytes)?;
    if header.network != network || header.member != member {
        return Err(ReadError::Foreign);
    }
    let lengths = entries.iter().map(|payload| small_log::entry_len(payload)).collect();
    let entries =
        entries.iter().map(|payload| Entry::decode(network, key, payload)).collect::<Result<_, _>>()?;
    Ok(Content { instance: header.instance, entries, lengths, whole_bytes, torn_bytes })
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
    key: StorageKey,
    /// Entries that are not released, and where they stand in the file.
    kept: BTreeMap<Position, Span>,
    kept_bytes: u64,
    released_bytes: u64,
    writer: Writer,
}

/// A part of the file: the first byte, and how many.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u64,
    length: u64,
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
        key: StorageKey,
        content: &Content,
    ) -> Result<Self, DiskError> {
        let writer = Writer::resume(disk, JOURNAL, content.whole_bytes, content.torn_bytes)?;
        let mut journal = Self::empty(network, member, content.instance, key, writer);
        let mut start = HEADER_BYTES as u64;
        for (entry, length) in content.entries.iter().zip(content.lengths.iter().copied()) {
            journal.keep(entry.record.position(), Span { start, length });
            start += length;
        }
        Ok(journal)
    }

    /// Starts an empty journal and goes on with it.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn fresh(
        disk: &mut impl Disk,
        network: NetworkId,
        member: MemberId,
        key: StorageKey,
        instance: [u8; 16],
    ) -> Result<Self, DiskError> {
        let header = LogHeader { magic: *JOURNAL_MAGIC, network, member, instance };
        let writer = Writer::replace(disk, JOURNAL, &header.encode())?;
        Ok(Self::empty(network, member, instance, key, writer))
    }

    fn empty(
        network: NetworkId,
        member: MemberId,
        instance: [u8; 16],
        key: StorageKey,
        writer: Writer,
    ) -> Self {
        Self {
            network,
            member,
            instance,
            key,
            kept: BTreeMap::new(),
            kept_bytes: 0,
            released_bytes: 0,
            writer,
        }
    }

    fn keep(&mut self, position: Position, span: Span) {
        self.kept.insert(position, span);
        self.kept_bytes += span.length;
    }

    /// Appends entries and syncs once. When it returns, they survive a loss of power.
    ///
    /// # Errors
    /// [`DiskError`]; nothing of the entries counts then.
    pub fn append(&mut self, disk: &mut impl Disk, entries: &[&Entry]) -> Result<(), DiskError> {
        let encoded: Vec<Vec<u8>> =
            entries.iter().map(|entry| encode_entry(&entry.encode(&self.key))).collect();
        let mut start = self.writer.end();
        self.writer.append(disk, &encoded)?;
        for (entry, bytes) in entries.iter().zip(&encoded) {
            let length = bytes.len() as u64;
            self.keep(entry.record.position(), Span { start, length });
            start += length;
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

    /// The body of an own record, if its entry is still here and can be read.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn body(&self, disk: &mut impl Disk, position: Position) -> Result<Option<Body>, DiskError> {
        let Some(span) = self.kept.get(&position) else { return Ok(None) };
        let length = usize::try_from(span.length).unwrap_or(usize::MAX);
        let bytes = disk.read_part(JOURNAL, span.start, length)?;
        let entry =
            bytes.as_deref().and_then(small_log::payload).map(|p| Entry::decode(self.network, &self.key, p));
        Ok(entry.and_then(Result::ok).and_then(|entry| entry.record.body().cloned()))
    }

    /// Up to `count` positions behind `after` that are not released yet, ascending; without the last of each log.
    pub fn releasable(&self, after: Option<Position>, count: usize) -> Vec<Position> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let positions = self.kept.range((from, Bound::Unbounded)).map(|(position, _)| *position);
        let next = positions.clone().skip(1).map(Some).chain([None]);
        let is_last =
            |(position, next): &(Position, Option<Position>)| next.map(|n| n.log) != Some(position.log);
        positions.zip(next).filter(|pair| !is_last(pair)).map(|(position, _)| position).take(count).collect()
    }

    /// Marks entries as no longer needed; the file shrinks at the next [`Journal::rewrite_if_due`].
    pub fn release(&mut self, positions: &[Position]) {
        for position in positions {
            let bytes = self.kept.remove(position).map_or(0, |span| span.length);
            self.released_bytes += bytes;
            self.kept_bytes -= bytes;
        }
    }

    /// Rewrites the file without released entries, once they take enough room, and more than the others: so a long
    /// journal is not copied again and again.
    ///
    /// # Errors
    /// [`DiskError`]; the old file stands then.
    pub fn rewrite_if_due(&mut self, disk: &mut impl Disk) -> Result<(), DiskError> {
        if self.released_bytes < REWRITE_BYTES.max(self.kept_bytes) { Ok(()) } else { self.rewrite(disk) }
    }

    /// Rewrites the file without released entries, and without the bodies of these records, which are in the store and
    /// are to be destroyed.
    ///
    /// # Errors
    /// [`DiskError`]; the old file stands then.
    pub fn strip(&mut self, disk: &mut impl Disk, positions: &BTreeSet<Position>) -> Result<(), DiskError> {
        self.copy(disk, positions)
    }

    fn rewrite(&mut self, disk: &mut impl Disk) -> Result<(), DiskError> {
        self.copy(disk, &BTreeSet::new())
    }

    fn copy(&mut self, disk: &mut impl Disk, stripped: &BTreeSet<Position>) -> Result<(), DiskError> {
        let header = LogHeader {
            magic: *JOURNAL_MAGIC,
            network: self.network,
            member: self.member,
            instance: self.instance,
        };
        let mut file = header.encode();
        let mut kept: Vec<(Position, Span)> = self.kept.iter().map(|(p, span)| (*p, *span)).collect();
        kept.sort_unstable_by_key(|(_, span)| span.start);
        let mut rest = kept.as_mut_slice();
        while !rest.is_empty() {
            let (run, behind) = rest.split_at_mut(run_length(rest));
            rest = behind;
            let copied =
                copy_run(disk, run, &mut file, |position, entry| match stripped.contains(&position) {
                    true => self.without_body(entry),
                    false => Some(entry.to_vec()),
                });
            // An entry that can no longer be read would hide all behind it: the old file stays as it is.
            if !copied? {
                return Ok(());
            }
        }
        self.writer = Writer::replace(disk, JOURNAL, &file)?;
        self.kept_bytes = kept.iter().map(|(_, span)| span.length).sum();
        self.kept = kept.into_iter().collect();
        self.released_bytes = 0;
        Ok(())
    }

    /// An entry of the file, without the body of its record.
    fn without_body(&self, entry: &[u8]) -> Option<Vec<u8>> {
        let entry = Entry::decode(self.network, &self.key, small_log::payload(entry)?).ok()?;
        let bare = Entry { record: entry.record.without_body(), ..entry };
        Some(encode_entry(&bare.encode(&self.key)))
    }
}

/// Bytes that are read at once while the file is copied; at least one entry.
const RUN_BYTES_MAX: u64 = 1024 * 1024;

/// Number of entries at the front that stand one behind the other in the file, up to [`RUN_BYTES_MAX`].
fn run_length(spans: &[(Position, Span)]) -> usize {
    let mut bytes = 0;
    let fits = |pair: &&[(Position, Span)]| {
        let (before, next) = (pair[0].1, pair[1].1);
        bytes += before.length;
        before.start + before.length == next.start && bytes + next.length <= RUN_BYTES_MAX
    };
    1 + spans.windows(2).take_while(fits).count()
}

/// Copies entries that stand one behind the other to the end of `file`, as `change` gives them, and notes where they
/// stand there. Returns whether all of them are whole.
fn copy_run(
    disk: &mut impl Disk,
    run: &mut [(Position, Span)],
    file: &mut Vec<u8>,
    change: impl Fn(Position, &[u8]) -> Option<Vec<u8>>,
) -> Result<bool, DiskError> {
    let Some(start) = run.first().map(|(_, span)| span.start) else { return Ok(true) };
    let bytes: u64 = run.iter().map(|(_, span)| span.length).sum();
    let old = disk.read_part(JOURNAL, start, usize::try_from(bytes).unwrap_or(usize::MAX))?;
    let Some(old) = old else { return Ok(false) };
    for (position, span) in run {
        let entry = whole_entry(&old, span.start - start, span.length);
        let Some(entry) = entry.and_then(|entry| change(*position, entry)) else { return Ok(false) };
        *span = Span { start: file.len() as u64, length: entry.len() as u64 };
        file.extend_from_slice(&entry);
    }
    Ok(true)
}
