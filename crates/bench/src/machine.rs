//! The machine that was measured, as far as it tells.

use std::process::Command;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where, when and what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// Processors that this process may use.
    pub cores: usize,
    /// The processor's name.
    pub cpu: String,
    /// The kernel's release.
    pub kernel: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// File system type of the temporary folder, as its number; from `statfs`.
    pub temporary_folder: String,
    /// Load averages of 1, 5 and 15 minutes before the run: what else the machine was doing.
    pub load_before: String,
    /// When the run began, UTC.
    pub date: String,
    /// The commit of the checkout in which the run was started, if it was in one.
    pub commit: Option<String>,
    /// Whether the binary was built with optimisation.
    pub optimised: bool,
    /// The command line.
    pub command: String,
}

impl Machine {
    /// Looks.
    pub fn look() -> Self {
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            kernel: release.trim().to_owned(),
            memory_mib: memory_mib(),
            temporary_folder: std::env::temp_dir().display().to_string(),
            load_before: read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
            date: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            commit: commit(),
            optimised: !cfg!(debug_assertions),
            command: std::env::args().collect::<Vec<_>>().join(" "),
        }
    }
}

fn memory_mib() -> u64 {
    let text = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    text.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// The value of the first line `name : value`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = read(path);
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn commit() -> Option<String> {
    if let Ok(given) = std::env::var("ECOMESH_COMMIT") {
        return Some(given);
    }
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
