//! Taking back what own messages say, and keeping it for longer; and how far an erasure has come.

mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use ecomesh_api::{
    EraseReason, EraseRequest, ErasureConfirmation, ErasureStatus, ErasureView, ErasuresView, ExtendReason,
    ExtendRequest, ExtensionView, ExtensionsView, Problem, ProblemCode,
};
use ecomesh_protocol::erasure::{Erase, Erased, Extend, Ground, TARGETS_MAX};
use ecomesh_protocol::lives::{Erasure, HOLD_MS, Lives, Term};
use ecomesh_protocol::{Draft, judge};
use ecomesh_record::{Kind, MemberId, Record, RecordId, Time};

use super::extract::{ApiJson, Live, bad_request};
use super::messages::salt;
use super::{Refusal, Services, damaged, files, records};
use crate::founding::text::time_text;

/// Takes back what own messages say: every node hides it at once, and destroys it three days later. The answer comes once
/// that is durable here. To erase again what is erased changes nothing.
#[utoipa::path(
    post, path = "/v1/erasures", request_body = EraseRequest,
    responses(
        (status = 200, body = ErasuresView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(crate) async fn erase(
    Live(services): Live,
    ApiJson(request): ApiJson<EraseRequest>,
) -> Result<Json<ErasuresView>, Refusal> {
    let ground = ground_of(ERASING, request.reason)?;
    allowed(&services, Kind::ERASE)?;
    let messages = own_messages(&services, request.ids).await?;
    let messages = services.read(move |services| whole(services, messages)).await?;
    let left: Vec<RecordId> = services.views(|views| {
        let is_left = |record: &&Record| views.lives().erasure_of(&Term::of(record)).is_none();
        messages.iter().filter(is_left).map(Record::id).collect()
    });
    let extended = messages.iter().filter(|message| left.contains(&message.id()));
    let key_records: BTreeSet<RecordId> = extended.filter_map(|m| m.header().audience.key_record()).collect();
    let mut all: Vec<RecordId> = key_records.into_iter().collect();
    all.extend(with_parts(&services, &messages, left).await?);
    for some in all.chunks(TARGETS_MAX) {
        let content = Erase::new(ground, some.iter().copied()).map(|erase| erase.encode());
        write(&services, Kind::ERASE, content).await?;
    }
    let erasures = messages.iter().filter_map(|record| view(&services, record)).collect();
    Ok(Json(ErasuresView { erasures }))
}

/// These messages, and all that is erased with them, each once.
fn whole(services: &Services, messages: Vec<Record>) -> Result<Vec<Record>, Refusal> {
    let mut all: Vec<Record> = Vec::new();
    for message in messages {
        for record in whole::with_all_texts(services, message)? {
            if all.iter().all(|other| other.id() != record.id()) {
                all.push(record);
            }
        }
    }
    Ok(all)
}

/// Keeps what own messages say beyond their expiry. The answer comes once that is durable here.
#[utoipa::path(
    post, path = "/v1/extensions", request_body = ExtendRequest,
    responses(
        (status = 200, body = ExtensionsView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(crate) async fn extend(
    Live(services): Live,
    ApiJson(request): ApiJson<ExtendRequest>,
) -> Result<Json<ExtensionsView>, Refusal> {
    let ground = ground_of(EXTENDING, request.reason)?;
    allowed(&services, Kind::EXTEND)?;
    let until = Time(request.until_ms);
    let messages = own_messages(&services, request.ids).await?;
    let mut left = Vec::new();
    for record in &messages {
        let known = services.views(|views| check_extension(views.lives(), record, until, services.now()))?;
        left.extend((known < until).then(|| record.id()));
    }
    let all = with_parts(&services, &messages, left).await?;
    for some in all.chunks(TARGETS_MAX) {
        let content = Extend::new(ground, until, some.iter().copied()).map(|extend| extend.encode());
        write(&services, Kind::EXTEND, content).await?;
    }
    let expiry = |record: &Record| services.views(|views| views.lives().expiry(&Term::of(record)));
    let extension = |record: &Record| {
        Some(ExtensionView { id: record.id().to_string(), expires_at_ms: expiry(record)?.0 })
    };
    Ok(Json(ExtensionsView { extensions: messages.iter().filter_map(extension).collect() }))
}

/// Keeps the first text of a notice or an entry for as long as a new one lives: without it nobody would know of what that is a
/// new text. As long as its retention class allows.
pub(super) async fn keep_first(services: &Services, first: &Record, until: Time) -> Result<(), Refusal> {
    let term = Term::of(first);
    let kept = services.views(|views| {
        let latest = services.now().after(views.lives().longest(term.retention));
        let until = until.min(latest);
        views.lives().expiry(&term).is_some_and(|expiry| expiry < until).then_some(until)
    });
    let Some(until) = kept else { return Ok(()) };
    if !services.roster.allows_control(services.roster.epoch(), Kind::EXTEND) {
        return Ok(());
    }
    // And the record that says who reads it.
    let kept = first.header().audience.key_record().into_iter().chain([first.id()]);
    let content = Extend::new(Ground::STILL_NEEDED, until, kept).map(|extend| extend.encode());
    write(services, Kind::EXTEND, content).await
}

/// These messages, and before each the parts of its files: if the node stops in between, the message still names them.
async fn with_parts(
    services: &Arc<Services>,
    messages: &[Record],
    ids: Vec<RecordId>,
) -> Result<Vec<RecordId>, Refusal> {
    let messages: Vec<Record> = messages.iter().filter(|m| ids.contains(&m.id())).cloned().collect();
    services
        .read(move |services| {
            let mut all = Vec::new();
            for message in &messages {
                all.extend(files::parts(services, message)?);
                all.push(message.id());
            }
            Ok(all)
        })
        .await
}

/// When a message expires so far, if it can be kept until this time.
fn check_extension(lives: &Lives, record: &Record, until: Time, now: Time) -> Result<Time, Refusal> {
    let term = Term::of(record);
    let id = record.id().short();
    if lives.erasure_of(&term).is_some() {
        return Err(Refusal(
            Problem::new(ProblemCode::WouldBeVoid, format!("message {id} was erased"))
                .advice("an erasure is not taken back; send a new message"),
        ));
    }
    let latest = now.after(lives.longest(term.retention));
    if until > latest {
        return Err(Refusal(
            Problem::new(ProblemCode::WouldBeVoid, format!("message {id} cannot be kept for so long"))
                .advice(format!(
                    "its retention class allows until {} now; it can be extended again before that",
                    time_text(latest)
                )),
        ));
    }
    // A message without an expiry is a control record, which `own_messages` does not find.
    Ok(lives.expiry(&term).unwrap_or(until))
}

/// The records with these ids, each once, if all are messages of this bureau.
async fn own_messages(services: &Arc<Services>, ids: Vec<String>) -> Result<Vec<Record>, Refusal> {
    if !(1..=TARGETS_MAX).contains(&ids.len()) {
        return Err(bad_request(format!(
            "{} messages are named; name 1 to {TARGETS_MAX} at once",
            ids.len()
        )));
    }
    services
        .read(move |services| {
            let mut found: Vec<Record> = Vec::new();
            for id in &ids {
                let (record, _) = records::find(services, id)?;
                check_own(services, &record)?;
                if found.iter().all(|other| other.id() != record.id()) {
                    found.push(record);
                }
            }
            Ok(found)
        })
        .await
}

fn check_own(services: &Services, record: &Record) -> Result<(), Refusal> {
    let (header, id) = (record.header(), record.id().short());
    if header.kind.is_control() {
        return Err(Refusal(
            Problem::new(ProblemCode::NotOwnRecord, format!("record {id} is a control record"))
                .advice("control records stay for ever: the network needs them to check all others"),
        ));
    }
    if header.kind == Kind::GROUP_KEY {
        return Err(Refusal(
            Problem::new(ProblemCode::NotOwnRecord, format!("record {id} brings the key of a group"))
                .advice("erase what is sealed to the group: without its key nobody could open the rest"),
        ));
    }
    if header.author != services.own {
        return Err(Refusal(
            Problem::new(ProblemCode::NotOwnRecord, format!("message {id} was written by {}", header.author))
                .advice("each country decides about its own data: ask the bureau that wrote it"),
        ));
    }
    Ok(())
}

/// Whether the charter of this network has these control records.
fn allowed(services: &Services, kind: Kind) -> Result<(), Refusal> {
    if services.roster.allows_control(services.roster.epoch(), kind) {
        return Ok(());
    }
    Err(Refusal(
        Problem::new(ProblemCode::WouldBeVoid, "the charter of this network was made without erasures")
            .advice(
                "what messages say goes when they expire; ask the addressees to delete what they have copied",
            ),
    ))
}

/// Writes a control record; returns when it is durable.
async fn write<E: std::fmt::Display>(
    services: &Services,
    kind: Kind,
    content: Result<Result<Vec<u8>, ecomesh_record::codec::TooLarge>, E>,
) -> Result<(), Refusal> {
    // At most 64 ids, which fit: `own_messages` sees to it.
    let content =
        content.ok().and_then(Result::ok).ok_or_else(|| bad_request("too many messages at once"))?;
    services.core.author(Draft::control(kind, content, salt()?)).await??;
    Ok(())
}

/// That a record was erased, if it was.
pub(super) fn view(services: &Services, record: &Record) -> Option<ErasureView> {
    services.views(|views| {
        let (erasure, found) = views.lives().erasure_of(&Term::of(record))?;
        Some(view_of(services, record, erasure, found))
    })
}

fn view_of(services: &Services, record: &Record, id: RecordId, erasure: &Erasure) -> ErasureView {
    ErasureView {
        id: record.id().to_string(),
        erasure: id.to_string(),
        reason: reason_of(ERASING, erasure.ground).unwrap_or(EraseReason::Unknown),
        at_ms: erasure.written_at.0,
        destroyed_from_ms: erasure.seen_at.after(HOLD_MS).0,
        destroyed: services.reader.is_excused(record.position()),
    }
}

/// How far the erasure of a record has come, if it was erased.
pub(super) fn status(services: &Services, record: &Record) -> Result<Option<ErasureStatus>, Refusal> {
    let Some(erasure) = view(services, record) else { return Ok(None) };
    let mut confirmed: BTreeMap<MemberId, Time> = BTreeMap::new();
    for position in services.views(|views| views.destroyed(record.id())) {
        let Some(written) = services.reader.record(position).map_err(|e| damaged(&e))? else { continue };
        let erased = written.body().and_then(|body| Erased::decode(body.content()).ok());
        let names_it = erased.is_some_and(|erased| erased.targets().binary_search(&record.id()).is_ok());
        if names_it && judge(&services.roster, &written).is_ok() {
            confirmed.entry(position.log.author).or_insert_with(|| written.header().created_at);
        }
    }
    let members: BTreeSet<MemberId> = services.roster.members().map(|m| m.member).collect();
    let unconfirmed = members.iter().filter(|member| !confirmed.contains_key(member));
    let unconfirmed = unconfirmed.map(ToString::to_string).collect();
    let confirmation =
        |(member, at): (MemberId, Time)| ErasureConfirmation { member: member.to_string(), at_ms: at.0 };
    Ok(Some(ErasureStatus {
        erasure,
        confirmed: confirmed.into_iter().map(confirmation).collect(),
        unconfirmed,
    }))
}

const ERASING: &[(Ground, EraseReason)] = &[
    (Ground::PURPOSE_MET, EraseReason::PurposeMet),
    (Ground::INACCURATE, EraseReason::Inaccurate),
    (Ground::UNLAWFUL, EraseReason::Unlawful),
    (Ground::COURT_ORDER, EraseReason::CourtOrder),
    (Ground::DATA_PROTECTION, EraseReason::DataProtection),
    (Ground::SENT_IN_ERROR, EraseReason::SentInError),
    (Ground::SUPERSEDED, EraseReason::Superseded),
    (Ground::OTHER, EraseReason::Other),
];

const EXTENDING: &[(Ground, ExtendReason)] = &[
    (Ground::STILL_NEEDED, ExtendReason::StillNeeded),
    (Ground::RETENTION_ORDER, ExtendReason::RetentionOrder),
    (Ground::OTHER, ExtendReason::Other),
];

fn ground_of<R: PartialEq + Copy>(table: &[(Ground, R)], reason: R) -> Result<Ground, Refusal> {
    let known = table.iter().find(|(_, view)| *view == reason).map(|(ground, _)| *ground);
    known.ok_or_else(|| bad_request("this reason does not exist"))
}

fn reason_of<R: Copy>(table: &[(Ground, R)], ground: Ground) -> Option<R> {
    table.iter().find(|(known, _)| *known == ground).map(|(_, view)| *view)
}
