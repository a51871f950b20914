//! What the shell tells the node.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libp2p::request_response::InboundRequestId;
use libp2p::swarm::ConnectionId;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::PeerKey;

/// One connection. Never used twice in the life of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(crate) ConnectionId);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An inbound request that waits for its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboundId(pub(crate) InboundRequestId);

/// A gossip message that waits for its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub(crate) u64);

/// What the shell tells the node. All bytes are as received: bounded, not decoded, not trusted.
///
/// [`LinkUp`](Self::LinkUp), [`LinkDown`](Self::LinkDown) and [`Response`](Self::Response) always arrive, and all
/// events come in their order. [`Gossip`](Self::Gossip), [`Request`](Self::Request),
/// [`SlowPeer`](Self::SlowPeer) and [`Misbehaved`](Self::Misbehaved) are dropped, and counted, when the node is too
/// slow to take them; the others only when it has taken nothing for a long time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The node can be reached at this multiaddress (port 0 is resolved).
    Listening {
        /// The multiaddress.
        addr: String,
    },
    /// A dial reached a peer. Call [`hello`](crate::NetHandle::hello) within the hello timeout, or
    /// [`close`](crate::NetHandle::close).
    HelloNeeded {
        /// The connection.
        link: LinkId,
        /// Who answered, proven by Noise.
        peer: PeerKey,
        /// The tag of the address or dial.
        tag: u64,
    },
    /// A peer says hello. Call [`hello_reply`](crate::NetHandle::hello_reply) within the hello timeout.
    HelloRequest {
        /// The connection.
        link: LinkId,
        /// Who says it, proven by Noise.
        peer: PeerKey,
        /// The other node's frame.
        bytes: Vec<u8>,
    },
    /// The answer to a hello. If `admitted`, call [`admit`](crate::NetHandle::admit) or
    /// [`close`](crate::NetHandle::close) within the hello timeout. If not, the link closes by itself and the
    /// address is tried again after a growing wait.
    HelloResponse {
        /// The connection.
        link: LinkId,
        /// Who answered.
        peer: PeerKey,
        /// The tag of the address or dial.
        tag: u64,
        /// Whether the other node takes us.
        admitted: bool,
        /// The other node's frame.
        bytes: Vec<u8>,
    },
    /// A greeting that we began did not lead to a link. The address is tried again.
    HelloFailed {
        /// The connection, closed by now.
        link: LinkId,
        /// Who was there.
        peer: PeerKey,
        /// The tag of the address or dial.
        tag: u64,
        /// Why.
        reason: HelloFailure,
    },
    /// A dial reached nobody. An address of the list is tried again.
    DialFailed {
        /// The tag of the address or dial.
        tag: u64,
        /// The multiaddress.
        addr: String,
        /// Why.
        reason: DialFailure,
    },
    /// Gossip, sync and ping run with this peer.
    LinkUp {
        /// The peer.
        peer: PeerKey,
        /// Its connection.
        link: LinkId,
        /// Whether we dialled.
        dialed: bool,
    },
    /// They no longer do. Requests in flight have failed, each with its own [`Event::Response`].
    LinkDown {
        /// The peer.
        peer: PeerKey,
        /// Why.
        reason: DownReason,
    },
    /// A gossip message. Call [`verdict`](crate::NetHandle::verdict) within the verdict timeout; without one it
    /// is not passed on.
    Gossip {
        /// For the verdict.
        token: Token,
        /// The peer that sent it to us, which need not be its author.
        from: PeerKey,
        /// Its priority: 0 flash, 1 urgent, 2 routine.
        topic: u8,
        /// The message, at most [`max_gossip_bytes`](crate::Config::max_gossip_bytes).
        bytes: Vec<u8>,
    },
    /// A sync request. Call [`respond`](crate::NetHandle::respond).
    Request {
        /// For the response.
        inbound: InboundId,
        /// Who asks.
        peer: PeerKey,
        /// The request, at most [`max_request_bytes`](crate::Config::max_request_bytes).
        bytes: Vec<u8>,
    },
    /// The outcome of a [`request`](crate::NetHandle::request): exactly one for each.
    Response {
        /// The id that the node gave.
        request_id: u64,
        /// Who was asked.
        peer: PeerKey,
        /// The response, at most [`max_response_bytes`](crate::Config::max_response_bytes), or why there is none.
        result: Result<Vec<u8>, RequestFailure>,
    },
    /// Gossip messages for this peer were dropped, because it takes them too slowly. Sync brings them.
    SlowPeer {
        /// The peer.
        peer: PeerKey,
        /// How many messages.
        dropped: u64,
    },
    /// A peer sent what no honest peer sends. The shell has dropped it; blame is the node's decision.
    Misbehaved {
        /// The peer.
        peer: PeerKey,
        /// What it did.
        what: Misbehaviour,
    },
}

impl Event {
    /// Bytes of payload inside.
    pub(crate) fn payload(&self) -> usize {
        match self {
            Self::HelloRequest { bytes, .. }
            | Self::HelloResponse { bytes, .. }
            | Self::Gossip { bytes, .. }
            | Self::Request { bytes, .. }
            | Self::Response { result: Ok(bytes), .. } => bytes.len(),
            _ => 0,
        }
    }
}

/// Why a greeting that we began failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HelloFailure {
    /// There is a link with this peer already; nothing is wrong.
    #[error("there is a link with this peer already")]
    AlreadyLinked,
    /// Not done within the hello timeout, by this node, the other, or the network.
    #[error("the greeting was not done in time")]
    Timeout,
    /// The other side answered with something that is no hello.
    #[error("the other side does not speak hello as we do; check that it runs ecomesh of this network")]
    Protocol,
    /// The node closed it.
    #[error("closed by this node")]
    Closed,
    /// The connection ended: the other side is gone, full, or blocks us.
    #[error("the connection ended: {0}")]
    Lost(String),
}

/// Why a dial failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DialFailure {
    /// It is our own address. Not tried again.
    #[error("the address is this node's own")]
    Own,
    /// A limit of ours, or a peer that is blocked.
    #[error("refused by this node: {0}")]
    Refused(String),
    /// Nobody there, or no ecomesh node.
    #[error("nobody reached: {0}")]
    Unreachable(String),
}

/// Why a link ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DownReason {
    /// The connection ended.
    #[error("the connection ended: {0}")]
    Lost(String),
    /// No answer to a ping.
    #[error("a ping was not answered")]
    PingTimeout,
    /// The same peer made a newer link.
    #[error("replaced by a newer link of the same peer")]
    Replaced,
    /// There were more links than the node wants.
    #[error("closed since there were more links than wanted")]
    Surplus,
    /// The node asked for it: disconnect, reset, forget, block or close.
    #[error("closed by this node")]
    Closed,
}

/// Why a request has no response.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestFailure {
    /// No link with this peer.
    #[error("there is no link with this peer")]
    NotLinked,
    /// Too many requests to this peer are in flight.
    #[error("too many requests to this peer are in flight")]
    Busy,
    /// Not answered within the request timeout.
    #[error("not answered in time")]
    Timeout,
    /// The link ended first.
    #[error("the link ended before the response")]
    LinkDown,
    /// The response broke the framing; a [`Event::Misbehaved`] names the peer.
    #[error("the response is no frame")]
    Protocol,
    /// The other side gave no answer: it was too busy, or stopped.
    #[error("no answer: {0}")]
    Unanswered(String),
}

/// What no honest peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Misbehaviour {
    /// A frame above its bound, or with bytes behind it.
    #[error("a frame that breaks its bound")]
    Frame,
    /// A hello out of turn, or one of an unknown form.
    #[error("a hello out of turn")]
    Hello,
    /// A gossip message above [`max_gossip_bytes`](crate::Config::max_gossip_bytes).
    #[error("a gossip message above its bound")]
    Gossip,
    /// A gossip message on a topic that this network does not have.
    #[error("a gossip message on a topic that does not exist")]
    Topic,
    /// Gossip streams that broke, one after the other.
    #[error("gossip that cannot be read")]
    Stream,
}

/// The node's end of the event queue.
#[derive(Debug)]
pub struct Events {
    pub(crate) receiver: mpsc::Receiver<Event>,
    pub(crate) queued_bytes: Arc<AtomicUsize>,
}

impl Events {
    /// The next event; `None` once the shell has stopped, and then its port is free again. Cancel safe.
    pub async fn recv(&mut self) -> Option<Event> {
        let event = self.receiver.recv().await?;
        Some(self.account(event))
    }

    /// The next event if there is one now.
    pub fn try_recv(&mut self) -> Option<Event> {
        let event = self.receiver.try_recv().ok()?;
        Some(self.account(event))
    }

    /// The next event, blocking: for a thread outside of tokio.
    pub fn blocking_recv(&mut self) -> Option<Event> {
        let event = self.receiver.blocking_recv()?;
        Some(self.account(event))
    }

    fn account(&self, event: Event) -> Event {
        self.queued_bytes.fetch_sub(event.payload(), Ordering::Relaxed);
        event
    }
}
