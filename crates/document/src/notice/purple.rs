//! The **Purple Notice**: to tell of a modus operandi, of objects, devices, vessels and methods of concealment. The first
//! ones on crime against the environment were about vessels that fished illegally.

use crate::codes::{Code, Concealment, Crime, InvestigationState, MethodKind, OpenCode};
use crate::date::PartialDate;
use crate::ecomessage::{Additional, Attachment, Reported, Vessel};
use crate::form::{Reader, form};
use crate::items::{filled, missing, text};
use crate::notice::place::NoticePlace;
use crate::notice::request::NoticeRequest;
use crate::notice::{colour, rules};
use crate::text::Prose;
use crate::tree::Node;

form! {
    /// A Purple Notice.
    struct PurpleNotice, rules purple_rules {
        /// Who asks, and what the bureau declares.
        needed request: NoticeRequest = "Request" by rules::ENTRY_SOURCE;
        /// The facts of the case.
        needed facts: Prose = "Facts" by rules::PURPLE_FACTS;
        /// When it happened.
        recommended facts_date: PartialDate = "Date of the facts";
        /// Where it happened.
        optional facts_place: NoticePlace = "Place of the facts";
        /// Kinds of crime, by code.
        list crimes: OpenCode<Crime> = "Kind of crime";
        /// Whether the investigation goes on.
        needed investigation: Code<InvestigationState> = "Investigation" by rules::PURPLE_INVESTIGATION;
        /// What is described, one entry each.
        needed_list methods: Method = "Method, object or vessel" by rules::PURPLE_METHOD;
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// A method, an object, a device or a vessel.
    struct Method, rules method_rules {
        /// What it is.
        needed kind: Code<MethodKind> = "Kind" by rules::PURPLE_METHOD;
        /// Description.
        needed description: Prose = "Description" by rules::PURPLE_METHOD;
        /// Ways of concealment, by code.
        list concealment: Code<Concealment> = "Concealment";
        /// The vessel.
        optional vessel: Vessel = "Vessel";
        /// Photographs and drawings, by their names; `--attach` sends the files.
        list photographs: Attachment = "Photograph";
    }
}

fn purple_rules(form: &Node, reader: &mut Reader) {
    colour::request_rules(&colour::PURPLE, form, reader);
}

fn method_rules(form: &Node, reader: &mut Reader) {
    if text(form, "kind") == Some("vessel") && !filled(form, "vessel") {
        let advice = "fill in the table vessel: its name, IMO number and flag".into();
        missing(form, reader, "vessel", &rules::PURPLE_METHOD, "the vessel", advice);
    }
}
