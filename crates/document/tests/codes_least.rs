//! Lists that a bureau has replaced, in the one process that has them in force: with every list cut down to what must stay,
//! all that the program itself writes is still accepted, and what others or this bureau wrote before is still read.

use std::collections::BTreeMap;

use ecomesh_document::codes::{
    Code, CodeSet, CodeTable, Country, InstallError, LISTS, MayChange, Unit, builtin, install, table,
};
use ecomesh_document::entry::database;
use ecomesh_document::incident::{COLUMNS, map_row};
use ecomesh_document::mapping::{Mapping, SHIPPED};
use ecomesh_document::{Document, ECOMESSAGE, check, entry, render, template};
use serde_json::json;

/// Every list that may lose codes with no more than must stay, or with one code if none must.
fn least() -> Vec<CodeTable> {
    let least = LISTS.iter().filter_map(|list| {
        let own = builtin().get(list.name)?;
        let kept = match list.may_change {
            MayChange::Open => vec![own.entries()[0].code()],
            MayChange::Keeps(codes) => codes.to_vec(),
            MayChange::Grows | MayChange::Fixed => return None,
        };
        let mut lines: Vec<String> = own.to_tsv().lines().map(str::to_owned).collect();
        let stays = |line: &String| kept.contains(&line.split('\t').next().unwrap_or_default());
        let mut body = lines.split_off(2);
        body.retain(stays);
        if list.name == "term" {
            // Terms are counted in units that are not there any more.
            let without_units = |line: &str| line.rsplit_once('\t').map_or("", |(rest, _)| rest).to_owned();
            body.iter_mut().for_each(|line| *line = without_units(line) + "\t- KIL");
        }
        let text = [lines, body].concat().join("\n");
        Some(CodeTable::parse(list.name, &text).unwrap_or_else(|errors| panic!("{}: {errors:?}", list.name)))
    });
    let mut tables: Vec<CodeTable> = least.collect();
    let unit = tables.iter_mut().find(|table| table.name == "unit").expect("the list of units");
    let more = format!("{}XQ\theaps\t\t\tcount\tecomesh\n", unit.to_tsv());
    *unit = CodeTable::parse("unit", &more).expect("a table");
    let country = builtin().get("country").expect("the list of countries").to_tsv();
    let other = country.replace("KE\tKEN\t", "KE\tQQQ\t");
    assert_ne!(other, country);
    tables.push(CodeTable::parse("country", &other).expect("a table"));
    tables
}

/// A row of the sheet with these cells, and what every row needs.
fn row(cells: &[(&str, &str)]) -> BTreeMap<String, String> {
    let needed = [("taxon", "Pangolin"), ("location", "Entebbe"), ("country", "Uganda")];
    let named = COLUMNS.iter().map(|column| ((*column).to_owned(), String::new()));
    named
        .chain(needed.iter().chain(cells).map(|(name, cell)| ((*name).to_owned(), (*cell).to_owned())))
        .collect()
}

fn every_row_of_the_sheet_is_taken() {
    let mut rows: Vec<_> =
        ["By air", "By sea", "By road", "By rail", "By river", "Posted", "In luggage", "On foot", "by mule"]
            .iter()
            .map(|mode| row(&[("transit_type", mode)]))
            .collect();
    rows.extend(
        ["hidden", "mis-declared", "mis-described", "luggage", "buried"]
            .iter()
            .map(|way| row(&[("moc", way)])),
    );
    rows.extend(
        ["Manis javanica", "Manis javanica / Manis pentadactyla"].map(|name| row(&[("taxon", name)])),
    );
    rows.push(row(&[
        ("whole_n", "3"),
        ("live_n", "2"),
        ("carcass_n", "1"),
        ("scales_kg", "Y"),
        ("estimated_kg", "5"),
        ("lat", "1.5"),
        ("lon", "32"),
        ("incident_type", "Trial"),
    ]));
    rows.push(row(&[
        ("origin", "Africa"),
        ("via", "Various"),
        ("via_conf", "C"),
        ("outbound", "Thailand"),
        ("destination", "China"),
        ("destination_conf", "UC"),
    ]));
    for row in rows {
        let mapped = map_row(&row, 1).unwrap_or_else(|problems| panic!("{row:?}: {problems:?}"));
        assert!(
            mapped
                .ecomessage
                .products
                .iter()
                .all(|product| product.term.is_none() || product.condition.is_some())
        );
    }
}

fn form(unit: &str) -> serde_json::Value {
    json!({
        "form": "ecomessage",
        "reference": "X 1",
        "language": "en",
        "subject": { "family": "fauna" },
        "legal": { "offence": "possession" },
        "discovery": { "date": "2026-01-02", "place": { "text": "Nairobi", "country": "KE" } },
        "products": [{
            "kind": "wildlife",
            "scientific_name": "Loxodonta africana",
            "quantities": [{ "amount": "3", "unit": unit, "certainty": "exact" }],
        }],
        "agency": { "name": "Customs" },
    })
}

#[test]
fn replaced_lists_hold_and_what_they_lack_is_still_read() {
    install(CodeSet::with(least()).expect("they fit")).expect("nothing has looked at a table");
    assert_eq!(install(builtin().clone()), Err(InstallError));
    assert!(table("unit").is_some_and(|unit| unit.find("XQ").is_some() && unit.find("CAN").is_none()));
    assert!(builtin().get("unit").is_some_and(|unit| unit.find("XQ").is_none()));

    for mapping in SHIPPED {
        Mapping::parse(mapping.toml).unwrap_or_else(|report| panic!("{}: {report}", mapping.name));
    }
    assert!(template::ecomessage(None).contains("heaps"));
    for database in database::ALL {
        assert!(!entry::template(database, None).is_empty());
    }
    every_row_of_the_sheet_is_taken();

    // A new unit is taken, and one that is gone is refused.
    let (with_new, report) = Document::from_json(&form("XQ")).unwrap_or_else(|report| panic!("{report}"));
    assert!(report.is_ok() && render(&with_new).contains("XQ (heaps)"));
    // Written by a bureau whose list has another unit, or by this one before.
    let bytes = String::from_utf8(with_new.encode().expect("its bytes")).expect("text");
    let bytes = bytes.replace("\"XQ\"", "\"CAN\"").into_bytes();
    let before = Document::decode(ECOMESSAGE.number, &bytes).expect("a document");
    assert!(check(&before.to_toml()).to_string().contains("is not in the list of codes \"unit\""));
    assert!(render(&before).contains("CAN (code not known here)"), "{}", render(&before));
    // What this bureau wrote before can be written anew in parts.
    assert!(before.encode().is_err());
    assert_eq!(before.encode_again().expect("its bytes"), bytes);

    // Who may enter a document is decided by the built-in table alone, or nodes would decide differently.
    assert!(table("country").and_then(|list| list.find("KE")?.column("alpha3")) == Some("QQQ"));
    let ke = ecomesh_document::member::MemberCode::parse("KE").expect("a member");
    assert!(entry::issues("KEN", &ke) && !entry::issues("QQQ", &ke));
    assert!(Code::<Country>::new("KE").is_ok_and(|code| code.entry().is_some()));
    assert!(Code::<Unit>::new("XQ").is_ok_and(|code| code.entry().is_some()));
}
