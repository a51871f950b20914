//! One record in full, and how far it has come.

use axum::Json;
use axum::extract::Path;
use ecomesh_api::limits::ID_PREFIX_MIN;
use ecomesh_api::{
    HeaderView, MessageView, Problem, ProblemCode, ReaderKey, RecipientView, RecordState, RecordView,
    SealedReader, SealedView, StatusView, VerdictView, ViewerQuery,
};
use ecomesh_document::{Document, render};
use ecomesh_protocol::core::Delivery;
use ecomesh_protocol::judge;
use ecomesh_protocol::lives::{Life, Term};
use ecomesh_protocol::prekeys::Use;
use ecomesh_record::{Audience, Flags, Header, Kind, MemberId, Record, RecordId, Time};
use ecomesh_seal::envelope::group::Group;
use ecomesh_seal::{PrekeyId, fingerprint};

use super::extract::{Live, bad_request};
use super::listings::delivery_view;
use super::receipts::Said;
use super::{Refusal, Services, damaged, entries, erasures, files, notices, receipts, shown};
use crate::sealing::Closed;
use crate::views::{Entry, kind_view};

/// Stands before the id of the answered record in a form's reference.
pub(super) const REPLY_WORD: &str = "record";

/// A record as this node holds it. That another country's entry about a person is shown goes into the access log.
#[utoipa::path(
    get, path = "/v1/records/{id}", params(("id" = String, Path, description = "The id, or at least 6 digits of it")),
    responses((status = 200, body = RecordView), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn record(
    Live(services): Live,
    Path(id): Path<String>,
) -> Result<Json<RecordView>, Refusal> {
    let view = services.read(move |services| record_view(services, &id)).await?;
    let (message, viewer) = (&view.message, ViewerQuery::default());
    shown::log(&services, &message.id, &message.from, view.document.as_ref(), viewer).await?;
    Ok(Json(view))
}

/// How far one's own message has come.
#[utoipa::path(
    get, path = "/v1/records/{id}/status",
    params(("id" = String, Path, description = "The id, or at least 6 digits of it")),
    responses(
        (status = 200, body = StatusView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    )
)]
pub(crate) async fn status(
    Live(services): Live,
    Path(id): Path<String>,
) -> Result<Json<StatusView>, Refusal> {
    let (record, first_seen) = services.read(move |services| find(services, &id)).await?;
    let position = record.position();
    let delivery = services.core.query(move |core, _| core.delivery(position)).await?;
    let Some(delivery) = delivery else {
        let message = if position.log.author == services.own {
            "this is a control record; only messages are delivered".to_owned()
        } else {
            format!("this record was written by {}", position.log.author)
        };
        let advice = "ask for the status of a message that this bureau sent; `ecomesh outbox` lists them";
        return Err(Refusal(Problem::new(ProblemCode::NotOwnRecord, message).advice(advice)));
    };
    let id = record.id();
    let delivery = to_readers(&services, &record, delivery);
    let (said, erasure, places) = services
        .read(move |services| {
            let said = receipts::of_members(services, &record, |_| true)?;
            Ok((said, erasures::status(services, &record)?, files::places(services, &record)?))
        })
        .await?;
    let files = files::status(&services, places).await?;
    let recipient = |(member, at): &(MemberId, Option<Time>)| RecipientView {
        member: member.to_string(),
        name: services.name_of(*member),
        delivered_at_ms: at.map(|time| time.0),
        receipt: said.get(member).map(|said| said.view()),
    };
    Ok(Json(StatusView {
        id: id.to_string(),
        position: position.to_string(),
        recorded_at_ms: first_seen.0,
        delivery: delivery_view(&delivery),
        held_by: delivery.held_by.iter().map(ToString::to_string).collect(),
        recipients: delivery.delivered.iter().map(recipient).collect(),
        files,
        erasure,
    }))
}

/// The delivery to those who can read a record: the others carry it.
pub(super) fn to_readers(services: &Services, record: &Record, mut delivery: Delivery) -> Delivery {
    let header = record.header();
    if header.audience.key_record().is_some() {
        let readers = readers_and_prekeys(services, header);
        delivery.delivered.retain(|(member, _)| readers.iter().any(|(reader, _)| reader == member));
    }
    delivery
}

/// The record with this id, or with an id that begins like this, and when it was first seen here.
pub(super) fn find(services: &Services, id: &str) -> Result<(Record, Time), Refusal> {
    let digits = id.trim().to_ascii_lowercase();
    let good = (ID_PREFIX_MIN..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !good {
        return Err(bad_request(format!(
            "a record is named by its id or by at least its first {ID_PREFIX_MIN} digits (0-9, a-f)"
        )));
    }
    let mut found = services.reader.starting_with(&digits, 2).map_err(|e| damaged(&e))?;
    match (found.pop(), found.pop()) {
        (Some(record), None) => Ok(record),
        (Some(_), Some(_)) => Err(Refusal(
            Problem::new(ProblemCode::AmbiguousId, format!("several records begin with {digits}"))
                .advice("give more digits"),
        )),
        (None, _) => Err(Refusal(
            Problem::new(ProblemCode::NotFound, format!("there is no record {digits} here"))
                .advice("check the id; a record that was just sent elsewhere may still be on its way"),
        )),
    }
}

/// Whether a record is marked as an exercise.
pub(super) fn is_exercise(services: &Services, id: RecordId) -> bool {
    let position = services.reader.find(id).ok().flatten();
    let header = position.and_then(|position| services.reader.header(position).ok().flatten());
    header.is_some_and(|(record, _)| record.header().flags.has(Flags::EXERCISE))
}

/// The document of a record, or why it cannot be shown.
pub(super) fn document_of(services: &Services, record: &Record) -> Result<Document, String> {
    let document = opened(services, record)?;
    if is_left_over(services, record, &document) {
        return Err("it is a new text of what its author has erased".into());
    }
    Ok(document)
}

/// Whether a document is a new text of what its author has erased: whoever took that back meant this as well.
fn is_left_over(services: &Services, record: &Record, document: &Document) -> bool {
    let first = document.replaces().and_then(|first| services.reader.find(first.0).ok().flatten());
    let first = first.and_then(|position| services.reader.header(position).ok().flatten());
    first.is_some_and(|(first, _)| {
        let life = services.views(|views| views.lives().life(&Term::of(&first), services.now()));
        first.header().author == record.header().author && life == Life::Erased
    })
}

/// What a record says, whatever it belongs to.
fn opened(services: &Services, record: &Record) -> Result<Document, String> {
    let header = record.header();
    if !header.kind.is_document() {
        return Err(match header.kind {
            Kind::PART => "it is a part of a file, and no document".into(),
            Kind::GROUP_KEY => group_words(record),
            _ => "a control record has no document".into(),
        });
    }
    match services.views(|views| views.lives().life(&Term::of(record), services.now())) {
        Life::Living => {}
        Life::Expired => return Err("the document has expired".into()),
        Life::Erased => return Err("its author has erased it".into()),
    }
    if !header.audience.is_closed() {
        let body = record.body().ok_or("the document is not here; it is being fetched")?;
        return Document::decode(header.kind.0, body.content()).map_err(|e| e.to_string());
    }
    match services.mail.open(record) {
        Ok(plaintext) => Document::decode(header.kind.0, &plaintext).map_err(|e| e.to_string()),
        Err(Closed::ToOthers) => Err(format!("only {} can read it", readers(services, header).join(", "))),
        Err(closed) => Err(closed.to_string()),
    }
}

/// Who can read a sealed record.
fn readers(services: &Services, header: &Header) -> Vec<String> {
    let named = readers_and_prekeys(services, header).into_iter().map(|(member, _)| member);
    std::iter::once(header.author).chain(named).map(|member| member.to_string()).collect()
}

/// For whom a record is: whom its header names, or the members of its group; empty if it is for all members. Of a group of
/// which nothing is known here the author alone.
pub(super) fn addressees(services: &Services, header: &Header) -> Vec<String> {
    if header.to.is_empty() && header.audience.is_closed() {
        return services.mail.group_members(header).map_or_else(
            |_| vec![header.author.to_string()],
            |members| members.iter().map(|(member, _)| member.to_string()).collect(),
        );
    }
    header.to.iter().map(ToString::to_string).collect()
}

/// For whom a sealed record is, and to which prekeys: what the header says, or the record with the key of its group. Empty
/// if nobody can tell.
fn readers_and_prekeys(services: &Services, header: &Header) -> Vec<(MemberId, PrekeyId)> {
    match &header.audience {
        Audience::Sealed { prekeys, .. } => {
            header.to.iter().copied().zip(prekeys.iter().copied().map(PrekeyId)).collect()
        }
        Audience::Group { .. } => {
            services.mail.group_members(header).map_or_else(|_| Vec::new(), |members| members.to_vec())
        }
        Audience::Open | Audience::Unknown { .. } => Vec::new(),
    }
}

/// What is shown of the key of a group.
fn group_words(record: &Record) -> String {
    let group = record.body().and_then(|body| Group::decode(body.content()).ok());
    let members = group.map(|group| {
        group.members().iter().map(|(member, _)| member.to_string()).collect::<Vec<_>>().join(", ")
    });
    match members {
        Some(members) => format!("it brings the key of a group to {members}, and is no document"),
        None => "it brings the key of a group, and is no document".into(),
    }
}

/// A row of a listing.
pub(super) fn message_view(
    entry: &Entry,
    state: RecordState,
    record: Option<&Record>,
    services: &Services,
) -> MessageView {
    // Nobody acts upon what a void record says, so no listing shows it.
    let shown = !matches!(state, RecordState::Void | RecordState::Expired | RecordState::Erased);
    let document = record.filter(|_| shown).and_then(|record| opened(services, record).ok());
    let is_left_over = record
        .zip(document.as_ref())
        .is_some_and(|(record, document)| is_left_over(services, record, document));
    let state = if is_left_over { RecordState::Erased } else { state };
    let document = document.as_ref().filter(|_| !is_left_over);
    MessageView {
        id: entry.id.to_string(),
        position: entry.position.to_string(),
        from: entry.author().to_string(),
        to: record.map_or_else(
            || entry.to.iter().map(ToString::to_string).collect(),
            |record| addressees(services, record.header()),
        ),
        kind: kind_view(entry.kind),
        priority: entry.priority.into(),
        created_at_ms: entry.created_at.0,
        first_seen_ms: entry.first_seen.0,
        expires_at_ms: services.views(|views| views.lives().expiry(&entry.term)).map(|time| time.0),
        exercise: entry.exercise,
        state,
        subject: document.map(Document::title),
        reference: document.and_then(Document::reference).map(str::to_owned),
        language: document.map(|d| d.language().to_owned()),
        reply_to: document.and_then(Document::reply_to_reference).and_then(answered),
        body_bytes: entry.body_len,
        sealed: entry.sealed,
        body_here: record.is_some_and(|record| record.body().is_some()),
        standing: notices::standing_of(services, entry),
        delivery: None,
    }
}

/// The id of the answered record, where a reference ends in `(record ID)`.
fn answered(reference: &str) -> Option<String> {
    let (_, rest) = reference.rsplit_once('(')?;
    let id = rest.strip_suffix(')')?.strip_prefix(REPLY_WORD)?.strip_prefix(' ')?;
    RecordId::parse(id).ok().map(|id| id.to_string())
}

fn record_view(services: &Services, id: &str) -> Result<RecordView, Refusal> {
    let (record, first_seen) = find(services, id)?;
    let verdict = judge(&services.roster, &record);
    let entry = Entry::new(&record, verdict.err(), first_seen);
    let state = services.views(|views| views.state(&entry, services.now()));
    let document =
        document_of(services, &record).and_then(|document| entries::left_of(services, record.id(), document));
    let said = receipts::of_members(services, &record, |member| member == services.own)?;
    let said = said.get(&services.own).copied();
    let receipt_due = document.is_ok() && receipts::is_due(services, &record, said);
    Ok(RecordView {
        message: message_view(&entry, state, Some(&record), services),
        header: header_view(services, &record),
        verdict: VerdictView { state, reason: reason(state, verdict.err()) },
        files: document.as_ref().map_or_else(|_| Ok(Vec::new()), |d| files::views(services, &record, d))?,
        text: document.as_ref().ok().map(render),
        unreadable: document.as_ref().err().cloned(),
        document: document.ok().map(|document| document.to_json()),
        sealed: sealed_view(services, record.header()),
        erasure: erasures::view(services, &record),
        receipt: said.map(Said::view),
        receipt_due,
    })
}

fn sealed_view(services: &Services, header: &Header) -> Option<SealedView> {
    if !header.audience.is_closed() {
        return None;
    }
    let author = SealedReader { member: header.author.to_string(), key: ReaderKey::Author };
    let reader = |(member, prekey): (MemberId, PrekeyId)| SealedReader {
        member: member.to_string(),
        key: match services.views(|views| views.prekey_use(prekey)) {
            Some(Use::DAILY) => ReaderKey::Daily,
            Some(Use::FALLBACK) => ReaderKey::Fallback,
            _ => ReaderKey::Unknown,
        },
    };
    let readers = readers_and_prekeys(services, header).into_iter().map(reader);
    Some(SealedView { readers: std::iter::once(author).chain(readers).collect() })
}

fn reason(state: RecordState, void: Option<judge::Void>) -> Option<String> {
    match (state, void) {
        (_, Some(void)) => Some(void.to_string()),
        (RecordState::Disputed, None) => Some(
            "its log, or too many logs of its author, have two records at one place, here or before it"
                .into(),
        ),
        _ => None,
    }
}

fn header_view(services: &Services, record: &Record) -> HeaderView {
    let header: &Header = record.header();
    let ring = services.ring.load();
    HeaderView {
        lane: header.lane.into(),
        generation: header.generation,
        seq: header.seq,
        prev: header.prev.to_string(),
        roster_epoch: header.roster_epoch,
        kind: header.kind.0,
        priority: header.priority.0,
        retention: header.retention.0,
        flags: header.flags.0,
        body_commit: hex::encode(header.body_commit),
        signature: hex::encode(record.signature()),
        signed_by: ring.key(header.author, header.generation).map(|key| fingerprint(key.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answered_record_is_found_in_a_reference() {
        let id = "ab".repeat(32);
        assert_eq!(answered(&format!("NAI/2026/7 (record {id})")), Some(id.clone()));
        assert_eq!(answered(&format!("(record {id})")), Some(id.clone()));
        for other in
            ["NAI/2026/7", "(record)", "x (record 12)", &format!("record {id}"), &format!("(record {id}) x")]
        {
            assert_eq!(answered(other), None, "{other}");
        }
    }
}
