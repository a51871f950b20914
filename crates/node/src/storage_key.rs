//! The storage key of a home: where it lies, and where else.
//!
//! It is in the vault. A second copy, sealed under the signing key, lies in `storage.key`: should the vault be lost, the
//! store need not be fetched again, and own records that no other member holds yet can still be sent.

use ecomesh_seal::{Identity, StorageKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::home::{Home, HomeError, files};
use crate::passphrase::{Passphrase, PassphraseError};
use crate::vault::{self, VaultFault};

/// Why the bodies of a home cannot be read. The operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorageKeyError {
    /// There is no passphrase.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The vault does not open.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// The identity does not open: the passphrase is another one.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Neither is there.
    #[error(
        "the vault of {0} is lost, and storage.key too: what is in its store and journal cannot be read; put both back from a backup, or start the node, which makes a new vault and fetches its records from its peers"
    )]
    Lost(String),
}

/// Opens the storage key of a home whose node does not run. Takes half a second on purpose (Argon2id, twice).
pub(crate) fn of_home(home: &Home, passphrase: &Passphrase) -> Result<StorageKey, StorageKeyError> {
    // First, since it says best what a wrong passphrase is.
    let identity = home.unseal(passphrase)?;
    if let Some(key) = vault::storage_key(&home.vault_dir(), passphrase)? {
        return Ok(key);
    }
    of_copy(home, &identity).ok_or_else(|| StorageKeyError::Lost(home.dir().display().to_string()))
}

/// The copy, if it is there and whole.
pub(crate) fn of_copy(home: &Home, identity: &Identity) -> Option<StorageKey> {
    let copy = files::read(&home.storage_key_file(), StorageKey::COPY_BYTES as u64).ok()?;
    StorageKey::from_copy(&copy, identity.signing_key())
}

/// Writes the copy, unless it is there.
pub(crate) fn remember(home: &Home, identity: &Identity, key: &StorageKey) -> Result<(), VaultFault> {
    if of_copy(home, identity).is_some_and(|copy| copy.id() == key.id()) {
        return Ok(());
    }
    let mut salt = Zeroizing::new([0; 32]);
    getrandom::fill(salt.as_mut_slice()).map_err(|e| VaultFault::Random(e.to_string()))?;
    let copy = key.sealed_copy(identity.signing_key(), &salt);
    Ok(files::write_private(&home.storage_key_file(), &copy)?)
}
