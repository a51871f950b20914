//! Entries of the public list of Red Notices as notices.
//!
//! The public list shows an *extract*: name, birth, nationalities, a photograph, and in the detail of an entry the
//! charges, the description and the countries of the warrants. As everywhere in this crate **nothing is guessed and
//! nothing is lost**: a value goes into a field only if its meaning is certain, otherwise it is kept word for word among
//! the `reported` entries, with the reason. An extract is no request: [`Notice::check`] says of each what a request for
//! such a notice would have to add.
//!
//! Known dirt: names or forenames that are `null` or `-`, births of which only the year is known, several
//! nationalities, `UNK` for an unknown country, numbers for international courts, heights and weights of 0.

use serde_json::{Map, Value, json};

use crate::codes::{self, Code, Country};
use crate::date::PartialDate;
use crate::decimal::Decimal;
use crate::notice::{Notice, is_notice_number};
use crate::report::excerpt;

/// A notice made of an entry of the public list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicNotice {
    /// The notice: structure only, without what the public does not see.
    pub notice: Notice,
    /// What was not taken as it stood, and why: key of the entry and reason.
    pub notes: Vec<(String, &'static str)>,
}

/// Why an entry is no notice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct EntryProblem {
    /// Key of the entry; empty if it is the whole entry.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Takes an entry of the public list of Red Notices, brief or in detail.
///
/// # Errors
/// Everything that keeps the entry from being a notice.
pub fn red_notice(entry: &Value) -> Result<PublicNotice, Vec<EntryProblem>> {
    let Value::Object(entry) = entry else {
        return Err(vec![problem("", "the entry is no object")]);
    };
    refuse(entry)?;
    let mut mapping = Mapping::default();
    for (key, value) in entry {
        mapping.take(key, value);
    }
    mapping.finish()
}

/// Entries that name no notice, or nobody who could be found by them.
fn refuse(entry: &Map<String, Value>) -> Result<(), Vec<EntryProblem>> {
    let mut problems = Vec::new();
    match entry.get("entity_id").and_then(Value::as_str) {
        None => problems.push(problem("entity_id", "the entry has no number")),
        Some(id) if !is_notice_number(id) => {
            problems.push(problem("entity_id", format!("{} is no number of a notice", excerpt(id))));
        }
        Some(_) => {}
    }
    let named = ["name", "forename"].iter().any(|key| entry.get(*key).is_some_and(is_name));
    if !named && thumbnail(entry).is_none() {
        problems
            .push(problem("name", "there is neither a name nor a photograph: nobody could be found by it"));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// True for a text that is more than the sign for nothing.
fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|name| !matches!(name.trim(), "" | "-"))
}

fn thumbnail(entry: &Map<String, Value>) -> Option<&str> {
    entry.get("_links")?.get("thumbnail")?.get("href")?.as_str()
}

fn problem(key: &str, reason: impl Into<String>) -> EntryProblem {
    EntryProblem { key: key.to_owned(), reason: reason.into() }
}

/// The parts of a notice while an entry is read.
#[derive(Debug, Default)]
struct Mapping {
    request: Map<String, Value>,
    person: Map<String, Value>,
    description: Map<String, Value>,
    judicial: Map<String, Value>,
    reported: Vec<Value>,
    notes: Vec<(String, &'static str)>,
}

impl Mapping {
    fn take(&mut self, key: &str, value: &Value) {
        match key {
            "entity_id" => self.put_request("notice_number", value),
            "name" => self.name(key, "family_name", value),
            "forename" => self.name(key, "given_names", value),
            "date_of_birth" => self.birth(key, value),
            "nationalities" => self.countries(key, value),
            "_links" => self.photograph(key, value),
            // Always an empty list of links.
            "_embedded" => {}
            _ if is_nothing(value) => {}
            "sex_id" => self.sex(key, value),
            "place_of_birth" => self.text(key, "birth_place", value),
            "country_of_birth_id" => self.birth_country(key, value),
            "height" => self.measure(key, "height_cm", value, 100),
            "weight" => self.measure(key, "weight_kg", value, 1),
            "eyes_colors_id" => self.colours(key, "eyes", value),
            "hairs_id" => self.colours(key, "hair", value),
            "languages_spoken_ids" => self.languages(key, value),
            "distinguishing_marks" => match value.as_str() {
                Some(marks) => _ = self.description.insert("marks".into(), marks.into()),
                None => self.keep(key, value, "it is no text"),
            },
            "arrest_warrants" => self.warrants(key, value),
            _ => self.keep(key, value, "the list is not known to have such a key"),
        }
    }

    fn finish(mut self) -> Result<PublicNotice, Vec<EntryProblem>> {
        // Who is on the public list is there with the consent of the source.
        self.request.insert("public_extract".into(), "yes".into());
        if !self.description.is_empty() {
            self.person.insert("description".into(), self.description.into());
        }
        let mut form = json!({ "form": "red-notice", "request": self.request, "person": self.person });
        if !self.judicial.is_empty() {
            form["judicial"] = self.judicial.into();
        }
        if !self.reported.is_empty() {
            form["reported"] = self.reported.into();
        }
        match Notice::carried(&form) {
            Ok(notice) => Ok(PublicNotice { notice, notes: self.notes }),
            Err(report) => Err(report.errors().map(|p| problem(&p.path, p.message.clone())).collect()),
        }
    }

    fn name(&mut self, key: &str, field: &str, value: &Value) {
        if is_name(value) {
            self.text(key, field, value);
        } else {
            self.note(key, "it says nothing: left out");
        }
    }

    fn text(&mut self, key: &str, field: &str, value: &Value) {
        match value.as_str().map(str::trim).filter(|text| !text.contains('\n')) {
            Some(text) => _ = self.person.insert(field.into(), text.into()),
            None => self.keep(key, value, "it is no text of one line"),
        }
    }

    /// `1974/05/11`, or `1966` alone.
    fn birth(&mut self, key: &str, value: &Value) {
        if is_nothing(value) {
            return self.note(key, "it says nothing: left out");
        }
        let date = value.as_str().map(|text| text.trim().replace('/', "-"));
        match date.filter(|date| PartialDate::parse(date).is_ok_and(|date| date.span().is_some())) {
            Some(date) => {
                if date.len() == 4 {
                    self.note(key, "only the year is known");
                }
                self.person.insert("birth_date".into(), date.into());
            }
            None => self.keep(key, value, "it is no date of the calendar"),
        }
    }

    fn countries(&mut self, key: &str, value: &Value) {
        let Some(codes) = texts(value) else {
            return self.keep(key, value, "it is no list of codes");
        };
        if codes.is_empty() {
            return self.note(key, "it says nothing: left out");
        }
        if codes.len() > 1 {
            self.note(key, "several nationalities");
        }
        let known: Vec<_> = codes.iter().map(|code| self.country(key, code)).collect();
        self.person.insert("nationalities".into(), known.into());
    }

    /// A country of the list. `UNK` is what the table calls `XX`; what the table does not have stays as it is.
    fn country(&mut self, key: &str, code: &str) -> String {
        if code == "UNK" {
            self.note(key, "UNK: the country is unknown, XX in the table");
            return "XX".into();
        }
        if Code::<Country>::table().find(code).is_none() {
            self.note(key, "the table does not have this code");
        }
        code.to_owned()
    }

    fn birth_country(&mut self, key: &str, value: &Value) {
        match value.as_str() {
            Some(code) => {
                let code = self.country(key, code);
                self.person.insert("birth_country".into(), code.into());
            }
            None => self.keep(key, value, "it is no code"),
        }
    }

    fn photograph(&mut self, key: &str, value: &Value) {
        match value.get("thumbnail").and_then(|link| link.get("href")).and_then(Value::as_str) {
            Some(address) => {
                let photograph = json!({ "name": "thumbnail", "description": address });
                self.person.insert("photographs".into(), json!([photograph]));
            }
            None => self.note(key, "there is no photograph"),
        }
    }

    fn sex(&mut self, key: &str, value: &Value) {
        let code = match value.as_str() {
            Some("F") => "female",
            Some("M") => "male",
            Some("U") => "unknown",
            _ => return self.keep(key, value, "it is none of F, M and U"),
        };
        self.person.insert("sex".into(), code.into());
    }

    /// Metres as centimetres, kilograms as they are; 0 is unknown, and what is not whole is kept aside.
    fn measure(&mut self, key: &str, field: &str, value: &Value, factor: i64) {
        let decimal = value.as_number().and_then(|number| Decimal::parse(&number.to_string()).ok());
        let Some(decimal) = decimal else { return self.keep(key, value, "it is no number") };
        if decimal.mantissa() == 0 {
            return self.note(key, "0 is unknown: left out");
        }
        let (scaled, unit) = (decimal.mantissa().saturating_mul(factor), 10i64.pow(decimal.scale().into()));
        if scaled > 0 && scaled % unit == 0 {
            self.description.insert(field.into(), (scaled / unit).into());
        } else {
            self.keep(key, value, "it is no whole number of the form's unit");
        }
    }

    /// Only the codes whose meaning is certain.
    fn colours(&mut self, key: &str, field: &str, value: &Value) {
        let Some(codes) = texts(value) else { return self.keep(key, value, "it is no list of codes") };
        let mut colours = Vec::new();
        for code in &codes {
            match code.as_str() {
                "BLA" => colours.push("black"),
                "BRO" => colours.push("brown"),
                "GRY" => colours.push("grey"),
                _ => self.keep(key, &code.as_str().into(), "the meaning of this code is not certain"),
            }
        }
        if !colours.is_empty() {
            self.description.insert(field.into(), colours.into());
        }
    }

    fn languages(&mut self, key: &str, value: &Value) {
        let Some(languages) = texts(value) else { return self.keep(key, value, "it is no list of codes") };
        if languages
            .iter()
            .any(|code| codes::table("spoken-language").is_some_and(|t| t.find(code).is_none()))
        {
            self.note(key, "the table does not have this code");
        }
        self.person.insert("languages".into(), languages.into());
    }

    /// Each warrant of the list is a charge and the country of the warrant.
    fn warrants(&mut self, key: &str, value: &Value) {
        let (mut charges, mut warrants) = (Vec::new(), Vec::new());
        for warrant in value.as_array().into_iter().flatten() {
            if let Some(charge) = warrant.get("charge").and_then(Value::as_str) {
                let mut entry = json!({ "charge": charge });
                if let Some(translation) = warrant.get("charge_translation").filter(|text| !is_nothing(text))
                {
                    entry["translation"] = translation.clone();
                }
                charges.push(entry);
            }
            if let Some(country) = warrant.get("issuing_country_id").and_then(Value::as_str) {
                warrants.push(json!({ "country": self.country(key, country) }));
            }
        }
        if !charges.is_empty() {
            self.judicial.insert("charges".into(), charges.into());
        }
        if !warrants.is_empty() {
            self.judicial.insert("warrants".into(), warrants.into());
        }
    }

    fn put_request(&mut self, field: &str, value: &Value) {
        self.request.insert(field.into(), value.clone());
    }

    fn note(&mut self, key: &str, reason: &'static str) {
        self.notes.push((key.to_owned(), reason));
    }

    /// Keeps a value word for word.
    fn keep(&mut self, key: &str, value: &Value, reason: &'static str) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.reported.push(json!({ "field": key, "text": text, "reason": reason }));
        self.note(key, reason);
    }
}

/// Nothing at all, in one of the ways in which the list says it.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A list of texts; `null` is an empty one.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
