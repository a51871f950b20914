//! Keeping content keys for those who wait: what comes while a sync is under way shares the next one.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use thiserror::Error;
use tokio::sync::oneshot;

use super::{Kept, Locked, Safe, VaultFault};
use crate::clock;

/// Keys that wait at most, and that share one sync at most.
const QUEUE: usize = 1024;

/// Why a content key was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum KeepError {
    /// The vault cannot be written.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// It was locked meanwhile.
    #[error(transparent)]
    Locked(#[from] Locked),
    /// Too many wait.
    #[error("the vault has more to write than it can take in")]
    Busy,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopped,
}

type Job = (Kept, oneshot::Sender<Result<(), KeepError>>);

/// The way to the thread that writes. The thread ends when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Writer(Sender<Job>);

impl Writer {
    pub(crate) fn start(safe: Arc<Safe>) -> std::io::Result<Self> {
        let (sender, receiver) = bounded(QUEUE);
        std::thread::Builder::new().name("vault".into()).spawn(move || run(&safe, &receiver))?;
        Ok(Self(sender))
    }

    /// Keeps a content key; returns when it is durable.
    pub(crate) async fn keep(&self, kept: Kept) -> Result<(), KeepError> {
        let (sender, receiver) = oneshot::channel();
        self.0.try_send((kept, sender)).map_err(|error| match error {
            TrySendError::Full(_) => KeepError::Busy,
            TrySendError::Disconnected(_) => KeepError::Stopped,
        })?;
        receiver.await.map_err(|_| KeepError::Stopped)?
    }
}

fn run(safe: &Safe, receiver: &Receiver<Job>) {
    while let Ok(first) = receiver.recv() {
        let (keys, waiting): (Vec<_>, Vec<_>) =
            std::iter::once(first).chain(receiver.try_iter().take(QUEUE)).unzip();
        let result = safe.get().map_err(KeepError::from);
        let result = result.and_then(|vault| Ok(vault.keep(&keys, clock::wall())?));
        for sender in waiting {
            // A client that has gone away needs no answer.
            let _ = sender.send(result.clone());
        }
    }
}
