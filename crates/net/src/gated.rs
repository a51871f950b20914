//! `Gated<B>`: shows a behaviour only the connections that were admitted, and at most one per peer.
//!
//! libp2p asks a behaviour for a connection's handler once, when the connection is established, and a
//! behaviour that says "none" then is never asked again. So each connection gets a [`GatedHandler`], an empty
//! shell that refuses all streams. [`Gated::open`] asks the inner behaviour for its handler later, as if the
//! connection had been established just then, and sends it into the shell. [`Gated::evict`] tells the inner
//! behaviour that the connection is gone at the moment when we decide so, and not when the kernel notices: a
//! half-open connection can take minutes to die, and gossipsub would count it until then.
//!
//! Opening has two steps, because the two ends of a link do not open in the same moment. `open` accepts what
//! comes in and holds back what the inner handler wants to start; [`Gated::release`] lets it go once the other
//! end is known to be open too.

mod handler;

use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll};

use libp2p::core::transport::PortUse;
use libp2p::core::{ConnectedPoint, Endpoint};
use libp2p::swarm::behaviour::ConnectionEstablished;
use libp2p::swarm::{
    CloseConnection, ConnectionClosed, ConnectionDenied, ConnectionId, DialError, DialFailure, FromSwarm,
    NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use self::handler::{FromHandler, GatedHandler, ToHandler};

/// What comes out of a gated behaviour.
#[derive(Debug)]
pub(crate) enum GatedEvent<E> {
    /// The connection now accepts the inner protocols.
    Opened(ConnectionId),
    /// An event of the inner behaviour.
    Inner(E),
}

/// A behaviour behind the gate.
pub(crate) struct Gated<B: NetworkBehaviour> {
    inner: B,
    connections: HashMap<ConnectionId, Connection>,
    /// The one connection of each peer that the inner behaviour sees.
    open: HashMap<PeerId, ConnectionId>,
    pending: VecDeque<Order<B>>,
}

/// What a gated behaviour asks of the swarm.
type Order<B> = ToSwarm<GatedEvent<<B as NetworkBehaviour>::ToSwarm>, ToHandler<THandler<B>>>;

struct Connection {
    peer: PeerId,
    endpoint: ConnectedPoint,
}

impl<B: NetworkBehaviour> Gated<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self { inner, connections: HashMap::new(), open: HashMap::new(), pending: VecDeque::new() }
    }

    pub(crate) fn inner(&mut self) -> &mut B {
        &mut self.inner
    }

    /// Shows a connection to the inner behaviour; [`GatedEvent::Opened`] follows. `false` if the connection is
    /// gone, the peer has an open one already, or the inner behaviour denies it.
    pub(crate) fn open(&mut self, id: ConnectionId) -> bool {
        let Some(Connection { peer, endpoint }) = self.connections.get(&id) else { return false };
        let peer = *peer;
        if self.open.contains_key(&peer) {
            return false;
        }
        let handler = match endpoint {
            ConnectedPoint::Dialer { address, role_override, port_use } => self
                .inner
                .handle_established_outbound_connection(id, peer, address, *role_override, *port_use),
            ConnectedPoint::Listener { local_addr, send_back_addr } => {
                self.inner.handle_established_inbound_connection(id, peer, local_addr, send_back_addr)
            }
        };
        let Ok(handler) = handler else { return false };
        self.inner.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
            peer_id: peer,
            connection_id: id,
            endpoint,
            failed_addresses: &[],
            other_established: 0,
        }));
        self.open.insert(peer, id);
        self.notify(peer, id, ToHandler::Open(Box::new(handler)));
        true
    }

    /// Lets the inner handler start streams of its own.
    pub(crate) fn release(&mut self, id: ConnectionId) {
        if let Some(peer) = self.open_peer(id) {
            self.notify(peer, id, ToHandler::Release);
        }
    }

    /// Closes a connection; for the inner behaviour it is gone at once.
    pub(crate) fn evict(&mut self, id: ConnectionId) {
        let Some(Connection { peer, .. }) = self.connections.get(&id) else { return };
        let peer = *peer;
        self.hide(id);
        self.connections.remove(&id);
        let connection = CloseConnection::One(id);
        self.pending.push_back(ToSwarm::CloseConnection { peer_id: peer, connection });
    }

    fn open_peer(&self, id: ConnectionId) -> Option<PeerId> {
        let peer = self.connections.get(&id)?.peer;
        (self.open.get(&peer) == Some(&id)).then_some(peer)
    }

    /// Tells the inner behaviour that an open connection is gone.
    fn hide(&mut self, id: ConnectionId) {
        let Some(peer) = self.open_peer(id) else { return };
        self.open.remove(&peer);
        if let Some(Connection { endpoint, .. }) = self.connections.get(&id) {
            self.inner.on_swarm_event(FromSwarm::ConnectionClosed(ConnectionClosed {
                peer_id: peer,
                connection_id: id,
                endpoint,
                cause: None,
                remaining_established: 0,
            }));
        }
    }

    fn notify(&mut self, peer_id: PeerId, id: ConnectionId, event: ToHandler<THandler<B>>) {
        self.pending.push_back(ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(id), event });
    }

    /// Turns an order of the inner behaviour into one about its connections only; `None` if it has no object.
    fn translate(&mut self, order: ToSwarm<B::ToSwarm, THandlerInEvent<B>>) -> Option<Order<B>> {
        match order {
            ToSwarm::NotifyHandler { peer_id, handler, event } => {
                // There is one open connection per peer, so that "any" is that one.
                let id = *self.open.get(&peer_id)?;
                let meant = match handler {
                    NotifyHandler::One(one) => one == id,
                    NotifyHandler::Any => true,
                };
                let handler = NotifyHandler::One(id);
                meant.then_some(ToSwarm::NotifyHandler { peer_id, handler, event: ToHandler::Inner(event) })
            }
            ToSwarm::CloseConnection { peer_id, .. } => {
                let connection = CloseConnection::One(*self.open.get(&peer_id)?);
                Some(ToSwarm::CloseConnection { peer_id, connection })
            }
            // Only the shell dials. The inner behaviour learns at once that this one failed.
            ToSwarm::Dial { opts } => {
                self.inner.on_swarm_event(FromSwarm::DialFailure(DialFailure {
                    peer_id: opts.get_peer_id(),
                    error: &DialError::NoAddresses,
                    connection_id: opts.connection_id(),
                }));
                None
            }
            other => Some(other.map_out(GatedEvent::Inner).map_in(ToHandler::Inner)),
        }
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Gated<B> {
    type ConnectionHandler = GatedHandler<THandler<B>>;
    type ToSwarm = GatedEvent<B::ToSwarm>;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(GatedHandler::shut())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(GatedHandler::shut())
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(established) => {
                let connection =
                    Connection { peer: established.peer_id, endpoint: established.endpoint.clone() };
                self.connections.insert(established.connection_id, connection);
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.hide(closed.connection_id);
                self.connections.remove(&closed.connection_id);
            }
            FromSwarm::AddressChange(change) => {
                if let Some(connection) = self.connections.get_mut(&change.connection_id) {
                    connection.endpoint = change.new.clone();
                }
                if self.open_peer(change.connection_id).is_some() {
                    self.inner.on_swarm_event(event);
                }
            }
            // Of connections that never were, the inner behaviour has not heard.
            FromSwarm::DialFailure(_) | FromSwarm::ListenFailure(_) => {}
            other => self.inner.on_swarm_event(other),
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        // A connection that was evicted may still have something to say until it is closed.
        if self.open_peer(id).is_none() {
            return;
        }
        match event {
            FromHandler::Opened => self.pending.push_back(ToSwarm::GenerateEvent(GatedEvent::Opened(id))),
            FromHandler::Inner(event) => self.inner.on_connection_handler_event(peer, id, event),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            if let Some(order) = self.pending.pop_front() {
                return Poll::Ready(order);
            }
            let Poll::Ready(order) = self.inner.poll(cx) else { return Poll::Pending };
            if let Some(order) = self.translate(order) {
                return Poll::Ready(order);
            }
        }
    }
}
