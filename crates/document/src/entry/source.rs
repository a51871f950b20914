//! What is the same in every entry: whose it is, and what its source allows.

use crate::codes::{Answer, Code, Confidentiality, Language, RetentionClass};
use crate::date::{PartialDate, UtcTime};
use crate::ecomessage::Handling;
use crate::form::{form, no_rules};
use crate::member::MemberCode;
use crate::notice::rules;
use crate::record_ref::RecordRef;
use crate::text::Line;

impl Default for EntrySource {
    /// One that says nothing.
    fn default() -> Self {
        Self {
            reference: None,
            date_time: None,
            from: None,
            language: None,
            confidentiality: None,
            retention: None,
            valid_until: None,
            handling: None,
            contact: None,
            tell_hits: None,
            related: Vec::new(),
            replaces: None,
        }
    }
}

form! {
    /// Who enters it, under which reference, for whom and for how long.
    struct EntrySource, rules no_rules {
        /// The source's own reference. Not unique across bureaus.
        needed reference: Line = "Reference" by rules::ENTRY_SOURCE;
        /// When the source wrote the entry, in UTC. The record's header says when it was sent.
        optional date_time: UtcTime = "Written (UTC)";
        /// Entering member. It must be the bureau that sends; the record's header is what counts.
        optional from: MemberCode = "From";
        /// Language of the free texts; English if absent.
        optional language: Code<Language> = "Language";
        /// Level of confidentiality; FOR OFFICIAL USE ONLY if absent.
        optional confidentiality: Code<Confidentiality> = "Confidentiality";
        /// Class of retention; that of the database if absent.
        optional retention: Code<RetentionClass> = "Retention";
        /// Last day, if the source wants it kept for less than the database does.
        optional valid_until: PartialDate = "Valid until";
        /// Who must not see it.
        optional handling: Handling = "Handling";
        /// Who answers at all hours whoever finds it: the source confirms before anything is done.
        recommended contact: Line = "Contact for hits";
        /// Whether the source wants to be told who found it; yes if absent.
        optional tell_hits: Code<Answer> = "Tell hits";
        /// References of related messages, notices and entries.
        list related: Line = "Related";
        /// Record of the entry to which this is a new text. `ecomesh db update` fills this in: leave it out.
        optional replaces: RecordRef = "New text of";
    }
}
