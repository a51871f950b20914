//! Section 9: means of transport.

use crate::check_digits;
use crate::codes::{Code, Country, TransportMode};
use crate::form::{Reader, form};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// A means of transport.
    struct Transport, rules rules {
        /// Means of transport.
        required mode: Code<TransportMode> = "Mode";
        /// The mode as the source wrote it, if that is no code.
        optional mode_reported: Line = "Mode as reported";
        /// Flight, train or voyage number.
        optional number: Line = "Flight or voyage";
        /// Vessel.
        optional vessel: Vessel = "Vessel";
        /// Vehicle.
        optional vehicle: Vehicle = "Vehicle";
        /// Container numbers (ISO 6346): "MSCU1234566".
        list containers: Line = "Container";
        /// Air waybill.
        optional air_waybill: Line = "Air waybill";
        /// Bill of lading.
        optional bill_of_lading: Line = "Bill of lading";
        /// Numbers of seals.
        list seals: Line = "Seal";
        /// Further information.
        optional remarks: Prose = "Remarks";
    }

    /// A vessel.
    struct Vessel, rules vessel_rules {
        /// Name.
        required name: Line = "Name";
        /// IMO number, seven digits.
        optional imo: Line = "IMO number";
        /// Flag at the time.
        optional flag: Code<Country> = "Flag";
        /// MMSI, nine digits.
        optional mmsi: Line = "MMSI";
        /// Earlier names.
        list former_names: Line = "Former name";
    }

    /// A vehicle.
    struct Vehicle, rules vehicle_rules {
        /// Plate.
        optional plate: Line = "Plate";
        /// Country of the plate.
        optional country: Code<Country> = "Country";
        /// Vehicle identification number (ISO 3779), 17 letters and digits.
        optional vin: Line = "VIN";
        /// Make, model and colour.
        optional make: Line = "Make";
    }
}

fn rules(form: &Node, reader: &mut Reader) {
    for item in form.get("containers").map(Node::items).unwrap_or_default() {
        if item.as_text().is_some_and(|number| !check_digits::is_container(number)) {
            reader.warn(
                form,
                "containers",
                "a container number is not well formed",
                "it has four letters and seven digits, the last of them a check digit: MSCU1234566",
            );
        }
    }
}

fn vessel_rules(form: &Node, reader: &mut Reader) {
    if form.get("imo").and_then(Node::as_text).is_some_and(|imo| !check_digits::is_imo_number(imo)) {
        reader.warn(
            form,
            "imo",
            "the IMO number is not well formed",
            "it has seven digits, the last of them a check digit",
        );
    }
    if form.get("mmsi").and_then(Node::as_text).is_some_and(|mmsi| !check_digits::is_mmsi(mmsi)) {
        reader.warn(form, "mmsi", "the MMSI is not well formed", "it has nine digits");
    }
}

fn vehicle_rules(form: &Node, reader: &mut Reader) {
    if form.get("vin").and_then(Node::as_text).is_some_and(|vin| !check_digits::is_vin(vin)) {
        reader.warn(
            form,
            "vin",
            "the vehicle identification number is not well formed",
            "it has 17 capitals and digits, without I, O and Q",
        );
    }
}
