//! Rules that each stand alone: every one was taken out once, and no other test noticed.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions unwrap as tests do")]

mod common;

use std::sync::Arc;

use common::{Mesh, draft, member, opening, roster, sign, signing_key, storage_key, transport_key};
use ecomesh_protocol::core::OpenError;
use ecomesh_protocol::delivery::Deliveries;
use ecomesh_protocol::frontiers::{Frontiers, Taken};
use ecomesh_protocol::hello::{self, Certificate, Hello};
use ecomesh_protocol::journal::JOURNAL;
use ecomesh_protocol::ledger::{Ledger, MemoryLedger};
use ecomesh_protocol::sync::Sync;
use ecomesh_protocol::verify::{
    FrontierRefusal, Refusal, VerifiedFrontier, verify_fork, verify_frontier, verify_record,
};
use ecomesh_protocol::wire::{Answer, Question};
use ecomesh_protocol::{Core, CoreConfig, Identity, Input, KeyRing, MemoryDisk, Output, PeerKey, wire};
use ecomesh_record::frontier::frontier_hash;
use ecomesh_record::limits::HOLES_MAX;
use ecomesh_record::{
    ForkProof, Frontier, FrontierEntry, Lane, LogId, NetworkId, Record, RecordId, SignedFrontier, Time,
};

fn ring() -> KeyRing {
    KeyRing::of_roster(&roster(&["KE", "TZ"]))
}

fn network() -> NetworkId {
    roster(&["KE", "TZ"]).network()
}

/// TZ's frontier, before `change`.
fn signed_in(network: NetworkId, change: impl FnOnce(&mut Frontier)) -> SignedFrontier {
    let mut frontier = Frontier {
        member: member("TZ"),
        instance: [9; 16],
        counter: 1,
        roster_epoch: 0,
        time: Time(1_000),
        complete: true,
        entries: Vec::new(),
        holes: Vec::new(),
        bodiless_lanes: Vec::new(),
    };
    change(&mut frontier);
    let bytes = frontier.encode().unwrap();
    let hash = frontier_hash(network, &bytes);
    let signature = *signing_key("TZ").sign_frontier(network, &hash).as_bytes();
    SignedFrontier { bytes: bytes.into(), signature }
}

fn signed(change: impl FnOnce(&mut Frontier)) -> SignedFrontier {
    signed_in(network(), change)
}

fn frontier(change: impl FnOnce(&mut Frontier)) -> VerifiedFrontier {
    verify_frontier(&ring(), signed(change)).unwrap()
}

/// Pushes records of TZ in one message.
fn push(mesh: &mut Mesh, records: &[&Record]) {
    mesh.push("TZ", records[0].header().priority.topic(), &wire::encode_push(records).unwrap());
    mesh.run();
}

#[test]
fn a_record_that_does_not_continue_its_log_is_not_stored() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    let first = sign(network, "TZ", 0, RecordId::ZERO, |_| {});
    push(&mut mesh, &[&first]);
    push(&mut mesh, &[&sign(network, "TZ", 1, RecordId([9; 32]), |_| {})]);
    assert_eq!(mesh.node("KE").holdings(), [first.id()]);
    assert!(mesh.node("KE").blocked.is_empty(), "it may be a branch, which is its author's doing");
}

#[test]
fn a_fork_among_early_records_is_seen() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    for prev in [[1; 32], [2; 32]] {
        push(&mut mesh, &[&sign(network, "TZ", 5, RecordId(prev), |_| {})]);
    }
    assert_eq!(mesh.node("KE").core().forks()[0].position().seq, 5);
}

#[test]
fn a_fork_within_one_message_is_seen() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    let one = sign(network, "TZ", 0, RecordId::ZERO, |_| {});
    let other = sign(network, "TZ", 0, RecordId::ZERO, |h| h.created_at = Time(1_800_000_000_001));
    push(&mut mesh, &[&one, &other]);
    assert_eq!(mesh.node("KE").core().forks()[0].position().seq, 0);
}

#[test]
fn no_page_goes_beyond_a_fork() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let network = mesh.network();
    let mut prev = RecordId::ZERO;
    for seq in 0..4 {
        let record = sign(network, "TZ", seq, prev, |_| {});
        prev = record.id();
        push(&mut mesh, &[&record]);
    }
    push(&mut mesh, &[&sign(network, "TZ", 2, RecordId([7; 32]), |_| {})]);
    let log = mesh.node("KE").core().forks()[0].position().log;
    let (peer, now) = (transport_key("TZ"), mesh.now);
    let core = mesh.nodes.get_mut("KE").unwrap().core_mut();
    let question = Ok(Question::Page { log, from: 0, max_bytes: 1 << 20 });
    core.handle(Input::Asked { peer, exchange: 77, question }, now);
    core.commit(now);
    let answer = std::iter::from_fn(|| core.poll_output()).find_map(|output| match output {
        Output::Respond { exchange: 77, bytes } => Some(wire::verify_answer(&ring(), &bytes).unwrap()),
        _ => None,
    });
    let Some(Answer::Page { records }) = answer else { panic!("{answer:?}") };
    assert_eq!(records.len(), 2, "the disputed ones stay here");
}

#[test]
fn a_hole_proves_no_delivery() {
    let network = network();
    let own =
        |seq, prev| sign(network, "KE", seq, prev, |h| (h.author, h.to) = (member("KE"), vec![member("TZ")]));
    let one = own(0, RecordId::ZERO);
    let two = own(1, one.id());
    let mut deliveries = Deliveries::default();
    for record in [&one, &two] {
        deliveries.follow(record.header(), record.id(), Time(u64::MAX), &[member("TZ")]);
    }
    let log = one.header().log();
    let entry = FrontierEntry { log, seq: 1, head: two.id() };
    let mut proved_by = |holes: Vec<RecordId>| {
        let said = frontier(|f| (f.entries, f.holes) = (vec![entry], holes));
        let proofs = deliveries.proofs(&said, |_| Ok::<_, ()>(Some(two.id()))).unwrap();
        let news = proofs.iter().flat_map(|proof| deliveries.prove(proof, Time(5)));
        news.map(|proved| proved.id).collect::<Vec<_>>()
    };
    assert_eq!(proved_by(vec![one.id()]), [two.id()]);
    assert_eq!(proved_by(Vec::new()), [one.id()], "once its body is there");
}

#[test]
fn an_old_frontier_takes_nothing_back() {
    let log = sign(network(), "TZ", 0, RecordId::ZERO, |_| {}).header().log();
    let said = |counter, seq, instance, time| {
        frontier(|f| {
            (f.counter, f.instance, f.time) = (counter, instance, Time(time));
            f.entries = vec![FrontierEntry { log, seq, head: RecordId([seq as u8; 32]) }];
        })
    };
    let mut known = Frontiers::default();
    let seq = |known: &Frontiers| known.of(member("TZ")).unwrap().seq(log);
    assert_eq!(known.take(&said(5, 50, [1; 16], 1_000), false, Time(1)), Taken::New);
    assert_eq!(known.take(&said(4, 40, [1; 16], 2_000), true, Time(2)), Taken::Old);
    assert_eq!(known.take(&said(9, 90, [2; 16], 500), false, Time(3)), Taken::Old, "of an older store, late");
    assert_eq!(seq(&known), Some(50));
    assert_eq!(known.take(&said(1, 10, [2; 16], 500), true, Time(4)), Taken::New, "it says so itself");
    assert_eq!(seq(&known), Some(10));
    assert_eq!(known.take(&said(1, 11, [2; 16], 500), true, Time(4)), Taken::Contradicts);
}

#[test]
fn a_frontier_with_a_wrong_signature_is_refused() {
    let mut bad = signed(|_| {});
    bad.signature[9] ^= 1;
    assert_eq!(verify_frontier(&ring(), bad), Err(FrontierRefusal::BadSignature(member("TZ"))));
}

#[test]
fn a_fork_proof_needs_both_signatures() {
    let network = network();
    let half = |created_at| {
        let record = sign(network, "TZ", 0, RecordId::ZERO, |h| h.created_at = Time(created_at));
        (record.position(), (record.hash(), *record.signature()))
    };
    let ((position, one), (_, other)) = (half(1_800_000_000_000), half(1_800_000_000_001));
    assert_eq!(verify_fork(&ring(), &ForkProof::new(position, one, other).unwrap()), Some(true));
    for wrong in [true, false] {
        let (mut one, mut other) = (one, other);
        if wrong {
            one.1[3] ^= 1;
        } else {
            other.1[3] ^= 1;
        }
        assert_eq!(verify_fork(&ring(), &ForkProof::new(position, one, other).unwrap()), Some(false));
        let mut elsewhere = position;
        elsewhere.log.generation = 3;
        assert_eq!(verify_fork(&ring(), &ForkProof::new(elsewhere, one, other).unwrap()), None);
    }
}

#[test]
fn a_generation_is_opened_with_the_key_of_an_older_one() {
    let mut ring = ring();
    let opening = |generation, base| opening(network(), generation, base, |_| {});
    assert!(ring.learn(&verify_record(&ring, opening(5, 0)).unwrap()));
    let unknown = |generation| Err(Refusal::UnknownGeneration(member("TZ"), generation));
    assert_eq!(verify_record(&ring, opening(3, 5)), unknown(3), "5 is no older one");
    assert_eq!(verify_record(&ring, opening(4, 4)), unknown(4));
    assert!(verify_record(&ring, opening(6, 5)).is_ok());
}

/// Somebody else has the keys of this bureau and a part of its log that is not here: a copy of its home, for instance.
#[test]
fn an_own_record_from_elsewhere_ends_the_generation_and_a_restart_does_not_forget_it() {
    // Without FR it cannot know at once what there is of its history.
    let mut mesh = Mesh::unlinked(&["KE", "TZ", "FR"]);
    mesh.link("KE", "TZ");
    mesh.run();
    // It stands beyond what is here, so nothing in the store tells of it after the restart.
    let own = sign(mesh.network(), "KE", 5, RecordId([5; 32]), |h| {
        h.author = member("KE");
        h.to = vec![member("TZ")];
    });
    push(&mut mesh, &[&own]);
    assert!(mesh.node("KE").core().status(mesh.now).generation.is_none(), "it asks its peers what there is");
    mesh.stop("KE", |_, _| {});
    mesh.start("KE");
    assert!(mesh.node("KE").core().status(mesh.now).generation.is_none());
    mesh.pass(40_000);
    assert!(mesh.node("KE").core().status(mesh.now).generation.unwrap() > 0);
}

/// The journal keeps what too few others have, so that a lost store takes nothing with it.
#[test]
fn what_nobody_else_holds_stays_in_the_journal() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ", "FR"]);
    let network = mesh.network();
    // 9.6 MB: more than the journal gathers before it is written anew without what was released.
    let long = "m".repeat(16_000);
    for number in 0..600 {
        mesh.sent("KE", &format!("{number} {long}"), &["TZ"]);
    }
    mesh.pass(10_000);
    mesh.stop("KE", |ledger, _| *ledger = MemoryLedger::new(network, [66; 16]));
    mesh.start("KE");
    mesh.pass(40_000);
    let messages = mesh.node("KE").core().ledger().heads().unwrap();
    let first = messages.iter().find(|head| head.log.lane == Lane::MESSAGES && head.log.generation == 0);
    assert_eq!(first.map(|head| head.seq), Some(599));
}

/// Two frontiers of one store with one counter would be taken for a lie. Counters begin at the clock's time, which may go
/// back.
#[test]
fn a_restart_repeats_no_counter_of_a_frontier() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.sent("KE", "one", &["TZ"]);
    mesh.pass(1_000);
    let before = mesh.node("KE").core().frontier(mesh.now).unwrap().counter;
    mesh.stop("KE", |_, _| {});
    mesh.now.wall = Time(mesh.now.wall.0 - 24 * 60 * 60 * 1_000);
    mesh.start("KE");
    assert!(mesh.node("KE").core().frontier(mesh.now).unwrap().counter >= before);
}

/// Otherwise a frontier would say that what it cannot list is here.
#[test]
fn a_node_that_lacks_more_bodies_than_it_can_list_covers_nothing_until_they_are_back() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    for number in 0..HOLES_MAX + 100 {
        mesh.send("KE", draft(&format!("message {number}"), &["TZ"]));
    }
    mesh.run();
    mesh.pass(5_000);
    let lost = mesh.node("TZ").holdings();
    assert_eq!(lost.len(), HOLES_MAX + 100);
    let known = |mesh: &Mesh| mesh.node("KE").core().frontier_of(member("TZ")).unwrap().len();
    assert_eq!(known(&mesh), 1);
    for id in &lost {
        mesh.input("TZ", Input::BodyMissing { id: *id });
    }
    mesh.run_one_round();
    let said = mesh.node("TZ").core().frontier(mesh.now).unwrap();
    assert!(said.entries.is_empty() && said.holes.len() == HOLES_MAX);
    mesh.stop("TZ", |ledger, _| {
        let log = ledger.heads().unwrap()[0].log;
        (0..lost.len() as u64).for_each(|seq| ledger.lose_body(log.at(seq)));
    });
    mesh.start("TZ");
    assert!(mesh.node("TZ").core().frontier(mesh.now).unwrap().entries.is_empty(), "nor after a restart");
    mesh.link_all();
    mesh.run();
    assert_eq!(known(&mesh), 0, "KE hears it");
    mesh.pass(60_000);
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0);
    assert_eq!(known(&mesh), 1, "all bodies are back, and KE hears it");
}

#[test]
fn slices_of_a_body_come_in_their_order_and_few_at_once() {
    let network = network();
    let large = |author: &str, number: u64| {
        let record = sign(network, author, 0, RecordId::ZERO, |h| {
            h.author = member(author);
            h.created_at = Time(1_800_000_000_000 + number);
        });
        Arc::new(verify_record(&ring(), record).unwrap())
    };
    let mut sync = Sync::new(1);
    let peer = transport_key("TZ");
    sync.link_up(peer, member("TZ"));
    for number in 0..20 {
        sync.want_body(peer, large("TZ", number));
    }
    let begun: Vec<RecordId> = (0..20)
        .map(|number| large("TZ", number).record().id())
        .filter(|id| sync.assembled(*id, 1, 42, &[1]).is_err())
        .collect();
    assert_eq!(begun.len(), 4, "of one peer");
    let again = sync.assembled(begun[0], 0, 42, &[1]);
    assert!(matches!(again, Ok(None)), "after a wrong slice it is given up");
}

#[test]
fn drafts_wait_up_to_a_bound() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    let now = mesh.now;
    let core = mesh.nodes.get_mut("KE").unwrap().core_mut();
    for ticket in 0..5_000 {
        core.handle(Input::Author { ticket, draft: Box::new(draft(&format!("{ticket}"), &["TZ"])) }, now);
    }
    let refused = std::iter::from_fn(|| core.poll_output())
        .filter(|output| matches!(output, Output::Authored { result: Err(_), .. }))
        .count();
    assert_eq!(refused, 5_000 - ecomesh_protocol::author::DRAFTS_MAX);
}

/// Gives KE a pushed record of TZ, and commits nothing.
fn push_only(mesh: &mut Mesh, record: &Record) {
    let now = mesh.now;
    let core = mesh.nodes.get_mut("KE").unwrap().core_mut();
    let report = wire::verify_push(&core.ring(), 2, &wire::encode_push(&[record]).unwrap());
    core.handle(Input::Pushed { token: u64::MAX, from: transport_key("TZ"), report }, now);
}

fn commit(mesh: &mut Mesh) {
    let now = mesh.now;
    mesh.nodes.get_mut("KE").unwrap().core_mut().commit(now);
    mesh.run();
}

/// What KE's core does in answer to one input.
fn outputs(mesh: &mut Mesh, input: Input) -> Vec<Output> {
    let now = mesh.now;
    let core = mesh.nodes.get_mut("KE").unwrap().core_mut();
    while core.poll_output().is_some() {}
    core.handle(input, now);
    std::iter::from_fn(|| core.poll_output()).collect()
}

#[test]
fn a_frontier_covers_nothing_that_is_not_committed() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    let first = sign(mesh.network(), "TZ", 0, RecordId::ZERO, |_| {});
    let second = sign(mesh.network(), "TZ", 1, first.id(), |_| {});
    let covered = |mesh: &Mesh| mesh.node("KE").core().frontier(mesh.now).unwrap().entries;
    push_only(&mut mesh, &first);
    commit(&mut mesh);
    push_only(&mut mesh, &second);
    assert_eq!(covered(&mesh)[0].seq, 0);
    commit(&mut mesh);
    assert_eq!(covered(&mesh)[0].seq, 1);
}

#[test]
fn records_of_two_authors_in_one_push_are_blamed() {
    let mesh = Mesh::unlinked(&["KE", "TZ", "TH"]);
    let of = |name: &str| sign(mesh.network(), name, 0, RecordId::ZERO, |h| h.author = member(name));
    let push = wire::encode_push(&[&of("TZ"), &of("TH")]).unwrap();
    assert!(wire::verify_push(&mesh.node("KE").core().ring(), 2, &push).blame.is_some());
}

fn hello_of_tz(mesh: &Mesh, key: PeerKey, counter: u64, boot: u8) -> Vec<u8> {
    let certificate = Certificate { member: member("TZ"), key, counter };
    let hello = Hello { certificate, boot_nonce: [boot; 16], instance: [2; 16], roster_epoch: 0 };
    hello::encode(mesh.network(), &signing_key("TZ"), &hello, Vec::new())
}

#[test]
fn the_hello_of_a_restarted_node_ends_the_link_that_it_had_before() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let peer = transport_key("TZ");
    for (boot, resets) in [(1, 0), (77, 1)] {
        let bytes = hello_of_tz(&mesh, peer, 1, boot);
        let outputs = outputs(&mut mesh, Input::HelloReceived { peer, exchange: 9, bytes });
        let reset = |output: &&Output| matches!(output, Output::Reset { peer: who } if *who == peer);
        assert_eq!(outputs.iter().filter(reset).count(), resets, "boot nonce {boot}");
    }
}

#[test]
fn a_new_transport_key_puts_the_former_one_out() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let (former, new) = (transport_key("TZ"), PeerKey(*signing_key("new").public().as_bytes()));
    let bytes = hello_of_tz(&mesh, new, 2, 77);
    let outputs = outputs(&mut mesh, Input::HelloReceived { peer: new, exchange: 9, bytes });
    let forgets = |output: &Output| matches!(output, Output::Forget { peer } if *peer == former);
    assert!(outputs.iter().any(forgets), "the link with the former key stays");
}

/// KE has lost everything.
fn lose_all(mesh: &mut Mesh) {
    let network = mesh.network();
    mesh.stop("KE", |ledger, disk| {
        *ledger = MemoryLedger::new(network, [66; 16]);
        disk.remove(JOURNAL);
    });
    mesh.start("KE");
}

#[test]
fn peers_get_their_time_to_tell_the_own_history_before_a_generation_is_opened() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    lose_all(&mut mesh);
    mesh.pass(20_000);
    assert_eq!(mesh.node("KE").core().status(mesh.now).generation, None);
    mesh.pass(12_000);
    assert!(mesh.node("KE").core().status(mesh.now).generation.is_some());
}

#[test]
fn a_peers_word_raises_the_next_generation_and_a_lie_does_not_use_up_all_numbers() {
    // A year ahead of the clock is believed: that clock may have gone back. More is not.
    let by_clock = (1_800_000_000 - 1_735_689_600) as u32;
    for (told, believed) in [(by_clock + 1_000_000, true), (u32::MAX, false)] {
        // TH is silent, so that not all have told when the lie comes.
        let mut mesh = Mesh::unlinked(&["KE", "TZ", "TH"]);
        lose_all(&mut mesh);
        mesh.link("KE", "TZ");
        let log = LogId { author: member("KE"), lane: Lane::CONTROL, generation: told };
        let entries = vec![FrontierEntry { log, seq: 0, head: RecordId([1; 32]) }];
        let said = signed_in(mesh.network(), |f| f.entries = entries);
        let said = verify_frontier(&KeyRing::of_roster(&mesh.roster), said).unwrap();
        let question = Ok(Question::Notify { frontiers: vec![said], forks: Vec::new() });
        mesh.input("KE", Input::Asked { peer: transport_key("TZ"), exchange: u64::MAX, question });
        mesh.unlink("KE", "TZ");
        mesh.cut.insert(("KE".into(), "TZ".into()));
        mesh.run();
        mesh.pass(32_000);
        let opened = mesh.node("KE").core().status(mesh.now).generation;
        assert_eq!(opened.map(|generation| generation > told), Some(believed), "{opened:?} after {told}");
    }
}

#[test]
fn a_home_with_the_key_of_another_member_does_not_start() {
    let mesh = Mesh::unlinked(&["KE", "TZ"]);
    let config = CoreConfig { member: member("KE"), boot_nonce: [1; 16], seed: 7, recovery_ms: 30_000 };
    let identity = Identity {
        signing: signing_key("TZ"),
        transport_key: transport_key("KE"),
        transport_counter: 1,
        storage: storage_key(),
    };
    let ledger = MemoryLedger::new(mesh.network(), [1; 16]);
    let opened = Core::open(config, identity, mesh.roster.clone(), ledger, MemoryDisk::new(), mesh.now);
    assert_eq!(opened.err(), Some(OpenError::OtherKey(member("KE"))));
}
