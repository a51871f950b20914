//! Who has written a receipt for which record.
//!
//! Places only, 32 bytes each: what a receipt says is read from the store when somebody asks. Of a record's id the
//! first eight bytes are kept; whoever asks compares the whole.

use ecomesh_record::{Lane, LogId, MemberId, Position, RecordId};
use ecomesh_store::Runs;

/// The receipts of all members.
#[derive(Debug, Default)]
pub(crate) struct Receipts(Runs<Key>);

/// First bytes of the record's id; member, generation and sequence number of the receipt.
type Key = (u64, [u8; 8], u32, u64);

impl Receipts {
    /// Adds a record that is by the rules and speaks of these.
    pub(crate) fn insert(&mut self, position: Position, ids: impl IntoIterator<Item = RecordId>) {
        let Position { log, seq } = position;
        for id in ids {
            self.0.insert((first_bytes(id), *log.author.as_bytes(), log.generation, seq));
        }
    }

    /// Where receipts stand that may speak of this record, by member, each member's in the order of its logs.
    pub(crate) fn places(&self, id: RecordId) -> Vec<Position> {
        let first = first_bytes(id);
        let position = |(_, author, generation, seq): Key| {
            let author = MemberId::from_bytes(author).ok()?;
            Some(LogId { author, lane: Lane::CONTROL, generation }.at(seq))
        };
        let these = self.0.between((first, [0; 8], 0, 0), (first, [0xff; 8], u32::MAX, u64::MAX));
        these.filter_map(position).collect()
    }
}

fn first_bytes(id: RecordId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
