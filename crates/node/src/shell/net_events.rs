//! From the network's events to the core's inputs, on a thread of its own.
//!
//! This thread may wait for the core and for the pool; the network does not wait for it, but drops what may be
//! dropped when its event queue is full. So a slow core slows nobody else down.

use std::sync::Arc;

use ecomesh_net::{Event, Events, NetHandle, Verdict};
use ecomesh_protocol::{Input, wire};
use tokio::sync::watch;

use super::{Correlation, from_net, sent};
use crate::core_thread::{CoreGone, CoreHandle};
use crate::metrics::Metrics;
use crate::pool::{Job, PoolHandle};

/// What the thread needs.
pub(crate) struct NetEvents {
    pub(crate) events: Events,
    pub(crate) net: NetHandle,
    pub(crate) core: CoreHandle,
    pub(crate) pool: PoolHandle,
    pub(crate) correlation: Arc<Correlation>,
    pub(crate) metrics: Arc<Metrics>,
    /// Where the node can be reached; shown by the API.
    pub(crate) listening: watch::Sender<Vec<String>>,
}

impl NetEvents {
    /// Runs until the network or the core has ended.
    pub(crate) fn run(mut self) {
        while let Some(event) = self.events.blocking_recv() {
            if self.take(event).is_err() {
                break;
            }
        }
    }

    fn take(&self, event: Event) -> Result<(), CoreGone> {
        match event {
            Event::Listening { addr } => self.note_listening(addr),
            Event::HelloNeeded { link, peer, .. } => {
                let peer = from_net(peer);
                self.correlation.add_reached(peer, link);
                self.core.give(Input::StrangerReached { peer })?;
            }
            Event::HelloRequest { link, peer, bytes } => {
                let exchange = self.correlation.add_greeting(link);
                self.core.give(Input::HelloReceived { peer: from_net(peer), exchange, bytes })?;
            }
            Event::HelloResponse { link, peer, admitted, bytes, .. } => {
                let peer = from_net(peer);
                if admitted {
                    self.correlation.add_answered(peer, link);
                    self.core.give(Input::HelloAnswered { peer, bytes })?;
                } else {
                    tracing::info!(%peer, "a node refused our hello: it has another charter, or does not know this bureau");
                }
            }
            Event::HelloFailed { link, peer, reason, .. } => {
                tracing::debug!(%peer, %reason, "a greeting failed");
                self.correlation.remove_link(from_net(peer), link);
            }
            Event::DialFailed { addr, reason, .. } => tracing::debug!(%addr, %reason, "a dial failed"),
            Event::LinkUp { peer, dialed, .. } => {
                tracing::info!(%peer, dialed, "link up");
                self.metrics.links.inc();
                self.core.give(Input::LinkUp { peer: from_net(peer) })?;
            }
            Event::LinkDown { peer, reason } => {
                tracing::info!(%peer, %reason, "link down");
                self.metrics.links.dec();
                self.core.give(Input::LinkDown { peer: from_net(peer) })?;
            }
            Event::Gossip { token, from, topic, bytes } => self.pushed(token, from, topic, bytes),
            Event::Request { inbound, peer, bytes } => self.asked(inbound, peer, bytes),
            Event::Response { request_id, peer, result } => match result {
                // Answers are never dropped: each was asked for, and there are few at once.
                Ok(bytes) => {
                    let job = Job::Answer { peer: from_net(peer), request: request_id, bytes };
                    self.pool.give(job).map_err(|_| CoreGone::Stopped)?;
                }
                Err(reason) => {
                    tracing::debug!(%peer, %reason, "a question has no answer");
                    self.core.give(Input::AskFailed { peer: from_net(peer), request: request_id })?;
                }
            },
            Event::SlowPeer { peer, dropped } => {
                tracing::debug!(%peer, dropped, "a peer takes pushes slowly");
            }
            Event::Misbehaved { peer, what } => {
                self.core.give(Input::Misbehaved { peer: from_net(peer), reason: what.to_string() })?;
            }
        }
        Ok(())
    }

    fn note_listening(&self, addr: String) {
        tracing::info!(%addr, "listening");
        self.listening.send_if_modified(|list| {
            let new = !list.contains(&addr);
            if new {
                list.push(addr);
            }
            new
        });
    }

    /// A push that finds the pool full is not passed on; it comes by pull.
    fn pushed(&self, token: ecomesh_net::Token, from: ecomesh_net::PeerKey, topic: u8, bytes: Vec<u8>) {
        let number = self.correlation.add_push(token);
        let job = Job::Push { token: number, from: from_net(from), topic, bytes };
        if self.pool.offer(job).is_err() {
            self.metrics.pushes_dropped.inc();
            self.correlation.push(number);
            sent("verdict", self.net.verdict(token, Verdict::Ignore));
        }
    }

    /// A question that finds the pool full is answered: not now.
    fn asked(&self, inbound: ecomesh_net::InboundId, peer: ecomesh_net::PeerKey, bytes: Vec<u8>) {
        let exchange = self.correlation.add_question(inbound);
        let job = Job::Question { peer: from_net(peer), exchange, bytes };
        if self.pool.offer(job).is_err() {
            self.metrics.questions_dropped.inc();
            self.correlation.question(exchange);
            sent("answer", self.net.respond(inbound, wire::answer::unavailable()));
        }
    }
}
