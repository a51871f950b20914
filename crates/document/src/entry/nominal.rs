//! **Persons**. The identity is that of a notice, and the purpose decides how much of it is asked.

use crate::codes::{Article3, Code, Crime, EntryPurpose, OpenCode};
use crate::date::PartialDate;
use crate::ecomessage::{Additional, Reported};
use crate::entry::{EntrySource, database, rules};
use crate::form::{Reader, form, no_rules};
use crate::items::{ask, entries, text};
use crate::notice::request::refuse_doubt;
use crate::notice::rules::{ARTICLE_3, ENTRY_SOURCE};
use crate::notice::{Identity, NoticePlace, is_notice_number, person};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// A person of interest for international police co-operation.
    struct NominalEntry, rules nominal_rules {
        /// Who enters it, and what the source allows.
        needed source: EntrySource = "Source" by ENTRY_SOURCE;
        /// Why the person is entered.
        needed purpose: Code<EntryPurpose> = "Purpose" by rules::NOMINAL_PURPOSE;
        /// Declaration on Article 3 of the Constitution: no political, military, religious or racial character.
        needed article_3: Code<Article3> = "Article 3" by ARTICLE_3;
        /// The person.
        needed person: Identity = "Person" by rules::NOMINAL_IDENTITY;
        /// The facts for which the person is of interest.
        optional facts: NominalFacts = "Facts";
        /// Numbers of notices about the person: "2013/6138".
        list notices: Line = "Notice";
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// The facts.
    struct NominalFacts, rules no_rules {
        /// What happened, and what the person has to do with it.
        required text: Prose = "Facts";
        /// Kinds of crime, by code.
        list crimes: OpenCode<Crime> = "Kind of crime";
        /// When it happened.
        optional date: PartialDate = "Date";
        /// Where it happened.
        optional place: NoticePlace = "Place";
    }
}

fn nominal_rules(form: &Node, reader: &mut Reader) {
    database::source_rules(&database::NOMINAL, form, reader);
    refuse_doubt(form, reader);
    match text(form, "purpose") {
        Some("arrest") => {
            person::full_identity(form, reader, &rules::NOMINAL_IDENTITY);
            person::refuse_against_refugees(form, reader, "source.from");
        }
        Some("missing" | "identify") => {
            person::identity_or_photograph(form, reader, &rules::NOMINAL_IDENTITY);
        }
        _ => person::identity(form, reader, &rules::NOMINAL_IDENTITY),
    }
    if !matches!(text(form, "purpose"), Some("missing" | "identify")) {
        ask(form, reader, "facts", &rules::NOMINAL_FACTS, "the facts");
    }
    let is_other = |number: &Node| number.as_text().is_some_and(|text| !is_notice_number(text));
    if entries(form, "notices").iter().any(is_other) {
        let advice = "write year and serial number, \"2013/6138\"";
        reader.warn(form, "notices", "it does not look like the number of a notice", advice);
    }
}
