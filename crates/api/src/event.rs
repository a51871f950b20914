//! What happens on a node, as it happens.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::message::{DocumentKind, RecordState};
use crate::receipt::{ReceiptOutcome, RefusalReason};

/// `GET /v1/events`: the data of one Server-Sent Event (WHATWG HTML, "Server-sent events"). The event's name is
/// `type`; after a reconnect with the last id as `Last-Event-ID` the stream goes on behind it, as far as the node
/// remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A record is durable here.
    Stored {
        /// The record's id.
        id: String,
        /// Its place, as `KE/1/0/5`.
        position: String,
        /// Who wrote it.
        from: String,
        /// What the document is; absent for control records.
        document: Option<DocumentKind>,
        /// How it stands.
        state: RecordState,
        /// Whether it is for this bureau.
        for_us: bool,
    },
    /// An addressee's signed frontier shows that it holds one of our records.
    Delivered {
        /// The record's id.
        id: String,
        /// The addressee.
        member: String,
        /// This node's clock when the evidence came.
        at_ms: u64,
    },
    /// A member says what became of a record.
    Receipt {
        /// The record's id, not the receipt's.
        id: String,
        /// Who says it.
        member: String,
        /// What became of it.
        outcome: ReceiptOutcome,
        /// Why it is refused, or cannot be opened.
        reason: Option<RefusalReason>,
    },
    /// A record is erased: it is hidden from now on.
    Erased {
        /// The record's id, not the erasure's.
        id: String,
    },
    /// A member says that it has destroyed an erased record.
    Destroyed {
        /// The record's id.
        id: String,
        /// Who says it.
        member: String,
    },
    /// The operator should know something.
    Alarm {
        /// What.
        message: String,
    },
    /// A log has two records at one place.
    Forked {
        /// The log, as `KE/1/0`.
        log: String,
        /// The place.
        seq: u64,
    },
    /// Events between the last one seen and this one are not remembered: read the listings again.
    Missed,
    /// An event of a newer node.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// The event's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stored { .. } => "stored",
            Self::Delivered { .. } => "delivered",
            Self::Receipt { .. } => "receipt",
            Self::Erased { .. } => "erased",
            Self::Destroyed { .. } => "destroyed",
            Self::Alarm { .. } => "alarm",
            Self::Forked { .. } => "forked",
            Self::Missed => "missed",
            Self::Unknown => "unknown",
        }
    }
}

/// An event with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventEnvelope {
    /// For `Last-Event-ID`. Opaque: a restarted node counts anew, and knows by the id that it did.
    pub id: String,
    /// What happened.
    pub event: Event,
}
