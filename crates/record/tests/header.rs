//! Golden vectors of the header.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod common;

use common::{CREATED, EXPIRES, FR, Golden, KE, TZ, assert_exact_length, long, rep};
use ecomesh_record::codec::DecodeError;
use ecomesh_record::header::{Header, HeaderError};
use ecomesh_record::{Audience, Extension, Flags, Kind, Lane, MemberId, Priority, RecordId, Retention, Time};
use proptest::prelude::*;

fn golden() -> Golden {
    Golden::new(&[
        ("version", "01"),
        ("suite", "01"),
        ("author", KE),
        ("lane", "01"),
        ("generation", "00"),
        ("seq", "01"),
        ("prev", &rep("22", 32)),
        ("created_at", CREATED),
        ("expires_at", EXPIRES),
        ("roster_epoch", "00"),
        ("priority", "01"),
        ("kind", "fb0001"),
        ("retention", "02"),
        ("flags", "01"),
        ("to", &format!("02{FR}{TZ}")),
        ("audience", "00"),
        ("audience_fields", "00"),
        ("body_commit", "d4439b15b198e86ca7ba0b8b5787d1609e24f8b37813e8fde867ecefc8dc2378"),
        ("body_len", "0d"),
        ("ext", "010702aabb"),
    ])
}

fn value() -> Header {
    Header {
        author: MemberId::parse("KE").unwrap(),
        lane: Lane::MESSAGES,
        generation: 0,
        seq: 1,
        prev: RecordId([0x22; 32]),
        created_at: Time(1_790_000_000_000),
        expires_at: Time(1_790_003_600_000),
        roster_epoch: 0,
        priority: Priority::URGENT,
        kind: Kind::ECOMESSAGE,
        retention: Retention::YEARS_5,
        flags: Flags(Flags::EXERCISE),
        to: vec![MemberId::parse("FR").unwrap(), MemberId::parse("TZ").unwrap()],
        audience: Audience::Open,
        body_commit: hex::decode("d4439b15b198e86ca7ba0b8b5787d1609e24f8b37813e8fde867ecefc8dc2378")
            .unwrap()
            .try_into()
            .unwrap(),
        body_len: 13,
        ext: vec![Extension { kind: 7, bytes: vec![0xaa, 0xbb] }],
    }
}

fn assert_good(bytes: &[u8], value: &Header) {
    assert_eq!(Header::decode(bytes).as_ref(), Ok(value));
    assert_eq!(value.encode().as_deref(), Ok(bytes));
}

#[test]
fn good_headers() {
    assert_good(&golden().bytes(), &value());

    let first = golden().set("seq", "00").set("prev", rep("00", 32)).set("to", "00").set("ext", "00");
    let all = Header { seq: 0, prev: RecordId::ZERO, to: Vec::new(), ext: Vec::new(), ..value() };
    assert_good(&first.bytes(), &all);

    let widest = golden()
        .set("generation", "fcffffffff")
        .set("seq", format!("fd{}", rep("ff", 8)))
        .set("priority", "ff")
        .set("kind", "fbffff")
        .set("retention", "ff")
        .set("flags", "fbffff")
        .set("body_len", "fc00001000");
    let most = Header {
        generation: u32::MAX,
        seq: u64::MAX,
        priority: Priority(255),
        kind: Kind(u16::MAX),
        retention: Retention(255),
        flags: Flags(u16::MAX),
        body_len: 1_048_576,
        ..value()
    };
    assert_good(&widest.bytes(), &most);
}

#[test]
fn good_audiences() {
    let sealed = golden()
        .set("audience", "01")
        .set("audience_fields", format!("40{}{}{}", rep("51", 16), rep("52", 16), rep("53", 32)));
    let prekeys = vec![[0x51; 16], [0x52; 16]];
    let audience = Audience::Sealed { prekeys, key_commitment: [0x53; 32] };
    assert_good(&sealed.bytes(), &Header { audience, ..value() });

    let group = golden()
        .set("audience", "02")
        .set("audience_fields", format!("40{}{}", rep("54", 32), rep("53", 32)));
    let audience = Audience::Group { key_record: RecordId([0x54; 32]), key_commitment: [0x53; 32] };
    assert_good(&group.bytes(), &Header { audience, ..value() });

    let unknown = golden().set("audience", "09").set("audience_fields", "03abcdef");
    let audience = Audience::Unknown { number: 9, fields: vec![0xab, 0xcd, 0xef] };
    assert_good(&unknown.bytes(), &Header { audience, ..value() });
}

#[test]
fn every_other_length_is_refused() {
    assert_exact_length(&golden().bytes(), Header::decode, HeaderError::Bytes);
}

#[test]
fn bad_bytes() {
    let bad = |field: &str, digits: &str| Header::decode(&golden().with(field, digits)).unwrap_err();
    let not_minimal = [
        ("generation", "fb0000"),
        ("generation", "fc05000000"),
        ("seq", "fb0100"),
        ("seq", "fc01000000"),
        ("seq", "fd0100000000000000"),
        ("seq", "fdffffffff00000000"),
        ("roster_epoch", "fb0000"),
        ("kind", "fb0a00"),
        ("flags", "fb0100"),
        ("body_len", "fb0d00"),
        ("audience_fields", "fb0000"),
        ("ext", "01fb070002aabb"),
    ];
    for (field, digits) in not_minimal {
        assert_eq!(bad(field, digits), HeaderError::Bytes(DecodeError::NotCanonical), "{field} {digits}");
    }
    let too_wide = [
        ("generation", "fd0000000001000000"),
        ("generation", "fe"),
        ("seq", "fe"),
        ("seq", "ff"),
        ("kind", "fc00000100"),
        ("flags", "fc01000000"),
        ("body_len", "fd0d00000000000000"),
    ];
    for (field, digits) in too_wide {
        assert_eq!(bad(field, digits), HeaderError::Bytes(DecodeError::Malformed), "{field} {digits}");
    }
    let bomb = format!("fd{}", rep("ff", 8));
    assert_eq!(bad("to", &bomb), HeaderError::Bytes(DecodeError::Truncated));
    assert_eq!(bad("audience_fields", &bomb), HeaderError::Bytes(DecodeError::Malformed));
}

#[test]
fn bad_fields() {
    let cases: Vec<(&str, String, HeaderError)> = vec![
        ("version", "00".into(), HeaderError::UnknownVersion(0)),
        ("version", "02".into(), HeaderError::UnknownVersion(2)),
        ("suite", "00".into(), HeaderError::UnknownSuite(0)),
        ("suite", "02".into(), HeaderError::UnknownSuite(2)),
        ("author", "6b65000000000000".into(), HeaderError::Author),
        ("author", "4b00000000000000".into(), HeaderError::Author),
        ("author", "4b45004b00000000".into(), HeaderError::Author),
        ("author", "4b31000000000000".into(), HeaderError::Author),
        ("author", rep("00", 8), HeaderError::Author),
        ("lane", "04".into(), HeaderError::Lane(4)),
        ("lane", "ff".into(), HeaderError::Lane(255)),
        ("seq", "00".into(), HeaderError::Predecessor),
        ("to", format!("01{}", rep("00", 8)), HeaderError::Addressee),
        ("to", format!("02{FR}747a000000000000"), HeaderError::Addressee),
        ("to", format!("02{TZ}{FR}"), HeaderError::AddresseeOrder),
        ("to", format!("02{TZ}{TZ}"), HeaderError::AddresseeOrder),
        ("to", format!("02{KE}{TZ}"), HeaderError::ToItself),
        ("to", format!("41{}", rep(TZ, 65)), HeaderError::TooManyAddressees(65)),
        ("audience", "01".into(), HeaderError::AudienceFields { number: 1, length: 0 }),
        ("audience", "02".into(), HeaderError::AudienceFields { number: 2, length: 0 }),
        ("audience_fields", "01ab".into(), HeaderError::AudienceFields { number: 0, length: 1 }),
        ("body_len", "fc01001000".into(), HeaderError::ContentTooLong(1_048_577)),
        ("body_len", "fcffffffff".into(), HeaderError::ContentTooLong(u32::MAX)),
        ("ext", "0207000700".into(), HeaderError::ExtensionOrder),
        ("ext", "0207000500".into(), HeaderError::ExtensionOrder),
        ("ext", "09010002000300040005000600070008000900".into(), HeaderError::TooManyExtensions(9)),
        ("ext", format!("0107{}", long("ab", 257)), HeaderError::ExtensionTooLong(257)),
    ];
    for (field, digits, error) in cases {
        assert_eq!(Header::decode(&golden().with(field, digits.as_str())), Err(error), "{field} {digits}");
    }
}

#[test]
fn bad_lengths_of_audiences() {
    // Two addressees: two prekey ids of 16 bytes and a commitment of 32 are 64 bytes, for every other number not.
    for (number, length) in [(1, 48), (1, 63), (1, 65), (1, 80), (2, 32), (2, 63), (2, 65)] {
        let header = golden()
            .set("audience", format!("{number:02x}"))
            .set("audience_fields", format!("{length:02x}{}", rep("55", length)));
        let error = HeaderError::AudienceFields { number, length };
        assert_eq!(Header::decode(&header.bytes()), Err(error));
    }
    let sealed_to_all =
        golden().set("to", "00").set("audience", "01").set("audience_fields", format!("40{}", rep("55", 64)));
    let error = HeaderError::AudienceFields { number: 1, length: 64 };
    assert_eq!(Header::decode(&sealed_to_all.bytes()), Err(error));
    let unknown = |length| golden().set("audience", "03").set("audience_fields", long("55", length));
    assert!(Header::decode(&unknown(1056).bytes()).is_ok());
    let error = HeaderError::AudienceFields { number: 3, length: 1057 };
    assert_eq!(Header::decode(&unknown(1057).bytes()), Err(error));
}

#[test]
fn too_long_is_told_before_anything_else() {
    let mut bytes = golden().bytes();
    bytes.resize(4096, 0);
    assert_eq!(Header::decode(&bytes), Err(HeaderError::Bytes(DecodeError::TrailingBytes(4096 - 127))));
    bytes.push(0);
    let error = DecodeError::TooLong { length: 4097, max: 4096 };
    assert_eq!(Header::decode(&bytes), Err(HeaderError::Bytes(error)));
    let ext = (0..8).map(|kind| Extension { kind, bytes: vec![7; 256] }).collect();
    let fields = vec![7; 1056];
    let to: Vec<MemberId> = (0..64u8)
        .map(|i| MemberId::from_bytes([b'A' + i / 26, b'A' + i % 26, b'X', 0, 0, 0, 0, 0]).unwrap())
        .collect();
    let largest = Header { ext, to, audience: Audience::Unknown { number: 3, fields }, ..value() };
    assert!(largest.encode().unwrap().len() <= 4096, "every header within the other bounds fits");
}

fn any_member() -> impl Strategy<Value = MemberId> {
    "[A-Z]{2,8}".prop_map(|name| MemberId::parse(&name).unwrap())
}

fn any_audience(to: usize) -> impl Strategy<Value = Audience> {
    prop_oneof![
        Just(Audience::Open),
        (proptest::collection::vec(any::<[u8; 16]>(), to), any::<[u8; 32]>())
            .prop_map(|(prekeys, key_commitment)| Audience::Sealed { prekeys, key_commitment }),
        (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(record, key_commitment)| Audience::Group {
            key_record: RecordId(record),
            key_commitment
        }),
        (3u8.., proptest::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(number, fields)| Audience::Unknown { number, fields }),
    ]
}

prop_compose! {
    fn any_header()(
        author in any_member(),
        to in proptest::collection::btree_set(any_member(), 0..5),
    )(
        author in Just(author),
        audience in any_audience(to.iter().filter(|m| **m != author).count()),
        to in Just(to.into_iter().filter(|m| *m != author).collect::<Vec<_>>()),
        (lane, generation, seq, prev) in (0u8..4, any::<u32>(), any::<u64>(), any::<[u8; 32]>()),
        (created, expires, epoch) in (any::<u64>(), any::<u64>(), any::<u32>()),
        (priority, kind, retention, flags) in (any::<u8>(), any::<u16>(), any::<u8>(), any::<u16>()),
        (body_commit, body_len) in (any::<[u8; 32]>(), 0u32..=1_048_576),
        ext in proptest::collection::btree_map(any::<u16>(), proptest::collection::vec(any::<u8>(), 0..257), 0..9),
    ) -> Header {
        Header {
            author,
            lane: Lane::new(lane).unwrap(),
            generation,
            seq,
            prev: if seq == 0 { RecordId::ZERO } else { RecordId(prev) },
            created_at: Time(created),
            expires_at: Time(expires),
            roster_epoch: epoch,
            priority: Priority(priority),
            kind: Kind(kind),
            retention: Retention(retention),
            flags: Flags(flags),
            to,
            audience,
            body_commit,
            body_len,
            ext: ext.into_iter().map(|(kind, bytes)| Extension { kind, bytes }).collect(),
        }
    }
}

proptest! {
    #[test]
    fn every_header_survives_its_bytes(header in any_header()) {
        let bytes = header.encode().unwrap();
        prop_assert_eq!(Header::decode(&bytes), Ok(header));
    }

    #[test]
    fn what_decodes_encodes_to_itself(changes in proptest::collection::vec((0usize..127, any::<u8>()), 1..4)) {
        let mut bytes = golden().bytes();
        changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        if let Ok(header) = Header::decode(&bytes) {
            prop_assert_eq!(header.encode(), Ok(bytes));
        }
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for bytes in [bytes.clone(), [&[1, 1], bytes.as_slice()].concat()] {
            if let Ok(header) = Header::decode(&bytes) {
                prop_assert_eq!(header.encode(), Ok(bytes));
            }
        }
    }
}
