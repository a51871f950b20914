//! What is doubtful about the dates of a batch. A list has thousands of lines, and what is doubtful of one often is of all: each
//! sort is told once.

use ecomesh_api::Detail;
use ecomesh_document::Document;
use ecomesh_document::entry::Batch;

use crate::http::messages::{check_dates, detail};
use crate::http::{Refusal, Services};

/// Most sorts of warnings about lines that are told. A list has a few.
const SORTS_MAX: usize = 50;

/// Warnings about the dates of all lines, each looked at as an entry that stands alone.
///
/// # Errors
/// As of an entry: what is to be valid until a day that is past is not taken.
pub(super) fn of_dates(services: &Services, batch: &Batch) -> Result<Vec<Detail>, Refusal> {
    let mut doubts = Doubts::default();
    for line in 1..=batch.lines() {
        let Some(entry) = batch.entry(line) else { continue };
        let dates = check_dates(services, &Document::from(entry))?;
        dates.warnings().for_each(|warning| doubts.add(line, detail(warning)));
    }
    Ok(doubts.told())
}

/// Warnings by their sorts, in the order in which they came.
#[derive(Default)]
struct Doubts {
    sorts: Vec<Sort>,
    /// Warnings beyond [`SORTS_MAX`].
    others: u64,
}

struct Sort {
    line: u32,
    warning: Detail,
    /// How many lines have it.
    lines: u64,
}

impl Doubts {
    fn add(&mut self, line: u32, warning: Detail) {
        let is_same = |known: &Detail| (&known.path, &known.message) == (&warning.path, &warning.message);
        if let Some(sort) = self.sorts.iter_mut().find(|sort| is_same(&sort.warning)) {
            sort.lines += 1;
        } else if self.sorts.len() < SORTS_MAX {
            self.sorts.push(Sort { line, warning, lines: 1 });
        } else {
            self.others += 1;
        }
    }

    /// Each sort at the first line that has it. That others have it too stands in the advice, so that what is said is the same
    /// as of an entry alone.
    fn told(self) -> Vec<Detail> {
        let others = (self.others > 0).then(|| Detail {
            path: "entries".into(),
            message: format!("{} more warnings about dates of lines", self.others),
            advice: "correct those that are told, and look again".into(),
        });
        let told = self.sorts.into_iter().map(|Sort { line, warning, lines }| {
            let too = match lines - 1 {
                0 => String::new(),
                1 => "; another line has it too".to_owned(),
                more => format!("; {more} other lines have it too"),
            };
            let path = format!("entries[{line}].{}", warning.path);
            Detail { path, advice: format!("{}{too}", warning.advice), ..warning }
        });
        told.chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sort_is_told_once_and_no_more_than_can_be_read() {
        let warning = |path: &str| Detail { path: path.into(), message: "odd".into(), advice: "look".into() };
        let mut doubts = Doubts::default();
        for line in 3..=6 {
            doubts.add(line, warning("document.expires"));
        }
        doubts.add(5, warning("date"));
        let told = doubts.told();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(
            (told[0].path.as_str(), told[0].message.as_str(), told[0].advice.as_str()),
            ("entries[3].document.expires", "odd", "look; 3 other lines have it too")
        );
        assert_eq!((told[1].path.as_str(), told[1].advice.as_str()), ("entries[5].date", "look"));

        let mut doubts = Doubts::default();
        for sort in 0..SORTS_MAX + 7 {
            doubts.add(1, warning(&sort.to_string()));
        }
        let told = doubts.told();
        assert_eq!(told.len(), SORTS_MAX + 1);
        assert!(told.last().is_some_and(|last| last.message.starts_with("7 more")), "{told:?}");
    }
}
