//! What was found and how much: seven columns of counts and weights, of which two are the sheet's own estimates.

use crate::decimal::Decimal;
use crate::incident::cells::Cells;
use crate::incident::{list, names, text};
use crate::tree::{Entry, Value};

/// A column and what its number means.
struct Column {
    name: &'static str,
    /// Weighed in kilograms; otherwise counted.
    weight: bool,
    /// What the sheet itself estimated from other cells.
    derived: bool,
    what: Option<&'static str>,
}

const WHOLE: [Column; 4] = [
    Column { name: "whole_n", weight: false, derived: false, what: Some("whole animals, live or dead") },
    Column { name: "reported_kg", weight: true, derived: false, what: None },
    Column { name: "estimated_kg", weight: true, derived: true, what: None },
    Column { name: "estimated_n", weight: false, derived: true, what: Some("animals") },
];
const LIVE: [Column; 1] = [Column { name: "live_n", weight: false, derived: false, what: None }];
const DEAD: [Column; 1] = [Column { name: "carcass_n", weight: false, derived: false, what: None }];
const SCALES: [Column; 1] = [Column { name: "scales_kg", weight: true, derived: false, what: None }];

/// The products of a row: the find as a whole, live animals, carcasses, scales, as far as there are cells for them.
pub(super) fn products(cells: &mut Cells<'_>) -> Entry {
    let parts: [(&[Column], Option<&str>, Option<&str>); 4] = [
        (&WHOLE, None, None),
        (&LIVE, Some("LIV"), Some("live")),
        (&DEAD, Some("BOD"), Some("dead")),
        (&SCALES, Some("SCA"), Some("parts")),
    ];
    let mut products = Vec::new();
    for (columns, term, condition) in parts {
        let number = products.len() + 1;
        let mut quantities = Vec::new();
        for column in columns {
            let path = format!("products[{number}].quantities[{}]", quantities.len() + 1);
            quantities.extend(quantity(cells, column, &path));
        }
        if !quantities.is_empty() {
            products.push(product(cells, term, condition, quantities));
        }
    }
    if products.is_empty() {
        products.push(product(cells, None, None, Vec::new()));
    }
    cells.take("taxon", "products[1].scientific_name");
    list("products", products)
}

fn product(
    cells: &Cells<'_>,
    term: Option<&str>,
    condition: Option<&str>,
    quantities: Vec<Vec<Entry>>,
) -> Vec<Entry> {
    let mut product = vec![text("kind", "wildlife")];
    let reported = cells.peek("taxon").unwrap_or_default();
    if let Some(taxon) = names::taxon(reported) {
        if taxon.reported {
            product.push(text("reported", reported));
        }
        product.extend([text("scientific_name", taxon.scientific_name), text("rank", taxon.rank)]);
    }
    product.extend(term.map(|term| text("term", term)));
    product.extend(condition.map(|condition| text("condition", condition)));
    if !quantities.is_empty() {
        product.push(list("quantities", quantities));
    }
    product
}

/// A number as it stands; "Y" and everything else as "there was some, the amount is unknown", in the sheet's words.
fn quantity(cells: &mut Cells<'_>, column: &Column, path: &str) -> Option<Vec<Entry>> {
    let cell = cells.take(column.name, path)?;
    let number = Decimal::parse(cell).ok().filter(|n| !n.is_negative());
    let number = number.filter(|n| column.weight || n.is_whole());
    let certainty = match (number, column.derived) {
        (None, _) => "unknown",
        (Some(_), true) => "estimated",
        // The sheet gives a bare number, without "about" or "at least".
        (Some(_), false) => "exact",
    };
    let mut quantity = vec![text("certainty", certainty)];
    match number {
        Some(number) => quantity.push(Entry::new("amount", Value::Text(number.to_string()))),
        None => {
            quantity.push(text("reported", cell));
            cells.note(column.name, "it is no amount: found, amount unknown; kept in the sheet's words");
        }
    }
    if column.weight {
        quantity.push(text("unit", "KIL"));
    }
    quantity.extend(column.what.map(|what| text("what", what)));
    if column.derived {
        quantity.extend([text("provenance", "derived"), text("derivation", "estimate of the sheet")]);
    }
    Some(quantity)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tree::Node;

    #[test]
    fn a_y_is_some_and_not_zero() {
        let row = BTreeMap::from([
            ("scales_kg".to_owned(), "Y".to_owned()),
            ("taxon".to_owned(), "Pangolin".to_owned()),
        ]);
        let mut cells = Cells::new(&row);
        let products = products(&mut cells);
        let quantity = products.node.items()[0].get("quantities").map(Node::items).unwrap()[0].clone();
        assert_eq!(quantity.get("certainty").and_then(Node::as_text), Some("unknown"));
        assert_eq!(quantity.get("amount"), None);
        assert_eq!(quantity.get("reported").and_then(Node::as_text), Some("Y"));
    }
}
