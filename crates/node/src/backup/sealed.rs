//! The records in a backup: an archive, encrypted under the storage key as it is written.
//!
//! ```text
//! salt 32, random ‖ chunks: 64 KiB of the archive, the last one what is left, each with its tag of 16 bytes
//! ```
//!
//! Number of the chunk and whether it is the last one are in its nonce: none can be left out, moved or cut off.

use std::io::{self, BufRead, Read, Write};

use ecomesh_seal::StorageKey;
use ecomesh_seal::at_rest::{BACKUP_CHUNK_BYTES, ChunkKey, TAG_BYTES};
use zeroize::Zeroizing;

const SALT_BYTES: usize = 32;

/// Encrypts what is written to it. Without [`Sealing::finish`] what came out does not open.
pub(super) struct Sealing<W> {
    out: W,
    key: ChunkKey,
    chunk: Vec<u8>,
    number: u64,
}

impl<W: Write> Sealing<W> {
    /// Writes the salt, which is random.
    pub(super) fn begin(key: &StorageKey, salt: [u8; SALT_BYTES], mut out: W) -> io::Result<Self> {
        out.write_all(&salt)?;
        let chunk = Vec::with_capacity(BACKUP_CHUNK_BYTES + TAG_BYTES);
        Ok(Self { out, key: key.backup(&salt), chunk, number: 0 })
    }

    /// Writes the last chunk.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.put(true)?;
        self.out.flush()
    }

    fn put(&mut self, last: bool) -> io::Result<()> {
        self.key.seal(self.number, last, &mut self.chunk);
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        self.number += 1;
        Ok(())
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Only when more comes is a full chunk known not to be the last one.
        if self.chunk.len() == BACKUP_CHUNK_BYTES && !bytes.is_empty() {
            self.put(false)?;
        }
        let taken = bytes.len().min(BACKUP_CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Decrypts what [`Sealing`] wrote.
pub(super) struct Opening<R> {
    inner: R,
    key: ChunkKey,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    number: u64,
    ended: bool,
}

impl<R: BufRead> Opening<R> {
    /// Reads the salt.
    pub(super) fn begin(key: &StorageKey, mut inner: R) -> io::Result<Self> {
        let mut salt = [0; SALT_BYTES];
        inner.read_exact(&mut salt)?;
        let plain = Zeroizing::new(Vec::with_capacity(BACKUP_CHUNK_BYTES));
        Ok(Self { inner, key: key.backup(&salt), plain, at: 0, number: 0, ended: false })
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let mut chunk = Vec::with_capacity(BACKUP_CHUNK_BYTES + TAG_BYTES);
        let whole = (BACKUP_CHUNK_BYTES + TAG_BYTES) as u64;
        (&mut self.inner).take(whole).read_to_end(&mut chunk)?;
        let last = self.inner.fill_buf()?.is_empty();
        self.plain.clear();
        self.at = 0;
        if !self.key.open_onto(self.number, last, &chunk, &mut self.plain) {
            let what = "its records do not open with the storage key that is in it, or they were altered";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        self.number += 1;
        self.ended = last;
        Ok(())
    }
}

impl<R: BufRead> Read for Opening<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_chunk()?;
        }
        let rest = &self.plain[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StorageKey {
        StorageKey::from_bytes(&[3; 32])
    }

    fn sealed(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut sealing = Sealing::begin(&key(), [7; 32], &mut out).unwrap();
        // In pieces that do not fit the chunks.
        text.chunks(1_000).for_each(|piece| sealing.write_all(piece).unwrap());
        sealing.finish().unwrap();
        out
    }

    fn open(key: &StorageKey, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Opening::begin(key, bytes)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        let chunk = BACKUP_CHUNK_BYTES;
        for length in [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 3 * chunk + 5] {
            let text: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let bytes = sealed(&text);
            let chunks = length.div_ceil(chunk).max(1);
            assert_eq!(bytes.len(), 32 + length + chunks * TAG_BYTES, "{length}");
            assert_eq!(open(&key(), &bytes).unwrap(), text, "{length}");
        }
    }

    #[test]
    fn what_was_cut_altered_or_sealed_otherwise_does_not_open() {
        let chunk = BACKUP_CHUNK_BYTES + TAG_BYTES;
        let good = sealed(&vec![5; 2 * BACKUP_CHUNK_BYTES + 100]);
        assert!(open(&StorageKey::from_bytes(&[4; 32]), &good).is_err());
        for cut in [0, 31, 32, 33, 32 + chunk, 32 + 2 * chunk, good.len() - 1] {
            assert!(open(&key(), &good[..cut]).is_err(), "{cut} bytes");
        }
        for at in [0, 32, 32 + chunk - 1, 32 + chunk, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(open(&key(), &bad).is_err(), "byte {at}");
        }
        let (salt, chunks) = good.split_at(32);
        let swapped = [salt, &chunks[chunk..2 * chunk], &chunks[..chunk], &chunks[2 * chunk..]].concat();
        assert!(open(&key(), &swapped).is_err());
    }
}
