//! The archive: records in one canonical file (`.ecoarchive`) that anyone can audit offline
//! (`docs/PROTOCOL.md`, "Archive").
//!
//! ```text
//! magic 8 ‖ version 1
//! section  founded charter, as a `.charter` file
//! section  manifest
//! section  record id 32 ‖ content key 32, ascending … then an empty section: in version 2 only
//! section  record frame, in ascending order of position … then an empty section
//! section  fork proof, in ascending order of position … then an empty section
//! SHA-256(tag ‖ all bytes before) 32
//! ```
//!
//! A section is its length (u32, big-endian) and its bytes. The order is fixed, so the same records give the same
//! bytes, apart from the manifest. Author, lane, generation, sequence number is the order of positions: the control
//! lane of all generations, with the records that open them, stands before the author's other lanes.
//!
//! Both directions are incremental and touch no file: [`ArchiveEncoder`] gives bytes to write, [`ArchiveDecoder`]
//! takes bytes as they are read. The decoder checks the container. It checks no signature, and not the order of
//! records, so that an audit can name each fault and go on.

mod decode;
mod encode;
mod manifest;

use thiserror::Error;

pub use self::decode::{ArchiveDecoder, Item};
pub use self::encode::ArchiveEncoder;
pub use self::manifest::{Filter, LogRange, Manifest};
use crate::charter::CharterError;
use crate::codec::{DecodeError, TooLarge};
use crate::fork::ForkProofError;
use crate::id::{LogId, Position};
use crate::limits::FRONTIER_ENTRIES_MAX;

/// First bytes of an archive.
pub const MAGIC: &[u8; 8] = b"ECOARCHV";
/// The version of the container.
pub const VERSION: u8 = 1;
/// The version of a container with content keys: a proof of what sealed records say.
pub const VERSION_WITH_KEYS: u8 = 2;
/// Most content keys of an archive.
pub const KEYS_MAX: usize = 1024;
/// Longest manifest in bytes: a range takes at most 32.
pub const MANIFEST_BYTES_MAX: usize = 1024 * 1024;
/// Most ranges of a manifest: as many logs as a frontier lists.
pub const RANGES_MAX: usize = FRONTIER_ENTRIES_MAX;

const CHECKSUM_BYTES: usize = 32;
const LENGTH_BYTES: usize = 4;

/// Length of the section of a content key: id and key.
const KEY_SECTION_BYTES: usize = 64;

/// Why bytes are no archive.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArchiveError {
    /// Another kind of file.
    #[error("this is not an ecomesh archive; give a file that `ecomesh export` wrote")]
    NotAnArchive,
    /// Written by a later version.
    #[error(
        "archive version {0} is unknown; this software reads versions {VERSION} and {VERSION_WITH_KEYS}: use a newer one"
    )]
    UnknownVersion(u8),
    /// The end is missing.
    #[error("the archive is cut short; copy it again, or export it again")]
    Truncated,
    /// There is something behind its end.
    #[error("there are bytes behind the end of the archive; copy it again, or export it again")]
    TrailingBytes,
    /// A section says that it is longer than its kind allows.
    #[error("the archive is damaged: a {what} of {length} bytes where at most {max} are allowed")]
    TooLong {
        /// `charter`, `manifest`, `record` or `fork proof`.
        what: &'static str,
        /// What the section says.
        length: usize,
        /// How many are allowed.
        max: usize,
    },
    /// The charter is none.
    #[error("the archive's {0}")]
    Charter(#[from] CharterError),
    /// The manifest does not decode.
    #[error("the archive's manifest: {0}")]
    Manifest(DecodeError),
    /// A member id or lane that does not exist, or a range that ends before it begins.
    #[error("the archive's manifest: a field has a value that does not exist")]
    Field,
    /// Too many members or ranges.
    #[error("the archive's manifest: too many {0}")]
    TooMany(&'static str),
    /// Members, logs or fork proofs out of order or doubled.
    #[error("the archive's {0} are not in strictly ascending order")]
    Order(&'static str),
    /// A control lane that does not start at its beginning.
    #[error("the archive's manifest: the control lane {0} does not start at sequence number 0")]
    ControlCut(LogId),
    /// A section of content keys that is none.
    #[error("the archive is damaged: a content key of {0} bytes")]
    Key(usize),
    /// A fork proof that is none.
    #[error("the archive's {0}")]
    Fork(#[from] ForkProofError),
    /// The closing hash is another.
    #[error("the archive's checksum is wrong: it was changed or damaged; copy it again, or export it again")]
    Checksum,
}

/// Why an archive was not written: a mistake of the caller, or of the store that it reads.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The charter breaks its own rules.
    #[error(transparent)]
    Charter(#[from] CharterError),
    /// The manifest breaks its own rules.
    #[error(transparent)]
    Manifest(#[from] ArchiveError),
    /// The manifest does not fit 1 MiB.
    #[error("manifest: {0}")]
    TooLarge(#[from] TooLarge),
    /// A record that the manifest does not name at this point.
    #[error("the record {0} is not the next one that the manifest names")]
    Record(Position),
    /// A fork proof out of order, or a record after it.
    #[error("fork proofs must come after all records, in ascending order of position, each once")]
    Fork,
    /// Records that the manifest names did not come.
    #[error("the record {0} is missing: the manifest names it")]
    Missing(Position),
}
