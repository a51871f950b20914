//! A **batch** (kind 265): thousands of entries about objects in one signed record, as bureaus load their lists of travel
//! documents and vehicles.
//!
//! What is the same for all entries stands once, in the batch's own table `source`: from whom they are, how long they are
//! kept, who answers. An entry itself is the form of its database, with a `source` that has its reference alone. Entries
//! about persons have a record of their own each, so that each can be erased alone; so a batch takes two databases only.
//!
//! An entry of a batch is named by the record and its **line**, from 1. Its source withdraws a line by itself; what is left
//! is written anew in time, and the old record erased.

use crate::entry::{Database, DatabaseEntry, EntrySource, database};
use crate::form::{Field, FieldKind, FieldSpec, Form, FormSpec, Mode, Need, Reader, no_rules};
use crate::kinds;
use crate::limits::BATCH_ENTRIES_MAX;
use crate::reading::{FromForm, finding};
use crate::report::{Finding, Severity};
use crate::tree::{Entry, Node, Value};

/// The databases whose entries may stand in a batch: they name nobody.
pub const BATCHED: [&Database; 2] = [&database::SLTD, &database::VEHICLE];

/// What of a batch is printed and checked as a form: its entries have forms of their own.
pub(crate) const SPEC: &FormSpec = &FormSpec {
    name: "Batch",
    doc: &[" Many entries of one database."],
    fields: &[FieldSpec {
        name: "source",
        label: "Source",
        doc: &[" Who enters them, for whom and for how long."],
        need: Need::Required,
        kind: FieldKind::Table(EntrySource::SPEC),
        is_open: false,
        list_max: None,
        rule: None,
    }],
    rules: no_rules,
};

/// Many entries of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    database: &'static Database,
    source: EntrySource,
    entries: Vec<DatabaseEntry>,
}

impl DatabaseEntry {
    /// The entry as it stands in a batch: of its source the reference alone.
    #[must_use]
    pub fn with_reference_alone(mut self) -> Self {
        let reference = self.source().and_then(|source| source.reference.clone());
        if let Some(source) = self.source_mut() {
            *source = EntrySource { reference, ..EntrySource::default() };
        }
        self
    }
}

impl DatabaseEntry {
    /// Whether another entry says the same of the same thing. By whom and of which record it is a new text does not count: that
    /// is written when it is entered.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.database() == other.database() && self.clone().unentered() == other.clone().unentered()
    }

    /// The entry as it was before anybody entered it.
    fn unentered(mut self) -> Self {
        if let Some(source) = self.source_mut() {
            (source.from, source.replaces) = (None, None);
        }
        self
    }
}

/// Why entries make no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// None, or too many.
    #[error("a batch has 1 to {BATCH_ENTRIES_MAX} entries, and not {0}")]
    Count(usize),
    /// Of several databases, or of one whose entries stand alone.
    #[error(
        "a batch has entries of one database, of travel documents or of vehicles; line {0} is another one"
    )]
    Database(u32),
}

impl Batch {
    /// A batch of these entries, of which `source` says what is the same for all.
    ///
    /// # Errors
    /// [`BatchError`].
    pub fn new(source: EntrySource, entries: Vec<DatabaseEntry>) -> Result<Self, BatchError> {
        let first = entries.first().ok_or(BatchError::Count(0))?;
        let database = first.database();
        if entries.len() > BATCH_ENTRIES_MAX {
            return Err(BatchError::Count(entries.len()));
        }
        let fits = |entry: &DatabaseEntry| BATCHED.contains(&database) && entry.database() == database;
        if let Some(line) = entries.iter().position(|entry| !fits(entry)) {
            // Far fewer than 32 bits count.
            return Err(BatchError::Database(u32::try_from(line + 1).unwrap_or(u32::MAX)));
        }
        Ok(Self { database, source, entries })
    }

    /// Its database.
    pub fn database(&self) -> &'static Database {
        self.database
    }

    /// What is the same for all entries.
    pub fn source(&self) -> &EntrySource {
        &self.source
    }

    /// The same, to write into.
    pub(crate) fn source_mut(&mut self) -> &mut EntrySource {
        &mut self.source
    }

    /// How many entries it has: 1 to [`BATCH_ENTRIES_MAX`].
    pub fn lines(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// The entries with their lines, as they stand in it: with their references alone.
    pub fn entries(&self) -> impl Iterator<Item = (u32, &DatabaseEntry)> {
        (1..).zip(&self.entries)
    }

    /// The entry of a line as it would stand alone: with what is the same for all.
    pub fn entry(&self, line: u32) -> Option<DatabaseEntry> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let mut entry = self.entries.get(index)?.clone();
        let reference = entry.source().and_then(|source| source.reference.clone());
        if let Some(source) = entry.source_mut() {
            *source = EntrySource {
                reference: reference.or_else(|| self.source.reference.clone()),
                ..self.source.clone()
            };
        }
        Some(entry)
    }

    /// The batch without some lines; `None` if nothing is left.
    pub fn without(&self, lines: &std::collections::BTreeSet<u32>) -> Option<Self> {
        let left = self.entries().filter(|(line, _)| !lines.contains(line)).map(|(_, entry)| entry.clone());
        let entries: Vec<_> = left.collect();
        (!entries.is_empty()).then(|| Self { entries, ..self.clone() })
    }

    pub(crate) fn read(node: &Node, mode: Mode, findings: &mut Vec<Finding>) -> Option<Self> {
        let before = findings.len();
        let mut reader = Reader::new(mode, EntrySource::SPEC);
        let source = node.get("source").and_then(|table| EntrySource::read(table, &mut reader));
        findings.extend(reader.into_findings().into_iter().map(|f| below("source".to_owned(), f)));
        let entries: Vec<DatabaseEntry> = match node.get("entries").map(Node::items) {
            Some(items) if items.len() <= BATCH_ENTRIES_MAX => {
                let mut entries = Vec::with_capacity(items.len());
                for (line, item) in (1..).zip(items) {
                    let mut of_line = Vec::new();
                    entries.extend(kinds::read::<DatabaseEntry>(item, mode, &mut of_line));
                    // What is only recommended would be told thousands of times.
                    of_line.retain(|f: &Finding| f.severity == Severity::Error);
                    findings.extend(of_line.into_iter().map(|f| below(format!("entries[{line}]"), f)));
                    if findings.len() > before + crate::limits::PROBLEMS_MAX {
                        break;
                    }
                }
                entries
            }
            items => {
                let count = items.map_or(0, <[Node]>::len);
                findings.push(finding(None, BatchError::Count(count).to_string()));
                return None;
            }
        };
        for entry in
            node.entries().iter().filter(|e| !["form", "source", "entries"].contains(&e.key.as_str()))
        {
            findings.push(finding(entry.key_at.clone(), format!("a batch has no field \"{}\"", entry.key)));
        }
        if source.is_none() {
            findings.push(finding(None, "a batch has a table source".to_owned()));
        }
        match Self::new(source?, entries) {
            Ok(batch) => Some(batch),
            Err(error) => {
                findings.push(finding(None, error.to_string()));
                None
            }
        }
    }

    pub(crate) fn write(&self) -> Vec<Entry> {
        let entry = |entry: &DatabaseEntry| FromForm::to_node(entry);
        vec![
            Entry::new("source", Value::Table(self.source.write_table())),
            Entry::new("entries", Value::List(self.entries.iter().map(entry).collect())),
        ]
    }
}

/// A finding about a part of a batch, with the path of that part.
fn below(part: String, finding: Finding) -> Finding {
    let path = if finding.path.is_empty() { part } else { format!("{part}.{}", finding.path) };
    Finding { path, ..finding }
}
