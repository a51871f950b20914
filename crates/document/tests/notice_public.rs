//! The real public list of Red Notices (pseudonymised): every entry is a notice, or has a reason why not.

use std::collections::BTreeMap;
use std::path::Path;

use ecomesh_document::notice::Notice;
use ecomesh_document::notice::public::{PublicNotice, red_notice};
use serde_json::{Value, json};

/// The entries of the list; nothing, said aloud, where it is not at hand.
fn list() -> Option<Vec<Value>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/red_notices_pseudonymised.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the public list is not at {}", path.display());
        return None;
    };
    let list: Value = serde_json::from_str(&text).expect("the list is JSON");
    Some(list["_embedded"]["notices"].as_array().expect("a list of notices").clone())
}

/// What the entry says stands in the notice, letter for letter.
fn assert_nothing_lost(entry: &Value, form: &Value) {
    let said = |key: &str| entry[key].as_str().map(str::trim).filter(|text| !matches!(*text, "" | "-"));
    let person = &form["person"];
    assert_eq!(said("entity_id"), form["request"]["notice_number"].as_str());
    assert_eq!(said("name"), person["family_name"].as_str());
    assert_eq!(said("forename"), person["given_names"].as_str());
    let birth = said("date_of_birth").map(|date| date.replace('/', "-"));
    assert_eq!(birth.as_deref(), person["birth_date"].as_str());
    let countries = |list: &Value| -> Vec<String> {
        list.as_array()
            .into_iter()
            .flatten()
            .map(|c| c.as_str().expect("a code").replace("UNK", "XX"))
            .collect()
    };
    assert_eq!(countries(&entry["nationalities"]), countries(&person["nationalities"]));
    let photograph = entry["_links"]["thumbnail"]["href"].as_str();
    assert_eq!(photograph, person["photographs"][0]["description"].as_str());
}

#[test]
fn every_real_entry_is_a_notice_or_has_a_reason() {
    let Some(entries) = list() else { return };
    assert_eq!(entries.len(), 451);
    let (mut converted, mut refused, mut notes) = (0, Vec::new(), BTreeMap::new());
    let mut lacks: BTreeMap<&str, u32> = BTreeMap::new();
    for entry in &entries {
        match red_notice(entry) {
            Err(problems) => {
                assert!(problems.iter().all(|p| !p.reason.is_empty()));
                refused.push((entry["entity_id"].clone(), problems));
            }
            Ok(PublicNotice { notice, notes: of_entry }) => {
                converted += 1;
                for note in of_entry {
                    *notes.entry(note).or_insert(0) += 1;
                }
                let form = notice.to_json();
                assert_nothing_lost(entry, &form);
                assert_eq!(Notice::carried(&form).as_ref(), Ok(&notice));
                assert!(!notice.render().is_empty());
                // An extract is no request: each rule that it does not meet is named, once for each entry.
                let report = notice.check();
                assert!(!report.is_ok());
                let rules: std::collections::BTreeSet<_> =
                    report.errors().map(|p| p.rule.expect("every error has its rule").id).collect();
                rules.into_iter().for_each(|rule| *lacks.entry(rule).or_insert(0) += 1);
            }
        }
    }
    println!("{} entries: {converted} converted, {} refused", entries.len(), refused.len());
    for ((key, reason), count) in &notes {
        println!("{count:5} × {key}: {reason}");
    }
    for (rule, count) in &lacks {
        println!("{count:5} lack what {rule} asks of a request");
    }
    for (id, problems) in &refused {
        println!("{id}: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    }
    assert_eq!(converted + refused.len(), 451);
    assert!(refused.is_empty(), "each of these entries has a name or a photograph: {refused:?}");
}

/// An entry in detail, in which a test changes a key.
fn detail(key: &str, value: Value) -> PublicNotice {
    let mut entry = json!({
        "entity_id": "1999/123", "name": "EXAMPLE", "forename": "ALI", "date_of_birth": "1974/05/11",
        "nationalities": ["KE"], "_links": { "self": { "href": "https://notices.example.invalid/red/1999-123" } },
        "_embedded": { "links": [] }
    });
    entry[key] = value;
    red_notice(&entry).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[test]
fn the_known_dirt_is_taken_and_told() {
    let value = |key, given: Value, path: &str| {
        let notice = detail(key, given).notice.to_json();
        notice.pointer(path).cloned().unwrap_or(Value::Null)
    };
    for nothing in [json!(null), json!("-"), json!(" ")] {
        assert_eq!(value("forename", nothing, "/person/given_names"), Value::Null);
    }
    assert_eq!(value("date_of_birth", json!("1966"), "/person/birth_date"), "1966");
    assert_eq!(value("date_of_birth", json!("1966/02/31"), "/reported/0/text"), "1966/02/31");
    assert_eq!(value("nationalities", json!(["UNK", "914"]), "/person/nationalities"), json!(["XX", "914"]));
    assert_eq!(value("sex_id", json!("U"), "/person/sex"), "unknown");
    assert_eq!(value("height", json!(1.75), "/person/description/height_cm"), 175);
    assert_eq!(value("height", json!(0), "/person/description"), Value::Null);
    assert_eq!(value("weight", json!(0), "/reported"), Value::Null);
    assert_eq!(value("weight", json!(70.5), "/reported/0/text"), "70.5");
    assert_eq!(value("eyes_colors_id", json!(["BRO", "BROH"]), "/person/description/eyes"), json!(["brown"]));
    assert_eq!(value("eyes_colors_id", json!(["BRO", "BROH"]), "/reported/0/text"), "BROH");
    assert_eq!(value("hairs_id", json!(null), "/person/description"), Value::Null);
    assert_eq!(value("languages_spoken_ids", json!(["FRE", "ARA"]), "/person/languages/1"), "ARA");
    assert_eq!(value("surprise", json!({ "a": 1 }), "/reported/0/text"), "{\"a\":1}");
    let warrants =
        json!([{ "issuing_country_id": "FR", "charge": "vol\r\nrecel", "charge_translation": null }]);
    let form = detail("arrest_warrants", warrants).notice.to_json();
    assert_eq!(form["judicial"]["charges"], json!([{ "charge": "vol\nrecel" }]));
    assert_eq!(form["judicial"]["warrants"], json!([{ "country": "FR" }]));
    let told: Vec<_> = detail("nationalities", json!(["KE", "TZ"])).notes;
    assert!(told.contains(&("nationalities".into(), "several nationalities")), "{told:?}");
}

#[test]
fn an_entry_about_nobody_is_refused_with_reasons() {
    let refused = |entry: Value| -> Vec<String> {
        red_notice(&entry).unwrap_err().into_iter().map(|p| p.key).collect()
    };
    assert_eq!(refused(json!("x")), [""]);
    assert_eq!(refused(json!({})), ["entity_id", "name"]);
    assert_eq!(refused(json!({ "entity_id": "1", "name": "X" })), ["entity_id"]);
    assert_eq!(refused(json!({ "entity_id": "1999/1", "name": "-", "forename": null })), ["name"]);
    assert_eq!(refused(json!({ "entity_id": "1999/1", "name": "a\u{202e}b" })), ["person.family_name"]);
}
