//! The configuration of a node: a plain struct whose default is good for one machine.
//!
//! `node.toml` in the node's folder, or the file given with `--config`, overrides single values; a missing file
//! or key means the default. `node-config/node.toml` in the source tree shows every key with its default, and a
//! test holds the two equal. Units stand in the names: `_ms`, `_s` (seconds), `_mib` (1,048,576 bytes).

mod check;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ecomesh_record::MemberId;
use ecomesh_store::Options;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use check::Problem;

/// Largest configuration file in bytes: 512 members with eight addresses each take some 600 KiB.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// All settings of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeConfig {
    /// Links to the other bureaus.
    pub net: NetSettings,
    /// The HTTP API for the command line, consoles and integrations.
    pub api: ApiSettings,
    /// The store of records.
    pub store: StoreSettings,
    /// Entries of databases.
    pub databases: DatabaseSettings,
    /// What senders are told.
    pub receipts: ReceiptSettings,
    /// What the node writes about itself.
    pub log: LogSettings,
    /// Checking of signatures.
    pub verify: VerifySettings,
    /// Bounds of the node's own queues.
    pub limits: LimitSettings,
}

/// Links to the other bureaus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetSettings {
    /// Where to listen, as `/ip4/ADDRESS/tcp/PORT` or `/ip6/…`. Empty: the addresses of the own card.
    pub listen: Vec<String>,
    /// Further addresses of other members, by member; tried as well as those of the charter.
    pub addresses: BTreeMap<MemberName, Vec<String>>,
    /// Links that the node dials for, 1 to 64. More may come in.
    pub links: usize,
    /// Connections of all kinds at once, 8 to 4,096.
    pub connections_max: u32,
    /// Peers without a valid hello at once, 1 to 256.
    pub strangers_max: usize,
    /// Of those and of connections that have not shown an identity yet, per IP address; 1 to 256. Raise it where
    /// several bureaus share one address, as in a test on one machine.
    pub strangers_per_ip_max: usize,
    /// No new connection while the process holds more memory than this, 64 to 65,536 MiB.
    pub memory_mib: u64,
    /// First wait before a redial, 50 to 60,000 ms.
    pub redial_ms_min: u64,
    /// Longest wait before a redial, up to 3,600,000 ms. There is no last try.
    pub redial_ms_max: u64,
}

/// The HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSettings {
    /// Whether to listen on the Unix socket `api/node.sock` in the node's folder (mode 0600).
    pub socket: bool,
    /// Loopback address and port for clients that cannot use a Unix socket, such as `127.0.0.1:7420`; empty: off.
    pub tcp: String,
    /// File with the token that clients on TCP must show; empty: `api/token` in the node's folder, made at the
    /// first start. Its mode must be 0600.
    pub token_file: String,
    /// Clients that may listen for events at once, 1 to 1,024.
    pub event_clients_max: usize,
    /// Requests that may be in work at once, 1 to 1,024.
    pub requests_max: usize,
}

/// The store of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// Memory for pages of the store, 8 to 65,536 MiB. More than the default was measured to take memory and give no
    /// speed.
    pub cache_mib: u64,
    /// Reserve on the disk, given up in steps when it runs full; 1 to 65,536 MiB.
    pub ballast_mib: u64,
}

impl StoreSettings {
    /// The same for the store itself.
    pub fn options(&self) -> Options {
        const MIB: u64 = 1024 * 1024;
        Options {
            cache_bytes: self.cache_mib * MIB,
            ballast_bytes: self.ballast_mib * MIB,
            ..Options::default()
        }
    }
}

/// Entries of databases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// So long after the first withdrawal of one of its lines an own batch is written anew without all that were withdrawn,
    /// and the old one erased; 0 to 600 hours, so that nothing withdrawn stays on a disk beyond 30 days.
    pub rewrite_after_h: u64,
}

/// What senders are told of their messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptSettings {
    /// Whether a signed receipt says so when an officer first reads a message. Refusals are sent in any case.
    pub opened: bool,
}

/// What the node writes about itself. Never personal data, never secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,ecomesh_net=debug`.
    pub level: String,
    /// `text` for people, `json` for log collectors.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Checking of signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifySettings {
    /// Threads, 0 to 64. 0: one less than there are processors, at least one.
    pub threads: usize,
    /// Jobs that wait for a thread, 16 to 65,536. Beyond it, pushed messages are ignored: they come by pull.
    pub queue: usize,
}

/// Bounds of the node's own queues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Inputs that wait for the core, 16 to 65,536.
    pub core_queue: usize,
    /// Inputs that share one commit at most, 1 to 4,096.
    pub batch_inputs: usize,
    /// How long a node that must open a new generation asks its peers first, 0 to 600 s.
    pub recovery_s: u64,
    /// Longest graceful stop before the process ends anyway, 100 to 60,000 ms.
    pub stop_ms: u64,
    /// Largest archive that an import over the API takes, 1 to 1,048,576 MiB.
    pub import_mib: u64,
}

impl Default for NetSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            addresses: BTreeMap::new(),
            links: 14,
            connections_max: 256,
            strangers_max: 16,
            strangers_per_ip_max: 8,
            memory_mib: 1024,
            redial_ms_min: 250,
            redial_ms_max: 60_000,
        }
    }
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            socket: true,
            tcp: String::new(),
            token_file: String::new(),
            event_clients_max: 64,
            requests_max: 64,
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { cache_mib: 16, ballast_mib: 256 }
    }
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { rewrite_after_h: 168 }
    }
}

impl Default for ReceiptSettings {
    fn default() -> Self {
        Self { opened: true }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text }
    }
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self { threads: 0, queue: 1024 }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { core_queue: 1024, batch_inputs: 256, recovery_s: 30, stop_ms: 2_000, import_mib: 4096 }
    }
}

/// A member's name as a key of a TOML table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberName(pub MemberId);

impl TryFrom<String> for MemberName {
    type Error = ecomesh_record::id::MemberIdError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        MemberId::parse(&text).map(Self)
    }
}

impl From<MemberName> for String {
    fn from(name: MemberName) -> Self {
        name.0.to_string()
    }
}

/// Why there is no configuration. The operator corrects the file; nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {reason}; check the path and that the node's user may read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What kind of fault.
        kind: ErrorKind,
        /// What the system said.
        reason: String,
    },
    /// Longer than [`CONFIG_BYTES_MAX`].
    #[error("{path}: a configuration has at most {CONFIG_BYTES_MAX} bytes; this is another file")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is no TOML, or has a key or a type that is not known. The text names line and column.
    #[error("{path}: {text}\nnode-config/node.toml lists every key; correct the line or remove it")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        text: String,
    },
    /// Values out of bounds: all of them.
    #[error("{path}: {}", listed(.problems))]
    Values {
        /// The file.
        path: PathBuf,
        /// Every value that is wrong.
        problems: Vec<Problem>,
    },
}

impl NodeConfig {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`], naming the file, and the line or every wrong value.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_bounded(path)?;
        Self::parse(&text, path)
    }

    /// Reads and checks a file if it exists; else the default.
    ///
    /// # Errors
    /// As [`NodeConfig::load`].
    pub fn load_or_default(path: &Path) -> Result<Self, ConfigError> {
        match Self::load(path) {
            Err(ConfigError::Read { kind: ErrorKind::NotFound, .. }) => Ok(Self::default()),
            other => other,
        }
    }

    /// Reads and checks a text; `path` is what errors name.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] or [`ConfigError::Values`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|e| ConfigError::Syntax { path: path.into(), text: e.to_string().trim_end().into() })?;
        let problems = config.problems();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Values { path: path.into(), problems })
        }
    }

    /// Every value that is out of bounds; empty if the configuration can be used.
    pub fn problems(&self) -> Vec<Problem> {
        check::problems(self)
    }

    /// Threads of the verify pool on a machine with this many processors.
    pub fn verify_threads(&self, processors: usize) -> usize {
        match self.verify.threads {
            0 => processors.saturating_sub(1).clamp(1, check::VERIFY_THREADS_MAX),
            given => given,
        }
    }

    /// The loopback address of the API over TCP, if it is switched on.
    pub fn api_tcp(&self) -> Option<SocketAddr> {
        // `problems` refuses what does not parse.
        self.api.tcp.parse().ok()
    }

    /// The addresses of other members that the configuration adds to those of the charter.
    pub fn extra_addresses(&self) -> impl Iterator<Item = (MemberId, &[String])> {
        self.net.addresses.iter().map(|(name, list)| (name.0, list.as_slice()))
    }
}

fn read_bounded(path: &Path) -> Result<String, ConfigError> {
    let fault = |e: io::Error| ConfigError::Read { path: path.into(), kind: e.kind(), reason: e.to_string() };
    let length = std::fs::metadata(path).map_err(fault)?.len();
    if length > CONFIG_BYTES_MAX {
        return Err(ConfigError::TooLong { path: path.into() });
    }
    std::fs::read_to_string(path).map_err(fault)
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
