//! Sealed mail: what the node needs the vault for.
//!
//! * [`Mail`] opens what is sealed to this bureau, and knows what is still to be opened.
//! * `seal` seals a draft before the core sees it, off the core's thread; [`group`] to more members than a header names.
//! * [`opener`] learns the content key of each record as soon as it is here, since its prekey is destroyed soon, and tells
//!   the author of what cannot be opened.
//! * [`keeper`] makes and publishes prekeys, and destroys their private halves.
//! * [`shredder`] destroys the content keys of bodies that were destroyed.

pub(crate) mod group;
pub(crate) mod keeper;
pub(crate) mod opener;
mod seal;
pub(crate) mod shredder;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ecomesh_protocol::judge::Void;
use ecomesh_record::{Audience, Header, Kind, MemberId, NetworkId, Position, Record, RecordId};
use ecomesh_seal::envelope::group::{Group, check_key_record};
use ecomesh_seal::envelope::{self, Plaintext};
use ecomesh_seal::{ContentKey, OpenBodyError, PrekeyId};
use ecomesh_store::LedgerReader;
use thiserror::Error;
use tokio::sync::Notify;

use crate::passphrase::Passphrase;
use crate::vault::{Kept, Locked, Safe, UnlockError, Vault};

pub(crate) use group::seal_to_group;
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
    /// It is sealed to a group, and the record with the group's key is missing, or its body is.
    #[error("the record with the key of its group is not here yet; it is being fetched")]
    NoGroupKey,
}

/// A record whose body was destroyed. Its header says which content key it had, and could say another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Condemned {
    key_commitment: [u8; 32],
    core: [u8; 32],
}

/// How a record that is not opened yet will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// With this prekey.
    Prekey(PrekeyId),
    /// With the key of a group; whether this bureau is of it, and by which prekey, stands in a record that is to be read.
    Group,
}

/// The members of a group, and the prekeys by which they get its key.
pub(crate) type Members = [(MemberId, PrekeyId)];

/// Groups whose members are remembered: 6 KiB each at the most.
const GROUPS_MAX: usize = 256;

/// What came of the keys of groups, by author and key record, for as long as many records are looked at at once.
pub(crate) type Unwrapped = BTreeMap<(MemberId, RecordId), Result<ContentKey, Closed>>;

/// The sealed mail of this bureau.
pub(crate) struct Mail {
    own: MemberId,
    network: NetworkId,
    safe: Arc<Safe>,
    /// Where the records with the keys of groups are read; set once the store is open.
    reader: OnceLock<LedgerReader>,
    /// Members of groups, by author and key record: a listing asks for them row by row, and nearly always for the same.
    groups: Mutex<BTreeMap<(MemberId, RecordId), Arc<Members>>>,
    /// Held by whoever makes the key of a group.
    making_group: tokio::sync::Mutex<()>,
    /// Records that may be to this bureau and whose content key is not kept yet.
    unopened: Mutex<BTreeMap<Position, Wanted>>,
    /// Those that are sealed to a group whose key record is not here, by that record: it may never come.
    parked: Mutex<BTreeMap<RecordId, BTreeSet<Position>>>,
    news: Notify,
    /// Bodies that were destroyed: their content keys go as well.
    condemned: Mutex<BTreeSet<Condemned>>,
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
            reader: OnceLock::new(),
            groups: Mutex::default(),
            making_group: tokio::sync::Mutex::default(),
            unopened: Mutex::default(),
            parked: Mutex::default(),
            news: Notify::new(),
            condemned: Mutex::default(),
            sentence: Notify::new(),
        }
    }

    /// From now on the keys of groups can be read.
    pub(crate) fn read_from(&self, reader: LedgerReader) {
        // There is one store; a second call would bring the same.
        let _ = self.reader.set(reader);
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
    pub(crate) fn arrived(&self, record: &Record, verdict: Result<(), Void>) {
        let header = record.header();
        if verdict.is_err() {
            return;
        }
        if header.kind == Kind::GROUP_KEY {
            self.unpark(record.id());
        }
        let wanted = match header.audience {
            Audience::Group { .. } if header.author != self.own => Some(Wanted::Group),
            _ => envelope::prekey_for(header, self.own).map(Wanted::Prekey),
        };
        // Of a locked vault nobody knows; it is looked up once more when it is open.
        let Some(wanted) = wanted.filter(|_| !self.has_kept(header)) else { return };
        if let Some(key_record) = header.audience.key_record().filter(|id| !self.has(*id)) {
            self.parked().entry(key_record).or_default().insert(header.position());
            return;
        }
        self.lock().insert(header.position(), wanted);
        self.news.notify_one();
    }

    /// A key record is here: what waited for it can be opened.
    fn unpark(&self, key_record: RecordId) {
        let Some(positions) = self.parked().remove(&key_record) else { return };
        self.lock().extend(positions.into_iter().map(|position| (position, Wanted::Group)));
        self.news.notify_one();
    }

    fn parked(&self) -> MutexGuard<'_, BTreeMap<RecordId, BTreeSet<Position>>> {
        // A map is whole after every single call on it.
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the content key of a record was kept, as far as an open vault tells.
    fn has_kept(&self, header: &Header) -> bool {
        let knows = |commitment| self.vault().is_ok_and(|vault| vault.knows_content_key(commitment));
        header.audience.key_commitment().is_some_and(knows)
    }

    /// The body of a record was destroyed: nobody opens it any more, and its content key goes too.
    pub(crate) fn destroyed(&self, header: &Header) {
        self.lock().remove(&header.position());
        if let Some(key_record) = header.audience.key_record() {
            let mut parked = self.parked();
            if let Some(positions) = parked.get_mut(&key_record) {
                positions.remove(&header.position());
                if positions.is_empty() {
                    parked.remove(&key_record);
                }
            }
        }
        let known = |known: &&[u8; 32]| self.vault().map_or(true, |vault| vault.knows_content_key(known));
        if let Some(commitment) = header.audience.key_commitment().filter(known) {
            let core = header.core_hash(self.network);
            self.condemned().insert(Condemned { key_commitment: *commitment, core });
            self.sentence.notify_one();
        }
    }

    /// The records whose content keys are to be destroyed.
    fn condemned(&self) -> MutexGuard<'_, BTreeSet<Condemned>> {
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

    /// Whether a record that is here and not opened names this prekey, or the key record of its group may do so. One whose key
    /// record is not here needs nothing: whoever writes it could name any, and keep all prekeys alive.
    pub(crate) fn needs(&self, id: PrekeyId) -> bool {
        self.lock().values().any(|wanted| matches!(wanted, Wanted::Group) || *wanted == Wanted::Prekey(id))
    }

    /// Whether a record is here.
    pub(crate) fn has(&self, id: RecordId) -> bool {
        let found = self.reader.get().map(|reader| reader.find(id));
        matches!(found, Some(Ok(Some(_))))
    }

    /// The document of a record, if it is sealed to this bureau or by it.
    pub(crate) fn open(&self, record: &Record) -> Result<Plaintext, Closed> {
        self.open_with(record, &mut Unwrapped::new())
    }

    /// The same, of one record of many: the keys of groups are unwrapped once.
    pub(crate) fn open_with(&self, record: &Record, unwrapped: &mut Unwrapped) -> Result<Plaintext, Closed> {
        let content = record.body().ok_or(Closed::NoBody)?.content();
        let key = self.content_key_with(record, unwrapped)?;
        Ok(envelope::open(self.network, record.header(), content, &key)?)
    }

    /// The content key of a record: the one that was kept, else the one that the wrap brings.
    pub(crate) fn content_key(&self, record: &Record) -> Result<ContentKey, Closed> {
        self.content_key_with(record, &mut Unwrapped::new())
    }

    /// The same, for one record of many: the keys of groups are unwrapped once.
    pub(crate) fn content_key_with(
        &self,
        record: &Record,
        unwrapped: &mut Unwrapped,
    ) -> Result<ContentKey, Closed> {
        let header = record.header();
        let commitment = header.audience.key_commitment().ok_or(Closed::Wrong(OpenBodyError::NotSealed))?;
        let vault = self.vault()?;
        if let Some(key) = vault.content_key(commitment) {
            return Ok(key);
        }
        if header.author == self.own {
            return Err(Closed::KeyLost);
        }
        if let Audience::Group { key_record, .. } = &header.audience {
            let content = record.body().ok_or(Closed::NoBody)?.content();
            let name = (header.author, *key_record);
            let known = unwrapped.get(&name).cloned();
            let key = known.unwrap_or_else(|| self.unwrap_group_key(header, &vault));
            // What is missing may be here the next time; all else stays as it is.
            if !matches!(key, Err(Closed::NoGroupKey)) {
                unwrapped.insert(name, key.clone());
            }
            return Ok(envelope::group::unwrap(self.network, header, content, &key?)?);
        }
        let prekey = envelope::prekey_for(header, self.own).ok_or(Closed::ToOthers)?;
        let kept = vault.prekey(prekey).ok_or(Closed::PrekeyGone)?;
        let content = record.body().ok_or(Closed::NoBody)?.content();
        Ok(envelope::unwrap(self.network, header, content, self.own, &kept.secret)?)
    }

    fn unwrap_group_key(&self, header: &Header, vault: &Vault) -> Result<ContentKey, Closed> {
        let record = self.key_record(header)?;
        let group = group_of(&record)?;
        let prekey = group.prekey_for(self.own).ok_or(Closed::ToOthers)?;
        let kept = vault.prekey(prekey).ok_or(Closed::PrekeyGone)?;
        Ok(group.unwrap(self.network, record.header(), self.own, &kept.secret)?)
    }

    /// The members of the group to which a record is sealed, without its author, and the prekeys by which they get its key.
    ///
    /// # Errors
    /// [`Closed::NoGroupKey`] while that is not known; [`Closed::ToOthers`] if nobody is of it.
    pub(crate) fn group_members(&self, header: &Header) -> Result<Arc<Members>, Closed> {
        let key_record = header.audience.key_record().ok_or(Closed::ToOthers)?;
        let name = (header.author, key_record);
        if let Some(known) = self.groups().get(&name) {
            return Ok(known.clone());
        }
        let members: Arc<Members> = group_of(&self.key_record(header)?)?.members().into();
        let mut groups = self.groups();
        if groups.len() >= GROUPS_MAX {
            groups.clear();
        }
        groups.insert(name, members.clone());
        Ok(members)
    }

    /// Whether a record is sealed to a group of which this member is known not to be.
    pub(crate) fn is_closed_to(&self, header: &Header, member: MemberId) -> bool {
        let members = || self.group_members(header);
        header.author != member
            && members().is_ok_and(|members| members.iter().all(|(reader, _)| *reader != member))
    }

    /// Whether this bureau may read what has this header: it is its own, open, or sealed to a group that it belongs to. If the
    /// group is not known, it is for others.
    pub(crate) fn is_for_us(&self, header: &Header) -> bool {
        let own = self.own();
        header.author == own
            || !header.audience.is_closed()
            || header.to.contains(&own)
            || self
                .group_members(header)
                .is_ok_and(|members| members.iter().any(|(reader, _)| *reader == own))
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<(MemberId, RecordId), Arc<Members>>> {
        // A map is whole after every single call on it.
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record with the key of the group to which a record with this header is sealed. If it names none, or one of
    /// another author, nobody can tell for whom it is meant: it is for others.
    fn key_record(&self, header: &Header) -> Result<Record, Closed> {
        let Audience::Group { key_record, .. } = &header.audience else { return Err(Closed::ToOthers) };
        let reader = self.reader.get().ok_or(Closed::NoGroupKey)?;
        // What the store cannot read now is read later, or fetched again.
        let position = reader.find(*key_record).ok().flatten().ok_or(Closed::NoGroupKey)?;
        let record = reader.record(position).ok().flatten().ok_or(Closed::NoGroupKey)?;
        check_key_record(header, record.header()).map_err(|_| Closed::ToOthers)?;
        match record.body() {
            Some(_) => Ok(record),
            // It was erased, or has expired: nobody will have it.
            None if reader.is_excused(position) => Err(Closed::ToOthers),
            None => Err(Closed::NoGroupKey),
        }
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

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Position, Wanted>> {
        // A map is whole after every single call on it.
        self.unopened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The group whose key a record brings.
fn group_of(record: &Record) -> Result<Group<'_>, Closed> {
    let body = record.body().ok_or(Closed::NoGroupKey)?;
    Group::decode(body.content()).map_err(|_| Closed::ToOthers)
}

fn kept(header: &Header, key: ContentKey) -> Option<Kept> {
    header.audience.key_commitment().map(|commitment| Kept { key_commitment: *commitment, key })
}

#[cfg(test)]
mod tests;
