//! The cells of a row that are kept word for word among the reported cells of its form.

use crate::limits::ENTRIES_MAX;
use crate::mapping::plan::OnMisfit;
use crate::mapping::row::{Filling, Row};
use crate::text::neutralise;
use crate::tree::{Entry, Node, Value};

/// Most characters of a heading or a reason beside a reported cell, which has room for 1024 bytes.
const WORDS_MAX: usize = 250;

impl Row<'_> {
    /// The cells that are kept word for word: those of the columns to be kept, then those that do not fit.
    pub(super) fn reported(&self, fillings: &[Filling]) -> Vec<Node> {
        self.reported_places(fillings)
            .into_iter()
            .take(ENTRIES_MAX + 1)
            .map(|(place, reason)| {
                let text = |key: &str, text: String| Entry::new(key, Value::Text(text));
                let cell = self.cells[place].trim().replace("\r\n", "\n");
                let mut entry = vec![text("field", self.column(place)), text("text", cell)];
                entry.extend(reason.map(|reason| text("reason", one_line(reason))));
                Node::new(Value::Table(entry))
            })
            .collect()
    }

    /// What people call a column: its heading on one line, or its number if that is empty.
    pub(super) fn column(&self, place: usize) -> String {
        match self.columns[place].as_str() {
            "" => (place + 1).to_string(),
            heading => one_line(heading),
        }
    }

    /// The places of those cells, with the reason why they fit no field. A cell that several fields share is there once.
    fn reported_places<'f>(&self, fillings: &'f [Filling]) -> Vec<(usize, Option<&'f str>)> {
        let is_filled = |place: &usize| !self.cells[*place].trim().is_empty();
        let mut places: Vec<(usize, Option<&str>)> =
            self.keep.iter().copied().filter(is_filled).map(|place| (place, None)).collect();
        if self.plan.form.spec().field("reported").is_none() {
            return places;
        }
        for ((plan, filling), columns) in self.plan.fields.iter().zip(fillings).zip(self.fields) {
            if let (Filling::Misfit(misfit), OnMisfit::Report) = (filling, plan.on_misfit) {
                for place in columns.iter().copied().filter(is_filled) {
                    if !places.iter().any(|(there, _)| *there == place) {
                        places.push((place, Some(&misfit.reason)));
                    }
                }
            }
        }
        places
    }

    /// Place of the column whose cell is a reported entry.
    pub(super) fn reported_at(&self, path: &str, fillings: &[Filling]) -> Option<usize> {
        let number: usize = path.strip_prefix("reported[")?.split(']').next()?.parse().ok()?;
        self.reported_places(fillings).get(number.checked_sub(1)?).map(|(place, _)| *place)
    }
}

/// Words of ours or a heading, as a field of one line takes them: headings have line breaks for layout.
fn one_line(words: &str) -> String {
    let line: Vec<&str> = words.split_whitespace().collect();
    neutralise(&line.join(" ")).chars().take(WORDS_MAX).collect()
}
