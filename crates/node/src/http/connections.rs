//! The connections of clients: each has a name, and all can be ended from outside.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// How often it is looked whether they have ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Names a connection of a client; a later one has a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(u64);

/// All connections of clients.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    /// All up to this one are to end, but those that are spared.
    cut: watch::Sender<Option<ConnectionId>>,
}

#[derive(Default)]
struct State {
    next: u64,
    open: BTreeSet<ConnectionId>,
    /// Those that are told what became of their order to lock.
    spared: BTreeSet<ConnectionId>,
}

impl Connections {
    /// A new one.
    pub(super) fn open(&self) -> Open {
        let mut state = self.state();
        let id = ConnectionId(state.next);
        state.next += 1;
        state.open.insert(id);
        Open { id, all: self.clone() }
    }

    /// Ends all that stand now, but those that are spared. The answer is over when they have ended.
    pub(super) fn cut(&self) -> impl Future<Output = ()> + use<> {
        let last = ConnectionId(self.state().next);
        self.0.cut.send_replace(Some(last));
        let all = self.clone();
        async move {
            let stands = |state: &State| state.open.range(..last).any(|id| !state.spared.contains(id));
            while stands(&all.state()) {
                sleep(LOOK_EVERY).await;
            }
        }
    }

    /// This one is not ended before the answer is dropped.
    pub(super) fn spare(&self, id: ConnectionId) -> Spared {
        self.state().spared.insert(id);
        Spared { id, all: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Sets and a number are whole after every single call on them.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that stands until this is dropped.
pub(super) struct Open {
    pub(super) id: ConnectionId,
    all: Connections,
}

impl Open {
    /// Over when the connection is to end.
    pub(super) fn until_cut(&self) -> impl Future<Output = ()> + Send + use<> {
        let (id, all) = (self.id, self.all.clone());
        async move {
            let mut orders = all.0.cut.subscribe();
            let is_cut = |last: &Option<ConnectionId>| {
                last.is_some_and(|last| id < last) && !all.state().spared.contains(&id)
            };
            // The sender lives as long as this.
            let _ = orders.wait_for(is_cut).await;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.all.state().open.remove(&self.id);
    }
}

/// See [`Connections::spare`].
pub(super) struct Spared {
    id: ConnectionId,
    all: Connections,
}

impl Drop for Spared {
    fn drop(&mut self) {
        self.all.state().spared.remove(&self.id);
    }
}
