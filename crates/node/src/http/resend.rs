//! Sending an own message again to those who cannot open it.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use ecomesh_api::{FileRequest, Problem, ProblemCode, ResendRequest, SendRequest, Sent};
use ecomesh_document::file::AttachedFile;
use ecomesh_protocol::receipt::Outcome;
use ecomesh_record::{Flags, Header, Kind, MemberId, Time};

use super::extract::{ApiJson, Live};
use super::messages::{idempotency_key, send_now};
use super::{Refusal, Services, receipts, records};

/// Sends the document of an own message again, as a new record under the prekeys of today: to those who have said that
/// they cannot open it, or to the addressees that are named. As with a send, a retry with the same `idempotency-key`
/// within 7 days gives the same record.
#[utoipa::path(
    post, path = "/v1/records/{id}/resend", request_body = ResendRequest,
    params(
        ("id" = String, Path, description = "The id, or at least 6 digits of it"),
        ("idempotency-key" = Option<String>, Header, description = "Any text of at most 128 bytes, such as a UUID"),
    ),
    responses(
        (status = 201, body = Sent), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(crate) async fn resend(
    Live(services): Live,
    Path(id): Path<String>,
    headers: HeaderMap,
    ApiJson(request): ApiJson<ResendRequest>,
) -> Result<(StatusCode, Json<Sent>), Refusal> {
    let idempotency = idempotency_key(&headers)?;
    let again = services.read(move |services| again(services, &id, &request)).await?;
    send_now(&services, again, idempotency).await
}

/// The request that sends it again.
fn again(services: &Services, id: &str, request: &ResendRequest) -> Result<SendRequest, Refusal> {
    let (record, _) = records::find(services, id)?;
    let header = record.header();
    if header.author != services.own || header.kind.is_control() {
        let problem = Problem::new(ProblemCode::NotOwnRecord, "this is no message of this bureau");
        return Err(Refusal(
            problem.advice("only its sender can send it again; `ecomesh outbox` lists your own"),
        ));
    }
    if !matches!(header.kind, Kind::ECOMESSAGE | Kind::MESSAGE) {
        let problem = Problem::new(ProblemCode::BadRequest, "only a message is sent again");
        return Err(Refusal(problem.advice(
            "give a notice or an entry a new text with `ecomesh notice update` or `ecomesh db update`: it is sealed \
             to those who could not open it as well",
        )));
    }
    let document = records::document_of(services, &record).map_err(|why| {
        Refusal(Problem::new(ProblemCode::Closed, format!("it cannot be sent again: {why}")))
    })?;
    let to = addressees(services, header, &record, &request.to)?;
    // The parts are there already, for those to whom they were sent.
    let files = document.files().iter().map(file_request).collect();
    let document = document.with_files(Vec::new());
    let expires_at_ms = (header.expires_at > Time(0)).then_some(header.expires_at.0);
    Ok(SendRequest {
        document: document.to_json(),
        to,
        members: false,
        open: false,
        priority: Some(header.priority.into()),
        reply_to: None,
        expires_at_ms,
        exercise: header.flags.has(Flags::EXERCISE),
        files,
    })
}

fn file_request(file: &AttachedFile) -> FileRequest {
    FileRequest {
        name: file.name.to_string(),
        bytes: file.bytes.to_string().parse().unwrap_or(0),
        sha256: file.sha256.to_string(),
        parts: file.parts.iter().map(ToString::to_string).collect(),
    }
}

/// Who is named, else who has said that it cannot open it.
fn addressees(
    services: &Services,
    header: &Header,
    record: &ecomesh_record::Record,
    named: &[String],
) -> Result<Vec<String>, Refusal> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let said = receipts::of_members(services, record, |member| header.is_for(member))?;
    let closed: BTreeSet<MemberId> = said
        .into_iter()
        .filter(|(_, said)| said.outcome() == Outcome::CANNOT_OPEN)
        .map(|(member, _)| member)
        .collect();
    if closed.is_empty() {
        let problem =
            Problem::new(ProblemCode::NothingToResend, "no addressee has said that it cannot open it");
        return Err(Refusal(problem.advice(
            "`ecomesh status ID` shows who has what; to send it again all the same, name them: --to TZ,FR",
        )));
    }
    Ok(closed.iter().map(ToString::to_string).collect())
}
