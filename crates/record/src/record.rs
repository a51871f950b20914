//! A record: header, signature, and a body that may be absent.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::body::{Body, BodyError};
use crate::codec::{self, TooLarge};
use crate::header::{Header, HeaderError};
use crate::id::{HeaderHash, NetworkId, Position, RecordId};
use crate::limits::{BODY_BYTES_MAX, HEADER_BYTES_MAX};
use crate::tags;

/// A record whose header decodes and whose body, if it is here, fits the header. Its signature may be wrong:
/// that is checked by `ecomesh-protocol`, which alone makes `Verified` records.
///
/// The header's bytes are kept as they came; id and signature are computed over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    header: Header,
    header_bytes: Vec<u8>,
    hash: HeaderHash,
    id: RecordId,
    signature: [u8; 64],
    body: Option<Body>,
}

/// A record as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFrame {
    /// Canonical bytes of the header.
    pub header: ByteBuf,
    /// Ed25519, 64 bytes: the length follows from the suite.
    #[serde(with = "codec::bytes64")]
    pub signature: [u8; 64],
    /// `salt ‖ content`; empty if the body does not travel along (a body is never shorter than its salt).
    pub body: ByteBuf,
}

/// Why a frame is no record. All of these are the sender's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The header is wrong.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The body is wrong.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body does not match the header.
    #[error("body: it is not the one that the header commits to")]
    Commitment,
}

impl Record {
    /// Puts a header and its body together, before signing: the signature is given once the id is known.
    ///
    /// # Errors
    /// [`TooLarge`] if the header does not fit 4 KiB.
    pub fn sign_with(
        network: NetworkId,
        header: Header,
        body: Option<Body>,
        sign: impl FnOnce(RecordId) -> [u8; 64],
    ) -> Result<Self, TooLarge> {
        let header_bytes = header.encode()?;
        let hash = header_hash(&header_bytes);
        let id = record_id(network, header.position(), hash);
        Ok(Self { signature: sign(id), header, header_bytes, hash, id, body })
    }

    /// The same record with the signature that `sign` gives for its id.
    #[must_use]
    pub fn signed(self, sign: impl FnOnce(RecordId) -> [u8; 64]) -> Self {
        Self { signature: sign(self.id), ..self }
    }

    /// Reads a frame: the header decodes, the body, if present, is the one that the header commits to.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn from_frame(network: NetworkId, frame: RecordFrame) -> Result<Self, RecordError> {
        Self::from_parts(network, frame.header.into_vec(), frame.signature, &frame.body)
    }

    /// As [`Record::from_frame`], from its three parts; an empty `body` means that there is none.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn from_parts(
        network: NetworkId,
        header_bytes: Vec<u8>,
        signature: [u8; 64],
        body: &[u8],
    ) -> Result<Self, RecordError> {
        let header = Header::decode(&header_bytes)?;
        let hash = header_hash(&header_bytes);
        let id = record_id(network, header.position(), hash);
        let mut record = Self { header, header_bytes, hash, id, signature, body: None };
        if !body.is_empty() {
            record.attach(network, Body::decode(body)?)?;
        }
        Ok(record)
    }

    /// Adds the body to a record that came without it.
    ///
    /// # Errors
    /// [`RecordError::Commitment`] if it is not the one that the header commits to.
    pub fn attach(&mut self, network: NetworkId, body: Body) -> Result<(), RecordError> {
        let fits = body.content().len() == self.header.body_len as usize
            && body.commitment(network) == self.header.body_commit;
        if !fits {
            return Err(RecordError::Commitment);
        }
        self.body = Some(body);
        Ok(())
    }

    /// The record without its body.
    pub fn without_body(mut self) -> Self {
        self.body = None;
        self
    }

    /// The frame in which it travels.
    pub fn to_frame(&self) -> RecordFrame {
        RecordFrame {
            header: ByteBuf::from(self.header_bytes.clone()),
            signature: self.signature,
            body: ByteBuf::from(self.body.as_ref().map(Body::encode).unwrap_or_default()),
        }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header's bytes as they came.
    pub fn header_bytes(&self) -> &[u8] {
        &self.header_bytes
    }

    /// Hash of the header's bytes.
    pub fn hash(&self) -> HeaderHash {
        self.hash
    }

    /// The record's id.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// The record's place.
    pub fn position(&self) -> Position {
        self.header.position()
    }

    /// Ed25519 signature over the id.
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The body, if it is here.
    pub fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    /// Upper bound of the frame's length in bytes; used for batches and budgets.
    pub fn frame_len(&self) -> usize {
        self.header_bytes.len() + 64 + self.body.as_ref().map_or(0, Body::encoded_len) + 12
    }
}

/// Longest encoded [`RecordFrame`] in bytes.
pub const FRAME_BYTES_MAX: usize = HEADER_BYTES_MAX + 64 + BODY_BYTES_MAX + 16;

/// SHA-256(tag ‖ header bytes).
pub fn header_hash(header_bytes: &[u8]) -> HeaderHash {
    HeaderHash(Sha256::new().chain_update(tags::HEADER).chain_update(header_bytes).finalize().into())
}

/// SHA-256(tag ‖ network ‖ author ‖ lane ‖ generation ‖ seq ‖ header hash), integers big-endian and fixed width.
pub fn record_id(network: NetworkId, position: Position, hash: HeaderHash) -> RecordId {
    RecordId(
        Sha256::new()
            .chain_update(tags::RECORD_ID)
            .chain_update(network.as_bytes())
            .chain_update(position.key())
            .chain_update(hash.as_bytes())
            .finalize()
            .into(),
    )
}
