//! Section 5: how much and what it is worth.
//!
//! "Seized, amount unknown" is a certainty of its own, never zero; and an amount that somebody derived (from another,
//! at so many kilograms an animal) never takes the place of the one that was reported.

use crate::codes::{Certainty, Code, Currency, Provenance, Unit, ValueBasis, WeightBasis};
use crate::decimal::Decimal;
use crate::ecomessage::discovery::decimal;
use crate::form::{Reader, form};
use crate::text::Line;
use crate::tree::Node;

form! {
    /// An amount.
    struct Quantity, rules quantity_rules {
        /// How well the amount is known.
        required certainty: Code<Certainty> = "Certainty";
        /// The amount; left out if, and only if, the certainty is unknown.
        optional amount: Decimal = "Amount";
        /// Its unit: KIL kilograms, CUM cubic metres, PCS pieces, …; without a unit it is a number of specimens.
        optional unit: Code<Unit> = "Unit";
        /// What is counted, if that is not plain: "whole animals", "of which live".
        optional what: Line = "Of";
        /// Gross or net.
        optional basis: Code<WeightBasis> = "Weight";
        /// Reported (if absent) or derived.
        optional provenance: Code<Provenance> = "Stated or derived";
        /// How it was derived: "5 kg an animal".
        optional derivation: Line = "Derivation";
        /// The amount as the source wrote it, if that is no number.
        optional reported: Line = "As reported";
    }

    /// A value in money.
    struct Worth, rules worth_rules {
        /// The amount.
        required amount: Decimal = "Amount";
        /// Currency, ISO 4217.
        required currency: Code<Currency> = "Currency";
        /// How well it is known; estimated if absent.
        optional certainty: Code<Certainty> = "Certainty";
        /// On which market it holds.
        optional basis: Code<ValueBasis> = "Basis";
        /// Reported (if absent) or derived.
        optional provenance: Code<Provenance> = "Stated or derived";
        /// Who valued it, or how.
        optional note: Line = "Note";
    }
}

fn quantity_rules(form: &Node, reader: &mut Reader) {
    let unknown = form.get("certainty").and_then(Node::as_text) == Some("unknown");
    match (unknown, form.get("amount")) {
        (true, Some(_)) => {
            reader.error(
                form,
                "amount",
                "there is an amount although it is unknown",
                "delete the amount, or set certainty to exact, at-least or estimated",
            );
        }
        (false, None) if form.get("certainty").is_some() => {
            reader.error(
                form,
                "amount",
                "the amount is missing",
                "fill in amount, or set certainty = \"unknown\" (which is not zero)",
            );
        }
        _ => {}
    }
    if let Some(amount) = form.get("amount").and_then(decimal) {
        if amount.is_negative() {
            reader.error(form, "amount", "an amount below zero", "write the amount that was found");
        } else if amount.mantissa() == 0 {
            reader.warn(
                form,
                "amount",
                "an amount of zero",
                "set certainty = \"unknown\" if it is not known",
            );
        } else if form.get("unit").is_none() && !amount.is_whole() {
            reader.warn(form, "unit", "a number of specimens that is not whole", "add the unit");
        }
    }
    if form.get("derivation").is_some() && form.get("provenance").and_then(Node::as_text) != Some("derived") {
        reader.error(
            form,
            "provenance",
            "a derivation of an amount that is not marked as derived",
            "set provenance = \"derived\"",
        );
    }
}

fn worth_rules(form: &Node, reader: &mut Reader) {
    if form.get("amount").and_then(decimal).is_some_and(Decimal::is_negative) {
        reader.error(form, "amount", "a value below zero", "write the value without a sign");
    }
    if form.get("certainty").and_then(Node::as_text) == Some("unknown") {
        reader.error(form, "certainty", "a value that is unknown", "leave the whole entry out");
    }
}
