//! Reads the tables of a mapping file: each key once, each problem with its place, and no key that nobody knows.

use std::ops::Range;

use crate::form::nearest;
use crate::report::{Finding, Severity, excerpt};
use crate::tree::{Node, Value};

/// A table of the file while it is read.
pub(super) struct Table<'n, 'f> {
    node: &'n Node,
    path: String,
    known: Vec<&'static str>,
    findings: &'f mut Vec<Finding>,
}

impl<'n, 'f> Table<'n, 'f> {
    /// The table at a node; `path` is what problems call it.
    pub(super) fn new(node: &'n Node, path: &str, findings: &'f mut Vec<Finding>) -> Self {
        if !matches!(node.value, Value::Table(_)) {
            let message = format!("it is {}, where a table is wanted", node.type_name());
            findings.push(error(node.at.clone(), path, message, "write it as a table"));
        }
        Self { node, path: path.to_owned(), known: Vec::new(), findings }
    }

    /// The value under a key.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.node.get(key)
    }

    /// The text under a key.
    pub(super) fn text(&mut self, key: &'static str) -> Option<&'n str> {
        let node = self.node(key)?;
        self.text_of(key, node)
    }

    /// The text or the list of texts under a key.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<&'n str> {
        let Some(node) = self.node(key) else { return Vec::new() };
        match &node.value {
            Value::List(items) => items.iter().filter_map(|item| self.text_of(key, item)).collect(),
            _ => self.text_of(key, node).into_iter().collect(),
        }
    }

    /// True or false under a key; `absent` if it is not there.
    pub(super) fn flag(&mut self, key: &'static str, absent: bool) -> bool {
        match self.node(key) {
            None => absent,
            Some(Node { value: Value::Bool(flag), .. }) => *flag,
            Some(node) => {
                self.wrong_type(key, node, "true or false");
                absent
            }
        }
    }

    /// The whole number under a key, between two bounds.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        bounds: std::ops::RangeInclusive<usize>,
    ) -> Option<usize> {
        let node = self.node(key)?;
        let number = match &node.value {
            Value::Number(digits) => digits.parse().ok().filter(|number| bounds.contains(number)),
            _ => None,
        };
        if number.is_none() {
            let wanted = format!("a whole number from {} to {}", bounds.start(), bounds.end());
            self.error(key, node, format!("{wanted} is wanted here"), "correct it");
        }
        number
    }

    /// One of several words under a key.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let node = self.node(key)?;
        let word = self.text_of(key, node)?;
        let chosen = words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning);
        if chosen.is_none() {
            let all = words.iter().map(|(known, _)| *known);
            let advice = match nearest(all.clone(), word) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("choose one of {}", all.collect::<Vec<_>>().join(", ")),
            };
            self.error(key, node, format!("{} is none of the words for {key}", excerpt(word)), advice);
        }
        chosen
    }

    /// Reports a problem with what stands under a key.
    pub(super) fn error(
        &mut self,
        key: &str,
        node: &Node,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let path = self.path_of(key);
        self.findings.push(error(node.at.clone(), &path, message, advice));
    }

    /// Reports that something is missing in the table.
    pub(super) fn missing(&mut self, key: &str, advice: impl Into<String>) {
        let path = self.path_of(key);
        self.findings.push(error(self.node.at.clone(), &path, "it is missing", advice));
    }

    /// The findings, for what is read below this table.
    pub(super) fn findings(&mut self) -> &mut Vec<Finding> {
        self.findings
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for entry in self.node.entries().iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let advice = match nearest(self.known.iter().copied(), &entry.key) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the keys here are {}", self.known.join(", ")),
            };
            let message = format!("a mapping has no {} here", excerpt(&entry.key));
            self.findings.push(error(entry.key_at.clone(), &self.path, message, advice));
        }
    }

    fn text_of(&mut self, key: &str, node: &'n Node) -> Option<&'n str> {
        let text = node.as_text();
        if text.is_none() {
            self.wrong_type(key, node, "a text in quotes");
        }
        text
    }

    fn wrong_type(&mut self, key: &str, node: &Node, wanted: &str) {
        self.error(key, node, format!("it is {}, where {wanted} is wanted", node.type_name()), "correct it");
    }

    fn path_of(&self, key: &str) -> String {
        match (self.path.is_empty(), key.is_empty()) {
            (true, _) => key.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{key}", self.path),
        }
    }
}

/// A problem of a mapping, at its place.
pub(super) fn error(
    at: Option<Range<usize>>,
    path: &str,
    message: impl Into<String>,
    advice: impl Into<String>,
) -> Finding {
    let (message, advice) = (message.into(), advice.into());
    Finding { severity: Severity::Error, at, path: path.to_owned(), message, advice, rule: None }
}
