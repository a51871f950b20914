//! How an object went out of its owner's hands.

use crate::codes::{Code, LossKind};
use crate::date::PartialDate;
use crate::form::{form, no_rules};
use crate::notice::NoticePlace;
use crate::text::{Line, Prose};

form! {
    /// What happened, when and where. The database asks for it by a rule of its own.
    struct Loss, rules no_rules {
        /// Stolen, lost or otherwise.
        needed kind: Code<LossKind> = "What happened";
        /// When, as exactly as it is known.
        needed date: PartialDate = "Date";
        /// Where; its country above all.
        needed place: NoticePlace = "Place";
        /// Police to which it was reported, with its file number.
        recommended report: Line = "Reported to";
        /// Circumstances.
        optional circumstances: Prose = "Circumstances";
    }
}
