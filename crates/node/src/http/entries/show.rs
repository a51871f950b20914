//! Which entries there are, and what stands in one.

use axum::Json;
use axum::extract::Path;
use ecomesh_api::{
    EntryDetail, EntryListing, EntryQuery, EntryStanding, EntryView, IgnoredView, Problem, RecordState,
};
use ecomesh_document::entry::Database;
use ecomesh_document::projection::entries::{self, Item};
use ecomesh_document::render;
use ecomesh_record::{Flags, Record, RecordId};

use super::{find, is_disputed};
use crate::http::extract::{ApiQuery, Live, bad_request};
use crate::http::messages::detail;
use crate::http::paging::{Page, page_of, state_of};
use crate::http::{Refusal, Services, damaged, records};

/// Entries that hold, the newest first; others if asked for.
#[utoipa::path(
    get, path = "/v1/entries", params(EntryQuery),
    responses((status = 200, body = EntryListing), (status = 400, body = Problem), (status = 423, body = Problem))
)]
pub(in crate::http) async fn list(
    Live(services): Live,
    ApiQuery(query): ApiQuery<EntryQuery>,
) -> Result<Json<EntryListing>, Refusal> {
    let listing = services.read(move |services| listing(services, &query)).await?;
    Ok(Json(listing))
}

/// All that is known of an entry.
#[utoipa::path(
    get, path = "/v1/entries/{id}",
    params(("id" = String, Path, description = "The id of any of its records, or at least 6 digits of it")),
    responses((status = 200, body = EntryDetail), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(in crate::http) async fn entry(
    Live(services): Live,
    Path(id): Path<String>,
) -> Result<Json<EntryDetail>, Refusal> {
    let view = services.read(move |services| detailed(services, &id)).await?;
    Ok(Json(view))
}

fn listing(services: &Services, query: &EntryQuery) -> Result<EntryListing, Refusal> {
    if let Some(name) = query.database.as_deref().filter(|name| Database::from_name(name).is_none()) {
        let known: Vec<_> = ecomesh_document::entry::database::ALL.iter().map(|d| d.name).collect();
        return Err(bad_request(format!("there is no database {name}; there are {}", known.join(", "))));
    }
    let keys = services.board.look(|projections| {
        let items = projections.entries.items().filter(|item| concerns(item, query));
        items.map(|item| (item.place().position.when_ms, item.id())).collect()
    })?;
    let show = |id: RecordId| -> Result<Option<EntryView>, Refusal> {
        let item = services.board.look(|projections| projections.entries.item(id).cloned())?;
        let Some(item) = item else { return Ok(None) };
        let position = services.reader.find(id).map_err(|e| damaged(&e))?;
        let first = position.map(|position| services.reader.header(position)).transpose();
        let Some((first, _)) = first.map_err(|e| damaged(&e))?.flatten() else { return Ok(None) };
        let view = view(services, &item, &first);
        let holds = view.standing == EntryStanding::Active && view.state == RecordState::Valid;
        Ok((holds || query.all == Some(true)).then_some(view))
    };
    let Page { rows, next } = page_of(keys, query.limit, query.cursor.as_deref(), show)?;
    Ok(EntryListing { entries: rows, next, unread: services.board.waiting() as u64 })
}

fn concerns(item: &Item, query: &EntryQuery) -> bool {
    query.database.as_deref().is_none_or(|database| item.database().name == database)
        && query.source.as_deref().is_none_or(|source| item.source().as_str().eq_ignore_ascii_case(source))
}

/// Where an entry stands. `first` is the record of its first text.
fn view(services: &Services, item: &Item, first: &Record) -> EntryView {
    let state = item.state(|position| is_disputed(services, position));
    let (standing, reason) = match state.standing(services.now().0) {
        entries::EntryStanding::Active => (EntryStanding::Active, None),
        entries::EntryStanding::Expired => (EntryStanding::Expired, None),
        entries::EntryStanding::Withdrawn(reason) => {
            (EntryStanding::Withdrawn, Some(reason.as_str().to_owned()))
        }
        entries::EntryStanding::Void(rule) => (EntryStanding::Void, Some(rule.to_string())),
    };
    let text_state = state.text.map_or(RecordState::Valid, |text| state_of(services, text.place.id));
    let shown = state.text.filter(|_| text_state == RecordState::Valid);
    let header = first.header();
    EntryView {
        id: item.id().to_string(),
        database: item.database().name.to_owned(),
        source: item.source().to_string(),
        standing: if text_state == RecordState::Expired { EntryStanding::Expired } else { standing },
        reason,
        subject: shown.map_or_else(String::new, |text| text.subject.clone()),
        reference: shown.and_then(|text| text.reference.clone()),
        entered_at_ms: item.place().position.when_ms,
        until_ms: state.text.and_then(|text| text.until_ms),
        text: state.text.map(|text| text.place.id.to_string()),
        to: header.to.iter().map(ToString::to_string).collect(),
        exercise: header.flags.has(Flags::EXERCISE),
        state: text_state,
    }
}

fn detailed(services: &Services, id: &str) -> Result<EntryDetail, Refusal> {
    let (item, first) = find(services, id)?;
    let state = item.state(|position| is_disputed(services, position));
    let document = match state.text {
        Some(text) => {
            let (record, _) = records::find(services, &text.place.id.to_string())?;
            records::document_of(services, &record)
        }
        None => Err("there is no text that holds".into()),
    };
    let problems = document.as_ref().map(|document| document.check().problems().iter().map(detail).collect());
    let ignored = state.ignored.iter().map(|(place, rule)| IgnoredView {
        id: place.id.to_string(),
        member: place.author().to_string(),
        rule: rule.to_string(),
    });
    Ok(EntryDetail {
        entry: view(services, &item, &first),
        rendered: document.as_ref().ok().map(render),
        unreadable: document.as_ref().err().cloned(),
        problems: problems.unwrap_or_default(),
        document: document.ok().map(|document| document.to_json()),
        ignored: ignored.collect(),
    })
}
