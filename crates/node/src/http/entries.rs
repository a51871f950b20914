//! Entries of databases: adding, changing and withdrawing them.
//!
//! As with notices, what a record comes to is decided by `ecomesh_document::projection`; here it is looked before a record
//! is written whether it would have an effect.

mod show;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use ecomesh_api::{EntryDraft, Problem, ProblemCode, Sent, WithdrawRequest};
use ecomesh_document::entry::may_enter;
use ecomesh_document::notice::life::Position;
use ecomesh_document::projection::entries::{EntryStanding, Item};
use ecomesh_document::rule::Rule;
use ecomesh_document::{Document, RecordRef};
use ecomesh_protocol::Draft;
use ecomesh_protocol::erasure::{Erase, Ground, TARGETS_MAX};
use ecomesh_record::{Audience, Flags, Kind, Lane, MemberId, Priority, Record, RecordId, Retention};
use serde_json::json;

use super::extract::{ApiJson, Live, bad_request};
use super::messages::{
    bad_document, check_excluded, check_sender, detail, encoded, expiry, idempotency_key, record, routed,
    salt, sealed_unless, within_sealing,
};
use super::{Refusal, Services, records};
use crate::board::{code_of, position_of};

pub(super) use show::{__path_entry, __path_list, entry, list};

/// Adds an entry, or gives one a new text. The answer comes once the record is durable; a retry with the same
/// `idempotency-key` within 7 days gives the same record.
#[utoipa::path(
    post, path = "/v1/entries", request_body = EntryDraft,
    params(("idempotency-key" = Option<String>, Header, description = "Any text of at most 128 bytes, such as a UUID")),
    responses(
        (status = 201, body = Sent), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(super) async fn add(
    Live(services): Live,
    headers: HeaderMap,
    ApiJson(request): ApiJson<EntryDraft>,
) -> Result<(StatusCode, Json<Sent>), Refusal> {
    let idempotency = idempotency_key(&headers)?;
    let ready = services
        .read(move |services| {
            let Prepared { document, to, open, warnings } = prepare(services, &request)?;
            let draft = Draft {
                kind: Kind::ENTRY,
                priority: Priority::ROUTINE,
                to,
                retention: Retention(document.retention()),
                expires_at: expiry(services, &document),
                flags: Flags(if request.exercise { Flags::EXERCISE } else { 0 }),
                content: encoded(&document)?,
                salt: salt()?,
                idempotency,
                sealed: None,
            };
            sealed_unless(open, services, draft, warnings)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(record(&services, ready).await?)))
}

/// Withdraws an entry of this bureau: no look-up finds it any more, on any node, and its text is destroyed as by an erasure.
/// The answer comes once that is durable here.
#[utoipa::path(
    post, path = "/v1/entries/{id}/withdrawal", request_body = WithdrawRequest,
    params(("id" = String, Path, description = "The id of any of its records, or at least 6 digits of it")),
    responses(
        (status = 201, body = Sent), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(super) async fn withdraw(
    Live(services): Live,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<WithdrawRequest>,
) -> Result<(StatusCode, Json<Sent>), Refusal> {
    let (document, texts) = services.read(move |services| withdrawal(services, &id, &request)).await?;
    let draft = Draft {
        kind: Kind::ENTRY_STEP,
        // What is withdrawn must not be found any more.
        priority: Priority::URGENT,
        to: Vec::new(),
        retention: Retention(document.retention()),
        expires_at: None,
        flags: Flags(0),
        content: encoded(&document)?,
        salt: salt()?,
        idempotency: None,
        sealed: None,
    };
    let ready = sealed_unless(true, &services, draft, Vec::new())?;
    let sent = record(&services, ready).await?;
    if services.roster.allows_control(services.roster.epoch(), Kind::ERASE) {
        for some in texts.chunks(TARGETS_MAX) {
            let erase = Erase::new(Ground::PURPOSE_MET, some.iter().copied()).ok();
            let content = erase.and_then(|erase| erase.encode().ok());
            let content = content.ok_or_else(|| bad_request("too many texts at once"))?;
            services.core.author(Draft::control(Kind::ERASE, content, salt()?)).await??;
        }
    }
    Ok((StatusCode::CREATED, Json(sent)))
}

/// A text that may be recorded.
struct Prepared {
    document: Document,
    to: Vec<MemberId>,
    open: bool,
    warnings: Vec<ecomesh_api::Detail>,
}

fn prepare(services: &Services, request: &EntryDraft) -> Result<Prepared, Refusal> {
    let (document, report) =
        Document::from_json(&request.document).map_err(|report| bad_document(&report))?;
    let Document::Entry(entry) = &document else {
        return Err(bad_request(format!("this is no entry of a database but: {}", document.heading())));
    };
    check_sender(services, &document)?;
    if let Some(own) = code_of(services.own) {
        may_enter(entry, &own).map_err(against)?;
    }
    let known = request.replaces.as_deref().map(|id| find(services, id)).transpose()?;
    let (document, to, open) = match known {
        Some((item, first)) => {
            check_own(services, &item)?;
            if *item.database() != *entry.database() {
                return Err(against(&ecomesh_document::entry::rules::ENTRY_DATABASE));
            }
            let document = document.replacing(RecordRef(item.id()));
            let document = document.ok_or_else(|| bad_request("the form has no table [source]"))?;
            let open = matches!(first.header().audience, Audience::Open);
            (document, first.header().to.clone(), open)
        }
        None => {
            let (to, open) = addressed(services, &document)?;
            (document, to, open)
        }
    };
    check_excluded(services, &document, &to)?;
    let document = routed(services, document, &to, Priority::ROUTINE)?;
    Ok(Prepared { document, to, open, warnings: report.warnings().map(detail).collect() })
}

/// All members, or those that the form does not exclude.
fn addressed(services: &Services, document: &Document) -> Result<(Vec<MemberId>, bool), Refusal> {
    if document.excluded().next().is_none() {
        return Ok((Vec::new(), true));
    }
    let others = services.roster.members().map(|m| m.member).filter(|member| *member != services.own);
    let to = others.filter(|member| document.excluded().all(|country| country != member.as_str())).collect();
    within_sealing(to).map(|to| (to, false))
}

fn withdrawal(
    services: &Services,
    id: &str,
    request: &WithdrawRequest,
) -> Result<(Document, Vec<RecordId>), Refusal> {
    let (item, _) = find(services, id)?;
    check_own(services, &item)?;
    let form =
        json!({ "form": "entry-withdrawal", "entry": item.id().to_string(), "reason": request.reason });
    let (document, _) = Document::from_json(&form).map_err(|report| bad_document(&report))?;
    Ok((document, item.records().collect()))
}

/// Only the source changes its entry, as long as that stands.
fn check_own(services: &Services, item: &Item) -> Result<(), Refusal> {
    if item.source().as_str() != services.own.as_str() {
        return Err(against(&ecomesh_document::entry::rules::ENTRY_SOURCE_OWNS));
    }
    let state = item.state(|position| is_disputed(services, position));
    match state.standing(services.now().0) {
        EntryStanding::Withdrawn(_) => Err(against(&ecomesh_document::entry::rules::ENTRY_WITHDRAWN)),
        EntryStanding::Void(rule) => Err(against(rule)),
        EntryStanding::Active | EntryStanding::Expired => Ok(()),
    }
}

/// The rule of the domain that forbids it.
fn against(rule: &'static Rule) -> Refusal {
    let advice = match rule.id {
        "sltd.issuer" => "tell the country that issued it in a message; that country enters it",
        "entry.source-owns" => "tell its source in a message: each country decides about its own data",
        "entry.withdrawn" => "enter it anew with `ecomesh db add`",
        "entry.database" => "withdraw this entry, and enter the other one with `ecomesh db add`",
        _ => "docs/DOMAIN.md tells the rules",
    };
    Refusal(Problem::new(ProblemCode::AgainstRule, format!("against a rule: {rule}")).advice(advice))
}

/// The entry to which a record belongs, and the record of its first text.
pub(super) fn find(services: &Services, id: &str) -> Result<(Item, Record), Refusal> {
    let (found, _) = records::find(services, id)?;
    let item = services.board.look(|projections| projections.entries.item_of(found.id()).cloned())?;
    let Some(item) = item else {
        let message =
            format!("record {} is no entry of a database that can be read here", found.id().short());
        return Err(Refusal(
            Problem::new(ProblemCode::NotFound, message)
                .advice("`ecomesh db list` lists them; what was withdrawn or erased has no text any more"),
        ));
    };
    let (first, _) = records::find(services, &item.id().to_string())?;
    Ok((item, first))
}

/// Whether a document stands in a log that is disputed from there on.
pub(super) fn is_disputed(services: &Services, position: &Position) -> bool {
    position_of(position, Lane::ENTRIES)
        .is_some_and(|position| services.views(|views| views.is_disputed(position)))
}
