//! What strangers and bad members can send: each thing is refused, carried as void, or blamed, and nothing else
//! happens.

#![allow(clippy::unwrap_used)] // Helpers outside of test functions unwrap as tests do.

mod common;

use common::{Mesh, draft, member, opening, roster, sign, signing_key, storage_key, transport_key};
use ecomesh_protocol::control::LogOpen;
use ecomesh_protocol::disk::MemoryDisk;
use ecomesh_protocol::hello::{self, Certificate, Certificates, Hello, HelloError};
use ecomesh_protocol::ledger::{Ledger, MemoryLedger};
use ecomesh_protocol::{KeyRing, PeerKey, PushVerdict, Void, wire};
use ecomesh_record::{
    Audience, Flags, Header, Kind, Lane, NetworkId, Priority, Record, RecordId, Retention, Time,
};
use proptest::prelude::*;

fn push(mesh: &mut Mesh, record: &Record) {
    let topic = record.header().priority.topic();
    mesh.push("TZ", topic, &wire::encode_push(&[record]).unwrap());
    mesh.run();
}

fn last_verdict(mesh: &Mesh) -> PushVerdict {
    *mesh.node("KE").verdicts.last().unwrap()
}

#[test]
fn a_rule_broken_makes_a_record_void_in_place_and_the_log_goes_on() {
    type Change = fn(&mut Header);
    let cases: Vec<(Change, Void)> = vec![
        (|h| h.priority = Priority(3), Void::Priority(3)),
        (|h| h.to = vec![member("US")], Void::UnknownAddressee(member("US"))),
        (|h| h.retention = Retention(9), Void::Retention(9)),
        (|h| h.retention = Retention::CONTROL, Void::Retention(0)),
        (|h| h.expires_at = Time(0), Void::Expiry),
        (|h| h.expires_at = h.created_at, Void::Expiry),
        (|h| h.expires_at = h.created_at.after(1_828 * 24 * 60 * 60 * 1000), Void::Expiry),
        (|h| h.kind = Kind(77), Void::UnknownControl(77)),
        (|h| h.kind = Kind::LOG_OPEN, Void::WrongLane),
        (|h| h.audience = Audience::Unknown { number: 9, fields: vec![1] }, Void::Audience),
        (
            |h| {
                h.audience = Audience::Group { key_record: RecordId([1; 32]), key_commitment: [2; 32] };
            },
            Void::Audience,
        ),
        (
            |h| {
                h.to.clear();
                h.flags = Flags(Flags::ADDRESSEES_ONLY);
            },
            Void::NobodyNeedsIt,
        ),
    ];
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    let mut prev = RecordId::ZERO;
    for (seq, (change, void)) in cases.into_iter().enumerate() {
        let record = sign(network, "TZ", seq as u64, prev, change);
        push(&mut mesh, &record);
        assert_eq!(mesh.node("KE").stored.last(), Some(&(record.id(), Err(void))));
        prev = record.id();
    }
    let good = sign(network, "TZ", 12, prev, |_| {});
    push(&mut mesh, &good);
    assert_eq!(mesh.node("KE").stored.last(), Some(&(good.id(), Ok(()))));
    assert_eq!(
        mesh.node("KE").core().frontier(mesh.now).unwrap().entries[0].seq,
        12,
        "covered like any other"
    );
    assert!(mesh.node("KE").blocked.is_empty(), "nobody is to blame for what is carried");
}

#[test]
fn a_document_in_the_control_lane_is_void() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let record = sign(mesh.network(), "TZ", 0, RecordId::ZERO, |h| h.lane = Lane::CONTROL);
    push(&mut mesh, &record);
    assert_eq!(mesh.node("KE").stored, [(record.id(), Err(Void::WrongLane))]);
}

#[test]
fn a_wrong_signature_is_blamed_and_nothing_is_stored() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    let forged = sign(mesh.network(), "TZ", 0, RecordId::ZERO, |h| {
        h.author = member("FR");
        h.to = vec![member("KE")];
    });
    push(&mut mesh, &forged);
    assert_eq!(last_verdict(&mesh), PushVerdict::Reject);
    assert_eq!(mesh.node("KE").blocked[0].0, transport_key("TZ"));
    assert!(mesh.node("KE").holdings().is_empty());
}

#[test]
fn a_record_of_another_network_is_a_wrong_signature_here() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let foreign = sign(NetworkId([9; 32]), "TZ", 0, RecordId::ZERO, |_| {});
    push(&mut mesh, &foreign);
    assert_eq!(last_verdict(&mesh), PushVerdict::Reject);
    assert!(mesh.node("KE").holdings().is_empty());
}

#[test]
fn what_may_become_known_is_ignored_and_nobody_is_blamed() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    let stranger = sign(network, "US", 0, RecordId::ZERO, |h| h.author = member("US"));
    let later_epoch = sign(network, "TZ", 0, RecordId::ZERO, |h| h.roster_epoch = 1);
    let unopened = sign(network, "TZ", 0, RecordId::ZERO, |h| h.generation = 5);
    for record in [stranger, later_epoch, unopened] {
        push(&mut mesh, &record);
        assert_eq!(last_verdict(&mesh), PushVerdict::Ignore);
    }
    assert!(mesh.node("KE").blocked.is_empty());
    assert!(mesh.node("KE").holdings().is_empty());
}

#[test]
fn a_record_on_the_wrong_topic_is_blamed() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let record = sign(mesh.network(), "TZ", 0, RecordId::ZERO, |_| {});
    mesh.push("TZ", 0, &wire::encode_push(&[&record]).unwrap());
    mesh.run();
    assert_eq!(last_verdict(&mesh), PushVerdict::Reject);
    assert_eq!(mesh.node("KE").blocked.len(), 1);
}

#[test]
fn early_records_wait_and_are_not_held() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    let mut records = Vec::new();
    let mut prev = RecordId::ZERO;
    for seq in 0..10 {
        let record = sign(network, "TZ", seq, prev, |_| {});
        prev = record.id();
        records.push(record);
    }
    for record in records[1..].iter().rev() {
        push(&mut mesh, record);
        assert_eq!(last_verdict(&mesh), PushVerdict::Accept, "an early record is passed on");
    }
    assert_eq!(mesh.node("KE").core().early().len(), 9);
    assert!(mesh.node("KE").core().frontier(mesh.now).unwrap().entries.is_empty());
    push(&mut mesh, &records[0]);
    assert_eq!(mesh.node("KE").holdings().len(), 10);
    assert!(mesh.node("KE").core().early().is_empty());
    push(&mut mesh, &records[3]);
    assert_eq!(last_verdict(&mesh), PushVerdict::Ignore, "known");
}

#[test]
fn the_park_is_bounded() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    for seq in 1..1_000 {
        let record = sign(network, "TZ", seq, RecordId([1; 32]), |_| {});
        push(&mut mesh, &record);
    }
    let status = mesh.node("KE").core().status(mesh.now);
    assert_eq!(status.parked, ecomesh_protocol::limits::PARKED_RECORDS_PER_AUTHOR);
    assert_eq!(status.parked_dropped, 999 - 256);
}

#[test]
fn a_second_record_at_a_taken_position_is_a_fork_that_all_learn() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    let network = mesh.network();
    let first = sign(network, "TZ", 0, RecordId::ZERO, |_| {});
    let other = sign(network, "TZ", 0, RecordId::ZERO, |h| h.created_at = Time(1_800_000_000_001));
    push(&mut mesh, &first);
    push(&mut mesh, &other);
    mesh.pass(1_000);
    for name in ["KE", "FR"] {
        let forks = mesh.node(name).core().forks();
        assert_eq!((forks.len(), forks[0].position().seq), (1, 0), "{name}");
        let frontier = mesh.node(name).core().frontier(mesh.now).unwrap();
        assert!(frontier.entries.iter().all(|e| e.log.lane != Lane::MESSAGES), "outside the frontier");
        assert!(mesh.node(name).blocked.is_empty(), "who passes both on is not to blame");
    }
    let third = sign(network, "TZ", 1, first.id(), |_| {});
    push(&mut mesh, &third);
    assert_eq!(mesh.node("KE").core().ledger().find(third.id()).unwrap(), None, "nothing is added to it");
}

/// Nobody passes on a disputed record: whoever comes later cannot read it, and must agree with the others all the same.
#[test]
fn a_generation_that_was_opened_twice_is_known_to_those_who_come_later() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    let network = mesh.network();
    let in_one = |seq, prev| sign(network, "TZ", seq, prev, |h| h.generation = 1);
    let first = in_one(0, RecordId::ZERO);
    push(&mut mesh, &opening(network, 1, 0, |_| {}));
    push(&mut mesh, &first);
    push(&mut mesh, &opening(network, 1, 0, |h| h.created_at = Time(1_800_000_000_001)));
    mesh.pass(1_000);
    assert_eq!(mesh.node("FR").core().forks()[0].position().log.generation, 1);
    mesh.stop("FR", |ledger, disk| {
        *ledger = MemoryLedger::new(network, [66; 16]);
        *disk = MemoryDisk::default();
    });
    mesh.start("FR");
    mesh.link_all();
    mesh.pass(60_000);
    assert_eq!(mesh.node("FR").core().forks(), mesh.node("KE").core().forks());
    assert!(mesh.node("FR").core().ledger().find(first.id()).unwrap().is_some(), "pulled again");

    mesh.stop("FR", |_, _| {});
    mesh.start("FR");
    mesh.link_all();
    let second = in_one(1, first.id());
    push(&mut mesh, &second);
    assert!(
        mesh.node("FR").core().ledger().find(second.id()).unwrap().is_some(),
        "a restart does not forget"
    );
    assert!(mesh.node("FR").blocked.is_empty() && mesh.node("KE").blocked.is_empty());
}

#[test]
fn a_flood_over_the_quota_is_left_to_the_pull() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    let mut prev = RecordId::ZERO;
    for seq in 0..300 {
        let record = sign(network, "TZ", seq, prev, |h| h.priority = Priority::FLASH);
        prev = record.id();
        push(&mut mesh, &record);
    }
    assert_eq!(mesh.node("KE").holdings().len(), 200);
    assert_eq!(last_verdict(&mesh), PushVerdict::Ignore);
    assert!(mesh.node("KE").blocked.is_empty());
}

#[test]
fn an_import_takes_what_verifies_and_counts_the_rest() {
    use ecomesh_protocol::Input;
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    let first = sign(network, "TZ", 0, RecordId::ZERO, |_| {});
    let second = sign(network, "TZ", 1, first.id(), |_| {});
    let apart = sign(network, "TZ", 5, first.id(), |_| {});
    let ring = mesh.node("KE").core().ring();
    let verified = |r: &Record| ecomesh_protocol::verify::verify_record(&ring, r.clone()).unwrap();
    let records = vec![verified(&second), verified(&first), verified(&apart), verified(&first)];
    mesh.input("KE", Input::Import { ticket: 1, records, refused: 3 });
    mesh.run();
    let counts = mesh.node("KE").imported[0];
    assert_eq!((counts.new, counts.known, counts.early, counts.refused), (1, 1, 2, 3));
    assert_eq!(mesh.node("KE").holdings(), [first.id(), second.id()], "the early one was filled in");
}

fn hello_of(name: &str, key: PeerKey, counter: u64) -> Vec<u8> {
    let hello = Hello {
        certificate: Certificate { member: member(name), key, counter },
        boot_nonce: [1; 16],
        instance: [2; 16],
        roster_epoch: 0,
    };
    hello::encode(roster(&["KE", "TZ"]).network(), &signing_key(name), &hello, Vec::new())
}

#[test]
fn the_gate_opens_for_members_only() {
    let ring = KeyRing::of_roster(&roster(&["KE", "TZ"]));
    let (ke, tz) = (member("KE"), transport_key("TZ"));
    let none = Certificates::new();
    let judge = |peer, bytes: &[u8]| hello::judge(&ring, ke, &none, peer, bytes);
    let good = hello_of("TZ", tz, 1);
    assert_eq!(judge(tz, &good).unwrap().certificate.member, member("TZ"));

    assert_eq!(judge(tz, &[]), Err(HelloError::RefusedByPeer));
    assert_eq!(judge(tz, &[9]), Err(HelloError::UnknownVersion(9)));
    assert!(matches!(judge(tz, &good[..40]), Err(HelloError::Bytes(_))));
    assert_eq!(judge(transport_key("US"), &good), Err(HelloError::OtherKey(member("TZ"))));
    let ourselves = hello_of("KE", transport_key("KE"), 1);
    assert_eq!(judge(transport_key("KE"), &ourselves), Err(HelloError::Ourselves));
    let stranger = hello_of("US", transport_key("US"), 1);
    assert_eq!(judge(transport_key("US"), &stranger), Err(HelloError::UnknownMember(member("US"))));
    let elsewhere = KeyRing::of_roster(&roster(&["KE", "TZ", "FR"]));
    assert_eq!(hello::judge(&elsewhere, ke, &none, tz, &good), Err(HelloError::OtherNetwork));
    let mut passed = 0;
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(hello) = judge(tz, &bad) {
            assert_eq!(hello.certificate.key, tz);
            assert_eq!(hello.certificate.member, member("TZ"));
            passed += 1;
        }
    }
    // Boot nonce, instance and epoch are not signed: the link itself proves who sends them.
    assert!(passed <= 8 * (16 + 16 + 1), "{passed} bits can be changed");
}

#[test]
fn a_stolen_old_transport_key_opens_nothing_once_the_new_one_was_seen() {
    let ring = KeyRing::of_roster(&roster(&["KE", "TZ"]));
    let (old, new) = (transport_key("TZ"), transport_key("TZNEW"));
    let certificate = Certificate { member: member("TZ"), key: new, counter: 2 };
    let known = Certificates::from([(member("TZ"), certificate)]);
    let judge =
        |peer, counter| hello::judge(&ring, member("KE"), &known, peer, &hello_of("TZ", peer, counter));
    let outdated = |counter| HelloError::Outdated { member: member("TZ"), counter, known: 2 };
    assert_eq!(judge(old, 1), Err(outdated(1)));
    assert_eq!(judge(old, 2), Err(outdated(2)), "one counter, two keys");
    assert!(judge(new, 2).is_ok());
    assert!(judge(new, 0).is_ok(), "the newest key is let in by any certificate: its counter may be lost");
    assert!(judge(old, 3).is_ok(), "but a bureau may go back to a key with a new certificate");
}

#[test]
fn an_answer_to_no_question_is_dropped() {
    use ecomesh_protocol::Input;
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.sent("TZ", "something", &["KE"]);
    mesh.pass(300);
    // Any request number of a question that is not on its way is dropped without blame.
    let answer = Err("garbage".to_owned());
    mesh.input("KE", Input::Answered { peer: transport_key("TZ"), request: 9_999, answer });
    mesh.run();
    assert!(mesh.node("KE").blocked.is_empty());
}

#[test]
fn drafts_of_all_kinds_of_addresses_are_checked() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let ticket = mesh.send("KE", draft("to all", &[]));
    mesh.run();
    let id = mesh.node("KE").authored[&ticket].as_ref().unwrap().id;
    mesh.pass(300);
    assert_eq!(mesh.delivered_to("KE", id), ["TZ"], "an empty list means all members");
    let doubled = mesh.send("KE", draft("twice", &["TZ", "TZ"]));
    mesh.run();
    assert!(mesh.node("KE").authored[&doubled].is_ok());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), topic in 0u8..4) {
        let ring = KeyRing::of_roster(&roster(&["KE", "TZ"]));
        let report = wire::verify_push(&ring, topic, &bytes);
        prop_assert!(report.records.is_empty());
        let _ = wire::verify_question(&ring, &bytes);
        let _ = wire::verify_answer(&ring, &bytes);
        let _ = hello::judge(&ring, member("KE"), &Certificates::new(), transport_key("TZ"), &bytes);
        let _ = LogOpen::decode(member("KE"), &bytes);
        let _ = ecomesh_protocol::journal::read(ring.network(), member("KE"), &storage_key(), &bytes);
    }

    #[test]
    fn a_flipped_bit_never_passes(bit in 0usize..8_000) {
        let roster = roster(&["KE", "TZ"]);
        let ring = KeyRing::of_roster(&roster);
        let record = sign(roster.network(), "TZ", 0, RecordId::ZERO, |_| {});
        let mut bytes = wire::encode_push(&[&record]).unwrap();
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let report = wire::verify_push(&ring, 2, &bytes);
        prop_assert!(report.records.is_empty(), "bit {}", bit);
    }
}
