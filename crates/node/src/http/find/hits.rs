//! Hits: telling the source of an entry, a notice or a diffusion that it was found, and listing what was told.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use ecomesh_api::{
    FindRequest, FoundKind, HitListing, HitRequest, HitView, Problem, ProblemCode, RecordState, Sent,
};
use ecomesh_document::codes::{Code, SearchPurpose};
use ecomesh_document::hit::Hit;
use ecomesh_document::{Count, Document};
use ecomesh_protocol::Draft as RecordDraft;
use ecomesh_record::{Audience, Flags, Kind, MemberId, Priority, Record, RecordId, Retention, Time};
use serde_json::{Map, Value};

use super::{check_code, check_line};
use crate::access_log::Consultation;
use crate::founding::text::time_text;
use crate::http::entries::{self, Named, named_text};
use crate::http::extract::{ApiJson, Live};
use crate::http::messages::{bad_document, encoded, record, salt, sealed_unless};
use crate::http::paging::state_of;
use crate::http::{Refusal, Services, notices, records};

/// Most hits of a listing.
const LISTED_MAX: usize = 500;

/// Tells the source of an entry, a notice or a diffusion that it was found: after a search by name, when an officer has looked at
/// the result. It is sealed to the source. The answer comes once it is durable.
#[utoipa::path(
    post, path = "/v1/entries/{id}/hit", request_body = HitRequest,
    params(("id" = String, Path, description = "The id of any of its records, or at least 6 digits of it")),
    responses(
        (status = 201, body = Sent), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(in crate::http) async fn report(
    Live(services): Live,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<HitRequest>,
) -> Result<(StatusCode, Json<Sent>), Refusal> {
    check_code::<SearchPurpose>("purpose", &request.purpose)?;
    for (field, text) in [("officer", &request.officer), ("query", &request.query)] {
        check_line(field, Some(text))?;
    }
    let consultation = Consultation {
        action: "hit".into(),
        officer: request.officer.clone(),
        purpose: request.purpose.clone(),
        place: request.place.clone(),
        query: request.query.clone(),
        filters: None,
        found: 1,
        hits: 1,
    };
    let draft = services
        .read(move |services| {
            let (named, reference) = found(services, &id)?;
            if named.source.as_str() == services.own.as_str() {
                return Err(Refusal(
                    Problem::new(ProblemCode::OwnMember, "this is the own bureau's")
                        .advice("nobody need be told of it"),
                ));
            }
            let exercise = records::is_exercise(services, named.record);
            Ok(Draft { exercise, ..Draft::new(services, &named, reference, &request)? })
        })
        .await?;
    services.log(consultation).await?;
    Ok((StatusCode::CREATED, Json(tell(&services, draft).await?)))
}

/// What was found, by the id of one of its records, and its reference: an entry, a notice or a diffusion.
fn found(services: &Services, id: &str) -> Result<(Named, Option<String>), Refusal> {
    if let Some(notice) = notices::named(services, id)? {
        return Ok(notice);
    }
    let (named, document) = entries::named(services, id)?;
    let reference = document.as_ref().and_then(Document::reference).map(str::to_owned);
    Ok((named, reference))
}

/// Hits on what this bureau entered or asked for, and those that it had on entries of others, newest first: at most 500.
#[utoipa::path(
    get, path = "/v1/hits",
    responses((status = 200, body = HitListing), (status = 423, body = Problem))
)]
pub(in crate::http) async fn list(Live(services): Live) -> Result<Json<HitListing>, Refusal> {
    let listing = services.read(listing).await?;
    Ok(Json(listing))
}

/// A hit that is to be told.
pub(super) struct Draft {
    document: Document,
    to: MemberId,
    /// Of an entry that is an exercise.
    pub(super) exercise: bool,
}

impl Draft {
    /// What the source of an entry is told of a look-up; nothing if it is this bureau, or does not want to be told.
    pub(super) fn of(
        services: &Services,
        named: &Named,
        document: &Document,
        request: &FindRequest,
        query: &str,
    ) -> Option<Self> {
        let Document::Entry(entry) = document else { return None };
        let wants = entry.source().and_then(|source| source.tell_hits.as_ref());
        if named.source.as_str() == services.own.as_str()
            || wants.is_some_and(|answer| answer.as_str() == "no")
        {
            return None;
        }
        let request = HitRequest {
            query: query.to_owned(),
            purpose: request.purpose.clone(),
            officer: request.officer.clone(),
            place: request.place.clone(),
            remarks: None,
        };
        Self::new(services, named, document.reference().map(str::to_owned), &request).ok()
    }

    fn new(
        services: &Services,
        named: &Named,
        reference: Option<String>,
        request: &HitRequest,
    ) -> Result<Self, Refusal> {
        let mut form = Map::new();
        let mut fill = |key: &str, value: Option<String>| {
            form.extend(value.map(|value| (key.to_owned(), Value::from(value))));
        };
        // To the second, as documents tell times.
        let now = Time(services.now().0 / 1000 * 1000);
        fill("form", Some("hit".into()));
        fill("entry", Some(named.record.to_string()));
        fill("reference", reference);
        fill("found_at", Some(time_text(now)));
        fill("purpose", Some(request.purpose.clone()));
        fill("officer", Some(request.officer.clone()));
        fill("place", request.place.clone());
        fill("query", Some(request.query.clone()));
        fill("remarks", request.remarks.clone());
        form.extend(named.line.map(|line| ("line".to_owned(), Value::from(line))));
        let (document, _) =
            Document::from_json(&Value::Object(form)).map_err(|report| bad_document(&report))?;
        let to = MemberId::parse(named.source.as_str())
            .map_err(|e| Refusal(Problem::new(ProblemCode::UnknownMember, e.to_string())))?;
        Ok(Self { document, to, exercise: false })
    }
}

/// Tells the source. Who searched for what is nobody else's business: it is sealed.
pub(super) async fn tell(services: &std::sync::Arc<Services>, hit: Draft) -> Result<Sent, Refusal> {
    let ready = services
        .read(move |services| {
            let draft = RecordDraft {
                kind: Kind::HIT,
                priority: Priority::URGENT,
                to: vec![hit.to],
                retention: Retention(hit.document.retention()),
                expires_at: None,
                flags: Flags(if hit.exercise { Flags::EXERCISE } else { 0 }),
                content: encoded(&hit.document)?,
                salt: salt()?,
                idempotency: None,
                sealed: None,
            };
            sealed_unless(false, services, draft, Vec::new())
        })
        .await?;
    record(services, ready).await
}

fn listing(services: &Services) -> Result<HitListing, Refusal> {
    let hits = services.board.look(|projections| projections.hits.clone())?;
    let mut told: Vec<_> = hits
        .iter()
        .filter_map(|(id, hit)| {
            let (record, first_seen) = header(services, *id)?;
            concerns_us(services, &record, hit).then_some((first_seen, record, hit))
        })
        .collect();
    // As this node saw them: whoever dates hits years ahead hides no others.
    told.sort_by_key(|(first_seen, record, _)| std::cmp::Reverse((*first_seen, record.id())));
    told.retain(|(_, record, _)| state_of(services, record.id()) == RecordState::Valid);
    let older = told.len().saturating_sub(LISTED_MAX) as u64;
    told.truncate(LISTED_MAX);
    let views = told.into_iter().map(|(first_seen, record, hit)| view_of(services, &record, first_seen, hit));
    Ok(HitListing { hits: views.collect(), older })
}

/// The header of a record that is here, and when it came.
fn header(services: &Services, id: RecordId) -> Option<(Record, Time)> {
    let position = services.reader.find(id).ok().flatten()?;
    services.reader.header(position).ok().flatten()
}

/// Whether this bureau told it, or is told by it of something of its own. One that is not sealed to this bureau alone was told
/// to nobody, or by nobody who had it; one that names what others have entered says nothing.
fn concerns_us(services: &Services, record: &Record, hit: &Hit) -> bool {
    let header_of = record.header();
    if header_of.author == services.own {
        return true;
    }
    let is_for_us = header_of.to == [services.own] && header_of.audience != Audience::Open;
    is_for_us && header(services, hit.entry.0).is_some_and(|(named, _)| named.header().author == services.own)
}

fn view_of(services: &Services, record: &Record, first_seen: Time, hit: &Hit) -> HitView {
    HitView {
        id: record.id().to_string(),
        searcher: record.header().author.to_string(),
        // A hit is told to the source alone.
        source: record.header().to.first().map(ToString::to_string).unwrap_or_default(),
        kind: kind_of(services, hit.entry.0),
        entry: named_text(hit.entry.0, hit.line.map(Count::get)),
        reference: hit.reference.as_ref().map(ToString::to_string),
        found_at: hit.found_at.to_string(),
        purpose: Code::as_str(&hit.purpose).to_owned(),
        officer: hit.officer.to_string(),
        place: hit.place.as_ref().map(ToString::to_string),
        query: hit.query.to_string(),
        remarks: hit.remarks.as_ref().map(ToString::to_string),
        exercise: record.header().flags.has(Flags::EXERCISE),
        first_seen_ms: first_seen.0,
    }
}

/// What a hit is on, as far as its record is here.
fn kind_of(services: &Services, id: RecordId) -> FoundKind {
    match header(services, id).map(|(record, _)| record.header().kind) {
        Some(Kind::NOTICE) => FoundKind::Notice,
        Some(Kind::DIFFUSION) => FoundKind::Diffusion,
        _ => FoundKind::Entry,
    }
}
