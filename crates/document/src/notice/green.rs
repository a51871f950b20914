//! The **Green Notice**: to warn of a person who is likely to repeat crimes in other countries.

use crate::codes::{Country, Crime, OpenCode};
use crate::date::PartialDate;
use crate::ecomessage::{Additional, Reported};
use crate::form::{Reader, form, no_rules};
use crate::items::ask_one;
use crate::notice::identity::Identity;
use crate::notice::request::NoticeRequest;
use crate::notice::{colour, person, rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// A Green Notice.
    struct GreenNotice, rules green_rules {
        /// Who asks, and what the bureau declares.
        needed request: NoticeRequest = "Request" by rules::ENTRY_SOURCE;
        /// The person.
        needed person: Identity = "Person" by rules::GREEN_IDENTITY;
        /// The national assessment.
        needed assessment: Assessment = "Assessment" by rules::GREEN_ASSESSMENT;
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// The assessment of a national authority that the person is a possible danger to public safety.
    struct Assessment, rules no_rules {
        /// The assessment in words.
        needed text: Prose = "Assessment" by rules::GREEN_ASSESSMENT;
        /// The authority that made it.
        needed authority: Line = "Made by" by rules::GREEN_ASSESSMENT;
        /// Its date.
        recommended date: PartialDate = "Date";
        /// Convictions on which it rests.
        list convictions: Conviction = "Conviction";
        /// Other reasonable grounds on which it rests.
        optional other_grounds: Prose = "Other grounds";
    }

    /// A conviction.
    struct Conviction, rules no_rules {
        /// The offence in words.
        required offence: Line = "Offence";
        /// Kinds of crime, by code.
        list crimes: OpenCode<Crime> = "Kind of crime";
        /// When it was pronounced.
        optional date: PartialDate = "Date";
        /// Where.
        optional country: OpenCode<Country> = "Country";
        /// The sentence.
        optional sentence: Line = "Sentence";
    }
}

fn green_rules(form: &Node, reader: &mut Reader) {
    colour::request_rules(&colour::GREEN, form, reader);
    person::identity(form, reader, &rules::GREEN_IDENTITY);
    let paths = ["assessment.convictions", "assessment.other_grounds"];
    ask_one(form, reader, &paths, &rules::GREEN_GROUNDS, "the ground of the assessment");
}
