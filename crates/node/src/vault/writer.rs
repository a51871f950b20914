//! Keeping content keys for those who wait: what comes while a sync is under way shares the next one.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use thiserror::Error;
use tokio::sync::oneshot;

use super::{Kept, Vault, VaultFault};
use crate::clock;

/// Keys that wait at most, and that share one sync at most.
const QUEUE: usize = 1024;

/// Why a content key was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum KeepError {
    /// The vault cannot be written.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// Too many wait.
    #[error("the vault has more to write than it can take in")]
    Busy,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopped,
}

type Job = (Kept, oneshot::Sender<Result<(), VaultFault>>);

/// The way to the thread that writes. The thread ends when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Writer(Sender<Job>);

impl Writer {
    pub(crate) fn start(vault: Arc<Vault>) -> std::io::Result<Self> {
        let (sender, receiver) = bounded(QUEUE);
        std::thread::Builder::new().name("vault".into()).spawn(move || run(&vault, &receiver))?;
        Ok(Self(sender))
    }

    /// Keeps a content key; returns when it is durable.
    pub(crate) async fn keep(&self, kept: Kept) -> Result<(), KeepError> {
        let (sender, receiver) = oneshot::channel();
        self.0.try_send((kept, sender)).map_err(|error| match error {
            TrySendError::Full(_) => KeepError::Busy,
            TrySendError::Disconnected(_) => KeepError::Stopped,
        })?;
        Ok(receiver.await.map_err(|_| KeepError::Stopped)??)
    }
}

fn run(vault: &Vault, receiver: &Receiver<Job>) {
    while let Ok(first) = receiver.recv() {
        let (keys, waiting): (Vec<_>, Vec<_>) =
            std::iter::once(first).chain(receiver.try_iter().take(QUEUE)).unzip();
        let result = vault.keep(&keys, clock::wall());
        for sender in waiting {
            // A client that has gone away needs no answer.
            let _ = sender.send(result.clone());
        }
    }
}
