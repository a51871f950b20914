//! The bodies of control records (`docs/PROTOCOL.md`, "Control records"): a closed list per roster epoch.

use ecomesh_record::codec::{self, DecodeError, TooLarge};
use ecomesh_record::id::{Lane, LogId, MemberId};
use ecomesh_record::{Kind, RecordId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ledger::LogHead;
use crate::limits::GENERATIONS_MAX;

/// Kinds of control records that epoch 0 of a network founded by this version puts in force.
pub const CONTROL_KINDS: &[u16] =
    &[Kind::LOG_OPEN.0, Kind::PREKEY.0, Kind::RECEIPT.0, Kind::ERASE.0, Kind::EXTEND.0, Kind::ERASED.0];

/// Longest content of a log-open record in bytes: an entry takes at most 47.
const LOG_OPEN_BYTES_MAX: usize = 64 * 1024;

/// Why a generation was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenMode(pub u8);

impl OpenMode {
    /// After a restore, a move or damage: keeps the key, closes nothing.
    pub const RESTORE: Self = Self(0);
}

/// The body of the record that opens a generation: lane 0, sequence number 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOpen {
    /// Why.
    pub mode: OpenMode,
    /// The older generation whose key signs this record, and, after a restore, this generation.
    pub base: u32,
    /// Heads of the author's older generations, as far as it knows them; strictly ascending by log.
    pub heads: Vec<LogHead>,
}

/// Why a body is no log-open content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LogOpenError {
    /// The bytes do not decode.
    #[error("log-open record: {0}")]
    Bytes(#[from] DecodeError),
    /// A lane that does not exist, too many heads, or heads out of order.
    #[error("log-open record: the heads are out of order, too many, or in a lane that does not exist")]
    Heads,
}

#[derive(Serialize, Deserialize)]
struct LogOpenWire {
    mode: u8,
    base: u32,
    heads: Vec<(u8, u32, u64, [u8; 32])>,
}

impl LogOpen {
    /// The content of the record's body.
    ///
    /// # Errors
    /// [`TooLarge`] beyond some 1,300 heads.
    pub fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        let head = |h: &LogHead| (h.log.lane.number(), h.log.generation, h.seq, h.head.0);
        let heads = self.heads.iter().map(head).collect();
        codec::encode(&LogOpenWire { mode: self.mode.0, base: self.base, heads }, LOG_OPEN_BYTES_MAX)
    }

    /// Reads the content of the body of a log-open record by `author`.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(author: MemberId, content: &[u8]) -> Result<Self, LogOpenError> {
        let wire: LogOpenWire = codec::decode(content, LOG_OPEN_BYTES_MAX)?;
        if wire.heads.len() > GENERATIONS_MAX * 4 {
            return Err(LogOpenError::Heads);
        }
        let head = |(lane, generation, seq, head): (u8, u32, u64, [u8; 32])| {
            let lane = Lane::new(lane).ok_or(LogOpenError::Heads)?;
            Ok(LogHead { log: LogId { author, lane, generation }, seq, head: RecordId(head) })
        };
        let heads: Vec<LogHead> = wire.heads.into_iter().map(head).collect::<Result<_, LogOpenError>>()?;
        if !heads.is_sorted_by(|a, b| a.log < b.log) {
            return Err(LogOpenError::Heads);
        }
        Ok(Self { mode: OpenMode(wire.mode), base: wire.base, heads })
    }
}
