//! Sync: one frame asks, one frame answers, both bounded in size, number and time.

use std::collections::HashMap;

use libp2p::request_response::{
    Event as Exchange, InboundRequestId, Message, OutboundFailure, OutboundRequestId, ResponseChannel,
};

use super::Shell;
use crate::PeerKey;
use crate::codec::Frame;
use crate::event::{Event, InboundId, Misbehaviour, RequestFailure};

/// Requests under way.
#[derive(Default)]
pub(super) struct Requests {
    /// Ours: the node's id and who was asked.
    outbound: HashMap<OutboundRequestId, (u64, PeerKey)>,
    /// Theirs: the way back and who asks.
    inbound: HashMap<InboundRequestId, (ResponseChannel<Frame>, PeerKey)>,
}

impl Requests {
    fn outbound_to(&self, peer: &PeerKey) -> usize {
        self.outbound.values().filter(|(_, asked)| asked == peer).count()
    }

    fn inbound_from(&self, peer: &PeerKey) -> usize {
        self.inbound.values().filter(|(_, asks)| asks == peer).count()
    }
}

impl Shell {
    pub(super) fn request(&mut self, peer: PeerKey, request_id: u64, bytes: Vec<u8>) {
        let failure = match self.links.open_with(&peer).and_then(|id| self.links.get(id)) {
            Some(link) if matches!(link.stage, crate::links::Stage::Up) => {
                let busy = self.requests.outbound_to(&peer) >= self.config.max_requests_per_peer;
                busy.then_some(RequestFailure::Busy)
            }
            _ => Some(RequestFailure::NotLinked),
        };
        if let Some(failure) = failure {
            self.tally.requests_failed.one();
            return self.outbox.send(Event::Response { request_id, peer, result: Err(failure) });
        }
        self.tally.requests_sent.one();
        let sync = &mut self.swarm.behaviour_mut().mesh.inner().sync;
        let id = sync.send_request(&peer.peer_id(), Frame::Whole(bytes));
        self.requests.outbound.insert(id, (request_id, peer));
    }

    pub(super) fn respond(&mut self, inbound: InboundId, bytes: Vec<u8>) {
        let Some((channel, _)) = self.requests.inbound.remove(&inbound.0) else {
            return self.tally.responses_failed.one();
        };
        let sync = &mut self.swarm.behaviour_mut().mesh.inner().sync;
        if sync.send_response(channel, Frame::Whole(bytes)).is_err() {
            self.tally.responses_failed.one();
        }
    }

    pub(super) fn on_sync_event(&mut self, event: Exchange<Frame, Frame>) {
        match event {
            Exchange::Message {
                peer, message: Message::Request { request_id, request, channel }, ..
            } => {
                if let Some(peer) = PeerKey::from_peer_id(&peer) {
                    self.on_request(peer, request_id, request, channel);
                }
            }
            Exchange::Message { message: Message::Response { request_id, response }, .. } => {
                self.on_response(request_id, response);
            }
            Exchange::OutboundFailure { request_id, error, .. } => {
                let failure = match error {
                    OutboundFailure::Timeout => RequestFailure::Timeout,
                    OutboundFailure::ConnectionClosed | OutboundFailure::DialFailure => {
                        RequestFailure::LinkDown
                    }
                    other => RequestFailure::Unanswered(super::chain(&other)),
                };
                self.fail_request(request_id, failure);
            }
            Exchange::InboundFailure { request_id, .. } => {
                self.tally.responses_failed.one();
                self.requests.inbound.remove(&request_id);
            }
            Exchange::ResponseSent { .. } => {}
        }
    }

    fn on_request(
        &mut self,
        peer: PeerKey,
        id: InboundRequestId,
        frame: Frame,
        channel: ResponseChannel<Frame>,
    ) {
        self.heard_from(&peer);
        self.tally.requests_received.one();
        let Frame::Whole(bytes) = frame else {
            return self.misbehaved(peer, Misbehaviour::Frame);
        };
        let full = self.requests.inbound.len() >= self.config.max_inbound_requests
            || self.requests.inbound_from(&peer) >= self.config.max_requests_per_peer;
        if full || !self.outbox.offer(Event::Request { inbound: InboundId(id), peer, bytes }) {
            // Dropping the channel tells the other side that there is no answer.
            return self.tally.requests_dropped.one();
        }
        self.requests.inbound.insert(id, (channel, peer));
    }

    fn on_response(&mut self, id: OutboundRequestId, frame: Frame) {
        let Some((request_id, peer)) = self.requests.outbound.remove(&id) else { return };
        let result = match frame {
            Frame::Whole(bytes) => Ok(bytes),
            Frame::TooLong | Frame::Trailing => {
                self.tally.requests_failed.one();
                self.misbehaved(peer, Misbehaviour::Frame);
                Err(RequestFailure::Protocol)
            }
        };
        self.outbox.send(Event::Response { request_id, peer, result });
    }

    fn fail_request(&mut self, id: OutboundRequestId, failure: RequestFailure) {
        let Some((request_id, peer)) = self.requests.outbound.remove(&id) else { return };
        self.tally.requests_failed.one();
        self.outbox.send(Event::Response { request_id, peer, result: Err(failure) });
    }

    /// The link with a peer is gone: so are the requests to it and the answers for it.
    pub(super) fn fail_requests(&mut self, peer: &PeerKey) {
        let lost = |(id, (_, asked)): (&OutboundRequestId, &(u64, PeerKey))| (asked == peer).then_some(*id);
        let mut ids: Vec<_> = self.requests.outbound.iter().filter_map(lost).collect();
        ids.sort_unstable();
        for id in ids {
            self.fail_request(id, RequestFailure::LinkDown);
        }
        self.requests.inbound.retain(|_, (_, asks)| asks != peer);
    }
}
