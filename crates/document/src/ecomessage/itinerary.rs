//! Section 8: the way that the goods took, leg by leg, each confirmed or not.

use crate::codes::{Code, LegRole, LegStatus};
use crate::date::PartialDate;
use crate::ecomessage::discovery::Place;
use crate::form::{Reader, form, no_rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// The way of the goods.
    struct Itinerary, rules rules {
        /// The legs in their order.
        list legs: Leg = "Leg";
        /// Where the goods were to go, if they never arrived there.
        optional intended_destination: Place = "Intended destination";
        /// What is not known of the way.
        optional remarks: Prose = "Remarks";
    }

    /// A place on the way.
    struct Leg, rules no_rules {
        /// Role of the place.
        required role: Code<LegRole> = "Role";
        /// Whether it is established.
        required status: Code<LegStatus> = "Status";
        /// The place.
        required place: Place = "Place";
        /// When the goods were there or left it.
        optional date: PartialDate = "Date";
        /// How they left it: flight, vessel and voyage, truck.
        optional conveyance: Line = "Conveyance";
        /// The leg as the source wrote it, if that does not fit the fields.
        optional reported: Line = "As reported";
    }
}

fn rules(form: &Node, reader: &mut Reader) {
    let legs = form.get("legs").map(Node::items).unwrap_or_default();
    let role = |leg: &Node, wanted: &str| leg.get("role").and_then(Node::as_text) == Some(wanted);
    if let Some(late) = legs.iter().skip(1).find(|leg| role(leg, "origin"))
        && !role(&legs[0], "origin")
    {
        reader.warn(late, "", "an origin stands behind another leg", "legs stand in the order of the way");
    }
    if let Some((_, before)) = legs.split_last()
        && before.iter().any(|leg| role(leg, "destination"))
        && !legs.last().is_some_and(|leg| role(leg, "destination"))
    {
        reader.warn(
            form,
            "legs",
            "a destination stands before another leg",
            "legs stand in the order of the way",
        );
    }
}
