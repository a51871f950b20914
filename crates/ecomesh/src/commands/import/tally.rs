//! What an import tells: each refused cell at once, warnings of one sort together at the end, and the sum.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use ecomesh_document::mapping::{CellProblem, CellWarning, shortened};
use serde::Serialize;

use crate::cli::Global;
use crate::commands::listing;
use crate::output;

/// Most sorts of warnings that are kept apart; more are only counted. A sheet has a few dozen.
const SORTS_MAX: usize = 500;
/// Time between two states of the progress line.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Counts and prints what becomes of the rows.
pub(super) struct Tally<'g> {
    global: &'g Global,
    sum: Sum,
    sorts: BTreeMap<Sort, Sorted>,
    /// Warnings beyond [`SORTS_MAX`].
    others: u64,
    progress: Option<Instant>,
}

/// The sum of an import.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sum {
    /// Rows that were read, without the header.
    rows: u64,
    /// Rows that became forms.
    accepted: u64,
    /// Rows that did not.
    pub(super) rejected: u64,
    /// Warnings about accepted rows.
    warnings: u64,
    /// Accepted rows of which it is not known whether this bureau may enter them.
    #[serde(skip_serializing_if = "Option::is_none")]
    unasked: Option<u64>,
    /// What of the accepted rows was entered; nothing if nothing is.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) entered: Option<Entered>,
}

/// What was entered in the databases.
#[derive(Debug, Default, Serialize)]
pub(super) struct Entered {
    /// Entries that this import made.
    pub(super) entered: u64,
    /// Entries that were there already, from an import before.
    pub(super) known: u64,
    /// Those of them that have another text now.
    pub(super) replaced: u64,
    /// Rows that say the same as one before them: what became of that one is theirs.
    pub(super) doubled: u64,
    /// Entries that were there, and were withdrawn since. They are not entered again.
    pub(super) withdrawn: u64,
    /// What the node says of entries that it took, and nobody has said of their rows.
    #[serde(rename = "node_warnings", skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<NodeWarning>,
}

/// Something that the node says of entries that it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct NodeWarning {
    pub(super) field: String,
    pub(super) reason: String,
    pub(super) advice: String,
    /// How often it said so.
    pub(super) count: u64,
    /// The first row of which it did.
    pub(super) row: u64,
    /// Its line in the file.
    pub(super) line: Option<u64>,
}

/// As a warning about rows is told.
impl fmt::Display for NodeWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warning = CellWarning {
            column: String::new(),
            field: self.field.clone(),
            cell: String::new(),
            reason: self.reason.clone(),
            advice: self.advice.clone(),
        };
        let first = if self.count == 1 { "" } else { "first " };
        write!(f, "{} × {warning} ({first}row {})", self.count, self.row)
    }
}

/// Warnings that say the same of the same column.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sort {
    column: String,
    field: String,
    reason: String,
    advice: String,
}

/// How many there are, and the first of them.
#[derive(Debug)]
struct Sorted {
    count: u64,
    row: u64,
    cell: String,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) row: u64,
    /// Line of the file; none of an entry of a list in JSON.
    pub(super) line: Option<u64>,
}

/// What `--json` prints: one of these a line, the summary last.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'e> {
    Accepted {
        row: u64,
        line: Option<u64>,
        /// Value of the field `form`.
        form: &'static str,
        /// File below `--out`.
        file: Option<&'e str>,
        warnings: &'e [CellWarning],
    },
    Rejected {
        row: u64,
        line: Option<u64>,
        problems: &'e [CellProblem],
    },
    Summary(&'e Sum),
}

impl<'g> Tally<'g> {
    pub(super) fn new(global: &'g Global) -> Self {
        let shown = std::io::stderr().is_terminal() && !global.quiet && !global.json;
        let progress = shown.then(Instant::now);
        Self { global, sum: Sum::default(), sorts: BTreeMap::new(), others: 0, progress }
    }

    /// Tells of a row that became a form.
    pub(super) fn accepted(
        &mut self,
        place: Place,
        form: &'static str,
        file: Option<&str>,
        warnings: &[CellWarning],
    ) -> anyhow::Result<()> {
        self.sum.rows += 1;
        self.sum.accepted += 1;
        self.sum.warnings += warnings.len() as u64;
        warnings.iter().for_each(|warning| self.sort(place.row, warning));
        if self.global.json {
            let Place { row, line } = place;
            return event(&Event::Accepted { row, line, form, file, warnings });
        }
        self.show_progress();
        Ok(())
    }

    /// Tells of a row that did not.
    pub(super) fn rejected(&mut self, place: Place, problems: &[CellProblem]) -> anyhow::Result<()> {
        self.sum.rows += 1;
        self.sum.rejected += 1;
        let Place { row, line } = place;
        if self.global.json {
            return event(&Event::Rejected { row, line, problems });
        }
        self.clear_progress();
        for problem in problems {
            // The line tells nothing new unless rows before it have several.
            let at_line = line.filter(|line| *line != row).map(|line| format!(" (line {line})"));
            output::line(&output::printable(&format!(
                "row {row}{}: {problem}",
                at_line.unwrap_or_default()
            )))?;
        }
        Ok(())
    }

    /// Tells of a row that became a form, and that the node does not enter.
    pub(super) fn refused(&mut self, place: Place, problem: &CellProblem) -> anyhow::Result<()> {
        // It was counted when it became a form.
        self.sum.rows = self.sum.rows.saturating_sub(1);
        self.sum.accepted = self.sum.accepted.saturating_sub(1);
        self.rejected(place, std::slice::from_ref(problem))
    }

    /// Tells of all warnings, and the sum.
    pub(super) fn finish(mut self, entered: Option<Entered>, unasked: Option<u64>) -> anyhow::Result<Sum> {
        self.clear_progress();
        self.sum.unasked = unasked;
        self.sum.entered = entered.map(|entered| self.completed(entered));
        if self.global.json {
            event(&Event::Summary(&self.sum))?;
            return Ok(self.sum);
        }
        if self.sum.warnings > 0 {
            output::line("warnings:")?;
        }
        for (sort, sorted) in &self.sorts {
            let warning = CellWarning {
                column: sort.column.clone(),
                field: sort.field.clone(),
                cell: String::new(),
                reason: sort.reason.clone(),
                advice: sort.advice.clone(),
            };
            let first = match sorted.cell.is_empty() {
                true => format!("row {}", sorted.row),
                false => format!("row {}, \"{}\"", sorted.row, sorted.cell),
            };
            let first = if sorted.count == 1 { first } else { format!("first {first}") };
            output::line(&output::printable(&format!("{:6} × {warning} ({first})", sorted.count)))?;
        }
        if self.others > 0 {
            output::line(&format!("{:6} × others; see them with --json", self.others))?;
        }
        let Sum { rows, accepted, rejected, warnings, .. } = self.sum;
        output::line(&format!(
            "{} read: {accepted} accepted, {rejected} rejected, {}",
            listing::counted(rows, "row", "rows"),
            listing::counted(warnings, "warning", "warnings")
        ))?;
        Ok(self.sum)
    }

    /// What was entered, without what was told of the rows already.
    fn completed(&self, mut entered: Entered) -> Entered {
        // The node looks at the same as the import: what it says again is not told again.
        let is_told = |warning: &NodeWarning| {
            self.sorts.keys().any(|sort| (&sort.field, &sort.reason) == (&warning.field, &warning.reason))
        };
        entered.warnings.retain(|warning| !is_told(warning));
        entered
    }

    fn sort(&mut self, row: u64, warning: &CellWarning) {
        let CellWarning { column, field, reason, advice, cell } = warning.clone();
        let sort = Sort { column, field, reason, advice };
        if let Some(sorted) = self.sorts.get_mut(&sort) {
            sorted.count += 1;
        } else if self.sorts.len() < SORTS_MAX {
            self.sorts.insert(sort, Sorted { count: 1, row, cell: shortened(&cell) });
        } else {
            self.others += 1;
        }
    }

    fn show_progress(&mut self) {
        if self.progress.is_some_and(|shown| shown.elapsed() >= PROGRESS_EVERY) {
            // If nobody reads it, there is nobody to tell.
            let _ = write!(std::io::stderr(), "\r{} rows", self.sum.rows);
            self.progress = Some(Instant::now());
        }
    }

    fn clear_progress(&self) {
        if self.progress.is_some() {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn event(event: &Event<'_>) -> anyhow::Result<()> {
    output::line(&serde_json::to_string(event)?)
}
