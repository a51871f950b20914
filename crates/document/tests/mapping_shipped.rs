//! The mappings that come with the program, over their samples and over real input.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ecomesh_document::Document;
use ecomesh_document::entry::DatabaseEntry;
use ecomesh_document::mapping::{Input, Mapped, MappedForm, Mapping, PublicList, Rejected, SHIPPED, Shipped};
use ecomesh_document::notice::Notice;
use serde_json::Value;

/// 28 November 2026.
const NOW_MS: u64 = 1_795_824_000_000;

/// What became of each row, and its number as a spreadsheet shows it.
type Outcomes = Vec<(u64, Result<Mapped, Rejected>)>;

fn shipped(name: &str) -> Mapping {
    let toml = Shipped::find(name).expect("a shipped mapping").toml;
    Mapping::parse(toml).unwrap_or_else(|report| panic!("{name}:\n{report}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reads a CSV file through a mapping.
fn import(mapping: &Mapping, path: &Path) -> Outcomes {
    let Input::Csv(dialect) = mapping.input() else { panic!("a mapping for CSV") };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(dialect.delimiter)
        .has_headers(false)
        .flexible(true)
        .from_path(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row is CSV")).collect();
    let header: Vec<&str> = rows[0].iter().collect();
    let sheet = mapping.sheet(&header).unwrap_or_else(|report| panic!("{report}"));
    let row = |(number, row): (u64, &csv::StringRecord)| {
        (number, sheet.row(number, &row.iter().collect::<Vec<_>>(), NOW_MS))
    };
    (2..).zip(&rows[1..]).map(row).collect()
}

/// A form that comes out of a mapping passes its own check, and is the same again from its TOML.
fn assert_can_be_sent(form: &MappedForm) {
    let toml = form.to_toml();
    match form {
        MappedForm::Document(document) => {
            assert!(document.check().is_ok(), "{}", document.check());
            assert_eq!(Document::from_toml(&toml).expect("a document").0, *document);
        }
        MappedForm::Entry(entry) => {
            assert!(entry.check().is_ok(), "{}", entry.check());
            assert_eq!(DatabaseEntry::from_toml(&toml).expect("an entry").0, *entry);
        }
        MappedForm::Notice(notice) => assert_eq!(Notice::carried(&form.to_json()).as_ref(), Ok(notice)),
    }
}

/// Rows, accepted, rejected, warnings.
fn counts(outcomes: &Outcomes) -> (usize, usize, usize, usize) {
    let accepted: Vec<&Mapped> = outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).collect();
    accepted.iter().for_each(|mapped| assert_can_be_sent(&mapped.form));
    let warnings = accepted.iter().map(|mapped| mapped.warnings.len()).sum();
    (outcomes.len(), accepted.len(), outcomes.len() - accepted.len(), warnings)
}

#[test]
fn every_shipped_mapping_is_whole_and_says_how_to_adapt_it() {
    for mapping in SHIPPED {
        let parsed = shipped(mapping.name);
        assert!(parsed.title().is_some_and(|title| !title.is_empty()), "{}", mapping.name);
        assert!(mapping.toml.starts_with("# ") && mapping.toml.contains("adapt"), "{}", mapping.name);
    }
    assert!(Shipped::find("nothing").is_none());
}

/// The problems of a row, as column and reason.
fn told(outcomes: &Outcomes, row: u64) -> Vec<(String, String)> {
    let (_, outcome) = outcomes.iter().find(|(number, _)| *number == row).expect("such a row");
    let problems = outcome.as_ref().expect_err("a row that is refused").problems.clone();
    problems.into_iter().map(|problem| (problem.column, problem.reason)).collect()
}

fn form(outcomes: &Outcomes, row: u64) -> Value {
    let (_, outcome) = outcomes.iter().find(|(number, _)| *number == row).expect("such a row");
    outcome.as_ref().expect("an accepted row").form.to_json()
}

fn sample(name: &str) -> Outcomes {
    import(&shipped(name), &root().join(format!("node-config/demo/import/{name}.csv")))
}

#[test]
fn lists_of_travel_documents_become_entries() {
    let outcomes = sample("travel-documents");
    assert_eq!(counts(&outcomes), (9, 4, 5, 5));
    let entry = form(&outcomes, 3);
    assert_eq!(
        (&entry["document"]["kind"], &entry["document"]["country"]),
        (&"identity-card".into(), &"KE".into())
    );
    assert_eq!(entry["date"], "2026-03-05");
    // A dash is blank, and a blank field is not there.
    assert_eq!(entry["document"].get("expires"), None);
    assert_eq!(form(&outcomes, 8)["reported"][0]["text"], "spring 2019");
    assert_eq!(told(&outcomes, 5)[0].0, "Check digit");
    assert!(told(&outcomes, 9)[0].1.contains("11 cells where the sheet has 13 columns"));
    let missing: Vec<_> = told(&outcomes, 10).into_iter().map(|(column, _)| column).collect();
    assert_eq!(missing, ["Reference", "Document number", "Status"]);
    // No form holds a name of the column that is left out.
    assert!(
        outcomes
            .iter()
            .all(|(_, o)| o.as_ref().is_ok_and(|m| !m.form.to_toml().contains("EXAMPLE")) || o.is_err())
    );
}

#[test]
fn lists_of_vehicles_become_entries() {
    let outcomes = sample("vehicles");
    assert_eq!(counts(&outcomes), (7, 4, 3, 6));
    let truck = form(&outcomes, 2);
    assert_eq!((&truck["vehicle"]["kind"], &truck["vehicle"]["year"]), (&"truck".into(), &1989.into()));
    assert_eq!(truck["theft"]["report"], "Arusha Central, AR/1/2026");
    // A number that breaks the standard is kept, and the plate finds the vehicle.
    let motorcycle = form(&outcomes, 4);
    assert_eq!(motorcycle["vehicle"].get("vin"), None);
    assert_eq!(motorcycle["reported"][0]["text"], "1M8GDM9A1KP042788");
    assert_eq!(form(&outcomes, 5)["vehicle"]["part_numbers"], serde_json::json!(["GB-7781", "AB-0042"]));
    // Without a plate nothing is left to find it by: both reasons are told.
    let (column, reason) = &told(&outcomes, 7)[0];
    assert_eq!(column, "VIN");
    assert!(
        reason.contains("a number by which it can be found") && reason.contains("check digit"),
        "{reason}"
    );
}

#[test]
fn rows_of_the_illegal_trade_report_become_ecomessages() {
    let outcomes = sample("cites-illegal-trade");
    assert_eq!(counts(&outcomes), (5, 3, 2, 7));
    let ivory = form(&outcomes, 2);
    let quantity = &ivory["products"][0]["quantities"][0];
    assert_eq!((&quantity["amount"], &quantity["unit"]), (&"1250.5".into(), &"KIL".into()));
    // The transit is blank: the legs close up.
    let legs = ivory["itinerary"]["legs"].as_array().expect("legs");
    let legs: Vec<_> = legs.iter().map(|leg| (&leg["role"], &leg["place"]["country"])).collect();
    assert_eq!(legs, [(&"origin".into(), &"TZ".into()), (&"destination".into(), &"VN".into())]);
    let scales = form(&outcomes, 3);
    let quantity = &scales["products"][0]["quantities"][0];
    assert_eq!((&quantity["certainty"], quantity.get("amount")), (&"unknown".into(), None));
    assert_eq!(
        scales["itinerary"]["legs"][1]["place"],
        serde_json::json!({ "text": "Atlantis", "country": "XX" })
    );
    let reported: Vec<_> =
        scales["reported"].as_array().expect("reported cells").iter().map(|r| &r["text"]).collect();
    assert_eq!(reported, ["fine of 500", "destroyed", "about 20 bags"]);
}

#[test]
fn the_sample_of_incidents_shows_a_shifted_row() {
    let outcomes = sample("pangolin-incidents");
    assert_eq!(counts(&outcomes), (5, 3, 2, 4));
    assert_eq!(form(&outcomes, 2)["reference"], "EIA-PANGOLIN-0002");
    assert!(told(&outcomes, 5).iter().all(|(_, reason)| reason.contains("shifted")));
    let mapping = shipped("pangolin-incidents");
    let report = mapping.sheet(&["taxon", "locatoin"]).unwrap_err();
    let said = report.to_string();
    assert!(said.contains("no column \"location\"; rename \"locatoin\""), "{said}");
    assert!(said.contains("foreign column \"locatoin\""), "{said}");
}

#[test]
fn the_whole_incident_sheet_goes_through_its_mapping() {
    let path = root().join("../shared/data/pangolin_incidents.csv");
    if !path.exists() {
        return eprintln!("skipped: the incident sheet is not at {}", path.display());
    }
    let outcomes = import(&shipped("pangolin-incidents"), &path);
    let mut warnings: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for warning in outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).flat_map(|m| &m.warnings)
    {
        *warnings.entry((&warning.column, &warning.reason)).or_insert(0) += 1;
    }
    println!("{:?}, {} sorts of warnings", counts(&outcomes), warnings.len());
    assert_eq!(counts(&outcomes), (552, 552, 0, 308));
    assert_eq!(
        warnings[&("scales_kg", "it is no amount: found, amount unknown; kept in the sheet's words")],
        28
    );
}

#[test]
fn every_entry_of_the_public_list_is_an_extract_or_has_a_reason() {
    let page = |path: &Path| -> PublicList {
        let text = std::fs::read_to_string(path).expect("a readable file");
        PublicList::new(serde_json::from_str(&text).expect("JSON")).expect("a public list")
    };
    let numbered = |list: &PublicList| (1..).zip(list.notices(NOW_MS)).collect::<Outcomes>();
    let outcomes = numbered(&page(&root().join("node-config/demo/import/public-notices.json")));
    assert_eq!(counts(&outcomes), (4, 2, 2, 5));
    assert_eq!((told(&outcomes, 3)[0].0.as_str(), told(&outcomes, 4)[0].0.as_str()), ("entity_id", "name"));
    let path = root().join("../shared/data/red_notices_pseudonymised.json");
    if !path.exists() {
        return eprintln!("skipped: the public list is not at {}", path.display());
    }
    let outcomes = numbered(&page(&path));
    println!("{:?}", counts(&outcomes));
    assert_eq!(counts(&outcomes), (451, 451, 0, 288));
}

#[test]
fn the_public_list_is_found_in_what_wraps_it() {
    let entry = serde_json::json!({ "entity_id": "2026/1", "name": "EXAMPLE" });
    let length = |file: Value| PublicList::new(file).map(|list| list.len());
    assert_eq!(length(entry.clone()), Some(1));
    assert_eq!(length(serde_json::json!([entry, entry])), Some(2));
    assert_eq!(length(serde_json::json!({ "_embedded": { "notices": [] } })), Some(0));
    for other in [serde_json::json!({}), serde_json::json!(3), serde_json::json!({ "_embedded": [] })] {
        assert_eq!(length(other), None);
    }
    let mapping = shipped("public-notices");
    assert_eq!(mapping.input(), Input::PublicList);
    assert!(mapping.sheet(&["name"]).unwrap_err().to_string().contains("in JSON"));
}
