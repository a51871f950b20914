//! Sending: from a document and its addressees to a durable record.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use ecomesh_api::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use ecomesh_api::{Detail, IDEMPOTENCY_KEY, Problem, ProblemCode, SendRequest, Sent, SentState};
use ecomesh_document::codes::Code;
use ecomesh_document::member::MemberCode;
use ecomesh_document::report::{Problem as Finding, Report};
use ecomesh_document::{Document, EncodeError};
use ecomesh_protocol::Draft;
use ecomesh_protocol::author::check_addressees;
use ecomesh_record::limits::SALT_BYTES;
use ecomesh_record::{Flags, Kind, MemberId, Priority, Retention, Time};
use sha2::{Digest, Sha256};

use super::extract::{ApiJson, Live, bad_request};
use super::secrecy::Secrecy;
use super::{Refusal, Services, files, records};
use crate::sealing::{SealedDraft, seal};
use crate::vault::Kept;

/// Sends a document. The answer comes once the record is durable; a retry with the same `idempotency-key` within
/// 7 days gives the same record.
#[utoipa::path(
    post, path = "/v1/messages", request_body = SendRequest,
    params(("idempotency-key" = Option<String>, Header, description = "Any text of at most 128 bytes, such as a UUID")),
    responses(
        (status = 201, body = Sent), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(crate) async fn send(
    Live(services): Live,
    headers: HeaderMap,
    ApiJson(request): ApiJson<SendRequest>,
) -> Result<(StatusCode, Json<Sent>), Refusal> {
    let idempotency = idempotency_key(&headers)?;
    send_now(&services, request, idempotency).await
}

/// Prepares, seals and records a message.
pub(super) async fn send_now(
    services: &Arc<Services>,
    request: SendRequest,
    idempotency: Option<[u8; 32]>,
) -> Result<(StatusCode, Json<Sent>), Refusal> {
    let ready = if is_quick(&request) {
        ready(services, request, idempotency)?
    } else {
        // The semaphore is never closed.
        let _permit = services.sealing.acquire().await;
        services.read(move |services| ready(services, request, idempotency)).await?
    };
    Ok((StatusCode::CREATED, Json(record(services, ready).await?)))
}

/// Records a draft; the answer comes once it is durable.
pub(super) async fn record(services: &Services, ready: Ready) -> Result<Sent, Refusal> {
    let Ready { draft, kept, readers, lower_secrecy, warnings } = ready;
    let is_letter = matches!(draft.kind, Kind::ECOMESSAGE | Kind::MESSAGE);
    let to = readers.iter().map(ToString::to_string).collect();
    let sealed = kept.is_some();
    if let Some(kept) = kept {
        // Before the record: whoever has sent it must be able to read it.
        services.writer.keep(kept).await?;
    }
    let recorded = services.core.author(draft).await??;
    if !is_letter {
        // Whoever takes a step looks at once where that leads.
        services.board.settled(recorded.position).await;
    }
    Ok(Sent {
        id: recorded.id.to_string(),
        position: recorded.position.to_string(),
        created_at_ms: recorded.created_at.0,
        state: SentState::Recorded,
        repeated: recorded.repeated,
        to,
        sealed,
        lower_secrecy: lower_secrecy.iter().map(ToString::to_string).collect(),
        warnings,
    })
}

/// A draft ready for the core.
pub(super) struct Ready {
    pub(super) draft: Draft,
    /// The content key, if it is sealed.
    pub(super) kept: Option<Kept>,
    /// Who reads it; empty: all members.
    pub(super) readers: Vec<MemberId>,
    lower_secrecy: Vec<MemberId>,
    warnings: Vec<Detail>,
}

impl Ready {
    /// A draft that is sealed, to its addressees.
    pub(super) fn sealed(sealed: SealedDraft, warnings: Vec<Detail>) -> Self {
        let SealedDraft { draft, kept, lower_secrecy } = sealed;
        Self { readers: draft.to.clone(), draft, kept: Some(kept), lower_secrecy, warnings }
    }
}

fn ready(services: &Services, request: SendRequest, idempotency: Option<[u8; 32]>) -> Result<Ready, Refusal> {
    let open = request.open || request.members;
    let Prepared { document, content, to, priority, expires_at, exercise, warnings } =
        prepare(services, request)?;
    let draft = Draft {
        kind: Kind(document.kind().number),
        priority,
        to,
        retention: Retention(document.retention()),
        expires_at,
        flags: Flags(if exercise { Flags::EXERCISE } else { 0 }),
        content,
        salt: salt()?,
        idempotency,
        sealed: None,
    };
    sealed_unless(open, services, draft, warnings)
}

/// Seals a draft to its addressees, unless it is open.
pub(super) fn sealed_unless(
    open: bool,
    services: &Services,
    draft: Draft,
    warnings: Vec<Detail>,
) -> Result<Ready, Refusal> {
    if open {
        let readers = draft.to.clone();
        return Ok(Ready { draft, kept: None, readers, lower_secrecy: Vec::new(), warnings });
    }
    // The core looks again; but this reason is clearer than that there is no prekey.
    check_addressees(&services.roster, services.own, &draft.to)?;
    let now = services.now();
    let sealed =
        seal(&services.mail, &draft, now, |member| services.views(|views| views.prekey(member, now)))?;
    Ok(Ready::sealed(sealed, warnings))
}

/// Whether a request is prepared faster than a thread is woken: it reads nothing from the store, and is short.
fn is_quick(request: &SendRequest) -> bool {
    let text = |value: &serde_json::Value| value.as_str().map_or(0, str::len);
    let flat =
        request.document.as_object().filter(|form| form.values().all(|v| !v.is_object() && !v.is_array()));
    let bytes = flat.map(|form| form.values().map(text).sum::<usize>());
    // Sealing takes a millisecond.
    let open = request.open || request.members;
    open && request.reply_to.is_none()
        && request.files.is_empty()
        && bytes.is_some_and(|bytes| bytes <= QUICK_BYTES_MAX)
}

/// Longest message that is prepared on the spot: it takes some 20 µs.
const QUICK_BYTES_MAX: usize = 16 * 1024;

/// A document ready to become a record.
struct Prepared {
    document: Document,
    content: Vec<u8>,
    to: Vec<MemberId>,
    priority: Priority,
    expires_at: Option<Time>,
    exercise: bool,
    warnings: Vec<Detail>,
}

fn prepare(services: &Services, request: SendRequest) -> Result<Prepared, Refusal> {
    let mut json = request.document;
    if let Some(id) = &request.reply_to {
        reply_to(services, &mut json, id)?;
    }
    let (document, report) = Document::from_json(&json).map_err(|report| bad_document(&report))?;
    check_is_message(&document)?;
    check_sender(services, &document)?;
    files::check_named_by_nobody(&document, "files")?;
    let (to, missing_copies) = addressees(services, &document, &request.to, request.members)?;
    check_excluded(services, &document, &to)?;
    let priority = match request.priority {
        Some(priority) => priority.into(),
        None => document.priority().and_then(Priority::parse).unwrap_or(Priority::ROUTINE),
    };
    let expires_at = request.expires_at_ms.map(Time);
    let open = request.open || request.members;
    let secrecy = if open { Secrecy::Open } else { Secrecy::Addressees };
    let files = files::attached(services, &request.files, &to, expires_at, &secrecy)?;
    let document = routed(services, document, &to, priority)?.with_files(files);
    let content = encoded(&document)?;
    let mut warnings: Vec<Detail> = report.warnings().map(detail).collect();
    warnings.extend(missing_copies);
    Ok(Prepared { document, content, to, priority, expires_at, exercise: request.exercise, warnings })
}

/// For whom it is: who is named in the request, else in the document, with those who get a copy. Empty: all members.
fn addressees(
    services: &Services,
    document: &Document,
    named: &[String],
    members: bool,
) -> Result<(Vec<MemberId>, Vec<Detail>), Refusal> {
    if members && !named.is_empty() {
        return Err(bad_request("both addressees and all members are named; name one of the two"));
    }
    if members {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut missing = Vec::new();
    let mut to = named.iter().map(|text| parse_member(text)).collect::<Result<Vec<_>, _>>()?;
    if to.is_empty() {
        to = document
            .addressees()
            .iter()
            .map(|code| parse_member(code.as_str()))
            .collect::<Result<Vec<_>, _>>()?;
        for copy in document.copies() {
            let member = parse_member(copy.as_str())?;
            if services.roster.contains(member) {
                to.push(member);
            } else {
                missing.push(Detail {
                    path: "copy".into(),
                    message: format!("{member} is no member of this network and gets no copy"),
                    advice: "send the copy by other means".into(),
                });
            }
        }
    }
    to.sort_unstable();
    to.dedup();
    if to.is_empty() {
        return Err(Refusal(
            Problem::new(ProblemCode::NoAddressees, "the message has no addressees")
                .advice("name members with --to (`to`), or all of them with --members (`members`)"),
        ));
    }
    Ok((to, missing))
}

/// Members that are separated by commas.
pub(super) fn parse_members(text: &str) -> Result<Vec<MemberId>, Refusal> {
    let mut to = text.split(',').map(parse_member).collect::<Result<Vec<_>, _>>()?;
    to.sort_unstable();
    to.dedup();
    Ok(to)
}

fn parse_member(text: &str) -> Result<MemberId, Refusal> {
    MemberId::parse(text).map_err(|e| {
        Refusal(
            Problem::new(ProblemCode::UnknownMember, e.to_string())
                .advice("`ecomesh network` lists the members"),
        )
    })
}

/// Notices and entries have commands of their own, which know their rules.
fn check_is_message(document: &Document) -> Result<(), Refusal> {
    let advice = match document {
        Document::Ecomessage(_) | Document::Message(_) => return Ok(()),
        Document::Notice(_) | Document::Diffusion(_) => {
            "ask for it with `ecomesh notice request`, or send it at once as a diffusion with `ecomesh notice diffuse`"
        }
        Document::NoticeStep(_) => "take the step with `ecomesh notice`",
        Document::Entry(_) | Document::EntryStep(_) | Document::Batch(_) => "enter it with `ecomesh db add`",
        Document::Hit(_) => "`ecomesh find` tells the source of an entry that it was found",
    };
    Err(wrong_field(Detail {
        path: "form".into(),
        message: format!("this is no message but: {}", document.heading()),
        advice: advice.into(),
    }))
}

/// Until when a text lives that is sent now.
pub(super) fn lives_until(services: &Services, document: &Document) -> Time {
    expiry(services, document).unwrap_or_else(|| latest(services, document).unwrap_or_else(|| services.now()))
}

/// When a text expires, if its source wants less than its class allows.
pub(super) fn expiry(services: &Services, document: &Document) -> Option<Time> {
    let until = Time(document.valid_until()?.end_ms()?);
    latest(services, document).filter(|latest| until < *latest).map(|_| until)
}

/// Until when its class lets a text live.
fn latest(services: &Services, document: &Document) -> Option<Time> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let days = Retention(document.retention()).days()?;
    Some(services.now().after(u64::from(days) * DAY_MS))
}

/// What its dates say as of now: warnings.
pub(super) fn check_dates(services: &Services, document: &Document) -> Result<Report, Refusal> {
    let report = document.check_dates(services.now().0);
    if report.is_ok() { Ok(report) } else { Err(bad_document(&report)) }
}

/// A form that names another sender was made by another bureau, or for it.
pub(super) fn check_sender(services: &Services, document: &Document) -> Result<(), Refusal> {
    match document.sender() {
        Some(sender) if sender.as_str() != services.own.as_str() => {
            let finding = Detail {
                path: "from".into(),
                message: format!(
                    "the form names {sender} as its sender, but this is the node of {}",
                    services.own
                ),
                advice: "leave the field out, or send it from the bureau that it names".into(),
            };
            Err(wrong_field(finding))
        }
        _ => Ok(()),
    }
}

/// Whoever is excluded by the form must not be addressed.
pub(super) fn check_excluded(
    services: &Services,
    document: &Document,
    to: &[MemberId],
) -> Result<(), Refusal> {
    let addressed = |country: &str| {
        let member = MemberId::parse(country).ok();
        member.is_some_and(|m| if to.is_empty() { services.roster.contains(m) } else { to.contains(&m) })
    };
    let Some(country) = document.excluded().find(|country| addressed(country)) else { return Ok(()) };
    let (message, advice) = if document.replaces().is_some() {
        (
            format!("{country} is excluded by the form, and a new text is for all who have the first one"),
            "take the country out of the form; or end what it has (`ecomesh notice cancel`, `ecomesh db withdraw`), and send this as another one",
        )
    } else {
        (
            format!("{country} is excluded by the form and among the addressees"),
            "take it out of one of the two",
        )
    };
    Err(wrong_field(Detail { path: "handling.excluded".into(), message, advice: advice.into() }))
}

/// The bytes of a document.
pub(super) fn encoded(document: &Document) -> Result<Vec<u8>, Refusal> {
    document.encode().map_err(|error| match error {
        EncodeError::Invalid(report) => bad_document(&report),
        EncodeError::TooLong(_) => Refusal(Problem::new(ProblemCode::TooLarge, error.to_string())),
    })
}

/// Writes sender, addressees and priority into the form as it is really sent.
pub(super) fn routed(
    services: &Services,
    document: Document,
    to: &[MemberId],
    priority: Priority,
) -> Result<Document, Refusal> {
    let internal =
        |what: &str| Refusal(Problem::new(ProblemCode::Internal, format!("{what} has no code of documents")));
    let code = |member: &MemberId| MemberCode::parse(member.as_str()).map_err(|_| internal(member.as_str()));
    let from = code(&services.own)?;
    let to = to.iter().map(code).collect::<Result<Vec<_>, _>>()?;
    let priority = Code::new(&priority.name()).map_err(|_| internal("the priority"))?;
    Ok(document.routed(from, to, priority))
}

/// The record's header has no field for it: the form's reference says which record is answered, in words that people
/// read and that [`super::records`] finds again.
fn reply_to(services: &Services, json: &mut serde_json::Value, id: &str) -> Result<(), Refusal> {
    let (record, _) = records::find(services, id)?;
    let theirs = records::document_of(services, &record).ok();
    let theirs = theirs.as_ref().and_then(|document| document.reference());
    let Some(form) = json.as_object_mut() else { return Ok(()) };
    let written = form.get(REPLY_FIELD).and_then(|value| value.as_str());
    let reference = written.or(theirs).map(|text| format!("{text} ")).unwrap_or_default();
    let text = format!("{reference}({} {})", records::REPLY_WORD, record.id());
    form.insert(REPLY_FIELD.into(), text.into());
    Ok(())
}

/// The field of a form that names the message which it answers.
const REPLY_FIELD: &str = "reply_to_reference";

pub(super) fn bad_document(report: &Report) -> Refusal {
    let errors = report.errors().count();
    let message = format!("the document has {errors} problem{}", if errors == 1 { "" } else { "s" });
    Refusal(
        Problem::new(ProblemCode::BadDocument, message)
            .advice("correct them and send again; `check` of `ecomesh ecomessage`, `notice` and `db` shows the lines")
            .details(report.errors().map(detail)),
    )
}

pub(super) fn wrong_field(finding: Detail) -> Refusal {
    let problem = Problem::new(ProblemCode::BadDocument, finding.message.clone());
    Refusal(problem.advice(finding.advice.clone()).details([finding]))
}

/// A form must not say by itself of what it is a new text: that would go round the checks of a new text. `path` is the field.
pub(super) fn check_replaces_nothing(document: &Document, path: &str) -> Result<(), Refusal> {
    if document.replaces().is_none() {
        return Ok(());
    }
    Err(wrong_field(Detail {
        path: path.into(),
        message: "the form says by itself which record it replaces".into(),
        advice: "leave the field out; `update` fills it in".into(),
    }))
}

pub(super) fn detail(finding: &Finding) -> Detail {
    Detail { path: finding.path.clone(), message: finding.message.clone(), advice: finding.advice.clone() }
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Refusal> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match key.as_bytes() {
        [] => Err(bad_request("the idempotency key is empty")),
        key if key.len() > IDEMPOTENCY_KEY_BYTES_MAX => Err(bad_request(format!(
            "the idempotency key has {} bytes where at most {IDEMPOTENCY_KEY_BYTES_MAX} are allowed",
            key.len()
        ))),
        key => Ok(Some(Sha256::digest(key).into())),
    }
}

pub(super) fn salt() -> Result<[u8; SALT_BYTES], Refusal> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|e| {
        Refusal(Problem::new(ProblemCode::Internal, format!("the system gives no randomness: {e}")))
    })?;
    Ok(salt)
}
