//! The table of connections: what stage each has reached, and which one of a peer's is its link.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libp2p::request_response::{OutboundRequestId, ResponseChannel};
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

use crate::PeerKey;
use crate::codec::Frame;

/// How a connection came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// We dialled.
    Dialed(Dial),
    /// The peer did.
    Accepted,
}

/// One dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dial {
    pub(crate) tag: u64,
    pub(crate) addr: Multiaddr,
    /// Whether the address is of the list that is dialled for ever.
    pub(crate) listed: bool,
}

/// How far a connection has come. Only forward.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Dialled: waiting for the node's hello.
    Silent,
    /// Dialled: hello sent.
    Asked(OutboundRequestId),
    /// Dialled: admitted by the other side, waiting for the node.
    Welcome,
    /// Accepted: waiting for the peer's hello.
    Listening,
    /// Accepted: hello received, waiting for the node.
    Answering(ResponseChannel<Frame>),
    /// Refused. The listener leaves it to the dialer to close, or to the hello timeout.
    Refused,
    /// Admitted: the inner protocols are being opened. The listener's answer waits for that.
    Opening(Option<(ResponseChannel<Frame>, Vec<u8>)>),
    /// Accepted and open for what comes in: waiting for the dialer's `done`.
    Ajar,
    /// Gossip, sync and ping run.
    Up,
}

impl Stage {
    /// Whether the inner protocols know the connection.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Opening(_) | Self::Ajar | Self::Up)
    }
}

/// One established connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: PeerId,
    pub(crate) key: PeerKey,
    pub(crate) origin: Origin,
    pub(crate) stage: Stage,
    pub(crate) since: Instant,
    /// When the peer last showed a sign of life.
    pub(crate) alive: Instant,
}

impl Link {
    pub(crate) fn dialed(&self) -> bool {
        matches!(self.origin, Origin::Dialed(_))
    }

    /// The tag of the dial that made it.
    pub(crate) fn tag(&self) -> Option<u64> {
        match &self.origin {
            Origin::Dialed(dial) => Some(dial.tag),
            Origin::Accepted => None,
        }
    }

    /// Its address, if that is of the list that is dialled for ever.
    pub(crate) fn listed(&self) -> Option<&Multiaddr> {
        match &self.origin {
            Origin::Dialed(dial) if dial.listed => Some(&dial.addr),
            _ => None,
        }
    }
}

/// Which connection to keep when a peer has an open one and another is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Old,
    New,
}

/// Decides between a peer's open link and a new connection that both nodes admitted.
///
/// A node says hello only while it has no open link with the peer. So if we are the listener of the new
/// connection, the old link is dead on the other side and the new one wins, except when both dialled in the
/// same moment: then the other side had not heard of the old link, which we dialled, and which is young. In
/// that case, and if we are the dialer and the peer's own dial was quicker, both sides keep the connection
/// that the node with the smaller key dialled.
pub(crate) fn choose(ours: PeerKey, old: &Link, new: &Link, race: Duration, now: Instant) -> Keep {
    let crossing = old.dialed() != new.dialed();
    if !crossing || (!new.dialed() && now.duration_since(old.since) >= race) {
        return Keep::New;
    }
    let dialer = if new.dialed() { ours } else { new.key };
    let other = if new.dialed() { new.key } else { ours };
    if dialer < other { Keep::New } else { Keep::Old }
}

/// All established connections.
#[derive(Debug, Default)]
pub(crate) struct Links {
    links: HashMap<ConnectionId, Link>,
    open: HashMap<PeerKey, ConnectionId>,
}

impl Links {
    pub(crate) fn insert(&mut self, id: ConnectionId, link: Link) {
        self.links.insert(id, link);
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Link> {
        self.links.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Link> {
        self.links.get_mut(&id)
    }

    /// Makes a connection the link of its peer.
    pub(crate) fn mark_open(&mut self, id: ConnectionId) {
        if let Some(link) = self.links.get(&id) {
            self.open.insert(link.key, id);
        }
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Link> {
        let link = self.links.remove(&id)?;
        if self.open.get(&link.key) == Some(&id) {
            self.open.remove(&link.key);
        }
        Some(link)
    }

    /// The connection that is open with this peer.
    pub(crate) fn open_with(&self, peer: &PeerKey) -> Option<ConnectionId> {
        self.open.get(peer).copied()
    }

    /// Peers with an open connection.
    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// All connections with a peer.
    pub(crate) fn with(&self, peer: &PeerKey) -> Vec<ConnectionId> {
        self.links.iter().filter(|(_, link)| link.key == *peer).map(|(id, _)| *id).collect()
    }

    /// Dialled connections that are not links yet.
    pub(crate) fn greeting_count(&self) -> usize {
        self.links.values().filter(|link| link.dialed() && !matches!(link.stage, Stage::Up)).count()
    }

    /// Links that this node dialled at least so long ago: those that it may give up if it has too many.
    pub(crate) fn dialed_before(&self, age: Duration, now: Instant) -> Vec<ConnectionId> {
        let old = |link: &Link| {
            link.dialed() && matches!(link.stage, Stage::Up) && now.duration_since(link.since) >= age
        };
        self.links.iter().filter(|(_, link)| old(link)).map(|(id, _)| *id).collect()
    }

    /// Links whose peer shows no sign of life for this time.
    pub(crate) fn silent(&self, timeout: Duration, now: Instant) -> Vec<ConnectionId> {
        let dead = |link: &Link| matches!(link.stage, Stage::Up) && now.duration_since(link.alive) >= timeout;
        self.links.iter().filter(|(_, link)| dead(link)).map(|(id, _)| *id).collect()
    }

    /// Connections that should be links by now and are not.
    pub(crate) fn overdue(&self, timeout: Duration, now: Instant) -> Vec<ConnectionId> {
        let late =
            |link: &Link| !matches!(link.stage, Stage::Up) && now.duration_since(link.since) >= timeout;
        self.links.iter().filter(|(_, link)| late(link)).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RACE: Duration = Duration::from_secs(5);

    fn link(key: PeerKey, dialed: bool, since: Instant) -> Link {
        let addr: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        let origin =
            if dialed { Origin::Dialed(Dial { tag: 0, addr, listed: true }) } else { Origin::Accepted };
        Link { peer: key.peer_id(), key, origin, stage: Stage::Up, since, alive: since }
    }

    #[test]
    fn both_sides_of_a_crossing_keep_the_same_connection() {
        let now = Instant::now();
        let (small, large) = (PeerKey([1; 32]), PeerKey([2; 32]));
        // At the smaller key: its own dial against the larger one's, in both orders of opening.
        let own = link(large, true, now);
        let theirs = link(large, false, now);
        assert_eq!(choose(small, &own, &theirs, RACE, now), Keep::Old);
        assert_eq!(choose(small, &theirs, &own, RACE, now), Keep::New);
        // At the larger key.
        let own = link(small, true, now);
        let theirs = link(small, false, now);
        assert_eq!(choose(large, &own, &theirs, RACE, now), Keep::New);
        assert_eq!(choose(large, &theirs, &own, RACE, now), Keep::Old);
    }

    #[test]
    fn a_hello_long_after_the_link_means_that_the_link_is_dead() {
        let now = Instant::now();
        let (small, large) = (PeerKey([1; 32]), PeerKey([2; 32]));
        for (ours, theirs) in [(small, large), (large, small)] {
            for dialed in [true, false] {
                let old = link(theirs, dialed, now);
                let new = link(theirs, false, now + RACE);
                assert_eq!(choose(ours, &old, &new, RACE, now + RACE), Keep::New);
            }
        }
    }

    #[test]
    fn the_same_dialer_again_means_that_its_link_is_dead() {
        let now = Instant::now();
        let peer = PeerKey([2; 32]);
        for dialed in [true, false] {
            let (old, new) = (link(peer, dialed, now), link(peer, dialed, now));
            assert_eq!(choose(PeerKey([1; 32]), &old, &new, RACE, now), Keep::New);
            assert_eq!(choose(PeerKey([3; 32]), &old, &new, RACE, now), Keep::New);
        }
    }

    #[test]
    fn the_table_knows_a_peers_link_until_it_is_removed() {
        let now = Instant::now();
        let mut links = Links::default();
        let (peer, id) = (PeerKey([2; 32]), ConnectionId::new_unchecked(1));
        links.insert(id, link(peer, true, now));
        assert_eq!(links.open_with(&peer), None);
        links.mark_open(id);
        assert_eq!(links.open_with(&peer), Some(id));
        links.insert(ConnectionId::new_unchecked(2), link(peer, false, now));
        links.remove(ConnectionId::new_unchecked(2));
        assert_eq!(links.open_with(&peer), Some(id));
        links.remove(id);
        assert_eq!((links.open_with(&peer), links.open_count()), (None, 0));
    }
}
