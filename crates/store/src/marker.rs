//! The marker: a small file beside the database that says what the store is and how many commits it had.
//!
//! A database that lost its newest entries to rot looks like an older, whole database. The marker tells them apart.
//! It is written after each commit is durable, into one of two slots in turn, so that a torn write leaves the
//! other. It is not synced (that would double the cost of a commit), so after a loss of power it may lag behind,
//! never run ahead.
//!
//! ```text
//! slot (at 0 and at 512)   "ECOSTORE" ‖ schema u32 ‖ network 32 ‖ instance 16 ‖ commit u64 ‖ first 16 bytes of SHA-256 of the 68 before
//! ```

use std::io;
use std::path::Path;

use ecomesh_record::NetworkId;
use sha2::{Digest, Sha256};

use crate::files::{Access, Files, OpenFile};

const MAGIC: &[u8; 8] = b"ECOSTORE";
const FIELDS_BYTES: usize = 8 + 4 + 32 + 16 + 8;
const SLOT_BYTES: usize = FIELDS_BYTES + 16;
const SLOT_OFFSETS: [u64; 2] = [0, 512];

/// What the marker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) schema: u32,
    pub(crate) network: NetworkId,
    pub(crate) instance: [u8; 16],
    pub(crate) commit: u64,
}

impl Mark {
    fn encode(&self) -> Vec<u8> {
        let mut slot = Vec::with_capacity(SLOT_BYTES);
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&self.schema.to_be_bytes());
        slot.extend_from_slice(self.network.as_bytes());
        slot.extend_from_slice(&self.instance);
        slot.extend_from_slice(&self.commit.to_be_bytes());
        let checksum = Sha256::digest(&slot);
        slot.extend_from_slice(&checksum[..16]);
        slot
    }

    fn decode(slot: &[u8]) -> Option<Self> {
        let (fields, checksum) = slot.split_at_checked(FIELDS_BYTES)?;
        if checksum != &Sha256::digest(fields)[..16] {
            return None;
        }
        let rest = fields.strip_prefix(MAGIC)?;
        let (schema, rest) = rest.split_first_chunk()?;
        let (network, rest) = rest.split_first_chunk()?;
        let (instance, commit) = rest.split_first_chunk()?;
        Some(Self {
            schema: u32::from_be_bytes(*schema),
            network: NetworkId(*network),
            instance: *instance,
            commit: u64::from_be_bytes(commit.try_into().ok()?),
        })
    }
}

/// The newest whole slot of the file; `None` if there is no file or no whole slot.
pub(crate) fn read(files: &dyn Files, path: &Path) -> io::Result<Option<Mark>> {
    let bytes = match files.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let slots = SLOT_OFFSETS.iter().filter_map(|at| {
        let from = usize::try_from(*at).ok()?;
        Mark::decode(bytes.get(from..from + SLOT_BYTES)?)
    });
    Ok(slots.max_by_key(|mark| mark.commit))
}

/// The file, open for writing.
#[derive(Debug)]
pub(crate) struct Marker {
    file: Box<dyn OpenFile>,
}

impl Marker {
    /// Opens the file, or makes it (0600).
    pub(crate) fn open(files: &dyn Files, path: &Path) -> io::Result<Self> {
        Ok(Self { file: files.open(path, Access::InPlace)? })
    }

    /// Says that this commit is durable.
    pub(crate) fn write(&self, mark: &Mark) -> io::Result<()> {
        let offset = SLOT_OFFSETS[usize::from(mark.commit % 2 == 1)];
        self.file.write_at(&mark.encode(), offset)
    }

    /// Makes what it says durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_or_rotten_slot_leaves_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("marker");
        let files = crate::System::default().files();
        let read = |path| read(&*files, path);
        assert_eq!(read(&path).unwrap(), None);
        let mark = |commit| Mark { schema: 1, network: NetworkId([1; 32]), instance: [2; 16], commit };
        let marker = Marker::open(&*files, &path).unwrap();
        for commit in 0..5 {
            marker.write(&mark(commit)).unwrap();
            assert_eq!(read(&path).unwrap(), Some(mark(commit)));
        }
        let good = std::fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bad).unwrap();
            let commit = read(&path).unwrap().unwrap().commit;
            assert!(commit == 4 || (commit == 3 && bit / 8 < SLOT_BYTES), "bit {bit}: {commit}");
        }
    }
}
