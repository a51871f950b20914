//! What control records say, as events for clients. Each is told when its body is here, and only if it counts: a member can
//! write whatever it likes of records that are none of its business.

use ecomesh_api::Event;
use ecomesh_protocol::erasure::{Erase, Erased};
use ecomesh_protocol::judge::Void;
use ecomesh_protocol::receipt::Receipt;
use ecomesh_record::{Kind, Record, RecordId};

use crate::http::{is_letter, receipt_view};

/// What is known here of the records that are spoken of.
pub(super) trait Known {
    /// The record, without its body.
    fn record(&self, id: RecordId) -> Option<Record>;

    /// Whether it is erased.
    fn is_erased(&self, record: &Record) -> bool;
}

/// The events of a record that is stored, or whose missing body came. What is void says nothing.
pub(super) fn events(record: &Record, verdict: Result<(), Void>, known: &impl Known) -> Vec<Event> {
    let Some(body) = record.body().filter(|_| verdict.is_ok()) else { return Vec::new() };
    let author = record.header().author;
    let member = author.to_string();
    match record.header().kind {
        Kind::RECEIPT => {
            let receipt = Receipt::decode(body.content()).ok();
            let entries = receipt.as_ref().map(Receipt::entries).unwrap_or_default();
            let of_letter = |id| known.record(id).is_some_and(|letter| is_letter(letter.header(), author));
            let entries = entries.iter().filter(|entry| of_letter(entry.id));
            let event = |(id, (outcome, reason)): (RecordId, _)| Event::Receipt {
                id: id.to_string(),
                member: member.clone(),
                outcome,
                reason,
            };
            entries.map(|entry| event((entry.id, receipt_view(entry.outcome, entry.reason)))).collect()
        }
        Kind::ERASED => {
            let erased = Erased::decode(body.content()).ok();
            let targets = erased.as_ref().map(Erased::targets).unwrap_or_default();
            let targets = targets.iter().filter(|id| is_erased(known, **id));
            targets.map(|id| Event::Destroyed { id: id.to_string(), member: member.clone() }).collect()
        }
        _ => Vec::new(),
    }
}

/// The events of an erasure, which counts as soon as it is known, before it is in its place. `known` knows it already.
pub(super) fn erasure(record: &Record, known: &impl Known) -> Vec<Event> {
    erased(record, known).into_iter().map(|id| Event::Erased { id: id.to_string() }).collect()
}

/// What an erasure erases: of what it names, what is its author's to erase.
pub(super) fn erased(record: &Record, known: &impl Known) -> Vec<RecordId> {
    named_by(record).into_iter().filter(|id| is_erased(known, *id)).collect()
}

fn named_by(record: &Record) -> Vec<RecordId> {
    let erase = record.body().and_then(|body| Erase::decode(body.content()).ok());
    erase.as_ref().map(Erase::targets).unwrap_or_default().to_vec()
}

fn is_erased(known: &impl Known, id: RecordId) -> bool {
    known.record(id).is_some_and(|record| known.is_erased(&record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecomesh_protocol::erasure::Ground;
    use ecomesh_protocol::receipt::{Outcome, Reason, ReceiptEntry};
    use ecomesh_record::{
        Audience, Body, Flags, Header, Lane, MemberId, NetworkId, Priority, Retention, Time,
    };

    struct Records {
        all: Vec<Record>,
        erased: Vec<RecordId>,
    }

    impl Known for Records {
        fn record(&self, id: RecordId) -> Option<Record> {
            self.all.iter().find(|record| record.id() == id).cloned()
        }

        fn is_erased(&self, record: &Record) -> bool {
            self.erased.contains(&record.id())
        }
    }

    /// A record of this author; signatures were checked before anything comes here.
    fn record(author: &str, kind: Kind, to: &[&str], content: Vec<u8>) -> Record {
        let network = NetworkId([7; 32]);
        let body = Body::new([3; 32], content).unwrap();
        let header = Header {
            author: MemberId::parse(author).unwrap(),
            lane: Lane::CONTROL,
            generation: 0,
            seq: 0,
            prev: RecordId::ZERO,
            created_at: Time(1_700_000_000_000),
            expires_at: Time(0),
            roster_epoch: 0,
            priority: Priority::ROUTINE,
            kind,
            retention: Retention::CONTROL,
            flags: Flags::default(),
            to: to.iter().map(|member| MemberId::parse(member).unwrap()).collect(),
            audience: Audience::Open,
            body_commit: body.commitment(network),
            body_len: u32::try_from(body.content().len()).unwrap(),
            ext: Vec::new(),
        };
        Record::sign_with(network, header, Some(body), |_| [0; 64]).unwrap()
    }

    fn receipt(author: &str, id: RecordId) -> Record {
        let entry = ReceiptEntry { id, outcome: Outcome::OPENED, reason: Reason::NONE };
        record(author, Kind::RECEIPT, &[], Receipt::new([entry]).unwrap().encode().unwrap())
    }

    #[test]
    fn a_receipt_is_told_of_a_letter_to_its_author_only() {
        let letter = record("KE", Kind::MESSAGE, &["TZ"], b"a letter".to_vec());
        let id = letter.id();
        let known = Records { all: vec![letter], erased: Vec::new() };
        let told = events(&receipt("TZ", id), Ok(()), &known);
        assert!(matches!(&told[..], [Event::Receipt { member, .. }] if member == "TZ"), "{told:?}");
        assert_eq!(events(&receipt("FR", id), Ok(()), &known), []);
        assert_eq!(events(&receipt("KE", id), Ok(()), &known), []);
        assert_eq!(events(&receipt("TZ", RecordId([9; 32])), Ok(()), &known), []);
        assert_eq!(events(&receipt("TZ", id), Err(Void::WrongLane), &known), []);
    }

    #[test]
    fn an_erasure_is_told_if_it_counts() {
        let letter = record("KE", Kind::MESSAGE, &["TZ"], b"a letter".to_vec());
        let id = letter.id();
        let content = Erase::new(Ground::SENT_IN_ERROR, [id]).unwrap().encode().unwrap();
        let erase = record("KE", Kind::ERASE, &[], content);
        let content = Erased::new([id]).unwrap().encode().unwrap();
        let erased = record("TZ", Kind::ERASED, &[], content);
        let mut known = Records { all: vec![letter], erased: Vec::new() };
        // As when somebody else wrote it.
        assert_eq!((erasure(&erase, &known), events(&erased, Ok(()), &known)), (vec![], vec![]));
        known.erased.push(id);
        assert_eq!(erasure(&erase, &known), [Event::Erased { id: id.to_string() }]);
        let told = events(&erased, Ok(()), &known);
        assert_eq!(told, [Event::Destroyed { id: id.to_string(), member: "TZ".into() }]);
    }
}
