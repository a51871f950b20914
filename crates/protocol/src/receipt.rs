//! Receipts: what an addressee says became of records that it holds (`docs/PROTOCOL.md`, "Receipt").
//!
//! A receipt is a control record, so it is signed, kept for ever and never erased. It says nothing of a content: a
//! refusal has a code, and words go into a message of their own.

use ecomesh_record::RecordId;
use ecomesh_record::codec::{self, DecodeError, TooLarge};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most records that one receipt speaks of.
pub const RECEIPT_ENTRIES_MAX: usize = 256;
/// Longest content of a receipt in bytes: an entry takes at most 36.
const RECEIPT_BYTES_MAX: usize = 16 * 1024;

/// What became of a record. Other values are carried, and shown as unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome(pub u8);

impl Outcome {
    /// An officer has read it.
    pub const OPENED: Self = Self(1);
    /// The bureau does not act upon it; the reason says why.
    pub const REFUSED: Self = Self(2);
    /// It cannot be read; the reason says why.
    pub const CANNOT_OPEN: Self = Self(3);
}

/// Why a record was refused, or 0. Other values are carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(pub u16);

impl Reason {
    /// No reason is needed.
    pub const NONE: Self = Self(0);
    /// Another bureau or agency is competent.
    pub const NOT_COMPETENT: Self = Self(1);
    /// Items are missing without which nothing can be done.
    pub const INCOMPLETE: Self = Self(2);
    /// The same came before.
    pub const DUPLICATE: Self = Self(3);
    /// The law of the addressee does not allow it.
    pub const UNLAWFUL: Self = Self(4);
    /// It was meant for somebody else.
    pub const WRONG_ADDRESSEE: Self = Self(5);
    /// It cannot be opened: the private half of the prekey that it is sealed to is destroyed or lost.
    pub const PREKEY_GONE: Self = Self(16);
    /// It cannot be opened: what is sealed does not open, so it was made wrongly or is not by its author.
    pub const DOES_NOT_OPEN: Self = Self(17);
    /// Another reason, told in a message.
    pub const OTHER: Self = Self(255);
}

/// What is said of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptEntry {
    /// The record.
    pub id: RecordId,
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
}

/// The body of a receipt: 1 to 256 entries, strictly ascending by record id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt(Vec<ReceiptEntry>);

/// Why something is no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// The bytes do not decode.
    #[error("receipt: {0}")]
    Bytes(#[from] DecodeError),
    /// None or more than 256 entries, or entries out of order.
    #[error(
        "receipt: {0} entries, where 1 to {RECEIPT_ENTRIES_MAX} are allowed, in strictly ascending order"
    )]
    Entries(usize),
}

impl Receipt {
    /// A receipt of these entries, in any order; of several for one record the last one counts.
    ///
    /// # Errors
    /// [`ReceiptError::Entries`] if there are none, or more than 256.
    pub fn new(entries: impl IntoIterator<Item = ReceiptEntry>) -> Result<Self, ReceiptError> {
        let by_id: std::collections::BTreeMap<RecordId, ReceiptEntry> =
            entries.into_iter().map(|entry| (entry.id, entry)).collect();
        Self::check(by_id.into_values().collect())
    }

    fn check(entries: Vec<ReceiptEntry>) -> Result<Self, ReceiptError> {
        let fits = (1..=RECEIPT_ENTRIES_MAX).contains(&entries.len());
        if fits && entries.is_sorted_by(|a, b| a.id < b.id) {
            Ok(Self(entries))
        } else {
            Err(ReceiptError::Entries(entries.len()))
        }
    }

    /// The entries, ascending by record id.
    pub fn entries(&self) -> &[ReceiptEntry] {
        &self.0
    }

    /// What it says of a record.
    pub fn entry(&self, id: RecordId) -> Option<ReceiptEntry> {
        let place = self.0.binary_search_by_key(&id, |entry| entry.id).ok()?;
        self.0.get(place).copied()
    }

    /// The content of the record's body.
    ///
    /// # Errors
    /// [`TooLarge`] never: 256 entries fit.
    pub fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        let wire = |entry: &ReceiptEntry| EntryWire(entry.id.0, entry.outcome.0, entry.reason.0);
        codec::encode(&self.0.iter().map(wire).collect::<Vec<_>>(), RECEIPT_BYTES_MAX)
    }

    /// Reads the content of the body of a receipt.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(content: &[u8]) -> Result<Self, ReceiptError> {
        let wire: Vec<EntryWire> = codec::decode(content, RECEIPT_BYTES_MAX)?;
        let entry = |EntryWire(id, outcome, reason)| ReceiptEntry {
            id: RecordId(id),
            outcome: Outcome(outcome),
            reason: Reason(reason),
        };
        Self::check(wire.into_iter().map(entry).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct EntryWire([u8; 32], u8, u16);

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u16, outcome: Outcome) -> ReceiptEntry {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        ReceiptEntry { id: RecordId(id), outcome, reason: Reason(n) }
    }

    #[test]
    fn a_receipt_is_as_the_protocol_says() {
        let receipt =
            Receipt::new([entry(0x0202, Outcome::REFUSED), entry(0x0101, Outcome::OPENED)]).unwrap();
        let zeros = "00".repeat(30);
        // Two entries, ascending: id, outcome, and the reason as a varint.
        let expected = format!("020101{zeros}01fb01010202{zeros}02fb0202");
        assert_eq!(hex::encode(receipt.encode().unwrap()), expected);
        assert_eq!(Receipt::decode(&receipt.encode().unwrap()), Ok(receipt.clone()));
        assert_eq!(receipt.entry(entry(0x0202, Outcome(0)).id), Some(entry(0x0202, Outcome::REFUSED)));
        assert_eq!(receipt.entry(entry(3, Outcome(0)).id), None);
    }

    #[test]
    fn of_two_entries_for_a_record_the_last_one_counts() {
        let receipt = Receipt::new([entry(1, Outcome::OPENED), entry(1, Outcome::REFUSED)]).unwrap();
        assert_eq!(receipt.entries(), [entry(1, Outcome::REFUSED)]);
    }

    #[test]
    fn unknown_outcomes_and_reasons_are_carried() {
        let receipt = Receipt::new([entry(999, Outcome(200))]).unwrap();
        assert_eq!(Receipt::decode(&receipt.encode().unwrap()), Ok(receipt));
    }

    #[test]
    fn what_is_no_receipt_is_refused() {
        assert_eq!(Receipt::new([]), Err(ReceiptError::Entries(0)));
        let many = |count: u16| (0..count).map(|n| entry(n, Outcome::OPENED));
        assert!(Receipt::new(many(256)).unwrap().encode().is_ok());
        assert_eq!(Receipt::new(many(257)), Err(ReceiptError::Entries(257)));

        let encoded = |entries: &[ReceiptEntry]| Receipt(entries.to_vec()).encode().unwrap();
        let (one, two) = (entry(1, Outcome::OPENED), entry(2, Outcome::OPENED));
        assert_eq!(Receipt::decode(&encoded(&[])), Err(ReceiptError::Entries(0)));
        assert_eq!(Receipt::decode(&encoded(&[two, one])), Err(ReceiptError::Entries(2)));
        assert_eq!(Receipt::decode(&encoded(&[one, one])), Err(ReceiptError::Entries(2)));
        let good = encoded(&[one, two]);
        assert!(matches!(Receipt::decode(&good[..good.len() - 1]), Err(ReceiptError::Bytes(_))));
        assert!(matches!(Receipt::decode(&[good.as_slice(), &[0]].concat()), Err(ReceiptError::Bytes(_))));
        assert!(matches!(Receipt::decode(&[0xfd, 0xff, 0xff]), Err(ReceiptError::Bytes(_))));
    }
}
