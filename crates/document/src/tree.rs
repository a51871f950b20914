//! The common shape under the three forms of a document: a tree of values, each of which knows where it stood.
//!
//! TOML and JSON are turned into a [`Node`] first, and read from there; so both give the same errors, all at once,
//! and numbers are taken from the digits as written, never through floating point.

pub(crate) mod json;

use std::fmt::{self, Write as _};
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::limits::NESTING_MAX;
use crate::report::{Finding, Severity, line_and_column};

/// A value and its place in the source, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Option<Range<usize>>,
}

/// A value of TOML or JSON. Numbers and dates are kept as they were written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(String),
    Bool(bool),
    Moment(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Option<Range<usize>>,
    pub(crate) node: Node,
}

impl Node {
    /// A value that did not come from a text.
    pub(crate) fn new(value: Value) -> Self {
        Self { value, at: None }
    }

    /// Reads TOML. With syntax errors the tree holds what could be understood; those are findings.
    pub(crate) fn from_toml(text: &str) -> (Self, Vec<Finding>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut findings: Vec<_> = errors
            .iter()
            .map(|e| Finding {
                severity: Severity::Error,
                at: e.span().or(Some(0..0)),
                path: String::new(),
                message: format!("this is no TOML: {}", e.message().replace('\n', ", ")),
                advice: "correct the line; texts stand in quotes, one field a line".into(),
                rule: None,
            })
            .collect();
        // What follows on the same line is mostly the same slip once more.
        let line = |f: &Finding| f.at.as_ref().map(|at| line_and_column(text, at.start).0);
        findings.dedup_by(|later, first| line(later) == line(first));
        let at = Some(table.span());
        let node = Self { value: Value::Table(toml_entries(table.get_ref(), 1, &mut findings)), at };
        (node, findings)
    }

    /// Takes a JSON value; `null` counts as absent.
    ///
    /// # Errors
    /// Says where the nesting is too deep or a number has a point (it would pass through floating point).
    pub(crate) fn from_json(json: &serde_json::Value) -> Result<Self, String> {
        json_node(json, 0)
    }

    /// Compact JSON: UTF-8, no white space, keys in the order of the tree.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::new();
        // A string takes everything.
        let _ = write_json(self, &mut out);
        out
    }

    /// Whether [`Node::to_json`] gives exactly these bytes: nothing is kept, and it ends with the first difference.
    pub(crate) fn is_json(&self, bytes: &[u8]) -> bool {
        let mut expected = Expected(bytes);
        write_json(self, &mut expected).is_ok() && expected.0.is_empty()
    }

    /// TOML: single values first, then tables, then lists of tables.
    pub(crate) fn to_toml(&self) -> String {
        let mut out = String::new();
        if let Value::Table(entries) = &self.value {
            write_toml(entries, "", &mut out);
        }
        out
    }

    /// What the value is called in a message.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Number(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::Moment(_) => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a table; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none for anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The node under a path such as `quantities[2].unit`, or the last one on the way there that exists.
    pub(crate) fn deepest(&self, path: &str) -> &Self {
        let mut node = self;
        for step in path.split('.') {
            let (key, index) = step.split_once('[').map_or((step, None), |(key, index)| (key, Some(index)));
            let Some(next) = node.get(key) else { return node };
            node = next;
            let number = index.and_then(|i| i.trim_end_matches(']').parse::<usize>().ok());
            if let Some(item) = number.and_then(|n| node.items().get(n.checked_sub(1)?)) {
                node = item;
            }
        }
        node
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|e| e.key == key).map(|e| &e.node)
    }
}

impl Entry {
    /// An entry that did not come from a text.
    pub(crate) fn new(key: &str, value: Value) -> Self {
        Self { key: key.to_owned(), key_at: None, node: Node::new(value) }
    }
}

fn toml_entries(table: &DeTable<'_>, depth: usize, findings: &mut Vec<Finding>) -> Vec<Entry> {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>),
                 findings: &mut Vec<Finding>| {
        let key: &toml::Spanned<std::borrow::Cow<'_, str>> = key;
        Some(Entry {
            key: key.get_ref().to_string(),
            key_at: Some(key.span()),
            node: toml_node(value, depth, findings)?,
        })
    };
    table.iter().filter_map(|pair| entry(pair, findings)).collect()
}

fn toml_node(value: &toml::Spanned<DeValue<'_>>, depth: usize, findings: &mut Vec<Finding>) -> Option<Node> {
    let at = Some(value.span());
    if depth > NESTING_MAX {
        findings.push(Finding {
            severity: Severity::Error,
            at,
            path: String::new(),
            message: format!("tables and lists are nested more than {NESTING_MAX} deep"),
            advice: "take the value out of its inner brackets".into(),
            rule: None,
        });
        return None;
    }
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Number(number.to_string()),
        DeValue::Float(number) => Value::Number(number.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(moment) => Value::Moment(moment.to_string()),
        DeValue::Array(items) => {
            Value::List(items.iter().filter_map(|item| toml_node(item, depth + 1, findings)).collect())
        }
        DeValue::Table(table) => Value::Table(toml_entries(table, depth + 1, findings)),
    };
    Some(Node { value, at })
}

const NULL_IN_LIST: &str = "null stands in a list; leave it out";

fn not_whole(number: impl fmt::Display) -> String {
    format!("the number {number} is not whole; write it as a text, \"12.9\", so that it stays exact")
}

fn json_node(json: &serde_json::Value, depth: usize) -> Result<Node, String> {
    if depth > NESTING_MAX {
        return Err(format!("objects and arrays are nested more than {NESTING_MAX} deep"));
    }
    let value = match json {
        serde_json::Value::Null => return Err(NULL_IN_LIST.into()),
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) if number.is_f64() => return Err(not_whole(number)),
        serde_json::Value::Number(number) => Value::Number(number.to_string()),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => {
            Value::List(items.iter().map(|item| json_node(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(members) => {
            let present = members.iter().filter(|(_, value)| !value.is_null());
            let entry = |(key, value): (&String, &serde_json::Value)| {
                let node = json_node(value, depth + 1).map_err(|e| format!("{key}: {e}"))?;
                Ok::<_, String>(Entry { key: key.clone(), key_at: None, node })
            };
            Value::Table(present.map(entry).collect::<Result<_, _>>()?)
        }
    };
    Ok(Node::new(value))
}

fn write_json(node: &Node, out: &mut impl fmt::Write) -> fmt::Result {
    match &node.value {
        Value::Text(text) | Value::Moment(text) => write_json_text(text, out),
        Value::Number(number) => out.write_str(number),
        Value::Bool(flag) => out.write_str(if *flag { "true" } else { "false" }),
        Value::List(items) => {
            out.write_str("[")?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.write_str(",")?;
                }
                write_json(item, out)?;
            }
            out.write_str("]")
        }
        Value::Table(entries) => {
            out.write_str("{")?;
            for (i, entry) in entries.iter().enumerate() {
                if i > 0 {
                    out.write_str(",")?;
                }
                write_json_text(&entry.key, out)?;
                out.write_str(":")?;
                write_json(&entry.node, out)?;
            }
            out.write_str("}")
        }
    }
}

/// A JSON string with the fewest escapes that RFC 8259 allows, as `serde_json` writes it.
fn write_json_text(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        return out.write_str(&serde_json::Value::from(text).to_string());
    }
    // Nearly all texts have nothing to escape.
    out.write_str("\"")?;
    out.write_str(text)?;
    out.write_str("\"")
}

/// Takes what is written, as long as it is what is expected next.
struct Expected<'a>(&'a [u8]);

impl fmt::Write for Expected<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(text.as_bytes()).ok_or(fmt::Error)?;
        Ok(())
    }
}

fn write_toml(entries: &[Entry], path: &str, out: &mut String) {
    let is_table = |node: &Node| matches!(node.value, Value::Table(_));
    let is_table_list = |node: &Node| node.items().iter().any(is_table);
    for entry in entries.iter().filter(|e| !is_table(&e.node) && !is_table_list(&e.node)) {
        let _ = writeln!(out, "{} = {}", entry.key, toml_inline(&entry.node));
    }
    for entry in entries.iter().filter(|e| is_table(&e.node)) {
        let path = format!("{path}{}", entry.key);
        let _ = writeln!(out, "\n[{path}]");
        write_toml(entry.node.entries(), &format!("{path}."), out);
    }
    for entry in entries.iter().filter(|e| is_table_list(&e.node)) {
        let path = format!("{path}{}", entry.key);
        for item in entry.node.items() {
            let _ = writeln!(out, "\n[[{path}]]");
            write_toml(item.entries(), &format!("{path}."), out);
        }
    }
}

fn toml_inline(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => toml::Value::from(text.as_str()).to_string(),
        Value::Number(text) | Value::Moment(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(toml_inline).collect::<Vec<_>>().join(", ")),
        Value::Table(entries) => {
            let inner = entries.iter().map(|e| format!("{} = {}", e.key, toml_inline(&e.node)));
            format!("{{ {} }}", inner.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_serde_json_writes_them() {
        let each = ('\0'..='\u{3000}').map(|character| format!("a{character}b"));
        for text in each.chain([String::new(), "\"\\\"".into(), "\u{2028}\u{10ffff}".into()]) {
            let mut written = String::new();
            write_json_text(&text, &mut written).unwrap();
            assert_eq!(written, serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn only_the_same_bytes_are_its_json() {
        let node = Node::from_json(&serde_json::json!({ "a": ["b", true], "c": { "d": "\n" } })).unwrap();
        let json = node.to_json();
        assert!(node.is_json(json.as_bytes()));
        for other in [&json[1..], &json[..json.len() - 1], &json.replace(',', ", "), &format!("{json} "), ""]
        {
            assert!(!node.is_json(other.as_bytes()), "{other}");
        }
    }
}
