//! Locking a node, and opening it again.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/lock` and `POST /v1/unlock`: how the node stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockView {
    /// Whether it is locked: it carries records, and shows and takes no documents.
    pub locked: bool,
    /// Whether a locked node stays so when it is started again; false if that could not be written down.
    #[serde(default = "yes")]
    pub lasts: bool,
}

fn yes() -> bool {
    true
}

/// `POST /v1/unlock`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    /// The passphrase of the node's vault.
    pub passphrase: String,
}

impl fmt::Debug for UnlockRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnlockRequest(..)")
    }
}
