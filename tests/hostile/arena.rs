//! Three honest nodes that go on exchanging messages, whatever the others do, and what is measured of them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ecomesh_api::{Client, SendRequest};
use ecomesh_record::{Lane, LogId, MemberId};
use serde_json::{Value, json};

use super::member::Member;
use crate::common::{Network, Node, PATIENCE, wait_for};

/// The members whose nodes run.
const HONEST: [&str; 3] = ["KE", "TZ", "TH"];
/// The members whose keys the tests have.
const HOSTILE: [&str; 10] = ["FR", "CN", "BR", "NO", "PE", "UG", "IN", "CA", "ES", "NG"];
/// Settings of all nodes: short waits, and the limits of strangers as they are in the field.
const SETTINGS: &str = "[net]\nredial_ms_min = 100\nredial_ms_max = 1000\n\n[store]\nballast_mib = 1\n";
/// How much more memory than before an attack may be resident at its worst moment, in KiB.
const GROWTH_KIB_MAX: u64 = 64 * 1024;
/// And for each thousand messages of the honest members, which go on for as long as an attack: listings, cache, journal.
const GROWTH_KIB_PER_THOUSAND: u64 = 2 * 1024;
/// How many more descriptors than before may be open: as many as connections of all kinds, and some files.
const DESCRIPTORS_MAX: usize = 64 + 256 + 32;

/// The network under attack.
pub struct Arena {
    pub network: Network,
    pub hostile: Vec<Member>,
    /// Where each honest node listens.
    pub ports: Vec<u16>,
    before: Vec<Usage>,
    descriptors: Descriptors,
    quiet: Duration,
    /// Messages that the honest members exchanged during attacks.
    honest: AtomicU64,
}

/// What a process uses.
#[derive(Clone, Copy, Debug)]
struct Usage {
    resident_kib: u64,
    /// The most that was ever resident.
    peak_kib: u64,
    descriptors: Option<usize>,
}

impl Arena {
    /// Founds the network, starts the honest nodes and lets them warm up.
    pub fn start() -> Self {
        let members: Vec<&str> = HONEST.into_iter().chain(HOSTILE).collect();
        let mut network = Network::found_quickly(&members, SETTINGS);
        for index in 0..HONEST.len() {
            network.start_node(index);
        }
        network.wait_until_linked();
        let hostile = network.nodes[HONEST.len()..].iter().zip(10..);
        let hostile = hostile.map(|(node, source)| Member::of(node, source)).collect();
        let ports = network.nodes[..HONEST.len()].iter().map(port_of).collect();
        let pulse = Pulse::start(&network);
        let quiet = median(&pulse.stop_after(40));
        let before = pids(&network).iter().map(|pid| usage(*pid)).collect();
        let descriptors = Descriptors::watch(pids(&network));
        Self { network, hostile, ports, before, descriptors, quiet, honest: AtomicU64::new(0) }
    }

    /// Runs an attack while the honest members exchange messages; all of these must be delivered.
    pub fn under<T>(&self, what: &str, attack: impl Future<Output = T>) -> T {
        let pulse = Pulse::start(&self.network);
        let began = Instant::now();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let done = runtime.block_on(attack);
        let took = began.elapsed();
        let latencies = pulse.stop_after(20);
        let loaded = median(&latencies);
        eprintln!(
            "{what}: {:.1} s, {} honest messages delivered, median {:.1} ms against {:.1} ms at rest: ratio {:.2}",
            took.as_secs_f64(),
            latencies.len(),
            loaded.as_secs_f64() * 1e3,
            self.quiet.as_secs_f64() * 1e3,
            loaded.as_secs_f64() / self.quiet.as_secs_f64(),
        );
        self.honest.fetch_add(latencies.len() as u64, Ordering::Relaxed);
        self.check(what);
        runtime.shutdown_timeout(Duration::from_secs(1));
        done
    }

    /// No node has ended or panicked, none takes more memory or descriptors than it may.
    pub fn check(&self, what: &str) {
        for (index, pid) in pids(&self.network).into_iter().enumerate() {
            let node = &self.network.nodes[index];
            let now = usage(pid);
            assert!(now.resident_kib > 0, "{what}: {} is dead: {}", node.member, node.log_tail());
            let log = node.log_text();
            assert!(!log.contains("panicked"), "{what}: {} panicked: {}", node.member, node.log_tail());
            let growth = now.peak_kib.saturating_sub(self.before[index].resident_kib);
            let open = self.descriptors.most(index);
            eprintln!(
                "{what}: {}: {} MiB resident at rest, {} MiB more at the worst, {} MiB more now; descriptors {:?} \
                 at rest, {open:?} at the most",
                node.member,
                self.before[index].resident_kib / 1024,
                growth / 1024,
                now.resident_kib.saturating_sub(self.before[index].resident_kib) / 1024,
                self.before[index].descriptors,
            );
            let own = self.honest.load(Ordering::Relaxed) * GROWTH_KIB_PER_THOUSAND / 1_000;
            assert!(growth <= GROWTH_KIB_MAX + own, "{what}: {} grew by {growth} KiB", node.member);
            if let (Some(before), Some(open)) = (self.before[index].descriptors, open) {
                assert!(open <= before + DESCRIPTORS_MAX, "{what}: {} has {open} descriptors", node.member);
            }
        }
    }

    /// What `ecomesh peers` of an honest node says of a hostile member.
    pub fn peer(&self, honest: usize, member: &Member) -> Value {
        let view = self.network.nodes[honest].json(&["peers"]);
        let peers = view["peers"].as_array().cloned().unwrap_or_default();
        peers.into_iter().find(|peer| peer["member"] == member.name.as_str()).expect("every member is listed")
    }

    /// Waits until an honest node names a hostile member, in `ecomesh peers` and in its log, as cut off; the reason.
    pub fn named(&self, honest: usize, member: &Member) -> String {
        let node = &self.network.nodes[honest];
        let reason = wait_for("the offender in `ecomesh peers`", || {
            let peer = self.peer(honest, member);
            match (peer["blame_count"].as_u64(), peer["last_blame"].as_str()) {
                (Some(1..), Some(reason)) => Ok(reason.to_owned()),
                _ => Err(format!("{}: {peer}; {}", node.member, node.log_tail())),
            }
        });
        let named = format!("a peer is cut off peer={}", member.transport_key);
        assert!(node.log_text().contains(&named), "{named}: not in the log of {}", node.member);
        let text = node.run(&["peers"]).expect(0).stdout;
        let line = text.lines().find(|line| line.starts_with(&member.name)).unwrap_or_default().to_owned();
        assert!(line.contains("blamed"), "{line}");
        reason
    }

    /// What `GET /v1/node` of an honest node says. Also from within a runtime.
    pub fn node(&self, honest: usize) -> Value {
        let api = self.network.nodes[honest].api();
        let asking = std::thread::spawn(move || block_on(async move { api.node().await }));
        let node = asking.join().expect("no panic").expect("the node answers");
        serde_json::to_value(node).expect("it came as JSON")
    }

    /// Sends long messages from the first honest node to all; the log that holds them.
    pub fn long_messages(&self, count: usize) -> LogId {
        let api = self.network.nodes[0].api();
        block_on(async move {
            for number in 0..count {
                let text = format!("{number} {}", "long ".repeat(4_000));
                let request = SendRequest {
                    document: json!({ "form": "message", "language": "en", "title": "Long", "text": text }),
                    to: Vec::new(),
                    members: true,
                    open: false,
                    priority: None,
                    reply_to: None,
                    expires_at_ms: None,
                    exercise: true,
                    files: Vec::new(),
                };
                api.send(&request, None).await.expect("a long message is taken");
            }
        });
        let author = MemberId::parse(HONEST[0]).expect("a member");
        LogId { author, lane: Lane::MESSAGES, generation: 0 }
    }

    /// Processor time that an honest node has used.
    pub fn processor_time(&self, honest: usize) -> Duration {
        let pid = self.network.nodes[honest].pid().expect("it runs");
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        // The 14th and 15th of all fields, of which two stand before the bracket; a tick is 10 ms on Linux.
        let ticks: u64 = fields[11..13].iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }
}

fn port_of(node: &Node) -> u16 {
    let api = node.api();
    let listening = block_on(async move { api.node().await }).expect("the node answers").listening;
    let port = listening.iter().find_map(|address| address.rsplit('/').next()?.parse().ok());
    port.expect("a listening address")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn pids(network: &Network) -> Vec<u32> {
    network.nodes.iter().filter_map(Node::pid).collect()
}

fn usage(pid: u32) -> Usage {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    Usage { resident_kib: kib("VmRSS:"), peak_kib: kib("VmHWM:"), descriptors: descriptors(pid) }
}

/// Open descriptors. A node protects its memory, and its `/proc/PID/fd` with it: only root may look there.
fn descriptors(pid: u32) -> Option<usize> {
    let listing = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")).ok()?;
    Some(listing.count())
}

/// The most descriptors that each process ever had open.
struct Descriptors {
    most: Arc<Mutex<Vec<Option<usize>>>>,
    stop: Arc<AtomicBool>,
}

impl Descriptors {
    fn watch(pids: Vec<u32>) -> Self {
        let most = Arc::new(Mutex::new(vec![None; pids.len()]));
        let stop = Arc::new(AtomicBool::new(false));
        if descriptors(pids[0]).is_none() {
            eprintln!("skipped: descriptors of a node can be counted by root only");
        }
        let (seen, end) = (Arc::clone(&most), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !end.load(Ordering::SeqCst) {
                for (most, pid) in seen.lock().expect("no panic").iter_mut().zip(&pids) {
                    *most = descriptors(*pid).max(*most);
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self { most, stop }
    }

    fn most(&self, index: usize) -> Option<usize> {
        self.most.lock().expect("no panic")[index]
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Honest members that send to each other, one message at a time, and wait for each delivery.
struct Pulse {
    latencies: Arc<Mutex<Vec<Duration>>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Pulse {
    fn start(network: &Network) -> Self {
        let clients: Vec<Client> = network.running().map(Node::api).collect();
        let latencies = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, end) = (Arc::clone(&latencies), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            for turn in 0.. {
                let sender = turn % HONEST.len();
                let took = runtime.block_on(deliver(&clients[sender], sender));
                seen.lock().expect("no panic").push(took);
                if end.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        Self { latencies, stop, thread }
    }

    /// Goes on until there were so many messages, then ends; how long each took.
    fn stop_after(self, count: usize) -> Vec<Duration> {
        let deadline = Instant::now() + PATIENCE * 3;
        while self.latencies.lock().expect("no panic").len() < count && !self.thread.is_finished() {
            assert!(Instant::now() < deadline, "the honest members exchange nothing");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("every honest message is delivered");
        let latencies = self.latencies.lock().expect("no panic");
        latencies.clone()
    }
}

/// Sends to both others; how long until both have proved that they have it.
async fn deliver(api: &Client, sender: usize) -> Duration {
    let to = HONEST.iter().enumerate().filter(|(index, _)| *index != sender);
    let request = SendRequest {
        document: json!({ "form": "message", "language": "en", "title": "Pulse", "text": "Pulse" }),
        to: to.map(|(_, member)| (*member).to_owned()).collect(),
        members: false,
        open: false,
        priority: None,
        reply_to: None,
        expires_at_ms: None,
        exercise: true,
        files: Vec::new(),
    };
    let began = Instant::now();
    let deadline = began + PATIENCE;
    let key = format!("{}-{:?}", sender, std::time::SystemTime::now());
    let sent = loop {
        match api.send(&request, Some(&key)).await {
            Ok(sent) => break sent,
            // A node that has more to do than it can take in says so, and is asked again.
            Err(error) => assert!(Instant::now() < deadline, "an honest message is not taken: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    loop {
        let last = match api.status(&sent.id).await {
            Ok(status) if status.is_delivered() => return began.elapsed(),
            Ok(status) => format!("{status:?}"),
            Err(error) => error.to_string(),
        };
        assert!(Instant::now() < deadline, "an honest message is not delivered: {last}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn median(latencies: &[Duration]) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}
