//! The disk: sled as the store uses it, and the plain sync of a small write.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::figures::Samples;

/// Rows of one batch, as the store's commits.
const BATCH_ROWS: u64 = 256;
/// The best of all slices of so many batches counts: a limit is what the machine can do when nothing else runs on it.
const SLICE_BATCHES: u64 = 10;
/// Length of a row's value: a record of 1 KiB with header and signature.
const ROW_BYTES: usize = 1200;
/// Memory for pages, as the store's default.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// What a plain sync writes.
const BLOCK_BYTES: usize = 4096;

/// Rows per second that sled takes in order of their keys, in batches that are each flushed and synced.
pub fn sled_rows(folder: &Path, time: Duration) -> anyhow::Result<f64> {
    let dir = folder.join("sled");
    let db = sled::Config::new().path(&dir).cache_capacity(CACHE_BYTES).open()?;
    let file = File::open(dir.join("db"))?;
    // Values that do not compress and are not alike.
    let mut value = vec![0; ROW_BYTES];
    getrandom::fill(&mut value)?;
    let (mut next, mut best) = (0_u64, 0.0_f64);
    let end = Instant::now() + time;
    while Instant::now() < end || next == 0 {
        let began = Instant::now();
        for _ in 0..SLICE_BATCHES {
            put(&db, &file, next, &mut value)?;
            next += BATCH_ROWS;
        }
        best = best.max((SLICE_BATCHES * BATCH_ROWS) as f64 / began.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn put(db: &sled::Db, file: &File, first: u64, value: &mut [u8]) -> anyhow::Result<()> {
    let mut batch = sled::Batch::default();
    for n in first..first + BATCH_ROWS {
        value[..8].copy_from_slice(&n.to_le_bytes());
        batch.insert(&n.to_be_bytes(), &*value);
    }
    db.apply_batch(batch)?;
    db.flush()?;
    Ok(file.sync_all()?)
}

/// How long the sync of an appended block takes.
pub fn syncs(folder: &Path, time: Duration) -> anyhow::Result<Samples> {
    let mut file = File::create(folder.join("appended"))?;
    let block = vec![7; BLOCK_BYTES];
    let began = Instant::now();
    let mut samples = Samples::default();
    while began.elapsed() < time || samples.len() == 0 {
        let start = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        samples.time(start.elapsed());
    }
    Ok(samples)
}
