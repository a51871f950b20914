//! The forms of notices: templates, survival in JSON and TOML, and whatever else may come in.

mod any;

use any::{any_table, lost_nothing};
use ecomesh_document::notice::{Colour, Notice, check, colour, template};
use ecomesh_document::schema::{FieldKind, FormSpec};
use ecomesh_document::text::Prose;
use proptest::prelude::*;
use serde_json::{Value, json};

const RED: &str = include_str!("../../../node-config/demo/notices/red.toml");

#[test]
fn a_template_as_shipped_only_asks_to_be_filled_in_and_names_the_rules() {
    for colour in colour::ALL {
        let report = check(&template(colour, None));
        assert!(!report.is_ok(), "{}", colour.name);
        for problem in report.errors() {
            let asks = problem.message == "the field is empty" || problem.message.starts_with("missing: ");
            assert!(asks, "{}: {problem}", colour.name);
            assert!(problem.line.is_some() && !problem.advice.is_empty(), "{problem}");
            assert!(
                problem.rule.is_some() && !problem.advice.contains("delete the line"),
                "{}: {problem}",
                colour.name
            );
        }
    }
}

#[test]
fn a_template_has_every_field_with_its_words() {
    fn expect(spec: &FormSpec, text: &str) {
        // The commands fill in what is replaced, and the files.
        for field in spec.fields.iter().filter(|field| !["replaces", "files"].contains(&field.name)) {
            assert!(
                text.contains(&format!("{} = ", field.name)) || text.contains(&format!("{}]", field.name)),
                "{}",
                field.name
            );
            assert!(!field.doc.is_empty() && text.contains(field.doc[0].trim()), "{}", field.name);
            if let FieldKind::Table(inner) = field.kind {
                expect(inner, text);
            }
        }
    }
    for colour in colour::ALL {
        let text = template(colour, None);
        expect(colour.spec, &text);
        assert!(
            text.contains(colour.purpose) && text.contains("ecomesh notice check FILE"),
            "{}",
            colour.name
        );
    }
}

#[test]
fn a_template_with_every_line_in_use_has_known_names_alone() {
    for colour in colour::ALL {
        let text: String = template(colour, Some("fr"))
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

#[test]
fn labels_and_the_language_are_filled_in() {
    let text = template(&colour::RED, Some("es"));
    assert!(text.contains("\nlanguage = \"es\"") && text.contains("orden de detención"), "{text}");
    assert!(template(&colour::RED, None).contains("\nlanguage = \"\""));
}

#[test]
fn deep_nesting_is_an_error() {
    for depth in [20, 1_000, 100_000] {
        assert!(
            !check(&format!("form = \"red-notice\"\nx = {}{}", "[".repeat(depth), "]".repeat(depth))).is_ok()
        );
    }
}

fn any_notice() -> impl Strategy<Value = (&'static Colour, Value)> {
    prop::sample::select(colour::ALL.to_vec()).prop_flat_map(|colour| {
        any_table(colour.spec).prop_map(move |mut table| {
            table["form"] = json!(colour.form);
            (colour, table)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_notice_survives((colour, json) in any_notice()) {
        let notice = Notice::carried(&json).map_err(|report| TestCaseError::fail(report.to_string()))?;
        prop_assert_eq!(notice.colour().name, colour.name);
        lost_nothing(&json, &notice.to_json(), "")?;
        let again = Notice::carried(&notice.to_json()).map_err(|r| TestCaseError::fail(r.to_string()))?;
        prop_assert_eq!(&again, &notice);
        prop_assert!(!notice.render().is_empty());
        // The check is the same whether it is asked of the notice or of its form in TOML, but for places.
        let told = |report: &ecomesh_document::report::Report| {
            let mut told: Vec<_> = report.problems().iter().map(|p| (p.path.clone(), p.message.clone())).collect();
            told.sort();
            told.dedup();
            told
        };
        prop_assert_eq!(told(&check(&notice.to_toml())), told(&notice.check()));
    }

    #[test]
    fn a_request_with_a_hole_or_a_foreign_piece_never_panics(start in 0..RED.len(), length in 0usize..40, piece in any::<String>()) {
        let cut = |i: usize| (i..=RED.len()).find(|i| RED.is_char_boundary(*i)).unwrap_or(RED.len());
        let (start, end) = (cut(start), cut((start + length).min(RED.len())));
        let text = [&RED[..start], &piece, &RED[end..]].concat();
        for problem in check(&text).problems() {
            // What is shown of the form is harmless to a terminal.
            prop_assert!(Prose::new(&problem.to_string()).is_ok(), "{:?}", problem.to_string());
        }
    }

    #[test]
    fn any_text_gets_a_report(text in any::<String>()) {
        prop_assert!(!check(&text).is_ok());
    }

    #[test]
    fn any_entry_of_a_list_is_a_notice_or_refused(key in "[a-z_]{1,30}", text in any::<String>(), number in any::<f64>()) {
        for (key, value) in [(key.as_str(), json!(text)), ("date_of_birth", json!(text)), ("height", json!(number)),
            ("weight", json!(number)), ("nationalities", json!([text])), ("arrest_warrants", json!([{ "charge": text }])),
            ("name", json!(text)), ("hairs_id", json!([text])), ("sex_id", json!(text))]
        {
            let mut entry = json!({ "entity_id": "1999/1", "name": "X" });
            entry[key] = value;
            if let Err(problems) = ecomesh_document::notice::public::red_notice(&entry) {
                prop_assert!(!problems.is_empty() && problems.iter().all(|p| !p.reason.is_empty()));
            }
        }
    }
}
