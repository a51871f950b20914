//! The vault of a running node, which an officer can lock.
//!
//! While it is locked nothing at this machine reads what was sealed to the bureau: the keys are wiped from memory, and
//! opening them takes the passphrase. The node goes on taking and giving records, which it can do without these keys;
//! what comes meanwhile is opened afterwards. A node that ends while it is locked is locked when it starts again, also if
//! it finds its passphrase by itself.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Mutex, MutexGuard, OwnedRwLockReadGuard, RwLock as AsyncRwLock};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Vault, VaultFault};
use crate::home::files;
use crate::passphrase::Passphrase;

/// How often it is looked whether somebody still holds what was locked away.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The vault is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this node is locked: its mail is closed until somebody gives the passphrase")]
pub(crate) struct Locked;

/// Somebody still holds a document, or a key of the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("locked, but what was begun before still holds documents in memory")]
pub(crate) struct StillInWork;

/// Why a vault stays locked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum UnlockError {
    /// It does not open.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// The one before is still in somebody's hands, and may be written.
    #[error(transparent)]
    StillInWork(#[from] StillInWork),
}

/// A vault that can be locked.
pub(crate) struct Safe {
    dir: PathBuf,
    vault: RwLock<Option<Arc<Vault>>>,
    /// The one that was locked away last, as long as somebody holds it.
    leaving: std::sync::Mutex<Weak<Vault>>,
    locked: AtomicBool,
    /// Held for reading by whoever shows or takes documents.
    in_use: Arc<AsyncRwLock<()>>,
    /// Held by whoever locks or unlocks it.
    changing: Mutex<()>,
}

/// Proof that documents may be held: [`Locking::let_go`] waits until it is dropped.
pub(crate) type InUse = OwnedRwLockReadGuard<()>;

impl Safe {
    /// With an open vault.
    pub(crate) fn new(vault: Vault) -> Self {
        Self {
            dir: vault.dir.clone(),
            vault: RwLock::new(Some(Arc::new(vault))),
            leaving: std::sync::Mutex::default(),
            locked: AtomicBool::new(false),
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
        self.locked.load(Ordering::SeqCst)
    }

    /// Leave to hold documents until the answer is dropped.
    ///
    /// # Errors
    /// [`Locked`].
    pub(crate) fn enter(&self) -> Result<InUse, Locked> {
        let entered = self.in_use.clone().try_read_owned().map_err(|_| Locked)?;
        if self.is_locked() { Err(Locked) } else { Ok(entered) }
    }

    /// Locks it: from now on nobody gets a key of the vault, or leave to hold documents. Who has either lets go of it
    /// soon; [`Locking::let_go`] waits for that. Nobody unlocks it before the answer is dropped.
    pub(crate) async fn lock(&self) -> Locking<'_> {
        let alone = self.changing.lock().await;
        let marked = files::write_private(&marker(&self.dir), b"");
        if let Err(error) = &marked {
            tracing::warn!(%error, "a restart of this node will open it");
        }
        self.locked.store(true, Ordering::SeqCst);
        let vault = self.vault.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(vault) = vault {
            *self.leaving() = Arc::downgrade(&vault);
        }
        Locking { safe: self, lasts: marked.is_ok(), _alone: alone }
    }

    /// Opens the vault again. Takes a quarter of a second on purpose (Argon2id); call it where one may wait.
    ///
    /// # Errors
    /// [`UnlockError`]; it stays locked.
    pub(crate) fn unlock(&self, passphrase: &Passphrase) -> Result<(), UnlockError> {
        let _alone = self.changing.blocking_lock();
        if !self.is_locked() {
            return Ok(());
        }
        if self.leaving().strong_count() > 0 {
            return Err(StillInWork.into());
        }
        let vault = Vault::reopen(&self.dir, passphrase)?;
        files::remove(&marker(&self.dir)).map_err(VaultFault::from)?;
        *self.vault.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(vault));
        self.locked.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn leaving(&self) -> std::sync::MutexGuard<'_, Weak<Vault>> {
        // It is replaced as a whole.
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A vault that is being locked.
pub(crate) struct Locking<'a> {
    safe: &'a Safe,
    /// Whether it stays locked when the node is started again.
    pub(crate) lasts: bool,
    _alone: MutexGuard<'a, ()>,
}

impl Locking<'_> {
    /// Waits, for so long at most, until nobody holds a key of the vault or a document.
    ///
    /// # Errors
    /// [`StillInWork`].
    pub(crate) async fn let_go(&self, within: Duration) -> Result<(), StillInWork> {
        let until = Instant::now() + within;
        drop(timeout_at(until, self.safe.in_use.write()).await.map_err(|_| StillInWork)?);
        while self.safe.leaving().strong_count() > 0 {
            if Instant::now() > until {
                return Err(StillInWork);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// Whether the node of this vault was locked when it ended.
pub(crate) fn was_locked(dir: &Path) -> Result<bool, VaultFault> {
    Ok(files::exists(&marker(dir))?)
}

fn marker(dir: &Path) -> PathBuf {
    dir.join("locked")
}
