//! What one record shows by itself: its body and its signature. Pure, so that many can be examined at once.

use ecomesh_protocol::verify::verify_record;
use ecomesh_protocol::{KeyRing, Refusal, Verified};
use ecomesh_record::record::RecordError;
use ecomesh_record::{Body, Header, MemberId, Record, RecordId};

use crate::fault::What;
use crate::report::BodyState;

/// A record as it is found in the archive: its header can be read, the rest is not looked at yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Without its body.
    pub(crate) record: Record,
    /// `salt ‖ content`; empty if the body did not come along.
    pub(crate) body: Vec<u8>,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) header: Header,
    pub(crate) id: RecordId,
    pub(crate) faults: Vec<What>,
    /// The record and what is known of its body, if its signature is its author's.
    pub(crate) good: Option<(Verified, BodyState)>,
}

/// Examines a record under the keys that are known before it.
pub(crate) fn examine(ring: &KeyRing, waiting: Waiting) -> Examined {
    let Waiting { mut record, body } = waiting;
    let (header, id) = (record.header().clone(), record.id());
    let mut faults = Vec::new();
    let state = match attach(&mut record, ring, &body) {
        Ok(state) => state,
        // The rest can still be checked.
        Err(error) => {
            faults.push(of_record_error(error));
            BodyState::Wrong
        }
    };
    let good = match verify_record(ring, record) {
        Ok(verified) => Some((verified, state)),
        Err(refusal) => {
            faults.push(of_refusal(refusal, header.author, header.generation));
            None
        }
    };
    Examined { header, id, faults, good }
}

fn attach(record: &mut Record, ring: &KeyRing, body: &[u8]) -> Result<BodyState, RecordError> {
    if body.is_empty() {
        return Ok(BodyState::Absent);
    }
    record.attach(ring.network(), Body::decode(body)?)?;
    Ok(BodyState::Present)
}

pub(crate) fn of_record_error(error: RecordError) -> What {
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
