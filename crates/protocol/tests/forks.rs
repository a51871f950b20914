//! More fork proofs than one notification carries, and than are kept of one author.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions unwrap as tests do")]

mod common;

use common::{Mesh, draft, member, opening, sign, transport_key};
use ecomesh_protocol::ledger::{Ledger, MemoryLedger};
use ecomesh_protocol::limits::FORKED_LOGS_MAX;
use ecomesh_protocol::wire::Question;
use ecomesh_protocol::{AuthorError, Input, MemoryDisk, wire};
use ecomesh_record::{ForkProof, NetworkId, Record, RecordId, Time};

/// A proof that the messages of `author` fork in this generation.
fn fork(network: NetworkId, author: &str, generation: u32) -> ForkProof {
    let branch = |created_at| {
        let record = sign(network, author, 0, RecordId::ZERO, |h| {
            h.author = member(author);
            h.to = Vec::new();
            h.generation = generation;
            h.created_at = Time(created_at);
        });
        (record.position(), (record.hash(), *record.signature()))
    };
    let ((position, one), (_, other)) = (branch(1_800_000_000_000), branch(1_800_000_000_001));
    ForkProof::new(position, one, other).unwrap()
}

/// TZ's node tells KE's of forks in these generations.
fn tell(mesh: &mut Mesh, author: &str, generations: std::ops::Range<u32>) {
    let proofs: Vec<ForkProof> =
        generations.map(|generation| fork(mesh.network(), author, generation)).collect();
    for part in proofs.chunks(50) {
        let question = Ok(Question::Notify { frontiers: Vec::new(), forks: part.to_vec() });
        mesh.input("KE", Input::Asked { peer: transport_key("TZ"), exchange: u64::MAX, question });
    }
    mesh.run();
}

fn push(mesh: &mut Mesh, record: &Record) {
    mesh.push("TZ", record.header().priority.topic(), &wire::encode_push(&[record]).unwrap());
    mesh.run();
}

#[test]
fn a_member_that_forks_log_after_log_hides_no_fork_of_another() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let network = mesh.network();
    tell(&mut mesh, "TZ", 1..151);
    tell(&mut mesh, "FR", 9..10);
    mesh.pass(10_000);
    for name in ["FR", "KE", "TZ"] {
        let forks = mesh.node(name).core().forks();
        assert_eq!(forks.len(), FORKED_LOGS_MAX + 1, "{name}");
        assert_eq!(forks[0].position().log.author, member("FR"), "{name}");
        let last = forks.last().unwrap().position().log;
        assert_eq!((last.author, last.generation), (member("TZ"), 64), "{name}: the first of them are kept");
        assert!(mesh.node(name).blocked.is_empty(), "{name}: who tells of forks is not to blame");
    }

    // Before the forks TZ is believed, behind them nowhere.
    let before = sign(network, "TZ", 0, RecordId::ZERO, |_| {});
    push(&mut mesh, &before);
    push(&mut mesh, &opening(network, 1_000, 0, |_| {}));
    let behind = sign(network, "TZ", 0, RecordId::ZERO, |h| h.generation = 1_000);
    push(&mut mesh, &behind);
    mesh.pass(10_000);
    for name in ["FR", "KE"] {
        let held = |id| mesh.node(name).core().ledger().find(id).unwrap().is_some();
        assert!(held(before.id()) && !held(behind.id()), "{name}");
    }
}

#[test]
fn whoever_comes_later_learns_of_all_forks() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    let network = mesh.network();
    tell(&mut mesh, "TZ", 1..60);
    tell(&mut mesh, "KE", 200..260);
    mesh.pass(10_000);
    mesh.stop("FR", |ledger, disk| {
        *ledger = MemoryLedger::new(network, [66; 16]);
        *disk = MemoryDisk::default();
    });
    mesh.start("FR");
    mesh.link_all();
    mesh.pass(60_000);
    let forks = mesh.node("FR").core().forks();
    assert_eq!(forks.len(), 59 + 60);
    assert_eq!(forks, mesh.node("KE").core().forks());

    // And finds them again after a restart, alone.
    mesh.stop("FR", |_, _| {});
    mesh.start("FR");
    assert_eq!(mesh.node("FR").core().forks(), forks);
}

#[test]
fn a_bureau_that_nobody_believes_any_more_is_told_so() {
    let mut mesh = Mesh::new(&["FR", "KE", "TZ"]);
    tell(&mut mesh, "KE", 0..FORKED_LOGS_MAX as u32);
    mesh.pass(120_000);
    let status = mesh.node("KE").core().status(mesh.now);
    assert_eq!(status.generation, None, "no generation is opened that all would dispute");
    let ticket = mesh.send("KE", draft("one", &["TZ"]));
    mesh.run();
    assert_eq!(mesh.node("KE").authored[&ticket], Err(AuthorError::Discredited));
}
