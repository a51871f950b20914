//! What control records say about bodies: [`Erase`], [`Extend`] and [`Erased`] (`docs/PROTOCOL.md`, section 25).
//!
//! They name records by their ids, and have codes for reasons: words would stay for ever, since a control record does.

use ecomesh_record::codec::{self, DecodeError, TooLarge};
use ecomesh_record::{RecordId, Time};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most records that one erasure or extension names. Its whole frame fits a small value of the store.
pub const TARGETS_MAX: usize = 64;
/// Most records that one member's word names that it has destroyed them.
pub const ERASED_MAX: usize = 256;
/// Longest frame of an erasure or extension in bytes, so that it fits a small value of the store: 64 records, and a
/// header without long extensions.
pub const TARGETS_FRAME_BYTES_MAX: usize = 4 * 1024 - 64;
/// Longest content of any of the three, in bytes: an id takes 32.
const CONTENT_BYTES_MAX: usize = 16 * 1024;

/// Why bodies are erased, or kept for longer. Other values are carried, and shown as unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ground(pub u16);

impl Ground {
    /// Erased: what it was sent for is done.
    pub const PURPOSE_MET: Self = Self(1);
    /// Erased: what it says is not true, or not true any more.
    pub const INACCURATE: Self = Self(2);
    /// Erased: it should not have been sent, by the law or the rules of the network.
    pub const UNLAWFUL: Self = Self(3);
    /// Erased: a court has ordered it.
    pub const COURT_ORDER: Self = Self(4);
    /// Erased: a data-protection authority has ruled so.
    pub const DATA_PROTECTION: Self = Self(5);
    /// Erased: it was sent by mistake, or to the wrong addressee.
    pub const SENT_IN_ERROR: Self = Self(6);
    /// Erased: another record takes its place.
    pub const SUPERSEDED: Self = Self(7);
    /// Kept: the case goes on.
    pub const STILL_NEEDED: Self = Self(32);
    /// Kept: a court has ordered it.
    pub const RETENTION_ORDER: Self = Self(33);
    /// Another reason, told in a message.
    pub const OTHER: Self = Self(255);
}

/// The body of a record that erases the bodies of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erase {
    /// Why.
    pub ground: Ground,
    targets: Vec<RecordId>,
}

/// The body of a record that keeps the bodies of others for longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extend {
    /// Why.
    pub ground: Ground,
    /// Until when; no longer than the retention class of each record allows from the time of the extension on.
    pub until: Time,
    targets: Vec<RecordId>,
}

/// The body of a record in which a member says that it has destroyed what was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased(Vec<RecordId>);

/// Why a body is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TargetsError {
    /// The bytes do not decode.
    #[error("the content: {0}")]
    Bytes(#[from] DecodeError),
    /// No records, too many, or not in ascending order.
    #[error("{found} records are named, where 1 to {max} are allowed, each once and in ascending order")]
    Targets {
        /// How many are named.
        found: usize,
        /// How many may be.
        max: usize,
    },
}

#[derive(Serialize, Deserialize)]
struct EraseWire(u16, Vec<[u8; 32]>);

#[derive(Serialize, Deserialize)]
struct ExtendWire(u16, u64, Vec<[u8; 32]>);

#[derive(Serialize, Deserialize)]
struct ErasedWire(Vec<[u8; 32]>);

impl Erase {
    /// An erasure of these records, in any order.
    ///
    /// # Errors
    /// [`TargetsError::Targets`] if there are none, or more than 64.
    pub fn new(ground: Ground, targets: impl IntoIterator<Item = RecordId>) -> Result<Self, TargetsError> {
        Ok(Self { ground, targets: sorted(targets, TARGETS_MAX)? })
    }

    /// The records, ascending.
    pub fn targets(&self) -> &[RecordId] {
        &self.targets
    }

    /// The content of the record's body.
    ///
    /// # Errors
    /// [`TooLarge`] never: 64 ids fit.
    pub fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        codec::encode(&EraseWire(self.ground.0, to_wire(&self.targets)), CONTENT_BYTES_MAX)
    }

    /// Reads the content of the body of an erasure.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(content: &[u8]) -> Result<Self, TargetsError> {
        let EraseWire(ground, targets) = codec::decode(content, CONTENT_BYTES_MAX)?;
        Ok(Self { ground: Ground(ground), targets: from_wire(targets, TARGETS_MAX)? })
    }
}

impl Extend {
    /// An extension of these records, in any order.
    ///
    /// # Errors
    /// [`TargetsError::Targets`] if there are none, or more than 64.
    pub fn new(
        ground: Ground,
        until: Time,
        targets: impl IntoIterator<Item = RecordId>,
    ) -> Result<Self, TargetsError> {
        Ok(Self { ground, until, targets: sorted(targets, TARGETS_MAX)? })
    }

    /// The records, ascending.
    pub fn targets(&self) -> &[RecordId] {
        &self.targets
    }

    /// The content of the record's body.
    ///
    /// # Errors
    /// [`TooLarge`] never: 64 ids fit.
    pub fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        let wire = ExtendWire(self.ground.0, self.until.0, to_wire(&self.targets));
        codec::encode(&wire, CONTENT_BYTES_MAX)
    }

    /// Reads the content of the body of an extension.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(content: &[u8]) -> Result<Self, TargetsError> {
        let ExtendWire(ground, until, targets) = codec::decode(content, CONTENT_BYTES_MAX)?;
        let targets = from_wire(targets, TARGETS_MAX)?;
        Ok(Self { ground: Ground(ground), until: Time(until), targets })
    }
}

impl Erased {
    /// That these records were destroyed, in any order.
    ///
    /// # Errors
    /// [`TargetsError::Targets`] if there are none, or more than 256.
    pub fn new(targets: impl IntoIterator<Item = RecordId>) -> Result<Self, TargetsError> {
        Ok(Self(sorted(targets, ERASED_MAX)?))
    }

    /// The records, ascending.
    pub fn targets(&self) -> &[RecordId] {
        &self.0
    }

    /// The content of the record's body.
    ///
    /// # Errors
    /// [`TooLarge`] never: 256 ids fit.
    pub fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        codec::encode(&ErasedWire(to_wire(&self.0)), CONTENT_BYTES_MAX)
    }

    /// Reads the content of the body.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(content: &[u8]) -> Result<Self, TargetsError> {
        let ErasedWire(targets) = codec::decode(content, CONTENT_BYTES_MAX)?;
        Ok(Self(from_wire(targets, ERASED_MAX)?))
    }
}

fn sorted(targets: impl IntoIterator<Item = RecordId>, max: usize) -> Result<Vec<RecordId>, TargetsError> {
    let mut targets: Vec<RecordId> = targets.into_iter().collect();
    targets.sort_unstable();
    targets.dedup();
    check(targets, max)
}

fn from_wire(targets: Vec<[u8; 32]>, max: usize) -> Result<Vec<RecordId>, TargetsError> {
    check(targets.into_iter().map(RecordId).collect(), max)
}

fn to_wire(targets: &[RecordId]) -> Vec<[u8; 32]> {
    targets.iter().map(|id| id.0).collect()
}

fn check(targets: Vec<RecordId>, max: usize) -> Result<Vec<RecordId>, TargetsError> {
    let good = (1..=max).contains(&targets.len()) && targets.is_sorted_by(|a, b| a < b);
    if good { Ok(targets) } else { Err(TargetsError::Targets { found: targets.len(), max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u16) -> RecordId {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        RecordId(id)
    }

    #[test]
    fn contents_are_as_the_protocol_says() {
        let zeros = "00".repeat(30);
        let erase = Erase::new(Ground::COURT_ORDER, [id(0x0202), id(0x0101), id(0x0202)]).unwrap();
        assert_eq!(hex::encode(erase.encode().unwrap()), format!("04020101{zeros}0202{zeros}"));
        assert_eq!(Erase::decode(&erase.encode().unwrap()), Ok(erase));
        let extend = Extend::new(Ground::STILL_NEEDED, Time(9), [id(0x0101)]).unwrap();
        assert_eq!(hex::encode(extend.encode().unwrap()), format!("2009010101{zeros}"));
        assert_eq!(Extend::decode(&extend.encode().unwrap()), Ok(extend));
        let erased = Erased::new([id(0x0101)]).unwrap();
        assert_eq!(hex::encode(erased.encode().unwrap()), format!("010101{zeros}"));
        assert_eq!(Erased::decode(&erased.encode().unwrap()), Ok(erased));
    }

    #[test]
    fn what_is_none_is_refused() {
        let none = |max| Err(TargetsError::Targets { found: 0, max });
        assert_eq!(Erase::new(Ground::OTHER, []).map(drop), none(TARGETS_MAX));
        assert_eq!(Erased::new([]).map(drop), none(ERASED_MAX));
        let many = |count: u16| (0..count).map(id);
        assert!(Erase::new(Ground::OTHER, many(64)).unwrap().encode().is_ok());
        assert!(Erase::new(Ground::OTHER, many(65)).is_err());
        assert!(Extend::new(Ground::OTHER, Time(1), many(65)).is_err());
        assert!(Erased::new(many(256)).unwrap().encode().is_ok());
        assert!(Erased::new(many(257)).is_err());

        let encoded = |targets: &[RecordId]| {
            Erase { ground: Ground::OTHER, targets: targets.to_vec() }.encode().unwrap()
        };
        for wrong in [&[][..], &[id(2), id(1)], &[id(1), id(1)]] {
            assert!(matches!(Erase::decode(&encoded(wrong)), Err(TargetsError::Targets { .. })), "{wrong:?}");
        }
        let good = encoded(&[id(1)]);
        assert!(matches!(Erase::decode(&good[..good.len() - 1]), Err(TargetsError::Bytes(_))));
        assert!(matches!(Erase::decode(&[good, vec![0]].concat()), Err(TargetsError::Bytes(_))));
    }
}
