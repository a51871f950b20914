//! Walks a tree along the description of a form and collects everything that is wrong with it.

use std::ops::Range;

use crate::form::{Field, FieldKind, FormSpec, Need};
use crate::limits::PROBLEMS_MAX;
use crate::report::{EMPTY_FIELD, Finding, Severity, excerpt};
use crate::rule::Rule;
use crate::tree::{Entry, Node, Value};

/// Who reads, and so how strictly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A form that is to be sent: codes must be in the tables, rules over several fields hold.
    Author,
    /// A form that came from another bureau, perhaps with newer tables: structure only.
    Carried,
}

/// Walks a tree along a spec and collects all findings.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(super) mode: Mode,
    root: &'static FormSpec,
    path: String,
    findings: Vec<Finding>,
    /// The rule that asks for the field that is read next, or that the next problem breaks.
    rule: Option<&'static Rule>,
    /// The rule that asks for the present table, and so for what it must hold.
    table_rule: Option<&'static Rule>,
}

impl Reader {
    pub(crate) fn new(mode: Mode, root: &'static FormSpec) -> Self {
        Self { mode, root, path: String::new(), findings: Vec::new(), rule: None, table_rule: None }
    }

    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Names the rule that asks for the field that is read next, or that the next problem breaks.
    pub(crate) fn by(&mut self, rule: Option<&'static Rule>) -> &mut Self {
        self.rule = rule;
        self
    }

    /// Reads a field that a rule asks of authors: its absence is a problem of theirs, not of the structure.
    pub(crate) fn needed<T: Field>(&mut self, table: &Node, name: &'static str) -> Option<Option<T>> {
        let rule = self.asking_rule();
        let Some(node) = table.get(name) else {
            if self.mode == Mode::Author {
                self.missing(table, name, T::KIND, rule);
            }
            return Some(None);
        };
        self.within(name, |r| r.by(rule).value(node, "fill it in")).map(Some)
    }

    /// Reads a list of which a rule asks authors for at least one entry.
    pub(crate) fn needed_list<T: Field>(&mut self, table: &Node, name: &'static str) -> Option<Vec<T>> {
        let rule = self.asking_rule();
        let entries: Option<Vec<T>> = self.by(rule).list(table, name);
        if self.mode == Mode::Author && entries.as_ref().is_some_and(Vec::is_empty) {
            self.missing(table, name, T::KIND, rule);
        }
        entries
    }

    /// Tells what a rule asks for and is not there: of a table everything that it must hold, item by item.
    fn missing(&mut self, table: &Node, name: &str, kind: FieldKind, rule: Option<&'static Rule>) {
        let (message, advice) = match kind {
            FieldKind::Table(_) => {
                ("a required table is missing", format!("fill in the table {}", self.path_of(name)))
            }
            _ => ("a required field is missing", format!("fill in {name}")),
        };
        self.by(rule).error_at(table.at.clone(), name, message, advice);
        let FieldKind::Table(spec) = kind else { return };
        for field in spec.fields.iter().filter(|field| field.need == Need::Required) {
            self.within(name, |reader| {
                reader.missing(table, field.name, field.kind, field.rule.or(rule));
            });
        }
    }

    /// Reads a field that must be there.
    pub(crate) fn required<T: Field>(&mut self, table: &Node, name: &'static str) -> Option<T> {
        let rule = self.asking_rule();
        let Some(node) = table.get(name) else {
            let advice = match T::KIND {
                FieldKind::Table(_) => format!("add a table [{}]", self.path_of(name)),
                _ => format!("fill in {name}"),
            };
            self.by(rule).error_at(table.at.clone(), name, "a required field is missing", advice);
            return None;
        };
        self.within(name, |r| r.by(rule).value(node, "fill it in"))
    }

    /// Reads a field that may be absent: `None` means that it is there and wrong.
    pub(crate) fn optional<T: Field>(&mut self, table: &Node, name: &'static str) -> Option<Option<T>> {
        let Some(node) = table.get(name) else { return Some(None) };
        self.within(name, |r| r.value(node, "fill it in, or delete the line")).map(Some)
    }

    /// Reads a field that should be there.
    pub(crate) fn recommended<T: Field>(&mut self, table: &Node, name: &'static str) -> Option<Option<T>> {
        if self.mode == Mode::Author && table.get(name).is_none() {
            self.warn_at(
                table.at.clone(),
                name,
                "a recommended field is missing",
                format!("add {name} if it is known"),
            );
        }
        self.optional(table, name)
    }

    /// Reads a list, absent or empty alike.
    pub(crate) fn list<T: Field>(&mut self, table: &Node, name: &'static str) -> Option<Vec<T>> {
        let Some(node) = table.get(name) else { return Some(Vec::new()) };
        let Value::List(items) = &node.value else {
            let advice = match T::KIND {
                FieldKind::Table(_) => format!("write it as a list of tables, [[{}]]", self.path_of(name)),
                _ => format!("write it in brackets: {name} = [ … ]"),
            };
            self.error_at(
                node.at.clone(),
                name,
                format!("it is {}, where a list is wanted", node.type_name()),
                advice,
            );
            return None;
        };
        if items.len() > T::LIST_MAX {
            let message =
                format!("the list has {} entries where at most {} are allowed", items.len(), T::LIST_MAX);
            self.error_at(node.at.clone(), name, message, "divide it into several messages");
            return None;
        }
        let rule = self.rule;
        let read = |(i, item): (usize, &Node)| {
            self.within(&format!("{name}[{}]", i + 1), |r| {
                r.by(rule).value(item, "fill it in, or delete it from the list")
            })
        };
        // All entries are read before the first wrong one ends it, so that each is reported.
        let entries: Vec<Option<T>> = items.iter().enumerate().map(read).collect();
        entries.into_iter().collect()
    }

    /// Reads a list with at least one entry.
    pub(crate) fn some<T: Field>(&mut self, table: &Node, name: &'static str) -> Option<Vec<T>> {
        let entries = self.list(table, name)?;
        if entries.is_empty() {
            self.error_at(
                table.at.clone(),
                name,
                "a required list is missing or empty",
                format!("fill in at least one entry of {name}"),
            );
            return None;
        }
        Some(entries)
    }

    /// Reports the fields that a table does not have, and applies its rules.
    pub(crate) fn finish_table(&mut self, table: &Node, spec: &'static FormSpec) {
        self.rule = None;
        for entry in table.entries() {
            if spec.field(&entry.key).is_none() {
                self.unknown_field(entry, spec);
            }
        }
        if self.mode == Mode::Author {
            (spec.rules)(table, self);
        }
    }

    /// Reports an error about a field of the present table.
    pub(crate) fn error(
        &mut self,
        table: &Node,
        field: &str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let at = table.deepest(field).at.clone();
        self.error_at(at, field, message, advice);
    }

    /// Reports a warning about a field of the present table.
    pub(crate) fn warn(
        &mut self,
        table: &Node,
        field: &str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let at = table.deepest(field).at.clone();
        self.warn_at(at, field, message, advice);
    }

    /// An empty text of any type is a blank of the template that was not filled in.
    fn value<T: Field>(&mut self, node: &Node, advice_if_empty: &str) -> Option<T> {
        let rule = self.rule.take();
        if node.as_text().is_some_and(|t| t.trim().is_empty()) {
            self.by(rule).error_here(node, EMPTY_FIELD, advice_if_empty);
            return None;
        }
        let outer = self.table_rule;
        self.table_rule = rule.or(outer);
        let value = T::read(node, self);
        self.table_rule = outer;
        value
    }

    /// The rule that asks for the field that is read next: its own, or that of its table.
    fn asking_rule(&self) -> Option<&'static Rule> {
        self.rule.or(self.table_rule)
    }

    fn unknown_field(&mut self, entry: &Entry, spec: &'static FormSpec) {
        // Advice is for authors, and takes time.
        let advice = match self.mode {
            Mode::Author => self.advice_about(&entry.key, spec),
            Mode::Carried => String::new(),
        };
        let message = format!("there is no field {} here", excerpt(&entry.key));
        // The key is the sender's text: the path shows it only if it is harmless.
        let plain = entry.key.len() <= 40
            && entry.key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        self.error_at(entry.key_at.clone(), if plain { &entry.key } else { "" }, message, advice);
    }

    fn advice_about(&self, unknown: &str, spec: &'static FormSpec) -> String {
        if let Some(near) = spec.nearest(unknown) {
            format!("did you mean {near}?")
        } else if let Some(path) = self.root.elsewhere(unknown, "") {
            format!("did you mean the field of that name in {path}? Move it there")
        } else {
            format!("delete it, or move it into additional.text; the fields here are {}", names(spec))
        }
    }

    pub(crate) fn wrong_type<T>(&mut self, node: &Node, wanted: &str, advice: &str) -> Option<T> {
        self.error_here(node, format!("it is {}, where {wanted} is wanted", node.type_name()), advice);
        None
    }

    pub(crate) fn error_here(&mut self, node: &Node, message: impl Into<String>, advice: impl Into<String>) {
        self.error_at(node.at.clone(), "", message, advice);
    }

    pub(super) fn warn_here(&mut self, node: &Node, message: impl Into<String>, advice: impl Into<String>) {
        self.warn_at(node.at.clone(), "", message, advice);
    }

    fn error_at(
        &mut self,
        at: Option<Range<usize>>,
        field: &str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.push(Severity::Error, at, field, message.into(), advice.into());
    }

    fn warn_at(
        &mut self,
        at: Option<Range<usize>>,
        field: &str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        if self.mode == Mode::Author {
            self.push(Severity::Warning, at, field, message.into(), advice.into());
        }
    }

    fn push(
        &mut self,
        severity: Severity,
        at: Option<Range<usize>>,
        field: &str,
        message: String,
        advice: String,
    ) {
        let rule = self.rule.take();
        // Errors always have room: a report full of warnings must not pass.
        if self.findings.len() < PROBLEMS_MAX
            || severity == Severity::Error && self.findings.len() < 2 * PROBLEMS_MAX
        {
            self.findings.push(Finding { severity, at, path: self.path_of(field), message, advice, rule });
        }
    }

    fn path_of(&self, field: &str) -> String {
        match (self.path.is_empty(), field.is_empty()) {
            (_, true) => self.path.clone(),
            (true, false) => field.to_owned(),
            (false, false) => format!("{}.{field}", self.path),
        }
    }

    fn within<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let parent = self.path.len();
        if parent > 0 {
            self.path.push('.');
        }
        self.path.push_str(step);
        let result = read(self);
        self.path.truncate(parent);
        result
    }
}

fn names(spec: &FormSpec) -> String {
    spec.fields.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
}
