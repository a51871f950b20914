//! Kills nodes at random and starts them again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use ecomesh_api::Client;
use tokio::sync::watch;

use super::{Dice, NODES, STEADY, Shared};

/// Longest time that a killed node stays away, in milliseconds.
const AWAY_MS_MAX: usize = 5_000;
/// Longest wait for a node to be ready again.
const READY_MAX: Duration = Duration::from_secs(120);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Kills one node after each pause, until told to stop; returns how often each was killed. All run when it returns.
pub async fn run(
    shared: Arc<Shared>,
    pause: Duration,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<Vec<u64>> {
    let mut dice = Dice::new()?;
    let mut kills = vec![0; NODES];
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stop| *stop) => return Ok(kills),
        }
        let n = STEADY + dice.below(NODES - STEADY);
        shared.nodes[n].lock().await.kill().await?;
        kills[n] += 1;
        let away = Duration::from_millis(dice.below(AWAY_MS_MAX) as u64);
        tokio::time::sleep(away).await;
        shared.nodes[n].lock().await.spawn()?;
        ready_again(&shared.clients[n]).await?;
    }
}

/// Waits until a node takes and gives messages; meanwhile others may look at its process.
async fn ready_again(client: &Client) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_MAX;
    while !client.ready().await.is_ok_and(|answer| answer.ready) {
        ensure!(Instant::now() < deadline, "a killed node was not ready after {} s", READY_MAX.as_secs());
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}
