//! The gate: one frame each way, before a peer may speak anything else (`docs/PROTOCOL.md`, "Hello").
//!
//! A hello binds the transport key, which the link has already proved, to a member: a certificate signed by the
//! member's key. So a bureau that was away while others changed their transport keys gets back in: it needs to know
//! the member, not the transport key. The certificate's counter rises with each change, so that a stolen old
//! transport key opens nothing once the new one was seen. The boot nonce tells a restart from a new link.

use std::collections::BTreeMap;

use ecomesh_record::codec::{self, DecodeError};
use ecomesh_record::{MemberId, NetworkId, RecordFrame};
use ecomesh_seal::{Signature, SigningKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::io::PeerKey;
use crate::limits::HELLO_BYTES_MAX;
use crate::verify::{KeyRing, verify_frame};

/// The version of the hello.
const VERSION: u8 = 1;
/// Most log-open records in a hello: each takes some 400 bytes.
pub const OPENINGS_MAX: usize = 64;

/// A transport certificate: this member's node has this transport key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The member.
    pub member: MemberId,
    /// The transport key.
    pub key: PeerKey,
    /// Raised with each change of the key.
    pub counter: u64,
}

/// What a good hello says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Who, with which transport key.
    pub certificate: Certificate,
    /// Random, new at each start of the node.
    pub boot_nonce: [u8; 16],
    /// Names the node's store.
    pub instance: [u8; 16],
    /// The newest roster epoch that it knows.
    pub roster_epoch: u32,
}

/// Why a hello is refused. The other side is told nothing but that it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HelloError {
    /// The other side refused ours.
    #[error("the other node refused our hello: it has another charter, or does not know this bureau")]
    RefusedByPeer,
    /// The bytes do not decode.
    #[error("hello: {0}")]
    Bytes(#[from] DecodeError),
    /// Another version.
    #[error("hello: version {0} is unknown")]
    UnknownVersion(u8),
    /// Another network.
    #[error("hello: the node belongs to another network")]
    OtherNetwork,
    /// Not a member.
    #[error("hello: {0} is not a member")]
    UnknownMember(MemberId),
    /// Our own node.
    #[error("hello: the node says that it is our own")]
    Ourselves,
    /// The certificate names another transport key than the link has.
    #[error("hello: the certificate of {0} is for another transport key")]
    OtherKey(MemberId),
    /// The certificate's signature fails.
    #[error("hello: the certificate of {0} is not signed by it")]
    BadSignature(MemberId),
    /// A newer certificate was seen.
    #[error("hello: {member} has a newer transport key (counter {known} is known, this is {counter})")]
    Outdated {
        /// The member.
        member: MemberId,
        /// The certificate's counter.
        counter: u64,
        /// The highest that was seen.
        known: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct HelloWire {
    version: u8,
    network: NetworkId,
    member: MemberId,
    transport_key: [u8; 32],
    counter: u64,
    #[serde(with = "codec::bytes64")]
    signature: [u8; 64],
    boot_nonce: [u8; 16],
    instance: [u8; 16],
    roster_epoch: u32,
    openings: Vec<RecordFrame>,
}

/// Our own hello.
pub fn encode(
    network: NetworkId,
    signing: &SigningKey,
    hello: &Hello,
    openings: Vec<RecordFrame>,
) -> Vec<u8> {
    let Certificate { member, key, counter } = hello.certificate;
    let wire = HelloWire {
        version: VERSION,
        network,
        member,
        transport_key: key.0,
        counter,
        signature: *signing.sign_transport(network, member, &key.0, counter).as_bytes(),
        boot_nonce: hello.boot_nonce,
        instance: hello.instance,
        roster_epoch: hello.roster_epoch,
        openings,
    };
    // Log-open records may name many heads; the newest that fit are enough, the rest comes by pull.
    let mut wire = wire;
    loop {
        match codec::encode(&wire, HELLO_BYTES_MAX) {
            Ok(bytes) => return bytes,
            Err(_) if !wire.openings.is_empty() => drop(wire.openings.remove(0)),
            Err(_) => return Vec::new(),
        }
    }
}

/// The highest transport certificate seen of each member.
pub type Certificates = BTreeMap<MemberId, Certificate>;

/// Judges a hello from the peer with transport key `peer`.
///
/// # Errors
/// [`HelloError`].
pub fn judge(
    ring: &KeyRing,
    own: MemberId,
    known: &Certificates,
    peer: PeerKey,
    bytes: &[u8],
) -> Result<Hello, HelloError> {
    let wire = decode(bytes)?;
    let member = wire.member;
    if wire.network != ring.network() {
        return Err(HelloError::OtherNetwork);
    }
    if member == own {
        return Err(HelloError::Ourselves);
    }
    if ring.newest(member).is_none() {
        return Err(HelloError::UnknownMember(member));
    }
    if wire.transport_key != peer.0 {
        return Err(HelloError::OtherKey(member));
    }
    let ring = with_openings(ring, wire.openings);
    let signature = Signature(wire.signature);
    let signed = ring
        .all(member)
        .any(|key| key.verify_transport(ring.network(), member, &peer.0, wire.counter, &signature).is_ok());
    if !signed {
        return Err(HelloError::BadSignature(member));
    }
    let certificate = Certificate { member, key: peer, counter: wire.counter };
    check_newest(known, &certificate)?;
    Ok(Hello {
        certificate,
        boot_nonce: wire.boot_nonce,
        instance: wire.instance,
        roster_epoch: wire.roster_epoch,
    })
}

fn decode(bytes: &[u8]) -> Result<HelloWire, HelloError> {
    match bytes.first() {
        None => Err(HelloError::RefusedByPeer),
        Some(&VERSION) => Ok(codec::decode(bytes, HELLO_BYTES_MAX)?),
        Some(&other) => Err(HelloError::UnknownVersion(other)),
    }
}

/// The ring with the generations that the hello itself proves.
fn with_openings(ring: &KeyRing, openings: Vec<RecordFrame>) -> KeyRing {
    let mut ring = ring.clone();
    for frame in openings.into_iter().take(OPENINGS_MAX) {
        if let Ok(record) = verify_frame(&ring, frame) {
            ring.learn(&record);
        }
    }
    ring
}

fn check_newest(known: &Certificates, new: &Certificate) -> Result<(), HelloError> {
    let Some(old) = known.get(&new.member) else { return Ok(()) };
    // The holder of the newest key gains nothing from a lower counter; one whose counter was lost is not shut out.
    if new.key != old.key && new.counter <= old.counter {
        return Err(HelloError::Outdated { member: new.member, counter: new.counter, known: old.counter });
    }
    Ok(())
}
