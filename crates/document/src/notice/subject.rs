//! Who or what a notice is about, in one line.

use super::{Body, Entity, Identity, Notice, OriginalName};
use crate::text::{Line, Prose};

impl Notice {
    /// Who or what it is about: a name where it has one, else what stands for it.
    pub fn subject(&self) -> String {
        let person = self.person().and_then(Identity::name);
        let other = || match self {
            Self::Black(notice) => notice.body.as_ref().map(found),
            Self::Orange(notice) => notice.threat.as_ref()?.description.as_ref().map(beginning),
            Self::Purple(notice) => notice.methods.first()?.description.as_ref().map(beginning),
            Self::Silver(notice) => notice.assets.first()?.description.as_ref().map(beginning),
            Self::Un(notice) => notice.entity.as_ref().map(|entity| entity.name.to_string()),
            _ => None,
        };
        person.or_else(other).unwrap_or_else(|| "not named".into())
    }

    /// The person that it is about, if it is about one.
    pub fn person(&self) -> Option<&Identity> {
        match self {
            Self::Red(notice) => notice.person.as_ref(),
            Self::Yellow(notice) => notice.person.as_ref(),
            Self::Blue(notice) => notice.person.as_ref(),
            Self::Green(notice) => notice.person.as_ref(),
            Self::Silver(notice) => notice.person.as_ref(),
            Self::Un(notice) => notice.person.as_ref(),
            _ => None,
        }
    }
}

impl Notice {
    /// Everybody whom it names: persons, entities, and those who run these.
    pub(crate) fn names(&self) -> Vec<String> {
        let persons = self.person().into_iter().chain(match self {
            Self::Orange(notice) => notice.persons.as_slice(),
            _ => &[],
        });
        let entities = match self {
            Self::Silver(notice) => notice.entities.as_slice(),
            Self::Un(notice) => notice.entity.as_slice(),
            _ => &[],
        };
        persons.flat_map(Identity::names).chain(entities.iter().flat_map(Entity::names)).collect()
    }
}

impl Entity {
    /// Every name under which it may be searched, and those who run it.
    fn names(&self) -> impl Iterator<Item = String> {
        let own = std::iter::once(&self.name).chain(&self.original_name).chain(&self.aliases);
        own.chain(&self.administrators).map(ToString::to_string)
    }
}

impl Identity {
    /// The name by which it is listed: family name and given names, else the first other name.
    pub fn name(&self) -> Option<String> {
        let parts: Vec<_> = self.family_name.iter().chain(&self.given_names).map(Line::as_str).collect();
        let original = || self.original_names.first().map(|name| name.text.to_string());
        let alias = || self.aliases.first().map(ToString::to_string);
        if parts.is_empty() { original().or_else(alias) } else { Some(parts.join(", ")) }
    }

    /// Every name under which it may be searched: as listed, at birth, in other scripts, and aliases.
    pub fn names(&self) -> Vec<String> {
        let given = || self.given_names.as_ref().map(Line::as_str).unwrap_or_default();
        let with_given = |family: &Line| format!("{} {}", given(), family).trim().to_owned();
        let listed = self.family_name.iter().chain(&self.birth_name).map(with_given);
        let alone = self.given_names.iter().filter(|_| self.family_name.is_none()).map(ToString::to_string);
        let original = |name: &OriginalName| {
            std::iter::once(name.text.to_string())
                .chain(name.transliteration.iter().map(ToString::to_string))
                .collect()
        };
        let originals = self.original_names.iter().flat_map(|name| -> Vec<String> { original(name) });
        listed.chain(alone).chain(originals).chain(self.aliases.iter().map(ToString::to_string)).collect()
    }
}

fn found(body: &Body) -> String {
    match &body.found_date {
        Some(date) => format!("a dead body found {date}"),
        None => "a dead body".into(),
    }
}

/// The first line of a text, or what fits of it.
pub(crate) fn beginning(text: &Prose) -> String {
    const CHARS_MAX: usize = 60;
    let line = text.as_str().trim_start().lines().next().unwrap_or_default();
    let mut words: String = line.chars().take(CHARS_MAX).collect();
    if words.len() < line.len() {
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::notice::Notice;

    fn red(person: &serde_json::Value) -> Notice {
        Notice::carried(&json!({ "form": "red-notice", "person": person })).unwrap()
    }

    #[test]
    fn a_person_is_listed_by_what_is_known() {
        let status = "charged";
        for (person, subject) in [
            (json!({ "status": status, "family_name": "DOE", "given_names": "Jane" }), "DOE, Jane"),
            (json!({ "status": status, "given_names": "Jane" }), "Jane"),
            (json!({ "status": status, "aliases": ["Zed"] }), "Zed"),
            (json!({ "status": status, "original_names": [{ "text": "محمد" }], "aliases": ["Zed"] }), "محمد"),
            (json!({ "status": status }), "not named"),
        ] {
            assert_eq!(red(&person).subject(), subject);
        }
        assert_eq!(Notice::carried(&json!({ "form": "red-notice" })).unwrap().subject(), "not named");
    }

    #[test]
    fn every_name_can_be_searched() {
        let notice = red(&json!({
            "family_name": "PETROVA", "given_names": "Anna", "birth_name": "IVANOVA", "aliases": ["Anya"],
            "original_names": [{ "text": "Петрова Анна", "transliteration": "Petrova Anna" }],
        }));
        let names = notice.person().unwrap().names();
        assert_eq!(names, ["Anna PETROVA", "Anna IVANOVA", "Петрова Анна", "Petrova Anna", "Anya"]);
    }

    #[test]
    fn all_who_are_named_can_be_searched() {
        let company = json!({ "name": "Acme Ltd", "aliases": ["Akme"], "administrators": ["Ivan Gavrilov"] });
        for (notice, names) in [
            (json!({ "form": "un-notice", "entity": company }), &["Acme Ltd", "Akme", "Ivan Gavrilov"][..]),
            (
                json!({ "form": "silver-notice", "person": { "family_name": "DOE" }, "entities": [company] }),
                &["DOE", "Acme Ltd", "Akme", "Ivan Gavrilov"],
            ),
            (
                json!({ "form": "orange-notice", "persons": [{ "family_name": "DOE" }, { "aliases": ["Zed"] }] }),
                &["DOE", "Zed"],
            ),
        ] {
            assert_eq!(Notice::carried(&notice).unwrap().names(), names);
        }
    }
}
