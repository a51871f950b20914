//! The seeds of the corpora: valid inputs of every kind. `tests/corpora.rs` compares the committed files with them and
//! writes them anew when it is asked to, so that a change of a format cannot leave a corpus of rubbish behind.

use ecomesh_document::{Document, KINDS};
use ecomesh_node::founding::Card;
use ecomesh_node::founding::card::CardContent;
use ecomesh_node::founding::draft::Draft;
use ecomesh_node::founding::sign::SignatureFile;
use ecomesh_protocol::MemoryDisk;
use ecomesh_protocol::control::{LogOpen, OpenMode};
use ecomesh_protocol::disk::Disk;
use ecomesh_protocol::erasure::{Erase, Erased, Extend, Ground};
use ecomesh_protocol::evidence::{EVIDENCE, Evidence, EvidenceLog};
use ecomesh_protocol::hello::{self, Certificate, Hello};
use ecomesh_protocol::journal::{self, Content, Entry, JOURNAL, Journal};
use ecomesh_protocol::ledger::LogHead;
use ecomesh_protocol::receipt::{Outcome, Reason, Receipt, ReceiptEntry};
use ecomesh_protocol::wire::{Waiting, answer, ask, encode_push};
use ecomesh_record::archive::{ArchiveEncoder, Filter, LogRange, Manifest};
use ecomesh_record::{
    Body, ForkProof, Frontier, FrontierEntry, Header, Kind, Lane, Record, RecordId, Role, SignedFrontier,
    Time, codec,
};
use ecomesh_seal::envelope::seal;
use ecomesh_seal::{Identity, Params, PrekeySecret, PublicKey, Sealed};

use super::world::{
    INSTANCE, chain, charter, founded, key, log, member, peer, record, record_as, signed, storage_key, world,
};

/// One seed: the target, the name of the file, and its bytes. Every target takes its seeds.
pub type Seed = (&'static str, &'static str, Vec<u8>);

/// All seeds, always the same.
pub fn seeds() -> Vec<Seed> {
    [records(), statements(), frames(), logs(), founding(), forms(), homes(), stories()].concat()
}

fn frame(record: &Record) -> Vec<u8> {
    codec::encode(&record.to_frame(), usize::MAX).expect("there is no bound")
}

fn records() -> Vec<Seed> {
    let chain = chain("TZ", 1, 2, 60);
    let open = LogOpen { mode: OpenMode::RESTORE, base: 0, heads: heads() };
    let open = open.encode().expect("few heads");
    let opening = record_as(Kind::LOG_OPEN, log("TZ", 0, 9).at(0), RecordId::ZERO, open.clone());
    let empty = LogOpen { mode: OpenMode::RESTORE, base: 0, heads: Vec::new() };
    vec![
        ("record_frame", "first", frame(&chain[0])),
        ("record_frame", "second", frame(&chain[1])),
        ("record_frame", "bare", frame(&chain[1].clone().without_body())),
        ("record_frame", "opening", frame(&opening)),
        ("header", "first", chain[0].header_bytes().to_vec()),
        ("header", "second", chain[1].header_bytes().to_vec()),
        ("header", "opening", opening.header_bytes().to_vec()),
        ("body", "text", Body::new([1; 32], b"content".to_vec()).expect("small").encode()),
        ("body", "empty", Body::new([1; 32], Vec::new()).expect("small").encode()),
        ("log_open", "heads", open),
        ("log_open", "empty", empty.encode().expect("no heads")),
        ("erase", "two", erase().encode().expect("two ids")),
        ("extend", "two", extend().encode().expect("two ids")),
        ("erased", "two", erased().encode().expect("two ids")),
        ("receipt", "opened", receipt(&[(1, Outcome::OPENED)])),
        (
            "receipt",
            "several",
            receipt(&[(1, Outcome::REFUSED), (2, Outcome::CANNOT_OPEN), (9, Outcome(77))]),
        ),
        ("prekey", "good", prekey_secret().public().to_bytes()),
        ("sealed", "good", sealed_body().content),
        ("archive", "whole", archive(true)),
        ("archive", "empty", archive(false)),
    ]
}

const ERASED: [RecordId; 2] = [RecordId([1; 32]), RecordId([2; 32])];

fn erase() -> Erase {
    Erase::new(Ground::COURT_ORDER, ERASED).expect("two ids")
}

fn extend() -> Extend {
    Extend::new(Ground::STILL_NEEDED, Time(1_800_000_000_000), ERASED).expect("two ids")
}

fn erased() -> Erased {
    Erased::new(ERASED).expect("two ids")
}

fn receipt(entries: &[(u8, Outcome)]) -> Vec<u8> {
    let entry = |(id, outcome): &(u8, Outcome)| ReceiptEntry {
        id: RecordId([*id; 32]),
        outcome: *outcome,
        reason: Reason(u16::from(*id) * 300),
    };
    let receipt = Receipt::new(entries.iter().map(entry)).expect("few entries");
    receipt.encode().expect("few entries")
}

/// What the sealed body says.
pub const SEALED_DOCUMENT: &[u8] = b"ivory, 120 kg";

/// The prekey that it is sealed to.
pub fn prekey_secret() -> PrekeySecret {
    PrekeySecret::from_seed(&[7; PrekeySecret::BYTES])
}

/// A body that KE seals to TZ.
pub fn sealed_body() -> Sealed {
    let carrier = record(log("KE", 1, 0).at(0), RecordId::ZERO, Vec::new());
    let header = Header { to: vec![member("TZ")], ..carrier.header().clone() };
    let prekeys = [prekey_secret().public().clone()];
    seal(world().network, header, SEALED_DOCUMENT, &prekeys, &[8; 32]).expect("one addressee")
}

fn heads() -> Vec<LogHead> {
    let head = |lane| LogHead { log: log("TZ", lane, 0), seq: 300, head: RecordId([lane; 32]) };
    (0..3).map(head).collect()
}

fn archive(full: bool) -> Vec<u8> {
    let chain = if full { chain("TZ", 1, 3, 40) } else { Vec::new() };
    let log = log("TZ", 1, 0);
    let manifest = Manifest {
        network: world().network,
        exporter: member("KE"),
        exported_at: Time(1_800_000_000_000),
        filter: Filter { members: Vec::new(), since: Time(0) },
        logs: if full { vec![LogRange { log, first: 0, last: 2 }] } else { Vec::new() },
    };
    let (mut encoder, mut bytes) = ArchiveEncoder::begin(&founded(), &manifest).expect("a good manifest");
    chain.iter().for_each(|record| bytes.extend(encoder.record(record).expect("the next record")));
    if full {
        bytes.extend(encoder.fork(&fork()).expect("the first fork"));
    }
    bytes.extend(encoder.finish().expect("all records are in it"));
    bytes
}

fn fork() -> ForkProof {
    let at = log("TZ", 1, 0).at(0);
    let side = |n| {
        let record = record(at, RecordId::ZERO, vec![n]);
        (record.hash(), *record.signature())
    };
    ForkProof::new(at, side(1), side(2)).expect("two records")
}

fn said(complete: bool) -> Frontier {
    let entry = |lane: u8| FrontierEntry { log: log("TZ", lane, 0), seq: 70_000, head: RecordId([lane; 32]) };
    Frontier {
        member: member("TZ"),
        instance: [3; 16],
        counter: 1_800_000_000_000,
        roster_epoch: 0,
        time: Time(1_800_000_000_000),
        complete,
        entries: if complete { (0..4).map(entry).collect() } else { Vec::new() },
        holes: if complete { vec![RecordId([1; 32]), RecordId([2; 32])] } else { Vec::new() },
        bodiless_lanes: if complete { vec![Lane::new(3).expect("a lane")] } else { Vec::new() },
    }
}

fn statements() -> Vec<Seed> {
    let certificate = Certificate { member: member("TZ"), key: peer("TZ"), counter: 3 };
    let hello = Hello { certificate, boot_nonce: [2; 16], instance: [3; 16], roster_epoch: 0 };
    let greet = |openings| hello::encode(world().network, &key("TZ"), &hello, openings);
    let open = LogOpen { mode: OpenMode::RESTORE, base: 0, heads: Vec::new() }.encode().expect("no heads");
    let opening = record_as(Kind::LOG_OPEN, log("TZ", 0, 9).at(0), RecordId::ZERO, open);
    vec![
        ("frontier", "complete", said(true).encode().expect("small")),
        ("frontier", "delta", said(false).encode().expect("small")),
        ("fork_proof", "proof", fork().encode()),
        ("charter", "charter", charter().encode().expect("a good charter")),
        ("founded_charter", "founded", founded().encode().expect("a good charter")),
        ("hello", "plain", greet(Vec::new())),
        ("hello", "opening", greet(vec![opening.to_frame()])),
    ]
}

fn frames() -> Vec<Seed> {
    let chain = chain("TZ", 1, 3, 30);
    let all: Vec<&Record> = chain.iter().collect();
    let with_topic = |records: &[&Record]| {
        let topic = records[0].header().priority.topic();
        [&[topic], encode_push(records).expect("a few records").as_slice()].concat()
    };
    let (whole, delta): (SignedFrontier, SignedFrontier) = (signed(&said(true)), signed(&said(false)));
    let waiting = [Waiting { member: member("ZM"), instance: [4; 16], counter: 9 }];
    let body = chain[0].body().expect("it has one").encode();
    let page: Vec<_> = chain.iter().map(Record::to_frame).collect();
    vec![
        ("push", "one", with_topic(&all[..1])),
        ("push", "three", with_topic(&all)),
        ("sync_question", "exchange", ask::exchange([5; 32], &waiting)),
        ("sync_question", "notify", ask::notify(&[whole.clone(), delta.clone()], &[fork()])),
        ("sync_question", "page", ask::page(log("TZ", 1, 0), 2, 65_536)),
        ("sync_question", "slice", ask::slice(chain[0].id(), 65_536, 65_536)),
        ("sync_question", "bodies", ask::bodies(&[chain[0].id(), chain[1].id()])),
        ("sync_question", "header", ask::header(log("TZ", 1, 0).at(2))),
        ("sync_answer", "exchange", answer::exchange(Some(&whole), &[delta])),
        ("sync_answer", "taken", answer::taken()),
        ("sync_answer", "page", answer::page(&page)),
        ("sync_answer", "slice", answer::slice(0, 62, &body)),
        ("sync_answer", "bodies", answer::bodies(&[(chain[0].id(), body)])),
        ("sync_answer", "header", answer::header(Some(&chain[0]))),
        ("sync_answer", "unavailable", answer::unavailable()),
        ("sync_answer", "erased", answer::erased(&[chain[0].to_frame()])),
    ]
}

fn logs() -> Vec<Seed> {
    let (network, own) = (world().network, member("KE"));
    let room = "the memory has room";
    let mut disk = MemoryDisk::new();
    let mut journal = Journal::fresh(&mut disk, network, own, storage_key(), INSTANCE).expect(room);
    let empty = disk.read(JOURNAL).expect(room).expect("it is there");
    let entries: Vec<Entry> = chain("KE", 1, 3, 50)
        .into_iter()
        .map(|signed| {
            let body = signed.body().map(Body::encode).unwrap_or_default();
            let record = Record::from_parts(network, signed.header_bytes().to_vec(), [0; 64], &body);
            Entry { record: record.expect("the same record"), idempotency: [4; 32], closed: false }
        })
        .collect();
    let all: Vec<&Entry> = entries.iter().collect();
    journal.append(&mut disk, &all).expect(room);
    let whole = disk.read(JOURNAL).expect(room).expect("it is there");
    let content: Content =
        journal::read(network, own, &storage_key(), &whole).expect("it was written just now");
    assert_eq!(content.entries, entries);
    let torn = whole[..whole.len() - 30].to_vec();
    let mut evidence = EvidenceLog::open(&mut disk, network, own, INSTANCE).expect(room).log;
    let proof =
        |complete| Evidence { received_at: Time(1_800_000_000_000), frontier: signed(&said(complete)) };
    evidence.append(&mut disk, &[proof(true), proof(false)]).expect(room);
    let proofs = disk.read(EVIDENCE).expect(room).expect("it is there");
    vec![
        ("small_log", "empty", empty.clone()),
        ("small_log", "whole", whole.clone()),
        ("small_log", "torn", torn.clone()),
        ("journal", "empty", empty),
        ("journal", "whole", whole),
        ("journal", "torn", torn),
        ("evidence", "torn", proofs[..proofs.len() - 5].to_vec()),
        ("evidence", "whole", proofs),
    ]
}

fn card(name: &str) -> Card {
    let public = |seed: &str| PublicKey::admit(*key(seed).public().as_bytes()).expect("a good key");
    let content = CardContent {
        member: member(name),
        name: format!("NCB {name}"),
        role: Role::COUNTRY.0,
        transport_key: public(&format!("t{name}")),
        recovery_keys: (1..=3).map(|n| public(&format!("r{n}{name}"))).collect(),
        fallback_prekey: Vec::new(),
        addresses: Vec::new(),
    };
    Card::sign(content, &key(name)).expect("a good card")
}

fn founding() -> Vec<Seed> {
    let cards = ["KE", "TZ", "ZM"].map(card);
    let draft = Draft::new("test", &cards, Time(1_700_000_000_000)).expect("three good cards");
    let signature = key("KE").sign_charter(draft.network);
    let signature = SignatureFile { member: member("KE"), network: draft.network, signature };
    let identity = Identity::from_seeds(&[1; 32], &[2; 32]).expect("two seeds");
    let params = Params::new(8, 1, 1).expect("the least");
    let sealed = identity.seal(b"passphrase", params, [3; 28]).expect("a good passphrase");
    vec![
        ("card_toml", "card", cards[0].to_text().into_bytes()),
        ("charter_toml", "draft", draft.to_text().into_bytes()),
        ("signature_toml", "signature", signature.to_text("test").into_bytes()),
        ("key_file", "identity", sealed),
    ]
}

fn forms() -> Vec<Seed> {
    let texts = [
        ("waste", include_str!("../../../node-config/demo/fr-02-probo-koala.toml")),
        ("wildlife", include_str!("../../../node-config/demo/ke-01-ivory-mombasa.toml")),
        ("arabic", include_str!("../../../node-config/demo/fr-05-nifayat-tunis.toml")),
        ("message", include_str!("../../../node-config/demo/fr-07-message.toml")),
    ];
    let mut all = Vec::new();
    for (name, text) in texts {
        let (document, _) = Document::from_toml(text).expect("a sample of the project");
        let number = document.kind().number;
        let kind = KINDS.iter().position(|kind| kind.number == number).expect("a kind");
        let content = document.encode().expect("a sample of the project");
        all.push(("form_toml", name, text.as_bytes().to_vec()));
        all.push(("form_json", name, document.to_json().to_string().into_bytes()));
        all.push(("document", name, [&[kind as u8], content.as_slice()].concat()));
    }
    all
}

fn homes() -> Vec<Seed> {
    let config = include_str!("../../../node-config/node.toml").as_bytes().to_vec();
    let transport = b"counter = 17\n".to_vec();
    let entry = |name: &str, bytes: &[u8]| {
        [&[name.len() as u8], name.as_bytes(), &(bytes.len() as u64).to_be_bytes(), bytes].concat()
    };
    let charter = founded().encode().expect("a good charter");
    let small = [
        entry("identity.key", b"sealed"),
        entry("card.toml", card("KE").to_text().as_bytes()),
        entry("network.charter", &charter),
        entry("transport.toml", &transport),
        vec![0],
    ];
    vec![
        ("node_toml", "shipped", config),
        ("transport_toml", "counter", transport),
        ("backup", "small", small.concat()),
    ]
}

/// Stories for the core: the bytes are read as `core.rs` says.
fn stories() -> Vec<Seed> {
    let mut dice = 1u64;
    let mut noise = move |count: usize| -> Vec<u8> {
        (0..count)
            .map(|_| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (dice >> 56) as u8
            })
            .collect()
    };
    let names = ["noise-1", "noise-2", "noise-3", "noise-4", "noise-5", "noise-6"];
    names.into_iter().map(|name| ("core", name, noise(600))).collect()
}
