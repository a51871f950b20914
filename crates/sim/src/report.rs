//! How a run went: figures for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::coverage::Coverage;
use crate::invariants::Violation;
use crate::world::World;

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The figures.
    pub report: Report,
    /// What the run reached.
    pub coverage: Coverage,
    /// What did not hold; empty of a good run.
    pub violations: Vec<Violation>,
    /// The last lines of the story, oldest first.
    pub story: Vec<String>,
}

/// The figures of a run. Times are virtual; those of gossip are the model's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Number of members.
    pub nodes: usize,
    /// Members that do not keep the rules.
    pub hostile: usize,
    /// Events of the simulation.
    pub events: u64,
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
    /// SHA-256 of the trace.
    pub trace: String,
    /// Records that an author made durable.
    pub records: usize,
    /// Records that did not come to all honest nodes: of hostile authors, of a lost home, or of a run that ended early.
    pub unfinished: usize,
    /// Records that clients were told of.
    pub acknowledged: usize,
    /// Deliveries that were proved.
    pub deliveries: u64,
    /// A record from its author to one other honest node: median, in milliseconds.
    pub each_p50_ms: u64,
    /// The same: 99th percentile.
    pub each_p99_ms: u64,
    /// A record from its author to all other honest nodes: median, in milliseconds.
    pub all_p50_ms: u64,
    /// The same: 99th percentile.
    pub all_p99_ms: u64,
    /// The same: the longest.
    pub all_longest_ms: u64,
    /// Push copies received per record and node (model).
    pub copies: f64,
    /// Bytes sent, of all kinds.
    pub bytes_sent: u64,
    /// Of that, push messages.
    pub bytes_pushed: u64,
    /// Of that, IHAVE, IWANT, IDONTWANT, GRAFT and PRUNE.
    pub bytes_gossip_control: u64,
    /// Of that, questions, which include the frontiers that nodes tell each other.
    pub bytes_questions: u64,
    /// Of that, answers.
    pub bytes_answers: u64,
    /// Bytes of the records that became durable at others than their authors.
    pub bytes_needed: u64,
    /// Bytes sent over bytes needed.
    pub overhead: f64,
    /// Frames sent.
    pub frames: u64,
    /// How long after the last fault all agreed, in milliseconds.
    pub agreed_after_ms: Option<u64>,
    /// After a planned split: bytes sent over bytes missing.
    pub heal_overhead: Option<f64>,
    /// After a planned split: records that were missing, each once for every node that lacked it.
    pub heal_missing_records: Option<u64>,
    /// After a planned split: how long until all agreed, in milliseconds.
    pub heal_ms: Option<u64>,
    /// Most records that one node had parked when it was looked at.
    pub most_parked: usize,
    /// Most inputs that waited at one core.
    pub most_waiting: usize,
    /// Most events of one node within a second.
    pub busiest: u64,
}

fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

impl World {
    /// How the run went.
    pub(crate) fn outcome(self, seed: u64) -> Outcome {
        let measure = &self.measure;
        let honest = measure.audience as u64 + 1;
        let pushed = measure.records() as u64 * (honest - 1).max(1);
        let heal = self.checks.heal;
        let report = Report {
            scenario: self.scenario.name.clone(),
            seed,
            nodes: self.nodes.len(),
            hostile: self.nodes.len() - measure.audience - 1,
            events: self.trace.events(),
            virtual_ms: self.now / 1_000,
            trace: self.trace.hash(),
            records: measure.records(),
            unfinished: measure.unfinished(),
            acknowledged: self.checks.acknowledged_count(),
            deliveries: measure.delivered,
            each_p50_ms: measure.each.percentile(50),
            each_p99_ms: measure.each.percentile(99),
            all_p50_ms: measure.all.percentile(50),
            all_p99_ms: measure.all.percentile(99),
            all_longest_ms: measure.all.longest(),
            copies: ratio(measure.copies, pushed),
            bytes_sent: measure.bytes.sum(),
            bytes_pushed: measure.bytes.pushes,
            bytes_gossip_control: measure.bytes.gossip_control,
            bytes_questions: measure.bytes.questions,
            bytes_answers: measure.bytes.answers,
            bytes_needed: measure.needed_bytes,
            overhead: ratio(measure.bytes.sum(), measure.needed_bytes),
            frames: measure.frames,
            agreed_after_ms: self.agreed_at.map(|at| at / 1_000 - self.scenario.run_ms),
            heal_overhead: heal.and_then(|heal| Some(ratio(heal.sent?, heal.missing_bytes))),
            heal_missing_records: heal.map(|heal| heal.missing_records),
            heal_ms: heal.and_then(|heal| Some(heal.took? / 1_000)),
            most_parked: self.checks.most_parked,
            most_waiting: self.checks.most_waiting,
            busiest: self.nodes.iter().map(|node| node.pace.most()).max().unwrap_or(0),
        };
        Outcome {
            report,
            coverage: self.coverage,
            violations: self.checks.violations().to_vec(),
            story: self.trace.lines(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "scenario {}, seed {}: {} members, {} of them hostile; gossip is a model",
            self.scenario, self.seed, self.nodes, self.hostile
        )?;
        writeln!(
            f,
            "  {} events in {}.{:03} s of virtual time, trace {}",
            self.events,
            self.virtual_ms / 1_000,
            self.virtual_ms % 1_000,
            self.trace
        )?;
        writeln!(
            f,
            "  {} records, {} acknowledged, {} deliveries proved",
            self.records, self.acknowledged, self.deliveries
        )?;
        writeln!(f, "  to one other node: p50 {} ms, p99 {} ms", self.each_p50_ms, self.each_p99_ms)?;
        writeln!(
            f,
            "  to all: p50 {} ms, p99 {} ms, longest {} ms; {:.2} copies per record and node (model)",
            self.all_p50_ms, self.all_p99_ms, self.all_longest_ms, self.copies
        )?;
        writeln!(
            f,
            "  bytes sent {} over needed {}: {:.2} (pushes {}, gossip control {}, questions {}, answers {})",
            self.bytes_sent,
            self.bytes_needed,
            self.overhead,
            self.bytes_pushed,
            self.bytes_gossip_control,
            self.bytes_questions,
            self.bytes_answers
        )?;
        if let Some(missing) = self.heal_missing_records {
            writeln!(
                f,
                "  the split healed in {} ms: {missing} records were missing, bytes sent over missing {:.2}",
                self.heal_ms.map_or_else(|| "?".into(), |ms| ms.to_string()),
                self.heal_overhead.unwrap_or(0.0)
            )?;
        }
        match self.agreed_after_ms {
            Some(millis) => write!(f, "  all agreed {millis} ms after the last fault"),
            None => write!(f, "  no agreement"),
        }
    }
}
