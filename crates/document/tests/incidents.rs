//! 552 real seizure incidents with all their dirt: each becomes an Ecomessage or says precisely why not, and no cell
//! is lost or made up.

use std::collections::BTreeMap;
use std::path::Path;

use ecomesh_document::Document;
use ecomesh_document::incident::{self, COLUMNS, MappedIncident};
use serde_json::Value;

/// The rows of the real sheet, or `None`, visibly, where it is not at hand.
fn sheet() -> Option<Vec<BTreeMap<String, String>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pangolin_incidents.csv");
    let Ok(mut reader) = csv::Reader::from_path(&path) else {
        eprintln!("skipped: the incident sheet is not at {}", path.display());
        return None;
    };
    let headings: Vec<String> = reader
        .headers()
        .expect("the sheet has headings")
        .iter()
        .map(|h| h.trim_start_matches('\u{feff}').to_owned())
        .collect();
    let row =
        |record: csv::StringRecord| headings.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
    Some(reader.records().map(|record| row(record.expect("a row is CSV"))).collect())
}

/// The value under a path such as `products[1].quantities[2]`.
fn at<'v>(json: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(json, |value, step| match step.split_once('[') {
        None => value.get(step),
        Some((name, index)) => value.get(name)?.get(index.trim_end_matches(']').parse::<usize>().ok()? - 1),
    })
}

/// Each cell that is not blank is where the map says; kept cells are there word for word.
fn assert_nothing_lost(row: &BTreeMap<String, String>, mapped: &MappedIncident, json: &Value) {
    for column in COLUMNS {
        let cell = row[column].trim();
        let places: Vec<_> = mapped.cells.iter().filter(|(c, _)| *c == column).collect();
        if cell.is_empty() {
            assert!(places.is_empty(), "{column} is blank");
            continue;
        }
        assert_eq!(places.len(), 1, "{column}: {cell:?} has one place: {places:?}");
        let path = &places[0].1;
        let value = at(json, path).unwrap_or_else(|| panic!("{column}: {path} does not exist in {json}"));
        if path.starts_with("reported[") {
            assert_eq!((&value["field"], &value["text"]), (&column.into(), &cell.into()));
        }
        if path.contains("quantities[") {
            let number = cell.parse::<f64>().is_ok() && !(column.ends_with("_n") && cell.contains('.'));
            assert_eq!(value.get("amount").is_some(), number, "{column}: {cell}");
            let kept = value.get(if number { "amount" } else { "reported" }).and_then(Value::as_str);
            assert_eq!(kept, Some(cell), "{column}");
        }
        if matches!(
            column,
            "location" | "outcome" | "moc_description" | "via" | "origin" | "outbound" | "destination"
        ) {
            assert_eq!(value.as_str(), Some(cell), "{column}");
        }
    }
}

#[test]
fn every_real_incident_is_mapped_or_refused_with_a_reason() {
    let Some(rows) = sheet() else { return };
    assert_eq!(rows.len(), 552);
    let (mut mapped, mut refused, mut notes) = (0, Vec::new(), BTreeMap::new());
    for (number, row) in rows.iter().enumerate() {
        let number = u32::try_from(number + 1).unwrap();
        match incident::map_row(row, number) {
            Err(problems) => {
                assert!(problems.iter().all(|p| !p.reason.is_empty()));
                refused.push((number, problems));
            }
            Ok(incident) => {
                mapped += 1;
                for note in &incident.notes {
                    *notes.entry((note.column, note.reason)).or_insert(0) += 1;
                }
                let document = Document::from(incident.ecomessage.clone());
                assert!(document.check().is_ok(), "row {number}:\n{}", document.check());
                let bytes = document.encode().unwrap();
                assert_eq!(Document::decode(256, &bytes).as_ref(), Ok(&document), "row {number}");
                assert_eq!(Document::from_toml(&document.to_toml()).unwrap().0, document, "row {number}");
                assert_nothing_lost(row, &incident, &document.to_json());
            }
        }
    }
    println!("{} rows: {mapped} mapped, {} refused", rows.len(), refused.len());
    for ((column, reason), count) in &notes {
        println!("{count:5} × {column}: {reason}");
    }
    for (number, problems) in &refused {
        println!("row {number}: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    }
    assert_eq!(mapped + refused.len(), 552);
    assert!(refused.is_empty(), "none of these rows is shifted: {refused:?}");
    assert_eq!(
        notes[&("scales_kg", "it is no amount: found, amount unknown; kept in the sheet's words")],
        28
    );
}

/// A clean row, in which tests change a few cells.
fn row(cells: &[(&str, &str)]) -> BTreeMap<String, String> {
    let clean = [
        ("taxon", "Pangolin"),
        ("incident_type", "Seizure"),
        ("location", "Mong Cai"),
        ("country", "Vietnam"),
        ("incident_name", "A seizure"),
        ("year", "2014"),
        ("date", "2014-05-02"),
    ];
    let mut row: BTreeMap<_, _> = COLUMNS.iter().map(|c| ((*c).to_owned(), String::new())).collect();
    row.extend(clean.iter().chain(cells).map(|(c, v)| ((*c).to_owned(), (*v).to_owned())));
    row
}

/// The JSON form of a row.
fn json(cells: &[(&str, &str)]) -> Value {
    let incident = incident::map_row(&row(cells), 1).expect("the row is mapped");
    Document::from(incident.ecomessage).to_json()
}

#[test]
fn a_yes_for_a_weight_is_some_and_not_zero() {
    let quantity = &json(&[("scales_kg", "Y")])["products"][0]["quantities"][0];
    assert_eq!(quantity["certainty"], "unknown");
    assert_eq!((quantity.get("amount"), &quantity["reported"]), (None, &"Y".into()));
}

#[test]
fn reported_and_derived_amounts_stand_beside_each_other() {
    let product = &json(&[("reported_kg", "300.50"), ("estimated_kg", "250")])["products"][0];
    assert_eq!(product["quantities"][0]["amount"], "300.5");
    assert_eq!(product["quantities"][0].get("provenance"), None);
    assert_eq!(
        (&product["quantities"][1]["amount"], &product["quantities"][1]["provenance"]),
        (&"250".into(), &"derived".into())
    );
}

#[test]
fn dates_are_no_better_than_the_sheet() {
    let date =
        |year, date| json(&[("year", year), ("date", date)])["discovery"]["date"].as_str().map(str::to_owned);
    assert_eq!(date("2014", "2014-05-02").as_deref(), Some("2014-05-02"));
    assert_eq!(date("2014", "2014-01-01").as_deref(), Some("2014-01-01?"));
    assert_eq!(date("SPLIT 2014-2015", "2014-12-03").as_deref(), Some("2014-12-03?"));
    assert_eq!(date("2018", "2015-05-22").as_deref(), Some("unknown"));
    assert_eq!(date("2014", "SPLIT 2014-2015").as_deref(), Some("2014"));
    assert_eq!(date("", "").as_deref(), Some("unknown"));
    let split = json(&[("date", "SPLIT 2014-2015")]);
    assert_eq!(
        (&split["reported"][0]["field"], &split["reported"][0]["text"]),
        (&"date".into(), &"SPLIT 2014-2015".into())
    );
}

#[test]
fn countries_come_from_the_table_alone() {
    let place = |country| json(&[("country", country)])["discovery"]["place"].clone();
    assert_eq!(
        (&place("China - Hong Kong")["country"], &place("China - Hong Kong")["country_reported"]),
        (&"HK".into(), &"China - Hong Kong".into())
    );
    assert_eq!((&place(" India")["country"], place(" India").get("country_reported")), (&"IN".into(), None));
    assert_eq!(
        (&place("Congo")["country"], &place("Congo")["country_reported"]),
        (&"XX".into(), &"Congo".into())
    );
}

#[test]
fn the_spellings_of_a_mode_are_one_and_other_words_are_kept() {
    for spelling in ["By road", "By Road", "by road", " by road "] {
        assert_eq!(json(&[("transit_type", spelling)])["transports"][0]["mode"], "road", "{spelling}");
    }
    let online = &json(&[("transit_type", "Online")])["transports"][0];
    assert_eq!((&online["mode"], &online["mode_reported"]), (&"other".into(), &"Online".into()));
}

#[test]
fn a_shifted_row_is_refused_with_the_cell_that_shows_it() {
    let problems = incident::map_row(&row(&[("via", "UC"), ("via_conf", "Dubai")]), 1).unwrap_err();
    let shown: Vec<_> = problems.iter().map(|p| (p.column.as_str(), p.reported.as_str())).collect();
    assert_eq!(shown, [("via_conf", "Dubai"), ("via", "UC")]);
    assert!(problems.iter().all(|p| p.reason.contains("shifted")), "{problems:?}");
}

#[test]
fn what_an_ecomessage_needs_is_asked_for() {
    let refused = |cells: &[(&str, &str)]| incident::map_row(&row(cells), 1).unwrap_err().remove(0);
    assert_eq!(refused(&[("taxon", " ")]).column, "taxon");
    assert_eq!(refused(&[("taxon", "Unicorn")]).reported, "Unicorn");
    assert_eq!(refused(&[("location", "")]).column, "location");
    assert_eq!(refused(&[("price", "12")]).column, "price");
    assert_eq!(refused(&[("outcome", "a\u{202e}b")]).column, "additional.text");
}

#[test]
fn a_mark_without_a_place_and_a_place_without_a_mark_are_told() {
    let incident = incident::map_row(
        &row(&[("via", "Laos"), ("origin_conf", "UC"), ("outbound", "Hanoi"), ("outbound_conf", "C")]),
        1,
    )
    .unwrap();
    let json = Document::from(incident.ecomessage).to_json();
    assert_eq!(json["itinerary"]["legs"][0]["status"], "unconfirmed");
    assert_eq!(json["itinerary"]["legs"][1]["status"], "confirmed");
    assert_eq!(json["itinerary"]["legs"][1]["place"]["country"], "XX");
    assert_eq!(json["reported"][0]["field"], "origin_conf");
    let columns: Vec<_> = incident.notes.iter().map(|n| n.column).collect();
    assert!(
        columns.contains(&"via") && columns.contains(&"origin_conf") && columns.contains(&"outbound"),
        "{columns:?}"
    );
}
