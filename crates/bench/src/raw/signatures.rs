//! Ed25519 as this project uses it: strict verifications and signatures of record ids.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use ecomesh_record::{NetworkId, RecordId};
use ecomesh_seal::{Signature, SigningKey};

/// How many are done between two looks at the clock.
const ROUND: usize = 64;
/// The time is cut into so many slices, and the best one counts: a limit is what the machine can do when nothing
/// else runs on it.
const SLICES: u32 = 5;

/// Strict verifications per second of so many threads together.
pub fn verifications(threads: usize, time: Duration) -> anyhow::Result<f64> {
    let work = move || {
        let (key, network) = (SigningKey::from_seed(&[7; 32]), NetworkId([1; 32]));
        let public = key.public();
        let signed: Vec<(RecordId, Signature)> = (0..ROUND)
            .map(|n| RecordId([u8::try_from(n).unwrap_or(u8::MAX); 32]))
            .map(|id| (id, key.sign_record(network, id)))
            .collect();
        repeat(time, || {
            signed.iter().all(|(id, signature)| public.verify_record(network, *id, signature).is_ok())
        })
    };
    let running: Vec<_> = (0..threads).map(|_| std::thread::spawn(work)).collect();
    let mut sum = 0.0;
    for thread in running {
        sum += thread.join().ok().context("a thread panicked")??;
    }
    Ok(sum)
}

/// Signatures per second of one thread.
pub fn signatures(time: Duration) -> anyhow::Result<f64> {
    let (key, network) = (SigningKey::from_seed(&[7; 32]), NetworkId([1; 32]));
    let mut id = RecordId([0; 32]);
    repeat(time, || {
        for _ in 0..ROUND {
            // Each depends on the one before, so that none can be left out.
            let signature = key.sign_record(network, id);
            id.0.copy_from_slice(&signature.as_bytes()[..32]);
        }
        true
    })
}

/// Rounds of [`ROUND`] operations until the time is over; operations per second of the best slice.
fn repeat(time: Duration, mut round: impl FnMut() -> bool) -> anyhow::Result<f64> {
    let mut best: f64 = 0.0;
    for _ in 0..SLICES {
        let began = Instant::now();
        let mut done = 0;
        while began.elapsed() < time / SLICES || done == 0 {
            ensure!(round(), "a good signature was refused");
            done += ROUND;
        }
        best = best.max(done as f64 / began.elapsed().as_secs_f64());
    }
    Ok(best)
}
