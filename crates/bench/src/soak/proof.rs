//! The proof at the end: all nodes hold the same, every acknowledged record is in every export, and every export is
//! whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use ecomesh_api::{ExportQuery, FrontierQuery};
use ecomesh_audit::{Options as AuditOptions, audit};
use ecomesh_record::archive::{ArchiveDecoder, Item};
use ecomesh_record::record::{header_hash, record_id};
use ecomesh_record::{Header, NetworkId, Time};

use super::Shared;
use crate::cluster::until;

/// Longest wait for all nodes to hold the same.
const CONVERGED_MAX: Duration = Duration::from_secs(600);
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What was found.
pub struct Proof {
    /// Acknowledged records that an export lacks, over all exports.
    pub lost: u64,
    /// Faults that the audits found, over all exports.
    pub faults: u64,
    /// How long it took until all nodes held the same.
    pub converged: Duration,
}

/// Looks at all nodes.
pub async fn of_all(
    shared: &Shared,
    acknowledged: &[(String, String)],
    folder: &Path,
) -> anyhow::Result<Proof> {
    let began = Instant::now();
    until(CONVERGED_MAX, "all nodes to hold the same", async || {
        let mut digests = BTreeSet::new();
        for client in &shared.clients {
            digests.insert(client.frontier(&FrontierQuery::default()).await.ok()?.digest);
        }
        (digests.len() == 1).then_some(())
    })
    .await?;
    let mut proof = Proof { lost: 0, faults: 0, converged: began.elapsed() };
    let file = folder.join("export.archive");
    for client in &shared.clients {
        let mut out = tokio::fs::File::create(&file).await?;
        client.export(&ExportQuery::default(), &mut out).await.context("an export failed")?;
        drop(out);
        let (lost, faults) = tokio::task::block_in_place(|| look(&file, acknowledged))?;
        proof.lost += lost;
        proof.faults += faults;
    }
    Ok(proof)
}

/// How many acknowledged records an archive lacks, and how many faults it has.
fn look(archive: &Path, acknowledged: &[(String, String)]) -> anyhow::Result<(u64, u64)> {
    // The clock only explains absent bodies, and no message of the load has expired.
    let report = audit(File::open(archive)?, &AuditOptions::at(Time(0)))?;
    let held = records(archive, report.network.context("an archive without a network")?)?;
    let lost = acknowledged.iter().filter(|record| !held.contains(*record)).count();
    Ok((lost as u64, report.fault_count))
}

/// Position and id of all records of an archive.
fn records(archive: &Path, network: NetworkId) -> anyhow::Result<BTreeSet<(String, String)>> {
    let mut file = File::open(archive)?;
    let mut decoder = ArchiveDecoder::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut held = BTreeSet::new();
    loop {
        let length = file.read(&mut chunk)?;
        decoder.push(&chunk[..length]);
        while let Some(item) = decoder.next()? {
            let Item::Record { frame: Ok(frame), .. } = item else { continue };
            let position = Header::decode(&frame.header)?.position();
            let id = record_id(network, position, header_hash(&frame.header));
            held.insert((position.to_string(), id.to_string()));
        }
        if length == 0 {
            return Ok(held);
        }
    }
}
