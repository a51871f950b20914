//! What a search leaves out: other members, kinds, databases, colours, dates, species.

use ecomesh_api::{FindRequest, FoundKind, FoundView, Problem, ProblemCode};
use ecomesh_document::Document;
use ecomesh_document::entry::Database;
use ecomesh_document::entry::database::SEIZURE;
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
    if request.fits.is_some_and(|fits| !(1..=100).contains(&fits)) {
        return Err(bad_request("how well a name fits is 1 to 100 per cent"));
    }
    if let Some((message, advice)) = contradiction(request) {
        return Err(Refusal(Problem::new(ProblemCode::BadRequest, message).advice(advice)));
    }
    check_line("the species", request.species.as_deref())
}

/// Filters that nothing can pass together, and what to do: nothing found would be no answer.
fn contradiction(request: &FindRequest) -> Option<(&'static str, &'static str)> {
    let FindRequest { kind, since_ms, until_ms, .. } = request;
    let is_of_notices = matches!(kind, Some(FoundKind::Notice | FoundKind::Diffusion));
    let is_of_entries = *kind == Some(FoundKind::Entry);
    let is_of_messages = *kind == Some(FoundKind::Message);
    let (database, colour) = (request.database.as_deref(), request.colour.as_deref());
    let has_species = request.species.is_some();
    let reversed = since_ms.zip(*until_ms).is_some_and(|(since, until)| since >= until);
    let rows = [
        (
            reversed,
            "the search is for what was written before it begins: since is not before until",
            "give the earlier time as --since (`since_ms`) and the later one as --until (`until_ms`)",
        ),
        (
            database.is_some() && colour.is_some(),
            "nothing is an entry of a database and of a colour at once",
            "leave out --colour (`colour`), or search notices and diffusions without --database (`database`)",
        ),
        (
            colour.is_some() && (is_of_entries || is_of_messages),
            "only notices and diffusions have a colour",
            "leave out --colour (`colour`), or search with --kind notice or diffusion (`kind`)",
        ),
        (
            database.is_some() && (is_of_notices || is_of_messages),
            "only entries are of a database",
            "leave out --database (`database`), or search with --kind entry (`kind`)",
        ),
        (
            has_species
                && (is_of_notices || colour.is_some() || database.is_some_and(|name| name != SEIZURE.name)),
            "only Ecomessages and entries of the database seizure name species",
            "leave out --species (`species`), and search for its name with --text (`text`)",
        ),
        (
            request.fits.is_some() && request.name.is_none(),
            "only names fit more or less",
            "leave out --fits (`fits`), or search for a name",
        ),
    ];
    rows.into_iter().find(|(is_so, ..)| *is_so).map(|(_, message, advice)| (message, advice))
}

/// Whether a name that fits so well is asked for.
pub(super) fn takes_score(request: &FindRequest, score: f32) -> bool {
    request.fits.is_none_or(|fits| FoundView::percent_of(score) >= fits)
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
    let fits = request.fits.map(|fits| format!("fits {fits} %"));
    kind.into_iter()
        .chain(plain)
        .chain(fits)
        .chain(date("since", request.since_ms))
        .chain(date("until", request.until_ms))
        .collect()
}

/// Whether it names a species, by words that begin those of a scientific or common name, or of what was reported, of one animal
/// or of several: "manis", "pangolins".
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
