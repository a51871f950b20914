//! Looking up what documents say: numbers exactly, names however they are spelt, words in four languages.
//!
//! An index answers with records that *may* fit; whoever asks reads these and looks whether they still stand and really
//! fit. So what is replaced or withdrawn need not be taken out of it at once, and what is not is never told.

use std::collections::HashMap;

use ecomesh_document::lookup::Number;
use ecomesh_document::notice::Identity;
use ecomesh_document::{Document, words};
use ecomesh_record::RecordId;
use ecomesh_search::exact::{Exact, SECRET_BYTES};
use ecomesh_search::names::Names;
use ecomesh_search::text::{Language, Text, TextError};

/// Records that may have one number. More than these have it only if somebody floods it.
const SAME_NUMBER_MAX: usize = 256;

/// An index of the texts of all documents that can be looked up.
pub(crate) struct Index {
    /// The record at each place; none for one that was forgotten.
    records: Vec<Option<RecordId>>,
    places: HashMap<RecordId, u32>,
    numbers: Exact,
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
    /// Of 0 to 1.
    pub(crate) score: f32,
}

impl Index {
    /// An empty index. The secret is random, and known to nobody.
    pub(crate) fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self {
            records: Vec::new(),
            places: HashMap::new(),
            numbers: Exact::new(secret),
            names: Names::new(),
            texts: logged(Text::new()),
            unshown: 0,
        }
    }

    /// Takes the text of a record.
    pub(crate) fn take(&mut self, record: RecordId, document: &Document) {
        if self.places.contains_key(&record) {
            return;
        }
        let (keys, names) = match document {
            Document::Entry(entry) => (entry.keys(), entry.person().map(Identity::names)),
            Document::Notice(notice) | Document::Diffusion(notice) => {
                (notice.keys(), notice.person().map(Identity::names))
            }
            Document::Ecomessage(_) | Document::Message(_) => (Vec::new(), None),
            _ => return,
        };
        // Four thousand million texts do not fit into any memory.
        let Ok(place) = u32::try_from(self.records.len()) else { return };
        self.records.push(Some(record));
        self.places.insert(record, place);
        for (number, key) in keys {
            if let Err(full) = self.numbers.insert(&bytes(number, &key), place) {
                tracing::error!(%full, "a number cannot be looked up");
            }
        }
        for name in names.into_iter().flatten() {
            self.names.add(place, &name);
        }
        // A document whose language the engine does not know is searched as English.
        let language = Language::of_code(document.language()).unwrap_or(Language::English);
        if let Some(texts) = &mut self.texts {
            logged(texts.add(place, language, &document.title(), &words(document)));
            self.unshown += 1;
        }
    }

    /// Forgets the text of a record.
    pub(crate) fn forget(&mut self, record: RecordId) {
        let Some(place) = self.places.remove(&record) else { return };
        // Its names are read by whoever looks into this memory; fingerprints of numbers say nothing to anybody.
        self.names.remove(place);
        if let Some(texts) = &mut self.texts {
            texts.remove(place);
            self.unshown += 1;
        }
        if let Some(forgotten) = self.records.get_mut(place as usize) {
            *forgotten = None;
        }
    }

    /// Records that may have this number, whatever it is a number of.
    pub(crate) fn by_number(&self, text: &str) -> Vec<Candidate> {
        let mut found: Vec<u32> = Vec::new();
        for (number, key) in keys_of(text) {
            found.extend(self.numbers.places(&bytes(number, &key), SAME_NUMBER_MAX));
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|place| self.candidate(place, 1.0)).collect()
    }

    /// Records of persons who may be meant by this name, the best first.
    pub(crate) fn by_name(&self, name: &str, limit: usize) -> Vec<Candidate> {
        let hits = self.names.search(name, limit);
        hits.into_iter().filter_map(|hit| self.candidate(hit.place, hit.score)).collect()
    }

    /// Records whose texts answer a query, the best first; their scores only order them.
    pub(crate) fn by_text(&self, query: &str, limit: usize) -> Vec<Candidate> {
        let hits = self.texts.as_ref().and_then(|texts| logged(texts.search(query, None, limit)));
        let hits = hits.unwrap_or_default();
        let best = hits.iter().map(|hit| hit.score).fold(f32::MIN_POSITIVE, f32::max);
        hits.iter().filter_map(|hit| self.candidate(hit.place, hit.score / best)).collect()
    }

    /// How many texts are taken or forgotten, and not searched or left out yet.
    pub(crate) fn unshown(&self) -> usize {
        self.unshown
    }

    /// From now on the texts that were taken are searched, and those that were forgotten are not.
    pub(crate) fn show(&mut self) {
        if self.unshown > 0
            && let Some(texts) = &mut self.texts
        {
            logged(texts.commit());
            self.unshown = 0;
        }
    }

    fn candidate(&self, place: u32, score: f32) -> Option<Candidate> {
        let record = self.records.get(place as usize).copied().flatten()?;
        Some(Candidate { record, score })
    }
}

/// What the engine of texts gave; its errors are told in the log and say nothing of the texts.
fn logged<T>(result: Result<T, TextError>) -> Option<T> {
    result.inspect_err(|error| tracing::error!(%error, "texts cannot be searched")).ok()
}

/// The keys under which a number may be entered: nobody says what it is a number of.
pub(crate) fn keys_of(text: &str) -> Vec<(Number, String)> {
    let keys = Number::ALL.into_iter().map(|number| (number, number.key(text)));
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
    use serde_json::json;

    use super::*;

    fn entry(form: &serde_json::Value) -> Document {
        DatabaseEntry::carried(form).unwrap().into()
    }

    #[test]
    fn numbers_and_names_lead_to_records_until_they_are_forgotten() {
        let mut index = Index::new([7; SECRET_BYTES]);
        let (passport, person) = (RecordId([1; 32]), RecordId([2; 32]));
        index.take(
            passport,
            &entry(&json!({ "form": "sltd-entry", "document": { "number": "A 123", "country": "KE" } })),
        );
        index.take(
            person,
            &entry(&json!({ "form": "nominal-entry", "person": { "status": "suspect", "family_name": "Gavrilov", "given_names": "Ivan" } })),
        );
        assert_eq!(index.by_number("a-123"), [Candidate { record: passport, score: 1.0 }]);
        assert_eq!(index.by_number("A124"), []);
        assert_eq!(index.by_name("Gawrilow", 5)[0].record, person);
        let message = json!({ "form": "message", "language": "fr", "text": "Des défenses d'éléphants saisies au port." });
        let letter = RecordId([3; 32]);
        index.take(letter, &Document::from_json(&message).unwrap().0);
        assert_eq!((index.by_text("éléphant", 5), index.unshown()), (vec![], 3));
        index.show();
        assert_eq!(index.by_text("éléphant", 5), [Candidate { record: letter, score: 1.0 }]);
        assert_eq!(index.by_text("language", 5), []);
        index.forget(passport);
        index.forget(person);
        assert_eq!((index.by_number("A123"), index.by_name("Gavrilov", 5)), (vec![], vec![]));
    }
}
