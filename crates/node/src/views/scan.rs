//! Building the projections from the store when the node starts.

use ecomesh_protocol::{LedgerError, Roster, judge};
use ecomesh_record::MemberId;
use ecomesh_store::LedgerReader;

use super::Views;

/// Progress is told after so many records.
const STEP: u64 = 1024;

/// Reads all records once. `progress` hears how many of how many are done.
///
/// # Errors
/// [`LedgerError::Damaged`] if the store cannot be read.
pub(crate) fn scan(
    reader: &LedgerReader,
    roster: &Roster,
    own: MemberId,
    mut progress: impl FnMut(u64, u64),
) -> Result<Views, LedgerError> {
    let total = reader.counts().records;
    let mut views = Views::new(own, &reader.forks());
    for (done, item) in (0..).zip(reader.records()) {
        let (record, first_seen) = item?;
        let _event = views.stored(&record, judge(roster, &record), first_seen);
        if done % STEP == 0 {
            progress(done, total);
        }
    }
    Ok(views)
}
