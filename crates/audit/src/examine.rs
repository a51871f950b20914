//! What one record shows by itself: its body and its signature. Pure, so that many can be examined at once.

use ecomesh_protocol::verify::verify_record;
use ecomesh_protocol::{KeyRing, Refusal, Verified};
use ecomesh_record::record::{RecordError, RecordFrame};
use ecomesh_record::{MemberId, Record};

use crate::fault::What;
use crate::report::BodyState;

/// What was found.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) faults: Vec<What>,
    /// The record and what is known of its body, if its signature is its author's.
    pub(crate) good: Option<(Verified, BodyState)>,
}

/// Examines a record under the keys that are known before it.
pub(crate) fn examine(ring: &KeyRing, frame: RecordFrame) -> Examined {
    let network = ring.network();
    let header = frame.header.into_vec();
    let mut faults = Vec::new();
    let mut body = if frame.body.is_empty() { BodyState::Absent } else { BodyState::Present };
    let whole = if body == BodyState::Absent {
        Record::from_parts(network, header, frame.signature, &[])
    } else {
        match Record::from_parts(network, header.clone(), frame.signature, &frame.body) {
            Err(error) => {
                faults.push(of_record_error(error));
                body = BodyState::Wrong;
                // The rest can still be checked.
                Record::from_parts(network, header, frame.signature, &[])
            }
            whole => whole,
        }
    };
    let record = match whole {
        Ok(record) => record,
        Err(error) => {
            if faults.is_empty() {
                faults.push(of_record_error(error));
            }
            return Examined { faults, good: None };
        }
    };
    let (author, generation) = (record.header().author, record.header().generation);
    match verify_record(ring, record) {
        Ok(verified) => Examined { faults, good: Some((verified, body)) },
        Err(refusal) => {
            faults.push(of_refusal(refusal, author, generation));
            Examined { faults, good: None }
        }
    }
}

fn of_record_error(error: RecordError) -> What {
    match error {
        RecordError::Header(error) => What::Header(error),
        RecordError::Body(error) => What::Body(error),
        RecordError::Commitment => What::OtherBody,
    }
}

fn of_refusal(refusal: Refusal, author: MemberId, generation: u32) -> What {
    match refusal {
        Refusal::Malformed(error) => of_record_error(error),
        Refusal::BadSignature(_) => What::BadSignature(author, generation),
        Refusal::UnknownMember(member) => What::UnknownMember(member),
        Refusal::UnknownEpoch(epoch) => What::UnknownEpoch(epoch),
        Refusal::UnknownGeneration(member, generation) => What::UnknownGeneration(member, generation),
    }
}
