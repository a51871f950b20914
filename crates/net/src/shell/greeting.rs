//! From a connection to a link: hello, answer, open, done.

use std::time::Instant;

use libp2p::request_response::{
    Event as HelloExchange, Message, OutboundFailure, OutboundRequestId, ResponseChannel,
};
use libp2p::swarm::ConnectionId;

use super::Shell;
use crate::codec::Frame;
use crate::event::{DownReason, Event, HelloFailure, LinkId, Misbehaviour};
use crate::hello::{ADMITTED, DONE, HELLO, HelloEvent, REFUSED, SUPERFLUOUS};
use crate::links::{Keep, Stage, choose};

impl Shell {
    /// Dialer: the node's hello goes out.
    pub(super) fn say_hello(&mut self, id: ConnectionId, bytes: &[u8]) {
        let Some(link) = self.links.get(id) else { return };
        if !matches!(link.stage, Stage::Silent) {
            return;
        }
        // A hello means: I have no link with you. The peer may have made one meanwhile.
        if self.links.open_with(&link.key).is_some() {
            return self.close(id, DownReason::Closed, HelloFailure::AlreadyLinked);
        }
        let sent = self.swarm.behaviour_mut().hello.send(id, HELLO, bytes);
        if let (Some(request), Some(link)) = (sent, self.links.get_mut(id)) {
            link.stage = Stage::Asked(request);
        }
    }

    pub(super) fn on_hello_event(&mut self, event: HelloEvent) {
        match event {
            HelloExchange::Message {
                connection_id,
                message: Message::Request { request, channel, .. },
                ..
            } => {
                self.on_hello_request(connection_id, request, channel);
            }
            HelloExchange::Message {
                connection_id,
                message: Message::Response { request_id, response },
                ..
            } => {
                self.on_hello_response(connection_id, request_id, response);
            }
            HelloExchange::OutboundFailure { connection_id, error, .. } => {
                let reason = match error {
                    OutboundFailure::Timeout => HelloFailure::Timeout,
                    OutboundFailure::UnsupportedProtocols => HelloFailure::Protocol,
                    other => HelloFailure::Lost(super::chain(&other)),
                };
                self.close(connection_id, DownReason::Lost("the greeting broke off".to_owned()), reason);
            }
            // Sent is not received: closing here would lose a refusal on its way. The dialer closes, or the hello
            // timeout does.
            HelloExchange::ResponseSent { .. } | HelloExchange::InboundFailure { .. } => {}
        }
    }

    /// Listener: a hello, or the `done` that completes it.
    fn on_hello_request(&mut self, id: ConnectionId, frame: Frame, channel: ResponseChannel<Frame>) {
        let Some(link) = self.links.get_mut(id) else { return };
        let key = link.key;
        let Frame::Whole(mut bytes) = frame else {
            self.misbehaved(key, Misbehaviour::Frame);
            return self.close(id, DownReason::Closed, HelloFailure::Protocol);
        };
        match (bytes.first(), &link.stage) {
            (Some(&HELLO), Stage::Listening) => {
                bytes.remove(0);
                link.stage = Stage::Answering(channel);
                self.outbox.send(Event::HelloRequest { link: LinkId(id), peer: key, bytes });
            }
            (Some(&DONE), Stage::Ajar | Stage::Up) if !link.dialed() => {
                self.swarm.behaviour_mut().hello.respond(channel, ADMITTED, &[]);
                self.complete(id);
            }
            _ => {
                self.misbehaved(key, Misbehaviour::Hello);
                self.close(id, DownReason::Closed, HelloFailure::Protocol);
            }
        }
    }

    /// Listener: the node's answer goes out, after the link is open if it is an admission.
    pub(super) fn reply_hello(&mut self, id: ConnectionId, bytes: Vec<u8>, admit: bool) {
        let Some(link) = self.links.get_mut(id) else { return };
        if !matches!(link.stage, Stage::Answering(_)) {
            return;
        }
        let Stage::Answering(channel) = std::mem::replace(&mut link.stage, Stage::Refused) else { return };
        if !admit {
            self.swarm.behaviour_mut().hello.respond(channel, REFUSED, &bytes);
        } else if !self.prefer(id) {
            self.swarm.behaviour_mut().hello.respond(channel, SUPERFLUOUS, &[]);
        } else {
            self.open(id, Some((channel, bytes)));
        }
    }

    /// Dialer: the answer.
    fn on_hello_response(&mut self, id: ConnectionId, request: OutboundRequestId, frame: Frame) {
        let Some(link) = self.links.get_mut(id) else { return };
        // The answer to `done` says nothing new.
        let Stage::Asked(asked) = link.stage else { return };
        if asked != request {
            return;
        }
        let (key, tag) = (link.key, link.tag().unwrap_or_default());
        let Frame::Whole(mut bytes) = frame else {
            self.misbehaved(key, Misbehaviour::Frame);
            return self.close(id, DownReason::Closed, HelloFailure::Protocol);
        };
        let kind = if bytes.is_empty() { None } else { Some(bytes.remove(0)) };
        match kind {
            Some(ADMITTED) => {
                link.stage = Stage::Welcome;
                self.outbox.send(Event::HelloResponse {
                    link: LinkId(id),
                    peer: key,
                    tag,
                    admitted: true,
                    bytes,
                });
            }
            Some(REFUSED) => {
                self.outbox.send(Event::HelloResponse {
                    link: LinkId(id),
                    peer: key,
                    tag,
                    admitted: false,
                    bytes,
                });
                link.stage = Stage::Refused;
                self.close(id, DownReason::Closed, HelloFailure::Closed);
            }
            Some(SUPERFLUOUS) => self.close(id, DownReason::Closed, HelloFailure::AlreadyLinked),
            _ => {
                self.misbehaved(key, Misbehaviour::Hello);
                self.close(id, DownReason::Closed, HelloFailure::Protocol);
            }
        }
    }

    /// Dialer: the node takes the answer.
    pub(super) fn admit(&mut self, id: ConnectionId) {
        if !self.links.get(id).is_some_and(|link| matches!(link.stage, Stage::Welcome)) {
            return;
        }
        if self.prefer(id) {
            self.open(id, None);
        } else {
            self.close(id, DownReason::Closed, HelloFailure::AlreadyLinked);
        }
    }

    /// Makes room for a connection that is to be opened; `false` if the peer's open link is the better one.
    fn prefer(&mut self, id: ConnectionId) -> bool {
        let Some(new) = self.links.get(id) else { return false };
        let Some(old_id) = self.links.open_with(&new.key) else { return true };
        let Some(old) = self.links.get(old_id) else { return true };
        match choose(self.local, old, new, self.config.hello_timeout, Instant::now()) {
            Keep::Old => false,
            Keep::New => {
                self.tally.links_replaced.one();
                self.close(old_id, DownReason::Replaced, HelloFailure::AlreadyLinked);
                true
            }
        }
    }

    /// Opens the inner protocols; [`Self::on_opened`] follows.
    fn open(&mut self, id: ConnectionId, answer: Option<(ResponseChannel<Frame>, Vec<u8>)>) {
        if !self.swarm.behaviour_mut().mesh.open(id) {
            return self.close(id, DownReason::Closed, HelloFailure::Closed);
        }
        if let Some(link) = self.links.get_mut(id) {
            link.stage = Stage::Opening(answer);
            let peer = link.peer;
            self.swarm.behaviour_mut().gate.admitted(id, peer);
        }
        self.links.mark_open(id);
    }

    /// The connection now accepts the inner protocols: tell the other side.
    pub(super) fn on_opened(&mut self, id: ConnectionId) {
        let Some(link) = self.links.get_mut(id) else { return };
        if !matches!(link.stage, Stage::Opening(_)) {
            return;
        }
        let Stage::Opening(answer) = std::mem::replace(&mut link.stage, Stage::Ajar) else { return };
        match answer {
            Some((channel, bytes)) => self.swarm.behaviour_mut().hello.respond(channel, ADMITTED, &bytes),
            None => {
                self.swarm.behaviour_mut().hello.send(id, DONE, &[]);
                self.complete(id);
            }
        }
    }

    /// Both ends are open: the inner protocols may start streams, and the node hears of the link.
    pub(super) fn complete(&mut self, id: ConnectionId) {
        let Some(link) = self.links.get_mut(id) else { return };
        if !matches!(link.stage, Stage::Ajar) {
            return;
        }
        link.stage = Stage::Up;
        let (key, dialed) = (link.key, link.dialed());
        if let Some(addr) = link.listed() {
            self.redialer.linked(addr, key);
        }
        self.swarm.behaviour_mut().mesh.release(id);
        self.tally.links_up.one();
        self.outbox.send(Event::LinkUp { peer: key, link: LinkId(id), dialed });
    }
}
