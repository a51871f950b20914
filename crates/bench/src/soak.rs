//! `soak`: ten real nodes under mixed load for as long as asked, while half of them are killed and started again at
//! random. The others run through: their memory, descriptors, threads and disk are watched, and the slopes printed. At
//! the end every acknowledged record must be found in an export of every node, and every export must be whole.

mod kill;
mod load;
mod proof;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use ecomesh_api::Client;
use tokio::sync::{Mutex, watch as signal};

use crate::cli::Options;
use crate::cluster::{Cluster, Node};
use crate::figures::{Figure, Section, Target};

/// Nodes.
const NODES: usize = 10;
/// The first ones are never killed.
const STEADY: usize = 5;

/// What all parts of the run share.
struct Shared {
    /// Locked only for a moment: to look at a process, to kill it, to start it.
    nodes: Vec<Mutex<Node>>,
    clients: Vec<Client>,
    members: Vec<String>,
    began: Instant,
}

/// Runs it.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let mut cluster = Cluster::start(NODES, options).await?;
    let nodes = std::mem::take(&mut cluster.nodes);
    let shared = Arc::new(Shared {
        clients: nodes.iter().map(Node::client).collect(),
        members: nodes.iter().map(|node| node.member.to_string()).collect(),
        nodes: nodes.into_iter().map(Mutex::new).collect(),
        began: Instant::now(),
    });
    let time = Duration::from_secs_f64(options.minutes * 60.0);
    let (stop, stopped) = signal::channel(false);
    let killer = tokio::spawn(kill::run(shared.clone(), kill_pause(options), stopped.clone()));
    let watcher = tokio::spawn(watch::run(shared.clone(), sample_pause(time), stopped.clone()));
    let reader = tokio::spawn(load::read(shared.clone(), stopped.clone()));
    // Ends by itself: when it does, every send has its acknowledgement.
    let sent = load::send(shared.clone(), options.soak_rate, time).await;
    stop.send_replace(true);
    let (kills, samples, reads) = (killer.await??, watcher.await?, reader.await?);
    let sent = sent?;
    let proof = proof::of_all(&shared, &sent.acknowledged, cluster.folder()).await?;
    for node in &shared.nodes {
        node.lock().await.stop().await;
    }
    let mut section = Section::new("soak", story(options));
    add_outcome(&mut section, &sent, &proof);
    samples.add_to(&mut section, &kills)?;
    section.note(format!(
        "{} kills and restarts; {} reads answered, {} refused while a node was away or starting; {} retries of sends; \
         {} sends could not be begun in time",
        kills.iter().sum::<u64>(),
        reads.answered,
        reads.refused,
        sent.retries,
        sent.late
    ));
    Ok(section)
}

fn story(options: &Options) -> String {
    format!(
        "{NODES} nodes for {} minutes: {} messages/s at random nodes, from 256 bytes to 48 KiB, to all or to a few, with \
         all priorities; reads of every kind; one of the last {} nodes killed about every {:.0} s.",
        options.minutes,
        options.soak_rate,
        NODES - STEADY,
        kill_pause(options).as_secs_f64()
    )
}

fn kill_pause(options: &Options) -> Duration {
    Duration::from_secs_f64(options.kill_every_s)
}

/// Some two hundred looks, but not more than one each second.
fn sample_pause(time: Duration) -> Duration {
    (time / 200).max(Duration::from_secs(1))
}

fn add_outcome(section: &mut Section, sent: &load::Sent, proof: &proof::Proof) {
    let none = Target::AtMost(0.0);
    let acknowledged = sent.acknowledged.len() as f64;
    section.figure(Figure::new("soak.acknowledged", "records acknowledged", acknowledged, "records"));
    let what = "acknowledged records that an export lacks";
    section.figure(Figure::new("soak.lost", what, proof.lost as f64, "records").target(none));
    let what = "faults in the audits of all exports";
    section.figure(Figure::new("soak.faults", what, proof.faults as f64, "faults").target(none));
    let what = "until all nodes held the same, after the end";
    section.figure(Figure::new("soak.converged_s", what, proof.converged.as_secs_f64(), "s"));
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let what = format!("due to acknowledged, retries included, {name}");
        let id = format!("soak.send_ms_{name}");
        section.figure(Figure::new(&id, what, sent.waits.percentile(share), "ms"));
    }
}

/// Small random numbers; which ones does not matter.
struct Dice(u64);

impl Dice {
    fn new() -> anyhow::Result<Self> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).context("no randomness")?;
        Ok(Self(u64::from_le_bytes(seed) | 1))
    }

    /// Below `bound` (xorshift64).
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}
