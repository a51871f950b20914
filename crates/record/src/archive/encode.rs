//! From records to the bytes of an archive.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{
    ArchiveError, EncodeError, KEYS_MAX, LENGTH_BYTES, LogRange, MAGIC, Manifest, VERSION, VERSION_WITH_KEYS,
};
use crate::charter::FoundedCharter;
use crate::codec;
use crate::fork::ForkProof;
use crate::id::{Position, RecordId};
use crate::record::{FRAME_BYTES_MAX, Record};
use crate::tags;

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
        Self::begin_with_keys(founded, manifest, &BTreeMap::new())
    }

    /// As [`ArchiveEncoder::begin`], with the content keys of sealed records, so that everybody can read them.
    ///
    /// # Errors
    /// [`EncodeError`] if charter or manifest break their own rules, or there are more than [`KEYS_MAX`] keys.
    pub fn begin_with_keys(
        founded: &FoundedCharter,
        manifest: &Manifest,
        keys: &BTreeMap<RecordId, [u8; 32]>,
    ) -> Result<(Self, Vec<u8>), EncodeError> {
        if keys.len() > KEYS_MAX {
            return Err(ArchiveError::TooMany("content keys").into());
        }
        let logs = manifest.logs.clone();
        let first = logs.first().map_or(0, |range| range.first);
        let hash = Sha256::new().chain_update(tags::ARCHIVE);
        let mut encoder = Self { hash, logs, next: (0, first), last_fork: None, records_ended: false };
        let version = if keys.is_empty() { VERSION } else { VERSION_WITH_KEYS };
        let mut bytes = [MAGIC.as_slice(), &[version]].concat();
        push_section(&mut bytes, &founded.encode()?);
        push_section(&mut bytes, &manifest.encode()?);
        keys.iter().for_each(|(id, key)| push_section(&mut bytes, &[id.0, *key].concat()));
        if !keys.is_empty() {
            push_section(&mut bytes, &[]);
        }
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
