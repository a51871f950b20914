//! Which entries there are, and what stands in one.

use axum::Json;
use axum::extract::Path;
use ecomesh_api::{
    EntryDetail, EntryListing, EntryQuery, EntryStanding, EntryView, IgnoredView, Problem, RecordState,
    ViewerQuery,
};
use ecomesh_document::entry::Database;
use ecomesh_document::member::MemberCode;
use ecomesh_document::projection::batches::BatchItem;
use ecomesh_document::projection::entries::{self, Item};
use ecomesh_document::{Document, render};
use ecomesh_record::{Flags, Record, RecordId};

use super::{Named, find, find_line, is_disputed, named_text, parts_of, withdrawn};
use crate::http::extract::{ApiQuery, Live, bad_request};
use crate::http::messages::detail;
use crate::http::paging::{Page, page_of, state_of};
use crate::http::{Refusal, Services, damaged, members, records, shown};

/// Entries that hold, the newest first; others if asked for. A page that names persons whom other countries have entered goes into
/// the access log.
#[utoipa::path(
    get, path = "/v1/entries", params(EntryQuery),
    responses(
        (status = 200, body = EntryListing), (status = 400, body = Problem), (status = 423, body = Problem),
        (status = 507, body = Problem),
    )
)]
pub(in crate::http) async fn list(
    Live(services): Live,
    ApiQuery(query): ApiQuery<EntryQuery>,
) -> Result<Json<EntryListing>, Refusal> {
    let viewer = ViewerQuery { officer: query.officer.clone(), purpose: query.purpose.clone() };
    shown::check(&viewer)?;
    let asked = query.clone();
    let listing = services.read(move |services| listing(services, &asked)).await?;
    shown::log_listing(&services, &listing.entries, &query, viewer).await?;
    Ok(Json(listing))
}

/// All that is known of an entry. That another country's entry about a person is shown goes into the access log.
#[utoipa::path(
    get, path = "/v1/entries/{id}",
    params(("id" = String, Path, description = "The id of any of its records, or at least 6 digits of it"), ViewerQuery),
    responses(
        (status = 200, body = EntryDetail), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 423, body = Problem), (status = 507, body = Problem),
    )
)]
pub(in crate::http) async fn entry(
    Live(services): Live,
    Path(id): Path<String>,
    ApiQuery(viewer): ApiQuery<ViewerQuery>,
) -> Result<Json<EntryDetail>, Refusal> {
    shown::check(&viewer)?;
    let view = services.read(move |services| detailed(services, &id)).await?;
    let entry = &view.entry;
    shown::log(&services, &entry.id, &entry.source, view.document.as_ref(), viewer).await?;
    Ok(Json(view))
}

fn listing(services: &Services, query: &EntryQuery) -> Result<EntryListing, Refusal> {
    if let Some(name) = query.database.as_deref().filter(|name| Database::from_name(name).is_none()) {
        let known: Vec<_> = ecomesh_document::entry::database::ALL.iter().map(|d| d.name).collect();
        return Err(bad_request(format!("there is no database {name}; there are {}", known.join(", "))));
    }
    members::check(services, query.source.as_deref())?;
    let (mut keys, unread) = services.board.look(|projections| {
        let items = projections.entries.items().map(|item| (item.place(), item.database()));
        let batches = projections.batches.batches().map(|batch| (batch.place(), batch.database()));
        let wanted =
            items.chain(batches).filter(|(place, database)| concerns(place.author(), database, query));
        let keys: Vec<_> = wanted.map(|(place, _)| (place.position.when_ms, place.id)).collect();
        (keys, services.board.unlisted() as u64)
    })?;
    // Of what database it was says nobody any more.
    if query.all == Some(true) && query.database.is_none() {
        keys.extend(services.board.look(|projections| {
            let gone = projections.withdrawn.all().filter(|gone| is_of(gone.source(), query));
            gone.map(|gone| (gone.entry.position.when_ms, gone.entry.id)).collect::<Vec<_>>()
        })?);
    }
    let show = |id: RecordId| -> Result<Option<EntryView>, Refusal> {
        let position = services.reader.find(id).map_err(|e| damaged(&e))?;
        let first = position.map(|position| services.reader.header(position)).transpose();
        let Some((first, _)) = first.map_err(|e| damaged(&e))?.flatten() else { return Ok(None) };
        let Some(view) = view_of(services, &first)? else { return Ok(None) };
        let holds = view.standing == EntryStanding::Active && view.state == RecordState::Valid;
        Ok((holds || query.all == Some(true)).then_some(view))
    };
    let Page { rows, next } = page_of(keys, query.limit, query.cursor.as_deref(), show)?;
    Ok(EntryListing { entries: rows, next, unread })
}

fn concerns(source: &MemberCode, database: &Database, query: &EntryQuery) -> bool {
    query.database.as_deref().is_none_or(|name| database.name == name) && is_of(source, query)
}

fn is_of(source: &MemberCode, query: &EntryQuery) -> bool {
    query.source.as_deref().is_none_or(|name| source.as_str().eq_ignore_ascii_case(name))
}

/// Where an entry or a batch stands. `first` is the record of its first text.
fn view_of(services: &Services, first: &Record) -> Result<Option<EntryView>, Refusal> {
    let id = first.id();
    let item = services.board.look(|projections| projections.entries.item(id).cloned())?;
    if let Some(item) = item {
        return Ok(Some(view(services, &item, first)));
    }
    let batch = services.board.look(|projections| projections.batches.batch_of(id).cloned())?;
    if let Some(batch) = batch {
        return Ok(Some(batch_view(services, &batch, first)));
    }
    Ok(match withdrawn::gone(services, id)? {
        Some(gone) => withdrawn::gone_view(services, &gone)?,
        None => None,
    })
}

/// A batch as a row: its lines are looked up, and not listed.
fn batch_view(services: &Services, batch: &BatchItem, first: &Record) -> EntryView {
    let header = first.header();
    let disputed = |position: &_| is_disputed(services, position);
    let (without, _) = batch.withdrawn(disputed);
    let over = batch.until_ms().is_some_and(|until| services.now().0 >= until);
    let left = batch.lines() as usize - without.len();
    let view = EntryView {
        id: batch.id().to_string(),
        database: batch.database().name.to_owned(),
        source: batch.source().to_string(),
        standing: if over { EntryStanding::Expired } else { EntryStanding::Active },
        reason: None,
        withdrawn_at_ms: None,
        subject: format!("batch of {} entries, of which {left} hold", batch.lines()),
        reference: batch.reference().map(str::to_owned),
        entered_at_ms: batch.place().position.when_ms,
        until_ms: batch.until_ms(),
        text: Some(batch.id().to_string()),
        to: records::addressees(services, header),
        exercise: header.flags.has(Flags::EXERCISE),
        state: state_of(services, batch.id()),
    };
    match batch.withdrawal(None, disputed) {
        Some((place, reason)) => withdrawn::hide(view, place, reason),
        None => view,
    }
}

/// Where an entry stands. `first` is the record of its first text.
fn view(services: &Services, item: &Item, first: &Record) -> EntryView {
    let state = item.state(|position| is_disputed(services, position));
    let (standing, reason) = told(state.standing(services.now().0));
    let text_state = state.text.map_or(RecordState::Void, |text| state_of(services, text.place.id));
    let withdrawal = state.withdrawal();
    let shown = state.text.filter(|_| text_state == RecordState::Valid && withdrawal.is_none());
    let header = first.header();
    EntryView {
        id: item.id().to_string(),
        database: item.database().name.to_owned(),
        source: item.source().to_string(),
        standing: if text_state == RecordState::Expired { EntryStanding::Expired } else { standing },
        reason,
        withdrawn_at_ms: withdrawal.map(|(place, _)| place.position.when_ms),
        subject: shown.map_or_else(String::new, |text| text.subject.clone()),
        reference: shown.and_then(|text| text.reference.clone()),
        entered_at_ms: item.place().position.when_ms,
        until_ms: state.text.and_then(|text| text.until_ms),
        text: state.text.map(|text| text.place.id.to_string()),
        to: records::addressees(services, header),
        exercise: header.flags.has(Flags::EXERCISE),
        state: text_state,
    }
}

fn detailed(services: &Services, name: &str) -> Result<EntryDetail, Refusal> {
    let (id, line) = parts_of(name)?;
    let (record, _) = records::find(services, id)?;
    if let Some(gone) = withdrawn::gone(services, record.id())?
        && let Some(view) = withdrawn::gone_view(services, &gone)?
    {
        let view = EntryView { id: named_text(record.id(), line), ..view };
        return Ok(withdrawn::detail_of(view, &gone.withdrawal, &gone.reason));
    }
    if let Some(line) = line {
        return detailed_line(services, id, line);
    }
    let batch = services.board.look(|projections| projections.batches.batch_of(record.id()).cloned())?;
    if let Some(batch) = batch {
        return Ok(detailed_batch(services, &batch, &record));
    }
    let (item, first) = find(services, id)?;
    let state = item.state(|position| is_disputed(services, position));
    if let Some((place, reason)) = state.withdrawal() {
        return Ok(withdrawn::detail_of(view(services, &item, &first), place, reason));
    }
    let document = match state.text {
        Some(text) => {
            let (record, _) = records::find(services, &text.place.id.to_string())?;
            records::document_of(services, &record)
        }
        None => Err("there is no text that holds".into()),
    };
    let ignored = state.ignored.iter().map(|(place, rule)| IgnoredView {
        id: place.id.to_string(),
        member: place.author().to_string(),
        rule: rule.to_string(),
    });
    Ok(detail_of(view(services, &item, &first), document, ignored.collect()))
}

pub(super) fn told(standing: entries::EntryStanding) -> (EntryStanding, Option<String>) {
    match standing {
        entries::EntryStanding::Active => (EntryStanding::Active, None),
        entries::EntryStanding::Expired => (EntryStanding::Expired, None),
        entries::EntryStanding::Withdrawn(reason) => {
            (EntryStanding::Withdrawn, Some(reason.as_str().to_owned()))
        }
        entries::EntryStanding::Void(rule) => (EntryStanding::Void, Some(rule.to_string())),
    }
}

/// What is the same for all lines of a batch; these are listed by themselves.
fn detailed_batch(services: &Services, batch: &BatchItem, record: &Record) -> EntryDetail {
    let view = batch_view(services, batch, record);
    if let Some((place, reason)) = batch.withdrawal(None, |position| is_disputed(services, position)) {
        return withdrawn::detail_of(view, place, reason);
    }
    let document = records::document_of(services, record);
    EntryDetail {
        entry: view,
        rendered: document.as_ref().ok().map(render),
        unreadable: document.err(),
        document: None,
        problems: Vec::new(),
        ignored: Vec::new(),
    }
}

/// An entry of a batch.
fn detailed_line(services: &Services, id: &str, line: u32) -> Result<EntryDetail, Refusal> {
    let (batch, record) = find_line(services, id, line)?;
    let of_batch = batch_view(services, &batch, &record);
    let disputed = |position: &_| is_disputed(services, position);
    if let Some((place, reason)) = batch.withdrawal(Some(line), disputed) {
        let view = EntryView { id: Named::line(&batch, line).to_string(), ..of_batch };
        return Ok(withdrawn::detail_of(view, place, reason));
    }
    let document = records::document_of(services, &record).and_then(|document| match document {
        Document::Batch(entries) => {
            entries.entry(line).map(Document::from).ok_or_else(|| "there is no such line".to_owned())
        }
        other => Err(format!("it is no batch but: {}", other.heading())),
    });
    let standing = batch.standing(line, services.now().0, disputed);
    let (standing, reason) = told(standing.unwrap_or(entries::EntryStanding::Active));
    let entry = EntryView {
        id: Named::line(&batch, line).to_string(),
        standing,
        reason,
        subject: document.as_ref().map_or_else(
            |_| String::new(),
            |document| match document {
                Document::Entry(entry) => entry.subject(),
                other => other.title(),
            },
        ),
        reference: document.as_ref().ok().and_then(Document::reference).map(str::to_owned),
        ..of_batch
    };
    Ok(detail_of(entry, document, Vec::new()))
}

fn detail_of(entry: EntryView, document: Result<Document, String>, ignored: Vec<IgnoredView>) -> EntryDetail {
    let problems = document.as_ref().map(|document| document.check().problems().iter().map(detail).collect());
    EntryDetail {
        entry,
        rendered: document.as_ref().ok().map(render),
        unreadable: document.as_ref().err().cloned(),
        problems: problems.unwrap_or_default(),
        document: document.ok().map(|document| document.to_json()),
        ignored,
    }
}
