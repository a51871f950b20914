//! The format of a table: text with tab-separated cells, as spreadsheets write it.
//!
//! ```text
//! # What the list is for.
//! code ⇥ en ⇥ fr
//! KIL  ⇥ kilograms ⇥ kilogrammes
//! ```
//!
//! Cells that are missing at the end of a line are empty, and blank lines do not count: spreadsheets cut the ones and append
//! the others. A byte order mark and CR LF are taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::codes::{CODE_BYTES_MAX, Code, CodeEntry, CodeTable, ListSpec, Term};
use crate::limits::{CODE_TABLE_BYTES_MAX, CODE_TABLE_LINES_MAX, COLUMNS_MAX, LINE_BYTES_MAX, PROBLEMS_MAX};
use crate::report::excerpt;
use crate::text::{self, TextError};

/// Why a text is no table of a list. Lines count from 1, as editors show them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodeTableError {
    /// The program has no such list.
    #[error("there is no list {}; {}", excerpt(.name), meant(.name))]
    NoList {
        /// The name.
        name: String,
    },
    /// More than a table has.
    #[error(
        "the table has {bytes} bytes where at most {CODE_TABLE_BYTES_MAX} are allowed; this is another file"
    )]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// More lines than a table has.
    #[error("the table has more than {CODE_TABLE_LINES_MAX} lines; this is another file")]
    TooManyLines,
    /// The first line says nothing of the list.
    #[error("line 1: it does not say what the list is for; begin the file with a line \"# \" and some words")]
    NoNote,
    /// The second line does not name the columns.
    #[error(
        "line {line}: the first column is not \"code\"; name the columns below the note, \"code\" first, with tabs between them"
    )]
    NoCodeColumn {
        /// The line.
        line: usize,
    },
    /// The name of a column is none, or is there twice.
    #[error("line {line}: {} is no name of a column, or is there twice; write each once, in small letters", excerpt(.name))]
    Column {
        /// The line.
        line: usize,
        /// The name.
        name: String,
    },
    /// More columns than a table has.
    #[error("line {line}: there are more than {COLUMNS_MAX} columns; this is another file")]
    TooManyColumns {
        /// The line.
        line: usize,
    },
    /// A column that the program reads is not there.
    #[error(
        "line {line}: the column \"{name}\" is missing; add it, as `ecomesh codes show {list} --tsv` prints it"
    )]
    MissingColumn {
        /// The line.
        line: usize,
        /// The column.
        name: &'static str,
        /// The list.
        list: &'static str,
    },
    /// There is nothing below the names of the columns.
    #[error("the table has no codes; write one a line below the names of the columns")]
    NoCodes,
    /// What stands first is no code.
    #[error("line {line}: {} is no code; write 1 to {CODE_BYTES_MAX} letters, digits, - and /", excerpt(.text))]
    NoCode {
        /// The line.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// A code that stands above already.
    #[error("line {line}: the code {code} is in line {first} already; delete one of the two")]
    Twice {
        /// The line.
        line: usize,
        /// The code.
        code: String,
        /// The line that has it, too.
        first: usize,
    },
    /// More cells than the table has columns.
    #[error(
        "line {line}: there are {cells} cells for {columns} columns; take out the tabs within texts, or name the column"
    )]
    TooManyCells {
        /// The line.
        line: usize,
        /// How many are there.
        cells: usize,
        /// How many there can be.
        columns: usize,
    },
    /// A code without a meaning.
    #[error("line {line}: the code {code} has no label in the column \"en\"; say in English what it means")]
    NoLabel {
        /// The line.
        line: usize,
        /// The code.
        code: String,
    },
    /// A cell that a spreadsheet has put in quotes.
    #[error("line {line}: the cell {} is in quotes; save the table as text with tabs, without quotes", excerpt(.text))]
    Quoted {
        /// The line.
        line: usize,
        /// The cell.
        text: String,
    },
    /// A cell that is no text of one line.
    #[error("line {line}, column \"{column}\": {reason}; {}", reason.advice())]
    Text {
        /// The line.
        line: usize,
        /// The column.
        column: String,
        /// What is wrong with it.
        reason: TextError,
    },
}

fn meant(name: &str) -> String {
    match ListSpec::nearest(name) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`ecomesh codes list` names them".to_owned(),
    }
}

impl CodeTable {
    /// Reads the table of the list `name`.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its lines, but no more than [`PROBLEMS_MAX`] of them.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<CodeTableError>> {
        let one = |error| vec![error];
        let spec =
            ListSpec::find(name).ok_or_else(|| one(CodeTableError::NoList { name: name.to_owned() }))?;
        if text.len() > CODE_TABLE_BYTES_MAX {
            return Err(one(CodeTableError::TooLarge { bytes: text.len() }));
        }
        if text.lines().nth(CODE_TABLE_LINES_MAX).is_some() {
            return Err(one(CodeTableError::TooManyLines));
        }
        let mut reading = Reading { spec, errors: Vec::new(), lines: BTreeMap::new() };
        let table = reading.table(text.strip_prefix('\u{feff}').unwrap_or(text));
        match table {
            Some(table) if reading.errors.is_empty() => Ok(table),
            _ => Err(reading.errors),
        }
    }

    /// The table as [`CodeTable::parse`] reads it: the file to edit.
    pub fn to_tsv(&self) -> String {
        let line = |code: &str, cells: &[String]| format!("{code}\t{}\n", cells.join("\t"));
        let entries = self.entries.iter().map(|entry| line(&entry.code, &entry.cells));
        let head = format!("# {}\n{}", self.note, line("code", &self.columns));
        std::iter::once(head).chain(entries).collect()
    }
}

struct Reading {
    spec: &'static ListSpec,
    errors: Vec<CodeTableError>,
    /// In which line each code stands.
    lines: BTreeMap<String, usize>,
}

impl Reading {
    /// The table; `None` if its head is wrong, so that nothing can be said of its lines.
    fn table(&mut self, text: &str) -> Option<CodeTable> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let note = self.note(lines.next().map_or("", |(_, line)| line));
        let (line, head) = lines.next().unwrap_or((2, ""));
        let columns = self.columns(line, head)?;
        let mut entries = Vec::new();
        for (line, text) in lines {
            entries.extend(self.entry(line, text, &columns));
            if self.errors.len() >= PROBLEMS_MAX {
                self.errors.truncate(PROBLEMS_MAX);
                return None;
            }
        }
        if entries.is_empty() && self.errors.is_empty() {
            self.errors.push(CodeTableError::NoCodes);
        }
        let mut by_code: Vec<usize> = (0..entries.len()).collect();
        by_code.sort_by(|one, other| entries[*one].code.cmp(&entries[*other].code));
        Some(CodeTable { name: self.spec.name, note: note.to_owned(), columns, entries, by_code })
    }

    fn note<'t>(&mut self, line: &'t str) -> &'t str {
        let Some(note) = line.strip_prefix('#').map(str::trim).filter(|note| !note.is_empty()) else {
            self.errors.push(CodeTableError::NoNote);
            return "";
        };
        self.text(1, "note", note);
        note
    }

    /// The names of the columns behind the code.
    fn columns(&mut self, line: usize, head: &str) -> Option<Arc<[String]>> {
        let mut names = head.trim_end().split('\t').map(str::trim);
        if names.next() != Some("code") {
            self.errors.push(CodeTableError::NoCodeColumn { line });
            return None;
        }
        let names: Vec<String> = names.map(str::to_owned).collect();
        if names.len() > COLUMNS_MAX {
            self.errors.push(CodeTableError::TooManyColumns { line });
            return None;
        }
        for (i, name) in names.iter().enumerate() {
            if !is_column(name) || name == "code" || names[..i].contains(name) {
                self.errors.push(CodeTableError::Column { line, name: name.clone() });
            }
        }
        for name in ["en"].iter().chain(self.spec.columns()) {
            if !names.iter().any(|column| column == name) {
                self.errors.push(CodeTableError::MissingColumn { line, name, list: self.spec.name });
            }
        }
        self.errors.is_empty().then(|| names.into())
    }

    fn entry(&mut self, line: usize, text: &str, columns: &Arc<[String]>) -> Option<CodeEntry> {
        let mut cells = text.trim_end().split('\t').map(str::trim);
        let code = self.code(line, cells.next().unwrap_or_default())?;
        let mut cells: Vec<String> = cells.map(str::to_owned).collect();
        if cells.len() > columns.len() {
            let (cells, columns) = (cells.len() + 1, columns.len() + 1);
            self.errors.push(CodeTableError::TooManyCells { line, cells, columns });
            return None;
        }
        cells.resize(columns.len(), String::new());
        for (column, cell) in columns.iter().zip(&cells).filter(|(_, cell)| !cell.is_empty()) {
            self.text(line, column, cell);
        }
        let entry = CodeEntry { code, cells, columns: columns.clone() };
        if entry.column("en").is_none() {
            self.errors.push(CodeTableError::NoLabel { line, code: entry.code });
            return None;
        }
        Some(entry)
    }

    fn code(&mut self, line: usize, text: &str) -> Option<String> {
        if Code::<Term>::new(text).is_err() {
            self.errors.push(CodeTableError::NoCode { line, text: text.to_owned() });
            return None;
        }
        if let Some(first) = self.lines.insert(text.to_owned(), line) {
            self.errors.push(CodeTableError::Twice { line, code: text.to_owned(), first });
            return None;
        }
        Some(text.to_owned())
    }

    fn text(&mut self, line: usize, column: &str, cell: &str) {
        if cell.starts_with('"') {
            self.errors.push(CodeTableError::Quoted { line, text: cell.to_owned() });
        } else if let Err(reason) = text::check(cell, LINE_BYTES_MAX, false) {
            self.errors.push(CodeTableError::Text { line, column: column.to_owned(), reason });
        }
    }
}

/// A language, or another word in small letters.
fn is_column(name: &str) -> bool {
    (1..=CODE_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests;
