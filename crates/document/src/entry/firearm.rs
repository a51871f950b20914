//! **Firearms** that are stolen, lost or smuggled, and their main parts.

use crate::codes::{Code, Country, FirearmKind, OpenCode, SerialState};
use crate::ecomessage::{Attachment, Reported};
use crate::entry::numbers::ask_findable;
use crate::entry::{EntrySource, Loss, database, rules};
use crate::form::{Reader, form, no_rules};
use crate::items::{ask_one, filled, missing, text};
use crate::lookup::Number;
use crate::notice::rules::ENTRY_SOURCE;
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// An illicit firearm.
    struct FirearmEntry, rules firearm_rules {
        /// Who enters it, and what the source allows.
        needed source: EntrySource = "Source" by ENTRY_SOURCE;
        /// The firearm, or a main part of one.
        needed firearm: Firearm = "Firearm" by rules::FIREARM_DESCRIPTION;
        /// When and where it went.
        needed loss: Loss = "Loss" by rules::FIREARM_LOSS;
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// The firearm.
    struct Firearm, rules no_rules {
        /// Kind of firearm.
        needed kind: Code<FirearmKind> = "Kind" by rules::FIREARM_DESCRIPTION;
        /// Make; "unknown" if nobody can tell.
        needed make: Line = "Make" by rules::FIREARM_DESCRIPTION;
        /// Model.
        recommended model: Line = "Model";
        /// Calibre, as it is marked or measured: "9x19 mm".
        needed calibre: Line = "Calibre" by rules::FIREARM_DESCRIPTION;
        /// Serial number, as it is marked, in its own script.
        optional serial_number: Line = "Serial number";
        /// State of the serial number; whole if absent.
        optional serial_state: Code<SerialState> = "State of the serial number";
        /// Country where it was made.
        recommended made_in: OpenCode<Country> = "Made in";
        /// Countries of which it bears marks of import.
        list imported_to: OpenCode<Country> = "Imported to";
        /// Proof marks, stamps of armies, other marks, and where they are.
        optional marks: Prose = "Marks";
        /// Photographs of it and of its marks: attachments, which are only named here.
        list photographs: Attachment = "Photograph";
        /// What else is to be said of it.
        optional remarks: Prose = "Remarks";
    }
}

fn firearm_rules(form: &Node, reader: &mut Reader) {
    database::source_rules(&database::FIREARM, form, reader);
    let serial = "firearm.serial_number";
    ask_findable(form, reader, serial, Number::Serial, &rules::FIREARM_SERIAL);
    let has_none = matches!(text(form, "firearm.serial_state"), Some("removed" | "none"));
    if has_none {
        let others = ["firearm.marks", "firearm.photographs"];
        let item = "marks or photographs, in place of a serial number";
        ask_one(form, reader, &others, &rules::FIREARM_SERIAL, item);
    } else if !filled(form, serial) {
        let advice = "fill in firearm.serial_number, or say in firearm.serial_state why there is none";
        missing(form, reader, serial, &rules::FIREARM_SERIAL, "the serial number", advice.into());
    }
    if has_none && filled(form, serial) {
        reader.by(Some(&rules::FIREARM_SERIAL)).error(
            form,
            serial,
            "there is a serial number although it is said that there is none",
            "delete one of the two; what can still be read of one is partly-removed",
        );
    }
}
