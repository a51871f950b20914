//! The simulator's model of gossip against the real one: the same mesh, the same delays, the same records.
//!
//! Copies are counted in both and must agree. Latencies are printed side by side: those of real processes have in them
//! what this machine needs for so many of them, so no test can hold them to a figure.

use std::time::Duration;

use ecomesh_api::Priority;
use ecomesh_sim::{Load, NetworkPlan, Scenario};

use crate::common::wait_at_most;
use crate::lab::{Lab, PATIENCE};
use crate::load::Acknowledged;
use crate::outcome::{ask, try_ask};
use crate::post::send;
use crate::random::number;

/// Nodes of the short form: more than the links that one node dials for, so that not everyone has links with all.
const NODES: u64 = 16;
/// One way, in milliseconds; the longer, the less counts what this machine needs for so many processes.
const DELAY_MS: u64 = 100;
/// Records, one after the other, of so many bytes.
const RECORDS: usize = 24;
const BYTES: usize = 4_096;
/// Gossip's meshes are mended and trimmed at heartbeats of a second; in the model as many pass before the first record.
const SETTLING: Duration = Duration::from_secs(20);
/// Model and mesh may differ by this share.
const TOLERANCE: f64 = 0.2;
/// Seeds of the model.
const SEEDS: std::ops::Range<u64> = 1..6;

#[test]
fn the_model_of_gossip_agrees_with_the_real_one() {
    let nodes = usize::try_from(number("ECOMESH_NODES").unwrap_or(NODES)).unwrap();
    let Some(mut lab) = Lab::found("model", nodes) else { return };
    let delay_ms = number("ECOMESH_DELAY_MS").unwrap_or(DELAY_MS);
    lab.change(|network| network.delay = Duration::from_millis(delay_ms));
    lab.start_all();
    lab.wait_until_linked();
    std::thread::sleep(SETTLING);
    let (copies, latencies) = real(&lab);
    let model: Vec<Model> = SEEDS.map(|seed| Model::play(nodes, delay_ms, seed)).collect();
    let mean = |of: fn(&Model) -> f64| model.iter().map(of).sum::<f64>() / model.len() as f64;
    let (expected, each, all) = (mean(|m| m.copies), mean(|m| m.each_ms), mean(|m| m.all_ms));
    eprintln!(
        "model: {nodes} nodes, {delay_ms} ms; copies per record and node: {copies:.2} real, {expected:.2} model; to one \
         other node, median: {} ms real, {each:.0} ms model; to all, median: {} ms real, {all:.0} ms model",
        latencies.each_ms, latencies.all_ms
    );
    assert!(
        (copies - expected).abs() <= TOLERANCE * expected,
        "the model says {expected:.2} copies, the mesh has {copies:.2}"
    );
}

struct Model {
    copies: f64,
    each_ms: f64,
    all_ms: f64,
}

impl Model {
    fn play(nodes: usize, delay_ms: u64, seed: u64) -> Self {
        let scenario = Scenario {
            nodes,
            run_ms: 90_000,
            load: Load {
                gap_ms: 1_500 * nodes as u64,
                start_ms: SETTLING.as_millis() as u64,
                burst: 1,
                drafts: RECORDS as u64,
                bytes: [BYTES as u64; 2],
                medium_permille: 0,
                large_permille: 0,
                keyed_percent: 0,
                retry_percent: 0,
                to_all_percent: 100,
                urgent_percent: 0,
                ..Load::default()
            },
            network: NetworkPlan { latency_ms: [delay_ms; 2], jitter_ms: 0, ..NetworkPlan::default() },
            ..Scenario::default()
        };
        let report = ecomesh_sim::run(&scenario, seed).report;
        assert!(report.records > 0);
        Self { copies: report.copies, each_ms: report.each_p50_ms as f64, all_ms: report.all_p50_ms as f64 }
    }
}

struct Latencies {
    each_ms: u64,
    all_ms: u64,
}

/// Copies per record and node other than the author, and how long records took.
fn real(lab: &Lab) -> (f64, Latencies) {
    let counted = || lab.all().into_iter().map(|node| lab.counter(node, "gossip_copies")).sum::<u64>();
    let nodes = &lab.network.nodes;
    let before = counted();
    let (mut each, mut all) = (Vec::new(), Vec::new());
    for number in 0..RECORDS {
        let author = number % nodes.len();
        let sent = send(&nodes[author], &format!("Model {number}"), &"m".repeat(BYTES), Priority::Routine);
        let mut took: Vec<u64> = lab
            .all()
            .into_iter()
            .filter(|node| *node != author)
            .map(|node| arrival(lab, node, &sent))
            .collect();
        took.sort_unstable();
        all.extend(took.last());
        each.extend(took);
    }
    let copies = (counted() - before) as f64 / (RECORDS * (nodes.len() - 1)) as f64;
    let median = |list: &mut Vec<u64>| {
        list.sort_unstable();
        list[list.len() / 2]
    };
    (copies, Latencies { each_ms: median(&mut each), all_ms: median(&mut all) })
}

/// Waits until a node has the record; how long after it was made, by the one clock of this machine.
fn arrival(lab: &Lab, node: usize, sent: &Acknowledged) -> u64 {
    let node = &lab.network.nodes[node];
    wait_at_most(PATIENCE, "a record", || {
        try_ask(node, async |api| api.record(&sent.id).await).map(drop).map_err(|error| error.to_string())
    });
    let message = ask(node, async |api| api.record(&sent.id).await).message;
    message.first_seen_ms.saturating_sub(message.created_at_ms)
}
