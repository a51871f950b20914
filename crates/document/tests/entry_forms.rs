//! The forms of database entries: templates, survival in JSON and TOML, and whatever else may come in.

mod any;

use any::{any_table, lost_nothing};
use ecomesh_document::entry::{Database, DatabaseEntry, check, database, template};
use ecomesh_document::text::Prose;
use proptest::prelude::*;
use serde_json::{Value, json};

const VEHICLE: &str = include_str!("../../../node-config/demo/entries/vehicle.toml");

#[test]
fn a_template_as_shipped_only_asks_to_be_filled_in_and_names_the_rules() {
    for database in database::ALL {
        let text = template(database, None);
        assert!(
            text.contains(database.purpose) && text.contains("ecomesh db check FILE"),
            "{}",
            database.name
        );
        let report = check(&text);
        assert!(!report.is_ok(), "{}", database.name);
        for problem in report.errors() {
            let asks = problem.message == "the field is empty" || problem.message.starts_with("missing: ");
            assert!(asks && problem.line.is_some(), "{}: {problem}", database.name);
            assert!(problem.rule.is_some() && !problem.advice.is_empty(), "{}: {problem}", database.name);
        }
    }
}

#[test]
fn a_template_with_every_line_in_use_has_known_names_alone() {
    for database in database::ALL {
        let template = template(database, Some("fr"));
        assert!(template.contains("\nlanguage = \"fr\""), "{}: the language is filled in", database.name);
        let text: String = template
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        for problem in check(&text).errors() {
            assert!(!problem.message.contains("no field") && !problem.message.contains("TOML"), "{problem}");
        }
    }
}

fn any_entry() -> impl Strategy<Value = (&'static Database, Value)> {
    prop::sample::select(database::ALL.to_vec()).prop_flat_map(|database| {
        any_table(database.spec).prop_map(move |mut table| {
            table["form"] = json!(database.form);
            (database, table)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_entry_survives((database, json) in any_entry()) {
        let entry = DatabaseEntry::carried(&json).map_err(|report| TestCaseError::fail(report.to_string()))?;
        prop_assert_eq!(entry.database().name, database.name);
        lost_nothing(&json, &entry.to_json(), "")?;
        let again = DatabaseEntry::carried(&entry.to_json()).map_err(|r| TestCaseError::fail(r.to_string()))?;
        prop_assert_eq!(&again, &entry);
        prop_assert!(!entry.render().is_empty());
        // The check is the same whether it is asked of the entry or of its form in TOML, but for places.
        let told = |report: &ecomesh_document::report::Report| {
            let mut told: Vec<_> = report.problems().iter().map(|p| (p.path.clone(), p.message.clone())).collect();
            told.sort();
            told.dedup();
            told
        };
        prop_assert_eq!(told(&check(&entry.to_toml())), told(&entry.check()));
    }

    #[test]
    fn an_entry_with_a_hole_or_a_foreign_piece_never_panics(start in 0..VEHICLE.len(), length in 0usize..40, piece in any::<String>()) {
        let cut = |i: usize| (i..=VEHICLE.len()).find(|i| VEHICLE.is_char_boundary(*i)).unwrap_or(VEHICLE.len());
        let (start, end) = (cut(start), cut((start + length).min(VEHICLE.len())));
        let text = [&VEHICLE[..start], &piece, &VEHICLE[end..]].concat();
        for problem in check(&text).problems() {
            // What is shown of the form is harmless to a terminal.
            prop_assert!(Prose::new(&problem.to_string()).is_ok(), "{:?}", problem.to_string());
        }
    }

    #[test]
    fn any_text_gets_a_report(text in any::<String>()) {
        prop_assert!(!check(&text).is_ok());
    }
}
