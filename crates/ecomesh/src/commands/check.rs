//! `ecomesh check`: a list against all entries, notices and diffusions, row by row.

mod columns;
mod told;

use std::path::PathBuf;

use ecomesh_api::{FindAnswer, FindRequest};
use ecomesh_document::mapping::{CellProblem, Dialect};
use futures::future::try_join_all;

use crate::cli::Global;
use crate::client::Node;
use crate::commands::find::{RESULTS_MAX, Why, code};
use crate::commands::rows::Rows;
use crate::exit::{ExitCode, Failure};
use columns::{Column, columns};
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
checked. With --json each of these, each result and, last, the sum is one object on a line of its
own: \"event\" is found, not_checked or summary.

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

/// Runs the command: exit 3 if a row was not checked.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let delimiter = u8::try_from(args.delimiter).map_err(|_| {
        Failure::new(ExitCode::Usage, "the sign between columns is no ASCII character")
            .help("write --delimiter ';' or --delimiter $'\\t'")
    })?;
    let mut rows = Rows::open(&args.file, Dialect { delimiter, header: true, columns: 0 })?;
    let columns = columns(&args, &rows.header()?)?;
    let node = Node::of(global)?;
    let mut check = Check { args: &args, told: Told::new(global) };
    let mut searches = Vec::new();
    while let Some(row) = rows.next()? {
        check.told.row();
        match row.cells {
            Ok(cells) => searches.extend(check.searches(row.number, &cells, &columns)?),
            Err(problems) => check.told.not_checked(row.number, &problems)?,
        }
        if searches.len() >= AT_ONCE {
            check.ask(&node, std::mem::take(&mut searches))?;
        }
    }
    check.ask(&node, searches)?;
    let sum = check.told.finish()?;
    Ok(if sum.not_checked > 0 { ExitCode::BadInput } else { code(sum.found > 0, sum.unread) })
}

/// A check under way.
struct Check<'a> {
    args: &'a Args,
    told: Told<'a>,
}

impl Check<'_> {
    /// What is searched for a row. Empty cells are not; of one that cannot be searched it is told why.
    fn searches(&mut self, row: u64, cells: &[String], columns: &[Column]) -> anyhow::Result<Vec<Search>> {
        let mut searches = Vec::new();
        let mut problems: Vec<CellProblem> = Vec::new();
        for column in columns {
            match column.searched(cells) {
                Ok(None) => {}
                Ok(Some(searched)) => {
                    let request = self.request(column, &searched);
                    searches.push(Search { row, searched, request });
                }
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            self.told.not_checked(row, &problems)?;
        } else if searches.is_empty() {
            self.told.blank();
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
            limit: Some(RESULTS_MAX as usize),
            ..FindRequest::default()
        }
    }

    fn ask(&mut self, node: &Node, searches: Vec<Search>) -> anyhow::Result<()> {
        let answers: Vec<FindAnswer> =
            node.ask(try_join_all(searches.iter().map(|search| node.api.find(&search.request))))?;
        for (search, answer) in searches.iter().zip(answers) {
            self.told.answer(search, answer)?;
        }
        self.told.show_progress();
        Ok(())
    }
}
