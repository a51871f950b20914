//! Taking back what one's own messages say, and keeping it for longer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why messages are erased. Words go into a message of their own: an erasure is readable by all members, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EraseReason {
    /// What it was sent for is done.
    PurposeMet,
    /// What it says is not true, or not true any more.
    Inaccurate,
    /// It should not have been sent, by the law or the rules of the network.
    Unlawful,
    /// A court has ordered it.
    CourtOrder,
    /// A data-protection authority has ruled so.
    DataProtection,
    /// It was sent by mistake, or to the wrong addressee.
    SentInError,
    /// Another message takes its place.
    Superseded,
    /// Another reason, told in a message.
    Other,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why messages are kept beyond their expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExtendReason {
    /// The case goes on.
    StillNeeded,
    /// A court has ordered it.
    RetentionOrder,
    /// Another reason, told in a message.
    Other,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// `POST /v1/erasures`: takes back what own messages say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseRequest {
    /// The messages, 1 to 64: ids, or at least 6 digits of each.
    pub ids: Vec<String>,
    /// Why.
    pub reason: EraseReason,
}

/// The answer: one for each message, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasuresView {
    /// The messages.
    pub erasures: Vec<ErasureView>,
}

/// That a message was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasureView {
    /// The message.
    pub id: String,
    /// The record that erases it.
    pub erasure: String,
    /// Why.
    pub reason: EraseReason,
    /// When, by the clock of the bureau that wrote it.
    pub at_ms: u64,
    /// From when on this node destroys what the message says. Until then it is hidden, in case that the erasure is undone.
    pub destroyed_from_ms: u64,
    /// Whether this node has destroyed it.
    pub destroyed: bool,
}

/// How far an erasure has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasureStatus {
    /// The erasure.
    pub erasure: ErasureView,
    /// Members that have said, in signed records, that they have destroyed what the message says; ascending.
    pub confirmed: Vec<ErasureConfirmation>,
    /// Members that have not said so yet, ascending; the own bureau is one of them until its own hold is over.
    pub unconfirmed: Vec<String>,
}

/// A member's word that it has destroyed what a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasureConfirmation {
    /// The member.
    pub member: String,
    /// When it said so, by its own clock.
    pub at_ms: u64,
}

/// `POST /v1/extensions`: keeps what own messages say beyond their expiry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendRequest {
    /// The messages, 1 to 64: ids, or at least 6 digits of each.
    pub ids: Vec<String>,
    /// Until when; not beyond what the retention class of each allows from now on.
    pub until_ms: u64,
    /// Why.
    pub reason: ExtendReason,
}

/// The answer: one for each message, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExtensionsView {
    /// The messages.
    pub extensions: Vec<ExtensionView>,
}

/// When a message expires now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExtensionView {
    /// The message.
    pub id: String,
    /// Its expiry.
    pub expires_at_ms: u64,
}
