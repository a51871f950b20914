//! The cells of a row, each of which is taken into a field or kept as reported: none can be forgotten.

use std::collections::{BTreeMap, BTreeSet};

use crate::incident::{COLUMNS, Note, list, text};
use crate::tree::Entry;

/// A row while it is mapped.
pub(super) struct Cells<'r> {
    row: &'r BTreeMap<String, String>,
    done: BTreeSet<&'static str>,
    places: Vec<(&'static str, String)>,
    notes: Vec<Note>,
    reported: Vec<Vec<Entry>>,
}

impl<'r> Cells<'r> {
    pub(super) fn new(row: &'r BTreeMap<String, String>) -> Self {
        Self { row, done: BTreeSet::new(), places: Vec::new(), notes: Vec::new(), reported: Vec::new() }
    }

    /// The cell without blanks around it (no-break spaces included); `None` if nothing is left.
    pub(super) fn peek(&self, column: &str) -> Option<&'r str> {
        self.row.get(column).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
    }

    /// Takes a cell into the field `path`.
    pub(super) fn take(&mut self, column: &'static str, path: &str) -> Option<&'r str> {
        let cell = self.peek(column)?;
        self.done.insert(column);
        self.places.push((column, path.to_owned()));
        Some(cell)
    }

    /// Keeps a cell word for word, with the reason why it fits no field.
    pub(super) fn keep(&mut self, column: &'static str, reason: &'static str) {
        let Some(cell) = self.peek(column) else { return };
        self.reported.push(vec![text("field", column), text("text", cell), text("reason", reason)]);
        let path = format!("reported[{}]", self.reported.len());
        self.done.insert(column);
        self.places.push((column, path));
        self.note(column, reason);
    }

    /// Notes what was done with a cell.
    pub(super) fn note(&mut self, column: &'static str, reason: &'static str) {
        let reported = self.row.get(column).cloned().unwrap_or_default();
        self.notes.push(Note { column, reported, reason });
    }

    /// Keeps what is left over, and gives the `reported` entries, the notes and where each cell went.
    pub(super) fn finish(mut self) -> (Vec<Entry>, Vec<Note>, Vec<(&'static str, String)>) {
        for column in COLUMNS {
            if !self.done.contains(column) {
                self.keep(column, "the form has no field for it");
            }
        }
        let reported =
            if self.reported.is_empty() { Vec::new() } else { vec![list("reported", self.reported)] };
        (reported, self.notes, self.places)
    }
}
