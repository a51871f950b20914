//! Looking at what another country has entered about a person, or at a list of such entries: it goes into the access log, as a
//! search does.

use std::sync::Arc;

use ecomesh_api::{EntryQuery, EntryView, ViewerQuery};
use ecomesh_document::codes::SearchPurpose;
use ecomesh_document::entry::database;
use serde_json::Value;

use super::find::{check_code, check_line};
use super::{Refusal, Services};
use crate::access_log::Consultation;

/// What was done, as the access log tells it.
const SHOW: &str = "show";
const LIST: &str = "list";

/// Whether who looks and why can be logged like that.
pub(super) fn check(viewer: &ViewerQuery) -> Result<(), Refusal> {
    check_line("officer", viewer.officer.as_deref())?;
    viewer.purpose.as_deref().map_or(Ok(()), |purpose| check_code::<SearchPurpose>("purpose", purpose))
}

/// Writes it down, if the document of `source` that is about to be shown is an entry about a person and not of this bureau.
/// Without that it is not shown.
pub(super) async fn log(
    services: &Arc<Services>,
    id: &str,
    source: &str,
    document: Option<&Value>,
    viewer: ViewerQuery,
) -> Result<(), Refusal> {
    let form = document.and_then(|document| document["form"].as_str());
    if form != Some(database::NOMINAL.form) || source == services.own.as_str() {
        return Ok(());
    }
    let filters = format!("{} {source}", database::NOMINAL.name);
    services.log(consultation(SHOW, viewer, id, Some(filters), 1)).await
}

/// Writes down that a page of a listing is about to be shown, if it names persons whom other countries have entered: so many were
/// found. Without that it is not shown.
pub(super) async fn log_listing(
    services: &Arc<Services>,
    entries: &[EntryView],
    query: &EntryQuery,
    viewer: ViewerQuery,
) -> Result<(), Refusal> {
    // What is withdrawn and erased names nobody.
    let names_somebody = |entry: &&EntryView| {
        entry.database == database::NOMINAL.name
            && entry.source != services.own.as_str()
            && !entry.subject.is_empty()
    };
    let persons = entries.iter().filter(names_somebody).count() as u64;
    if persons == 0 {
        return Ok(());
    }
    let all = query.all.filter(|all| *all).map(|_| "all".to_owned());
    let filters: Vec<_> = [&query.database, &query.source, &all].into_iter().flatten().cloned().collect();
    let filters = (!filters.is_empty()).then(|| filters.join(" "));
    services.log(consultation(LIST, viewer, "", filters, persons)).await
}

/// Who looks may stay unnamed, since programs and older clients do not say it: then the line says that somebody did.
fn consultation(
    action: &str,
    viewer: ViewerQuery,
    query: &str,
    filters: Option<String>,
    found: u64,
) -> Consultation {
    Consultation {
        action: action.into(),
        officer: viewer.officer.unwrap_or_default(),
        purpose: viewer.purpose.unwrap_or_default(),
        place: None,
        query: query.into(),
        filters,
        found,
        hits: 0,
    }
}
