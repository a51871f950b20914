//! Golden vectors of the frontier and the fork proof.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod common;

use common::{CREATED, FR, Golden, KE, TZ, assert_exact_length, rep};
use ecomesh_record::codec::DecodeError;
use ecomesh_record::fork::ForkProofError;
use ecomesh_record::frontier::{FrontierError, frontier_hash};
use ecomesh_record::{
    ForkProof, Frontier, FrontierEntry, HeaderHash, Lane, LogId, MemberId, NetworkId, RecordId, Time,
};
use proptest::prelude::*;

const NETWORK: NetworkId = NetworkId([0x11; 32]);
const HASH: &str = "c972fd6bbc279a4febd01ef35cf8dc34acaf3f8d5685c9f642870cc2f6dbdc3a";
const HOLDINGS: &str = "539de6c68698a9ca1829de383e4815bb57cce8a65aa0682a73a1280ae9573af2";

fn first() -> String {
    format!("{KE}010001{}", rep("66", 32))
}

fn second() -> String {
    format!("{TZ}0302fb2c01{}", rep("77", 32))
}

fn golden() -> Golden {
    Golden::new(&[
        ("version", "01"),
        ("member", KE),
        ("instance", &rep("99", 16)),
        ("counter", "05"),
        ("roster_epoch", "00"),
        ("time", CREATED),
        ("complete", "01"),
        ("entries", &format!("02{}{}", first(), second())),
        ("holes", &format!("02{}{}", rep("88", 32), rep("8a", 32))),
        ("bodiless_lanes", "0103"),
    ])
}

fn log(name: &str, lane: u8, generation: u32) -> LogId {
    LogId { author: MemberId::parse(name).unwrap(), lane: Lane::new(lane).unwrap(), generation }
}

fn value() -> Frontier {
    Frontier {
        member: MemberId::parse("KE").unwrap(),
        instance: [0x99; 16],
        counter: 5,
        roster_epoch: 0,
        time: Time(1_790_000_000_000),
        complete: true,
        entries: vec![
            FrontierEntry { log: log("KE", 1, 0), seq: 1, head: RecordId([0x66; 32]) },
            FrontierEntry { log: log("TZ", 3, 2), seq: 300, head: RecordId([0x77; 32]) },
        ],
        holes: vec![RecordId([0x88; 32]), RecordId([0x8a; 32])],
        bodiless_lanes: vec![Lane::BULK],
    }
}

#[test]
fn good_frontiers() {
    assert_eq!(Frontier::decode(&golden().bytes()), Ok(value()));
    assert_eq!(value().encode(), Ok(golden().bytes()));
    assert_eq!(hex::encode(frontier_hash(NETWORK, &golden().bytes())), HASH);
    assert_eq!(hex::encode(value().holdings(NETWORK)), HOLDINGS);

    let empty =
        golden().set("complete", "00").set("entries", "00").set("holes", "00").set("bodiless_lanes", "00");
    let (entries, holes, bodiless_lanes) = (Vec::new(), Vec::new(), Vec::new());
    let delta = Frontier { complete: false, entries, holes, bodiless_lanes, ..value() };
    assert_eq!(Frontier::decode(&empty.bytes()), Ok(delta.clone()));
    assert_eq!(delta.encode(), Ok(empty.bytes()));
}

#[test]
fn holdings_leave_out_who_says_it_and_when() {
    let said = |frontier: Frontier| hex::encode(frontier.holdings(NETWORK));
    let other = Frontier {
        member: MemberId::parse("TZ").unwrap(),
        instance: [1; 16],
        counter: 9,
        time: Time(1),
        ..value()
    };
    assert_eq!(said(other), HOLDINGS);
    assert_ne!(said(Frontier { roster_epoch: 1, ..value() }), HOLDINGS);
    assert_ne!(said(Frontier { holes: Vec::new(), ..value() }), HOLDINGS);
    assert_ne!(said(Frontier { entries: Vec::new(), ..value() }), HOLDINGS);
    assert_ne!(hex::encode(value().holdings(NetworkId([0x12; 32]))), HOLDINGS);
}

#[test]
fn every_other_length_is_refused() {
    assert_exact_length(&golden().bytes(), Frontier::decode, FrontierError::Bytes);
}

#[test]
fn bad_frontiers() {
    let bytes = FrontierError::Bytes;
    let (low, high) = (rep("88", 32), rep("8a", 32));
    let cases: Vec<(&str, String, FrontierError)> = vec![
        ("version", "00".into(), FrontierError::UnknownVersion(0)),
        ("version", "02".into(), FrontierError::UnknownVersion(2)),
        ("member", rep("00", 8), FrontierError::Field),
        ("member", "4b65000000000000".into(), FrontierError::Field),
        ("counter", "fb0500".into(), bytes(DecodeError::NotCanonical)),
        ("counter", "fe".into(), bytes(DecodeError::Malformed)),
        ("roster_epoch", "fb0000".into(), bytes(DecodeError::NotCanonical)),
        ("roster_epoch", "fd0000000001000000".into(), bytes(DecodeError::Malformed)),
        ("time", "fd0500000000000000".into(), bytes(DecodeError::NotCanonical)),
        ("complete", "02".into(), FrontierError::Field),
        ("entries", format!("01{}", first().replacen("4b45", "4b00", 1)), FrontierError::Field),
        (
            "entries",
            format!("01{}", first().replacen(&format!("{KE}01"), &format!("{KE}04"), 1)),
            FrontierError::Field,
        ),
        ("entries", format!("02{}{}", second(), first()), FrontierError::Order),
        ("entries", format!("02{}{}", first(), first()), FrontierError::Order),
        ("entries", format!("01{KE}01fb000001{}", rep("66", 32)), bytes(DecodeError::NotCanonical)),
        ("entries", format!("fd{}", rep("ff", 8)), bytes(DecodeError::Truncated)),
        ("holes", format!("02{high}{low}"), FrontierError::Order),
        ("holes", format!("02{low}{low}"), FrontierError::Order),
        ("holes", format!("fb0104{}", rep("88", 32 * 1025)), FrontierError::TooManyHoles(1025)),
        ("bodiless_lanes", "0104".into(), FrontierError::Field),
        ("bodiless_lanes", "020303".into(), FrontierError::Order),
        ("bodiless_lanes", "020301".into(), FrontierError::Order),
        ("bodiless_lanes", "050001020303".into(), FrontierError::Field),
    ];
    for (field, digits, error) in cases {
        let result = Frontier::decode(&golden().with(field, digits.as_str()));
        assert_eq!(result, Err(error), "{field} {}", &digits[..digits.len().min(60)]);
    }
}

#[test]
fn frontiers_of_too_many_entries_are_refused() {
    let count = 16_385u16;
    let entry = first();
    let entries = format!("fb{}{}", hex::encode(count.to_le_bytes()), entry.repeat(usize::from(count)));
    assert_eq!(
        Frontier::decode(&golden().with("entries", entries)),
        Err(FrontierError::TooManyEntries(16_385))
    );
    let mib = 1024 * 1024;
    let mut long = golden().bytes();
    long.resize(mib + 1, 0);
    let error = DecodeError::TooLong { length: mib + 1, max: mib };
    assert_eq!(Frontier::decode(&long), Err(FrontierError::Bytes(error)));
}

fn fork() -> Golden {
    Golden::new(&[
        ("author", KE),
        ("lane", "01"),
        ("generation", "02"),
        ("seq", "fb2c01"),
        ("first", &rep("66", 32)),
        ("second", &rep("77", 32)),
        ("first_signature", &rep("55", 64)),
        ("second_signature", &rep("56", 64)),
    ])
}

#[test]
fn a_good_fork_proof() {
    let position = log("KE", 1, 2).at(300);
    let (low, high) = ((HeaderHash([0x66; 32]), [0x55; 64]), (HeaderHash([0x77; 32]), [0x56; 64]));
    let proof = ForkProof::decode(&fork().bytes()).unwrap();
    assert_eq!(proof.position(), position);
    assert_eq!(proof.encode(), fork().bytes());
    assert_eq!(ForkProof::new(position, low, high), Some(proof.clone()));
    assert_eq!(
        ForkProof::new(position, high, low),
        Some(proof.clone()),
        "in one order, whichever came first"
    );
    assert_eq!(ForkProof::new(position, low, (low.0, [0x56; 64])), None, "one header is no fork");
    let ids = proof.branches(NETWORK).map(|(id, _)| id);
    assert_eq!(ids[0], ecomesh_record::record::record_id(NETWORK, position, low.0));
    assert_eq!(ids[1], ecomesh_record::record::record_id(NETWORK, position, high.0));
}

#[test]
fn bad_fork_proofs() {
    assert_exact_length(&fork().bytes(), ForkProof::decode, ForkProofError::Bytes);
    let bytes = ForkProofError::Bytes;
    let cases: Vec<(&str, String, ForkProofError)> = vec![
        ("author", rep("00", 8), ForkProofError::Field),
        ("author", FR.replacen("46", "66", 1), ForkProofError::Field),
        ("lane", "04".into(), ForkProofError::Field),
        ("generation", "fb0200".into(), bytes(DecodeError::NotCanonical)),
        ("generation", "ff".into(), bytes(DecodeError::Malformed)),
        ("seq", "fc2c010000".into(), bytes(DecodeError::NotCanonical)),
        ("seq", "fd2c01000000000000".into(), bytes(DecodeError::NotCanonical)),
        ("seq", "fe".into(), bytes(DecodeError::Malformed)),
        ("first", rep("77", 32), ForkProofError::Order),
        ("first", rep("78", 32), ForkProofError::Order),
        ("second", rep("65", 32), ForkProofError::Order),
    ];
    for (field, digits, error) in cases {
        assert_eq!(ForkProof::decode(&fork().with(field, digits.as_str())), Err(error), "{field} {digits}");
    }
    let error = DecodeError::TooLong { length: 257, max: 256 };
    assert_eq!(ForkProof::decode(&[0; 257]), Err(bytes(error)));
}

prop_compose! {
    fn any_entries()(
        logs in proptest::collection::btree_set(("[A-Z]{2,8}", 0u8..4, any::<u32>()), 0..6),
        seq: u64,
        head: [u8; 32],
    ) -> Vec<FrontierEntry> {
        logs.into_iter()
            .map(|(name, lane, generation)| FrontierEntry { log: log(&name, lane, generation), seq, head: RecordId(head) })
            .collect()
    }
}

proptest! {
    #[test]
    fn every_frontier_survives_its_bytes(
        mut entries in any_entries(),
        holes in proptest::collection::btree_set(any::<[u8; 32]>(), 0..5),
        lanes in proptest::collection::btree_set(0u8..4, 0..5),
        (counter, time, complete, instance) in any::<(u64, u64, bool, [u8; 16])>(),
    ) {
        entries.sort_by_key(|entry| entry.log);
        let frontier = Frontier {
            instance,
            counter,
            time: Time(time),
            complete,
            entries,
            holes: holes.into_iter().map(RecordId).collect(),
            bodiless_lanes: lanes.into_iter().filter_map(Lane::new).collect(),
            ..value()
        };
        let bytes = frontier.encode().unwrap();
        prop_assert_eq!(Frontier::decode(&bytes), Ok(frontier));
    }

    #[test]
    fn what_decodes_encodes_to_itself(changes in proptest::collection::vec((0usize..200, any::<u8>()), 1..4)) {
        let (mut frontier, mut proof) = (golden().bytes(), fork().bytes());
        for (at, byte) in changes {
            let place = at % frontier.len();
            frontier[place] = byte;
            proof[at] = byte;
        }
        if let Ok(decoded) = Frontier::decode(&frontier) {
            prop_assert_eq!(decoded.encode(), Ok(frontier));
        }
        if let Ok(decoded) = ForkProof::decode(&proof) {
            prop_assert_eq!(decoded.encode(), proof);
        }
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let versioned = [&[1], bytes.as_slice()].concat();
        if let Ok(decoded) = Frontier::decode(&versioned) {
            prop_assert_eq!(decoded.encode(), Ok(versioned));
        }
        if let Ok(decoded) = ForkProof::decode(&bytes) {
            prop_assert_eq!(decoded.encode(), bytes);
        }
    }
}
