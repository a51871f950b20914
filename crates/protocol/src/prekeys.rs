//! Prekeys as their owners publish them, and which of them a sender takes (`docs/PROTOCOL.md`, section 24).
//!
//! A bureau publishes a **daily** prekey every day and a **fallback** every 25 days, each in a control record of its own
//! log: who shows two different ones at one place is a fork. The charter has a first fallback of each member, so that it
//! can be written to before its node has run.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::OnceLock;

use ecomesh_record::codec::{self, DecodeError, TooLarge};
use ecomesh_record::{MemberId, Position, Time};
use ecomesh_seal::{Prekey, PrekeyId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use thiserror::Error;

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// For how long a daily prekey is the prekey of its owner, in milliseconds.
pub const DAILY_MS: u64 = DAY_MS;
/// For how long a fallback may be used, in milliseconds: 60 days.
pub const FALLBACK_MS: u64 = 60 * DAY_MS;
/// So long after its end a daily prekey is still taken, in milliseconds: 24 hours.
pub const DAILY_GRACE_MS: u64 = DAY_MS;
/// Longest time from the begin of a prekey to its end, in milliseconds: 61 days.
pub const PREKEY_LIFE_MS_MAX: u64 = 61 * DAY_MS;
/// Longest content of a prekey record in bytes.
const ANNOUNCEMENT_BYTES_MAX: usize = 2 * 1024;
/// Published prekeys of each use that are remembered of a member: if the newest ones turn out to be disputed, an older one
/// is taken.
const KEPT: usize = 4;

/// What a prekey is for. Other values are carried, and nobody seals to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Use(pub u8);

impl Use {
    /// A day; destroyed soon after.
    pub const DAILY: Self = Self(1);
    /// For when no daily one is known. It lives longer, so that a thief of it can read more.
    pub const FALLBACK: Self = Self(2);
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::DAILY => f.pad("daily"),
            Self::FALLBACK => f.pad("fallback"),
            Self(other) => write!(f, "use {other}"),
        }
    }
}

/// The body of a prekey record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What it is for.
    pub purpose: Use,
    /// From when, by its owner's clock.
    pub begins_at: Time,
    /// Until when: after the begin, and at most 61 days after it.
    pub ends_at: Time,
    /// The public half, [`Prekey::BYTES`] long. Whether it protects anything is looked at by who seals to it.
    pub prekey: Vec<u8>,
}

/// Why a body is no announcement of a prekey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnnouncementError {
    /// The bytes do not decode.
    #[error("prekey record: {0}")]
    Bytes(#[from] DecodeError),
    /// The prekey has another length.
    #[error("prekey record: a prekey is {expected} bytes, not {0}", expected = Prekey::BYTES)]
    Length(usize),
    /// It ends before it begins, or too late.
    #[error("prekey record: a prekey ends after its begin, and at most 61 days after it")]
    Life,
}

#[derive(Serialize, Deserialize)]
struct AnnouncementWire(u8, u64, u64, ByteBuf);

impl Announcement {
    /// The content of the record's body.
    ///
    /// # Errors
    /// [`TooLarge`] for a prekey beyond 2 KiB.
    pub fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        let prekey = ByteBuf::from(self.prekey.as_slice());
        let wire = AnnouncementWire(self.purpose.0, self.begins_at.0, self.ends_at.0, prekey);
        codec::encode(&wire, ANNOUNCEMENT_BYTES_MAX)
    }

    /// Reads the content of the body of a prekey record.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(content: &[u8]) -> Result<Self, AnnouncementError> {
        let AnnouncementWire(purpose, begins, ends, prekey) = codec::decode(content, ANNOUNCEMENT_BYTES_MAX)?;
        if prekey.len() != Prekey::BYTES {
            return Err(AnnouncementError::Length(prekey.len()));
        }
        let lives = begins < ends && ends - begins <= PREKEY_LIFE_MS_MAX;
        if !lives {
            return Err(AnnouncementError::Life);
        }
        let (begins_at, ends_at) = (Time(begins), Time(ends));
        Ok(Self { purpose: Use(purpose), begins_at, ends_at, prekey: prekey.into_vec() })
    }
}

/// A prekey that its owner has published.
#[derive(Debug)]
pub struct Published {
    /// Where its record stands; `None` for the one of the charter.
    pub position: Option<Position>,
    /// What it is for.
    pub purpose: Use,
    /// From when; 0 for the one of the charter.
    pub begins_at: Time,
    /// Until when; the one of the charter is used as long as its owner has published no other fallback.
    pub ends_at: Time,
    bytes: Vec<u8>,
    /// Expanding a key costs more than all else that a sender does with it, and most are never used.
    prekey: OnceLock<Option<Prekey>>,
}

impl Published {
    fn new(position: Option<Position>, announcement: Announcement) -> Self {
        let Announcement { purpose, begins_at, ends_at, prekey: bytes } = announcement;
        Self { position, purpose, begins_at, ends_at, bytes, prekey: OnceLock::new() }
    }

    /// The prekey; nothing if it protects nothing.
    pub fn prekey(&self) -> Option<&Prekey> {
        self.prekey.get_or_init(|| Prekey::admit(&self.bytes).ok()).as_ref()
    }

    /// Its id, whether or not it protects anything.
    pub fn id(&self) -> Option<PrekeyId> {
        PrekeyId::of_bytes(&self.bytes)
    }
}

/// Why nothing can be sealed to a member now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoPrekey {
    /// It has never published one.
    #[error("{0} has published no prekey yet")]
    None(MemberId),
    /// The last one that is known has ended.
    #[error("the last prekey of {0} that is known here has ended")]
    Ended(MemberId),
}

/// The newest prekeys of all members.
#[derive(Debug, Default)]
pub struct Directory {
    members: BTreeMap<MemberId, Known>,
}

#[derive(Debug, Default)]
struct Known {
    first: Option<Published>,
    /// By position, the newest last.
    daily: VecDeque<Published>,
    fallback: VecDeque<Published>,
}

impl Directory {
    /// Takes a member's first fallback, from the charter. An empty one is none.
    pub fn first(&mut self, member: MemberId, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (begins_at, ends_at) = (Time(0), Time(u64::MAX));
        let first = Announcement { purpose: Use::FALLBACK, begins_at, ends_at, prekey: bytes.to_vec() };
        self.members.entry(member).or_default().first = Some(Published::new(None, first));
    }

    /// Takes what a member has announced in a record that is by the rules.
    pub fn insert(&mut self, position: Position, announcement: Announcement) {
        let known = self.members.entry(position.log.author).or_default();
        let list = match announcement.purpose {
            Use::DAILY => &mut known.daily,
            Use::FALLBACK => &mut known.fallback,
            _ => return,
        };
        let place = list.partition_point(|other| other.position < Some(position));
        if list.get(place).is_some_and(|other| other.position == Some(position)) {
            return;
        }
        list.insert(place, Published::new(Some(position), announcement));
        if list.len() > KEPT {
            list.pop_front();
        }
    }

    /// The prekey to which a sender seals at this time: the newest daily one whose day ended less than 24 hours ago,
    /// else the newest fallback that has not ended, else the charter's, if the owner has published no other fallback: it
    /// makes one before it destroys that. What is disputed is left out, and so is what protects nothing.
    ///
    /// # Errors
    /// [`NoPrekey`].
    pub fn choose(
        &self,
        member: MemberId,
        now: Time,
        is_disputed: impl Fn(Position) -> bool,
    ) -> Result<&Published, NoPrekey> {
        let known = self.members.get(&member).ok_or(NoPrekey::None(member))?;
        let good = |one: &&Published| !one.position.is_some_and(&is_disputed) && one.prekey().is_some();
        let daily = known.daily.iter().rev().find(good);
        if let Some(daily) = daily.filter(|daily| now < daily.ends_at.after(DAILY_GRACE_MS)) {
            return Ok(daily);
        }
        let mut published = known.fallback.iter().rev().filter(good).peekable();
        let first = if published.peek().is_none() { known.first.as_ref().filter(good) } else { None };
        let has_none = published.peek().is_none() && first.is_none();
        // A clock that was behind may have published one that had ended: it hides no other.
        match published.chain(first).find(|fallback| now < fallback.ends_at) {
            Some(fallback) => Ok(fallback),
            None if has_none && daily.is_none() => Err(NoPrekey::None(member)),
            None => Err(NoPrekey::Ended(member)),
        }
    }

    /// What is remembered of a member: the charter's, fallbacks and daily ones, each oldest first.
    pub fn of(&self, member: MemberId) -> impl Iterator<Item = &Published> {
        let known = self.members.get(&member).into_iter();
        known.flat_map(|known| known.first.iter().chain(&known.fallback).chain(&known.daily))
    }
}
