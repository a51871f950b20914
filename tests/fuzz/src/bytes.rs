//! Targets for bytes that strangers send and files that are binary. Each says whether it took the bytes, and asserts
//! that what it took is written again byte for byte.

use ecomesh_protocol::control::LogOpen;
use ecomesh_protocol::disk::Disk;
use ecomesh_protocol::erasure::{Erase, Erased, Extend};
use ecomesh_protocol::evidence::{EVIDENCE, EVIDENCE_MAGIC, EvidenceLog};
use ecomesh_protocol::hello::{self, Certificates};
use ecomesh_protocol::journal::{self, JOURNAL, JOURNAL_MAGIC, Journal};
use ecomesh_protocol::limits::{PUSH_RECORD_BYTES_MAX, SYNC_FRAME_BYTES_MAX};
use ecomesh_protocol::receipt::Receipt;
use ecomesh_protocol::small_log::{encode_entry, scan};
use ecomesh_protocol::wire::{
    Answer, Question, answer, ask, encode_push, verify_answer, verify_push, verify_question,
};
use ecomesh_protocol::{MemoryDisk, Roster, VerifiedFrontier};
use ecomesh_record::archive::{ArchiveDecoder, ArchiveEncoder, Item};
use ecomesh_record::record::FRAME_BYTES_MAX;
use ecomesh_record::{
    Body, Charter, ForkProof, FoundedCharter, Frontier, Header, Record, RecordFrame, SignedFrontier, codec,
};
use ecomesh_seal::key_file::{self, Purpose};
use ecomesh_seal::{Prekey, envelope};

use super::seeds::{SEALED_DOCUMENT, prekey_secret, sealed_body};
use super::world::{INSTANCE, key, member, peer, storage_key, world};

pub fn record_frame(data: &[u8]) -> bool {
    let Ok(frame) = codec::decode::<RecordFrame>(data, FRAME_BYTES_MAX) else { return false };
    assert_eq!(codec::encode(&frame, FRAME_BYTES_MAX).as_deref(), Ok(data));
    let Ok(record) = Record::from_frame(world().network, frame.clone()) else { return false };
    assert_eq!(record.to_frame(), frame);
    assert_eq!(record.header().encode().as_deref(), Ok(record.header_bytes()));
    let bare = record.clone().without_body();
    assert_eq!((bare.id(), bare.hash()), (record.id(), record.hash()));
    true
}

pub fn header(data: &[u8]) -> bool {
    let Ok(header) = Header::decode(data) else { return false };
    assert_eq!(header.encode().as_deref(), Ok(data));
    true
}

pub fn body(data: &[u8]) -> bool {
    let Ok(body) = Body::decode(data) else { return false };
    assert_eq!(body.encode(), data);
    assert_eq!(body.encoded_len(), data.len());
    true
}

pub fn frontier(data: &[u8]) -> bool {
    let Ok(frontier) = Frontier::decode(data) else { return false };
    assert_eq!(frontier.encode().as_deref(), Ok(data));
    assert!(frontier.entries.is_sorted_by(|a, b| a.log < b.log));
    true
}

pub fn fork_proof(data: &[u8]) -> bool {
    let Ok(proof) = ForkProof::decode(data) else { return false };
    assert_eq!(proof.encode(), data);
    let [one, other] = proof.branches(world().network);
    assert_ne!(one.0, other.0);
    true
}

pub fn charter(data: &[u8]) -> bool {
    let Ok(charter) = Charter::decode(data) else { return false };
    assert_eq!(charter.encode().as_deref(), Ok(data));
    true
}

pub fn founded_charter(data: &[u8]) -> bool {
    let Ok(founded) = FoundedCharter::decode(data) else { return false };
    assert_eq!(founded.encode().as_deref(), Ok(data));
    Roster::found(founded).is_ok()
}

pub fn archive(data: &[u8]) -> bool {
    let whole = read_archive(data, data.len().max(1));
    // What is read does not depend on how the bytes come.
    assert_eq!(read_archive(data, 7), whole);
    let Some(items) = whole else { return false };
    let mut items = items.into_iter();
    let (Some(Item::Charter(founded)), Some(Item::Manifest(manifest))) = (items.next(), items.next()) else {
        panic!("an archive begins with charter and manifest");
    };
    let Ok((mut encoder, mut again)) = ArchiveEncoder::begin(&founded, &manifest) else { return false };
    for item in items {
        let part = match item {
            Item::Record { frame: Ok(frame), .. } => match Record::from_frame(manifest.network, frame) {
                Ok(record) => encoder.record(&record),
                Err(_) => return false,
            },
            Item::Fork(proof) => encoder.fork(&proof),
            Item::End => break,
            _ => return false,
        };
        // The decoder leaves the order of records to the audit.
        let Ok(part) = part else { return false };
        again.extend(part);
    }
    let Ok(end) = encoder.finish() else { return false };
    again.extend(end);
    assert_eq!(again, data);
    true
}

fn read_archive(data: &[u8], chunk: usize) -> Option<Vec<Item>> {
    let mut decoder = ArchiveDecoder::new();
    let mut items = Vec::new();
    for part in data.chunks(chunk) {
        decoder.push(part);
        while let Some(item) = decoder.next().ok()? {
            items.push(item);
        }
    }
    decoder.finish().ok()?;
    Some(items)
}

pub fn hello(data: &[u8]) -> bool {
    let ring = &world().ring;
    let Ok(hello) = hello::judge(ring, member("KE"), &Certificates::new(), peer("TZ"), data) else {
        return false;
    };
    assert_eq!(hello.certificate.key, peer("TZ"));
    assert_eq!(hello.certificate.member, member("TZ"));
    let again = hello::encode(world().network, &key("TZ"), &hello, Vec::new());
    // Openings are the rest of the frame.
    assert!(again.len() <= data.len() && data.starts_with(&again[..again.len() - 1]));
    true
}

/// The first byte is the topic.
pub fn push(data: &[u8]) -> bool {
    let Some((topic, bytes)) = data.split_first() else { return false };
    let report = verify_push(&world().ring, topic % 3, bytes);
    if report.blame.is_some() || report.deferred > 0 {
        return false;
    }
    let records: Vec<&Record> = report.records.iter().map(ecomesh_protocol::Verified::record).collect();
    assert!(!records.is_empty());
    assert!(records.iter().all(|r| r.header().priority.topic() == topic % 3));
    if records.iter().all(|record| record.frame_len() <= PUSH_RECORD_BYTES_MAX) {
        assert_eq!(encode_push(&records).as_deref(), Some(bytes));
    }
    true
}

pub fn sync_question(data: &[u8]) -> bool {
    let Ok(question) = verify_question(&world().ring, data) else { return false };
    assert!(data.len() <= SYNC_FRAME_BYTES_MAX + 16);
    let again = match &question {
        Question::Exchange { digest, waiting } => ask::exchange(*digest, waiting),
        Question::Notify { frontiers, forks } => {
            let signed: Vec<SignedFrontier> = frontiers.iter().map(|f| f.signed().clone()).collect();
            let again = ask::notify(&signed, forks);
            // What strangers signed is left out.
            assert!(again == data || again.len() < data.len());
            return true;
        }
        Question::Page { log, from, max_bytes } => ask::page(*log, *from, *max_bytes),
        Question::Slice { id, offset, max_bytes } => ask::slice(*id, *offset, *max_bytes),
        Question::Bodies { ids } => ask::bodies(ids),
        Question::Header { position } => ask::header(*position),
    };
    assert_eq!(again, data);
    true
}

pub fn sync_answer(data: &[u8]) -> bool {
    let Ok(found) = verify_answer(&world().ring, data) else { return false };
    let again = match &found {
        Answer::Exchange { frontier, third } => {
            let third: Vec<SignedFrontier> = third.iter().map(|f| f.signed().clone()).collect();
            answer::exchange(frontier.as_ref().map(VerifiedFrontier::signed), &third)
        }
        Answer::Taken => answer::taken(),
        Answer::Page { records } => {
            answer::page(&records.iter().map(|v| v.record().to_frame()).collect::<Vec<_>>())
        }
        Answer::Slice { offset, total, bytes } => answer::slice(*offset, *total, bytes),
        Answer::Bodies { bodies } => answer::bodies(bodies),
        Answer::Header { record } => answer::header(record.as_ref().map(|v| v.record())),
        Answer::Erased { records } => {
            answer::erased(&records.iter().map(|v| v.record().to_frame()).collect::<Vec<_>>())
        }
        // The payload of this one is not looked at.
        Answer::Unavailable => return true,
    };
    // Frontiers of strangers, what is behind a key that is not known, and bodies of headers are left out.
    let may_be_shorter = matches!(
        found,
        Answer::Exchange { .. } | Answer::Page { .. } | Answer::Header { .. } | Answer::Erased { .. }
    );
    assert!(again == data || (may_be_shorter && again.len() < data.len()));
    true
}

pub fn log_open(data: &[u8]) -> bool {
    let Ok(open) = LogOpen::decode(member("TZ"), data) else { return false };
    assert_eq!(open.encode().as_deref(), Ok(data));
    true
}

pub fn erase(data: &[u8]) -> bool {
    let Ok(erase) = Erase::decode(data) else { return false };
    assert_eq!(erase.encode().as_deref(), Ok(data));
    true
}

pub fn extend(data: &[u8]) -> bool {
    let Ok(extend) = Extend::decode(data) else { return false };
    assert_eq!(extend.encode().as_deref(), Ok(data));
    true
}

pub fn erased(data: &[u8]) -> bool {
    let Ok(erased) = Erased::decode(data) else { return false };
    assert_eq!(erased.encode().as_deref(), Ok(data));
    true
}

pub fn receipt(data: &[u8]) -> bool {
    let Ok(receipt) = Receipt::decode(data) else { return false };
    assert_eq!(receipt.encode().as_deref(), Ok(data));
    true
}

pub fn prekey(data: &[u8]) -> bool {
    let Ok(prekey) = Prekey::admit(data) else { return false };
    assert_eq!(prekey.to_bytes(), data);
    true
}

/// The content of a sealed body, with the right header and keys: only what was sealed opens.
pub fn sealed(data: &[u8]) -> bool {
    let good = sealed_body();
    let secret = prekey_secret();
    let (network, reader) = (world().network, good.header.to[0]);
    let unwrapped = envelope::unwrap(network, &good.header, data, reader, &secret);
    assert!(unwrapped.as_ref().is_err() || unwrapped.as_ref() == Ok(&good.key));
    let Ok(document) = envelope::open(network, &good.header, data, &good.key) else { return false };
    assert_eq!(&document[..], SEALED_DOCUMENT);
    unwrapped.is_ok()
}

pub fn small_log(data: &[u8]) -> bool {
    let Ok(found) = scan(JOURNAL_MAGIC, data) else { return false };
    assert_eq!(found.whole_bytes + found.torn_bytes, data.len() as u64);
    let mut again = found.header.encode();
    found.entries.iter().for_each(|payload| again.extend(encode_entry(payload)));
    assert_eq!(Some(again.as_slice()), data.get(..again.len()));
    assert_eq!(again.len() as u64, found.whole_bytes);
    true
}

pub fn journal(data: &[u8]) -> bool {
    let network = world().network;
    let Ok(content) = journal::read(network, member("KE"), &storage_key(), data) else { return false };
    let mut disk = MemoryDisk::new();
    disk.replace(JOURNAL, data).expect("the memory has room");
    let mut open = Journal::resume(&mut disk, network, member("KE"), storage_key(), &content)
        .expect("the memory has room");
    let cut = disk.read(JOURNAL).expect("the memory can be read").expect("it was written");
    assert_eq!(Some(cut.as_slice()), data.get(..content.whole_bytes as usize));
    open.rebind(&mut disk, content.instance).expect("the memory has room");
    let again = disk.read(JOURNAL).expect("the memory can be read").expect("it was written");
    let again =
        journal::read(network, member("KE"), &storage_key(), &again).expect("it was written just now");
    assert_eq!(again.torn_bytes, 0);
    let mut places: Vec<_> = content.entries.iter().map(|e| e.record.position()).collect();
    places.sort_unstable();
    places.dedup();
    // Nobody writes two entries of one place; of those the rewrite keeps one.
    if places.len() == content.entries.len() {
        assert_eq!(again.entries, content.entries);
    }
    true
}

pub fn evidence(data: &[u8]) -> bool {
    let network = world().network;
    let mut disk = MemoryDisk::new();
    disk.replace(EVIDENCE, data).expect("the memory has room");
    let opened = EvidenceLog::open(&mut disk, network, member("KE"), INSTANCE).expect("the memory has room");
    let left = disk.read(EVIDENCE).expect("the memory can be read").expect("it was written");
    let found = scan(EVIDENCE_MAGIC, &left).expect("it was opened just now");
    assert_eq!(found.torn_bytes, 0);
    assert!(opened.entries.len() <= found.entries.len());
    assert!(opened.replaced || data.starts_with(&left));
    !opened.replaced
}

/// Purpose and passphrase are fixed; what asks for more than a little work is left out, since the bounds of the
/// format allow a second of it.
pub fn key_file(data: &[u8]) -> bool {
    let number = |at: usize| data.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    if number(10) > 64 || number(14) > 2 {
        return false;
    }
    match key_file::open(data, Purpose::IDENTITY, b"passphrase") {
        Ok(secret) => {
            assert_eq!(data.len(), key_file::HEADER_BYTES + secret.len() + 16);
            true
        }
        Err(_) => false,
    }
}
