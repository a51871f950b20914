//! Small append-only logs with checksums: the format of the journal and of the evidence of delivery
//! (`docs/PROTOCOL.md`, "Journal").
//!
//! ```text
//! header   magic 8 ‖ network 32 ‖ member 8 ‖ instance 16 ‖ first 16 bytes of SHA-256(tag ‖ the 64 bytes before)
//! entry    length u32 big-endian ‖ first 16 bytes of SHA-256(tag ‖ length ‖ payload) ‖ payload
//! ```
//!
//! A crash can leave any part of what was appended after the last sync: the first entry that is not whole ends the
//! log, whatever follows it.

use ecomesh_record::{MemberId, NetworkId, tags};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::disk::{Disk, DiskError};
use crate::limits::JOURNAL_ENTRY_BYTES_MAX;

/// Length of the header in bytes.
pub const HEADER_BYTES: usize = 80;
const CHECKSUM_BYTES: usize = 16;
const ENTRY_OVERHEAD: usize = 4 + CHECKSUM_BYTES;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHeader {
    /// Eight bytes that say what kind of log it is.
    pub magic: [u8; 8],
    /// The network.
    pub network: NetworkId,
    /// The member.
    pub member: MemberId,
    /// Instance id of the store to which it belongs.
    pub instance: [u8; 16],
}

/// Why a file is no log of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LogError {
    /// Shorter than its header.
    #[error("it is shorter than its header")]
    Truncated,
    /// Another kind of file.
    #[error("it is another kind of file")]
    NotALog,
    /// The header does not match its checksum.
    #[error("its header is damaged")]
    Damaged,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Whose log it is.
    pub header: LogHeader,
    /// The payloads of the whole entries.
    pub entries: Vec<Vec<u8>>,
    /// Length of header and whole entries in bytes.
    pub whole_bytes: u64,
    /// Bytes after that: a torn tail, or damage.
    pub torn_bytes: u64,
}

impl LogHeader {
    /// The bytes at the beginning of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&self.magic);
        bytes.extend_from_slice(self.network.as_bytes());
        bytes.extend_from_slice(self.member.as_bytes());
        bytes.extend_from_slice(&self.instance);
        let checksum = checksum(&[&bytes]);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    fn decode(magic: &[u8; 8], bytes: &[u8]) -> Result<Self, LogError> {
        if !bytes.starts_with(magic) {
            return Err(if bytes.len() < 8 { LogError::Truncated } else { LogError::NotALog });
        }
        let (fields, check) = bytes.get(..HEADER_BYTES).ok_or(LogError::Truncated)?.split_at(64);
        if checksum(&[fields]) != check {
            return Err(LogError::Damaged);
        }
        let network = fields[8..40].try_into().map_err(|_| LogError::Damaged)?;
        let member: [u8; 8] = fields[40..48].try_into().map_err(|_| LogError::Damaged)?;
        let instance = fields[48..64].try_into().map_err(|_| LogError::Damaged)?;
        let member = MemberId::from_bytes(member).map_err(|_| LogError::Damaged)?;
        Ok(Self { magic: *magic, network: NetworkId(network), member, instance })
    }
}

/// The bytes of one entry.
pub fn encode_entry(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let checksum = checksum(&[&length, payload]);
    [length.as_slice(), &checksum, payload].concat()
}

/// How long an entry with this payload is in the file, in bytes.
pub(crate) fn entry_len(payload: &[u8]) -> u64 {
    (ENTRY_OVERHEAD + payload.len()) as u64
}

/// Reads a file: all whole entries up to the first that is not.
///
/// # Errors
/// [`LogError`] if not even the header is whole.
pub fn scan(magic: &[u8; 8], bytes: &[u8]) -> Result<Scan, LogError> {
    let header = LogHeader::decode(magic, bytes)?;
    let mut entries = Vec::new();
    let mut at = HEADER_BYTES;
    while let Some(payload) = entry_at(bytes, at) {
        at += ENTRY_OVERHEAD + payload.len();
        entries.push(payload.to_vec());
    }
    Ok(Scan { header, entries, whole_bytes: at as u64, torn_bytes: (bytes.len() - at) as u64 })
}

/// The payload of an entry as [`encode_entry`] made it; `None` unless it is whole.
pub fn payload(entry: &[u8]) -> Option<&[u8]> {
    entry_at(entry, 0)
}

/// The entry of `length` bytes that stands at `start` in a file, with its length and checksum; `None` unless it is
/// whole.
pub fn whole_entry(file: &[u8], start: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    let payload = entry_at(file, start)?;
    let entry = file.get(start..end)?;
    (entry.len() == ENTRY_OVERHEAD + payload.len()).then_some(entry)
}

fn entry_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let (length, rest) = bytes.get(at..)?.split_first_chunk::<4>()?;
    let (check, rest) = rest.split_first_chunk::<CHECKSUM_BYTES>()?;
    let size = u32::from_be_bytes(*length) as usize;
    if size > JOURNAL_ENTRY_BYTES_MAX {
        return None;
    }
    let payload = rest.get(..size)?;
    (checksum(&[length, payload]) == *check).then_some(payload)
}

/// Appends to a log so that a failed write never hides the entries after it.
#[derive(Debug)]
pub struct Writer {
    name: &'static str,
    end: u64,
    /// The last append failed half-way: what it left is cut away before the next.
    suspect: bool,
}

impl Writer {
    /// Goes on with a file that was scanned; cuts its torn tail, and makes the rest durable: a process that was killed
    /// may have written it and not synced it, so that it is seen and still lost with the power.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn resume(
        disk: &mut impl Disk,
        name: &'static str,
        whole_bytes: u64,
        torn_bytes: u64,
    ) -> Result<Self, DiskError> {
        if torn_bytes > 0 {
            disk.truncate(name, whole_bytes)?;
        } else {
            disk.sync(name)?;
        }
        Ok(Self { name, end: whole_bytes, suspect: false })
    }

    /// Puts a new file in place of the old one and goes on with it.
    ///
    /// # Errors
    /// [`DiskError`]; the old file stands then.
    pub fn replace(disk: &mut impl Disk, name: &'static str, file: &[u8]) -> Result<Self, DiskError> {
        disk.replace(name, file)?;
        Ok(Self { name, end: file.len() as u64, suspect: false })
    }

    /// Length of the file in bytes: the next entry begins there.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Appends encoded entries and syncs once. When it returns, they survive a loss of power.
    ///
    /// # Errors
    /// [`DiskError`]; nothing of the entries counts then.
    pub fn append(&mut self, disk: &mut impl Disk, entries: &[Vec<u8>]) -> Result<(), DiskError> {
        if self.suspect {
            disk.truncate(self.name, self.end)?;
        }
        // Until the sync succeeds, the file may hold a part of this.
        self.suspect = true;
        let bytes = entries.concat();
        disk.append(self.name, &bytes)?;
        disk.sync(self.name)?;
        self.suspect = false;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

fn checksum(parts: &[&[u8]]) -> [u8; CHECKSUM_BYTES] {
    let mut hash = Sha256::new().chain_update(tags::JOURNAL);
    parts.iter().for_each(|part| hash.update(part));
    let digest: [u8; 32] = hash.finalize().into();
    let mut out = [0; CHECKSUM_BYTES];
    out.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;

    const MAGIC: &[u8; 8] = b"ECOTEST1";

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let header = LogHeader {
            magic: *MAGIC,
            network: NetworkId([7; 32]),
            member: MemberId::parse("KE").unwrap(),
            instance: [9; 16],
        };
        let mut bytes = header.encode();
        payloads.iter().for_each(|p| bytes.extend(encode_entry(p)));
        bytes
    }

    #[test]
    fn every_cut_leaves_the_whole_entries_before_it() {
        let bytes = file(&[b"one", b"two two", b""]);
        let ends = [HEADER_BYTES, HEADER_BYTES + 23, HEADER_BYTES + 50, HEADER_BYTES + 70];
        assert_eq!(bytes.len(), ends[3]);
        for cut in 0..=bytes.len() {
            match scan(MAGIC, &bytes[..cut]) {
                Err(error) => {
                    assert!(cut < HEADER_BYTES);
                    assert_eq!(error, LogError::Truncated);
                }
                Ok(scan) => {
                    let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
                    assert_eq!(scan.entries.len(), whole, "cut at {cut}");
                    assert_eq!(scan.whole_bytes + scan.torn_bytes, cut as u64);
                }
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let bytes = file(&[b"one", b"two two"]);
        let good = scan(MAGIC, &bytes).unwrap();
        for at in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[at / 8] ^= 1 << (at % 8);
            if let Ok(scan) = scan(MAGIC, &bad) {
                assert!(scan.entries.len() < 2, "bit {at}");
                assert!(good.entries.starts_with(&scan.entries));
            }
        }
    }

    #[test]
    fn what_a_start_finds_is_durable_from_then_on() {
        let mut disk = MemoryDisk::new();
        disk.replace("log", &file(&[b"one"])).unwrap();
        // The process is killed before it syncs.
        disk.append("log", &encode_entry(b"two")).unwrap();
        let found = scan(MAGIC, &disk.read("log").unwrap().unwrap()).unwrap();
        assert_eq!(found.entries, [b"one", b"two"]);
        Writer::resume(&mut disk, "log", found.whole_bytes, found.torn_bytes).unwrap();
        disk.crash(0);
        let left = scan(MAGIC, &disk.read("log").unwrap().unwrap()).unwrap();
        assert_eq!(left.entries, found.entries);
    }

    #[test]
    fn a_length_bomb_takes_no_memory() {
        let mut bytes = file(&[]);
        bytes.extend([0xff; 40]);
        assert_eq!(scan(MAGIC, &bytes).unwrap().torn_bytes, 40);
    }
}
