//! The source **withdraws** an entry (kind 263): from then on no look-up finds it.

use crate::codes::{Code, EntryWithdrawal};
use crate::form::{Count, form, no_rules};
use crate::record_ref::RecordRef;

form! {
    /// The withdrawal of an entry by its source.
    struct EntryStep, rules no_rules {
        /// Record of the entry.
        required entry: RecordRef = "Entry";
        /// Line of the entry, if the record is a batch: from 1.
        optional line: Count = "Line";
        /// Why it is withdrawn.
        required reason: Code<EntryWithdrawal> = "Reason";
    }
}
