//! Sealed mail: what the node needs the vault for.
//!
//! * [`Mail`] opens what is sealed to this bureau, and knows what is still to be opened.
//! * `seal` seals a draft before the core sees it, off the core's thread.
//! * [`opener`] learns the content key of each record as soon as it is here, since its prekey is destroyed soon, and tells
//!   the author of what cannot be opened.
//! * [`keeper`] makes and publishes prekeys, and destroys their private halves.
//! * [`shredder`] destroys the content keys of bodies that were destroyed.

pub(crate) mod keeper;
pub(crate) mod opener;
mod seal;
pub(crate) mod shredder;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ecomesh_protocol::judge::Void;
use ecomesh_record::{Audience, Header, MemberId, NetworkId, Position, Record};
use ecomesh_seal::envelope::{self, Plaintext};
use ecomesh_seal::{ContentKey, OpenBodyError, PrekeyId};
use thiserror::Error;
use tokio::sync::Notify;

use crate::passphrase::Passphrase;
use crate::vault::{Kept, Locked, Safe, UnlockError, Vault};

pub(crate) use seal::{NotSealed, SealedDraft, seal};

/// Why a sealed document cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Closed {
    /// It is for others.
    #[error("it is sealed to others")]
    ToOthers,
    /// The private half of the prekey is not here any more.
    #[error("the key that it is sealed to is destroyed or lost; its sender is told, and can send it again")]
    PrekeyGone,
    /// An own document whose content key is not here any more.
    #[error("the key of this document is lost with an older vault; a backup of the vault would have it")]
    KeyLost,
    /// The vault is locked.
    #[error(transparent)]
    Locked(#[from] Locked),
    /// What is sealed does not open.
    #[error("{0}")]
    Wrong(#[from] OpenBodyError),
    /// The body is missing or damaged.
    #[error("the document is not here; it is being fetched")]
    NoBody,
}

/// The sealed mail of this bureau.
pub(crate) struct Mail {
    own: MemberId,
    network: NetworkId,
    safe: Arc<Safe>,
    /// Records to this bureau whose content key is not kept yet, with the prekeys that they name.
    unopened: Mutex<BTreeMap<Position, PrekeyId>>,
    news: Notify,
    /// Commitments to content keys of bodies that were destroyed: the keys go as well.
    condemned: Mutex<BTreeSet<[u8; 32]>>,
    /// There are new ones.
    sentence: Notify,
}

impl Mail {
    /// Without records.
    pub(crate) fn new(own: MemberId, network: NetworkId, vault: Vault) -> Self {
        Self {
            own,
            network,
            safe: Arc::new(Safe::new(vault)),
            unopened: Mutex::default(),
            news: Notify::new(),
            condemned: Mutex::default(),
            sentence: Notify::new(),
        }
    }

    /// The own member.
    pub(crate) fn own(&self) -> MemberId {
        self.own
    }

    /// What locks the vault.
    pub(crate) fn safe(&self) -> &Arc<Safe> {
        &self.safe
    }

    /// The vault, for as short as possible.
    ///
    /// # Errors
    /// [`Locked`].
    pub(crate) fn vault(&self) -> Result<Arc<Vault>, Locked> {
        self.safe.get()
    }

    /// Opens the vault again, and has what came meanwhile looked at. Call it where one may wait.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub(crate) fn unlock(&self, passphrase: &Passphrase) -> Result<(), UnlockError> {
        self.safe.unlock(passphrase)?;
        self.news.notify_one();
        self.sentence.notify_one();
        Ok(())
    }

    /// A record is durable here. What is void is not opened: nobody acts upon it.
    pub(crate) fn arrived(&self, header: &Header, verdict: Result<(), Void>) {
        let Some(prekey) = envelope::prekey_for(header, self.own).filter(|_| verdict.is_ok()) else { return };
        // Of a locked vault nobody knows; it is looked up once more when it is open.
        if !self.has_kept(header) {
            self.lock().insert(header.position(), prekey);
            self.news.notify_one();
        }
    }

    /// Whether the content key of a record was kept, as far as an open vault tells.
    fn has_kept(&self, header: &Header) -> bool {
        let knows = |commitment| self.vault().is_ok_and(|vault| vault.knows_content_key(commitment));
        commitment(header).is_some_and(knows)
    }

    /// The body of a record was destroyed: nobody opens it any more, and its content key goes too.
    pub(crate) fn destroyed(&self, header: &Header) {
        self.lock().remove(&header.position());
        let known = |known: &&[u8; 32]| self.vault().map_or(true, |vault| vault.knows_content_key(known));
        if let Some(commitment) = commitment(header).filter(known) {
            self.condemned().insert(*commitment);
            self.sentence.notify_one();
        }
    }

    /// The commitments to content keys that are to be destroyed.
    fn condemned(&self) -> MutexGuard<'_, BTreeSet<[u8; 32]>> {
        // A set is whole after every single call on it.
        self.condemned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A body that was missing is here.
    pub(crate) fn body_came(&self) {
        self.news.notify_one();
    }

    /// How many records are to be opened.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Whether a record that is here and not opened names this prekey.
    pub(crate) fn needs(&self, id: PrekeyId) -> bool {
        self.lock().values().any(|named| *named == id)
    }

    /// The document of a record, if it is sealed to this bureau or by it.
    pub(crate) fn open(&self, record: &Record) -> Result<Plaintext, Closed> {
        let content = record.body().ok_or(Closed::NoBody)?.content();
        let key = self.content_key(record)?;
        Ok(envelope::open(self.network, record.header(), content, &key)?)
    }

    /// The content key of a record: the one that was kept, else the one that the wrap brings.
    pub(crate) fn content_key(&self, record: &Record) -> Result<ContentKey, Closed> {
        let header = record.header();
        let commitment = commitment(header).ok_or(Closed::Wrong(OpenBodyError::NotSealed))?;
        let vault = self.vault()?;
        if let Some(key) = vault.content_key(commitment) {
            return Ok(key);
        }
        if header.author == self.own {
            return Err(Closed::KeyLost);
        }
        let prekey = envelope::prekey_for(header, self.own).ok_or(Closed::ToOthers)?;
        let kept = vault.prekey(prekey).ok_or(Closed::PrekeyGone)?;
        let content = record.body().ok_or(Closed::NoBody)?.content();
        Ok(envelope::unwrap(self.network, header, content, self.own, &kept.secret)?)
    }

    /// The next places of records that are to be opened.
    fn unopened(&self, after: Option<Position>, limit: usize) -> Vec<Position> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.lock().range((from, Bound::Unbounded)).take(limit).map(|(position, _)| *position).collect()
    }

    /// These need not be looked at again.
    fn done(&self, positions: &[Position]) {
        let mut unopened = self.lock();
        for position in positions {
            unopened.remove(position);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Position, PrekeyId>> {
        // A map is whole after every single call on it.
        self.unopened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a header says of its content key.
fn commitment(header: &Header) -> Option<&[u8; 32]> {
    match &header.audience {
        Audience::Sealed { key_commitment, .. } => Some(key_commitment),
        _ => None,
    }
}

fn kept(header: &Header, key: ContentKey) -> Option<Kept> {
    commitment(header).map(|commitment| Kept { key_commitment: *commitment, key })
}
