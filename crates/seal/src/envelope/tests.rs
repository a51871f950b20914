//! Envelopes: what opens, and above all what does not.

use ecomesh_record::{Body, Extension, Flags, Kind, Lane, Priority, RecordId, Retention, Time};

use super::*;

pub(super) const NETWORK: NetworkId = NetworkId([0x11; 32]);
const SEED: [u8; 32] = [0x22; 32];

fn member(text: &str) -> MemberId {
    MemberId::parse(text).unwrap()
}

/// The prekey of a member: its letters, then zeros, and the epoch.
fn secret(name: &str, epoch: u8) -> PrekeySecret {
    let mut seed = [epoch; PrekeySecret::BYTES];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    seed[48..48 + name.len()].copy_from_slice(name.as_bytes());
    PrekeySecret::from_seed(&seed)
}

/// From KE to these members.
pub(super) fn header(to: &[&str]) -> Header {
    Header {
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
        to: to.iter().map(|name| member(name)).collect(),
        audience: Audience::Open,
        body_commit: [0; 32],
        body_len: 0,
        ext: Vec::new(),
    }
}

fn sealed_to(to: &[&str], document: &[u8]) -> Sealed {
    let prekeys: Vec<Prekey> = to.iter().map(|name| secret(name, 1).public().clone()).collect();
    seal(NETWORK, header(to), document, &prekeys, &SEED).unwrap()
}

fn sealed() -> Sealed {
    sealed_to(&["FR", "TZ"], b"ivory, 120 kg")
}

/// What a reader gets.
fn read(
    network: NetworkId,
    header: &Header,
    content: &[u8],
    reader: &str,
    secret: &PrekeySecret,
) -> Result<Vec<u8>, OpenBodyError> {
    let key = unwrap(network, header, content, member(reader), secret)?;
    open(network, header, content, &key).map(|document| document.to_vec())
}

#[test]
fn each_addressee_reads_it_and_so_does_the_author() {
    let document: Vec<u8> = (0..100_000).map(|n| (n % 249) as u8).collect();
    for length in [0, 1, 27, 28, 29, 2_048, 65_532, 65_533, 100_000] {
        let sealed = sealed_to(&["FR", "TZ", "UNODC"], &document[..length]);
        assert_eq!(sealed.content.len(), sealed.header.body_len as usize);
        for name in ["FR", "TZ", "UNODC"] {
            let read = read(NETWORK, &sealed.header, &sealed.content, name, &secret(name, 1));
            assert_eq!(read.unwrap(), document[..length], "{name}, {length} bytes");
        }
        let kept = ContentKey::from_bytes(sealed.key.as_bytes());
        let own = open(NETWORK, &sealed.header, &sealed.content, &kept).unwrap();
        assert_eq!(own[..], document[..length]);
    }
}

#[test]
fn a_sealed_body_has_its_place_only_afterwards() {
    let Sealed { mut header, content, .. } = sealed();
    let body = Body::new([9; 32], content.clone()).unwrap();
    header.body_commit = body.commitment(NETWORK);
    header.generation = 7;
    header.seq = 4;
    header.prev = RecordId([5; 32]);
    header.lane = Lane::CONTROL;
    header.roster_epoch = 3;
    assert_eq!(read(NETWORK, &header, &content, "TZ", &secret("TZ", 1)).unwrap(), b"ivory, 120 kg");
}

/// Whoever takes a ciphertext and signs it under another header has a record that nobody can open.
#[test]
fn nothing_else_in_the_header_can_be_changed() {
    let good = sealed();
    type Change = fn(&mut Header);
    let changes: [(&str, Change); 13] = [
        ("author", |h| h.author = member("ZM")),
        ("created at", |h| h.created_at.0 += 1),
        ("expires at", |h| h.expires_at.0 += 1),
        ("priority", |h| h.priority = Priority::ROUTINE),
        ("kind", |h| h.kind = Kind::MESSAGE),
        ("retention", |h| h.retention = Retention::YEARS_5),
        ("flags", |h| h.flags = Flags(Flags::EXERCISE)),
        ("another addressee", |h| h.to[0] = member("DE")),
        ("length", |h| h.body_len += 1),
        ("extension", |h| h.ext = vec![Extension { kind: 1, bytes: Vec::new() }]),
        ("another prekey of another", |h| {
            let Audience::Sealed { prekeys, .. } = &mut h.audience else { panic!("not sealed") };
            prekeys[0][0] ^= 1;
        }),
        ("commitment", |h| {
            let Audience::Sealed { key_commitment, .. } = &mut h.audience else { panic!("not sealed") };
            key_commitment[31] ^= 1;
        }),
        ("extensions told apart", |h| {
            h.ext = vec![Extension { kind: 0, bytes: vec![0; 10] }];
        }),
    ];
    for (what, change) in changes {
        let mut header = good.header.clone();
        change(&mut header);
        let unwrapped = unwrap(NETWORK, &header, &good.content, member("TZ"), &secret("TZ", 1));
        assert_eq!(unwrapped, Err(OpenBodyError::Wrap), "{what}");
        let opened = open(NETWORK, &header, &good.content, &good.key).unwrap_err();
        assert_eq!(opened, OpenBodyError::Commitment, "{what}");
    }
    let elsewhere = NetworkId([0x12; 32]);
    let unwrapped = unwrap(elsewhere, &good.header, &good.content, member("TZ"), &secret("TZ", 1));
    assert_eq!(unwrapped, Err(OpenBodyError::Wrap), "another network");
    let opened = open(elsewhere, &good.header, &good.content, &good.key);
    assert_eq!(opened, Err(OpenBodyError::Commitment), "another network");
}

#[test]
fn every_altered_byte_of_a_wrap_is_noticed_and_spoils_no_other_wrap() {
    let good = sealed();
    let (fr, tz) = (secret("FR", 1), secret("TZ", 1));
    for at in 0..2 * WRAP_BYTES {
        // All bits of the Noise message of the second wrap, one bit of each other byte.
        let bits = if at >= WRAP_BYTES + KEM_CIPHERTEXT_BYTES { 0..8 } else { at % 8..at % 8 + 1 };
        for bit in bits {
            let mut content = good.content.clone();
            content[at] ^= 1 << bit;
            let of_fr = unwrap(NETWORK, &good.header, &content, member("FR"), &fr);
            let of_tz = unwrap(NETWORK, &good.header, &content, member("TZ"), &tz);
            let (hit, other) = if at < WRAP_BYTES { (of_fr, of_tz) } else { (of_tz, of_fr) };
            assert_eq!(hit, Err(OpenBodyError::Wrap), "byte {at}, bit {bit}");
            assert_eq!(other.as_ref(), Ok(&good.key), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn every_altered_byte_of_the_stream_is_noticed_and_no_byte_can_be_left_out() {
    let good = sealed();
    for at in 2 * WRAP_BYTES..good.content.len() {
        for bit in 0..8 {
            let mut content = good.content.clone();
            content[at] ^= 1 << bit;
            let opened = open(NETWORK, &good.header, &content, &good.key);
            assert_eq!(opened, Err(OpenBodyError::Stream), "byte {at}, bit {bit}");
        }
    }
    let cut = |length: usize| {
        let content = &good.content[..length];
        let unwrapped = unwrap(NETWORK, &good.header, content, member("TZ"), &secret("TZ", 1));
        (unwrapped.err(), open(NETWORK, &good.header, content, &good.key).err())
    };
    let short = Some(OpenBodyError::Short);
    for length in (0..=2 * WRAP_BYTES).step_by(97).chain([2 * WRAP_BYTES]) {
        assert_eq!(cut(length), (short, short), "{length} bytes");
    }
    for length in 2 * WRAP_BYTES + 1..good.content.len() {
        assert_eq!(cut(length), (None, Some(OpenBodyError::Stream)), "{length} bytes");
    }
}

#[test]
fn a_wrap_is_good_for_one_reader_one_record_and_one_prekey() {
    let good = sealed();
    // Moved to the place of another reader.
    let mut swapped = good.content.clone();
    let (first, rest) = swapped.split_at_mut(WRAP_BYTES);
    first.swap_with_slice(&mut rest[..WRAP_BYTES]);
    for name in ["FR", "TZ"] {
        let unwrapped = unwrap(NETWORK, &good.header, &swapped, member(name), &secret(name, 1));
        assert_eq!(unwrapped, Err(OpenBodyError::Wrap), "{name}");
    }
    // Put into another record of the same author to the same readers, a millisecond later.
    let later = Header { created_at: Time(header(&[]).created_at.0 + 1), ..header(&["FR", "TZ"]) };
    let prekeys = ["FR", "TZ"].map(|name| secret(name, 1).public().clone());
    let other = seal(NETWORK, later, b"ivory, 121 kg", &prekeys, &SEED).unwrap();
    assert_ne!(other.key, good.key, "the same randomness and another time give another key");
    let mut mixed = other.content.clone();
    mixed[..2 * WRAP_BYTES].copy_from_slice(&good.content[..2 * WRAP_BYTES]);
    let unwrapped = unwrap(NETWORK, &other.header, &mixed, member("TZ"), &secret("TZ", 1));
    assert_eq!(unwrapped, Err(OpenBodyError::Wrap));
    // Asked for by others, or with another prekey.
    let unwrap = |reader: &str, secret: &PrekeySecret| {
        unwrap(NETWORK, &good.header, &good.content, member(reader), secret).err()
    };
    assert_eq!(unwrap("TZ", &secret("TZ", 2)), Some(OpenBodyError::OtherPrekey), "of another day");
    assert_eq!(unwrap("TZ", &secret("FR", 1)), Some(OpenBodyError::OtherPrekey));
    assert_eq!(unwrap("ZM", &secret("TZ", 1)), Some(OpenBodyError::NotAddressed));
    assert_eq!(unwrap("KE", &secret("TZ", 1)), Some(OpenBodyError::NotAddressed), "no wrap to oneself");
    assert_eq!(prekey_for(&good.header, member("TZ")), Some(secret("TZ", 1).public().id()));
    assert_eq!(prekey_for(&good.header, member("KE")), None);
    let open_header = header(&["FR", "TZ"]);
    assert_eq!(prekey_for(&open_header, member("TZ")), None);
    let unwrapped = super::unwrap(NETWORK, &open_header, &good.content, member("TZ"), &secret("TZ", 1));
    assert_eq!(unwrapped, Err(OpenBodyError::NotSealed));
    assert_eq!(open(NETWORK, &open_header, &good.content, &good.key), Err(OpenBodyError::NotSealed));
}

/// An author that gives two readers two keys cannot make one record say two things.
#[test]
fn a_wrap_with_another_key_is_refused_by_the_commitment() {
    let good = sealed();
    let Audience::Sealed { key_commitment, .. } = good.header.audience else { panic!("not sealed") };
    let core = good.header.core_hash(NETWORK);
    let binding =
        Binding { network: NETWORK, core, key_commitment, author: member("KE"), reader: member("TZ") };
    let other = ContentKey::from_bytes(&[0x77; 32]);
    let wrap = binding.wrap(secret("TZ", 1).public(), &other, &[0x33; 64]).unwrap();

    // The stream is one that the other key opens, and yet it is not even looked at.
    let mut content = good.content[..WRAP_BYTES].to_vec();
    content.extend_from_slice(&wrap);
    let (stream_key, _) = keys_of(&other, &core);
    stream::encrypt(&stream_key, &[&[0, 0, 0, 14], b"another text.."], 18, &mut content);
    let unwrapped = unwrap(NETWORK, &good.header, &content, member("TZ"), &secret("TZ", 1));
    assert_eq!(unwrapped, Err(OpenBodyError::Commitment));
    assert_eq!(open(NETWORK, &good.header, &content, &other), Err(OpenBodyError::Commitment));
}

#[test]
fn one_broken_half_of_a_prekey_opens_nothing() {
    let good = sealed();
    let (whole, guess) = (secret("TZ", 1), secret("ZM", 1));
    let unwrap = |secret: &PrekeySecret| unwrap(NETWORK, &good.header, &good.content, member("TZ"), secret);
    for kem_broken in [true, false] {
        assert_eq!(unwrap(&whole.half_broken(&whole, kem_broken)), Ok(good.key.clone()));
        assert_eq!(unwrap(&whole.half_broken(&guess, kem_broken)), Err(OpenBodyError::Wrap), "{kem_broken}");
    }
}

#[test]
fn an_agreement_on_zeros_seals_and_opens_nothing() {
    let good = sealed();
    let mut content = good.content.clone();
    // The ephemeral key of the second wrap.
    content[WRAP_BYTES + KEM_CIPHERTEXT_BYTES..][..32].fill(0);
    let unwrapped = unwrap(NETWORK, &good.header, &content, member("TZ"), &secret("TZ", 1));
    assert_eq!(unwrapped, Err(OpenBodyError::Wrap));
}

#[test]
fn padding_is_padme_and_zeros_or_refused() {
    let good = sealed();
    let core = good.header.core_hash(NETWORK);
    let (stream_key, _) = keys_of(&good.key, &core);
    let opened = |plaintext: &[u8]| {
        let mut content = good.content[..2 * WRAP_BYTES].to_vec();
        stream::encrypt(&stream_key, &[plaintext], plaintext.len(), &mut content);
        open(NETWORK, &good.header, &content, &good.key).map(|document| document.len())
    };
    // 4 + 13 bytes are padded to 18.
    let plaintext = b"\0\0\0\x0divory, 120 kg\0".to_vec();
    assert_eq!((plaintext.len(), opened(&plaintext)), (18, Ok(13)));
    let changed = |at: usize, byte: u8| {
        let mut bad = plaintext.clone();
        bad[at] = byte;
        opened(&bad)
    };
    assert_eq!(changed(17, 1), Err(OpenBodyError::Padding), "not a zero");
    assert_eq!(changed(3, 12), Err(OpenBodyError::Padding), "shorter than it is, and its last byte no zero");
    assert_eq!(changed(3, 14), Ok(14), "the document ends in a zero: that is the author's to say");
    assert_eq!(changed(3, 15), Err(OpenBodyError::Padding), "longer than what is there");
    assert_eq!(changed(0, 0xff), Err(OpenBodyError::Padding), "4 GiB");
    for length in [1, 3, 4, 17] {
        assert_eq!(opened(&plaintext[..length]), Err(OpenBodyError::Padding), "{length} bytes");
    }
    let longer = [plaintext.as_slice(), &[0, 0]].concat();
    assert_eq!(opened(&longer), Err(OpenBodyError::Padding), "padded further than Padmé does");
}

#[test]
fn what_cannot_be_sealed_is_told() {
    let prekeys = |count: usize| vec![secret("TZ", 1).public().clone(); count];
    let seal = |header: Header, document: &[u8], prekeys: &[Prekey]| {
        seal(NETWORK, header, document, prekeys, &SEED).map(|sealed| sealed.content.len())
    };
    assert_eq!(seal(header(&[]), b"", &[]), Err(SealingError::Addressees(0)));
    let many: Vec<String> =
        (0..65_u8).map(|n| format!("{}{}", char::from(b'A' + n / 26), char::from(b'A' + n % 26))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(seal(header(&many), b"", &prekeys(65)), Err(SealingError::Addressees(65)));
    let mismatch = SealingError::Prekeys { prekeys: 1, addressees: 2 };
    assert_eq!(seal(header(&["FR", "TZ"]), b"", &prekeys(1)), Err(mismatch));

    for count in [1, 2, 64] {
        let most = document_bytes_max(count);
        assert!(most > 880_000, "{count}: {most}");
        let document = vec![7; most + 1];
        let to = header(&many[..count]);
        let length = seal(to.clone(), &document[..most], &prekeys(count)).unwrap();
        assert!(length <= CONTENT_BYTES_MAX);
        let too_long = SealingError::TooLong { length: most + 1, most };
        assert_eq!(seal(to, &document, &prekeys(count)), Err(too_long));
        let next = padme::padded((LENGTH_BYTES + most + 1) as u64) as usize;
        assert!(
            count * WRAP_BYTES + stream::encrypted_len(next) > CONTENT_BYTES_MAX,
            "{count}: more would fit"
        );
    }
}

/// Header, signature, salt and padding included; the figure is the project's aim.
#[test]
fn two_kilobytes_to_three_countries_cost_less_than_4_7_more() {
    let sealed = sealed_to(&["FR", "TZ", "ZM"], &[7; 2_048]);
    let header = sealed.header.encode().unwrap().len();
    let record = header + 64 + 32 + sealed.content.len();
    assert!(record - 2_048 <= 4_700, "{record}");
}

#[test]
fn debug_shows_no_secret() {
    let sealed = sealed();
    assert_eq!(format!("{:?} {:#?}", sealed.key, sealed.key), "ContentKey(..) ContentKey(..)");
    assert!(format!("{sealed:?}").contains("key: ContentKey(..)"));
}

/// What was once sealed must open for 99 years: these bytes never change. The worked example of `docs/PROTOCOL.md` has
/// others in full, which an independent reader has opened.
#[test]
fn an_envelope_of_fixed_keys_has_these_bytes() {
    let sealed = sealed();
    let Audience::Sealed { prekeys, key_commitment } = &sealed.header.audience else { panic!("not sealed") };
    let long = sealed_to(&["FR"], &[0x33; 70_000]);
    let golden = [
        (
            "content of two chunks",
            hex::encode(Sha256::digest(&long.content)),
            "4f3b808523994ea7f1edbfb2a2946aa45ae4383e6f476f9c00f3753811ce751f",
        ),
        (
            "content",
            hex::encode(Sha256::digest(&sealed.content)),
            "ebb73fd4d15fc514f6e044295a129694de55a84a8cfe0336acd7bd403d30d7f6",
        ),
        (
            "content key",
            hex::encode(sealed.key.as_bytes()),
            "fc63035dcbe8972f2da68244aa2c7e9d18fdda55485e100b023ae7ad08bbecb8",
        ),
        (
            "key commitment",
            hex::encode(key_commitment),
            "20848f8a3b675e441ed37188b65aa10f18769c5f798266ab14e722162becee5f",
        ),
        ("first prekey", hex::encode(prekeys[0]), "d504b9794ddd97ec78a0306bdc3025c3"),
        (
            "core",
            hex::encode(sealed.header.core_hash(NETWORK)),
            "2ece80a524b9a24b2d5b572be8ecb0f4bf4fe2fe26482d84bdedc3e8af5689f6",
        ),
    ];
    for (what, found, expected) in golden {
        assert_eq!(found, expected, "{what}");
    }
}
