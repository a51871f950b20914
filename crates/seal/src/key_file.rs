//! Key files: a secret sealed under a passphrase, as bytes.
//!
//! The key is `Argon2id(passphrase, salt, m, t, p)`, 32 bytes, version 0x13 (RFC 9106), without secret value and
//! associated data. It encrypts the secret with ChaCha20-Poly1305 (RFC 8439 section 2.8). A fresh salt for each file
//! means a fresh key, so the nonce never meets the same key twice. Integers are big-endian.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | magic: `ECOKEY`, carriage return, line feed, so that a copy in text mode shows |
//! | 8 | 1 | version: 1 |
//! | 9 | 1 | purpose, see [`Purpose`] |
//! | 10 | 4 | m: memory of Argon2id in KiB, from 8 p to 1,048,576 |
//! | 14 | 4 | t: passes, 1 to 16 |
//! | 18 | 4 | p: lanes, 1 to 4 |
//! | 22 | 2 | n: length of the secret, 1 to 1,024 |
//! | 24 | 16 | salt |
//! | 40 | 12 | nonce |
//! | 52 | n | ciphertext |
//! | 52 + n | 16 | tag of Poly1305, and the end of the file |
//!
//! The associated data of the cipher is the ASCII tag [`ecomesh_record::tags::KEY_FILE`] and then bytes 0 to 51: no
//! bit of the file can change without being noticed. Everything in the header is checked before Argon2id gets any
//! memory, so a damaged or hostile file costs at most what the bounds allow (1 GiB, 16 passes).

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Version};
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce};
use ecomesh_record::tags;
use thiserror::Error;
use zeroize::Zeroizing;

/// First bytes of every key file.
pub const MAGIC: [u8; 8] = *b"ECOKEY\r\n";
/// The version of the layout.
pub const VERSION: u8 = 1;
/// Bytes before the ciphertext.
pub const HEADER_BYTES: usize = 52;
/// Longest secret in bytes: room for many keys, and so little that nobody takes this for a file cipher.
pub const SECRET_BYTES_MAX: usize = 1024;
/// Longest key file in bytes; a reader need not read more than one byte beyond this.
pub const FILE_BYTES_MAX: usize = HEADER_BYTES + SECRET_BYTES_MAX + TAG_BYTES;
/// Longest passphrase in bytes.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;
/// Random bytes that [`seal`] needs: 16 of salt, then 12 of nonce.
pub const RANDOMNESS_BYTES: usize = SALT_BYTES + NONCE_BYTES;

const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const SALT_AT: usize = 24;
const NONCE_AT: usize = SALT_AT + SALT_BYTES;

/// What a key file is for, so that a recovery key is never loaded as an identity. Other values are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose(pub u8);

impl Purpose {
    /// A bureau's [`crate::Identity`].
    pub const IDENTITY: Self = Self(1);
    /// One recovery key: a 32-byte seed.
    pub const RECOVERY: Self = Self(2);
    /// A transport key alone: a 32-byte seed.
    pub const TRANSPORT: Self = Self(3);
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IDENTITY => f.pad("identity"),
            Self::RECOVERY => f.pad("recovery"),
            Self::TRANSPORT => f.pad("transport"),
            Self(other) => write!(f, "purpose {other}"),
        }
    }
}

/// How much work a guess of the passphrase costs: parameters of Argon2id within the bounds above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

/// The parameters of Argon2id are outside the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "Argon2id parameters m={memory_kib} KiB, t={passes}, p={lanes} are outside the bounds: p 1 to {lanes_max}, t 1 to {passes_max}, \
     m 8 times p to {memory_max} KiB",
    lanes_max = Params::LANES_MAX, passes_max = Params::PASSES_MAX, memory_max = Params::MEMORY_KIB_MAX
)]
pub struct ParamsError {
    /// m, in KiB.
    pub memory_kib: u32,
    /// t.
    pub passes: u32,
    /// p.
    pub lanes: u32,
}

impl Params {
    /// Most memory in KiB: 1 GiB, what a small server can spare for a second.
    pub const MEMORY_KIB_MAX: u32 = 1024 * 1024;
    /// Most passes.
    pub const PASSES_MAX: u32 = 16;
    /// Most lanes.
    pub const LANES_MAX: u32 = 4;

    /// Memory in KiB (m), passes (t) and lanes (p).
    ///
    /// # Errors
    /// [`ParamsError`] if one is outside its bounds.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ParamsError> {
        let lanes_fit = (1..=Self::LANES_MAX).contains(&lanes);
        let passes_fit = (1..=Self::PASSES_MAX).contains(&passes);
        // RFC 9106 section 3.1: at least 8 blocks of 1 KiB for each lane.
        let memory_fits = lanes_fit && (8 * lanes..=Self::MEMORY_KIB_MAX).contains(&memory_kib);
        if passes_fit && memory_fits {
            Ok(Self { memory_kib, passes, lanes })
        } else {
            Err(ParamsError { memory_kib, passes, lanes })
        }
    }
}

impl Default for Params {
    /// 64 MiB, 3 passes, 1 lane: the second choice of RFC 9106 section 4 with one lane instead of four, since this
    /// implementation works on one thread. About a quarter of a second.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

/// Why a secret was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// Empty or too long: a mistake of the caller.
    #[error("a key file holds 1 to {SECRET_BYTES_MAX} bytes of secret, not {0}")]
    SecretLength(usize),
    /// Empty or too long: the person chooses another.
    #[error("a passphrase has 1 to {PASSPHRASE_BYTES_MAX} bytes, not {0}; choose another")]
    PassphraseLength(usize),
    /// This machine has not the memory that the parameters ask for.
    #[error(
        "there is not enough memory to derive the key ({0} KiB); free some, or choose a smaller memory cost"
    )]
    OutOfMemory(u32),
}

/// Why a key file was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// It starts with other bytes.
    #[error("this is not an ecomesh key file; give the file that `ecomesh keygen` wrote")]
    NotAKeyFile,
    /// The end is missing.
    #[error("the key file is cut short; take it from your backup")]
    Truncated,
    /// There is something behind its end.
    #[error("the key file is longer than it says; take it from your backup")]
    TooLong,
    /// Written by a later version.
    #[error("key file version {0} is unknown; this software reads version {VERSION}: use a newer one")]
    UnknownVersion(u8),
    /// A key file for something else.
    #[error("this key file holds a key for {found}, not for {expected}; give the other file")]
    WrongPurpose {
        /// What the caller asked for.
        expected: Purpose,
        /// What the file says.
        found: Purpose,
    },
    /// Its parameters would cost too much, or are none.
    #[error("the key file is damaged or hostile: {0}; take it from your backup")]
    Parameters(#[from] ParamsError),
    /// The passphrase is wrong, or a bit of the file has changed. The two cannot be told apart.
    #[error(
        "the passphrase is wrong, or the key file is damaged (the two look the same); try the passphrase again, \
         then the file from your backup"
    )]
    WrongPassphrase,
    /// This machine has not the memory that the parameters ask for.
    #[error("there is not enough memory to derive the key ({0} KiB); free some and try again")]
    OutOfMemory(u32),
}

/// Seals a secret under a passphrase.
///
/// `randomness` must be fresh from a cryptographic source for each call. The passphrase is taken as bytes: who reads
/// it from a person strips the end of line and decides on a Unicode normal form, the same way each time.
///
/// # Errors
/// [`SealError`].
pub fn seal(
    secret: &[u8],
    purpose: Purpose,
    passphrase: &[u8],
    params: Params,
    randomness: [u8; RANDOMNESS_BYTES],
) -> Result<Vec<u8>, SealError> {
    let length = match u16::try_from(secret.len()) {
        Ok(length) if (1..=SECRET_BYTES_MAX).contains(&secret.len()) => length,
        _ => return Err(SealError::SecretLength(secret.len())),
    };
    if !passphrase_fits(passphrase) {
        return Err(SealError::PassphraseLength(passphrase.len()));
    }
    let header = write_header(purpose, params, length, randomness);
    let cipher =
        cipher(passphrase, params, &header).map_err(|NoMemory| SealError::OutOfMemory(params.memory_kib))?;

    // The full length from the start: a vector that grew would leave a copy of the secret behind.
    let mut file = Vec::with_capacity(HEADER_BYTES + secret.len() + TAG_BYTES);
    file.extend_from_slice(&header);
    file.extend_from_slice(secret);
    let tag = cipher
        .encrypt_inout_detached(
            &nonce(&header),
            &associated_data(&header),
            (&mut file[HEADER_BYTES..]).into(),
        )
        .expect("ChaCha20-Poly1305 only refuses more than 256 GiB, and a secret has at most 1 KiB");
    file.extend_from_slice(&tag);
    Ok(file)
}

/// Opens what [`seal`] wrote.
///
/// # Errors
/// [`OpenError`]; all but [`OpenError::WrongPassphrase`] and [`OpenError::OutOfMemory`] before any work is done.
pub fn open(file: &[u8], purpose: Purpose, passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (header, sealed, params) = read_header(file, purpose)?;
    if !passphrase_fits(passphrase) {
        return Err(OpenError::WrongPassphrase);
    }
    let cipher =
        cipher(passphrase, params, header).map_err(|NoMemory| OpenError::OutOfMemory(params.memory_kib))?;
    let mut secret = Zeroizing::new(sealed.to_vec());
    cipher
        .decrypt_in_place(&nonce(header), &associated_data(header), &mut *secret)
        .map_err(|_| OpenError::WrongPassphrase)?;
    Ok(secret)
}

pub(crate) fn passphrase_fits(passphrase: &[u8]) -> bool {
    (1..=PASSPHRASE_BYTES_MAX).contains(&passphrase.len())
}

fn write_header(
    purpose: Purpose,
    params: Params,
    length: u16,
    randomness: [u8; RANDOMNESS_BYTES],
) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8] = VERSION;
    header[9] = purpose.0;
    header[10..14].copy_from_slice(&params.memory_kib.to_be_bytes());
    header[14..18].copy_from_slice(&params.passes.to_be_bytes());
    header[18..22].copy_from_slice(&params.lanes.to_be_bytes());
    header[22..24].copy_from_slice(&length.to_be_bytes());
    header[SALT_AT..].copy_from_slice(&randomness);
    header
}

/// Header, ciphertext with its tag, and parameters, if all that can be checked without the passphrase is right.
fn read_header(file: &[u8], purpose: Purpose) -> Result<(&[u8; HEADER_BYTES], &[u8], Params), OpenError> {
    let magic = file.len().min(MAGIC.len());
    if file[..magic] != MAGIC[..magic] {
        return Err(OpenError::NotAKeyFile);
    }
    // Magic and version come first in every version, whatever the length of its header.
    match file.get(8) {
        None => return Err(OpenError::Truncated),
        Some(&VERSION) => {}
        Some(&other) => return Err(OpenError::UnknownVersion(other)),
    }
    let (header, sealed) = file.split_first_chunk::<HEADER_BYTES>().ok_or(OpenError::Truncated)?;
    let found = Purpose(header[9]);
    if found != purpose {
        return Err(OpenError::WrongPurpose { expected: purpose, found });
    }
    let params = Params::new(u32_at(header, 10), u32_at(header, 14), u32_at(header, 18))?;
    // A length beyond the bound needs no error of its own: no file that is short enough can have it.
    let length = usize::from(u16::from_be_bytes([header[22], header[23]])) + TAG_BYTES;
    if sealed.len() > length.min(SECRET_BYTES_MAX + TAG_BYTES) {
        return Err(OpenError::TooLong);
    }
    if sealed.len() < length {
        return Err(OpenError::Truncated);
    }
    Ok((header, sealed, params))
}

fn u32_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

fn nonce(header: &[u8; HEADER_BYTES]) -> Nonce {
    let mut nonce = Nonce::default();
    nonce.copy_from_slice(&header[NONCE_AT..]);
    nonce
}

fn associated_data(header: &[u8; HEADER_BYTES]) -> Vec<u8> {
    [tags::KEY_FILE, header.as_slice()].concat()
}

pub(crate) struct NoMemory;

/// The cipher under `Argon2id(passphrase, salt)`.
fn cipher(
    passphrase: &[u8],
    params: Params,
    header: &[u8; HEADER_BYTES],
) -> Result<ChaCha20Poly1305, NoMemory> {
    let key = derive(passphrase, params, &header[SALT_AT..NONCE_AT])?;
    Ok(ChaCha20Poly1305::new(<&Key>::from(&*key)))
}

/// `Argon2id(passphrase, salt)`, 32 bytes.
pub(crate) fn derive(
    passphrase: &[u8],
    params: Params,
    salt: &[u8],
) -> Result<Zeroizing<[u8; 32]>, NoMemory> {
    let params = argon2::Params::new(params.memory_kib, params.passes, params.lanes, Some(32))
        .expect("`Params` has narrower bounds than the library");
    // The library would not wipe the memory that it allocates itself, and what lies there is as good as the key.
    let mut memory: Zeroizing<Vec<Block>> = Zeroizing::new(Vec::new());
    memory.try_reserve_exact(params.block_count()).map_err(|_| NoMemory)?;
    memory.resize(params.block_count(), Block::default());
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase, salt, &mut *key, memory.as_mut_slice())
        .expect("passphrase, salt, output and memory have the lengths that the library asks for");
    Ok(key)
}

#[cfg(test)]
mod tests;
