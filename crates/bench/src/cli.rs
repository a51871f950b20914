//! The command line. Every size has a flag, so that `all` can be made short or long as well.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Macro benchmarks of ecomesh: real processes, on this machine, by themselves.
#[derive(Debug, Parser)]
#[command(name = "ecomesh-bench", version, about)]
pub struct Cli {
    /// What to measure.
    #[command(subcommand)]
    pub command: Command,
    /// How.
    #[command(flatten)]
    pub options: Options,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Records per second of three nodes, each record covered by all three signed frontiers
    Mesh,
    /// From acknowledged to covered by all: one record at a time, and at a fixed rate
    Latency,
    /// A node that missed many records fetches them
    Catchup,
    /// An archive is audited offline
    Audit,
    /// Memory of idle nodes, and what records take on the disk
    Idle,
    /// A node with many records is killed and started again
    Restart,
    /// What a record costs in simulated meshes of many members
    Scale,
    /// Bodies are sealed and opened, on one core
    Seal,
    /// Exact look-ups and names, in memory, on one core
    Find,
    /// Entries are signed, stored and indexed; all of it is computed again after a kill
    Import,
    /// Ten nodes under mixed load with kills, for --minutes; not part of `all`
    Soak,
    /// The parts alone: signatures, sled, plain gossip, syncs of the disk
    Raw,
    /// All of them, one after the other
    All,
    /// One node, as a process: for the benchmarks themselves
    #[command(hide = true)]
    Node(NodeArgs),
}

/// What a node process is told.
#[derive(Debug, Args)]
pub struct NodeArgs {
    /// Its folder
    pub home: PathBuf,
    /// The file with the passphrase of its keys
    pub passphrase_file: PathBuf,
}

/// Sizes and output of all benchmarks.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Make the temporary folder here: the disk that is measured [default: the system's]
    #[arg(long, global = true, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// mesh, latency: also measure this under the same load, in alternation
    #[arg(long, global = true)]
    pub against: Option<Rival>,
    /// The program [default: nats-server on the path]
    #[arg(long, global = true, value_name = "PATH")]
    pub nats_server: Option<PathBuf>,
    /// How often a throughput is measured; the median counts
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// mesh: records to send
    #[arg(long, global = true, default_value_t = 40_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub records: u64,
    /// mesh: sends outstanding at once
    #[arg(long, global = true, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=512))]
    pub window: u32,
    /// mesh: nodes that send, 1 to 3
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3))]
    pub senders: u32,
    /// mesh: seal each record to the two other nodes; one node sends
    #[arg(long, global = true)]
    pub sealed: bool,
    /// Length of each record's content in bytes; of a sealed one, before it is sealed
    #[arg(long, global = true, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(256..=1_000_000))]
    pub body_bytes: u32,
    /// latency: records sent one after the other
    #[arg(long, global = true, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub samples: u32,
    /// latency: records per second offered
    #[arg(long, global = true, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// latency: seconds for which they are offered
    #[arg(long, global = true, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub rate_s: u64,
    /// catchup: records that the node missed
    #[arg(long, global = true, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(4..))]
    pub missed: u64,
    /// audit: records in the archive
    #[arg(long, global = true, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(4..))]
    pub audited: u64,
    /// idle: records that the nodes hold
    #[arg(long, global = true, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub held: u64,
    /// idle: seconds without load before memory is looked at
    #[arg(long, global = true, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub settle_s: u64,
    /// restart: records that the node holds, one run for each number
    #[arg(long, global = true, value_delimiter = ',', default_values_t = [200_000_u64, 1_000_000])]
    pub restart_records: Vec<u64>,
    /// scale: members of the meshes, one run for each number
    #[arg(long, global = true, value_delimiter = ',', default_values_t = [10_usize, 50, 100, 196, 500])]
    pub members: Vec<usize>,
    /// scale, find: seed of the simulation, of the persons
    #[arg(long, global = true, default_value_t = 1)]
    pub seed: u64,
    /// find: numbers to look up
    #[arg(long, global = true, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub entries: u64,
    /// find: persons
    #[arg(long, global = true, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(200..=10_000_000))]
    pub names: u64,
    /// find: queries of each kind
    #[arg(long, global = true, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub name_queries: u64,
    /// import: travel documents, in batches
    #[arg(long, global = true, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=99_999_999))]
    pub imported: u64,
    /// import: entries about persons, each a record
    #[arg(long, global = true, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..=999_999))]
    pub imported_alone: u64,
    /// soak: how long; 1440 is a day
    #[arg(long, global = true, default_value_t = 30.0)]
    pub minutes: f64,
    /// soak: messages per second, over all nodes
    #[arg(long, global = true, default_value_t = 20.0)]
    pub soak_rate: f64,
    /// soak: seconds between two kills
    #[arg(long, global = true, default_value_t = 20.0)]
    pub kill_every_s: f64,
    /// Milliseconds for which each raw limit is measured
    #[arg(long, global = true, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub raw_ms: u64,
}

/// What one would use instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rival {
    /// NATS JetStream: three servers, file storage, three replicas
    Nats,
}
