//! Logs and the protection of memory.
//!
//! Log lines name members, peers and records by their short ids. No document, no name of a person, no passphrase and
//! no key is ever given to `tracing`; types that hold such things print a length or nothing; and libraries, which know
//! nothing of that, are heard from `info` upwards only.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use thiserror::Error;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogFormat, LogSettings};

/// Why logging does not work. The operator corrects the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TelemetryError {
    /// The filter is not understood.
    #[error("log.level is not understood ({0}); write info, or a filter such as info,ecomesh_net=debug")]
    Filter(String),
    /// Something in this process writes logs already.
    #[error("this process has a log already")]
    Taken,
}

/// Starts logging to standard error, for the whole process and once.
///
/// # Errors
/// [`TelemetryError`].
pub fn start(settings: &LogSettings) -> Result<(), TelemetryError> {
    start_to(settings, std::io::stderr)
}

/// As [`start`], with another place to write to.
///
/// # Errors
/// [`TelemetryError`].
pub fn start_to<W>(settings: &LogSettings, writer: W) -> Result<(), TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&settings.level).map_err(|e| TelemetryError::Filter(e.to_string()))?;
    // No colours: log collectors and files cannot show them.
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let lines = match settings.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let log = tracing_subscriber::registry().with(filter).with(lines.with_filter(filter_fn(is_harmless)));
    log.try_init().map_err(|_| TelemetryError::Taken)
}

/// Libraries print whole frames and batches below this level (seen: sled, at `trace`), whatever the operator's filter
/// says. Events that come from the `log` crate have the target `log`. gossipsub warns of each bad message that a peer
/// sends: a peer could fill the disk with them, and what matters of them we tell ourselves.
fn is_harmless(event: &Metadata<'_>) -> bool {
    let quiet = event.target().starts_with("libp2p_gossipsub");
    let lowest = if quiet { Level::ERROR } else { Level::INFO };
    event.target().starts_with("ecomesh") || *event.level() <= lowest
}

/// Keeps the kernel from backing this process's memory with pages of 2 MiB: an idle node would take a third more memory.
pub(crate) fn small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages cannot be switched off: the node takes some more memory");
    }
}

/// Switches core dumps off and keeps other processes of the same user from reading this one's memory, so that keys
/// stay in it. What the system refuses is told and is no reason not to start.
pub fn protect_memory() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps cannot be switched off: keys could end up in one");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "this process's memory cannot be protected from other processes of its user");
    }
}
