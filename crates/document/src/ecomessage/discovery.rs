//! Section 3: when, where and how it was found.

use crate::codes::{Code, Country, DiscoveryMethod, PlaceKind, PlacePrecision};
use crate::date::PartialDate;
use crate::decimal::Decimal;
use crate::form::{Reader, form};
use crate::text::{Line, Prose};
use crate::tree::{Node, Value};

form! {
    /// When, where and how it was found.
    struct Discovery, rules discovery_rules {
        /// Day, month, year or interval, as exact as it is known: "2006-05", "2014-11/2015-02", "2001~", "unknown".
        required date: PartialDate = "Date";
        /// The date as the source wrote it, if it is in doubt.
        optional date_reported: Line = "Date as reported";
        /// Where it was found.
        required place: Place = "Place";
        /// Kind of place.
        optional place_kind: Code<PlaceKind> = "Kind of place";
        /// How it was found.
        recommended method: Code<DiscoveryMethod> = "Method of discovery";
        /// Circumstances in words.
        optional circumstances: Prose = "Circumstances";
    }

    /// A place: in words, and as exactly as it is known.
    struct Place, rules place_rules {
        /// The place in words, as the source names it.
        required text: Line = "Place";
        /// Country, ISO 3166-1 alpha-2: "KE"; XX if unknown, ZZ on the high seas.
        required country: Code<Country> = "Country";
        /// The country as the source wrote it, if that is no name of the table.
        optional country_reported: Line = "Country as reported";
        /// Region, province or state.
        optional region: Line = "Region";
        /// Latitude in degrees, north positive, -90 to 90.
        optional latitude: Decimal = "Latitude";
        /// Longitude in degrees, east positive, -180 to 180.
        optional longitude: Decimal = "Longitude";
        /// How exact the position is.
        optional precision: Code<PlacePrecision> = "Precision of the position";
    }
}

fn discovery_rules(form: &Node, reader: &mut Reader) {
    if form.get("date").and_then(Node::as_text) == Some("unknown") {
        reader.warn(form, "date", "the date is unknown", "give at least the year if the source has it");
    }
}

fn place_rules(form: &Node, reader: &mut Reader) {
    for (field, bound) in [("latitude", 90), ("longitude", 180)] {
        let value = form.get(field).and_then(decimal);
        let limit = Decimal::new(bound, 0).ok();
        if let (Some(value), Some(limit)) = (value, limit)
            && (value > limit || value < Decimal::new(-bound, 0).unwrap_or(value))
        {
            let message = format!("{value} is not between -{bound} and {bound}");
            reader.error(form, field, message, "give degrees with decimals, north and east positive");
        }
    }
    match (form.get("latitude").is_some(), form.get("longitude").is_some()) {
        (true, false) => {
            reader.error(
                form,
                "longitude",
                "there is a latitude without a longitude",
                "give both or neither",
            );
        }
        (false, true) => {
            reader.error(form, "latitude", "there is a longitude without a latitude", "give both or neither");
        }
        (true, true) if form.get("precision").is_none() => {
            reader.warn(
                form,
                "precision",
                "a position without its precision",
                "say how exact it is: exact, facility, city, …",
            );
        }
        _ => {}
    }
}

/// The decimal number in a node, if there is one.
pub(crate) fn decimal(node: &Node) -> Option<Decimal> {
    match &node.value {
        Value::Number(text) | Value::Text(text) => Decimal::parse(text).ok(),
        _ => None,
    }
}
