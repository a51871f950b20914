//! `ecomesh check`: a list against all entries, notices and diffusions, row by row.

mod columns;
mod interrupt;
mod told;

use std::path::PathBuf;

use ecomesh_api::limits::RESULTS_MAX;
use ecomesh_api::{ClientError, FindRequest, ProblemCode};
use ecomesh_document::mapping::{CellProblem, Dialect};
use futures::future::join_all;

use crate::cli::Global;
use crate::client::Node;
use crate::commands::find::{Why, code};
use crate::commands::rows::{Cells, Rows};
use crate::exit::{ExitCode, Failure, explain};
use columns::{Column, columns, is_blank, refuse_shape};
use interrupt::Interrupt;
use told::Told;

/// Rows that are asked for at once.
const AT_ONCE: usize = 32;

/// Check a list, such as the passengers of a flight, against all that this bureau may read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The list is CSV in UTF-8, and its first row names the columns. It is read row by row, however long
it is. Each row is a search of its own: it goes into the access log, and a number that stands in
another country's entry is told to that country. Names are shown if they fit well enough (--fits).

A row that cannot be read or searched stops no other: it is told with what to do, and the rest is
checked. So is a row with more or fewer cells than the header, which is shifted, and one in which
every searched cell is blank. With --json each of these, each result and, last, the sum is one
object on a line of its own: \"event\" is found, not_checked or summary.

A check that breaks off, also by Ctrl-C, tells what was found until then, and the first row that was
not searched (\"next_row\" of the summary): check the rows from there on, below the same header.

Exit code 0 means that something was found, 1 that nothing was, as of the times that are told; 4,
that nothing was found yet, since the node has not read everything; 3, whatever was found, that rows
were not checked.

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

/// Why a check goes no further, and the first row that was not searched.
struct BrokenOff {
    row: u64,
    failure: Failure,
}

/// Runs the command: exit 3 if a row was not checked.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let delimiter = u8::try_from(args.delimiter).map_err(|_| {
        Failure::new(ExitCode::Usage, "the sign between columns is no ASCII character")
            .help("write --delimiter ';' or --delimiter $'\\t'")
    })?;
    let mut rows = Rows::open(&args.file, Dialect { delimiter, header: true, columns: 0 })?;
    let header = rows.header()?;
    let columns = columns(&args, &header)?;
    let node = Node::of(global)?;
    let interrupt = Interrupt::listen(&node, rows.is_file());
    let mut check =
        Check { args: &args, columns, width: header.len(), node, interrupt, told: Told::new(global) };
    let broken_off = check.all(&mut rows)?;
    // Of a check that never began there is nothing to sum up.
    if let Some(BrokenOff { failure, .. }) = broken_off.as_ref().filter(|_| !check.told.has_answers()) {
        return Err(failure.clone().into());
    }
    let sum = check.told.finish(broken_off.as_ref().map(|broken_off| broken_off.row))?;
    match broken_off {
        Some(broken_off) => Err(broken_off.explain().into()),
        None if sum.not_checked > 0 => Ok(ExitCode::BadInput),
        None => Ok(code(sum.found > 0, sum.unread)),
    }
}

impl BrokenOff {
    fn explain(self) -> Failure {
        let Self { row, failure } = self;
        let again = format!(
            "every row before row {row} was searched or told; check the list again from row {row} on, below the same header"
        );
        let help = failure.help.map_or_else(|| again.clone(), |help| format!("{help}; {again}"));
        Failure {
            what: format!("the check broke off at row {row}: {}", failure.what),
            help: Some(help),
            ..failure
        }
    }
}

/// A check under way.
struct Check<'a> {
    args: &'a Args,
    columns: Vec<Column>,
    /// How many cells a row has.
    width: usize,
    node: Node,
    interrupt: Interrupt,
    told: Told<'a>,
}

impl Check<'_> {
    /// Checks row by row, to the end or until it breaks off.
    fn all(&mut self, rows: &mut Rows) -> anyhow::Result<Option<BrokenOff>> {
        let mut searches = Vec::new();
        let mut next = 2;
        loop {
            let row = rows.next_cells();
            let is_last = !matches!(row, Ok(Some(_)));
            if (searches.len() >= AT_ONCE || is_last)
                && let Some(broken_off) = self.ask(&std::mem::take(&mut searches), next)?
            {
                return Ok(Some(broken_off));
            }
            match row {
                Ok(Some(Cells { number, cells })) => {
                    next = number + 1;
                    self.told.row();
                    match cells {
                        Ok(cells) => searches.extend(self.searches(number, &cells)?),
                        Err(problem) => self.told.not_checked(number, &[problem])?,
                    }
                }
                Ok(None) => return Ok(None),
                Err(failure) => return Ok(Some(BrokenOff { row: next, failure })),
            }
        }
    }

    /// What is searched for a row; of one that cannot be searched it is told why.
    fn searches(&mut self, row: u64, cells: &[Result<String, CellProblem>]) -> anyhow::Result<Vec<Search>> {
        if is_blank(cells) {
            self.told.blank();
            return Ok(Vec::new());
        }
        if let Err(problem) = refuse_shape(cells, self.width) {
            self.told.not_checked(row, &[problem])?;
            return Ok(Vec::new());
        }
        let mut searches = Vec::new();
        let mut problems: Vec<CellProblem> = Vec::new();
        for column in &self.columns {
            match column.searched(cells) {
                Ok(None) => {}
                Ok(Some(searched)) => {
                    let request = self.request(column, &searched);
                    searches.push(Search { row, searched, request });
                }
                Err(problem) => problems.push(problem),
            }
        }
        if searches.is_empty() && problems.is_empty() {
            problems = self.columns.iter().map(|column| column.blank(cells)).collect();
        }
        if !problems.is_empty() {
            self.told.not_checked(row, &problems)?;
        }
        Ok(searches)
    }

    fn request(&self, column: &Column, searched: &str) -> FindRequest {
        let of = |is_it: bool| is_it.then(|| searched.to_owned());
        let Why { purpose, officer, place } = &self.args.why;
        FindRequest {
            number: of(!column.is_name),
            name: of(column.is_name),
            purpose: purpose.clone(),
            officer: officer.clone(),
            place: place.clone(),
            fits: column.is_name.then_some(self.args.fits),
            limit: Some(RESULTS_MAX),
            ..FindRequest::default()
        }
    }

    /// Asks for these, and tells every answer that comes: each of them stands in the access log. `next` is the row behind them.
    fn ask(&mut self, searches: &[Search], next: u64) -> anyhow::Result<Option<BrokenOff>> {
        let Self { node, interrupt, .. } = self;
        let all = join_all(searches.iter().map(|search| node.api.find(&search.request)));
        let answers = node.answer(async { Ok(interrupt.watch(all).await) })?;
        let Some(answers) = answers else {
            let row = searches.first().map_or(next, |search| search.row);
            return Ok(Some(BrokenOff { row, failure: interrupt::failure() }));
        };
        // A node that has answered others refuses what is asked for, and not who asks.
        let some_answered = self.told.has_answers() || answers.iter().any(Result::is_ok);
        let mut broken_off = None;
        for (search, answer) in searches.iter().zip(answers) {
            match answer {
                Ok(answer) => self.told.answer(search, answer)?,
                Err(error) if some_answered && is_of_search(&error) => self.refused(search, error)?,
                Err(error) if broken_off.is_none() => {
                    broken_off = Some(BrokenOff { row: search.row, failure: explain(&error.into()) });
                }
                Err(_) => {}
            }
        }
        self.told.show_progress();
        let stopped = || BrokenOff { row: next, failure: interrupt::failure() };
        Ok(broken_off.or_else(|| self.interrupt.is_asked().then(stopped)))
    }

    fn refused(&mut self, search: &Search, error: ClientError) -> anyhow::Result<()> {
        let Failure { what, help, .. } = explain(&error.into());
        let problem = CellProblem::new("", "", &search.searched, what, help.unwrap_or_default());
        self.told.not_checked(search.row, &[problem])
    }
}

/// Whether the node refuses what is searched, and would answer another search.
fn is_of_search(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.code == ProblemCode::BadRequest)
}
