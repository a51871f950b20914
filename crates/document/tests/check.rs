//! What a wrong form gets: every problem at once, each with its place and with what to do.

use ecomesh_document::report::{Problem, Severity};
use ecomesh_document::{Document, check};

const GOOD: &str = r#"form = "ecomessage"
reference = "KE/2026/1"
language = "en"

[subject]
family = "fauna"
title = "Ivory"

[legal]
offence = "Possession"

[discovery]
date = 2026-11-02
method = "tip-off"
place = { text = "Mombasa", country = "KE" }

[[products]]
kind = "wildlife"
scientific_name = "Loxodonta africana"
term = "TUS"
quantities = [{ certainty = "exact", amount = 12.90, unit = "KIL" }]

[agency]
name = "Customs"
"#;

/// The problems after `from` was replaced by `to` in a correct form.
fn problems_with(from: &str, to: &str) -> Vec<Problem> {
    assert!(GOOD.contains(from), "{from}");
    check(&GOOD.replace(from, to)).problems().to_vec()
}

/// The single problem after a replacement.
fn problem_with(from: &str, to: &str) -> Problem {
    let problems = problems_with(from, to);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems[0].clone()
}

#[test]
fn a_correct_form_has_no_problem() {
    assert_eq!(check(GOOD).problems(), []);
}

#[test]
fn every_problem_is_told_at_once_in_the_order_of_lines() {
    let text = r#"form = "ecomessage"
reference = 12
langauge = "en"
to = "KE"
[subject]
family = "funa"
legs = 1
[discovery]
date = 2019-02-30x
"#
    .replace("2019-02-30x", "\"2019-02-30\"");
    let report = check(&text);
    let found: Vec<_> =
        report.errors().map(|p| (p.line.unwrap(), p.column.unwrap(), p.path.as_str())).collect();
    assert_eq!(
        found,
        [
            (1, 1, "language"),
            (1, 1, "legal"),
            (1, 1, "products"),
            (1, 1, "agency"),
            (2, 13, "reference"),
            (3, 1, "langauge"),
            (4, 6, "to"),
            (6, 10, "subject.family"),
            (7, 1, "subject.legs"),
            (8, 1, "discovery.place"),
            (9, 8, "discovery.date"),
        ],
        "{report}"
    );
    assert!(report.warnings().count() >= 2);
    assert!(report.problems().iter().all(|p| !p.advice.is_empty()), "{report}");
}

#[test]
fn unknown_names_and_codes_get_a_guess() {
    let advice = |from, to| problem_with(from, to).advice;
    assert_eq!(
        advice("title = \"Ivory\"", "title = \"Ivory\"\nporject = \"Wisdom\""),
        "did you mean project?"
    );
    assert_eq!(
        advice("title = \"Ivory\"", "title = \"Ivory\"\nlegs = []"),
        "did you mean the field of that name in itinerary? Move it there"
    );
    assert_eq!(advice("\"TUS\"", "\"tusks\""), "did you mean \"TUS\" (tusks)?");
    assert_eq!(advice("\"KE\" }", "\"Kenya\" }"), "did you mean \"KE\" (Kenya)?");
    assert_eq!(advice("\"tip-off\"", "\"tipoff\""), "did you mean \"tip-off\" (tip-off or intelligence)?");
    assert!(advice("\"TUS\"", "\"XQZ\"").starts_with("choose one of its 105 codes"));
    assert_eq!(
        advice("\"ecomessage\"", "\"mail\""),
        "begin the file with form = \"ecomessage\" or form = \"message\"; `ecomesh notice new` and `ecomesh db new` begin notices and entries"
    );
}

#[test]
fn wrong_types_say_what_is_wanted() {
    let message = |from, to| problem_with(from, to).message;
    assert_eq!(message("\"Possession\"", "7"), "it is a number, where a text is wanted");
    assert_eq!(
        message("[agency]\nname = \"Customs\"", "[[agency]]\nname = \"Customs\""),
        "it is a list, where a table is wanted"
    );
    assert_eq!(message("12.90", "true"), "it is true or false, where a number is wanted");
    assert_eq!(
        message("[{ certainty = \"exact\", amount = 12.90, unit = \"KIL\" }]", "12"),
        "it is a number, where a list is wanted"
    );
    assert_eq!(
        message("2026-11-02", "2026-11-02T10:00:00Z"),
        "\"2026-11-02T10:00:00Z\": it is no date: write 2014, 2014-03, 2014-03-05, 2014-11/2015-02 or unknown, with ? or ~ behind it if in doubt"
    );
}

#[test]
fn amounts_are_exact_or_unknown_and_never_both() {
    let amount = |to| problem_with("amount = 12.90", to);
    assert_eq!(amount("amount = 1.29e1").severity, Severity::Error);
    assert_eq!(amount("amount = nan").severity, Severity::Error);
    assert_eq!(amount("amount = -3").message, "an amount below zero");
    assert_eq!(amount("amount = 0").severity, Severity::Warning);
    assert_eq!(amount("what = \"x\"").message, "the amount is missing");
    assert_eq!(problem_with("\"exact\"", "\"unknown\"").message, "there is an amount although it is unknown");
    assert_eq!(problems_with("certainty = \"exact\", amount = 12.90", "certainty = \"unknown\""), []);
}

#[test]
fn the_rules_over_several_fields() {
    let with = |line: &str| problem_with("language = \"en\"", &format!("language = \"en\"\n{line}"));
    assert_eq!(with("from = \"KE\"\nto = [\"KE\"]").path, "to");
    assert_eq!(with("to = [\"TZ\", \"TZ\"]").message, "an addressee is named twice");
    assert_eq!(
        with("to = [\"TZ\"]\nhandling = { excluded = [\"TZ\"] }").message,
        "TZ is an addressee and excluded"
    );
    assert_eq!(with("reply_to_reference = \"KE/2026/1\"").message, "the message replies to itself");
    let place = |fields: &str| problem_with("country = \"KE\" }", &format!("country = \"KE\", {fields} }}"));
    assert_eq!(
        place("latitude = 90.001, longitude = 0, precision = \"city\"").path,
        "discovery.place.latitude"
    );
    assert_eq!(place("longitude = 1").path, "discovery.place.latitude");
    assert_eq!(place("latitude = -4.05, longitude = 39.63").severity, Severity::Warning);
    assert_eq!(
        problem_with("scientific_name = \"Loxodonta africana\"\n", "").path,
        "products[1].scientific_name"
    );
    assert_eq!(problem_with("family = \"fauna\"", "family = \"waste\"").severity, Severity::Warning);
    assert_eq!(problem_with("\"KIL\"", "\"LTR\"").path, "products[1].quantities[1].unit");
}

#[test]
fn controls_in_texts_are_named_with_their_place() {
    let problem = problem_with("\"Possession\"", "\"Possession\\nof \\u202Eyrovi\"");
    assert_eq!(
        problem.message,
        "the text holds a bidirectional override control (U+202E) in its line 2, column 4"
    );
    assert_eq!((problem.line, problem.path.as_str()), (Some(10), "legal.offence"));
}

#[test]
fn a_syntax_error_is_one_problem_with_its_place() {
    let problem = problem_with("language = \"en\"", "language == \"en\"");
    assert_eq!((problem.line, problem.path.as_str()), (Some(3), ""));
    assert!(problem.message.starts_with("this is no TOML: "), "{problem}");
}

#[test]
fn too_much_is_refused_with_the_bound() {
    let list = format!("to = [{}]\nlanguage = \"en\"", "\"TZ\",".repeat(65));
    let errors = problems_with("language = \"en\"", &list);
    assert!(
        errors.iter().any(|p| p.message == "the list has 65 entries where at most 64 are allowed"),
        "{errors:?}"
    );
    let long = format!("offence = \"{}\"", "x".repeat(64 * 1024 + 1));
    assert_eq!(
        problem_with("offence = \"Possession\"", &long).message,
        "the text has 65537 bytes where at most 65536 are allowed"
    );
    let deep = format!("x = {}{}\nlanguage = \"en\"", "[".repeat(40), "]".repeat(40));
    assert!(
        problems_with("language = \"en\"", &deep)
            .iter()
            .any(|p| p.message.contains("nested more than 16 deep"))
    );
    let huge = format!("{GOOD}\n#{}", "x".repeat(5 * 1024 * 1024));
    assert!(check(&huge).problems()[0].message.starts_with("the form has"));
}

#[test]
fn a_content_over_its_bound_is_told_by_the_check() {
    let block = "y".repeat(60_000);
    let persons: String =
        (0..20).map(|_| format!("\n[[persons]]\nrole = \"suspect\"\nremarks = \"{block}\"\n")).collect();
    let report = check(&format!("{GOOD}{persons}"));
    assert!(report.errors().any(|p| p.message.contains("where at most 1048576 are allowed")), "{report}");
}

#[test]
fn numbers_of_the_text_are_kept_exactly() {
    let (document, _) = Document::from_toml(GOOD).unwrap();
    assert_eq!(document.to_json()["products"][0]["quantities"][0]["amount"], "12.9");
    let precise = GOOD.replace("12.90", "123456789.123456789");
    let (document, _) = Document::from_toml(&precise).unwrap();
    assert_eq!(document.to_json()["products"][0]["quantities"][0]["amount"], "123456789.123456789");
}

#[test]
fn a_customs_code_begins_with_a_chapter_that_there_is() {
    let with = |code: &str| problems_with("term = \"TUS\"", &format!("term = \"TUS\"\nhs_code = \"{code}\""));
    // Subdivisions are each country's own.
    for good in ["05", "0507", "0507.10", "05071000", "0507100090", "0599"] {
        assert_eq!(with(good), [], "{good}");
    }
    for (bad, message) in [
        ("7701", "no chapter of the Harmonized System begins like this"),
        ("0012", "no chapter of the Harmonized System begins like this"),
        ("5", "the number is not well formed"),
    ] {
        let problems = with(bad);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((problems[0].severity, problems[0].message.as_str()), (Severity::Warning, message));
        assert!(problems[0].path.ends_with("hs_code") && !problems[0].advice.is_empty());
    }
}
