//! What can still become of a notice: who decides on the text that waits, and who can take which step.

use crate::member::MemberCode;
use crate::notice::life::event::{Position, Step};
use crate::notice::life::review::Review;
use crate::notice::life::state::{Life, Matter, State, may_renew};

/// The steps that people take on what is there, as they are told.
const STEPS: [Step; 9] = [
    Step::Attest,
    Step::Return,
    Step::Refuse,
    Step::Suspend,
    Step::Reinstate,
    Step::Withdraw,
    Step::Revise,
    Step::Renew,
    Step::Cancel,
];

impl Review {
    /// Who may review what a member asks for: nobody reviews his own, unless the charter allows it.
    pub fn reviewers_for<'r>(&'r self, source: &'r MemberCode) -> impl Iterator<Item = &'r MemberCode> {
        self.reviewers().filter(move |reviewer| self.allows_own_review() || *reviewer != source)
    }
}

impl Life {
    /// The reviewers that have not decided yet on the text that waits, and may. Each decides once on a text, so a text for which
    /// these and those who have approved it are fewer than the quorum will never be approved.
    pub fn awaited(&self, state: &State) -> Vec<&MemberCode> {
        let Some(version) = state.pending() else { return Vec::new() };
        let undecided = |reviewer: &&MemberCode| !state.has_voted(Matter::Version(version), reviewer);
        self.review().reviewers_for(self.source()).filter(undecided).collect()
    }

    /// The steps that a member could take at a time.
    pub fn open_steps(&self, who: &MemberCode, when_ms: u64) -> Vec<Step> {
        let fold = self.fold(|_| false);
        let position = Position { when_ms, who: who.clone(), generation: u32::MAX, seq: u64::MAX };
        let is_open = |step: &Step| {
            fold.allow(*step, &position).is_ok() && self.has_matter(&fold.state, *step, who, when_ms)
        };
        STEPS.into_iter().filter(is_open).collect()
    }

    /// Whether there is something to decide that the member has not decided.
    fn has_matter(&self, state: &State, step: Step, who: &MemberCode, when_ms: u64) -> bool {
        let undecided = |matter| !state.has_voted(matter, who);
        match step {
            Step::Attest => state.pending().is_some_and(|version| undecided(Matter::Version(version))),
            Step::Refuse => state.pending().is_some_and(|version| undecided(self.refusal_of(version))),
            Step::Reinstate => undecided(Matter::Suspension),
            Step::Withdraw => undecided(Matter::Withdrawal),
            Step::Renew => state.expires_ms().is_some_and(|end| may_renew(end, when_ms)),
            Step::Request | Step::Revise | Step::Return | Step::Suspend | Step::Cancel => true,
        }
    }
}
