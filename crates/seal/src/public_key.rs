//! Public keys: admitted once and strictly, then used to verify.

use std::cmp::Ordering;
use std::fmt;

use ecomesh_record::{MemberId, NetworkId, RecordId};
use ed25519_dalek::VerifyingKey;
use thiserror::Error;

use crate::fingerprint::fingerprint;
use crate::message;
use crate::signature::{BadSignature, Signature};

/// An Ed25519 public key (RFC 8032 section 5.1.5) that was admitted.
///
/// Only [`PublicKey::admit`] and a [`crate::SigningKey`] make one, so whoever holds a `PublicKey` holds a key with
/// one encoding and of large order. It keeps the decompressed point (192 bytes in all), because decompression costs
/// about an eighth of a verification. Equality, order and hash are those of its 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    // Its `Eq` and `Hash` compare the 32 encoded bytes only.
    key: VerifyingKey,
}

/// Why 32 bytes are not admitted as a public key. Each is a fault of whoever made the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No point of the curve has this encoding.
    #[error("these 32 bytes are not an Ed25519 public key; ask the member for its card again")]
    NotAPoint,
    /// A point, but not in the one encoding of RFC 8032 section 5.1.2: y is not below 2^255 − 19, or x is 0 and its
    /// sign bit is set. Two names for one key would let nodes disagree.
    #[error("this public key is not in its canonical encoding; the member must make a new key")]
    NonCanonical,
    /// One of the eight points of small order: one signature under it would fit almost every message.
    #[error(
        "this public key is weak (a point of small order): anyone could sign for it; the member must make a new key"
    )]
    Weak,
}

impl PublicKey {
    /// Takes 32 bytes from outside, if they are a good key.
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`], then [`KeyError::NonCanonical`], then [`KeyError::Weak`], in this order.
    pub fn admit(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAPoint)?;
        // `from_bytes` also reads encodings that `compress` never writes.
        if key.to_edwards().compress().to_bytes() != bytes {
            return Err(KeyError::NonCanonical);
        }
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self { key })
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The key in groups, for reading out on the telephone; see [`fingerprint()`].
    pub fn fingerprint(&self) -> String {
        fingerprint(self.as_bytes())
    }

    /// Verifies an author's signature of a record.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_record(
        &self,
        network: NetworkId,
        id: RecordId,
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        self.verify(&message::record(network, id), signature)
    }

    /// Verifies a member's signature of a frontier, given [`ecomesh_record::frontier::frontier_hash`].
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_frontier(
        &self,
        network: NetworkId,
        hash: &[u8; 32],
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        self.verify(&message::frontier(network, hash), signature)
    }

    /// Verifies a founder's signature of the charter whose hash is `network`.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_charter(&self, network: NetworkId, signature: &Signature) -> Result<(), BadSignature> {
        self.verify(&message::charter(network), signature)
    }

    /// Verifies a card's signature by the key that stands on it, given the card's SHA-256.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_card(&self, hash: &[u8; 32], signature: &Signature) -> Result<(), BadSignature> {
        self.verify(&message::card(hash), signature)
    }

    /// Verifies a transport certificate: that `member` speaks through `transport_key` since `counter`.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_transport(
        &self,
        network: NetworkId,
        member: MemberId,
        transport_key: &[u8; 32],
        counter: u64,
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        self.verify(&message::transport(network, member, transport_key, counter), signature)
    }

    /// RFC 8032 section 5.1.7 with the cofactorless equation [S]B = R + [k]A, R compared in its canonical encoding,
    /// S below the group order, and neither R nor the key of small order. One signature at a time, about 40 µs.
    pub(crate) fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.key.verify_strict(message, &signature).map_err(|_| BadSignature)
    }

    /// The public half of a signing key. Needs no admission: it is computed as a multiple of the base point by a
    /// clamped scalar, and encoded here.
    pub(crate) fn of(signing: &ed25519_dalek::SigningKey) -> Self {
        Self { key: signing.verifying_key() }
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.as_bytes()[..4].iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str("…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::SigningKey;

    /// The eight points of small order in their canonical encodings, by order 1, 2, 4, 4, 8, 8, 8, 8.
    const SMALL_ORDER: [&str; 8] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];

    /// The same points in encodings that RFC 8032 forbids: x = 0 with its sign bit, or y + p.
    const SMALL_ORDER_NON_CANONICAL: [&str; 6] = [
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    fn bytes(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn weak_keys_are_refused() {
        for text in SMALL_ORDER {
            assert_eq!(PublicKey::admit(bytes(text)), Err(KeyError::Weak), "{text}");
        }
        assert_eq!(SMALL_ORDER.iter().collect::<BTreeSet<_>>().len(), 8);
    }

    #[test]
    fn small_order_points_in_forbidden_encodings_are_refused() {
        for text in SMALL_ORDER_NON_CANONICAL {
            // The library must read them, or this test would show nothing about our own check.
            assert!(VerifyingKey::from_bytes(&bytes(text)).unwrap().is_weak(), "{text}");
            assert_eq!(PublicKey::admit(bytes(text)), Err(KeyError::NonCanonical), "{text}");
        }
    }

    /// Every y from p to 2^255 − 1, with both signs: all that is not canonical except x = 0 with a sign bit.
    #[test]
    fn no_encoding_with_y_beyond_the_field_is_admitted() {
        let mut read_by_the_library = 0;
        let mut not_weak = 0;
        for low in 0xed..=0xff {
            for high in [0x7f, 0xff] {
                let mut key = [0xff; 32];
                key[0] = low;
                key[31] = high;
                let expected = match VerifyingKey::from_bytes(&key) {
                    Ok(point) => {
                        read_by_the_library += 1;
                        not_weak += u32::from(!point.is_weak());
                        KeyError::NonCanonical
                    }
                    Err(_) => KeyError::NotAPoint,
                };
                assert_eq!(PublicKey::admit(key), Err(expected), "{}", hex::encode(key));
            }
        }
        // These keys would pass a check for weakness alone.
        assert!(not_weak > 0 && not_weak < read_by_the_library, "{not_weak} of {read_by_the_library}");
    }

    #[test]
    fn bytes_that_are_no_point_are_refused() {
        let mut key = [0; 32];
        key[0] = 2;
        assert_eq!(PublicKey::admit(key), Err(KeyError::NotAPoint));
    }

    #[test]
    fn keys_compare_and_print_as_their_bytes() {
        let keys: Vec<_> = (0..20).map(|i| SigningKey::from_seed(&[i; 32]).public()).collect();
        let mut by_key = keys.clone();
        by_key.sort();
        let mut by_bytes = keys.clone();
        by_bytes.sort_by_key(|key| *key.as_bytes());
        assert_eq!(by_key, by_bytes);
        assert_eq!(PublicKey::admit(*keys[0].as_bytes()), Ok(keys[0]));
        assert_ne!(keys[0], keys[1]);
        assert_eq!(keys[0].to_string(), hex::encode(keys[0].as_bytes()));
        assert_eq!(keys[0].fingerprint().replace(' ', ""), keys[0].to_string());
    }
}
