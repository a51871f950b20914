//! `ecomesh db lines`: the entries of a batch.

use ecomesh_api::{LineQuery, LineView};

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
    let table = table(&listing.lines);
    if table.is_empty() {
        let lines = listing::counted(listing.count.into(), "line", "lines");
        output::remark(global, &format!("none: the batch has {lines}"));
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

/// The name of a line is typed into other commands, and of a cut one the number of the line is missing.
fn table(lines: &[LineView]) -> Table {
    let mut table = Table::new(&["ID", "STANDING", "REFERENCE", "SUBJECT"]).whole(&["ID", "STANDING"]);
    for line in lines {
        table.row([
            listing::short_entry(&line.id),
            words(line.standing, line.reason.as_deref()),
            line.reference.clone().unwrap_or_default(),
            line.subject.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use ecomesh_api::EntryStanding;

    use super::*;

    #[test]
    fn the_name_of_a_line_and_where_it_stands_are_never_cut() {
        let line = LineView {
            id: format!("{}.1234", "3f9a2c71d0".repeat(6)),
            standing: EntryStanding::Withdrawn,
            reason: Some("not-compliant".into()),
            withdrawn_at_ms: None,
            subject: "KE Z000041, stolen from the holder on the road".into(),
            reference: Some("KE/SLTD/2026/000041 of the police of Nairobi".into()),
        };
        let text = table(&[line]).render_in(60);
        assert!(text.contains("3f9a2c71d0.1234  withdrawn: not-compliant  ") && text.contains('…'), "{text}");
    }
}
