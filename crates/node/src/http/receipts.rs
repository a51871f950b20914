//! Receipts: telling the author of a message what became of it, and reading what others told.
//!
//! A receipt is a control record, which is kept for ever; so those of messages that are opened within a moment share
//! one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::Path;
use ecomesh_api::{Problem, ProblemCode, ReceiptOutcome, ReceiptRequest, ReceiptView, RefusalReason};
use ecomesh_protocol::receipt::{Outcome, RECEIPT_ENTRIES_MAX, Reason, Receipt, ReceiptEntry};
use ecomesh_protocol::{AuthorError, Draft, judge};
use ecomesh_record::{Header, Kind, MemberId, Record, RecordId, Time};
use tokio::sync::oneshot;

use super::extract::{ApiJson, Live, bad_request};
use super::messages::salt;
use super::{Refusal, Services, damaged, records};
use crate::core_thread::CoreGone;
use crate::views::is_correspondence;

/// Openings within this time share a record.
const GATHER: Duration = Duration::from_millis(200);

/// Tells the author of a message that it was opened or refused. The answer comes once that is durable. To say the
/// same again changes nothing.
#[utoipa::path(
    post, path = "/v1/records/{id}/receipt", request_body = ReceiptRequest,
    params(("id" = String, Path, description = "The id, or at least 6 digits of it")),
    responses(
        (status = 200, body = ReceiptView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(crate) async fn receipt(
    Live(services): Live,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<ReceiptRequest>,
) -> Result<Json<ReceiptView>, Refusal> {
    let (outcome, reason) = wanted(request)?;
    let (record, said) = services
        .read(move |services| {
            let (record, _) = records::find(services, &id)?;
            check(services, &record)?;
            let said = of_members(services, &record, |member| member == services.own)?;
            Ok((record, said.get(&services.own).copied()))
        })
        .await?;
    let entry = ReceiptEntry { id: record.id(), outcome, reason };
    // Whoever has refused a message may still look at it.
    let is_said =
        |said: &Said| outcome == Outcome::OPENED || (said.outcome, said.reason) == (outcome, reason);
    if let Some(said) = said.filter(is_said) {
        return Ok(Json(said.view()));
    }
    let at = match outcome {
        Outcome::OPENED => Openings::open(&services, entry).await?,
        _ => write(&services, vec![entry]).await?,
    };
    Ok(Json(Said { outcome, reason, at }.view()))
}

/// What is asked for, if it can be said.
fn wanted(request: ReceiptRequest) -> Result<(Outcome, Reason), Refusal> {
    match (request.outcome, request.reason) {
        (ReceiptOutcome::Opened, None) => Ok((Outcome::OPENED, Reason::NONE)),
        (ReceiptOutcome::Refused, Some(RefusalReason::PrekeyGone | RefusalReason::DoesNotOpen)) => {
            Err(bad_request(
                "this is no reason to refuse a message; the node itself says when it cannot be opened",
            ))
        }
        (ReceiptOutcome::Refused, Some(reason)) => {
            let known = REASONS.iter().find(|(_, view)| *view == reason).map(|(reason, _)| *reason);
            Ok((Outcome::REFUSED, known.ok_or_else(|| bad_request("this reason does not exist"))?))
        }
        (ReceiptOutcome::Refused, None) => Err(bad_request("a refusal needs a reason")),
        (ReceiptOutcome::Opened, Some(_)) => Err(bad_request("only a refusal has a reason")),
        _ => {
            Err(bad_request("a message is opened or refused; the node itself says when it cannot be opened"))
        }
    }
}

/// Whether a receipt for this record can be written.
fn check(services: &Services, record: &Record) -> Result<(), Refusal> {
    if !is_letter(record.header(), services.own) {
        return Err(Refusal(
            Problem::new(ProblemCode::NotAddressed, "this record is no message to this bureau")
                .advice("receipts are for messages that `ecomesh inbox` lists"),
        ));
    }
    if let Err(void) = judge(&services.roster, record) {
        return Err(Refusal(
            Problem::new(ProblemCode::NotAddressed, format!("this message is void: {void}"))
                .advice("nothing need be said to it; its author can send it again by the rules"),
        ));
    }
    if !services.roster.allows_control(services.roster.epoch(), Kind::RECEIPT) {
        return Err(Refusal(
            Problem::new(ProblemCode::WouldBeVoid, "the charter of this network was made without receipts")
                .advice("answer the sender with a message: `ecomesh send --reply-to ID`"),
        ));
    }
    Ok(())
}

/// Whether the author of a record can expect a receipt of this member. A step on a notice speaks for itself.
pub(crate) fn is_letter(header: &Header, member: MemberId) -> bool {
    header.is_for(member) && is_correspondence(header.kind) && header.kind != Kind::NOTICE_STEP
}

/// What a member has said of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    outcome: Outcome,
    reason: Reason,
    at: Time,
}

impl Said {
    pub(super) fn outcome(self) -> Outcome {
        self.outcome
    }

    pub(super) fn view(self) -> ReceiptView {
        let (outcome, reason) = receipt_view(self.outcome, self.reason);
        ReceiptView { outcome, reason, at_ms: self.at.0 }
    }
}

const REASONS: [(Reason, RefusalReason); 8] = [
    (Reason::NOT_COMPETENT, RefusalReason::NotCompetent),
    (Reason::INCOMPLETE, RefusalReason::Incomplete),
    (Reason::DUPLICATE, RefusalReason::Duplicate),
    (Reason::UNLAWFUL, RefusalReason::Unlawful),
    (Reason::WRONG_ADDRESSEE, RefusalReason::WrongAddressee),
    (Reason::PREKEY_GONE, RefusalReason::PrekeyGone),
    (Reason::DOES_NOT_OPEN, RefusalReason::DoesNotOpen),
    (Reason::OTHER, RefusalReason::Other),
];

/// What its addressees have said of a record: of each the last word, by the order of its log.
pub(super) fn of_members(
    services: &Services,
    record: &Record,
    wanted: impl Fn(MemberId) -> bool,
) -> Result<BTreeMap<MemberId, Said>, Refusal> {
    let mut said = BTreeMap::new();
    let places = services.views(|views| views.receipts(record.id()));
    for position in places {
        let member = position.log.author;
        let header = record.header();
        // Of what is no letter a member says only that it cannot be opened.
        let may_speak = is_letter(header, member) || (header.is_for(member) && header.audience.is_closed());
        if !wanted(member) || !may_speak {
            continue;
        }
        let Some(written) = services.reader.record(position).map_err(|e| damaged(&e))? else { continue };
        if let Some(entry) = entry_of(&written, record.id()) {
            let at = written.header().created_at;
            said.insert(member, Said { outcome: entry.outcome, reason: entry.reason, at });
        }
    }
    Ok(said)
}

fn entry_of(written: &Record, id: RecordId) -> Option<ReceiptEntry> {
    Receipt::decode(written.body()?.content()).ok()?.entry(id)
}

/// Whether reading this record is to be told to its author, and has not been.
pub(super) fn is_due(services: &Services, record: &Record, said: Option<Said>) -> bool {
    services.tell_opened && said.is_none() && check(services, record).is_ok()
}

/// Writes a receipt; returns when it is durable.
async fn write(services: &Services, entries: Vec<ReceiptEntry>) -> Result<Time, Refusal> {
    let salt = salt()?;
    Ok(written(services, entries, salt).await??)
}

async fn written(
    services: &Services,
    entries: Vec<ReceiptEntry>,
    salt: [u8; 32],
) -> Result<Result<Time, AuthorError>, CoreGone> {
    // 256 entries at the most, which fit: the callers see to it.
    let content = Receipt::new(entries).ok().and_then(|receipt| receipt.encode().ok()).unwrap_or_default();
    let draft = Draft::control(Kind::RECEIPT, content, salt);
    Ok(services.core.author(draft).await?.map(|recorded| recorded.created_at))
}

/// Openings that wait for the next receipt.
#[derive(Default)]
pub(crate) struct Openings(Mutex<Vec<Opening>>);

type Opening = (ReceiptEntry, oneshot::Sender<Result<Result<Time, AuthorError>, CoreGone>>);

impl Openings {
    /// Has an opening written with those of the next moment; returns when it is durable.
    async fn open(services: &Arc<Services>, entry: ReceiptEntry) -> Result<Time, Refusal> {
        let salt = salt()?;
        let (sender, receiver) = oneshot::channel();
        if services.openings.push(entry, sender) {
            let services = services.clone();
            // Of its own, so that the others are answered whatever becomes of the first one's client.
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                let waiting = services.openings.take();
                let entries = waiting.iter().map(|(entry, _)| *entry).collect();
                let result = written(&services, entries, salt).await;
                for (_, sender) in waiting {
                    // A client that has gone away needs no answer.
                    let _ = sender.send(result.clone());
                }
            });
        }
        let answer = receiver.await.map_err(|_| Refusal::from(CoreGone::Stopped))?;
        Ok(answer??)
    }

    /// Whether it is the first of a new receipt.
    fn push(
        &self,
        entry: ReceiptEntry,
        sender: oneshot::Sender<Result<Result<Time, AuthorError>, CoreGone>>,
    ) -> bool {
        let mut waiting = self.lock();
        waiting.push((entry, sender));
        waiting.len() % RECEIPT_ENTRIES_MAX == 1
    }

    fn take(&self) -> Vec<Opening> {
        let mut waiting = self.lock();
        let count = waiting.len().min(RECEIPT_ENTRIES_MAX);
        waiting.drain(..count).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Opening>> {
        // A list is whole after every single call on it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a receipt says, as clients read it.
pub(crate) fn receipt_view(outcome: Outcome, reason: Reason) -> (ReceiptOutcome, Option<RefusalReason>) {
    let outcome = match outcome {
        Outcome::OPENED => ReceiptOutcome::Opened,
        Outcome::REFUSED => ReceiptOutcome::Refused,
        Outcome::CANNOT_OPEN => ReceiptOutcome::CannotOpen,
        _ => ReceiptOutcome::Unknown,
    };
    let known = REASONS.iter().find(|(known, _)| *known == reason).map(|(_, view)| *view);
    (outcome, (reason != Reason::NONE).then_some(known.unwrap_or(RefusalReason::Unknown)))
}
