//! Gossip that tells what gossipsub drops in silence.
//!
//! gossipsub keeps every message for some seconds before it looks whether anybody wants it, so messages on topics of
//! nobody would cost memory at the rate at which they come, and no event names their sender. [`Filter`] refuses such
//! messages before they are kept. And a gossip stream whose bytes cannot be read is closed without an event; after
//! five of them the library takes no gossip from that connection any more, for good. [`StrictHandler`] counts the
//! streams, so that the peer is named before that.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use either::Either;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::gossipsub::{self, DataTransform, Message, RawMessage, TopicHash, WhitelistSubscriptionFilter};
use libp2p::swarm::handler::ConnectionEvent;
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use crate::event::Misbehaviour;

/// An honest node opens one gossip stream, and another if that one breaks. gossipsub gives up at the fifth.
const STREAMS_MAX: usize = 3;

/// gossipsub as this crate uses it.
pub(crate) type Gossip = gossipsub::Behaviour<Filter, WhitelistSubscriptionFilter>;

/// What comes out of strict gossip.
#[derive(Debug)]
pub(crate) enum StrictEvent {
    /// Of gossipsub itself.
    Gossip(gossipsub::Event),
    /// A peer sent what no honest peer sends.
    Misbehaved(PeerId, Misbehaviour),
}

/// Refuses messages of foreign topics and messages above the bound, before gossipsub keeps them.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    topics: Arc<HashSet<TopicHash>>,
    max_bytes: usize,
    /// What the filter has refused since it was last asked.
    refused: Arc<Mutex<Option<Misbehaviour>>>,
    /// Messages since they were last asked for, known ones among them: gossipsub asks here before it looks.
    copies: Arc<AtomicU64>,
}

impl Filter {
    pub(crate) fn new(topics: HashSet<TopicHash>, max_bytes: usize) -> Self {
        Self { topics: Arc::new(topics), max_bytes, refused: Arc::default(), copies: Arc::default() }
    }

    fn check(&self, message: &RawMessage) -> Result<(), Misbehaviour> {
        if !self.topics.contains(&message.topic) {
            return Err(Misbehaviour::Topic);
        }
        if message.data.len() > self.max_bytes {
            return Err(Misbehaviour::Gossip);
        }
        Ok(())
    }

    fn take_refused(&self) -> Option<Misbehaviour> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl DataTransform for Filter {
    fn inbound_transform(&self, raw: RawMessage) -> io::Result<Message> {
        self.copies.fetch_add(1, Ordering::Relaxed);
        self.check(&raw).map_err(|what| {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
            io::Error::from(io::ErrorKind::InvalidData)
        })?;
        let RawMessage { source, data, sequence_number, topic, .. } = raw;
        Ok(Message { source, data, sequence_number, topic })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> io::Result<Vec<u8>> {
        Ok(data)
    }
}

/// gossipsub behind a [`Filter`] and [`StrictHandler`]s.
pub(crate) struct Strict {
    inner: Gossip,
    filter: Filter,
    pending: VecDeque<StrictEvent>,
}

impl Strict {
    /// `inner` must have been made with a clone of `filter`.
    pub(crate) fn new(inner: Gossip, filter: Filter) -> Self {
        Self { inner, filter, pending: VecDeque::new() }
    }

    /// Messages received since this was last asked, with those that were known already.
    pub(crate) fn take_copies(&self) -> u64 {
        self.filter.copies.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn inner(&mut self) -> &mut Gossip {
        &mut self.inner
    }
}

impl NetworkBehaviour for Strict {
    type ConnectionHandler = StrictHandler<THandler<Gossip>>;
    type ToSwarm = StrictEvent;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let inner = self.inner.handle_established_inbound_connection(id, peer, local, remote)?;
        Ok(StrictHandler::new(inner))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        addr: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let inner = self.inner.handle_established_outbound_connection(id, peer, addr, role, port)?;
        Ok(StrictHandler::new(inner))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {
            Either::Left(event) => {
                // gossipsub filters the messages of the event in this very call, so what is refused is this peer's.
                self.inner.on_connection_handler_event(peer, id, event);
                if let Some(what) = self.filter.take_refused() {
                    self.pending.push_back(StrictEvent::Misbehaved(peer, what));
                }
            }
            Either::Right(TooManyStreams) => {
                self.pending.push_back(StrictEvent::Misbehaved(peer, Misbehaviour::Stream));
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<StrictEvent, THandlerInEvent<Self>>> {
        if let Some(event) = self.pending.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(event));
        }
        self.inner.poll(cx).map(|order| order.map_out(StrictEvent::Gossip))
    }
}

/// The peer has opened more gossip streams than an honest one needs.
#[derive(Debug)]
pub(crate) struct TooManyStreams;

/// gossipsub's handler, with its inbound streams counted.
pub(crate) struct StrictHandler<H> {
    inner: H,
    streams: usize,
    tell: bool,
}

impl<H> StrictHandler<H> {
    fn new(inner: H) -> Self {
        Self { inner, streams: 0, tell: false }
    }
}

impl<H: ConnectionHandler> ConnectionHandler for StrictHandler<H> {
    type FromBehaviour = H::FromBehaviour;
    type ToBehaviour = Either<H::ToBehaviour, TooManyStreams>;
    type InboundProtocol = H::InboundProtocol;
    type OutboundProtocol = H::OutboundProtocol;
    type InboundOpenInfo = H::InboundOpenInfo;
    type OutboundOpenInfo = H::OutboundOpenInfo;

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol, Self::InboundOpenInfo> {
        self.inner.listen_protocol()
    }

    fn connection_keep_alive(&self) -> bool {
        self.inner.connection_keep_alive()
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        self.inner.on_behaviour_event(event);
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<H::OutboundProtocol, H::OutboundOpenInfo, Self::ToBehaviour>> {
        if std::mem::take(&mut self.tell) {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(Either::Right(TooManyStreams)));
        }
        self.inner.poll(cx).map(|event| event.map_custom(Either::Left))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::ToBehaviour>> {
        self.inner.poll_close(cx).map(|event| event.map(Either::Left))
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<
            '_,
            Self::InboundProtocol,
            Self::OutboundProtocol,
            Self::InboundOpenInfo,
            Self::OutboundOpenInfo,
        >,
    ) {
        if matches!(event, ConnectionEvent::FullyNegotiatedInbound(_)) {
            self.streams += 1;
            self.tell |= self.streams > STREAMS_MAX;
        }
        self.inner.on_connection_event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, length: usize) -> RawMessage {
        RawMessage {
            source: None,
            data: vec![0; length],
            sequence_number: None,
            topic: TopicHash::from_raw(topic),
            signature: None,
            key: None,
            validated: false,
        }
    }

    #[test]
    fn foreign_topics_and_long_messages_are_refused_and_told_once() {
        let filter = Filter::new(HashSet::from([TopicHash::from_raw("ours")]), 10);
        assert!(filter.inbound_transform(message("ours", 10)).is_ok());
        assert_eq!(filter.take_refused(), None);
        assert!(filter.inbound_transform(message("ours", 11)).is_err());
        assert_eq!(filter.take_refused(), Some(Misbehaviour::Gossip));
        assert!(filter.inbound_transform(message("theirs", 1)).is_err());
        // gossipsub has a clone of the filter.
        assert_eq!(filter.clone().take_refused(), Some(Misbehaviour::Topic));
        assert_eq!(filter.take_refused(), None);
    }
}
