//! What control records say, as events for clients: each is told when its body is here, and told once.

use ecomesh_api::Event;
use ecomesh_protocol::erasure::{Erase, Erased};
use ecomesh_protocol::judge::Void;
use ecomesh_protocol::receipt::Receipt;
use ecomesh_record::{Kind, Record, RecordId};

use crate::http::receipt_view;

/// The events of a record that is stored, or whose missing body came. What is void says nothing.
pub(super) fn events(record: &Record, verdict: Result<(), Void>) -> Vec<Event> {
    let Some(body) = record.body().filter(|_| verdict.is_ok()) else { return Vec::new() };
    let member = record.header().author.to_string();
    match record.header().kind {
        Kind::RECEIPT => {
            let receipt = Receipt::decode(body.content()).ok();
            let entries = receipt.as_ref().map(Receipt::entries).unwrap_or_default();
            let event = |(id, outcome, reason): (RecordId, _, _)| {
                let (outcome, reason) = receipt_view(outcome, reason);
                Event::Receipt { id: id.to_string(), member: member.clone(), outcome, reason }
            };
            entries.iter().map(|entry| event((entry.id, entry.outcome, entry.reason))).collect()
        }
        Kind::ERASED => {
            let erased = Erased::decode(body.content()).ok();
            let targets = erased.as_ref().map(Erased::targets).unwrap_or_default();
            let event = |id: &RecordId| Event::Destroyed { id: id.to_string(), member: member.clone() };
            targets.iter().map(event).collect()
        }
        _ => Vec::new(),
    }
}

/// The events of an erasure, which counts as soon as it is known, before it is in its place.
pub(super) fn erasure(record: &Record) -> Vec<Event> {
    let erase = record.body().and_then(|body| Erase::decode(body.content()).ok());
    let targets = erase.as_ref().map(Erase::targets).unwrap_or_default();
    targets.iter().map(|id| Event::Erased { id: id.to_string() }).collect()
}
