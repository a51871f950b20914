//! A member with real keys and a node of ours: it gets through the gate like anybody, and then does as it likes.

use std::io::{self, Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ecomesh_protocol::hello::{self, Certificate, Hello};
use ecomesh_protocol::{KeyRing, PeerKey};
use ecomesh_record::{
    Audience, Body, Flags, Frontier, FrontierEntry, Header, Kind, Lane, LogId, MemberId, NetworkId, Priority,
    Record, RecordId, Retention, SignedFrontier, Time, frontier,
};
use ecomesh_seal::Identity;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::identity::Keypair;

use super::wire::{Manners, Stream, Wire, in_time, varint};
use crate::common::{Node, quick};

pub const HELLO: &str = "/ecomesh/hello/1";
pub const SYNC: &str = "/ecomesh/sync/1";
pub const GOSSIP: &str = "/meshsub/1.1.0";
const PING: &str = "/ipfs/ping/1.0.0";

/// The frame around a hello, a question or an answer.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("a short frame").to_be_bytes(), bytes].concat()
}

/// A field of protobuf with a length.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2], varint(bytes.len()).as_slice(), bytes].concat()
}

/// A message of gossipsub that publishes `data`.
pub fn published(topic: &str, data: &[u8]) -> Vec<u8> {
    let message = [field(2, data), field(4, topic.as_bytes())].concat();
    let rpc = field(2, &message);
    [varint(rpc.len()), rpc].concat()
}

/// The same with an author, which this network's messages do not have.
pub fn published_by(topic: &str, data: &[u8], author: &[u8]) -> Vec<u8> {
    let message = [field(1, author), field(2, data), field(4, topic.as_bytes())].concat();
    let rpc = field(2, &message);
    [varint(rpc.len()), rpc].concat()
}

/// What a question of the node gets.
#[derive(Clone)]
pub enum Reply {
    /// These bytes, as they are.
    Raw(Vec<u8>),
    /// A frame that is announced and never ends.
    Endless,
    /// Nothing, on a stream that stays open.
    Silence,
}

type Answers = Arc<dyn Fn(&[u8]) -> Reply + Send + Sync>;

/// How the member behaves towards what the node begins.
pub struct Guest {
    pub answers: Answers,
    /// Whether it reads the gossip that it gets.
    pub reads: bool,
}

impl Guest {
    /// Listens, and never answers a question.
    pub fn quiet() -> Arc<Self> {
        Arc::new(Self { answers: Arc::new(|_| Reply::Silence), reads: true })
    }

    /// Answers nothing, and reads nothing of what it gets.
    pub fn deaf() -> Arc<Self> {
        Arc::new(Self { answers: Arc::new(|_| Reply::Silence), reads: false })
    }

    pub fn answering(answers: impl Fn(&[u8]) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { answers: Arc::new(answers), reads: true })
    }
}

impl Manners for Guest {
    fn spoken(&self) -> Vec<&'static str> {
        vec!["/meshsub/1.3.0", "/meshsub/1.2.0", GOSSIP, PING, SYNC]
    }

    fn serve(&self, protocol: &str, mut stream: Stream) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match protocol {
            PING => Box::pin(async move {
                let mut bytes = [0; 32];
                while stream.read_exact(&mut bytes).await.is_ok() && stream.write_all(&bytes).await.is_ok() {
                    let _ = stream.flush().await;
                }
            }),
            SYNC => Box::pin(answer(stream, Arc::clone(&self.answers))),
            _ if self.reads => Box::pin(async move {
                let mut bytes = vec![0; 64 * 1024];
                while stream.read(&mut bytes).await.is_ok_and(|length| length > 0) {}
            }),
            _ => Box::pin(hold(stream)),
        }
    }
}

/// Reads a question, then replies.
async fn answer(mut stream: Stream, answers: Answers) {
    let mut question = Vec::new();
    if (&mut stream).take(4 << 20).read_to_end(&mut question).await.is_err() {
        return;
    }
    match answers(question.get(4..).unwrap_or_default()) {
        Reply::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.close().await;
        }
        Reply::Endless => {
            let _ = stream.write_all(&1_000_000_u32.to_be_bytes()).await;
            while stream.write_all(&[0x55; 64 * 1024]).await.is_ok() {}
        }
        Reply::Silence => hold(stream).await,
    }
}

/// Keeps a stream open and does nothing with it, until the connection ends.
async fn hold(stream: Stream) {
    let _stream = stream;
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

/// The keys of a member, and the log that it writes.
pub struct Member {
    pub id: MemberId,
    pub name: String,
    pub network: NetworkId,
    pub transport_key: PeerKey,
    identity: Identity,
    ring: KeyRing,
    keypair: Keypair,
    /// The loopback address from which it connects: its last byte.
    source: u8,
}

impl Member {
    /// Takes the keys from the home of a node that never runs.
    pub fn of(node: &Node, source: u8) -> Self {
        let home = quick::home_of(node);
        let opened = home.open_all(&quick::passphrase()).expect("the keys open");
        let identity = opened.identity;
        let keypair = Keypair::ed25519_from_bytes(*identity.transport_seed()).expect("a transport key");
        Self {
            id: opened.card.member,
            name: node.member.clone(),
            network: opened.roster.network(),
            transport_key: PeerKey(*identity.transport_public().as_bytes()),
            ring: KeyRing::of_roster(&opened.roster),
            identity,
            keypair,
            source,
        }
    }

    /// The keys of the network.
    pub fn ring(&self) -> KeyRing {
        self.ring.clone()
    }

    /// The topic of a priority in this network.
    pub fn topic(&self, priority: u8) -> String {
        format!("{}/{priority}", self.network)
    }

    /// A good hello for a transport key, signed with this member's key.
    pub fn hello(&self, key: PeerKey) -> Vec<u8> {
        let nonce = getrandom::u64().expect("randomness").to_be_bytes();
        let mut boot_nonce = [0; 16];
        boot_nonce[..8].copy_from_slice(&nonce);
        let certificate = Certificate { member: self.id, key, counter: 0 };
        let hello = Hello { certificate, boot_nonce, instance: [7; 16], roster_epoch: 0 };
        hello::encode(self.network, self.identity.signing_key(), &hello, Vec::new())
    }

    /// Gets through the gate of the node that listens on `port`.
    pub async fn join(&self, port: u16, manners: Arc<Guest>) -> io::Result<Wire> {
        let wire = Wire::open(self.source, port, &self.keypair, manners).await?;
        let mut said = vec![0];
        said.extend(self.hello(self.transport_key));
        let answer = exchange(&wire, HELLO, &framed(&said)).await?;
        if answer.get(4) != Some(&0) {
            return Err(Error::new(
                ErrorKind::PermissionDenied,
                format!("not admitted: {:?}", answer.get(4)),
            ));
        }
        exchange(&wire, HELLO, &framed(&[1])).await?;
        Ok(wire)
    }

    /// Joins once the node lets it: a member that was cut off must wait.
    pub async fn join_patiently(&self, port: u16, manners: Arc<Guest>) -> Wire {
        let deadline = tokio::time::Instant::now() + crate::common::PATIENCE * 2;
        loop {
            match self.join(port, Arc::clone(&manners)).await {
                Ok(wire) => return wire,
                Err(error) if tokio::time::Instant::now() > deadline => {
                    panic!("{} never got into the node on port {port}: {error}", self.name)
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// The next record of this member's log of messages.
    pub fn record(&self, seq: u64, prev: RecordId, priority: Priority, length: usize) -> Record {
        let body = Body::new([seq as u8; 32], vec![b'x'; length]).expect("a short body");
        let created_at = Time(1_800_000_000_000);
        let header = Header {
            author: self.id,
            lane: Lane::MESSAGES,
            generation: 0,
            seq,
            prev,
            created_at,
            expires_at: created_at.after(24 * 60 * 60 * 1000),
            roster_epoch: 0,
            priority,
            kind: Kind::MESSAGE,
            retention: Retention::YEARS_5,
            flags: Flags::default(),
            to: Vec::new(),
            audience: Audience::Open,
            body_commit: body.commitment(self.network),
            body_len: u32::try_from(length).expect("a short body"),
            ext: Vec::new(),
        };
        let key = self.identity.signing_key();
        let sign = |id| *key.sign_record(self.network, id).as_bytes();
        Record::sign_with(self.network, header, Some(body), sign).expect("a short header")
    }

    /// Records from the beginning of the log on.
    pub fn records(&self, count: u64, priority: Priority, length: usize) -> Vec<Record> {
        let mut prev = RecordId::ZERO;
        let next = |seq| {
            let record = self.record(seq, prev, priority, length);
            prev = record.id();
            record
        };
        (0..count).map(next).collect()
    }

    /// What the member says that it holds: so much of its own log of messages.
    pub fn frontier(&self, counter: u64, seq: u64, head: RecordId) -> SignedFrontier {
        let log = LogId { author: self.id, lane: Lane::MESSAGES, generation: 0 };
        let frontier = Frontier {
            member: self.id,
            instance: [7; 16],
            counter,
            roster_epoch: 0,
            time: Time(1_800_000_000_000),
            complete: true,
            entries: vec![FrontierEntry { log, seq, head }],
            holes: Vec::new(),
            bodiless_lanes: Vec::new(),
        };
        let bytes = frontier.encode().expect("a short frontier");
        let hash = frontier::frontier_hash(self.network, &bytes);
        let signature = *self.identity.signing_key().sign_frontier(self.network, &hash).as_bytes();
        SignedFrontier { bytes: bytes.into(), signature }
    }
}

/// One frame over a stream of its own, and what comes back.
pub async fn exchange(wire: &Wire, protocol: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = wire.stream(protocol).await?;
    in_time(async {
        stream.write_all(bytes).await?;
        stream.close().await?;
        let mut answer = Vec::new();
        stream.take(4 << 20).read_to_end(&mut answer).await?;
        Ok(answer)
    })
    .await
}
