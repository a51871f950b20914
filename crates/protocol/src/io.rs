//! Everything that goes into the core and everything that comes out of it: two closed enums.
//!
//! The shell (`ecomesh-node`) turns events of the network, the verify pool and the clients into [`Input`]s, and
//! each [`Output`] into one effect.

use std::fmt;
use std::sync::Arc;

use ecomesh_record::{Audience, Flags, ForkProof, Kind, MemberId, Priority, RecordId, Retention, Time};
use thiserror::Error;

use crate::judge::Void;
use crate::ledger::LedgerError;
use crate::limits::FORKED_LOGS_MAX;
use crate::verify::{KeyRing, Verified};
use crate::wire::{Answer, PushReport, Question};

/// The two clocks of a moment. The wall clock is written into records and only raises flags; the monotonic one
/// paces everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since 1970-01-01 UTC.
    pub wall: Time,
    /// Milliseconds since some moment; never goes back.
    pub mono: u64,
}

/// The Ed25519 key behind a peer's transport identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 32]);

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a client wants to send, or has the node say to the network. The core adds position, predecessor, time and
/// signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What it is: a document (256 or more), or a receipt. Only the node itself opens generations.
    pub kind: Kind,
    /// How urgent.
    pub priority: Priority,
    /// For whom; empty means all members. Any order; the core sorts.
    pub to: Vec<MemberId>,
    /// Bounds the life of the body; [`Retention::CONTROL`] for control records.
    pub retention: Retention,
    /// When the body expires; `None`: as late as the retention class allows.
    pub expires_at: Option<Time>,
    /// Marks.
    pub flags: Flags,
    /// The content of the body, at most 1 MiB.
    pub content: Vec<u8>,
    /// 32 random bytes. Of a sealed body, which is another one at each try, they also tell a retry from another request:
    /// the same for the same request, and nothing that anybody else could guess.
    pub salt: [u8; 32],
    /// Makes a retry safe: within 7 days the same key gives the same record.
    pub idempotency: Option<[u8; 32]>,
    /// For a body that was sealed: what [`crate::author::header_to_seal`] said, and what sealing added to it.
    pub sealed: Option<SealedTo>,
}

impl Draft {
    /// A control record that the node itself writes: for all, kept for ever, and urgent, since others act upon it.
    pub fn control(kind: Kind, content: Vec<u8>, salt: [u8; 32]) -> Self {
        Self {
            kind,
            priority: Priority::URGENT,
            to: Vec::new(),
            retention: Retention::CONTROL,
            expires_at: None,
            flags: Flags::default(),
            content,
            salt,
            idempotency: None,
            sealed: None,
        }
    }
}

/// What a sealed body is bound to, beside what a [`Draft`] says anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedTo {
    /// The prekeys in the order of `to`, which must be ascending, and the commitment to the content key.
    pub audience: Audience,
    /// The time that is written into the header.
    pub created_at: Time,
    /// The expiry that is written into the header.
    pub expires_at: Time,
}

/// What the client gets when its record is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The record's id.
    pub id: RecordId,
    /// Its place.
    pub position: ecomesh_record::Position,
    /// When it was written.
    pub created_at: Time,
    /// Whether an earlier request with the same idempotency key had made it.
    pub repeated: bool,
}

/// Why a draft was not recorded. Nothing of it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthorError {
    /// An addressee that is no member.
    #[error("{0} is not a member of this network; `ecomesh network` lists the members")]
    UnknownAddressee(MemberId),
    /// The own country.
    #[error("{0} is your own bureau; a message goes to other members")]
    ToItself(MemberId),
    /// More than 64 addressees.
    #[error("{0} addressees; name at most 64, or address all members")]
    TooManyAddressees(usize),
    /// The content is longer than 1 MiB.
    #[error("the content has {0} bytes; at most 1,048,576 fit one record")]
    TooLong(usize),
    /// Not a document, or a retention class or expiry that the network does not allow.
    #[error("the network would hold this record to be void: {0}")]
    Void(#[from] Void),
    /// The same idempotency key for another content.
    #[error("this idempotency key was used for another message; use a new key")]
    IdempotencyKeyReused,
    /// No space.
    #[error("the node has no space left and takes no new records; free disk space and send again")]
    Full,
    /// The journal could not be written.
    #[error("the node's journal cannot be written: {0}")]
    Disk(String),
    /// The own budget is used up.
    #[error("this bureau's budget of records is used up; it grows by 64 MiB a day, send again later")]
    OverBudget,
    /// A generation must be opened first; try again soon.
    #[error("the node is asking its peers for this bureau's history before it may write; try again in {0} s")]
    Recovering(u64),
    /// So many of the own logs have forked that the network takes nothing more from this bureau.
    #[error(
        "this bureau's key has signed contradicting records in {FORKED_LOGS_MAX} logs, and the network believes no new \
         one; find out who else has the key, and agree with the other members about a new one"
    )]
    Discredited,
    /// Too many drafts wait.
    #[error("too many messages are waiting to be recorded; send again in a moment")]
    Busy,
}

/// What became of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Records that are new here and durable.
    pub new: u64,
    /// Records that were here.
    pub known: u64,
    /// Records whose predecessors are not here.
    pub early: u64,
    /// Records that do not verify or contradict what is here.
    pub refused: u64,
}

/// Everything that goes into the core.
#[derive(Debug)]
pub enum Input {
    /// A link to a peer that is not known yet stands, made by us: say hello.
    StrangerReached {
        /// The peer.
        peer: PeerKey,
    },
    /// A peer says hello and waits for an answer.
    HelloReceived {
        /// The peer.
        peer: PeerKey,
        /// Names the exchange, for [`Output::HelloReply`].
        exchange: u64,
        /// At most [`crate::limits::HELLO_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// The answer to our hello.
    HelloAnswered {
        /// The peer.
        peer: PeerKey,
        /// At most [`crate::limits::HELLO_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// A full link to an admitted peer stands.
    LinkUp {
        /// The peer.
        peer: PeerKey,
    },
    /// The last full link to a peer is gone.
    LinkDown {
        /// The peer.
        peer: PeerKey,
    },
    /// A push message, as the verify pool found it.
    Pushed {
        /// Names the message, for [`Output::Verdict`].
        token: u64,
        /// The peer that passed it on.
        from: PeerKey,
        /// What was in it.
        report: PushReport,
    },
    /// A peer's question, decoded by the verify pool. `Err` is blamed.
    Asked {
        /// The peer.
        peer: PeerKey,
        /// Names the exchange, for [`Output::Respond`].
        exchange: u64,
        /// What it asks.
        question: Result<Question, String>,
    },
    /// The answer to one of our questions, verified by the pool. `Err` is blamed.
    Answered {
        /// The peer.
        peer: PeerKey,
        /// The number given in [`Output::Ask`].
        request: u64,
        /// What it says.
        answer: Result<Answer, String>,
    },
    /// No answer came to one of our questions; nobody is to blame.
    AskFailed {
        /// The peer.
        peer: PeerKey,
        /// The number given in [`Output::Ask`].
        request: u64,
    },
    /// A client wants a record written.
    Author {
        /// Names the request, for [`Output::Authored`].
        ticket: u64,
        /// What to write.
        draft: Box<Draft>,
    },
    /// Verified records from an archive, with the number of those that the pool refused.
    Import {
        /// Names the request, for [`Output::Imported`].
        ticket: u64,
        /// The records, in any order.
        records: Vec<Verified>,
        /// How many were refused before.
        refused: u64,
    },
    /// The shell read a record of the store and found its body missing or damaged.
    BodyMissing {
        /// The record.
        id: RecordId,
    },
    /// The shell could not read the store.
    LedgerFailed {
        /// What it said.
        error: LedgerError,
    },
    /// A peer sent what no honest peer sends, seen by the shell.
    Misbehaved {
        /// The peer.
        peer: PeerKey,
        /// What it did.
        reason: String,
    },
}

/// What the network is told about a push message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushVerdict {
    /// Pass it on.
    Accept,
    /// Do not pass it on; its forwarder is to blame.
    Reject,
    /// Do not pass it on; nobody is to blame.
    Ignore,
}

/// Everything that comes out of the core.
#[derive(Debug)]
pub enum Output {
    /// Say hello to a stranger that we reached.
    SayHello {
        /// The peer.
        peer: PeerKey,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Answer a stranger's hello; `admit` before the answer leaves, so that its redial finds the door open.
    HelloReply {
        /// The exchange of [`Input::HelloReceived`].
        exchange: u64,
        /// The peer.
        peer: PeerKey,
        /// The frame.
        bytes: Vec<u8>,
        /// The member, if the peer is its node.
        admit: Option<MemberId>,
    },
    /// A peer whose hello was an answer to ours is a member's node: let it in and redial.
    Admit {
        /// The peer.
        peer: PeerKey,
        /// Whose node it is.
        member: MemberId,
    },
    /// The peer was restarted: drop all its connections and dial again.
    Reset {
        /// The peer.
        peer: PeerKey,
    },
    /// This peer is no longer let in (its member has a new transport key).
    Forget {
        /// The peer.
        peer: PeerKey,
    },
    /// Make links with these members, even beyond what is wanted otherwise, until the next output of this kind: their
    /// word is waited for, and there is no link with them. It matters only where not everybody has links with all.
    Seek {
        /// The members, ascending.
        members: Vec<MemberId>,
    },
    /// Close all links to a peer and refuse it for a while.
    Block {
        /// The peer.
        peer: PeerKey,
        /// For how long, in milliseconds.
        millis: u64,
        /// What it did.
        reason: String,
    },
    /// Push a message to all.
    Publish {
        /// The topic: 0, 1 or 2.
        topic: u8,
        /// The message.
        bytes: Vec<u8>,
    },
    /// What to do with a push message.
    Verdict {
        /// The token of [`Input::Pushed`].
        token: u64,
        /// Pass it on or not.
        verdict: PushVerdict,
    },
    /// Ask a peer.
    Ask {
        /// The peer.
        peer: PeerKey,
        /// Names the request.
        request: u64,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Answer a peer.
    Respond {
        /// The exchange of [`Input::Asked`].
        exchange: u64,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// What became of a client's draft. Only after the record is durable.
    Authored {
        /// The ticket of [`Input::Author`].
        ticket: u64,
        /// The record, or why there is none.
        result: Result<Recorded, AuthorError>,
    },
    /// What became of an import. Only after the records are durable.
    Imported {
        /// The ticket of [`Input::Import`].
        ticket: u64,
        /// The counts.
        result: Result<Imported, AuthorError>,
    },
    /// A record is durable here.
    Stored {
        /// The record.
        record: Arc<Verified>,
        /// Whether it is valid or void.
        verdict: Result<(), Void>,
        /// When it was first seen here.
        first_seen: Time,
    },
    /// A record erases the bodies of others: they are hidden from now on. Its own place may not be reached yet.
    Erased {
        /// The erasure.
        record: Arc<Verified>,
        /// When this node saw it.
        seen_at: Time,
    },
    /// The body of a record that was here is not any more: it was destroyed.
    Destroyed {
        /// The record's place.
        position: ecomesh_record::Position,
    },
    /// A body that was missing is durable here.
    Filled {
        /// The record's place.
        position: ecomesh_record::Position,
    },
    /// A member's signed frontier shows that it holds one of our records that is for it. Kept, never unsaid.
    Delivered {
        /// The record.
        id: RecordId,
        /// Its place.
        position: ecomesh_record::Position,
        /// The addressee.
        member: MemberId,
        /// This node's clock when the evidence came.
        at: Time,
    },
    /// The keys changed: verify with these from now on.
    Keys(Arc<KeyRing>),
    /// A log has forked.
    Forked(ForkProof),
    /// Something that the operator should know; rate-limited by the core.
    Alarm(Alarm),
    /// The process must end at once: a sync failed.
    Fatal(String),
}

/// What the operator should know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Alarm {
    /// The store is full: no records are taken.
    #[error("no space left: the node takes no new records until there is space, and stays readable")]
    Full,
    /// There is space again.
    #[error("there is space again: the node takes records")]
    SpaceAgain,
    /// A new generation of the own logs was opened.
    #[error(
        "this bureau's logs go on in generation {0}, since the node could not be sure of its own history"
    )]
    GenerationOpened(u32),
    /// The own clock is far from the peers'.
    #[error("this node's clock is {0} s away from the median of its peers: check the time service")]
    ClockSkew(i64),
    /// A peer's clock is far off.
    #[error("the clock of {0} is {1} s away from the median of all")]
    PeerClockSkew(MemberId, i64),
    /// A peer was cut off.
    #[error("{member:?} was cut off for {millis} ms: {reason}")]
    Blamed {
        /// Whose node, if known.
        member: Option<MemberId>,
        /// For how long, in milliseconds.
        millis: u64,
        /// What it did.
        reason: String,
    },
    /// An author is over its budget.
    #[error("the records of {0} are beyond its budget: its messages are not pulled until tomorrow")]
    OverBudget(MemberId),
    /// A node that was reached is not let in, or does not let us in.
    #[error("a node was reached that is not linked: {0}")]
    HelloRefused(String),
    /// The evidence of delivery was damaged and begins anew.
    #[error(
        "the evidence of delivery was damaged and begins anew: deliveries are proved again by the next frontiers"
    )]
    EvidenceReplaced,
    /// Own records are in the journal under another storage key.
    #[error(
        "the bodies of {0} own records in the journal do not open with this storage key; what no other member holds of them is lost, unless the vault or the file storage.key of their time comes back"
    )]
    JournalClosed(usize),
    /// Part of what is stored is damaged and is fetched again.
    #[error("{0} records are damaged or incomplete here and are fetched again from peers")]
    Holes(usize),
}
