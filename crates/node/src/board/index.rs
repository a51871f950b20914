//! Looking up what documents say: numbers exactly, names however they are spelt, words in four languages.
//!
//! An index answers with records that *may* fit; whoever asks reads these and looks whether they still stand and really
//! fit. So what is replaced or withdrawn need not be taken out of it at once, and what is not is never told.

use std::collections::HashMap;

use ecomesh_document::entry::{Batch, may_enter};
use ecomesh_document::lookup::Number;
use ecomesh_document::projection::Place;
use ecomesh_document::{Document, ReadDocument};
use ecomesh_record::RecordId;
use ecomesh_search::exact::{Exact, Full, SECRET_BYTES};
use ecomesh_search::names::Names;
use ecomesh_search::text::{Language, Text, TextError};

/// Records that may have one number and are looked at. So many have it only if somebody floods it; whoever searches is told.
pub(crate) const NUMBERS_MAX: usize = 65_536;

/// An index of the texts of all documents that can be looked up.
pub(crate) struct Index {
    texts_at: Slots,
    numbers: Exact,
    /// The numbers of each place that is no line of a batch.
    keys: HashMap<u32, Box<[Vec<u8>]>>,
    names: Names,
    /// None if the engine did not start; it says so in the log.
    texts: Option<Text>,
    /// Texts that are taken or forgotten, and not searched or left out yet.
    unshown: usize,
}

/// A record that may fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) record: RecordId,
    /// Line of a batch, from 1; 0 of a record that is none.
    pub(crate) line: u32,
    /// Of 0 to 1.
    pub(crate) score: f32,
}

impl Index {
    /// An empty index. The secret is random, and known to nobody.
    pub(crate) fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self {
            texts_at: Slots::default(),
            numbers: Exact::new(secret),
            keys: HashMap::new(),
            names: Names::new(),
            texts: logged(Text::new()),
            unshown: 0,
        }
    }

    /// Takes the text of a record, its words and its numbers. What its author may not enter is no entry, and takes nobody's place.
    pub(crate) fn take(&mut self, place: &Place, read: &ReadDocument) {
        let record = place.id;
        match &read.document {
            Document::Entry(entry) if may_enter(entry, place.author()).is_err() => {}
            Document::Entry(_)
            | Document::Notice(_)
            | Document::Diffusion(_)
            | Document::Ecomessage(_)
            | Document::Message(_) => self.take_one(record, read),
            Document::Batch(batch) => self.take_batch(place, batch),
            _ => {}
        }
    }

    fn take_one(&mut self, record: RecordId, read: &ReadDocument) {
        let ReadDocument { document, words, keys } = read;
        let Some(place) = self.texts_at.add(record, 1, false) else { return };
        let keys: Box<[Vec<u8>]> = keys.iter().map(|(number, key)| bytes(*number, key)).collect();
        for key in &keys {
            full(&self.numbers.insert(key, place));
        }
        if !keys.is_empty() {
            self.keys.insert(place, keys);
        }
        for name in document.names() {
            self.names.add(place, &name);
        }
        // A document whose language the engine does not know is searched as English.
        let language = Language::of_code(document.language()).unwrap_or(Language::English);
        if let Some(texts) = &mut self.texts {
            logged(texts.add(place, language, &document.title(), words));
            self.unshown += 1;
        }
    }

    /// A batch names nobody: its entries are found by the numbers of what they are of, and not by their references, which
    /// would take as much memory again.
    fn take_batch(&mut self, place: &Place, batch: &Batch) {
        let Some(first) = self.texts_at.add(place.id, batch.lines(), true) else { return };
        let good = batch.entries().filter(|(_, entry)| may_enter(entry, place.author()).is_ok());
        let keys = good.flat_map(|(line, entry)| {
            // Lines begin with 1, and the places of a batch are as many as its lines.
            entry.keys().into_iter().map(move |key| (key, first + (line - 1)))
        });
        full(&self.numbers.extend(keys.map(|((number, key), place)| (bytes(number, &key), place))));
    }

    /// Forgets the text of a record.
    pub(crate) fn forget(&mut self, record: RecordId) {
        let Some((place, is_batch)) = self.texts_at.forget(record) else { return };
        if is_batch {
            // Fingerprints of numbers say nothing to anybody.
            return;
        }
        for key in self.keys.remove(&place).iter().flatten() {
            self.numbers.remove(key, place);
        }
        // Its names are read by whoever looks into this memory.
        self.names.remove(place);
        if let Some(texts) = &mut self.texts {
            texts.remove(place);
            self.unshown += 1;
        }
    }

    /// Records that may have this number, whatever it is a number of.
    pub(crate) fn by_number(&self, text: &str) -> Vec<Candidate> {
        let mut found: Vec<u32> = Vec::new();
        for (number, key) in keys_of(text) {
            found.extend(self.numbers.places(&bytes(number, &key), NUMBERS_MAX));
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(NUMBERS_MAX);
        found.into_iter().filter_map(|place| self.candidate(place, 1.0)).collect()
    }

    /// Records that may have the number with this key, and nothing else by the same letters.
    pub(crate) fn by_key(&self, number: Number, key: &str) -> Vec<Candidate> {
        let places = self.numbers.places(&bytes(number, key), NUMBERS_MAX);
        places.into_iter().filter_map(|place| self.candidate(place, 1.0)).collect()
    }

    /// Records that name persons or companies who may be meant by this name, the best first.
    pub(crate) fn by_name(&self, name: &str, limit: usize) -> Vec<Candidate> {
        let hits = self.names.search(name, limit);
        hits.into_iter().filter_map(|hit| self.candidate(hit.place, hit.score)).collect()
    }

    /// Records whose texts answer a query, the best first; their scores only order them. None if texts cannot be searched.
    pub(crate) fn by_text(&self, query: &str, limit: usize) -> Option<Vec<Candidate>> {
        let hits = logged(self.texts.as_ref()?.search(query, None, limit))?;
        let best = hits.iter().map(|hit| hit.score).fold(f32::MIN_POSITIVE, f32::max);
        Some(hits.iter().filter_map(|hit| self.candidate(hit.place, hit.score / best)).collect())
    }

    /// How many texts are taken or forgotten, and not searched or left out yet.
    pub(crate) fn unshown(&self) -> usize {
        self.unshown
    }

    /// From now on the texts that were taken are searched, and those that were forgotten are not; with `compact` nothing of
    /// the latter is left in memory either.
    pub(crate) fn show(&mut self, compact: bool) {
        if compact {
            self.names.compact();
        }
        let Some(texts) = &mut self.texts else { return };
        let shown = if compact { texts.compact() } else { texts.commit() };
        // What failed is tried again.
        if logged(shown).is_some() {
            self.unshown = 0;
        }
    }

    fn candidate(&self, place: u32, score: f32) -> Option<Candidate> {
        let (record, line) = self.texts_at.at(place)?;
        Some(Candidate { record, line, score })
    }
}

/// Which places each record has: one, or as many as a batch has lines.
#[derive(Default)]
struct Slots {
    /// By their first places, ascending.
    slots: Vec<Slot>,
    by_record: HashMap<RecordId, usize>,
    next: u32,
}

struct Slot {
    first: u32,
    /// None once it is forgotten: its places are not given again.
    record: Option<RecordId>,
    is_batch: bool,
}

impl Slots {
    /// Gives a record its places; the first of them, unless it has some.
    fn add(&mut self, record: RecordId, count: u32, is_batch: bool) -> Option<u32> {
        if self.by_record.contains_key(&record) {
            return None;
        }
        let first = self.next;
        // Four thousand million texts do not fit into any memory.
        self.next = first.checked_add(count)?;
        self.by_record.insert(record, self.slots.len());
        self.slots.push(Slot { first, record: Some(record), is_batch });
        Some(first)
    }

    /// Takes a record out; its first place, and whether it is a batch.
    fn forget(&mut self, record: RecordId) -> Option<(u32, bool)> {
        let slot = self.slots.get_mut(self.by_record.remove(&record)?)?;
        slot.record = None;
        Some((slot.first, slot.is_batch))
    }

    /// The record at a place, and the line of it if it is a batch.
    fn at(&self, place: u32) -> Option<(RecordId, u32)> {
        let behind = self.slots.partition_point(|slot| slot.first <= place);
        let slot = self.slots.get(behind.checked_sub(1)?)?;
        let line = if slot.is_batch { place - slot.first + 1 } else { 0 };
        Some((slot.record?, line))
    }
}

fn full<T>(result: &Result<T, Full>) {
    if let Err(full) = result {
        tracing::error!(%full, "a number cannot be looked up");
    }
}

/// What the engine of texts gave; its errors are told in the log and say nothing of the texts.
fn logged<T>(result: Result<T, TextError>) -> Option<T> {
    result.inspect_err(|error| tracing::error!(%error, "texts cannot be searched")).ok()
}

/// The keys under which a number may be entered: nobody says what it is a number of.
pub(crate) fn keys_of(text: &str) -> Vec<(Number, String)> {
    let numbers = Number::ALL.into_iter().chain([Number::Reference]);
    let keys = numbers.map(|number| (number, number.key(text)));
    keys.filter(|(_, key)| !key.is_empty()).collect()
}

/// A plate and a passport of the same letters are two.
fn bytes(number: Number, key: &str) -> Vec<u8> {
    let mut bytes = vec![number as u8];
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use ecomesh_document::entry::DatabaseEntry;
    use ecomesh_document::notice::life::Position;
    use serde_json::json;

    use super::*;

    fn entry(form: &serde_json::Value) -> Document {
        DatabaseEntry::carried(form).unwrap().into()
    }

    fn take(index: &mut Index, id: RecordId, document: &Document) {
        let who = ecomesh_document::member::MemberCode::parse("KE").unwrap();
        let place = Place { id, position: Position { when_ms: 1, who, generation: 1, seq: 1 } };
        let (words, keys) = (ecomesh_document::words(document), document.keys());
        index.take(&place, &ReadDocument { document: document.clone(), words, keys });
    }

    #[test]
    fn an_entry_that_its_author_may_not_enter_takes_nobodys_place() {
        let mut index = Index::new([7; SECRET_BYTES]);
        let foreign =
            entry(&json!({ "form": "sltd-entry", "document": { "number": "A1", "country": "TZ" } }));
        take(&mut index, RecordId([1; 32]), &foreign);
        assert_eq!(index.by_number("A1"), []);
    }

    #[test]
    fn numbers_and_names_lead_to_records_until_they_are_forgotten() {
        let mut index = Index::new([7; SECRET_BYTES]);
        let (passport, person) = (RecordId([1; 32]), RecordId([2; 32]));
        take(
            &mut index,
            passport,
            &entry(&json!({ "form": "sltd-entry", "document": { "number": "A 123", "country": "KE" } })),
        );
        take(
            &mut index,
            person,
            &entry(
                &json!({ "form": "nominal-entry", "person": { "status": "suspect", "family_name": "Gavrilov", "given_names": "Ivan" } }),
            ),
        );
        assert_eq!(index.by_number("a-123"), [Candidate { record: passport, line: 0, score: 1.0 }]);
        assert_eq!(index.by_number("A124"), []);
        assert_eq!(index.by_name("Gawrilow", 5)[0].record, person);
        let message = json!({ "form": "message", "language": "fr", "text": "Des défenses d'éléphants saisies au port." });
        let letter = RecordId([3; 32]);
        take(&mut index, letter, &Document::from_json(&message).unwrap().0);
        assert_eq!((index.by_text("éléphant", 5), index.unshown()), (Some(vec![]), 3));
        index.show(false);
        assert_eq!(
            index.by_text("éléphant", 5),
            Some(vec![Candidate { record: letter, line: 0, score: 1.0 }])
        );
        assert_eq!(index.by_text("language", 5), Some(vec![]));
        let batch = RecordId([4; 32]);
        let line = |number: &str| json!({ "form": "sltd-entry", "source": { "reference": number }, "document": { "kind": "passport", "number": number, "country": "KE" }, "status": "lost", "date": "2026" });
        let entries = json!({ "form": "entry-batch", "source": { "reference": "KE/1" }, "entries": [line("X1"), line("X2")] });
        take(&mut index, batch, &Document::from_json(&entries).unwrap().0);
        assert_eq!(index.by_number("X2"), [Candidate { record: batch, line: 2, score: 1.0 }]);
        index.forget(batch);
        assert_eq!(index.by_number("X2"), []);
        index.forget(passport);
        index.forget(person);
        assert_eq!((index.by_number("A123"), index.by_name("Gavrilov", 5)), (vec![], vec![]));
    }
}
