//! Public test vectors that lie beside the project, and the answers that the binary itself knows.

mod common;

use ecomesh_seal::{KeyError, PublicKey};

/// In the twelve cases of ed25519-speccheck, the public keys of cases 0, 1, 10 and 11 are of small order or not
/// canonical; no such key may enter a roster. The other cases test signatures, in the crate `seal`.
#[test]
fn weak_and_non_canonical_keys_of_speccheck_are_refused() {
    let Some(path) = common::shared("vectors/ed25519_speccheck_cases.json") else { return };
    let text = std::fs::read_to_string(path).expect("the cases");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(cases.len(), 12);
    for (number, case) in cases.iter().enumerate() {
        let bytes: [u8; 32] =
            hex::decode(case["pub_key"].as_str().expect("a key")).expect("hex").try_into().expect("32 bytes");
        let admitted: Result<PublicKey, KeyError> = PublicKey::admit(bytes);
        assert_eq!(admitted.is_err(), [0, 1, 10, 11].contains(&number), "case {number}: {admitted:?}");
    }
}

#[test]
fn the_binary_passes_its_own_test() {
    common::run(&["selftest"]).expect(0);
}
