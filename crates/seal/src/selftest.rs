//! Known answers, run in the binary that is about to use the algorithms.
//!
//! A wrong compiler flag, a processor extension that is detected wrongly or a damaged binary would give keys and
//! signatures that no other node accepts, or worse. Each primitive is checked twice: it gives the published answer,
//! and it does not give or accept it when one bit of the input differs.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::key_file::{self, OpenError, Params, Purpose};
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
        for primitive in ["SHA-256", "Ed25519", "ChaCha20-Poly1305", "Argon2id"] {
            assert!(names.iter().filter(|name| name.starts_with(primitive)).count() >= 2, "{primitive}");
        }
    }

    #[test]
    fn a_missed_answer_is_a_mismatch() {
        assert_eq!(verdict(false), Err(Mismatch));
        assert!(Mismatch.to_string().contains("use no keys"));
    }
}
