//! Export and import of archives.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Query of `GET /v1/export`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Only the logs of this member; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// A log starts at its first record written at this time or later. The control lanes are always whole: they
    /// hold the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Only this record, by its id or at least 6 digits of it, with the records that lead to the key of its signature:
    /// a proof of it. Then `from` and `since_ms` stay absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// `POST /v1/import`: what became of the records of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// New here, and durable.
    pub new: u64,
    /// Here before.
    pub known: u64,
    /// Their predecessors are not here: they are shown as early, or come again by sync.
    pub early: u64,
    /// They do not verify, or contradict what is here.
    pub refused: u64,
}
