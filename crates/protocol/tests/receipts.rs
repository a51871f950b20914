//! Receipts in a small mesh: written like any record, in the lane of control records.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions unwrap as tests do")]

mod common;

use common::{Mesh, draft, member, sign};
use ecomesh_protocol::ledger::{Ledger, Room};
use ecomesh_protocol::receipt::{Outcome, Reason, Receipt, ReceiptEntry};
use ecomesh_protocol::{AuthorError, Draft, Void, judge};
use ecomesh_record::{Kind, Lane, RecordId, Retention, Time};

fn receipt(id: RecordId, outcome: Outcome) -> Draft {
    let receipt = Receipt::new([ReceiptEntry { id, outcome, reason: Reason::NONE }]).unwrap();
    control(Kind::RECEIPT, receipt.encode().unwrap())
}

fn control(kind: Kind, content: Vec<u8>) -> Draft {
    Draft { kind, retention: Retention::CONTROL, content, ..draft("", &[]) }
}

#[test]
fn a_receipt_reaches_the_author_and_outlives_a_restart() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    let id = mesh.sent("KE", "ivory", &["TZ"]);
    mesh.pass(1_000);
    let ticket = mesh.send("TZ", receipt(id, Outcome::OPENED));
    mesh.pass(1_000);
    let written = mesh.node("TZ").authored[&ticket].clone().unwrap();
    assert_eq!(written.position.log.lane, Lane::CONTROL);
    mesh.stop("TZ", |_, _| {});
    mesh.start("TZ");
    let again = mesh.send("TZ", receipt(id, Outcome::REFUSED));
    mesh.link_all();
    mesh.pass(5_000);
    let again = mesh.node("TZ").authored[&again].clone().unwrap();
    assert_eq!(again.position, written.position.log.at(written.position.seq + 1), "the lane goes on");
    for name in ["KE", "TZ", "FR"] {
        for (written, outcome) in [(&written, Outcome::OPENED), (&again, Outcome::REFUSED)] {
            let record = mesh.node(name).record(written.id).unwrap();
            assert_eq!(judge(&mesh.roster, &record), Ok(()), "{name}");
            let receipt = Receipt::decode(record.body().unwrap().content()).unwrap();
            assert_eq!(receipt.entry(id).unwrap().outcome, outcome, "{name}");
            assert_eq!(record.header().expires_at, Time(0), "it is kept for ever");
        }
    }
    mesh.assert_equal();
}

#[test]
fn only_whole_receipts_are_written() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let mut answer = |draft: Draft| {
        let ticket = mesh.send("TZ", draft);
        mesh.pass(1_000);
        mesh.node("TZ").authored[&ticket].clone().map(|recorded| recorded.position.seq)
    };
    let good = receipt(RecordId([1; 32]), Outcome::OPENED);
    assert_eq!(answer(control(Kind::RECEIPT, vec![9])), Err(AuthorError::Void(Void::Receipt)));
    assert_eq!(answer(control(Kind::LOG_OPEN, vec![0, 0, 0])), Err(AuthorError::Void(Void::LogOpen)));
    assert_eq!(answer(control(Kind(77), Vec::new())), Err(AuthorError::Void(Void::UnknownControl(77))));
    let for_years = Draft { retention: Retention::YEARS_5, ..good.clone() };
    assert_eq!(answer(for_years), Err(AuthorError::Void(Void::Retention(2))));
    assert_eq!(answer(good), Ok(0));
}

/// The last space is for control records: an officer can still refuse what cannot be worked on.
#[test]
fn a_node_that_is_nearly_full_still_writes_receipts() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.stop("TZ", |ledger, _| ledger.set_room(Room::ControlOnly));
    mesh.start("TZ");
    let refused = mesh.send("TZ", draft("text", &["KE"]));
    let written = mesh.send("TZ", receipt(RecordId([1; 32]), Outcome::REFUSED));
    mesh.pass(1_000);
    assert_eq!(mesh.node("TZ").authored[&refused], Err(AuthorError::Full));
    assert!(mesh.node("TZ").authored[&written].is_ok());
    mesh.stop("TZ", |ledger, _| ledger.set_room(Room::None));
    mesh.start("TZ");
    let refused = mesh.send("TZ", receipt(RecordId([2; 32]), Outcome::REFUSED));
    mesh.pass(1_000);
    assert_eq!(mesh.node("TZ").authored[&refused], Err(AuthorError::Full));
}

/// Whatever another member writes is carried; what is no receipt is void in place.
#[test]
fn a_receipt_that_is_none_is_void_in_place() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    // The test's helper writes a text as content.
    let bad = sign(mesh.network(), "TZ", 0, RecordId::ZERO, |h| {
        h.lane = Lane::CONTROL;
        h.kind = Kind::RECEIPT;
        h.retention = Retention::CONTROL;
        h.expires_at = Time(0);
        h.to = vec![member("KE")];
    });
    let topic = bad.header().priority.topic();
    mesh.push("TZ", topic, &ecomesh_protocol::wire::encode_push(&[&bad]).unwrap());
    mesh.pass(1_000);
    let held = mesh.node("KE").core().ledger().find(bad.id()).unwrap();
    assert!(held.is_some(), "carried");
    assert_eq!(judge(&mesh.roster, &bad), Err(Void::Receipt));
}
