//! The keys of groups under which this bureau writes: what its forms close to some countries is sealed to all others at once.
//!
//! A group is a set of members. Its first record of a day makes a key and writes the record that brings it to them; those that
//! follow name that record. Nobody keeps the key longer: it is in the open vault, in memory alone, until it is not used any
//! more or the node is locked. After a start the next record makes another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ecomesh_protocol::author::header_to_seal;
use ecomesh_protocol::io::SealedTo;
use ecomesh_protocol::prekeys::{DAILY_GRACE_MS, Use};
use ecomesh_protocol::{AuthorError, Draft};
use ecomesh_record::limits::GROUP_MEMBERS_MAX;
use ecomesh_record::{Audience, Flags, Kind, MemberId, Priority, RecordId, Retention, Time};
use ecomesh_seal::envelope::group;
use ecomesh_seal::{ContentKey, Sealed, SealingError};
use thiserror::Error;

use super::seal::{random, sealed_draft};
use super::{Mail, NotSealed, SealedDraft};
use crate::core_thread::{CoreGone, CoreHandle};
use crate::vault::Locked;
use crate::views::{Chosen, Views};

/// For how long a key is used at the most.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The key of a group that is used now.
#[derive(Clone, Debug)]
pub(crate) struct GroupKey {
    /// The record that brings it to the members.
    record: RecordId,
    key: ContentKey,
    made_at: Time,
    /// It is not used from then on.
    until: Time,
    /// Members for whom no prekey of the day was known.
    lower_secrecy: Arc<[MemberId]>,
}

/// What a key is for: the members, and the class of what is written, as long as which the key record lives.
type Of = (Vec<MemberId>, Retention);

/// The keys that are used now. They are wiped with the vault that has them.
#[derive(Default)]
pub(crate) struct GroupKeys(Mutex<BTreeMap<Of, GroupKey>>);

/// Why there is no key for a group.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NoGroupKey {
    /// The key was not made.
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
    /// The record that brings it was not written.
    #[error(transparent)]
    Author(#[from] AuthorError),
    /// The node is stopping.
    #[error(transparent)]
    Core(#[from] CoreGone),
}

impl GroupKeys {
    fn current(&self, of: &Of, now: Time) -> Option<GroupKey> {
        // Nor before it was made: a clock that was set back must not use it for longer than its prekeys live.
        self.lock().get(of).filter(|key| (key.made_at..key.until).contains(&now)).cloned()
    }

    fn insert(&self, of: Of, key: GroupKey) {
        self.lock().insert(of, key);
    }

    /// Wipes what is not used any more.
    pub(crate) fn forget_ended(&self, now: Time) {
        self.lock().retain(|_, key| now < key.until);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Of, GroupKey>> {
        // A map is whole after every single call on it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mail {
    /// The key of the group of these members, for a record of this class that is written now. If there is none, it is made,
    /// and the record that brings it to the members is durable when this returns.
    ///
    /// # Errors
    /// [`NoGroupKey`].
    pub(crate) async fn group_key(
        self: &Arc<Self>,
        core: &CoreHandle,
        views: &Arc<RwLock<Views>>,
        members: &[MemberId],
        retention: Retention,
        now: Time,
    ) -> Result<GroupKey, NoGroupKey> {
        let of = (members.to_vec(), retention);
        let current = |mail: &Self| Ok::<_, Locked>(mail.vault()?.groups().current(&of, now));
        if let Some(key) = current(self).map_err(NotSealed::from)? {
            return Ok(key);
        }
        // Of many requests at once the first makes the key.
        let _one_makes_it = self.making_group.lock().await;
        if let Some(key) = current(self).map_err(NotSealed::from)? {
            return Ok(key);
        }
        let (mail, views, wanted) = (self.clone(), views.clone(), of.clone());
        let made = tokio::task::spawn_blocking(move || {
            let views = views.read().unwrap_or_else(PoisonError::into_inner);
            let choose = |member: &MemberId| views.prekey(*member, now);
            let chosen: Vec<_> = wanted.0.iter().map(choose).collect::<Result<_, _>>()?;
            drop(views);
            make(&mail, &wanted, chosen, now)
        });
        let (draft, made) = made.await.map_err(|_| CoreGone::Stopped)??;
        let record = core.author(draft).await??.id;
        let key = GroupKey { record, ..made };
        self.vault().map_err(NotSealed::from)?.groups().insert(of, key.clone());
        Ok(key)
    }
}

/// Makes a key, with the draft of the record that brings it; the id of that is still to come.
fn make(mail: &Mail, of: &Of, chosen: Vec<Chosen>, now: Time) -> Result<(Draft, GroupKey), NotSealed> {
    let (members, retention) = of;
    if members.len() > GROUP_MEMBERS_MAX {
        return Err(SealingError::Group(members.len()).into());
    }
    let draft = Draft {
        kind: Kind::GROUP_KEY,
        // Whatever waits for it may be urgent.
        priority: Priority::URGENT,
        to: Vec::new(),
        retention: *retention,
        expires_at: None,
        flags: Flags(0),
        content: Vec::new(),
        salt: *random()?,
        idempotency: None,
        sealed: None,
    };
    let lower_secrecy = members.iter().zip(&chosen).filter(|(_, one)| one.purpose != Use::DAILY);
    let lower_secrecy = lower_secrecy.map(|(member, _)| *member).collect();
    let until = until(&chosen, now);
    let header = header_to_seal(mail.own, &draft, now);
    let readers: Vec<_> = members.iter().copied().zip(chosen.into_iter().map(|one| one.prekey)).collect();
    let seed = random()?;
    let Sealed { header, content, key } = group::make(mail.network, header, &readers, &seed)?;
    let sealed =
        SealedTo { audience: Audience::Open, created_at: header.created_at, expires_at: header.expires_at };
    let draft = Draft { content, sealed: Some(sealed), ..draft };
    Ok((draft, GroupKey { record: RecordId::ZERO, key, made_at: now, until, lower_secrecy }))
}

/// A day; and no longer than each prekey could be chosen for a record of its own, so that nobody destroys one that is still
/// used.
fn until(chosen: &[Chosen], now: Time) -> Time {
    let last = |one: &Chosen| {
        let (_, ends_at) = one.life?;
        Some(if one.purpose == Use::DAILY { ends_at.after(DAILY_GRACE_MS) } else { ends_at })
    };
    chosen.iter().filter_map(last).fold(now.after(DAY_MS), Time::min)
}

/// Seals the content of an open draft to a group.
///
/// # Errors
/// [`NotSealed`].
pub(crate) fn seal_to_group(
    mail: &Mail,
    open: &Draft,
    now: Time,
    group: &GroupKey,
) -> Result<SealedDraft, NotSealed> {
    let header = header_to_seal(mail.own, open, now);
    let seed = random()?;
    let sealed = group::seal(mail.network, header, &open.content, group.record, &group.key, &seed)?;
    sealed_draft(mail, open, sealed, group.lower_secrecy.to_vec())
}

#[cfg(test)]
mod tests {
    use ecomesh_seal::PrekeySecret;

    use super::*;

    fn chosen(purpose: Use, ends_at: Option<u64>) -> Chosen {
        let prekey = PrekeySecret::from_seed(&[7; PrekeySecret::BYTES]).public().clone();
        Chosen { prekey, purpose, life: ends_at.map(|end| (Time(0), Time(end))), position: None }
    }

    #[test]
    fn a_key_is_used_for_a_day_and_while_its_prekeys_may_be_used() {
        let now = Time(100 * DAY_MS);
        let hour = DAY_MS / 24;
        assert_eq!(until(&[chosen(Use::FALLBACK, None)], now), now.after(DAY_MS));
        // One that ended five hours ago may be chosen for nineteen more.
        let ended = chosen(Use::DAILY, Some(now.0 - 5 * hour));
        let fresh = chosen(Use::DAILY, Some(now.0 + 20 * hour));
        assert_eq!(until(&[fresh.clone(), ended], now), now.after(19 * hour));
        assert_eq!(until(std::slice::from_ref(&fresh), now), now.after(DAY_MS));
        assert_eq!(until(&[fresh, chosen(Use::FALLBACK, Some(now.0 + hour))], now), now.after(hour));
    }

    #[test]
    fn what_has_ended_is_not_used_and_is_wiped() {
        let keys = GroupKeys::default();
        let of = (Vec::new(), Retention::YEARS_5);
        let key = GroupKey {
            record: RecordId::ZERO,
            key: ContentKey::from_bytes(&[1; 32]),
            made_at: Time(5),
            until: Time(10),
            lower_secrecy: Arc::default(),
        };
        keys.insert(of.clone(), key);
        assert!(keys.current(&of, Time(9)).is_some() && keys.current(&of, Time(10)).is_none());
        assert!(keys.current(&of, Time(4)).is_none(), "the clock was set back");
        assert!(keys.current(&(Vec::new(), Retention::DAYS_40), Time(9)).is_none());
        keys.forget_ended(Time(10));
        assert!(keys.lock().is_empty());
    }
}
