//! `audit`: an archive audited offline, against what verifying its signatures alone would take on all cores.

use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::ensure;
use ecomesh_audit::{Options as AuditOptions, audit};
use ecomesh_record::Time;

use crate::archive::{self, AUTHORS, Archive};
use crate::cli::Options;
use crate::cluster::temporary_folder;
use crate::figures::{Figure, Samples, Section, Target};
use crate::founding::found_network;
use crate::raw::Limits;

/// Share of what all cores could verify.
const TARGET: Target = Target::AtLeast(0.9);

/// Runs it.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let limits = Limits::measure(options).await?;
    let folder = temporary_folder(options)?;
    let sizes = options.clone();
    let (archive, rates) = tokio::task::spawn_blocking(move || {
        let founded = found_network(folder.path(), AUTHORS, "")?;
        let archive = archive::write(&founded, folder.path(), sizes.audited, sizes.body_bytes)?;
        let mut rates = Samples::default();
        for _ in 0..sizes.runs {
            rates.value(archive.records as f64 / once(&archive)?.as_secs_f64());
        }
        anyhow::Ok((archive, rates))
    })
    .await??;
    let story = format!(
        "An archive of {} records of {} bytes of content ({} MiB), read from a file that was just written.",
        archive.records,
        options.body_bytes,
        archive.frame_bytes >> 20
    );
    let mut section = Section::new("audit", story);
    let rate = rates.median();
    section.figure(Figure::new("audit.records_per_second", "audited", rate, "records/s"));
    let share = rate / (limits.cores * limits.verify_per_core);
    let what = "audited / (cores × strict verifications of one core)";
    section.figure(Figure::new("audit.share_of_raw", what, share, "").target(TARGET));
    limits.add_to(&mut section);
    Ok(section)
}

fn once(archive: &Archive) -> anyhow::Result<Duration> {
    let began = Instant::now();
    // The clock only explains absent bodies, and none is absent.
    let report = audit(File::open(&archive.path)?, &AuditOptions::at(Time(u64::MAX)))?;
    let time = began.elapsed();
    ensure!(report.fault_count == 0 && report.void_count == 0, "the archive is not whole: {report:?}");
    ensure!(report.records == archive.records, "{} of {} records", report.records, archive.records);
    Ok(time)
}
