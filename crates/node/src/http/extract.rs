//! Reading requests, with problems of this API for whatever does not fit.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use ecomesh_api::{Problem, ProblemCode};
use serde::de::DeserializeOwned;

use super::{Refusal, Services, Shared};

/// The running node; refused while it starts or stops.
pub(crate) struct Live(pub(crate) Arc<Services>);

impl FromRequestParts<Arc<Shared>> for Live {
    type Rejection = Refusal;
    async fn from_request_parts(_: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        shared.services().map(Self)
    }
}

/// A JSON body.
pub(crate) struct ApiJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for ApiJson<T> {
    type Rejection = Refusal;
    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        match Json::<T>::from_request(request, shared).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(refuse_json(&rejection)),
        }
    }
}

/// A query.
pub(crate) struct ApiQuery<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Shared>> for ApiQuery<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        match Query::<T>::from_request_parts(parts, shared).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(bad_request(rejection.body_text())),
        }
    }
}

/// A request that is not of the form that the API wants.
pub(crate) fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal(
        Problem::new(ProblemCode::BadRequest, message)
            .advice("correct what was given: --help behind the command tells what it takes, GET /openapi.json what the API takes"),
    )
}

/// A body beyond its bound.
pub(crate) fn too_large(max: u64) -> Refusal {
    Refusal(
        Problem::new(ProblemCode::TooLarge, format!("the body has more than the {max} bytes that are taken"))
            .advice("send less at once"),
    )
}

fn refuse_json(rejection: &JsonRejection) -> Refusal {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => Refusal(
            Problem::new(ProblemCode::UnsupportedMediaType, "the body is not declared as JSON")
                .advice("add the header content-type: application/json"),
        ),
        JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(_))
            if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE =>
        {
            too_large(ecomesh_api::limits::REQUEST_BYTES_MAX as u64)
        }
        other => bad_request(other.body_text()),
    }
}
