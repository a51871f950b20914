//! Signatures as bytes, and the one way in which a signature is wrong.

use std::fmt;

use thiserror::Error;

/// An Ed25519 signature (RFC 8032 section 5.1.6): the encoded point R, then the scalar S, little-endian.
///
/// A plain value: it says nothing about whether it verifies. Two different valid signatures over one record are
/// possible for its signer, so a signature never names anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// The 64 bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl From<[u8; 64]> for Signature {
    fn from(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }
}

impl From<Signature> for [u8; 64] {
    fn from(signature: Signature) -> Self {
        signature.0
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(")?;
        self.0[..4].iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str("…)")
    }
}

/// The signature does not verify: another key, other bytes, another purpose, another network, or a crafted or
/// damaged signature. Which of these it is cannot be told from the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the signature does not verify under this key: it was made by another key, or what it covers was changed; \
     do not use it, and ask its sender for it again"
)]
pub struct BadSignature;
