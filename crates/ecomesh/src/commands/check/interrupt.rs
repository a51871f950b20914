//! Ctrl-C while a list is checked: what was asked is answered and told first, since it stands in the access log.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::client::Node;
use crate::exit::{ExitCode, Failure};

/// Hears of Ctrl-C.
pub(super) struct Interrupt {
    /// None where Ctrl-C ends the process at once.
    signal: Option<Signal>,
    is_asked: bool,
}

impl Interrupt {
    /// Listens from now on, if the list is a file: from a terminal or a pipe a row may never come, and nothing would end.
    pub(super) fn listen(node: &Node, is_file: bool) -> Self {
        let heard = || node.answer(async { Ok(signal(SignalKind::interrupt()).ok()) }).ok().flatten();
        Self { signal: is_file.then(heard).flatten(), is_asked: false }
    }

    /// Whether the check is to end.
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// Does some work to its end, unless Ctrl-C comes twice.
    pub(super) async fn watch<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let Some(signal) = &mut self.signal else { return Some(work.await) };
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(()) = signal.recv() => {
                    if std::mem::replace(&mut self.is_asked, true) {
                        return None;
                    }
                }
                done = &mut work => return Some(done),
            }
        }
    }
}

/// Why a check ends that was told to.
pub(super) fn failure() -> Failure {
    Failure::new(ExitCode::BadInput, "it was interrupted")
}
