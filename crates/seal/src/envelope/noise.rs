//! `Noise_Npsk0_25519_ChaChaPoly_SHA256` (Noise, revision 34, sections 7.4 and 9): one message to the holder of a key,
//! under a pre-shared key besides.
//!
//! `snow` runs the handshake; the primitives are given to it here. Its own take randomness from the system, accept an
//! agreement on zeros and wipe nothing. What it keeps in its handshake state it does not wipe either: chaining key and
//! pre-shared key of a wrap stay in freed memory until it is used again.

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};
use sha2::{Digest, Sha256};
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, Error};
use zeroize::Zeroizing;

use crate::prekey::agree;

/// Name of the protocol.
const NAME: &str = "Noise_Npsk0_25519_ChaChaPoly_SHA256";
/// Length of the message around its payload: an ephemeral key and a tag.
pub(super) const OVERHEAD_BYTES: usize = 32 + 16;

/// The message that brings `payload` to the holder of `recipient`. Nothing if the recipient's key is of small order.
pub(super) fn write(
    recipient: &[u8; 32],
    psk: &[u8; 32],
    prologue: &[u8],
    ephemeral: &[u8; 32],
    payload: &[u8],
) -> Option<Vec<u8>> {
    let builder = builder(Some(ephemeral), psk, prologue)?.remote_public_key(recipient).ok()?;
    let mut handshake = builder.build_initiator().ok()?;
    let mut message = vec![0; payload.len() + OVERHEAD_BYTES];
    let length = handshake.write_message(payload, &mut message).ok()?;
    (length == message.len()).then_some(message)
}

/// The payload of a message to the holder of `secret`; nothing if it is not one.
pub(super) fn read(
    secret: &[u8; 32],
    psk: &[u8; 32],
    prologue: &[u8],
    message: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut handshake =
        builder(None, psk, prologue)?.local_private_key(secret).ok()?.build_responder().ok()?;
    let mut payload = Zeroizing::new(vec![0; message.len()]);
    let length = handshake.read_message(message, &mut payload).ok()?;
    payload.truncate(length);
    Some(payload)
}

fn builder<'a>(ephemeral: Option<&[u8; 32]>, psk: &'a [u8; 32], prologue: &'a [u8]) -> Option<Builder<'a>> {
    let params: NoiseParams = NAME.parse().ok()?;
    let primitives = Primitives { ephemeral: ephemeral.map(|key| Zeroizing::new(*key)) };
    Builder::with_resolver(params, Box::new(primitives)).prologue(prologue).ok()?.psk(0, psk).ok()
}

/// The four primitives of the protocol's name.
struct Primitives {
    /// All the randomness that the initiator needs.
    ephemeral: Option<Zeroizing<[u8; 32]>>,
}

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Given(self.ephemeral.clone())))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::<X25519>::default() as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::SHA256).then(|| Box::<Sha2>::default() as Box<dyn Hash>)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::ChaChaPoly).then(|| Box::<ChaChaPoly>::default() as Box<dyn Cipher>)
    }
}

/// Randomness that was given beforehand, once.
struct Given(Option<Zeroizing<[u8; 32]>>);

impl Random for Given {
    fn try_fill_bytes(&mut self, wanted: &mut [u8]) -> Result<(), Error> {
        let given = self.0.take().filter(|given| given.len() == wanted.len()).ok_or(Error::Rng)?;
        wanted.copy_from_slice(given.as_slice());
        Ok(())
    }
}

#[derive(Default)]
struct X25519 {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        self.secret.copy_from_slice(secret);
        self.public = x25519_dalek::x25519(*self.secret, x25519_dalek::X25519_BASEPOINT_BYTES);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut secret = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(secret.as_mut_slice())?;
        self.set(secret.as_slice());
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_slice()
    }

    fn dh(&self, point: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let point = point.first_chunk().ok_or(Error::Dh)?;
        let shared = agree(&self.secret, point).ok_or(Error::Dh)?;
        out.get_mut(..32).ok_or(Error::Dh)?.copy_from_slice(shared.as_slice());
        Ok(())
    }
}

#[derive(Default)]
struct Sha2(Sha256);

impl Hash for Sha2 {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Sha256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        out[..32].copy_from_slice(&self.0.finalize_reset());
    }
}

/// RFC 8439; the nonce is 4 zeros and the counter, little-endian (Noise, section 12.3).
#[derive(Default)]
struct ChaChaPoly(Zeroizing<[u8; 32]>);

impl ChaChaPoly {
    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.0))
    }

    fn nonce(counter: u64) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&counter.to_le_bytes());
        nonce.into()
    }
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Zeroizing::new(*key);
    }

    fn encrypt(&self, counter: u64, associated: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let (text, rest) = out.split_at_mut(plaintext.len());
        text.copy_from_slice(plaintext);
        let tag = self
            .cipher()
            .encrypt_inout_detached(&Self::nonce(counter), associated, text.into())
            .expect("a Noise message is at most 64 KiB");
        rest[..16].copy_from_slice(&tag);
        plaintext.len() + 16
    }

    fn decrypt(
        &self,
        counter: u64,
        associated: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let (ciphertext, tag) = ciphertext.split_last_chunk::<16>().ok_or(Error::Decrypt)?;
        let text = out.get_mut(..ciphertext.len()).ok_or(Error::Decrypt)?;
        text.copy_from_slice(ciphertext);
        self.cipher()
            .decrypt_inout_detached(&Self::nonce(counter), associated, text.into(), &Tag::from(*tag))
            .map_err(|_| Error::Decrypt)?;
        Ok(ciphertext.len())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn field<const N: usize>(vector: &serde_json::Value, name: &str) -> [u8; N] {
        hex::decode(vector[name].as_str().unwrap()).unwrap().try_into().unwrap()
    }

    /// Vectors of the Haskell implementation cacophony; kept beside the project, not in it.
    #[test]
    fn cacophony_vectors() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/noise_oneway_cacophony.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("SKIPPED: {} is not here", path.display());
            return;
        };
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        let ours: Vec<_> = vectors.iter().filter(|vector| vector["protocol_name"] == NAME).collect();
        assert!(!ours.is_empty());
        for vector in ours {
            let prologue = hex::decode(vector["init_prologue"].as_str().unwrap()).unwrap();
            let psk = hex::decode(vector["init_psks"][0].as_str().unwrap()).unwrap().try_into().unwrap();
            let message = |name: &str| hex::decode(vector["messages"][0][name].as_str().unwrap()).unwrap();
            let (payload, ciphertext) = (message("payload"), message("ciphertext"));
            let recipient = field(vector, "init_remote_static");
            let ephemeral = field(vector, "init_ephemeral");
            assert_eq!(write(&recipient, &psk, &prologue, &ephemeral, &payload), Some(ciphertext.clone()));
            let secret = field(vector, "resp_static");
            assert_eq!(read(&secret, &psk, &prologue, &ciphertext).unwrap().as_slice(), payload);
            assert!(read(&secret, &[0; 32], &prologue, &ciphertext).is_none(), "another pre-shared key");
            assert!(read(&secret, &psk, b"", &ciphertext).is_none(), "another prologue");
            assert!(read(&[1; 32], &psk, &prologue, &ciphertext).is_none(), "another key");
            for bit in 0..ciphertext.len() * 8 {
                let mut bad = ciphertext.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                // The highest bit of an X25519 point is ignored by the agreement and hashed by Noise.
                assert!(read(&secret, &psk, &prologue, &bad).is_none(), "bit {bit}");
            }
        }
    }

    #[test]
    fn an_agreement_on_zeros_is_refused_by_both() {
        assert_eq!(write(&[0; 32], &[1; 32], b"", &[2; 32], b"payload"), None);
        let point = x25519_dalek::x25519([3; 32], x25519_dalek::X25519_BASEPOINT_BYTES);
        let mut message = write(&point, &[1; 32], b"", &[2; 32], b"payload").unwrap();
        assert!(read(&[3; 32], &[1; 32], b"", &message).is_some());
        message[..32].fill(0);
        assert!(read(&[3; 32], &[1; 32], b"", &message).is_none());
    }

    #[test]
    fn messages_of_any_length_are_read_without_a_panic() {
        for length in 0..200 {
            assert!(read(&[3; 32], &[1; 32], b"", &vec![9; length]).is_none(), "{length}");
        }
    }
}
