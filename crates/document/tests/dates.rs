//! Dates that cannot be, as of a day: each is named by its field, and a form whose dates are possible has none of it.

#![allow(clippy::unwrap_used)]

use ecomesh_document::date::CalendarDate;
use ecomesh_document::entry::DatabaseEntry;
use ecomesh_document::mapping::MappedForm;
use ecomesh_document::report::Severity::{self, Error, Warning};
use ecomesh_document::{Document, dates};

const MESSAGE: &str = include_str!("../../../node-config/demo/cn-01-ivory-hong-kong-2006.toml");
const RED: &str = include_str!("../../../node-config/demo/notices/red.toml");
const SLTD: &str = include_str!("../../../node-config/demo/entries/sltd.toml");
const VEHICLE: &str = include_str!("../../../node-config/demo/entries/vehicle.toml");
const NOMINAL: &str = include_str!("../../../node-config/demo/entries/nominal.toml");

/// The end of 28 November 2026.
fn now() -> u64 {
    CalendarDate::parse("2026-11-28").unwrap().end_ms()
}

/// Severity, path and message of what is found in a sample in which one piece was replaced, or behind which one was put.
fn found(sample: &str, from: &str, to: &str) -> Vec<(Severity, String, String)> {
    let text = if from.is_empty() { format!("{sample}\n{to}") } else { sample.replacen(from, to, 1) };
    assert_ne!(text, sample, "{from}");
    let report = dates::check(&text, now());
    let lines = report.problems().iter().map(|p| p.line.is_some()).collect::<Vec<_>>();
    assert!(lines.into_iter().all(|has_line| has_line), "{report}");
    report.problems().iter().map(|p| (p.severity, p.path.clone(), p.message.clone())).collect()
}

#[track_caller]
fn finds(sample: &str, from: &str, to: &str, severity: Severity, path: &str, message: &str) {
    let found = found(sample, from, to);
    assert!(
        matches!(&found[..], [(s, p, m)] if *s == severity && p == path && m.contains(message)),
        "{to}: {found:?}"
    );
}

#[test]
fn samples_have_possible_dates() {
    for sample in [RED, SLTD, VEHICLE, NOMINAL] {
        assert_eq!(dates::check(sample, now()).problems(), []);
        assert_eq!(Document::from_toml(sample).unwrap().0.check_dates(now()).problems(), []);
    }
    assert_eq!(dates::check("birth_date = ", now()).problems(), []);
}

#[test]
fn what_happened_does_not_lie_in_the_future() {
    let future = "it lies in the future";
    finds(RED, "birth_date = \"1974\"", "birth_date = \"2074\"", Warning, "person.birth_date", future);
    finds(RED, "\"2014-06-05\"", "\"2031-06-05\"", Warning, "judicial.facts_date", future);
    finds(SLTD, "date = \"20", "date = \"21", Warning, "date", future);
    // Whoever is ahead of UTC has tomorrow's date already, and a year that has begun is no future.
    for possible in ["2026-11-29", "2026-12?", "2026", "2026-11-28/2027-01", "unknown", "no date"] {
        let found = found(RED, "\"2014-06-05\"", &format!("\"{possible}\""));
        assert!(found.is_empty() || possible == "2026-12?", "{possible}: {found:?}");
    }
}

#[test]
fn nothing_expires_before_it_is_issued_and_no_model_is_of_a_year_to_come() {
    let expires = "expires = \"2026-04-15\"";
    finds(SLTD, expires, "expires = \"2015\"", Warning, "document.expires", "before it was issued");
    assert_eq!(found(SLTD, expires, "expires = \"2016\""), []);
    let vehicle = |year: &str| format!("[vehicle]\nyear = {year}\n");
    let without = VEHICLE.lines().filter(|line| !line.starts_with("year")).collect::<Vec<_>>().join("\n");
    finds(&without, "[vehicle]\n", &vehicle("2099"), Warning, "vehicle.year", "later than next year");
    assert_eq!(found(&without, "[vehicle]\n", &vehicle("2027")), []);
}

#[test]
fn validity_ends_neither_in_the_past_nor_after_five_years_unseen() {
    let until = |day: &str| format!("[request]\nvalid_until = \"{day}\"\n");
    let path = "request.valid_until";
    finds(RED, "[request]\n", &until("2026-11-28"), Error, path, "that day is past");
    finds(RED, "[request]\n", &until("2036-01-01"), Warning, path, "more than five years from now");
    assert_eq!(found(RED, "[request]\n", &until("2031-11-27")), []);
    // With the day of writing the rule on retention says it.
    let written = format!("{}date_time = \"2026-11-28T09:00:00Z\"\n", until("2036-01-01"));
    assert_eq!(found(RED, "[request]\n", &written), []);
    let until = |day: &str| format!("[source]\nvalid_until = \"{day}\"\n");
    let undated =
        NOMINAL.lines().filter(|line| !line.starts_with("date_time")).collect::<Vec<_>>().join("\n");
    let undated =
        undated.lines().filter(|line| !line.starts_with("valid_until")).collect::<Vec<_>>().join("\n");
    finds(&undated, "[source]\n", &until("2040"), Warning, "source.valid_until", "more than five years");
    finds(SLTD, "[source]\n", &until("2020"), Error, "source.valid_until", "that day is past");
    // What is kept until it is recovered may say so for longer.
    assert_eq!(found(SLTD, "[source]\n", &until("2040")), []);
}

/// A node looks at the dates of notices and entries before it takes one, and at those of messages not.
#[test]
fn a_form_of_a_list_is_looked_at_as_a_node_would() {
    let entry = DatabaseEntry::from_toml(VEHICLE).unwrap().0;
    let alone = Document::from(entry.clone()).check_dates(0);
    assert!(!alone.problems().is_empty());
    assert_eq!(MappedForm::Entry(entry).check_dates(0), alone);
    let message = Document::from_toml(MESSAGE).unwrap().0;
    assert!(!message.check_dates(0).problems().is_empty());
    assert_eq!(MappedForm::Document(message).check_dates(0).problems(), []);
}
