//! What becomes of a row: a form with warnings, or the reasons why not.

use std::fmt;

use serde::Serialize;

use crate::limits::EXCERPT_CHARS_MAX;
use crate::mapping::forms::MappedForm;
use crate::text::neutralise;

/// A row that is a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The form. It passes its own check without errors, unless it is an extract of the public list.
    pub form: MappedForm,
    /// What was not taken as it stood, and what should be looked at again.
    pub warnings: Vec<CellWarning>,
}

/// A row that is no form. Every problem is told at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Rejected {
    /// What is wrong.
    pub problems: Vec<CellProblem>,
}

/// What is wrong with a cell, or with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CellProblem {
    /// Heading of the column, or its number; empty if it is about no single column.
    pub column: String,
    /// Field of the form that the column fills, or that nothing fills; empty if it is about the whole row.
    pub field: String,
    /// The beginning of the cell, harmless for terminals; empty if it is blank or if it is about no single cell.
    pub cell: String,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub advice: String,
}

/// A cell that was not taken as it stood, or a form that can be sent but should be looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CellWarning {
    /// As of a problem.
    pub column: String,
    /// As of a problem.
    pub field: String,
    /// The whole cell, word for word, if it was left out or kept aside: nothing else may hold it.
    pub cell: String,
    /// What was done with it, or what is doubtful.
    pub reason: String,
    /// What to do.
    pub advice: String,
}

impl CellProblem {
    /// A problem; of the cell an excerpt is taken.
    pub fn new(
        column: impl Into<String>,
        field: impl Into<String>,
        cell: &str,
        reason: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (column, field) = (neutralise(&column.into()), field.into());
        Self { column, field, cell: shortened(cell), reason: reason.into(), advice: advice.into() }
    }

    /// A problem of the whole row.
    pub fn of_row(reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new("", "", "", reason, advice)
    }
}

/// The beginning of a cell, without what could disturb a terminal.
pub fn shortened(cell: &str) -> String {
    let cell = cell.trim();
    let mut short: String = cell.chars().take(EXCERPT_CHARS_MAX).collect();
    if short.len() < cell.len() {
        short.push('…');
    }
    neutralise(&short)
}

/// `column Number (document.number), "K?": it has … ; do …`
impl fmt::Display for CellProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.column, &self.field, &self.cell)?;
        write_words(f, &self.reason, &self.advice)
    }
}

impl fmt::Display for CellWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.column, &self.field, &shortened(&self.cell))?;
        write_words(f, &self.reason, &self.advice)
    }
}

fn write_place(f: &mut fmt::Formatter<'_>, column: &str, field: &str, cell: &str) -> fmt::Result {
    match (column.is_empty(), field.is_empty()) {
        (false, false) => write!(f, "column \"{column}\" ({field})")?,
        (false, true) => write!(f, "column \"{column}\"")?,
        (true, false) => f.write_str(field)?,
        (true, true) => f.write_str("the row")?,
    }
    if !cell.is_empty() {
        write!(f, ", \"{cell}\"")?;
    }
    f.write_str(": ")
}

fn write_words(f: &mut fmt::Formatter<'_>, reason: &str, advice: &str) -> fmt::Result {
    f.write_str(reason)?;
    if advice.is_empty() { Ok(()) } else { write!(f, "; {advice}") }
}
