//! Sections 1 and 2: what it is about, and which law it breaks.

use crate::codes::{CaseStatus, Code, Convention, Family, Offence};
use crate::form::{form, no_rules};
use crate::text::{Line, Prose};

form! {
    /// What the message is about.
    struct Subject, rules no_rules {
        /// Family of crime.
        required family: Code<Family> = "Family";
        /// Title in a few words, as inboxes show it: what, how much, where, when.
        recommended title: Line = "Title";
        /// Project to which it belongs: Predator, Wisdom, Leaf, Scale, Eden, …
        optional project: Line = "Project";
        /// Operation in which it was found: Thunder 2024, 30 Days at Sea, …
        optional operation: Line = "Operation";
    }

    /// Which law is broken and where the case stands.
    struct Legal, rules no_rules {
        /// The offence in national terms.
        required offence: Prose = "Offence";
        /// The kinds of offence, by code.
        list offence_codes: Code<Offence> = "Kind of offence";
        /// Laws and articles infringed, one entry each.
        list laws: LawReference = "Law infringed";
        /// Highest penalty that the law sets for it.
        optional maximum_penalty: Line = "Maximum penalty";
        /// International instruments that it touches: CITES, Basel, Montreal, MARPOL, one entry each.
        list instruments: InstrumentReference = "International instrument";
        /// Where the case stands.
        optional case_status: Code<CaseStatus> = "Case status";
        /// National file number.
        optional national_file: Line = "National file";
    }

    /// A law that is infringed.
    struct LawReference, rules no_rules {
        /// Name of the law.
        required law: Line = "Law";
        /// Its article or section.
        recommended article: Line = "Article";
    }

    /// An international instrument.
    struct InstrumentReference, rules no_rules {
        /// Which instrument.
        required instrument: Code<Convention> = "Instrument";
        /// Article, annex, appendix or decision.
        optional provision: Line = "Provision";
    }
}
