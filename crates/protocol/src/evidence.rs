//! The second small log: the signed frontiers that prove deliveries. What cannot be fetched again is not in the
//! store alone.

use ecomesh_record::codec;
use ecomesh_record::limits::FRONTIER_BYTES_MAX;
use ecomesh_record::{MemberId, NetworkId, SignedFrontier, Time};
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, DiskError};
use crate::small_log::{self, LogHeader, Writer, encode_entry};

/// Name of the evidence on its [`Disk`].
pub const EVIDENCE: &str = "evidence";
/// First bytes of the evidence.
pub const EVIDENCE_MAGIC: &[u8; 8] = b"ECOEVID1";

/// A frontier that proved a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// This node's clock when it came.
    pub received_at: Time,
    /// The frontier.
    pub frontier: SignedFrontier,
}

/// The open log of evidence.
#[derive(Debug)]
pub struct EvidenceLog {
    writer: Writer,
}

/// What was found when the evidence was opened.
#[derive(Debug)]
pub struct Opened {
    /// The log.
    pub log: EvidenceLog,
    /// What it holds, oldest first.
    pub entries: Vec<Evidence>,
    /// Whether a damaged or foreign file was replaced by an empty one.
    pub replaced: bool,
}

impl EvidenceLog {
    /// Reads the evidence and cuts its torn tail; starts a new log if there is none or if it is damaged.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(
        disk: &mut impl Disk,
        network: NetworkId,
        member: MemberId,
        instance: [u8; 16],
    ) -> Result<Opened, DiskError> {
        let bytes = disk.read(EVIDENCE)?;
        let scan = bytes.as_deref().and_then(|bytes| small_log::scan(EVIDENCE_MAGIC, bytes).ok());
        let Some(scan) = scan.filter(|s| s.header.network == network && s.header.member == member) else {
            let header = LogHeader { magic: *EVIDENCE_MAGIC, network, member, instance };
            let writer = Writer::replace(disk, EVIDENCE, &header.encode())?;
            return Ok(Opened { log: Self { writer }, entries: Vec::new(), replaced: bytes.is_some() });
        };
        let writer = Writer::resume(disk, EVIDENCE, scan.whole_bytes, scan.torn_bytes)?;
        let entries = scan.entries.iter().filter_map(|payload| decode(payload)).collect();
        Ok(Opened { log: Self { writer }, entries, replaced: false })
    }

    /// Appends evidence and syncs once.
    ///
    /// # Errors
    /// [`DiskError`]; the deliveries are not told then, and proved again by the next frontier.
    pub fn append(&mut self, disk: &mut impl Disk, evidence: &[Evidence]) -> Result<(), DiskError> {
        let encode = |one: &Evidence| {
            let payload = codec::encode(one, FRONTIER_BYTES_MAX + 128);
            encode_entry(&payload.expect("a frontier of at most 1 MiB, its signature and a time"))
        };
        let encoded: Vec<Vec<u8>> = evidence.iter().map(encode).collect();
        self.writer.append(disk, &encoded)
    }
}

fn decode(payload: &[u8]) -> Option<Evidence> {
    codec::decode(payload, FRONTIER_BYTES_MAX + 128).ok()
}
