//! Everything that a form has survives TOML, JSON and canonical bytes; and every document has exactly one encoding.

mod any;

use any::{any_date, any_table, lost_nothing};
use ecomesh_document::date::PartialDate;
use ecomesh_document::{
    DecodeError, Document, ECOMESSAGE, ENTRY_STEP, HIT, KINDS, Kind, MESSAGE, NOTICE_STEP, ReadDocument,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any document of a kind, made along its schema: every field, every code, every depth.
fn any_document(kind: &'static Kind) -> impl Strategy<Value = Value> {
    let forms = kind.all_forms();
    let [(name, spec)] = forms[..] else { panic!("{} has several forms", kind.title) };
    any_table(spec).prop_map(move |mut table| {
        table["form"] = json!(name);
        table
    })
}

fn survives_all_forms(json: &Value) -> Result<(), TestCaseError> {
    let (document, _) =
        Document::from_json(json).map_err(|report| TestCaseError::fail(report.to_string()))?;
    let toml = document.to_toml();
    let (from_toml, _) =
        Document::from_toml(&toml).map_err(|r| TestCaseError::fail(format!("{r}\n{toml}")))?;
    prop_assert_eq!(&from_toml, &document);
    let (from_json, _) =
        Document::from_json(&from_toml.to_json()).map_err(|r| TestCaseError::fail(r.to_string()))?;
    let bytes = from_json.encode().map_err(|e| TestCaseError::fail(e.to_string()))?;
    let decoded =
        Document::decode(document.kind().number, &bytes).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(&decoded, &document);
    let read = ReadDocument::decode(document.kind().number, &bytes)
        .map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(&read.document, &document);
    prop_assert!(read.words.is_empty() || read.words == ecomesh_document::words(&document));
    prop_assert_eq!(decoded.to_toml(), toml);
    prop_assert!(!ecomesh_document::render(&decoded).is_empty() && !decoded.summary().is_empty());
    lost_nothing(json, &document.to_json(), "")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_ecomessage_survives_all_forms(json in any_document(&ECOMESSAGE)) {
        survives_all_forms(&json)?;
    }

    #[test]
    fn any_message_survives_all_forms(json in any_document(&MESSAGE)) {
        survives_all_forms(&json)?;
    }

    #[test]
    fn any_hit_survives_all_forms(json in any_document(&HIT)) {
        survives_all_forms(&json)?;
    }

    #[test]
    fn any_withdrawal_survives_all_forms(json in any_document(&ENTRY_STEP)) {
        survives_all_forms(&json)?;
    }

    #[test]
    fn any_step_that_is_whole_survives_all_forms(json in any_document(&NOTICE_STEP)) {
        // A step that lacks what it needs is refused; whole ones say what they do.
        if Document::from_json(&json).is_ok() {
            survives_all_forms(&json)?;
        }
    }

    #[test]
    fn any_date_survives(text in any_date()) {
        prop_assert_eq!(PartialDate::parse(&text).map(|d| d.to_string()), Ok(text));
    }
}

#[test]
fn kinds_are_documents_in_ascending_order() {
    assert!(KINDS.iter().all(|k| k.number >= 256 && Kind::from_number(k.number) == Some(k)));
    assert!(KINDS.windows(2).all(|w| w[0].number < w[1].number));
    assert_eq!((ECOMESSAGE.number, MESSAGE.number), (256, 257));
}

#[test]
fn the_bytes_of_a_message_are_these() {
    let toml = "form = \"message\"\nlanguage = \"fr\"\ntext = \"\"\"à l'œil :\r\n\"nu\"\"\"\"\nto = [\"KE\"]\ntitle = \"T\"\n";
    let (document, _) = Document::from_toml(toml).unwrap();
    let bytes = document.encode().unwrap();
    let golden = r#"{"form":"message","to":["KE"],"language":"fr","title":"T","text":"à l'œil :\n\"nu\""}"#;
    assert_eq!(String::from_utf8(bytes).unwrap(), golden);
}

#[test]
fn any_other_encoding_of_the_same_document_is_refused() {
    let good = r#"{"form":"message","language":"en","text":"é"}"#;
    assert!(Document::decode(257, good.as_bytes()).is_ok());
    for other in [
        r#"{"form":"message", "language":"en","text":"é"}"#,
        r#"{"form":"message","text":"é","language":"en"}"#,
        r#"{"form":"message","language":"en","text":"\u00e9"}"#,
        r#"{"form":"message","language":"en","title":null,"text":"é"}"#,
        r#"{"form":"message","to":[],"language":"en","text":"é"}"#,
        r#"{"form":"message","language":"fr","language":"en","text":"é"}"#,
        "{\"form\":\"message\",\"language\":\"en\",\"text\":\"é\"}\n",
    ] {
        assert_eq!(Document::decode(257, other.as_bytes()), Err(DecodeError::NotCanonical), "{other}");
    }
}

#[test]
fn what_is_no_document_says_why() {
    let text = br#"{"form":"message","language":"en","text":"x"}"#;
    assert_eq!(Document::decode(258, text), Err(DecodeError::UnknownKind(258)));
    assert!(matches!(Document::decode(256, text), Err(DecodeError::Structure { form: "Ecomessage", .. })));
    assert!(matches!(Document::decode(257, &text[1..]), Err(DecodeError::Syntax(_))));
    assert!(matches!(Document::decode(257, b"\xff"), Err(DecodeError::Syntax(_))));
    assert_eq!(Document::decode(257, &vec![b' '; 1_048_577]), Err(DecodeError::TooLong(1_048_577)));
    let float = br#"{"form":"message","language":"en","text":1.5}"#;
    assert!(matches!(Document::decode(257, float), Err(DecodeError::Syntax(_))));
    let extra = br#"{"form":"message","language":"en","text":"x","more":"y"}"#;
    assert!(matches!(Document::decode(257, extra), Err(DecodeError::Structure { .. })));
}

#[test]
fn a_code_of_a_newer_table_is_carried_and_marked_but_not_sent() {
    let newer = r#"{"form":"message","priority":"immediate","language":"en","text":"x"}"#;
    let document = Document::decode(257, newer.as_bytes()).unwrap();
    assert!(ecomesh_document::render(&document).contains("immediate (code not known here)"));
    assert!(!document.check().is_ok() && document.encode().is_err());
}

#[test]
fn documents_are_values_of_serde() {
    let toml = "form = \"message\"\nlanguage = \"es\"\ntext = \"¿Qué?\"\n";
    let (document, report) = Document::from_toml(toml).unwrap();
    assert_eq!(report.problems().len(), 1, "the title is recommended");
    let json = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
    let error = serde_json::from_str::<Document>(r#"{"form":"message","text":"x"}"#).unwrap_err();
    assert!(error.to_string().contains("language: a required field is missing"), "{error}");
}
