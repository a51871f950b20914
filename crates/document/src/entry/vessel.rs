//! **Stolen vessels**: boats, ships and outboard motors.

use crate::check_digits;
use crate::codes::{Code, Country, OpenCode, VesselKind};
use crate::decimal::Decimal;
use crate::ecomessage::{Attachment, Reported};
use crate::entry::numbers::{CORRECT_IT, ask_number, compare_year, key};
use crate::entry::{EntrySource, Loss, database, rules};
use crate::form::{Count, Reader, form, no_rules};
use crate::lookup::Number;
use crate::notice::rules::ENTRY_SOURCE;
use crate::text::{Line, Prose};
use crate::tree::Node;

/// Earliest year of a vessel that is still afloat somewhere.
const FIRST_YEAR: u32 = 1800;

form! {
    /// A stolen vessel.
    struct VesselEntry, rules vessel_rules {
        /// Who enters it, and what the source allows.
        needed source: EntrySource = "Source" by ENTRY_SOURCE;
        /// The vessel or the motor.
        needed vessel: StolenVessel = "Vessel" by rules::VESSEL_DESCRIPTION;
        /// When and where it was stolen.
        needed theft: Loss = "Theft" by rules::VESSEL_THEFT;
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// The vessel.
    struct StolenVessel, rules no_rules {
        /// Kind of vessel.
        needed kind: Code<VesselKind> = "Kind" by rules::VESSEL_DESCRIPTION;
        /// Name.
        optional name: Line = "Name";
        /// Earlier names.
        list former_names: Line = "Former name";
        /// Hull identification number (ISO 10087).
        optional hull_number: Line = "Hull number";
        /// IMO number, seven digits.
        optional imo: Line = "IMO number";
        /// MMSI, nine digits.
        optional mmsi: Line = "MMSI";
        /// Call sign.
        optional call_sign: Line = "Call sign";
        /// Number in the register of its flag.
        optional registration: Line = "Registration";
        /// Flag.
        recommended flag: OpenCode<Country> = "Flag";
        /// Numbers of motors.
        list engine_numbers: Line = "Engine number";
        /// Builder or make.
        needed make: Line = "Make" by rules::VESSEL_DESCRIPTION;
        /// Model.
        optional model: Line = "Model";
        /// Year in which it was built.
        optional year: Count = "Year";
        /// Length over all in metres.
        optional length_m: Decimal = "Length (m)";
        /// Colours of hull and superstructure.
        optional colour: Line = "Colour";
        /// Photographs: attachments, which are only named here.
        list photographs: Attachment = "Photograph";
        /// What else is to be said of it.
        optional remarks: Prose = "Remarks";
    }
}

fn vessel_rules(form: &Node, reader: &mut Reader) {
    database::source_rules(&database::VESSEL, form, reader);
    let numbers = [
        ("vessel.hull_number", Number::Serial),
        ("vessel.imo", Number::Imo),
        ("vessel.mmsi", Number::Mmsi),
        ("vessel.call_sign", Number::Serial),
        ("vessel.registration", Number::Serial),
        ("vessel.engine_numbers", Number::Serial),
    ];
    ask_number(form, reader, &numbers, &rules::VESSEL_NUMBER);
    if let Some(Err(fault)) = key(form, "vessel.imo", Number::Imo).map(|key| check_digits::imo_number(&key)) {
        reader.by(Some(&rules::NUMBER_IMO)).error(form, "vessel.imo", fault.to_string(), CORRECT_IT);
    }
    if let Some(Err(fault)) = key(form, "vessel.mmsi", Number::Mmsi).map(|key| check_digits::mmsi(&key)) {
        let advice = "compare it with the ship's radio licence";
        reader.by(Some(&rules::NUMBER_MMSI)).warn(form, "vessel.mmsi", fault.to_string(), advice);
    }
    compare_year(form, reader, "vessel.year", FIRST_YEAR);
}
