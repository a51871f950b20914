//! Building the projections from the store when the node starts.

use ecomesh_protocol::lives::{ERASURE_PREFIX, EXTENSION_PREFIX, Lives};
use ecomesh_protocol::{LedgerError, Roster, judge};
use ecomesh_record::Record;
use ecomesh_store::LedgerReader;

use super::Views;
use crate::sealing::Mail;

/// Records are read in pages of this many, and progress is told after each.
const PAGE: usize = 1024;

/// Reads the headers of all records once. `progress` hears how many of how many are done.
///
/// # Errors
/// [`LedgerError::Damaged`] if the store cannot be read.
pub(crate) fn scan(
    reader: &LedgerReader,
    roster: &Roster,
    mail: &Mail,
    mut progress: impl FnMut(u64, u64),
) -> Result<Views, LedgerError> {
    mail.read_from(reader.clone());
    let total = reader.counts().records;
    let mut views = Views::new(mail.own(), roster, reader.forks(), lives(reader, roster));
    let mut done = 0;
    for head in reader.heads() {
        let mut next = 0;
        while next <= head.seq {
            let page = reader.headers(head.log, next, PAGE)?;
            next += page.len() as u64;
            done += page.len() as u64;
            for (header, first_seen) in page {
                let record = with_body_if_needed(reader, header)?;
                let verdict = judge(roster, &record);
                mail.arrived(&record, verdict);
                if reader.is_excused(record.position()) {
                    mail.destroyed(record.header());
                }
                let _event = views.stored(&record, verdict, first_seen);
            }
            progress(done, total);
        }
    }
    Ok(views)
}

/// What the store knows of how long bodies live.
pub(crate) fn lives(reader: &LedgerReader, roster: &Roster) -> Lives {
    let mut values = reader.values_with(ERASURE_PREFIX);
    values.extend(reader.values_with(EXTENSION_PREFIX));
    Lives::from_values(roster, values.iter().map(|(name, value)| (name.as_str(), value.as_slice())))
}

/// Documents are judged by their headers; some control records by what they say.
fn with_body_if_needed(reader: &LedgerReader, header: Record) -> Result<Record, LedgerError> {
    if !header.header().kind.is_control() {
        return Ok(header);
    }
    Ok(reader.record(header.position())?.unwrap_or(header))
}
