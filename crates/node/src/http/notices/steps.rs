//! Steps in the life of a notice or diffusion: reviews, and what its source does.

use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use ecomesh_api::{Detail, Problem, ProblemCode, StepRequest, StepSent};
use ecomesh_document::Document;
use ecomesh_document::projection::notices::Case;
use ecomesh_protocol::Draft;
use ecomesh_record::{Flags, Kind, Priority, Retention};
use serde_json::{Map, Value, json};

use super::{find, show, wait_for, would};
use crate::http::extract::{ApiJson, Live};
use crate::http::messages::{bad_document, encoded, record, salt, sealed_unless, wrong_field};
use crate::http::{Refusal, Services, records};

/// Takes a step: a review, a suspension, a renewal, a cancellation. The answer comes once it is durable, and says where the
/// notice stands then.
#[utoipa::path(
    post, path = "/v1/notices/{id}/steps", request_body = StepRequest,
    params(("id" = String, Path, description = "The id of any of its records, or at least 6 digits of it")),
    responses(
        (status = 201, body = StepSent), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(in crate::http) async fn step(
    Live(services): Live,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<StepRequest>,
) -> Result<(StatusCode, Json<StepSent>), Refusal> {
    let (document, case, after_ms) = services.read(move |services| prepare(services, &id, &request)).await?;
    wait_for(after_ms).await?;
    let sent = write(&services, &document).await?;
    let case_id = case.id().to_string();
    let notice = services
        .read(move |services| {
            let (case, first) = find(services, &case_id)?;
            Ok(show::view(services, &case, &first))
        })
        .await?;
    Ok((StatusCode::CREATED, Json(StepSent { id: sent.id, notice })))
}

/// The step, if the rules allow it now.
fn prepare(services: &Services, id: &str, request: &StepRequest) -> Result<(Document, Case, u64), Refusal> {
    let (case, _) = find(services, id)?;
    let form = form(services, &case, request)?;
    let (document, _) = Document::from_json(&form).map_err(|report| bad_document(&report))?;
    let what = match &document {
        Document::NoticeStep(step) => step.what(),
        _ => None,
    };
    let what = what.ok_or_else(|| {
        wrong_field(Detail {
            path: "step".into(),
            message: "the step lacks what such a step needs".into(),
            advice: "give its reason; of a renewal the new last day too".into(),
        })
    })?;
    would(services, &case, what)?;
    let after_ms = case.last_ms();
    Ok((document, case, after_ms))
}

fn form(services: &Services, case: &Case, request: &StepRequest) -> Result<Value, Refusal> {
    let mut form = Map::new();
    form.insert("form".into(), "notice-step".into());
    form.insert("notice".into(), case.id().to_string().into());
    form.insert("step".into(), request.step.clone().into());
    if matches!(request.step.as_str(), "approve" | "return" | "refuse") {
        form.insert("version".into(), text_read(services, case, request.text.as_deref())?.into());
    }
    if !request.missing.is_empty() {
        form.insert("missing".into(), json!(request.missing));
    }
    if let Some(reason) = &request.reason {
        let field = match request.step.as_str() {
            "cancel" => "cancellation",
            "withdraw" => "withdrawal",
            "renew" => "reason",
            _ => "refusal",
        };
        form.insert(field.into(), reason.clone().into());
    }
    if let Some(until) = &request.until {
        form.insert("until".into(), until.clone().into());
    }
    Ok(Value::Object(form))
}

/// The record of the text that a reviewer has read. Where there are several, the reviewer says which: otherwise a text that
/// came in between would be approved unread.
fn text_read(services: &Services, case: &Case, named: Option<&str>) -> Result<String, Refusal> {
    let texts: Vec<_> = case.records().filter_map(|id| case.text_of(id)).collect();
    if let Some(named) = named {
        let (read, _) = records::find(services, named)?;
        return Ok(read.id().to_string());
    }
    match texts[..] {
        [text] => Ok(text.place.id.to_string()),
        _ => Err(Refusal(
            Problem::new(
                ProblemCode::BadRequest,
                "this notice has several texts, and a review holds for one of them",
            )
            .advice("name the text that you have read (--text, `text`): `ecomesh notice show` tells its id"),
        )),
    }
}

async fn write(services: &Arc<Services>, document: &Document) -> Result<ecomesh_api::Sent, Refusal> {
    let draft = Draft {
        kind: Kind::NOTICE_STEP,
        // What hides something must not wait.
        priority: Priority::URGENT,
        to: Vec::new(),
        retention: Retention(document.retention()),
        expires_at: None,
        flags: Flags(0),
        content: encoded(document)?,
        salt: salt()?,
        idempotency: None,
        sealed: None,
    };
    let ready = sealed_unless(true, services, draft, Vec::new())?;
    record(services, ready).await
}
