//! The way of the goods: four places, each marked C (confirmed), UC (unconfirmed), or not at all.

use crate::incident::cells::Cells;
use crate::incident::{list, names, table, text};
use crate::tree::Entry;

/// Column of a place and column of its mark.
pub(super) const COLUMNS: [(&str, &str); 4] = [
    ("origin", "origin_conf"),
    ("via", "via_conf"),
    ("outbound", "outbound_conf"),
    ("destination", "destination_conf"),
];

/// The legs of a row, if it has any.
pub(super) fn itinerary(cells: &mut Cells<'_>) -> Option<Entry> {
    let mut legs = Vec::new();
    for (place, mark) in COLUMNS {
        let path = format!("itinerary.legs[{}]", legs.len() + 1);
        match cells.take(place, &format!("{path}.place.text")) {
            Some(reported) => legs.push(leg(cells, place, mark, reported, &path)),
            None => cells.keep(mark, "a mark without a place"),
        }
    }
    (!legs.is_empty()).then(|| table("itinerary", vec![list("legs", legs)]))
}

fn leg(
    cells: &mut Cells<'_>,
    column: &'static str,
    mark: &'static str,
    reported: &str,
    path: &str,
) -> Vec<Entry> {
    let role = match column {
        "origin" => "origin",
        "via" => "transit",
        "destination" => "destination",
        // Where it went or was to go from the place of the find: the form has no such role.
        _ => "unknown",
    };
    let status = match cells.take(mark, &format!("{path}.status")) {
        Some("C") => "confirmed",
        Some(_) => "unconfirmed",
        None => {
            cells.note(column, "no mark beside it; taken as unconfirmed");
            "unconfirmed"
        }
    };
    let mut place = vec![text("text", reported)];
    place.extend(names::country_fields(reported));
    if names::country(reported).is_none() {
        cells.note(column, "it is no country of the table; the country is taken as unknown (XX)");
    }
    let mut leg = vec![text("role", role), text("status", status), table("place", place)];
    if role == "unknown" {
        leg.push(text("reported", &format!("{column}: {reported}")));
    }
    leg
}
