//! The loads of `mesh` and `latency`, on NATS.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::future::try_join_all;

use super::client::Client;
use super::server::{Cluster, SERVERS, SUBJECT};
use crate::cli::Options;
use crate::figures::Samples;

/// Connections that share the window: with more of them NATS was not faster.
const CONNECTIONS: usize = 4;
/// Messages before any is measured.
const WARM_UP: u32 = 20;

/// Acknowledged messages per second, a window outstanding over some connections.
pub async fn throughput(cluster: &Cluster, options: &Options) -> anyhow::Result<f64> {
    let clients = connect(cluster, options.senders as usize).await?;
    let payload = Arc::new(payload(options)?);
    for client in &clients {
        client.publish(SUBJECT, &payload).await?;
    }
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let publishers = (0..options.window as usize).map(|n| {
        let (client, payload, next) = (clients[n % CONNECTIONS].clone(), payload.clone(), next.clone());
        let total = options.records;
        tokio::spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < total {
                client.publish(SUBJECT, &payload).await?;
            }
            anyhow::Ok(())
        })
    });
    for publisher in try_join_all(publishers).await? {
        publisher?;
    }
    Ok(options.records as f64 / began.elapsed().as_secs_f64())
}

/// Milliseconds of single messages, and of messages at a fixed rate.
pub async fn latencies(cluster: &Cluster, options: &Options) -> anyhow::Result<(Samples, Samples)> {
    let client = Arc::new(Client::connect(cluster.ports[0]).await?);
    let payload = Arc::new(payload(options)?);
    for _ in 0..WARM_UP {
        client.publish(SUBJECT, &payload).await?;
    }
    let mut one = Samples::default();
    for _ in 0..options.samples {
        let began = Instant::now();
        client.publish(SUBJECT, &payload).await?;
        one.time(began.elapsed());
    }
    let count = u64::from(options.rate) * options.rate_s;
    let start = Instant::now() + Duration::from_millis(100);
    let mut publishers = Vec::new();
    for n in 0..count {
        let due = start + Duration::from_secs_f64(n as f64 / f64::from(options.rate));
        let (client, payload) = (client.clone(), payload.clone());
        publishers.push(tokio::spawn(async move {
            tokio::time::sleep_until(due.into()).await;
            client.publish(SUBJECT, &payload).await?;
            anyhow::Ok(due.elapsed())
        }));
    }
    let mut at_rate = Samples::default();
    for publisher in try_join_all(publishers).await? {
        at_rate.time(publisher?);
    }
    Ok((one, at_rate))
}

async fn connect(cluster: &Cluster, servers: usize) -> anyhow::Result<Vec<Arc<Client>>> {
    let servers = servers.clamp(1, SERVERS);
    let connections = (0..CONNECTIONS).map(|n| Client::connect(cluster.ports[n % servers]));
    let clients = try_join_all(connections).await.context("cannot connect")?;
    Ok(clients.into_iter().map(Arc::new).collect())
}

/// As many bytes as our content has.
fn payload(options: &Options) -> anyhow::Result<Vec<u8>> {
    let mut payload = vec![0; options.body_bytes as usize];
    getrandom::fill(&mut payload)?;
    Ok(payload)
}
