//! Gossip: out by priority, in with a verdict.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::gossipsub::{Event as GossipEvent, Message, MessageAcceptance, MessageId, PublishError};

use super::Shell;
use crate::PeerKey;
use crate::event::{Event, Token};
use crate::handle::Verdict;
use crate::strict::StrictEvent;

impl Shell {
    pub(super) fn publish(&mut self, topic: u8, bytes: Vec<u8>) {
        let Some(hash) = self.topics.hash(topic) else { return };
        // Never tried again: after `AllQueuesFull` a second try is a `Duplicate` and goes nowhere.
        let counter = match self.swarm.behaviour_mut().mesh.inner().gossip.inner().publish(hash, bytes) {
            Ok(_) => &self.tally.gossip_published,
            Err(PublishError::NoPeersSubscribedToTopic) => &self.tally.gossip_no_peers,
            Err(PublishError::AllQueuesFull(_)) => &self.tally.gossip_queues_full,
            Err(PublishError::Duplicate) => &self.tally.gossip_duplicate,
            Err(error) => {
                tracing::warn!(%error, "gossip refused a message");
                &self.tally.gossip_failed
            }
        };
        counter.one();
    }

    pub(super) fn on_strict_event(&mut self, event: StrictEvent) {
        match event {
            StrictEvent::Gossip(event) => self.on_gossip_event(event),
            StrictEvent::Misbehaved(peer, what) => {
                if let Some(peer) = PeerKey::from_peer_id(&peer) {
                    self.misbehaved(peer, what);
                }
            }
        }
    }

    fn on_gossip_event(&mut self, event: GossipEvent) {
        match event {
            GossipEvent::Message { propagation_source, message_id, message } => {
                self.on_gossip(propagation_source, message_id, message);
            }
            GossipEvent::SlowPeer { peer_id, failed_messages } => {
                let dropped = (failed_messages.priority + failed_messages.non_priority) as u64;
                self.tally.gossip_slow_dropped.add(dropped);
                if let Some(peer) = PeerKey::from_peer_id(&peer_id) {
                    self.outbox.offer(Event::SlowPeer { peer, dropped });
                }
            }
            GossipEvent::GossipsubNotSupported { peer_id } => {
                // The opening in two steps keeps this from happening among nodes of ours.
                tracing::warn!(%peer_id, "an admitted peer does not speak gossip");
            }
            GossipEvent::Subscribed { .. } | GossipEvent::Unsubscribed { .. } => {}
        }
    }

    fn on_gossip(&mut self, source: PeerId, id: MessageId, message: Message) {
        let Some(from) = PeerKey::from_peer_id(&source) else { return };
        self.heard_from(&from);
        self.tally.gossip_received.one();
        let Some(topic) = self.topics.priority(&message.topic) else {
            return self.report(&id, &source, MessageAcceptance::Ignore);
        };
        match self.verdicts.insert((id, source), Instant::now()) {
            Err((id, source)) => {
                self.tally.verdicts_dropped.one();
                self.report(&id, &source, MessageAcceptance::Ignore);
            }
            Ok(token) => {
                if !self.outbox.offer(Event::Gossip { token, from, topic, bytes: message.data }) {
                    self.verdict(token, Verdict::Ignore);
                }
            }
        }
    }

    pub(super) fn verdict(&mut self, token: Token, verdict: Verdict) {
        let Some((id, source)) = self.verdicts.take(token) else { return };
        let acceptance = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Reject => MessageAcceptance::Reject,
            Verdict::Ignore => MessageAcceptance::Ignore,
        };
        self.report(&id, &source, acceptance);
    }

    pub(super) fn expire_verdicts(&mut self, now: Instant) {
        while let Some((id, source)) = self.verdicts.expire(now) {
            self.tally.verdicts_expired.one();
            self.report(&id, &source, MessageAcceptance::Ignore);
        }
    }

    fn report(&mut self, id: &MessageId, source: &PeerId, acceptance: MessageAcceptance) {
        self.swarm
            .behaviour_mut()
            .mesh
            .inner()
            .gossip
            .inner()
            .report_message_validation_result(id, source, acceptance);
    }
}
