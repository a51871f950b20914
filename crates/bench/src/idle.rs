//! `idle`: memory of nodes that hold some records and do nothing, and what the records take on the disk.

use std::time::Duration;

use ecomesh_api::ExportQuery;
use tokio::io::sink;

use crate::cli::Options;
use crate::cluster::{Cluster, Node};
use crate::coverage::covered;
use crate::figures::{Figure, Samples, Section, Target};
use crate::load::{in_a_window, message};
use crate::process::{disk_bytes, usage};

/// Nodes.
const NODES: usize = 3;
/// Longest wait for the records to be everywhere, beside a second for each hundred.
const GRACE: Duration = Duration::from_secs(60);
/// What the project promises of an idle node, in MB (10^6 bytes).
const IDLE_MB_MAX: f64 = 40.0;
/// Disk used for each byte of a record.
const DISK_TARGET: Target = Target::AtMost(2.0);

/// Runs it.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let settle = Duration::from_secs(options.settle_s);
    let mut cluster = Cluster::start(NODES, options).await?;
    let request = message(options.body_bytes as usize)?;
    let clients = (0..options.window as usize).map(|n| cluster.nodes[n % NODES].client()).collect();
    let sending = in_a_window(clients, &request, options.held).await?;
    let longest = GRACE + Duration::from_secs(options.held / 100);
    covered(&cluster.nodes, &sending.logs, &cluster.founded.members, longest).await?;
    let under_load = memory(&cluster.nodes, |usage| usage.peak_kib)?;
    tokio::time::sleep(settle).await;
    let after_load = memory(&cluster.nodes, |usage| usage.rss_kib)?;
    let record_bytes = cluster.nodes[0].api.export(&ExportQuery::default(), &mut sink()).await?;
    let mut disk = Samples::default();
    for node in &cluster.nodes {
        disk.value(records_on_disk(node)? as f64 / record_bytes as f64);
    }
    restart_all(&mut cluster).await?;
    tokio::time::sleep(settle).await;
    let restarted = memory(&cluster.nodes, |usage| usage.rss_kib)?;
    cluster.stop().await;
    let mut section = Section::new("idle", story(options));
    let memory_target = Target::AtMost(IDLE_MB_MAX);
    section.figure(
        Figure::new("idle.restarted_mb", "resident, after a restart", restarted.max(), "MB")
            .target(memory_target),
    );
    section.figure(
        Figure::new("idle.after_load_mb", "resident, after the load", after_load.max(), "MB")
            .target(memory_target),
    );
    section.figure(Figure::new("idle.peak_mb", "peak while they were sent", under_load.max(), "MB"));
    section.figure(
        Figure::new("idle.disk_ratio", "disk used / bytes of records", disk.max(), "").target(DISK_TARGET),
    );
    section.note("the largest of the three nodes counts; the reserve on the disk (ballast) is not counted");
    Ok(section)
}

fn story(options: &Options) -> String {
    format!(
        "Three nodes that hold {} records of {} bytes of content, sent at all three with {} outstanding, then {} s \
         without load.",
        options.held, options.body_bytes, options.window, options.settle_s
    )
}

/// A look at each node's memory, in MB.
fn memory(nodes: &[Node], look: impl Fn(&crate::process::Usage) -> u64) -> anyhow::Result<Samples> {
    let mut samples = Samples::default();
    for node in nodes {
        samples.value(look(&usage(node.pid()?)?) as f64 * 1024.0 / 1e6);
    }
    Ok(samples)
}

/// What a node's store, journal and evidence take on the disk.
pub fn records_on_disk(node: &Node) -> anyhow::Result<u64> {
    let store = node.home().join("store");
    let ballast = std::fs::metadata(store.join("ballast")).map_or(0, |metadata| metadata.len());
    Ok((disk_bytes(&store)? + disk_bytes(&node.home().join("log"))?).saturating_sub(ballast))
}

async fn restart_all(cluster: &mut Cluster) -> anyhow::Result<()> {
    cluster.stop().await;
    for node in &mut cluster.nodes {
        node.spawn()?;
    }
    for node in &cluster.nodes {
        node.ready(GRACE).await?;
    }
    cluster.linked(0..NODES).await
}
