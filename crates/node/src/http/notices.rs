//! Notices and diffusions: asking for them, sending them, steps in their lives, and where they stand.
//!
//! What a step comes to is decided by `ecomesh_document::projection`, the same on every node. Here it is looked before a
//! record is written whether it would have an effect: a record without one stays in this bureau's log for ever.

mod audience;
mod reviewers;
mod show;
mod steps;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use ecomesh_api::{CaseKind, NoticeDraft, Problem, ProblemCode, Sent};
use ecomesh_document::notice::life::{Event, Position, Version, What};
use ecomesh_document::projection::notices::{self, Case};
use ecomesh_document::projection::{Notices, Place};
use ecomesh_document::rule::Rule;
use ecomesh_document::{Document, RecordRef};
use ecomesh_protocol::Draft;
use ecomesh_record::{Flags, Kind, Lane, MemberId, Priority, Record, RecordId, Retention};

use super::entries::Named;
use super::erasures::keep_first;
use super::extract::{ApiJson, Live, bad_request};
use super::messages::{
    bad_document, check_dates, check_excluded, check_replaces_nothing, check_sender, detail, encoded, expiry,
    idempotency_key, lives_until, record, routed, salt,
};
use super::secrecy::{self, Secrecy};
use super::{Refusal, Services, files, records};
use crate::board::{code_of, position_of};
use crate::clock;

use audience::{Addressed, addressed, check_not_named_anew};

pub(super) use audience::{__path_audience, audience};
pub(super) use show::{__path_list, __path_notice, list, notice, standing_of, view_of};
pub(super) use steps::{__path_step, step};

/// So far may the last event of a notice lie ahead of this node's clock: the answer waits for it.
const AHEAD_MAX_MS: u64 = 5_000;

/// Asks for a notice, sends a diffusion, or gives one of them a new text. The answer comes once the record is durable; a
/// retry with the same `idempotency-key` within 7 days gives the same record.
#[utoipa::path(
    post, path = "/v1/notices", request_body = NoticeDraft,
    params(("idempotency-key" = Option<String>, Header, description = "Any text of at most 128 bytes, such as a UUID")),
    responses(
        (status = 201, body = Sent), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(super) async fn send(
    Live(services): Live,
    headers: HeaderMap,
    ApiJson(request): ApiJson<NoticeDraft>,
) -> Result<(StatusCode, Json<Sent>), Refusal> {
    let idempotency = idempotency_key(&headers)?;
    let is_request = request.kind == CaseKind::Notice;
    let mut prepared = services.read(move |services| prepare(services, &request)).await?;
    if is_request {
        let readers = prepared.secrecy.readers(&prepared.to);
        prepared.warnings.extend(reviewers::cannot_be_reached(&services, readers).await?);
    }
    wait_for(prepared.after_ms).await?;
    let first = prepared.first.clone();
    let document_expiry = prepared.document.clone();
    let (draft, secrecy, warnings) = services
        .read(move |services| {
            let Prepared { document, kind, to, secrecy, priority, exercise, warnings, .. } = prepared;
            let draft = Draft {
                kind,
                priority,
                to,
                retention: Retention(document.retention()),
                expires_at: expiry(services, &document),
                flags: Flags(if exercise { Flags::EXERCISE } else { 0 }),
                content: encoded(&document)?,
                salt: salt()?,
                idempotency,
                sealed: None,
            };
            Ok((draft, secrecy, warnings))
        })
        .await?;
    let ready = secrecy::ready(&services, secrecy, draft, warnings).await?;
    let sent = record(&services, ready).await?;
    if let Some(first) = first {
        keep_first(&services, &first, lives_until(&services, &document_expiry)).await?;
    }
    Ok((StatusCode::CREATED, Json(sent)))
}

/// A text that may be sent.
struct Prepared {
    document: Document,
    kind: Kind,
    to: Vec<MemberId>,
    secrecy: Secrecy,
    priority: Priority,
    exercise: bool,
    warnings: Vec<ecomesh_api::Detail>,
    /// It must be dated after this.
    after_ms: u64,
    /// The record of which it is a new text.
    first: Option<Record>,
}

fn prepare(services: &Services, request: &NoticeDraft) -> Result<Prepared, Refusal> {
    let (document, report) =
        Document::from_json(&request.document).map_err(|report| bad_document(&report))?;
    if !matches!(document, Document::Notice(_)) {
        return Err(bad_request(format!("this is no notice but: {}", document.heading())));
    }
    let document = if request.kind == CaseKind::Diffusion { document.into_diffusion() } else { document };
    check_sender(services, &document)?;
    files::check_named_by_nobody(&document, "request.files")?;
    if request.replaces.is_none() {
        check_replaces_nothing(&document, "request.replaces")?;
    }
    let priority = request.priority.map_or(Priority::ROUTINE, Priority::from);
    let dates = check_dates(services, &document)?;
    let mut warnings: Vec<_> = report.warnings().chain(dates.warnings()).map(detail).collect();
    let known = request.replaces.as_deref().map(|id| find(services, id)).transpose()?;
    let (document, addressed, after_ms) = match &known {
        Some((case, first)) => {
            check_not_named_anew(request)?;
            let document = document.replacing(RecordRef(case.id()));
            let document = document.ok_or_else(|| bad_request("the form has no table [request]"))?;
            may_revise(services, case, &document)?;
            warnings.extend(files_left_behind(services, case, request));
            let secrecy = Secrecy::of_revision(services, first, &document, &mut warnings)?;
            (document, Addressed { to: first.header().to.clone(), secrecy }, case.last_ms())
        }
        None => {
            let addressed = addressed(services, &document, request, &mut warnings)?;
            (document, addressed, 0)
        }
    };
    let Addressed { to, secrecy } = addressed;
    check_excluded(services, &document, secrecy.readers(&to))?;
    if request.kind == CaseKind::Notice {
        reviewers::check_enough(services, &document, secrecy.readers(&to))?;
    }
    warnings.extend(files_not_there(&document, request));
    let files = files::attached(services, &request.files, &to, expiry(services, &document), &secrecy)?;
    let document = routed(services, document, &to, priority)?.with_files(files);
    if known.is_none() {
        may_ask(services, &document)?;
    }
    let kind = Kind(document.kind().number);
    Ok(Prepared {
        document,
        kind,
        to,
        secrecy,
        priority,
        exercise: request.exercise,
        warnings,
        after_ms,
        first: known.map(|(_, first)| first),
    })
}

/// Files that the form names, and that do not go with it.
fn files_not_there(document: &Document, request: &NoticeDraft) -> Option<ecomesh_api::Detail> {
    let goes = |name: &String| request.files.iter().any(|file| file.name == *name);
    let names: Vec<_> =
        ecomesh_document::file::named(document).into_iter().filter(|name| !goes(name)).collect();
    (!names.is_empty()).then(|| ecomesh_api::Detail {
        path: String::new(),
        message: format!("the form names {}, and no file of that name goes with it", names.join(", ")),
        advice: "attach what is to be seen with --attach, in a new text if this one is sent".into(),
    })
}

/// A new text has the files that are given with it, and not those of the text before: tells of these if there are none.
fn files_left_behind(services: &Services, case: &Case, request: &NoticeDraft) -> Option<ecomesh_api::Detail> {
    if !request.files.is_empty() {
        return None;
    }
    let newest =
        case.records().filter_map(|id| case.text_of(id)).max_by_key(|text| text.place.position.clone())?;
    let (record, _) = records::find(services, &newest.place.id.to_string()).ok()?;
    let before = records::document_of(services, &record).ok()?;
    let names: Vec<_> = before.files().iter().map(|file| file.name.to_string()).collect();
    (!names.is_empty()).then(|| ecomesh_api::Detail {
        path: "request.files".into(),
        message: format!("no files go with the new text; with the one before went {}", names.join(", ")),
        advice: "give them again with --attach if they are still needed".into(),
    })
}

/// Whether the rules of the domain let this bureau ask for it.
fn may_ask(services: &Services, document: &Document) -> Result<(), Refusal> {
    let Some(who) = code_of(services.own) else { return Ok(()) };
    let position = Position { when_ms: services.now().0, who, generation: 0, seq: 0 };
    let place = Place { position, id: RecordId::ZERO };
    let mut trial = Notices::new(services.board.review().clone());
    trial.take(&place, document);
    let broken = trial.cases().flat_map(|case| case.history(|_| false)).find_map(|(_, rule)| rule);
    broken.map_or(Ok(()), |rule| Err(against(rule)))
}

/// Whether the rules let this bureau give a notice a new text.
fn may_revise(services: &Services, case: &Case, document: &Document) -> Result<(), Refusal> {
    let (Document::Notice(text) | Document::Diffusion(text)) = document else { return Ok(()) };
    let kind = match document {
        Document::Diffusion(_) => notices::CaseKind::Diffusion,
        _ => notices::CaseKind::Notice,
    };
    if (kind, text.colour()) != (case.kind(), case.colour()) {
        return Err(against(&ecomesh_document::notice::rules::LIFE_PURPOSE));
    }
    would(services, case, What::Revised { version: Version([0; 32]) })
}

/// Whether a step of this bureau would have an effect now.
fn would(services: &Services, case: &Case, what: What) -> Result<(), Refusal> {
    let Some(who) = code_of(services.own) else { return Ok(()) };
    let when_ms = services.now().0.max(case.last_ms() + 1);
    // Its place in the log is not known yet, and must only be nobody else's.
    let position = Position { when_ms, who, generation: u32::MAX, seq: u64::MAX };
    case.would(Event { position, what }).map_err(against)
}

/// The rule of the domain that forbids it.
fn against(rule: &'static Rule) -> Refusal {
    let advice = match rule.id {
        "life.order" => "`ecomesh notice show ID` tells where it stands, and what can follow",
        "life.source-owns" => "tell its source in a message; only the source can do that",
        "life.review" => "`ecomesh network` names the reviewers of this network",
        "life.requester" => {
            "docs/DOMAIN.md tells who may ask for which colour; a diffusion can be sent instead"
        }
        "life.pilot" => "the charter names who takes part; send a diffusion of another colour, or a message",
        "life.renewal" => "renew it in its last six months, by five years at the most",
        "life.version" => "read the text that waits now: `ecomesh notice show ID`",
        "life.one-vote" => "this bureau has decided already; nothing more is needed of it",
        "life.own-review" => "another reviewer must decide on what this bureau asks for",
        "life.purpose" => {
            "ask for a new notice of the other colour, and cancel this one with purpose-changed"
        }
        _ => "docs/DOMAIN.md tells the rules",
    };
    Refusal(Problem::new(ProblemCode::AgainstRule, format!("against a rule: {rule}")).advice(advice))
}

/// The case to which a record belongs, and the record of its first text.
fn find(services: &Services, id: &str) -> Result<(Case, Record), Refusal> {
    let (found, _) = records::find(services, id)?;
    let case = services.board.look(|projections| projections.notices.case_of(found.id()).cloned())?;
    let Some(case) = case else {
        return Err(Refusal(
            Problem::new(
                ProblemCode::NotFound,
                format!("record {} is no notice and no diffusion that can be read here", found.id().short()),
            )
            .advice("`ecomesh notice list --all` lists them; one that has just come may not be read yet"),
        ));
    };
    let (first, _) = records::find(services, &case.id().to_string())?;
    // It is no reason to refuse a step, and none to wait for.
    Ok((case.without(|position| is_left_out(services, position)), first))
}

/// The notice or diffusion to which a record belongs, if it does: who is told of a hit on it, and its reference.
pub(super) fn named(services: &Services, id: &str) -> Result<Option<(Named, Option<String>)>, Refusal> {
    // A name with a line is that of an entry of a batch.
    if id.contains('.') {
        return Ok(None);
    }
    let (found, _) = records::find(services, id)?;
    let case = services.board.look(|projections| projections.notices.case_of(found.id()).cloned())?;
    Ok(case.map(|case| {
        let state = case.state(|position| is_left_out(services, position));
        let reference = case.text(&state).and_then(|text| text.reference.clone());
        (Named { record: case.id(), line: None, source: case.source().clone() }, reference)
    }))
}

/// Whether an event says nothing here and now: it stands in a log that is disputed from there on, or its author has dated it
/// so far ahead that nobody could date an answer after it. It counts once its time has come.
fn is_left_out(services: &Services, position: &Position) -> bool {
    position.when_ms > services.now().0.saturating_add(AHEAD_MAX_MS) || is_disputed(services, position)
}

/// Whether an event of the projections stands in a log that is disputed from there on.
fn is_disputed(services: &Services, position: &Position) -> bool {
    position_of(position, Lane::MESSAGES)
        .is_some_and(|position| services.views(|views| views.is_disputed(position)))
}

/// Waits until this node's clock is past a time. Whoever answers an event dates the answer after it.
async fn wait_for(after_ms: u64) -> Result<(), Refusal> {
    let ahead = (after_ms + 1).saturating_sub(clock::wall().0);
    if ahead > AHEAD_MAX_MS {
        return Err(Refusal(
            Problem::new(
                ProblemCode::WouldBeVoid,
                format!("the last step is dated {} s ahead of this node's clock, and an answer must be dated after it", ahead / 1000),
            )
            .advice("compare the clock of this machine with the time, or wait"),
        ));
    }
    tokio::time::sleep(std::time::Duration::from_millis(ahead)).await;
    Ok(())
}
