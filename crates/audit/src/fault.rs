//! What can be wrong with an archive, and where.

use std::fmt;

use ecomesh_protocol::FoundingError;
use ecomesh_record::archive::ArchiveError;
use ecomesh_record::body::BodyError;
use ecomesh_record::codec::DecodeError;
use ecomesh_record::header::HeaderError;
use ecomesh_record::{LogId, MemberId, NetworkId, Position, RecordId};
use ecomesh_seal::OpenBodyError;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use thiserror::Error;

/// One fault: where it is and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What.
    pub what: What,
}

/// Where a fault is, as exactly as can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole, or the part that cannot be read.
    Archive,
    /// The section that begins at this byte of the file; it is too damaged to name its record.
    Offset(u64),
    /// A log as a whole.
    Log(LogId),
    /// A record.
    Record(Position, RecordId),
    /// A position of a log, of which a fork proof speaks.
    Position(Position),
}

/// What is wrong. Sorted by what it concerns: the file, the network, a record by itself, its place, its body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum What {
    /// The container; nothing after this could be read.
    #[error("{0}")]
    Container(#[from] ArchiveError),
    /// The charter founds no network; no record could be checked.
    #[error("the charter is wrong: {0}")]
    Founding(#[from] FoundingError),
    /// The charter is of another network than the manifest says.
    #[error("the manifest names the network {manifest}, the charter founds {charter}")]
    Network {
        /// By the charter.
        charter: NetworkId,
        /// By the manifest.
        manifest: NetworkId,
    },
    /// It is not the network that the auditor asked for.
    #[error("this is an archive of the network {found}, not of {expected}: somebody gave you the wrong file")]
    OtherNetwork {
        /// What the auditor asked for.
        expected: NetworkId,
        /// What the charter founds.
        found: NetworkId,
    },
    /// The manifest names a log that its own filter leaves out, or that starts late without a reason.
    #[error("the manifest names records of this log that do not fit its own filter")]
    OutsideFilter,
    /// A section that is no record frame.
    #[error("record frame: {0}")]
    Frame(DecodeError),
    /// A header that is none.
    #[error("{0}")]
    Header(HeaderError),
    /// The author is not in the charter.
    #[error("{0} is not a member of this network")]
    UnknownMember(MemberId),
    /// The record names a roster epoch that the archive does not prove.
    #[error("roster epoch {0} is not in this archive")]
    UnknownEpoch(u32),
    /// No record opens the generation, or the one that does is wrong.
    #[error("no valid record in this archive opens generation {1} of {0}")]
    UnknownGeneration(MemberId, u32),
    /// The signature is not one of the generation's key.
    #[error("the signature is not by the key of {0}'s generation {1}")]
    BadSignature(MemberId, u32),
    /// The manifest does not name this record.
    #[error("the manifest does not name this record")]
    NotInManifest,
    /// It stands before one that it should follow.
    #[error("the record is not in the archive's order")]
    OutOfOrder,
    /// It is there twice.
    #[error("the record is there twice")]
    Doubled,
    /// Two different signed records at one position.
    #[error("the author signed two different records for this position: its log forks here")]
    Forked,
    /// A fork proof whose signatures fail.
    #[error("a fork proof whose signatures are not by the log's key: it proves nothing")]
    FalseForkProof,
    /// Records before this one are missing.
    #[error("the records {from} to {to} of this log are missing before this one")]
    Gap {
        /// First missing sequence number.
        from: u64,
        /// Last missing sequence number.
        to: u64,
    },
    /// Records at the end of a log are missing.
    #[error("the records {from} to {to} of this log are missing, which the manifest names")]
    Cut {
        /// First missing sequence number.
        from: u64,
        /// Last missing sequence number.
        to: u64,
    },
    /// It names another predecessor.
    #[error("the record names {named} as its predecessor, but {found} stands before it")]
    BrokenChain {
        /// What its header says.
        named: RecordId,
        /// What is there.
        found: RecordId,
    },
    /// A body that is none.
    #[error("{0}")]
    Body(BodyError),
    /// The body is another than the one that was signed.
    #[error("the body is not the one that the header commits to")]
    OtherBody,
    /// The archive has a content key for it, which does not open it.
    #[error("the content key in the archive does not open the record: {0}")]
    ContentKey(OpenBodyError),
    /// The archive has a content key for a record that is not in it, or whose body or signature is not good.
    #[error("a content key for the record {0}, which is not in the archive or is not good")]
    StrayKey(RecordId),
    /// The body is not here, and nothing explains it.
    #[error("missing body: it was not erased and has not expired, and the exporter must hold it")]
    MissingBody,
}

impl What {
    /// A short name for programs: `bad-signature`. Names stay when messages change.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Container(_) => "container",
            Self::Founding(_) => "charter",
            Self::Network { .. } => "network",
            Self::OtherNetwork { .. } => "other-network",
            Self::OutsideFilter => "outside-filter",
            Self::Frame(_) => "frame",
            Self::Header(_) => "header",
            Self::UnknownMember(_) => "unknown-member",
            Self::UnknownEpoch(_) => "unknown-epoch",
            Self::UnknownGeneration(..) => "unknown-generation",
            Self::BadSignature(..) => "bad-signature",
            Self::NotInManifest => "not-in-manifest",
            Self::OutOfOrder => "out-of-order",
            Self::Doubled => "doubled",
            Self::Forked => "forked",
            Self::FalseForkProof => "false-fork-proof",
            Self::Gap { .. } => "gap",
            Self::Cut { .. } => "cut",
            Self::BrokenChain { .. } => "broken-chain",
            Self::Body(_) => "body",
            Self::OtherBody => "other-body",
            Self::ContentKey(_) => "content-key",
            Self::StrayKey(_) => "stray-key",
            Self::MissingBody => "missing-body",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive => f.write_str("archive"),
            Self::Offset(offset) => write!(f, "byte {offset}"),
            Self::Log(log) => write!(f, "{log}"),
            Self::Record(position, id) => write!(f, "{position} ({})", id.short()),
            Self::Position(position) => write!(f, "{position}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// As `{"code", "what", "offset", "log", "position", "id"}`; what does not apply is null.
impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut offset, mut log, mut position, mut id) = (None, None, None, None);
        match self.place {
            Place::Archive => {}
            Place::Offset(at) => offset = Some(at),
            Place::Log(at) => log = Some(at),
            Place::Position(at) => (log, position) = (Some(at.log), Some(at)),
            Place::Record(at, record) => (log, position, id) = (Some(at.log), Some(at), Some(record)),
        }
        let mut fault = serializer.serialize_struct("Fault", 6)?;
        fault.serialize_field("code", self.what.code())?;
        fault.serialize_field("what", &self.what.to_string())?;
        fault.serialize_field("offset", &offset)?;
        fault.serialize_field("log", &log.map(|log| log.to_string()))?;
        fault.serialize_field("position", &position.map(|position| position.to_string()))?;
        fault.serialize_field("id", &id.map(|id| id.to_string()))?;
        fault.end()
    }
}
