//! The hello protocol: request-response, but for one connection and not for a peer.
//!
//! libp2p's request-response picks any connection of the peer. While two nodes dial each other there are two
//! connections, and a hello that travels on the other one would be taken for the other one's. So this wrapper
//! shows each connection to request-response as a peer of its own, under an id that stands for the connection.

use std::collections::HashMap;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multihash::Multihash;
use libp2p::request_response::{self, OutboundRequestId, ProtocolSupport, ResponseChannel};
use libp2p::swarm::behaviour::ConnectionEstablished;
use libp2p::swarm::{
    CloseConnection, ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol};

use crate::Config;
use crate::codec::{Frame, FrameCodec};

/// Name of the protocol.
pub(crate) const PROTOCOL: StreamProtocol = StreamProtocol::new("/ecomesh/hello/1");

/// First byte of a request: what follows is a hello of the node.
pub(crate) const HELLO: u8 = 0;
/// First byte of a request: the dialer has opened the link; nothing follows.
pub(crate) const DONE: u8 = 1;
/// First byte of a response: the listener has opened the link; its hello follows.
pub(crate) const ADMITTED: u8 = 0;
/// First byte of a response: the listener does not take the dialer; its hello follows.
pub(crate) const REFUSED: u8 = 1;
/// First byte of a response: the listener has a better link with the dialer; nothing follows.
pub(crate) const SUPERFLUOUS: u8 = 2;

/// A hello and the `done` after it; one more of each for the other side's retry.
const STREAMS: usize = 4;

type Inner = request_response::Behaviour<FrameCodec>;
pub(crate) type HelloEvent = request_response::Event<Frame, Frame>;

/// Request-response by connection.
pub(crate) struct Hello {
    inner: Inner,
    connections: HashMap<ConnectionId, Alias>,
    next: u64,
}

#[derive(Clone, Copy)]
struct Alias {
    real: PeerId,
    alias: PeerId,
}

impl Hello {
    pub(crate) fn new(config: &Config) -> Self {
        let max = config.max_hello_bytes + 1;
        let codec = FrameCodec { max_request: max, max_response: max };
        let settings = request_response::Config::default()
            .with_request_timeout(config.hello_timeout)
            .with_max_concurrent_streams(STREAMS);
        let inner = Inner::with_codec(codec, [(PROTOCOL, ProtocolSupport::Full)], settings);
        Self { inner, connections: HashMap::new(), next: 0 }
    }

    /// Sends a request on this very connection; `None` if it is gone.
    pub(crate) fn send(&mut self, id: ConnectionId, kind: u8, bytes: &[u8]) -> Option<OutboundRequestId> {
        let alias = self.connections.get(&id)?.alias;
        Some(self.inner.send_request(&alias, frame(kind, bytes)))
    }

    /// Answers a request. If the connection is gone, so is the need for an answer.
    pub(crate) fn respond(&mut self, channel: ResponseChannel<Frame>, kind: u8, bytes: &[u8]) {
        let _gone = self.inner.send_response(channel, frame(kind, bytes));
    }

    fn add(&mut self, id: ConnectionId, real: PeerId) -> PeerId {
        self.next += 1;
        let hash = Multihash::wrap(0, &self.next.to_be_bytes()).expect("eight bytes fit into a multihash");
        let alias = PeerId::from_multihash(hash).expect("an identity hash of eight bytes is a peer id");
        self.connections.insert(id, Alias { real, alias });
        alias
    }
}

fn frame(kind: u8, bytes: &[u8]) -> Frame {
    let mut whole = Vec::with_capacity(bytes.len() + 1);
    whole.push(kind);
    whole.extend_from_slice(bytes);
    Frame::Whole(whole)
}

impl NetworkBehaviour for Hello {
    type ConnectionHandler = THandler<Inner>;
    type ToSwarm = HelloEvent;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let alias = self.add(id, peer);
        self.inner.handle_established_inbound_connection(id, alias, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        addr: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let alias = self.add(id, peer);
        self.inner.handle_established_outbound_connection(id, alias, addr, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(established) => {
                if let Some(Alias { alias, .. }) = self.connections.get(&established.connection_id) {
                    self.inner.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
                        peer_id: *alias,
                        other_established: 0,
                        ..established
                    }));
                }
            }
            FromSwarm::ConnectionClosed(closed) => {
                if let Some(Alias { alias, .. }) = self.connections.remove(&closed.connection_id) {
                    self.inner.on_swarm_event(FromSwarm::ConnectionClosed(ConnectionClosed {
                        peer_id: alias,
                        remaining_established: 0,
                        ..closed
                    }));
                }
            }
            // Everything else is about peers or addresses, of which this protocol knows nothing.
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        if let Some(Alias { alias, .. }) = self.connections.get(&id) {
            self.inner.on_connection_handler_event(*alias, id, event);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<HelloEvent, THandlerInEvent<Self>>> {
        loop {
            let Poll::Ready(order) = self.inner.poll(cx) else { return Poll::Pending };
            let real = |alias: PeerId| {
                self.connections
                    .iter()
                    .find(|(_, known)| known.alias == alias)
                    .map(|(id, known)| (*id, known.real))
            };
            match order {
                ToSwarm::NotifyHandler { peer_id, handler, event } => {
                    if let Some((_, peer_id)) = real(peer_id) {
                        return Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler, event });
                    }
                }
                ToSwarm::CloseConnection { peer_id, .. } => {
                    if let Some((id, peer_id)) = real(peer_id) {
                        let connection = CloseConnection::One(id);
                        return Poll::Ready(ToSwarm::CloseConnection { peer_id, connection });
                    }
                }
                // `send` never asks for a connection that is not there.
                ToSwarm::Dial { .. } => {}
                other => return Poll::Ready(other),
            }
        }
    }
}
