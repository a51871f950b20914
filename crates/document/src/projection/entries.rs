//! Which entries of databases there are, and which text of each holds.

use std::collections::{BTreeMap, btree_map};

use ecomesh_record::RecordId;

use super::Place;
use super::waiting::Waiting;
use crate::Document;
use crate::codes::{Code, EntryWithdrawal};
use crate::date::PartialDate;
use crate::entry::{Database, DatabaseEntry, may_enter, rules};
use crate::limits::FOREIGN_MAX;
use crate::member::MemberCode;
use crate::notice::life::Position;
use crate::rule::Rule;
use crate::text::Line;

/// All entries of a network.
#[derive(Debug, Clone, Default)]
pub struct Entries {
    items: BTreeMap<RecordId, Item>,
    waiting: Waiting<Part>,
    /// The entry of each record that is not the first of one.
    belongs: BTreeMap<RecordId, RecordId>,
}

/// An entry, with all its texts.
#[derive(Debug, Clone)]
pub struct Item {
    place: Place,
    database: &'static Database,
    /// Ascending by place. Nearly all entries have one part, for which a map would take a node of eleven.
    parts: Vec<(Place, Part)>,
}

/// A text of an entry: what a list shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryText {
    /// Its record.
    pub place: Place,
    /// What it is of.
    pub subject: String,
    /// The source's reference.
    pub reference: Option<String>,
    /// End of its last day, if the source named one, in milliseconds since 1970.
    pub until_ms: Option<u64>,
}

/// Where an entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryStanding {
    /// It holds.
    Active,
    /// Its source has withdrawn it.
    Withdrawn(Code<EntryWithdrawal>),
    /// Its last day is over.
    Expired,
    /// It was never one: its author may not enter it.
    Void(&'static Rule),
}

/// What the documents make of an entry.
#[derive(Debug, Clone)]
pub struct ItemState<'i> {
    /// The text that holds, or held last.
    pub text: Option<&'i EntryText>,
    withdrawn: Option<(&'i Place, &'i Code<EntryWithdrawal>)>,
    void: Option<&'static Rule>,
    /// Documents without effect, and why.
    pub ignored: Vec<(&'i Place, &'static Rule)>,
}

#[derive(Debug, Clone)]
enum Part {
    Text { database: &'static Database, text: EntryText, void: Option<&'static Rule> },
    Withdrawal(Code<EntryWithdrawal>),
}

impl Entries {
    /// Takes a document. Whatever is no entry and no withdrawal is passed over; the same record twice is one.
    pub fn take(&mut self, place: &Place, document: &Document) {
        match document {
            Document::Entry(entry) => self.text(place, entry),
            // A line of a batch is withdrawn from `batches`.
            Document::EntryStep(step) if step.line.is_none() => {
                self.part(place, step.entry.0, Part::Withdrawal(step.reason.clone()));
            }
            // It is no entry of its own: what waited for it is for `batches`.
            Document::Batch(_) => drop(self.waiting.release(place.id)),
            _ => {}
        }
    }

    /// Forgets what a record said: it was erased. Without its first text an entry is none.
    pub fn forget(&mut self, id: RecordId) {
        self.waiting.forget(id);
        if let Some(item) = self.items.remove(&id) {
            for (place, _) in &item.parts {
                self.belongs.remove(&place.id);
            }
        } else if let Some(item) = self.belongs.remove(&id).and_then(|item| self.items.get_mut(&item)) {
            item.parts.retain(|(place, _)| place.id != id);
        }
    }

    /// An entry by the record of its first text.
    pub fn item(&self, id: RecordId) -> Option<&Item> {
        self.items.get(&id)
    }

    /// The entry to which a record belongs.
    pub fn item_of(&self, record: RecordId) -> Option<&Item> {
        self.items.get(self.belongs.get(&record).unwrap_or(&record))
    }

    /// All entries, by the ids of their first texts.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many documents wait for the entry of which they speak.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn text(&mut self, place: &Place, entry: &DatabaseEntry) {
        let source = entry.source();
        let text = EntryText {
            place: place.clone(),
            subject: entry.subject(),
            reference: source.and_then(|s| s.reference.as_ref()).map(|r| Line::as_str(r).to_owned()),
            until_ms: source.and_then(|source| source.valid_until).and_then(PartialDate::end_ms),
        };
        let database = entry.database();
        let part = Part::Text { database, text, void: may_enter(entry, place.author()).err() };
        if let Some(replaced) = source.and_then(|source| source.replaces) {
            return self.part(place, replaced.0, part);
        }
        // Looked up once: of a hundred thousand entries that takes as long as all else here.
        let btree_map::Entry::Vacant(room) = self.items.entry(place.id) else { return };
        let mut item = Item { place: place.clone(), database, parts: vec![(place.clone(), part)] };
        for (waited, part) in self.waiting.release(place.id) {
            self.belongs.insert(waited.id, place.id);
            item.insert(waited, part);
        }
        while let Some(dropped) = item.drop_foreign() {
            self.belongs.remove(&dropped);
        }
        room.insert(item);
    }

    fn part(&mut self, place: &Place, target: RecordId, part: Part) {
        match self.items.get_mut(&target) {
            Some(item) => {
                self.belongs.insert(place.id, target);
                item.insert(place.clone(), part);
                if let Some(dropped) = item.drop_foreign() {
                    self.belongs.remove(&dropped);
                }
            }
            None => self.waiting.hold(target, place.clone(), part),
        }
    }
}

impl Item {
    /// The record of its first text, by which people name it.
    pub fn id(&self) -> RecordId {
        self.place.id
    }

    /// That record's place.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its database.
    pub fn database(&self) -> &'static Database {
        self.database
    }

    /// Who entered it.
    pub fn source(&self) -> &MemberCode {
        self.place.author()
    }

    /// The records of its source of which it is made.
    pub fn records(&self) -> impl Iterator<Item = RecordId> {
        let places = self.parts.iter().map(|(place, _)| place);
        places.filter(|place| place.author() == self.source()).map(|place| place.id)
    }

    /// Puts a part in its place; the same record twice is one.
    fn insert(&mut self, place: Place, part: Part) {
        if let Err(at) = self.parts.binary_search_by(|(other, _)| other.cmp(&place)) {
            self.parts.insert(at, (place, part));
        }
    }

    /// What others write about it is evidence without effect, of which the earliest [`FOREIGN_MAX`] are kept: whatever else
    /// they write costs nobody anything. Gives the record of one that is not kept.
    fn drop_foreign(&mut self) -> Option<RecordId> {
        let is_foreign = |(_, (place, _)): &(usize, &(Place, Part))| place.author() != self.source();
        let (last, _) = self.parts.iter().enumerate().filter(is_foreign).skip(FOREIGN_MAX).last()?;
        Some(self.parts.remove(last).0.id)
    }

    /// What its documents come to, without what stands at certain places of logs: what is disputed says nothing.
    pub fn state(&self, left_out: impl Fn(&Position) -> bool) -> ItemState<'_> {
        let mut state = ItemState { text: None, withdrawn: None, void: None, ignored: Vec::new() };
        for (place, part) in self.parts.iter().filter(|(place, _)| !left_out(&place.position)) {
            if let Err(rule) = self.apply(&mut state, place, part) {
                state.ignored.push((place, rule));
            }
        }
        state
    }

    fn apply<'i>(
        &self,
        state: &mut ItemState<'i>,
        place: &'i Place,
        part: &'i Part,
    ) -> Result<(), &'static Rule> {
        if place.author() != self.source() {
            return Err(&rules::ENTRY_SOURCE_OWNS);
        }
        if state.withdrawn.is_some() {
            return Err(&rules::ENTRY_WITHDRAWN);
        }
        match part {
            Part::Withdrawal(reason) => state.withdrawn = Some((place, reason)),
            Part::Text { database, .. } if *database != self.database => {
                return Err(&rules::ENTRY_DATABASE);
            }
            Part::Text { void: Some(rule), .. } => {
                if state.text.is_none() {
                    state.void = Some(rule);
                }
                return Err(rule);
            }
            Part::Text { text, .. } => (state.text, state.void) = (Some(text), None),
        }
        Ok(())
    }
}

impl<'i> ItemState<'i> {
    /// Where and why its source has withdrawn it.
    pub fn withdrawal(&self) -> Option<(&'i Place, &'i Code<EntryWithdrawal>)> {
        self.withdrawn
    }

    /// Where the entry stands at a time, milliseconds since 1970.
    pub fn standing(&self, now_ms: u64) -> EntryStanding {
        if let Some(rule) = self.void {
            return EntryStanding::Void(rule);
        }
        if let Some((_, reason)) = self.withdrawn {
            return EntryStanding::Withdrawn(reason.clone());
        }
        let over = self.text.and_then(|text| text.until_ms).is_some_and(|until| now_ms >= until);
        if over { EntryStanding::Expired } else { EntryStanding::Active }
    }
}
