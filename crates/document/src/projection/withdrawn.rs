//! What is known of entries and batches that were withdrawn, and whose texts are erased since: who withdrew them, when and why.

use std::collections::BTreeMap;

use ecomesh_record::RecordId;

use super::{Batches, Entries, Place};
use crate::codes::{Code, EntryWithdrawal};
use crate::entry::EntryStep;
use crate::member::MemberCode;
use crate::notice::life::Position;

/// All of a network. Nothing of what they said is in it.
#[derive(Debug, Clone, Default)]
pub struct Withdrawn {
    by_entry: BTreeMap<RecordId, Gone>,
    /// The entry of each withdrawal.
    by_withdrawal: BTreeMap<RecordId, RecordId>,
}

/// An entry or a batch of which only the withdrawal is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Its record: of an entry that of the first text.
    pub entry: Place,
    /// The record of the withdrawal.
    pub withdrawal: Place,
    /// Why.
    pub reason: Code<EntryWithdrawal>,
}

impl Withdrawn {
    /// Takes a withdrawal whose entry is erased. That of a line says nothing of the whole, and nobody but its source withdraws
    /// an entry.
    pub fn take(&mut self, entry: &Place, withdrawal: &Place, step: &EntryStep) {
        if step.line.is_none() && step.entry.0 == entry.id && entry.author() == withdrawal.author() {
            let (entry, withdrawal) = (entry.clone(), withdrawal.clone());
            self.keep(Gone { entry, withdrawal, reason: step.reason.clone() });
        }
    }

    /// A record was erased, and the other projections are about to forget it: if it was withdrawn before, that stays.
    pub fn forget(&mut self, id: RecordId, entries: &Entries, batches: &Batches) {
        if let Some(entry) = self.by_withdrawal.remove(&id) {
            self.by_entry.remove(&entry);
        }
        let all = |_: &Position| false;
        let of_entry = entries.item(id).and_then(|item| {
            let (withdrawal, reason) = item.state(all).withdrawal()?;
            Some((item.place(), withdrawal, reason))
        });
        let of_batch = batches.batch_of(id).and_then(|batch| {
            let (withdrawal, reason) = batch.withdrawal(None, all)?;
            Some((batch.place(), withdrawal, reason))
        });
        if let Some((entry, withdrawal, reason)) = of_entry.or(of_batch) {
            let (entry, withdrawal, reason) = (entry.clone(), withdrawal.clone(), reason.clone());
            self.keep(Gone { entry, withdrawal, reason });
        }
    }

    /// What is left of an entry.
    pub fn of(&self, entry: RecordId) -> Option<&Gone> {
        self.by_entry.get(&entry)
    }

    /// All of them, by their records.
    pub fn all(&self) -> impl Iterator<Item = &Gone> {
        self.by_entry.values()
    }

    /// Of several withdrawals the first counts, in whatever order they come.
    fn keep(&mut self, gone: Gone) {
        let entry = gone.entry.id;
        if let Some(known) = self.by_entry.get(&entry) {
            if known.withdrawal <= gone.withdrawal {
                return;
            }
            self.by_withdrawal.remove(&known.withdrawal.id);
        }
        self.by_withdrawal.insert(gone.withdrawal.id, entry);
        self.by_entry.insert(entry, gone);
    }
}

impl Gone {
    /// Who entered and withdrew it.
    pub fn source(&self) -> &MemberCode {
        self.entry.author()
    }
}
