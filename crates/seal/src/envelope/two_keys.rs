//! One ciphertext that decrypts under two keys, to two documents: what an author makes who wants two addressees to read
//! different things in one record (Len, Grubbs, Ristenpart, *Partitioning Oracle Attacks*, 2021, section 3;
//! Dodis and others, *Fast Message Franking*, 2018, for a messenger that fell to it).
//!
//! ChaCha20-Poly1305 allows it: under a known key its tag is a polynomial over the field of 2^130 - 5, so two free blocks
//! of ciphertext can be solved for one tag under two keys. What refuses it is the commitment in the signed header.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use num_bigint::BigUint;

use super::tests::{NETWORK, header};
use super::*;

/// Blocks of the ciphertext; the last two are solved for.
const BLOCKS: usize = 8;

/// The two halves of the one-time key of Poly1305: RFC 8439, section 2.6, with the nonce of a stream of one chunk.
fn poly1305_key(key: &[u8; 32]) -> (BigUint, BigUint) {
    let mut nonce = [0; 12];
    nonce[11] = 1;
    let mut block = [0; 64];
    ChaCha20::new(&(*key).into(), &nonce.into()).apply_keystream(&mut block);
    for at in [3, 7, 11, 15] {
        block[at] &= 15;
    }
    for at in [4, 8, 12] {
        block[at] &= 252;
    }
    (BigUint::from_bytes_le(&block[..16]), BigUint::from_bytes_le(&block[16..32]))
}

fn prime() -> BigUint {
    (BigUint::from(1_u8) << 130) - 5_u8
}

/// A block as the polynomial takes it: with a one behind its 16 bytes.
fn coefficient(block: &[u8]) -> BigUint {
    BigUint::from_bytes_le(block) + (BigUint::from(1_u8) << 128)
}

/// The 16 bytes of such a coefficient, if it is one.
fn block(coefficient: &BigUint) -> Option<[u8; 16]> {
    let one = BigUint::from(1_u8) << 128;
    let rest = (*coefficient >= one).then(|| coefficient - &one).filter(|rest| *rest < one)?;
    let mut block = [0; 16];
    let bytes = rest.to_bytes_le();
    block[..bytes.len()].copy_from_slice(&bytes);
    Some(block)
}

/// A stream of one chunk that decrypts under both keys.
fn stream_under(keys: [&[u8; 32]; 2]) -> Vec<u8> {
    let p = prime();
    let halves = keys.map(poly1305_key);
    let fixed = [0x5a; (BLOCKS - 2) * 16];
    let mut lengths = [0; 16];
    lengths[8..].copy_from_slice(&((BLOCKS * 16) as u64).to_le_bytes());
    for number in 0_u64.. {
        let tag: BigUint = BigUint::from(number) << 64;
        // Sum over the coefficients c of c r^i = tag - s: what the two free ones must add up to, x r^3 + y r^2.
        let wanted = halves.each_ref().map(|(r, s)| {
            let power = |n: usize| r.modpow(&BigUint::from(n), &p);
            let blocks = fixed.chunks_exact(16).enumerate();
            let known: BigUint = blocks.map(|(i, block)| coefficient(block) * power(BLOCKS + 1 - i)).sum();
            let known = (known + coefficient(&lengths) * power(1)) % &p;
            let modulus = BigUint::from(1_u8) << 128;
            ((&tag + &modulus - s) % modulus + &p - known) % &p
        });
        let [(r1, _), (r2, _)] = &halves;
        let power = |r: &BigUint, n: u8| r.modpow(&BigUint::from(n), &p);
        let [w1, w2] = &wanted;
        // Two linear equations over the field.
        let determinant = (power(r1, 3) * power(r2, 2) + &p * &p - power(r2, 3) * power(r1, 2)) % &p;
        let inverse = determinant.modpow(&(&p - 2_u8), &p);
        let x = (w1 * power(r2, 2) + &p * &p - w2 * power(r1, 2)) % &p * &inverse % &p;
        let y = (power(r1, 3) * w2 + &p * &p - power(r2, 3) * w1) % &p * &inverse % &p;
        // Each is a block in one of four cases.
        if let (Some(x), Some(y)) = (block(&x), block(&y)) {
            let mut tag_bytes = tag.to_bytes_le();
            tag_bytes.resize(16, 0);
            return [fixed.as_slice(), &x, &y, &tag_bytes].concat();
        }
    }
    unreachable!("one of sixteen tags has a solution")
}

#[test]
fn one_ciphertext_for_two_keys_is_refused_by_the_commitment() {
    let secrets = [1, 2].map(|seed| PrekeySecret::from_seed(&[seed; PrekeySecret::BYTES]));
    let mut header = header(&["FR", "TZ"]);
    header.body_len = (2 * WRAP_BYTES + BLOCKS * 16 + 16) as u32;
    let ids = secrets.iter().map(|secret| secret.public().id().0).collect();
    header.audience = Audience::Sealed { prekeys: ids, key_commitment: [0; 32] };
    let core = header.core_hash(NETWORK);
    let keys = [3, 4].map(|byte| ContentKey::from_bytes(&[byte; 32]));
    let [(first, commitment), (second, _)] = keys.each_ref().map(|key| keys_of(key, &core));
    if let Audience::Sealed { key_commitment, .. } = &mut header.audience {
        *key_commitment = commitment;
    }
    let stream = stream_under([&first, &second]);
    // The attack is real: the cipher takes it under both keys, and reads two things.
    let texts = [&first, &second].map(|key| stream::decrypt(key, &stream).expect("it decrypts").to_vec());
    assert_ne!(texts[0], texts[1]);

    // The wraps are as good as any: each brings its reader the key that the author chose for it.
    let mut content = Vec::new();
    for ((member, secret), key) in header.to.iter().zip(&secrets).zip(&keys) {
        let binding = Binding {
            network: NETWORK,
            core,
            key_commitment: commitment,
            author: header.author,
            reader: *member,
        };
        content.extend(binding.wrap(secret.public(), key, &[9; 64]).unwrap());
    }
    content.extend(stream);
    let opened = |place: usize| {
        unwrap(NETWORK, &header, &content, header.to[place], &secrets[place]).map(|key| key == keys[place])
    };
    assert_eq!(opened(0), Ok(true));
    assert_eq!(opened(1), Err(OpenBodyError::Commitment));
    assert_eq!(open(NETWORK, &header, &content, &keys[1]).map(drop), Err(OpenBodyError::Commitment));
}
