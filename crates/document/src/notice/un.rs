//! The **INTERPOL–UN Security Council Special Notice**: a person or an entity under sanctions.

use crate::codes::{Code, UnMeasure};
use crate::date::PartialDate;
use crate::ecomessage::{Additional, Reported};
use crate::form::{Reader, form};
use crate::items::{filled, missing, text};
use crate::notice::entity::Entity;
use crate::notice::identity::Identity;
use crate::notice::request::NoticeRequest;
use crate::notice::{colour, rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// A Special Notice of INTERPOL and the United Nations Security Council.
    struct UnNotice, rules un_rules {
        /// Who asks, and what is declared.
        needed request: NoticeRequest = "Request" by rules::ENTRY_SOURCE;
        /// The entry of the list of sanctions.
        needed listing: Listing = "Listing" by rules::UN_REFERENCE;
        /// The person, if the entry is about one.
        optional person: Identity = "Person";
        /// The entity, if the entry is about one.
        optional entity: Entity = "Entity";
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// An entry of a list of sanctions.
    struct Listing, rules listing_rules {
        /// Permanent reference number: "QDi.432".
        needed reference: Line = "UN reference" by rules::UN_REFERENCE;
        /// Date of the listing.
        needed reference_date: PartialDate = "Listed on" by rules::UN_REFERENCE;
        /// Resolution of the Security Council: "1267 (1999)".
        needed resolution: Line = "Resolution" by rules::UN_RESOLUTION;
        /// The measures, one or several.
        needed_list measures: Code<UnMeasure> = "Measure" by rules::UN_MEASURES;
        /// Narrative summary of the reasons.
        recommended summary: Prose = "Summary";
        /// Persons and entities with whom it is associated.
        list associates: Line = "Associate";
    }
}

fn un_rules(form: &Node, reader: &mut Reader) {
    colour::request_rules(&colour::UN, form, reader);
    match (filled(form, "person"), filled(form, "entity")) {
        (false, false) => {
            let advice = "fill in the table person or the table entity".into();
            missing(form, reader, "person", &rules::UN_SUBJECT, "the person or the entity", advice);
        }
        (true, true) => {
            reader.by(Some(&rules::UN_SUBJECT)).error(
                form,
                "entity",
                "an entry is about a person or about an entity",
                "delete one of the two, and name it among the associates",
            );
        }
        _ => {}
    }
    compare_subject(form, reader);
}

fn listing_rules(form: &Node, reader: &mut Reader) {
    if text(form, "reference").is_some_and(|reference| listed_subject(reference).is_none()) {
        reader.warn(
            form,
            "reference",
            "it does not look like a reference of the United Nations lists",
            "write it as the list does: \"QDi.432\" for a person, \"QDe.004\" for an entity",
        );
    }
}

/// The small letter of a reference says whether it is a person (`i`) or an entity (`e`).
fn compare_subject(form: &Node, reader: &mut Reader) {
    let subject = text(form, "listing.reference").and_then(listed_subject);
    let other = match subject {
        Some(Subject::Person) => "entity",
        Some(Subject::Entity) => "person",
        None => return,
    };
    if filled(form, other) {
        reader.by(Some(&rules::UN_SUBJECT)).warn(
            form,
            other,
            "the reference is that of the other sort of subject",
            "i in the reference stands for a person, e for an entity",
        );
    }
}

/// What a reference of the lists of sanctions is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Person,
    Entity,
}

/// Two capitals for the list, `i` or `e`, a point, three or more digits: "QDi.432".
fn listed_subject(reference: &str) -> Option<Subject> {
    let (list, number) = reference.split_once('.')?;
    let [first, second, subject] = list.as_bytes() else { return None };
    let fits = first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && number.len() >= 3
        && number.bytes().all(|b| b.is_ascii_digit());
    match subject {
        b'i' if fits => Some(Subject::Person),
        b'e' if fits => Some(Subject::Entity),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_the_lists_say_what_they_are_about() {
        assert_eq!(listed_subject("QDi.432"), Some(Subject::Person));
        assert_eq!(listed_subject("KPe.001"), Some(Subject::Entity));
        for bad in ["QDi432", "QDx.432", "qdi.432", "QDi.4x2", "QDi.43", "ÉDi.432", ""] {
            assert_eq!(listed_subject(bad), None, "{bad}");
        }
    }
}
