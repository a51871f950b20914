//! Problems as answers.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ecomesh_api::{Problem, ProblemCode};
use ecomesh_protocol::AuthorError;
use ecomesh_seal::SealingError;

use crate::access_log::AccessLogError;
use crate::core_thread::CoreGone;
use crate::sealing::NotSealed;
use crate::vault::{KeepError, Locked};
use crate::views::NoPrekey;

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

/// A consultation that cannot be logged is not answered.
impl From<AccessLogError> for Refusal {
    fn from(error: AccessLogError) -> Self {
        let code = match error {
            AccessLogError::Full => ProblemCode::Full,
            _ => ProblemCode::Disk,
        };
        let text = error.to_string();
        let problem = match text.split_once("; ") {
            Some((message, advice)) => Problem::new(code, message).advice(advice),
            None => Problem::new(code, text).advice("look at the node's disk, then try again"),
        };
        Self(problem)
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

/// The node is locked.
impl From<Locked> for Refusal {
    fn from(locked: Locked) -> Self {
        Self(Problem::new(ProblemCode::Locked, locked.to_string()).advice("`ecomesh unlock` opens it"))
    }
}

/// Why a message was not sealed.
impl From<NotSealed> for Refusal {
    fn from(error: NotSealed) -> Self {
        let text = error.to_string();
        Self(match &error {
            NotSealed::NoPrekey(NoPrekey::None(_)) => Problem::new(ProblemCode::NoPrekey, text).advice(
                "it has one when its node has run once with a version that seals; until then leave that member out, or \
                 send the message openly (`--open`), so that every member can read it",
            ),
            NotSealed::NoPrekey(NoPrekey::Ended(_)) => Problem::new(ProblemCode::NoPrekey, text).advice(
                "its node was away for long; send again when `ecomesh prekeys` shows a new one, leave that member out, \
                 or send the message openly (`--open`), so that every member can read it",
            ),
            NotSealed::Locked(locked) => return (*locked).into(),
            NotSealed::Sealing(SealingError::TooLong { .. }) => {
                Problem::new(ProblemCode::TooLarge, text).advice("shorten it, or send it in parts")
            }
            NotSealed::Sealing(_) | NotSealed::Random(_) => {
                Problem::new(ProblemCode::Internal, text).advice("look at the node's log, then send again")
            }
        })
    }
}

/// Why the key of a message was not kept, so that the message was not recorded either.
impl From<KeepError> for Refusal {
    fn from(error: KeepError) -> Self {
        let code = match error {
            KeepError::Locked(locked) => return locked.into(),
            KeepError::Vault(_) => ProblemCode::Disk,
            KeepError::Busy => ProblemCode::Busy,
            KeepError::Stopped => ProblemCode::Stopping,
        };
        let advice = match code {
            ProblemCode::Disk => "look at the node's disk and restart it, then send again",
            _ => "try again in a moment, with the same idempotency key",
        };
        Self(Problem::new(code, error.to_string()).advice(advice))
    }
}
