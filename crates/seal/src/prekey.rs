//! Prekeys: the short-lived keys to which bodies are sealed.
//!
//! A prekey is a pair of keys, X25519 and ML-KEM-768; who wants to open what was sealed to it must break both. Its id
//! is the first 16 bytes of `SHA-256(tag ‖ X25519 key ‖ ML-KEM key)`, so that a header names it in few bytes and no
//! two keys have one id that anybody could find.

use std::fmt;

use ecomesh_record::tags;
use ml_kem::kem::{Decapsulate, KeyExport, TryKeyInit};
use ml_kem::{DecapsulationKey, EncapsulationKey, MlKem768};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use x25519_dalek::StaticSecret;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// Length of an X25519 key in bytes.
pub(crate) const X25519_BYTES: usize = 32;
/// Length of an ML-KEM-768 encapsulation key in bytes (FIPS 203, table 3).
pub(crate) const KEM_KEY_BYTES: usize = 1184;
/// Length of an ML-KEM-768 ciphertext in bytes.
pub(crate) const KEM_CIPHERTEXT_BYTES: usize = 1088;
/// Of the encapsulation key, the part before the seed of the matrix.
const KEM_VECTOR_BYTES: usize = 1152;

/// Names a prekey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrekeyId(pub [u8; 16]);

impl PrekeyId {
    /// The id of a prekey, by its bytes; nothing if they have another length. They need not be a good key.
    pub fn of_bytes(prekey: &[u8]) -> Option<Self> {
        (prekey.len() == Prekey::BYTES).then(|| Self::of(&[prekey]))
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new().chain_update(tags::PREKEY);
        parts.iter().for_each(|part| hash.update(part));
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        Self(id)
    }
}

/// The public half.
#[derive(Clone, PartialEq, Eq)]
pub struct Prekey {
    id: PrekeyId,
    x25519: [u8; X25519_BYTES],
    kem: EncapsulationKey<MlKem768>,
    kem_hash: [u8; 32],
}

/// Why bytes are no prekey. Their owner must publish another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PrekeyError {
    /// Of another length.
    #[error("a prekey is {expected} bytes, not {0}", expected = Prekey::BYTES)]
    Length(usize),
    /// A point of small order: everybody knows what it agrees on.
    #[error("the X25519 half of the prekey is a point of small order")]
    SmallOrder,
    /// Not an encoding of an ML-KEM-768 key, or the key of zeros, with which everybody can open.
    #[error("the ML-KEM half of the prekey is no key")]
    Kem,
}

impl Prekey {
    /// Length of [`Prekey::to_bytes`].
    pub const BYTES: usize = X25519_BYTES + KEM_KEY_BYTES;

    /// Reads a prekey of another member, and refuses one that protects nothing.
    ///
    /// # Errors
    /// [`PrekeyError`].
    pub fn admit(bytes: &[u8]) -> Result<Self, PrekeyError> {
        let wrong = PrekeyError::Length(bytes.len());
        let (x25519, kem) = bytes.split_first_chunk::<X25519_BYTES>().ok_or(wrong)?;
        if kem.len() != KEM_KEY_BYTES {
            return Err(wrong);
        }
        // Any secret will do: multiples of the cofactor send every point of small order to zero.
        if agree(&[1; 32], x25519).is_none() {
            return Err(PrekeyError::SmallOrder);
        }
        if kem[..KEM_VECTOR_BYTES].iter().all(|byte| *byte == 0) {
            return Err(PrekeyError::Kem);
        }
        let key = EncapsulationKey::new_from_slice(kem).map_err(|_| PrekeyError::Kem)?;
        Ok(Self::of(*x25519, key))
    }

    fn of(x25519: [u8; X25519_BYTES], kem: EncapsulationKey<MlKem768>) -> Self {
        let bytes = kem.to_bytes();
        Self { id: PrekeyId::of(&[&x25519, &bytes]), x25519, kem_hash: Sha256::digest(bytes).into(), kem }
    }

    /// The X25519 key, then the ML-KEM key.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.x25519.as_slice(), &self.kem.to_bytes()].concat()
    }

    /// Its name.
    pub fn id(&self) -> PrekeyId {
        self.id
    }

    /// The X25519 key.
    pub(crate) fn x25519(&self) -> &[u8; X25519_BYTES] {
        &self.x25519
    }

    /// SHA-256 of the ML-KEM key.
    pub(crate) fn kem_hash(&self) -> &[u8; 32] {
        &self.kem_hash
    }

    /// A secret for the owner, and the ciphertext that brings it (FIPS 203, algorithm 17). `randomness` must be uniform,
    /// secret and used once.
    pub(crate) fn encapsulate(
        &self,
        randomness: &[u8; 32],
    ) -> ([u8; KEM_CIPHERTEXT_BYTES], Zeroizing<[u8; 32]>) {
        let (ciphertext, secret) = self.kem.encapsulate_deterministic(&(*randomness).into());
        (ciphertext.into(), Zeroizing::new(secret.into()))
    }
}

impl fmt::Debug for Prekey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prekey({})", hex::encode(self.id.0))
    }
}

/// The private half. It is wiped when it is dropped, cannot be copied, and its `Debug` shows nothing but its id.
pub struct PrekeySecret {
    x25519: StaticSecret,
    kem: DecapsulationKey<MlKem768>,
    seed: Zeroizing<[u8; Self::BYTES]>,
    public: Prekey,
}

impl PrekeySecret {
    /// Length of the seed: 32 bytes of X25519, then `d` and `z` of ML-KEM (FIPS 203, algorithm 19).
    pub const BYTES: usize = X25519_BYTES + 64;

    /// The pair of a seed: 96 bytes from a cryptographic random source, or from the vault.
    pub fn from_seed(seed: &[u8; Self::BYTES]) -> Self {
        let mut x25519 = Zeroizing::new([0; X25519_BYTES]);
        x25519.copy_from_slice(&seed[..X25519_BYTES]);
        let mut kem_seed = Zeroizing::new([0; 64]);
        kem_seed.copy_from_slice(&seed[X25519_BYTES..]);
        let x25519 = StaticSecret::from(*x25519);
        let kem = DecapsulationKey::<MlKem768>::from_seed((*kem_seed).into());
        let point = x25519_dalek::PublicKey::from(&x25519).to_bytes();
        let public = Prekey::of(point, kem.encapsulation_key().clone());
        Self { x25519, kem, seed: Zeroizing::new(*seed), public }
    }

    /// The seed, for the vault.
    pub fn seed(&self) -> &[u8; Self::BYTES] {
        &self.seed
    }

    /// The public half.
    pub fn public(&self) -> &Prekey {
        &self.public
    }

    /// The secret of somebody who has broken one half of `self` and has of the other half only `guess`.
    #[cfg(test)]
    pub(crate) fn half_broken(&self, guess: &Self, kem_broken: bool) -> Self {
        let (kem, x25519) = if kem_broken { (self, guess) } else { (guess, self) };
        Self {
            x25519: x25519.x25519.clone(),
            kem: kem.kem.clone(),
            seed: self.seed.clone(),
            public: self.public.clone(),
        }
    }

    /// The X25519 secret.
    pub(crate) fn x25519(&self) -> Zeroizing<[u8; X25519_BYTES]> {
        Zeroizing::new(self.x25519.to_bytes())
    }

    /// The secret that a ciphertext brings (FIPS 203, algorithm 18): another one, and no error, if it is not for this
    /// key.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8; KEM_CIPHERTEXT_BYTES]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.kem.decapsulate(&(*ciphertext).into()).into())
    }
}

impl fmt::Debug for PrekeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrekeySecret({}, ..)", hex::encode(self.public.id.0))
    }
}

impl ZeroizeOnDrop for PrekeySecret {}

/// X25519 (RFC 7748, section 6.1); nothing if both know the result beforehand, since it is zero.
pub(crate) fn agree(secret: &[u8; 32], point: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = Zeroizing::new(x25519_dalek::x25519(*secret, *point));
    let is_zero: bool = shared.ct_eq(&[0; 32]).into();
    (!is_zero).then_some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> PrekeySecret {
        let mut seed = [0; PrekeySecret::BYTES];
        seed.iter_mut().zip(1..).for_each(|(byte, n)| *byte = n);
        PrekeySecret::from_seed(&seed)
    }

    #[test]
    fn a_prekey_survives_its_bytes() {
        let public = secret().public().clone();
        let bytes = public.to_bytes();
        assert_eq!(bytes.len(), Prekey::BYTES);
        assert_eq!(Prekey::admit(&bytes), Ok(public.clone()));
        let digest = Sha256::digest([b"ecomesh/1/prekey".as_slice(), &bytes].concat());
        assert_eq!(public.id().0, digest[..16]);
        assert_eq!(PrekeyId::of_bytes(&bytes), Some(public.id()));
        assert_eq!(public.kem_hash()[..], Sha256::digest(&bytes[32..])[..]);
        assert_eq!(PrekeyId::of_bytes(&bytes[1..]), None);
        assert_eq!(PrekeySecret::from_seed(secret().seed()).public(), &public);
    }

    #[test]
    fn what_protects_nothing_is_no_prekey() {
        let good = secret().public().to_bytes();
        for length in [0, 31, 32, Prekey::BYTES - 1] {
            assert_eq!(Prekey::admit(&good[..length]), Err(PrekeyError::Length(length)));
        }
        let longer = [good.as_slice(), &[0]].concat();
        assert_eq!(Prekey::admit(&longer), Err(PrekeyError::Length(Prekey::BYTES + 1)));

        // RFC 7748 and curve25519.cr.yp.to/ecdh.html: every encoding of a point of small order.
        let small = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        for point in small {
            for high_bit in [0, 0x80] {
                let mut bad = good.clone();
                hex::decode_to_slice(point, &mut bad[..32]).unwrap();
                bad[31] |= high_bit;
                assert_eq!(Prekey::admit(&bad), Err(PrekeyError::SmallOrder), "{point}");
            }
        }

        let mut zeros = good.clone();
        zeros[32..32 + KEM_VECTOR_BYTES].fill(0);
        assert_eq!(Prekey::admit(&zeros), Err(PrekeyError::Kem), "everybody could open");
        let mut modulus = good;
        // A coefficient of 3329 or more: FIPS 203, section 7.2, modulus check.
        modulus[32..34].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(Prekey::admit(&modulus), Err(PrekeyError::Kem));
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = secret();
        let shown = format!("{secret:?} {secret:#?}");
        assert_eq!(
            shown,
            format!("{0} {0}", format!("PrekeySecret({}, ..)", hex::encode(secret.public().id().0)))
        );
        assert!(!shown.contains("0102") && !shown.contains("[1, 2"));
    }
}
