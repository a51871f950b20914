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
    counts: BTreeMap<MemberCode, usize>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { by_target: BTreeMap::new(), counts: BTreeMap::new() }
    }
}

impl<T> Waiting<T> {
    /// Keeps a document until its target comes. Of each author [`WAITING_MAX`] are kept; whoever writes more of what speaks
    /// of nothing harms itself alone.
    pub(super) fn hold(&mut self, target: RecordId, place: Place, document: T) {
        let count = self.counts.entry(place.author().clone()).or_default();
        if *count < WAITING_MAX && self.by_target.entry(target).or_default().insert(place, document).is_none()
        {
            *count += 1;
        }
    }

    /// What waited for this record, which has come.
    pub(super) fn release(&mut self, target: RecordId) -> BTreeMap<Place, T> {
        let released = self.by_target.remove(&target).unwrap_or_default();
        for place in released.keys() {
            self.forget_one(place);
        }
        released
    }

    /// Forgets a document whose record was erased.
    pub(super) fn forget(&mut self, id: RecordId) {
        let mut forgotten = Vec::new();
        for documents in self.by_target.values_mut() {
            documents.retain(|place, _| {
                let goes = place.id == id;
                if goes {
                    forgotten.push(place.clone());
                }
                !goes
            });
        }
        self.by_target.retain(|_, documents| !documents.is_empty());
        forgotten.iter().for_each(|place| self.forget_one(place));
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.counts.values().sum()
    }

    fn forget_one(&mut self, place: &Place) {
        if let Some(count) = self.counts.get_mut(place.author()) {
            *count = count.saturating_sub(1);
        }
    }
}
