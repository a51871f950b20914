//! Everything that a form has survives TOML, JSON and canonical bytes; and every document has exactly one encoding.

use ecomesh_document::date::PartialDate;
use ecomesh_document::schema::{FieldKind, FieldSpec, FormSpec, Need};
use ecomesh_document::{DecodeError, Document, ECOMESSAGE, KINDS, Kind, MESSAGE, text};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any document of a kind, made along its schema: every field, every code, every depth.
fn any_document(kind: &'static Kind) -> impl Strategy<Value = Value> {
    any_table(kind.spec).prop_map(|mut table| {
        table["form"] = json!(kind.form);
        table
    })
}

fn any_table(spec: &'static FormSpec) -> BoxedStrategy<Value> {
    let fields: Vec<_> = spec.fields.iter().map(any_field).collect();
    fields.prop_map(|fields| obey_rules(spec, fields.into_iter().flatten().collect())).boxed()
}

fn any_field(field: &'static FieldSpec) -> BoxedStrategy<Option<(String, Value)>> {
    let named = move |value| Some((field.name.to_owned(), value));
    let single = any_value(field);
    let required = field.need == Need::Required;
    let value = match field.list_max {
        Some(_) => prop::collection::vec(single, usize::from(required)..3).prop_map(Value::from).boxed(),
        None => single,
    };
    if required {
        value.prop_map(named).boxed()
    } else {
        prop_oneof![2 => Just(None), 3 => value.prop_map(named)].boxed()
    }
}

fn any_value(field: &'static FieldSpec) -> BoxedStrategy<Value> {
    match field.kind {
        FieldKind::Text { multiline, .. } => any_text(multiline).prop_map(Value::from).boxed(),
        FieldKind::Code(table) => {
            let codes: Vec<_> = table().entries().iter().map(|e| e.code).collect();
            prop::sample::select(codes).prop_map(Value::from).boxed()
        }
        FieldKind::Decimal => {
            (0i64..=90_000_000_000, 9u32..=9).prop_map(|(n, d)| json!(decimal_text(n, d))).boxed()
        }
        FieldKind::Integer { min, max } => (min..=max).prop_map(Value::from).boxed(),
        FieldKind::Date => any_date().prop_map(Value::from).boxed(),
        FieldKind::Time => Just(json!("2026-11-24T23:59:59Z")).boxed(),
        FieldKind::Member => "[A-Z]{2,8}".prop_map(Value::from).boxed(),
        FieldKind::Table(spec) => any_table(spec),
    }
}

fn decimal_text(number: i64, scale: u32) -> String {
    let unit = 10i64.pow(scale);
    format!("{}.{:0width$}", number / unit, number % unit, width = scale as usize)
}

/// Texts that have broken formats before: quotes of all kinds, escapes, scripts that run both ways, any letters.
fn any_text(multiline: bool) -> BoxedStrategy<String> {
    let fixed = prop::sample::select(vec![
        "ضبط 3900 كغ من العاج",
        "l'ivoire \"brut\"",
        "'''",
        "\"\"\"",
        "a\\b\\u0041",
        "x\ty",
        "# no comment",
        "= [1]",
        "שלום world ١٢",
        "🦏",
        " leading",
    ]);
    let line = prop_oneof![fixed.prop_map(str::to_owned), any::<String>(), "[a-z ]{1,20}"];
    let line = line.prop_map(|text| text::neutralise(&text));
    let text = if multiline {
        prop::collection::vec(line, 1..4).prop_map(|lines| lines.join("\n")).boxed()
    } else {
        line.boxed()
    };
    text.prop_map(|text| if text.trim().is_empty() { "x".to_owned() } else { text }).boxed()
}

fn any_date() -> impl Strategy<Value = String> {
    let day = (1800u16..=2199, 1u8..=12, 1u8..=28);
    (day, 0u8..5, prop::sample::select(vec!["", "?", "~", "%"])).prop_map(|((y, m, d), form, doubt)| {
        match form {
            0 => format!("{y:04}{doubt}"),
            1 => format!("{y:04}-{m:02}{doubt}"),
            2 => format!("{y:04}-{m:02}-{d:02}{doubt}"),
            3 => format!("{y:04}-{m:02}/{y:04}-12-31{doubt}"),
            _ => "unknown".to_owned(),
        }
    })
}

/// What the rules over several fields ask for.
fn obey_rules(spec: &FormSpec, mut table: Map<String, Value>) -> Value {
    match spec.name {
        "Ecomessage" => {
            table.insert("from".into(), json!("KE"));
            table.insert("to".into(), json!(["TZ", "IPSG"]));
            table.remove("handling");
            table.remove("reply_to_reference");
        }
        "Product" => {
            table.insert("scientific_name".into(), json!("Dalbergia spp."));
            for field in ["substance", "isotope", "description"] {
                table.entry(field).or_insert(json!("unknown"));
            }
        }
        "Quantity" => {
            if table["certainty"] == "unknown" {
                table.remove("amount");
            } else {
                table.entry("amount").or_insert(json!("0.1"));
            }
            if table.get("provenance").is_none_or(|p| p != "derived") {
                table.remove("derivation");
            }
        }
        "Worth" if table.get("certainty").is_some_and(|c| c == "unknown") => {
            table.remove("certainty");
        }
        "Place" if !(table.contains_key("latitude") && table.contains_key("longitude")) => {
            table.remove("latitude");
            table.remove("longitude");
        }
        "Person" => {
            table.remove("count");
        }
        "Attachment" => {
            for field in ["sha256", "record"] {
                if table.contains_key(field) {
                    table.insert(field.into(), json!("0f".repeat(32)));
                }
            }
        }
        _ => {}
    }
    Value::Object(table)
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
    prop_assert_eq!(decoded.to_toml(), toml);
    prop_assert!(!ecomesh_document::render(&decoded).is_empty() && !decoded.summary().is_empty());
    lost_nothing(json, &document.to_json(), "")
}

/// Every value of the first form is in the last one; only decimals may be written more briefly.
fn lost_nothing(before: &Value, after: &Value, path: &str) -> Result<(), TestCaseError> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                let empty = value.as_array().is_some_and(Vec::is_empty);
                match after.get(key) {
                    Some(kept) => lost_nothing(value, kept, &format!("{path}.{key}"))?,
                    None => prop_assert!(empty, "{}.{} is lost", path, key),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            prop_assert_eq!(before.len(), after.len(), "{}", path);
            for (i, (b, a)) in before.iter().zip(after).enumerate() {
                lost_nothing(b, a, &format!("{path}[{i}]"))?;
            }
        }
        (Value::String(before), Value::String(after)) if before != after => {
            let digits = before.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(if digits.is_empty() { "0" } else { digits }, after, "{}", path);
        }
        _ => prop_assert_eq!(before, after, "{}", path),
    }
    Ok(())
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
    fn any_date_survives(text in any_date()) {
        prop_assert_eq!(PartialDate::parse(&text).map(|d| d.to_string()), Ok(text));
    }
}

#[test]
fn kinds_are_documents_in_ascending_order() {
    assert!(
        KINDS
            .iter()
            .all(|k| k.number >= 256 && Kind::from_number(k.number).is_some_and(|f| f.form == k.form))
    );
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
    assert!(matches!(Document::decode(256, text), Err(DecodeError::Structure { form: "ecomessage", .. })));
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
