//! Known answers, run in the binary that is about to use the algorithms.
//!
//! A wrong compiler flag, a processor extension that is detected wrongly or a damaged binary would give keys and
//! signatures that no other node accepts, or worse. Each primitive is checked twice: it gives the published answer,
//! and it does not give or accept it when one bit of the input differs.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce};
use ecomesh_record::{
    Audience, Flags, Header, Kind, Lane, MemberId, NetworkId, Priority, RecordId, Retention, Time,
};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::envelope;
use crate::key_file::{self, OpenError, Params, Purpose};
use crate::prekey::{self, PrekeySecret};
use crate::public_key::{KeyError, PublicKey};
use crate::signature::Signature;
use crate::signing_key::SigningKey;

/// A primitive gave another answer than its standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "known answer missed: this binary computes wrongly on this machine; make and use no keys with it, install it again \
     or take another machine"
)]
pub struct Mismatch;

/// Runs all known answers, in a few milliseconds. Each with the standard it comes from.
pub fn selftest() -> Vec<(&'static str, Result<(), Mismatch>)> {
    vec![
        ("SHA-256: the digest of \"abc\" (FIPS 180-4)", verdict(sha256_answers())),
        ("SHA-256: one flipped bit gives another digest", verdict(sha256_differs())),
        (
            "Ed25519: key, signature and verification (RFC 8032, section 7.1, test 2)",
            verdict(ed25519_answers()),
        ),
        ("Ed25519: an altered message, signature or key is refused", verdict(ed25519_refuses())),
        ("Ed25519: a weak and a non-canonical key are refused", verdict(ed25519_refuses_bad_keys())),
        (
            "ChaCha20-Poly1305: ciphertext and tag (RFC 8439, section 2.8.2)",
            verdict(chacha20_poly1305_answers()),
        ),
        (
            "ChaCha20-Poly1305: an altered ciphertext, tag or header is refused",
            verdict(chacha20_poly1305_refuses()),
        ),
        ("Argon2id: the tag (RFC 9106, section 5.3)", verdict(argon2id_answers())),
        ("Argon2id: one flipped bit of the password gives another tag", verdict(argon2id_differs())),
        ("key file: opens with its passphrase only", verdict(key_file_round_trip())),
        ("X25519: the shared point (RFC 7748, section 5.2)", verdict(x25519_answers())),
        ("X25519: agreement on zeros is refused (RFC 7748, section 6.1)", verdict(x25519_refuses())),
        ("HKDF-SHA256: the key (RFC 5869, appendix A.1)", verdict(hkdf_answers())),
        ("HKDF-SHA256: one flipped bit gives another key", verdict(hkdf_differs())),
        ("ML-KEM-768: key, ciphertext and secret of fixed seeds (FIPS 203)", verdict(ml_kem_answers())),
        ("ML-KEM-768: an altered ciphertext brings another secret", verdict(ml_kem_differs())),
        (
            "sealed body: opens for its reader only, and not if one bit differs",
            verdict(sealed_body_round_trip()),
        ),
    ]
}

fn verdict(good: bool) -> Result<(), Mismatch> {
    if good { Ok(()) } else { Err(Mismatch) }
}

/// Bytes of a constant in this file.
fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let mut bytes = [0; N];
    hex::decode_to_slice(hex, &mut bytes).expect("the known answers are hexadecimal and of the right length");
    bytes
}

const ABC_SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn sha256_answers() -> bool {
    Sha256::digest(b"abc")[..] == bytes::<32>(ABC_SHA256)
}

fn sha256_differs() -> bool {
    Sha256::digest(b"abb")[..] != bytes::<32>(ABC_SHA256)
}

/// RFC 8032 section 7.1, test 2: the message is the one byte 0x72.
const ED25519_SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const ED25519_KEY: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const ED25519_SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                                 085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

fn ed25519_answers() -> bool {
    let signing = SigningKey::from_seed(&bytes(ED25519_SEED));
    let signature = Signature(bytes(ED25519_SIGNATURE));
    PublicKey::admit(bytes(ED25519_KEY)) == Ok(signing.public())
        && signing.sign(&[0x72]) == signature
        && signing.public().verify(&[0x72], &signature).is_ok()
}

fn ed25519_refuses() -> bool {
    let signing = SigningKey::from_seed(&bytes(ED25519_SEED));
    let good = Signature(bytes(ED25519_SIGNATURE));
    let mut bad_r = good;
    bad_r.0[0] ^= 1;
    let mut bad_s = good;
    bad_s.0[32] ^= 1;
    let other = SigningKey::from_seed(&[1; 32]).public();
    signing.public().verify(&[0x73], &good).is_err()
        && signing.public().verify(&[0x72], &bad_r).is_err()
        && signing.public().verify(&[0x72], &bad_s).is_err()
        && other.verify(&[0x72], &good).is_err()
}

fn ed25519_refuses_bad_keys() -> bool {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    // The neutral point again, with y = p + 1.
    let mut beyond_the_field = [0xff; 32];
    beyond_the_field[0] = 0xee;
    beyond_the_field[31] = 0x7f;
    PublicKey::admit(neutral) == Err(KeyError::Weak)
        && PublicKey::admit(beyond_the_field) == Err(KeyError::NonCanonical)
}

/// RFC 8439 section 2.8.2; the key is the bytes 0x80 to 0x9f.
const CHACHA20_POLY1305_NONCE: &str = "070000004041424344454647";
const CHACHA20_POLY1305_HEADER: &str = "50515253c0c1c2c3c4c5c6c7";
const CHACHA20_POLY1305_PLAINTEXT: &[u8; 114] =
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
const CHACHA20_POLY1305_CIPHERTEXT: &str = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6\
                                            3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36\
                                            92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
                                            3ff4def08e4b7a9de576d26586cec64b6116";
const CHACHA20_POLY1305_TAG: &str = "1ae10b594f09e26a7e902ecbd0600691";

fn chacha20_poly1305() -> (ChaCha20Poly1305, Nonce) {
    let key: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
    (ChaCha20Poly1305::new(&Key::from(key)), Nonce::from(bytes(CHACHA20_POLY1305_NONCE)))
}

fn chacha20_poly1305_answers() -> bool {
    let (cipher, nonce) = chacha20_poly1305();
    let header: [u8; 12] = bytes(CHACHA20_POLY1305_HEADER);
    let mut text = *CHACHA20_POLY1305_PLAINTEXT;
    let Ok(tag) = cipher.encrypt_inout_detached(&nonce, &header, text.as_mut_slice().into()) else {
        return false;
    };
    text == bytes(CHACHA20_POLY1305_CIPHERTEXT)
        && tag[..] == bytes::<16>(CHACHA20_POLY1305_TAG)
        && cipher.decrypt_inout_detached(&nonce, &header, text.as_mut_slice().into(), &tag).is_ok()
        && text == *CHACHA20_POLY1305_PLAINTEXT
}

fn chacha20_poly1305_refuses() -> bool {
    let (cipher, nonce) = chacha20_poly1305();
    let opens = |ciphertext_flip: u8, tag_flip: u8, header_flip: u8| {
        let mut text: [u8; 114] = bytes(CHACHA20_POLY1305_CIPHERTEXT);
        let mut tag: [u8; 16] = bytes(CHACHA20_POLY1305_TAG);
        let mut header: [u8; 12] = bytes(CHACHA20_POLY1305_HEADER);
        text[0] ^= ciphertext_flip;
        tag[0] ^= tag_flip;
        header[0] ^= header_flip;
        cipher.decrypt_inout_detached(&nonce, &header, text.as_mut_slice().into(), &tag.into()).is_ok()
    };
    opens(0, 0, 0) && !opens(1, 0, 0) && !opens(0, 1, 0) && !opens(0, 0, 1)
}

const ARGON2ID_TAG: &str = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";

/// RFC 9106 section 5.3 (32 KiB, 3 passes, 4 lanes), with the given byte as the first one of the password.
fn argon2id(first: u8) -> Option<[u8; 32]> {
    let mut password = [1; 32];
    password[0] = first;
    let data = AssociatedData::new(&[4; 12]).ok()?;
    let params =
        ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).output_len(32).data(data).build().ok()?;
    let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).ok()?;
    let mut tag = [0; 32];
    argon2.hash_password_into(&password, &[2; 16], &mut tag).ok()?;
    Some(tag)
}

fn argon2id_answers() -> bool {
    argon2id(1) == Some(bytes(ARGON2ID_TAG))
}

fn argon2id_differs() -> bool {
    argon2id(0).is_some_and(|tag| tag != bytes(ARGON2ID_TAG))
}

fn key_file_round_trip() -> bool {
    let Ok(params) = Params::new(8, 1, 1) else { return false };
    let Ok(file) = key_file::seal(b"secret", Purpose::RECOVERY, b"right", params, [7; 28]) else {
        return false;
    };
    let opened = key_file::open(&file, Purpose::RECOVERY, b"right");
    opened.is_ok_and(|secret| secret[..] == *b"secret")
        && key_file::open(&file, Purpose::RECOVERY, b"wrong") == Err(OpenError::WrongPassphrase)
}

const X25519_SCALAR: &str = "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4";
const X25519_POINT: &str = "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c";
const X25519_SHARED: &str = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552";

fn x25519_answers() -> bool {
    let mut other: [u8; 32] = bytes(X25519_POINT);
    let shared = |point: &[u8; 32]| prekey::agree(&bytes(X25519_SCALAR), point).map(|shared| *shared);
    let answers = shared(&other) == Some(bytes(X25519_SHARED));
    other[0] ^= 1;
    answers && shared(&other).is_some_and(|shared| shared != bytes(X25519_SHARED))
}

fn x25519_refuses() -> bool {
    let mut one = [0; 32];
    one[0] = 1;
    [[0; 32], one].iter().all(|point| prekey::agree(&bytes(X25519_SCALAR), point).is_none())
}

const HKDF_KEY: &str = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";

fn hkdf(first: u8) -> Option<[u8; 42]> {
    let mut input = [0x0b; 22];
    input[0] = first;
    let salt: [u8; 13] = std::array::from_fn(|i| i as u8);
    let info: [u8; 10] = std::array::from_fn(|i| 0xf0 + i as u8);
    let mut key = [0; 42];
    Hkdf::<Sha256>::new(Some(&salt), &input).expand(&info, &mut key).ok()?;
    Some(key)
}

fn hkdf_answers() -> bool {
    hkdf(0x0b) == Some(bytes(HKDF_KEY))
}

fn hkdf_differs() -> bool {
    hkdf(0x0a).is_some_and(|key| key != bytes(HKDF_KEY))
}

/// Digests of key and ciphertext, and the secret, for d = 32 times 1, z = 32 times 2 and m = 32 times 3: two
/// implementations agree on them (`ml-kem` and kyber-py).
const ML_KEM_KEY: &str = "e68d60857f9cb41f88c278ca430e472c6df5679fd5bac3ce872334293c5d0c42";
const ML_KEM_CIPHERTEXT: &str = "f95592579f6d3833372731a4bcf972bf570063f3a00550cee142b9fc1e4e511d";
const ML_KEM_SECRET: &str = "f39b95557ee52af1954cd59f19febcb39f127e4abefc6f90546e7b8139ce94ba";

fn ml_kem_pair() -> PrekeySecret {
    let mut seed = [0; PrekeySecret::BYTES];
    seed[..32].fill(9);
    seed[32..64].fill(1);
    seed[64..].fill(2);
    PrekeySecret::from_seed(&seed)
}

fn ml_kem_answers() -> bool {
    let pair = ml_kem_pair();
    let (ciphertext, secret) = pair.public().encapsulate(&[3; 32]);
    *pair.public().kem_hash() == bytes(ML_KEM_KEY)
        && Sha256::digest(ciphertext)[..] == bytes::<32>(ML_KEM_CIPHERTEXT)
        && *secret == bytes(ML_KEM_SECRET)
        && pair.decapsulate(&ciphertext) == secret
}

fn ml_kem_differs() -> bool {
    let pair = ml_kem_pair();
    let (mut ciphertext, secret) = pair.public().encapsulate(&[3; 32]);
    ciphertext[0] ^= 1;
    pair.decapsulate(&ciphertext) != secret
}

fn sealed_body_round_trip() -> bool {
    let members = MemberId::parse("KE").and_then(|author| Ok((author, MemberId::parse("TZ")?)));
    let Ok((author, reader)) = members else { return false };
    let (network, pair) = (NetworkId([7; 32]), ml_kem_pair());
    let header = Header {
        author,
        lane: Lane::MESSAGES,
        generation: 0,
        seq: 0,
        prev: RecordId::ZERO,
        created_at: Time(1),
        expires_at: Time(2),
        roster_epoch: 0,
        priority: Priority::ROUTINE,
        kind: Kind::MESSAGE,
        retention: Retention::YEARS_5,
        flags: Flags::default(),
        to: vec![reader],
        audience: Audience::Open,
        body_commit: [0; 32],
        body_len: 0,
        ext: Vec::new(),
    };
    let prekeys = [pair.public().clone()];
    let Ok(sealed) = envelope::seal(network, header, b"words", &prekeys, &[5; 32]) else { return false };
    let read = |content: &[u8], secret: &PrekeySecret| {
        let key = envelope::unwrap(network, &sealed.header, content, reader, secret).ok()?;
        envelope::open(network, &sealed.header, content, &key).ok()
    };
    let flipped = |at: usize| {
        let mut content = sealed.content.clone();
        content[at] ^= 1;
        content
    };
    let other = PrekeySecret::from_seed(&[8; PrekeySecret::BYTES]);
    read(&sealed.content, &pair).is_some_and(|document| document[..] == *b"words")
        && read(&sealed.content, &other).is_none()
        && [0, envelope::WRAP_BYTES - 1, sealed.content.len() - 1]
            .iter()
            .all(|at| read(&flipped(*at), &pair).is_none())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_passes_and_has_its_own_name() {
        let results = selftest();
        for (name, result) in &results {
            assert_eq!(*result, Ok(()), "{name}");
        }
        let names: BTreeSet<_> = results.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), results.len());
        for primitive in
            ["SHA-256", "Ed25519", "ChaCha20-Poly1305", "Argon2id", "X25519", "HKDF-SHA256", "ML-KEM-768"]
        {
            assert!(names.iter().filter(|name| name.starts_with(primitive)).count() >= 2, "{primitive}");
        }
    }

    #[test]
    fn a_missed_answer_is_a_mismatch() {
        assert_eq!(verdict(false), Err(Mismatch));
        assert!(Mismatch.to_string().contains("use no keys"));
    }
}
