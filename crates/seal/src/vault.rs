//! The vault: what a bureau needs to read its mail, as bytes of two files that are sealed with its passphrase.
//!
//! The **keys** open what has come: keys of the day, under which content keys are kept ([`DayKey`]), and two secrets of the
//! node. They belong into a backup. The **prekeys** open what comes; they are destroyed soon and belong into no backup,
//! since a copy of them would outlive their destruction. Layout (`docs/PROTOCOL.md`, section 24), integers big-endian:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | magic: `ECOVAULT` |
//! | 8 | 1 | version: 1 |
//! | 9 | 1 | part: 1 keys, 2 prekeys |
//! | 10 | 12 | m, t, p of Argon2id, as in a key file |
//! | 22 | 16 | salt |
//! | 38 | 12 | nonce, random at each writing |
//! | 50 | n | ciphertext of ChaCha20-Poly1305, then its tag (16) |
//!
//! Argon2id runs once for both files, and not at each writing: a node writes them every day, without its passphrase. The
//! associated data are the tag and the first 50 bytes.

use std::fmt;

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce};
use ecomesh_record::tags;
use hkdf::Hkdf;
use sha2::Sha256;
use thiserror::Error;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::at_rest::StorageKey;
use crate::envelope::ContentKey;
use crate::key_file::{self, Params, ParamsError};
use crate::prekey::PrekeySecret;

/// First bytes of every file of a vault.
pub const MAGIC: [u8; 8] = *b"ECOVAULT";
/// The version of the layout.
pub const VERSION: u8 = 1;
/// Longest file in bytes: keys of 99 years, and far more prekeys than are ever alive.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Length of the salt of Argon2id in bytes.
pub const SALT_BYTES: usize = 16;
/// Length of the nonce of a file in bytes.
pub const NONCE_BYTES: usize = 12;
/// Length of a content key under a key of the day in bytes.
pub const WRAPPED_BYTES: usize = ContentKey::BYTES + TAG_BYTES;

const TAG_BYTES: usize = 16;
const SALT_AT: usize = 22;
const NONCE_AT: usize = SALT_AT + SALT_BYTES;
const HEADER_BYTES: usize = NONCE_AT + NONCE_BYTES;

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Keys of the day and the node's secrets.
    Keys,
    /// Private halves of prekeys.
    Prekeys,
}

/// Why a file of a vault was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VaultError {
    /// It starts with other bytes, is cut short, or is the other part.
    #[error("it is no such file of a vault, or it is cut short")]
    NotAVault,
    /// Written by a later version.
    #[error("vault version {0} is unknown; this software reads version {VERSION}")]
    UnknownVersion(u8),
    /// Its parameters would cost too much, or are none.
    #[error("it is damaged or hostile: {0}")]
    Parameters(#[from] ParamsError),
    /// The passphrase is another one, or a bit has changed. The two cannot be told apart.
    #[error("it was sealed with another passphrase, or it is damaged")]
    WrongPassphrase,
    /// This machine has not the memory that the parameters ask for.
    #[error("there is not enough memory to derive its key ({0} KiB); free some and start again")]
    OutOfMemory(u32),
    /// It opened, and holds something else.
    #[error("it opened, and holds something else: it was written by other software")]
    Content,
}

/// The key of both files. It is wiped when it is dropped.
pub struct VaultKey {
    params: Params,
    salt: [u8; SALT_BYTES],
    key: Zeroizing<[u8; 32]>,
}

impl VaultKey {
    /// Derives it. `salt` is random for each new vault.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`] for a passphrase that none can be, [`VaultError::OutOfMemory`].
    pub fn derive(passphrase: &[u8], params: Params, salt: [u8; SALT_BYTES]) -> Result<Self, VaultError> {
        if !key_file::passphrase_fits(passphrase) {
            return Err(VaultError::WrongPassphrase);
        }
        let key = key_file::derive(passphrase, params, &salt);
        let key = key.map_err(|key_file::NoMemory| VaultError::OutOfMemory(params.memory_kib))?;
        Ok(Self { params, salt, key })
    }

    /// The key of an existing file.
    ///
    /// # Errors
    /// [`VaultError`]; all but two before any work is done.
    pub fn of_file(file: &[u8], part: Part, passphrase: &[u8]) -> Result<Self, VaultError> {
        let (_, params, salt, _) = read(file, part)?;
        Self::derive(passphrase, params, salt)
    }

    /// Whether it is the key of this file. Whether the file opens is another question.
    pub fn fits(&self, file: &[u8], part: Part) -> bool {
        matches!(read(file, part), Ok((_, params, salt, _)) if (params, salt) == (self.params, self.salt))
    }

    /// Seals the content of a file. `nonce` is random at each call.
    pub fn seal(&self, part: Part, content: &[u8], nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
        let mut file = Vec::with_capacity(HEADER_BYTES + content.len() + TAG_BYTES);
        file.extend(MAGIC);
        file.extend([VERSION, part.number()]);
        file.extend(self.params.memory_kib.to_be_bytes());
        file.extend(self.params.passes.to_be_bytes());
        file.extend(self.params.lanes.to_be_bytes());
        file.extend(self.salt);
        file.extend(nonce);
        let associated = associated_data(&file);
        file.extend_from_slice(content);
        let cipher = ChaCha20Poly1305::new(&Key::from(*self.key));
        let tag = cipher
            .encrypt_inout_detached(&Nonce::from(nonce), &associated, (&mut file[HEADER_BYTES..]).into())
            .expect("a vault is far below the 256 GiB that one nonce can encrypt");
        file.extend_from_slice(&tag);
        file
    }

    /// Opens a file.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open(&self, part: Part, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (header, _, _, sealed) = read(file, part)?;
        let mut nonce = Nonce::default();
        nonce.copy_from_slice(&header[NONCE_AT..]);
        let mut content = Zeroizing::new(sealed.to_vec());
        ChaCha20Poly1305::new(&Key::from(*self.key))
            .decrypt_in_place(&nonce, &associated_data(header), &mut *content)
            .map_err(|_| VaultError::WrongPassphrase)?;
        Ok(content)
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKey(..)")
    }
}

impl Part {
    fn number(self) -> u8 {
        match self {
            Self::Keys => 1,
            Self::Prekeys => 2,
        }
    }
}

type Read<'a> = (&'a [u8; HEADER_BYTES], Params, [u8; SALT_BYTES], &'a [u8]);

/// Header, parameters, salt and ciphertext, if all that can be checked without a key is right.
fn read(file: &[u8], part: Part) -> Result<Read<'_>, VaultError> {
    let (header, sealed) = file.split_first_chunk::<HEADER_BYTES>().ok_or(VaultError::NotAVault)?;
    if header[..8] != MAGIC || sealed.len() < TAG_BYTES {
        return Err(VaultError::NotAVault);
    }
    if header[8] != VERSION {
        return Err(VaultError::UnknownVersion(header[8]));
    }
    if header[9] != part.number() {
        return Err(VaultError::NotAVault);
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let params = Params::new(number(10), number(14), number(18))?;
    let mut salt = [0; SALT_BYTES];
    salt.copy_from_slice(&header[SALT_AT..NONCE_AT]);
    Ok((header, params, salt, sealed))
}

fn associated_data(header: &[u8]) -> Vec<u8> {
    [tags::VAULT, header].concat()
}

/// A key of the day: under it lie the content keys that were learned on that day. With it they are destroyed.
#[derive(Clone)]
pub struct DayKey {
    /// The day, in days since 1970-01-01 by the node's clock.
    pub day: u32,
    /// Names the key: a day may have a second one.
    pub id: [u8; 16],
    key: Zeroizing<[u8; 32]>,
}

impl DayKey {
    /// Length in a file of keys: day, id, key.
    const BYTES: usize = 4 + 16 + 32;

    /// A new key; both arrays are random.
    pub fn new(day: u32, id: [u8; 16], key: Zeroizing<[u8; 32]>) -> Self {
        Self { day, id, key }
    }

    /// A content key under this key. The record's commitment to it tells it from all others.
    pub fn wrap(&self, key_commitment: &[u8; 32], key: &ContentKey) -> [u8; WRAPPED_BYTES] {
        let mut wrapped = [0; WRAPPED_BYTES];
        let (start, end) = wrapped.split_at_mut(ContentKey::BYTES);
        start.copy_from_slice(key.as_bytes());
        let tag = self
            .cipher(key_commitment)
            .encrypt_inout_detached(&Nonce::default(), &[], start.into())
            .expect("32 bytes are far below the 256 GiB that one nonce can encrypt");
        end.copy_from_slice(&tag);
        wrapped
    }

    /// The content key; nothing if it was wrapped under another key, for another commitment, or was altered.
    pub fn unwrap(&self, key_commitment: &[u8; 32], wrapped: &[u8; WRAPPED_BYTES]) -> Option<ContentKey> {
        let mut key = Zeroizing::new([0; ContentKey::BYTES]);
        let (start, tag) = wrapped.split_first_chunk::<{ ContentKey::BYTES }>()?;
        key.copy_from_slice(start);
        let tag = chacha20poly1305::Tag::try_from(tag).ok()?;
        self.cipher(key_commitment)
            .decrypt_inout_detached(&Nonce::default(), &[], key.as_mut_slice().into(), &tag)
            .ok()?;
        Some(ContentKey::from_bytes(&key))
    }

    /// A cipher for one content key only, so that the nonce need not differ.
    fn cipher(&self, key_commitment: &[u8; 32]) -> ChaCha20Poly1305 {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.key.as_slice())
            .expand_multi_info(&[tags::DAY_KEY, key_commitment], key.as_mut_slice())
            .expect("HKDF-SHA256 gives up to 8,160 bytes");
        ChaCha20Poly1305::new(&Key::from(*key))
    }
}

impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DayKey({}, {}, ..)", self.day, hex::encode(self.id))
    }
}

/// What the file of keys holds: secret of requests (32), storage key (32), then the keys of the day.
pub struct Keys {
    request_secret: Zeroizing<[u8; 32]>,
    storage_key: StorageKey,
    /// The keys of the day, oldest first.
    pub days: Vec<DayKey>,
}

impl Keys {
    /// New ones without a key of the day. The secret is random; so is the storage key, unless an older vault was lost.
    pub fn new(request_secret: Zeroizing<[u8; 32]>, storage_key: StorageKey) -> Self {
        Self { request_secret, storage_key, days: Vec::new() }
    }

    /// The content of the file.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 + self.days.len() * DayKey::BYTES));
        bytes.extend_from_slice(self.request_secret.as_slice());
        bytes.extend_from_slice(self.storage_key.as_bytes());
        for day in &self.days {
            bytes.extend_from_slice(&day.day.to_be_bytes());
            bytes.extend_from_slice(&day.id);
            bytes.extend_from_slice(day.key.as_slice());
        }
        bytes
    }

    /// Reads what [`Keys::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`VaultError::Content`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VaultError> {
        let (request_secret, rest) = bytes.split_first_chunk::<32>().ok_or(VaultError::Content)?;
        let (storage_key, rest) = rest.split_first_chunk::<32>().ok_or(VaultError::Content)?;
        let (days, []) = rest.as_chunks::<{ DayKey::BYTES }>() else { return Err(VaultError::Content) };
        let day = |bytes: &[u8; DayKey::BYTES]| {
            let mut day = DayKey { day: 0, id: [0; 16], key: Zeroizing::new([0; 32]) };
            day.day = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            day.id.copy_from_slice(&bytes[4..20]);
            day.key.copy_from_slice(&bytes[20..]);
            day
        };
        Ok(Self {
            request_secret: Zeroizing::new(*request_secret),
            storage_key: StorageKey::from_bytes(storage_key),
            days: days.iter().map(day).collect(),
        })
    }

    /// The key under which bodies lie on the disk.
    pub fn storage_key(&self) -> &StorageKey {
        &self.storage_key
    }

    /// The salt of a sealed body whose request has an idempotency key: the same for the same document under the same key,
    /// and nothing that anybody else can guess. `document` is its SHA-256.
    pub fn request_salt(&self, idempotency: &[u8; 32], document: &[u8; 32]) -> [u8; 32] {
        let mut salt = [0; 32];
        Hkdf::<Sha256>::new(None, self.request_secret.as_slice())
            .expand_multi_info(&[tags::REQUEST, idempotency, document], &mut salt)
            .expect("HKDF-SHA256 gives up to 8,160 bytes");
        salt
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("days", &self.days).finish_non_exhaustive()
    }
}

/// A private half with what decides about its end. Times are in milliseconds since 1970-01-01 UTC.
#[derive(Debug)]
pub struct KeptPrekey {
    /// What it is for; see `ecomesh_protocol::prekeys::Use`.
    pub purpose: u8,
    /// From when it is used.
    pub begins_ms: u64,
    /// Until when.
    pub ends_ms: u64,
    /// For how long the node has had links since it was not used any more.
    pub linked_ms: u64,
    /// The pair.
    pub secret: PrekeySecret,
}

impl KeptPrekey {
    /// The same with another time with links.
    pub fn with_linked_ms(&self, linked_ms: u64) -> Self {
        Self { linked_ms, secret: PrekeySecret::from_seed(self.secret.seed()), ..*self }
    }

    /// Length in a file of prekeys: use, begin, end, time with links, seed.
    const BYTES: usize = 1 + 8 + 8 + 8 + PrekeySecret::BYTES;
}

/// The content of a file of prekeys.
pub fn prekeys_to_bytes<'a>(prekeys: impl ExactSizeIterator<Item = &'a KeptPrekey>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(prekeys.len() * KeptPrekey::BYTES));
    for prekey in prekeys {
        bytes.push(prekey.purpose);
        bytes.extend_from_slice(&prekey.begins_ms.to_be_bytes());
        bytes.extend_from_slice(&prekey.ends_ms.to_be_bytes());
        bytes.extend_from_slice(&prekey.linked_ms.to_be_bytes());
        bytes.extend_from_slice(prekey.secret.seed());
    }
    bytes
}

/// Reads what [`prekeys_to_bytes`] wrote.
///
/// # Errors
/// [`VaultError::Content`].
pub fn prekeys_from_bytes(bytes: &[u8]) -> Result<Vec<KeptPrekey>, VaultError> {
    let (list, []) = bytes.as_chunks::<{ KeptPrekey::BYTES }>() else { return Err(VaultError::Content) };
    let prekey = |bytes: &[u8; KeptPrekey::BYTES]| {
        let number = |at: usize| bytes[at..at + 8].iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        let mut seed = Zeroizing::new([0; PrekeySecret::BYTES]);
        seed.copy_from_slice(&bytes[25..]);
        KeptPrekey {
            purpose: bytes[0],
            begins_ms: number(1),
            ends_ms: number(9),
            linked_ms: number(17),
            secret: PrekeySecret::from_seed(&seed),
        }
    };
    Ok(list.iter().map(prekey).collect())
}

impl ZeroizeOnDrop for VaultKey {}
impl ZeroizeOnDrop for DayKey {}
impl ZeroizeOnDrop for Keys {}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Params {
        Params::new(8, 1, 1).unwrap()
    }

    fn key() -> VaultKey {
        VaultKey::derive(b"a long passphrase", cheap(), [7; SALT_BYTES]).unwrap()
    }

    fn day(id: u8) -> DayKey {
        DayKey::new(20_000, [id; 16], Zeroizing::new([id + 1; 32]))
    }

    fn keys() -> Keys {
        let mut keys = Keys::new(Zeroizing::new([0xa1; 32]), StorageKey::from_bytes(&[0xa2; 32]));
        keys.days.extend([day(3), day(5)]);
        keys
    }

    fn prekey(n: u8) -> KeptPrekey {
        let secret = PrekeySecret::from_seed(&[n; PrekeySecret::BYTES]);
        KeptPrekey { purpose: n, begins_ms: 1 << n, ends_ms: 2 << n, linked_ms: u64::from(n), secret }
    }

    #[test]
    fn a_vault_survives_its_files() {
        let file = key().seal(Part::Keys, &keys().to_bytes(), [1; NONCE_BYTES]);
        let again = VaultKey::of_file(&file, Part::Keys, b"a long passphrase").unwrap();
        let read = Keys::from_bytes(&again.open(Part::Keys, &file).unwrap()).unwrap();
        assert_eq!(read.to_bytes(), keys().to_bytes());
        assert_eq!(read.request_salt(&[1; 32], &[2; 32]), keys().request_salt(&[1; 32], &[2; 32]));

        let list = [prekey(1), prekey(9)];
        let file = key().seal(Part::Prekeys, &prekeys_to_bytes(list.iter()), [2; NONCE_BYTES]);
        assert!(again.fits(&file, Part::Prekeys));
        let read = prekeys_from_bytes(&again.open(Part::Prekeys, &file).unwrap()).unwrap();
        assert_eq!(prekeys_to_bytes(read.iter()), prekeys_to_bytes(list.iter()));
        assert_eq!((read[1].begins_ms, read[1].ends_ms, read[1].linked_ms), (512, 1024, 9));
        assert_eq!(read[1].secret.public(), list[1].secret.public());
    }

    #[test]
    fn every_change_of_a_file_is_seen() {
        let file = key().seal(Part::Keys, &keys().to_bytes(), [1; NONCE_BYTES]);
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut bad = file.clone();
                bad[at] ^= 1 << bit;
                assert!(key().open(Part::Keys, &bad).is_err(), "byte {at}, bit {bit}");
            }
        }
        for end in 0..file.len() {
            assert!(key().open(Part::Keys, &file[..end]).is_err(), "cut at {end}");
        }
        let longer = [file.as_slice(), &[0]].concat();
        assert_eq!(key().open(Part::Keys, &longer), Err(VaultError::WrongPassphrase));
        assert_eq!(key().open(Part::Prekeys, &file), Err(VaultError::NotAVault), "the other part");
        let mut other_magic = file.clone();
        other_magic[0] ^= 1;
        assert_eq!(key().open(Part::Keys, &other_magic), Err(VaultError::NotAVault));
        let mut newer = file.clone();
        newer[8] = 2;
        assert_eq!(key().open(Part::Keys, &newer), Err(VaultError::UnknownVersion(2)));
        assert_eq!(key().open(Part::Keys, &file[..HEADER_BYTES + 15]), Err(VaultError::NotAVault));
        let other = VaultKey::derive(b"another passphrase", cheap(), [7; SALT_BYTES]).unwrap();
        assert_eq!(other.open(Part::Keys, &file), Err(VaultError::WrongPassphrase));
        let salted = VaultKey::derive(b"a long passphrase", cheap(), [8; SALT_BYTES]).unwrap();
        assert_eq!(salted.open(Part::Keys, &file), Err(VaultError::WrongPassphrase));
        assert!(!salted.fits(&file, Part::Keys));
    }

    #[test]
    fn parameters_are_read_to_the_last_byte() {
        let mut file = key().seal(Part::Keys, &[], [1; NONCE_BYTES]);
        file[10..22].copy_from_slice(&[0, 1, 4, 8, 0, 0, 0, 5, 0, 0, 0, 3]);
        let (_, params, salt, sealed) = read(&file, Part::Keys).unwrap();
        assert_eq!((params, salt, sealed.len()), (Params::new(0x0001_0408, 5, 3).unwrap(), [7; 16], 16));
    }

    #[test]
    fn the_time_with_links_changes_alone() {
        let (before, after) = (prekey(3), prekey(3).with_linked_ms(77));
        assert_eq!(after.linked_ms, 77);
        let back = after.with_linked_ms(before.linked_ms);
        assert_eq!(prekeys_to_bytes([back].iter()), prekeys_to_bytes([before].iter()));
    }

    #[test]
    fn a_hostile_file_costs_no_memory() {
        let mut file = key().seal(Part::Keys, &[], [1; NONCE_BYTES]);
        file[10..14].copy_from_slice(&u32::MAX.to_be_bytes());
        let opened = VaultKey::of_file(&file, Part::Keys, b"a long passphrase");
        assert!(matches!(opened, Err(VaultError::Parameters(_))));
        assert!(matches!(VaultKey::derive(b"", cheap(), [0; 16]), Err(VaultError::WrongPassphrase)));
    }

    #[test]
    fn contents_that_are_none_are_refused() {
        let bytes = keys().to_bytes();
        for end in [0, 31, 63, 65, bytes.len() - 1] {
            assert!(matches!(Keys::from_bytes(&bytes[..end]), Err(VaultError::Content)), "{end}");
        }
        let bytes = prekeys_to_bytes([prekey(1)].iter());
        assert!(prekeys_from_bytes(&[]).unwrap().is_empty());
        assert!(matches!(prekeys_from_bytes(&bytes[1..]), Err(VaultError::Content)));
    }

    #[test]
    fn a_content_key_opens_under_its_day_and_commitment_only() {
        let content = ContentKey::from_bytes(&[0xc0; 32]);
        let wrapped = day(3).wrap(&[9; 32], &content);
        assert!(!wrapped.windows(4).any(|part| part == [0xc0; 4]), "it is not in the clear");
        assert_eq!(day(3).unwrap(&[9; 32], &wrapped), Some(content.clone()));
        assert_eq!(day(4).unwrap(&[9; 32], &wrapped), None);
        assert_eq!(day(3).unwrap(&[8; 32], &wrapped), None);
        for at in 0..WRAPPED_BYTES {
            let mut bad = wrapped;
            bad[at] ^= 1;
            assert_eq!(day(3).unwrap(&[9; 32], &bad), None, "byte {at}");
        }
        assert_ne!(day(3).wrap(&[8; 32], &content), wrapped);
    }

    #[test]
    fn a_salt_names_its_request() {
        let salt = |key: u8, document: u8| keys().request_salt(&[key; 32], &[document; 32]);
        assert_eq!(salt(1, 2), salt(1, 2));
        assert_ne!(salt(1, 2), salt(2, 1));
        assert_ne!(salt(1, 2), salt(1, 3));
        let other = Keys::new(Zeroizing::new([0xa3; 32]), StorageKey::from_bytes(&[0xa2; 32]));
        assert_ne!(salt(1, 2), other.request_salt(&[1; 32], &[2; 32]), "nobody else can guess it");
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?} {:?} {:?} {:?}", key(), keys(), day(3), prekey(1));
        let secrets = ["161", "162", "a1a1", "a2a2", "4, 4", "0404", "1, 1", "passphrase"];
        for secret in secrets {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
