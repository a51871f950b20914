//! One test for each bug that a review found.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions unwrap as tests do")]

mod common;

use std::sync::atomic::Ordering::Relaxed;

use common::{Mesh, draft, member, storage_key};
use ecomesh_protocol::core::PeerStatus;
use ecomesh_protocol::delivery::Deliveries;
use ecomesh_protocol::journal::JOURNAL;
use ecomesh_protocol::verify::{KeyRing, VerifiedFrontier, verify_frontier};
use ecomesh_protocol::{Alarm, LogHead, MemoryLedger, Now};
use ecomesh_record::frontier::frontier_hash;
use ecomesh_record::{
    Frontier, FrontierEntry, Lane, LogId, Position, Record, RecordId, SignedFrontier, Time,
};

fn frontier_of(mesh: &Mesh, name: &str, entries: Vec<FrontierEntry>) -> VerifiedFrontier {
    let frontier = Frontier {
        member: member(name),
        instance: [9; 16],
        counter: 1,
        roster_epoch: 0,
        time: Time(1),
        complete: true,
        entries,
        holes: Vec::new(),
        bodiless_lanes: Vec::new(),
    };
    let bytes = frontier.encode().unwrap();
    let hash = frontier_hash(mesh.network(), &bytes);
    let signature = *common::signing_key(name).sign_frontier(mesh.network(), &hash).as_bytes();
    let signed = SignedFrontier { bytes: bytes.into(), signature };
    verify_frontier(&KeyRing::of_roster(&mesh.roster), signed).unwrap()
}

/// A frontier that goes beyond what the author has is on another branch for all that it knows.
#[test]
fn a_frontier_beyond_the_own_log_proves_no_delivery() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    let id = mesh.sent("KE", "one", &["TZ"]);
    let record = mesh.node("KE").record(id).unwrap();
    let log = record.header().log();
    let mut deliveries = Deliveries::default();
    deliveries.follow(record.header(), id, Time(u64::MAX), &[member("TZ")]);
    let beyond = vec![FrontierEntry { log, seq: 7, head: RecordId([7; 32]) }];
    let proofs = |entries| {
        let here = |place: Position| Ok::<_, ()>((place == log.at(0)).then_some(id));
        deliveries.proofs(&frontier_of(&mesh, "TZ", entries), here).unwrap()
    };
    assert!(proofs(beyond).is_empty());
    let other = vec![FrontierEntry { log, seq: 0, head: RecordId([7; 32]) }];
    assert!(proofs(other).is_empty());
    let ours = vec![FrontierEntry { log, seq: 0, head: id }];
    assert_eq!(proofs(ours).len(), 1);
}

/// The power goes while the first record of a new generation is being journaled: the next start recovers again.
#[test]
fn a_crash_while_a_generation_opens_never_goes_back_to_the_old_one() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    mesh.sent("KE", "one", &["TZ"]);
    let network = mesh.network();
    mesh.stop("KE", |ledger, disk| {
        *ledger = MemoryLedger::new(network, [66; 16]);
        disk.set_full(true);
    });
    mesh.start("KE");
    mesh.pass(32_000);
    assert!(mesh.node("KE").core().status(mesh.now).generation.is_none(), "nothing can be journaled");
    mesh.stop("KE", |_, disk| disk.set_full(false));
    mesh.start("KE");
    assert!(mesh.node("KE").core().status(mesh.now).generation.is_none(), "it recovers again");
    mesh.pass(32_000);
    assert!(mesh.node("KE").core().status(mesh.now).generation.unwrap() > 0);
}

/// Learning of an own fork and restarting before the next generation is open does not forget it.
#[test]
fn recovery_outlives_a_restart() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    mesh.sent("KE", "one", &["TZ"]);
    mesh.stop("KE", |_, _| {});
    let copy = mesh.parts("KE");
    mesh.start("KE");
    mesh.sent("KE", "branch one", &["TZ"]);
    mesh.link("KE", "TZ");
    mesh.pass(500);
    // The copy of the home wakes up alone and writes at a place that TZ has already.
    mesh.stop("KE", |_, _| {});
    mesh.replace("KE", copy.0, copy.1);
    mesh.start("KE");
    mesh.sent("KE", "branch two", &["TZ"]);
    mesh.link("KE", "TZ");
    mesh.partition(&["KE"], &["TZ"]);
    assert_eq!(mesh.node("KE").core().forks().len(), 1);
    mesh.stop("KE", |_, _| {});
    mesh.start("KE");
    let status = mesh.node("KE").core().status(mesh.now);
    assert!(status.generation.is_none_or(|generation| generation > 0), "{status:?}");
}

/// A journal that grew damaged in the middle of a log is not a clean one.
#[test]
fn a_journal_that_knows_less_than_the_store_is_not_clean() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    mesh.sent("KE", "one", &["TZ"]);
    mesh.sent("KE", "two", &["TZ"]);
    mesh.stop("KE", |_, disk| disk.flip(JOURNAL, 400, 1));
    mesh.start("KE");
    assert!(mesh.node("KE").core().status(mesh.now).generation.is_none());
}

/// One member's word about a far generation does not use up all numbers.
#[test]
fn a_lie_about_ones_own_generation_does_not_silence_a_bureau() {
    use ecomesh_protocol::{Input, wire};
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    let network = mesh.network();
    mesh.stop("KE", |ledger, _| *ledger = MemoryLedger::new(network, [66; 16]));
    mesh.start("KE");
    mesh.link("KE", "TZ");
    let log = LogId { author: member("KE"), lane: Lane::CONTROL, generation: u32::MAX };
    let lie = frontier_of(&mesh, "TZ", vec![FrontierEntry { log, seq: u64::MAX, head: RecordId([1; 32]) }]);
    let question = Ok(wire::Question::Notify { frontiers: vec![lie], forks: Vec::new() });
    mesh.input("KE", Input::Asked { peer: common::transport_key("TZ"), exchange: u64::MAX, question });
    mesh.run();
    mesh.pass(32_000);
    let _ = mesh.node("KE").core().peers(mesh.now);
    assert!(mesh.node("KE").alarms.iter().any(|a| matches!(a, Alarm::GenerationOpened(_))));
}

/// The proof that came before the record is asked for again.
#[test]
fn deliveries_are_proved_again_after_the_store_was_refilled() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "one", &["TZ"]);
    mesh.pass(500);
    let network = mesh.network();
    mesh.stop("KE", |ledger, disk| {
        *ledger = MemoryLedger::new(network, [66; 16]);
        disk.remove("evidence");
        disk.remove(JOURNAL);
    });
    mesh.start("KE");
    mesh.link("KE", "TZ");
    mesh.pass(3_000);
    assert_eq!(mesh.delivered_to("KE", id), ["TZ"]);
}

/// A retry that arrives while the first try is journaled and not yet stored makes no second record.
#[test]
fn a_retry_during_a_full_store_makes_one_record() {
    use ecomesh_protocol::ledger::{Ledger, Room};
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    let mut once = draft("once", &["TZ"]);
    once.idempotency = Some([5; 32]);
    let before = mesh.node("KE").core().ledger().clone();
    mesh.send("KE", once.clone());
    mesh.run();
    // The store forgets the commit and is full: the record is in the journal only.
    mesh.stop("KE", |ledger, _| {
        *ledger = before;
        ledger.set_room(Room::None);
    });
    mesh.start("KE");
    mesh.send("KE", once.clone());
    mesh.pass(100);
    mesh.stop("KE", |ledger, _| ledger.set_room(Room::Plenty));
    mesh.start("KE");
    mesh.send("KE", once);
    mesh.pass(100);
    assert_eq!(mesh.node("KE").core().ledger().heads().unwrap().len(), 1);
    assert_eq!(mesh.node("KE").holdings().len(), 1);
}

/// Found by the simulator: a clock that jumped by years made the node forget at once what its clients had sent.
#[test]
fn a_retry_after_a_jump_of_the_clocks_makes_one_record() {
    const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1000;
    let mut mesh = Mesh::new(&["KE", "TZ", "TH"]);
    let mut once = draft("once", &["TZ"]);
    once.idempotency = Some([5; 32]);
    mesh.send("KE", once.clone());
    mesh.pass(1_000);
    let own = |mesh: &Mesh| {
        let holdings = mesh.node("KE").holdings();
        let is_own = |id: &&RecordId| mesh.node("KE").record(**id).unwrap().header().author == member("KE");
        holdings.iter().filter(is_own).count()
    };
    for _ in 0..2 {
        mesh.jump(YEAR_MS);
        // The others tell the new time.
        mesh.sent("TZ", "another", &["KE"]);
        mesh.sent("TH", "another", &["KE"]);
        mesh.pass(30_000);
        mesh.send("KE", once.clone());
        mesh.pass(1_000);
        assert_eq!(own(&mesh), 1);
        mesh.stop("KE", |_, _| ());
        mesh.start("KE");
        mesh.link_all();
    }
    // An hour of running is enough, once others have told a time that is close to the own one.
    mesh.pass(3_700_000);
    mesh.sent("TZ", "another", &["KE"]);
    mesh.sent("TH", "another", &["KE"]);
    mesh.pass(20_000);
    mesh.send("KE", once);
    mesh.pass(1_000);
    assert_eq!(own(&mesh), 2);
}

/// The journal was released at 25 entries a second: under load it grew without end, and was copied for every 8 MiB.
#[test]
fn a_long_journal_is_released_as_fast_as_it_grows() {
    let mut mesh = Mesh::new(&["KE", "TZ", "TH"]);
    for number in 0..2_000 {
        let mut draft = draft(&format!("message {number}"), &["TZ"]);
        draft.content.resize(5_000, b'.');
        mesh.send("KE", draft);
        if number % 200 == 0 {
            mesh.run();
        }
    }
    mesh.run();
    mesh.pass(9_000);
    let journal_bytes = |mesh: &mut Mesh| {
        mesh.stop("KE", |_, _| {});
        let (_, mut disk) = mesh.parts("KE");
        let bytes = ecomesh_protocol::Disk::read(&mut disk, JOURNAL).unwrap().unwrap();
        mesh.start("KE");
        mesh.link_all();
        bytes
    };
    let bytes = journal_bytes(&mut mesh);
    assert!(bytes.len() < 2_000_000, "{} bytes", bytes.len());
    let content =
        ecomesh_protocol::journal::read(mesh.network(), member("KE"), &storage_key(), &bytes).unwrap();
    assert_eq!(content.torn_bytes, 0);
    // The end of the log is still known: the node goes on where it was.
    let id = mesh.sent("KE", "after the restart", &["TZ"]);
    let header = mesh.node("KE").record(id).unwrap().header().clone();
    assert_eq!((header.generation, header.seq), (0, 2_000));
    let bytes = journal_bytes(&mut mesh);
    let content =
        ecomesh_protocol::journal::read(mesh.network(), member("KE"), &storage_key(), &bytes).unwrap();
    let last = content.entries.last().unwrap();
    assert_eq!(last.record.id(), id);
    mesh.assert_equal();
}

/// A body that rots while the node runs is fetched again as soon as the shell has read it, not at the next start.
#[test]
fn a_body_found_missing_is_told_and_fetched_again() {
    use ecomesh_protocol::Input;
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "one", &["TZ"]);
    mesh.pass(500);
    mesh.unlink("KE", "TZ");
    mesh.input("TZ", Input::BodyMissing { id });
    mesh.run();
    assert!(mesh.node("TZ").alarms.iter().any(|alarm| matches!(alarm, Alarm::Holes(1))));
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 1);
    mesh.link("KE", "TZ");
    mesh.pass(6_000);
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0);
}

/// Nothing else happens in the network: the word that proves a delivery is not said again unless it is asked for.
#[test]
fn evidence_that_a_full_disk_did_not_take_is_asked_for_again() {
    let mut mesh = Mesh::unlinked(&["FR", "KE", "TZ"]);
    let id = mesh.sent("KE", "one", &["TZ"]);
    mesh.node("KE").disk_full.store(true, Relaxed);
    mesh.link("KE", "FR");
    mesh.link("FR", "TZ");
    mesh.pass(60_000);
    assert!(mesh.node("TZ").record(id).is_some());
    assert!(mesh.delivered_to("KE", id).is_empty(), "its evidence is not durable");
    mesh.node("KE").disk_full.store(false, Relaxed);
    mesh.pass(60_000);
    assert_eq!(mesh.delivered_to("KE", id), ["TZ"]);
}

/// The body of the record that opens a generation names the key. Without it a start knows no such generation, and what is
/// written in it cannot be verified until the body is back.
#[test]
fn a_generation_whose_opening_lost_its_body_is_known_again() {
    use ecomesh_protocol::ledger::Ledger;
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    let network = mesh.network();
    mesh.stop("KE", |ledger, _| *ledger = MemoryLedger::new(network, [66; 16]));
    mesh.start("KE");
    mesh.link_all();
    mesh.pass(40_000);
    mesh.sent("KE", "before", &["TZ"]);
    mesh.pass(1_000);
    mesh.stop("TZ", |ledger, _| {
        let heads = ledger.heads().unwrap();
        let opens = |head: &&LogHead| head.log.lane == Lane::CONTROL && head.log.generation > 0;
        ledger.lose_body(heads.iter().find(opens).unwrap().log.at(0));
    });
    mesh.start("TZ");
    mesh.link_all();
    mesh.pass(10_000);
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0);
    let after = mesh.sent("KE", "after", &["TZ"]);
    mesh.pass(10_000);
    assert_eq!(mesh.delivered_to("KE", after), ["TZ"]);
}

/// Pages that no honest peer sends: with a gap, from another place, of another log.
#[test]
fn a_page_that_is_not_the_one_asked_for_is_blamed() {
    use ecomesh_protocol::{Input, Output, wire};
    for wrong in 0..3 {
        let mut mesh = Mesh::new(&["KE", "TZ", "TH"]);
        mesh.lose_pushes = true;
        let network = mesh.network();
        let mut prev = RecordId::ZERO;
        let records: Vec<Record> = (0..4)
            .map(|seq| {
                let record = record_of(network, "TZ", seq, prev);
                prev = record.id();
                record
            })
            .collect();
        let log = records[0].header().log();
        // KE hears that TZ has them, and asks.
        let said = frontier_of(&mesh, "TZ", vec![FrontierEntry { log, seq: 3, head: prev }]);
        let question = Ok(wire::Question::Notify { frontiers: vec![said], forks: Vec::new() });
        let peer = common::transport_key("TZ");
        let core = mesh.nodes.get_mut("KE").unwrap().core_mut();
        core.handle(Input::Asked { peer, exchange: 77, question }, mesh.now);
        // It waits a moment for gossip, then it asks.
        core.commit(mesh.now);
        while core.poll_output().is_some() {}
        mesh.now.mono += 300;
        core.commit(mesh.now);
        let asked = std::iter::from_fn(|| core.poll_output()).find_map(|output| match output {
            Output::Ask { peer: to, request, bytes } if to == peer => Some((request, bytes)),
            _ => None,
        });
        let (request, _) = asked.expect("a question to TZ");
        let frames: Vec<_> = match wrong {
            0 => [0, 1, 3].map(|at| records[at].to_frame()).to_vec(),
            1 => records[1..].iter().map(Record::to_frame).collect(),
            _ => vec![record_of(network, "TH", 0, RecordId::ZERO).to_frame()],
        };
        let answer =
            wire::verify_answer(&core.ring(), &wire::answer::page(&frames)).map_err(|e| e.to_string());
        core.handle(Input::Answered { peer, request, answer }, mesh.now);
        let blocked = std::iter::from_fn(|| core.poll_output())
            .any(|output| matches!(output, Output::Block { peer: who, .. } if who == peer));
        assert!(blocked, "case {wrong}");
    }
}

fn record_of(network: ecomesh_record::NetworkId, author: &str, seq: u64, prev: RecordId) -> Record {
    let body = ecomesh_record::Body::new([seq as u8; 32], format!("content {seq}").into_bytes()).unwrap();
    let created_at = Time(1_800_000_000_000);
    let header = ecomesh_record::Header {
        author: member(author),
        lane: Lane::MESSAGES,
        generation: 0,
        seq,
        prev,
        created_at,
        expires_at: created_at.after(1_000),
        roster_epoch: 0,
        priority: ecomesh_record::Priority::ROUTINE,
        kind: ecomesh_record::Kind::MESSAGE,
        retention: ecomesh_record::Retention::YEARS_5,
        flags: Default::default(),
        to: Vec::new(),
        audience: ecomesh_record::Audience::Open,
        body_commit: body.commitment(network),
        body_len: body.content().len() as u32,
        ext: Vec::new(),
    };
    let key = common::signing_key(author);
    Record::sign_with(network, header, Some(body), |id| *key.sign_record(network, id).as_bytes()).unwrap()
}

/// Found by the simulator: of an addressee without a link to a common peer, an author never heard.
#[test]
fn an_addressee_that_is_out_of_hearing_is_sought() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ", "TH", "FR"]);
    for (a, b) in [("KE", "TZ"), ("TZ", "TH"), ("TH", "FR")] {
        mesh.link(a, b);
    }
    mesh.pass(3_000);
    let near = mesh.sent("KE", "to the other side of a peer", &["TH"]);
    mesh.pass(25_000);
    assert_eq!(mesh.delivered_to("KE", near), ["TH"]);
    assert!(mesh.node("KE").sought.is_empty());
    let far = mesh.sent("KE", "further away", &["FR"]);
    mesh.pass(25_000);
    assert_eq!(mesh.node("FR").holdings().len(), 2, "it has come");
    assert_eq!(mesh.delivered_to("KE", far), Vec::<String>::new());
    assert_eq!(mesh.node("KE").sought, [member("FR")]);
    mesh.link("KE", "FR");
    mesh.pass(25_000);
    assert_eq!(mesh.delivered_to("KE", far), ["FR"]);
    assert!(mesh.node("KE").sought.is_empty());
}

/// Found by the simulator, whose run never ended: what was told to a peer and failed at once was told again at once,
/// for as long as the link was thought to stand.
#[test]
fn a_notification_that_fails_at_once_is_not_repeated_at_once() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.pass(3_000);
    mesh.link_dies_silently("KE", "TZ");
    mesh.lose_pushes = true;
    // `Mesh::run` panics if the nodes do not come to rest.
    let id = mesh.sent("KE", "to a peer that seems to be there", &["TZ"]);
    mesh.pass(900);
    assert_eq!(mesh.delivered_to("KE", id), Vec::<String>::new());
    mesh.link("KE", "TZ");
    mesh.pass(3_000);
    assert_eq!(mesh.delivered_to("KE", id), ["TZ"], "it is told once the link stands again");
}

/// Found by the simulator: a bureau that was back after days was passed on old frontiers of members that it had not met,
/// took them for news, and destroyed private halves before it had what was sent to them.
#[test]
fn an_old_word_that_is_passed_on_is_not_news() {
    const DAYS: u64 = 8 * 24 * 60 * 60 * 1000;
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    mesh.sent("FR", "before", &["TZ"]);
    mesh.pass(5_000);
    mesh.stop("KE", |_, _| {});
    mesh.stop("TZ", |_, _| {});
    let away_since = mesh.now.wall;
    mesh.jump(DAYS);
    mesh.start("KE");
    mesh.link("KE", "FR");
    // KE waits for TZ's word on this, and FR has an old one.
    mesh.sent("KE", "after", &["TZ"]);
    mesh.pass(100_000);
    let now = Now { wall: mesh.now.wall, mono: mesh.now.mono };
    let peers = mesh.node("KE").core().peers(now);
    let of = |name: &str| peers.iter().find(|peer| peer.member == member(name)).unwrap();
    let (old, new) = (of("TZ"), of("FR"));
    assert!(old.last_frontier_at.unwrap() > away_since.after(DAYS) && old.ahead == 0, "it has come");
    assert!(old.caught_up_at().unwrap() <= away_since, "{old:?}");
    assert!(new.caught_up_at().unwrap() > away_since.after(DAYS), "{new:?}");
    let by_a_clock_ahead = PeerStatus { clock_skew_ms: Some(DAYS.cast_signed()), ..old.clone() };
    assert_eq!(by_a_clock_ahead.caught_up_at(), None, "it may have been signed at any time");
    assert_eq!(PeerStatus { ahead: 1, ..new.clone() }.caught_up_at(), None);
}
