//! Watches the processes, and fits a line to what it saw.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::sync::watch;

use super::{NODES, STEADY, Shared};
use crate::figures::{Figure, Section};
use crate::idle::records_on_disk;
use crate::process::usage;

/// The first part of the run is not fitted: caches fill, allocators take what they need.
const WARM_UP_SHARE: f64 = 0.25;
/// What is watched: id, words, unit.
const KINDS: [(&str, &str, &str); 4] = [
    ("rss", "resident memory", "MB/h"),
    ("descriptors", "descriptors", "1/h"),
    ("threads", "threads", "1/h"),
    ("disk", "disk used", "MB/h"),
];

/// Looks at each node: hours since the beginning, and a value of each kind.
pub struct Watched(Vec<Vec<(f64, [f64; KINDS.len()])>>);

/// Looks at all running nodes after each pause, until told to stop.
pub async fn run(shared: Arc<Shared>, pause: Duration, mut stopped: watch::Receiver<bool>) -> Watched {
    let mut seen = vec![Vec::new(); NODES];
    loop {
        for (n, looks) in seen.iter_mut().enumerate() {
            let hours = shared.began.elapsed().as_secs_f64() / 3600.0;
            // A node that was just killed cannot be looked at; the others are.
            if let Ok(values) = look(&shared, n).await {
                looks.push((hours, values));
            }
        }
        let next = Instant::now() + pause;
        tokio::select! {
            () = tokio::time::sleep_until(next.into()) => {}
            _ = stopped.wait_for(|stop| *stop) => return Watched(seen),
        }
    }
}

async fn look(shared: &Shared, n: usize) -> anyhow::Result<[f64; KINDS.len()]> {
    let node = shared.nodes[n].lock().await;
    let usage = usage(node.pid()?)?;
    let disk = records_on_disk(&node)?;
    let descriptors = usage.descriptors.map_or(f64::NAN, |count| count as f64);
    Ok([usage.rss_kib as f64 * 1024.0 / 1e6, descriptors, usage.threads as f64, disk as f64 / 1e6])
}

impl Watched {
    /// The steepest slopes of the nodes that ran through, and a line for each node.
    pub fn add_to(&self, section: &mut Section, kills: &[u64]) -> anyhow::Result<()> {
        ensure!(self.0.iter().all(|looks| looks.len() >= 2), "too short a run for a slope: make it longer");
        for (kind, (id, what, unit)) in KINDS.iter().enumerate() {
            let slopes = self.0[..STEADY].iter().map(|looks| slope(looks, kind));
            let steepest = slopes.fold(f64::NEG_INFINITY, f64::max);
            let what = format!("steepest slope of a node never killed: {what}");
            section.figure(Figure::new(&format!("soak.slope_{id}"), what, steepest, unit));
        }
        for (n, looks) in self.0.iter().enumerate() {
            let kinds = KINDS.iter().enumerate();
            let parts: Vec<String> = kinds
                .map(|(kind, (_, what, unit))| {
                    let last = looks.last().map_or(f64::NAN, |(_, values)| values[kind]);
                    format!("{what} {last:.0} at the end, {:+.1} {unit}", slope(looks, kind))
                })
                .collect();
            section.note(format!("node {} (killed {} times): {}", n + 1, kills[n], parts.join("; ")));
        }
        Ok(())
    }
}

/// Least squares over the looks after the warm-up, per hour.
fn slope(looks: &[(f64, [f64; KINDS.len()])], kind: usize) -> f64 {
    let end = looks.last().map_or(0.0, |(hours, _)| *hours);
    let fitted = looks.iter().filter(|(hours, _)| *hours >= end * WARM_UP_SHARE);
    let points: Vec<(f64, f64)> = fitted.map(|(hours, values)| (*hours, values[kind])).collect();
    let count = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let xy: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let xx: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    xy / xx
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_fitted_after_the_warm_up() {
        // Rises by 3 each hour from 10; the first quarter is off the line.
        let looks: Vec<_> = (0..=40)
            .map(|n| {
                let hours = f64::from(n) / 10.0;
                let value = if n < 10 { 500.0 } else { 10.0 + 3.0 * hours };
                (hours, [value, 0.0, f64::NAN, value])
            })
            .collect();
        assert!((slope(&looks, 0) - 3.0).abs() < 1e-9);
        assert_eq!(slope(&looks, 1), 0.0);
        assert!(slope(&looks, 2).is_nan());
    }
}
