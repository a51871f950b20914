//! `seal`: sealing and opening bodies on one core, against the bare cipher.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce};
use ecomesh_record::{
    Audience, Flags, Header, Kind, Lane, MemberId, NetworkId, Priority, RecordId, Retention, Time,
};
use ecomesh_seal::envelope::{document_bytes_max, open, seal, unwrap};
use ecomesh_seal::{Prekey, PrekeySecret};

use crate::cli::Options;
use crate::figures::{Figure, Samples, Section, Target};

/// A usual report.
const DOCUMENT_BYTES: usize = 2 * 1024;
/// To so many countries.
const READERS: [&str; 3] = ["FR", "TZ", "ZM"];
const NETWORK: NetworkId = NetworkId([1; 32]);
/// Plaintext of one call of the bare cipher, as in a chunk of the stream.
const CHUNK_BYTES: usize = 64 * 1024;

/// Runs it.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let time = Duration::from_millis(options.raw_ms);
    tokio::task::spawn_blocking(move || measure(time)).await?
}

fn measure(time: Duration) -> anyhow::Result<Section> {
    let secrets: Vec<PrekeySecret> = (0..READERS.len())
        .map(|n| PrekeySecret::from_seed(&[u8::try_from(n).unwrap_or(u8::MAX); PrekeySecret::BYTES]))
        .collect();
    let prekeys: Vec<Prekey> = secrets.iter().map(|secret| secret.public().clone()).collect();
    let story = format!(
        "{DOCUMENT_BYTES} bytes to {} members, and as much as fits a body to one; one core.",
        READERS.len()
    );
    let mut section = Section::new("seal", story);

    let document = vec![7; DOCUMENT_BYTES];
    let to_all = header(&READERS)?;
    let mut seed = [0; 32];
    let sealed = seal(NETWORK, to_all.clone(), &document, &prekeys, &seed)?;
    let sealing = per_call(time, || {
        seed[0] = seed[0].wrapping_add(1);
        Ok(black_box(seal(NETWORK, to_all.clone(), &document, &prekeys, &seed)?).content.len())
    })?;
    let figure = Figure::new("seal.ms", "seal 2 KiB to 3 members", sealing * 1e3, "ms");
    section.figure(figure.target(Target::AtMost(1.0)));
    let reader = to_all.to[0];
    let opening = per_call(time, || {
        let key = unwrap(NETWORK, &sealed.header, &sealed.content, reader, &secrets[0])?;
        Ok(black_box(open(NETWORK, &sealed.header, &sealed.content, &key)?).len())
    })?;
    let figure = Figure::new("seal.open_ms", "open it", opening * 1e3, "ms");
    section.figure(figure.target(Target::AtMost(0.4)));
    let overhead = sealed.header.encode()?.len() + 64 + 32 + sealed.content.len() - DOCUMENT_BYTES;
    let figure =
        Figure::new("seal.overhead", "header, signature, salt, wraps and padding", overhead as f64, "bytes");
    section.figure(figure.target(Target::AtMost(4.7 * 1024.0)));

    let large = vec![7; document_bytes_max(1)];
    let to_one = header(&READERS[..1])?;
    let bulk = seal(NETWORK, to_one.clone(), &large, &prekeys[..1], &seed)?;
    let bytes = large.len() as f64;
    let sealing = bytes
        / per_call(time, || {
            Ok(black_box(seal(NETWORK, to_one.clone(), &large, &prekeys[..1], &seed)?).content.len())
        })?;
    let opening = bytes
        / per_call(time, || {
            let key = unwrap(NETWORK, &bulk.header, &bulk.content, reader, &secrets[0])?;
            Ok(black_box(open(NETWORK, &bulk.header, &bulk.content, &key)?).len())
        })?;
    let bare = bare_cipher(time)?;
    for (id, what, rate) in [
        ("seal.bulk", "seal 1 MiB / bare ChaCha20-Poly1305", sealing),
        ("seal.bulk_open", "open 1 MiB / bare ChaCha20-Poly1305", opening),
    ] {
        section.figure(Figure::new(id, what, rate / bare, "").target(Target::AtLeast(0.6)));
    }
    section.figure(Figure::new("seal.bulk_mib", "seal 1 MiB", sealing / MIB, "MiB/s"));
    section.figure(Figure::new("seal.bulk_open_mib", "open 1 MiB", opening / MIB, "MiB/s"));
    section.figure(Figure::new(
        "raw.cipher_mib",
        "raw: ChaCha20-Poly1305, chunks of 64 KiB",
        bare / MIB,
        "MiB/s",
    ));
    Ok(section)
}

const MIB: f64 = 1024.0 * 1024.0;

/// Bytes per second of the cipher alone.
fn bare_cipher(time: Duration) -> anyhow::Result<f64> {
    let cipher = ChaCha20Poly1305::new(&Key::from([7; 32]));
    let mut text = vec![7; CHUNK_BYTES];
    let seconds = per_call(time, || {
        let tag = cipher.encrypt_inout_detached(&Nonce::from([0; 12]), &[], text.as_mut_slice().into());
        Ok(usize::from(tag.ok().context("a chunk was not encrypted")?[0]))
    })?;
    Ok(CHUNK_BYTES as f64 / seconds)
}

/// Median seconds of one call, of all calls within the time.
fn per_call(time: Duration, mut call: impl FnMut() -> anyhow::Result<usize>) -> anyhow::Result<f64> {
    let mut samples = Samples::default();
    let began = Instant::now();
    while began.elapsed() < time || samples.len() == 0 {
        let call_began = Instant::now();
        black_box(call()?);
        samples.value(call_began.elapsed().as_secs_f64());
    }
    Ok(samples.median())
}

fn header(to: &[&str]) -> anyhow::Result<Header> {
    Ok(Header {
        author: MemberId::parse("KE")?,
        lane: Lane::MESSAGES,
        generation: 0,
        seq: 0,
        prev: RecordId::ZERO,
        created_at: Time(1_790_000_000_000),
        expires_at: Time(1_793_000_000_000),
        roster_epoch: 0,
        priority: Priority::ROUTINE,
        kind: Kind::ECOMESSAGE,
        retention: Retention::DAYS_40,
        flags: Flags::default(),
        to: to.iter().map(|name| MemberId::parse(name)).collect::<Result<_, _>>()?,
        audience: Audience::Open,
        body_commit: [0; 32],
        body_len: 0,
        ext: Vec::new(),
    })
}
