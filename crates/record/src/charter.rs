//! The charter: the founding document. Its hash is the network id (`docs/PROTOCOL.md`, "Charter").

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::codec::{self, DecodeError, TooLarge};
use crate::header::Kind;
use crate::id::{MemberId, NetworkId, Time};
use crate::limits::{
    ADDRESS_BYTES_MAX, ADDRESSES_MAX, CHARTER_BYTES_MAX, EXTENSION_BYTES_MAX, EXTENSIONS_MAX, MEMBERS_MAX,
    NAME_BYTES_MAX, PREKEY_BYTES_MAX,
};
use crate::review::ReviewRuleError;
use crate::tags;

/// The version of the charter's layout.
pub const VERSION: u8 = 1;

/// What part a member has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role(pub u8);

impl Role {
    /// A member country.
    pub const COUNTRY: Self = Self(0);
    /// An authorised entity, such as CITES.
    pub const ENTITY: Self = Self(1);
    /// Attests notices and data-protection rulings.
    pub const REVIEWER: Self = Self(2);
    /// Keeps the bodies that otherwise only addressees need.
    pub const KEEPER: Self = Self(3);
}

/// One founder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharterMember {
    /// The member.
    pub member: MemberId,
    /// See [`Role`].
    pub role: u8,
    /// The bureau's name, for people.
    pub name: String,
    /// Ed25519 key of generation 0 of its logs.
    pub signing_key: [u8; 32],
    /// Three recovery keys, of which two open a new generation after loss or theft; or none.
    pub recovery_keys: Vec<[u8; 32]>,
    /// First fallback prekey for sealed bodies; empty until the bureau publishes one.
    pub fallback_prekey: ByteBuf,
    /// Ed25519 key behind the libp2p peer id with which it starts.
    pub transport_key: [u8; 32],
    /// At most 8, strictly ascending.
    pub ext: Vec<(u16, ByteBuf)>,
}

/// How many must agree. Fractions of the members that may vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// A roster epoch needs more than `vote_numerator / vote_denominator` of the votes.
    pub vote_numerator: u8,
    /// See `vote_numerator`.
    pub vote_denominator: u8,
    /// Seats of the duty council.
    pub council_seats: u8,
    /// Seats that suspend a member together.
    pub council_quorum: u8,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { vote_numerator: 2, vote_denominator: 3, council_seats: 13, council_quorum: 7 }
    }
}

/// The founding document without signatures and without address hints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charter {
    /// [`VERSION`].
    pub version: u8,
    /// The suite of algorithms, see [`crate::header::SUITE`].
    pub suite: u8,
    /// The network's name, for people.
    pub network: String,
    /// When it was drafted, so that two networks of the same founders differ.
    pub drafted_at: Time,
    /// How many must agree.
    pub thresholds: Thresholds,
    /// Longest life of a body in days, by retention class; strictly ascending.
    pub retention: Vec<(u8, u32)>,
    /// Kinds of control records in force; strictly ascending.
    pub control_kinds: Vec<u16>,
    /// The founders, strictly ascending.
    pub members: Vec<CharterMember>,
    /// At most 8, strictly ascending.
    pub ext: Vec<(u16, ByteBuf)>,
}

/// What is wrong with a charter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CharterError {
    /// The bytes do not decode.
    #[error("charter: {0}")]
    Bytes(#[from] DecodeError),
    /// Longer than allowed.
    #[error("charter: {0}")]
    TooLarge(#[from] TooLarge),
    /// Another version of the layout.
    #[error("charter: version {0} is unknown; this software reads version {VERSION}")]
    UnknownVersion(u8),
    /// Another suite of algorithms.
    #[error("charter: suite {0} is unknown")]
    UnknownSuite(u8),
    /// No member, or too many.
    #[error("charter: {0} members; a network has 1 to {MEMBERS_MAX}")]
    MemberCount(usize),
    /// Members, classes, kinds or extensions out of order or doubled.
    #[error("charter: {0} are not in strictly ascending order")]
    Order(&'static str),
    /// A name, key list, prekey, extension or hint beyond its bound.
    #[error("charter: {0}")]
    Bound(&'static str),
    /// A wrong extension about reviews.
    #[error("charter: {0}")]
    Review(#[from] ReviewRuleError),
    /// One key for two members.
    #[error("charter: {0} and {1} have the same key; every member needs its own")]
    SharedKey(MemberId, MemberId),
}

impl Charter {
    /// The canonical bytes.
    ///
    /// # Errors
    /// [`CharterError`] if a rule of the layout is broken.
    pub fn encode(&self) -> Result<Vec<u8>, CharterError> {
        self.check()?;
        Ok(codec::encode(self, CHARTER_BYTES_MAX)?)
    }

    /// Reads canonical bytes and checks order and bounds. That keys are good keys is checked by the roster.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, CharterError> {
        match bytes.first() {
            Some(&VERSION) | None => {}
            Some(&other) => return Err(CharterError::UnknownVersion(other)),
        }
        let charter: Self = codec::decode(bytes, CHARTER_BYTES_MAX)?;
        charter.check()?;
        Ok(charter)
    }

    /// SHA-256(tag ‖ canonical bytes): the network id, and what the founders sign.
    ///
    /// # Errors
    /// As [`Charter::encode`].
    pub fn network_id(&self) -> Result<NetworkId, CharterError> {
        let bytes = self.encode()?;
        Ok(NetworkId(Sha256::new().chain_update(tags::CHARTER).chain_update(bytes).finalize().into()))
    }

    /// The founder `member`.
    pub fn member(&self, member: MemberId) -> Option<&CharterMember> {
        let at = self.members.binary_search_by_key(&member, |m| m.member).ok()?;
        self.members.get(at)
    }

    /// Whether a control kind is in force.
    pub fn allows_control(&self, kind: Kind) -> bool {
        self.control_kinds.binary_search(&kind.0).is_ok()
    }

    fn check(&self) -> Result<(), CharterError> {
        if self.version != VERSION {
            return Err(CharterError::UnknownVersion(self.version));
        }
        if self.suite != crate::header::SUITE {
            return Err(CharterError::UnknownSuite(self.suite));
        }
        if self.members.is_empty() || self.members.len() > MEMBERS_MAX {
            return Err(CharterError::MemberCount(self.members.len()));
        }
        check_name(&self.network)?;
        ascending("retention classes", &self.retention, |(class, _)| *class)?;
        ascending("control kinds", &self.control_kinds, |kind| *kind)?;
        ascending("members", &self.members, |m| m.member)?;
        check_ext(&self.ext)?;
        self.check_review()?;
        self.members.iter().try_for_each(CharterMember::check)?;
        self.check_keys_differ()
    }

    fn check_keys_differ(&self) -> Result<(), CharterError> {
        let mut keys: Vec<([u8; 32], MemberId)> = self
            .members
            .iter()
            .flat_map(|m| {
                let own = m.recovery_keys.iter().chain([&m.signing_key, &m.transport_key]);
                own.map(|key| (*key, m.member)).collect::<Vec<_>>()
            })
            .collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(CharterError::SharedKey(pair[0].1, pair[1].1)),
            None => Ok(()),
        }
    }
}

impl CharterMember {
    fn check(&self) -> Result<(), CharterError> {
        check_name(&self.name)?;
        check_ext(&self.ext)?;
        if !matches!(self.recovery_keys.len(), 0 | 3) {
            return Err(CharterError::Bound("a member has three recovery keys or none"));
        }
        if self.fallback_prekey.len() > PREKEY_BYTES_MAX {
            return Err(CharterError::Bound("a fallback prekey is longer than 2 KiB"));
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), CharterError> {
    let good = !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if good {
        Ok(())
    } else {
        Err(CharterError::Bound("a name is empty, longer than 128 bytes, or has control characters"))
    }
}

fn check_ext(ext: &[(u16, ByteBuf)]) -> Result<(), CharterError> {
    if ext.len() > EXTENSIONS_MAX || ext.iter().any(|(_, bytes)| bytes.len() > EXTENSION_BYTES_MAX) {
        return Err(CharterError::Bound("more than 8 extensions, or one of more than 256 bytes"));
    }
    ascending("extensions", ext, |(kind, _)| *kind)
}

fn ascending<T, K: Ord>(what: &'static str, list: &[T], key: impl Fn(&T) -> K) -> Result<(), CharterError> {
    if list.is_sorted_by(|a, b| key(a) < key(b)) { Ok(()) } else { Err(CharterError::Order(what)) }
}

/// A charter with the signatures of all founders and their address hints: the content of a `.charter` file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundedCharter {
    /// Canonical bytes of the [`Charter`].
    pub charter: ByteBuf,
    /// Where each member's node listens, as multiaddresses; outside the network id, since addresses change.
    pub addresses: Vec<(MemberId, Vec<String>)>,
    /// Every founder's signature, in the members' order.
    pub signatures: Vec<FounderSignature>,
}

/// A founder's signature over the network id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FounderSignature {
    /// Who signs.
    pub member: MemberId,
    /// Ed25519.
    #[serde(with = "codec::bytes64")]
    pub signature: [u8; 64],
}

/// First bytes of a `.charter` file.
pub const CHARTER_FILE_MAGIC: &[u8; 8] = b"ECOCHRT1";

impl FoundedCharter {
    /// The bytes of a `.charter` file: magic, then the canonical encoding.
    ///
    /// # Errors
    /// [`CharterError`] if a bound is broken.
    pub fn encode(&self) -> Result<Vec<u8>, CharterError> {
        self.check()?;
        let body = codec::encode(self, CHARTER_BYTES_MAX)?;
        Ok([CHARTER_FILE_MAGIC.as_slice(), &body].concat())
    }

    /// Reads a `.charter` file. Signatures are not checked here, but by the roster.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, CharterError> {
        let body = bytes.strip_prefix(CHARTER_FILE_MAGIC).ok_or(DecodeError::Malformed)?;
        let founded: Self = codec::decode(body, CHARTER_BYTES_MAX)?;
        founded.check()?;
        Ok(founded)
    }

    fn check(&self) -> Result<(), CharterError> {
        ascending("address hints", &self.addresses, |(member, _)| *member)?;
        ascending("signatures", &self.signatures, |s| s.member)?;
        let too_many = self.addresses.iter().any(|(_, list)| list.len() > ADDRESSES_MAX);
        let too_long = self.addresses.iter().flat_map(|(_, list)| list).any(|a| a.len() > ADDRESS_BYTES_MAX);
        if too_many || too_long || self.signatures.len() > MEMBERS_MAX {
            return Err(CharterError::Bound(
                "more than 8 addresses of a member, or one of more than 128 bytes",
            ));
        }
        Ok(())
    }
}
