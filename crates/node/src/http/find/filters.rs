//! What a search leaves out: other members, kinds, databases, colours, dates, species.

use ecomesh_api::{FindRequest, FoundKind, FoundView, Problem, ProblemCode};
use ecomesh_document::Document;
use ecomesh_document::entry::Database;
use ecomesh_document::notice::Colour;
use ecomesh_record::{Record, Time};

use super::check_line;
use crate::founding::text::time_text;
use crate::http::Refusal;
use crate::http::extract::bad_request;

/// Whether the filters of a request name what there is.
pub(super) fn check(request: &FindRequest) -> Result<(), Refusal> {
    if let Some(name) = request.database.as_deref().filter(|name| Database::from_name(name).is_none()) {
        return Err(bad_request(format!("there is no database {name}")));
    }
    if let Some(name) = request.colour.as_deref().filter(|name| Colour::from_name(name).is_none()) {
        return Err(bad_request(format!("there is no colour {name}")));
    }
    let dates = request.since_ms.zip(request.until_ms);
    if dates.is_some_and(|(since, until)| since >= until) {
        return Err(Refusal(
            Problem::new(
                ProblemCode::BadRequest,
                "the search is for what was written before it begins: since is not before until",
            )
            .advice(
                "give the earlier time as --since (`since_ms`) and the later one as --until (`until_ms`)",
            ),
        ));
    }
    check_line("the species", request.species.as_deref())
}

/// Whether a record and what it says are asked for.
pub(super) fn takes_record(request: &FindRequest, record: &Record, document: &Document) -> bool {
    let header = record.header();
    request.source.as_deref().is_none_or(|source| source.eq_ignore_ascii_case(header.author.as_str()))
        && request.since_ms.is_none_or(|since| header.created_at.0 >= since)
        && request.until_ms.is_none_or(|until| header.created_at.0 < until)
        && request.species.as_deref().is_none_or(|species| is_of_species(document, species))
}

/// Whether a result of this kind is asked for, of this database or colour.
pub(super) fn takes_view(request: &FindRequest, view: &FoundView) -> bool {
    let register = view.register.as_deref();
    let is_entry = view.kind == FoundKind::Entry;
    let is_message = view.kind == FoundKind::Message;
    request.kind.is_none_or(|kind| kind == view.kind)
        && request.database.as_deref().is_none_or(|name| is_entry && register == Some(name))
        && request.colour.as_deref().is_none_or(|name| !is_entry && !is_message && register == Some(name))
}

/// The filters as the access log tells them.
pub(super) fn told(request: &FindRequest) -> Vec<String> {
    let kind = request.kind.map(|kind| match kind {
        FoundKind::Entry => "entry".to_owned(),
        FoundKind::Notice => "notice".to_owned(),
        FoundKind::Diffusion => "diffusion".to_owned(),
        FoundKind::Message => "message".to_owned(),
    });
    let date = |word: &str, ms: Option<u64>| ms.map(|ms| format!("{word} {}", time_text(Time(ms))));
    let plain = [&request.source, &request.database, &request.colour, &request.species];
    let plain = plain.into_iter().flatten().cloned();
    kind.into_iter()
        .chain(plain)
        .chain(date("since", request.since_ms))
        .chain(date("until", request.until_ms))
        .collect()
}

/// Whether it names a species, by words that begin those of a scientific or common name, of one animal or of several:
/// "manis", "pangolins".
fn is_of_species(document: &Document, species: &str) -> bool {
    let asked: Vec<String> = words(species).into_iter().map(without_plural).collect();
    !asked.is_empty()
        && document.species().any(|name| {
            let known = words(name);
            asked.iter().all(|word| known.iter().any(|known| known.starts_with(word.as_str())))
        })
}

/// `elephants` asks for an elephant as well. Short words may end in s by themselves, as `bos` does.
fn without_plural(word: String) -> String {
    match word.strip_suffix('s') {
        Some(one) if one.chars().count() >= 5 => one.to_owned(),
        _ => word,
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}
