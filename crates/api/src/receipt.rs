//! What an addressee says became of a message.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What became of a message at an addressee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptOutcome {
    /// An officer has read it.
    Opened,
    /// The bureau does not act upon it; the reason says why.
    Refused,
    /// It cannot be read there.
    CannotOpen,
    /// An outcome that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why a message is refused, or cannot be opened. Words go into a message of their own: a receipt is readable by all members, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// Another bureau or agency is competent.
    NotCompetent,
    /// Items are missing without which nothing can be done.
    Incomplete,
    /// The same came before.
    Duplicate,
    /// The law of the addressee does not allow it.
    Unlawful,
    /// It was meant for somebody else.
    WrongAddressee,
    /// It cannot be opened: the key that it is sealed to is destroyed or lost there. Send it again.
    PrekeyGone,
    /// It cannot be opened: what is sealed does not open, whoever made it so.
    DoesNotOpen,
    /// Another reason, told in a message.
    Other,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// `POST /v1/records/{id}/receipt`: what this bureau says to the author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptRequest {
    /// `opened` or `refused`.
    pub outcome: ReceiptOutcome,
    /// For a refusal, and for nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefusalReason>,
}

/// A receipt as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptView {
    /// What became of the message.
    pub outcome: ReceiptOutcome,
    /// Why it is refused, or cannot be opened.
    #[serde(default)]
    pub reason: Option<RefusalReason>,
    /// When it was written, by the clock of the bureau that wrote it.
    pub at_ms: u64,
}
