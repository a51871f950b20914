//! The core on its own thread: take a batch of inputs, decide, commit once, let the effects happen.
//!
//! Nothing on this thread waits for the network or for a client: every effect is a call that returns at once. The
//! network's events, the verify pool and the clients wait for the core instead, in one bounded queue.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use ecomesh_protocol::core::Core;
use ecomesh_protocol::io::Imported;
use ecomesh_protocol::{AuthorError, Draft, Input, Now, Output, Recorded, Verified};
use ecomesh_store::{FileDisk, SledLedger};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::home::HomeLock;
use crate::metrics::Metrics;
use crate::shell::Effects;

/// The core as a node runs it.
pub(crate) type NodeCore = Core<SledLedger, FileDisk>;

/// The core is asked again after this at the latest, so that a mistake in its timer cannot stop it.
const SLEEP_MAX: Duration = Duration::from_secs(10);
/// And not sooner than this without an input, so that such a mistake cannot burn a processor.
const SLEEP_MIN: Duration = Duration::from_millis(1);

/// A look at the core.
type Query = Box<dyn FnOnce(&NodeCore, Now) + Send>;

/// What the core's thread is told.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every message is an input; a box for each would cost more"
)]
pub(crate) enum Msg {
    /// Decide.
    Input(Input),
    /// Look; runs after the commit of the batch, so it sees what is durable.
    Query(Query),
    /// Finish the batch and end.
    Stop,
}

/// Why a client got no answer of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum CoreGone {
    /// The queue is full.
    #[error("the node has more to do than it can take in")]
    Busy,
    /// The core has ended.
    #[error("the node is stopping")]
    Stopped,
}

/// The way to the core's thread. Cheap to clone.
#[derive(Clone)]
pub(crate) struct CoreHandle {
    sender: Sender<Msg>,
    tickets: Arc<Tickets>,
}

impl CoreHandle {
    /// A queue of `capacity` inputs, and its other end.
    pub(crate) fn new(capacity: usize) -> (Self, Receiver<Msg>) {
        let (sender, receiver) = bounded(capacity);
        (Self { sender, tickets: Arc::new(Tickets::default()) }, receiver)
    }

    /// Gives an input, waiting for room: for threads that the core never waits for.
    pub(crate) fn give(&self, input: Input) -> Result<(), CoreGone> {
        self.sender.send(Msg::Input(input)).map_err(|_| CoreGone::Stopped)
    }

    /// Tells the core to finish what it has and end.
    pub(crate) fn stop(&self) {
        // A core that has ended needs no order.
        let _ = self.sender.send(Msg::Stop);
    }

    /// Inputs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.sender.len()
    }

    /// Who waits for an answer; for the effects.
    pub(crate) fn tickets(&self) -> Arc<Tickets> {
        self.tickets.clone()
    }

    /// Asks the core something that it knows.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        look: impl FnOnce(&NodeCore, Now) -> T + Send + 'static,
    ) -> Result<T, CoreGone> {
        let (sender, receiver) = oneshot::channel();
        let query = move |core: &NodeCore, now: Now| {
            // The asker may have gone away.
            let _ = sender.send(look(core, now));
        };
        self.try_send(Msg::Query(Box::new(query)))?;
        receiver.await.map_err(|_| CoreGone::Stopped)
    }

    /// Has a record written; returns when it is durable.
    pub(crate) async fn author(&self, draft: Draft) -> Result<Result<Recorded, AuthorError>, CoreGone> {
        let (sender, receiver) = oneshot::channel();
        let ticket = self.tickets.wait(Waiter::Authored(sender));
        self.submit(ticket, Input::Author { ticket, draft: Box::new(draft) })?;
        receiver.await.map_err(|_| CoreGone::Stopped)
    }

    /// Has verified records taken in; returns when they are durable.
    pub(crate) async fn import(
        &self,
        records: Vec<Verified>,
        refused: u64,
    ) -> Result<Result<Imported, AuthorError>, CoreGone> {
        let (sender, receiver) = oneshot::channel();
        let ticket = self.tickets.wait(Waiter::Imported(sender));
        self.submit(ticket, Input::Import { ticket, records, refused })?;
        receiver.await.map_err(|_| CoreGone::Stopped)
    }

    fn submit(&self, ticket: u64, input: Input) -> Result<(), CoreGone> {
        let sent = self.try_send(Msg::Input(input));
        if sent.is_err() {
            self.tickets.forget(ticket);
        }
        sent
    }

    fn try_send(&self, msg: Msg) -> Result<(), CoreGone> {
        self.sender.try_send(msg).map_err(|error| match error {
            TrySendError::Full(_) => CoreGone::Busy,
            TrySendError::Disconnected(_) => CoreGone::Stopped,
        })
    }
}

/// Clients that wait for the core. Bounded by the requests that the API takes at once.
#[derive(Default)]
pub(crate) struct Tickets {
    next: AtomicU64,
    waiting: Mutex<BTreeMap<u64, Waiter>>,
}

enum Waiter {
    Authored(oneshot::Sender<Result<Recorded, AuthorError>>),
    Imported(oneshot::Sender<Result<Imported, AuthorError>>),
}

impl Tickets {
    pub(crate) fn authored(&self, ticket: u64, result: Result<Recorded, AuthorError>) {
        if let Some(Waiter::Authored(sender)) = self.take(ticket) {
            // The client may have gone away; its record stays, and its key gives it again.
            let _ = sender.send(result);
        }
    }

    pub(crate) fn imported(&self, ticket: u64, result: Result<Imported, AuthorError>) {
        if let Some(Waiter::Imported(sender)) = self.take(ticket) {
            let _ = sender.send(result);
        }
    }

    fn wait(&self, waiter: Waiter) -> u64 {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(ticket, waiter);
        ticket
    }

    fn take(&self, ticket: u64) -> Option<Waiter> {
        self.lock().remove(&ticket)
    }

    fn forget(&self, ticket: u64) {
        self.lock().remove(&ticket);
    }

    /// Nobody will be answered any more: those who wait learn it at once.
    fn dismiss(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Waiter>> {
        // A map is whole after every single call on it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the core's thread ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was told to.
    Stopped,
    /// It cannot go on: a sync failed, or the store is damaged.
    Fatal(String),
}

/// The core's thread.
pub(crate) struct CoreThread {
    core: NodeCore,
    receiver: Receiver<Msg>,
    effects: Effects,
    tickets: Arc<Tickets>,
    clock: Clock,
    metrics: Arc<Metrics>,
    batch_max: usize,
}

impl CoreThread {
    pub(crate) fn new(
        core: NodeCore,
        receiver: Receiver<Msg>,
        effects: Effects,
        handle: &CoreHandle,
        clock: Clock,
        metrics: Arc<Metrics>,
        batch_max: usize,
    ) -> Self {
        Self { core, receiver, effects, tickets: handle.tickets(), clock, metrics, batch_max }
    }

    /// Starts it. The receiver hears how it ended, or nothing if it panicked. The folder stays locked until the store
    /// is closed, whatever becomes of everybody else.
    pub(crate) fn spawn(self, lock: HomeLock) -> std::io::Result<(JoinHandle<()>, oneshot::Receiver<Exit>)> {
        let (sender, receiver) = oneshot::channel();
        let thread = std::thread::Builder::new().name("core".into()).spawn(move || {
            let exit = self.run();
            drop(lock);
            let _ = sender.send(exit);
        })?;
        Ok((thread, receiver))
    }

    fn run(mut self) -> Exit {
        self.drain();
        let exit = loop {
            let batch = self.take_batch();
            let stop = self.work(batch);
            if let Some(reason) = self.effects.take_fatal() {
                break Exit::Fatal(reason);
            }
            if stop {
                break Exit::Stopped;
            }
        };
        self.tickets.dismiss();
        exit
    }

    /// Waits for the first message until the core's timer, then takes what else is there.
    fn take_batch(&self) -> Vec<Msg> {
        let now = self.clock.now();
        let sleep = Duration::from_millis(self.core.poll_timeout(now).saturating_sub(now.mono));
        let first = self.receiver.recv_timeout(sleep.clamp(SLEEP_MIN, SLEEP_MAX));
        match first {
            Ok(msg) => {
                let mut batch = vec![msg];
                batch.extend(self.receiver.try_iter().take(self.batch_max.saturating_sub(1)));
                batch
            }
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            // All handles are gone, and with them everyone who could say stop.
            Err(RecvTimeoutError::Disconnected) => vec![Msg::Stop],
        }
    }

    /// One batch and its commit. Returns whether to stop.
    fn work(&mut self, batch: Vec<Msg>) -> bool {
        let mut stop = false;
        let mut inputs = 0;
        let mut queries = Vec::new();
        for msg in batch {
            match msg {
                Msg::Input(input) => {
                    inputs += 1;
                    self.core.handle(input, self.clock.now());
                }
                Msg::Query(query) => queries.push(query),
                Msg::Stop => stop = true,
            }
        }
        let now = self.clock.now();
        if self.core.poll_timeout(now) <= now.mono {
            self.core.handle_timeout(now);
        }
        // Verdicts on pushes need not wait for the disk.
        self.drain();
        let started = Instant::now();
        self.core.commit(self.clock.now());
        if inputs > 0 {
            self.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        }
        self.drain();
        for query in queries {
            query(&self.core, self.clock.now());
        }
        stop
    }

    /// Lets all effects happen; answers to clients last, so that a client finds in the views what it was told. What the
    /// network refuses at once goes back into the core.
    fn drain(&mut self) {
        let mut answers = Vec::new();
        while let Some(output) = self.core.poll_output() {
            if matches!(output, Output::Authored { .. } | Output::Imported { .. }) {
                answers.push(output);
            } else if let Some(input) = self.effects.apply(output) {
                self.core.handle(input, self.clock.now());
            }
        }
        for answer in answers {
            self.effects.apply(answer);
        }
    }
}
