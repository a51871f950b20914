//! What an archive says of itself.

use serde::{Deserialize, Serialize};

use super::{ArchiveError, EncodeError, MANIFEST_BYTES_MAX, RANGES_MAX};
use crate::codec;
use crate::id::{Lane, LogId, MemberId, NetworkId, Time};
use crate::limits::MEMBERS_MAX;

/// Which records were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only logs of these members, strictly ascending; empty means all.
    pub members: Vec<MemberId>,
    /// Outside the control lane, a log starts at its first record with `created_at` of this or later; 0 means
    /// from its beginning. The control lane is always whole: it holds the keys.
    pub since: Time,
}

impl Filter {
    /// Whether it leaves nothing out.
    pub fn is_whole(&self) -> bool {
        self.members.is_empty() && self.since == Time(0)
    }

    /// Whether it asks for records of `log`.
    pub fn wants(&self, log: LogId) -> bool {
        self.members.is_empty() || self.members.binary_search(&log.author).is_ok()
    }
}

/// The records of one log in an archive, without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRange {
    /// The log.
    pub log: LogId,
    /// First sequence number; 0 in the control lane.
    pub first: u64,
    /// Last sequence number.
    pub last: u64,
}

/// What an archive says of itself. Nobody signs it: the records speak for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The network.
    pub network: NetworkId,
    /// The member whose node wrote the archive.
    pub exporter: MemberId,
    /// That node's clock.
    pub exported_at: Time,
    /// Which records were asked for.
    pub filter: Filter,
    /// Which records are in it: strictly ascending by log.
    pub logs: Vec<LogRange>,
}

#[derive(Serialize, Deserialize)]
struct ManifestWire {
    network: NetworkId,
    exporter: [u8; 8],
    exported_at: u64,
    members: Vec<[u8; 8]>,
    since: u64,
    logs: Vec<([u8; 8], u8, u32, u64, u64)>,
}

impl Manifest {
    /// The canonical bytes.
    ///
    /// # Errors
    /// [`EncodeError::Manifest`] or [`EncodeError::TooLarge`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.check()?;
        let range =
            |r: &LogRange| (*r.log.author.as_bytes(), r.log.lane.number(), r.log.generation, r.first, r.last);
        let wire = ManifestWire {
            network: self.network,
            exporter: *self.exporter.as_bytes(),
            exported_at: self.exported_at.0,
            members: self.filter.members.iter().map(|m| *m.as_bytes()).collect(),
            since: self.filter.since.0,
            logs: self.logs.iter().map(range).collect(),
        };
        Ok(codec::encode(&wire, MANIFEST_BYTES_MAX)?)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let wire: ManifestWire = codec::decode(bytes, MANIFEST_BYTES_MAX).map_err(ArchiveError::Manifest)?;
        let member = |raw| MemberId::from_bytes(raw).map_err(|_| ArchiveError::Field);
        let range = |(author, lane, generation, first, last)| {
            let lane = Lane::new(lane).ok_or(ArchiveError::Field)?;
            Ok(LogRange { log: LogId { author: member(author)?, lane, generation }, first, last })
        };
        let members = wire.members.into_iter().map(member).collect::<Result<_, _>>()?;
        let manifest = Self {
            network: wire.network,
            exporter: member(wire.exporter)?,
            exported_at: Time(wire.exported_at),
            filter: Filter { members, since: Time(wire.since) },
            logs: wire.logs.into_iter().map(range).collect::<Result<_, ArchiveError>>()?,
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// The range of a log, if the archive has records of it.
    pub fn range(&self, log: LogId) -> Option<&LogRange> {
        let at = self.logs.binary_search_by_key(&log, |range| range.log).ok()?;
        self.logs.get(at)
    }

    fn check(&self) -> Result<(), ArchiveError> {
        if self.filter.members.len() > MEMBERS_MAX {
            return Err(ArchiveError::TooMany("members"));
        }
        if self.logs.len() > RANGES_MAX {
            return Err(ArchiveError::TooMany("logs"));
        }
        if !self.filter.members.is_sorted_by(|a, b| a < b) {
            return Err(ArchiveError::Order("members"));
        }
        if !self.logs.is_sorted_by(|a, b| a.log < b.log) {
            return Err(ArchiveError::Order("logs"));
        }
        // The highest sequence number of all is left out: no log can go on after it.
        if self.logs.iter().any(|r| r.first > r.last || r.last == u64::MAX) {
            return Err(ArchiveError::Field);
        }
        match self.logs.iter().find(|r| r.log.lane == Lane::CONTROL && r.first > 0) {
            Some(range) => Err(ArchiveError::ControlCut(range.log)),
            None => Ok(()),
        }
    }
}
