//! Opening the store. One that is damaged is set aside and refilled by the peers; everything else stops the start.

use std::path::PathBuf;

use ecomesh_protocol::{LedgerError, Roster};
use ecomesh_seal::StorageKey;
use ecomesh_store::{OpenError, SledLedger, open_or_create, set_aside};
use thiserror::Error;

use crate::clock;
use crate::config::StoreSettings;
use crate::home::Home;
use crate::sealing::Mail;
use crate::storage_key;
use crate::views::{self, Views};

/// An open store, and what the views need of it.
pub(crate) struct Storage {
    pub(crate) ledger: SledLedger,
    pub(crate) views: Views,
    /// Whether it is empty because it was made just now: peers refill it.
    pub(crate) fresh: bool,
    /// The key that it is under, with another one that older things may be under.
    pub(crate) key: StorageKey,
}

/// Why there is no store. The operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorageError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It opened and cannot be read, nor can a fresh one.
    #[error(transparent)]
    Read(#[from] LedgerError),
    /// It is damaged, and cannot be set aside.
    #[error(
        "the store {path} is damaged and cannot be set aside: {reason}; move the folder away and start again"
    )]
    SetAside {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// No randomness.
    #[error("the system gives no randomness: {0}")]
    Random(String),
}

/// Opens the store and reads it once, with the storage key, or with the second one beside it.
pub(crate) fn open(
    home: &Home,
    settings: &StoreSettings,
    roster: &Roster,
    mail: &Mail,
    key: &StorageKey,
    mut progress: impl FnMut(u64, u64),
) -> Result<Storage, StorageError> {
    let opened = try_open(home, settings, roster, mail, key, &mut progress);
    let reason = match &opened {
        Err(StorageError::Open(OpenError::Damaged { reason, .. }))
        | Err(StorageError::Read(LedgerError::Damaged(reason))) => reason.clone(),
        Err(StorageError::Open(OpenError::OtherKey(_))) => {
            "it was written with the storage key of a vault that was lost".to_owned()
        }
        _ => return opened,
    };
    let path = home.store_dir();
    let aside = set_aside(&path, clock::wall())
        .map_err(|e| StorageError::SetAside { path, reason: e.to_string() })?;
    tracing::error!(
        %reason, aside = %aside.display(),
        "the store cannot be used and is set aside; a fresh one is refilled from the peers"
    );
    try_open(home, settings, roster, mail, key, &mut progress)
}

fn try_open(
    home: &Home,
    settings: &StoreSettings,
    roster: &Roster,
    mail: &Mail,
    key: &StorageKey,
    progress: &mut impl FnMut(u64, u64),
) -> Result<Storage, StorageError> {
    let mut instance = [0; 16];
    getrandom::fill(&mut instance).map_err(|e| StorageError::Random(e.to_string()))?;
    let options = settings.options();
    let open =
        |key: &StorageKey| open_or_create(&home.store_dir(), roster.network(), instance, key, &options);
    let (opened, key) = storage_key::open_with(key, open)?;
    for note in &opened.notes {
        tracing::warn!("{note}");
    }
    let views = views::scan(&opened.ledger.reader(), roster, mail, progress)?;
    Ok(Storage { ledger: opened.ledger, views, fresh: opened.fresh, key })
}
