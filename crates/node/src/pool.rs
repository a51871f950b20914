//! The verify pool: threads that decode received bytes and check signatures before the core sees anything.
//!
//! Two bounded queues. What was asked for (answers, imports) waits for room and goes first; what came unasked
//! (pushes, questions) is refused when there is none. A page is one job, so its records come out in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use ecomesh_protocol::{Input, KeyRing, PeerKey, wire};

use crate::core_thread::CoreHandle;
use crate::metrics::Metrics;

/// Bytes of unasked frames that wait: as much as the network's own event queue holds.
const OFFERED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Answers that wait: 4 in flight to each of some 64 peers.
const WANTED_MAX: usize = 256;

/// Bytes to verify.
pub(crate) enum Job {
    /// A push message.
    Push { token: u64, from: PeerKey, topic: u8, bytes: Vec<u8> },
    /// A peer's question.
    Question { peer: PeerKey, exchange: u64, bytes: Vec<u8> },
    /// The answer to a question of ours.
    Answer { peer: PeerKey, request: u64, bytes: Vec<u8> },
    /// Anything else that checks signatures: a piece of an import.
    Work(Box<dyn FnOnce(&KeyRing) + Send>),
}

/// The queue is full, or the pool has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// The way to the pool. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PoolHandle {
    wanted: Sender<Job>,
    offered: Sender<Job>,
    offered_bytes: Arc<AtomicUsize>,
}

impl PoolHandle {
    /// Gives a job that must be done, waiting for room.
    pub(crate) fn give(&self, job: Job) -> Result<(), Refused> {
        self.wanted.send(job).map_err(|_| Refused)
    }

    /// Offers a job that may be refused.
    pub(crate) fn offer(&self, job: Job) -> Result<(), Refused> {
        let bytes = job.bytes();
        let before = self.offered_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= OFFERED_BYTES_MAX;
        if fits && self.offered.try_send(job).is_ok() {
            return Ok(());
        }
        self.offered_bytes.fetch_sub(bytes, Ordering::Relaxed);
        Err(Refused)
    }

    /// Jobs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.wanted.len() + self.offered.len()
    }
}

/// The threads. They end when this is dropped, each after its job.
pub(crate) struct Pool {
    _stop: Sender<()>,
    _threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `threads` threads with room for `queue` unasked jobs.
    pub(crate) fn start(
        threads: usize,
        queue: usize,
        ring: &Arc<ArcSwap<KeyRing>>,
        core: &CoreHandle,
        metrics: &Arc<Metrics>,
    ) -> std::io::Result<(Self, PoolHandle)> {
        let (stop, stopped) = bounded(0);
        let (wanted, wanted_jobs) = bounded(WANTED_MAX);
        let (offered, offered_jobs) = bounded(queue);
        let offered_bytes = Arc::new(AtomicUsize::new(0));
        let worker = |_| Worker {
            stopped: stopped.clone(),
            wanted: wanted_jobs.clone(),
            offered: offered_jobs.clone(),
            offered_bytes: offered_bytes.clone(),
            ring: ring.clone(),
            core: core.clone(),
            metrics: metrics.clone(),
        };
        let spawn = |(n, worker): (usize, Worker)| {
            std::thread::Builder::new().name(format!("verify-{n}")).spawn(move || worker.run())
        };
        let threads = (0..threads.max(1)).map(worker).enumerate().map(spawn).collect::<Result<_, _>>()?;
        Ok((Self { _stop: stop, _threads: threads }, PoolHandle { wanted, offered, offered_bytes }))
    }
}

struct Worker {
    stopped: Receiver<()>,
    wanted: Receiver<Job>,
    offered: Receiver<Job>,
    offered_bytes: Arc<AtomicUsize>,
    ring: Arc<ArcSwap<KeyRing>>,
    core: CoreHandle,
    metrics: Arc<Metrics>,
}

impl Worker {
    fn run(self) {
        loop {
            let job = select_biased! {
                recv(self.stopped) -> _ => return,
                recv(self.wanted) -> job => job,
                recv(self.offered) -> job => job.inspect(|job| {
                    self.offered_bytes.fetch_sub(job.bytes(), Ordering::Relaxed);
                }),
            };
            let Ok(job) = job else { return };
            self.metrics.verify_jobs.inc();
            let Some(input) = verify(&self.ring.load(), job) else { continue };
            if self.core.give(input).is_err() {
                return;
            }
        }
    }
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Push { bytes, .. } | Self::Question { bytes, .. } | Self::Answer { bytes, .. } => {
                bytes.len()
            }
            Self::Work(_) => 0,
        }
    }
}

/// Decodes and verifies: the core gets what is true, or whom to blame.
fn verify(ring: &KeyRing, job: Job) -> Option<Input> {
    Some(match job {
        Job::Push { token, from, topic, bytes } => {
            Input::Pushed { token, from, report: wire::verify_push(ring, topic, &bytes) }
        }
        Job::Question { peer, exchange, bytes } => {
            let question = wire::verify_question(ring, &bytes).map_err(|e| e.to_string());
            Input::Asked { peer, exchange, question }
        }
        Job::Answer { peer, request, bytes } => {
            let answer = wire::verify_answer(ring, &bytes).map_err(|e| e.to_string());
            Input::Answered { peer, request, answer }
        }
        Job::Work(work) => {
            work(ring);
            return None;
        }
    })
}
