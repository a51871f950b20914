//! `ecomesh db lines`: the entries of a batch.

use ecomesh_api::LineQuery;

use super::words;
use crate::cli::Global;
use crate::client::Node;
use crate::commands::listing;
use crate::exit::ExitCode;
use crate::output::{self, Table};

/// Prints a page of them.
pub(super) fn list(id: &str, after: Option<u32>, limit: usize, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let query = LineQuery { after, limit: Some(limit) };
    let listing = node.ask(node.api.entry_lines(id, &query))?;
    if global.json {
        output::json(&listing)?;
        return Ok(ExitCode::Ok);
    }
    let mut table = Table::new(&["ID", "STANDING", "REFERENCE", "SUBJECT"]);
    for line in &listing.lines {
        table.row([
            listing::short_entry(&line.id),
            words(line.standing, line.reason.as_deref()),
            line.reference.clone().unwrap_or_default(),
            line.subject.clone(),
        ]);
    }
    if table.is_empty() {
        output::remark(global, &format!("none: the batch has {} lines", listing.count));
    } else {
        output::line(table.render().trim_end())?;
    }
    if let Some(next) = listing.next {
        let more =
            format!("{next} of {} lines; go on with: ecomesh db lines {id} --after {next}", listing.count);
        output::remark(global, &more);
    }
    Ok(ExitCode::Ok)
}
