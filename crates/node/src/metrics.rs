//! What the node counts, in the Prometheus text format (OpenMetrics). No label names a member or a record.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

use ecomesh_net::NetHandle;
use ecomesh_protocol::core::CoreStatus;
use ecomesh_protocol::ledger::Room;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The meters. Each is cheap to raise from any thread.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    /// Duration of commits.
    pub(crate) commit_seconds: Histogram,
    pub(crate) stored: Counter,
    pub(crate) delivered: Counter,
    pub(crate) destroyed: Counter,
    pub(crate) alarms: Counter,
    pub(crate) blames: Counter,
    pub(crate) links: Gauge,
    pub(crate) verify_jobs: Counter,
    pub(crate) pushes_dropped: Counter,
    pub(crate) questions_dropped: Counter,
    requests: Family<RequestLabels, Counter>,
    net: Family<NameLabel, Gauge<u64, AtomicU64>>,
    records: Gauge,
    logs: Gauge,
    holes: Gauge,
    sealed_unopened: Gauge,
    locked: Gauge,
    early: Gauge,
    disputed: Gauge,
    room: Gauge,
    peers_behind: Gauge,
    peers_ahead: Gauge,
    core_waiting: Gauge,
    verify_waiting: Gauge,
}

/// A request of a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

/// A counter of the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabel {
    name: String,
}

/// What is looked up at each scrape.
pub(crate) struct Snapshot {
    pub(crate) status: CoreStatus,
    pub(crate) behind: usize,
    pub(crate) ahead: usize,
    pub(crate) core_waiting: usize,
    pub(crate) verify_waiting: usize,
    pub(crate) sealed_unopened: usize,
    /// Whether the mail is closed.
    pub(crate) locked: bool,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        // 0.1 ms to some 13 s: an fsync on a fast disk, and one that is about to fail.
        let commit_seconds = Histogram::new(exponential_buckets(0.0001, 2.0, 18));
        let mut metrics = Self {
            registry: Mutex::new(Registry::default()),
            commit_seconds,
            stored: Counter::default(),
            delivered: Counter::default(),
            destroyed: Counter::default(),
            alarms: Counter::default(),
            blames: Counter::default(),
            links: Gauge::default(),
            verify_jobs: Counter::default(),
            pushes_dropped: Counter::default(),
            questions_dropped: Counter::default(),
            requests: Family::default(),
            net: Family::default(),
            records: Gauge::default(),
            logs: Gauge::default(),
            holes: Gauge::default(),
            sealed_unopened: Gauge::default(),
            locked: Gauge::default(),
            early: Gauge::default(),
            disputed: Gauge::default(),
            room: Gauge::default(),
            peers_behind: Gauge::default(),
            peers_ahead: Gauge::default(),
            core_waiting: Gauge::default(),
            verify_waiting: Gauge::default(),
        };
        metrics.registry = Mutex::new(metrics.register());
        metrics
    }

    /// A request of a client was answered. `route` is the pattern, never the path: a path may name a record.
    pub(crate) fn request(&self, route: &str, status: u16) {
        self.requests.get_or_create(&RequestLabels { route: route.into(), status }).inc();
    }

    /// Everything in text.
    pub(crate) fn render(&self, snapshot: &Snapshot, net: &NetHandle) -> String {
        self.take(snapshot);
        for (name, value) in net.counters().each() {
            self.net.get_or_create(&NameLabel { name: name.into() }).set(value);
        }
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }

    fn take(&self, snapshot: &Snapshot) {
        let status = &snapshot.status;
        let set = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.records, status.records);
        set(&self.logs, status.logs as u64);
        set(&self.holes, status.holes as u64);
        set(&self.sealed_unopened, snapshot.sealed_unopened as u64);
        set(&self.locked, u64::from(snapshot.locked));
        set(&self.early, status.parked as u64);
        set(&self.disputed, status.disputed.len() as u64);
        set(&self.peers_behind, snapshot.behind as u64);
        set(&self.peers_ahead, snapshot.ahead as u64);
        set(&self.core_waiting, snapshot.core_waiting as u64);
        set(&self.verify_waiting, snapshot.verify_waiting as u64);
        set(
            &self.room,
            match status.room {
                Room::None => 0,
                Room::ControlOnly => 1,
                Room::Plenty => 2,
            },
        );
    }

    fn register(&self) -> Registry {
        let mut r = Registry::with_prefix("ecomesh");
        r.register("commit_seconds", "Duration of a commit, disk included", self.commit_seconds.clone());
        r.register("records_stored", "Records made durable since the start", self.stored.clone());
        r.register("deliveries", "Deliveries proved since the start", self.delivered.clone());
        r.register(
            "bodies_destroyed",
            "Bodies destroyed since the start, being erased or expired",
            self.destroyed.clone(),
        );
        r.register("alarms", "Alarms since the start", self.alarms.clone());
        r.register("peers_cut_off", "Times that a peer was cut off since the start", self.blames.clone());
        r.register("links", "Links with other nodes", self.links.clone());
        r.register("verify_jobs", "Frames verified since the start", self.verify_jobs.clone());
        r.register(
            "pushes_dropped",
            "Pushes left to the pull, the pool being full",
            self.pushes_dropped.clone(),
        );
        r.register(
            "questions_dropped",
            "Questions answered with not now, the pool being full",
            self.questions_dropped.clone(),
        );
        r.register("api_requests", "Requests of clients", self.requests.clone());
        r.register("net", "Counters of the network since the start, by name", self.net.clone());
        r.register("records", "Records held", self.records.clone());
        r.register("logs", "Logs held", self.logs.clone());
        r.register("holes", "Bodies missing or damaged", self.holes.clone());
        r.register(
            "sealed_unopened",
            "Messages sealed to this bureau whose key it has not learned yet",
            self.sealed_unopened.clone(),
        );
        r.register("locked", "1 while the mail is closed by `ecomesh lock`", self.locked.clone());
        r.register("early", "Records that wait for their predecessors", self.early.clone());
        r.register("disputed_logs", "Logs that have forked", self.disputed.clone());
        r.register("room", "0: no space, 1: control records only, 2: plenty", self.room.clone());
        r.register("peers_behind", "Members that lack records held here", self.peers_behind.clone());
        r.register("peers_ahead", "Members that hold records lacking here", self.peers_ahead.clone());
        r.register("core_queue", "Inputs that wait for the core", self.core_waiting.clone());
        r.register("verify_queue", "Frames that wait for the verify pool", self.verify_waiting.clone());
        r
    }
}
