//! Golden vectors of the archive's container.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod common;

use std::collections::BTreeMap;

use common::{CREATED, Golden, KE, TZ, assert_exact_length, rep};
use ecomesh_record::archive::{
    ArchiveDecoder, ArchiveEncoder, ArchiveError, EncodeError, Filter, Item, LogRange, Manifest,
};
use ecomesh_record::codec::DecodeError;
use ecomesh_record::{
    Audience, Body, ForkProof, FoundedCharter, Header, HeaderHash, Kind, Lane, LogId, MemberId, NetworkId,
    Position, Priority, Record, RecordId, Retention, Time,
};
use proptest::prelude::*;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

const NETWORK: NetworkId = NetworkId([0x11; 32]);

fn manifest() -> Golden {
    Golden::new(&[
        ("network", &rep("11", 32)),
        ("exporter", KE),
        ("exported_at", CREATED),
        ("members", &format!("02{KE}{TZ}")),
        ("since", "05"),
        ("logs", &format!("02{KE}00000001{TZ}0102fb2c01fb2d01")),
    ])
}

fn log(name: &str, lane: u8, generation: u32) -> LogId {
    LogId { author: MemberId::parse(name).unwrap(), lane: Lane::new(lane).unwrap(), generation }
}

fn value() -> Manifest {
    let member = |name| MemberId::parse(name).unwrap();
    Manifest {
        network: NETWORK,
        exporter: member("KE"),
        exported_at: Time(1_790_000_000_000),
        filter: Filter { members: vec![member("KE"), member("TZ")], since: Time(5) },
        logs: vec![
            LogRange { log: log("KE", 0, 0), first: 0, last: 1 },
            LogRange { log: log("TZ", 1, 2), first: 300, last: 301 },
        ],
    }
}

#[test]
fn a_good_manifest() {
    assert_eq!(Manifest::decode(&manifest().bytes()), Ok(value()));
    assert_eq!(value().encode(), Ok(manifest().bytes()));
    assert_eq!(value().range(log("TZ", 1, 2)), Some(&value().logs[1]));
    assert_eq!(value().range(log("TZ", 1, 1)), None);
    assert!(value().filter.wants(log("KE", 3, 9)) && !value().filter.wants(log("FR", 0, 0)));
    assert!(!value().filter.is_whole() && Filter::default().is_whole());
}

#[test]
fn bad_manifests() {
    assert_exact_length(&manifest().bytes(), Manifest::decode, ArchiveError::Manifest);
    let last = rep("ff", 8);
    let cases: Vec<(&str, String, ArchiveError)> = vec![
        ("exporter", rep("00", 8), ArchiveError::Field),
        ("exported_at", "fb0500".into(), ArchiveError::Manifest(DecodeError::NotCanonical)),
        ("exported_at", "ff".into(), ArchiveError::Manifest(DecodeError::Malformed)),
        ("members", format!("02{TZ}{KE}"), ArchiveError::Order("members")),
        ("members", format!("02{KE}{KE}"), ArchiveError::Order("members")),
        ("members", format!("01{}", rep("61", 8)), ArchiveError::Field),
        ("members", format!("fb0102{}", rep(KE, 513)), ArchiveError::TooMany("members")),
        ("since", "fb0500".into(), ArchiveError::Manifest(DecodeError::NotCanonical)),
        ("logs", format!("01{KE}04000001"), ArchiveError::Field),
        ("logs", format!("01{}00000001", rep("00", 8)), ArchiveError::Field),
        ("logs", format!("01{KE}01000201"), ArchiveError::Field),
        ("logs", format!("01{KE}010000fd{last}"), ArchiveError::Field),
        ("logs", format!("02{TZ}01000001{KE}01000001"), ArchiveError::Order("logs")),
        ("logs", format!("02{KE}01000001{KE}01000203"), ArchiveError::Order("logs")),
        ("logs", format!("01{KE}00000101"), ArchiveError::ControlCut(log("KE", 0, 0))),
        ("logs", format!("01{KE}01fb00000001"), ArchiveError::Manifest(DecodeError::NotCanonical)),
        ("logs", format!("fb0140{}", rep(&format!("{KE}01000000"), 16_385)), ArchiveError::TooMany("logs")),
    ];
    for (field, digits, error) in cases {
        let result = Manifest::decode(&manifest().with(field, digits.as_str()));
        assert_eq!(result, Err(error), "{field} {}", &digits[..digits.len().min(60)]);
    }
    let (length, max) = (1024 * 1024 + 1, 1024 * 1024);
    let error = ArchiveError::Manifest(DecodeError::TooLong { length, max });
    assert_eq!(Manifest::decode(&vec![0; length]), Err(error));
}

/// An archive in its sections, each with its length before it; without the checksum.
fn golden() -> Golden {
    let section = |digits: &str| format!("{:08x}{digits}", digits.len() / 2);
    let proof = |seq: &str| {
        let (hashes, signatures) = (rep("66", 32) + &rep("77", 32), rep("55", 64) + &rep("56", 64));
        format!("{KE}0100{seq}{hashes}{signatures}")
    };
    Golden::new(&[
        ("magic", &hex::encode("ECOARCHV")),
        ("version", "01"),
        ("charter", &section(&format!("{}01650000", hex::encode("ECOCHRT1")))),
        ("manifest", &section(&hex::encode(manifest().with("logs", format!("01{KE}01000001"))))),
        ("first", &section(&hex::encode(frame(0)))),
        ("second", &section(&hex::encode(frame(1)))),
        ("end_of_records", "00000000"),
        ("fork", &section(&proof("00"))),
        ("other_fork", &section(&proof("01"))),
        ("end_of_forks", "00000000"),
    ])
}

fn checksum(bytes: &[u8]) -> String {
    hex::encode(Sha256::new().chain_update(b"ecomesh/1/archive").chain_update(bytes).finalize())
}

/// Bytes and the checksum over them.
fn close(bytes: &[u8]) -> Vec<u8> {
    [bytes, &hex::decode(checksum(bytes)).unwrap()].concat()
}

fn records() -> Vec<Record> {
    let mut prev = RecordId::ZERO;
    let mut record = |seq| {
        let body = Body::new([0x44; 32], b"ivory, 120 kg".to_vec()).unwrap();
        let header = Header {
            author: MemberId::parse("KE").unwrap(),
            lane: Lane::MESSAGES,
            generation: 0,
            seq,
            prev,
            created_at: Time(1_790_000_000_000),
            expires_at: Time(1_790_003_600_000),
            roster_epoch: 0,
            priority: Priority::URGENT,
            kind: Kind::ECOMESSAGE,
            retention: Retention::YEARS_5,
            flags: Default::default(),
            to: Vec::new(),
            audience: Audience::Open,
            body_commit: body.commitment(NETWORK),
            body_len: 13,
            ext: Vec::new(),
        };
        let record = Record::sign_with(NETWORK, header, Some(body), |_| [0x55; 64]).unwrap();
        prev = record.id();
        record
    };
    vec![record(0), record(1)]
}

fn frame(at: usize) -> Vec<u8> {
    ecomesh_record::codec::encode(&records()[at].to_frame(), 4096).unwrap()
}

fn founded() -> FoundedCharter {
    FoundedCharter { charter: ByteBuf::from([0x65]), addresses: Vec::new(), signatures: Vec::new() }
}

fn small_manifest() -> Manifest {
    Manifest { logs: vec![LogRange { log: log("KE", 1, 0), first: 0, last: 1 }], ..value() }
}

fn proof(seq: u64) -> ForkProof {
    let branch = |hash, signature| (HeaderHash([hash; 32]), [signature; 64]);
    ForkProof::new(log("KE", 1, 0).at(seq), branch(0x66, 0x55), branch(0x77, 0x56)).unwrap()
}

/// Reads all of it, `step` bytes at a time.
fn read_by(bytes: &[u8], step: usize) -> Result<Vec<Item>, ArchiveError> {
    let (mut decoder, mut items) = (ArchiveDecoder::new(), Vec::new());
    for chunk in bytes.chunks(step) {
        decoder.push(chunk);
        while let Some(item) = decoder.next()? {
            items.push(item);
        }
    }
    decoder.finish()?;
    Ok(items)
}

fn read(bytes: &[u8]) -> Result<Vec<Item>, ArchiveError> {
    read_by(bytes, usize::MAX)
}

#[test]
fn a_good_archive() {
    let bytes = close(&golden().bytes());
    let (mut encoder, mut written) = ArchiveEncoder::begin(&founded(), &small_manifest()).unwrap();
    records().iter().for_each(|record| written.extend(encoder.record(record).unwrap()));
    (0..2).for_each(|seq| written.extend(encoder.fork(&proof(seq)).unwrap()));
    written.extend(encoder.finish().unwrap());
    assert_eq!(hex::encode(&written), hex::encode(&bytes));

    let offset = 9 + 4 + 12 + 4 + small_manifest().encode().unwrap().len();
    let second = (offset + 4 + frame(0).len()) as u64;
    let expected = vec![
        Item::Charter(founded()),
        Item::Manifest(small_manifest()),
        Item::Record { offset: offset as u64, frame: Ok(records()[0].to_frame()) },
        Item::Record { offset: second, frame: Ok(records()[1].to_frame()) },
        Item::Fork(proof(0)),
        Item::Fork(proof(1)),
        Item::End,
    ];
    for step in [1, 2, 7, 100, usize::MAX] {
        assert_eq!(read_by(&bytes, step).as_ref(), Ok(&expected), "{step} bytes at a time");
    }
}

#[test]
fn every_other_length_is_refused() {
    let bytes = close(&golden().bytes());
    for length in 0..bytes.len() {
        assert_eq!(read(&bytes[..length]), Err(ArchiveError::Truncated), "{length} bytes");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    for step in [1, usize::MAX] {
        assert_eq!(read_by(&longer, step), Err(ArchiveError::TrailingBytes));
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = close(&golden().bytes());
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&bad).is_err(), "bit {bit}");
    }
}

#[test]
fn bad_containers() {
    let too_long = |what, max: usize| ArchiveError::TooLong { what, length: max + 1, max };
    let length = |max: usize| format!("{:08x}", max + 1);
    let (charter, record) = (8 + 4 * 1024 * 1024, ecomesh_record::record::FRAME_BYTES_MAX);
    let cases: Vec<(&str, String, ArchiveError)> = vec![
        ("magic", hex::encode("ECOARCHW"), ArchiveError::NotAnArchive),
        ("magic", hex::encode("ECOCHRT1"), ArchiveError::NotAnArchive),
        ("version", "00".into(), ArchiveError::UnknownVersion(0)),
        ("version", "03".into(), ArchiveError::UnknownVersion(3)),
        ("charter", "00000000".into(), ArchiveError::Charter(DecodeError::Malformed.into())),
        ("charter", length(charter), too_long("charter", charter)),
        (
            "charter",
            format!("0000000c{}01650000", hex::encode("ECOCHRT2")),
            ArchiveError::Charter(DecodeError::Malformed.into()),
        ),
        ("manifest", "00000000".into(), ArchiveError::Manifest(DecodeError::Truncated)),
        ("manifest", length(1024 * 1024), too_long("manifest", 1024 * 1024)),
        ("second", length(record), too_long("record", record)),
        (
            "second",
            "ffffffff".into(),
            ArchiveError::TooLong { what: "record", length: 0xffff_ffff, max: record },
        ),
        ("fork", length(256), too_long("fork proof", 256)),
        ("fork", "0000000100".into(), ArchiveError::Fork(DecodeError::Truncated.into())),
        ("fork", hex::encode(section_of(&proof(1))), ArchiveError::Order("fork proofs")),
        ("fork", hex::encode(section_of(&proof(2))), ArchiveError::Order("fork proofs")),
    ];
    for (field, digits, error) in cases {
        let bad = close(&golden().with(field, digits.as_str()));
        assert_eq!(read(&bad), Err(error), "{field} {digits}");
    }
    let good = golden().bytes();
    let mut other = close(&good);
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(read(&other), Err(ArchiveError::Checksum));
    let plain: [u8; 32] = Sha256::digest(&good).into();
    assert_eq!(read(&[good.as_slice(), &plain].concat()), Err(ArchiveError::Checksum), "without its tag");
}

fn section_of(proof: &ForkProof) -> Vec<u8> {
    let bytes = proof.encode();
    [&(bytes.len() as u32).to_be_bytes(), bytes.as_slice()].concat()
}

#[test]
fn a_bad_record_does_not_end_the_reading() {
    let items = read(&close(&golden().with("first", "0000000200ff"))).unwrap();
    assert!(matches!(items[2], Item::Record { frame: Err(DecodeError::Truncated), .. }));
    assert_eq!(items.len(), 7);
}

/// The archive with this between manifest and records.
fn with_keys(sections: &[&[u8]]) -> Vec<u8> {
    let good = golden().bytes();
    let records_at = 9 + 4 + 12 + 4 + small_manifest().encode().unwrap().len();
    let mut bytes = good[..records_at].to_vec();
    bytes[8] = 2;
    for section in sections {
        bytes.extend((section.len() as u32).to_be_bytes());
        bytes.extend_from_slice(section);
    }
    bytes.extend_from_slice(&good[records_at..]);
    close(&bytes)
}

#[test]
fn content_keys_stand_before_the_records() {
    let keys = BTreeMap::from([(RecordId([1; 32]), [7; 32]), (RecordId([2; 32]), [8; 32])]);
    let (one, two) = ([[1; 32], [7; 32]].concat(), [[2; 32], [8; 32]].concat());
    let bytes = with_keys(&[&one, &two, &[]]);
    let (mut encoder, mut written) =
        ArchiveEncoder::begin_with_keys(&founded(), &small_manifest(), &keys).unwrap();
    records().iter().for_each(|record| written.extend(encoder.record(record).unwrap()));
    (0..2).for_each(|seq| written.extend(encoder.fork(&proof(seq)).unwrap()));
    written.extend(encoder.finish().unwrap());
    assert_eq!(hex::encode(&written), hex::encode(&bytes));
    for step in [1, 7, usize::MAX] {
        let items = read_by(&bytes, step).unwrap();
        assert_eq!(items[2], Item::Key { id: RecordId([1; 32]), key: [7; 32] });
        assert_eq!(items[3], Item::Key { id: RecordId([2; 32]), key: [8; 32] });
        assert_eq!(items.len(), 9);
    }
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&bad).is_err(), "bit {bit}");
    }

    let order = Err(ArchiveError::Order("content keys"));
    assert_eq!(read(&with_keys(&[&two, &one, &[]])), order);
    assert_eq!(read(&with_keys(&[&one, &one, &[]])), order);
    assert_eq!(read(&with_keys(&[&[]])), Err(ArchiveError::Key(0)), "then it is version 1");
    assert_eq!(read(&with_keys(&[&one[..63], &[]])), Err(ArchiveError::Key(63)));
    let long = ArchiveError::TooLong { what: "content key", length: 65, max: 64 };
    assert_eq!(read(&with_keys(&[&[0; 65], &[]])), Err(long));
    let many: Vec<Vec<u8>> = (0..1025_u32).map(|n| [&n.to_be_bytes()[..], &[0; 60]].concat()).collect();
    let sections =
        |count: usize| many[..count].iter().map(Vec::as_slice).chain([&[][..]]).collect::<Vec<_>>();
    assert!(read(&with_keys(&sections(1024))).is_ok());
    assert_eq!(read(&with_keys(&sections(1025))), Err(ArchiveError::TooMany("content keys")));
    let keys: BTreeMap<_, _> = (0..1025_u32)
        .map(|n| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&n.to_be_bytes());
            (RecordId(id), [0; 32])
        })
        .collect();
    assert!(ArchiveEncoder::begin_with_keys(&founded(), &small_manifest(), &keys).is_err());
}

#[test]
fn an_error_stays() {
    let mut decoder = ArchiveDecoder::new();
    decoder.push(b"PK");
    assert_eq!(decoder.next(), Err(ArchiveError::NotAnArchive));
    decoder.push(&close(&golden().bytes()));
    assert_eq!(decoder.next(), Err(ArchiveError::NotAnArchive));
    assert_eq!(decoder.finish(), Err(ArchiveError::NotAnArchive));
}

#[test]
fn the_encoder_takes_only_what_the_manifest_names() {
    let begin = || ArchiveEncoder::begin(&founded(), &small_manifest()).unwrap().0;
    let records = records();
    let at = |seq| -> Position { log("KE", 1, 0).at(seq) };
    assert_eq!(begin().record(&records[1]), Err(EncodeError::Record(at(1))));
    assert_eq!(begin().finish(), Err(EncodeError::Missing(at(0))));
    assert_eq!(begin().fork(&proof(0)), Err(EncodeError::Missing(at(0))));
    let mut encoder = begin();
    encoder.record(&records[0]).unwrap();
    assert_eq!(encoder.record(&records[0]), Err(EncodeError::Record(at(0))));
    assert_eq!(encoder.expected(), Some(at(1)));
    encoder.record(&records[1]).unwrap();
    assert_eq!(encoder.expected(), None);
    assert_eq!(encoder.record(&records[1]), Err(EncodeError::Record(at(1))));
    encoder.fork(&proof(1)).unwrap();
    assert_eq!(encoder.fork(&proof(1)), Err(EncodeError::Fork));
    assert_eq!(encoder.fork(&proof(0)), Err(EncodeError::Fork));
    let two_of_one = Manifest { logs: vec![small_manifest().logs[0]; 2], ..value() };
    let error = ArchiveEncoder::begin(&founded(), &two_of_one).unwrap_err();
    assert_eq!(error, EncodeError::Manifest(ArchiveError::Order("logs")));
}

proptest! {
    #[test]
    fn manifests_survive_their_bytes(
        logs in proptest::collection::btree_map(("[A-Z]{2,8}", 1u8..4, any::<u32>()), (0..u64::MAX, 0..u64::MAX), 0..8),
        (since, exported_at) in any::<(u64, u64)>(),
    ) {
        let range = |((name, lane, generation), (a, b)): ((String, u8, u32), (u64, u64))| {
            LogRange { log: log(&name, lane, generation), first: a.min(b), last: a.max(b) }
        };
        let mut logs: Vec<LogRange> = logs.into_iter().map(range).collect();
        logs.sort_by_key(|range| range.log);
        let filter = Filter { members: vec![MemberId::parse("FR").unwrap()], since: Time(since) };
        let manifest = Manifest { logs, filter, exported_at: Time(exported_at), ..value() };
        prop_assert_eq!(Manifest::decode(&manifest.encode().unwrap()), Ok(manifest));
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), step in 1usize..50) {
        prop_assert!(read_by(&bytes, step).is_err());
        prop_assert!(read_by(&[b"ECOARCHV\x01\0\0\0\x0cECOCHRT1\x01\x65\0\0", bytes.as_slice()].concat(), step).is_err());
    }

    #[test]
    fn what_decodes_encodes_to_itself(changes in proptest::collection::vec((0usize..80, any::<u8>()), 1..4)) {
        let mut bytes = manifest().bytes();
        for (at, byte) in changes {
            let place = at % bytes.len();
            bytes[place] = byte;
        }
        if let Ok(decoded) = Manifest::decode(&bytes) {
            prop_assert_eq!(decoded.encode(), Ok(bytes));
        }
    }
}
