//! What `ecomesh check` tells: each result as soon as it is there, each row that was not checked, and the sum.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use ecomesh_api::{AsOfView, FindAnswer, FoundView};
use ecomesh_document::mapping::CellProblem;
use serde::Serialize;

use super::Search;
use crate::cli::Global;
use crate::commands::find::{as_of, not_current, warn, what};
use crate::commands::listing;
use crate::{output, times};

/// Time between two states of the progress line.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Counts and prints what becomes of the rows.
pub(super) struct Told<'g> {
    global: &'g Global,
    sum: Sum,
    /// Rows that were told: of one row several searches may be refused.
    not_checked: BTreeSet<u64>,
    progress: Option<Instant>,
}

/// The sum of a check.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sum {
    /// Rows that were read, without the header.
    rows: u64,
    /// Searches: one for each cell that says something.
    searches: u64,
    /// Results.
    pub(super) found: u64,
    /// Rows of which something could not be searched.
    pub(super) not_checked: u64,
    /// Searches of which not all results are told: there are more than the node gives.
    more: u64,
    /// Rows in which nothing stands at all: they are passed over.
    blank: u64,
    /// The first row that was not searched, if the check broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_row: Option<u64>,
    /// As of when what was searched is, member by member.
    as_of: Vec<AsOfView>,
    /// Members whose data are not current: nothing found says little of them.
    not_current: Vec<String>,
    /// Records that were here and not searched.
    pub(super) unread: u64,
    /// Sources that could not be told of a hit, and why.
    warnings: Vec<String>,
}

/// What `--json` prints: one of these a line, the summary last.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'e> {
    Found { row: u64, searched: &'e str, found: &'e FoundView },
    NotChecked { row: u64, problems: &'e [CellProblem] },
    Summary(&'e Sum),
}

impl<'g> Told<'g> {
    pub(super) fn new(global: &'g Global) -> Self {
        let shown = !global.quiet && !global.json && std::io::stderr().is_terminal();
        Self { global, sum: Sum::default(), not_checked: BTreeSet::new(), progress: shown.then(Instant::now) }
    }

    /// A row was read.
    pub(super) fn row(&mut self) {
        self.sum.rows += 1;
    }

    /// Whether any search was answered.
    pub(super) fn has_answers(&self) -> bool {
        self.sum.searches > 0
    }

    /// Nothing stands in a row.
    pub(super) fn blank(&mut self) {
        self.sum.blank += 1;
    }

    /// Tells that a row was not checked, or not all of it. Whoever asked for no remarks is told, too.
    pub(super) fn not_checked(&mut self, row: u64, problems: &[CellProblem]) -> anyhow::Result<()> {
        self.sum.not_checked += u64::from(self.not_checked.insert(row));
        if self.global.json {
            return event(&Event::NotChecked { row, problems });
        }
        self.clear_progress();
        for problem in problems {
            crate::exit::eprint_line(&format!("row {row} is not checked: {problem}"));
        }
        Ok(())
    }

    /// Tells what a search found.
    pub(super) fn answer(&mut self, search: &Search, answer: FindAnswer) -> anyhow::Result<()> {
        self.sum.searches += 1;
        for found in &answer.found {
            self.sum.found += 1;
            self.clear_progress();
            self.found(search, found)?;
        }
        if answer.more {
            self.more(search, answer.found.len());
        }
        self.sum.as_of = answer.as_of;
        self.sum.unread = self.sum.unread.max(answer.unread);
        self.sum.warnings.extend(answer.warnings);
        Ok(())
    }

    /// Tells that a search has more results. Whoever asked for no remarks is told, too.
    fn more(&mut self, search: &Search, shown: usize) {
        self.sum.more += 1;
        if !self.global.json {
            self.clear_progress();
            crate::exit::eprint_line(&format!(
                "row {}: {} has MORE results than these {shown}; search for it with: ecomesh find",
                search.row,
                output::isolated(&search.searched)
            ));
        }
    }

    /// Tells the sum, and the first row that was not searched if the check broke off.
    pub(super) fn finish(mut self, next_row: Option<u64>) -> anyhow::Result<Sum> {
        self.clear_progress();
        self.sum.next_row = next_row;
        self.sum.not_current =
            not_current(&self.sum.as_of, times::now_ms()).map(|of| of.member.clone()).collect();
        if self.global.json {
            event(&Event::Summary(&self.sum))?;
        } else {
            output::remark(self.global, &self.sum.words());
            warn(&self.sum.warnings);
        }
        Ok(self.sum)
    }

    fn found(&self, search: &Search, found: &FoundView) -> anyhow::Result<()> {
        if self.global.json {
            return event(&Event::Found { row: search.row, searched: &search.searched, found });
        }
        let told = if found.hit.is_some() { ", told" } else { "" };
        let exercise = if found.exercise { "EXERCISE " } else { "" };
        output::line(&format!(
            "{exercise}row {}: {} fits {} of {}: {} ({} %{told}, {})",
            search.row,
            output::isolated(&search.searched),
            what(found),
            found.source,
            output::isolated(&found.subject),
            found.percent(),
            listing::short_entry(&found.id),
        ))
    }

    pub(super) fn show_progress(&mut self) {
        if self.progress.is_some_and(|last| last.elapsed() >= PROGRESS_EVERY) {
            eprint!("\r{}, {} found", listing::counted(self.sum.rows, "row", "rows"), self.sum.found);
            self.progress = Some(Instant::now());
        }
    }

    fn clear_progress(&self) {
        if self.progress.is_some() {
            eprint!("\r\u{1b}[K");
        }
    }
}

impl Sum {
    fn words(&self) -> String {
        let Self { rows, searches, found, not_checked, blank, unread, .. } = self;
        let of_rows = |count| listing::counted(count, "row", "rows");
        let mut lines = vec![format!(
            "{}, {}: {found} found, {} not checked",
            of_rows(*rows),
            listing::counted(*searches, "search", "searches"),
            of_rows(*not_checked)
        )];
        if *blank > 0 {
            lines.push(format!("{} with nothing in any cell", of_rows(*blank)));
        }
        if *found > 0 {
            lines.push("what is found is a reason to ask its source, and no proof".into());
        }
        if *not_checked > 0 {
            lines.push("correct the rows that were not checked, and check them again".into());
        }
        if *searches > 0 {
            lines.push(as_of(&self.as_of, times::now_ms()));
        }
        if *unread > 0 {
            lines.push(format!(
                "{} not searched, since the node had not read them: check the list again",
                listing::counted(*unread, "record was", "records were")
            ));
        }
        lines.join("\n")
    }
}

fn event(event: &Event<'_>) -> anyhow::Result<()> {
    output::line(&serde_json::to_string(event)?)
}
