//! The archive: records in one canonical file (`.ecoarchive`) that anyone can audit offline
//! (`docs/PROTOCOL.md`, "Archive").
//!
//! ```text
//! magic 8 ‖ version 1
//! section  founded charter, as a `.charter` file
//! section  manifest
//! section  record frame, in ascending order of position … then an empty section
//! section  fork proof, in ascending order of position … then an empty section
//! SHA-256(tag ‖ all bytes before) 32
//! ```
//!
//! A section is its length (u32, big-endian) and its bytes. The order is fixed, so the same records give the same
//! bytes, apart from the manifest. Author, lane, generation, sequence number is the order of positions: the control
//! lane of all generations, with the records that open them, stands before the author's other lanes.
//!
//! Both directions are incremental and touch no file: [`ArchiveEncoder`] gives bytes to write, [`ArchiveDecoder`]
//! takes bytes as they are read. The decoder checks the container. It checks no signature, and not the order of
//! records, so that an audit can name each fault and go on.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::charter::{CHARTER_FILE_MAGIC, CharterError, FoundedCharter};
use crate::codec::{self, DecodeError, TooLarge};
use crate::fork::{FORK_PROOF_BYTES_MAX, ForkProof, ForkProofError};
use crate::id::{Lane, LogId, MemberId, NetworkId, Position, Time};
use crate::limits::{CHARTER_BYTES_MAX, FRONTIER_ENTRIES_MAX, MEMBERS_MAX};
use crate::record::{FRAME_BYTES_MAX, Record, RecordFrame};
use crate::tags;

/// First bytes of an archive.
pub const MAGIC: &[u8; 8] = b"ECOARCHV";
/// The version of the container.
pub const VERSION: u8 = 1;
/// Longest manifest in bytes: a range takes at most 32.
pub const MANIFEST_BYTES_MAX: usize = 1024 * 1024;
/// Most ranges of a manifest: as many logs as a frontier lists.
pub const RANGES_MAX: usize = FRONTIER_ENTRIES_MAX;

const CHECKSUM_BYTES: usize = 32;
const LENGTH_BYTES: usize = 4;

/// Which records were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only logs of these members, strictly ascending; empty means all.
    pub members: Vec<MemberId>,
    /// Outside the control lane, a log starts at its first record with `created_at` of this or later; 0 means
    /// from its beginning. The control lane is always whole: it holds the keys.
    pub since: Time,
}

impl Filter {
    /// Whether it leaves nothing out.
    pub fn is_whole(&self) -> bool {
        self.members.is_empty() && self.since == Time(0)
    }

    /// Whether it asks for records of `log`.
    pub fn wants(&self, log: LogId) -> bool {
        self.members.is_empty() || self.members.binary_search(&log.author).is_ok()
    }
}

/// The records of one log in an archive, without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRange {
    /// The log.
    pub log: LogId,
    /// First sequence number; 0 in the control lane.
    pub first: u64,
    /// Last sequence number.
    pub last: u64,
}

/// What an archive says of itself. Nobody signs it: the records speak for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The network.
    pub network: NetworkId,
    /// The member whose node wrote the archive.
    pub exporter: MemberId,
    /// That node's clock.
    pub exported_at: Time,
    /// Which records were asked for.
    pub filter: Filter,
    /// Which records are in it: strictly ascending by log.
    pub logs: Vec<LogRange>,
}

/// Why bytes are no archive.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArchiveError {
    /// Another kind of file.
    #[error("this is not an ecomesh archive; give a file that `ecomesh export` wrote")]
    NotAnArchive,
    /// Written by a later version.
    #[error("archive version {0} is unknown; this software reads version {VERSION}: use a newer one")]
    UnknownVersion(u8),
    /// The end is missing.
    #[error("the archive is cut short; copy it again, or export it again")]
    Truncated,
    /// There is something behind its end.
    #[error("there are bytes behind the end of the archive; copy it again, or export it again")]
    TrailingBytes,
    /// A section says that it is longer than its kind allows.
    #[error("the archive is damaged: a {what} of {length} bytes where at most {max} are allowed")]
    TooLong {
        /// `charter`, `manifest`, `record` or `fork proof`.
        what: &'static str,
        /// What the section says.
        length: usize,
        /// How many are allowed.
        max: usize,
    },
    /// The charter is none.
    #[error("the archive's {0}")]
    Charter(#[from] CharterError),
    /// The manifest does not decode.
    #[error("the archive's manifest: {0}")]
    Manifest(DecodeError),
    /// A member id or lane that does not exist, or a range that ends before it begins.
    #[error("the archive's manifest: a field has a value that does not exist")]
    Field,
    /// Too many members or ranges.
    #[error("the archive's manifest: too many {0}")]
    TooMany(&'static str),
    /// Members, logs or fork proofs out of order or doubled.
    #[error("the archive's {0} are not in strictly ascending order")]
    Order(&'static str),
    /// A control lane that does not start at its beginning.
    #[error("the archive's manifest: the control lane {0} does not start at sequence number 0")]
    ControlCut(LogId),
    /// A fork proof that is none.
    #[error("the archive's {0}")]
    Fork(#[from] ForkProofError),
    /// The closing hash is another.
    #[error("the archive's checksum is wrong: it was changed or damaged; copy it again, or export it again")]
    Checksum,
}

/// Why an archive was not written: a mistake of the caller, or of the store that it reads.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The charter breaks its own rules.
    #[error(transparent)]
    Charter(#[from] CharterError),
    /// The manifest breaks its own rules.
    #[error(transparent)]
    Manifest(#[from] ArchiveError),
    /// The manifest does not fit 1 MiB.
    #[error("manifest: {0}")]
    TooLarge(#[from] TooLarge),
    /// A record that the manifest does not name at this point.
    #[error("the record {0} is not the next one that the manifest names")]
    Record(Position),
    /// A fork proof out of order, or a record after it.
    #[error("fork proofs must come after all records, in ascending order of position, each once")]
    Fork,
    /// Records that the manifest names did not come.
    #[error("the record {0} is missing: the manifest names it")]
    Missing(Position),
}

#[derive(Serialize, Deserialize)]
struct ManifestWire {
    network: NetworkId,
    exporter: [u8; 8],
    exported_at: u64,
    members: Vec<[u8; 8]>,
    since: u64,
    logs: Vec<([u8; 8], u8, u32, u64, u64)>,
}

impl Manifest {
    /// The canonical bytes.
    ///
    /// # Errors
    /// [`EncodeError::Manifest`] or [`EncodeError::TooLarge`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.check()?;
        let range =
            |r: &LogRange| (*r.log.author.as_bytes(), r.log.lane.number(), r.log.generation, r.first, r.last);
        let wire = ManifestWire {
            network: self.network,
            exporter: *self.exporter.as_bytes(),
            exported_at: self.exported_at.0,
            members: self.filter.members.iter().map(|m| *m.as_bytes()).collect(),
            since: self.filter.since.0,
            logs: self.logs.iter().map(range).collect(),
        };
        Ok(codec::encode(&wire, MANIFEST_BYTES_MAX)?)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let wire: ManifestWire = codec::decode(bytes, MANIFEST_BYTES_MAX).map_err(ArchiveError::Manifest)?;
        let member = |raw| MemberId::from_bytes(raw).map_err(|_| ArchiveError::Field);
        let range = |(author, lane, generation, first, last)| {
            let lane = Lane::new(lane).ok_or(ArchiveError::Field)?;
            Ok(LogRange { log: LogId { author: member(author)?, lane, generation }, first, last })
        };
        let members = wire.members.into_iter().map(member).collect::<Result<_, _>>()?;
        let manifest = Self {
            network: wire.network,
            exporter: member(wire.exporter)?,
            exported_at: Time(wire.exported_at),
            filter: Filter { members, since: Time(wire.since) },
            logs: wire.logs.into_iter().map(range).collect::<Result<_, ArchiveError>>()?,
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// The range of a log, if the archive has records of it.
    pub fn range(&self, log: LogId) -> Option<&LogRange> {
        let at = self.logs.binary_search_by_key(&log, |range| range.log).ok()?;
        self.logs.get(at)
    }

    fn check(&self) -> Result<(), ArchiveError> {
        if self.filter.members.len() > MEMBERS_MAX {
            return Err(ArchiveError::TooMany("members"));
        }
        if self.logs.len() > RANGES_MAX {
            return Err(ArchiveError::TooMany("logs"));
        }
        if !self.filter.members.is_sorted_by(|a, b| a < b) {
            return Err(ArchiveError::Order("members"));
        }
        if !self.logs.is_sorted_by(|a, b| a.log < b.log) {
            return Err(ArchiveError::Order("logs"));
        }
        // The highest sequence number of all is left out: no log can go on after it.
        if self.logs.iter().any(|r| r.first > r.last || r.last == u64::MAX) {
            return Err(ArchiveError::Field);
        }
        match self.logs.iter().find(|r| r.log.lane == Lane::CONTROL && r.first > 0) {
            Some(range) => Err(ArchiveError::ControlCut(range.log)),
            None => Ok(()),
        }
    }
}

/// Writes an archive: each call gives the bytes to append to the file.
#[derive(Debug)]
pub struct ArchiveEncoder {
    hash: Sha256,
    logs: Vec<LogRange>,
    /// The range and sequence number of the record that must come next.
    next: (usize, u64),
    last_fork: Option<Position>,
    records_ended: bool,
}

impl ArchiveEncoder {
    /// Begins an archive; gives its first bytes.
    ///
    /// # Errors
    /// [`EncodeError`] if charter or manifest break their own rules.
    pub fn begin(founded: &FoundedCharter, manifest: &Manifest) -> Result<(Self, Vec<u8>), EncodeError> {
        let logs = manifest.logs.clone();
        let first = logs.first().map_or(0, |range| range.first);
        let hash = Sha256::new().chain_update(tags::ARCHIVE);
        let mut encoder = Self { hash, logs, next: (0, first), last_fork: None, records_ended: false };
        let mut bytes = [MAGIC.as_slice(), &[VERSION]].concat();
        push_section(&mut bytes, &founded.encode()?);
        push_section(&mut bytes, &manifest.encode()?);
        encoder.hash.update(&bytes);
        Ok((encoder, bytes))
    }

    /// Adds the next record that the manifest names, with its body if that is here.
    ///
    /// # Errors
    /// [`EncodeError::Record`] if it is another.
    pub fn record(&mut self, record: &Record) -> Result<Vec<u8>, EncodeError> {
        let position = record.position();
        let expected = self.expected();
        if self.records_ended || expected != Some(position) {
            return Err(EncodeError::Record(position));
        }
        let frame = codec::encode(&record.to_frame(), FRAME_BYTES_MAX)?;
        self.advance();
        let mut bytes = Vec::with_capacity(LENGTH_BYTES + frame.len());
        push_section(&mut bytes, &frame);
        self.hash.update(&bytes);
        Ok(bytes)
    }

    /// Adds a fork proof; they come after all records, in ascending order of position.
    ///
    /// # Errors
    /// [`EncodeError::Fork`] or [`EncodeError::Missing`].
    pub fn fork(&mut self, proof: &ForkProof) -> Result<Vec<u8>, EncodeError> {
        if self.last_fork.is_some_and(|last| last >= proof.position()) {
            return Err(EncodeError::Fork);
        }
        let mut bytes = Vec::new();
        self.end_records(&mut bytes)?;
        push_section(&mut bytes, &proof.encode());
        self.last_fork = Some(proof.position());
        self.hash.update(&bytes);
        Ok(bytes)
    }

    /// Ends the archive; gives its last bytes.
    ///
    /// # Errors
    /// [`EncodeError::Missing`] if a record that the manifest names did not come.
    pub fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::new();
        self.end_records(&mut bytes)?;
        push_section(&mut bytes, &[]);
        self.hash.update(&bytes);
        bytes.extend_from_slice(&self.hash.finalize());
        Ok(bytes)
    }

    /// The position of the record that must come next; `None` when all are here.
    pub fn expected(&self) -> Option<Position> {
        let (at, seq) = self.next;
        self.logs.get(at).map(|range| range.log.at(seq))
    }

    fn advance(&mut self) {
        let (at, seq) = self.next;
        let ended = self.logs.get(at).is_some_and(|range| range.last == seq);
        self.next =
            if ended { (at + 1, self.logs.get(at + 1).map_or(0, |r| r.first)) } else { (at, seq + 1) };
    }

    fn end_records(&mut self, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
        if let Some(position) = self.expected() {
            return Err(EncodeError::Missing(position));
        }
        if !self.records_ended {
            push_section(bytes, &[]);
            self.records_ended = true;
        }
        Ok(())
    }
}

fn push_section(bytes: &mut Vec<u8>, section: &[u8]) {
    let length = u32::try_from(section.len()).expect("no section is longer than a charter of 4 MiB");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(section);
}

/// One part of an archive, in the order in which they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The founded charter; its signatures are not checked yet.
    Charter(FoundedCharter),
    /// The manifest.
    Manifest(Manifest),
    /// A record; nothing of it is checked yet.
    Record {
        /// Where its section begins in the file.
        offset: u64,
        /// The frame, or why the section is none. The sections after it can still be read.
        frame: Result<RecordFrame, DecodeError>,
    },
    /// A fork proof; its signatures are not checked yet.
    Fork(ForkProof),
    /// The end; the checksum is right, and nothing may follow.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Magic,
    Charter,
    Manifest,
    Records,
    Forks,
    Checksum,
    Ended,
}

/// Reads an archive as its bytes come. Holds no more than one section (at most 4 MiB) and what one
/// [`ArchiveDecoder::push`] brought.
///
/// ```
/// # use ecomesh_record::archive::{ArchiveDecoder, ArchiveError, Item};
/// fn count(chunks: &[&[u8]]) -> Result<usize, ArchiveError> {
///     let (mut decoder, mut records) = (ArchiveDecoder::new(), 0);
///     for chunk in chunks {
///         decoder.push(chunk);
///         while let Some(item) = decoder.next()? {
///             records += usize::from(matches!(item, Item::Record { .. }));
///         }
///     }
///     decoder.finish()?;
///     Ok(records)
/// }
/// # assert_eq!(count(&[b"ECO"]), Err(ArchiveError::Truncated));
/// # assert_eq!(count(&[b"PK34"]), Err(ArchiveError::NotAnArchive));
/// ```
#[derive(Debug)]
pub struct ArchiveDecoder {
    state: State,
    hash: Sha256,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are done with.
    used: usize,
    /// Bytes of the file before the buffer.
    before: u64,
    last_fork: Option<Position>,
    failed: Option<ArchiveError>,
}

impl Default for ArchiveDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ArchiveDecoder {
    /// At the beginning of a file.
    pub fn new() -> Self {
        Self {
            state: State::Magic,
            hash: Sha256::new().chain_update(tags::ARCHIVE),
            buffer: Vec::new(),
            used: 0,
            before: 0,
            last_fork: None,
            failed: None,
        }
    }

    /// Takes the next bytes of the file, as many as were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.before += self.used as u64;
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next part; `None` if more bytes are needed, and after the end.
    ///
    /// # Errors
    /// The first thing that is wrong; the same again after that.
    #[expect(clippy::should_implement_trait, reason = "`None` means more bytes, not the end")]
    pub fn next(&mut self) -> Result<Option<Item>, ArchiveError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let step = self.step();
        if let Err(error) = &step {
            self.failed = Some(error.clone());
        }
        step
    }

    /// To be called when the file has no more bytes.
    ///
    /// # Errors
    /// [`ArchiveError::Truncated`] if it should have.
    pub fn finish(&self) -> Result<(), ArchiveError> {
        match (&self.failed, self.state) {
            (Some(error), _) => Err(error.clone()),
            (None, State::Ended) => Ok(()),
            (None, _) => Err(ArchiveError::Truncated),
        }
    }

    fn step(&mut self) -> Result<Option<Item>, ArchiveError> {
        loop {
            let item = match self.state {
                State::Magic => {
                    if !self.read_magic()? {
                        return Ok(None);
                    }
                    None
                }
                State::Charter => {
                    let max = CHARTER_FILE_MAGIC.len() + CHARTER_BYTES_MAX;
                    let Some(section) = self.section("charter", max)? else { return Ok(None) };
                    self.state = State::Manifest;
                    Some(Item::Charter(FoundedCharter::decode(&section)?))
                }
                State::Manifest => {
                    let Some(section) = self.section("manifest", MANIFEST_BYTES_MAX)? else {
                        return Ok(None);
                    };
                    self.state = State::Records;
                    Some(Item::Manifest(Manifest::decode(&section)?))
                }
                State::Records => {
                    let offset = self.before + self.used as u64;
                    let Some(section) = self.section("record", FRAME_BYTES_MAX)? else { return Ok(None) };
                    self.read_record(offset, &section)
                }
                State::Forks => {
                    let Some(section) = self.section("fork proof", FORK_PROOF_BYTES_MAX)? else {
                        return Ok(None);
                    };
                    self.read_fork(&section)?
                }
                State::Checksum => return self.read_checksum(),
                State::Ended if self.used < self.buffer.len() => return Err(ArchiveError::TrailingBytes),
                State::Ended => return Ok(None),
            };
            if item.is_some() {
                return Ok(item);
            }
        }
    }

    /// Whether magic and version are read. A wrong byte is noticed as soon as it is here.
    fn read_magic(&mut self) -> Result<bool, ArchiveError> {
        let rest = &self.buffer[self.used..];
        let known = rest.len().min(MAGIC.len());
        if rest[..known] != MAGIC[..known] {
            return Err(ArchiveError::NotAnArchive);
        }
        match rest.get(MAGIC.len()) {
            None => return Ok(false),
            Some(&VERSION) => {}
            Some(&other) => return Err(ArchiveError::UnknownVersion(other)),
        }
        self.take(MAGIC.len() + 1);
        self.state = State::Charter;
        Ok(true)
    }

    fn read_record(&mut self, offset: u64, section: &[u8]) -> Option<Item> {
        if section.is_empty() {
            self.state = State::Forks;
            return None;
        }
        Some(Item::Record { offset, frame: codec::decode(section, FRAME_BYTES_MAX) })
    }

    fn read_fork(&mut self, section: &[u8]) -> Result<Option<Item>, ArchiveError> {
        if section.is_empty() {
            self.state = State::Checksum;
            return Ok(None);
        }
        let proof = ForkProof::decode(section)?;
        if self.last_fork.is_some_and(|last| last >= proof.position()) {
            return Err(ArchiveError::Order("fork proofs"));
        }
        self.last_fork = Some(proof.position());
        Ok(Some(Item::Fork(proof)))
    }

    fn read_checksum(&mut self) -> Result<Option<Item>, ArchiveError> {
        let rest = &self.buffer[self.used..];
        if rest.len() < CHECKSUM_BYTES {
            return Ok(None);
        }
        if rest[..CHECKSUM_BYTES] != self.hash.clone().finalize()[..] {
            return Err(ArchiveError::Checksum);
        }
        self.used += CHECKSUM_BYTES;
        self.state = State::Ended;
        Ok(Some(Item::End))
    }

    /// The bytes of the next section, if they are all here; its length is checked before they are.
    fn section(&mut self, what: &'static str, max: usize) -> Result<Option<Vec<u8>>, ArchiveError> {
        let Some((length, rest)) = self.buffer[self.used..].split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > max {
            return Err(ArchiveError::TooLong { what, length, max });
        }
        let Some(section) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.take(LENGTH_BYTES + length);
        Ok(Some(section))
    }

    /// Marks bytes as read and hashes them.
    fn take(&mut self, length: usize) {
        let end = self.used + length;
        self.hash.update(&self.buffer[self.used..end]);
        self.used = end;
    }
}
