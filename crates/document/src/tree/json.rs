//! Reads the content of a body: JSON, straight into a tree. A node reads hundreds of thousands of them after a start, and
//! values in between would cost a third of the time.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::{Entry, NESTING_MAX, Node, Value};

/// The tree of a text. Members that are null are as if they were not there, as in [`Node::from_json`]; of a member that stands
/// twice both are kept: whoever asks for one encoding refuses either.
pub(crate) fn parse(content: &[u8]) -> Result<Node, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(content);
    let node = Seed { depth: 0 }.deserialize(&mut deserializer).map_err(|e| e.to_string())?;
    deserializer.end().map_err(|e| e.to_string())?;
    node.ok_or_else(|| "null is no form".into())
}

/// Reads a value so deep in others; nothing for null.
#[derive(Clone, Copy)]
struct Seed {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Option<Node>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.depth > NESTING_MAX {
            return Err(D::Error::custom(format!(
                "objects and arrays are nested more than {NESTING_MAX} deep"
            )));
        }
        deserializer.deserialize_any(self)
    }
}

fn node<E>(value: Value) -> Result<Option<Node>, E> {
    Ok(Some(Node::new(value)))
}

impl<'de> Visitor<'de> for Seed {
    type Value = Option<Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a form in JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        node(Value::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        node(Value::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        node(Value::Number(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Err(E::custom(super::not_whole(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        node(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        node(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let seed = Self { depth: self.depth + 1 };
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(seed)? {
            items.push(item.ok_or_else(|| A::Error::custom(super::NULL_IN_LIST))?);
        }
        node(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
        let seed = Self { depth: self.depth + 1 };
        let mut entries = Vec::new();
        while let Some(key) = table.next_key::<String>()? {
            if let Some(node) = table.next_value_seed(seed)? {
                entries.push(Entry { key, key_at: None, node });
            }
        }
        node(Value::Table(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_is_read_by_way_of_values() {
        let text =
            r#"{"a":null,"b":[1,-2,{"é":"x\n\u0001"}],"c":{"d":true},"e":"","f":18446744073709551615}"#;
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse(text.as_bytes()).unwrap(), Node::from_json(&value).unwrap());
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let deep = format!("{}{}", "[".repeat(NESTING_MAX + 2), "]".repeat(NESTING_MAX + 2));
        for bad in [
            "",
            "null",
            "{",
            "[null]",
            "1.5",
            "1e3",
            "99999999999999999999",
            "{} {}",
            "{\"a\":1",
            "nul",
            &deep,
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }
}
