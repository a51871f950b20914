//! A node that is none of ours: it speaks all protocols at once, as it likes, byte by byte.

use std::io;
use std::time::Duration;

use ecomesh_net::PeerKey;
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, MessageId, ValidationMode};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, Codec, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};

use crate::common::{DEADLINE, NETWORK, Node};

/// Writes what it is given, without a frame around it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }
}

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.take(4 * 1024 * 1024).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

#[derive(NetworkBehaviour)]
pub(crate) struct All {
    pub(crate) gossip: gossipsub::Behaviour,
    pub(crate) hello: request_response::Behaviour<Raw>,
    pub(crate) sync: request_response::Behaviour<Raw>,
}

pub(crate) type StrangerEvent = SwarmEvent<AllEvent>;

pub(crate) struct Stranger {
    pub(crate) swarm: Swarm<All>,
    pub(crate) key: PeerKey,
}

impl Stranger {
    pub(crate) fn new(seed: u8) -> Self {
        let keypair = Keypair::ed25519_from_bytes([seed; 32]).unwrap();
        let key = PeerKey(keypair.public().try_into_ed25519().unwrap().to_bytes());
        let hex: String = NETWORK.iter().map(|byte| format!("{byte:02x}")).collect();
        let topic = IdentTopic::new(format!("{hex}/0"));
        let settings = gossipsub::ConfigBuilder::default()
            .validation_mode(ValidationMode::Anonymous)
            .message_id_fn(|message| MessageId::new(&message.data[..message.data.len().min(32)]))
            .heartbeat_interval(Duration::from_millis(300))
            .build()
            .unwrap();
        let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, settings).unwrap();
        gossip.subscribe(&topic).unwrap();
        let raw = |name| {
            let settings = request_response::Config::default().with_request_timeout(DEADLINE);
            request_response::Behaviour::new([(StreamProtocol::new(name), ProtocolSupport::Full)], settings)
        };
        let all = All { gossip, hello: raw("/ecomesh/hello/1"), sync: raw("/ecomesh/sync/1") };
        let swarm = SwarmBuilder::with_existing_identity(keypair)
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| all)
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(DEADLINE))
            .build();
        Self { swarm, key }
    }

    /// Runs until an event makes `pick` return something.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(StrangerEvent) -> Option<T>,
    ) -> T {
        let wait = async {
            loop {
                let event = self.swarm.select_next_some().await;
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("the stranger never {what}"))
    }

    /// Runs while something else is waited for, and returns what happened meanwhile.
    pub(crate) async fn during(&mut self, other: impl Future<Output = ()>) -> Vec<StrangerEvent> {
        let mut events = Vec::new();
        tokio::pin!(other);
        loop {
            tokio::select! {
                () = &mut other => return events,
                event = self.swarm.select_next_some() => events.push(event),
            }
        }
    }

    pub(crate) async fn connect(&mut self, node: &Node) -> PeerId {
        let addr: Multiaddr = node.addr.parse().unwrap();
        self.swarm.dial(addr).unwrap();
        self.until("connected", |event| match event {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => Some(peer_id),
            _ => None,
        })
        .await
    }

    pub(crate) async fn closed(&mut self) {
        self.until("was cut off", |event| matches!(event, SwarmEvent::ConnectionClosed { .. }).then_some(()))
            .await;
    }

    /// Sends bytes over the hello protocol and returns the answer, or `None` if there is none.
    pub(crate) async fn hello(&mut self, node: PeerId, bytes: Vec<u8>) -> Option<Vec<u8>> {
        self.swarm.behaviour_mut().hello.send_request(&node, bytes);
        self.until("heard of its hello", |event| match event {
            SwarmEvent::Behaviour(AllEvent::Hello(request_response::Event::Message {
                message: request_response::Message::Response { response, .. },
                ..
            })) => Some(Some(response)),
            SwarmEvent::Behaviour(AllEvent::Hello(request_response::Event::OutboundFailure { .. }))
            | SwarmEvent::ConnectionClosed { .. } => Some(None),
            _ => None,
        })
        .await
    }

    /// The whole greeting, as an honest node does it.
    pub(crate) async fn greet(&mut self, node: &Node) -> PeerId {
        let peer = self.connect(node).await;
        let answer = self.hello(peer, framed(&[0, 42])).await.expect("an answer");
        assert_eq!(answer[..5], [0, 0, 0, 2, 0], "admitted");
        assert_eq!(self.hello(peer, framed(&[1])).await, Some(framed(&[0])));
        peer
    }

    pub(crate) async fn ask(&mut self, node: PeerId, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        self.swarm.behaviour_mut().sync.send_request(&node, bytes);
        self.until("heard of its request", |event| match event {
            SwarmEvent::Behaviour(AllEvent::Sync(request_response::Event::Message {
                message: request_response::Message::Response { response, .. },
                ..
            })) => Some(Ok(response)),
            SwarmEvent::Behaviour(AllEvent::Sync(request_response::Event::OutboundFailure {
                error, ..
            })) => Some(Err(error.to_string())),
            _ => None,
        })
        .await
    }
}

/// A frame as our nodes write it.
pub(crate) fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(bytes);
    frame
}
