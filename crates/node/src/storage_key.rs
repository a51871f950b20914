//! The storage key of a home: where it lies, and where else.
//!
//! It lies twice: in `storage.key`, sealed under the signing key, and in the vault, sealed with the passphrase. What store
//! and journal are under is the one in `storage.key`; the vault's serves when that file is gone. So a vault that is lost
//! costs no own record that no other member holds yet, and one that comes back from an old backup changes nothing.
//!
//! A file that is there and does not open is never replaced: it may only be misplaced, or its owner be wrong.

use std::path::PathBuf;

use ecomesh_seal::{Identity, StorageKey};
use ecomesh_store::OpenError;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::home::{FileError, Home, HomeError, files};
use crate::passphrase::{Passphrase, PassphraseError};
use crate::vault::{self, VaultFault};

/// Why the bodies of a home cannot be read. The operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorageKeyError {
    /// There is no passphrase.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The identity does not open: the passphrase is another one.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The vault does not open.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The copy is there, and is none of this identity.
    #[error(
        "{0} does not open with this bureau's signing key; put it back from a backup, or move it away: then the vault's storage key is used"
    )]
    Damaged(PathBuf),
    /// Neither is there.
    #[error(
        "the vault of {0} is lost, and storage.key too: what is in its store and journal cannot be read; put one of them back from a backup, or start the node, which makes a new vault and fetches its records from its peers"
    )]
    Lost(String),
}

/// Opens the storage key of a home whose node does not run, with the vault's beside it if that is another one. Takes half a
/// second on purpose (Argon2id, twice).
pub(crate) fn of_home(home: &Home, passphrase: &Passphrase) -> Result<StorageKey, StorageKeyError> {
    // First, since it says best what a wrong passphrase is.
    let identity = home.unseal(passphrase)?;
    let copy = of_copy(home, &identity)?;
    let of_vault = vault::storage_key(&home.vault_dir(), passphrase)?;
    match (copy, of_vault) {
        (Some(first), Some(of_vault)) => Ok(beside(first, &of_vault)),
        (Some(only), None) | (None, Some(only)) => Ok(only),
        (None, None) => Err(StorageKeyError::Lost(home.dir().display().to_string())),
    }
}

/// The key of `storage.key`, with the vault's beside it if that is another one.
pub(crate) fn beside(first: StorageKey, of_vault: &StorageKey) -> StorageKey {
    if first.id() == of_vault.id() { first } else { first.with_second(of_vault) }
}

/// Opens a store with this key, or with the second one beside it, and gives the one that fits, with the other beside it. If
/// none fits, that is what is said of the first.
pub(crate) fn open_with<T>(
    key: &StorageKey,
    open: impl Fn(&StorageKey) -> Result<T, OpenError>,
) -> Result<(T, StorageKey), OpenError> {
    match (open(key), key.second()) {
        (Err(OpenError::OtherKey(path)), Some(second)) => match open(&second) {
            Err(OpenError::OtherKey(_)) => Err(OpenError::OtherKey(path)),
            opened => Ok((opened?, second.with_second(key))),
        },
        (opened, _) => Ok((opened?, key.clone())),
    }
}

/// The key in `storage.key`; nothing if there is no such file.
pub(crate) fn of_copy(home: &Home, identity: &Identity) -> Result<Option<StorageKey>, StorageKeyError> {
    let path = home.storage_key_file();
    let copy = match files::read(&path, StorageKey::COPY_BYTES as u64) {
        Ok(copy) => copy,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let key = StorageKey::from_copy(&copy, identity.signing_key());
    key.map(Some).ok_or(StorageKeyError::Damaged(path))
}

/// Writes `storage.key`, which is not there.
pub(crate) fn write_copy(home: &Home, identity: &Identity, key: &StorageKey) -> Result<(), VaultFault> {
    let mut salt = Zeroizing::new([0; 32]);
    getrandom::fill(salt.as_mut_slice()).map_err(|e| VaultFault::Random(e.to_string()))?;
    let copy = key.sealed_copy(identity.signing_key(), &salt);
    Ok(files::write_private(&home.storage_key_file(), &copy)?)
}
