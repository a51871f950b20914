//! Where the processors' time goes: by process and kind of thread, as the kernel counts it.

use std::collections::BTreeMap;

use crate::cluster::Node;
use crate::process::cpu_by_thread;

/// Threads below this share are not told, in microseconds per record.
const TOLD_US_MIN: f64 = 0.5;

/// Seconds on a processor of each thread of each running node and of this process, at one moment.
pub struct Snapshot(Vec<(String, BTreeMap<(String, String), f64>)>);

/// The same between two moments, by kind of thread. Threads that ended in between are left out.
pub struct Cpu(Vec<(String, BTreeMap<String, f64>)>);

impl Snapshot {
    /// Looks.
    pub fn take(nodes: &[Node]) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for node in nodes {
            all.push((node.member.to_string(), cpu_by_thread(node.pid()?)));
        }
        all.push(("load".into(), cpu_by_thread(std::process::id())));
        Ok(Self(all))
    }

    /// What the same nodes have used since.
    pub fn until_now(self, nodes: &[Node]) -> anyhow::Result<Cpu> {
        let spent = |earlier: BTreeMap<(String, String), f64>, later: BTreeMap<(String, String), f64>| {
            let mut by_kind: BTreeMap<String, f64> = BTreeMap::new();
            for (thread, seconds) in later {
                let before = earlier.get(&thread).copied().unwrap_or(0.0);
                *by_kind.entry(thread.1).or_default() += seconds - before;
            }
            by_kind
        };
        let after = Self::take(nodes)?.0;
        let pairs = self.0.into_iter().zip(after);
        Ok(Cpu(pairs.map(|((who, earlier), (_, later))| (who, spent(earlier, later))).collect()))
    }
}

impl Cpu {
    /// For each record, in microseconds.
    pub fn note(&self, records: u64) -> String {
        let micros = |seconds: f64| seconds * 1e6 / records as f64;
        let mut total = 0.0;
        let mut parts = Vec::new();
        for (who, threads) in &self.0 {
            total += threads.values().sum::<f64>();
            let told = threads.iter().filter(|(_, seconds)| micros(**seconds) >= TOLD_US_MIN);
            let told: Vec<String> =
                told.map(|(name, seconds)| format!("{name} {:.0}", micros(*seconds))).collect();
            parts.push(format!("{who}: {}", told.join(", ")));
        }
        format!("processor time per record, µs by thread ({:.0} in all): {}", micros(total), parts.join("; "))
    }
}
