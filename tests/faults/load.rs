//! Clients that send all the time and keep a list of what was acknowledged.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use ecomesh_api::{Client, SendRequest};
use serde_json::json;

use crate::common::{Network, wait_for};
use crate::random::Random;

/// Pause before a send is repeated.
const RETRY: Duration = Duration::from_millis(20);
/// A client that waits longer repeats its send under the same key, while the first may still be in work.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What a node has acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Acknowledged {
    pub(crate) id: String,
    /// The message's title, which is its idempotency key too.
    pub(crate) key: String,
}

/// One client for each node, sending until it is told to stop. Whatever fails is repeated under the same key until it
/// is acknowledged, even after the stop: it may be recorded already.
pub(crate) struct Load {
    clients: Vec<Arc<Mutex<Ledger>>>,
    orders: Arc<Orders>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Orders {
    /// No new message.
    stop: AtomicBool,
    /// Not even the one in hand.
    abandon: AtomicBool,
}

/// No two loads use the same keys.
static LOADS: AtomicU64 = AtomicU64::new(0);

/// What one client knows.
#[derive(Default)]
struct Ledger {
    acknowledged: Vec<Acknowledged>,
    retries: u64,
    last_error: String,
}

impl Load {
    /// Clients of these nodes, which pause at most `pause` between two messages.
    pub(crate) fn start(network: &Network, nodes: &[usize], pause: Duration, random: &mut Random) -> Self {
        let clients: Vec<_> = nodes.iter().map(|_| Arc::new(Mutex::new(Ledger::default()))).collect();
        let orders = Arc::new(Orders::default());
        let load = LOADS.fetch_add(1, Ordering::Relaxed);
        let senders: Vec<Sender> = nodes
            .iter()
            .zip(&clients)
            .map(|(node, ledger)| Sender {
                name: format!("{load} {}", network.nodes[*node].member),
                api: network.nodes[*node].api().with_timeout(ANSWER_MAX),
                ledger: Arc::clone(ledger),
                orders: Arc::clone(&orders),
                random: random.split(),
                pause,
            })
            .collect();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(futures::future::join_all(senders.into_iter().map(Sender::run)));
        });
        Self { clients, orders, thread }
    }

    /// Messages that this client's node has acknowledged.
    pub(crate) fn count(&self, client: usize) -> usize {
        self.ledger(client).acknowledged.len()
    }

    /// Waits until this client's node has acknowledged so many more.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, client: usize, more: usize) {
        let before = self.count(client);
        wait_for("acknowledged messages", || match self.count(client) - before {
            new if new >= more => Ok(()),
            new => Err(format!("{new} of {more} of client {client}; {}", self.last_error(client))),
        });
    }

    /// What its last send failed with.
    pub(crate) fn last_error(&self, client: usize) -> String {
        self.ledger(client).last_error.clone()
    }

    /// Sends that were repeated.
    pub(crate) fn retries(&self) -> u64 {
        (0..self.clients.len()).map(|client| self.ledger(client).retries).sum()
    }

    /// Ends the clients once what they have in hand is acknowledged; everything that was acknowledged.
    pub(crate) fn stop(self) -> Vec<Acknowledged> {
        self.orders.stop.store(true, Ordering::SeqCst);
        self.end()
    }

    /// Ends the clients at once: their nodes may not run. What they have in hand may or may not be recorded.
    pub(crate) fn abandon(self) -> Vec<Acknowledged> {
        self.orders.abandon.store(true, Ordering::SeqCst);
        self.stop()
    }

    fn end(self) -> Vec<Acknowledged> {
        wait_for("the end of the load", || {
            if self.thread.is_finished() { Ok(()) } else { Err(self.last_error(0)) }
        });
        let all = (0..self.clients.len()).flat_map(|client| self.ledger(client).acknowledged.clone());
        all.collect()
    }

    fn ledger(&self, client: usize) -> MutexGuard<'_, Ledger> {
        self.clients[client].lock().unwrap()
    }
}

struct Sender {
    name: String,
    api: Client,
    ledger: Arc<Mutex<Ledger>>,
    orders: Arc<Orders>,
    random: Random,
    pause: Duration,
}

impl Sender {
    async fn run(mut self) {
        for number in 0.. {
            let key = format!("{} {number}", self.name);
            let message = message(&key, &text(&mut self.random));
            while let Err(error) = self.send(&message, &key).await {
                self.failed(error);
                if self.orders.abandon.load(Ordering::SeqCst) {
                    return;
                }
                tokio::time::sleep(RETRY).await;
            }
            if self.orders.stop.load(Ordering::SeqCst) {
                return;
            }
            tokio::time::sleep(self.random.moment(self.pause)).await;
        }
    }

    fn failed(&self, error: String) {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.retries += 1;
        ledger.last_error = error;
    }

    async fn send(&self, message: &SendRequest, key: &str) -> Result<(), String> {
        let sent = self.api.send(message, Some(key)).await.map_err(|error| error.to_string())?;
        self.ledger.lock().unwrap().acknowledged.push(Acknowledged { id: sent.id, key: key.into() });
        Ok(())
    }
}

/// A short text mostly; some are longer than what is pushed, and have to be pulled.
fn text(random: &mut Random) -> String {
    let length = match random.below(16) {
        0 => 50_000 + random.below(10_000),
        1..=4 => random.below(10_000),
        _ => random.below(500),
    };
    "x".repeat(usize::try_from(length).unwrap() + 1)
}

/// A message to all members, titled with its key.
pub(crate) fn message(key: &str, text: &str) -> SendRequest {
    SendRequest {
        document: json!({ "form": "message", "language": "en", "title": key, "text": text }),
        to: Vec::new(),
        members: true,
        open: false,
        priority: None,
        reply_to: None,
        expires_at_ms: None,
        exercise: true,
        files: Vec::new(),
    }
}
