//! Transport identities: the Ed25519 keys behind libp2p peer ids.

use std::fmt;

use libp2p::PeerId;
use libp2p::identity::{DecodingError, Keypair};
use zeroize::Zeroizing;

/// Protobuf of an Ed25519 public key (libp2p peer-id specification): field 1, type 1; field 2, 32 bytes.
const PROTOBUF_PREFIX: [u8; 4] = [0x08, 0x01, 0x12, 0x20];
/// Multihash of a key that is short enough to be its own hash: code 0 (identity), 36 bytes.
const MULTIHASH_PREFIX: [u8; 2] = [0x00, 0x24];

/// Transport identity of a node: the raw Ed25519 public key behind its libp2p peer id, 32 bytes.
///
/// Whether the bytes are a point of the curve is not checked here: Noise does it when a link is made, and a
/// key that is none simply never connects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 32]);

impl PeerKey {
    /// The key inside a peer id, or `None` if that id is of another key type.
    pub(crate) fn from_peer_id(peer: &PeerId) -> Option<Self> {
        let bytes = peer.to_bytes();
        let key = bytes.strip_prefix(&MULTIHASH_PREFIX)?.strip_prefix(&PROTOBUF_PREFIX)?;
        Some(Self(key.try_into().ok()?))
    }

    pub(crate) fn peer_id(&self) -> PeerId {
        let mut bytes = Vec::with_capacity(38);
        bytes.extend_from_slice(&MULTIHASH_PREFIX);
        bytes.extend_from_slice(&PROTOBUF_PREFIX);
        bytes.extend_from_slice(&self.0);
        PeerId::from_bytes(&bytes).expect("an identity multihash of 36 bytes is a peer id")
    }

    /// The peer id in its usual text form (`12D3KooW…`), as other libp2p tools print it.
    pub fn peer_id_text(&self) -> String {
        self.peer_id().to_base58()
    }
}

impl fmt::Display for PeerKey {
    /// The first four bytes in hexadecimal: enough to tell links apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerKey({self})")
    }
}

/// The seed of a transport key (RFC 8032 private key, 32 bytes). Wiped when dropped, never printed.
pub struct TransportSecret(Zeroizing<[u8; 32]>);

impl TransportSecret {
    /// Takes a seed. The caller should wipe its own copy.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Zeroizing::new(seed))
    }

    /// The public half.
    pub fn public(&self) -> PeerKey {
        let key = self.keypair().map(|pair| pair.public().to_peer_id());
        key.ok()
            .as_ref()
            .and_then(PeerKey::from_peer_id)
            .expect("any 32 bytes are an Ed25519 seed, and its peer id holds the key")
    }

    pub(crate) fn keypair(&self) -> Result<Keypair, DecodingError> {
        let mut seed = Zeroizing::new(*self.0);
        Keypair::ed25519_from_bytes(seed.as_mut_slice())
    }
}

impl fmt::Debug for TransportSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransportSecret(32 bytes)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_peer_id_convert_both_ways() {
        let pair = TransportSecret::from_seed([7; 32]).keypair().unwrap();
        let peer = pair.public().to_peer_id();
        let key = PeerKey::from_peer_id(&peer).unwrap();
        assert_eq!(key.peer_id(), peer);
        assert_eq!(key, TransportSecret::from_seed([7; 32]).public());
        // RFC 8032 keys come out of libp2p as they are.
        assert_eq!(key.0, pair.public().try_into_ed25519().unwrap().to_bytes());
        assert!(key.peer_id_text().starts_with("12D3KooW"));
    }

    #[test]
    fn a_peer_id_of_another_shape_has_no_key() {
        // SHA-256 multihash, as RSA keys have.
        let mut bytes = vec![0x12, 0x20];
        bytes.extend_from_slice(&[9; 32]);
        assert_eq!(PeerKey::from_peer_id(&PeerId::from_bytes(&bytes).unwrap()), None);
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", TransportSecret::from_seed([0xAB; 32])), "TransportSecret(32 bytes)");
    }
}
