//! `docs/PROTOCOL.md` must not rot: its worked example, its tags and its limits are those of this code.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod common;

use common::{Net, START, frame_bytes, key_of, log, member};
use ecomesh_audit::Verdict;
use ecomesh_protocol::limits as protocol;
use ecomesh_record::archive::{MANIFEST_BYTES_MAX, RANGES_MAX};
use ecomesh_record::fork::FORK_PROOF_BYTES_MAX;
use ecomesh_record::frontier::frontier_hash;
use ecomesh_record::record::FRAME_BYTES_MAX;
use ecomesh_record::{
    Audience, Body, Flags, ForkProof, Frontier, FrontierEntry, Header, Kind, Lane, NetworkId, Priority,
    RecordId, Retention, Time, limits, tags,
};
use ecomesh_seal::PrekeySecret;
use ecomesh_seal::envelope::{WRAP_BYTES, open, seal, unwrap};

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/PROTOCOL.md");
    std::fs::read_to_string(path).expect("the document is part of the repository")
}

/// Kenya writes a record to Tanzania; Tanzania is restored, opens generation 1, and answers.
fn network() -> Net {
    let mut net = Net::found(&["KE", "TZ"], &[]);
    net.write("KE", 1, 0, b"ivory, 120 kg", |h| h.to = vec![member("TZ")]);
    net.write("TZ", 1, 0, b"seen", |_| {});
    net.open_generation("TZ", 1, 0);
    net.write("TZ", 1, 1, b"seen again", |h| h.to = vec![member("KE")]);
    net
}

fn frontier(net: &Net) -> Frontier {
    let entry = |h: ecomesh_protocol::LogHead| FrontierEntry { log: h.log, seq: h.seq, head: h.head };
    Frontier {
        member: member("TZ"),
        instance: [0x99; 16],
        counter: 300,
        roster_epoch: 0,
        time: Time(START.0 + 1),
        complete: true,
        entries: net.heads().into_iter().map(entry).collect(),
        holes: Vec::new(),
        bodiless_lanes: vec![Lane::BULK],
    }
}

fn fork(net: &Net) -> ForkProof {
    let mut other = net.clone();
    other.records.remove(&log("KE", 1, 0).at(0));
    let second = other.next_record("KE", 1, 0, b"no ivory", |h| h.to = vec![member("TZ")]);
    let first = &net.records[&second.position()];
    let branch = |r: &ecomesh_record::Record| (r.hash(), *r.signature());
    ForkProof::new(second.position(), branch(first), branch(&second)).unwrap()
}

/// Every value of the worked example, by its name in the document.
fn example() -> Vec<(&'static str, Vec<u8>)> {
    let net = network();
    let first = &net.records[&log("KE", 1, 0).at(0)];
    let opening = &net.records[&log("TZ", 0, 1).at(0)];
    let frontier = frontier(&net);
    let frontier_bytes = frontier.encode().unwrap();
    let hash = frontier_hash(net.network, &frontier_bytes);
    let proof = fork(&net);
    vec![
        ("signing seed of KE", [b"KE".as_slice(), &[b's'; 30]].concat()),
        ("signing key of KE", key_of("KE").public().as_bytes().to_vec()),
        ("charter", net.founded.charter.to_vec()),
        ("network id", net.network.as_bytes().to_vec()),
        ("charter signature of KE", key_of("KE").sign_charter(net.network).as_bytes().to_vec()),
        ("charter file", net.founded.encode().unwrap()),
        ("body", first.body().map(Body::encode).unwrap()),
        ("body commitment", first.header().body_commit.to_vec()),
        ("header", first.header_bytes().to_vec()),
        ("header hash", first.hash().as_bytes().to_vec()),
        ("record id", first.id().as_bytes().to_vec()),
        ("record signature", first.signature().to_vec()),
        ("record frame", frame_bytes(first)),
        ("log-open content", opening.body().unwrap().content().to_vec()),
        ("frontier", frontier_bytes),
        ("frontier hash", hash.to_vec()),
        ("frontier signature", key_of("TZ").sign_frontier(net.network, &hash).as_bytes().to_vec()),
        ("holdings digest", frontier.holdings(net.network).to_vec()),
        ("fork proof", proof.encode()),
        ("manifest", net.manifest().encode().unwrap()),
        ("archive", net.archive()),
    ]
}

/// What Kenya seals to Tanzania: every value of the example of section 23.
fn sealed_example() -> Vec<(&'static str, Vec<u8>)> {
    let network = NetworkId([0x11; 32]);
    let mut seed = [0x01; PrekeySecret::BYTES];
    seed[..2].copy_from_slice(b"TZ");
    let secret = PrekeySecret::from_seed(&seed);
    let header = Header {
        author: member("KE"),
        lane: Lane::MESSAGES,
        generation: 0,
        seq: 0,
        prev: RecordId::ZERO,
        created_at: Time(1_790_000_000_000),
        expires_at: Time(1_793_000_000_000),
        roster_epoch: 0,
        priority: Priority::URGENT,
        kind: Kind::ECOMESSAGE,
        retention: Retention::DAYS_40,
        flags: Flags(0),
        to: vec![member("TZ")],
        audience: Audience::Open,
        body_commit: [0; 32],
        body_len: 0,
        ext: Vec::new(),
    };
    let prekeys = [secret.public().clone()];
    let sealed = seal(network, header, b"ivory, 120 kg", &prekeys, &[0x22; 32]).unwrap();
    let Audience::Sealed { key_commitment, .. } = sealed.header.audience else { panic!("not sealed") };
    let opened = unwrap(network, &sealed.header, &sealed.content, member("TZ"), &secret);
    assert_eq!(opened.as_ref(), Ok(&sealed.key));
    let document = open(network, &sealed.header, &sealed.content, &sealed.key).unwrap();
    assert_eq!(&document[..], b"ivory, 120 kg");
    vec![
        ("prekey of TZ", secret.public().to_bytes()),
        ("prekey id", secret.public().id().0.to_vec()),
        ("core hash", sealed.header.core_hash(network).to_vec()),
        ("content key", sealed.key.as_bytes().to_vec()),
        ("key commitment", key_commitment.to_vec()),
        ("sealed content", sealed.content),
    ]
}

#[test]
fn the_worked_examples_are_what_this_code_writes() {
    let document: String = document().split_whitespace().collect();
    for (name, bytes) in example().into_iter().chain(sealed_example()) {
        let name: String = format!("**{name}**").split_whitespace().collect();
        let at = document.find(&name).unwrap_or_else(|| panic!("the document does not name {name}"));
        let wanted = format!("```text{}```", hex::encode(&bytes));
        assert!(document[at..].contains(&wanted), "{name} should be\n{}", hex::encode(&bytes));
    }
}

#[test]
fn the_archive_of_the_example_is_whole() {
    let net = network();
    let report = net.audit(&net.archive());
    assert_eq!(report.verdict, Verdict::Whole, "{report}");
}

#[test]
fn all_tags_are_in_the_document() {
    let document = document();
    for tag in tags::ALL {
        let tag = std::str::from_utf8(tag).unwrap();
        assert!(document.contains(&format!("`{tag}`")), "{tag}");
    }
}

/// The limits that an auditor or another node must know.
#[test]
fn the_limits_in_the_document_are_those_of_the_code() {
    let document = document();
    let limits = [
        ("header", limits::HEADER_BYTES_MAX),
        ("content of a body", limits::CONTENT_BYTES_MAX),
        ("addressees", limits::ADDRESSEES_MAX),
        ("extensions", limits::EXTENSIONS_MAX),
        ("extension", limits::EXTENSION_BYTES_MAX),
        ("audience fields", limits::AUDIENCE_BYTES_MAX),
        ("members", limits::MEMBERS_MAX),
        ("record frame", FRAME_BYTES_MAX),
        ("frontier", limits::FRONTIER_BYTES_MAX),
        ("entries of a frontier", limits::FRONTIER_ENTRIES_MAX),
        ("holes of a frontier", limits::HOLES_MAX),
        ("fork proof", FORK_PROOF_BYTES_MAX),
        ("charter", limits::CHARTER_BYTES_MAX),
        ("name", limits::NAME_BYTES_MAX),
        ("addresses of a member", limits::ADDRESSES_MAX),
        ("address", limits::ADDRESS_BYTES_MAX),
        ("fallback prekey", limits::PREKEY_BYTES_MAX),
        ("manifest", MANIFEST_BYTES_MAX),
        ("logs of a manifest", RANGES_MAX),
        ("generations of a member", protocol::GENERATIONS_MAX),
        ("push message", protocol::PUSH_BYTES_MAX),
        ("records of a push message", protocol::PUSH_RECORDS_MAX),
        ("record pushed with its body", protocol::PUSH_RECORD_BYTES_MAX),
        ("sync payload", protocol::SYNC_FRAME_BYTES_MAX),
        ("records of a page", protocol::PAGE_RECORDS_MAX),
        ("slice", protocol::SLICE_BYTES_MAX as usize),
        ("bodies wanted at once", protocol::BODIES_WANTED_MAX),
        ("third frontiers", protocol::THIRD_FRONTIERS_MAX),
        ("fork proofs of a notification", protocol::NOTIFY_FORKS_MAX),
        ("forked logs of an author whose proofs are kept", protocol::FORKED_LOGS_MAX),
        ("wrap of a sealed body", WRAP_BYTES),
        ("hello", protocol::HELLO_BYTES_MAX),
        ("journal entry", protocol::JOURNAL_ENTRY_BYTES_MAX),
    ];
    for (what, max) in limits {
        let row = format!("| {what} | {} |", grouped(max));
        assert!(document.contains(&row), "the document lacks the row {row}");
    }
}

/// 1048576 as `1,048,576`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}
