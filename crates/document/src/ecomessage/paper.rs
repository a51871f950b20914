//! Section 10: documents that were used, and what was declared against what was found.

use crate::codes::{Code, Country, PaperKind, PaperStatus};
use crate::date::PartialDate;
use crate::form::{form, no_rules};
use crate::text::{Line, Prose};

form! {
    /// A document that was used. Numbers of permits are not unique: they are never a key.
    struct Paper, rules no_rules {
        /// Kind of document.
        required kind: Code<PaperKind> = "Kind";
        /// Genuine, forged, altered, fraudulently obtained, missing, …
        required status: Code<PaperStatus> = "Status";
        /// Its number.
        optional number: Line = "Number";
        /// Authority that issued it, or is said to have.
        optional issued_by: Line = "Issued by";
        /// Country of that authority.
        optional country: Code<Country> = "Country";
        /// Date of issue.
        optional date: PartialDate = "Date";
        /// What is wrong with it.
        optional remarks: Prose = "Remarks";
    }

    /// Goods declared and goods found.
    struct Goods, rules no_rules {
        /// Goods as declared.
        recommended declared: Line = "Declared";
        /// Goods as found.
        recommended found: Line = "Found";
    }
}
