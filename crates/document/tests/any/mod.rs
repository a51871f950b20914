//! Any form, made along its schema, for properties that hold for all of them.

use ecomesh_document::codes::CodeEntry;
use ecomesh_document::schema::{FieldKind, FieldSpec, FormSpec, Need};
use ecomesh_document::text;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any table of a form: every field, every code, every depth.
pub(crate) fn any_table(spec: &'static FormSpec) -> BoxedStrategy<Value> {
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
            let codes: Vec<_> = table().entries().iter().map(CodeEntry::code).collect();
            prop::sample::select(codes).prop_map(Value::from).boxed()
        }
        FieldKind::Decimal => {
            (0i64..=90_000_000_000, 9u32..=9).prop_map(|(n, d)| json!(decimal_text(n, d))).boxed()
        }
        FieldKind::Integer { min, max } => (min..=max).prop_map(Value::from).boxed(),
        FieldKind::Date => any_date().prop_map(Value::from).boxed(),
        FieldKind::Time => Just(json!("2026-11-24T23:59:59Z")).boxed(),
        FieldKind::Member => "[A-Z]{2,8}".prop_map(Value::from).boxed(),
        FieldKind::Record => "[0-9a-f]{64}".prop_map(Value::from).boxed(),
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

/// Any date, of any precision and doubt.
pub(crate) fn any_date() -> impl Strategy<Value = String> {
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

/// Every value of the first form is in the last one; only decimals may be written more briefly.
pub(crate) fn lost_nothing(before: &Value, after: &Value, path: &str) -> Result<(), TestCaseError> {
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
