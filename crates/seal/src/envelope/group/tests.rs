//! Groups: who reads, and above all who does not.

use super::super::open;
use super::super::tests::{NETWORK, header};
use super::*;

const SEED: [u8; 32] = [0x33; 32];
const KEY_RECORD: RecordId = RecordId([0x77; 32]);

fn member(text: &str) -> MemberId {
    MemberId::parse(text).unwrap()
}

fn secret(name: &str) -> PrekeySecret {
    let mut seed = [1; PrekeySecret::BYTES];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    seed[48..48 + name.len()].copy_from_slice(name.as_bytes());
    PrekeySecret::from_seed(&seed)
}

/// A member id for each number below 676, in their order.
fn letters(n: usize) -> String {
    let letter = |n: usize| char::from(b'A' + n as u8);
    format!("X{}{}", letter(n / 26), letter(n % 26))
}

fn named(names: &[&str]) -> Vec<(MemberId, Prekey)> {
    names.iter().map(|name| (member(name), secret(name).public().clone())).collect()
}

/// Kenya's key for FR and TZ.
fn key_record() -> Sealed {
    let header = Header { kind: Kind::GROUP_KEY, ..header(&[]) };
    make(NETWORK, header, &named(&["FR", "TZ"]), &SEED).unwrap()
}

fn key_of(reader: &str, made: &Sealed) -> Result<ContentKey, OpenBodyError> {
    Group::decode(&made.content)?.unwrap(NETWORK, &made.header, member(reader), &secret(reader))
}

fn sealed_under(key: &ContentKey) -> Sealed {
    seal(NETWORK, header(&[]), b"ivory, 120 kg", KEY_RECORD, key, &SEED).unwrap()
}

#[test]
fn the_members_of_the_group_read_what_is_sealed_to_it() {
    let made = key_record();
    assert_eq!(made.content.len(), made.header.body_len as usize);
    assert_eq!(made.header.audience, Audience::Open);
    let sealed = sealed_under(&made.key);
    assert_eq!(sealed.content.len(), sealed.header.body_len as usize);
    for reader in ["FR", "TZ"] {
        let key = key_of(reader, &made).unwrap();
        assert_eq!(key, made.key);
        let content_key = unwrap(NETWORK, &sealed.header, &sealed.content, &key).unwrap();
        assert_eq!(content_key, sealed.key);
        let document = open(NETWORK, &sealed.header, &sealed.content, &content_key).unwrap();
        assert_eq!(document[..], *b"ivory, 120 kg");
    }
    assert_eq!(key_of("UG", &made), Err(OpenBodyError::NotAddressed));
    let group = Group::decode(&made.content).unwrap();
    assert_eq!(group.prekey_for(member("UG")), None);
    assert_eq!(group.prekey_for(member("TZ")), Some(secret("TZ").public().id()));
    let others = group.unwrap(NETWORK, &made.header, member("TZ"), &secret("FR"));
    assert_eq!(others, Err(OpenBodyError::OtherPrekey));
}

/// The bytes that this version writes: who changes them changes the protocol.
#[test]
fn the_bytes_are_as_they_were() {
    use sha2::{Digest, Sha256};
    let made = key_record();
    let sealed = sealed_under(&made.key);
    let hash = |content: &[u8]| hex::encode(Sha256::digest(content));
    assert_eq!(hash(&made.content), "443ba807604881be6b7c716cbf8abff936492f186d58d7d5fae9e7538ab77746");
    assert_eq!(hash(&sealed.content), "a528693d98fb7d9f6b28583eeabec961e4213d5e7aa1547f45c7bf1ed7c35981");
}

/// The formulas of `docs/PROTOCOL.md`, section 28, in other words than the code has.
#[test]
fn the_wrap_is_as_the_protocol_says() {
    let key = key_record().key;
    let sealed = sealed_under(&key);
    let mut info = b"ecomesh/1/seal/group".to_vec();
    info.extend(sealed.header.core_hash(NETWORK));
    info.extend(sealed.header.audience.key_commitment().unwrap());
    let mut wrapping = [0; 32];
    Hkdf::<Sha256>::new(Some(&[0; 32]), key.as_bytes()).expand(&info, &mut wrapping).unwrap();
    let mut wrap = *sealed.key.as_bytes();
    let cipher = ChaCha20Poly1305::new(&Key::from(wrapping));
    let tag = cipher.encrypt_inout_detached(&Nonce::from([0; 12]), &[], wrap.as_mut_slice().into()).unwrap();
    assert_eq!(sealed.content[..32], wrap);
    assert_eq!(sealed.content[32..48], tag[..]);
}

#[test]
fn each_record_has_a_content_key_of_its_own() {
    let key = key_record().key;
    let first = sealed_under(&key);
    let mut later = header(&[]);
    later.created_at.0 += 1;
    let second = seal(NETWORK, later, b"ivory, 120 kg", KEY_RECORD, &key, &SEED).unwrap();
    assert_ne!(first.key, second.key, "the same randomness and another time give another key");
    // The wrap of one does not open the other.
    let mut mixed = second.content.clone();
    mixed[..WRAP_BYTES].copy_from_slice(&first.content[..WRAP_BYTES]);
    assert_eq!(unwrap(NETWORK, &second.header, &mixed, &key), Err(OpenBodyError::Wrap));
    let opened = open(NETWORK, &second.header, &second.content, &first.key);
    assert_eq!(opened.err(), Some(OpenBodyError::Commitment));
}

#[test]
fn neither_record_can_be_signed_under_another_header() {
    let made = key_record();
    let sealed = sealed_under(&made.key);
    type Change = fn(&mut Header);
    let changes: [(&str, Change); 5] = [
        ("author", |h| h.author = member("ZM")),
        ("created at", |h| h.created_at.0 += 1),
        ("expires at", |h| h.expires_at.0 += 1),
        ("kind", |h| h.kind = Kind::MESSAGE),
        ("addressees", |h| h.to = vec![member("TZ")]),
    ];
    for (what, change) in changes {
        let mut header = made.header.clone();
        change(&mut header);
        let group = Group::decode(&made.content).unwrap();
        let unwrapped = group.unwrap(NETWORK, &header, member("TZ"), &secret("TZ"));
        assert_eq!(unwrapped, Err(OpenBodyError::Wrap), "{what}");
        let mut header = sealed.header.clone();
        change(&mut header);
        let unwrapped = unwrap(NETWORK, &header, &sealed.content, &made.key);
        assert_eq!(unwrapped, Err(OpenBodyError::Wrap), "{what}");
    }
    // Another key record in the header.
    let mut header = sealed.header.clone();
    let Audience::Group { key_record, .. } = &mut header.audience else { panic!("no group") };
    key_record.0[0] ^= 1;
    assert_eq!(unwrap(NETWORK, &header, &sealed.content, &made.key), Err(OpenBodyError::Wrap));
    let elsewhere = NetworkId([0x12; 32]);
    assert_eq!(unwrap(elsewhere, &sealed.header, &sealed.content, &made.key), Err(OpenBodyError::Wrap));
}

#[test]
fn every_altered_byte_of_a_key_record_is_noticed() {
    let made = key_record();
    let list = FRONT_BYTES + 2 * MEMBER_BYTES;
    for at in 0..made.content.len() {
        let mut bad = key_record();
        bad.content[at] ^= 1;
        let of_tz = key_of("TZ", &bad);
        let concerns_fr_alone = (FRONT_BYTES..FRONT_BYTES + MEMBER_BYTES).contains(&at)
            || (list..list + super::super::WRAP_BYTES).contains(&at);
        if concerns_fr_alone {
            // The list may be out of order now; else the other reader has lost nothing.
            assert!(matches!(of_tz, Ok(_) | Err(OpenBodyError::KeyRecord)), "byte {at}");
            assert!(key_of("FR", &bad).is_err(), "byte {at}");
        } else {
            assert!(of_tz.is_err(), "byte {at}");
        }
    }
    for length in 0..made.content.len() {
        assert_eq!(Group::decode(&made.content[..length]).err(), Some(OpenBodyError::KeyRecord), "{length}");
    }
    let more = [made.content.as_slice(), &[0]].concat();
    assert_eq!(Group::decode(&more).err(), Some(OpenBodyError::KeyRecord));
}

#[test]
fn every_altered_byte_of_a_wrap_is_noticed_and_no_byte_can_be_left_out() {
    let key = key_record().key;
    let sealed = sealed_under(&key);
    for at in 0..WRAP_BYTES {
        for bit in 0..8 {
            let mut content = sealed.content.clone();
            content[at] ^= 1 << bit;
            let unwrapped = unwrap(NETWORK, &sealed.header, &content, &key);
            assert_eq!(unwrapped, Err(OpenBodyError::Wrap), "byte {at}, bit {bit}");
        }
    }
    for length in 0..=WRAP_BYTES {
        let unwrapped = unwrap(NETWORK, &sealed.header, &sealed.content[..length], &key);
        assert_eq!(unwrapped, Err(OpenBodyError::Short), "{length} bytes");
    }
    // Whoever wraps another content key is found out by the commitment: the wrap is good, and the key is not.
    let core = sealed.header.core_hash(NETWORK);
    let commitment = sealed.header.audience.key_commitment().unwrap();
    let mut wrap = [9; 32];
    let tag = cipher(&key, &core, commitment)
        .encrypt_inout_detached(&Nonce::default(), &[], wrap.as_mut_slice().into())
        .unwrap();
    let forged = [&wrap, tag.as_slice(), &sealed.content[WRAP_BYTES..]].concat();
    assert_eq!(unwrap(NETWORK, &sealed.header, &forged, &key), Err(OpenBodyError::Commitment));
}

#[test]
fn a_group_has_1_to_256_members_in_order_and_not_its_author() {
    let make = |members: &[(MemberId, Prekey)]| {
        make(NETWORK, header(&[]), members, &SEED).map(|made| made.content.len())
    };
    assert_eq!(make(&[]), Err(SealingError::Group(0)));
    let (tz, prekey) = named(&["TZ"]).remove(0);
    let names: Vec<_> = (0..257).map(|n| (member(&letters(n)), prekey.clone())).collect();
    assert_eq!(make(&names), Err(SealingError::Group(257)));
    assert_eq!(make(&names[..256]), Ok(FRONT_BYTES + 256 * (MEMBER_BYTES + super::super::WRAP_BYTES)));
    assert_eq!(make(&[(tz, prekey.clone()), (tz, prekey.clone())]), Err(SealingError::GroupOrder));
    assert_eq!(make(&named(&["TZ", "FR"])), Err(SealingError::GroupOrder));
    assert_eq!(make(&named(&["KE", "TZ"])), Err(SealingError::GroupOrder));
    let long = vec![0; super::super::document_bytes_behind(WRAP_BYTES) + 1];
    let key = key_record().key;
    let sealed = seal(NETWORK, header(&[]), &long, KEY_RECORD, &key, &SEED);
    assert!(matches!(sealed.err(), Some(SealingError::TooLong { .. })));
}

#[test]
fn only_the_authors_own_key_record_counts() {
    let key_record = key_record().header;
    assert_eq!(check_key_record(&header(&[]), &key_record), Ok(()));
    let another = Header { author: member("ZM"), ..key_record.clone() };
    assert_eq!(check_key_record(&header(&[]), &another), Err(OpenBodyError::KeyRecord));
    let no_key = Header { kind: Kind::MESSAGE, ..key_record };
    assert_eq!(check_key_record(&header(&[]), &no_key), Err(OpenBodyError::KeyRecord));
}
