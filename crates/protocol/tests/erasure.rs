//! Erasure, expiry and extension over a few nodes: hidden on sight, destroyed after the hold, never back again.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Mesh, draft, header, member, signing_key, storage_key};
use ecomesh_protocol::control::CONTROL_KINDS;
use ecomesh_protocol::disk::Disk;
use ecomesh_protocol::erasure::{Erase, Erased, Extend, Ground};
use ecomesh_protocol::journal::{self, JOURNAL};
use ecomesh_protocol::ledger::{Ledger, MemoryLedger};
use ecomesh_protocol::lives::{EXPIRED_MS, HOLD_MS, Life, Stage, Term};
use ecomesh_protocol::verify::verify_record;
use ecomesh_protocol::wire::{answer, ask, encode_push};
use ecomesh_protocol::{Draft, Input, Void, judge};
use ecomesh_record::{Body, ForkProof, Header, Kind, Lane, Record, RecordId, Retention, Time};

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;
/// What a node does within a housekeeping, and what its peers answer to it.
const A_MOMENT: u64 = 40_000;

fn erase(ids: &[RecordId]) -> Draft {
    let content = Erase::new(Ground::SENT_IN_ERROR, ids.iter().copied()).unwrap().encode().unwrap();
    Draft::control(Kind::ERASE, content, [9; 32])
}

fn extend(ids: &[RecordId], until: Time) -> Draft {
    let content = Extend::new(Ground::STILL_NEEDED, until, ids.iter().copied()).unwrap().encode().unwrap();
    Draft::control(Kind::EXTEND, content, [8; 32])
}

fn recorded(mesh: &mut Mesh, name: &str, draft: Draft) -> RecordId {
    let ticket = mesh.send(name, draft);
    mesh.run();
    mesh.node(name).authored[&ticket].clone().unwrap().id
}

fn has_body(mesh: &Mesh, name: &str, id: RecordId) -> bool {
    mesh.node(name).record(id).is_some_and(|record| record.body().is_some())
}

fn is_hidden(mesh: &Mesh, name: &str, id: RecordId) -> bool {
    let record = mesh.node(name).record(id).unwrap();
    mesh.node(name).core().lives().life(&Term::of(&record), mesh.now.wall) != Life::Living
}

/// Days pass, in which the nodes look after what is due.
fn days(mesh: &mut Mesh, count: u64) {
    for _ in 0..count {
        mesh.jump(DAY);
        mesh.pass(A_MOMENT);
    }
}

/// The records in which members say that they have destroyed this one.
fn told(mesh: &Mesh, at: &str, id: RecordId) -> Vec<String> {
    let ledger = mesh.node(at).core().ledger();
    let mut members = Vec::new();
    for head in ledger.heads().unwrap().iter().filter(|head| head.log.lane == Lane::CONTROL) {
        for seq in 0..=head.seq {
            let record = ledger.record(head.log.at(seq)).unwrap().unwrap();
            let content = record.body().unwrap().content();
            if record.header().kind == Kind::ERASED
                && Erased::decode(content).unwrap().targets().contains(&id)
            {
                members.push(head.log.author.to_string());
            }
        }
    }
    members
}

#[test]
fn what_is_erased_is_hidden_at_once_and_destroyed_everywhere_after_the_hold() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let id = mesh.sent("KE", "the wrong person", &["TZ"]);
    let other = mesh.sent("KE", "the right one", &["TZ"]);
    mesh.pass(500);
    assert_eq!(mesh.delivered_to("KE", id), ["TZ"]);
    let erasure = recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    for name in ["FR", "KE", "TZ"] {
        assert!(is_hidden(&mesh, name, id) && !is_hidden(&mesh, name, other), "{name}");
        assert!(has_body(&mesh, name, id), "{name} holds it, in case that the erasure is undone");
        let known = mesh.node(name).core().lives().erasure(erasure).unwrap();
        assert_eq!((known.stage, known.in_chain, known.ground), (Stage::Held, true, Ground::SENT_IN_ERROR));
    }
    mesh.jump(HOLD_MS - HOUR);
    mesh.pass(A_MOMENT);
    assert!(has_body(&mesh, "TZ", id), "the hold is not over");
    mesh.jump(2 * HOUR);
    mesh.pass(A_MOMENT);
    for name in ["FR", "KE", "TZ"] {
        assert!(!has_body(&mesh, name, id) && has_body(&mesh, name, other), "{name}");
        assert_eq!(mesh.node(name).core().status(mesh.now).holes, 0, "{name}");
    }
    mesh.assert_equal();
    // Delivered it was, before.
    assert_eq!(mesh.delivered_to("KE", id), ["TZ"]);
    assert_eq!(told(&mesh, "KE", id), ["FR", "KE", "TZ"]);
    assert_eq!(mesh.node("KE").core().lives().erasure(erasure).unwrap().stage, Stage::Told);
    // It is said once.
    days(&mut mesh, 3);
    assert_eq!(told(&mesh, "KE", id).len(), 3);
}

#[test]
fn a_restart_forgets_no_erasure() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    let restart = |mesh: &mut Mesh| {
        mesh.stop("TZ", |_, _| {});
        mesh.start("TZ");
        mesh.link_all();
        mesh.pass(500);
    };
    restart(&mut mesh);
    assert!(is_hidden(&mesh, "TZ", id) && has_body(&mesh, "TZ", id));
    mesh.jump(HOLD_MS);
    mesh.pass(A_MOMENT);
    assert!(!has_body(&mesh, "TZ", id));
    restart(&mut mesh);
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0, "what is gone by right is no hole");
    assert!(!has_body(&mesh, "TZ", id));
    mesh.pass(A_MOMENT);
    assert_eq!(told(&mesh, "TZ", id), ["FR", "KE", "TZ"]);
}

#[test]
fn those_who_were_off_line_bring_nothing_back() {
    let mut mesh = Mesh::new(&["CN", "FR", "KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    mesh.pass(500);
    mesh.partition(&["CN", "FR", "KE"], &["TZ"]);
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    days(&mut mesh, 4);
    assert!(!has_body(&mesh, "CN", id) && !has_body(&mesh, "KE", id) && has_body(&mesh, "TZ", id));
    mesh.heal();
    mesh.pass(3_000);
    assert!(is_hidden(&mesh, "TZ", id), "within seconds of the first contact");
    assert!(has_body(&mesh, "TZ", id), "its own hold has only begun");
    // Whoever asks the one that still has it, and knows of no erasure, gets the erasure instead.
    let position = mesh.node("TZ").core().ledger().find(id).unwrap().unwrap();
    for question in [ask::slice(id, 0, 1024), ask::bodies(&[id]), ask::page(position.log, 0, 4096)] {
        let ring = mesh.node("TZ").core().ring();
        let question = ecomesh_protocol::wire::verify_question(&ring, &question).map_err(|e| e.to_string());
        let now = mesh.now;
        let core = mesh.nodes.get_mut("TZ").unwrap().core_mut();
        core.handle(Input::Asked { peer: common::transport_key("KE"), exchange: 9_999, question }, now);
        let mut answered = None;
        while let Some(output) = core.poll_output() {
            if let ecomesh_protocol::Output::Respond { exchange: 9_999, bytes } = output {
                answered = Some(bytes);
            }
        }
        let answered = answered.unwrap();
        assert_ne!(answered, answer::unavailable());
        match ecomesh_protocol::wire::verify_answer(&ring, &answered).unwrap() {
            ecomesh_protocol::wire::Answer::Erased { records } => assert_eq!(records.len(), 1),
            ecomesh_protocol::wire::Answer::Page { records } => {
                assert!(records.iter().all(|record| record.record().body().is_none()));
            }
            other => panic!("{other:?}"),
        }
    }
    days(&mut mesh, 4);
    assert!(!has_body(&mesh, "TZ", id));
    mesh.assert_equal();
}

#[test]
fn a_node_that_begins_with_nothing_holds_what_was_erased_without_its_body() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let ids: Vec<RecordId> = (0..5).map(|n| mesh.sent("KE", &format!("message {n}"), &["TZ"])).collect();
    recorded(&mut mesh, "KE", erase(&[ids[1], ids[3]]));
    mesh.pass(500);
    days(&mut mesh, 4);
    let network = mesh.network();
    mesh.stop("TZ", |ledger, _| *ledger = MemoryLedger::new(network, [77; 16]));
    mesh.start("TZ");
    mesh.link_all();
    mesh.pass(5_000);
    mesh.assert_equal();
    let here: Vec<bool> = ids.iter().map(|id| has_body(&mesh, "TZ", *id)).collect();
    assert_eq!(here, [true, false, true, false, true]);
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0);
}

/// Nobody passes on what stands behind a fork, so the erasure itself cannot be pulled there; the record that it names
/// must not be waited for in vain.
#[test]
fn an_erasure_behind_a_fork_is_shown_to_whoever_asks_for_the_body() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    let after = mesh.sent("KE", "y", &["TZ"]);
    let erasure = recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    days(&mut mesh, 4);
    let network = mesh.network();
    let ours = mesh.node("FR").record(erasure).unwrap();
    let other = sign_control(&mesh, erase(&[RecordId([2; 32])]).content, Kind::ERASE);
    let half = |record: &Record| (record.hash(), *record.signature());
    let proof = ForkProof::new(ours.position(), half(&ours), half(&other)).unwrap();
    mesh.stop("TZ", |ledger, _| {
        *ledger = MemoryLedger::new(network, [80; 16]);
        let batch = ecomesh_protocol::Batch { forks: vec![proof], ..Default::default() };
        ledger.commit(&batch).unwrap();
    });
    mesh.start("TZ");
    mesh.link_all();
    mesh.pass(10_000);
    assert!(mesh.node("TZ").record(erasure).is_none());
    assert!(is_hidden(&mesh, "TZ", id) && !has_body(&mesh, "TZ", id) && has_body(&mesh, "TZ", after));
    assert!(!mesh.node("TZ").core().lives().erasure(erasure).unwrap().in_chain);
    assert!(mesh.nodes.values().all(|node| node.blocked.is_empty()));
}

#[test]
fn an_import_with_the_body_brings_nothing_back() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let id = mesh.sent("KE", "in an old archive", &["TZ"]);
    mesh.pass(500);
    let whole = mesh.node("TZ").record(id).unwrap();
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    days(&mut mesh, 4);
    let import = |mesh: &mut Mesh| {
        let verified = verify_record(&mesh.node("TZ").core().ring(), whole.clone()).unwrap();
        mesh.input("TZ", Input::Import { ticket: 1, records: vec![verified], refused: 0 });
        mesh.run();
        assert!(!has_body(mesh, "TZ", id));
    };
    import(&mut mesh);
    // Nor in a store that knows the erasure and not yet the record.
    let network = mesh.network();
    let erasure = mesh.node("KE").core().ledger().values_with("erasure/").unwrap();
    mesh.stop("TZ", |ledger, _| {
        *ledger = MemoryLedger::new(network, [78; 16]);
        let batch = ecomesh_protocol::Batch { values: erasure, ..Default::default() };
        ledger.commit(&batch).unwrap();
    });
    mesh.start("TZ");
    import(&mut mesh);
}

#[test]
fn an_erasure_counts_before_its_place_in_the_log_is_reached() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    mesh.pass(500);
    mesh.partition(&["KE"], &["TZ"]);
    recorded(&mut mesh, "KE", Draft::control(Kind::ERASE, erase(&[RecordId([1; 32])]).content, [1; 32]));
    let erasure = recorded(&mut mesh, "KE", erase(&[id]));
    let record = mesh.node("KE").record(erasure).unwrap();
    assert_eq!(record.header().seq, 1);
    let bytes = encode_push(&[&record]).unwrap();
    let report = ecomesh_protocol::wire::verify_push(&mesh.node("TZ").core().ring(), 1, &bytes);
    mesh.input("TZ", Input::Pushed { token: 1, from: common::transport_key("KE"), report });
    mesh.run();
    assert!(mesh.node("TZ").record(erasure).is_none(), "its predecessor is not here");
    assert!(is_hidden(&mesh, "TZ", id));
    mesh.stop("TZ", |_, _| {});
    mesh.start("TZ");
    assert!(is_hidden(&mesh, "TZ", id), "also after a restart");
}

#[test]
fn only_its_author_can_erase_a_record_and_only_documents() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    mesh.pass(500);
    let by_another = recorded(&mut mesh, "TZ", erase(&[id]));
    let of_control = recorded(&mut mesh, "TZ", erase(&[by_another]));
    mesh.pass(500);
    for name in ["KE", "TZ"] {
        for id in [id, by_another, of_control] {
            assert!(!is_hidden(&mesh, name, id));
        }
    }
    days(&mut mesh, 4);
    for name in ["KE", "TZ"] {
        for id in [id, by_another, of_control] {
            assert!(has_body(&mesh, name, id));
        }
    }
}

#[test]
fn nobody_takes_back_that_he_cancelled_or_withdrew() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let message = mesh.sent("KE", "x", &["TZ"]);
    let steps = [Kind::NOTICE_STEP, Kind::ENTRY_STEP]
        .map(|kind| recorded(&mut mesh, "KE", Draft { kind, ..draft("cancelled", &[]) }));
    mesh.pass(500);
    recorded(&mut mesh, "KE", erase(&[message, steps[0]]));
    recorded(&mut mesh, "KE", erase(&steps));
    mesh.pass(500);
    for name in ["KE", "TZ"] {
        assert!(is_hidden(&mesh, name, message));
        assert!(steps.iter().all(|id| !is_hidden(&mesh, name, *id)));
    }
    days(&mut mesh, 6);
    for name in ["KE", "TZ"] {
        assert!(!has_body(&mesh, name, message));
        assert!(steps.iter().all(|id| has_body(&mesh, name, *id)));
        // Nobody says that he has destroyed them, or goes on wanting to.
        assert_eq!(told(&mesh, name, message), ["KE", "TZ"]);
        assert!(steps.iter().all(|id| told(&mesh, name, *id).is_empty()));
        let lives = mesh.node(name).core().lives();
        assert!(lives.due(Time(u64::MAX), 9).is_empty() && lives.untold(99).is_empty());
    }
    // Who comes later gets them.
    let network = mesh.network();
    mesh.stop("TZ", |ledger, _| *ledger = MemoryLedger::new(network, [77; 16]));
    mesh.start("TZ");
    mesh.link_all();
    mesh.pass(5_000);
    mesh.assert_equal();
    assert!(steps.iter().all(|id| has_body(&mesh, "TZ", *id)));
}

#[test]
fn what_is_erased_before_it_arrives_is_told_as_delivered_to_nobody() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    mesh.partition(&["FR", "KE"], &["TZ"]);
    let id = mesh.sent("KE", "x", &["FR", "TZ"]);
    mesh.pass(500);
    assert_eq!(mesh.delivered_to("KE", id), ["FR"]);
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    mesh.heal();
    mesh.pass(3_000);
    mesh.assert_equal();
    assert!(!has_body(&mesh, "TZ", id));
    assert_eq!(mesh.delivered_to("KE", id), ["FR"], "TZ holds the header, and never had what it says");
    let told: Vec<_> = mesh.node("KE").delivered.iter().filter(|(told, _)| *told == id).collect();
    assert_eq!(told, [&(id, member("FR"))]);
    mesh.stop("KE", |_, _| {});
    mesh.start("KE");
    mesh.link_all();
    mesh.pass(1_000);
    assert_eq!(mesh.delivered_to("KE", id), ["FR"]);
}

#[test]
fn the_journal_and_the_memory_of_requests_lose_the_body_as_well() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let key = [7; 32];
    let id = recorded(
        &mut mesh,
        "KE",
        Draft { idempotency: Some(key), ..draft("a canary in the journal", &["TZ"]) },
    );
    let last = mesh.sent("KE", "the last of its lane", &["TZ"]);
    recorded(&mut mesh, "KE", erase(&[id, last]));
    mesh.pass(500);
    mesh.jump(HOLD_MS);
    mesh.pass(A_MOMENT);
    assert!(mesh.node("KE").core().ledger().values_with("idempotency/").unwrap().is_empty());
    let network = mesh.network();
    mesh.stop("KE", |_, disk| {
        let bytes = disk.read(JOURNAL).unwrap().unwrap();
        let content = journal::read(network, member("KE"), &storage_key(), &bytes).unwrap();
        let erased = content.entries.iter().filter(|entry| [id, last].contains(&entry.record.id()));
        assert!(erased.clone().count() > 0);
        assert!(erased.into_iter().all(|entry| entry.record.body().is_none()));
        let last_id = content.entries.iter().map(|entry| entry.record.id()).filter(|found| *found == last);
        assert_eq!(last_id.count(), 1, "the end of the lane is still known");
    });
    mesh.start("KE");
    assert_eq!(mesh.node("KE").core().status(mesh.now).recovering_ms, None, "and the node may write at once");
    mesh.link_all();
    let next = mesh.sent("KE", "it goes on", &["TZ"]);
    assert_eq!(mesh.node("KE").record(next).unwrap().header().seq, 2);
    // A store that is lost later comes back from the peers and the journal.
    mesh.pass(500);
    mesh.stop("KE", |ledger, _| *ledger = MemoryLedger::new(network, [79; 16]));
    mesh.start("KE");
    mesh.link_all();
    mesh.pass(5_000);
    assert!(!has_body(&mesh, "KE", id) && !has_body(&mesh, "KE", last) && has_body(&mesh, "KE", next));
    assert_eq!(mesh.node("KE").core().status(mesh.now).holes, 0);
}

#[test]
fn a_hole_that_is_erased_is_waited_for_no_more() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    mesh.pass(500);
    mesh.partition(&["KE"], &["TZ"]);
    mesh.stop("TZ", |ledger, _| {
        let position = ledger.find(id).unwrap().unwrap();
        ledger.lose_body(position);
    });
    mesh.start("TZ");
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 1);
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.heal();
    mesh.pass(3_000);
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0);
}

#[test]
fn what_has_expired_is_served_to_nobody_and_destroyed_a_month_later() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    mesh.partition(&["FR", "KE"], &["TZ"]);
    let expires_at = mesh.now.wall.after(2 * DAY);
    let id = recorded(&mut mesh, "KE", Draft { expires_at: Some(expires_at), ..draft("x", &["TZ"]) });
    let other = mesh.sent("KE", "y", &["TZ"]);
    mesh.pass(500);
    days(&mut mesh, 3);
    assert!(is_hidden(&mesh, "FR", id) && has_body(&mesh, "FR", id));
    mesh.heal();
    mesh.pass(5_000);
    assert!(!has_body(&mesh, "TZ", id) && has_body(&mesh, "TZ", other));
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0);
    assert_eq!(mesh.delivered_to("KE", id), [] as [&str; 0]);
    assert_eq!(mesh.delivered_to("KE", other), ["TZ"]);
    mesh.jump(EXPIRED_MS - 3 * DAY);
    mesh.pass(A_MOMENT);
    assert!(has_body(&mesh, "FR", id));
    mesh.jump(3 * DAY);
    // The next walk over all logs.
    walk(&mut mesh);
    assert!(!has_body(&mesh, "FR", id) && !has_body(&mesh, "KE", id) && has_body(&mesh, "FR", other));
    assert!(told(&mesh, "KE", id).is_empty(), "expiry is no erasure: nobody need confirm it");
}

/// Until the walk over all logs has begun again and is through.
fn walk(mesh: &mut Mesh) {
    mesh.now.mono += 6 * HOUR;
    mesh.pass(120_000);
}

#[test]
fn an_extension_keeps_a_body_and_brings_back_one_that_some_have_destroyed() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let expires_at = mesh.now.wall.after(DAY);
    let expiring = |text| Draft { expires_at: Some(expires_at), ..draft(text, &["TZ"]) };
    let kept = recorded(&mut mesh, "KE", expiring("kept"));
    let lost = recorded(&mut mesh, "KE", expiring("destroyed at one"));
    mesh.pass(500);
    let until = mesh.now.wall.after(400 * DAY);
    recorded(&mut mesh, "KE", extend(&[kept], until));
    mesh.pass(500);
    days(&mut mesh, 2);
    assert!(!is_hidden(&mesh, "TZ", kept) && is_hidden(&mesh, "TZ", lost));
    // At TZ the month is over, and at the others not.
    mesh.stop("TZ", |ledger, _| {
        let excused = vec![ledger.find(lost).unwrap().unwrap()];
        ledger.commit(&ecomesh_protocol::Batch { excused, ..Default::default() }).unwrap();
    });
    mesh.start("TZ");
    mesh.link_all();
    mesh.pass(500);
    assert!(!has_body(&mesh, "TZ", lost));
    recorded(&mut mesh, "KE", extend(&[lost], until));
    mesh.pass(3_000);
    assert!(!is_hidden(&mesh, "TZ", lost) && has_body(&mesh, "TZ", lost));
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0);
    // Both live as long as the extension says, and no longer.
    mesh.jump(300 * DAY);
    walk(&mut mesh);
    assert!(has_body(&mesh, "FR", kept) && has_body(&mesh, "FR", lost) && !is_hidden(&mesh, "FR", lost));
    mesh.jump(140 * DAY);
    walk(&mut mesh);
    walk(&mut mesh);
    assert!(!has_body(&mesh, "FR", kept) && !has_body(&mesh, "FR", lost));
}

#[test]
fn an_extension_keeps_no_longer_than_the_class_allows() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let short = Draft { retention: Retention::DAYS_40, ..draft("x", &["TZ"]) };
    let id = recorded(&mut mesh, "KE", short);
    let written = mesh.now.wall;
    mesh.jump(10 * DAY);
    let until = mesh.now.wall.after(1_000 * DAY);
    recorded(&mut mesh, "KE", extend(&[id], until));
    mesh.pass(500);
    let record = mesh.node("TZ").record(id).unwrap();
    let expiry = mesh.node("TZ").core().lives().expiry(&Term::of(&record)).unwrap();
    assert_eq!(expiry.since(written) / DAY, 50);
    // What another says keeps nothing.
    let until = mesh.now.wall.after(39 * DAY);
    recorded(&mut mesh, "TZ", extend(&[id], until));
    mesh.jump(45 * DAY);
    assert!(is_hidden(&mesh, "TZ", id));
}

#[test]
fn an_extension_whose_body_comes_later_counts_from_then_on() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let expires_at = mesh.now.wall.after(DAY);
    let id = recorded(&mut mesh, "KE", Draft { expires_at: Some(expires_at), ..draft("kept", &["TZ"]) });
    let until = mesh.now.wall.after(10 * DAY);
    recorded(&mut mesh, "KE", extend(&[id], until));
    mesh.pass(500);
    // Store and key of the journal are lost: what is in it comes back without bodies, and these from TZ.
    let network = mesh.network();
    mesh.stop("KE", |ledger, _| *ledger = MemoryLedger::new(network, [77; 16]));
    mesh.lose_storage_key("KE");
    mesh.start("KE");
    mesh.link_all();
    mesh.pass(35_000);
    assert_eq!(mesh.node("KE").core().status(mesh.now).holes, 0);
    let record = mesh.node("KE").record(id).unwrap();
    let expiry = |name: &str| mesh.node(name).core().lives().expiry(&Term::of(&record)).unwrap();
    assert_eq!((expiry("KE"), expiry("TZ")), (until, until));
}

#[test]
fn one_wrong_clock_destroys_nothing() {
    let mut mesh = Mesh::new(&["CN", "FR", "KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    // TZ's clock alone is ahead by a year: the other nodes stand still meanwhile.
    let now = mesh.now;
    let core = mesh.nodes.get_mut("TZ").unwrap().core_mut();
    let ahead = |mono| ecomesh_protocol::Now { wall: now.wall.after(365 * DAY), mono: now.mono + mono };
    for second in 1..=600 {
        core.handle_timeout(ahead(second * 1_000));
        core.commit(ahead(second * 1_000));
        while core.poll_output().is_some() {}
    }
    assert!(has_body(&mesh, "TZ", id));
}

#[test]
fn an_author_has_few_erasures_that_are_believed_out_of_place() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    mesh.pass(500);
    mesh.partition(&["KE"], &["TZ"]);
    let mut frames = Vec::new();
    let body = Body::new([1; 32], Erase::new(Ground::OTHER, [id]).unwrap().encode().unwrap()).unwrap();
    let key = signing_key("KE");
    for seq in 1..400 {
        let header = control(&mesh, &body, seq);
        let record = Record::sign_with(mesh.network(), header, Some(body.clone()), |id| {
            *key.sign_record(mesh.network(), id).as_bytes()
        })
        .unwrap();
        frames.push(record);
    }
    let ring = mesh.node("TZ").core().ring();
    for some in frames.chunks(64) {
        let records = some.iter().map(|record| verify_record(&ring, record.clone()).unwrap()).collect();
        let report = ecomesh_protocol::wire::PushReport { topic: 1, records, deferred: 0, blame: None };
        mesh.input("TZ", Input::Pushed { token: 1, from: common::transport_key("KE"), report });
        mesh.pass(1_000);
    }
    let kept = mesh.node("TZ").core().ledger().values_with("erasure/").unwrap().len();
    assert!(kept > 0 && kept <= ecomesh_protocol::lives::OFF_CHAIN_MAX, "{kept}");
}

fn control(mesh: &Mesh, body: &Body, seq: u64) -> Header {
    Header {
        author: member("KE"),
        lane: Lane::CONTROL,
        expires_at: Time(0),
        kind: Kind::ERASE,
        retention: Retention::CONTROL,
        priority: ecomesh_record::Priority::URGENT,
        to: Vec::new(),
        ..header(mesh.network(), body, seq, RecordId::ZERO)
    }
}

#[test]
fn contents_that_are_wrong_are_void() {
    let mesh = Mesh::new(&["KE", "TZ"]);
    let judged = |content: Vec<u8>, kind: Kind| {
        let record = sign_control(&mesh, content, kind);
        judge(&mesh.roster, &record)
    };
    let good = erase(&[RecordId([1; 32])]).content;
    assert_eq!(judged(good.clone(), Kind::ERASE), Ok(()));
    assert_eq!(judged(good.clone(), Kind::EXTEND), Err(Void::Erasure));
    assert_eq!(judged(good[..3].to_vec(), Kind::ERASE), Err(Void::Erasure));
    assert_eq!(judged(vec![0], Kind::ERASED), Err(Void::Erasure));
    let record = sign_control(&mesh, good, Kind::ERASE);
    assert_eq!(judge(&mesh.roster, &record.without_body()), Err(Void::Erasure));
    assert!(CONTROL_KINDS.contains(&Kind::ERASED.0));
}

fn sign_control(mesh: &Mesh, content: Vec<u8>, kind: Kind) -> Record {
    let body = Body::new([1; 32], content).unwrap();
    let header = Header { kind, ..control(mesh, &body, 0) };
    let key = signing_key("KE");
    let network = mesh.network();
    Record::sign_with(network, header, Some(body), |id| *key.sign_record(network, id).as_bytes()).unwrap()
}

#[test]
fn a_clock_that_runs_ahead_among_others_destroys_nothing_before_its_time() {
    let mut mesh = Mesh::new(&["CN", "FR", "KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    mesh.skew_ms.insert("TZ".into(), 10 * DAY as i64);
    mesh.sent("KE", "what makes them exchange frontiers", &["TZ"]);
    mesh.pass(A_MOMENT);
    assert!(has_body(&mesh, "TZ", id));
    mesh.jump(HOLD_MS);
    mesh.sent("KE", "once more", &["TZ"]);
    mesh.pass(A_MOMENT);
    assert!(!has_body(&mesh, "TZ", id) && !has_body(&mesh, "CN", id));
}

#[test]
fn a_clock_that_runs_behind_cuts_no_hold_short() {
    let mut mesh = Mesh::new(&["CN", "FR", "KE", "TZ"]);
    mesh.skew_ms.insert("TZ".into(), -10 * DAY as i64);
    let id = mesh.sent("KE", "x", &["TZ"]);
    mesh.pass(A_MOMENT);
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    mesh.skew_ms.clear();
    mesh.sent("KE", "what makes them exchange frontiers", &["TZ"]);
    mesh.pass(A_MOMENT);
    assert!(is_hidden(&mesh, "TZ", id) && has_body(&mesh, "TZ", id));
}

#[test]
fn a_body_that_is_lost_during_the_hold_is_asked_of_nobody() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    mesh.input("TZ", Input::BodyMissing { id });
    mesh.run();
    let status = mesh.node("TZ").core().status(mesh.now);
    assert_eq!(status.holes, 0);
    assert!(!has_body(&mesh, "TZ", id));
    assert_eq!(mesh.node("TZ").destroyed.len(), 1);
}

#[test]
fn what_waits_for_its_predecessors_is_dropped_when_it_is_erased() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.partition(&["KE"], &["TZ"]);
    mesh.sent("KE", "not passed on", &["TZ"]);
    let id = mesh.sent("KE", "early", &["TZ"]);
    let erasure = recorded(&mut mesh, "KE", erase(&[id]));
    for (id, topic) in [(id, 2), (erasure, 1)] {
        let record = mesh.node("KE").record(id).unwrap();
        let ring = mesh.node("TZ").core().ring();
        let report = ecomesh_protocol::wire::verify_push(&ring, topic, &encode_push(&[&record]).unwrap());
        mesh.input("TZ", Input::Pushed { token: 1, from: common::transport_key("KE"), report });
        mesh.run();
        assert_eq!(mesh.node("TZ").core().early().len(), usize::from(topic == 2));
    }
}

#[test]
fn the_journal_lets_go_of_what_is_destroyed() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    // FR is off line, so that the journal has to keep everything at first.
    mesh.partition(&["KE", "TZ"], &["FR"]);
    let ids: Vec<RecordId> = (0..4).map(|n| mesh.sent("KE", &format!("message {n}"), &["TZ"])).collect();
    recorded(&mut mesh, "KE", erase(&ids[..1]));
    mesh.pass(500);
    mesh.jump(HOLD_MS);
    mesh.pass(A_MOMENT);
    mesh.heal();
    mesh.pass(A_MOMENT);
    // The next one that is destroyed has the file written anew, without what was released meanwhile.
    recorded(&mut mesh, "KE", erase(&ids[1..2]));
    mesh.pass(500);
    mesh.jump(HOLD_MS);
    mesh.pass(A_MOMENT);
    let network = mesh.network();
    mesh.stop("KE", |_, disk| {
        let content =
            journal::read(network, member("KE"), &storage_key(), &disk.read(JOURNAL).unwrap().unwrap())
                .unwrap();
        let left: Vec<RecordId> = content.entries.iter().map(|entry| entry.record.id()).collect();
        assert!(!left.contains(&ids[0]) && left.contains(&ids[3]));
    });
}

#[test]
fn a_body_that_was_let_go_without_a_reason_comes_back() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    mesh.pass(500);
    mesh.stop("TZ", |ledger, _| {
        let excused = vec![ledger.find(id).unwrap().unwrap()];
        ledger.commit(&ecomesh_protocol::Batch { excused, ..Default::default() }).unwrap();
    });
    mesh.start("TZ");
    mesh.link_all();
    mesh.pass(500);
    assert!(!has_body(&mesh, "TZ", id));
    mesh.pass(120_000);
    assert!(has_body(&mesh, "TZ", id));
}

#[test]
fn what_is_destroyed_is_told_once_a_day() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let (one, two) = (mesh.sent("KE", "one", &["TZ"]), mesh.sent("KE", "two", &["TZ"]));
    recorded(&mut mesh, "KE", erase(&[one]));
    mesh.jump(HOUR);
    mesh.pass(A_MOMENT);
    recorded(&mut mesh, "KE", Draft { salt: [7; 32], ..erase(&[two]) });
    mesh.pass(500);
    mesh.jump(HOLD_MS - HOUR);
    mesh.pass(A_MOMENT);
    assert_eq!(told(&mesh, "KE", one).len(), 3);
    mesh.jump(2 * HOUR);
    mesh.pass(A_MOMENT);
    assert!(!has_body(&mesh, "TZ", two) && told(&mesh, "KE", two).is_empty());
    mesh.now.mono += DAY;
    mesh.jump(DAY);
    mesh.pass(A_MOMENT);
    assert_eq!(told(&mesh, "KE", two).len(), 3);
}

/// The store is lost after the erasure was carried out, and the journal still has the body: an older copy of it was put
/// back.
#[test]
fn an_own_record_of_the_journal_comes_without_the_body_that_was_destroyed() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "a canary in the journal", &["TZ"]);
    recorded(&mut mesh, "KE", erase(&[id]));
    mesh.pass(500);
    let mut values = mesh.node("KE").core().ledger().values_with("erasure/").unwrap();
    // Carried out, by the first byte.
    values[0].1[0] = 1;
    let network = mesh.network();
    mesh.partition(&["KE"], &["TZ"]);
    mesh.stop("KE", |ledger, _| {
        let instance = ledger.instance();
        *ledger = MemoryLedger::new(network, instance);
        ledger.commit(&ecomesh_protocol::Batch { values, ..Default::default() }).unwrap();
    });
    mesh.start("KE");
    mesh.pass(500);
    assert!(mesh.node("KE").record(id).is_some_and(|record| record.body().is_none()));
    assert_eq!(mesh.node("KE").core().status(mesh.now).holes, 0);
    mesh.stop("KE", |_, disk| {
        let bytes = disk.read(JOURNAL).unwrap().unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
    });
}

#[test]
fn an_erasure_that_would_not_fit_the_store_is_void() {
    let mesh = Mesh::new(&["KE", "TZ"]);
    let targets = (0..64).map(|n| RecordId([n; 32]));
    let content = Erase::new(Ground::OTHER, targets).unwrap().encode().unwrap();
    let body = Body::new([1; 32], content).unwrap();
    let of = |extensions: u16| {
        let ext = (0..extensions).map(|kind| ecomesh_record::Extension { kind, bytes: vec![0; 256] });
        let header = Header { ext: ext.collect(), ..control(&mesh, &body, 0) };
        let record = Record::sign_with(mesh.network(), header, Some(body.clone()), |_| [0; 64]).unwrap();
        judge(&mesh.roster, &record)
    };
    assert_eq!((of(0), of(5)), (Ok(()), Ok(())));
    assert_eq!((of(7), of(8)), (Err(Void::Erasure), Err(Void::Erasure)));
}

/// Nobody serves what has expired: a node whose clock is years behind must not wait for it, and take nothing behind it.
#[test]
fn a_clock_that_is_years_behind_waits_for_nothing_that_has_expired() {
    let mut mesh = Mesh::new(&["CN", "FR", "KE", "TZ"]);
    mesh.partition(&["CN", "FR", "KE"], &["TZ"]);
    let expires_at = Some(mesh.now.wall.after(DAY));
    let id = recorded(&mut mesh, "KE", Draft { expires_at, ..draft("x", &["TZ"]) });
    mesh.sent("KE", "behind it", &["TZ"]);
    mesh.pass(500);
    days(&mut mesh, 2);
    mesh.skew_ms.insert("TZ".into(), -1_000 * DAY as i64);
    mesh.heal();
    mesh.pass(10_000);
    mesh.assert_equal();
    assert!(!has_body(&mesh, "TZ", id));
    mesh.skew_ms.clear();
    mesh.pass(A_MOMENT);
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0);
}

#[test]
fn a_clock_that_is_years_ahead_excuses_nothing_that_the_others_have() {
    let mut mesh = Mesh::new(&["CN", "FR", "KE", "TZ"]);
    let id = mesh.sent("KE", "x", &["TZ"]);
    mesh.pass(500);
    mesh.skew_ms.insert("TZ".into(), 3_000 * DAY as i64);
    mesh.sent("KE", "what makes them exchange frontiers", &["TZ"]);
    mesh.pass(A_MOMENT);
    mesh.nodes.get_mut("TZ").unwrap().destroyed.clear();
    mesh.input("TZ", Input::BodyMissing { id });
    mesh.run();
    mesh.pass(A_MOMENT);
    assert!(mesh.node("TZ").destroyed.is_empty() && has_body(&mesh, "TZ", id));
    mesh.skew_ms.clear();
    mesh.pass(A_MOMENT);
    assert!(has_body(&mesh, "TZ", id) && !is_hidden(&mesh, "TZ", id));
}

/// An erasure while most of the network is off line. Whoever comes back brings the bodies along, and serves them to nobody.
#[test]
fn twenty_nodes_that_were_off_line_come_back() {
    let names: Vec<String> = (b'A'..=b'X').map(|letter| format!("A{}", letter as char)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (on_line, off_line) = names.split_at(4);
    let mut mesh = Mesh::new(&names);
    let ids: Vec<RecordId> =
        (0..8).map(|n| mesh.sent("AA", &format!("message {n}"), &[on_line[1], off_line[0]])).collect();
    mesh.pass(2_000);
    mesh.assert_equal();
    let chain: Vec<RecordId> = mesh.node("AA").holdings();
    off_line.iter().for_each(|name| mesh.stop(name, |_, _| {}));
    recorded(&mut mesh, "AA", erase(&ids[..4]));
    mesh.pass(1_000);
    // Four of 24 are less than half: nobody destroys anything by so few clocks.
    days(&mut mesh, 4);
    assert!(on_line.iter().all(|name| is_hidden(&mesh, name, ids[0]) && has_body(&mesh, name, ids[0])));
    off_line.iter().for_each(|name| mesh.start(name));
    mesh.link_all();
    mesh.pass(60_000);
    for name in &names {
        assert!(ids[..4].iter().all(|id| is_hidden(&mesh, name, *id)), "{name}, a minute after contact");
        assert!(
            ids[4..].iter().all(|id| has_body(&mesh, name, *id) && !is_hidden(&mesh, name, *id)),
            "{name}"
        );
    }
    assert!(on_line.iter().all(|name| !has_body(&mesh, name, ids[0])), "whose hold was over long ago");
    mesh.jump(HOLD_MS + HOUR);
    mesh.pass(2 * A_MOMENT);
    mesh.assert_equal();
    for name in &names {
        assert!(ids[..4].iter().all(|id| !has_body(&mesh, name, *id)), "{name}, 73 hours after contact");
        assert_eq!(mesh.node(name).core().status(mesh.now).holes, 0, "{name}");
        assert!(
            chain.iter().all(|id| mesh.node(name).record(*id).is_some()),
            "{name}: every header is there"
        );
    }
    mesh.pass(A_MOMENT);
    assert_eq!(told(&mesh, "AA", ids[0]).len(), names.len());
}

/// The store removes a body in batches of 256 chunks, each synced: megabytes at once would hold up everything else.
#[test]
fn large_bodies_are_destroyed_a_few_at_a_time() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let expires_at = Some(mesh.now.wall.after(DAY));
    let large = |n: u8| Draft { expires_at, salt: [n; 32], ..draft(&"x".repeat(1_000_000), &["TZ"]) };
    let ids: Vec<RecordId> = (0..12).map(|n| recorded(&mut mesh, "KE", large(n))).collect();
    mesh.pass(2_000);
    mesh.jump(DAY + EXPIRED_MS);
    mesh.sent("KE", "what makes them exchange frontiers", &["TZ"]);
    mesh.pass(A_MOMENT);
    mesh.now.mono += 6 * HOUR;
    let left = |mesh: &Mesh| ids.iter().filter(|id| has_body(mesh, "TZ", **id)).count();
    let mut before = left(&mesh);
    let mut steps = 0;
    for _ in 0..40 {
        mesh.pass(10_000);
        let now = left(&mesh);
        assert!(before - now <= 5, "{before} to {now} in one step");
        steps += usize::from(now < before);
        before = now;
    }
    assert_eq!((before, steps >= 3), (0, true), "{steps} steps");
}
