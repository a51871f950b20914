//! The names under which a document is searched: of all whom it names.

use super::Document;
use crate::ecomessage::{Company, Ecomessage, Person};
use crate::limits::NAMES_MAX;
use crate::notice::Identity;
use crate::text::Line;

impl Document {
    /// Every name of the persons and companies that it names, at most [`NAMES_MAX`]: of an Ecomessage those of the sections 6 and
    /// 7, of a notice those whom it is about, of an entry its person. Forms for free text have none.
    pub fn names(&self) -> Vec<String> {
        let mut names = match self {
            Self::Ecomessage(message) => named_in(message),
            Self::Notice(notice) | Self::Diffusion(notice) => notice.names(),
            Self::Entry(entry) => entry.person().map(Identity::names).unwrap_or_default(),
            Self::Message(_) | Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) | Self::Batch(_) => {
                Vec::new()
            }
        };
        names.truncate(NAMES_MAX);
        names
    }
}

fn named_in(message: &Ecomessage) -> Vec<String> {
    let company = |company: &Company| -> Vec<String> {
        let names = std::iter::once(&company.name).chain(&company.directors);
        names.map(Line::to_string).collect()
    };
    let persons = message.persons.iter().flat_map(Person::names);
    persons.chain(message.companies.iter().flat_map(company)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(persons: &serde_json::Value) -> Document {
        let form = json!({
            "form": "ecomessage", "reference": "KE/1", "language": "en",
            "subject": { "family": "fauna", "title": "Ivory at Mombasa" },
            "legal": { "offence": "trafficking", "case_status": "investigation" },
            "agency": { "name": "KWS", "country": "KE" },
            "discovery": { "date": "2026-06-05", "place": { "text": "Mombasa", "country": "KE" } },
            "products": [{ "kind": "wildlife", "scientific_name": "Loxodonta africana" }],
            "persons": persons,
            "companies": [{ "role": "importer", "name": "Acme Shipping Ltd", "directors": ["John Doe"] }],
        });
        Document::from_json(&form).unwrap().0
    }

    #[test]
    fn an_ecomessage_names_its_persons_and_companies() {
        let document = message(&json!([
            { "role": "suspect", "family_name": "KOVALENKO", "given_names": "Olha", "original_name": "Коваленко Ольга", "aliases": ["Olya"] },
            { "role": "driver", "given_names": "Juma" },
            { "role": "suspect", "count": 3 },
        ]));
        assert_eq!(
            document.names(),
            ["Olha KOVALENKO", "Коваленко Ольга", "Olya", "Juma", "Acme Shipping Ltd", "John Doe"]
        );
    }

    #[test]
    fn the_names_of_a_document_have_a_bound() {
        let person = |n: usize| {
            let aliases: Vec<String> = (0..100).map(|m| format!("Alias {n} {m}")).collect();
            json!({ "role": "suspect", "aliases": aliases })
        };
        let document = message(&(0..NAMES_MAX / 100 + 1).map(person).collect());
        assert_eq!(document.names().len(), NAMES_MAX);
    }
}
