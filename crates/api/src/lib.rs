//! Types and client of the HTTP API of an ecomesh node.
//!
//! A node serves one API, under `/v1`, on a Unix socket in its home folder and, if that is switched on, on loopback
//! TCP with a token. The command line, a web console and any other program use this API and nothing else; the node
//! itself describes it at `/openapi.json`.
//!
//! * What bureaus send and read: [`SendRequest`], [`Sent`], [`Listing`], [`RecordView`], [`StatusView`].
//! * What operators look at: [`NodeView`], [`PeersView`], [`FrontierView`], [`NetworkView`].
//! * What happens, as it happens: [`Event`], by Server-Sent Events.
//! * What goes wrong: one shape, [`Problem`], with a stable [`ProblemCode`].
//!
//! [`Client`] speaks it. Times are milliseconds since 1970-01-01 UTC and end in `_ms`; ids and keys are lower-case
//! hexadecimal digits; members are their letters (`KE`).

mod archive;
mod client;
mod entry;
mod erasure;
mod event;
mod file;
pub mod limits;
mod lock;
mod message;
mod node;
mod notice;
mod prekey;
mod problem;
mod receipt;
mod record;
pub mod socket;

pub use archive::{ExportQuery, Imported};
pub use client::{Client, ClientError, EventStream, Received};
pub use entry::{
    AsOfView, EntryDetail, EntryDraft, EntryListing, EntryQuery, EntryStanding, EntryView, FindAnswer,
    FindRequest, FoundKind, FoundView, HitListing, HitRequest, HitView, IgnoredView, KnownAnswer,
    KnownRequest, KnownView, LineListing, LineQuery, LineView, ViewerQuery, WithdrawRequest, WithdrawnView,
};
pub use erasure::{
    EraseReason, EraseRequest, ErasureConfirmation, ErasureStatus, ErasureView, ErasuresView, ExtendReason,
    ExtendRequest, ExtensionView, ExtensionsView,
};
pub use event::{Event, EventEnvelope};
pub use file::{FileDelivery, FileRequest, FileStatus, FileView, PartQuery, PartSent};
pub use lock::{LockView, UnlockRequest};
pub use message::{
    DocumentKind, Listing, ListingQuery, MessageView, Priority, RecordState, SendRequest, Sent, SentState,
};
pub use node::{
    FrontierEntryView, FrontierQuery, FrontierView, Health, LaneName, MemberView, NetworkView, NodeView,
    PeerView, PeersView, Ready, RoomView,
};
pub use notice::{
    AwaitedView, CaseKind, NextView, NoticeAudience, NoticeDetail, NoticeDraft, NoticeListing, NoticeQuery,
    NoticeStanding, NoticeView, StepRequest, StepSent, StepView, StuckWhy, VotesView,
};
pub use prekey::{KeptFor, KnownPrekeyView, MemberPrekeyView, OwnPrekeyView, PrekeyUse, PrekeysView};
pub use problem::{Detail, Problem, ProblemCode};
pub use receipt::{ReceiptOutcome, ReceiptRequest, ReceiptView, RefusalReason};
pub use record::{
    DeliveryView, HeaderView, ReaderKey, RecipientView, RecordView, ResendRequest, SealedReader, SealedView,
    StatusView, VerdictView,
};

/// The prefix of all routes but the four for operation (`/health`, `/ready`, `/metrics`, `/openapi.json`).
pub const PREFIX: &str = "/v1";
/// Header that makes a retry of a send safe: the same key within 7 days gives the same record.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Media type of an archive.
pub const ARCHIVE_TYPE: &str = "application/vnd.ecomesh.archive";
