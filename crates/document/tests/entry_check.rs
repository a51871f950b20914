//! Database entries: what a whole one is, that a poor one is told every item that it lacks with its rule, that wrong
//! numbers are named, and who may enter what.

use std::collections::BTreeSet;

use ecomesh_document::entry::{DatabaseEntry, check, database, issues, may_enter};
use ecomesh_document::member::MemberCode;
use ecomesh_document::report::{Problem, Report, Severity};

/// A whole entry of each database.
const SAMPLES: [(&str, &str); 7] = [
    ("sltd", include_str!("../../../node-config/demo/entries/sltd.toml")),
    ("vehicle", include_str!("../../../node-config/demo/entries/vehicle.toml")),
    ("vessel", include_str!("../../../node-config/demo/entries/vessel.toml")),
    ("art", include_str!("../../../node-config/demo/entries/art.toml")),
    ("firearm", include_str!("../../../node-config/demo/entries/firearm.toml")),
    ("nominal", include_str!("../../../node-config/demo/entries/nominal.toml")),
    ("seizure", include_str!("../../../node-config/demo/entries/seizure.toml")),
];

fn sample(database: &str) -> &'static str {
    SAMPLES.iter().find(|(name, _)| *name == database).expect("a sample of each database").1
}

/// The report on the sample of a database, in which one piece was replaced.
#[track_caller]
fn report_with(database: &str, from: &str, to: &str) -> Report {
    assert!(sample(database).contains(from), "{from}");
    check(&sample(database).replacen(from, to, 1))
}

/// The single problem of it.
#[track_caller]
fn problem_with(database: &str, from: &str, to: &str) -> Problem {
    let report = report_with(database, from, to);
    assert_eq!(report.problems().len(), 1, "{from} {to}\n{report}");
    report.problems()[0].clone()
}

/// Severity, path and rule of the single problem.
#[track_caller]
fn verdict(database: &str, from: &str, to: &str) -> (Severity, String, &'static str) {
    let problem = problem_with(database, from, to);
    (problem.severity, problem.path, problem.rule.map_or("", |rule| rule.id))
}

/// Path and rule of every error.
fn asked(report: &Report) -> Vec<(&str, &'static str)> {
    report.errors().map(|p| (p.path.as_str(), p.rule.map_or("", |rule| rule.id))).collect()
}

#[test]
fn a_whole_entry_of_each_database_has_no_problem_and_survives_all_forms() {
    assert_eq!(database::ALL.iter().map(|d| d.name).collect::<Vec<_>>(), SAMPLES.map(|(name, _)| name));
    for (name, text) in SAMPLES {
        let (entry, report) =
            DatabaseEntry::from_toml(text).unwrap_or_else(|report| panic!("{name}:\n{report}"));
        assert_eq!(report.problems(), [], "{name}");
        assert_eq!(entry.database().name, name);
        assert_eq!(DatabaseEntry::from_toml(&entry.to_toml()).unwrap().0, entry, "{name}");
        assert_eq!(DatabaseEntry::from_json(&entry.to_json()).unwrap().0, entry, "{name}");
        assert_eq!(DatabaseEntry::carried(&entry.to_json()).as_ref(), Ok(&entry), "{name}");
        assert!(entry.check().is_ok(), "{name}");
    }
}

#[test]
fn a_travel_document_of_nothing_is_told_every_item_with_its_rule() {
    let report = check("form = \"sltd-entry\"\n");
    let asked = asked(&report);
    let expected = [
        ("source", "entry.source"),
        ("source.reference", "entry.source"),
        ("document", "sltd.document"),
        ("document.kind", "sltd.document"),
        ("document.number", "sltd.document"),
        ("document.country", "sltd.document"),
        ("status", "sltd.status"),
        ("date", "sltd.date"),
    ];
    assert_eq!(asked.iter().collect::<BTreeSet<_>>(), expected.iter().collect(), "{report}");
    assert_eq!(asked.len(), expected.len(), "nothing is told twice:\n{report}");
}

#[test]
fn an_entry_of_nothing_is_told_rules_in_every_database() {
    for database in database::ALL {
        let report = check(&format!("form = \"{}\"\n", database.form));
        assert!(
            asked(&report).contains(&("source.reference", "entry.source")),
            "{}:\n{report}",
            database.name
        );
        assert!(report.errors().count() > 4, "{}:\n{report}", database.name);
        for problem in report.errors() {
            assert!(problem.rule.is_some() && !problem.advice.is_empty(), "{}: {problem}", database.name);
        }
    }
}

#[test]
fn what_is_no_entry_is_told_which_there_are() {
    for text in ["", "form = \"red-notice\"\n", "form = 7\n"] {
        let report = check(text);
        assert_eq!(report.problems().len(), 1, "{report}");
        assert!(report.to_string().contains("\"sltd-entry\", \"vehicle-entry\""), "{report}");
    }
}

#[test]
fn an_entry_is_a_document_and_checked_as_its_form_is() {
    for (name, text) in SAMPLES {
        let (as_document, as_entry) = (ecomesh_document::check(text), check(text));
        assert_eq!(as_document.to_string(), as_entry.to_string(), "{name}");
        let (document, _) = ecomesh_document::Document::from_toml(text).unwrap();
        let bytes = document.encode().unwrap();
        assert_eq!(ecomesh_document::Document::decode(262, &bytes).as_ref(), Ok(&document), "{name}");
        let words = ecomesh_document::words(&document);
        let read = ecomesh_document::ReadDocument::decode(262, &bytes).map(|read| read.words);
        assert_eq!(read.as_deref(), Ok(words.as_str()), "{name}");
        assert!(ecomesh_document::Document::decode(259, &bytes).is_err(), "{name}");
        assert_ne!(document.title(), "not named", "{name}");
    }
}

#[test]
fn a_batch_has_one_encoding_and_its_lines_are_whole_entries() {
    use ecomesh_document::entry::{Batch, BatchError, DatabaseEntry, EntrySource};
    let sltd = |number: &str| {
        let text = sample("sltd").replace("L898902C3", number).replace("check_digit = \"6\"\n", "");
        DatabaseEntry::from_toml(&text).unwrap().0
    };
    let whole = [sltd("A1"), sltd("A2"), sltd("A3")];
    let source = EntrySource { reference: None, ..whole[0].source().unwrap().clone() };
    let source = EntrySource { reference: whole[0].source().unwrap().reference.clone(), ..source };
    let lines: Vec<_> = whole.iter().map(|entry| entry.clone().with_reference_alone()).collect();
    let batch = Batch::new(source.clone(), lines.clone()).unwrap();
    let document = ecomesh_document::Document::from(batch.clone());
    let bytes = document.encode().unwrap_or_else(|error| panic!("{error}"));
    let read = ecomesh_document::ReadDocument { document, words: String::new() };
    assert_eq!(
        ecomesh_document::ReadDocument::decode(265, &bytes).as_ref(),
        Ok(&read),
        "no words of a batch"
    );
    assert!(ecomesh_document::Document::decode(262, &bytes).is_err());
    // Nothing of an entry is lost by standing in a batch.
    for (line, entry) in (1..).zip(&whole) {
        assert_eq!(batch.entry(line).as_ref(), Some(entry));
    }
    assert_eq!((batch.entry(0), batch.entry(4)), (None, None));
    let left = batch.without(&[2].into()).unwrap();
    assert_eq!((left.lines(), left.entry(2)), (2, Some(whole[2].clone())));
    assert_eq!(batch.without(&[1, 2, 3].into()), None);
    // Entries about persons stand alone, and so do those of another database.
    let person = DatabaseEntry::from_toml(sample("nominal")).unwrap().0;
    assert_eq!(Batch::new(source.clone(), vec![person.clone()]), Err(BatchError::Database(1)));
    assert_eq!(Batch::new(source.clone(), vec![lines[0].clone(), person]), Err(BatchError::Database(2)));
    assert_eq!(Batch::new(source.clone(), Vec::new()), Err(BatchError::Count(0)));
    assert_eq!(Batch::new(source, vec![lines[0].clone(); 4097]), Err(BatchError::Count(4097)));
    // Another order of fields, another field, a line without its number.
    let text = String::from_utf8(bytes).unwrap();
    for bad in [
        text.replacen("{\"form\"", "{ \"form\"", 1),
        text.replacen("\"source\"", "\"sorcery\"", 1),
        text.replacen("entries", "entrees", 1),
    ] {
        assert!(ecomesh_document::Document::decode(265, bad.as_bytes()).is_err(), "{bad}");
    }
    let poor = text.replacen("\"number\":\"A2\",", "", 1);
    let poor = ecomesh_document::Document::from_json(&serde_json::from_str(&poor).unwrap()).unwrap_err();
    assert!(poor.errors().any(|problem| problem.path == "entries[2].document.number"), "{poor}");
}

/// Without one item of a whole entry, that item is asked for.
#[test]
fn each_item_that_is_taken_out_is_named() {
    for (database, line, path, rule) in [
        ("sltd", "reference = \"KE/SLTD/2026/0001\"\n", "source.reference", "entry.source"),
        ("sltd", "number = \"L898902C3\"\ncheck_digit = \"6\"\n", "document.number", "sltd.document"),
        ("sltd", "country = \"KE\"\nissued", "document.country", "sltd.document"),
        ("sltd", "status = \"stolen\"\n", "status", "sltd.status"),
        ("sltd", "date = \"2026-11-02\"\n", "date", "sltd.date"),
        ("vehicle", "make = \"Example\"\n", "vehicle.make", "vehicle.description"),
        ("vehicle", "date = \"2026-11\"\n", "theft.date", "vehicle.theft"),
        ("vessel", "make = \"Chantier Exemple\"\n", "vessel.make", "vessel.description"),
        ("vessel", "kind = \"stolen\"\n", "theft.kind", "vessel.theft"),
        ("art", "materials = \"Bronze, cast\"\n", "object.materials", "art.description"),
        (
            "art",
            "subject = \"A standing figure with one raised hand.\"\n",
            "object.subject",
            "art.description",
        ),
        (
            "art",
            "distinguishing_features = \"The left hand is missing; old repair on the base.\"\n",
            "object.photographs",
            "art.identifiable",
        ),
        ("firearm", "calibre = \".458\"\n", "firearm.calibre", "firearm.description"),
        ("firearm", "serial_number = \"ЖН 1234\"\n", "firearm.serial_number", "firearm.serial"),
        ("firearm", "date = \"2026-09-14\"\n", "loss.date", "firearm.loss"),
        ("nominal", "purpose = \"locate\"\n", "purpose", "nominal.purpose"),
        ("nominal", "article_3 = \"conforms\"\n", "article_3", "article-3"),
        ("nominal", "status = \"suspect\"\n", "person.status", "person.status"),
        ("nominal", "family_name = \"EXAMPLE\"\ngiven_names = \"Ali Juma\"\n", "person", "nominal.identity"),
        ("seizure", "family = \"fauna\"\n", "family", "seizure.family"),
        ("seizure", "date = \"2014-06-05\"\n", "discovery.date", "seizure.discovery"),
    ] {
        let replaced = if line.ends_with("issued") { "issued" } else { "" };
        let found = verdict(database, line, replaced);
        assert_eq!(found, (Severity::Error, path.to_owned(), rule), "{database} without {line}");
    }
    let empty =
        report_with("seizure", sample("seizure").split_once("[[products]]").unwrap().1, "\nkind = \"\"\n");
    assert!(asked(&empty).contains(&("products[1].kind", "seizure.product")), "{empty}");
    let nowhere = report_with("vehicle", "place = { text = \"Arusha\", country = \"TZ\" }\n", "");
    assert!(asked(&nowhere).contains(&("theft.place", "vehicle.theft")), "{nowhere}");
    let numbers = "vin = \"1M8GDM9AXKP042788\"\nplate = \"T 123 ABC\"\nplate_country = \"TZ\"\n";
    let bare = sample("vehicle").replace(numbers, "").replace("engine_number = \"EX-000123\"\n", "");
    assert_eq!(asked(&check(&bare)), [("vehicle.vin", "vehicle.number")]);
    let bare = sample("vessel").replace("imo = \"IMO 9074729\"\nmmsi = \"227123450\"\n", "");
    assert_eq!(asked(&check(&bare)), [("vessel.hull_number", "vessel.number")]);
}

#[test]
fn wrong_numbers_are_named_with_what_they_should_be() {
    use Severity::{Error, Warning};
    for (database, from, to, severity, rule, says) in [
        ("sltd", "check_digit = \"6\"", "check_digit = \"5\"", Error, "number.mrz", "which is 6"),
        ("sltd", "L898902C3", "L898902C4", Error, "number.mrz", "which is 7"),
        ("sltd", "L898902C3", "L898902C\u{416}", Warning, "number.mrz", "a letter that no machine readable"),
        (
            "vehicle",
            "AXKP042788",
            "A1KP042788",
            Error,
            "number.vin",
            "at place 9 is 1, by the rest it should be X",
        ),
        ("vehicle", "1M8GDM9AXKP042788", "1M8GDM9AXKP04278", Error, "number.vin", "17 capitals and digits"),
        ("vehicle", "1M8GDM9AXKP042788", "WVWZZZ1J73W386752", Warning, "number.vin", "it should be 9"),
        (
            "vehicle",
            "1M8GDM9AXKP042788\"\nplate",
            "AB 123\"\nyear = 1962\nplate",
            Warning,
            "number.vin",
            "17 capitals",
        ),
        ("vessel", "9074729", "9074728", Error, "number.imo", "at place 7 is 8, by the rest it should be 9"),
        ("vessel", "IMO 9074729", "907472", Error, "number.imo", "seven digits"),
        ("vessel", "227123450", "002123450", Warning, "number.mmsi", "begins with 2 to 7"),
        ("seizure", "CSQU3054383", "CSQU3054384", Warning, "", "by the rest it should be 3"),
    ] {
        let text = sample(database).replacen(from, to, 1);
        // A field that stands there twice would be another problem.
        let text = if to.contains("1962") { text.replace("year = 1989\n", "") } else { text };
        assert!(sample(database).contains(from), "{from}");
        let report = check(&text);
        let [problem] = report.problems() else { panic!("{from} {to}\n{report}") };
        let found = (problem.severity, problem.rule.map_or("", |rule| rule.id));
        assert_eq!(found, (severity, rule), "{from} {to}: {problem}");
        assert!(problem.message.contains(says), "{problem}");
    }
    // Spaces and look-alikes that the standard forbids are no fault; a letter for a check digit in Europe is none either.
    for (database, from, to) in [
        ("sltd", "L898902C3", "l 898902-c3"),
        ("vehicle", "1M8GDM9AXKP042788", "im8gdm9a xkp o42788"),
        ("vehicle", "1M8GDM9AXKP042788", "WVWZZZ1JZ3W386752"),
        ("vessel", "IMO 9074729", "9074729"),
    ] {
        let report = report_with(database, from, to);
        assert_eq!(report.problems(), [], "{to}");
    }
}

#[test]
fn what_contradicts_a_rule_is_refused() {
    use Severity::{Error, Warning};
    for (database, from, to, severity, path, rule) in [
        ("sltd", "from = \"KE\"", "from = \"TZ\"", Error, "document.country", "sltd.issuer"),
        (
            "sltd",
            "\"until-recovered\"",
            "\"five-years\"",
            Error,
            "source.retention",
            "retention.until-recovered",
        ),
        (
            "sltd",
            "excluded = [\"TH\"]",
            "excluded = [\"KE\"]",
            Error,
            "source.handling.excluded",
            "restriction",
        ),
        (
            "sltd",
            "number = \"L898902C3\"\ncheck_digit = \"6\"",
            "number = \"-\"",
            Error,
            "document.number",
            "sltd.document",
        ),
        ("sltd", "status = \"stolen\"", "status = \"stolen-blank\"", Warning, "document.expires", ""),
        (
            "nominal",
            "\"five-years\"",
            "\"until-recovered\"",
            Error,
            "source.retention",
            "retention.five-years",
        ),
        (
            "nominal",
            "valid_until = \"2031-11-28\"",
            "valid_until = \"2032\"",
            Error,
            "source.valid_until",
            "retention.five-years",
        ),
        ("nominal", "article_3 = \"conforms\"", "article_3 = \"in-doubt\"", Error, "article_3", "article-3"),
        ("nominal", "2013/6138", "6138", Warning, "notices", ""),
        ("vehicle", "plate_country = \"TZ\"\n", "", Warning, "vehicle.plate_country", "vehicle.number"),
        ("vehicle", "plate = \"T 123 ABC\"", "plate = \"--\"", Error, "vehicle.plate", "vehicle.number"),
        ("vehicle", "year = 1989", "year = 89", Warning, "vehicle.year", ""),
        (
            "firearm",
            "made_in",
            "serial_state = \"none\"\nmarks = \"Star on the receiver\"\nmade_in",
            Error,
            "firearm.serial_number",
            "firearm.serial",
        ),
        (
            "firearm",
            "serial_number = \"ЖН 1234\"",
            "serial_state = \"removed\"",
            Error,
            "firearm.marks",
            "firearm.serial",
        ),
    ] {
        let problem = problem_with(database, from, to);
        let found = (problem.severity, problem.path.as_str(), problem.rule.map_or("", |rule| rule.id));
        assert_eq!(found, (severity, path, rule), "{problem}");
    }
    let removed = "serial_state = \"removed\"\nphotographs = [{ name = \"left.jpg\" }]";
    assert!(report_with("firearm", "serial_number = \"ЖН 1234\"", removed).is_ok());
}

#[test]
fn the_purpose_decides_how_much_of_an_identity_is_asked() {
    let arrest = sample("nominal").replacen("locate", "arrest", 1);
    assert_eq!(asked(&check(&arrest)), [("person.sex", "nominal.identity")]);
    let refugee = arrest.replacen("birth_date", "sex = \"male\"\nrefugee_from = [\"KE\"]\nbirth_date", 1);
    assert_eq!(asked(&check(&refugee)), [("person.refugee_from", "refugee")]);
    let unknown = sample("nominal").replacen("purpose = \"locate\"", "purpose = \"identify\"", 1).replacen(
        "family_name = \"EXAMPLE\"\ngiven_names = \"Ali Juma\"\n",
        "photographs = [{ name = \"face.jpg\" }]\n",
        1,
    );
    let unknown = unknown.split_once("[facts]").unwrap().0;
    for purpose in ["identify", "missing"] {
        let report = check(&unknown.replacen("identify", purpose, 1));
        assert!(report.is_ok(), "{report}");
    }
    let located = unknown.replacen("identify", "locate", 1);
    assert_eq!(asked(&check(&located)), [("facts", "nominal.facts"), ("person", "nominal.identity")]);
}

/// What the register asks of a source it asks in every database.
#[test]
fn no_source_is_closed_to_itself() {
    for (name, text) in SAMPLES {
        let code = text.split_once("from = \"").unwrap().1.get(..2).unwrap();
        let open: String =
            text.lines().filter(|l| !l.starts_with("handling")).map(|l| format!("{l}\n")).collect();
        let closed = |to: &str| {
            open.replacen("contact", &format!("handling = {{ excluded = [\"{to}\"] }}\ncontact"), 1)
        };
        assert_eq!(asked(&check(&closed(code))), [("source.handling.excluded", "restriction")], "{name}");
        assert_eq!(check(&closed("AQ")).problems(), [], "{name}");
    }
}

#[test]
fn objects_are_kept_for_longer_than_persons() {
    let longer = |name: &str| {
        let text = sample(name)
            .replace("valid_until = \"2031-11-28\"\n", "")
            .replace("date_time = \"2026-11-28T09:00:00Z\"\n", "");
        check(&text.replacen(
            "contact",
            "date_time = \"2026-11-28T09:00:00Z\"\nvalid_until = \"2046\"\ncontact",
            1,
        ))
    };
    for (name, _) in SAMPLES {
        let kept_short = matches!(name, "nominal" | "seizure");
        let expected = [("source.valid_until", "retention.five-years")];
        assert_eq!(asked(&longer(name)), if kept_short { &expected[..] } else { &[] }, "{name}");
    }
}

#[test]
fn a_serial_number_may_be_altered_and_is_one_still() {
    for state in ["whole", "altered", "partly-removed"] {
        let report = report_with("firearm", "made_in", &format!("serial_state = \"{state}\"\nmade_in"));
        assert_eq!(report.problems(), [], "{state}");
    }
}

fn member(code: &str) -> MemberCode {
    MemberCode::parse(code).expect("a member")
}

/// Whoever the form says that it is from, the sender is who signed.
#[test]
fn only_the_issuer_enters_a_travel_document() {
    let entry = |text: &str| DatabaseEntry::from_toml(text).unwrap().0;
    let document = entry(sample("sltd"));
    assert_eq!(may_enter(&document, &member("KE")), Ok(()));
    for other in ["TZ", "IPSG", "KEN", "UN"] {
        let refused = may_enter(&document, &member(other)).unwrap_err();
        assert_eq!((refused.id, refused.verified), ("sltd.issuer", true), "{other}");
    }
    for (name, text) in SAMPLES.iter().filter(|(name, _)| *name != "sltd") {
        assert_eq!(may_enter(&entry(text), &member("TH")), Ok(()), "{name}");
    }
    let mut json = document.to_json();
    json["document"].as_object_mut().unwrap().remove("country");
    let nobodys = DatabaseEntry::carried(&json).unwrap();
    assert!(may_enter(&nobodys, &member("KE")).is_err());
}

#[test]
fn an_issuer_is_named_by_two_letters_or_three() {
    for (country, sender) in [("KE", "KE"), ("KEN", "KE"), ("XPO", "IPSG"), ("UNO", "UNO")] {
        assert!(issues(country, &member(sender)), "{country} {sender}");
    }
    for (country, sender) in
        [("KEN", "TZ"), ("ke", "KE"), ("XPO", "KE"), ("", "KE"), ("KE", "KEN"), ("HK", "CN")]
    {
        assert!(!issues(country, &member(sender)), "{country} {sender}");
    }
}

#[test]
fn an_entry_is_printed_with_its_labels() {
    let printed = DatabaseEntry::from_toml(sample("vehicle")).unwrap().0.render();
    for line in ["VEHICLE", "  Kind:                  truck", "  Plate:                 T 123 ABC"] {
        assert!(printed.lines().any(|l| l == line), "{line}\n---\n{printed}");
    }
    assert!(printed.starts_with("STOLEN VEHICLE\n"), "{printed}");
}
