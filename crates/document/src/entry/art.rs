//! **Works of art** and other cultural objects. The fields follow Object ID, the standard of museums, police and customs for
//! describing them (Getty and ICOM).

use crate::codes::{ArtKind, Code};
use crate::ecomessage::{Attachment, Reported, Worth};
use crate::entry::{EntrySource, Loss, database, rules};
use crate::form::{Reader, form, no_rules};
use crate::items::ask_one;
use crate::notice::rules::ENTRY_SOURCE;
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// A stolen or looted cultural object.
    struct ArtEntry, rules art_rules {
        /// Who enters it, and what the source allows.
        needed source: EntrySource = "Source" by ENTRY_SOURCE;
        /// The object.
        needed object: WorkOfArt = "Object" by rules::ART_DESCRIPTION;
        /// When and where it went.
        needed theft: Loss = "Theft" by rules::ART_THEFT;
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// The object, by Object ID.
    struct WorkOfArt, rules no_rules {
        /// Kind of object.
        needed kind: Code<ArtKind> = "Kind" by rules::ART_DESCRIPTION;
        /// Title.
        optional title: Line = "Title";
        /// What it shows.
        needed subject: Prose = "Subject" by rules::ART_DESCRIPTION;
        /// Maker, school or culture.
        optional maker: Line = "Maker";
        /// Date or period: "about 1650".
        optional period: Line = "Period";
        /// Materials and techniques.
        needed materials: Line = "Materials and techniques" by rules::ART_DESCRIPTION;
        /// Measurements with their units: "height 73 cm, width 92 cm".
        optional measurements: Line = "Measurements";
        /// Inscriptions and markings: signature, stamp, number of an inventory.
        optional inscriptions: Prose = "Inscriptions and markings";
        /// Damage, repairs, faults: what tells it from others of its sort.
        optional distinguishing_features: Prose = "Distinguishing features";
        /// Numbers in inventories and catalogues.
        list inventory_numbers: Line = "Inventory number";
        /// Photographs: attachments, which are only named here.
        list photographs: Attachment = "Photograph";
        /// What it is worth.
        list values: Worth = "Value";
    }
}

fn art_rules(form: &Node, reader: &mut Reader) {
    database::source_rules(&database::ART, form, reader);
    let telling = [
        "object.photographs",
        "object.inscriptions",
        "object.distinguishing_features",
        "object.inventory_numbers",
    ];
    ask_one(form, reader, &telling, &rules::ART_IDENTIFIABLE, "what tells it from others of its sort");
}
