//! `ecomesh check`: a list against all entries, notices and diffusions, row by row.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ecomesh_api::{AsOfView, FindAnswer, FindRequest, FoundView};
use ecomesh_document::mapping::Dialect;
use futures::future::try_join_all;
use serde::Serialize;

use crate::cli::Global;
use crate::client::Node;
use crate::commands::find::{Why, as_of, code, warn, what};
use crate::commands::listing;
use crate::commands::rows::Rows;
use crate::exit::{ExitCode, Failure};
use crate::{output, times};

/// Rows that are asked for at once.
const AT_ONCE: usize = 32;
/// Time between two states of the progress line.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Check a list, such as the passengers of a flight, against all that this bureau may read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The list is CSV in UTF-8, and its first row names the columns. It is read row by row, however long
it is. Each row is a search of its own: it goes into the access log, and a number that stands in
another country's entry is told to that country. Names are shown if they fit well enough (--fits).

Exit code 0 means that something was found, 1 that nothing was, as of the times that are told; 4,
that nothing was found yet, since the node has not read everything.

Examples:
  ecomesh check passengers.csv --number passport --purpose border-control --officer \"N. 12\"
  ecomesh check crew.csv --number document --name name --purpose port-inspection --officer \"N. 12\" --json")]
pub struct Args {
    /// The list
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Heading of the column of numbers
    #[arg(long, value_name = "HEADING", required_unless_present = "name")]
    number: Option<String>,
    /// Heading of the column of names
    #[arg(long, value_name = "HEADING")]
    name: Option<String>,
    /// How well a name must fit to be shown, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 85, value_parser = clap::value_parser!(u8).range(1..=100))]
    fits: u8,
    /// What stands between the columns
    #[arg(long, value_name = "SIGN", default_value = ",")]
    delimiter: char,
    #[command(flatten)]
    why: Why,
}

/// A search of one cell.
struct Search {
    row: u64,
    searched: String,
    request: FindRequest,
}

/// A result of a row, for programs.
#[derive(Serialize)]
struct Match<'m> {
    row: u64,
    searched: &'m str,
    found: &'m FoundView,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let delimiter = u8::try_from(args.delimiter).map_err(|_| {
        Failure::new(ExitCode::Usage, "the sign between columns is no ASCII character")
            .help("write --delimiter ';' or --delimiter $'\\t'")
    })?;
    let mut rows = Rows::open(&args.file, Dialect { delimiter, header: true, columns: 0 })?;
    let columns = columns(&args, &mut rows)?;
    let node = Node::of(global)?;
    let mut check = Check::new(&args, global);
    let mut searches = Vec::new();
    while let Some(row) = rows.next()? {
        check.rows += 1;
        match row.cells {
            Ok(cells) => searches.extend(check.searches(row.number, &cells, &columns)),
            Err(problems) => {
                check.unread += 1;
                let problem = problems.first().map(ToString::to_string).unwrap_or_default();
                output::remark(
                    global,
                    &format!("row {} is not checked: {}", row.number, output::printable(&problem)),
                );
            }
        }
        if searches.len() >= AT_ONCE {
            check.ask(&node, std::mem::take(&mut searches))?;
        }
    }
    check.ask(&node, searches)?;
    check.finish()
}

/// Which columns are searched, and whether as names.
fn columns(args: &Args, rows: &mut Rows) -> anyhow::Result<Vec<(usize, bool)>> {
    let header = rows.next()?.map(|row| row.cells).and_then(Result::ok).unwrap_or_default();
    let header: Vec<&str> = header.iter().map(|heading| heading.trim()).collect();
    let place = |heading: &str| {
        header.iter().position(|known| known.eq_ignore_ascii_case(heading.trim())).ok_or_else(|| {
            Failure::new(ExitCode::BadInput, format!("{} has no column \"{heading}\"", args.file.display()))
                .help(format!("its columns are {}", output::printable(&header.join(", "))))
        })
    };
    let number = args.number.as_deref().map(&place).transpose()?.map(|column| (column, false));
    let name = args.name.as_deref().map(&place).transpose()?.map(|column| (column, true));
    Ok(number.into_iter().chain(name).collect())
}

/// A check under way.
struct Check<'a> {
    args: &'a Args,
    global: &'a Global,
    rows: u64,
    unread: u64,
    searched: u64,
    matches: u64,
    as_of: Vec<AsOfView>,
    warnings: Vec<String>,
    /// Records that the node had not read at the last answer.
    not_searched: u64,
    progress: Option<Instant>,
}

impl<'a> Check<'a> {
    fn new(args: &'a Args, global: &'a Global) -> Self {
        let shown = !global.quiet && !global.json && std::io::stderr().is_terminal();
        Self {
            args,
            global,
            rows: 0,
            unread: 0,
            searched: 0,
            matches: 0,
            as_of: Vec::new(),
            warnings: Vec::new(),
            not_searched: 0,
            progress: shown.then(Instant::now),
        }
    }

    /// What is searched for a row; empty cells are not.
    fn searches(&self, row: u64, cells: &[String], columns: &[(usize, bool)]) -> Vec<Search> {
        let search = |(column, is_name): &(usize, bool)| {
            let searched = cells.get(*column)?.trim().to_owned();
            if searched.is_empty() {
                return None;
            }
            let (number, name) =
                if *is_name { (None, Some(searched.clone())) } else { (Some(searched.clone()), None) };
            let Why { purpose, officer, place } = &self.args.why;
            let request = FindRequest {
                number,
                name,
                purpose: purpose.clone(),
                officer: officer.clone(),
                place: place.clone(),
                ..FindRequest::default()
            };
            Some(Search { row, searched, request })
        };
        columns.iter().filter_map(search).collect()
    }

    fn ask(&mut self, node: &Node, searches: Vec<Search>) -> anyhow::Result<()> {
        let answers: Vec<FindAnswer> =
            node.ask(try_join_all(searches.iter().map(|search| node.api.find(&search.request))))?;
        for (search, answer) in searches.iter().zip(answers) {
            self.searched += 1;
            let fits = |found: &&FoundView| {
                search.request.number.is_some() || found.score * 100.0 >= f32::from(self.args.fits)
            };
            for found in answer.found.iter().filter(fits) {
                self.matches += 1;
                self.clear_progress();
                tell(self.global, search, found)?;
            }
            self.as_of = answer.as_of;
            self.not_searched = self.not_searched.max(answer.unread);
            self.warnings.extend(answer.warnings);
        }
        self.show_progress();
        Ok(())
    }

    fn finish(self) -> anyhow::Result<ExitCode> {
        self.clear_progress();
        let Self { rows, searched, matches, unread, .. } = self;
        let mut lines =
            vec![format!("{rows} rows, {searched} searches: {matches} found, {unread} rows not checked")];
        if matches > 0 {
            lines.push("what is found is a reason to ask its source, and no proof".into());
        }
        if searched > 0 {
            lines.push(as_of(&self.as_of, times::now_ms()));
        }
        if self.not_searched > 0 {
            lines.push(format!(
                "{} records were not searched, since the node had not read them: check the list again",
                self.not_searched
            ));
        }
        output::remark(self.global, &lines.join("\n"));
        warn(&self.warnings);
        Ok(code(matches > 0, self.not_searched))
    }

    fn show_progress(&mut self) {
        if self.progress.is_some_and(|last| last.elapsed() >= PROGRESS_EVERY) {
            eprint!("\r{} rows, {} found", self.rows, self.matches);
            self.progress = Some(Instant::now());
        }
    }

    fn clear_progress(&self) {
        if self.progress.is_some() {
            eprint!("\r\u{1b}[K");
        }
    }
}

/// One line for each result, as soon as it is there.
fn tell(global: &Global, search: &Search, found: &FoundView) -> anyhow::Result<()> {
    if global.json {
        let line = serde_json::to_string(&Match { row: search.row, searched: &search.searched, found })?;
        return output::line(&line);
    }
    let told = if found.hit.is_some() { ", told" } else { "" };
    let exercise = if found.exercise { "EXERCISE " } else { "" };
    output::line(&format!(
        "{exercise}row {}: {} fits {} of {}: {} ({:.0} %{told}, {})",
        search.row,
        output::isolated(&search.searched),
        what(found),
        found.source,
        output::isolated(&found.subject),
        found.score * 100.0,
        listing::short_entry(&found.id),
    ))
}
