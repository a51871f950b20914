//! Section 4: what was found. One kind of entry for all goods; each kind of product has fields of its own.

use crate::check_digits;
use crate::codes::{
    Appendix, Code, Condition, Country, MarkKind, MarpolAnnex, MontrealAnnex, ProductKind, Purpose, Rank,
    Source, Term, TimberForm, Unit,
};
use crate::customs;
use crate::date::PartialDate;
use crate::ecomessage::quantity::{Quantity, Worth};
use crate::form::{Reader, form, no_rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// What was found, how much of it, what it is worth.
    struct Product, rules rules {
        /// Kind of product.
        required kind: Code<ProductKind> = "Kind";
        /// What it is, in words.
        optional description: Prose = "Description";
        /// The product as the source wrote it, if that does not fit the fields.
        optional reported: Line = "As reported";
        /// Scientific name; needed for wildlife, timber and fish. A genus ("Dalbergia spp.") or a family will do.
        optional scientific_name: Line = "Scientific name";
        /// Rank of that name; species if absent.
        optional rank: Code<Rank> = "Rank";
        /// Common name.
        optional common_name: Line = "Common name";
        /// CITES appendix on the date of the offence, not today's.
        optional appendix: Code<Appendix> = "CITES appendix";
        /// Date for which the appendix was looked up.
        optional appendix_date: PartialDate = "Appendix as of";
        /// CITES term: TUS tusks, SCA scales, LIV live, LOG logs, SWI swim bladders, …
        optional term: Code<Term> = "Term";
        /// Live, dead or otherwise.
        optional condition: Code<Condition> = "Condition";
        /// Rings, microchips, tags, hammer marks, inscriptions, one entry each.
        list marks: Mark = "Mark";
        /// CITES source codes; I (seized) stands together with another.
        list sources: Code<Source> = "Source";
        /// CITES purpose, as a permit states it.
        optional purpose: Code<Purpose> = "Purpose";
        /// Countries where it was taken from the wild, if known.
        list origins: Code<Country> = "Country of origin";
        /// Form of timber.
        optional timber_form: Code<TimberForm> = "Form of timber";
        /// Volume of timber.
        optional volume: Quantity = "Volume";
        /// Waste codes of the Basel Convention: Y-code, or an entry of Annex VIII (A…) or IX (B…).
        list basel_codes: Line = "Basel code";
        /// European waste codes (List of Waste), six digits: "20 01 36".
        list ewc_codes: Line = "European waste code";
        /// UN number of dangerous goods, four digits.
        optional un_number: Line = "UN number";
        /// CAS number of a chemical: "75-71-8".
        optional cas_number: Line = "CAS number";
        /// Customs code of the Harmonized System, 2 to 10 digits.
        optional hs_code: Line = "HS code";
        /// Annex and group of the Montreal Protocol.
        optional montreal_annex: Code<MontrealAnnex> = "Montreal Protocol annex";
        /// Packaging: cylinders, bales, drums, cartons, …
        optional packaging: Line = "Packaging";
        /// Annex of MARPOL.
        optional marpol_annex: Code<MarpolAnnex> = "MARPOL annex";
        /// Substance that was discharged.
        optional substance: Line = "Substance";
        /// Sea area of the discharge: waters, zone, extent of the slick.
        optional area: Line = "Area";
        /// Isotope: "Cs-137".
        optional isotope: Line = "Isotope";
        /// Activity of a radioactive source.
        optional activity: Quantity = "Activity";
        /// Section 5: amounts, one entry each. Reported and derived amounts stand beside each other.
        list quantities: Quantity = "Quantity";
        /// Section 5: values, one entry each.
        list values: Worth = "Value";
    }

    /// A mark on an animal or a product.
    struct Mark, rules no_rules {
        /// Kind of mark.
        required kind: Code<MarkKind> = "Kind";
        /// Its number or words.
        required value: Line = "Mark";
    }
}

fn rules(form: &Node, reader: &mut Reader) {
    let text = |field: &str| form.get(field).and_then(Node::as_text);
    let kind = text("kind").unwrap_or_default();
    if matches!(kind, "wildlife" | "timber" | "fish") && form.get("scientific_name").is_none() {
        reader.error(
            form,
            "scientific_name",
            format!("a product of kind {kind} needs a scientific name"),
            "fill in scientific_name; a genus or a family will do, with its rank",
        );
    }
    if kind == "vessel-discharge" && form.get("substance").is_none() {
        reader.error(
            form,
            "substance",
            "a discharge from a vessel needs the substance",
            "fill in substance; \"unknown\" if it is not known",
        );
    }
    if kind == "radioactive" && form.get("isotope").is_none() {
        reader.error(
            form,
            "isotope",
            "a radioactive substance needs its isotope",
            "fill in isotope; \"unknown\" if it is not known",
        );
    }
    if matches!(kind, "waste" | "chemical" | "other")
        && form.get("description").is_none()
        && form.get("reported").is_none()
    {
        reader.error(
            form,
            "description",
            format!("a product of kind {kind} needs words"),
            "fill in description",
        );
    }
    if form.get("quantities").is_none() && form.get("volume").is_none() && form.get("activity").is_none() {
        reader.warn(
            form,
            "quantities",
            "a product without any quantity",
            "add an entry with certainty = \"unknown\" if the amount is not known",
        );
    }
    warn_about_rank(form, reader);
    warn_about_units(form, reader);
    warn_about_numbers(form, reader);
}

/// "Manis spp." and a single word are no species.
fn warn_about_rank(form: &Node, reader: &mut Reader) {
    let Some(name) = form.get("scientific_name").and_then(Node::as_text) else { return };
    let rank = form.get("rank").and_then(Node::as_text).unwrap_or("species");
    let higher = name.ends_with("spp.") || !name.trim().contains(' ');
    if higher && matches!(rank, "species" | "subspecies") {
        reader.warn(
            form,
            "rank",
            "the scientific name is not that of a species",
            "set rank = \"genus\" or \"family\"",
        );
    }
}

/// CITES lists the units in which each term is usually counted; others occur, so this is only a warning.
fn warn_about_units(form: &Node, reader: &mut Reader) {
    let term = form.get("term").and_then(Node::as_text).and_then(|t| Code::<Term>::table().find(t));
    let Some((term, usual)) = term.and_then(|t| Some((t, t.column("units")?))) else { return };
    for (i, quantity) in form.get("quantities").map(Node::items).unwrap_or_default().iter().enumerate() {
        let unit = quantity.get("unit").and_then(Node::as_text).unwrap_or("-");
        // Tonnes and pounds are kilograms written otherwise; the convention knows nothing of our own units.
        let weight = matches!(unit, "TON" | "OUN" | "PND") && usual.contains("KIL");
        let ours = Code::<Unit>::table().find(unit).is_some_and(|u| u.column("scheme") == Some("ecomesh"));
        if !weight && !ours && !usual.split(' ').any(|u| u == unit) {
            let advice = format!("usual are {usual} (- is a number of specimens); check term and unit");
            reader.warn(
                form,
                &format!("quantities[{}].unit", i + 1),
                format!("{} ({}) is not usually counted in {unit}", term.code(), term.label("en")),
                advice,
            );
        }
    }
}

/// Numbers with a fixed form or a check digit.
fn warn_about_numbers(form: &Node, reader: &mut Reader) {
    type Check = fn(&str) -> bool;
    let single: [(&str, Check, &str); 3] = [
        ("un_number", check_digits::is_un_number, "a UN number has four digits"),
        (
            "cas_number",
            check_digits::is_cas_number,
            "a CAS number looks like 75-71-8, its last digit is a check digit",
        ),
        ("hs_code", check_digits::is_hs_code, "a customs code has 2 to 10 digits"),
    ];
    for (field, check, advice) in single {
        if form.get(field).and_then(Node::as_text).is_some_and(|value| !check(value)) {
            reader.warn(form, field, "the number is not well formed", advice);
        }
    }
    if let Some(code) = form.get(customs::FIELD).and_then(Node::as_text)
        && check_digits::is_hs_code(code)
        && customs::heading(code).is_none()
    {
        reader.warn(
            form,
            customs::FIELD,
            "no chapter of the Harmonized System begins like this",
            "check the first digits: two of the chapter (44 wood), four of the heading, six of the subheading; \
             `ecomesh codes show hs` lists them",
        );
    }
    let lists: [(&str, Check, &str); 2] = [
        ("basel_codes", check_digits::is_basel_code, "a Basel code looks like Y46, A1180 or B3011"),
        ("ewc_codes", check_digits::is_ewc_code, "a European waste code has six digits"),
    ];
    for (field, check, advice) in lists {
        if form
            .get(field)
            .is_some_and(|list| list.items().iter().filter_map(Node::as_text).any(|value| !check(value)))
        {
            reader.warn(form, field, "a code of the list is not well formed", advice);
        }
    }
}
