//! Raw limits: what the parts that ecomesh is made of do alone on this machine. No mesh made of them can do more.

mod disk;
mod gossip;
mod signatures;

use std::time::Duration;

use serde::Serialize;

use crate::cli::Options;
use crate::cluster::temporary_folder;
use crate::figures::{Figure, Section};

/// All limits of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Limits {
    /// Processors that this process may use.
    pub cores: f64,
    /// Strict verifications per second on one core, alone.
    pub verify_per_core: f64,
    /// The same on all cores at once, in all. Virtual cores may share what one core alone has for itself.
    pub verify_all_cores: f64,
    /// Signatures per second on one core.
    pub sign_per_core: f64,
    /// Rows of 1.2 KiB per second that sled takes in batches of 256, each batch flushed and synced.
    pub sled_rows: f64,
}

impl Limits {
    /// Measures what the ratios of the benchmarks need: some three seconds.
    pub async fn measure(options: &Options) -> anyhow::Result<Self> {
        let time = Duration::from_millis(options.raw_ms);
        let folder = temporary_folder(options)?;
        let measured = tokio::task::spawn_blocking(move || {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            anyhow::Ok(Self {
                cores: cores as f64,
                verify_per_core: signatures::verifications(1, time)?,
                verify_all_cores: signatures::verifications(cores, time)?,
                sign_per_core: signatures::signatures(time)?,
                sled_rows: disk::sled_rows(folder.path(), time)?,
            })
        });
        measured.await?
    }

    /// The most records per second that verifying and storing each once allows: cores / (1/V + 1/S).
    pub fn verify_and_store(&self) -> f64 {
        self.cores / (1.0 / self.verify_per_core + 1.0 / self.sled_rows)
    }

    /// The limits as figures of a benchmark.
    pub fn add_to(&self, section: &mut Section) {
        let rows = [
            ("raw.verify_per_core", "raw: strict verifications, one core", self.verify_per_core, "1/s"),
            ("raw.verify_all_cores", "raw: strict verifications, all cores", self.verify_all_cores, "1/s"),
            ("raw.sign_per_core", "raw: signatures, one core", self.sign_per_core, "1/s"),
            ("raw.sled_rows", "raw: sled, rows of 1.2 KiB, 256 a batch, synced", self.sled_rows, "rows/s"),
        ];
        for (id, what, measured, unit) in rows {
            section.figure(Figure::new(id, what, measured, unit));
        }
    }
}

/// All raw limits, with those that no ratio needs.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let story = format!("The parts alone, {} ms each, one after the other.", options.raw_ms);
    let mut section = Section::new("raw", story);
    Limits::measure(options).await?.add_to(&mut section);
    let folder = temporary_folder(options)?;
    let time = Duration::from_millis(options.raw_ms);
    let syncs = tokio::task::spawn_blocking(move || disk::syncs(folder.path(), time)).await??;
    for (id, what, share) in [
        ("raw.fsync_ms_p50", "raw: write of 4 KiB and fdatasync, p50", 0.5),
        ("raw.fsync_ms_p99", "raw: write of 4 KiB and fdatasync, p99", 0.99),
    ] {
        section.figure(Figure::new(id, what, syncs.percentile(share), "ms"));
    }
    section.figure(gossip_figure(options).await?);
    Ok(section)
}

/// Plain gossip of three peers with the messages and the window of `mesh`.
pub async fn gossip_figure(options: &Options) -> anyhow::Result<Figure> {
    let rate = gossip::rate(options.records, options.window as usize, options.body_bytes as usize).await?;
    let what = "raw: plain gossipsub, three peers, received by both others";
    Ok(Figure::new("raw.gossip_per_second", what, rate, "messages/s"))
}
