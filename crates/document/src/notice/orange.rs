//! The **Orange Notice**: to warn of an event, a person, an object or a process that is a serious and imminent threat.

use crate::codes::{Code, ThreatKind};
use crate::date::PartialDate;
use crate::ecomessage::{Additional, Attachment, Reported};
use crate::form::{Reader, form, no_rules};
use crate::items::ask_one;
use crate::notice::identity::Identity;
use crate::notice::place::NoticePlace;
use crate::notice::request::NoticeRequest;
use crate::notice::{colour, rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// An Orange Notice.
    struct OrangeNotice, rules orange_rules {
        /// Who asks, and what the bureau declares.
        needed request: NoticeRequest = "Request" by rules::ENTRY_SOURCE;
        /// The threat.
        needed threat: Threat = "Threat" by rules::ORANGE_THREAT;
        /// Persons of whom is warned, one entry each.
        list persons: Identity = "Person";
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// A serious and imminent threat.
    struct Threat, rules no_rules {
        /// What it comes from.
        needed kind: Code<ThreatKind> = "Kind" by rules::ORANGE_THREAT;
        /// Description: what is threatened, and why it is serious and imminent.
        needed description: Prose = "Description" by rules::ORANGE_THREAT;
        /// Whom or what it is aimed at.
        optional target: Line = "Target";
        /// The object from which it comes: a parcel, a substance, a weapon.
        optional object: Prose = "Object";
        /// Area, one entry for each place.
        needed_list areas: NoticePlace = "Area" by rules::ORANGE_WHERE_WHEN;
        /// When it is expected.
        needed time: PartialDate = "Time" by rules::ORANGE_WHERE_WHEN;
        /// What to do when it is met.
        recommended advice: Prose = "What to do";
        /// Photographs, by their names; `--attach` sends the files.
        list photographs: Attachment = "Photograph";
    }
}

fn orange_rules(form: &Node, reader: &mut Reader) {
    colour::request_rules(&colour::ORANGE, form, reader);
    let paths = ["threat.target", "threat.object"];
    ask_one(form, reader, &paths, &rules::ORANGE_TARGET, "target or object of the threat");
}
