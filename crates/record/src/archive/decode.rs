//! From the bytes of an archive, as they come, to its parts.

use sha2::{Digest, Sha256};

use super::{
    ArchiveError, CHECKSUM_BYTES, KEY_SECTION_BYTES, KEYS_MAX, LENGTH_BYTES, MAGIC, MANIFEST_BYTES_MAX,
    Manifest, VERSION, VERSION_WITH_KEYS,
};
use crate::charter::{CHARTER_FILE_MAGIC, FoundedCharter};
use crate::codec::{self, DecodeError};
use crate::fork::{FORK_PROOF_BYTES_MAX, ForkProof};
use crate::id::{Position, RecordId};
use crate::limits::CHARTER_BYTES_MAX;
use crate::record::{FRAME_BYTES_MAX, RecordFrame};
use crate::tags;

/// One part of an archive, in the order in which they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The founded charter; its signatures are not checked yet.
    Charter(FoundedCharter),
    /// The manifest.
    Manifest(Manifest),
    /// The content key of a record that comes later; whether it opens it is not checked yet.
    Key {
        /// The record.
        id: RecordId,
        /// Its content key.
        key: [u8; 32],
    },
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
    Keys,
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
    /// Whether content keys come before the records.
    has_keys: bool,
    last_key: Option<RecordId>,
    keys: usize,
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
            has_keys: false,
            last_key: None,
            keys: 0,
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
                    self.state = if self.has_keys { State::Keys } else { State::Records };
                    Some(Item::Manifest(Manifest::decode(&section)?))
                }
                State::Keys => {
                    let Some(section) = self.section("content key", KEY_SECTION_BYTES)? else {
                        return Ok(None);
                    };
                    self.read_key(&section)?
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
            Some(&VERSION_WITH_KEYS) => self.has_keys = true,
            Some(&other) => return Err(ArchiveError::UnknownVersion(other)),
        }
        self.take(MAGIC.len() + 1);
        self.state = State::Charter;
        Ok(true)
    }

    fn read_key(&mut self, section: &[u8]) -> Result<Option<Item>, ArchiveError> {
        if section.is_empty() {
            // Without keys it would be version 1: the same records have one form.
            let none = self.keys == 0;
            self.state = State::Records;
            return if none { Err(ArchiveError::Key(0)) } else { Ok(None) };
        }
        let ([id, key], []) = section.as_chunks::<32>() else { return Err(ArchiveError::Key(section.len())) };
        let id = RecordId(*id);
        if self.last_key.is_some_and(|last| last >= id) {
            return Err(ArchiveError::Order("content keys"));
        }
        self.keys += 1;
        if self.keys > KEYS_MAX {
            return Err(ArchiveError::TooMany("content keys"));
        }
        self.last_key = Some(id);
        Ok(Some(Item::Key { id, key: *key }))
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
