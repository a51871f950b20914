//! The numbers of a document: of whatever it names, and its references.

use std::collections::BTreeSet;

use super::Document;
use crate::entry::DatabaseEntry;
use crate::form::{FieldKind, FormSpec};
use crate::limits::{KEY_CHARS_MAX, KEYS_MAX};
use crate::lookup::Number;
use crate::reading::FromForm;
use crate::tree::{Node, Value};

/// Fields that hold a number or a reference, by table and name, and what it may be of. A table is the same in all forms
/// that have it.
const NUMBERS: &[(&str, &str, &[Number])] = &[
    ("IdentityRecord", "number", &[Number::Document]),
    ("IdentityPaper", "number", &[Number::Document]),
    ("Paper", "number", &[Number::Document]),
    ("Vessel", "imo", &[Number::Imo]),
    ("Vessel", "mmsi", &[Number::Mmsi]),
    ("Vehicle", "plate", &[Number::Plate]),
    ("Vehicle", "vin", &[Number::Vin]),
    ("Transport", "containers", &[Number::Container]),
    ("Transport", "air_waybill", &[Number::Serial]),
    ("Transport", "bill_of_lading", &[Number::Serial]),
    ("Transport", "seals", &[Number::Serial]),
    ("Mark", "value", &[Number::Serial]),
    ("Company", "registration_number", &[Number::Serial]),
    ("Entity", "registration_number", &[Number::Serial]),
    // An account, a plate, a ship: nobody says which.
    ("Asset", "identifiers", &[Number::Serial, Number::Imo]),
    ("Ecomessage", "reference", &[Number::Reference]),
    ("PlainMessage", "reference", &[Number::Reference]),
    ("EntrySource", "reference", &[Number::Reference]),
    ("NoticeRequest", "reference", &[Number::Reference]),
    ("NoticeRequest", "notice_number", &[Number::Reference]),
    ("NoticeRequest", "related", &[Number::Reference]),
    ("Additional", "related", &[Number::Reference]),
    ("Warrant", "reference", &[Number::Reference]),
    ("Listing", "reference", &[Number::Reference]),
    ("NominalEntry", "notices", &[Number::Reference]),
    ("SeizureEntry", "message", &[Number::Reference]),
    ("Legal", "national_file", &[Number::Reference]),
    ("Agency", "reference", &[Number::Reference]),
];

impl Document {
    /// The keys under which a look-up of a number finds it: of everything with a number that it names, and of its references.
    /// Of a batch they are those of its entries, line by line. Each is there once, in the order of their letters; of more than
    /// [`KEYS_MAX`] those that the document names first.
    pub fn keys(&self) -> Vec<(Number, String)> {
        self.keys_in(&self.to_node())
    }

    /// The same, of the document's own tree.
    pub(super) fn keys_in(&self, tree: &Node) -> Vec<(Number, String)> {
        let of_thing = match self {
            // What a seizure names may be thousands of containers, and is all in the fields below.
            Self::Entry(DatabaseEntry::Seizure(_)) => Vec::new(),
            Self::Entry(entry) => entry.keys(),
            Self::Ecomessage(_) | Self::Message(_) | Self::Notice(_) | Self::Diffusion(_) => Vec::new(),
            Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) | Self::Batch(_) => return Vec::new(),
        };
        let mut keys = Keys::default();
        of_thing.into_iter().for_each(|key| keys.add(key));
        collect(tree, self.form().1, &mut keys);
        keys.0.into_iter().collect()
    }
}

/// Different keys, at most [`KEYS_MAX`].
#[derive(Default)]
struct Keys(BTreeSet<(Number, String)>);

impl Keys {
    fn is_full(&self) -> bool {
        self.0.len() >= KEYS_MAX
    }

    fn add(&mut self, key: (Number, String)) {
        if !self.is_full() {
            self.0.insert(key);
        }
    }

    /// Adds what a text of a form is found by.
    fn add_text(&mut self, number: Number, text: &str) {
        let key = number.key(text);
        // What is longer is a sentence, which `--text` finds.
        if (1..=KEY_CHARS_MAX).contains(&key.chars().count()) {
            self.add((number, key));
        }
    }
}

fn collect(table: &Node, spec: &FormSpec, keys: &mut Keys) {
    for field in spec.fields {
        let Some(value) = table.get(field.name) else { continue };
        let several = value.items();
        let each = if several.is_empty() { std::slice::from_ref(value) } else { several };
        for one in each {
            if keys.is_full() {
                return;
            }
            match (&one.value, field.kind) {
                (Value::Table(_), FieldKind::Table(inner)) => collect(one, inner, keys),
                (Value::Text(text), _) => {
                    numbers_of(spec.name, field.name).iter().for_each(|number| keys.add_text(*number, text));
                }
                _ => {}
            }
        }
    }
}

fn numbers_of(table: &str, field: &str) -> &'static [Number] {
    let known = NUMBERS.iter().find(|(of, name, _)| *of == table && *name == field);
    known.map_or(&[], |(_, _, numbers)| numbers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::{Forms, KINDS};
    use crate::limits::SHORT_LIST_MAX;

    #[test]
    fn what_has_a_number_is_found_by_it() {
        let vessel = json!({ "name": "STS-50", "imo": "IMO 8514772", "mmsi": "654 000 000" });
        let purple = json!({
            "form": "purple-notice",
            "request": { "reference": "KE/2018/77", "notice_number": "2013/6138" },
            "methods": [{ "kind": "vessel", "vessel": vessel }],
        });
        let document = Document::Notice(crate::notice::Notice::carried(&purple).unwrap());
        let keys = document.keys();
        for (number, key) in [
            (Number::Imo, "8514772"),
            (Number::Mmsi, "654000000"),
            (Number::Reference, "KE/2018/77"),
            (Number::Reference, "2013/6138"),
        ] {
            assert!(keys.contains(&(number, key.to_owned())), "{number:?} {key}: {keys:?}");
        }
        assert!(!keys.iter().any(|(number, _)| *number == Number::Document), "{keys:?}");
    }

    /// A seizure with so many containers, each named twice.
    fn seizure(containers: usize) -> Document {
        let names: Vec<_> = (0..containers).map(|n| format!("C{n}")).collect();
        let transports = |names: &[String]| json!({ "mode": "sea", "containers": names });
        let twice = names.chunks(SHORT_LIST_MAX).chain(names.chunks(SHORT_LIST_MAX));
        let transports: Vec<_> = twice.map(transports).collect();
        let entry = json!({
            "form": "seizure-entry",
            "source": { "reference": "KE/1" },
            "transports": transports,
        });
        DatabaseEntry::carried(&entry).unwrap().into()
    }

    #[test]
    fn each_key_is_there_once() {
        let keys = seizure(300).keys();
        assert_eq!(keys.iter().filter(|(number, _)| *number == Number::Container).count(), 300);
        assert!(keys.contains(&(Number::Reference, "KE/1".to_owned())));
        assert!(keys.is_sorted_by(|one, next| one < next), "{keys:?}");
    }

    #[test]
    fn of_too_many_numbers_the_first_are_kept() {
        let keys = seizure(KEYS_MAX + 100).keys();
        assert_eq!(keys.len(), KEYS_MAX);
        // The source stands before the transports.
        for (number, key) in [(Number::Reference, "KE/1"), (Number::Container, "C0")] {
            assert!(keys.contains(&(number, Number::key(number, key))), "{key}");
        }
        let last = Number::Container.key(&format!("C{}", KEYS_MAX + 99));
        assert!(!keys.contains(&(Number::Container, last)));
    }

    #[test]
    fn the_numbers_of_a_seizure_are_all_in_its_fields() {
        let entry = json!({
            "form": "seizure-entry",
            "transports": [{
                "mode": "sea",
                "containers": ["MSCU 123456-6"],
                "vessel": { "name": "STS-50", "imo": "IMO 8514772" },
                "vehicle": { "plate": "KAA 123X", "vin": "1M8GDM9AXKP042788" },
            }],
        });
        let entry = DatabaseEntry::carried(&entry).unwrap();
        let (of_thing, all) = (entry.keys(), Document::from(entry).keys());
        assert_eq!(of_thing.len(), 4);
        assert!(of_thing.iter().all(|key| all.contains(key)), "{of_thing:?} {all:?}");
    }

    #[test]
    fn every_field_of_the_table_is_a_text_of_some_form() {
        fn fields(spec: &'static FormSpec, into: &mut Vec<(&'static str, &'static str)>) {
            for field in spec.fields {
                match field.kind {
                    FieldKind::Table(inner) => fields(inner, into),
                    FieldKind::Text { .. } => into.push((spec.name, field.name)),
                    _ => {}
                }
            }
        }
        let mut known = Vec::new();
        for kind in KINDS {
            match kind.forms {
                Forms::One { spec, .. } => fields(spec, &mut known),
                Forms::Notices => crate::notice::colour::ALL.iter().for_each(|c| fields(c.spec, &mut known)),
                Forms::Entries => crate::entry::database::ALL.iter().for_each(|d| fields(d.spec, &mut known)),
            }
        }
        for (table, field, _) in NUMBERS {
            assert!(known.contains(&(table, field)), "{table}.{field}");
        }
    }
}
