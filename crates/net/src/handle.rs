//! What the node tells the shell.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::config::TOPICS;
use crate::counters::{Counters, Tally};
use crate::event::{InboundId, LinkId, Token};
use crate::{Config, PeerKey};

/// What the node thinks of a gossip message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Pass it on.
    Accept,
    /// No honest peer sends it. It is not passed on; closing the link is up to the node
    /// ([`NetHandle::block`]).
    Reject,
    /// Neither.
    Ignore,
}

/// Why a command was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The shell has more to do than fits into its queue. Dropped and counted; sync or the next try repairs it.
    #[error("the network's command queue is full; the command was dropped")]
    Full,
    /// The shell has stopped.
    #[error("the network has stopped")]
    Stopped,
    /// More bytes than this kind of frame may have. The node must not send such a thing.
    #[error("{length} bytes are above the bound of {max} for this kind of frame")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not one of the three priorities.
    #[error("there is no topic {0}; topics are 0 (flash), 1 (urgent) and 2 (routine)")]
    NoSuchTopic(u8),
}

/// An address that cannot be dialled or listened on. Whoever wrote it must act.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// No multiaddress at all.
    #[error("`{addr}` is no multiaddress ({reason}); write /ip4/192.0.2.1/tcp/4710")]
    Syntax {
        /// The address as given.
        addr: String,
        /// What is wrong.
        reason: String,
    },
    /// A multiaddress of another kind.
    #[error("`{addr}` is not of the form /ip4/…/tcp/… or /ip6/…/tcp/…; peer ids and names are not used here")]
    Form {
        /// The address as given.
        addr: String,
    },
}

/// Parses `/ip4|ip6/…/tcp/…`, the only form that the shell speaks.
pub(crate) fn parse_address(addr: &str) -> Result<Multiaddr, AddressError> {
    let parsed: Multiaddr = addr.parse().map_err(|error: libp2p::multiaddr::Error| AddressError::Syntax {
        addr: addr.to_owned(),
        reason: error.to_string(),
    })?;
    let parts: Vec<Protocol<'_>> = parsed.iter().collect();
    match parts.as_slice() {
        [Protocol::Ip4(_) | Protocol::Ip6(_), Protocol::Tcp(_)] => Ok(parsed),
        _ => Err(AddressError::Form { addr: addr.to_owned() }),
    }
}

/// One call of the handle on its way to the shell.
#[derive(Debug)]
pub(crate) enum Command {
    Dial { tag: u64, addr: Multiaddr },
    SetAddresses(Vec<(u64, Multiaddr)>),
    Seek(Vec<u64>),
    Know(Vec<PeerKey>),
    Hello { link: LinkId, bytes: Vec<u8> },
    HelloReply { link: LinkId, bytes: Vec<u8>, admit: bool },
    Admit { link: LinkId },
    Close { link: LinkId },
    Publish { topic: u8, bytes: Vec<u8> },
    Verdict { token: Token, verdict: Verdict },
    Request { peer: PeerKey, request_id: u64, bytes: Vec<u8> },
    Respond { inbound: InboundId, bytes: Vec<u8> },
    Disconnect { peer: PeerKey },
    Reset { peer: PeerKey },
    Forget { peer: PeerKey },
    Block { peer: PeerKey, time: Duration },
    Shutdown,
}

impl Command {
    pub(crate) fn payload(&self) -> usize {
        match self {
            Self::Hello { bytes, .. }
            | Self::HelloReply { bytes, .. }
            | Self::Publish { bytes, .. }
            | Self::Request { bytes, .. }
            | Self::Respond { bytes, .. } => bytes.len(),
            _ => 0,
        }
    }
}

/// The node's end of the command queue. Cheap to clone; no method ever blocks. The shell stops when
/// [`shutdown`](Self::shutdown) is called, when all handles are gone, or when its
/// [`Events`](crate::Events) are.
#[derive(Debug, Clone)]
pub struct NetHandle {
    sender: mpsc::Sender<Command>,
    queued_bytes: Arc<AtomicUsize>,
    tally: Arc<Tally>,
    bounds: Arc<Bounds>,
    local: PeerKey,
}

/// The part of the configuration that the handle checks.
#[derive(Debug)]
struct Bounds {
    hello: usize,
    gossip: usize,
    request: usize,
    response: usize,
    queue: usize,
}

/// The shell's end of the command queue.
pub(crate) struct Commands {
    receiver: mpsc::Receiver<Command>,
    queued_bytes: Arc<AtomicUsize>,
}

impl Commands {
    pub(crate) async fn recv(&mut self) -> Option<Command> {
        let command = self.receiver.recv().await?;
        self.queued_bytes.fetch_sub(command.payload(), Ordering::Relaxed);
        Some(command)
    }
}

impl NetHandle {
    pub(crate) fn new(config: &Config, local: PeerKey, tally: Arc<Tally>) -> (Self, Commands) {
        let (sender, receiver) = mpsc::channel(config.command_queue);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let bounds = Arc::new(Bounds {
            hello: config.max_hello_bytes,
            gossip: config.max_gossip_bytes,
            request: config.max_request_bytes,
            response: config.max_response_bytes,
            queue: config.queue_bytes,
        });
        let commands = Commands { receiver, queued_bytes: queued_bytes.clone() };
        (Self { sender, queued_bytes, tally, bounds, local }, commands)
    }

    /// This node's own transport key.
    pub fn local_key(&self) -> PeerKey {
        self.local
    }

    /// A snapshot of the counters.
    pub fn counters(&self) -> Counters {
        self.tally.snapshot()
    }

    /// Dials once, without a peer id. Ends in [`Event::HelloNeeded`](crate::Event::HelloNeeded),
    /// [`Event::HelloFailed`](crate::Event::HelloFailed) or [`Event::DialFailed`](crate::Event::DialFailed)
    /// with this tag.
    pub fn dial(&self, addr: &str, tag: u64) -> Result<(), DialError> {
        let addr = parse_address(addr)?;
        Ok(self.send(Command::Dial { tag, addr })?)
    }

    /// Replaces the list of addresses that the shell dials for ever while they have no link. Addresses that stay
    /// keep their waiting time. Nothing changes if one of them is bad.
    pub fn set_addresses(&self, addresses: &[(u64, String)]) -> Result<(), DialError> {
        let parse = |(tag, addr): &(u64, String)| Ok((*tag, parse_address(addr)?));
        let parsed = addresses.iter().map(parse).collect::<Result<Vec<_>, AddressError>>()?;
        Ok(self.send(Command::SetAddresses(parsed))?)
    }

    /// Names, by the tags of their addresses, those with whom a link is wanted even beyond
    /// [`Config::target_links`](crate::Config::target_links), until the next call. Dialled one after the other.
    pub fn seek(&self, tags: Vec<u64>) -> Result<(), SendError> {
        self.send(Command::Seek(tags))
    }

    /// Replaces the set of peers that do not count as unknown strangers, such as the transport keys of the roster.
    /// They too must say hello and be admitted. Peers that get admitted are added by themselves.
    pub fn know(&self, peers: Vec<PeerKey>) -> Result<(), SendError> {
        self.send(Command::Know(peers))
    }

    /// Says hello on a link that a dial made; answers [`Event::HelloNeeded`](crate::Event::HelloNeeded).
    pub fn hello(&self, link: LinkId, bytes: Vec<u8>) -> Result<(), SendError> {
        bounded(&bytes, self.bounds.hello)?;
        self.send(Command::Hello { link, bytes })
    }

    /// Answers [`Event::HelloRequest`](crate::Event::HelloRequest). With `admit` the link is opened, otherwise
    /// it closes when the dialer has read the answer, or at the hello timeout.
    pub fn hello_reply(&self, link: LinkId, bytes: Vec<u8>, admit: bool) -> Result<(), SendError> {
        bounded(&bytes, self.bounds.hello)?;
        self.send(Command::HelloReply { link, bytes, admit })
    }

    /// Opens a link after [`Event::HelloResponse`](crate::Event::HelloResponse) with `admitted`.
    pub fn admit(&self, link: LinkId) -> Result<(), SendError> {
        self.send(Command::Admit { link })
    }

    /// Closes one link, greeted or open.
    pub fn close(&self, link: LinkId) -> Result<(), SendError> {
        self.send(Command::Close { link })
    }

    /// Gives a message to gossip, `topic` being its priority. Failures (nobody there, all queues full, published
    /// before) are counted and never retried: sync delivers.
    pub fn publish(&self, topic: u8, bytes: Vec<u8>) -> Result<(), SendError> {
        if topic >= TOPICS {
            return Err(SendError::NoSuchTopic(topic));
        }
        bounded(&bytes, self.bounds.gossip)?;
        self.send(Command::Publish { topic, bytes })
    }

    /// Answers [`Event::Gossip`](crate::Event::Gossip). Too late a verdict does nothing.
    pub fn verdict(&self, token: Token, verdict: Verdict) -> Result<(), SendError> {
        self.send(Command::Verdict { token, verdict })
    }

    /// Sends a sync request. If this returns `Ok`, exactly one
    /// [`Event::Response`](crate::Event::Response) with this id follows.
    pub fn request(&self, peer: PeerKey, request_id: u64, bytes: Vec<u8>) -> Result<(), SendError> {
        bounded(&bytes, self.bounds.request)?;
        self.send(Command::Request { peer, request_id, bytes })
    }

    /// Answers [`Event::Request`](crate::Event::Request).
    pub fn respond(&self, inbound: InboundId, bytes: Vec<u8>) -> Result<(), SendError> {
        bounded(&bytes, self.bounds.response)?;
        self.send(Command::Respond { inbound, bytes })
    }

    /// Closes all connections with a peer. An address of the list is dialled again.
    pub fn disconnect(&self, peer: PeerKey) -> Result<(), SendError> {
        self.send(Command::Disconnect { peer })
    }

    /// Drops the open link of a peer whose boot nonce changed, and redials at once. A greeting that is under way
    /// goes on. Call it before [`hello_reply`](Self::hello_reply) or [`admit`](Self::admit).
    pub fn reset(&self, peer: PeerKey) -> Result<(), SendError> {
        self.send(Command::Reset { peer })
    }

    /// Takes a peer out of the known ones and closes all connections with it.
    pub fn forget(&self, peer: PeerKey) -> Result<(), SendError> {
        self.send(Command::Forget { peer })
    }

    /// Blame: closes all connections with a peer and refuses new ones for this time.
    pub fn block(&self, peer: PeerKey, time: Duration) -> Result<(), SendError> {
        self.send(Command::Block { peer, time })
    }

    /// Stops the shell. [`Events::recv`](crate::Events::recv) returns `None` once it is done.
    pub fn shutdown(&self) -> Result<(), SendError> {
        self.send(Command::Shutdown)
    }

    fn send(&self, command: Command) -> Result<(), SendError> {
        let bytes = command.payload();
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let result = if bytes > 0 && queued + bytes > self.bounds.queue {
            Err(SendError::Full)
        } else {
            self.sender.try_send(command).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SendError::Full,
                mpsc::error::TrySendError::Closed(_) => SendError::Stopped,
            })
        };
        if let Err(error) = result {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            if error == SendError::Full {
                self.tally.commands_dropped.one();
            }
        }
        result
    }
}

/// Why an address was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DialError {
    /// The address is bad.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The command was not taken.
    #[error(transparent)]
    Send(#[from] SendError),
}

fn bounded(bytes: &[u8], max: usize) -> Result<(), SendError> {
    if bytes.len() > max { Err(SendError::TooLong { length: bytes.len(), max }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(change: impl FnOnce(&mut Config)) -> (NetHandle, Commands) {
        let mut config = Config::new([0; 32], Vec::new());
        change(&mut config);
        NetHandle::new(&config, PeerKey([0; 32]), Arc::new(Tally::default()))
    }

    #[test]
    fn a_full_queue_refuses_and_counts() {
        let (handle, _commands) = handle(|config| config.command_queue = 2);
        assert_eq!(handle.publish(0, vec![1]), Ok(()));
        assert_eq!(handle.publish(0, vec![2]), Ok(()));
        assert_eq!(handle.publish(0, vec![3]), Err(SendError::Full));
        assert_eq!(handle.counters().commands_dropped, 1);
    }

    #[test]
    fn bytes_in_the_queue_are_bounded_and_given_back() {
        let (handle, mut commands) = handle(|config| config.queue_bytes = 100);
        assert_eq!(handle.publish(0, vec![0; 80]), Ok(()));
        assert_eq!(handle.publish(0, vec![0; 80]), Err(SendError::Full));
        assert!(futures::executor::block_on(commands.recv()).is_some());
        assert_eq!(handle.publish(0, vec![0; 80]), Ok(()));
    }

    #[test]
    fn frames_above_their_bound_never_leave() {
        let (handle, _commands) = handle(|_| ());
        assert_eq!(handle.publish(0, vec![0; 61_440]), Ok(()));
        assert_eq!(
            handle.publish(0, vec![0; 61_441]),
            Err(SendError::TooLong { length: 61_441, max: 61_440 })
        );
        assert_eq!(handle.publish(3, Vec::new()), Err(SendError::NoSuchTopic(3)));
        let long = vec![0; 1024 * 1024 + 64 * 1024 + 1];
        assert!(matches!(handle.request(PeerKey([1; 32]), 1, long), Err(SendError::TooLong { .. })));
    }

    #[test]
    fn a_stopped_shell_is_told_apart_from_a_full_one() {
        let (handle, commands) = handle(|_| ());
        drop(commands);
        assert_eq!(handle.shutdown(), Err(SendError::Stopped));
        assert_eq!(handle.counters().commands_dropped, 0);
    }

    #[test]
    fn only_ip_and_tcp_are_addresses() {
        for good in ["/ip4/127.0.0.1/tcp/4710", "/ip6/::1/tcp/0"] {
            assert!(parse_address(good).is_ok(), "{good}");
        }
        for bad in
            ["/ip4/127.0.0.1", "/dns4/example.org/tcp/1", "/ip4/127.0.0.1/tcp/1/ws", "/ip4/1.2.3.4/udp/1"]
        {
            assert_eq!(parse_address(bad), Err(AddressError::Form { addr: bad.to_owned() }));
        }
        for bad in ["", "127.0.0.1:4710", "/ip4/300.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/99999"] {
            assert!(parse_address(bad).is_err(), "{bad}");
        }
    }
}
