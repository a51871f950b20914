//! Groups: up to 256 members who share a key, for what is closed to some countries and read by the others.
//!
//! A **key record** of the author, open and of kind [`Kind::GROUP_KEY`](ecomesh_record::Kind::GROUP_KEY), brings the key to
//! each of them, in wraps as sealed bodies have them. A record whose audience is that group has one short wrap: its content
//! key under the group's key. So a thousand entries for a hundred and ninety bureaus cost 190 wraps, and not 190,000; and
//! still each has a content key of its own, which a reader keeps and destroys with its record.
//!
//! ```text
//! key record = commitment (32) ‖ number of members (2) ‖ member (8) ‖ prekey id (16), each ‖ wraps (1,168 each), in that order
//! GK         = 32 random bytes, wrapped and committed to as a content key is, with the core of the key record
//! key        = HKDF-SHA256(ikm GK, info tag ‖ core ‖ C of the record that is sealed, 32 bytes)
//! content    = ChaCha20-Poly1305(key, nonce 0, CK) (48) ‖ stream
//! ```
//!
//! The key of the wrap is of one record only, so no nonce meets it twice. Nobody keeps GK longer than it is used: who may read
//! gets it from the key record again, for as long as the prekey lives that it is wrapped to. So what the prekeys promise
//! holds for groups as well (`docs/PROTOCOL.md`, section 28).

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};
use ecomesh_record::limits::GROUP_MEMBERS_MAX;
use ecomesh_record::{Audience, Header, Kind, MemberId, NetworkId, RecordId, tags};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    Binding, ContentKey, OpenBodyError, Sealed, Sealing, SealingError, commits_to, derived, keys_of, split,
};
use crate::prekey::{Prekey, PrekeyId, PrekeySecret};

/// Length of the wrap of a content key under the key of a group, in bytes.
pub const WRAP_BYTES: usize = ContentKey::BYTES + TAG_BYTES;
const TAG_BYTES: usize = 16;
/// Commitment and number of members.
const FRONT_BYTES: usize = 32 + 2;
/// Member and prekey id.
const MEMBER_BYTES: usize = 8 + 16;

/// Makes the key of a group. `header` is that of the key record, with the time and expiry that it will have; `members` are
/// in strictly ascending order, without the author. `seed` is 32 bytes from a cryptographic random source. The answer has
/// the content of the key record, and the group's key.
///
/// # Errors
/// [`SealingError`].
pub fn make(
    network: NetworkId,
    mut header: Header,
    members: &[(MemberId, Prekey)],
    seed: &[u8; 32],
) -> Result<Sealed, SealingError> {
    if !(1..=GROUP_MEMBERS_MAX).contains(&members.len()) {
        return Err(SealingError::Group(members.len()));
    }
    if !members.is_sorted_by(|a, b| a.0 < b.0) || members.iter().any(|(member, _)| *member == header.author) {
        return Err(SealingError::GroupOrder);
    }
    let length = FRONT_BYTES + members.len() * (MEMBER_BYTES + super::WRAP_BYTES);
    header.audience = Audience::Open;
    header.body_len = u32::try_from(length).expect("256 members have some 300 KB");
    let core = header.core_hash(network);
    let keys = Hkdf::<Sha256>::new(None, seed);
    let key = ContentKey(derived(&keys, &[tags::SEALING, &core, &[0, 0]]));
    let (_, key_commitment) = keys_of(&key, &core);

    let mut content = Vec::with_capacity(length);
    content.extend_from_slice(&key_commitment);
    content.extend_from_slice(&u16::try_from(members.len()).expect("at most 256").to_be_bytes());
    for (member, prekey) in members {
        content.extend_from_slice(member.as_bytes());
        content.extend_from_slice(&prekey.id().0);
    }
    for (number, (member, prekey)) in (1_u16..).zip(members) {
        let randomness = derived(&keys, &[tags::SEALING, &core, &number.to_be_bytes()]);
        let binding = Binding { network, core, key_commitment, author: header.author, reader: *member };
        let wrap = binding.wrap(prekey, &key, &randomness).ok_or(SealingError::WeakPrekey(*member))?;
        content.extend_from_slice(&wrap);
    }
    Ok(Sealed { header, content, key })
}

/// What a key record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    key_commitment: [u8; 32],
    members: Vec<(MemberId, PrekeyId)>,
    wraps: &'a [[u8; super::WRAP_BYTES]],
}

impl<'a> Group<'a> {
    /// Reads the content of a key record. One list of members has one encoding.
    ///
    /// # Errors
    /// [`OpenBodyError::KeyRecord`] if it is none.
    pub fn decode(content: &'a [u8]) -> Result<Self, OpenBodyError> {
        Self::read(content).ok_or(OpenBodyError::KeyRecord)
    }

    fn read(content: &'a [u8]) -> Option<Self> {
        let (key_commitment, rest) = content.split_first_chunk::<32>()?;
        let (count, rest) = rest.split_first_chunk::<2>()?;
        let count = usize::from(u16::from_be_bytes(*count));
        let (list, wraps) = rest.split_at_checked(count * MEMBER_BYTES)?;
        let (wraps, rest) = wraps.as_chunks();
        let mut members = Vec::with_capacity(count.min(GROUP_MEMBERS_MAX));
        for entry in list.as_chunks::<MEMBER_BYTES>().0 {
            let (member, prekey) = entry.split_first_chunk::<8>()?;
            members.push((MemberId::from_bytes(*member).ok()?, PrekeyId(*prekey.first_chunk()?)));
        }
        let good = (1..=GROUP_MEMBERS_MAX).contains(&count)
            && wraps.len() == count
            && rest.is_empty()
            && members.is_sorted_by(|a, b| a.0 < b.0);
        good.then_some(Self { key_commitment: *key_commitment, members, wraps })
    }

    /// Who shares the key, in ascending order, with the prekeys that it is wrapped to. The author does too, and is not among
    /// them.
    pub fn members(&self) -> &[(MemberId, PrekeyId)] {
        &self.members
    }

    /// The prekey by which this member gets the key; nothing if it is not of the group.
    pub fn prekey_for(&self, reader: MemberId) -> Option<PrekeyId> {
        self.place(reader).map(|place| self.members[place].1)
    }

    /// Unwraps the group's key. `header` is that of the key record, and `secret` the reader's prekey.
    ///
    /// # Errors
    /// [`OpenBodyError`].
    pub fn unwrap(
        &self,
        network: NetworkId,
        header: &Header,
        reader: MemberId,
        secret: &PrekeySecret,
    ) -> Result<ContentKey, OpenBodyError> {
        let place = self.place(reader).ok_or(OpenBodyError::NotAddressed)?;
        if self.members[place].1 != secret.public().id() {
            return Err(OpenBodyError::OtherPrekey);
        }
        let core = header.core_hash(network);
        let binding =
            Binding { network, core, key_commitment: self.key_commitment, author: header.author, reader };
        let key = binding.unwrap(secret, &self.wraps[place]).ok_or(OpenBodyError::Wrap)?;
        commits_to(&self.key_commitment, &key, &core)?;
        Ok(key)
    }

    fn place(&self, reader: MemberId) -> Option<usize> {
        self.members.binary_search_by_key(&reader, |(member, _)| *member).ok()
    }
}

/// Whether `key_record` is the header of the record from which readers of a record with this header get their group's key.
/// Its id is what the record names; that is looked by whoever has found it.
///
/// # Errors
/// [`OpenBodyError::KeyRecord`] if it is another author's, or no key record.
pub fn check_key_record(header: &Header, key_record: &Header) -> Result<(), OpenBodyError> {
    let good = key_record.kind == Kind::GROUP_KEY && key_record.author == header.author;
    if good { Ok(()) } else { Err(OpenBodyError::KeyRecord) }
}

/// Seals a document to a group. `key` is the group's, `key_record` the record that brings it to the members.
/// `seed` is as in [`super::seal`].
///
/// # Errors
/// [`SealingError::TooLong`].
pub fn seal(
    network: NetworkId,
    header: Header,
    document: &[u8],
    key_record: RecordId,
    key: &ContentKey,
    seed: &[u8; 32],
) -> Result<Sealed, SealingError> {
    let audience = Audience::Group { key_record, key_commitment: [0; 32] };
    let mut sealing = Sealing::begin(network, Header { audience, ..header }, document, WRAP_BYTES, seed)?;
    let cipher = cipher(key, &sealing.core, &sealing.key_commitment);
    let mut wrap = Zeroizing::new(*sealing.key.as_bytes());
    let tag = cipher
        .encrypt_inout_detached(&Nonce::default(), &[], wrap.as_mut_slice().into())
        .expect("32 bytes are far below the 256 GiB that one nonce can encrypt");
    sealing.content.extend_from_slice(wrap.as_slice());
    sealing.content.extend_from_slice(&tag);
    Ok(sealing.finish(document))
}

/// Unwraps the content key of a record that is sealed to a group, whose key `key` is.
///
/// # Errors
/// [`OpenBodyError`].
pub fn unwrap(
    network: NetworkId,
    header: &Header,
    content: &[u8],
    key: &ContentKey,
) -> Result<ContentKey, OpenBodyError> {
    let Audience::Group { key_commitment, .. } = &header.audience else {
        return Err(OpenBodyError::NotSealed);
    };
    let (wrap, _) = split(WRAP_BYTES, content)?;
    let (wrapped, tag) = wrap.split_first_chunk::<{ ContentKey::BYTES }>().ok_or(OpenBodyError::Short)?;
    let tag: [u8; TAG_BYTES] = tag.try_into().map_err(|_| OpenBodyError::Short)?;
    let core = header.core_hash(network);
    let mut bytes = Zeroizing::new(*wrapped);
    cipher(key, &core, key_commitment)
        .decrypt_inout_detached(&Nonce::default(), &[], bytes.as_mut_slice().into(), &Tag::from(tag))
        .map_err(|_| OpenBodyError::Wrap)?;
    let content_key = ContentKey::from_bytes(&bytes);
    commits_to(key_commitment, &content_key, &core)?;
    Ok(content_key)
}

/// The cipher under which the content key of one record is wrapped.
fn cipher(key: &ContentKey, core: &[u8; 32], key_commitment: &[u8; 32]) -> ChaCha20Poly1305 {
    let key: Zeroizing<[u8; 32]> =
        derived(&Hkdf::new(None, key.as_bytes()), &[tags::GROUP, core, key_commitment]);
    ChaCha20Poly1305::new(&Key::from(*key))
}

#[cfg(test)]
mod tests;
