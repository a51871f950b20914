//! What the system tells of a process, and of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;

/// Unit of `st_blocks`, whatever the file system's own block is.
const STAT_BLOCK_BYTES: u64 = 512;

/// A look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory in KiB.
    pub rss_kib: u64,
    /// The most resident memory that it had so far, in KiB.
    pub peak_kib: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors; `None` where this user may not see them.
    pub descriptors: Option<u64>,
}

/// Looks at a process.
pub fn usage(pid: u32) -> anyhow::Result<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} cannot be looked at; this needs Linux"))?;
    let field = |name: &str| -> anyhow::Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.with_context(|| format!("process {pid} has no {name}"))
    };
    // A node's descriptors are hidden from other processes of its user, but not from root.
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok().map(|dir| dir.count() as u64);
    Ok(Usage {
        rss_kib: field("VmRSS:")?,
        peak_kib: field("VmHWM:")?,
        threads: field("Threads:")?,
        descriptors,
    })
}

/// Seconds on a processor of each thread of a process, with the thread's name without its number. Empty where the
/// kernel does not count.
pub fn cpu_by_thread(pid: u32) -> BTreeMap<(String, String), f64> {
    let mut seconds = BTreeMap::new();
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return seconds };
    for task in tasks.flatten() {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let counted = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let nanos = counted.split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let name = name.trim().trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
        let thread = task.file_name().to_string_lossy().into_owned();
        seconds.insert((thread, name.to_owned()), nanos as f64 / 1e9);
    }
    seconds
}

/// Share of the time that the whole machine's processors were in use until now, as (busy, all) in ticks since the
/// system started; what a hypervisor took is busy.
pub fn machine_ticks() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> =
        text.lines().next()?.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; guests are counted in user already.
    let all: u64 = ticks.iter().take(8).sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((all - idle, all))
}

/// Bytes that the files of a folder take on the disk.
pub fn disk_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            // A file of the store may be gone by now.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += metadata.blocks() * STAT_BLOCK_BYTES;
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_can_be_looked_at() {
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.rss_kib > 100 && usage.peak_kib >= usage.rss_kib, "{usage:?}");
        assert!(usage.threads >= 1 && usage.descriptors.is_some_and(|count| count >= 3), "{usage:?}");
    }

    #[test]
    fn a_folder_takes_at_least_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("inner/file"), vec![1; 100_000]).unwrap();
        fs::File::open(folder.path().join("inner/file")).unwrap().sync_all().unwrap();
        assert!(disk_bytes(folder.path()).unwrap() >= 100_000);
    }
}
