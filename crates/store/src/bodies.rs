//! A body as rows: chunks of `salt ‖ content`, each encrypted under the storage key.

use std::iter::Peekable;

use ecomesh_protocol::ledger::LedgerError;
use ecomesh_record::limits::SALT_BYTES;
use ecomesh_record::{Body, Position, Record, RecordId};
use ecomesh_seal::StorageKey;
use ecomesh_seal::at_rest::{Place, TAG_BYTES};
use sled::IVec;

use crate::engine::Engine;
use crate::schema::{self, VALUE_BYTES_MAX};

/// Plaintext of a chunk in bytes: with its tag it is the longest value.
const CHUNK_BYTES: usize = VALUE_BYTES_MAX - TAG_BYTES;

/// Key and value of each chunk of a record's body.
pub(crate) fn rows(
    key: &StorageKey,
    position: Position,
    id: RecordId,
    body: &Body,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let key = key.body(Place::Store, id);
    let bytes = body.encode();
    let row = |(number, plaintext): (u16, &[u8])| {
        let mut chunk = Vec::with_capacity(plaintext.len() + TAG_BYTES);
        chunk.extend_from_slice(plaintext);
        // How many there are, the header says.
        key.seal(u64::from(number), false, &mut chunk);
        (schema::chunk_key(position, number), chunk)
    };
    (0..).zip(bytes.chunks(CHUNK_BYTES)).map(row).collect()
}

/// Keys of the chunks of a record's body.
pub(crate) fn keys(record: &Record) -> impl Iterator<Item = Vec<u8>> {
    let position = record.position();
    (0..chunk_count(bytes_of(record))).map(move |number| schema::chunk_key(position, number))
}

/// The body of a record; nothing if a chunk is missing or does not open.
pub(crate) fn read(engine: &Engine, key: &StorageKey, record: &Record) -> Result<Option<Body>, LedgerError> {
    let key = key.body(Place::Store, record.id());
    let mut bytes = Vec::with_capacity(bytes_of(record) + TAG_BYTES);
    for (number, row) in (0..).zip(keys(record)) {
        match engine.read(|db| db.get(row))? {
            Some(chunk) if key.open_onto(number, false, &chunk, &mut bytes) => {}
            _ => return Ok(None),
        }
    }
    Ok(Body::decode(&bytes).ok())
}

/// Whether a body is one chunk.
pub(crate) fn is_one_chunk(record: &Record) -> bool {
    chunk_count(bytes_of(record)) == 1
}

/// A body of one chunk, from those of a walk over the bodies of records that follow each other, all of one chunk. What belongs
/// to records after this one is left there.
pub(crate) fn of_one_chunk(
    key: &StorageKey,
    record: &Record,
    chunks: &mut Peekable<impl Iterator<Item = (IVec, IVec)>>,
) -> Option<Body> {
    let wanted = schema::chunk_key(record.position(), 0);
    // Whatever a damaged store has before it must not hide it.
    while chunks.next_if(|(place, _)| **place < *wanted).is_some() {}
    let (_, chunk) = chunks.next_if(|(place, _)| **place == *wanted)?;
    let mut bytes = Vec::with_capacity(chunk.len());
    let opens = key.body(Place::Store, record.id()).open_onto(0, false, &chunk, &mut bytes);
    if opens { Body::decode(&bytes).ok() } else { None }
}

/// Length of a body in bytes, with its salt.
pub(crate) fn bytes_of(record: &Record) -> usize {
    SALT_BYTES + record.header().body_len as usize
}

/// Number of chunks of a body of `bytes` bytes (salt and content).
fn chunk_count(bytes: usize) -> u16 {
    // 1 MiB and a salt make 147 chunks.
    u16::try_from(bytes.div_ceil(CHUNK_BYTES)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_body_has_147_chunks() {
        assert_eq!(chunk_count(ecomesh_record::limits::BODY_BYTES_MAX), 147);
        assert_eq!((chunk_count(32), chunk_count(7_152), chunk_count(7_153)), (1, 1, 2));
    }
}
