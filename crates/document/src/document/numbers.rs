//! The numbers of a document: of whatever it names, and its references.

use std::collections::BTreeSet;

use super::Document;
use crate::form::{FieldKind, FormSpec};
use crate::limits::{KEY_CHARS_MAX, KEYS_MAX};
use crate::lookup::Number;
use crate::reading::FromForm;
use crate::tree::{Node, Value};

/// Fields that hold a number or a reference, by table and name, and what it may be of. A table is the same in all forms
/// that have it.
type Fields = &'static [(&'static str, &'static str, &'static [Number])];

/// Numbers of what an entry of a database is of. It is entered to be found by them, however long they are.
const ENTERED: Fields = &[
    ("TravelDocument", "number", &[Number::Document]),
    ("StolenVehicle", "vin", &[Number::Vin]),
    ("StolenVehicle", "plate", &[Number::Plate]),
    ("StolenVehicle", "engine_number", &[Number::Serial]),
    ("StolenVehicle", "part_numbers", &[Number::Serial]),
    ("StolenVessel", "imo", &[Number::Imo]),
    ("StolenVessel", "mmsi", &[Number::Mmsi]),
    ("StolenVessel", "hull_number", &[Number::Serial]),
    ("StolenVessel", "registration", &[Number::Serial]),
    ("StolenVessel", "call_sign", &[Number::Serial]),
    ("StolenVessel", "engine_numbers", &[Number::Serial]),
    ("WorkOfArt", "inventory_numbers", &[Number::Serial]),
    ("Firearm", "serial_number", &[Number::Serial]),
    // Of the person of a notice, too.
    ("IdentityRecord", "number", &[Number::Document]),
];

/// All others.
const NAMED: Fields = &[
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
    /// None of a batch: its lines are found one by one, by [`DatabaseEntry::keys`](crate::entry::DatabaseEntry::keys). Each is
    /// there once, in the order of their letters; of more than [`KEYS_MAX`] those that the document names first.
    pub fn keys(&self) -> Vec<(Number, String)> {
        self.keys_in(&self.to_node())
    }

    /// The same, of the document's own tree.
    pub(super) fn keys_in(&self, tree: &Node) -> Vec<(Number, String)> {
        match self {
            Self::Ecomessage(_)
            | Self::Message(_)
            | Self::Notice(_)
            | Self::Diffusion(_)
            | Self::Entry(_) => {}
            Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) | Self::Batch(_) => return Vec::new(),
        }
        let mut keys = Keys::default();
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

    /// Adds what a text of a form is found by, unless its key is longer than that.
    fn add(&mut self, number: Number, text: &str, chars_max: usize) {
        let key = number.key(text);
        if !self.is_full() && (1..=chars_max).contains(&key.chars().count()) {
            self.0.insert((number, key));
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
                    let of = |fields: Fields| numbers_of(fields, spec.name, field.name);
                    of(ENTERED).iter().for_each(|number| keys.add(*number, text, usize::MAX));
                    // What is longer is a sentence, which `--text` finds.
                    of(NAMED).iter().for_each(|number| keys.add(*number, text, KEY_CHARS_MAX));
                }
                _ => {}
            }
        }
    }
}

fn numbers_of(fields: Fields, table: &str, field: &str) -> &'static [Number] {
    let known = fields.iter().find(|(of, name, _)| *of == table && *name == field);
    known.map_or(&[], |(_, _, numbers)| numbers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::{Forms, KINDS};
    use crate::entry::DatabaseEntry;
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
    fn an_entry_is_found_by_every_number_of_what_it_is_of_and_by_its_references() {
        let one = |number, key: &str| (number, key.to_owned());
        let serials = |keys: &[&str]| keys.iter().map(|key| one(Number::Serial, key)).collect::<Vec<_>>();
        let vessel = json!({ "imo": "IMO 9074729", "mmsi": "227123450", "hull_number": "FR-A 1", "registration": "B/2",
            "call_sign": "C 3", "engine_numbers": ["D-4", "E-5"] });
        let vehicle = json!({ "vin": "1m8gdm9axkp042788", "plate": "kaa 123-x", "engine_number": "EN 1",
            "part_numbers": ["P-1", "P1", "P 2"] });
        let transport = json!({ "mode": "sea", "containers": ["MSCU 123456-6"],
            "vessel": { "name": "STS-50", "imo": "IMO 8514772" },
            "vehicle": { "plate": "KAA 123X", "vin": "1M8GDM9AXKP042788" } });
        let person =
            json!({ "status": "suspect", "documents": [{ "kind": "passport", "number": "A 000001" }] });
        let (vin, plate) = (one(Number::Vin, "1M8GDM9AXKP042788"), one(Number::Plate, "KAA123X"));
        for (form, field, value, keys) in [
            ("sltd-entry", "document", json!({ "number": "A 123" }), vec![one(Number::Document, "A123")]),
            (
                "vehicle-entry",
                "vehicle",
                vehicle,
                [vec![plate.clone(), vin.clone()], serials(&["EN1", "P1", "P2"])].concat(),
            ),
            (
                "vessel-entry",
                "vessel",
                vessel,
                [
                    vec![one(Number::Imo, "9074729"), one(Number::Mmsi, "227123450")],
                    serials(&["B2", "C3", "D4", "E5", "FRA1"]),
                ]
                .concat(),
            ),
            ("art-entry", "object", json!({ "inventory_numbers": ["F 6", "G 7"] }), serials(&["F6", "G7"])),
            ("firearm-entry", "firearm", json!({ "serial_number": "жн-1234" }), serials(&["ЖН1234"])),
            ("nominal-entry", "person", person, vec![one(Number::Document, "A000001")]),
            (
                "seizure-entry",
                "transports",
                json!([transport]),
                vec![plate, vin, one(Number::Container, "MSCU1234566"), one(Number::Imo, "8514772")],
            ),
        ] {
            let entry = json!({ "form": form, "source": { "reference": "KE/1" }, field: value });
            let entry = DatabaseEntry::carried(&entry).unwrap();
            // As a line of a batch it is found by the same, but not by its reference.
            let in_batch: BTreeSet<_> = entry.keys().into_iter().collect();
            if crate::entry::BATCHED.contains(&entry.database()) {
                assert_eq!(in_batch, keys.iter().cloned().collect(), "{form}");
            }
            assert_eq!(
                Document::from(entry).keys(),
                [keys, vec![one(Number::Reference, "KE/1")]].concat(),
                "{form}"
            );
        }
    }

    #[test]
    fn every_sample_of_an_entry_is_found_by_its_numbers() {
        for (sample, keys) in [
            ("sltd", &[(Number::Document, "L898902C3"), (Number::Reference, "KE/SLTD/2026/0001")][..]),
            (
                "vehicle",
                &[
                    (Number::Plate, "T123ABC"),
                    (Number::Vin, "1M8GDM9AXKP042788"),
                    (Number::Serial, "EX000123"),
                    (Number::Reference, "TZ/SMV/2026/0001"),
                ],
            ),
            (
                "vessel",
                &[
                    (Number::Imo, "9074729"),
                    (Number::Mmsi, "227123450"),
                    (Number::Reference, "FR/SVD/2026/0001"),
                ],
            ),
            ("art", &[(Number::Reference, "TH/WOA/2026/0001")]),
            ("firearm", &[(Number::Serial, "ЖН1234"), (Number::Reference, "KE/FA/2026/0001")]),
            (
                "nominal",
                &[
                    (Number::Document, "A000001"),
                    (Number::Reference, "2013/6138"),
                    (Number::Reference, "KE/NOM/2026/0001"),
                ],
            ),
            (
                "seizure",
                &[
                    (Number::Container, "CSQU3054383"),
                    (Number::Reference, "KE/ENV/2014/0001"),
                    (Number::Reference, "KE/SEI/2014/0001"),
                ],
            ),
        ] {
            let path = format!("{}/../../node-config/demo/entries/{sample}.toml", env!("CARGO_MANIFEST_DIR"));
            let toml = std::fs::read_to_string(path).unwrap();
            let found = Document::from_toml(&toml).unwrap().0.keys();
            let found: Vec<_> = found.iter().map(|(number, key)| (*number, key.as_str())).collect();
            assert_eq!(found, keys, "{sample}");
        }
    }

    #[test]
    fn a_long_number_is_one_of_what_was_entered_and_else_a_sentence() {
        let long = "7".repeat(KEY_CHARS_MAX + 1);
        let entry = json!({ "form": "firearm-entry", "source": { "reference": long }, "firearm": { "serial_number": long } });
        let entry = DatabaseEntry::carried(&entry).unwrap();
        assert_eq!(Document::from(entry).keys(), [(Number::Serial, long)]);
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
        for (table, field, _) in ENTERED.iter().chain(NAMED) {
            assert!(known.contains(&(table, field)), "{table}.{field}");
        }
    }
}
