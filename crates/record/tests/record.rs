//! Golden vectors of the body, the record frame, the commitment and the record id.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod common;

use common::{CREATED, EXPIRES, FR, Golden, KE, TZ, assert_exact_length, rep};
use ecomesh_record::body::{Body, BodyError};
use ecomesh_record::codec::{self, DecodeError};
use ecomesh_record::header::HeaderError;
use ecomesh_record::record::{FRAME_BYTES_MAX, RecordError};
use ecomesh_record::{NetworkId, Record, RecordFrame};
use proptest::prelude::*;

const NETWORK: NetworkId = NetworkId([0x11; 32]);
/// `ivory, 120 kg`.
const CONTENT: &str = "69766f72792c20313230206b67";
const COMMITMENT: &str = "d4439b15b198e86ca7ba0b8b5787d1609e24f8b37813e8fde867ecefc8dc2378";
const HEADER_HASH: &str = "7d49a94dd6dd1b5f6e26716fdeab57b6c3dda09250852716f27815bf34afc3e1";
const RECORD_ID: &str = "767be76bd73604896c43809c873069b6f54117b3e2460f9ea46f4bd5fa4889ba";

/// The golden header of `header.rs`, in one piece.
fn header() -> String {
    let (front, prev) = (format!("0101{KE}010001"), rep("22", 32));
    format!("{front}{prev}{CREATED}{EXPIRES}0001fb0001020102{FR}{TZ}0000{COMMITMENT}0d010702aabb")
}

fn golden() -> Golden {
    Golden::new(&[
        ("header_len", "7f"),
        ("header", &header()),
        ("signature", &rep("55", 64)),
        ("body_len", "2d"),
        ("salt", &rep("44", 32)),
        ("content", CONTENT),
    ])
}

fn decode(bytes: &[u8]) -> Result<RecordFrame, DecodeError> {
    codec::decode(bytes, FRAME_BYTES_MAX)
}

fn read(golden: &Golden) -> Result<Record, RecordError> {
    Record::from_frame(NETWORK, decode(&golden.bytes()).unwrap())
}

#[test]
fn a_good_body() {
    let bytes = hex::decode(rep("44", 32) + CONTENT).unwrap();
    let body = Body::decode(&bytes).unwrap();
    assert_eq!(body, Body::new([0x44; 32], b"ivory, 120 kg".to_vec()).unwrap());
    assert_eq!((body.encode(), body.encoded_len()), (bytes, 45));
    assert_eq!(hex::encode(body.commitment(NETWORK)), COMMITMENT);
    let empty = Body::decode(&[0x44; 32]).unwrap();
    assert_eq!((empty.content(), empty.encode()), ([].as_slice(), vec![0x44; 32]));
}

#[test]
fn bad_bodies() {
    for length in 0..32 {
        assert_eq!(Body::decode(&vec![0x44; length]), Err(BodyError::Truncated(length)));
    }
    let mib = 1024 * 1024;
    assert!(Body::decode(&vec![0x44; 32 + mib]).is_ok());
    assert_eq!(Body::decode(&vec![0x44; 33 + mib]), Err(BodyError::TooLong(mib + 1)));
    assert_eq!(Body::new([0x44; 32], vec![0; mib + 1]), Err(BodyError::TooLong(mib + 1)));
}

/// Bodies hold personal data, and whatever holds one may be printed into a log.
#[test]
fn a_body_that_is_printed_shows_its_length_only() {
    let body = Body::new([0x44; 32], b"ivory, 120 kg".to_vec()).unwrap();
    assert_eq!(format!("{body:?}"), "Body(13 bytes)");
}

#[test]
fn a_commitment_depends_on_all_its_inputs() {
    let body = Body::new([0x44; 32], b"ivory, 120 kg".to_vec()).unwrap();
    let others = [
        Body::new([0x45; 32], b"ivory, 120 kg".to_vec()).unwrap().commitment(NETWORK),
        Body::new([0x44; 32], b"ivory, 120 kh".to_vec()).unwrap().commitment(NETWORK),
        body.commitment(NetworkId([0x12; 32])),
    ];
    assert!(others.iter().all(|other| *other != body.commitment(NETWORK)));
}

#[test]
fn a_good_record() {
    let record = read(&golden()).unwrap();
    assert_eq!(record.hash().to_string(), HEADER_HASH);
    assert_eq!(record.id().to_string(), RECORD_ID);
    assert_eq!(record.position().to_string(), "KE/1/0/1");
    assert_eq!(record.body().map(Body::content), Some(b"ivory, 120 kg".as_slice()));
    assert_eq!(codec::encode(&record.to_frame(), FRAME_BYTES_MAX), Ok(golden().bytes()));
    assert!(record.frame_len() >= golden().bytes().len());

    let bare = golden().set("body_len", "00").set("salt", "").set("content", "");
    let record = read(&bare).unwrap();
    assert_eq!((record.id().to_string().as_str(), record.body()), (RECORD_ID, None));
    assert_eq!(codec::encode(&record.to_frame(), FRAME_BYTES_MAX), Ok(bare.bytes()));
}

#[test]
fn the_network_is_in_the_id_and_not_in_the_header_hash() {
    let bare = golden().set("body_len", "00").set("salt", "").set("content", "");
    let frame = decode(&bare.bytes()).unwrap();
    let elsewhere = Record::from_frame(NetworkId([0x12; 32]), frame).unwrap();
    assert_eq!(elsewhere.hash().to_string(), HEADER_HASH);
    assert_ne!(elsewhere.id().to_string(), RECORD_ID);
}

#[test]
fn every_other_length_is_refused() {
    assert_exact_length(&golden().bytes(), decode, |error| error);
}

#[test]
fn bad_frames() {
    let not_minimal = [("header_len", "fb7f00"), ("header_len", "fc7f000000"), ("body_len", "fb2d00")];
    for (field, digits) in not_minimal {
        let result = decode(&golden().with(field, digits));
        assert_eq!(result, Err(DecodeError::NotCanonical), "{field} {digits}");
    }
    let bomb = format!("fd{}", rep("ff", 8));
    for (field, digits) in
        [("header_len", "fe"), ("header_len", "ff"), ("body_len", "ff"), ("body_len", &bomb)]
    {
        assert_eq!(decode(&golden().with(field, digits)), Err(DecodeError::Malformed), "{field} {digits}");
    }
    let shorter = decode(&golden().with("body_len", "2c"));
    assert_eq!(shorter, Err(DecodeError::TrailingBytes(1)));
    let longer = decode(&golden().with("body_len", "2e"));
    assert_eq!(longer, Err(DecodeError::Truncated));
    let length = FRAME_BYTES_MAX + 1;
    assert_eq!(decode(&vec![0; length]), Err(DecodeError::TooLong { length, max: FRAME_BYTES_MAX }));
}

#[test]
fn bad_records() {
    let truncated = RecordError::Header(HeaderError::Bytes(DecodeError::Truncated));
    assert_eq!(read(&golden().set("header_len", "00").set("header", "")), Err(truncated));
    let trailing = RecordError::Header(HeaderError::Bytes(DecodeError::TrailingBytes(1)));
    assert_eq!(read(&golden().set("header_len", "80").set("header", header() + "00")), Err(trailing));
    let lane = header().replacen(&format!("{KE}01"), &format!("{KE}04"), 1);
    assert_eq!(read(&golden().set("header", lane)), Err(RecordError::Header(HeaderError::Lane(4))));
    let version = header().replacen("0101", "0201", 1);
    assert_eq!(
        read(&golden().set("header", version)),
        Err(RecordError::Header(HeaderError::UnknownVersion(2)))
    );

    let short = golden().set("body_len", "1f").set("salt", rep("44", 31)).set("content", "");
    assert_eq!(read(&short), Err(RecordError::Body(BodyError::Truncated(31))));
    assert_eq!(read(&golden().set("salt", rep("45", 32))), Err(RecordError::Commitment));
    let other = CONTENT.replacen("69", "6a", 1);
    assert_eq!(read(&golden().set("content", other)), Err(RecordError::Commitment));
    let longer = golden().set("body_len", "2e").set("content", CONTENT.to_owned() + "00");
    assert_eq!(read(&longer), Err(RecordError::Commitment));
    // The right commitment with a wrong length: both stand in the header, both are checked.
    let length = header().replacen("0d010702aabb", "0e010702aabb", 1);
    assert_eq!(read(&golden().set("header", length)), Err(RecordError::Commitment));
}

#[test]
fn a_body_is_attached_only_to_its_record() {
    let frame = decode(&golden().set("body_len", "00").set("salt", "").with("content", "")).unwrap();
    let mut record = Record::from_frame(NETWORK, frame).unwrap();
    let other = Body::new([0x44; 32], b"ivory, 121 kg".to_vec()).unwrap();
    assert_eq!(record.attach(NETWORK, other), Err(RecordError::Commitment));
    assert_eq!(record.body(), None);
    let right = Body::new([0x44; 32], b"ivory, 120 kg".to_vec()).unwrap();
    assert_eq!(record.attach(NETWORK, right), Ok(()));
    assert_eq!(codec::encode(&record.to_frame(), FRAME_BYTES_MAX), Ok(golden().bytes()));
}

proptest! {
    #[test]
    fn every_body_survives_its_bytes(salt: [u8; 32], content in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let body = Body::new(salt, content).unwrap();
        prop_assert_eq!(Body::decode(&body.encode()), Ok(body));
    }

    #[test]
    fn what_decodes_encodes_to_itself(changes in proptest::collection::vec((0usize..238, any::<u8>()), 1..4)) {
        let mut bytes = golden().bytes();
        prop_assert_eq!(bytes.len(), 238);
        changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        if let Ok(frame) = decode(&bytes) {
            prop_assert_eq!(codec::encode(&frame, FRAME_BYTES_MAX), Ok(bytes.clone()));
            if let Ok(record) = Record::from_frame(NETWORK, frame) {
                prop_assert_eq!(codec::encode(&record.to_frame(), FRAME_BYTES_MAX), Ok(bytes));
            }
        }
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(frame) = decode(&bytes) {
            prop_assert_eq!(codec::encode(&frame, FRAME_BYTES_MAX), Ok(bytes));
            drop(Record::from_frame(NETWORK, frame));
        }
    }
}
