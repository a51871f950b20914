//! A fork proof: two signed headers at one position. Checked by anyone, about 220 bytes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::{self, DecodeError};
use crate::id::{HeaderHash, Lane, LogId, MemberId, NetworkId, Position, RecordId};
use crate::record::record_id;

/// Two different header hashes at one position, each with a signature. That both signatures are the author's is
/// checked by `ecomesh-protocol`. The lower hash stands first, so that two headers make one proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkProof {
    position: Position,
    hashes: [HeaderHash; 2],
    signatures: [[u8; 64]; 2],
}

/// Longest encoded fork proof in bytes.
pub const FORK_PROOF_BYTES_MAX: usize = 256;

/// Why something is no fork proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ForkProofError {
    /// The bytes do not decode.
    #[error("fork proof: {0}")]
    Bytes(#[from] DecodeError),
    /// A member id or lane that does not exist.
    #[error("fork proof: a field has a value that does not exist")]
    Field,
    /// Hashes equal or in the wrong order.
    #[error("fork proof: the two hashes are not different and in ascending order")]
    Order,
}

impl ForkProof {
    /// A proof from two signed headers at one position; `None` if the hashes are the same.
    pub fn new(
        position: Position,
        one: (HeaderHash, [u8; 64]),
        other: (HeaderHash, [u8; 64]),
    ) -> Option<Self> {
        let (low, high) = if one.0 < other.0 { (one, other) } else { (other, one) };
        (low.0 != high.0).then_some(Self { position, hashes: [low.0, high.0], signatures: [low.1, high.1] })
    }

    /// Where the log forks.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The two record ids with their signatures.
    pub fn branches(&self, network: NetworkId) -> [(RecordId, &[u8; 64]); 2] {
        let id = |i: usize| record_id(network, self.position, self.hashes[i]);
        [(id(0), &self.signatures[0]), (id(1), &self.signatures[1])]
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let log = self.position.log;
        let wire = ForkProofWire {
            author: *log.author.as_bytes(),
            lane: log.lane.number(),
            generation: log.generation,
            seq: self.position.seq,
            first: self.hashes[0].0,
            second: self.hashes[1].0,
            first_signature: self.signatures[0],
            second_signature: self.signatures[1],
        };
        codec::encode(&wire, FORK_PROOF_BYTES_MAX).expect("all fields are of fixed size, 215 bytes at most")
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, ForkProofError> {
        let wire: ForkProofWire = codec::decode(bytes, FORK_PROOF_BYTES_MAX)?;
        let author = MemberId::from_bytes(wire.author).map_err(|_| ForkProofError::Field)?;
        let lane = Lane::new(wire.lane).ok_or(ForkProofError::Field)?;
        if wire.first >= wire.second {
            return Err(ForkProofError::Order);
        }
        let log = LogId { author, lane, generation: wire.generation };
        Ok(Self {
            position: log.at(wire.seq),
            hashes: [HeaderHash(wire.first), HeaderHash(wire.second)],
            signatures: [wire.first_signature, wire.second_signature],
        })
    }
}

#[derive(Serialize, Deserialize)]
struct ForkProofWire {
    author: [u8; 8],
    lane: u8,
    generation: u32,
    seq: u64,
    first: [u8; 32],
    second: [u8; 32],
    #[serde(with = "codec::bytes64")]
    first_signature: [u8; 64],
    #[serde(with = "codec::bytes64")]
    second_signature: [u8; 64],
}
