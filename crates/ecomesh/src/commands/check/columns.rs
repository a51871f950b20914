//! The columns of a list that are searched.

use ecomesh_document::mapping::CellProblem;
use ecomesh_document::text::{Line, TextError};

use super::Args;
use crate::commands::listing;
use crate::exit::{ExitCode, Failure};
use crate::output;

/// Signs that lists have between their columns, and how each is typed.
const DELIMITERS: [(char, &str); 4] = [(';', "';'"), ('\t', "$'\\t'"), ('|', "'|'"), (',', "','")];

/// A cell of a row, or why it cannot be read.
type Cell = Result<String, CellProblem>;

/// A column that is searched.
pub(super) struct Column {
    place: usize,
    heading: String,
    /// Of names; else of numbers.
    pub(super) is_name: bool,
}

/// Finds the columns by their headings.
pub(super) fn columns(args: &Args, header: &[String]) -> anyhow::Result<Vec<Column>> {
    let header: Vec<&str> = header.iter().map(|heading| heading.trim()).collect();
    let column = |heading: &str, is_name| {
        let is_it = |known: &&str| known.eq_ignore_ascii_case(heading.trim());
        let mut places = header.iter().enumerate().filter(|(_, known)| is_it(known)).map(|(place, _)| place);
        let place = places.next().ok_or_else(|| missing(args, heading, &header))?;
        if places.next().is_some() {
            return Err(doubled(args, heading, &header));
        }
        Ok(Column { place, heading: header.get(place).copied().unwrap_or_default().to_owned(), is_name })
    };
    let number = args.number.as_deref().map(|heading| column(heading, false));
    let name = args.name.as_deref().map(|heading| column(heading, true));
    number.into_iter().chain(name).collect()
}

/// A heading that the list does not have: often the whole header is one, since the columns are divided by another sign.
fn missing(args: &Args, heading: &str, header: &[&str]) -> anyhow::Error {
    let failure =
        Failure::new(ExitCode::BadInput, format!("{} has no column \"{heading}\"", args.file.display()));
    let other = DELIMITERS
        .iter()
        .find(|(sign, _)| *sign != args.delimiter && matches!(header, [whole] if whole.contains(*sign)));
    let help = match other {
        Some((_, typed)) => format!(
            "its header is \"{}\", one column: say what stands between the columns, --delimiter {typed}",
            output::printable(&header.concat())
        ),
        None => format!("its columns are {}", output::printable(&header.join(", "))),
    };
    failure.help(help).into()
}

/// A heading of several columns: to search one of them would look as if all were.
fn doubled(args: &Args, heading: &str, header: &[&str]) -> anyhow::Error {
    let what = format!("{} has several columns \"{}\"", args.file.display(), heading.trim());
    let columns = output::printable(&header.join(", "));
    let help = format!("give each a heading of its own in the first row; its columns are {columns}");
    Failure::new(ExitCode::BadInput, what).help(help).into()
}

/// A row with another number of cells than the header is shifted somewhere: what stands below a heading may be of another column.
pub(super) fn refuse_shape(cells: &[Cell], columns: usize) -> Result<(), CellProblem> {
    if cells.len() == columns {
        return Ok(());
    }
    let has = listing::counted(cells.len() as u64, "cell", "cells");
    let wanted = listing::counted(columns as u64, "column", "columns");
    let advice = "put quotes around cells that hold the sign between columns, and add what is missing";
    Err(CellProblem::of_row(format!("the row has {has} where the header has {wanted}"), advice))
}

/// Whether nothing stands in any cell of a row.
pub(super) fn is_blank(cells: &[Cell]) -> bool {
    cells.iter().all(|cell| cell.as_ref().is_ok_and(|cell| cell.trim().is_empty()))
}

impl Column {
    /// What of a row is searched; nothing if no letter or digit stands in the cell, as in a blank one or in "-".
    pub(super) fn searched(&self, cells: &[Cell]) -> Result<Option<String>, CellProblem> {
        let cell = cells.get(self.place).map_or(Ok(""), |cell| cell.as_deref().map_err(Clone::clone))?.trim();
        if !cell.chars().any(char::is_alphanumeric) {
            return Ok(None);
        }
        let advice = |error: TextError| match error {
            TextError::TooLong { .. } => "shorten it; more than a number or a name stands in it",
            other => other.advice(),
        };
        match Line::new(cell) {
            Ok(_) => Ok(Some(cell.to_owned())),
            Err(error) => Err(self.problem(cell, format!("it cannot be searched: {error}"), advice(error))),
        }
    }

    /// That there is nothing to search for, in a row in which nothing else is searched either.
    pub(super) fn blank(&self, cells: &[Cell]) -> CellProblem {
        let cell = cells.get(self.place).and_then(|cell| cell.as_deref().ok()).unwrap_or_default();
        self.problem(cell, "there is nothing to search for: no letter or digit".into(), "fill it in")
    }

    fn problem(&self, cell: &str, reason: String, advice: &str) -> CellProblem {
        CellProblem::new(&self.heading, "", cell, reason, advice)
    }
}
