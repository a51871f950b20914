//! The vault of a running node, which an officer can lock.
//!
//! While it is locked nothing at this machine reads what was sealed to the bureau: the keys are wiped from memory, and
//! opening them takes the passphrase. The node goes on taking and giving records, which it can do without these keys;
//! what comes meanwhile is opened afterwards.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock as AsyncRwLock, watch};
use tokio::time::{Instant, sleep, timeout};

use super::{Vault, VaultFault};
use crate::passphrase::Passphrase;

/// How long requests in work, and whoever looks at a key just now, may take to let go.
const LET_GO: Duration = Duration::from_secs(10);
/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The vault is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this node is locked: its mail is closed until somebody gives the passphrase")]
pub(crate) struct Locked;

/// Requests that hold documents did not end in time: the keys are gone, but what these hold is in memory still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("locked, but requests that were begun before still hold documents in memory")]
pub(crate) struct StillInWork;

/// A vault that can be locked.
pub(crate) struct Safe {
    dir: PathBuf,
    vault: RwLock<Option<Arc<Vault>>>,
    locked: watch::Sender<bool>,
    /// Held for reading by whoever shows or takes documents.
    in_use: Arc<AsyncRwLock<()>>,
    /// Held by whoever locks or unlocks it.
    changing: Mutex<()>,
}

/// Proof that documents may be held: locking waits until it is dropped.
pub(crate) type InUse = OwnedRwLockReadGuard<()>;

impl Safe {
    /// With an open vault.
    pub(crate) fn new(vault: Vault) -> Self {
        Self {
            dir: vault.dir.clone(),
            vault: RwLock::new(Some(Arc::new(vault))),
            locked: watch::Sender::new(false),
            in_use: Arc::default(),
            changing: Mutex::default(),
        }
    }

    /// The vault, for as short as possible.
    ///
    /// # Errors
    /// [`Locked`].
    pub(crate) fn get(&self) -> Result<Arc<Vault>, Locked> {
        self.vault.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Locked)
    }

    /// Whether it is locked.
    pub(crate) fn is_locked(&self) -> bool {
        *self.locked.borrow()
    }

    /// Returns when it is locked; for whoever must let go of documents then.
    pub(crate) async fn until_locked(&self) {
        // The sender is a field of this.
        let _ = self.locked.subscribe().wait_for(|locked| *locked).await;
    }

    /// Leave to hold documents until the answer is dropped.
    ///
    /// # Errors
    /// [`Locked`].
    pub(crate) fn enter(&self) -> Result<InUse, Locked> {
        let entered = self.in_use.clone().try_read_owned().map_err(|_| Locked)?;
        if self.is_locked() { Err(Locked) } else { Ok(entered) }
    }

    /// Locks it. When this returns, no key of the vault is in memory, and nobody holds a document.
    ///
    /// # Errors
    /// [`StillInWork`]; it is locked all the same.
    pub(crate) async fn lock(&self) -> Result<(), StillInWork> {
        let _alone = self.changing.lock().await;
        self.locked.send_replace(true);
        let until = Instant::now() + LET_GO;
        let left = timeout(LET_GO, self.in_use.clone().write_owned()).await;
        let vault = self.vault.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(vault) = vault {
            while Arc::strong_count(&vault) > 1 {
                if Instant::now() > until {
                    return Err(StillInWork);
                }
                sleep(LOOK_EVERY).await;
            }
        }
        left.map(drop).map_err(|_| StillInWork)
    }

    /// Opens the vault again. Takes a quarter of a second on purpose (Argon2id); call it where one may wait.
    ///
    /// # Errors
    /// [`VaultFault`]; it stays locked.
    pub(crate) fn unlock(&self, passphrase: &Passphrase) -> Result<(), VaultFault> {
        let _alone = self.changing.blocking_lock();
        if self.is_locked() {
            let vault = Vault::reopen(&self.dir, passphrase)?;
            *self.vault.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(vault));
            self.locked.send_replace(false);
        }
        Ok(())
    }
}
