//! Nodes for the tests: a real shell on loopback and a small brain that answers its events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecomesh_net::{
    Config, DialFailure, DownReason, Event, Events, HelloFailure, Misbehaviour, NetHandle, PeerKey,
    RequestFailure, TransportSecret, Verdict, bind,
};
use tokio::sync::Notify;

/// Far above what any wait takes; reached only by a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const NETWORK: [u8; 32] = [0xEC; 32];

/// What the brain does with events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brain {
    /// Say hello when a dial needs it.
    pub(crate) greets: bool,
    /// Take whoever says hello.
    pub(crate) admits: bool,
    /// Drop the old link of a peer whose boot nonce changed.
    pub(crate) resets: bool,
    /// Answer requests, with the request's bytes.
    pub(crate) responds: bool,
    /// The verdict on gossip, if any.
    pub(crate) verdict: Option<Verdict>,
}

pub(crate) const HONEST: Brain =
    Brain { greets: true, admits: true, resets: true, responds: true, verdict: Some(Verdict::Accept) };

/// What the brain has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) listening: Vec<String>,
    pub(crate) up: BTreeSet<PeerKey>,
    pub(crate) ups: usize,
    pub(crate) downs: Vec<(PeerKey, DownReason)>,
    pub(crate) hellos: Vec<(PeerKey, Vec<u8>)>,
    pub(crate) answers: Vec<(PeerKey, bool, Vec<u8>)>,
    pub(crate) hello_failures: Vec<HelloFailure>,
    pub(crate) dial_failures: Vec<(u64, DialFailure)>,
    pub(crate) gossip: Vec<(u8, Vec<u8>)>,
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) responses: BTreeMap<u64, Result<Vec<u8>, RequestFailure>>,
    pub(crate) misbehaved: Vec<(PeerKey, Misbehaviour)>,
    pub(crate) slow: usize,
    pub(crate) stopped: bool,
    nonces: BTreeMap<PeerKey, Vec<u8>>,
}

impl Seen {
    pub(crate) fn heard(&self, bytes: &[u8]) -> bool {
        self.gossip.iter().any(|(_, heard)| heard == bytes)
    }
}

pub(crate) struct Node {
    pub(crate) handle: NetHandle,
    pub(crate) key: PeerKey,
    pub(crate) addr: String,
    seen: Arc<Mutex<Seen>>,
    notify: Arc<Notify>,
}

/// Settings with short waits, so that tests do not take long; listens on a free port.
pub(crate) fn config() -> Config {
    Config {
        heartbeat: Duration::from_millis(300),
        verdict_timeout: Duration::from_millis(1000),
        redial_min: Duration::from_millis(50),
        redial_max: Duration::from_millis(400),
        ..Config::new(NETWORK, vec!["/ip4/127.0.0.1/tcp/0".to_owned()])
    }
}

pub(crate) async fn node(seed: u8) -> Node {
    node_with(seed, config(), HONEST).await
}

pub(crate) async fn node_with(seed: u8, config: Config, brain: Brain) -> Node {
    start(seed, 1, config, brain).await
}

/// Starts a node; `nonce` is what its hello says.
pub(crate) async fn start(seed: u8, nonce: u8, config: Config, brain: Brain) -> Node {
    let listens = !config.listen.is_empty();
    let (handle, events) = bind(config, &TransportSecret::from_seed([seed; 32])).expect("binds");
    let seen = Arc::new(Mutex::new(Seen::default()));
    let notify = Arc::new(Notify::new());
    tokio::spawn(think(handle.clone(), events, brain, vec![nonce], seen.clone(), notify.clone()));
    let mut node = Node { key: handle.local_key(), handle, addr: String::new(), seen, notify };
    if listens {
        node.until("listening", |seen| !seen.listening.is_empty()).await;
        node.addr = node.see(|seen| seen.listening[0].clone());
    }
    node
}

async fn think(
    handle: NetHandle,
    mut events: Events,
    brain: Brain,
    nonce: Vec<u8>,
    seen: Arc<Mutex<Seen>>,
    notify: Arc<Notify>,
) {
    while let Some(event) = events.recv().await {
        react(&handle, brain, &nonce, &mut seen.lock().unwrap(), event);
        notify.notify_waiters();
    }
    seen.lock().unwrap().stopped = true;
    notify.notify_waiters();
}

fn react(handle: &NetHandle, brain: Brain, nonce: &[u8], seen: &mut Seen, event: Event) {
    match event {
        Event::Listening { addr } => seen.listening.push(addr),
        Event::HelloNeeded { link, .. } => {
            if brain.greets {
                handle.hello(link, nonce.to_vec()).unwrap();
            }
        }
        Event::HelloRequest { link, peer, bytes } => {
            note_nonce(handle, brain, seen, peer, &bytes);
            seen.hellos.push((peer, bytes));
            handle.hello_reply(link, nonce.to_vec(), brain.admits).unwrap();
        }
        Event::HelloResponse { link, peer, admitted, bytes, .. } => {
            note_nonce(handle, brain, seen, peer, &bytes);
            seen.answers.push((peer, admitted, bytes));
            if admitted {
                handle.admit(link).unwrap();
            }
        }
        Event::HelloFailed { reason, .. } => seen.hello_failures.push(reason),
        Event::DialFailed { tag, reason, .. } => seen.dial_failures.push((tag, reason)),
        Event::LinkUp { peer, .. } => {
            assert!(seen.up.insert(peer), "a second LinkUp for {peer}");
            seen.ups += 1;
        }
        Event::LinkDown { peer, reason } => {
            assert!(seen.up.remove(&peer), "a LinkDown for {peer}, which was not up");
            seen.downs.push((peer, reason));
        }
        Event::Gossip { token, topic, bytes, .. } => {
            seen.gossip.push((topic, bytes));
            if let Some(verdict) = brain.verdict {
                handle.verdict(token, verdict).unwrap();
            }
        }
        Event::Request { inbound, bytes, .. } => {
            seen.requests.push(bytes.clone());
            if brain.responds {
                handle.respond(inbound, bytes).unwrap();
            }
        }
        Event::Response { request_id, result, .. } => {
            assert!(seen.responses.insert(request_id, result).is_none(), "two responses to {request_id}");
        }
        Event::SlowPeer { .. } => seen.slow += 1,
        Event::Misbehaved { peer, what } => seen.misbehaved.push((peer, what)),
    }
}

fn note_nonce(handle: &NetHandle, brain: Brain, seen: &mut Seen, peer: PeerKey, nonce: &[u8]) {
    let before = seen.nonces.insert(peer, nonce.to_vec());
    if brain.resets && before.is_some_and(|before| before != nonce) {
        handle.reset(peer).unwrap();
    }
}

impl Node {
    pub(crate) fn see<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// Waits until the condition holds, or fails after the deadline.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let wait = async {
            loop {
                let changed = self.notify.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if self.see(&holds) {
                    return;
                }
                // Counters change without an event.
                let _look_again = tokio::time::timeout(Duration::from_millis(50), changed).await;
            }
        };
        if tokio::time::timeout(DEADLINE, wait).await.is_err() {
            panic!("{}: never {what}: {:?}\n{:?}", self.key, self.see(brief), self.handle.counters());
        }
    }

    pub(crate) async fn linked(&self, peer: &Self) {
        self.until(&format!("linked with {}", peer.key), |seen| seen.up.contains(&peer.key)).await;
    }

    pub(crate) fn dials(&self, peers: &[&Self]) {
        let list: Vec<_> =
            peers.iter().enumerate().map(|(at, peer)| (at as u64, peer.addr.clone())).collect();
        self.handle.set_addresses(&list).unwrap();
    }

    /// Publishes numbered messages until the other hears one: the first may come before gossipsub is ready.
    pub(crate) async fn reaches(&self, peer: &Self, text: &str) {
        let wait = async {
            for n in 0u64.. {
                let bytes = format!("{text} {n}").into_bytes();
                self.handle.publish(0, bytes.clone()).unwrap();
                let heard = async { peer.until("hears", |seen| seen.heard(&bytes)).await };
                if tokio::time::timeout(Duration::from_millis(300), heard).await.is_ok() {
                    return;
                }
            }
        };
        if tokio::time::timeout(DEADLINE, wait).await.is_err() {
            panic!(
                "{text} from {} never reached {}\n{:?}\n{:?}",
                self.key,
                peer.key,
                self.handle.counters(),
                peer.handle.counters()
            );
        }
    }

    pub(crate) async fn stop(&self) {
        self.handle.shutdown().unwrap();
        self.until("stopped", |seen| seen.stopped).await;
    }
}

fn brief(seen: &Seen) -> String {
    format!(
        "up {:?}, downs {:?}, hellos {}, answers {:?}, hello failures {:?}, dial failures {:?}, gossip {}, \
         requests {}, responses {}, misbehaved {:?}",
        seen.up,
        seen.downs,
        seen.hellos.len(),
        seen.answers,
        seen.hello_failures,
        seen.dial_failures,
        seen.gossip.len(),
        seen.requests.len(),
        seen.responses.len(),
        seen.misbehaved
    )
}

/// Two nodes, the first of which has dialled the second.
pub(crate) async fn pair() -> (Node, Node) {
    let (a, b) = (node(1).await, node(2).await);
    a.dials(&[&b]);
    a.linked(&b).await;
    b.linked(&a).await;
    (a, b)
}
