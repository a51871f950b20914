//! Stories of a mesh: what members see when all goes well, and when it does not.

#![allow(clippy::unwrap_used)] // Helpers outside of test functions unwrap as tests do.

mod common;

use common::{Mesh, draft, member, storage_key, transport_key};
use ecomesh_protocol::ledger::Room;
use ecomesh_protocol::{Alarm, AuthorError, Disk, Draft, MemoryDisk, MemoryLedger, journal};
use ecomesh_record::{Priority, RecordId};

#[test]
fn a_message_reaches_everyone_and_its_delivery_is_proved() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    let id = mesh.sent("KE", "ivory at Mombasa", &["FR", "TZ"]);
    mesh.pass(200);
    mesh.assert_equal();
    assert_eq!(mesh.delivered_to("KE", id), ["FR", "TZ"]);
    assert_eq!(mesh.node("TZ").record(id).unwrap().body().unwrap().content(), b"ivory at Mombasa");
}

#[test]
fn without_gossip_sync_alone_delivers() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    mesh.lose_pushes = true;
    let ids: Vec<RecordId> = (0..300).map(|i| mesh.sent("KE", &format!("record {i}"), &["TZ"])).collect();
    mesh.pass(2_000);
    mesh.assert_equal();
    for id in ids {
        assert_eq!(mesh.delivered_to("KE", id), ["TZ"]);
    }
}

#[test]
fn a_member_behind_another_is_reached_and_its_delivery_is_passed_on() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ", "FR"]);
    mesh.link("KE", "TZ");
    mesh.link("TZ", "FR");
    let id = mesh.sent("KE", "for FR only", &["FR"]);
    mesh.pass(15_000);
    mesh.assert_equal();
    assert_eq!(mesh.delivered_to("KE", id), ["FR"]);
}

#[test]
fn a_partition_heals_both_ways() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR", "TH"]);
    mesh.partition(&["KE", "TZ"], &["FR", "TH"]);
    for i in 0..50 {
        mesh.sent("KE", &format!("left {i}"), &["FR"]);
        mesh.sent("FR", &format!("right {i}"), &["KE", "TZ"]);
    }
    let id = mesh.sent("KE", "the last", &["FR", "TZ"]);
    mesh.pass(1_000);
    assert_eq!(mesh.delivered_to("KE", id), ["TZ"], "nothing is told as delivered that is not");
    mesh.heal();
    mesh.pass(3_000);
    mesh.assert_equal();
    assert_eq!(mesh.delivered_to("KE", id), ["FR", "TZ"]);
}

#[test]
fn a_large_body_comes_in_slices() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let mut large = draft("", &["TZ"]);
    large.content = (0..1024 * 1024).map(|i| (i % 251) as u8).collect();
    let content = large.content.clone();
    let ticket = mesh.send("KE", large);
    mesh.pass(2_000);
    let id = mesh.node("KE").authored[&ticket].as_ref().unwrap().id;
    assert_eq!(mesh.node("TZ").record(id).unwrap().body().unwrap().content(), content);
    mesh.sent("KE", "and the log goes on", &["TZ"]);
    mesh.pass(500);
    mesh.assert_equal();
}

#[test]
fn what_the_network_would_refuse_is_refused_at_once_and_nothing_is_kept() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let mut refused = |draft| {
        let ticket = mesh.send("KE", draft);
        mesh.run();
        mesh.node("KE").authored[&ticket].clone().unwrap_err()
    };
    assert_eq!(refused(draft("x", &["KE"])), AuthorError::ToItself(member("KE")));
    assert_eq!(refused(draft("x", &["US"])), AuthorError::UnknownAddressee(member("US")));
    let mut long = draft("x", &["TZ"]);
    long.content = vec![0; 1024 * 1024 + 1];
    assert_eq!(refused(long), AuthorError::TooLong(1024 * 1024 + 1));
    let mut odd = draft("x", &["TZ"]);
    odd.priority = Priority(9);
    assert!(matches!(refused(odd), AuthorError::Void(_)));
    assert!(mesh.node("KE").holdings().is_empty());
}

#[test]
fn a_retry_with_the_same_key_makes_one_record() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let mut first = draft("once", &["TZ"]);
    first.idempotency = Some([5; 32]);
    let mut again = first.clone();
    again.salt = [9; 32];
    let tickets = [mesh.send("KE", first.clone()), mesh.send("KE", again.clone())];
    mesh.run();
    let ids = tickets.map(|t| mesh.node("KE").authored[&t].as_ref().unwrap().id);
    assert_eq!(ids[0], ids[1]);
    mesh.stop("KE", |_, _| {});
    mesh.start("KE");
    let ticket = mesh.send("KE", again);
    mesh.run();
    let recorded = mesh.node("KE").authored[&ticket].clone().unwrap();
    assert_eq!((recorded.id, recorded.repeated), (ids[0], true), "after a restart too");
    let mut other = first;
    other.content = b"something else".to_vec();
    let ticket = mesh.send("KE", other);
    mesh.run();
    assert_eq!(mesh.node("KE").authored[&ticket], Err(AuthorError::IdempotencyKeyReused));
    assert_eq!(mesh.node("KE").holdings().len(), 1);
}

#[test]
fn a_clean_restart_writes_on_at_once_even_alone() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let first = mesh.sent("KE", "before", &["TZ"]);
    mesh.stop("KE", |_, _| {});
    mesh.start("KE");
    let second = mesh.sent("KE", "after", &["TZ"]);
    let record = mesh.node("KE").record(second).unwrap();
    assert_eq!((record.header().generation, record.header().prev), (0, first));
    mesh.heal();
    mesh.link_all();
    mesh.pass(1_000);
    mesh.assert_equal();
}

#[test]
fn what_is_journaled_but_not_stored_is_signed_again_byte_for_byte() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.sent("KE", "one", &["TZ"]);
    mesh.pass(200);
    let before = mesh.node("KE").core().ledger().clone();
    mesh.partition(&["KE"], &["TZ"]);
    let id = mesh.sent("KE", "two", &["TZ"]);
    let signed = mesh.node("KE").record(id).unwrap();
    // The power goes after the journal's sync and before the store's commit.
    mesh.stop("KE", |ledger, _| *ledger = before);
    mesh.start("KE");
    mesh.pass(100);
    assert_eq!(mesh.node("KE").record(id).unwrap(), signed);
    mesh.heal();
    mesh.pass(1_000);
    mesh.assert_equal();
    assert!(mesh.node("TZ").core().forks().is_empty());
}

#[test]
fn a_restore_alone_opens_a_new_generation_and_never_forks() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.sent("KE", "in the backup", &["TZ"]);
    mesh.pass(200);
    mesh.stop("KE", |_, _| {});
    let backup = mesh.parts("KE");
    mesh.start("KE");
    mesh.link_all();
    for i in 0..5 {
        mesh.sent("KE", &format!("after the backup {i}"), &["TZ"]);
    }
    mesh.pass(300);
    for instance in 100..110 {
        // Each time the same backup, restored into a fresh store, alone: no peer can say what is missing.
        mesh.stop("KE", |_, _| {});
        let fresh = MemoryLedger::new(mesh.network(), [instance; 16]);
        mesh.replace("KE", fresh, backup.1.clone());
        mesh.start("KE");
        mesh.pass(31_000);
        mesh.sent("KE", &format!("after restore {instance}"), &["TZ"]);
        mesh.link_all();
        mesh.pass(3_000);
    }
    mesh.assert_equal();
    assert!(mesh.node("TZ").core().forks().is_empty() && mesh.node("KE").core().forks().is_empty());
    let opened = mesh.node("KE").alarms.iter().filter(|a| matches!(a, Alarm::GenerationOpened(_)));
    assert_eq!(opened.count(), 10);
    // 6 of generation 0; 10 generations with a log-open record and one message each.
    assert_eq!(mesh.node("TZ").holdings().len(), 6 + 20);
}

#[test]
fn a_lost_journal_is_never_guessed() {
    for damage in [
        |disk: &mut MemoryDisk| disk.remove(journal::JOURNAL),
        |disk: &mut MemoryDisk| disk.flip(journal::JOURNAL, 3, 0),
        |disk: &mut MemoryDisk| disk.flip(journal::JOURNAL, 100, 0),
    ] {
        let mut mesh = Mesh::new(&["KE", "TZ"]);
        mesh.sent("KE", "one", &["TZ"]);
        mesh.sent("KE", "two", &["TZ"]);
        mesh.pass(200);
        mesh.stop("KE", |_, disk| damage(disk));
        mesh.start("KE");
        assert!(mesh.node("KE").core().status(mesh.now).recovering_ms.is_some());
        mesh.link_all();
        mesh.pass(500);
        let id = mesh.sent("KE", "three", &["TZ"]);
        assert!(mesh.node("KE").record(id).unwrap().header().generation > 0);
        mesh.pass(500);
        mesh.assert_equal();
        assert!(mesh.node("TZ").core().forks().is_empty());
    }
}

#[test]
fn bodies_are_in_the_journal_under_the_storage_key_and_its_places_need_no_key() {
    let mut mesh = Mesh::unlinked(&["KE", "TZ"]);
    let ids = [mesh.sent("KE", "a canary", &["TZ"]), mesh.sent("KE", "another canary", &["TZ"])];
    let network = mesh.network();
    let other = ecomesh_seal::StorageKey::from_bytes(&[9; 32]);
    mesh.stop("KE", |_, disk| {
        let bytes = disk.read(journal::JOURNAL).unwrap().unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
        let content = journal::read(network, member("KE"), &other, &bytes).unwrap();
        let bodies: Vec<_> =
            content.entries.iter().map(|entry| (entry.record.id(), entry.record.body())).collect();
        assert_eq!(bodies, ids.map(|id| (id, None)));
        assert!(content.entries.iter().all(|entry| entry.closed));

        // Whoever goes on without the key destroys nothing that somebody with the key can still read.
        let mut journal = journal::Journal::resume(disk, network, member("KE"), other, &content).unwrap();
        journal.rebind(disk, content.instance).unwrap();
        let again = disk.read(journal::JOURNAL).unwrap().unwrap();
        assert_eq!(again, bytes);
        let whole = journal::read(network, member("KE"), &storage_key(), &again).unwrap();
        assert!(whole.entries.iter().all(|entry| entry.record.body().is_some()));
    });
}

#[test]
fn own_records_under_a_lost_key_are_told_are_holes_and_are_recorded_again() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let known = mesh.sent("KE", "TZ has it", &["TZ"]);
    mesh.pass(500);
    mesh.partition(&["KE"], &["TZ"]);
    let record = |mesh: &mut Mesh| {
        let ticket =
            mesh.send("KE", Draft { idempotency: Some([7; 32]), ..draft("nobody else has it", &["TZ"]) });
        mesh.run();
        mesh.node("KE").authored[&ticket].clone().unwrap().id
    };
    let lost = record(&mut mesh);
    let network = mesh.network();
    mesh.stop("KE", |ledger, _| *ledger = MemoryLedger::new(network, [77; 16]));
    mesh.lose_storage_key("KE");
    mesh.start("KE");
    mesh.run();
    assert!(mesh.node("KE").alarms.contains(&Alarm::JournalClosed(2)), "{:?}", mesh.node("KE").alarms);
    mesh.heal();
    mesh.pass(35_000);
    assert!(mesh.node("KE").record(known).unwrap().body().is_some(), "TZ had it");
    // It is not told to be destroyed, and its client can send it again.
    assert!(mesh.node("KE").record(lost).unwrap().body().is_none());
    assert_eq!(mesh.node("KE").core().status(mesh.now).holes, 1);
    let again = record(&mut mesh);
    mesh.pass(500);
    assert_ne!(again, lost);
    assert!(mesh.node("TZ").record(again).is_some());
}

#[test]
fn holes_that_nobody_can_fill_do_not_hide_the_others() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let known: Vec<_> = (0..100).map(|n| mesh.sent("KE", &format!("TZ has {n}"), &["TZ"])).collect();
    mesh.pass(500);
    mesh.partition(&["KE"], &["TZ"]);
    // More than are asked for at once.
    for n in 0..70 {
        mesh.sent("KE", &format!("nobody else has {n}"), &["TZ"]);
    }
    let network = mesh.network();
    mesh.stop("KE", |ledger, _| *ledger = MemoryLedger::new(network, [77; 16]));
    mesh.lose_storage_key("KE");
    mesh.start("KE");
    mesh.heal();
    mesh.pass(120_000);
    let missing = known.iter().filter(|id| mesh.node("KE").record(**id).unwrap().body().is_none());
    assert_eq!(missing.count(), 0);
    assert_eq!(mesh.node("KE").core().status(mesh.now).holes, 70);
}

#[test]
fn a_lost_store_is_refilled_and_own_records_come_from_the_journal() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    for i in 0..20 {
        mesh.sent("KE", &format!("ke {i}"), &["TZ"]);
        mesh.sent("TZ", &format!("tz {i}"), &["KE"]);
    }
    mesh.pass(500);
    mesh.partition(&["KE"], &["TZ", "FR"]);
    let only_here = mesh.sent("KE", "nobody else has this", &["TZ"]);
    let network = mesh.network();
    mesh.stop("KE", |ledger, _| *ledger = MemoryLedger::new(network, [77; 16]));
    mesh.start("KE");
    mesh.heal();
    mesh.pass(5_000);
    mesh.assert_equal();
    assert!(mesh.node("TZ").record(only_here).is_some());
}

#[test]
fn a_hole_is_told_and_filled_again() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    let id = mesh.sent("KE", "a body that rots", &["TZ"]);
    mesh.pass(500);
    mesh.stop("TZ", |ledger, _| {
        use ecomesh_protocol::ledger::Ledger;
        let position = ledger.find(id).unwrap().unwrap();
        ledger.lose_body(position);
    });
    mesh.start("TZ");
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 1);
    assert!(mesh.node("TZ").record(id).unwrap().body().is_none());
    mesh.link_all();
    mesh.pass(1_000);
    assert_eq!(mesh.node("TZ").core().status(mesh.now).holes, 0);
    assert!(mesh.node("TZ").record(id).unwrap().body().is_some());
}

#[test]
fn a_full_store_takes_nothing_says_so_and_goes_on_when_there_is_space() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.sent("KE", "while there is space", &["TZ"]);
    mesh.pass(500);
    let set = |mesh: &mut Mesh, room| {
        mesh.stop("TZ", |ledger, _| ledger.set_room(room));
        mesh.start("TZ");
        mesh.link_all();
    };
    set(&mut mesh, Room::None);
    mesh.sent("KE", "while there is none", &["TZ"]);
    mesh.pass(2_000);
    assert_eq!(mesh.node("TZ").holdings().len(), 1);
    assert!(mesh.node("TZ").alarms.contains(&Alarm::Full));
    let ticket = mesh.send("TZ", draft("x", &["KE"]));
    mesh.run();
    assert_eq!(mesh.node("TZ").authored[&ticket], Err(AuthorError::Full));
    set(&mut mesh, Room::Plenty);
    mesh.pass(3_000);
    mesh.assert_equal();
}

#[test]
fn a_full_disk_refuses_the_draft_and_the_journal_stays_whole() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.sent("KE", "one", &["TZ"]);
    mesh.stop("KE", |_, disk| disk.set_full(true));
    mesh.start("KE");
    let ticket = mesh.send("KE", draft("refused", &["TZ"]));
    mesh.run();
    assert_eq!(mesh.node("KE").authored[&ticket], Err(AuthorError::Full));
    mesh.stop("KE", |_, disk| disk.set_full(false));
    mesh.start("KE");
    let id = mesh.sent("KE", "two", &["TZ"]);
    assert_eq!(mesh.node("KE").record(id).unwrap().header().seq, 1);
}

#[test]
fn a_home_that_runs_twice_is_found_out_by_all_and_goes_on_in_a_new_generation() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    mesh.sent("KE", "common", &["TZ"]);
    mesh.pass(300);
    mesh.partition(&["KE", "TZ"], &["FR"]);
    // A copy of KE's whole home, store and all, writes on for FR.
    mesh.stop("KE", |_, _| {});
    let copy = mesh.parts("KE");
    mesh.start("KE");
    mesh.link("KE", "TZ");
    mesh.sent("KE", "branch one", &["TZ"]);
    mesh.sent("KE", "branch one goes on", &["TZ"]);
    mesh.pass(300);
    mesh.stop("KE", |_, _| {});
    let original = mesh.parts("KE");
    mesh.replace("KE", copy.0, copy.1);
    mesh.cut.clear();
    mesh.partition(&["KE", "FR"], &["TZ"]);
    mesh.start("KE");
    mesh.link("KE", "FR");
    mesh.sent("KE", "branch two", &["FR"]);
    mesh.pass(300);
    mesh.stop("KE", |_, _| {});
    mesh.replace("KE", original.0, original.1);
    mesh.start("KE");
    mesh.heal();
    mesh.link_all();
    mesh.pass(40_000);
    for name in ["KE", "TZ", "FR"] {
        let forks = mesh.node(name).core().forks();
        assert_eq!(forks.len(), 1, "{name}");
        assert_eq!(forks[0].position().seq, 1, "{name}: the lowest place at which they differ");
    }
    let id = mesh.sent("KE", "in the next generation", &["TZ", "FR"]);
    mesh.pass(1_000);
    assert!(mesh.node("KE").record(id).unwrap().header().generation > 0);
    assert_eq!(mesh.delivered_to("KE", id), ["FR", "TZ"]);
    assert!(mesh.node("TZ").blocked.is_empty() && mesh.node("FR").blocked.is_empty(), "nobody is to blame");
}

#[test]
fn deliveries_are_remembered_over_a_restart() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let id = mesh.sent("KE", "remembered", &["TZ"]);
    mesh.pass(300);
    mesh.stop("KE", |_, _| {});
    mesh.start("KE");
    assert_eq!(mesh.delivered_to("KE", id), ["TZ"]);
}

#[test]
fn garbage_is_blamed_and_forgiven() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    mesh.push("TZ", 2, b"garbage");
    mesh.run();
    assert_eq!(mesh.node("KE").blocked.len(), 1);
    assert_eq!(mesh.node("KE").blocked[0].0, transport_key("TZ"));
    mesh.link("TZ", "KE");
    assert!(!mesh.node("KE").core().peers(mesh.now)[0].connected, "excluded for ten seconds");
    mesh.pass(11_000);
    mesh.link("TZ", "KE");
    mesh.sent("TZ", "good again", &["KE"]);
    mesh.pass(500);
    mesh.assert_equal();
}
