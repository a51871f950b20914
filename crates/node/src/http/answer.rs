//! Problems as answers.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ecomesh_api::{Problem, ProblemCode};
use ecomesh_protocol::AuthorError;

use crate::core_thread::CoreGone;

/// A problem on its way to the client: status, and the problem as JSON.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Problem);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0)).into_response()
    }
}

impl From<CoreGone> for Refusal {
    fn from(gone: CoreGone) -> Self {
        let code = match gone {
            CoreGone::Busy => ProblemCode::Busy,
            CoreGone::Stopped => ProblemCode::Stopping,
        };
        Self(
            Problem::new(code, gone.to_string())
                .advice("try again in a moment, with the same idempotency key"),
        )
    }
}

/// What the core refused to write. Most of its sentences carry their advice behind a semicolon.
impl From<AuthorError> for Refusal {
    fn from(error: AuthorError) -> Self {
        let code = match &error {
            AuthorError::UnknownAddressee(_) => ProblemCode::UnknownMember,
            AuthorError::ToItself(_) => ProblemCode::OwnMember,
            AuthorError::TooManyAddressees(_) => ProblemCode::TooManyAddressees,
            AuthorError::TooLong(_) => ProblemCode::TooLarge,
            AuthorError::Void(_) => ProblemCode::WouldBeVoid,
            AuthorError::IdempotencyKeyReused => ProblemCode::IdempotencyKeyReused,
            AuthorError::Full => ProblemCode::Full,
            AuthorError::OverBudget => ProblemCode::OverBudget,
            AuthorError::Recovering(_) => ProblemCode::Recovering,
            AuthorError::Discredited => ProblemCode::Discredited,
            AuthorError::Busy => ProblemCode::Busy,
            AuthorError::Disk(_) => ProblemCode::Disk,
        };
        let text = error.to_string();
        let problem = match (&error, text.split_once("; ")) {
            (_, Some((message, advice))) => Problem::new(code, message).advice(advice),
            (AuthorError::Void(_), None) => Problem::new(code, text).advice(
                "leave the expiry out, or choose a time in the future and within the retention class",
            ),
            (_, None) => {
                Problem::new(code, text).advice("look at the node's log and its disk, then send again")
            }
        };
        Self(problem)
    }
}
