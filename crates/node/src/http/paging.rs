//! Pages of what the projections know: by time, the newest first.

use std::collections::BinaryHeap;

use ecomesh_api::RecordState;
use ecomesh_api::limits::{LISTING_DEFAULT, LISTING_MAX};
use ecomesh_protocol::judge;
use ecomesh_record::RecordId;

use super::extract::bad_request;
use super::{Refusal, Services};
use crate::views::Entry;

/// When something was written by its author's clock, and its record.
pub(super) type Key = (u64, RecordId);

/// A part of a listing.
pub(super) struct Page<T> {
    pub(super) rows: Vec<T>,
    /// Ask with this for what is older, if there is more.
    pub(super) next: Option<String>,
}

/// Up to `limit` rows behind the cursor. `show` gives a row, or nothing if it is not wanted.
pub(super) fn page_of<T>(
    mut keys: Vec<Key>,
    limit: Option<usize>,
    cursor: Option<&str>,
    mut show: impl FnMut(RecordId) -> Result<Option<T>, Refusal>,
) -> Result<Page<T>, Refusal> {
    let limit = limit.unwrap_or(LISTING_DEFAULT);
    if !(1..=LISTING_MAX).contains(&limit) {
        return Err(bad_request(format!("limit is {limit}; a page has 1 to {LISTING_MAX} entries")));
    }
    if let Some(before) = cursor.map(read_cursor).transpose()? {
        keys.retain(|key| *key < before);
    }
    // Of many keys only those of one page are put in order.
    let mut keys = BinaryHeap::from(keys);
    let mut page = Page { rows: Vec::new(), next: None };
    let mut last = None;
    while let Some((when, id)) = keys.pop() {
        let Some(row) = show(id)? else { continue };
        if page.rows.len() == limit {
            page.next = last.map(|(when, id): Key| format!("{when:016x}{id}"));
            break;
        }
        page.rows.push(row);
        last = Some((when, id));
    }
    Ok(page)
}

fn read_cursor(text: &str) -> Result<Key, Refusal> {
    let parsed = text
        .split_at_checked(16)
        .and_then(|(when, id)| Some((u64::from_str_radix(when, 16).ok()?, RecordId::parse(id).ok()?)));
    parsed.ok_or_else(|| {
        bad_request("the cursor is not one that this API gave; leave it out to begin with the newest")
    })
}

/// How the record of a text stands.
pub(super) fn state_of(services: &Services, id: RecordId) -> RecordState {
    let record = services.reader.find(id).ok().flatten();
    let found = record.and_then(|position| services.reader.header(position).ok().flatten());
    let Some((record, first_seen)) = found else { return RecordState::Early };
    let entry = Entry::new(&record, judge(&services.roster, &record).err(), first_seen);
    services.views(|views| views.state(&entry, services.now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<Key> {
        (1..=5u8).map(|n| (u64::from(n), RecordId([n; 32]))).collect()
    }

    #[test]
    fn pages_follow_each_other_without_a_gap() {
        let odd = |id: RecordId| Ok((id.0[0] % 2 == 1).then_some(id.0[0]));
        let first = page_of(keys(), Some(2), None, odd).unwrap();
        assert_eq!(first.rows, [5, 3]);
        let second = page_of(keys(), Some(2), first.next.as_deref(), odd).unwrap();
        assert_eq!((second.rows, second.next), (vec![1], None));
        for bad in ["", "x", "0000000000000001zz", "é234567890123456"] {
            assert!(page_of(keys(), None, Some(bad), odd).is_err(), "{bad}");
        }
        assert!(page_of(keys(), Some(0), None, odd).is_err());
    }
}
