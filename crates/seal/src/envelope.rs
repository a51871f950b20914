//! Sealed bodies: a document that only the named members can read, whoever carries it.
//!
//! A fresh **content key** encrypts the document (`stream.rs`), and a **wrap** for each addressee brings it the
//! content key, under its prekey: a Noise message to the X25519 key, with a pre-shared key that an ML-KEM-768 ciphertext
//! brings. Both must be broken to unwrap. There is no wrap to oneself: the author keeps the content key, and so does an
//! addressee once it has unwrapped it, since its prekey is destroyed soon.
//!
//! ```text
//! core       = Header::core_hash: what the header says, without place, commitments to key and body
//! CK         = 32 random bytes
//! K ‖ C      = HKDF-SHA256(ikm CK, info tag ‖ core, 64 bytes)         C stands in the signed header
//! stream     = K over: u32 length ‖ document ‖ zeros up to Padmé(4 + length)
//! psk        = HKDF-SHA256(ikm ML-KEM secret, info tag ‖ SHA-256(ciphertext) ‖ SHA-256(ML-KEM key) ‖ author ‖ recipient)
//! wrap       = ML-KEM ciphertext (1,088) ‖ Noise message (80): payload CK,
//!              prologue tag ‖ network ‖ core ‖ C ‖ recipient ‖ prekey id ‖ SHA-256(ciphertext)
//! content    = wraps in the order of the header's `to` ‖ stream
//! ```
//!
//! More members than a header names share the key of a **group** (`group.rs`): a record of its own brings it to each of
//! them, once, and under it one short wrap brings each content key.
//!
//! What this gives, beside secrecy:
//! - **One meaning.** C commits to the content key and through it to the document: no ciphertext opens to two documents
//!   for two readers. It is checked before anything is decrypted.
//! - **One author.** Author, addressees, kind, times and the rest of the header are in `core`. Whoever signs another's
//!   ciphertext as its own, or for others, has a record that does not open.
//! - **No trial.** The header names addressees and prekeys: nobody decrypts to find out whether a record is for it.
//!
//! What it does not: forward secrecy against a thief of a prekey before it is destroyed; deniability, on purpose: the
//! content key proves to a court what was sent. Layout and worked example: `docs/PROTOCOL.md`, section 23.

pub mod group;
mod noise;
mod plaintext;
mod stream;

pub(crate) use stream::chunk_nonce;

use std::fmt;

use ecomesh_record::limits::{ADDRESSEES_MAX, CONTENT_BYTES_MAX, GROUP_MEMBERS_MAX};
use ecomesh_record::{Audience, Header, MemberId, NetworkId, tags};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{ZeroizeOnDrop, Zeroizing};

pub use plaintext::Plaintext;

use crate::padme;
use crate::prekey::{KEM_CIPHERTEXT_BYTES, Prekey, PrekeyId, PrekeySecret};

/// Length of the wrap of one addressee in bytes.
pub const WRAP_BYTES: usize = KEM_CIPHERTEXT_BYTES + noise::OVERHEAD_BYTES + ContentKey::BYTES;
/// Before the document stands its length.
const LENGTH_BYTES: usize = 4;

/// The key of one document. Whoever has it can read it and prove to others what it said. It is wiped when it is dropped,
/// and its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey(Zeroizing<[u8; Self::BYTES]>);

impl ContentKey {
    /// Length in bytes.
    pub const BYTES: usize = 32;

    /// A key that was kept.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// Its bytes, to keep them under another key.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

impl ZeroizeOnDrop for ContentKey {}

/// A document that was sealed.
#[derive(Debug)]
pub struct Sealed {
    /// The header with its audience and the length of the content; place and commitment to the body are still to come.
    pub header: Header,
    /// The content of the body.
    pub content: Vec<u8>,
    /// The author keeps it.
    pub key: ContentKey,
}

/// Why a document was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealingError {
    /// Sealing to all members, or to more than a header names. Address all members openly instead.
    #[error(
        "a document is sealed to 1 to {ADDRESSEES_MAX} members, not to {0}; address all members openly instead"
    )]
    Addressees(usize),
    /// A group of nobody, or of more than can share a key.
    #[error("1 to {GROUP_MEMBERS_MAX} members share the key of a group, not {0}")]
    Group(usize),
    /// A mistake of the caller: the members of a group are not in strictly ascending order, or its author is one of them.
    #[error("the members of a group are not in strictly ascending order, or its author is one of them")]
    GroupOrder,
    /// A mistake of the caller: not one prekey for each addressee.
    #[error("{prekeys} prekeys for {addressees} addressees")]
    Prekeys {
        /// How many prekeys were given.
        prekeys: usize,
        /// To how many members the header is addressed.
        addressees: usize,
    },
    /// The content would be longer than a body.
    #[error("a document of {length} bytes is too long; {most} can be sealed to so many members")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// What fits.
        most: usize,
    },
    /// The prekey of an addressee protects nothing; [`Prekey::admit`] would have refused it.
    #[error("the prekey of {0} protects nothing")]
    WeakPrekey(MemberId),
}

/// Why a sealed body was not opened. The author made it wrongly, or it is not for this reader: its signature says who
/// is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum OpenBodyError {
    /// The body is not sealed to named members.
    #[error("the record is not sealed to named members")]
    NotSealed,
    /// It is sealed to others.
    #[error("the record is sealed to other members")]
    NotAddressed,
    /// It names another record than the one with its group's key, or that is another author's, or none.
    #[error("the record with the key of its group is none, or another author's")]
    KeyRecord,
    /// It is sealed to another prekey than the one that was tried.
    #[error("the record is sealed to another prekey")]
    OtherPrekey,
    /// The content is shorter than its wraps, or than a stream.
    #[error("the sealed content is cut short")]
    Short,
    /// The wrap does not open: it was made for another record, author, reader or key, or was altered.
    #[error("the wrap of the content key does not open")]
    Wrap,
    /// It gives another key than the one that the header commits to.
    #[error("the content key is not the one that the header commits to")]
    Commitment,
    /// The stream does not decrypt.
    #[error("the sealed content does not decrypt")]
    Stream,
    /// The document's length or the padding behind it is wrong.
    #[error("the sealed content is padded wrongly")]
    Padding,
}

/// The longest document that can be sealed to so many members, in bytes.
pub fn document_bytes_max(addressees: usize) -> usize {
    document_bytes_behind(addressees * WRAP_BYTES)
}

/// The longest document that fits behind wraps of this length.
fn document_bytes_behind(wraps: usize) -> usize {
    let room = CONTENT_BYTES_MAX.saturating_sub(wraps);
    // The padded lengths from 512 KiB to 1 MiB lie 16 KiB apart: the highest that fits is found from above.
    let fits = |padded: &usize| stream::encrypted_len(*padded) <= room;
    let step = 1 << 14;
    let padded = (1..=CONTENT_BYTES_MAX / step).rev().map(|n| n * step).find(fits).unwrap_or_default();
    padded.saturating_sub(LENGTH_BYTES)
}

/// Seals a document to the members that `header` is addressed to. `prekeys` are theirs, in the order of `header.to`.
/// `seed` is 32 bytes from a cryptographic random source. All keys are derived from it and from what the header says, its
/// time among it, so that a source that repeats itself, as in a machine that was copied while it ran, does not make two
/// records share a key.
///
/// # Errors
/// [`SealingError`].
pub fn seal(
    network: NetworkId,
    header: Header,
    document: &[u8],
    prekeys: &[Prekey],
    seed: &[u8; 32],
) -> Result<Sealed, SealingError> {
    let addressees = header.to.len();
    if !(1..=ADDRESSEES_MAX).contains(&addressees) {
        return Err(SealingError::Addressees(addressees));
    }
    if prekeys.len() != addressees {
        return Err(SealingError::Prekeys { prekeys: prekeys.len(), addressees });
    }
    let ids = prekeys.iter().map(|prekey| prekey.id().0).collect();
    let audience = Audience::Sealed { prekeys: ids, key_commitment: [0; 32] };
    let mut sealing =
        Sealing::begin(network, Header { audience, ..header }, document, addressees * WRAP_BYTES, seed)?;
    let to = sealing.header.to.clone();
    for (number, (member, prekey)) in (1_u16..).zip(to.iter().zip(prekeys)) {
        let wrap = sealing.wrap(number, *member, prekey).ok_or(SealingError::WeakPrekey(*member))?;
        sealing.content.extend_from_slice(&wrap);
    }
    Ok(sealing.finish(document))
}

/// A body that is being sealed.
struct Sealing {
    header: Header,
    network: NetworkId,
    core: [u8; 32],
    /// From the seed to all keys.
    keys: Hkdf<Sha256>,
    key: ContentKey,
    stream_key: Zeroizing<[u8; 32]>,
    key_commitment: [u8; 32],
    padded: usize,
    /// The wraps, then the stream.
    content: Vec<u8>,
}

impl Sealing {
    /// Derives the content key and writes the commitment to it into the audience of `header`.
    fn begin(
        network: NetworkId,
        mut header: Header,
        document: &[u8],
        wraps: usize,
        seed: &[u8; 32],
    ) -> Result<Self, SealingError> {
        let most = document_bytes_behind(wraps);
        if document.len() > most {
            return Err(SealingError::TooLong { length: document.len(), most });
        }
        let padded = padded_len(document.len());
        let length = wraps + stream::encrypted_len(padded);
        header.body_len = u32::try_from(length).expect("at most 1 MiB, which was checked");
        let core = header.core_hash(network);
        let keys = Hkdf::<Sha256>::new(None, seed);
        let key = ContentKey(derived(&keys, &[tags::SEALING, &core, &[0, 0]]));
        let (stream_key, key_commitment) = keys_of(&key, &core);
        if let Audience::Sealed { key_commitment: place, .. }
        | Audience::Group { key_commitment: place, .. } = &mut header.audience
        {
            *place = key_commitment;
        }
        let content = Vec::with_capacity(length);
        Ok(Self { header, network, core, keys, key, stream_key, key_commitment, padded, content })
    }

    /// The wrap of one reader, the `number`th from 1; nothing if its prekey protects nothing.
    fn wrap(&self, number: u16, reader: MemberId, prekey: &Prekey) -> Option<[u8; WRAP_BYTES]> {
        let randomness = derived(&self.keys, &[tags::SEALING, &self.core, &number.to_be_bytes()]);
        let Self { network, core, key_commitment, .. } = *self;
        let binding = Binding { network, core, key_commitment, author: self.header.author, reader };
        binding.wrap(prekey, &self.key, &randomness)
    }

    /// Appends the stream of the document.
    fn finish(mut self, document: &[u8]) -> Sealed {
        let length = u32::try_from(document.len()).expect("at most 1 MiB, which was checked").to_be_bytes();
        stream::encrypt(&self.stream_key, &[&length, document], self.padded, &mut self.content);
        Sealed { header: self.header, content: self.content, key: self.key }
    }
}

/// The prekey to which a record is sealed for this member; nothing if it is not.
pub fn prekey_for(header: &Header, reader: MemberId) -> Option<PrekeyId> {
    let Audience::Sealed { prekeys, .. } = &header.audience else { return None };
    let place = header.to.iter().position(|member| *member == reader)?;
    prekeys.get(place).copied().map(PrekeyId)
}

/// Unwraps the content key of a record that is sealed to `reader`, whose prekey `secret` is.
///
/// # Errors
/// [`OpenBodyError`].
pub fn unwrap(
    network: NetworkId,
    header: &Header,
    content: &[u8],
    reader: MemberId,
    secret: &PrekeySecret,
) -> Result<ContentKey, OpenBodyError> {
    let Audience::Sealed { key_commitment, .. } = &header.audience else {
        return Err(OpenBodyError::NotSealed);
    };
    if prekey_for(header, reader).ok_or(OpenBodyError::NotAddressed)? != secret.public().id() {
        return Err(OpenBodyError::OtherPrekey);
    }
    let place = header.to.iter().position(|member| *member == reader).ok_or(OpenBodyError::NotAddressed)?;
    let (wraps, _) = split(header.to.len() * WRAP_BYTES, content)?;
    let wrap = wraps.as_chunks().0.get(place).ok_or(OpenBodyError::Short)?;
    let core = header.core_hash(network);
    let binding = Binding { network, core, key_commitment: *key_commitment, author: header.author, reader };
    let key = binding.unwrap(secret, wrap).ok_or(OpenBodyError::Wrap)?;
    commits_to(key_commitment, &key, &core)?;
    Ok(key)
}

/// The document of a sealed record, to named members or to a group, by its content key.
///
/// # Errors
/// [`OpenBodyError`].
pub fn open(
    network: NetworkId,
    header: &Header,
    content: &[u8],
    key: &ContentKey,
) -> Result<Plaintext, OpenBodyError> {
    let key_commitment = header.audience.key_commitment().ok_or(OpenBodyError::NotSealed)?;
    let core = header.core_hash(network);
    let stream_key = commits_to(key_commitment, key, &core)?;
    let wraps = match header.audience {
        Audience::Group { .. } => group::WRAP_BYTES,
        _ => header.to.len() * WRAP_BYTES,
    };
    let (_, stream) = split(wraps, content)?;
    let plaintext = stream::decrypt(&stream_key, stream).ok_or(OpenBodyError::Stream)?;
    unpad(plaintext)
}

/// Whether a record with this core hash ([`Header::core_hash`]) and this commitment in its header has this content key.
/// Anybody can copy a commitment from a header into another one; a key fits one record only.
pub fn is_key_of(key: &ContentKey, core: &[u8; 32], key_commitment: &[u8; 32]) -> bool {
    commits_to(key_commitment, key, core).is_ok()
}

/// The key of the stream, if the header commits to this content key.
fn commits_to(
    key_commitment: &[u8; 32],
    key: &ContentKey,
    core: &[u8; 32],
) -> Result<Zeroizing<[u8; 32]>, OpenBodyError> {
    let (stream_key, commitment) = keys_of(key, core);
    let same: bool = commitment.ct_eq(key_commitment).into();
    if same { Ok(stream_key) } else { Err(OpenBodyError::Commitment) }
}

/// Key of the stream and commitment.
fn keys_of(key: &ContentKey, core: &[u8; 32]) -> (Zeroizing<[u8; 32]>, [u8; 32]) {
    let both: Zeroizing<[u8; 64]> = derived(&Hkdf::new(None, key.as_bytes()), &[tags::CONTENT, core]);
    let (mut stream_key, mut commitment) = (Zeroizing::new([0; 32]), [0; 32]);
    stream_key.copy_from_slice(&both[..32]);
    commitment.copy_from_slice(&both[32..]);
    (stream_key, commitment)
}

fn derived<const N: usize>(keys: &Hkdf<Sha256>, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    keys.expand_multi_info(info, bytes.as_mut_slice()).expect("HKDF-SHA256 gives up to 8,160 bytes");
    bytes
}

/// Wraps, of this length together, and stream of a content.
fn split(wraps: usize, content: &[u8]) -> Result<(&[u8], &[u8]), OpenBodyError> {
    let (wraps, stream) = content.split_at_checked(wraps).ok_or(OpenBodyError::Short)?;
    if stream.is_empty() { Err(OpenBodyError::Short) } else { Ok((wraps, stream)) }
}

/// Length of `u32 length ‖ document ‖ zeros`.
fn padded_len(document: usize) -> usize {
    padme::padded((LENGTH_BYTES + document) as u64) as usize
}

fn unpad(mut plaintext: Plaintext) -> Result<Plaintext, OpenBodyError> {
    let (length, rest) = plaintext.split_first_chunk::<LENGTH_BYTES>().ok_or(OpenBodyError::Padding)?;
    let length = u32::from_be_bytes(*length) as usize;
    let zeros = rest.get(length..).ok_or(OpenBodyError::Padding)?;
    let right_length = padded_len(length) == plaintext.len();
    if !right_length || zeros.iter().any(|byte| *byte != 0) {
        return Err(OpenBodyError::Padding);
    }
    plaintext.0.truncate(LENGTH_BYTES + length);
    plaintext.0.drain(..LENGTH_BYTES);
    Ok(plaintext)
}

/// What a wrap is bound to.
struct Binding {
    network: NetworkId,
    core: [u8; 32],
    key_commitment: [u8; 32],
    author: MemberId,
    reader: MemberId,
}

impl Binding {
    /// `randomness` is 32 bytes for ML-KEM, then 32 for the ephemeral key.
    fn wrap(&self, prekey: &Prekey, key: &ContentKey, randomness: &[u8; 64]) -> Option<[u8; WRAP_BYTES]> {
        let (for_kem, ephemeral) = randomness.split_first_chunk::<32>()?;
        let (ciphertext, shared) = prekey.encapsulate(for_kem);
        let psk = self.psk(&shared, &ciphertext, prekey);
        let prologue = self.prologue(&ciphertext, prekey);
        let ephemeral = ephemeral.first_chunk()?;
        let message = noise::write(prekey.x25519(), &psk, &prologue, ephemeral, key.as_bytes())?;
        [ciphertext.as_slice(), &message].concat().try_into().ok()
    }

    fn unwrap(&self, secret: &PrekeySecret, wrap: &[u8; WRAP_BYTES]) -> Option<ContentKey> {
        let (ciphertext, message) = wrap.split_first_chunk::<KEM_CIPHERTEXT_BYTES>()?;
        let shared = secret.decapsulate(ciphertext);
        let psk = self.psk(&shared, ciphertext, secret.public());
        let prologue = self.prologue(ciphertext, secret.public());
        let key = noise::read(&secret.x25519(), &psk, &prologue, message)?;
        Some(ContentKey::from_bytes(key.as_slice().try_into().ok()?))
    }

    fn psk(
        &self,
        shared: &[u8; 32],
        ciphertext: &[u8; KEM_CIPHERTEXT_BYTES],
        prekey: &Prekey,
    ) -> Zeroizing<[u8; 32]> {
        let hash = Sha256::digest(ciphertext);
        let info: [&[u8]; 5] =
            [tags::WRAP_SECRET, &hash, prekey.kem_hash(), self.author.as_bytes(), self.reader.as_bytes()];
        derived(&Hkdf::new(None, shared), &info)
    }

    fn prologue(&self, ciphertext: &[u8; KEM_CIPHERTEXT_BYTES], prekey: &Prekey) -> Vec<u8> {
        let fields: [&[u8]; 7] = [
            tags::WRAP,
            self.network.as_bytes(),
            &self.core,
            &self.key_commitment,
            self.reader.as_bytes(),
            &prekey.id().0,
            &Sha256::digest(ciphertext),
        ];
        fields.concat()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod two_keys;
