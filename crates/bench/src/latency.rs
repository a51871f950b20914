//! `latency`: from a record's acknowledgement until the signed frontiers of both other nodes cover it, as the
//! sender's node tells in its events. One record at a time, and at a rate that nothing slows down.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use ecomesh_api::{Client, ClientError, Event, EventStream, Received, SendRequest, Sent};
use tokio::sync::mpsc;

use crate::cli::Options;
use crate::cluster::{Cluster, Node};
use crate::figures::{Figure, Samples, Section, Target};
use crate::load::message;
use crate::nats::add_latencies;

/// Nodes.
const NODES: usize = 3;
/// Longest wait for one record.
const PATIENCE: Duration = Duration::from_secs(30);
/// Quiet before a record that is sent alone: longer than all pauses between frontiers.
const QUIET: Duration = Duration::from_millis(120);
/// Records sent before any is measured.
const WARM_UP: usize = 20;

/// Runs both forms.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let request = message(options.body_bytes as usize)?;
    let mut cluster = Cluster::start(NODES, options).await?;
    let mut section = Section::new("latency", story(options));
    one_at_a_time(options, &cluster.nodes[0], &request, &mut section).await?;
    at_a_rate(options, &cluster.nodes[0], &request, &mut section).await?;
    cluster.stop().await;
    add_latencies(options, &mut section).await?;
    Ok(section)
}

fn story(options: &Options) -> String {
    format!(
        "Three nodes, records of {} bytes of content to all members, sent at one node. {} one after the other, each \
         when the one before was covered; {} each after {} ms of quiet; then {} records/s for {} s, the time counted \
         from when each should have been sent.",
        options.body_bytes,
        options.samples,
        options.samples / 5,
        QUIET.as_millis(),
        options.rate,
        options.rate_s
    )
}

/// When each of the two other nodes was shown to hold a record.
struct Deliveries {
    events: mpsc::Receiver<(String, Instant)>,
    seen: BTreeMap<String, Vec<Instant>>,
}

impl Deliveries {
    async fn listen(node: &Node) -> anyhow::Result<Self> {
        let stream = node.client().events(None).await.context("no events")?;
        let (sender, events) = mpsc::channel(1024);
        tokio::spawn(forward(stream, sender));
        Ok(Self { events, seen: BTreeMap::new() })
    }

    /// When the last of the two frontiers came that cover this record.
    async fn of(&mut self, id: &str) -> anyhow::Result<Instant> {
        loop {
            if self.seen.get(id).is_some_and(|times| times.len() >= NODES - 1) {
                let times = self.seen.remove(id).unwrap_or_default();
                return times.into_iter().max().context("no time");
            }
            let next = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let Ok(event) = next else { bail!("{id} was not covered within {} s", PATIENCE.as_secs()) };
            let (id, at) = event.context("the events ended, or some were missed")?;
            self.seen.entry(id).or_default().push(at);
        }
    }
}

/// Passes deliveries on; ends when the stream does, or says that it left something out.
async fn forward(mut stream: EventStream, to: mpsc::Sender<(String, Instant)>) {
    while let Ok(Received::Event(envelope)) = stream.next().await {
        let sent = match envelope.event {
            Event::Delivered { id, .. } => to.send((id, Instant::now())).await.is_ok(),
            Event::Missed => false,
            _ => true,
        };
        if !sent {
            return;
        }
    }
}

async fn one_at_a_time(
    options: &Options,
    node: &Node,
    request: &SendRequest,
    section: &mut Section,
) -> anyhow::Result<()> {
    let (client, mut deliveries) = (node.client(), Deliveries::listen(node).await?);
    let count = options.samples as usize;
    timed(&client, request, &mut deliveries, WARM_UP.min(count), Duration::ZERO).await?;
    let chained = timed(&client, request, &mut deliveries, count, Duration::ZERO).await?;
    let alone = timed(&client, request, &mut deliveries, (count / 5).max(1), QUIET).await?;
    chained.add(section, "one", "one at a time", Some(5.0));
    alone.add(section, "alone", "after quiet", None);
    Ok(())
}

/// Times of single records.
#[derive(Default)]
struct Times {
    accepted_to_covered: Samples,
    sent_to_accepted: Samples,
    sent_to_covered: Samples,
}

impl Times {
    fn add(&self, section: &mut Section, id: &str, what: &str, p50_target: Option<f64>) {
        for (part, words, samples) in [
            ("covered", "accepted to covered by all", &self.accepted_to_covered),
            ("accepted", "sent to accepted", &self.sent_to_accepted),
            ("total", "sent to covered by all", &self.sent_to_covered),
        ] {
            for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
                let id = format!("latency.{id}.{part}_ms_{name}");
                let mut figure =
                    Figure::new(&id, format!("{what}: {words}, {name}"), samples.percentile(share), "ms");
                let target = p50_target.filter(|_| part == "covered" && name == "p50");
                if let Some(bound) = target {
                    figure = figure.target(Target::AtMost(bound));
                }
                section.figure(figure);
            }
        }
    }
}

async fn timed(
    client: &Client,
    request: &SendRequest,
    deliveries: &mut Deliveries,
    count: usize,
    quiet: Duration,
) -> anyhow::Result<Times> {
    let mut times = Times::default();
    for _ in 0..count {
        tokio::time::sleep(quiet).await;
        let began = Instant::now();
        let sent = client.send(request, None).await?;
        let accepted = Instant::now();
        // The proof may be here before the client has read the answer.
        let covered = deliveries.of(&sent.id).await?;
        times.sent_to_accepted.time(accepted - began);
        times.accepted_to_covered.time(covered.saturating_duration_since(accepted));
        times.sent_to_covered.time(covered - began);
    }
    Ok(times)
}

/// When a send was due, when its answer came, and the answer.
type Offered = (Instant, Instant, Result<Sent, ClientError>);

/// Begins `count` sends at fixed times.
async fn offer(client: Client, request: SendRequest, rate: f64, count: u64, sent: mpsc::Sender<Offered>) {
    let start = Instant::now() + QUIET;
    for n in 0..count {
        let due = start + Duration::from_secs_f64(n as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        let (client, request, sent) = (client.clone(), request.clone(), sent.clone());
        tokio::spawn(async move {
            let answer = client.send(&request, None).await;
            // The channel has room for all.
            let _ = sent.send((due, Instant::now(), answer)).await;
        });
    }
}

/// Sends at fixed times, whatever becomes of the records before: a stall is counted against every record that should
/// have been sent meanwhile.
async fn at_a_rate(
    options: &Options,
    node: &Node,
    request: &SendRequest,
    section: &mut Section,
) -> anyhow::Result<()> {
    let count = u64::from(options.rate) * options.rate_s;
    let mut deliveries = Deliveries::listen(node).await?;
    let (sender, mut sent) = mpsc::channel(count as usize);
    let offered = tokio::spawn(offer(node.client(), request.clone(), f64::from(options.rate), count, sender));
    let (mut from_due, mut from_accepted) = (Samples::default(), Samples::default());
    for _ in 0..count {
        let answer = tokio::time::timeout(PATIENCE, sent.recv()).await.context("no answer to a send")?;
        let (due, accepted, result) = answer.context("the senders ended")?;
        let covered = deliveries.of(&result?.id).await?;
        from_due.time(covered - due);
        from_accepted.time(covered.saturating_duration_since(accepted));
    }
    offered.await?;
    ensure!(from_due.len() as u64 == count, "{} of {count} records", from_due.len());
    for (name, share, bound) in [("p50", 0.5, 15.0), ("p99", 0.99, 60.0)] {
        let rate = options.rate;
        let what = format!("{rate}/s offered: due to covered by all, {name}");
        let id = format!("latency.rate.total_ms_{name}");
        section
            .figure(Figure::new(&id, what, from_due.percentile(share), "ms").target(Target::AtMost(bound)));
        let what = format!("{rate}/s offered: accepted to covered by all, {name}");
        let id = format!("latency.rate.covered_ms_{name}");
        section.figure(Figure::new(&id, what, from_accepted.percentile(share), "ms"));
    }
    Ok(())
}
