//! Who may connect at all: not the blocked, not too many strangers, not too many from one address.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libp2p::core::transport::PortUse;
use libp2p::core::{ConnectedPoint, Endpoint};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::ConnectionEstablished;
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, ListenFailure, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};
use thiserror::Error;

use crate::PeerKey;

/// Blocked peers and known peers that are remembered; far above any roster.
const MAX_REMEMBERED: usize = 4096;

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("the peer is blocked for a while")]
    Blocked,
    #[error("the peer's key is not Ed25519")]
    KeyType,
    #[error("too many unknown peers are being greeted")]
    Strangers,
    #[error("too many unknown peers from one address")]
    Address,
}

/// Bounds of the gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) strangers: usize,
    pub(crate) per_ip: usize,
}

/// The behaviour that stands before all others that keep state, so that what it refuses they never see.
pub(crate) struct Gate {
    limits: Limits,
    known: HashSet<PeerId>,
    blocked: HashMap<PeerId, Instant>,
    /// Inbound connections without an identity yet, and inbound connections of unknown peers that are not
    /// admitted yet.
    waiting: HashMap<ConnectionId, Waiting>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    ip: Option<IpAddr>,
    established: bool,
}

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, known: HashSet::new(), blocked: HashMap::new(), waiting: HashMap::new() }
    }

    pub(crate) fn set_known(&mut self, peers: impl IntoIterator<Item = PeerId>) {
        self.known = peers.into_iter().take(MAX_REMEMBERED).collect();
    }

    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.known.remove(peer);
    }

    /// A link was admitted: it is no stranger any more, nor are later ones of its peer.
    pub(crate) fn admitted(&mut self, connection: ConnectionId, peer: PeerId) {
        self.waiting.remove(&connection);
        if self.known.len() < MAX_REMEMBERED {
            self.known.insert(peer);
        }
    }

    pub(crate) fn block(&mut self, peer: PeerId, time: Duration, now: Instant) {
        self.blocked.retain(|_, until| *until > now);
        // A full list loses the block that ends first: the one that matters least.
        if self.blocked.len() >= MAX_REMEMBERED
            && let Some(first) = self.blocked.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer)
        {
            self.blocked.remove(&first);
        }
        self.blocked.insert(peer, now + time);
    }

    fn check_peer(&mut self, peer: &PeerId, now: Instant) -> Result<(), Refusal> {
        if PeerKey::from_peer_id(peer).is_none() {
            return Err(Refusal::KeyType);
        }
        match self.blocked.get(peer) {
            Some(until) if *until > now => Err(Refusal::Blocked),
            Some(_) => {
                self.blocked.remove(peer);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn check_pending(&self, ip: Option<IpAddr>) -> Result<(), Refusal> {
        let same = self.waiting.values().filter(|waiting| waiting.ip == ip).count();
        if same >= self.limits.per_ip { Err(Refusal::Address) } else { Ok(()) }
    }

    fn check_stranger(&self) -> Result<(), Refusal> {
        let strangers = self.waiting.values().filter(|waiting| waiting.established).count();
        if strangers >= self.limits.strangers { Err(Refusal::Strangers) } else { Ok(()) }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let ip = ip_of(remote);
        self.check_pending(ip).map_err(ConnectionDenied::new)?;
        self.waiting.insert(connection, Waiting { ip, established: false });
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check_peer(&peer, Instant::now()).map_err(ConnectionDenied::new)?;
        if self.known.contains(&peer) {
            self.waiting.remove(&connection);
        } else {
            self.check_stranger().map_err(ConnectionDenied::new)?;
        }
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check_peer(&peer, Instant::now()).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                connection_id,
                endpoint: ConnectedPoint::Listener { .. },
                ..
            }) => {
                if let Some(waiting) = self.waiting.get_mut(&connection_id) {
                    waiting.established = true;
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. })
            | FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.waiting.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

fn ip_of(addr: &Multiaddr) -> Option<IpAddr> {
    addr.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new(Limits { strangers: 2, per_ip: 3 })
    }

    fn peer(n: u8) -> PeerId {
        PeerKey([n; 32]).peer_id()
    }

    fn connect(gate: &mut Gate, n: usize, ip: &str, who: PeerId) -> Result<(), ConnectionDenied> {
        let id = ConnectionId::new_unchecked(n);
        let local: Multiaddr = "/ip4/10.0.0.1/tcp/1".parse().unwrap();
        let remote: Multiaddr = format!("/ip4/{ip}/tcp/9").parse().unwrap();
        gate.handle_pending_inbound_connection(id, &local, &remote)?;
        let result = gate.handle_established_inbound_connection(id, who, &local, &remote);
        if let Err(denied) = result {
            gate.waiting.remove(&id); // as the swarm's ListenFailure does
            return Err(denied);
        }
        if let Some(waiting) = gate.waiting.get_mut(&id) {
            waiting.established = true;
        }
        Ok(())
    }

    fn refusal(result: Result<(), ConnectionDenied>) -> Option<Refusal> {
        result.err().and_then(|denied| denied.downcast::<Refusal>().ok())
    }

    #[test]
    fn strangers_are_bounded_and_known_peers_are_not_strangers() {
        let mut gate = gate();
        assert!(connect(&mut gate, 1, "1.0.0.1", peer(1)).is_ok());
        assert!(connect(&mut gate, 2, "1.0.0.2", peer(2)).is_ok());
        assert_eq!(refusal(connect(&mut gate, 3, "1.0.0.3", peer(3))), Some(Refusal::Strangers));
        gate.set_known([peer(3)]);
        assert!(connect(&mut gate, 4, "1.0.0.3", peer(3)).is_ok());
        gate.admitted(ConnectionId::new_unchecked(1), peer(1));
        assert!(connect(&mut gate, 5, "1.0.0.5", peer(5)).is_ok());
    }

    #[test]
    fn one_address_cannot_take_all_places() {
        let mut gate = Gate::new(Limits { strangers: 100, per_ip: 3 });
        for n in 0..3 {
            assert!(connect(&mut gate, n, "1.0.0.1", peer(n as u8)).is_ok());
        }
        assert_eq!(refusal(connect(&mut gate, 4, "1.0.0.1", peer(4))), Some(Refusal::Address));
        assert!(connect(&mut gate, 5, "1.0.0.2", peer(5)).is_ok());
    }

    #[test]
    fn a_block_ends_by_itself() {
        let mut gate = gate();
        let now = Instant::now();
        gate.block(peer(1), Duration::from_secs(10), now);
        assert_eq!(gate.check_peer(&peer(1), now), Err(Refusal::Blocked));
        assert_eq!(gate.check_peer(&peer(2), now), Ok(()));
        assert_eq!(gate.check_peer(&peer(1), now + Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn the_block_list_is_bounded() {
        let mut gate = gate();
        let now = Instant::now();
        for n in 0..MAX_REMEMBERED as u64 + 10 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            gate.block(PeerKey(key).peer_id(), Duration::from_secs(10 + n), now);
        }
        assert_eq!(gate.blocked.len(), MAX_REMEMBERED);
    }
}
