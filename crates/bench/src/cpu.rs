//! Where the processors' time goes: by process and kind of thread, as the kernel counts it.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::cluster::Node;
use crate::process::{cpu_by_thread, machine_ticks};

/// Threads below this share are not told, in microseconds per record.
const TOLD_US_MIN: f64 = 0.5;

/// Seconds on a processor by a thread's number and name.
type Threads = BTreeMap<(String, String), f64>;
/// The same by a thread's name.
type Kinds = BTreeMap<String, f64>;

/// Seconds on a processor of each thread of each running node and of this process, at one moment.
pub struct Snapshot {
    processes: Vec<(String, Threads)>,
    machine: Option<(u64, u64)>,
    at: Instant,
}

/// The same between two moments, by kind of thread. Threads that ended in between are left out.
pub struct Cpu {
    processes: Vec<(String, Kinds)>,
    /// Share of all processors that the whole machine used.
    busy_share: Option<f64>,
    /// Seconds of all processors together.
    processor_s: f64,
}

impl Snapshot {
    /// Looks.
    pub fn take(nodes: &[Node]) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for node in nodes {
            all.push((node.member.to_string(), cpu_by_thread(node.pid()?)));
        }
        all.push(("load".into(), cpu_by_thread(std::process::id())));
        Ok(Self { processes: all, machine: machine_ticks(), at: Instant::now() })
    }

    /// What the same nodes have used since.
    pub fn until_now(self, nodes: &[Node]) -> anyhow::Result<Cpu> {
        let spent = |earlier: Threads, later: Threads| {
            let mut by_kind = Kinds::new();
            for (thread, seconds) in later {
                let before = earlier.get(&thread).copied().unwrap_or(0.0);
                *by_kind.entry(thread.1).or_default() += seconds - before;
            }
            by_kind
        };
        let after = Self::take(nodes)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let processor_s = (after.at - self.at).as_secs_f64() * cores;
        let share = |(before, later): ((u64, u64), (u64, u64))| {
            (later.0 - before.0) as f64 / (later.1 - before.1).max(1) as f64
        };
        let busy_share = self.machine.zip(after.machine).map(share);
        let pairs = self.processes.into_iter().zip(after.processes);
        let processes = pairs.map(|((who, earlier), (_, later))| (who, spent(earlier, later))).collect();
        Ok(Cpu { processes, busy_share, processor_s })
    }
}

impl Cpu {
    /// For each record, in microseconds.
    pub fn note(&self, records: u64) -> String {
        let micros = |seconds: f64| seconds * 1e6 / records as f64;
        let mut total = 0.0;
        let mut parts = Vec::new();
        for (who, threads) in &self.processes {
            total += threads.values().sum::<f64>();
            let told = threads.iter().filter(|(_, seconds)| micros(**seconds) >= TOLD_US_MIN);
            let told: Vec<String> =
                told.map(|(name, seconds)| format!("{name} {:.0}", micros(*seconds))).collect();
            parts.push(format!("{who}: {}", told.join(", ")));
        }
        let own = total / self.processor_s * 100.0;
        let all = self.busy_share.map_or_else(String::new, |share| {
            format!(" of {:.0} % that the machine was in use", share * 100.0)
        });
        format!(
            "processor time per record, µs by thread ({:.0} in all, {own:.0} % of the processors{all}): {}",
            micros(total),
            parts.join("; ")
        )
    }
}
