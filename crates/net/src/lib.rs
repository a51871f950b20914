//! The libp2p shell of ecomesh: it carries frames and knows nothing of their meaning.
//!
//! One tokio task owns a libp2p swarm (TCP, Noise XX, Yamux). The node talks to it through a [`NetHandle`],
//! whose methods put a command into a bounded queue and never block, and listens to its [`Events`]. Neither
//! side ever waits for the other: a full queue drops what may be dropped, and a [`Counters`] field says how
//! often. Bytes that come out of here are untrusted and undecoded; bytes that go in are sent as they are.
//!
//! # The gate
//!
//! Nodes dial addresses, not peer ids: keys change while a bureau is away, addresses rarely do. So every link
//! starts as a **stranger** that speaks one protocol, `hello`: one frame each way, at most 64 KiB, within 5 s,
//! at most 16 unknown strangers at once. The node reads the frames and decides; the shell only carries them.
//!
//! ```text
//!   dialer                                             listener
//!   Event::HelloNeeded
//!     handle.hello(link, bytes)  ── hello ──────────▶  Event::HelloRequest
//!                                                        handle.hello_reply(link, bytes, admit)
//!   Event::HelloResponse         ◀───────── reply ──   opens the inner protocols for what comes in
//!     handle.admit(link)
//!   opens the inner protocols    ── done ───────────▶  opens the inner protocols for what goes out
//!   Event::LinkUp                                      Event::LinkUp
//! ```
//!
//! Only then do gossip, sync and ping exist on that link. libp2p fixes the handlers of a connection when it is
//! established, so each connection carries a handler of ours that is shut at first and receives the inner
//! handlers when the node admits the link ([`gated`](self) module in the source). The listener opens inwards
//! before it replies and outwards after `done`, so no side ever asks for a protocol that the other does not
//! speak yet: gossipsub would mark such a peer as one that does not speak gossip, for good.
//!
//! # One link per peer
//!
//! Whatever the number of connections, the inner protocols see at most one per peer. A second one would leave
//! gossipsub half deaf, since it announces its topics only on the first: a node that restarts while its old
//! connection is half open would receive nothing. So when a peer says hello although there is a link with it,
//! the old link is dead on its side and is dropped at once. If both dialled at the same time, the connection
//! of the smaller peer id stays. [`NetHandle::reset`] drops the link of a peer whose boot nonce changed.
//! Every dialled connection says hello, so the node sees every boot nonce.
//!
//! # What the node does
//!
//! 1. [`bind`] with a [`Config`] and a [`TransportSecret`], inside a tokio runtime.
//! 2. [`NetHandle::know`] the transport keys of the roster, [`NetHandle::set_addresses`] its addresses: the
//!    shell redials for ever every address that has no link, up to [`Config::target_links`], and now and then one
//!    beyond that, so that a mesh that was cut in two grows together again.
//! 3. Answer [`Event::HelloNeeded`] with [`NetHandle::hello`], [`Event::HelloRequest`] with
//!    [`NetHandle::hello_reply`] and [`Event::HelloResponse`] with [`NetHandle::admit`] or
//!    [`NetHandle::close`]. On a changed boot nonce, [`NetHandle::reset`] first.
//! 4. Between [`Event::LinkUp`] and [`Event::LinkDown`]: [`NetHandle::publish`], [`NetHandle::request`];
//!    answer [`Event::Gossip`] with [`NetHandle::verdict`] and [`Event::Request`] with
//!    [`NetHandle::respond`].
//! 5. [`NetHandle::block`] a peer that sent what no honest peer can send; [`NetHandle::forget`] one that the
//!    roster excludes.
//!
//! Gossip is a hint: nothing here is retried, acknowledged or stored. What gets lost comes by sync.

mod backoff;
mod behaviour;
mod bind;
mod codec;
mod config;
mod counters;
mod event;
mod explore;
mod gate;
mod gated;
mod handle;
mod hello;
mod key;
mod links;
mod outbox;
mod redial;
mod shell;
mod strict;
mod verdicts;

pub use backoff::backoff;
pub use bind::{BindError, bind};
pub use config::{Config, ConfigError, TOPICS};
pub use counters::Counters;
pub use event::{
    DialFailure, DownReason, Event, Events, HelloFailure, InboundId, LinkId, Misbehaviour, RequestFailure,
    Token,
};
pub use handle::{AddressError, DialError, NetHandle, SendError, Verdict};
pub use key::{PeerKey, TransportSecret};
