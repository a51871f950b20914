//! Entries of databases: adding, changing and withdrawing them.
//!
//! As with notices, what a record comes to is decided by `ecomesh_document::projection`; here it is looked before a record
//! is written whether it would have an effect.

mod doubts;
mod known;
mod lines;
mod show;
mod withdrawn;

use std::fmt;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use ecomesh_api::{EntryDraft, Problem, ProblemCode, RecordState, Sent, WithdrawRequest, WithdrawnView};
use ecomesh_document::entry::{Batch, may_enter};
use ecomesh_document::member::MemberCode;
use ecomesh_document::notice::life::Position;
use ecomesh_document::projection::batches::BatchItem;
use ecomesh_document::projection::entries::{EntryStanding, Item};
use ecomesh_document::rule::Rule;
use ecomesh_document::{Document, RecordRef};
use ecomesh_protocol::Draft;
use ecomesh_protocol::erasure::{Erase, Ground, TARGETS_MAX};
use ecomesh_protocol::lives::HOLD_MS;
use ecomesh_record::{Flags, Kind, Lane, MemberId, Priority, Record, RecordId, Retention, Time};
use serde_json::json;

use super::erasures::keep_first;
use super::extract::{ApiJson, Live, bad_request};
use super::messages::{
    bad_document, check_dates, check_excluded, check_replaces_nothing, check_sender, detail, encoded, expiry,
    idempotency_key, lives_until, record, routed, salt, sealed_unless,
};
use super::paging::state_of;
use super::secrecy::{self, Secrecy};
use super::{Refusal, Services, records};
use crate::board::{code_of, position_of};

pub(super) use known::{__path_known, known};
pub(super) use lines::{__path_lines, lines};
pub(super) use show::{__path_entry, __path_list, entry, list};
pub(super) use withdrawn::left_of;

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
    let (draft, secrecy, warnings, first, until) = services
        .read(move |services| {
            let Prepared { document, to, secrecy, warnings, first } = prepare(services, &request)?;
            let until = lives_until(services, &document);
            let draft = Draft {
                kind: Kind(document.kind().number),
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
            Ok((draft, secrecy, warnings, first, until))
        })
        .await?;
    let ready = secrecy::ready(&services, secrecy, draft, warnings).await?;
    let sent = record(&services, ready).await?;
    if let Some(first) = first {
        keep_first(&services, &first, until).await?;
    }
    Ok((StatusCode::CREATED, Json(sent)))
}

/// Withdraws an entry of this bureau: no look-up finds it any more, on any node, and its text is destroyed as by an erasure.
/// A batch is withdrawn whole by its id, and one line of it by its name. The answer comes once that is durable here.
#[utoipa::path(
    post, path = "/v1/entries/{id}/withdrawal", request_body = WithdrawRequest,
    params(("id" = String, Path, description = "The id of any of its records, or at least 6 digits of it; behind a full stop the line of a batch")),
    responses(
        (status = 201, body = WithdrawnView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(super) async fn withdraw(
    Live(services): Live,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<WithdrawRequest>,
) -> Result<(StatusCode, Json<WithdrawnView>), Refusal> {
    let _alone = services.board.alone_with_own_batches().await;
    let ground = ground_of(&request.reason);
    let Withdrawal { document, texts, destroyed_from } =
        services.read(move |services| withdrawal(services, &id, &request)).await?;
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
    let erases = services.roster.allows_control(services.roster.epoch(), Kind::ERASE);
    if erases {
        for some in texts.chunks(TARGETS_MAX) {
            let erase = Erase::new(ground, some.iter().copied()).ok();
            let content = erase.and_then(|erase| erase.encode().ok());
            let content = content.ok_or_else(|| bad_request("too many texts at once"))?;
            services.core.author(Draft::control(Kind::ERASE, content, salt()?)).await??;
        }
    }
    let destroyed_from_ms = erases.then_some(destroyed_from.0);
    Ok((StatusCode::CREATED, Json(WithdrawnView { sent, destroyed_from_ms })))
}

/// Why the text of an entry is erased that is withdrawn for this reason.
fn ground_of(reason: &str) -> Ground {
    match reason {
        "error" => Ground::INACCURATE,
        "superseded" => Ground::SUPERSEDED,
        _ => Ground::PURPOSE_MET,
    }
}

/// A text that may be recorded.
struct Prepared {
    document: Document,
    to: Vec<MemberId>,
    secrecy: Secrecy,
    warnings: Vec<ecomesh_api::Detail>,
    /// The record of which it is a new text.
    first: Option<Record>,
}

fn prepare(services: &Services, request: &EntryDraft) -> Result<Prepared, Refusal> {
    let (document, report) =
        Document::from_json(&request.document).map_err(|report| bad_document(&report))?;
    check_sender(services, &document)?;
    if request.replaces.is_none() {
        check_replaces_nothing(&document, "source.replaces")?;
    }
    let entry = match &document {
        Document::Entry(entry) => entry,
        Document::Batch(batch) => {
            check_lines(services, batch)?;
            if request.replaces.is_some() {
                return Err(bad_request("a batch has no new texts; withdraw its lines, and enter others"));
            }
            let dates = doubts::of_dates(services, batch)?;
            let mut warnings: Vec<_> = report.warnings().map(detail).chain(dates).collect();
            let secrecy = Secrecy::by_form(services, &document, &mut warnings)?;
            let document = routed(services, document, &[], Priority::ROUTINE)?;
            return Ok(Prepared { document, to: Vec::new(), secrecy, warnings, first: None });
        }
        other => {
            return Err(bad_request(format!("this is no entry of a database but: {}", other.heading())));
        }
    };
    if let Some(own) = code_of(services.own) {
        may_enter(entry, &own).map_err(against)?;
    }
    let dates = check_dates(services, &document)?;
    let mut warnings: Vec<_> = report.warnings().chain(dates.warnings()).map(detail).collect();
    let known = request.replaces.as_deref().map(|id| find(services, id)).transpose()?;
    let (document, to, secrecy, first) = match known {
        Some((item, first)) => {
            check_own(services, &item)?;
            if *item.database() != *entry.database() {
                return Err(against(&ecomesh_document::entry::rules::ENTRY_DATABASE));
            }
            let document = document.replacing(RecordRef(item.id()));
            let document = document.ok_or_else(|| bad_request("the form has no table [source]"))?;
            let secrecy = Secrecy::of_revision(services, &first, &document, &mut warnings)?;
            (document, first.header().to.clone(), secrecy, Some(first))
        }
        None => {
            let secrecy = Secrecy::by_form(services, &document, &mut warnings)?;
            (document, Vec::new(), secrecy, None)
        }
    };
    check_excluded(services, &document, secrecy.readers(&to))?;
    let document = routed(services, document, &to, Priority::ROUTINE)?;
    Ok(Prepared { document, to, secrecy, warnings, first })
}

/// Whether this bureau may enter every line of a batch.
fn check_lines(services: &Services, batch: &Batch) -> Result<(), Refusal> {
    let Some(own) = code_of(services.own) else { return Ok(()) };
    for (line, entry) in batch.entries() {
        if let Err(rule) = may_enter(entry, &own) {
            let Refusal(problem) = against(rule);
            let message = format!("line {line}: {}", problem.message);
            return Err(Refusal(Problem { message, ..problem }));
        }
    }
    Ok(())
}

/// A withdrawal that may be recorded.
struct Withdrawal {
    document: Document,
    /// The texts that are erased with it. Those of a line are erased once what is left of its batch was written anew.
    texts: Vec<RecordId>,
    /// From when on they are destroyed here, if the charter of the network has erasures.
    destroyed_from: Time,
}

fn withdrawal(services: &Services, name: &str, request: &WithdrawRequest) -> Result<Withdrawal, Refusal> {
    let (id, line) = parts_of(name)?;
    let now = services.now();
    let disputed = |position: &Position| is_disputed(services, position);
    let (entry, texts, erased_at) = match (line, batch_of(services, id)?) {
        (None, None) => {
            let (item, _) = find(services, id)?;
            // A withdrawal that stopped before its erasure is finished by doing it again.
            let standing = item.state(disputed).standing(now.0);
            let again = matches!(standing, EntryStanding::Withdrawn(_));
            check_standing(services, item.source(), (!again).then_some(&standing))?;
            (item.id(), item.records().collect(), now)
        }
        // As of an entry with a record of its own.
        (None, Some(batch)) => {
            check_standing(services, batch.source(), None)?;
            (batch.id(), vec![batch.id()], now)
        }
        (Some(line), _) => {
            let (batch, _) = find_line(services, id, line)?;
            let standing = batch.standing(line, now.0, disputed);
            check_standing(services, batch.source(), standing.as_ref())?;
            let (_, since) = batch.withdrawn(disputed);
            let rewritten_at = Time(since.unwrap_or(now.0)).after(services.rewrite_after_ms);
            (batch.id(), Vec::new(), rewritten_at.max(now))
        }
    };
    let mut form =
        json!({ "form": "entry-withdrawal", "entry": entry.to_string(), "reason": request.reason });
    if let Some(line) = line {
        form["line"] = line.into();
    }
    let (document, _) = Document::from_json(&form).map_err(|report| bad_document(&report))?;
    Ok(Withdrawal { document, texts, destroyed_from: erased_at.after(HOLD_MS) })
}

/// The batch with this id, if it is one that stands.
fn batch_of(services: &Services, id: &str) -> Result<Option<BatchItem>, Refusal> {
    let (record, _) = records::find(services, id)?;
    let batch = services.board.look(|projections| projections.batches.batch_of(record.id()).cloned())?;
    Ok(batch.filter(|_| state_of(services, record.id()) != RecordState::Erased))
}

/// Only the source changes its entry, as long as that stands.
fn check_own(services: &Services, item: &Item) -> Result<(), Refusal> {
    let state = item.state(|position| is_disputed(services, position));
    check_standing(services, item.source(), Some(&state.standing(services.now().0)))
}

fn check_standing(
    services: &Services,
    source: &MemberCode,
    standing: Option<&EntryStanding>,
) -> Result<(), Refusal> {
    if source.as_str() != services.own.as_str() {
        return Err(against(&ecomesh_document::entry::rules::ENTRY_SOURCE_OWNS));
    }
    match standing {
        Some(EntryStanding::Withdrawn(_)) => Err(against(&ecomesh_document::entry::rules::ENTRY_WITHDRAWN)),
        Some(EntryStanding::Void(rule)) => Err(against(rule)),
        Some(EntryStanding::Active | EntryStanding::Expired) | None => Ok(()),
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

/// An entry by its name: a record, and the line of it if that is a batch.
pub(super) struct Named {
    pub(super) record: RecordId,
    pub(super) line: Option<u32>,
    pub(super) source: MemberCode,
}

impl Named {
    /// One that has a record of its own.
    pub(super) fn alone(item: &Item) -> Self {
        Self { record: item.id(), line: None, source: item.source().clone() }
    }

    /// A line of a batch.
    pub(super) fn line(batch: &BatchItem, line: u32) -> Self {
        Self { record: batch.id(), line: Some(line), source: batch.source().clone() }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&named_text(self.record, self.line))
    }
}

/// How an entry is named: the id, and behind a full stop the line, if it is one of a batch.
pub(super) fn named_text(record: RecordId, line: Option<u32>) -> String {
    line.map_or_else(|| record.to_string(), |line| format!("{record}.{line}"))
}

/// A name as it was typed: the digits of the id, and the line.
fn parts_of(name: &str) -> Result<(&str, Option<u32>), Refusal> {
    let Some((id, line)) = name.split_once('.') else { return Ok((name, None)) };
    let line = line
        .parse()
        .map_err(|_| bad_request("an entry of a batch is named by the id, a full stop and its line"))?;
    Ok((id, Some(line)))
}

/// An entry by its name, and what it says if that can be read.
pub(super) fn named(services: &Services, name: &str) -> Result<(Named, Option<Document>), Refusal> {
    let (id, line) = parts_of(name)?;
    let Some(line) = line else {
        let (item, _) = find(services, id)?;
        let state = item.state(|position| is_disputed(services, position));
        let text = state.text.and_then(|text| records::find(services, &text.place.id.to_string()).ok());
        let document = text.and_then(|(record, _)| records::document_of(services, &record).ok());
        return Ok((Named::alone(&item), document));
    };
    let (batch, record) = find_line(services, id, line)?;
    let document = match records::document_of(services, &record) {
        Ok(Document::Batch(entries)) => entries.entry(line).map(Document::from),
        _ => None,
    };
    Ok((Named::line(&batch, line), document))
}

/// A batch that has a line, and its record.
fn find_line(services: &Services, id: &str, line: u32) -> Result<(BatchItem, Record), Refusal> {
    let (record, _) = records::find(services, id)?;
    if let Some(gone) = withdrawn::gone(services, record.id())? {
        return Err(withdrawn::refusal(&gone));
    }
    let batch = services.board.look(|projections| projections.batches.batch_of(record.id()).cloned())?;
    // One that was written anew is erased, and read until the projections have heard of it.
    let stands = state_of(services, record.id()) != RecordState::Erased;
    let batch = batch.filter(|batch| stands && (1..=batch.lines()).contains(&line));
    batch.map(|batch| (batch, record)).ok_or_else(|| {
        Refusal(
            Problem::new(
                ProblemCode::NotFound,
                format!("there is no batch {id} with a line {line} that can be read here"),
            )
            .advice("what is left of a batch is written anew some days after a withdrawal: find the entry by its number; `ecomesh db list` lists batches"),
        )
    })
}

/// The entry to which a record belongs, and the record of its first text.
pub(super) fn find(services: &Services, id: &str) -> Result<(Item, Record), Refusal> {
    let (found, _) = records::find(services, id)?;
    let item = services.board.look(|projections| projections.entries.item_of(found.id()).cloned())?;
    if item.is_none()
        && let Some(gone) = withdrawn::gone(services, found.id())?
    {
        return Err(withdrawn::refusal(&gone));
    }
    let Some(item) = item else {
        let message =
            format!("record {} is no entry of a database that can be read here", found.id().short());
        return Err(Refusal(
            Problem::new(ProblemCode::NotFound, message)
                .advice("`ecomesh db list` lists them, and with --all what was withdrawn; a line of a batch is named ID.LINE"),
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
