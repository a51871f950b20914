//! The bureau's vault: private halves of prekeys, and the content keys of what was sent and received.
//!
//! ```text
//! vault/keys.vault           keys of the day, secrets of the node; sealed with the passphrase; in backups
//! vault/prekeys.vault        private halves of prekeys; sealed with the passphrase; in no backup
//! vault/content-keys/DAY-ID  content keys under the key of that day; in backups
//! vault/locked               only there while the node is locked; in no backup
//! ```
//!
//! A sealed record can be opened for ever by who has its content key, and, until it is destroyed, by who has the prekey
//! that it is sealed to. So each content key is kept as soon as it is known. None of this is in the store: the store can
//! be fetched again from the peers, these keys from nobody.
//!
//! A vault that is lost costs what was sealed before, unless a backup has its keys, and nothing else: the node makes new
//! prekeys and publishes them, and says of what it cannot open that it cannot.

mod content_keys;
mod safe;
mod writer;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ecomesh_protocol::prekeys::Use;
use ecomesh_protocol::rotation::{self, Life};
use ecomesh_record::Time;
use ecomesh_seal::vault::{
    DayKey, FILE_BYTES_MAX, KeptPrekey, Keys, NONCE_BYTES, Part, SALT_BYTES, VaultError, VaultKey,
    prekeys_from_bytes, prekeys_to_bytes,
};
use ecomesh_seal::{ContentKey, Params, PrekeyId, PrekeySecret, StorageKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::home::{FileError, files};
use crate::passphrase::Passphrase;
use crate::sealing::group::GroupKeys;

use content_keys::ContentKeys;
pub(crate) use content_keys::Kept;
pub(crate) use safe::{Locked, Safe, StillInWork, UnlockError, was_locked};
pub(crate) use writer::{KeepError, Writer};

/// Why there is no vault. The operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VaultFault {
    /// A file does not open.
    #[error(
        "{path}: {reason}; put it back from a backup, or move it away and start again: the node then makes a new one, and what was sealed to the old one stays closed"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: VaultError,
    },
    /// A file or folder cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// No randomness.
    #[error("the system gives no randomness: {0}")]
    Random(String),
}

/// A bureau's vault, open.
pub(crate) struct Vault {
    dir: PathBuf,
    key: VaultKey,
    keys: RwLock<Keys>,
    prekeys: RwLock<Vec<Arc<KeptPrekey>>>,
    /// Held while the file of prekeys is written, so that the newest list is written last.
    writing: Mutex<()>,
    content: ContentKeys,
    /// In memory alone.
    groups: GroupKeys,
}

/// What was not there when a vault was opened, and was made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Renewed {
    /// The keys: what was sealed before stays closed.
    pub(crate) keys: bool,
    /// The prekeys: so does what is sealed to them and not opened yet.
    pub(crate) prekeys: bool,
}

/// Makes the vault of a new home, and gives its storage key.
pub(crate) fn create(
    dir: &Path,
    passphrase: &Passphrase,
    params: Params,
    prekeys: &[KeptPrekey],
) -> Result<StorageKey, VaultFault> {
    files::create_private_dir(dir)?;
    let key = new_key(dir, passphrase, params)?;
    let keys = new_keys(None)?;
    write(&keys_file(dir), &key, Part::Keys, &keys.to_bytes())?;
    write(&prekeys_file(dir), &key, Part::Prekeys, &prekeys_to_bytes(prekeys.iter()))?;
    Ok(keys.storage_key().clone())
}

/// Takes away what [`create`] may have written.
pub(crate) fn remove(dir: &Path) {
    // Best effort: the fault that led here is what gets reported.
    let _ = std::fs::remove_file(keys_file(dir));
    let _ = std::fs::remove_file(prekeys_file(dir));
    let _ = std::fs::remove_dir(dir);
}

/// A first fallback prekey, for the card.
pub(crate) fn new_fallback(now: Time) -> Result<KeptPrekey, VaultFault> {
    new_prekey(Use::FALLBACK, now)
}

/// The file of the keys, which belongs into a backup.
pub(crate) fn keys_file(dir: &Path) -> PathBuf {
    dir.join("keys.vault")
}

/// The folder of the content keys, which belongs into a backup.
pub(crate) fn content_keys_dir(dir: &Path) -> PathBuf {
    dir.join("content-keys")
}

/// The storage key of a vault that nobody has open; nothing if there is no vault.
pub(crate) fn storage_key(dir: &Path, passphrase: &Passphrase) -> Result<Option<StorageKey>, VaultFault> {
    let path = keys_file(dir);
    let Some(bytes) = read(&path)? else { return Ok(None) };
    let key = key_of(&path, &bytes, Part::Keys, passphrase)?;
    let keys = key.open(Part::Keys, &bytes).and_then(|content| Keys::from_bytes(&content));
    let keys = keys.map_err(|reason| VaultFault::Damaged { path, reason })?;
    Ok(Some(keys.storage_key().clone()))
}

fn prekeys_file(dir: &Path) -> PathBuf {
    dir.join("prekeys.vault")
}

impl Vault {
    /// Opens a vault, and makes anew what is not there. A file that is there and does not open is an error: it may only
    /// be misplaced. `copy` is the storage key, if it lies elsewhere too.
    pub(crate) fn open(
        dir: &Path,
        passphrase: &Passphrase,
        copy: Option<StorageKey>,
    ) -> Result<(Self, Renewed), VaultFault> {
        files::create_private_dir(dir)?;
        let mut renewed = Renewed::default();
        let keys_bytes = read(&keys_file(dir))?;
        let prekeys_bytes = read(&prekeys_file(dir))?;
        let key = match (&keys_bytes, &prekeys_bytes) {
            (Some(bytes), _) => key_of(&keys_file(dir), bytes, Part::Keys, passphrase)?,
            (None, Some(bytes)) => key_of(&prekeys_file(dir), bytes, Part::Prekeys, passphrase)?,
            (None, None) => new_key(dir, passphrase, Params::default())?,
        };
        let keys = match &keys_bytes {
            Some(bytes) => {
                let read = key.open(Part::Keys, bytes).and_then(|content| Keys::from_bytes(&content));
                read.map_err(|reason| VaultFault::Damaged { path: keys_file(dir), reason })?
            }
            None => {
                renewed.keys = true;
                let keys = new_keys(copy)?;
                write(&keys_file(dir), &key, Part::Keys, &keys.to_bytes())?;
                keys
            }
        };
        let prekeys = match &prekeys_bytes {
            Some(bytes) => open_prekeys(dir, &key, bytes, passphrase)?,
            None => {
                renewed.prekeys = true;
                write(&prekeys_file(dir), &key, Part::Prekeys, &prekeys_to_bytes([].iter()))?;
                Vec::new()
            }
        };
        let content = ContentKeys::open(&content_keys_dir(dir), &keys)?;
        let vault = Self {
            dir: dir.into(),
            key,
            keys: RwLock::new(keys),
            prekeys: RwLock::new(prekeys.into_iter().map(Arc::new).collect()),
            writing: Mutex::default(),
            content,
            groups: GroupKeys::default(),
        };
        Ok((vault, renewed))
    }

    /// Opens a vault whose node runs: nothing is made anew, whatever is missing.
    fn reopen(dir: &Path, passphrase: &Passphrase) -> Result<Self, VaultFault> {
        for path in [keys_file(dir), prekeys_file(dir)] {
            files::read(&path, FILE_BYTES_MAX)?;
        }
        Ok(Self::open(dir, passphrase, None)?.0)
    }

    /// The key under which bodies lie on the disk.
    pub(crate) fn storage_key(&self) -> StorageKey {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).storage_key().clone()
    }

    /// The keys of groups under which this bureau writes now.
    pub(crate) fn groups(&self) -> &GroupKeys {
        &self.groups
    }

    /// The private half of a prekey, if it is not destroyed.
    pub(crate) fn prekey(&self, id: PrekeyId) -> Option<Arc<KeptPrekey>> {
        self.prekeys().into_iter().find(|kept| kept.secret.public().id() == id)
    }

    /// All private halves.
    pub(crate) fn prekeys(&self) -> Vec<Arc<KeptPrekey>> {
        self.prekeys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a prekey, durably, before anybody can hear of it.
    pub(crate) fn make_prekey(&self, purpose: Use, now: Time) -> Result<(), VaultFault> {
        let new = Arc::new(new_prekey(purpose, now)?);
        self.change_prekeys(|list| list.push(new))
    }

    /// Changes the list of private halves, and writes it. If that fails, the list stays as it was.
    pub(crate) fn change_prekeys(
        &self,
        change: impl FnOnce(&mut Vec<Arc<KeptPrekey>>),
    ) -> Result<(), VaultFault> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = self.prekeys();
        change(&mut list);
        let content = prekeys_to_bytes(list.iter().map(AsRef::as_ref));
        write(&prekeys_file(&self.dir), &self.key, Part::Prekeys, &content)?;
        *self.prekeys.write().unwrap_or_else(PoisonError::into_inner) = list;
        Ok(())
    }

    /// The content key to which a header commits, if it was kept.
    pub(crate) fn content_key(&self, key_commitment: &[u8; 32]) -> Option<ContentKey> {
        self.content.get(key_commitment, &self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a content key was kept; quick, for a look at all records.
    pub(crate) fn knows_content_key(&self, key_commitment: &[u8; 32]) -> bool {
        self.content.knows(key_commitment)
    }

    /// Keeps content keys under the key of the day `now`; returns when they are durable.
    pub(crate) fn keep(&self, list: &[Kept], now: Time) -> Result<(), VaultFault> {
        let day = u32::try_from(now.0 / (24 * 60 * 60 * 1000)).unwrap_or(u32::MAX);
        self.content.keep(list, day, || self.new_day(day))
    }

    /// Destroys these content keys: the others of their days move under new keys, and the old ones are destroyed with what
    /// they open. If that fails half-way nothing is lost, and what is to be destroyed is tried again with the next call.
    pub(crate) fn forget(&self, gone: &BTreeSet<[u8; 32]>) -> Result<(), VaultFault> {
        // Held to the end, so that nobody is given a key of the day that dies meanwhile.
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        for old in self.content.days_of(gone, &keys) {
            let new = DayKey::new(old.day, *random()?, random()?);
            // Known before anything is written under it.
            // Behind the old one, so that it is the key of its day from now on.
            let place =
                keys.days.iter().position(|key| key.id == old.id).map_or(keys.days.len(), |old| old + 1);
            keys.days.insert(place, new.clone());
            if let Err(error) = write(&keys_file(&self.dir), &self.key, Part::Keys, &keys.to_bytes()) {
                keys.days.remove(place);
                return Err(error);
            }
            self.content.move_to(&old, &new, gone)?;
        }
        let retired = self.content.retired();
        if keys.days.iter().any(|key| retired.contains(&key.id)) {
            let before = keys.days.clone();
            keys.days.retain(|key| !retired.contains(&key.id));
            if let Err(error) = write(&keys_file(&self.dir), &self.key, Part::Keys, &keys.to_bytes()) {
                keys.days = before;
                return Err(error);
            }
        }
        self.content.remove_retired()
    }

    /// The salt of a sealed body whose request has an idempotency key.
    pub(crate) fn request_salt(&self, idempotency: &[u8; 32], document: &[u8; 32]) -> [u8; 32] {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).request_salt(idempotency, document)
    }

    /// The key of the day, which is made and written if it is the first of its day.
    fn new_day(&self, day: u32) -> Result<DayKey, VaultFault> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = keys.days.iter().rev().find(|known| known.day == day) {
            return Ok(known.clone());
        }
        let new = DayKey::new(day, *random()?, random()?);
        keys.days.push(new.clone());
        let written = write(&keys_file(&self.dir), &self.key, Part::Keys, &keys.to_bytes());
        if written.is_err() {
            keys.days.pop();
        }
        written.map(|()| new)
    }
}

/// What decides about a private half.
pub(crate) fn life(kept: &KeptPrekey) -> Life {
    Life {
        purpose: Use(kept.purpose),
        begins_at: Time(kept.begins_ms),
        ends_at: Time(kept.ends_ms),
        linked_ms: kept.linked_ms,
    }
}

fn open_prekeys(
    dir: &Path,
    key: &VaultKey,
    bytes: &[u8],
    passphrase: &Passphrase,
) -> Result<Vec<KeptPrekey>, VaultFault> {
    let path = prekeys_file(dir);
    let damaged = |reason| VaultFault::Damaged { path: path.clone(), reason };
    // One of the two files may come from a backup.
    let own = match key.fits(bytes, Part::Prekeys) {
        true => None,
        false => Some(key_of(&path, bytes, Part::Prekeys, passphrase)?),
    };
    let content = own.as_ref().unwrap_or(key).open(Part::Prekeys, bytes).map_err(damaged)?;
    prekeys_from_bytes(&content).map_err(damaged)
}

fn key_of(path: &Path, bytes: &[u8], part: Part, passphrase: &Passphrase) -> Result<VaultKey, VaultFault> {
    let key = VaultKey::of_file(bytes, part, passphrase.as_bytes());
    key.map_err(|reason| VaultFault::Damaged { path: path.into(), reason })
}

fn new_key(dir: &Path, passphrase: &Passphrase, params: Params) -> Result<VaultKey, VaultFault> {
    let salt = random::<SALT_BYTES>()?;
    let key = VaultKey::derive(passphrase.as_bytes(), params, *salt);
    key.map_err(|reason| VaultFault::Damaged { path: keys_file(dir), reason })
}

fn new_keys(storage_key: Option<StorageKey>) -> Result<Keys, VaultFault> {
    let storage_key = match storage_key {
        Some(known) => known,
        None => StorageKey::from_bytes(&*random()?),
    };
    Ok(Keys::new(random()?, storage_key))
}

fn new_prekey(purpose: Use, now: Time) -> Result<KeptPrekey, VaultFault> {
    let life = rotation::life_of_new(purpose, now);
    let secret = PrekeySecret::from_seed(&*random()?);
    Ok(KeptPrekey {
        purpose: purpose.0,
        begins_ms: life.begins_at.0,
        ends_ms: life.ends_at.0,
        linked_ms: 0,
        secret,
    })
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, VaultFault> {
    match files::read(path, FILE_BYTES_MAX) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write(path: &Path, key: &VaultKey, part: Part, content: &[u8]) -> Result<(), VaultFault> {
    let nonce = random::<NONCE_BYTES>()?;
    Ok(files::write_private(path, &key.seal(part, content, *nonce))?)
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, VaultFault> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|e| VaultFault::Random(e.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
