//! What desk officers do: send, and list what came and went.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::file::FileRequest;
use crate::record::DeliveryView;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// The structured report of an environmental crime.
    Ecomessage,
    /// Free text.
    Message,
    /// The text of a notice that a bureau asks for.
    Notice,
    /// The text of a diffusion.
    Diffusion,
    /// A step in the life of a notice or diffusion.
    NoticeStep,
    /// An entry of a database.
    Entry,
    /// The withdrawal of an entry.
    EntryStep,
    /// A search that found another country's entry.
    Hit,
    /// Many entries of a database.
    EntryBatch,
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

/// How urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// At once: never waits behind anything.
    Flash,
    /// Soon.
    Urgent,
    /// In turn.
    Routine,
}

impl From<ecomesh_record::Priority> for Priority {
    fn from(priority: ecomesh_record::Priority) -> Self {
        match priority.topic() {
            0 => Self::Flash,
            1 => Self::Urgent,
            _ => Self::Routine,
        }
    }
}

impl From<Priority> for ecomesh_record::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Flash => Self::FLASH,
            Priority::Urgent => Self::URGENT,
            Priority::Routine => Self::ROUTINE,
        }
    }
}

/// `POST /v1/messages`: a document and for whom it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// The document in its JSON form, whose field `form` says what it is: `ecomessage` or `message`.
    #[schema(value_type = Object)]
    pub document: serde_json::Value,
    /// The addressees' letters, at most 64. If this is empty and `members` is false, the addressees that the
    /// document itself names are taken.
    #[serde(default)]
    pub to: Vec<String>,
    /// To all members; then `to` stays empty.
    #[serde(default)]
    pub members: bool,
    /// Do not seal it: every member's node can read it. What is to all members is never sealed.
    #[serde(default)]
    pub open: bool,
    /// How urgent; if absent, as the document says, else routine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Id, or at least 6 digits of it, of the record that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// When the body expires; if absent, as late as the network allows for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
    /// An exercise, not a real case.
    #[serde(default)]
    pub exercise: bool,
    /// Files that go with it, at most 16, whose parts are recorded already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileRequest>,
}

/// The answer to a send, given once the record is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sent {
    /// The record's id.
    pub id: String,
    /// Its place, as `KE/1/0/5`: author, lane, generation, sequence number.
    pub position: String,
    /// When it was written.
    pub created_at_ms: u64,
    /// Always `recorded`: what comes later is told by the record's status.
    pub state: SentState,
    /// Whether an earlier request with the same idempotency key had made the record.
    pub repeated: bool,
    /// For whom it is; empty means all members. Of what its form closes to some, those who can read it, though its header
    /// names nobody.
    pub to: Vec<String>,
    /// Whether it is sealed to them, so that nobody else can read it.
    #[serde(default)]
    pub sealed: bool,
    /// Addressees for whom no prekey of the day was known, so that it is sealed to one that lives longer: who steals that
    /// in the meantime can read it.
    #[serde(default)]
    pub lower_secrecy: Vec<String>,
    /// What should be looked at again in the document; it was sent as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<crate::Detail>,
}

/// How far a record is when the send returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SentState {
    /// Durable on this node.
    Recorded,
}

/// Query of `GET /v1/inbox` and `GET /v1/outbox`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListingQuery {
    /// Only from this member (inbox) or to this member (outbox).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Only what arrived (inbox) or was written (outbox) at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Entries of the page, 1 to 500; 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Also what is void, disputed, early, expired or erased, marked as such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
}

/// A page of messages, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listing {
    /// The messages.
    pub messages: Vec<MessageView>,
    /// Ask with this as `cursor` for what is older; absent at the end.
    pub next: Option<String>,
}

/// How a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// In its place, and by the rules.
    Valid,
    /// It breaks a rule: kept, never acted upon.
    Void,
    /// Its log has forked at or before it.
    Disputed,
    /// Its predecessors are not here yet.
    Early,
    /// Its body has expired.
    Expired,
    /// Its author has erased its body.
    Erased,
}

/// A message in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// The record's id.
    pub id: String,
    /// Its place, as `KE/1/0/5`.
    pub position: String,
    /// Who wrote it.
    pub from: String,
    /// For whom it is; empty means all members.
    pub to: Vec<String>,
    /// What the document is.
    pub kind: DocumentKind,
    /// How urgent.
    pub priority: Priority,
    /// The author's clock when it was written.
    pub created_at_ms: u64,
    /// This node's clock when it came.
    pub first_seen_ms: u64,
    /// When the body expires, with all that its author has said of it since.
    pub expires_at_ms: Option<u64>,
    /// An exercise, not a real case.
    pub exercise: bool,
    /// How the record stands.
    pub state: RecordState,
    /// What it is about, in one line; absent if the body is not here or not readable.
    pub subject: Option<String>,
    /// The sender's own reference.
    pub reference: Option<String>,
    /// Language of the free texts (`en`).
    pub language: Option<String>,
    /// Id of the record that this one answers.
    pub reply_to: Option<String>,
    /// Length of the body in bytes; of a sealed one, with all that sealing adds.
    pub body_bytes: u32,
    /// Whether it is sealed to its addressees.
    #[serde(default)]
    pub sealed: bool,
    /// Whether the body is here.
    pub body_here: bool,
    /// Of a notice or diffusion where it stands: what is not in force is not to be acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<crate::NoticeStanding>,
    /// How far one's own message has come; only in the outbox.
    pub delivery: Option<DeliveryView>,
}
