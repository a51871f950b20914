//! The **Black Notice**: to identify a dead body.

use crate::codes::{Code, Sex};
use crate::date::PartialDate;
use crate::ecomessage::{Additional, Attachment, PersonReference, Reported};
use crate::form::{Count, Reader, form};
use crate::items::{ask_one, number};
use crate::notice::identity::PhysicalDescription;
use crate::notice::place::NoticePlace;
use crate::notice::request::NoticeRequest;
use crate::notice::{colour, rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// A Black Notice.
    struct BlackNotice, rules black_rules {
        /// Who asks, and what the bureau declares.
        needed request: NoticeRequest = "Request" by rules::ENTRY_SOURCE;
        /// The body, and where it was found.
        needed body: Body = "Body" by rules::BLACK_FOUND;
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// A dead body whose identity is not established.
    struct Body, rules body_rules {
        /// When it was found.
        needed found_date: PartialDate = "Found on" by rules::BLACK_FOUND;
        /// Where it was found.
        needed found_place: NoticePlace = "Found at" by rules::BLACK_FOUND;
        /// Circumstances.
        optional circumstances: Prose = "Circumstances";
        /// When death occurred, as far as it can be told.
        optional death_date: PartialDate = "Death";
        /// Cause of death.
        optional death_cause: Line = "Cause of death";
        /// Sex.
        optional sex: Code<Sex> = "Sex";
        /// Least age in years.
        optional age_from: Count = "Age from";
        /// Greatest age in years.
        optional age_to: Count = "Age to";
        /// Physical description; tattoos and scars are marks.
        optional description: PhysicalDescription = "Physical description";
        /// Fingerprints and DNA profiles, by reference.
        list references: PersonReference = "Biometric reference";
        /// Dental chart, in words or by reference.
        optional dental_chart: Prose = "Dental chart";
        /// Clothing, jewellery, papers and other belongings.
        optional belongings: Prose = "Belongings";
        /// Photographs and reconstructions, by their names; `--attach` sends the files.
        list photographs: Attachment = "Photograph";
        /// Missing persons with whom it was compared without a match.
        list excluded: Line = "Excluded";
    }
}

fn black_rules(form: &Node, reader: &mut Reader) {
    colour::request_rules(&colour::BLACK, form, reader);
    let paths =
        ["body.description", "body.references", "body.dental_chart", "body.belongings", "body.photographs"];
    let items = "one of description, fingerprints, DNA, dental chart, belongings and tattoos";
    ask_one(form, reader, &paths, &rules::BLACK_DESCRIPTION, items);
}

fn body_rules(form: &Node, reader: &mut Reader) {
    if let (Some(from), Some(to)) = (number(form, "age_from"), number(form, "age_to"))
        && from > to
    {
        reader.error(form, "age_to", "the greatest age is below the least", "exchange the two");
    }
}
