//! Files that go with a message, a notice or a diffusion. Each part of a file is a record of its own in the lane for bulk, sealed like a message, and
//! kept by nobody but its author and its addressees. The message names the parts, so that its signature covers them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use ecomesh_api::limits::{FILE_BYTES_MAX, FILE_NAME_BYTES_MAX, FILES_MAX, PART_BYTES};
use ecomesh_api::{
    Detail, FileDelivery, FileRequest, FileStatus, FileView, PartQuery, PartSent, Problem, ProblemCode,
};
use ecomesh_document::Document;
use ecomesh_document::decimal::Decimal;
use ecomesh_document::file::AttachedFile;
use ecomesh_document::text::Line;
use ecomesh_protocol::Draft;
use ecomesh_record::{
    Audience, Flags, Kind, MemberId, Position, Priority, Record, RecordId, Retention, Time,
};
use sha2::{Digest, Sha256};

use super::archives::transfer;
use super::extract::{ApiQuery, Live, bad_request};
use super::messages::{self, Ready, idempotency_key, salt};
use super::secrecy::{self, Secrecy};
use super::{Refusal, Services, Shared, damaged, records};

/// Records a part of a file. The answer comes once it is durable; a retry with the same `idempotency-key` within 7 days
/// gives the same record, so an upload that broke off goes on where it was.
#[utoipa::path(
    post, path = "/v1/parts",
    params(
        PartQuery,
        ("idempotency-key" = Option<String>, Header, description = "Any text of at most 128 bytes, such as a UUID"),
    ),
    request_body(content = String, content_type = "application/octet-stream"),
    responses(
        (status = 201, body = PartSent), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(crate) async fn part(
    Live(services): Live,
    ApiQuery(query): ApiQuery<PartQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<PartSent>), Refusal> {
    let idempotency = idempotency_key(&headers)?;
    if body.is_empty() || body.len() > PART_BYTES {
        return Err(bad_request(format!(
            "the part has {} bytes; a part has 1 to {PART_BYTES}, and only the last one of a file fewer than that",
            body.len()
        )));
    }
    let mut to = query.to.as_deref().map_or_else(|| Ok(Vec::new()), messages::parse_members)?;
    let secrecy = match (query.open == Some(true) || to.is_empty(), query.group == Some(true)) {
        (true, false) => Secrecy::Open,
        (false, false) => Secrecy::Addressees,
        (false, true) if to.contains(&services.own) => {
            return Err(bad_request("a bureau is not named among the members of its own group"));
        }
        // Its header names nobody.
        (false, true) => Secrecy::Group(std::mem::take(&mut to)),
        (true, true) => {
            return Err(bad_request("a part that is open, or for all members, is sealed to no group"));
        }
    };
    let draft = Draft {
        kind: Kind::PART,
        priority: Priority::ROUTINE,
        // As documents.
        retention: Retention::YEARS_5,
        expires_at: query.expires_at_ms.map(Time),
        flags: Flags(
            if query.exercise == Some(true) { Flags::EXERCISE } else { 0 }
                | if to.is_empty() { 0 } else { Flags::ADDRESSEES_ONLY },
        ),
        content: body.to_vec(),
        salt: salt()?,
        idempotency,
        sealed: None,
        to,
    };
    // The semaphore is never closed.
    let _permit = services.sealing.acquire().await;
    let ready = secrecy::ready(&services, secrecy, draft, Vec::new()).await?;
    let Ready { draft, kept, .. } = ready;
    if let Some(kept) = kept {
        services.writer.keep(kept).await?;
    }
    let recorded = services.core.author(draft).await??;
    Ok((StatusCode::CREATED, Json(PartSent { id: recorded.id.to_string(), repeated: recorded.repeated })))
}

/// A file of a message, whole and checked.
#[utoipa::path(
    get, path = "/v1/records/{id}/files/{number}",
    params(
        ("id" = String, Path, description = "The id, or at least 6 digits of it"),
        ("number" = usize, Path, description = "1 for the first"),
    ),
    responses(
        (status = 200, body = String, content_type = "application/octet-stream"),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem),
    )
)]
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Live(services): Live,
    Path((id, number)): Path<(String, usize)>,
) -> Result<impl IntoResponse, Refusal> {
    // A file is whole in memory.
    let _permit = transfer(&shared)?;
    let bytes = services
        .read(move |services| {
            let (record, _) = records::find(services, &id)?;
            let document = records::document_of(services, &record).map_err(|why| {
                Refusal(Problem::new(ProblemCode::Closed, format!("it has no files to show: {why}")))
            })?;
            let file =
                number.checked_sub(1).and_then(|index| document.files().get(index)).ok_or_else(|| {
                    let count = document.files().len();
                    Refusal(
                        Problem::new(
                            ProblemCode::NotFound,
                            format!("the message has {count} files, and no number {number}"),
                        )
                        .advice("`ecomesh attachments ID` lists them"),
                    )
                })?;
            whole(services, &record, file)
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes))
}

/// The bytes of a file, put together from its parts.
fn whole(services: &Services, message: &Record, file: &AttachedFile) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    for (number, id) in (1_usize..).zip(&file.parts) {
        let part = part_of(services, message, id.as_str())?;
        let content = match &part {
            Some(part) => bytes_of(services, part)?,
            None => None,
        };
        let content = content.ok_or_else(|| {
            let count = file.parts.len();
            Refusal(
                Problem::new(
                    ProblemCode::NotFound,
                    format!("part {number} of {count} of {} is not here yet", file.name),
                )
                .advice(
                    "parts come after the message, from its sender or another addressee; try again later",
                ),
            )
        })?;
        bytes.extend_from_slice(&content);
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(wrong(file));
        }
    }
    if hex::encode(Sha256::digest(&bytes)) == file.sha256.as_str() { Ok(bytes) } else { Err(wrong(file)) }
}

fn wrong(file: &AttachedFile) -> Refusal {
    Refusal(
        Problem::new(ProblemCode::Closed, format!("{} is not what its sender has signed", file.name))
            .advice("ask the sender to send it again; nothing of it is shown"),
    )
}

/// The record of a part that a message names: it must be of the same author.
fn part_of(services: &Services, message: &Record, id: &str) -> Result<Option<Record>, Refusal> {
    let Ok(id) = RecordId::parse(id) else { return Ok(None) };
    let Some(position) = services.reader.find(id).map_err(|e| damaged(&e))? else { return Ok(None) };
    let record = services.reader.record(position).map_err(|e| damaged(&e))?;
    let author = message.header().author;
    Ok(record.filter(|part| part.header().kind == Kind::PART && part.header().author == author))
}

/// What a part holds; nothing while its body is not here.
fn bytes_of(services: &Services, part: &Record) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(body) = part.body() else { return Ok(None) };
    if !part.header().audience.is_closed() {
        return Ok(Some(body.content().to_vec()));
    }
    let opened = services.mail.open(part);
    let opened = opened.map_err(|closed| Refusal(Problem::new(ProblemCode::Closed, closed.to_string())))?;
    Ok(Some(opened.to_vec()))
}

/// The files of a document.
pub(super) fn views(
    services: &Services,
    message: &Record,
    document: &Document,
) -> Result<Vec<FileView>, Refusal> {
    let mut views = Vec::new();
    for file in document.files() {
        let mut here = 0;
        for id in &file.parts {
            here +=
                u64::from(part_of(services, message, id.as_str())?.is_some_and(|part| part.body().is_some()));
        }
        views.push(FileView {
            name: file.name.to_string(),
            bytes: length(file),
            sha256: file.sha256.to_string(),
            parts: file.parts.len() as u64,
            here,
        });
    }
    Ok(views)
}

fn length(file: &AttachedFile) -> u64 {
    file.bytes.to_string().parse().unwrap_or(0)
}

/// Where the parts of a document's files stand, file by file.
pub(super) fn places(services: &Services, message: &Record) -> Result<Vec<(String, Vec<Position>)>, Refusal> {
    let Ok(document) = records::document_of(services, message) else { return Ok(Vec::new()) };
    let mut places = Vec::new();
    for file in document.files() {
        let mut of_file = Vec::new();
        for id in &file.parts {
            of_file.extend(part_of(services, message, id.as_str())?.map(|part| part.position()));
        }
        places.push((file.name.to_string(), of_file));
    }
    Ok(places)
}

/// Ids of the records that go with a message: what becomes of it becomes of them.
pub(super) fn parts(services: &Services, message: &Record) -> Result<Vec<RecordId>, Refusal> {
    let Ok(document) = records::document_of(services, message) else { return Ok(Vec::new()) };
    let mut ids = Vec::new();
    for id in document.files().iter().flat_map(|file| &file.parts) {
        ids.extend(part_of(services, message, id.as_str())?.map(|part| part.id()));
    }
    Ok(ids)
}

/// How far the files of an own message have come.
pub(super) async fn status(
    services: &Services,
    places: Vec<(String, Vec<Position>)>,
) -> Result<Vec<FileStatus>, Refusal> {
    let all: Vec<Position> = places.iter().flat_map(|(_, positions)| positions.iter().copied()).collect();
    let look = move |core: &crate::core_thread::NodeCore, _| {
        let of = |position: Position| core.delivery(position).map(|delivery| (position, delivery.delivered));
        all.into_iter().filter_map(of).collect::<BTreeMap<_, _>>()
    };
    let found = services.core.query(look).await?;
    let of_file = |(name, positions): (String, Vec<Position>)| {
        let mut delivered: BTreeMap<MemberId, u64> = BTreeMap::new();
        for (member, at) in positions.iter().filter_map(|position| found.get(position)).flatten() {
            *delivered.entry(*member).or_default() += u64::from(at.is_some());
        }
        let delivery = |(member, parts): (MemberId, u64)| FileDelivery { member: member.to_string(), parts };
        FileStatus {
            name,
            parts: positions.len() as u64,
            delivered: delivered.into_iter().map(delivery).collect(),
        }
    };
    Ok(places.into_iter().map(of_file).collect())
}

/// A form must not name files by itself: their parts would be checked by nobody. `path` is the field that names them.
pub(super) fn check_named_by_nobody(document: &Document, path: &str) -> Result<(), Refusal> {
    if document.files().is_empty() {
        return Ok(());
    }
    Err(messages::wrong_field(Detail {
        path: path.into(),
        message: "the form names files whose parts nobody has checked".into(),
        advice: "leave the field out; `--attach` fills it in".into(),
    }))
}

/// The files of a message that is to be sent, if their parts are recorded, for all its addressees, and sealed as it is.
pub(super) fn attached(
    services: &Services,
    files: &[FileRequest],
    to: &[MemberId],
    expires_at: Option<Time>,
    secrecy: &Secrecy,
) -> Result<Vec<AttachedFile>, Refusal> {
    if files.len() > FILES_MAX {
        return Err(bad_request(format!("{} files; at most {FILES_MAX} go with a message", files.len())));
    }
    files.iter().map(|file| attach(services, file, to, expires_at, secrecy)).collect()
}

fn attach(
    services: &Services,
    file: &FileRequest,
    to: &[MemberId],
    expires_at: Option<Time>,
    secrecy: &Secrecy,
) -> Result<AttachedFile, Refusal> {
    check_name(&file.name)?;
    let count = usize::try_from(file.bytes.div_ceil(PART_BYTES as u64)).unwrap_or(usize::MAX);
    if !(1..=FILE_BYTES_MAX).contains(&file.bytes) || file.parts.len() != count {
        return Err(bad_request(format!(
            "{} has {} bytes in {} parts; a file has 1 to {FILE_BYTES_MAX} bytes, in parts of {PART_BYTES}",
            file.name,
            file.bytes,
            file.parts.len()
        )));
    }
    let is_hash = file.sha256.len() == 64
        && file.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !is_hash {
        return Err(bad_request("the SHA-256 of a file is 64 digits, 0-9 and a-f"));
    }
    let mut parts = Vec::new();
    for id in &file.parts {
        let (part, _) = records::find(services, id)?;
        check_part(services, &part, to, secrecy)?;
        // What the message says ends with it, wherever it stands.
        if expires_at.is_some_and(|end| part.header().expires_at > end) {
            return Err(Refusal(
                Problem::new(
                    ProblemCode::BadDocument,
                    format!("{} expires later than the message", part.id().short()),
                )
                .advice("record the parts anew, with the expiry of the message"),
            ));
        }
        parts.push(part.id());
    }
    let internal = |_| bad_request(format!("{:?} is no name of a file", file.name));
    Ok(AttachedFile {
        name: Line::new(&file.name).map_err(internal)?,
        bytes: Decimal::parse(&file.bytes.to_string())
            .map_err(|_| bad_request("this length is no number"))?,
        sha256: Line::new(&file.sha256).map_err(internal)?,
        parts: parts
            .iter()
            .map(|id| Line::new(&id.to_string()))
            .collect::<Result<_, _>>()
            .map_err(internal)?,
    })
}

fn check_part(services: &Services, part: &Record, to: &[MemberId], secrecy: &Secrecy) -> Result<(), Refusal> {
    let header = part.header();
    let for_all =
        if to.is_empty() { header.to.is_empty() } else { to.iter().all(|member| header.is_for(*member)) };
    let sealed_alike = match (secrecy, &header.audience) {
        (Secrecy::Open, Audience::Open) | (Secrecy::Addressees, Audience::Sealed { .. }) => true,
        (Secrecy::Group(members), Audience::Group { .. }) => {
            let readers = services.mail.group_members(header);
            readers.is_ok_and(|readers| readers.iter().map(|(member, _)| member).eq(members))
        }
        _ => false,
    };
    let fits = header.kind == Kind::PART && header.author == services.own && for_all && sealed_alike;
    if fits {
        return Ok(());
    }
    Err(Refusal(
        Problem::new(
            ProblemCode::BadDocument,
            format!("{} is no part of a file for these addressees", part.id().short()),
        )
        .advice("record the parts anew, for the same members as the message, and sealed as it is"),
    ))
}

/// A name that every system can write, and that leads out of no folder.
fn check_name(name: &str) -> Result<(), Refusal> {
    let good = !name.is_empty()
        && name.len() <= FILE_NAME_BYTES_MAX
        && !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':' | '\0'));
    if good { Ok(()) } else { Err(bad_request(format!("{name:?} is no name of a file"))) }
}
