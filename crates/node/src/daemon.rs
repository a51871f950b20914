//! The node as a process: start, run, stop.
//!
//! The order of the start: take the folder's lock, open the keys, answer on the API ("starting, n %"), open the
//! store, read it once for the views, start the core, the verify pool and the network, go. Each step that fails says
//! what to do and leaves nothing behind. The stop goes the other way and is bounded in time: clients and peers get
//! a moment to hear the end, then what is left is cut off. Nothing depends on a graceful stop; the journal is the
//! guard.

mod dialing;
mod start;
mod stop;
mod storage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ecomesh_api::Client;
use ecomesh_net::NetHandle;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::config::NodeConfig;
use crate::core_thread::{CoreHandle, Exit};
use crate::home::Home;
use crate::http::{Listening, Shared};
use crate::passphrase::Passphrase;
use crate::pool::Pool;
use crate::scrub::Scrub;
use crate::telemetry::{self, TelemetryError};

pub use start::StartError;
pub use stop::StopError;
pub use storage::StorageError;

/// Starts nodes.
#[derive(Debug)]
pub struct Daemon;

impl Daemon {
    /// Starts a node and returns when it takes and gives messages. Needs a tokio runtime with time and I/O; it does
    /// not touch logging, signals or other things of the whole process, so that tests run several nodes in one.
    ///
    /// # Errors
    /// [`StartError`]; the folder's lock is free again.
    pub async fn start(
        home: Home,
        passphrase: Passphrase,
        config: NodeConfig,
    ) -> Result<Running, StartError> {
        start::start(home, passphrase, config).await
    }
}

/// A running node. Dropping it ends it without grace; nothing that was acknowledged is lost by that.
pub struct Running {
    home: Home,
    orders: Orders,
    servers: Listening,
    net_events: JoinHandle<()>,
    listening: watch::Receiver<Vec<String>>,
    core: CoreHandle,
    core_thread: JoinHandle<()>,
    exit: oneshot::Receiver<Exit>,
    failure: Option<String>,
    pool: Pool,
    scrub: Scrub,
    tasks: Tasks,
    stop_after: Duration,
}

/// Tasks that run as long as the node. They end when this is dropped, after what they are about.
struct Tasks(Vec<tokio::task::JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Tasks {
    /// Ends them, and returns when they have let go of the store.
    async fn end(mut self) {
        for task in std::mem::take(&mut self.0) {
            task.abort();
            // What an aborted task says is that it was aborted.
            let _ = task.await;
        }
    }
}

/// What ends the parts that would else keep each other alive: the thread of network events waits for the network,
/// which lives as long as that thread's handle.
struct Orders {
    shared: Arc<Shared>,
    net: NetHandle,
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.shared.stop();
        self.shared.stop_hard();
        // A network that has stopped needs no order.
        let _ = self.net.shutdown();
    }
}

impl Running {
    /// The API's Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.home.socket_file()
    }

    /// The API's address on loopback TCP, if it is switched on.
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.servers.tcp
    }

    /// A client of the API over the Unix socket.
    pub fn client(&self) -> Client {
        Client::unix(self.socket())
    }

    /// Where peers can reach the node, with real port numbers. An address for all interfaces becomes one for each,
    /// and the later ones of them may come a moment after the start.
    pub fn listening(&self) -> Vec<String> {
        self.listening.borrow().clone()
    }

    /// What the documents come to here: for tests that look at what no client sees.
    #[cfg(test)]
    pub(crate) fn board(&self) -> Arc<crate::board::Board> {
        self.orders.shared.services().ok().unwrap().board.clone()
    }

    /// Waits until the node ends by itself, and gives the reason: a failed sync, or a damaged store. Cancel safe.
    pub async fn failed(&mut self) -> String {
        if let Some(reason) = &self.failure {
            return reason.clone();
        }
        let reason = match (&mut self.exit).await {
            Ok(Exit::Fatal(reason)) => reason,
            Ok(Exit::Stopped) => "the core was told to stop".into(),
            // Its thread ended without a word.
            Err(_) => "the core panicked; start the node again and report this".into(),
        };
        self.failure = Some(reason.clone());
        reason
    }

    /// Stops the node: no new requests, event streams end, requests in work get three quarters of the time that the
    /// configuration grants, then everything is cut off.
    ///
    /// # Errors
    /// [`StopError`] if a part did not end in time; it ends with the process.
    pub async fn shutdown(self) -> Result<(), StopError> {
        stop::stop(self).await
    }
}

/// Why `run` ended other than by a signal.
#[derive(Debug, Error)]
pub enum RunError {
    /// Logging does not work.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The node did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The node could not go on.
    #[error("the node ended: {0}")]
    Failed(String),
    /// It did not stop in time.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// The system does not tell of signals.
    #[error("signals cannot be heard: {0}")]
    Signals(std::io::Error),
}

/// Runs a node as this process: logs to standard error, memory protected, until SIGTERM or SIGINT, or
/// until `stop` is over. `started` is called when the node takes and gives messages.
///
/// # Errors
/// [`RunError`].
pub async fn run(
    home: Home,
    passphrase: Passphrase,
    config: NodeConfig,
    started: impl FnOnce(&Running),
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    telemetry::start(&config.log)?;
    telemetry::small_pages();
    telemetry::protect_memory();
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let mut stop = std::pin::pin!(stop);
    let mut running = tokio::select! {
        running = Daemon::start(home, passphrase, config) => running?,
        () = &mut stop => return Ok(()),
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    started(&running);
    let failed = tokio::select! {
        reason = running.failed() => Some(reason),
        () = &mut stop => None,
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    let stopped = running.shutdown().await;
    match failed {
        Some(reason) => Err(RunError::Failed(reason)),
        None => Ok(stopped?),
    }
}
