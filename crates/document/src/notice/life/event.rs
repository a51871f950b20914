//! What happens to a notice: who did what, when.

use crate::codes::{Code, NoticeCancellation, NoticeMissing, NoticeRefusal, NoticeWithdrawal};
use crate::member::MemberCode;
use crate::text::Line;

/// Which text of a notice: the hash of its content, or the id of the record that carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(pub [u8; 32]);

/// Where an event stands among all others: by time, then author, then place in the author's log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// Milliseconds since 1970, UTC, as its author wrote them.
    pub when_ms: u64,
    /// Its author.
    pub who: MemberCode,
    /// Generation of the author's log.
    pub generation: u32,
    /// Its place in that log. Two events of an author never share generation and place.
    pub seq: u64,
}

/// An event. Its order is that of its position.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Event {
    /// Who and when.
    pub position: Position,
    /// What.
    pub what: What,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum What {
    /// The source asks for the notice.
    Requested {
        /// The text that it asks for.
        version: Version,
        /// End of validity, if the source wants less than five years: milliseconds since 1970.
        until_ms: Option<u64>,
    },
    /// The source gives a new text: it completes or corrects its request, or changes what is published.
    Revised {
        /// The new text.
        version: Version,
    },
    /// A reviewer returns an incomplete request.
    Returned {
        /// The text that was read.
        version: Version,
        /// What it lacks.
        missing: Vec<Code<NoticeMissing>>,
    },
    /// A reviewer refuses the request.
    Refused {
        /// The text that was read.
        version: Version,
        /// Why.
        reason: Code<NoticeRefusal>,
    },
    /// A reviewer has read the text and finds that it may be published.
    Attested {
        /// The text that was read.
        version: Version,
    },
    /// A reviewer hides the notice while doubts are studied.
    Suspended {
        /// What the doubts are about.
        reason: Code<NoticeRefusal>,
    },
    /// A reviewer finds the doubts answered.
    Reinstated,
    /// The source keeps its notice beyond its end.
    Renewed {
        /// Its new end, milliseconds since 1970.
        until_ms: u64,
        /// Why it is still needed.
        reason: Line,
    },
    /// The source takes its request or notice back.
    Cancelled {
        /// Why.
        reason: Code<NoticeCancellation>,
    },
    /// A reviewer finds that the notice must go.
    Withdrawn {
        /// Why.
        reason: Code<NoticeWithdrawal>,
    },
}

/// What was done, without its particulars: the rows of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// [`What::Requested`]
    Request,
    /// [`What::Revised`]
    Revise,
    /// [`What::Returned`]
    Return,
    /// [`What::Refused`]
    Refuse,
    /// [`What::Attested`]
    Attest,
    /// [`What::Suspended`]
    Suspend,
    /// [`What::Reinstated`]
    Reinstate,
    /// [`What::Renewed`]
    Renew,
    /// [`What::Cancelled`]
    Cancel,
    /// [`What::Withdrawn`]
    Withdraw,
}

impl What {
    /// The row of the table to which it belongs.
    pub fn step(&self) -> Step {
        match self {
            Self::Requested { .. } => Step::Request,
            Self::Revised { .. } => Step::Revise,
            Self::Returned { .. } => Step::Return,
            Self::Refused { .. } => Step::Refuse,
            Self::Attested { .. } => Step::Attest,
            Self::Suspended { .. } => Step::Suspend,
            Self::Reinstated => Step::Reinstate,
            Self::Renewed { .. } => Step::Renew,
            Self::Cancelled { .. } => Step::Cancel,
            Self::Withdrawn { .. } => Step::Withdraw,
        }
    }
}
