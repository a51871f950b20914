//! The body of a record: a salt and the content. It can be erased; header, signature and chain still verify.

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::id::NetworkId;
use crate::limits::{BODY_BYTES_MAX, CONTENT_BYTES_MAX, SALT_BYTES};
use crate::tags;

/// Salt and content. The salt is random and dies with the body, so that the commitment that stays in the header
/// cannot be guessed back to a short content.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    salt: [u8; SALT_BYTES],
    content: Vec<u8>,
}

/// Why bytes are no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    /// Shorter than the salt.
    #[error("body: {0} bytes are too few for a salt of {SALT_BYTES}")]
    Truncated(usize),
    /// More than 1 MiB of content.
    #[error("body: a content of {0} bytes where at most {CONTENT_BYTES_MAX} are allowed")]
    TooLong(usize),
}

impl Body {
    /// A body of at most 1 MiB of content.
    ///
    /// # Errors
    /// [`BodyError::TooLong`].
    pub fn new(salt: [u8; SALT_BYTES], content: Vec<u8>) -> Result<Self, BodyError> {
        if content.len() > CONTENT_BYTES_MAX {
            return Err(BodyError::TooLong(content.len()));
        }
        Ok(Self { salt, content })
    }

    /// Reads `salt ‖ content`.
    ///
    /// # Errors
    /// [`BodyError`] if the length fits no body.
    pub fn decode(bytes: &[u8]) -> Result<Self, BodyError> {
        if bytes.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLong(bytes.len() - SALT_BYTES));
        }
        let (salt, content) = bytes.split_first_chunk().ok_or(BodyError::Truncated(bytes.len()))?;
        Ok(Self { salt: *salt, content: content.to_vec() })
    }

    /// The salt.
    pub fn salt(&self) -> &[u8; SALT_BYTES] {
        &self.salt
    }

    /// `salt ‖ content`.
    pub fn encode(&self) -> Vec<u8> {
        [self.salt.as_slice(), &self.content].concat()
    }

    /// What the body says.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Length of [`Body::encode`] in bytes.
    pub fn encoded_len(&self) -> usize {
        SALT_BYTES + self.content.len()
    }

    /// SHA-256(tag ‖ network ‖ salt ‖ SHA-256(content)): stands in the header.
    pub fn commitment(&self, network: NetworkId) -> [u8; 32] {
        Sha256::new()
            .chain_update(tags::BODY)
            .chain_update(network.as_bytes())
            .chain_update(self.salt)
            .chain_update(Sha256::digest(&self.content))
            .finalize()
            .into()
    }
}

/// A body may hold personal data: only its length is shown.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.content.len())
    }
}
