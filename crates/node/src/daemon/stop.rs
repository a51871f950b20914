//! The stop, bounded in time.

use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::time::timeout;

use super::Running;

/// Why a stop was not graceful. Nothing that was acknowledged is lost.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StopError {
    /// A part was still at work when the time was over.
    #[error("the node did not stop within {millis} ms: {part} is still at work and ends with the process")]
    Late {
        /// Which part.
        part: &'static str,
        /// The time that the configuration grants.
        millis: u64,
    },
}

/// Clients first, since their requests need the core; then the network; the core last.
pub(super) async fn stop(running: Running) -> Result<(), StopError> {
    let Running {
        orders, mut servers, net_events, core, core_thread, pool, scrub, tasks, stop_after, ..
    } = running;
    let deadline = Instant::now() + stop_after;
    let left = || deadline.saturating_duration_since(Instant::now());
    tracing::info!("the node stops");
    drop(scrub);
    tasks.end().await;
    orders.shared.stop();
    if timeout(stop_after.mul_f32(GRACE), servers.ended()).await.is_err() {
        tracing::warn!("requests are cut off");
        orders.shared.stop_hard();
        servers.abort().await;
    }
    drop(orders);
    let threads = tokio::task::spawn_blocking(move || {
        core.stop();
        // A thread that panicked has ended too; `Running::failed` told of it.
        let _ = core_thread.join();
        drop(pool);
    });
    let millis = u64::try_from(stop_after.as_millis()).unwrap_or(u64::MAX);
    if timeout(left(), threads).await.is_err() {
        return Err(StopError::Late { part: "the core", millis });
    }
    let events = tokio::task::spawn_blocking(move || {
        let _ = net_events.join();
    });
    if timeout(left().max(MINIMUM), events).await.is_err() {
        return Err(StopError::Late { part: "the network", millis });
    }
    Ok(())
}

/// The share of the time that requests in work get.
const GRACE: f32 = 0.75;

/// What the network gets even if the parts before it took all the time.
const MINIMUM: Duration = Duration::from_millis(100);
