//! A new transport key: the key behind the node's links, not the one behind its records.
//!
//! The others learn it from a certificate signed by the signing key. Of two certificates the one with the higher
//! counter holds, so the counter is made durable before the key: a crash between the two leaves the old key under
//! a higher counter, which does no harm.

use ecomesh_seal::{Identity, Params};
use thiserror::Error;

use super::keygen::{KeygenError, random, seal_identity};
use crate::home::{FileError, Home, HomeError, files};
use crate::passphrase::Passphrase;

/// What became of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The new public transport key.
    pub transport_key: [u8; 32],
    /// The counter of its certificate.
    pub counter: u64,
}

/// Why the key was not changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RotateError {
    /// The folder, its lock, or its keys.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The keys were not made or not sealed.
    #[error(transparent)]
    Keygen(#[from] KeygenError),
    /// The counter is at its end.
    #[error("the counter in transport.toml cannot be raised any more; restore the file from a backup")]
    CounterAtEnd,
}

/// Gives the node a new transport key, sealed with the same passphrase. The node must not run, and must have
/// joined: before that, the key stands in the charter.
///
/// # Errors
/// [`RotateError`].
pub fn rotate(home: &Home, passphrase: &Passphrase, params: Params) -> Result<Rotated, RotateError> {
    let _lock = home.lock()?;
    let opened = home.open_all(passphrase)?;
    let counter = opened.transport_counter.checked_add(1).ok_or(RotateError::CounterAtEnd)?;
    let mut secret = opened.identity.to_bytes();
    secret[32..].copy_from_slice(random::<32>()?.as_slice());
    let identity =
        Identity::from_bytes(secret.as_slice()).map_err(|e| KeygenError::Randomness(e.to_string()))?;
    let sealed = seal_identity(&identity, passphrase, params)?;
    home.write_transport_counter(counter)?;
    files::write_private(&home.identity_file(), &sealed)?;
    Ok(Rotated { transport_key: *identity.transport_public().as_bytes(), counter })
}
