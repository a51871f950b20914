//! Bodies on a node's own disk: encrypted under the **storage key**, which lies in the vault (`docs/PROTOCOL.md`, section
//! 27; `docs/STORAGE.md`, section 3).
//!
//! Who takes a disk or a backup without the passphrase reads nothing that a bureau wrote, whether it was sealed to
//! somebody or open to all members. Headers are not encrypted: the node must know where its logs end before anybody has
//! typed a passphrase, and they say what every member of the network knows.
//!
//! Each body has keys of its own, derived from the id of its record: one for its chunks in the store, one for its entry
//! in the journal. The id commits to the body, so under one key there is only ever one plaintext, and the number of the
//! chunk can be the nonce. A body that is fetched again becomes the same bytes again.

use std::fmt;

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Tag};
use ecomesh_record::{RecordId, tags};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::envelope::chunk_nonce;
use crate::signing_key::SigningKey;

/// Length of the tag behind each chunk in bytes.
pub const TAG_BYTES: usize = 16;
/// Plaintext of a chunk of a backup in bytes; the last one is shorter, or empty.
pub const BACKUP_CHUNK_BYTES: usize = 64 * 1024;

/// The key under which a node keeps bodies on its disk. It is wiped when it is dropped.
#[derive(Clone)]
pub struct StorageKey(Zeroizing<[u8; 32]>, Option<Zeroizing<[u8; 32]>>);

/// Where a body lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// In the store, in several chunks.
    Store = 1,
    /// In the journal, as one.
    Journal = 2,
}

/// What the storage key gives: each of these has another number, and no key serves two of them.
const ID: u8 = 0;
const BACKUP: u8 = 3;
const COPY: u8 = 4;
const ACCESS: u8 = 5;

/// First bytes of a [`StorageKey::sealed_copy`].
const COPY_MAGIC: [u8; 8] = *b"ECOSTKEY";

impl StorageKey {
    /// Length of the key in bytes.
    pub const BYTES: usize = 32;
    /// Length of a [`StorageKey::sealed_copy`] in bytes: magic 8, salt 32, key 32, tag 16.
    pub const COPY_BYTES: usize = 8 + 32 + Self::BYTES + TAG_BYTES;

    /// A key from random bytes.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(*bytes), None)
    }

    /// The same, with another one that what is older may be under: see [`StorageKey::second`].
    #[must_use]
    pub fn with_second(self, second: &Self) -> Self {
        Self(self.0, Some(second.0.clone()))
    }

    /// Another key of this home, of a time when its vault was another one. Nothing new is under it.
    pub fn second(&self) -> Option<Self> {
        self.1.clone().map(|key| Self(key, None))
    }

    /// The bytes, for the vault.
    pub(crate) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Names the key without telling it: a store says with it which key its bodies are under.
    pub fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        expand(&self.0, ID, &[], &mut id);
        id
    }

    /// The key of one body at one place.
    pub fn body(&self, place: Place, record: RecordId) -> ChunkKey {
        ChunkKey::derive(&self.0, place as u8, record.as_bytes())
    }

    /// The key of the records in one backup; `salt` is random for each.
    pub fn backup(&self, salt: &[u8; 32]) -> ChunkKey {
        ChunkKey::derive(&self.0, BACKUP, salt)
    }

    /// The key of one file of the access log; `header` is the chain value of its header, in which 32 bytes are random. The
    /// number of an entry is the number of its chunk, and none is the last one.
    pub fn access_log(&self, header: &[u8; 32]) -> ChunkKey {
        ChunkKey::derive(&self.0, ACCESS, header)
    }

    /// The key again, sealed under the bureau's signing key: should the vault be lost, own records that nobody else holds
    /// yet stay readable. `salt` is random at each call.
    pub fn sealed_copy(&self, signing: &SigningKey, salt: &[u8; 32]) -> [u8; Self::COPY_BYTES] {
        let mut wrapped = self.0.to_vec();
        ChunkKey::derive(signing.seed(), COPY, salt).seal(0, true, &mut wrapped);
        let mut copy = [0; Self::COPY_BYTES];
        let mut rest = copy.as_mut_slice();
        for part in [COPY_MAGIC.as_slice(), salt, &wrapped] {
            let (start, end) = rest.split_at_mut(part.len());
            start.copy_from_slice(part);
            rest = end;
        }
        copy
    }

    /// Opens a [`StorageKey::sealed_copy`]; nothing if it is none, was altered, or belongs to another signing key.
    pub fn from_copy(copy: &[u8], signing: &SigningKey) -> Option<Self> {
        let rest = copy.strip_prefix(&COPY_MAGIC)?;
        let (salt, wrapped) = rest.split_first_chunk::<32>()?;
        let key = ChunkKey::derive(signing.seed(), COPY, salt).open(0, true, wrapped)?;
        Some(Self::from_bytes(key.as_slice().try_into().ok()?))
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageKey(..)")
    }
}

impl ZeroizeOnDrop for StorageKey {}

/// The key of one body, of one backup, or of one file of the access log, in chunks.
pub struct ChunkKey(ChaCha20Poly1305);

impl ChunkKey {
    fn derive(secret: &[u8; 32], purpose: u8, context: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        expand(secret, purpose, context, key.as_mut_slice());
        Self(ChaCha20Poly1305::new(&Key::from(*key)))
    }

    /// Encrypts a chunk in its place and appends its tag. One key seals one plaintext for a pair of `number` and `last`.
    pub fn seal(&self, number: u64, last: bool, chunk: &mut Vec<u8>) {
        let tag = self
            .0
            .encrypt_inout_detached(&chunk_nonce(number, last), &[], chunk.as_mut_slice().into())
            .expect("a chunk is far below the 256 GiB that one nonce can encrypt");
        chunk.extend_from_slice(&tag);
    }

    /// The plaintext of a chunk; nothing if it was altered, or is another one.
    pub fn open(&self, number: u64, last: bool, chunk: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut plaintext = Zeroizing::new(Vec::with_capacity(chunk.len()));
        self.open_onto(number, last, chunk, &mut plaintext).then_some(plaintext)
    }

    /// As [`ChunkKey::open`], appending to `out`; whether it opened. Nothing is appended if it did not.
    #[must_use]
    pub fn open_onto(&self, number: u64, last: bool, chunk: &[u8], out: &mut Vec<u8>) -> bool {
        let Some((ciphertext, tag)) = chunk.split_last_chunk::<TAG_BYTES>() else { return false };
        let start = out.len();
        out.extend_from_slice(ciphertext);
        let text = (&mut out[start..]).into();
        let nonce = chunk_nonce(number, last);
        let opened = self.0.decrypt_inout_detached(&nonce, &[], text, &Tag::from(*tag)).is_ok();
        if !opened {
            out[start..].zeroize();
            out.truncate(start);
        }
        opened
    }
}

impl fmt::Debug for ChunkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkKey(..)")
    }
}

fn expand(secret: &[u8; 32], purpose: u8, context: &[u8], out: &mut [u8]) {
    Hkdf::<Sha256>::new(None, secret)
        .expand_multi_info(&[tags::STORAGE, &[purpose], context], out)
        .expect("HKDF-SHA256 gives up to 8,160 bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> StorageKey {
        StorageKey::from_bytes(&[n; 32])
    }

    fn sealed(key: &ChunkKey, number: u64, last: bool, text: &[u8]) -> Vec<u8> {
        let mut chunk = text.to_vec();
        key.seal(number, last, &mut chunk);
        chunk
    }

    #[test]
    fn a_body_opens_at_its_place_of_its_record_and_as_its_chunk_only() {
        let (record, other) = (RecordId([1; 32]), RecordId([2; 32]));
        let body = key(1).body(Place::Store, record);
        let chunk = sealed(&body, 3, false, b"ivory, 12 tusks");
        assert_eq!(chunk.len(), 15 + TAG_BYTES);
        assert_eq!(body.open(3, false, &chunk).unwrap().as_slice(), b"ivory, 12 tusks");
        assert!(body.open(2, false, &chunk).is_none(), "another chunk");
        assert!(body.open(3, true, &chunk).is_none(), "the last chunk");
        for wrong in [
            key(1).body(Place::Store, other),
            key(1).body(Place::Journal, record),
            key(2).body(Place::Store, record),
            key(1).backup(&record.0),
            key(1).access_log(&record.0),
        ] {
            assert!(wrong.open(3, false, &chunk).is_none());
        }
    }

    #[test]
    fn a_flipped_bit_or_a_cut_is_noticed_and_gives_nothing() {
        let body = key(1).body(Place::Journal, RecordId([1; 32]));
        let chunk = sealed(&body, 0, true, b"text");
        for bit in 0..chunk.len() * 8 {
            let mut bad = chunk.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let mut out = b"before".to_vec();
            assert!(!body.open_onto(0, true, &bad, &mut out), "bit {bit}");
            assert_eq!(out, b"before");
        }
        for cut in 0..chunk.len() {
            assert!(body.open(0, true, &chunk[..cut]).is_none(), "{cut} bytes");
        }
        let empty = sealed(&body, 1, true, b"");
        assert_eq!(body.open(1, true, &empty).unwrap().len(), 0);
    }

    #[test]
    fn the_copy_opens_with_the_signing_key_it_was_made_for() {
        let (own, other) = (SigningKey::from_seed(&[7; 32]), SigningKey::from_seed(&[8; 32]));
        let copy = key(1).sealed_copy(&own, &[9; 32]);
        assert_eq!(StorageKey::from_copy(&copy, &own).unwrap().id(), key(1).id());
        assert!(StorageKey::from_copy(&copy, &other).is_none());
        for at in 0..copy.len() {
            let mut bad = copy;
            bad[at] ^= 1;
            assert!(StorageKey::from_copy(&bad, &own).is_none(), "byte {at}");
        }
        assert!(StorageKey::from_copy(&copy[..copy.len() - 1], &own).is_none());
        assert!(StorageKey::from_copy(&[copy.as_slice(), &[0]].concat(), &own).is_none());
        assert!(StorageKey::from_copy(b"", &own).is_none());
    }

    #[test]
    fn the_bytes_are_as_the_protocol_says() {
        // From HKDF and ChaCha20-Poly1305 alone, as section 27 spells them.
        let mut derived = [0; 32];
        let info = [b"ecomesh/1/storage".as_slice(), &[1], &[5; 32]].concat();
        Hkdf::<Sha256>::new(None, &[1; 32]).expand(&info, &mut derived).unwrap();
        let cipher = ChaCha20Poly1305::new(&Key::from(derived));
        let mut expected = b"text".to_vec();
        let nonce = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0].into();
        let tag = cipher.encrypt_inout_detached(&nonce, &[], expected.as_mut_slice().into()).unwrap();
        expected.extend_from_slice(&tag);
        let body = key(1).body(Place::Store, RecordId([5; 32]));
        assert_eq!(sealed(&body, 258, false, b"text"), expected);
    }

    #[test]
    fn a_second_key_changes_nothing_of_the_first() {
        let both = key(1).with_second(&key(2));
        assert_eq!((both.id(), both.second().unwrap().id()), (key(1).id(), key(2).id()));
        assert!(key(1).second().is_none() && both.second().unwrap().second().is_none());
    }

    #[test]
    fn nothing_shows_the_key() {
        assert_eq!(format!("{:?}", key(3)), "StorageKey(..)");
        assert_eq!(format!("{:?}", key(3).backup(&[0; 32])), "ChunkKey(..)");
        assert_ne!(key(1).id(), key(2).id());
        assert_ne!(key(1).id()[..], [1; 16]);
    }
}
