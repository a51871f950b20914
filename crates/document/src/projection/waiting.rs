//! Documents that speak of a record that has not come yet.

use std::collections::BTreeMap;

use ecomesh_record::RecordId;

use super::Place;
use crate::limits::WAITING_MAX;
use crate::member::MemberCode;

/// What waits, by the record for which it waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting<T> {
    by_target: BTreeMap<RecordId, BTreeMap<Place, T>>,
    /// Target and place of each document, by its record.
    by_record: BTreeMap<RecordId, (RecordId, Place)>,
    counts: BTreeMap<MemberCode, usize>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { by_target: BTreeMap::new(), by_record: BTreeMap::new(), counts: BTreeMap::new() }
    }
}

impl<T> Waiting<T> {
    /// Keeps a document until its target comes. Of each author [`WAITING_MAX`] are kept; whoever writes more of what speaks
    /// of nothing harms itself alone.
    pub(super) fn hold(&mut self, target: RecordId, place: Place, document: T) {
        let count = self.counts.entry(place.author().clone()).or_default();
        if *count >= WAITING_MAX || self.by_record.contains_key(&place.id) {
            return;
        }
        *count += 1;
        self.by_record.insert(place.id, (target, place.clone()));
        self.by_target.entry(target).or_default().insert(place, document);
    }

    /// What waited for this record, which has come.
    pub(super) fn release(&mut self, target: RecordId) -> BTreeMap<Place, T> {
        let released = self.by_target.remove(&target).unwrap_or_default();
        for place in released.keys() {
            self.by_record.remove(&place.id);
            self.count_down(place);
        }
        released
    }

    /// Forgets a document whose record was erased.
    pub(super) fn forget(&mut self, id: RecordId) {
        let Some((target, place)) = self.by_record.remove(&id) else { return };
        self.count_down(&place);
        if let Some(documents) = self.by_target.get_mut(&target) {
            documents.remove(&place);
            if documents.is_empty() {
                self.by_target.remove(&target);
            }
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.by_record.len()
    }

    fn count_down(&mut self, place: &Place) {
        if let Some(count) = self.counts.get_mut(place.author()) {
            *count = count.saturating_sub(1);
        }
    }
}
