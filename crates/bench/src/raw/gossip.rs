//! Plain gossipsub: three peers of this process on loopback, with Noise and yamux, no signatures, no store. One peer
//! publishes with a window; a message counts when both others have it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use futures::StreamExt;
use libp2p::gossipsub::{
    Behaviour, ConfigBuilder, Event, IdentTopic, MessageAuthenticity, MessageId, PublishError, ValidationMode,
};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, SwarmBuilder, noise, tcp, yamux};
use tokio::sync::{Notify, mpsc};

/// Peers.
const PEERS: usize = 3;
/// Longest wait for the links, and for a message that does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// What all subscribe to.
const TOPIC: &str = "benchmark";

/// What the receivers have, and how the publisher hears of it.
#[derive(Default)]
struct Received {
    counts: [AtomicU64; PEERS - 1],
    subscribers: AtomicU64,
    news: Notify,
}

impl Received {
    /// Messages that all receivers have.
    fn by_all(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).min().unwrap_or(0)
    }
}

/// Messages per second.
pub async fn rate(messages: u64, window: usize, bytes: usize) -> anyhow::Result<f64> {
    let received = Arc::new(Received::default());
    let mut swarms = (0..PEERS).map(|_| swarm()).collect::<anyhow::Result<Vec<_>>>()?;
    let mut addresses: Vec<Multiaddr> = Vec::new();
    for swarm in &mut swarms {
        for known in &addresses {
            swarm.dial(known.clone())?;
        }
        addresses.push(listen(swarm).await?);
    }
    let publisher = swarms.remove(0);
    let mut tasks = tokio::task::JoinSet::new();
    for (n, swarm) in swarms.into_iter().enumerate() {
        tasks.spawn(receive(swarm, n, received.clone()));
    }
    let (wanted, orders) = mpsc::channel(window);
    tasks.spawn(publish(publisher, orders, received.clone()));
    let rate = drive(messages, window as u64, bytes, &wanted, &received).await;
    // The swarms never end by themselves.
    tasks.abort_all();
    rate
}

/// Gives the publisher a message whenever fewer than `window` are on their way.
async fn drive(
    messages: u64,
    window: u64,
    bytes: usize,
    wanted: &mpsc::Sender<Vec<u8>>,
    received: &Received,
) -> anyhow::Result<f64> {
    let linked = || received.subscribers.load(Ordering::Relaxed) >= PEERS as u64 - 1;
    wait_for(received, linked).await.context("plain gossip: the peers did not find each other")?;
    let began = Instant::now();
    let mut payload = vec![0; bytes.max(8)];
    for number in 0..messages {
        wait_for(received, || number < received.by_all() + window).await.context("plain gossip: lost")?;
        payload[..8].copy_from_slice(&number.to_be_bytes());
        wanted.send(payload.clone()).await.map_err(|_| anyhow!("plain gossip: the publisher ended"))?;
    }
    wait_for(received, || received.by_all() >= messages).await.context("plain gossip: lost")?;
    Ok(messages as f64 / began.elapsed().as_secs_f64())
}

/// Waits until something is so; it is asked after each piece of news.
async fn wait_for(received: &Received, is_so: impl Fn() -> bool) -> anyhow::Result<()> {
    let waiting = async {
        loop {
            // The news is awaited before the look, so that none falls between the two.
            let news = received.news.notified();
            if is_so() {
                return;
            }
            news.await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .map_err(|_| anyhow!("nothing for {} s, {} messages came", PATIENCE.as_secs(), received.by_all()))
}

async fn publish(mut swarm: Swarm<Behaviour>, mut orders: mpsc::Receiver<Vec<u8>>, received: Arc<Received>) {
    loop {
        tokio::select! {
            event = swarm.select_next_some() => {
                if matches!(event, SwarmEvent::Behaviour(Event::Subscribed { .. })) {
                    received.subscribers.fetch_add(1, Ordering::Relaxed);
                    received.news.notify_one();
                }
            }
            order = orders.recv() => {
                let Some(message) = order else { return };
                send(&mut swarm, message).await;
            }
        }
    }
}

/// Publishes; when all queues are full, the links get on with their work first.
async fn send(swarm: &mut Swarm<Behaviour>, message: Vec<u8>) {
    while let Err(PublishError::AllQueuesFull(_)) =
        swarm.behaviour_mut().publish(IdentTopic::new(TOPIC), message.clone())
    {
        swarm.select_next_some().await;
    }
}

async fn receive(mut swarm: Swarm<Behaviour>, n: usize, received: Arc<Received>) {
    loop {
        if let SwarmEvent::Behaviour(Event::Message { .. }) = swarm.select_next_some().await {
            received.counts[n].fetch_add(1, Ordering::Relaxed);
            received.news.notify_one();
        }
    }
}

async fn listen(swarm: &mut Swarm<Behaviour>) -> anyhow::Result<Multiaddr> {
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let listening = async {
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                return address;
            }
        }
    };
    match tokio::time::timeout(PATIENCE, listening).await {
        Ok(address) => Ok(address),
        Err(_) => bail!("plain gossip: no port"),
    }
}

fn swarm() -> anyhow::Result<Swarm<Behaviour>> {
    let config = ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| {
            let mut hasher = DefaultHasher::new();
            message.data.hash(&mut hasher);
            MessageId::new(&hasher.finish().to_be_bytes())
        })
        .build()?;
    let mut gossip: Behaviour =
        Behaviour::new(MessageAuthenticity::Anonymous, config).map_err(|text| anyhow!("{text}"))?;
    gossip.subscribe(&IdentTopic::new(TOPIC))?;
    let swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| gossip)?
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(PATIENCE * 6))
        .build();
    Ok(swarm)
}
