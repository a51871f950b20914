//! `restart`: a node that holds many records is killed and started again: how long until its API answers at all, and
//! until it takes and gives messages.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::archive::AUTHORS;
use crate::catchup::{fill, make};
use crate::cli::Options;
use crate::cluster::{Cluster, until};
use crate::figures::{Figure, Samples, Section, Target};

/// Kills of one size. The first comes right after the import.
const KILLS: usize = 3;
/// Longest wait for a node that reads its store.
const READY_MAX: Duration = Duration::from_secs(300);
/// "At once": what a client does not notice.
const ANSWER_MS_MAX: f64 = 500.0;
/// Up to so many records the first promise holds, and beyond it the second one.
const SMALL: u64 = 200_000;
/// What the project promises for stores up to [`SMALL`], in seconds.
const SMALL_READY_S: f64 = 3.0;
/// And for larger ones, up to a million records.
const LARGE_READY_S: f64 = 10.0;

/// Runs it for each size.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let story = format!(
        "A node that holds records of {} bytes of content is killed with SIGKILL and started again, {KILLS} times for \
         each size; the slowest start counts. Its files are in the system's cache.",
        options.body_bytes
    );
    let mut section = Section::new("restart", story);
    for records in &options.restart_records {
        let (answers, ready) = once(options, *records).await?;
        let bound = if *records <= SMALL { SMALL_READY_S } else { LARGE_READY_S };
        section.figure(
            Figure::new(
                &format!("restart.{records}.ready_s"),
                format!("{records} records: ready"),
                ready.max() / 1000.0,
                "s",
            )
            .target(Target::AtMost(bound)),
        );
        section.figure(
            Figure::new(
                &format!("restart.{records}.answers_ms"),
                format!("{records} records: the API answers"),
                answers.max(),
                "ms",
            )
            .target(Target::AtMost(ANSWER_MS_MAX)),
        );
    }
    Ok(section)
}

async fn once(options: &Options, records: u64) -> anyhow::Result<(Samples, Samples)> {
    let mut cluster = Cluster::found(1, AUTHORS, options)?;
    cluster.nodes[0].spawn()?;
    cluster.nodes[0].ready(READY_MAX).await?;
    let archive = make(&cluster, records, options.body_bytes)?;
    fill(&cluster, &archive, 0..1).await?;
    std::fs::remove_file(&archive.path)?;
    let (mut answers, mut ready) = (Samples::default(), Samples::default());
    for _ in 0..KILLS {
        cluster.nodes[0].kill().await?;
        let began = Instant::now();
        cluster.nodes[0].spawn()?;
        let node = &cluster.nodes[0];
        until(READY_MAX, "the API to answer", async || node.api.health().await.ok().map(drop)).await?;
        answers.time(began.elapsed());
        node.ready(READY_MAX).await?;
        ready.time(began.elapsed());
        let held = node.api.node().await?.records;
        ensure!(held >= records, "the node holds {held} of {records} records after the kill");
    }
    cluster.stop().await;
    Ok((answers, ready))
}
