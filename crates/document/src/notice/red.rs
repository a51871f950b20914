//! The **Red Notice**: to locate and arrest a wanted person, or to restrict movements, for extradition or the like. It is
//! no arrest warrant and binds nobody: each country decides what it is worth in its law.

use crate::codes::{Assurance, Code};
use crate::ecomessage::{Additional, Reported};
use crate::form::{Reader, form};
use crate::items::{ask, ask_among, entries, text};
use crate::notice::identity::Identity;
use crate::notice::judicial::Judicial;
use crate::notice::request::NoticeRequest;
use crate::notice::{colour, person, rules};
use crate::tree::Node;

form! {
    /// A Red Notice.
    struct RedNotice, rules red_rules {
        /// Who asks, and what the bureau declares.
        needed request: NoticeRequest = "Request" by rules::ENTRY_SOURCE;
        /// The wanted person.
        needed person: Identity = "Person" by rules::RED_IDENTITY;
        /// Facts, charges, penalty and warrant.
        needed judicial: Judicial = "Judicial data" by rules::RED_FACTS;
        /// What the requesting country assures.
        needed assurances: Assurances = "Assurances" by rules::RED_ASSURANCES;
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// What the requesting country assures.
    struct Assurances, rules assurance_rules {
        /// Extradition, surrender or the like will be sought when the person is found.
        needed extradition_sought: Code<Assurance> = "Extradition sought" by rules::RED_ASSURANCES;
        /// The request conforms to the law of the requesting country.
        needed conforms_to_law: Code<Assurance> = "Conforms to law" by rules::RED_ASSURANCES;
    }
}

fn red_rules(form: &Node, reader: &mut Reader) {
    colour::request_rules(&colour::RED, form, reader);
    person::full_identity(form, reader, &rules::RED_IDENTITY);
    ask_among(form, reader, "person.status", &["convicted", "charged", "suspect"], &rules::PERSON_STATUS);
    if form.get("judicial").is_none() {
        ask(form, reader, "judicial.maximum_penalty_months", &rules::RED_PENALTY, "the penalty");
    }
    refuse_excluded_offences(form, reader);
    person::refuse_against_refugees(form, reader, "request.from");
}

fn assurance_rules(form: &Node, reader: &mut Reader) {
    for field in ["extradition_sought", "conforms_to_law"] {
        if text(form, field) == Some("not-given") {
            reader.by(Some(&rules::RED_ASSURANCES)).error(
                form,
                field,
                "the assurance is not given",
                "without it ask for a Blue Notice, or send a message",
            );
        }
    }
}

/// Matters of norms and of family or private life never; administration and private disputes with organised crime only.
fn refuse_excluded_offences(form: &Node, reader: &mut Reader) {
    let charges = entries(form, "judicial.charges");
    let crimes: Vec<_> =
        charges.iter().flat_map(|charge| entries(charge, "crimes")).filter_map(Node::as_text).collect();
    let tied = crimes.contains(&"organised-crime");
    for crime in &crimes {
        let excluded = match *crime {
            "norms" | "family-private" => true,
            "administrative" | "private-dispute" => !tied,
            _ => false,
        };
        if excluded {
            let message = format!("the offence \"{crime}\" is excluded from Red Notices");
            let advice = match *crime {
                "administrative" | "private-dispute" => "add organised-crime if it is tied to that",
                _ => "such a matter is none for a notice",
            };
            reader.by(Some(&rules::RED_EXCLUDED)).error(form, "judicial.charges", message, advice);
        }
    }
}
