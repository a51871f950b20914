//! A bureau's identity: the two secrets that a node needs to run.

use std::fmt;

use thiserror::Error;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::key_file::{self, OpenError, Params, Purpose, RANDOMNESS_BYTES, SealError};
use crate::public_key::PublicKey;
use crate::signing_key::SigningKey;

/// The signing key of a member's current generation, and the seed of the Ed25519 key behind its libp2p peer id.
///
/// Two keys, because they live differently: the signing key changes by a new generation that the roster sees, the
/// transport key by a certificate. In a key file ([`Purpose::IDENTITY`]) they are 64 bytes: signing seed (32), then
/// transport seed (32). Both are wiped on drop.
pub struct Identity {
    signing: SigningKey,
    transport_seed: Zeroizing<[u8; 32]>,
}

/// Why bytes are no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// Not 64 bytes.
    #[error("an identity is {expected} bytes, not {0}; the key file was written by other software", expected = Identity::BYTES)]
    Length(usize),
    /// One key for both uses. No two draws of good randomness are ever equal, so the source of them is broken.
    #[error(
        "the signing key and the transport key are the same; make new keys, on a machine with working randomness"
    )]
    SameSeed,
}

/// Why a key file gave no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenIdentityError {
    /// The key file did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It opened, and holds something else.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl Identity {
    /// Length of [`Identity::to_bytes`].
    pub const BYTES: usize = 64;

    /// An identity from two seeds, each 32 bytes from a cryptographic random source.
    ///
    /// # Errors
    /// [`IdentityError::SameSeed`].
    pub fn from_seeds(signing: &[u8; 32], transport: &[u8; 32]) -> Result<Self, IdentityError> {
        if signing == transport {
            return Err(IdentityError::SameSeed);
        }
        Ok(Self { signing: SigningKey::from_seed(signing), transport_seed: Zeroizing::new(*transport) })
    }

    /// Reads what [`Identity::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdentityError> {
        match bytes.as_chunks::<32>() {
            ([signing, transport], []) => Self::from_seeds(signing, transport),
            _ => Err(IdentityError::Length(bytes.len())),
        }
    }

    /// Opens a key file.
    ///
    /// # Errors
    /// [`OpenIdentityError`].
    pub fn open(file: &[u8], passphrase: &[u8]) -> Result<Self, OpenIdentityError> {
        Ok(Self::from_bytes(&key_file::open(file, Purpose::IDENTITY, passphrase)?)?)
    }

    /// Signing seed, then transport seed.
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        bytes[..32].copy_from_slice(self.signing.seed());
        bytes[32..].copy_from_slice(self.transport_seed.as_slice());
        bytes
    }

    /// Seals it into a key file; see [`key_file::seal`].
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        &self,
        passphrase: &[u8],
        params: Params,
        randomness: [u8; RANDOMNESS_BYTES],
    ) -> Result<Vec<u8>, SealError> {
        key_file::seal(self.to_bytes().as_slice(), Purpose::IDENTITY, passphrase, params, randomness)
    }

    /// The member's signing key.
    pub fn signing_key(&self) -> &SigningKey {
        &self.signing
    }

    /// The signing key alone, for a thread that signs and has no business with the transport key.
    pub fn into_signing_key(self) -> SigningKey {
        self.signing
    }

    /// The seed of the transport key, for libp2p's `ed25519::SecretKey`, which wipes the copy that it takes.
    pub fn transport_seed(&self) -> &[u8; 32] {
        &self.transport_seed
    }

    /// The public transport key, which goes into the card, the charter and transport certificates.
    pub fn transport_public(&self) -> PublicKey {
        SigningKey::from_seed(&self.transport_seed).public()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl ZeroizeOnDrop for Identity {}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity::from_seeds(&[0xa7; 32], &[0xb8; 32]).unwrap()
    }

    #[test]
    fn an_identity_survives_its_key_file() {
        let params = Params::new(8, 1, 1).unwrap();
        let file = identity().seal(b"correct horse", params, [9; RANDOMNESS_BYTES]).unwrap();
        let back = Identity::open(&file, b"correct horse").unwrap();
        assert_eq!(back.to_bytes(), identity().to_bytes());
        assert_eq!(back.signing_key().public(), SigningKey::from_seed(&[0xa7; 32]).public());
        assert_eq!(back.transport_public(), SigningKey::from_seed(&[0xb8; 32]).public());
        assert_eq!(back.into_signing_key().public(), identity().signing_key().public());
        let wrong = Identity::open(&file, b"wrong horse").unwrap_err();
        assert_eq!(wrong, OpenIdentityError::Open(OpenError::WrongPassphrase));
    }

    #[test]
    fn a_key_file_with_other_content_is_no_identity() {
        let params = Params::new(8, 1, 1).unwrap();
        let file = key_file::seal(&[1; 63], Purpose::IDENTITY, b"p", params, [9; RANDOMNESS_BYTES]).unwrap();
        let error = Identity::open(&file, b"p").unwrap_err();
        assert_eq!(error, OpenIdentityError::Identity(IdentityError::Length(63)));
        for length in [0, 32, 65, 96] {
            assert_eq!(Identity::from_bytes(&vec![1; length]).unwrap_err(), IdentityError::Length(length));
        }
        assert_eq!(Identity::from_bytes(&[1; 64]).unwrap_err(), IdentityError::SameSeed);
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?} {:#?}", identity(), identity()), "Identity(..) Identity(..)");
        assert!(!format!("{:?}", identity().to_bytes()).contains("167"));
    }
}
