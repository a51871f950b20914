//! How the cost of a record grows with the mesh: the figures of `bench scale`.

use serde::Serialize;

use crate::scenario::{Load, NetworkPlan, Scenario};

/// What a record costs in a mesh of a given size: links of 100 ms, contents of 4 KiB, nothing goes wrong.
///
/// Gossip is the simulator's model of it; latencies are virtual.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScaleFigures {
    /// Number of members.
    pub members: usize,
    /// Records that were written.
    pub records: usize,
    /// Bytes sent in the whole mesh for one record, everything included.
    pub bytes_per_record: f64,
    /// The same, divided by the members.
    pub bytes_per_record_and_member: f64,
    /// Frames sent in the whole mesh for one record.
    pub messages_per_record: f64,
    /// From the author's disk to the last member's: median, in milliseconds.
    pub p50_ms: u64,
    /// The same: 99th percentile.
    pub p99_ms: u64,
    /// Push copies that a member gets of one record (model).
    pub copies: f64,
    /// Bytes sent over bytes of records that had to go anywhere.
    pub overhead: f64,
    /// What did not hold, in words; empty of a good run.
    pub violations: Vec<String>,
}

/// Records of one run.
const RECORDS: u64 = 20;

/// Plays a calm mesh of `members` (2 to [`crate::MEMBERS_MAX`]) and tells what a record costs.
///
/// What the mesh costs while it is quiet (links, first frontiers) is measured in a run without records and taken off.
pub fn scale(members: usize, seed: u64) -> ScaleFigures {
    let busy = crate::run(&scenario(members, RECORDS), seed);
    let quiet = crate::run(&scenario(members, 0), seed).report;
    let report = &busy.report;
    let records = report.records.max(1) as f64;
    let bytes = report.bytes_sent.saturating_sub(quiet.bytes_sent) as f64;
    ScaleFigures {
        members,
        records: report.records,
        bytes_per_record: bytes / records,
        bytes_per_record_and_member: bytes / records / members as f64,
        messages_per_record: report.frames.saturating_sub(quiet.frames) as f64 / records,
        p50_ms: report.all_p50_ms,
        p99_ms: report.all_p99_ms,
        copies: report.copies,
        overhead: bytes / report.bytes_needed.max(1) as f64,
        violations: busy.violations.iter().map(|v| format!("{}: {}", v.invariant, v.what)).collect(),
    }
}

fn scenario(members: usize, drafts: u64) -> Scenario {
    Scenario {
        name: "scale".into(),
        nodes: members.clamp(2, crate::MEMBERS_MAX),
        run_ms: 30_000,
        load: Load {
            gap_ms: if drafts == 0 { 0 } else { 400 * members as u64 },
            start_ms: 10_000,
            burst: 1,
            drafts,
            bytes: [4_096, 4_096],
            medium_permille: 0,
            large_permille: 0,
            keyed_percent: 0,
            retry_percent: 0,
            ..Load::default()
        },
        network: NetworkPlan { latency_ms: [100, 100], jitter_ms: 0, ..NetworkPlan::default() },
        ..Scenario::default()
    }
}
