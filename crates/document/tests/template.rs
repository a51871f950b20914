//! The empty forms: they ask for what is needed and for nothing else.

use std::collections::BTreeMap;

use ecomesh_document::ecomessage::Ecomessage;
use ecomesh_document::message::PlainMessage;
use ecomesh_document::report::Severity;
use ecomesh_document::schema::{FieldKind, FormSpec};
use ecomesh_document::{Document, check, template};

/// Fills the blanks of a template: one value for each path.
fn fill(template: &str, values: &BTreeMap<&str, &str>) -> String {
    let mut table = String::new();
    let mut filled = String::new();
    for line in template.lines() {
        if line.starts_with('[') {
            table = format!("{}.", line.trim_matches(['[', ']']));
        }
        let path = line
            .strip_suffix(" = \"\"")
            .filter(|key| !key.starts_with('#'))
            .map(|key| format!("{table}{key}"));
        match path.as_deref().and_then(|path| values.get(path)) {
            Some(value) => filled.push_str(&line.replace("\"\"", &format!("\"{value}\""))),
            None => filled.push_str(line),
        }
        filled.push('\n');
    }
    filled
}

#[test]
fn as_shipped_they_only_ask_to_be_filled_in() {
    for template in [template::ecomessage(None), template::message(None)] {
        let report = check(&template);
        assert!(!report.is_ok(), "{template}");
        for problem in report.errors() {
            assert_eq!(problem.message, "the field is empty", "{problem}");
            assert_eq!(problem.advice, "fill it in");
            assert!(problem.line.is_some());
        }
    }
}

#[test]
fn with_the_required_fields_filled_in_they_pass() {
    let ecomessage = BTreeMap::from([
        ("reference", "KE/2026/1"),
        ("language", "en"),
        ("subject.family", "waste"),
        ("legal.offence", "Illegal import of waste"),
        ("discovery.date", "2026-11"),
        ("discovery.place.text", "Mombasa"),
        ("discovery.place.country", "KE"),
        ("products.kind", "wildlife"),
        ("agency.name", "Customs"),
    ]);
    let text = fill(&template::ecomessage(None), &ecomessage);
    let report = check(&text);
    let missing: Vec<_> = report.errors().map(|p| p.path.as_str()).collect();
    assert_eq!(
        missing,
        ["products[1].scientific_name"],
        "a rule of this kind of product asks for more:\n{report}"
    );
    let named = text.replace("#scientific_name = \"\"", "scientific_name = \"Loxodonta africana\"");
    assert!(check(&named).is_ok(), "{}", check(&named));

    let message = BTreeMap::from([("language", "ar"), ("text", "سلام")]);
    let text = fill(&template::message(None), &message);
    assert_eq!(Document::from_toml(&text).unwrap().0.language(), "ar");
}

#[test]
fn every_field_of_the_form_stands_in_it_with_its_words() {
    fn expect(spec: &FormSpec, text: &str) {
        // Sending fills in the files.
        for field in spec.fields.iter().filter(|field| field.name != "files") {
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
    expect(Ecomessage::SPEC, &template::ecomessage(None));
    expect(PlainMessage::SPEC, &template::message(None));
}

#[test]
fn with_every_line_in_use_all_names_are_known() {
    for template in [template::ecomessage(Some("fr")), template::message(Some("fr"))] {
        // Every field in use: nothing but blanks to fill in, and the rules over several fields.
        let text: String = template
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let report = check(&text);
        assert!(report.problems().len() > 5);
        for problem in report.problems().iter().filter(|p| p.severity == Severity::Error) {
            assert!(!problem.message.contains("no field") && !problem.message.contains("TOML"), "{problem}");
        }
    }
}

#[test]
fn labels_of_codes_follow_the_language() {
    assert!(template::ecomessage(Some("fr")).contains("faune sauvage"));
    assert!(template::ecomessage(Some("es")).contains("language = \"es\""));
    assert!(template::ecomessage(None).contains("language = \"\""));
}
