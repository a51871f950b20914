//! Files that go with a message: their bytes travel in parts, each a record of its own, sealed like the message.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Query of `POST /v1/parts`, whose body is a part of a file: the bytes as they are, at most
/// [`crate::limits::PART_BYTES`]. Parts are sent before the message that names them, to the same members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PartQuery {
    /// The addressees' letters, separated by commas. Absent: all members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Do not seal it. What is to all members is never sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// Seal it to the group of the addressees, with a key that they share: for what goes with a text that is sealed so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<bool>,
    /// When it expires: not later than the message that names it; if absent, as late as the network allows for messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
    /// An exercise, not a real case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exercise: Option<bool>,
}

/// The answer to a part, given once its record is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartSent {
    /// The record's id.
    pub id: String,
    /// Whether an earlier request with the same idempotency key had made the record.
    pub repeated: bool,
}

/// A file of a message that is to be sent: all its parts are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRequest {
    /// Its name, without folders: at most 255 bytes.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, 64 digits.
    pub sha256: String,
    /// Ids of the records of its parts, in their order; all but the last one of
    /// [`crate::limits::PART_BYTES`] bytes.
    pub parts: Vec<String>,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileView {
    /// Its name, as its sender gave it: no path.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Number of its parts.
    pub parts: u64,
    /// Of these, parts that are here.
    pub here: u64,
}

/// How far a file of an own message has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileStatus {
    /// Its name.
    pub name: String,
    /// Number of its parts.
    pub parts: u64,
    /// For each addressee, how many of them its own signed frontier covers.
    pub delivered: Vec<FileDelivery>,
}

/// How much of a file an addressee holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileDelivery {
    /// The addressee.
    pub member: String,
    /// Parts that it holds.
    pub parts: u64,
}
