//! When a bureau makes new prekeys, and when the private half of an old one is destroyed (`docs/PROTOCOL.md`,
//! section 24).
//!
//! What was captured on the way can be opened by who takes the private half, so it goes as soon as it is not needed. But
//! mail that is still on its way needs it: a bureau that was away must first have caught up.

use ecomesh_record::Time;

use crate::prekeys::{DAILY_MS, FALLBACK_MS, Use};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// A new fallback is made when the newest is so old, in milliseconds: 25 days.
pub const FALLBACK_EVERY_MS: u64 = 25 * DAY_MS;
/// Senders may use a prekey until so long after its end, and what they sent is on its way then: 48 hours.
pub const GRACE_MS: u64 = 2 * DAY_MS;
/// After so much time with links since its end and the grace, in milliseconds, a private half is destroyed although not
/// all conditions are met: 7 days. Time without links does not count.
pub const LINKED_MS_MAX: u64 = 7 * DAY_MS;

/// What decides about a private half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// What it is for.
    pub purpose: Use,
    /// From when it is used.
    pub begins_at: Time,
    /// Until when.
    pub ends_at: Time,
    /// For how many milliseconds the node has had links since the grace was over, by its monotonic clock; see [`is_over`].
    pub linked_ms: u64,
}

/// How things stand at the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The lower of the own clock and the median of the others' clocks; `None` without that median. One wrong clock
    /// destroys nothing.
    pub agreed: Option<Time>,
    /// Members from which the node has all that they have said they hold since the grace was over.
    pub synced_with: usize,
    /// Other members of the network.
    pub others: usize,
    /// Whether every record that is here and names the prekey was opened, or answered.
    pub all_opened: bool,
}

/// Why a private half is kept, or that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has not ended.
    InUse,
    /// It has ended, and mail to it may be on its way until this time.
    Grace(Time),
    /// The node must first have all that so many members hold.
    NotSynced {
        /// How many it has caught up with.
        with: usize,
        /// How many it must.
        of: usize,
    },
    /// Mail that is here must first be opened.
    Unopened,
    /// It is not needed any more.
    Destroy,
}

/// How many members a node must have caught up with before it destroys anything.
pub fn sync_quorum(others: usize) -> usize {
    // n is all members with the own one: max(1, (n - 1) / 3 + 1), and never more than there are.
    (others / 3 + 1).min(others)
}

/// Whether the end of a prekey and the grace after it are over, by [`Standing::agreed`]. Only then does time with links
/// count: by the own clock alone a node whose clock has run ahead would after a week destroy what is in use.
pub fn is_over(life: &Life, agreed: Option<Time>) -> bool {
    agreed.is_some_and(|agreed| agreed >= life.ends_at.after(GRACE_MS))
}

/// Decides about a private half.
pub fn fate(life: &Life, standing: &Standing) -> Fate {
    let over = life.ends_at.after(GRACE_MS);
    if life.linked_ms >= LINKED_MS_MAX {
        return Fate::Destroy;
    }
    match standing.agreed {
        None => return Fate::Grace(over),
        Some(now) if now < life.ends_at => return Fate::InUse,
        Some(now) if now < over => return Fate::Grace(over),
        Some(_) => {}
    }
    let of = sync_quorum(standing.others);
    if standing.synced_with < of {
        return Fate::NotSynced { with: standing.synced_with, of };
    }
    if standing.all_opened { Fate::Destroy } else { Fate::Unopened }
}

/// Whether a new prekey for this use is due, given the begins and ends of those that the bureau has, in the order in which
/// they were made: the last one counts, since the others seal to that. A begin need not be the latest one: a clock may
/// have run ahead, or behind.
pub fn is_due(purpose: Use, lives: &[Life], now: Time) -> bool {
    let Some(last) = lives.iter().rfind(|life| life.purpose == purpose) else { return true };
    match purpose {
        // One that begins after now was made by a clock that ran ahead.
        Use::DAILY => now >= last.ends_at || last.begins_at > now.after(DAILY_MS),
        _ => now.since(last.begins_at) >= FALLBACK_EVERY_MS || last.begins_at > now.after(FALLBACK_MS),
    }
}

/// Begin and end of a prekey that is made now.
pub fn life_of_new(purpose: Use, now: Time) -> Life {
    let length = if purpose == Use::DAILY { DAILY_MS } else { FALLBACK_MS };
    Life { purpose, begins_at: now, ends_at: now.after(length), linked_ms: 0 }
}
