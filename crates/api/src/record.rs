//! One record in full, and how far it has come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::erasure::{ErasureStatus, ErasureView};
use crate::file::{FileStatus, FileView};
use crate::message::{MessageView, RecordState};
use crate::node::LaneName;
use crate::receipt::ReceiptView;

/// `GET /v1/records/{id}`: a record as this node holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecordView {
    /// What a listing shows of it. For a control record, subject and the like are absent.
    pub message: MessageView,
    /// The header's fields.
    pub header: HeaderView,
    /// Whether it follows the rules.
    pub verdict: VerdictView,
    /// The document in its JSON form; absent if the body is not here, expired, or of a kind that this version does
    /// not know.
    #[schema(value_type = Option<Object>)]
    pub document: Option<serde_json::Value>,
    /// The document as people read it.
    pub text: Option<String>,
    /// Why the document cannot be shown, if it cannot.
    pub unreadable: Option<String>,
    /// Files that go with it; empty if it cannot be read.
    #[serde(default)]
    pub files: Vec<FileView>,
    /// To whom it is sealed, and how well; absent if everybody can read it.
    #[serde(default)]
    pub sealed: Option<SealedView>,
    /// That its author has erased what it says.
    #[serde(default)]
    pub erasure: Option<ErasureView>,
    /// What this bureau has told the author of it.
    #[serde(default)]
    pub receipt: Option<ReceiptView>,
    /// Whether whoever shows it to an officer should tell the author: `POST /v1/records/{id}/receipt`, `opened`.
    #[serde(default)]
    pub receipt_due: bool,
}

/// How a record is sealed: to X25519 and ML-KEM-768 prekeys, of which both must be broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SealedView {
    /// Who can read it: its author, and its addressees or the members of its group; of a group of which nothing is known
    /// here the author alone.
    pub readers: Vec<SealedReader>,
}

/// Somebody who can read a sealed record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SealedReader {
    /// The member.
    pub member: String,
    /// Which key opens it for this member.
    pub key: ReaderKey,
}

/// What a record is sealed to for one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReaderKey {
    /// The author has kept the content key.
    Author,
    /// A prekey of the day, destroyed within days.
    Daily,
    /// A fallback prekey, which lives for weeks: lower secrecy.
    Fallback,
    /// A prekey that is not known here.
    #[serde(other)]
    Unknown,
}

/// The header's fields that no listing shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeaderView {
    /// Which of the four chains.
    pub lane: LaneName,
    /// Generation of the log.
    pub generation: u32,
    /// Place in the log.
    pub seq: u64,
    /// Id of the record before it.
    pub prev: String,
    /// The roster epoch that the author knew.
    pub roster_epoch: u32,
    /// The kind's number.
    pub kind: u16,
    /// The priority's number.
    pub priority: u8,
    /// The retention class.
    pub retention: u8,
    /// The marks, as a number.
    pub flags: u16,
    /// Commitment to the body.
    pub body_commit: String,
    /// Ed25519, 128 digits.
    pub signature: String,
    /// Fingerprint of the key that the signature was checked with.
    pub signed_by: Option<String>,
}

/// Whether a record follows the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerdictView {
    /// How it stands.
    pub state: RecordState,
    /// The rule that it breaks, or where its log has forked.
    pub reason: Option<String>,
}

/// How far one's own message has come, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// Other members that hold it, by their signed frontiers.
    pub held: u64,
    /// Other members of the network.
    pub members: u64,
    /// Addressees to whom it is delivered.
    pub delivered: u64,
    /// Addressees.
    pub addressees: u64,
}

/// `GET /v1/records/{id}/status`: how far one's own message has come. `recorded` → `held by n` → `delivered to X` →
/// `opened`, `refused` or `cannot open` by X.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusView {
    /// The record's id.
    pub id: String,
    /// Its place, as `KE/1/0/5`.
    pub position: String,
    /// When it was durable here.
    pub recorded_at_ms: u64,
    /// The same in numbers.
    pub delivery: DeliveryView,
    /// Other members whose signed frontiers cover it without a hole.
    pub held_by: Vec<String>,
    /// One for each addressee, ascending; all other members if it is to all.
    pub recipients: Vec<RecipientView>,
    /// How far the files that go with it have come.
    #[serde(default)]
    pub files: Vec<FileStatus>,
    /// Who has destroyed what it says, if it was erased.
    #[serde(default)]
    pub erasure: Option<ErasureStatus>,
}

impl StatusView {
    /// Whether every addressee holds it, with all its files.
    pub fn is_delivered(&self) -> bool {
        self.recipients.iter().all(|recipient| recipient.delivered_at_ms.is_some())
            && self.files.iter().all(|file| file.delivered.iter().all(|one| one.parts == file.parts))
    }

    /// Whether every member has said that it has destroyed what the message says.
    pub fn is_erased(&self) -> bool {
        self.erasure.as_ref().is_some_and(|erasure| erasure.unconfirmed.is_empty())
    }

    /// Whether every addressee has said what became of it.
    pub fn is_answered(&self) -> bool {
        self.recipients.iter().all(|recipient| recipient.receipt.is_some())
    }
}

/// An addressee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecipientView {
    /// Its letters.
    pub member: String,
    /// The bureau's name.
    pub name: String,
    /// This node's clock when the addressee's own signed frontier first covered the record; absent if it does not
    /// yet.
    pub delivered_at_ms: Option<u64>,
    /// What the addressee says became of it, in a record that it has signed.
    #[serde(default)]
    pub receipt: Option<ReceiptView>,
}

/// `POST /v1/records/{id}/resend`: sends the document of an own message again, as a new record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendRequest {
    /// To whom; empty: to those who have said that they cannot open it.
    #[serde(default)]
    pub to: Vec<String>,
}
