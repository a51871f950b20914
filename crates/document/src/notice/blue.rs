//! The **Blue Notice**: to identify, to locate or to learn more of a person of interest in an investigation.

use crate::codes::{Code, Crime, InformationSought, OpenCode};
use crate::date::PartialDate;
use crate::ecomessage::{Additional, Reported};
use crate::form::{Reader, form, no_rules};
use crate::items::ask_among;
use crate::notice::identity::Identity;
use crate::notice::place::NoticePlace;
use crate::notice::request::NoticeRequest;
use crate::notice::{colour, person, rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// A Blue Notice.
    struct BlueNotice, rules blue_rules {
        /// Who asks, and what the bureau declares.
        needed request: NoticeRequest = "Request" by rules::ENTRY_SOURCE;
        /// The person.
        needed person: Identity = "Person" by rules::BLUE_IDENTITY;
        /// The investigation.
        needed investigation: Investigation = "Investigation" by rules::BLUE_FACTS;
        /// What is asked.
        needed_list asked: Code<InformationSought> = "Asked" by rules::BLUE_ASKED;
        /// The question in words.
        optional question: Prose = "Question";
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// A criminal investigation.
    struct Investigation, rules no_rules {
        /// The facts.
        needed facts: Prose = "Facts" by rules::BLUE_FACTS;
        /// When it happened.
        recommended date: PartialDate = "Date";
        /// Where it happened.
        optional place: NoticePlace = "Place";
        /// Kinds of crime, by code.
        list crimes: OpenCode<Crime> = "Kind of crime";
        /// National file number.
        recommended national_file: Line = "National file";
    }
}

fn blue_rules(form: &Node, reader: &mut Reader) {
    colour::request_rules(&colour::BLUE, form, reader);
    person::identity_or_photograph(form, reader, &rules::BLUE_IDENTITY);
    let allowed = ["convicted", "charged", "suspect", "witness", "victim"];
    ask_among(form, reader, "person.status", &allowed, &rules::BLUE_STATUS);
}
