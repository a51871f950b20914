//! `mesh`: records per second of three nodes. A record counts when the signed frontiers of all three cover it, which
//! they do only when it is synced to each disk.

use std::time::Duration;

use anyhow::ensure;
use ecomesh_api::SendRequest;

use crate::cli::Options;
use crate::cluster::Cluster;
use crate::coverage::covered;
use crate::cpu::{Cpu, Snapshot};
use crate::figures::{Figure, Samples, Section, Target};
use crate::load::{Sending, in_a_window, message};
use crate::nats::{Nats, Sync};
use crate::process::usage;
use crate::raw::{Limits, gossip_figure};

/// Nodes.
const NODES: usize = 3;
/// The slowest run that is still waited for, in records per second, after a minute of grace.
const SLOWEST: u64 = 100;
/// What the project promises.
const TARGET: Target = Target::AtLeast(8_000.0);
/// And for records that are sealed to the two others.
const SEALED_TARGET: Target = Target::AtLeast(1_200.0);
/// And against NATS with three replicas that syncs before it acknowledges.
const NATS_TARGET: Target = Target::AtLeast(0.25);
/// And per node, in MiB under this load.
const MEMORY_TARGET: Target = Target::AtMost(200.0);

/// Runs it as often as asked; the median counts.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    ensure!(
        !options.sealed || options.senders == 1,
        "sealed records are sent at one node: leave --senders out"
    );
    let request = message(options.body_bytes as usize)?;
    let mut section = Section::new("mesh", story(options));
    let limits = Limits::measure(options).await?;
    let gossip = gossip_figure(options).await?;
    let (mut rates, mut accepted, mut memory) = (Samples::default(), Samples::default(), Samples::default());
    let mut waits = Samples::default();
    let mut rivals = Rivals::find(options, &mut section);
    for _ in 0..options.runs {
        let run = once(options, &request).await?;
        rates.value(run.rate());
        accepted.value(run.accepted_rate());
        memory.value(run.peak_mib);
        section.note(run.note());
        waits.append(run.sending.waits);
        rivals.measure(options).await?;
    }
    add_figures(&mut section, options, &rates, &accepted, &waits, &memory);
    rivals.add_to(&mut section, rates.median());
    limits.add_to(&mut section);
    section.figure(gossip);
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

fn add_figures(
    section: &mut Section,
    options: &Options,
    rates: &Samples,
    accepted: &Samples,
    waits: &Samples,
    memory: &Samples,
) {
    let (id, target) = match options.sealed {
        false => ("mesh.records_per_second", TARGET),
        true => ("mesh.sealed_per_second", SEALED_TARGET),
    };
    section.figure(Figure::new(id, "covered by all three", rates.median(), "records/s").target(target));
    section.figure(Figure::new(
        "mesh.accepted_per_second",
        "acknowledged by the sending nodes",
        accepted.median(),
        "records/s",
    ));
    for (id, what, share) in [("mesh.send_ms_p50", "send, p50", 0.5), ("mesh.send_ms_p99", "send, p99", 0.99)]
    {
        section.figure(Figure::new(id, what, waits.percentile(share), "ms"));
    }
    let peak = Figure::new("mesh.peak_mib", "peak resident memory of the largest node", memory.max(), "MiB");
    // A sealed record has five times the bytes.
    section.figure(if options.sealed { peak } else { peak.target(MEMORY_TARGET) });
}

/// NATS under the same load, if that was asked for.
struct Rivals {
    nats: Option<Nats>,
    /// With its default sync, and with one before each acknowledgement.
    rates: [(Sync, Samples); 2],
}

impl Rivals {
    fn find(options: &Options, section: &mut Section) -> Self {
        let rates = [(Sync::Default, Samples::default()), (Sync::Always, Samples::default())];
        Self { nats: Nats::find(options, section), rates }
    }

    async fn measure(&mut self, options: &Options) -> anyhow::Result<()> {
        let Some(nats) = &self.nats else { return Ok(()) };
        for (sync, rates) in &mut self.rates {
            rates.value(nats.throughput(*sync, options).await?);
        }
        Ok(())
    }

    fn add_to(&self, section: &mut Section, ours: f64) {
        for (sync, rates) in self.rates.iter().filter(|(_, rates)| rates.len() > 0) {
            let name = sync.name();
            let rate = rates.median();
            let what = format!("NATS, sync {name}: acknowledged");
            section.figure(Figure::new(&format!("nats.{name}.per_second"), what, rate, "messages/s"));
            let what = format!("ours / NATS, sync {name}");
            let mut ratio = Figure::new(&format!("mesh.against_nats_{name}"), what, ours / rate, "");
            if *sync == Sync::Always {
                ratio = ratio.target(NATS_TARGET);
            }
            section.figure(ratio);
        }
    }
}

fn story(options: &Options) -> String {
    let to = if options.sealed { "sealed to the two other" } else { "to all" };
    format!(
        "{} records of {} bytes of content {to} members of a network of three, sent at {} node(s), {} outstanding \
         over as many connections.",
        options.records, options.body_bytes, options.senders, options.window
    )
}

/// One run.
struct Run {
    sending: Sending,
    covered_s: f64,
    peak_mib: f64,
    cpu: Cpu,
}

impl Run {
    fn rate(&self) -> f64 {
        self.sending.count() as f64 / self.covered_s
    }

    fn accepted_rate(&self) -> f64 {
        let seconds = (self.sending.ended - self.sending.began).as_secs_f64();
        self.sending.count() as f64 / seconds
    }

    /// Where the processors' time went.
    fn note(&self) -> String {
        let busy = match self.sending.busy {
            0 => String::new(),
            times => format!("; refused as busy {times} times"),
        };
        format!("{}{busy}", self.cpu.note(self.sending.count()))
    }
}

async fn once(options: &Options, request: &SendRequest) -> anyhow::Result<Run> {
    let mut cluster = Cluster::start(NODES, options).await?;
    let before = Snapshot::take(&cluster.nodes)?;
    let clients =
        (0..options.window as usize).map(|n| cluster.nodes[n % options.senders as usize].client()).collect();
    let mut request = request.clone();
    if options.sealed {
        request.members = false;
        request.to = cluster.founded.members[1..NODES].iter().map(ToString::to_string).collect();
    }
    let sending = in_a_window(clients, &request, options.records).await?;
    let longest = Duration::from_secs(60 + options.records / SLOWEST);
    let covered_at = covered(&cluster.nodes, &sending.logs, &cluster.founded.members, longest).await?;
    let cpu = before.until_now(&cluster.nodes)?;
    check_nothing_is_lost(options, &sending)?;
    let mut peak_kib = 0;
    for node in &cluster.nodes {
        peak_kib = peak_kib.max(usage(node.pid()?)?.peak_kib);
    }
    cluster.stop().await;
    Ok(Run {
        covered_s: (covered_at - sending.began).as_secs_f64(),
        sending,
        peak_mib: peak_kib as f64 / 1024.0,
        cpu,
    })
}

/// The logs were empty before: what the frontiers cover is exactly what was acknowledged.
fn check_nothing_is_lost(options: &Options, sending: &Sending) -> anyhow::Result<()> {
    ensure!(sending.count() == options.records, "{} of {} sends", sending.count(), options.records);
    for (log, acknowledged) in &sending.logs {
        ensure!(acknowledged.last + 1 == acknowledged.count, "{log} has {acknowledged:?}");
    }
    Ok(())
}
