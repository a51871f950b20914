//! Settings of the shell, each with its default and the reason for it.

use std::time::Duration;

use thiserror::Error;

/// Number of gossip topics: one per priority (0 flash, 1 urgent, 2 routine).
pub const TOPICS: u8 = 3;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Settings of the shell. [`Config::new`] gives good values for a mesh of up to some 200 members.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The network id: part of every topic, so that two networks never gossip to each other.
    pub network: [u8; 32],
    /// Multiaddresses to listen on, `/ip4/…/tcp/…` or `/ip6/…/tcp/…`. Port 0 takes a free one. Empty: only dial.
    pub listen: Vec<String>,

    /// Links that the node dials for; more may come in. Default 14: with mesh degree 3 and an author that sends
    /// to all its links, 196 members are reached in two to three hops.
    pub target_links: usize,
    /// Links beyond the target that are kept. Default 6. Each node dials beyond the target now and then, so that a
    /// mesh that was cut in two grows together again; with more than these it closes one that it dialled.
    pub spare_links: usize,
    /// Time between two dials beyond the target. Default 60 s.
    pub explore_every: Duration,
    /// The same while members are sought whose word the node waits for. Default 2 s.
    pub seek_every: Duration,
    /// A link that was dialled less long ago is not closed for being too many. Default 30 s.
    pub settle_time: Duration,
    /// Connections of all kinds at once. Default 256.
    pub max_connections: u32,
    /// Connections with one peer at once. Default 8: a link, one being greeted in each direction, and half-open
    /// predecessors, which the kernel may hold for a quarter of an hour.
    pub max_connections_per_peer: u32,
    /// Unknown peers that are being greeted at once, inbound. Default 16.
    pub max_strangers: usize,
    /// Of those, and of connections that have not shown an identity yet, how many per IP address. Default 8.
    pub max_strangers_per_ip: usize,
    /// Inbound connections that have not shown an identity yet. Default 64.
    pub max_pending_inbound: u32,
    /// Dials and greetings of the address list at once. Default 8; as many again for
    /// [`NetHandle::dial`](crate::NetHandle::dial).
    pub max_dials: usize,
    /// No new connection while the process holds more memory than this, in bytes. Default 1 GiB. It looks at the
    /// whole process and refuses members too.
    pub max_memory_bytes: usize,

    /// From TCP connection to Noise identity. Default 5 s: idle connections must not fill the pending limit.
    pub handshake_timeout: Duration,
    /// From identity to admitted link. Default 5 s.
    pub hello_timeout: Duration,
    /// Longest hello payload in bytes. Default 64 KiB.
    pub max_hello_bytes: usize,

    /// Shortest wait before a redial. Default 250 ms.
    pub redial_min: Duration,
    /// Longest wait before a redial. Default 60 s. There is no last try.
    pub redial_max: Duration,

    /// Longest gossip message in bytes. Default 60 KiB.
    pub max_gossip_bytes: usize,
    /// gossipsub's own bound in bytes. Default 128 KiB. It is checked against the receive buffer, which may hold
    /// up to 8 KiB of the next message, so it must be well above [`max_gossip_bytes`](Self::max_gossip_bytes):
    /// with 64 KiB, messages of 58,000 bytes killed the link without any event.
    pub max_transmit_bytes: usize,
    /// Mesh degree per topic. Default 3.
    pub mesh_n: usize,
    /// Below this degree the mesh grafts. Default 2.
    pub mesh_n_low: usize,
    /// Above this degree the mesh prunes. Default 4.
    pub mesh_n_high: usize,
    /// Dialled peers in the mesh, at least. Default 1.
    pub mesh_outbound_min: usize,
    /// gossipsub's heartbeat. Default 1 s.
    pub heartbeat: Duration,
    /// Gossip messages waiting for one peer. Default 64: the library's 5,000 would be 300 MB for a slow peer.
    pub gossip_queue: usize,
    /// A message without a verdict for so long is ignored. Default 2 s; it must be shorter than the four
    /// heartbeats for which gossipsub keeps a message.
    pub verdict_timeout: Duration,
    /// Messages waiting for a verdict. Default 1,024.
    pub max_verdicts: usize,

    /// A request and its response together must be done in this time. Default 150 s: 1 MiB at 64 kbit/s takes
    /// 131 s.
    pub request_timeout: Duration,
    /// Longest request in bytes. Default 1 MiB + 64 KiB.
    pub max_request_bytes: usize,
    /// Longest response in bytes. Default 1 MiB + 64 KiB: a page of 1 MiB and what frames it.
    pub max_response_bytes: usize,
    /// Requests in flight to one peer, and from one peer. Default 4: with gossip, ping and hello that stays
    /// below the 16 streams of a Yamux connection, which ends when there are more.
    pub max_requests_per_peer: usize,
    /// Requests from all peers waiting for the node's answer. Default 256.
    pub max_inbound_requests: usize,

    /// Time between pings. Default 15 s.
    pub ping_interval: Duration,
    /// A link whose ping is not answered for so long is closed. Default 20 s. A path that dies in silence is thus
    /// noticed after at most 35 s.
    pub ping_timeout: Duration,

    /// Commands from the node waiting for the shell. Default 1,024.
    pub command_queue: usize,
    /// Events waiting for the node. Default 1,024. A quarter of it is kept free for events about links.
    pub event_queue: usize,
    /// Bytes inside each of these two queues. Default 64 MiB.
    pub queue_bytes: usize,
}

impl Config {
    /// The defaults for one network.
    pub fn new(network: [u8; 32], listen: Vec<String>) -> Self {
        Self {
            network,
            listen,
            target_links: 14,
            spare_links: 6,
            explore_every: Duration::from_secs(60),
            seek_every: Duration::from_secs(2),
            settle_time: Duration::from_secs(30),
            max_connections: 256,
            max_connections_per_peer: 8,
            max_strangers: 16,
            max_strangers_per_ip: 8,
            max_pending_inbound: 64,
            max_dials: 8,
            max_memory_bytes: 1024 * MIB,
            handshake_timeout: Duration::from_secs(5),
            hello_timeout: Duration::from_secs(5),
            max_hello_bytes: 64 * KIB,
            redial_min: Duration::from_millis(250),
            redial_max: Duration::from_secs(60),
            max_gossip_bytes: 60 * KIB,
            max_transmit_bytes: 128 * KIB,
            mesh_n: 3,
            mesh_n_low: 2,
            mesh_n_high: 4,
            mesh_outbound_min: 1,
            heartbeat: Duration::from_secs(1),
            gossip_queue: 64,
            verdict_timeout: Duration::from_secs(2),
            max_verdicts: 1024,
            request_timeout: Duration::from_secs(150),
            max_request_bytes: MIB + 64 * KIB,
            max_response_bytes: MIB + 64 * KIB,
            max_requests_per_peer: 4,
            max_inbound_requests: 256,
            ping_interval: Duration::from_secs(15),
            ping_timeout: Duration::from_secs(20),
            command_queue: 1024,
            event_queue: 1024,
            queue_bytes: 64 * MIB,
        }
    }

    /// Checks the settings against each other: gossipsub does not check its mesh parameters itself.
    pub fn check(&self) -> Result<(), ConfigError> {
        let ordered = self.mesh_outbound_min <= self.mesh_n_low
            && self.mesh_n_low <= self.mesh_n
            && self.mesh_n <= self.mesh_n_high;
        if !ordered || self.mesh_n == 0 || self.mesh_outbound_min * 2 > self.mesh_n {
            return Err(ConfigError::Mesh {
                outbound_min: self.mesh_outbound_min,
                low: self.mesh_n_low,
                n: self.mesh_n,
                high: self.mesh_n_high,
            });
        }
        if self.max_transmit_bytes < self.max_gossip_bytes + TRANSMIT_SLACK {
            return Err(ConfigError::Transmit {
                own: self.max_gossip_bytes,
                transmit: self.max_transmit_bytes,
            });
        }
        if self.verdict_timeout >= self.heartbeat * crate::behaviour::HISTORY_LENGTH {
            return Err(ConfigError::Verdict { timeout: self.verdict_timeout, heartbeat: self.heartbeat });
        }
        if self.max_requests_per_peer > MAX_REQUESTS_PER_PEER {
            return Err(ConfigError::Requests { given: self.max_requests_per_peer });
        }
        self.check_positive()
    }

    fn check_positive(&self) -> Result<(), ConfigError> {
        let numbers = [
            ("max_connections", self.max_connections as usize),
            ("max_connections_per_peer", self.max_connections_per_peer as usize),
            ("max_strangers", self.max_strangers),
            ("max_strangers_per_ip", self.max_strangers_per_ip),
            ("max_pending_inbound", self.max_pending_inbound as usize),
            ("max_dials", self.max_dials),
            ("max_memory_bytes", self.max_memory_bytes),
            ("max_hello_bytes", self.max_hello_bytes),
            ("max_gossip_bytes", self.max_gossip_bytes),
            ("gossip_queue", self.gossip_queue),
            ("max_verdicts", self.max_verdicts),
            ("max_request_bytes", self.max_request_bytes),
            ("max_response_bytes", self.max_response_bytes),
            ("max_requests_per_peer", self.max_requests_per_peer),
            ("max_inbound_requests", self.max_inbound_requests),
            ("command_queue", self.command_queue),
            ("event_queue", self.event_queue),
            ("queue_bytes", self.queue_bytes),
        ];
        let times = [
            ("handshake_timeout", self.handshake_timeout),
            ("hello_timeout", self.hello_timeout),
            ("explore_every", self.explore_every),
            ("seek_every", self.seek_every),
            ("redial_min", self.redial_min),
            ("redial_max", self.redial_max),
            ("heartbeat", self.heartbeat),
            ("verdict_timeout", self.verdict_timeout),
            ("request_timeout", self.request_timeout),
            ("ping_interval", self.ping_interval),
            ("ping_timeout", self.ping_timeout),
        ];
        let zero = numbers.into_iter().find(|(_, value)| *value == 0).map(|(name, _)| name);
        let zero =
            zero.or_else(|| times.into_iter().find(|(_, value)| value.is_zero()).map(|(name, _)| name));
        match zero {
            Some(name) => Err(ConfigError::Zero { name }),
            None => Ok(()),
        }
    }
}

/// Room that gossipsub needs above our own bound: 8 KiB of the next message in its receive buffer, the
/// protobuf around the data, and control messages that ride along.
const TRANSMIT_SLACK: usize = 32 * KIB;

/// 16 Yamux streams, less two for gossip, two for ping, two for hello and two that are just closing, leave
/// eight, shared by both directions.
const MAX_REQUESTS_PER_PEER: usize = 4;

/// Settings that contradict each other. Whoever wrote the configuration must act.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// gossipsub takes such values and then never builds a mesh.
    #[error(
        "mesh degrees do not fit: need outbound_min {outbound_min} ≤ low {low} ≤ n {n} ≤ high {high} and \
         2 × outbound_min ≤ n; correct them in the network section"
    )]
    Mesh {
        /// `mesh_outbound_min` as given.
        outbound_min: usize,
        /// `mesh_n_low` as given.
        low: usize,
        /// `mesh_n` as given.
        n: usize,
        /// `mesh_n_high` as given.
        high: usize,
    },
    /// gossipsub would drop links under load.
    #[error("max_transmit_bytes {transmit} is too near to max_gossip_bytes {own}; leave 32 KiB between them")]
    Transmit {
        /// `max_gossip_bytes` as given.
        own: usize,
        /// `max_transmit_bytes` as given.
        transmit: usize,
    },
    /// gossipsub would forget a message before its verdict.
    #[error("verdict_timeout {timeout:?} must be shorter than four heartbeats of {heartbeat:?}")]
    Verdict {
        /// `verdict_timeout` as given.
        timeout: Duration,
        /// `heartbeat` as given.
        heartbeat: Duration,
    },
    /// Links would end when both sides use what they may.
    #[error("max_requests_per_peer {given} is above 4, which is what the 16 streams of a link have room for")]
    Requests {
        /// `max_requests_per_peer` as given.
        given: usize,
    },
    /// A bound of nothing.
    #[error("{name} must not be zero")]
    Zero {
        /// The setting.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new([1; 32], Vec::new())
    }

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(config().check(), Ok(()));
    }

    #[test]
    fn mesh_degrees_out_of_order_are_refused() {
        for (outbound_min, low, n, high) in
            [(1, 4, 3, 4), (1, 2, 5, 4), (3, 2, 3, 4), (2, 2, 3, 4), (0, 0, 0, 0)]
        {
            let bad = Config {
                mesh_outbound_min: outbound_min,
                mesh_n_low: low,
                mesh_n: n,
                mesh_n_high: high,
                ..config()
            };
            assert_eq!(bad.check(), Err(ConfigError::Mesh { outbound_min, low, n, high }));
        }
    }

    #[test]
    fn the_size_trap_of_gossipsub_is_refused() {
        let bad = Config { max_transmit_bytes: 65_536, ..config() };
        assert_eq!(bad.check(), Err(ConfigError::Transmit { own: 61_440, transmit: 65_536 }));
    }

    #[test]
    fn a_verdict_after_the_message_is_forgotten_is_refused() {
        let timeout = Duration::from_secs(4);
        let bad = Config { verdict_timeout: timeout, ..config() };
        assert_eq!(bad.check(), Err(ConfigError::Verdict { timeout, heartbeat: Duration::from_secs(1) }));
    }

    #[test]
    fn more_requests_than_streams_and_zero_bounds_are_refused() {
        let bad = Config { max_requests_per_peer: 5, ..config() };
        assert_eq!(bad.check(), Err(ConfigError::Requests { given: 5 }));
        let bad = Config { event_queue: 0, ..config() };
        assert_eq!(bad.check(), Err(ConfigError::Zero { name: "event_queue" }));
        let bad = Config { ping_timeout: Duration::ZERO, ..config() };
        assert_eq!(bad.check(), Err(ConfigError::Zero { name: "ping_timeout" }));
    }
}
