//! Section 9: means of transport.

use crate::check_digits::{self, Fault};
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
        warn_of(form, reader, "containers", item.as_text().map(check_digits::container));
    }
}

fn vessel_rules(form: &Node, reader: &mut Reader) {
    let text = |field: &str| form.get(field).and_then(Node::as_text);
    warn_of(form, reader, "imo", text("imo").map(check_digits::imo_number));
    warn_of(form, reader, "mmsi", text("mmsi").map(check_digits::mmsi));
}

fn vehicle_rules(form: &Node, reader: &mut Reader) {
    warn_of(form, reader, "vin", form.get("vin").and_then(Node::as_text).map(check_digits::vin));
}

fn warn_of(form: &Node, reader: &mut Reader, field: &str, checked: Option<Result<(), Fault>>) {
    if let Some(Err(fault)) = checked {
        reader.warn(
            form,
            field,
            fault.to_string(),
            "compare it with the source; leave it if it was found so",
        );
    }
}
