//! Why a client got no answer, sorted by who must act.

use thiserror::Error;

use crate::{Problem, ProblemCode};

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("the node is not running: nobody answers at {endpoint}")]
    NodeNotRunning {
        /// Socket or address.
        endpoint: String,
    },
    /// The operating system does not let this user in.
    #[error("this user may not talk to the node at {endpoint}")]
    NotAllowed {
        /// Socket or address.
        endpoint: String,
    },
    /// The node wants another token.
    #[error("the node refuses the token")]
    Unauthorized,
    /// The node is starting.
    #[error("the node is starting: {0}")]
    Starting(String),
    /// The node says no, and why.
    #[error("{}", .0.message)]
    Refused(Problem),
    /// The request cannot be made: the caller's mistake.
    #[error("{0}")]
    Request(String),
    /// The node did not answer in time.
    #[error("the node did not answer within {seconds} s")]
    Timeout {
        /// How long was waited.
        seconds: u64,
    },
    /// What answers is no node, or the connection broke.
    #[error("the node's answer is not understood: {0}")]
    Protocol(String),
    /// What came could not be written.
    #[error("the archive cannot be written: {0}")]
    Output(String),
}

impl ClientError {
    /// What the reader should do next.
    pub fn advice(&self) -> String {
        match self {
            Self::NodeNotRunning { .. } => {
                "start it with `ecomesh run`, or name its folder with --home if it is another one".into()
            }
            Self::NotAllowed { .. } => "run this as the user that runs the node".into(),
            Self::Unauthorized => "give the token that stands in the node's token file".into(),
            Self::Starting(_) => "try again in a moment; GET /ready tells how far it is".into(),
            Self::Refused(problem) => problem.advice.clone(),
            Self::Request(_) => String::new(),
            Self::Timeout { .. } => {
                "look at the node's log; a send may be repeated with the same idempotency key".into()
            }
            Self::Protocol(_) => {
                "check that the node runs the same version; a send may be repeated with the same idempotency key".into()
            }
            Self::Output(_) => "make space, or choose another file".into(),
        }
    }

    /// Sorts what the node answered.
    pub(super) fn of(problem: Problem) -> Self {
        match problem.code {
            ProblemCode::Unauthorized => Self::Unauthorized,
            ProblemCode::Starting => Self::Starting(problem.message),
            _ => Self::Refused(problem),
        }
    }

    /// Sorts what the operating system said to a connect.
    pub(super) fn connect(endpoint: &str, error: &std::io::Error) -> Self {
        let endpoint = endpoint.to_owned();
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::NotAllowed { endpoint },
            _ => Self::NodeNotRunning { endpoint },
        }
    }
}
