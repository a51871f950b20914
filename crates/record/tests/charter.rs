//! Golden vectors of the charter and the `.charter` file.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod common;

use common::{CREATED, FR, Golden, KE, TZ, assert_exact_length, long, rep};
use ecomesh_record::charter::{CharterError, FounderSignature, Thresholds};
use ecomesh_record::codec::DecodeError;
use ecomesh_record::{Charter, CharterMember, FoundedCharter, MemberId, Time};
use proptest::prelude::*;
use serde_bytes::ByteBuf;

const NETWORK_ID: &str = "e353ca22582d868a65623ea12024b9bc2ef91b5553abd521b6d39a6887e0f78f";

fn kenya() -> Golden {
    Golden::new(&[
        ("member", KE),
        ("role", "00"),
        ("name", "0b4e4342204e6169726f6269"),
        ("signing_key", &rep("a1", 32)),
        ("recovery_keys", &format!("03{}{}{}", rep("a2", 32), rep("a3", 32), rep("a4", 32))),
        ("fallback_prekey", "025c5d"),
        ("transport_key", &rep("a5", 32)),
        ("ext", "010901ee"),
    ])
}

fn tanzania() -> Golden {
    Golden::new(&[
        ("member", TZ),
        ("role", "00"),
        ("name", "114e4342204461722065732053616c61616d"),
        ("signing_key", &rep("b1", 32)),
        ("recovery_keys", "00"),
        ("fallback_prekey", "00"),
        ("transport_key", &rep("b5", 32)),
        ("ext", "00"),
    ])
}

fn members(list: &[Golden]) -> String {
    let all: String = list.iter().map(|m| hex::encode(m.bytes())).collect();
    format!("{:02x}{all}", list.len())
}

fn golden() -> Golden {
    Golden::new(&[
        ("version", "01"),
        ("suite", "01"),
        ("network", "046d657368"),
        ("drafted_at", CREATED),
        ("thresholds", "02030d07"),
        ("retention", "02012802fb2307"),
        ("control_kinds", "0101"),
        ("members", &members(&[kenya(), tanzania()])),
        ("ext", "00"),
    ])
}

fn value() -> Charter {
    let member = |name| MemberId::parse(name).unwrap();
    Charter {
        version: 1,
        suite: 1,
        network: "mesh".into(),
        drafted_at: Time(1_790_000_000_000),
        thresholds: Thresholds::default(),
        retention: vec![(1, 40), (2, 1_827)],
        control_kinds: vec![1],
        members: vec![
            CharterMember {
                member: member("KE"),
                role: 0,
                name: "NCB Nairobi".into(),
                signing_key: [0xa1; 32],
                recovery_keys: vec![[0xa2; 32], [0xa3; 32], [0xa4; 32]],
                fallback_prekey: ByteBuf::from([0x5c, 0x5d]),
                transport_key: [0xa5; 32],
                ext: vec![(9, ByteBuf::from([0xee]))],
            },
            CharterMember {
                member: member("TZ"),
                role: 0,
                name: "NCB Dar es Salaam".into(),
                signing_key: [0xb1; 32],
                recovery_keys: Vec::new(),
                fallback_prekey: ByteBuf::new(),
                transport_key: [0xb5; 32],
                ext: Vec::new(),
            },
        ],
        ext: Vec::new(),
    }
}

#[test]
fn a_good_charter() {
    assert_eq!(Charter::decode(&golden().bytes()), Ok(value()));
    assert_eq!(value().encode(), Ok(golden().bytes()));
    assert_eq!(value().network_id().unwrap().to_string(), NETWORK_ID);
}

#[test]
fn every_other_length_is_refused() {
    assert_exact_length(&golden().bytes(), Charter::decode, CharterError::Bytes);
}

#[test]
fn bad_charters() {
    let name = CharterError::Bound("a name is empty, longer than 128 bytes, or has control characters");
    let too_many = CharterError::Bound("more than 8 extensions, or one of more than 256 bytes");
    let bytes = CharterError::Bytes;
    let ke = MemberId::parse("KE").unwrap();
    let shared = kenya().set("transport_key", rep("a1", 32));
    let cases: Vec<(&str, String, CharterError)> = vec![
        ("version", "00".into(), CharterError::UnknownVersion(0)),
        ("version", "02".into(), CharterError::UnknownVersion(2)),
        ("suite", "02".into(), CharterError::UnknownSuite(2)),
        ("network", "00".into(), name.clone()),
        ("network", "0420202020".into(), name.clone()),
        ("network", "046d650a68".into(), name.clone()),
        ("network", format!("81{}", rep("61", 129)), name.clone()),
        ("network", "04ff657368".into(), bytes(DecodeError::Malformed)),
        ("network", "fb04006d657368".into(), bytes(DecodeError::NotCanonical)),
        ("drafted_at", "fb0500".into(), bytes(DecodeError::NotCanonical)),
        ("drafted_at", "ff".into(), bytes(DecodeError::Malformed)),
        ("retention", "0202fb23070128".into(), CharterError::Order("retention classes")),
        ("retention", "0201280128".into(), CharterError::Order("retention classes")),
        ("retention", "0101fb2800".into(), bytes(DecodeError::NotCanonical)),
        ("control_kinds", "020201".into(), CharterError::Order("control kinds")),
        ("control_kinds", "020101".into(), CharterError::Order("control kinds")),
        ("members", "00".into(), CharterError::MemberCount(0)),
        ("members", members(&[tanzania(), kenya()]), CharterError::Order("members")),
        ("members", members(&[kenya(), kenya()]), CharterError::Order("members")),
        ("members", members(&[shared]), CharterError::SharedKey(ke, ke)),
        ("ext", "0209000900".into(), CharterError::Order("extensions")),
        ("ext", "09010002000300040005000600070008000900".into(), too_many.clone()),
        ("ext", format!("0109{}", long("ab", 257)), too_many),
    ];
    for (field, digits, error) in cases {
        assert_eq!(Charter::decode(&golden().with(field, digits.as_str())), Err(error), "{field} {digits}");
    }
}

#[test]
fn bad_members() {
    let name = CharterError::Bound("a name is empty, longer than 128 bytes, or has control characters");
    let keys = CharterError::Bound("a member has three recovery keys or none");
    let (ke, tz) = (MemberId::parse("KE").unwrap(), MemberId::parse("TZ").unwrap());
    let cases: Vec<(&str, String, CharterError)> = vec![
        ("member", "6b65000000000000".into(), CharterError::Bytes(DecodeError::Malformed)),
        ("member", "4b45004100000000".into(), CharterError::Bytes(DecodeError::Malformed)),
        ("name", "0120".into(), name.clone()),
        ("name", format!("81{}", "61".repeat(129)), name),
        ("recovery_keys", format!("01{}", rep("a2", 32)), keys.clone()),
        ("recovery_keys", format!("02{}{}", rep("a2", 32), rep("a3", 32)), keys),
        (
            "recovery_keys",
            format!("03{}{}{}", rep("a2", 32), rep("a2", 32), rep("a4", 32)),
            CharterError::SharedKey(ke, ke),
        ),
        ("fallback_prekey", long("5c", 2049), CharterError::Bound("a fallback prekey is longer than 2 KiB")),
        ("signing_key", rep("b1", 32), CharterError::SharedKey(ke, tz)),
        ("signing_key", rep("b5", 32), CharterError::SharedKey(ke, tz)),
        ("ext", "0209000800".into(), CharterError::Order("extensions")),
    ];
    for (field, digits, error) in cases {
        let charter = golden().set("members", members(&[kenya().set(field, digits.as_str()), tanzania()]));
        assert_eq!(Charter::decode(&charter.bytes()), Err(error), "{field} {digits}");
    }
}

#[test]
fn a_network_has_at_most_512_members() {
    let many = |count: u16| {
        let member = |i: u16| {
            let letters = [b'A' + (i / 26) as u8, b'A' + (i % 26) as u8, b'X', 0, 0, 0, 0, 0];
            let key = |purpose: u8| {
                let mut key = [purpose; 32];
                key[..2].copy_from_slice(&i.to_be_bytes());
                hex::encode(key)
            };
            let changed = tanzania().set("member", hex::encode(letters)).set("signing_key", key(1));
            hex::encode(changed.with("transport_key", key(2)))
        };
        let all: String = (0..count).map(member).collect();
        golden().with("members", format!("fb{}{all}", hex::encode(count.to_le_bytes())))
    };
    assert!(Charter::decode(&many(512)).is_ok());
    assert_eq!(Charter::decode(&many(513)), Err(CharterError::MemberCount(513)));
}

fn file() -> Golden {
    let charter = golden().bytes();
    let length = u16::try_from(charter.len()).unwrap();
    Golden::new(&[
        ("magic", &hex::encode("ECOCHRT1")),
        ("charter_len", &format!("fb{}", hex::encode(length.to_le_bytes()))),
        ("charter", &hex::encode(charter)),
        ("addresses", &format!("01{KE}0117{}", hex::encode("/ip4/192.0.2.1/tcp/4001"))),
        ("signatures", &format!("02{KE}{}{TZ}{}", rep("c1", 64), rep("c2", 64))),
    ])
}

#[test]
fn a_good_charter_file() {
    let member = |name| MemberId::parse(name).unwrap();
    let founded = FoundedCharter {
        charter: ByteBuf::from(golden().bytes()),
        addresses: vec![(member("KE"), vec!["/ip4/192.0.2.1/tcp/4001".into()])],
        signatures: vec![
            FounderSignature { member: member("KE"), signature: [0xc1; 64] },
            FounderSignature { member: member("TZ"), signature: [0xc2; 64] },
        ],
    };
    assert_eq!(FoundedCharter::decode(&file().bytes()), Ok(founded.clone()));
    assert_eq!(founded.encode(), Ok(file().bytes()));
}

#[test]
fn bad_charter_files() {
    let bytes = file().bytes();
    for length in 0..bytes.len() {
        let wanted = if length < 8 { DecodeError::Malformed } else { DecodeError::Truncated };
        assert_eq!(
            FoundedCharter::decode(&bytes[..length]),
            Err(CharterError::Bytes(wanted)),
            "{length} bytes"
        );
    }
    let trailing = [bytes.as_slice(), &[0]].concat();
    let error = CharterError::Bytes(DecodeError::TrailingBytes(1));
    assert_eq!(FoundedCharter::decode(&trailing), Err(error));
    let bound = CharterError::Bound("more than 8 addresses of a member, or one of more than 128 bytes");
    let nine = format!("01{KE}09{}", rep("0461626364", 9));
    let cases: Vec<(&str, String, CharterError)> = vec![
        ("magic", hex::encode("ECOCHRT2"), CharterError::Bytes(DecodeError::Malformed)),
        ("addresses", nine, bound.clone()),
        ("addresses", format!("01{KE}0181{}", rep("61", 129)), bound),
        ("addresses", format!("02{TZ}00{KE}00"), CharterError::Order("address hints")),
        ("addresses", format!("02{KE}00{KE}00"), CharterError::Order("address hints")),
        ("addresses", format!("01{}00", rep("00", 8)), CharterError::Bytes(DecodeError::Malformed)),
        ("addresses", format!("01{KE}0101ff"), CharterError::Bytes(DecodeError::Malformed)),
        (
            "signatures",
            format!("fb0100{FR}{}", rep("c1", 64)),
            CharterError::Bytes(DecodeError::NotCanonical),
        ),
        (
            "signatures",
            format!("01{}{}", rep("ff", 8), rep("c1", 64)),
            CharterError::Bytes(DecodeError::Malformed),
        ),
    ];
    for (field, digits, error) in cases {
        assert_eq!(
            FoundedCharter::decode(&file().with(field, digits.as_str())),
            Err(error),
            "{field} {digits}"
        );
    }
}

proptest! {
    #[test]
    fn what_decodes_encodes_to_itself(changes in proptest::collection::vec((0usize..290, any::<u8>()), 1..4)) {
        let (mut charter, mut founded) = (golden().bytes(), file().bytes());
        for (at, byte) in changes {
            charter[at] = byte;
            founded[at] = byte;
        }
        if let Ok(decoded) = Charter::decode(&charter) {
            prop_assert_eq!(decoded.encode(), Ok(charter));
        }
        if let Ok(decoded) = FoundedCharter::decode(&founded) {
            prop_assert_eq!(decoded.encode(), Ok(founded));
        }
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (charter, founded) = ([&[1, 1], bytes.as_slice()].concat(), [b"ECOCHRT1", bytes.as_slice()].concat());
        if let Ok(decoded) = Charter::decode(&charter) {
            prop_assert_eq!(decoded.encode(), Ok(charter));
        }
        if let Ok(decoded) = FoundedCharter::decode(&founded) {
            prop_assert_eq!(decoded.encode(), Ok(founded));
        }
    }
}
