//! What an entry is of, in one line, and by which numbers a line of a batch is found.

use super::DatabaseEntry;
use crate::codes::{Code, CodeList};
use crate::lookup::Number;
use crate::notice::{Identity, subject::beginning};
use crate::text::Line;

impl DatabaseEntry {
    /// What it is of: a number or a name where it has one.
    pub fn subject(&self) -> String {
        let subject = match self {
            Self::Sltd(entry) => entry.document.as_ref().map(|document| {
                let number = shown(document.number.as_ref());
                let country = document.country.as_ref().map(|country| country.0.as_str()).unwrap_or_default();
                join([country, number])
            }),
            Self::Vehicle(entry) => entry.vehicle.as_ref().map(|vehicle| {
                let number = vehicle.plate.as_ref().or(vehicle.vin.as_ref());
                join([shown(vehicle.make.as_ref()), shown(vehicle.model.as_ref()), shown(number)])
            }),
            Self::Vessel(entry) => entry.vessel.as_ref().map(|vessel| {
                let number =
                    vessel.imo.as_ref().or(vessel.hull_number.as_ref()).or(vessel.registration.as_ref());
                join([shown(vessel.name.as_ref()), shown(number), shown(vessel.make.as_ref())])
            }),
            Self::Art(entry) => entry.object.as_ref().map(|object| {
                let subject = object.subject.as_ref().map(beginning).unwrap_or_default();
                join([shown(object.maker.as_ref()), shown(object.title.as_ref()), &subject])
            }),
            Self::Firearm(entry) => entry.firearm.as_ref().map(|firearm| {
                let fields = [&firearm.make, &firearm.calibre, &firearm.serial_number];
                join(fields.map(|field| shown(field.as_ref())))
            }),
            Self::Nominal(entry) => entry.person.as_ref().and_then(Identity::name),
            Self::Seizure(entry) => entry.discovery.as_ref().map(|discovery| {
                let family = entry.family.as_ref().map(label).unwrap_or_default();
                format!("{family}, {}, {}", discovery.place.text, discovery.date)
            }),
        };
        subject.filter(|subject| !subject.is_empty()).unwrap_or_else(|| "not named".into())
    }

    /// The person that it is about, if it is about one.
    pub fn person(&self) -> Option<&Identity> {
        match self {
            Self::Nominal(entry) => entry.person.as_ref(),
            _ => None,
        }
    }

    /// The keys under which a look-up finds it as a line of a batch, each with what kind of number it is of: those of the
    /// document or the vehicle, and not its reference. Of all other databases there is none: what stands alone has the keys
    /// of its [document](crate::Document::keys).
    pub fn keys(&self) -> Vec<(Number, String)> {
        let mut keys = Keys::default();
        match self {
            Self::Sltd(entry) => {
                keys.take(
                    Number::Document,
                    entry.document.iter().filter_map(|document| document.number.as_ref()),
                );
            }
            Self::Vehicle(entry) => {
                if let Some(vehicle) = &entry.vehicle {
                    keys.take(Number::Vin, &vehicle.vin);
                    keys.take(Number::Plate, &vehicle.plate);
                    keys.take(Number::Serial, vehicle.engine_number.iter().chain(&vehicle.part_numbers));
                }
            }
            Self::Vessel(_) | Self::Art(_) | Self::Firearm(_) | Self::Nominal(_) | Self::Seizure(_) => {}
        }
        keys.0
    }
}

#[derive(Default)]
struct Keys(Vec<(Number, String)>);

impl Keys {
    fn take<'l>(&mut self, number: Number, written: impl IntoIterator<Item = &'l Line>) {
        let keys = written.into_iter().map(|text| (number, number.key(text.as_str())));
        for key in keys.filter(|(_, key)| !key.is_empty()) {
            if !self.0.contains(&key) {
                self.0.push(key);
            }
        }
    }
}

fn shown(line: Option<&Line>) -> &str {
    line.map(Line::as_str).unwrap_or_default()
}

fn join<const N: usize>(parts: [&str; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn label<L: CodeList>(code: &Code<L>) -> String {
    code.entry().map_or(code.as_str(), |entry| entry.label("en")).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(form: &str, more: &serde_json::Value) -> DatabaseEntry {
        let mut form = json!({ "form": form });
        for (key, value) in more.as_object().unwrap() {
            form[key] = value.clone();
        }
        DatabaseEntry::carried(&form).unwrap()
    }

    #[test]
    fn an_entry_is_found_by_each_of_its_numbers_in_one_spelling() {
        let vehicle = entry(
            "vehicle-entry",
            &json!({ "vehicle": { "vin": "1m8gdm9axkp042788", "plate": "kaa 123-x", "engine_number": "EN 1", "part_numbers": ["P-1", "P1"],
                "make": "Toyota" } }),
        );
        let keys = vehicle.keys();
        let keys: Vec<_> = keys.iter().map(|(number, key)| (*number, key.as_str())).collect();
        let expected = [
            (Number::Vin, "1M8GDM9AXKP042788"),
            (Number::Plate, "KAA123X"),
            (Number::Serial, "EN1"),
            (Number::Serial, "P1"),
        ];
        assert_eq!(keys, expected);
        assert_eq!(vehicle.subject(), "Toyota kaa 123-x");
    }

    #[test]
    fn a_document_is_found_by_its_number_and_says_no_name() {
        let sltd = entry("sltd-entry", &json!({ "document": { "number": "A 123", "country": "KE" } }));
        assert_eq!(sltd.keys(), [(Number::Document, "A123".to_owned())]);
        assert_eq!(sltd.subject(), "KE A 123");
        assert!(sltd.person().is_none());
        assert_eq!(entry("sltd-entry", &json!({})).subject(), "not named");
    }
}
