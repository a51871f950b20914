//! Every table of the store, its keys and its rows, byte for byte. Nothing else in this crate spells a key.
//!
//! All tables lie in sled's default tree, told apart by the first byte of the key: a sled batch is atomic within one
//! tree only, and a commit touches several tables.
//!
//! ```text
//! table   key                                                  value
//! m       (nothing)                                            schema u32 ‖ network 32 ‖ instance 16 ‖ key id 16 ‖ commit u64 ‖ digest 32
//! h       author 8 ‖ lane u8 ‖ generation u32                  seq u64 ‖ record id 32: the log's head
//! r       author 8 ‖ lane u8 ‖ generation u32 ‖ seq u64        record id 32 ‖ first seen u64 ms ‖ signature 64 ‖ header
//! b       author 8 ‖ lane u8 ‖ generation u32 ‖ seq u64 ‖ u16  chunk of `salt ‖ content`, encrypted, 7,168 bytes but for the last
//! f       author 8 ‖ lane u8 ‖ generation u32                  fork proof of that log
//! o       author 8 ‖ lane u8 ‖ generation u32 ‖ seq u64        record id 32: the body is missing (a hole)
//! e       author 8 ‖ lane u8 ‖ generation u32 ‖ seq u64        (nothing): the body need not be here, and is not (excused)
//! v       name                                                 a small value
//! ```
//!
//! Integers are big-endian and of fixed width, so that a range of keys is a log in its order. No value is longer than
//! 7,168 bytes: from 9,000 on sled puts a leaf into a separate file that it never syncs.

use ecomesh_protocol::ledger::LogHead;
use ecomesh_record::{LogId, NetworkId, Position, RecordId, Time};
use sha2::{Digest, Sha256};

/// Version of the tables below. A store of another version is refused.
pub const SCHEMA_VERSION: u32 = 2;

/// Longest value in bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 7_168;
/// Most operations that sled gets in one batch: its memory follows this number.
pub(crate) const OPERATIONS_MAX: usize = 256;

/// The tables, by the first byte of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Table {
    Meta = b'm',
    Heads = b'h',
    Records = b'r',
    Bodies = b'b',
    Forks = b'f',
    Holes = b'o',
    Excused = b'e',
    Values = b'v',
}

impl Table {
    /// The tables that are small, held in memory and covered by the digest.
    pub(crate) const SMALL: [Self; 5] = [Self::Heads, Self::Forks, Self::Holes, Self::Excused, Self::Values];

    /// First byte of the table's keys.
    pub(crate) fn prefix(self) -> [u8; 1] {
        [self as u8]
    }

    fn key(self, rest: &[u8]) -> Vec<u8> {
        [&self.prefix(), rest].concat()
    }
}

/// Key of the meta row.
pub(crate) fn meta_key() -> Vec<u8> {
    Table::Meta.key(&[])
}

/// Key of a log's head.
pub(crate) fn head_key(log: LogId) -> Vec<u8> {
    Table::Heads.key(&log_key(log))
}

/// Key of a record.
pub(crate) fn record_key(position: Position) -> Vec<u8> {
    Table::Records.key(&position.key())
}

/// Key of one chunk of a body.
pub(crate) fn chunk_key(position: Position, chunk: u16) -> Vec<u8> {
    Table::Bodies.key(&[position.key().as_slice(), &chunk.to_be_bytes()].concat())
}

/// What the keys of all chunks of a body begin with.
pub(crate) fn chunks_prefix(position: Position) -> Vec<u8> {
    Table::Bodies.key(&position.key())
}

/// Key of a log's fork proof.
pub(crate) fn fork_key(log: LogId) -> Vec<u8> {
    Table::Forks.key(&log_key(log))
}

/// Key of a hole.
pub(crate) fn hole_key(position: Position) -> Vec<u8> {
    Table::Holes.key(&position.key())
}

/// Key of a record whose body need not be here.
pub(crate) fn excused_key(position: Position) -> Vec<u8> {
    Table::Excused.key(&position.key())
}

/// Key of a small value.
pub(crate) fn value_key(name: &str) -> Vec<u8> {
    Table::Values.key(name.as_bytes())
}

/// Reads `author ‖ lane ‖ generation` after a table's prefix.
pub(crate) fn read_log(key: &[u8]) -> Option<LogId> {
    let rest = key.get(1..)?;
    let position = Position::from_key(&[rest, &[0; 8]].concat())?;
    Some(position.log)
}

/// Reads `author ‖ lane ‖ generation ‖ seq` after a table's prefix.
pub(crate) fn read_position(key: &[u8]) -> Option<Position> {
    Position::from_key(key.get(1..)?)
}

fn log_key(log: LogId) -> Vec<u8> {
    log.at(0).key()[..Position::KEY_BYTES - 8].to_vec()
}

/// The row that says what this store is and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) schema: u32,
    pub(crate) network: NetworkId,
    pub(crate) instance: [u8; 16],
    /// Names the storage key of the bodies; zeros before there is one.
    pub(crate) key_id: [u8; 16],
    /// Number of commits.
    pub(crate) commit: u64,
    /// Over the rows of the small tables.
    pub(crate) digest: RowDigest,
}

impl Meta {
    const BYTES: usize = 4 + 32 + 16 + 16 + 8 + 32;

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(Self::BYTES);
        row.extend_from_slice(&self.schema.to_be_bytes());
        row.extend_from_slice(self.network.as_bytes());
        row.extend_from_slice(&self.instance);
        row.extend_from_slice(&self.key_id);
        row.extend_from_slice(&self.commit.to_be_bytes());
        row.extend_from_slice(&self.digest.0);
        row
    }

    pub(crate) fn decode(row: &[u8]) -> Option<Self> {
        let (schema, rest) = row.split_first_chunk()?;
        let (network, rest) = rest.split_first_chunk()?;
        let (instance, rest) = rest.split_first_chunk()?;
        let (key_id, rest) = rest.split_first_chunk()?;
        let (commit, digest) = rest.split_first_chunk()?;
        Some(Self {
            schema: u32::from_be_bytes(*schema),
            network: NetworkId(*network),
            instance: *instance,
            key_id: *key_id,
            commit: u64::from_be_bytes(*commit),
            digest: RowDigest(digest.try_into().ok()?),
        })
    }
}

/// XOR of the SHA-256 of rows: changes with each row, whatever the order in which rows came. It guards against
/// rot, not against someone who can write to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowDigest([u8; 32]);

impl RowDigest {
    /// Adds a row, or takes away one that was added.
    pub(crate) fn toggle(&mut self, key: &[u8], value: &[u8]) {
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX).to_be_bytes();
        let hash = Sha256::new().chain_update(length).chain_update(key).chain_update(value).finalize();
        self.0.iter_mut().zip(hash).for_each(|(byte, other)| *byte ^= other);
    }
}

/// Row of a head.
pub(crate) fn head_row(head: &LogHead) -> Vec<u8> {
    [head.seq.to_be_bytes().as_slice(), head.head.as_bytes()].concat()
}

/// Reads the row of a head.
pub(crate) fn read_head(log: LogId, row: &[u8]) -> Option<LogHead> {
    let (seq, id) = row.split_first_chunk()?;
    Some(LogHead { log, seq: u64::from_be_bytes(*seq), head: RecordId(id.try_into().ok()?) })
}

/// The row of a record without its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordRow<'a> {
    pub(crate) id: RecordId,
    pub(crate) first_seen: Time,
    pub(crate) signature: [u8; 64],
    pub(crate) header: &'a [u8],
}

impl<'a> RecordRow<'a> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let first_seen = self.first_seen.0.to_be_bytes();
        [self.id.as_bytes().as_slice(), &first_seen, &self.signature, self.header].concat()
    }

    pub(crate) fn decode(row: &'a [u8]) -> Option<Self> {
        let (id, rest) = row.split_first_chunk()?;
        let (first_seen, rest) = rest.split_first_chunk()?;
        let (signature, header) = rest.split_first_chunk()?;
        let first_seen = Time(u64::from_be_bytes(*first_seen));
        Some(Self { id: RecordId(*id), first_seen, signature: *signature, header })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecomesh_record::{Lane, MemberId};

    fn position() -> Position {
        LogId { author: MemberId::parse("KE").unwrap(), lane: Lane::MESSAGES, generation: 2 }.at(258)
    }

    #[test]
    fn keys_are_as_the_table_says() {
        let p = position();
        assert_eq!(head_key(p.log), b"hKE\0\0\0\0\0\0\x01\0\0\0\x02");
        assert_eq!(record_key(p), b"rKE\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\x01\x02");
        assert_eq!(chunk_key(p, 1), [chunks_prefix(p), vec![0, 1]].concat());
        assert_eq!(value_key("a"), b"va");
        assert_eq!(read_position(&record_key(p)), Some(p));
        assert_eq!(read_log(&fork_key(p.log)), Some(p.log));
        assert_eq!(read_log(&record_key(p)), None);
    }

    #[test]
    fn rows_come_back() {
        let mut digest = RowDigest::default();
        digest.toggle(b"k", b"v");
        let meta = Meta {
            schema: 2,
            network: NetworkId([3; 32]),
            instance: [4; 16],
            key_id: [6; 16],
            commit: 5,
            digest,
        };
        assert_eq!(Meta::decode(&meta.encode()), Some(meta));
        assert_eq!(meta.encode().len(), Meta::BYTES);
        assert_eq!(Meta::decode(&meta.encode()[1..]), None);
        let head = LogHead { log: position().log, seq: 7, head: RecordId([9; 32]) };
        assert_eq!(read_head(head.log, &head_row(&head)), Some(head));
        digest.toggle(b"k", b"v");
        assert_eq!(digest, RowDigest::default());
    }

    #[test]
    fn the_longest_row_of_a_record_fits_a_value() {
        let longest = vec![0; ecomesh_record::limits::HEADER_BYTES_MAX];
        let (id, first_seen) = (RecordId([0; 32]), Time(0));
        let row = RecordRow { id, first_seen, signature: [0; 64], header: &longest };
        assert!(row.encode().len() <= VALUE_BYTES_MAX);
    }
}
