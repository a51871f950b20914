//! Archives of many records, made at once: signed with the keys of members that have no node, as if they had written
//! for years. Nodes verify every one of them, like any other.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use ecomesh_record::archive::{ArchiveEncoder, Filter, LogRange, Manifest};
use ecomesh_record::limits::SALT_BYTES;
use ecomesh_record::{
    Audience, Body, Flags, Header, Kind, Lane, LogId, MemberId, NetworkId, Priority, Record, RecordId,
    Retention, Time,
};
use ecomesh_seal::Identity;

use crate::founding::Founded;
use crate::load::{content, message};

/// Members without a node whose records an archive holds.
pub const AUTHORS: usize = 4;
/// How long bodies live: well below what their retention class allows.
const LIFE_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// A file of records, and what is in it.
pub struct Archive {
    /// The file.
    pub path: PathBuf,
    /// Which records.
    pub logs: Vec<LogRange>,
    /// How many.
    pub records: u64,
    /// Their frames' bytes in all.
    pub frame_bytes: u64,
}

/// Writes an archive of `records` records with contents of `body_bytes` bytes, to all members, shared among the last
/// [`AUTHORS`] members. Needs some 30 µs for each; runs on a thread that may wait.
pub fn write(founded: &Founded, folder: &Path, records: u64, body_bytes: u32) -> anyhow::Result<Archive> {
    let roster = founded.homes.first().context("no member")?.roster()?;
    let request = message(body_bytes as usize)?;
    let maker = Maker { network: roster.network(), content: content(&request)?, now: now() };
    let first_author = founded.members.len().checked_sub(AUTHORS).context("too few members")?;
    let authors: Vec<(MemberId, usize)> =
        (first_author..founded.members.len()).map(|n| (founded.members[n], n)).collect();
    let logs = ranges(&authors, records);
    ensure!(!logs.is_empty(), "an archive of no records");
    let manifest = Manifest {
        network: roster.network(),
        exporter: founded.members[0],
        exported_at: maker.now,
        filter: Filter::default(),
        logs: logs.clone(),
    };
    let path = folder.join("generated.archive");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    let (mut encoder, head) = ArchiveEncoder::begin(roster.founded(), &manifest)?;
    file.write_all(&head)?;
    let mut frame_bytes = 0;
    for range in &logs {
        let (_, home) = authors.iter().find(|(member, _)| *member == range.log.author).context("author")?;
        let identity = founded.homes[*home].unseal(&founded.passphrase()?)?;
        let mut prev = RecordId::ZERO;
        for seq in 0..=range.last {
            let record = maker.record(range.log, seq, prev, &identity)?;
            prev = record.id();
            frame_bytes += record.frame_len() as u64;
            file.write_all(&encoder.record(&record)?)?;
        }
    }
    file.write_all(&encoder.finish()?)?;
    file.flush()?;
    Ok(Archive { path, logs, records, frame_bytes })
}

/// Equal shares for all authors, in ascending order of their logs.
fn ranges(authors: &[(MemberId, usize)], records: u64) -> Vec<LogRange> {
    let count = authors.len() as u64;
    let share = |n: usize| records / count + u64::from((n as u64) < records % count);
    let mut logs: Vec<LogRange> = authors
        .iter()
        .enumerate()
        .filter(|(n, _)| share(*n) > 0)
        .map(|(n, (author, _))| {
            let log = LogId { author: *author, lane: Lane::MESSAGES, generation: 0 };
            LogRange { log, first: 0, last: share(n) - 1 }
        })
        .collect();
    logs.sort_by_key(|range| range.log);
    logs
}

/// What all records have in common.
struct Maker {
    network: NetworkId,
    content: Vec<u8>,
    now: Time,
}

impl Maker {
    fn record(&self, log: LogId, seq: u64, prev: RecordId, identity: &Identity) -> anyhow::Result<Record> {
        let mut salt = [0; SALT_BYTES];
        salt[..8].copy_from_slice(&seq.to_be_bytes());
        let body = Body::new(salt, self.content.clone())?;
        let header = Header {
            author: log.author,
            lane: log.lane,
            generation: log.generation,
            seq,
            prev,
            created_at: self.now,
            expires_at: Time(self.now.0 + LIFE_MS),
            roster_epoch: 0,
            priority: Priority::ROUTINE,
            kind: Kind::MESSAGE,
            retention: Retention::YEARS_5,
            flags: Flags(Flags::EXERCISE),
            to: Vec::new(),
            audience: Audience::Open,
            body_commit: body.commitment(self.network),
            body_len: u32::try_from(self.content.len())?,
            ext: Vec::new(),
        };
        let sign = |id| *identity.signing_key().sign_record(self.network, id).as_bytes();
        Ok(Record::sign_with(self.network, header, Some(body), sign)?)
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
