//! Whatever comes in, the answer is a report or an error, never a panic.

use ecomesh_document::text::Prose;
use ecomesh_document::{DecodeError, Document, check, incident};
use proptest::prelude::*;

const FORM: &str = include_str!("../../../node-config/demo/th-01-ivory-in-tea.toml");

proptest! {
    #[test]
    fn any_text_gets_a_report(text in any::<String>()) {
        prop_assert!(!check(&text).is_ok());
    }

    #[test]
    fn toml_like_text_gets_a_report(text in "([a-z]{1,8}|\\[|\\]|=|\"|'|\\.|\n|[0-9]|-|:|\\{|\\}|,| |#|\u{202e}|é){0,80}") {
        prop_assert!(!check(&text).is_ok());
    }

    #[test]
    fn any_bytes_are_an_error(kind in 255u16..260, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Document::decode(kind, &bytes).is_err());
    }

    #[test]
    fn a_form_with_a_hole_or_a_foreign_piece_never_panics(start in 0..FORM.len(), length in 0usize..40, piece in any::<String>()) {
        let cut = |i: usize| (i..=FORM.len()).find(|i| FORM.is_char_boundary(*i)).unwrap_or(FORM.len());
        let (start, end) = (cut(start), cut((start + length).min(FORM.len())));
        let text = [&FORM[..start], &piece, &FORM[end..]].concat();
        let report = check(&text);
        for problem in report.problems() {
            // What is shown of the form is harmless to a terminal.
            prop_assert!(Prose::new(&problem.to_string()).is_ok(), "{:?}", problem.to_string());
        }
        if let Ok((document, _)) = Document::from_toml(&text) {
            prop_assert!(Document::decode(256, &document.encode().unwrap()).is_ok());
        }
    }

    #[test]
    fn changed_bytes_decode_to_themselves_or_not_at_all(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = Document::from_toml(FORM).unwrap().0.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(document) = Document::decode(256, &bytes) {
            prop_assert_eq!(document.to_json().to_string().len(), serde_json::from_slice::<serde_json::Value>(&bytes).unwrap().to_string().len());
        }
    }

    #[test]
    fn any_row_is_mapped_or_refused(cells in prop::collection::btree_map(prop::sample::select(incident::COLUMNS.to_vec()), any::<String>(), 0..29)) {
        let row = cells.into_iter().map(|(column, cell)| (column.to_owned(), cell)).collect();
        if let Err(problems) = incident::map_row(&row, 1) {
            prop_assert!(!problems.is_empty());
        }
    }
}

#[test]
fn deep_nesting_is_an_error() {
    for depth in [20, 1_000, 100_000] {
        assert!(!check(&format!("x = {}{}", "[".repeat(depth), "]".repeat(depth))).is_ok());
        assert!(!check(&format!("x = {}1{}", "{ a = ".repeat(depth), "}".repeat(depth))).is_ok());
        assert!(!check(&format!("{} = 1", vec!["a"; depth].join("."))).is_ok());
        let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Document::decode(257, json.as_bytes()).is_err());
    }
}

#[test]
fn a_long_text_where_a_code_should_be_is_refused_without_a_guess() {
    let long = "x y".repeat(300_000);
    let message = format!(r#"{{"form":"message","language":"{long}","text":"t"}}"#);
    let Err(DecodeError::Structure { report, .. }) = Document::decode(257, message.as_bytes()) else {
        panic!("a text with blanks is no code")
    };
    let told: Vec<_> =
        report.problems().iter().map(|problem| (problem.path.as_str(), problem.advice.as_str())).collect();
    assert_eq!(told, [("language", "")]);
}
