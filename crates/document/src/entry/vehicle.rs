//! **Stolen vehicles**, and parts of them that have a number of their own.

use crate::check_digits::{Fault, vin_check_digit, vin_promises_check_digit};
use crate::codes::{Code, Country, OpenCode, VehicleKind};
use crate::ecomessage::{Attachment, Reported};
use crate::entry::numbers::{CORRECT_IT, ask_number, compare_year, key};
use crate::entry::{EntrySource, Loss, database, rules};
use crate::form::{Count, Reader, form, no_rules};
use crate::items::{filled, number};
use crate::lookup::Number;
use crate::notice::rules::ENTRY_SOURCE;
use crate::text::{Line, Prose};
use crate::tree::Node;

/// First year of makes of which numbers are asked to obey ISO 3779: before that each maker had a form of its own.
const VIN_SINCE: u32 = 1981;
/// Year of the first motor car.
const FIRST_YEAR: u32 = 1886;

form! {
    /// A stolen vehicle.
    struct VehicleEntry, rules vehicle_rules {
        /// Who enters it, and what the source allows.
        needed source: EntrySource = "Source" by ENTRY_SOURCE;
        /// The vehicle or the part.
        needed vehicle: StolenVehicle = "Vehicle" by rules::VEHICLE_DESCRIPTION;
        /// When and where it was stolen.
        needed theft: Loss = "Theft" by rules::VEHICLE_THEFT;
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// The vehicle.
    struct StolenVehicle, rules no_rules {
        /// Kind of vehicle.
        needed kind: Code<VehicleKind> = "Kind" by rules::VEHICLE_DESCRIPTION;
        /// Vehicle identification number (ISO 3779), 17 letters and digits.
        optional vin: Line = "VIN";
        /// Plate.
        optional plate: Line = "Plate";
        /// Country of the plate.
        optional plate_country: OpenCode<Country> = "Country of the plate";
        /// Make.
        needed make: Line = "Make" by rules::VEHICLE_DESCRIPTION;
        /// Model.
        optional model: Line = "Model";
        /// Type or version.
        optional version: Line = "Type";
        /// Colour.
        optional colour: Line = "Colour";
        /// Year in which it was made.
        optional year: Count = "Year";
        /// Number of the engine.
        optional engine_number: Line = "Engine number";
        /// Numbers of parts: gear box, body, airbag.
        list part_numbers: Line = "Number of a part";
        /// Photographs: attachments, which are only named here.
        list photographs: Attachment = "Photograph";
        /// What else is to be said of it.
        optional remarks: Prose = "Remarks";
    }
}

fn vehicle_rules(form: &Node, reader: &mut Reader) {
    database::source_rules(&database::VEHICLE, form, reader);
    let numbers = [
        ("vehicle.vin", Number::Vin),
        ("vehicle.plate", Number::Plate),
        ("vehicle.engine_number", Number::Serial),
        ("vehicle.part_numbers", Number::Serial),
    ];
    ask_number(form, reader, &numbers, &rules::VEHICLE_NUMBER);
    compare_year(form, reader, "vehicle.year", FIRST_YEAR);
    compare_vin(form, reader);
    if filled(form, "vehicle.plate") && !filled(form, "vehicle.plate_country") {
        reader.by(Some(&rules::VEHICLE_NUMBER)).warn(
            form,
            "vehicle.plate_country",
            "a plate without its country",
            "fill in vehicle.plate_country: other countries may have the same plate",
        );
    }
}

/// A wrong shape is an error unless the vehicle is older than the standard. A wrong check digit is one in North America,
/// where it is law; elsewhere makers put what they like in its place, mostly a letter, so that a digit there is worth a
/// warning and no more.
fn compare_vin(form: &Node, reader: &mut Reader) {
    let Some(written) = key(form, "vehicle.vin", Number::Vin) else { return };
    let Err(fault) = vin_check_digit(&written) else { return };
    let is_older = number(form, "vehicle.year").is_some_and(|year| (FIRST_YEAR..VIN_SINCE).contains(&year));
    let could_be_meant = match fault {
        Fault::Shape(_) => true,
        Fault::CheckDigit { found, .. } => found.is_ascii_digit() || found == 'X',
    };
    let promised = matches!(fault, Fault::Shape(_)) || vin_promises_check_digit(&written);
    let (path, message) = ("vehicle.vin", fault.to_string());
    if promised && !is_older {
        reader.by(Some(&rules::NUMBER_VIN)).error(form, path, message, CORRECT_IT);
    } else if could_be_meant {
        let advice =
            "compare it with the papers; outside North America and before 1981 makers did as they liked";
        reader.by(Some(&rules::NUMBER_VIN)).warn(form, path, message, advice);
    }
}
