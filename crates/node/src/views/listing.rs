//! Listing a folder: places from the views, headers from the store.

use std::sync::{PoisonError, RwLock};

use ecomesh_api::RecordState;
use ecomesh_protocol::{LedgerError, Roster, judge};
use ecomesh_record::{MemberId, Time};
use ecomesh_store::LedgerReader;

use super::{Entry, Folder, Key, Views};

/// Which entries of a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Only from (inbox) or to (outbox) this member.
    pub(crate) member: Option<MemberId>,
    /// Only what arrived then or later.
    pub(crate) since: Time,
    /// Also what is not valid.
    pub(crate) all: bool,
    /// Only what stands behind this entry, that is, is older.
    pub(crate) before: Option<Key>,
}

/// A part of a listing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// The entries with their states, newest first.
    pub(crate) entries: Vec<(Entry, RecordState)>,
    /// The place of the last entry, if there are more behind it.
    pub(crate) next: Option<Key>,
}

/// Places that are looked at between two looks at the views, which the core waits for.
pub(super) const STEP: usize = 512;

/// Up to `limit` entries of a folder. Walks over the folder until it has them: what a filter passes over costs one
/// header read each, except in the inbox, whose places name the author.
///
/// # Errors
/// [`LedgerError::Damaged`] if the store cannot be read.
pub(crate) fn list(
    reader: &LedgerReader,
    views: &RwLock<Views>,
    roster: &Roster,
    (folder, filter): (Folder, &Filter),
    limit: usize,
    now: Time,
) -> Result<Page, LedgerError> {
    let look = || views.read().unwrap_or_else(PoisonError::into_inner);
    let mut page = Page::default();
    let mut before = filter.before;
    loop {
        let places = look().places(folder, before, STEP);
        let Some(last) = places.last().copied() else { return Ok(page) };
        before = Some(last);
        for key in places {
            if key.first_seen < filter.since {
                return Ok(page);
            }
            let Some(row) = row(reader, roster, folder, filter, key)? else { continue };
            let state = look().state(&row, now);
            if state != RecordState::Valid && !filter.all {
                continue;
            }
            if page.entries.len() == limit {
                page.next = page.entries.last().map(|(entry, _)| entry.key());
                return Ok(page);
            }
            page.entries.push((row, state));
        }
    }
}

/// The entry at a place, if the filter wants its member.
fn row(
    reader: &LedgerReader,
    roster: &Roster,
    folder: Folder,
    filter: &Filter,
    key: Key,
) -> Result<Option<Entry>, LedgerError> {
    let other_author = filter.member.is_some_and(|member| member != key.position.log.author);
    if folder == Folder::Inbox && other_author {
        return Ok(None);
    }
    let Some((record, first_seen)) = reader.header(key.position)? else { return Ok(None) };
    let entry = Entry::new(&record, judge(roster, &record).err(), first_seen);
    Ok(filter.member.is_none_or(|member| entry.concerns(folder, member)).then_some(entry))
}
