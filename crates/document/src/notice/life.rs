//! The **life** of a notice: what stands, and what is shown, after any set of events.
//!
//! ```text
//!               return                suspend
//!  Nothing → Requested ⇄ Returned   Published ⇄ Suspended
//!               │  │ complete          │ reinstate  │
//!        refuse │  └── k attestations ─┘            │
//!               ▼                      ├─ new text, renew
//!            Refused                   ▼
//!                        Cancelled · Withdrawn · Expired
//! ```
//!
//! On a mesh there is no centre that publishes. A bureau writes the request; reviewers *attest* the version that they
//! have read; with `k` of `n` attestations of one version the notice is **published** ([`Review`]). What is not reviewed
//! is never shown as published, an update no more than a request: until it is attested, the version before stays
//! shown.
//!
//! **Whose order.** Events are ordered by their [`Position`]: the time that their author wrote into them, then the
//! author, then the place in the author's log. So the order of arrival means nothing, and every node that has the same
//! events has the same state. Whoever writes an event dates it after the one that it answers; one that is dated before
//! it has no effect, and is to be written again.
//!
//! **Who may do what** stands in one [table](TABLE). An event that breaks a rule has no effect and is kept with the
//! [rule](crate::rule::Rule) that it breaks ([`Ignored`]). No clock decides anything but expiry, for which the time of
//! asking is an argument.

mod event;
mod outlook;
mod review;
mod state;
mod table;

pub use event::{Event, Position, Step, Version, What};
pub use review::{Review, ReviewError};
pub use state::{Ignored, Life, Matter, Standing, State};
pub use table::{Phase, Row, TABLE, Who};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// How long a notice is valid, and by how much it is renewed at most: five years, in milliseconds.
pub const VALIDITY_MS: u64 = 1826 * DAY_MS;
/// How long before its end a notice can be renewed: six months, in milliseconds.
pub const RENEWAL_MS: u64 = 183 * DAY_MS;
