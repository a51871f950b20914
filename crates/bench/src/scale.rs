//! `scale`: how the cost of a record grows with the mesh, by the simulator: real cores, virtual time, and a model of
//! gossip. No process runs, so its figures do not depend on this machine.

use ecomesh_sim::{ScaleFigures, scale};

use crate::cli::Options;
use crate::figures::{Figure, Section};

/// Runs it for each number of members, one after the other.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let (members, seed) = (options.members.clone(), options.seed);
    let runs: Vec<ScaleFigures> =
        tokio::task::spawn_blocking(move || members.iter().map(|count| scale(*count, seed)).collect())
            .await?;
    let story = format!(
        "Simulated meshes (seed {}): links of 100 ms, contents of 4 KiB, nothing goes wrong. Gossip is a model.",
        options.seed
    );
    let mut section = Section::new("scale", story);
    for run in &runs {
        add(&mut section, run);
    }
    Ok(section)
}

fn add(section: &mut Section, run: &ScaleFigures) {
    let members = run.members;
    let rows = [
        ("bytes_per_record", "bytes sent in the whole mesh for a record", run.bytes_per_record, "bytes"),
        ("bytes_per_record_and_member", "the same, by member", run.bytes_per_record_and_member, "bytes"),
        ("frames_per_record", "frames sent for a record", run.messages_per_record, "frames"),
        ("all_ms_p50", "written to held by all, p50", run.p50_ms as f64, "ms (virtual)"),
        ("all_ms_p99", "written to held by all, p99", run.p99_ms as f64, "ms (virtual)"),
        ("copies", "copies pushed to a member", run.copies, "(model)"),
        ("overhead", "bytes sent / bytes needed", run.overhead, ""),
        ("violations", "invariants broken", run.violations.len() as f64, ""),
    ];
    for (id, what, measured, unit) in rows {
        let id = format!("scale.{members}.{id}");
        section.figure(Figure::new(&id, format!("{members} members: {what}"), measured, unit));
    }
    for violation in &run.violations {
        section.note(format!("{members} members: {violation}"));
    }
}
