//! Somebody without keys of the network: garbage at every layer up to hello, and hellos that do not hold.

use std::io;
use std::sync::Arc;

use ecomesh_protocol::PeerKey;
use ecomesh_protocol::hello::{self, Certificate, Hello};
use ecomesh_record::{MemberId, NetworkId, Priority};
use ecomesh_seal::SigningKey;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::identity::Keypair;

use super::member::{GOSSIP, HELLO, Member, SYNC, exchange, framed};
use super::random::Random;
use super::wire::{Mute, Wire, connect, in_time, line, negotiate, secure};

/// The layers that a stranger can reach, lowest first.
pub const LAYERS: [Layer; 5] = [Layer::Tcp, Layer::Multistream, Layer::Noise, Layer::Yamux, Layer::Hello];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    Tcp,
    Multistream,
    Noise,
    Yamux,
    Hello,
}

/// One connection with garbage at a layer. Returns how many malformed frames were written.
pub async fn garbage(layer: Layer, target: &Target, random: &mut Random) -> usize {
    let sent = match layer {
        Layer::Tcp => raw(target, random).await,
        Layer::Multistream => multistream(target, random).await,
        Layer::Noise => noise(target, random).await,
        Layer::Yamux => yamux(target, random).await,
        Layer::Hello => hellos(target, random).await,
    };
    // A connection that the node refuses or breaks off carries nothing more.
    sent.unwrap_or(0)
}

/// Whom to attack, and what a stranger can know.
#[derive(Clone)]
pub struct Target {
    pub port: u16,
    /// The last byte of the loopback address from which this stranger comes.
    pub source: u8,
    pub network: NetworkId,
    /// A hello that a member once sent, with its valid signature.
    pub captured: Vec<u8>,
    /// Records that somebody once saw, with their valid signatures.
    pub records: Vec<ecomesh_record::RecordFrame>,
    /// A member whose node is attacked.
    pub member: MemberId,
}

impl Target {
    pub fn new(port: u16, source: u8, known: &Member) -> Self {
        let records = known.records(hello::OPENINGS_MAX as u64, Priority::ROUTINE, 8);
        Self {
            port,
            source,
            network: known.network,
            captured: known.hello(known.transport_key),
            records: records.iter().map(ecomesh_record::Record::to_frame).collect(),
            member: known.id,
        }
    }
}

pub fn stranger(random: &mut Random) -> Keypair {
    Keypair::ed25519_from_bytes(random.array()).expect("32 bytes are a seed")
}

/// Writes, says that it is done, and reads until the other side is done too.
async fn finish<S: AsyncRead + AsyncWrite + Unpin>(io: &mut S, bytes: &[u8]) -> io::Result<()> {
    in_time(async {
        io.write_all(bytes).await?;
        io.flush().await?;
        // What the other side says to this is its affair, and it may have closed already.
        let _ = io.close().await;
        let _ = io.read_to_end(&mut Vec::new()).await;
        Ok(())
    })
    .await
}

async fn raw(target: &Target, random: &mut Random) -> io::Result<usize> {
    let mut socket = connect(target.source, target.port).await?;
    let length = 1 + random.below(3000);
    finish(&mut socket, &random.bytes(length)).await?;
    Ok(1)
}

async fn multistream(target: &Target, random: &mut Random) -> io::Result<usize> {
    let mut socket = connect(target.source, target.port).await?;
    let header = line("/multistream/1.0.0");
    let bytes = match random.below(5) {
        0 => {
            let names = (0..20).map(|_| line(&format!("/{:x}/1.0.0", random.next())));
            header.into_iter().chain(names.flatten()).collect()
        }
        1 => [&[0xFF, 0xFF, 0x7F], random.bytes(400).as_slice()].concat(),
        2 => random.flipped(&[header, line("/noise")].concat()),
        3 => [header, [line("ls").repeat(100), random.bytes(50)].concat()].concat(),
        _ => [header, vec![0; 300]].concat(),
    };
    finish(&mut socket, &bytes).await?;
    Ok(1)
}

async fn noise(target: &Target, random: &mut Random) -> io::Result<usize> {
    if random.below(2) == 0 {
        // The bytes of a handshake are some 300; later ones belong to the negotiation of Yamux behind it.
        let flip = random.below(420);
        let mut secure = secure(target.source, target.port, &stranger(random), Some(flip)).await?;
        let _ = negotiate(&mut secure, "/yamux/1.0.0").await;
        return Ok(1);
    }
    let mut socket = connect(target.source, target.port).await?;
    negotiate(&mut socket, "/noise").await?;
    let length = [0, 1, 31, 32, 33, 96, 65_535][random.below(7)];
    let mut bytes = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    bytes.extend(random.bytes(length.min(2000)));
    finish(&mut socket, &bytes).await?;
    Ok(1)
}

/// The header of a Yamux frame.
fn yamux_header(kind: u8, flags: u16, stream: u32, length: u32) -> Vec<u8> {
    [&[0, kind], flags.to_be_bytes().as_slice(), &stream.to_be_bytes(), &length.to_be_bytes()].concat()
}

async fn yamux(target: &Target, random: &mut Random) -> io::Result<usize> {
    const SYN: u16 = 1;
    let mut secure = secure(target.source, target.port, &stranger(random), None).await?;
    negotiate(&mut secure, "/yamux/1.0.0").await?;
    let (frames, bytes) = match random.below(8) {
        0 => (1, random.bytes(12)),
        1 => (1, [vec![1], random.bytes(11)].concat()),
        2 => (1, yamux_header(9, 0, 1, 0)),
        3 => (1, yamux_header(0, 0, [0, 2, 77][random.below(3)], u32::MAX)),
        4 => (3, [yamux_header(1, SYN, 1, u32::MAX), yamux_header(1, 0, 1, u32::MAX).repeat(2)].concat()),
        5 => (200, (0..200).flat_map(|n| yamux_header(1, SYN, 2 * n + 1, 0)).collect()),
        6 => (500, (0..500).flat_map(|n| yamux_header(2, SYN, 0, n)).collect()),
        _ => (2, [yamux_header(3, 0, 0, 9), random.bytes(200)].concat()),
    };
    finish(&mut secure, &bytes).await?;
    Ok(frames)
}

async fn hellos(target: &Target, random: &mut Random) -> io::Result<usize> {
    let key = stranger(random);
    let wire = Wire::open(target.source, target.port, &key, Arc::new(Mute)).await?;
    let whole = [&[0], target.captured.as_slice()].concat();
    let length = random.below(300);
    let bytes = match random.below(8) {
        0 => framed(&random.bytes(length)),
        1 => framed(&[vec![0], random.bytes(length)].concat()),
        2 => framed(&whole)[..4 + random.below(whole.len())].to_vec(),
        3 => framed(&random.flipped(&whole)),
        4 => [vec![0xFF; 4], random.bytes(64)].concat(),
        5 => [framed(&whole), random.bytes(10)].concat(),
        6 => framed(&whole[..random.below(whole.len())]),
        _ => framed(&[[1, 2, 255][random.below(3)]]),
    };
    let answer = exchange(&wire, HELLO, &bytes).await;
    assert!(!admitted(&answer), "a malformed hello opened the gate: {bytes:?}");
    Ok(1)
}

/// Whether an answer to a hello says that the gate is open.
fn admitted(answer: &io::Result<Vec<u8>>) -> bool {
    answer.as_ref().is_ok_and(|bytes| bytes.get(4) == Some(&0))
}

/// Ways to make up a hello.
pub const JOINS: usize = 5;

/// A well-formed hello of somebody who is no member. Returns whether it was answered; panics if it was admitted, or
/// if anything but hello was spoken.
pub async fn join(target: &Target, way: usize, random: &mut Random) -> io::Result<()> {
    let keypair = stranger(random);
    let own = PeerKey(keypair.public().try_into_ed25519().expect("an Ed25519 key").to_bytes());
    let signing = SigningKey::from_seed(&random.array());
    let nobody = MemberId::parse("ZW").expect("a member id");
    let other = NetworkId(random.array());
    let say = |network, member, openings| {
        let certificate = Certificate { member, key: own, counter: 9 };
        let hello = Hello { certificate, boot_nonce: [3; 16], instance: [4; 16], roster_epoch: 0 };
        hello::encode(network, &signing, &hello, openings)
    };
    let hello = match way % JOINS {
        0 => say(target.network, nobody, Vec::new()),
        1 => say(target.network, target.member, Vec::new()),
        2 => say(other, target.member, Vec::new()),
        3 => target.captured.clone(),
        _ => say(target.network, target.member, target.records.clone()),
    };
    let wire = Wire::open(target.source, target.port, &keypair, Arc::new(Mute)).await?;
    let answer = exchange(&wire, HELLO, &framed(&[&[0], hello.as_slice()].concat())).await;
    assert!(!admitted(&answer), "a stranger was admitted by way {way}");
    for protocol in [SYNC, GOSSIP] {
        let stream = wire.stream(protocol).await;
        assert!(stream.is_err(), "a stranger speaks {protocol} after way {way}");
    }
    answer.map(|_| ())
}
