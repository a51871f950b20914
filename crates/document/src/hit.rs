//! A **hit** (kind 264): somebody's search found another country's entry, notice or diffusion, and its source is told. It is
//! sealed to the source: who searched for whom is nobody else's business.
//!
//! A hit is intelligence and no proof: whoever searched asks the source whether it still holds before anything is done.

use crate::codes::{Code, SearchPurpose};
use crate::date::UtcTime;
use crate::form::{Count, form, no_rules};
use crate::record_ref::RecordRef;
use crate::text::{Line, Prose};

form! {
    /// A search of one country that found an entry, a notice or a diffusion of another.
    struct Hit, rules no_rules {
        /// Record of the entry, notice or diffusion that was found.
        required entry: RecordRef = "Entry or notice";
        /// Line of the entry, if the record is a batch.
        optional line: Count = "Line";
        /// Its reference, as its source wrote it.
        optional reference: Line = "Its reference";
        /// When it was found, in UTC.
        required found_at: UtcTime = "Found (UTC)";
        /// Why it was searched.
        required purpose: Code<SearchPurpose> = "Purpose";
        /// Who searched: name or number of the officer.
        required officer: Line = "Officer";
        /// Where, if the officer says so.
        optional place: Line = "Place";
        /// What was searched for, as it was typed.
        required query: Line = "Searched for";
        /// What else there is to say.
        optional remarks: Prose = "Remarks";
    }
}
