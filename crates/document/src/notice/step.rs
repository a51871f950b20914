//! A **step** in the life of a notice or a diffusion, by its source or by a reviewer (kind 261).
//!
//! A step says what is done, to which record, and why in codes; it has no words, since all members read it and it is kept
//! longer than what it speaks of. What it comes to is decided by [`life`](crate::notice::life).

use crate::codes::{
    Code, NoticeCancellation, NoticeMissing, NoticeRefusal, NoticeStepKind, NoticeWithdrawal,
};
use crate::date::PartialDate;
use crate::form::{Reader, form};
use crate::items::{entries, text};
use crate::notice::life::{Version, What};
use crate::record_ref::RecordRef;
use crate::text::Line;
use crate::tree::Node;

form! {
    /// A step in the life of a notice or a diffusion.
    struct NoticeStep, rules step_rules {
        /// Record of the request or of the diffusion.
        required notice: RecordRef = "Notice";
        /// What is done.
        required step: Code<NoticeStepKind> = "Step";
        /// Record of the text that was read: the request, or a later text of it.
        optional version: RecordRef = "Text read";
        /// What a returned request lacks.
        list missing: Code<NoticeMissing> = "Missing";
        /// Why it is refused or suspended.
        optional refusal: Code<NoticeRefusal> = "Reason";
        /// Why its source cancels it.
        optional cancellation: Code<NoticeCancellation> = "Reason of the source";
        /// Why the reviewers withdraw it.
        optional withdrawal: Code<NoticeWithdrawal> = "Reason of the reviewers";
        /// Last day of its validity from now on.
        optional until: PartialDate = "Valid until";
        /// Why it is still needed. No personal data: all members read it.
        optional reason: Line = "Reason of renewal";
    }
}

/// What each step needs beside its name.
const NEEDS: [(&str, &[&str]); 8] = [
    ("approve", &["version"]),
    ("return", &["version", "missing"]),
    ("refuse", &["version", "refusal"]),
    ("suspend", &["refusal"]),
    ("reinstate", &[]),
    ("renew", &["until", "reason"]),
    ("cancel", &["cancellation"]),
    ("withdraw", &["withdrawal"]),
];

fn step_rules(form: &Node, reader: &mut Reader) {
    let Some(step) = text(form, "step") else { return };
    let Some((_, needs)) = NEEDS.iter().find(|(name, _)| *name == step) else { return };
    for field in *needs {
        let there = text(form, field).is_some() || !entries(form, field).is_empty();
        if !there {
            reader.error(
                form,
                field,
                format!("missing: a step \"{step}\" needs it"),
                format!("fill in {field}"),
            );
        }
    }
}

impl NoticeStep {
    /// What it does, as the life of a notice takes it; `None` if it lacks what such a step needs, or this version does not
    /// know the step.
    pub fn what(&self) -> Option<What> {
        let version = self.version.map(|record| Version(*record.0.as_bytes()));
        Some(match self.step.as_str() {
            "approve" => What::Attested { version: version? },
            "return" if !self.missing.is_empty() => {
                What::Returned { version: version?, missing: self.missing.clone() }
            }
            "refuse" => What::Refused { version: version?, reason: self.refusal.clone()? },
            "suspend" => What::Suspended { reason: self.refusal.clone()? },
            "reinstate" => What::Reinstated,
            "renew" => What::Renewed {
                until_ms: self.until.and_then(PartialDate::end_ms)?,
                reason: self.reason.clone()?,
            },
            "cancel" => What::Cancelled { reason: self.cancellation.clone()? },
            "withdraw" => What::Withdrawn { reason: self.withdrawal.clone()? },
            _ => return None,
        })
    }

    /// What it says in a few words: "voted to refuse: refugee". One of several reviewers decides nothing alone.
    pub fn summary(&self) -> String {
        let step = match self.step.as_str() {
            "approve" => "voted to approve",
            "refuse" => "voted to refuse",
            "withdraw" => "voted to withdraw",
            "reinstate" => "voted to reinstate",
            other => self.step.entry().map_or(other, |entry| entry.label("en")),
        };
        let reasons: Vec<&str> = (self.refusal.iter().map(Code::as_str))
            .chain(self.cancellation.iter().map(Code::as_str))
            .chain(self.withdrawal.iter().map(Code::as_str))
            .chain(self.missing.iter().map(Code::as_str))
            .collect();
        if reasons.is_empty() { step.to_owned() } else { format!("{step}: {}", reasons.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{CodeEntry, CodeList};

    #[test]
    fn every_step_of_the_list_says_what_it_needs() {
        assert_eq!(NoticeStepKind::NAME, "notice-step");
        let listed: Vec<_> = Code::<NoticeStepKind>::table().entries().iter().map(CodeEntry::code).collect();
        assert_eq!(listed, NEEDS.map(|(name, _)| name));
    }
}
