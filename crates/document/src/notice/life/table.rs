//! Who may do what, and when: the whole of it in one table.

use crate::notice::life::event::Step;
use crate::notice::rules;
use crate::rule::Rule;

/// Where a notice stands, without particulars.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// Not asked for.
    Nothing,
    /// Asked for, and under review.
    Requested,
    /// Returned as incomplete.
    Returned,
    /// Refused.
    Refused,
    /// Published.
    Published,
    /// Hidden while doubts are studied.
    Suspended,
    /// Taken back by its source.
    Cancelled,
    /// Taken away by the reviewers.
    Withdrawn,
}

/// Who does a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Who {
    /// The source: the member that asked for the notice, or asks for it now.
    Source,
    /// One reviewer, whose word alone is enough. Such steps hide, and can be undone.
    Reviewer,
    /// As many reviewers as the quorum: each casts a vote, and the last one that is needed decides.
    Quorum,
}

/// A line of the table.
#[derive(Debug)]
pub struct Row {
    /// What is done.
    pub step: Step,
    /// Who may do it.
    pub who: Who,
    /// Where the notice must stand.
    pub from: &'static [Phase],
}

/// Who may do what, and when. What is not in it may not be done.
pub const TABLE: &[Row] = &[
    Row { step: Step::Request, who: Who::Source, from: &[Phase::Nothing] },
    Row {
        step: Step::Revise,
        who: Who::Source,
        from: &[Phase::Requested, Phase::Returned, Phase::Published, Phase::Suspended],
    },
    Row { step: Step::Return, who: Who::Reviewer, from: &[Phase::Requested] },
    Row { step: Step::Refuse, who: Who::Quorum, from: &[Phase::Requested] },
    Row {
        step: Step::Attest,
        who: Who::Quorum,
        from: &[Phase::Requested, Phase::Published, Phase::Suspended],
    },
    Row { step: Step::Suspend, who: Who::Reviewer, from: &[Phase::Published] },
    Row { step: Step::Reinstate, who: Who::Quorum, from: &[Phase::Suspended] },
    Row { step: Step::Renew, who: Who::Source, from: &[Phase::Published, Phase::Suspended] },
    Row {
        step: Step::Cancel,
        who: Who::Source,
        from: &[Phase::Requested, Phase::Returned, Phase::Published, Phase::Suspended],
    },
    Row { step: Step::Withdraw, who: Who::Quorum, from: &[Phase::Published, Phase::Suspended] },
];

impl Row {
    /// The line of a step.
    pub(super) fn of(step: Step) -> Option<&'static Self> {
        TABLE.iter().find(|row| row.step == step)
    }
}

impl Who {
    /// The rule that somebody else breaks.
    pub(super) fn rule(self) -> &'static Rule {
        match self {
            Self::Source => &rules::LIFE_SOURCE_OWNS,
            Self::Reviewer | Self::Quorum => &rules::LIFE_REVIEW,
        }
    }
}
