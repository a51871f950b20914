//! `catchup`: a node that missed many records is started, and fetches them from two others, until its own signed
//! frontier, as one of the others has received it, covers everything.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::archive::{self, AUTHORS, Archive};
use crate::cli::Options;
use crate::cluster::{Cluster, until};
use crate::coverage::holder_covers;
use crate::cpu::{Cpu, Snapshot};
use crate::figures::{Figure, Samples, Section, Target};
use crate::raw::Limits;

/// Nodes; the last one missed everything.
const NODES: usize = 3;
/// The node that fetches.
const LATE: usize = 2;
/// The slowest run that is still waited for, in records per second, after a minute of grace.
const SLOWEST: u64 = 500;
/// What the project promises.
const TARGET: Target = Target::AtLeast(18_000.0);
/// And as a share of cores / (1/V + 1/S).
const SHARE_TARGET: Target = Target::AtLeast(0.5);

/// Runs it.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let limits = Limits::measure(options).await?;
    let mut section = Section::new("catchup", story(options));
    let (mut rates, mut after_start) = (Samples::default(), Samples::default());
    for _ in 0..options.runs {
        let run = once(options).await?;
        let records = options.missed as f64;
        rates.value(records / run.from_spawn.as_secs_f64());
        after_start.value(records / run.from_ready.as_secs_f64());
        section.note(run.cpu.note(options.missed));
    }
    let rate = rates.median();
    section.figure(
        Figure::new(
            "catchup.records_per_second",
            "fetched, from the start of the process",
            rate,
            "records/s",
        )
        .target(TARGET),
    );
    let what = "fetched, from when the node was ready";
    section.figure(Figure::new("catchup.after_ready", what, after_start.median(), "records/s"));
    let share = rate / limits.verify_and_store();
    let what = "fetched / (cores / (1/V + 1/S))";
    section.figure(Figure::new("catchup.share_of_raw", what, share, "").target(SHARE_TARGET));
    limits.add_to(&mut section);
    if options.runs > 1 {
        section.note(format!(
            "{} runs, from {:.0} to {:.0} records/s",
            rates.len(),
            rates.min(),
            rates.max()
        ));
    }
    Ok(section)
}

fn story(options: &Options) -> String {
    format!(
        "A node with an empty store fetches {} records of {} bytes of content, of {AUTHORS} authors without nodes, \
         from two nodes that hold them all. V and S are the raw limits below.",
        options.missed, options.body_bytes
    )
}

struct Run {
    from_spawn: Duration,
    from_ready: Duration,
    cpu: Cpu,
}

async fn once(options: &Options) -> anyhow::Result<Run> {
    let mut cluster = Cluster::found(NODES, AUTHORS, options)?;
    for node in &mut cluster.nodes[..LATE] {
        node.spawn()?;
    }
    for node in &cluster.nodes[..LATE] {
        node.ready(Duration::from_secs(60)).await?;
    }
    let archive = make(&cluster, options.missed, options.body_bytes)?;
    fill(&cluster, &archive, 0..LATE).await?;
    std::fs::remove_file(&archive.path)?;
    cluster.linked(0..LATE).await?;
    let longest = Duration::from_secs(60 + options.missed / SLOWEST);
    let spawned = Instant::now();
    cluster.nodes[LATE].spawn()?;
    cluster.nodes[LATE].ready(Duration::from_secs(60)).await?;
    let ready = Instant::now();
    let before = Snapshot::take(&cluster.nodes)?;
    let mut done = ready;
    let late = cluster.nodes[LATE].member;
    for range in &archive.logs {
        let asked = cluster.nodes[0].client();
        let covered = holder_covers(&asked, late, range.log, range.last, spawned + longest).await?;
        done = done.max(covered);
    }
    let cpu = before.until_now(&cluster.nodes)?;
    let held = cluster.nodes[LATE].api.node().await?.records;
    ensure!(held >= options.missed, "the node holds {held} of {} records", options.missed);
    cluster.stop().await;
    Ok(Run { from_spawn: done - spawned, from_ready: done - ready, cpu })
}

/// Makes an archive in the cluster's folder.
pub fn make(cluster: &Cluster, records: u64, body_bytes: u32) -> anyhow::Result<Archive> {
    let folder: &Path = cluster.folder();
    tokio::task::block_in_place(|| archive::write(&cluster.founded, folder, records, body_bytes))
}

/// Imports an archive into these nodes, all at once.
pub async fn fill(cluster: &Cluster, archive: &Archive, nodes: std::ops::Range<usize>) -> anyhow::Result<()> {
    let imports = cluster.nodes[nodes].iter().map(async |node| {
        let file = tokio::fs::File::open(&archive.path).await?;
        let imported = node.api.import(file).await.context("an import failed")?;
        // The peer may have sent some of them meanwhile.
        let held = imported.new + imported.known;
        ensure!(held == archive.records, "{imported:?} of {} records", archive.records);
        let longest = Duration::from_secs(60);
        until(longest, "an import to be covered", async || {
            let records = node.api.node().await.ok()?.records;
            (records >= archive.records).then_some(())
        })
        .await
    });
    futures::future::try_join_all(imports).await?;
    Ok(())
}
