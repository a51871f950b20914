//! Sections 12 to 14: who reports, what else there is, and what is asked. And what a source said that fits nowhere.

use crate::codes::{AgencyKind, Code, Country, RequestKind};
use crate::date::PartialDate;
use crate::form::{Reader, form, no_rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// The agency that found it and told its bureau.
    struct Agency, rules no_rules {
        /// Name.
        required name: Line = "Agency";
        /// Kind of agency.
        optional kind: Code<AgencyKind> = "Kind";
        /// Unit.
        optional unit: Line = "Unit";
        /// Country.
        optional country: Code<Country> = "Country";
        /// Officer or desk to be asked.
        optional contact: Line = "Officer or desk";
        /// Telephone numbers.
        list phones: Line = "Telephone";
        /// Mail addresses.
        list mails: Line = "Mail";
        /// The agency's own reference.
        optional reference: Line = "Agency reference";
    }

    /// What else there is to say.
    struct Additional, rules no_rules {
        /// Free text.
        optional text: Prose = "Text";
        /// Photographs, laboratory reports and the like, one entry each.
        list attachments: Attachment = "Attachment";
        /// References of related messages.
        list related: Line = "Related message";
    }

    /// A file that belongs to the message.
    struct Attachment, rules attachment_rules {
        /// Name of the file.
        required name: Line = "Name";
        /// What it shows.
        optional description: Line = "Description";
        /// Media type: "image/jpeg".
        optional media_type: Line = "Type";
        /// SHA-256 of the file, 64 hexadecimal digits.
        optional sha256: Line = "SHA-256";
        /// Record that carries it, 64 hexadecimal digits.
        optional record: Line = "Record";
    }

    /// A question to other bureaus.
    struct Request, rules no_rules {
        /// Kind of request.
        required kind: Code<RequestKind> = "Kind";
        /// The question.
        required question: Prose = "Question";
        /// Countries to which it goes; all addressees if empty.
        list countries: Code<Country> = "Addressed to";
        /// What it is about: a person, a permit, a container of this message.
        optional subject_reference: Line = "About";
        /// When an answer is needed.
        optional deadline: PartialDate = "Answer by";
    }

    /// Something that a source said and that fits no field.
    struct Reported, rules no_rules {
        /// Where it stood: a column, a heading, a page.
        required field: Line = "Where";
        /// What stood there, word for word.
        required text: Prose = "Text";
        /// Why it fits no field.
        optional reason: Line = "Reason";
    }
}

fn attachment_rules(form: &Node, reader: &mut Reader) {
    for field in ["sha256", "record"] {
        let is_hash =
            |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if form.get(field).and_then(Node::as_text).is_some_and(|text| !is_hash(text)) {
            reader.error(form, field, "it is no SHA-256", "write 64 hexadecimal digits in small letters");
        }
    }
}
