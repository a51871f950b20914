//! Which batches of entries there are, and which of their lines hold.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_record::RecordId;

use super::Place;
use super::entries::EntryStanding;
use super::waiting::Waiting;
use crate::Document;
use crate::codes::{Code, EntryWithdrawal};
use crate::date::PartialDate;
use crate::entry::{Batch, Database, may_enter};
use crate::form::Count;
use crate::member::MemberCode;
use crate::notice::life::Position;
use crate::rule::Rule;
use crate::text::Line;

/// All batches of a network. Of their entries it holds those that do not count.
#[derive(Debug, Clone, Default)]
pub struct Batches {
    batches: BTreeMap<RecordId, BatchItem>,
    waiting: Waiting<Withdrawal>,
    /// The batch of each withdrawal that is kept.
    withdrawals: BTreeMap<RecordId, RecordId>,
}

/// A batch, and what was said of its lines.
#[derive(Debug, Clone)]
pub struct BatchItem {
    place: Place,
    database: &'static Database,
    reference: Option<String>,
    lines: u32,
    until_ms: Option<u64>,
    /// Lines that their author may not enter, and why.
    void: BTreeMap<u32, &'static Rule>,
    /// Those of its source. Of others none has an effect or is shown.
    withdrawals: BTreeMap<Place, Withdrawal>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Withdrawal {
    /// None: the whole batch.
    line: Option<u32>,
    reason: Code<EntryWithdrawal>,
}

impl Batches {
    /// Takes a document. Whatever is no batch and no withdrawal is passed over; the same record twice is one. A withdrawal
    /// without a line may be one of an entry that has a record of its own: whoever knows that entry need not hand it over.
    pub fn take(&mut self, place: &Place, document: &Document) {
        match document {
            Document::Batch(batch) => self.batch(place, batch),
            Document::EntryStep(step) => {
                let line = step.line.map(Count::get);
                self.withdrawal(place, step.entry.0, Withdrawal { line, reason: step.reason.clone() });
            }
            // It is no batch: what waited for it is not for us.
            Document::Entry(_) => drop(self.waiting.release(place.id)),
            _ => {}
        }
    }

    /// Forgets what a record said: it was erased.
    pub fn forget(&mut self, id: RecordId) {
        self.waiting.forget(id);
        if let Some(batch) = self.withdrawals.remove(&id) {
            if let Some(batch) = self.batches.get_mut(&batch) {
                batch.withdrawals.retain(|place, _| place.id != id);
            }
        } else if let Some(batch) = self.batches.remove(&id) {
            for place in batch.withdrawals.keys() {
                self.withdrawals.remove(&place.id);
            }
        }
    }

    /// A batch by its record.
    pub fn batch_of(&self, id: RecordId) -> Option<&BatchItem> {
        self.batches.get(&id)
    }

    /// All of them, by their records.
    pub fn batches(&self) -> impl Iterator<Item = &BatchItem> {
        self.batches.values()
    }

    fn batch(&mut self, place: &Place, batch: &Batch) {
        if self.batches.contains_key(&place.id) {
            return;
        }
        let void =
            batch.entries().filter_map(|(line, entry)| Some((line, may_enter(entry, place.author()).err()?)));
        let source = batch.source();
        let mut item = BatchItem {
            place: place.clone(),
            database: batch.database(),
            reference: source.reference.as_ref().map(Line::as_str).map(str::to_owned),
            lines: batch.lines(),
            until_ms: source.valid_until.and_then(PartialDate::end_ms),
            void: void.collect(),
            withdrawals: BTreeMap::new(),
        };
        for (waited, withdrawal) in self.waiting.release(place.id) {
            if item.withdraw(&waited, withdrawal) {
                self.withdrawals.insert(waited.id, place.id);
            }
        }
        self.batches.insert(place.id, item);
    }

    fn withdrawal(&mut self, place: &Place, target: RecordId, withdrawal: Withdrawal) {
        match self.batches.get_mut(&target) {
            Some(batch) => {
                if batch.withdraw(place, withdrawal) {
                    self.withdrawals.insert(place.id, target);
                }
            }
            None => self.waiting.hold(target, place.clone(), withdrawal),
        }
    }
}

impl BatchItem {
    /// Keeps what its source withdraws, and tells whether it does. What others write is not kept: it never has an effect, and
    /// a hostile member would fill the memory of every node with it.
    fn withdraw(&mut self, place: &Place, withdrawal: Withdrawal) -> bool {
        let is_own = place.author() == self.source();
        if is_own {
            self.withdrawals.insert(place.clone(), withdrawal);
        }
        is_own
    }

    /// Its record.
    pub fn id(&self) -> RecordId {
        self.place.id
    }

    /// Its place.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its database.
    pub fn database(&self) -> &'static Database {
        self.database
    }

    /// Its source's reference.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Who entered it.
    pub fn source(&self) -> &MemberCode {
        self.place.author()
    }

    /// How many entries it has.
    pub fn lines(&self) -> u32 {
        self.lines
    }

    /// End of its last day, if its source named one, in milliseconds since 1970.
    pub fn until_ms(&self) -> Option<u64> {
        self.until_ms
    }

    /// Where the entry of a line stands at a time, milliseconds since 1970; `None` if there is no such line. What stands at
    /// certain places of logs is left out: what is disputed says nothing.
    pub fn standing(
        &self,
        line: u32,
        now_ms: u64,
        left_out: impl Fn(&Position) -> bool,
    ) -> Option<EntryStanding> {
        if !(1..=self.lines).contains(&line) {
            return None;
        }
        if let Some(rule) = self.void.get(&line) {
            return Some(EntryStanding::Void(rule));
        }
        if let Some((_, reason)) = self.withdrawal(Some(line), left_out) {
            return Some(EntryStanding::Withdrawn(reason.clone()));
        }
        let over = self.until_ms.is_some_and(|until| now_ms >= until);
        Some(if over { EntryStanding::Expired } else { EntryStanding::Active })
    }

    /// Where and why its source has withdrawn a line, by itself or with the whole batch; without a line the whole batch.
    pub fn withdrawal(
        &self,
        line: Option<u32>,
        left_out: impl Fn(&Position) -> bool,
    ) -> Option<(&Place, &Code<EntryWithdrawal>)> {
        let is_of = |withdrawal: &Withdrawal| withdrawal.line.is_none() || withdrawal.line == line;
        let mut own = self.withdrawals.iter();
        let found = own.find(|(place, withdrawal)| is_of(withdrawal) && !left_out(&place.position));
        found.map(|(place, withdrawal)| (place, &withdrawal.reason))
    }

    /// The lines that its source has withdrawn, and when it withdrew the first of them, in milliseconds since 1970.
    pub fn withdrawn(&self, left_out: impl Fn(&Position) -> bool) -> (BTreeSet<u32>, Option<u64>) {
        let own: Vec<_> = self.withdrawals.iter().filter(|(place, _)| !left_out(&place.position)).collect();
        let since = own.iter().map(|(place, _)| place.position.when_ms).min();
        if own.iter().any(|(_, withdrawal)| withdrawal.line.is_none()) {
            return ((1..=self.lines).collect(), since);
        }
        let lines = own.iter().filter_map(|(_, withdrawal)| withdrawal.line);
        (lines.filter(|line| (1..=self.lines).contains(line)).collect(), since)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entry::DatabaseEntry;

    fn place(n: u8, who: &str) -> Place {
        let (id, who) = (RecordId([n; 32]), MemberCode::parse(who).unwrap());
        Place { id, position: Position { when_ms: u64::from(n), who, generation: 1, seq: u64::from(n) } }
    }

    fn batch() -> Document {
        let line = json!({ "form": "sltd-entry", "document": { "number": "A1", "country": "KE" } });
        let line = DatabaseEntry::carried(&line).unwrap();
        Batch::new(Default::default(), vec![line.clone(), line]).unwrap().into()
    }

    fn withdrawal(line: Option<u32>) -> Document {
        let mut step = json!({ "form": "entry-withdrawal", "entry": RecordId([1; 32]).to_string(), "reason": "recovered" });
        if let Some(line) = line {
            step["line"] = line.into();
        }
        Document::from_json(&step).unwrap().0
    }

    #[test]
    fn what_others_withdraw_is_not_kept_whenever_it_comes() {
        let mut story = [
            (place(1, "KE"), batch()),
            (place(2, "UG"), withdrawal(Some(1))),
            (place(3, "KE"), withdrawal(Some(2))),
            (place(4, "UG"), withdrawal(None)),
        ];
        for _ in 0..2 {
            let mut batches = Batches::default();
            story.iter().for_each(|(place, document)| batches.take(place, document));
            assert_eq!(batches.waiting.len(), 0);
            assert_eq!(batches.withdrawals, [(RecordId([3; 32]), RecordId([1; 32]))].into());
            let batch = batches.batch_of(RecordId([1; 32])).unwrap();
            assert_eq!(batch.withdrawals.keys().collect::<Vec<_>>(), [&place(3, "KE")]);
            assert_eq!(batch.withdrawn(|_| false), ([2].into(), Some(3)));
            assert_eq!(batch.withdrawal(None, |_| false), None);
            assert_eq!(batch.withdrawal(Some(2), |position| position.seq == 3), None);
            batches.forget(RecordId([2; 32]));
            batches.forget(RecordId([3; 32]));
            assert!(batches.withdrawals.is_empty());
            // The other order: every withdrawal waits for the batch.
            story.reverse();
        }
    }
}
