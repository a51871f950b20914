//! The columns of a list that are searched.

use ecomesh_document::mapping::CellProblem;
use ecomesh_document::text::Line;

use super::Args;
use crate::exit::{ExitCode, Failure};
use crate::output;

/// Signs that lists have between their columns, and how each is typed.
const DELIMITERS: [(char, &str); 4] = [(';', "';'"), ('\t', "$'\\t'"), ('|', "'|'"), (',', "','")];

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
        let place = header.iter().position(is_it).ok_or_else(|| missing(args, heading, &header))?;
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

impl Column {
    /// What of a row is searched; nothing if the cell is blank.
    pub(super) fn searched(&self, cells: &[String]) -> Result<Option<String>, CellProblem> {
        let problem = |cell: &str, reason: String, advice: &str| {
            CellProblem::new(&self.heading, "", cell, reason, advice)
        };
        let Some(cell) = cells.get(self.place) else {
            let reason = format!("the row ends before this column: it has {} cells", cells.len());
            return Err(problem(
                "",
                reason,
                "complete the row, or look for a sign between columns that is missing",
            ));
        };
        let cell = cell.trim();
        if cell.is_empty() {
            return Ok(None);
        }
        match Line::new(cell) {
            Ok(_) => Ok(Some(cell.to_owned())),
            Err(error) => Err(problem(cell, format!("it cannot be searched: {error}"), error.advice())),
        }
    }
}
