//! Records whose bodies are for their addressees only, as parts of attachments are: carried by all, kept by few.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Mesh, draft, member, storage_key};
use ecomesh_protocol::journal::{self, JOURNAL};
use ecomesh_protocol::ledger::{Ledger, MemoryLedger};
use ecomesh_protocol::{AuthorError, Draft, Void, disk::Disk};
use ecomesh_record::{Flags, Kind, Lane, RecordId};

fn part(text: &str, to: &[&str]) -> Draft {
    let flags = if to.is_empty() { Flags::default() } else { Flags(Flags::ADDRESSEES_ONLY) };
    Draft { kind: Kind::PART, flags, ..draft(text, to) }
}

fn sent(mesh: &mut Mesh, draft: Draft) -> RecordId {
    let ticket = mesh.send("KE", draft);
    mesh.run();
    mesh.node("KE").authored[&ticket].clone().unwrap().id
}

fn who_has(mesh: &Mesh, id: RecordId) -> Vec<&str> {
    let has = |name: &&str| mesh.node(name).record(id).unwrap().body().is_some();
    ["FR", "KE", "TH", "TZ"].into_iter().filter(has).collect()
}

#[test]
fn only_addressees_keep_the_body_and_all_hold_the_record() {
    let mut mesh = Mesh::new(&["FR", "KE", "TH", "TZ"]);
    let small = sent(&mut mesh, part("a small part", &["TZ"]));
    let large = sent(&mut mesh, part(&"x".repeat(300_000), &["TZ", "TH"]));
    let to_all = sent(&mut mesh, part("to all", &[]));
    mesh.pass(3_000);
    mesh.assert_equal();
    assert_eq!(who_has(&mesh, small), ["KE", "TZ"]);
    assert_eq!(who_has(&mesh, large), ["KE", "TH", "TZ"]);
    assert_eq!(who_has(&mesh, to_all), ["FR", "KE", "TH", "TZ"]);
    assert_eq!(mesh.node("KE").record(large).unwrap().header().lane, Lane::BULK);
    for name in ["FR", "KE", "TH", "TZ"] {
        assert_eq!(mesh.node(name).core().status(mesh.now).holes, 0, "{name}");
    }
    assert_eq!(mesh.delivered_to("KE", large), ["TH", "TZ"]);
    let position = mesh.node("KE").record(small).unwrap().position();
    let held_by = mesh.node("KE").core().delivery(position).unwrap().held_by;
    assert_eq!(held_by, [member("TZ")], "who has no body holds nothing that could be lost");
    assert!(mesh.nodes.values().all(|node| node.blocked.is_empty()));
    assert!(mesh.nodes.values().all(|node| node.destroyed.is_empty()), "what never came was not destroyed");
}

#[test]
fn an_addressee_gets_it_from_who_has_it_and_is_not_stopped_by_who_has_not() {
    let mut mesh = Mesh::new(&["FR", "KE", "TH", "TZ"]);
    mesh.partition(&["FR", "KE", "TH"], &["TZ"]);
    let large = sent(&mut mesh, part(&"x".repeat(300_000), &["TZ", "TH"]));
    mesh.pass(3_000);
    // FR carries the record without its body; TH has it.
    mesh.stop("KE", |_, _| {});
    mesh.heal();
    mesh.pass(20_000);
    let has = |name: &str| mesh.node(name).record(large).unwrap().body().is_some();
    assert_eq!(["FR", "TH", "TZ"].map(has), [false, true, true]);
}

#[test]
fn a_lost_store_is_filled_with_what_is_needed() {
    let mut mesh = Mesh::new(&["FR", "KE", "TH", "TZ"]);
    let id = sent(&mut mesh, part("a small part", &["TZ"]));
    mesh.pass(1_000);
    let network = mesh.network();
    for name in ["FR", "TZ"] {
        mesh.stop(name, |ledger, _| *ledger = MemoryLedger::new(network, [91; 16]));
        mesh.start(name);
        mesh.link_all();
        mesh.pass(5_000);
    }
    mesh.assert_equal();
    assert_eq!(who_has(&mesh, id), ["KE", "TZ"]);
    // A walk over all logs asks for nothing that is not needed.
    mesh.pass(120_000);
    assert_eq!(who_has(&mesh, id), ["KE", "TZ"]);
}

/// Else 16 MiB would stay in the journal for ever, since nobody but the addressee ever holds them.
#[test]
fn the_journal_lets_go_of_parts_that_their_addressees_hold() {
    let mut mesh = Mesh::new(&["FR", "KE", "TH", "TZ"]);
    for n in 0..40 {
        sent(&mut mesh, part(&format!("{n} {}", "x".repeat(400_000)), &["TZ"]));
        mesh.pass(500);
    }
    mesh.pass(30_000);
    let network = mesh.network();
    mesh.stop("KE", |_, disk| {
        let content =
            journal::read(network, member("KE"), &storage_key(), &disk.read(JOURNAL).unwrap().unwrap())
                .unwrap();
        assert!(content.entries.len() < 30, "{} entries", content.entries.len());
    });
}

#[test]
fn a_part_for_addressees_only_needs_addressees() {
    let mut mesh = Mesh::new(&["FR", "KE", "TH", "TZ"]);
    let draft = Draft { flags: Flags(Flags::ADDRESSEES_ONLY), ..part("x", &[]) };
    let ticket = mesh.send("KE", draft);
    mesh.run();
    assert_eq!(mesh.node("KE").authored[&ticket], Err(AuthorError::Void(Void::NobodyNeedsIt)));
    // What the store keeps of it is no hole.
    assert!(mesh.node("FR").core().ledger().holes().unwrap().is_empty());
}

#[test]
fn a_body_that_its_author_loses_before_its_addressee_has_it_comes_from_the_journal() {
    let mut mesh = Mesh::new(&["FR", "KE", "TH", "TZ"]);
    mesh.stop("TZ", |_, _| {});
    let id = sent(&mut mesh, part("only KE has it", &["TZ"]));
    mesh.pass(1_000);
    for at_a_start in [false, true] {
        if at_a_start {
            mesh.stop("KE", |ledger, _| {
                let position = ledger.find(id).unwrap().unwrap();
                ledger.lose_body(position);
            });
            mesh.start("KE");
        } else {
            mesh.input("KE", ecomesh_protocol::Input::BodyMissing { id });
            mesh.run();
        }
        mesh.link_all();
        mesh.pass(500);
        assert!(mesh.node("KE").record(id).unwrap().body().is_some());
        assert_eq!(mesh.node("KE").core().status(mesh.now).holes, 0);
    }
    mesh.start("TZ");
    mesh.link_all();
    mesh.pass(5_000);
    assert_eq!(who_has(&mesh, id), ["KE", "TZ"]);
}
