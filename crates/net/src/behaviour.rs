//! The behaviours and the swarm, put together. The order of the fields matters: limits, gate, then the rest,
//! so that a refused connection never reaches a behaviour that keeps state about peers.

use std::collections::HashSet;
use std::fmt::Write as _;

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::gossipsub::{
    self, IdentTopic, MessageAuthenticity, MessageId, TopicHash, ValidationMode, WhitelistSubscriptionFilter,
};
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{StreamProtocol, Swarm, SwarmBuilder, memory_connection_limits, noise, ping, tcp, yamux};
use sha2::{Digest, Sha256};

use crate::codec::FrameCodec;
use crate::config::TOPICS;
use crate::gate::{Gate, Limits};
use crate::gated::Gated;
use crate::hello::Hello;
use crate::strict::{Filter, Gossip, Strict};
use crate::{BindError, Config, TransportSecret};

/// Heartbeats for which gossipsub keeps messages. The default of 5 would only cost memory.
pub(crate) const HISTORY_LENGTH: u32 = 4;
/// Heartbeats of messages that it tells others about.
const HISTORY_GOSSIP: usize = 2;
/// Streams of one Yamux connection. A peer that opens more loses the connection.
const MAX_STREAMS: usize = 16;
/// Inbound streams whose protocol is being negotiated, per connection.
const MAX_NEGOTIATING: usize = 16;
/// Message ids in one list of what there is to have. gossipsub sends up to 5,000, and refuses what it receives above
/// 16 KiB of control messages: an id takes 34 bytes, so honest nodes under load would break each other's streams.
const MAX_CONTROL_IDS: usize = 400;
/// Name of the sync protocol.
const SYNC_PROTOCOL: StreamProtocol = StreamProtocol::new("/ecomesh/sync/1");

/// What runs on admitted links only.
#[derive(NetworkBehaviour)]
pub(crate) struct Mesh {
    pub(crate) gossip: Strict,
    pub(crate) sync: request_response::Behaviour<FrameCodec>,
    pub(crate) ping: ping::Behaviour,
}

/// Everything. `mesh` stands before `hello`, so that an order to open a link goes out before the frame that
/// says that it is open.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    memory: memory_connection_limits::Behaviour,
    limits: connection_limits::Behaviour,
    pub(crate) gate: Gate,
    pub(crate) mesh: Gated<Mesh>,
    pub(crate) hello: Hello,
}

/// The three topics of a network, by priority.
#[derive(Debug, Clone)]
pub(crate) struct Topics(Vec<IdentTopic>);

impl Topics {
    /// Names are `network id in hexadecimal ‖ "/" ‖ priority`.
    pub(crate) fn new(network: &[u8; 32]) -> Self {
        let mut hex = String::with_capacity(64);
        for byte in network {
            let _infallible = write!(hex, "{byte:02x}");
        }
        Self((0..TOPICS).map(|priority| IdentTopic::new(format!("{hex}/{priority}"))).collect())
    }

    pub(crate) fn hash(&self, priority: u8) -> Option<TopicHash> {
        self.0.get(usize::from(priority)).map(IdentTopic::hash)
    }

    pub(crate) fn priority(&self, hash: &TopicHash) -> Option<u8> {
        let at = self.0.iter().position(|topic| topic.hash() == *hash)?;
        u8::try_from(at).ok()
    }
}

/// Builds the swarm. Needs a tokio runtime, like all of this crate.
pub(crate) fn swarm(
    config: &Config,
    secret: &TransportSecret,
    topics: &Topics,
) -> Result<Swarm<Behaviour>, BindError> {
    let internal = |what: &'static str| move |reason: String| BindError::Internal { what, reason };
    let keypair = secret.keypair().map_err(|error| internal("transport key")(error.to_string()))?;
    let behaviour = behaviour(config, topics).map_err(internal("gossip settings"))?;
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux_config)
        .map_err(|error| internal("Noise")(error.to_string()))?
        .with_behaviour(|_| behaviour)
        .map_err(|error| internal("behaviour")(error.to_string()))?
        .with_swarm_config(|swarm| {
            // Strangers are closed by the shell; this only catches what it might overlook.
            swarm
                .with_idle_connection_timeout(config.hello_timeout * 2)
                .with_max_negotiating_inbound_streams(MAX_NEGOTIATING)
        })
        .with_connection_timeout(config.handshake_timeout)
        .build();
    Ok(swarm)
}

fn yamux_config() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(MAX_STREAMS);
    config
}

fn behaviour(config: &Config, topics: &Topics) -> Result<Behaviour, String> {
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(config.max_pending_inbound))
        .with_max_pending_outgoing(Some(u32::try_from(config.max_dials * 2).unwrap_or(u32::MAX)))
        .with_max_established(Some(config.max_connections))
        .with_max_established_per_peer(Some(config.max_connections_per_peer));
    let gate = Limits { strangers: config.max_strangers, per_ip: config.max_strangers_per_ip };
    let ping = ping::Config::new().with_interval(config.ping_interval).with_timeout(config.ping_timeout);
    let mesh = Mesh { gossip: gossip(config, topics)?, sync: sync(config), ping: ping::Behaviour::new(ping) };
    Ok(Behaviour {
        memory: memory_connection_limits::Behaviour::with_max_bytes(config.max_memory_bytes),
        limits: connection_limits::Behaviour::new(limits),
        gate: Gate::new(gate),
        mesh: Gated::new(mesh),
        hello: Hello::new(config),
    })
}

fn sync(config: &Config) -> request_response::Behaviour<FrameCodec> {
    let codec = FrameCodec { max_request: config.max_request_bytes, max_response: config.max_response_bytes };
    // Streams of both directions count together.
    let settings = request_response::Config::default()
        .with_request_timeout(config.request_timeout)
        .with_max_concurrent_streams(config.max_requests_per_peer * 2);
    request_response::Behaviour::with_codec(codec, [(SYNC_PROTOCOL, ProtocolSupport::Full)], settings)
}

/// Protocol ids stay the library's: a custom prefix would lose IDONTWANT.
fn gossip(config: &Config, topics: &Topics) -> Result<Strict, String> {
    let settings = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| MessageId::new(&Sha256::digest(&message.data)))
        .mesh_n(config.mesh_n)
        .mesh_n_low(config.mesh_n_low)
        .mesh_n_high(config.mesh_n_high)
        .mesh_outbound_min(config.mesh_outbound_min)
        .flood_publish(true)
        .heartbeat_interval(config.heartbeat)
        .history_length(HISTORY_LENGTH as usize)
        .history_gossip(HISTORY_GOSSIP)
        .max_transmit_size(config.max_transmit_bytes)
        .connection_handler_queue_len(config.gossip_queue)
        .max_control_messages_sent(MAX_CONTROL_IDS)
        .build()
        .map_err(|error| error.to_string())?;
    let ours: HashSet<TopicHash> = topics.0.iter().map(IdentTopic::hash).collect();
    let filter = Filter::new(ours.clone(), config.max_gossip_bytes);
    let mut gossip = Gossip::new_with_subscription_filter_and_transform(
        MessageAuthenticity::Anonymous,
        settings,
        WhitelistSubscriptionFilter(ours),
        filter.clone(),
    )?;
    for topic in &topics.0 {
        gossip.subscribe(topic).map_err(|error| error.to_string())?;
    }
    Ok(Strict::new(gossip, filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_the_network_and_the_priority() {
        let topics = Topics::new(&[0xAB; 32]);
        let hash = topics.hash(2).unwrap();
        assert_eq!(hash.as_str(), format!("{}/2", "ab".repeat(32)));
        assert_eq!(topics.priority(&hash), Some(2));
        assert_eq!(topics.hash(3), None);
        assert_eq!(topics.priority(&Topics::new(&[0xAC; 32]).hash(2).unwrap()), None);
    }
}
