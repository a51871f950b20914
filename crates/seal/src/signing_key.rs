//! Signing keys: the secret halves, and one method per thing that is signed.

use std::fmt;

use ecomesh_record::{MemberId, NetworkId, RecordId};
use ed25519_dalek::Signer;
use zeroize::ZeroizeOnDrop;

use crate::message;
use crate::public_key::PublicKey;
use crate::signature::Signature;

/// An Ed25519 signing key (RFC 8032 section 5.1.5).
///
/// It is wiped when it is dropped, it cannot be copied, compared or serialised, and its `Debug` shows nothing.
/// Signing is deterministic: the same key and bytes always give the same signature.
pub struct SigningKey {
    // Wipes itself: the library's `zeroize` feature is on, which a test below holds.
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// The key of a seed: 32 bytes from a cryptographic random source, or from a key file.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: ed25519_dalek::SigningKey::from_bytes(seed) }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::of(&self.key)
    }

    /// Signs a record of one's own log.
    pub fn sign_record(&self, network: NetworkId, id: RecordId) -> Signature {
        self.sign(&message::record(network, id))
    }

    /// Signs a frontier, given [`ecomesh_record::frontier::frontier_hash`].
    pub fn sign_frontier(&self, network: NetworkId, hash: &[u8; 32]) -> Signature {
        self.sign(&message::frontier(network, hash))
    }

    /// Signs the charter whose hash is `network`, as a founder.
    pub fn sign_charter(&self, network: NetworkId) -> Signature {
        self.sign(&message::charter(network))
    }

    /// Signs one's own card, given its SHA-256. The only signature without a network: a card comes before it.
    pub fn sign_card(&self, hash: &[u8; 32]) -> Signature {
        self.sign(&message::card(hash))
    }

    /// Signs a transport certificate: `member` speaks through the Ed25519 key `transport_key` from now on. Of two
    /// certificates the one with the higher `counter` holds.
    pub fn sign_transport(
        &self,
        network: NetworkId,
        member: MemberId,
        transport_key: &[u8; 32],
        counter: u64,
    ) -> Signature {
        self.sign(&message::transport(network, member, transport_key, counter))
    }

    /// RFC 8032 section 5.1.6.
    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.key.sign(message).to_bytes())
    }

    /// The seed, for the key file.
    pub(crate) fn seed(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl ZeroizeOnDrop for SigningKey {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::BadSignature;

    /// Something that is signed, with all its fields.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Signed {
        Record(NetworkId, [u8; 32]),
        Frontier(NetworkId, [u8; 32]),
        Charter(NetworkId),
        Card([u8; 32]),
        Transport(NetworkId, MemberId, [u8; 32], u64),
    }

    impl Signed {
        /// Every purpose in two networks, with the same bytes in the fields of each, and one variant of each field.
        fn all() -> Vec<Self> {
            let (ke, tz) = (MemberId::parse("KE").unwrap(), MemberId::parse("TZ").unwrap());
            let values = [[0x11; 32], [0x22; 32]];
            let mut all = values.map(Self::Card).to_vec();
            for network in values.map(NetworkId) {
                all.push(Self::Charter(network));
                for value in values {
                    all.push(Self::Record(network, value));
                    all.push(Self::Frontier(network, value));
                    all.extend(
                        [(ke, 7), (tz, 7), (ke, 8)].map(|(m, c)| Self::Transport(network, m, value, c)),
                    );
                }
            }
            all
        }

        fn sign(self, key: &SigningKey) -> Signature {
            match self {
                Self::Record(network, id) => key.sign_record(network, RecordId(id)),
                Self::Frontier(network, hash) => key.sign_frontier(network, &hash),
                Self::Charter(network) => key.sign_charter(network),
                Self::Card(hash) => key.sign_card(&hash),
                Self::Transport(network, member, transport, counter) => {
                    key.sign_transport(network, member, &transport, counter)
                }
            }
        }

        fn verify(self, key: &PublicKey, signature: &Signature) -> Result<(), BadSignature> {
            match self {
                Self::Record(network, id) => key.verify_record(network, RecordId(id), signature),
                Self::Frontier(network, hash) => key.verify_frontier(network, &hash, signature),
                Self::Charter(network) => key.verify_charter(network, signature),
                Self::Card(hash) => key.verify_card(&hash, signature),
                Self::Transport(network, member, transport, counter) => {
                    key.verify_transport(network, member, &transport, counter, signature)
                }
            }
        }
    }

    #[test]
    fn a_signature_is_good_for_one_purpose_and_one_network_only() {
        let signing = SigningKey::from_seed(&[1; 32]);
        let (key, other) = (signing.public(), SigningKey::from_seed(&[2; 32]).public());
        let all = Signed::all();
        assert_eq!(all.len(), 2 + 2 * (1 + 2 * 5));
        for signed in &all {
            let signature = signed.sign(&signing);
            assert_eq!(signed.verify(&other, &signature), Err(BadSignature), "another key");
            for asked in &all {
                let expected = if signed == asked { Ok(()) } else { Err(BadSignature) };
                assert_eq!(asked.verify(&key, &signature), expected, "{signed:?} as {asked:?}");
            }
        }
    }

    #[test]
    fn every_flipped_bit_of_a_signature_is_refused() {
        let signing = SigningKey::from_seed(&[1; 32]);
        let (network, id) = (NetworkId([3; 32]), RecordId([4; 32]));
        let good = signing.sign_record(network, id);
        assert_eq!(signing.public().verify_record(network, id, &good), Ok(()));
        for bit in 0..512 {
            let mut bad = good;
            bad.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(signing.public().verify_record(network, id, &bad), Err(BadSignature), "bit {bit}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let signing = SigningKey::from_seed(&[0xa7; 32]);
        assert_eq!(format!("{signing:?} {signing:#?}"), "SigningKey(..) SigningKey(..)");
    }

    #[test]
    fn the_library_wipes_its_key() {
        fn holds<T: ZeroizeOnDrop>() {}
        holds::<ed25519_dalek::SigningKey>();
        holds::<SigningKey>();
    }
}
