//! `ecomesh-bench`: macro benchmarks of ecomesh with real processes on this machine, beside the limits of what it is
//! made of and beside what one would use instead.
//!
//! Every benchmark founds a network in a temporary folder, starts its nodes as processes of this same binary
//! (`node.rs`, which does what `ecomesh run` does), talks to them over their sockets like any client, and stops by
//! itself. Percentiles come from all samples. What is measured is told with the machine, the command and the load
//! that was there before.

// In a binary nothing is reachable from outside; `pub` marks what the other modules of this crate may use.
#![allow(unreachable_pub)]

mod archive;
mod audit;
mod catchup;
mod cli;
mod cluster;
mod coverage;
mod cpu;
mod figures;
mod find;
mod founding;
mod idle;
mod import;
mod latency;
mod load;
mod machine;
mod mesh;
mod nats;
mod node;
mod process;
mod raw;
mod report;
mod restart;
mod scale;
mod seal;
mod soak;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// The exit code of a run that was interrupted, as shells count it.
const INTERRUPTED: u8 = 130;

/// As in the node's own program: what is freed is wiped, and that costs.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Node(args) => node::run(args),
        _ => benchmarks(&cli),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Runs what was asked for and prints it. An interruption drops everything: nodes are killed, folders removed.
fn benchmarks(cli: &Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            report = run(cli) => {
                report?.print(cli.options.json)?;
                Ok(ExitCode::SUCCESS)
            }
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(INTERRUPTED)),
        }
    })
}

async fn run(cli: &Cli) -> anyhow::Result<report::Report> {
    let mut report = report::Report::begin();
    let all = [
        Command::Raw,
        Command::Mesh,
        Command::Latency,
        Command::Catchup,
        Command::Audit,
        Command::Idle,
        Command::Restart,
        Command::Scale,
        Command::Seal,
        Command::Find,
        Command::Import,
    ];
    match &cli.command {
        Command::All => {
            for command in &all {
                report.add(one(command, &cli.options).await?);
            }
        }
        command => report.add(one(command, &cli.options).await?),
    }
    Ok(report)
}

async fn one(command: &Command, options: &cli::Options) -> anyhow::Result<figures::Section> {
    match command {
        Command::Raw => raw::run(options).await,
        Command::Mesh => mesh::run(options).await,
        Command::Latency => latency::run(options).await,
        Command::Catchup => catchup::run(options).await,
        Command::Audit => audit::run(options).await,
        Command::Idle => idle::run(options).await,
        Command::Restart => restart::run(options).await,
        Command::Scale => scale::run(options).await,
        Command::Seal => seal::run(options).await,
        Command::Find => find::run(options).await,
        Command::Import => import::run(options).await,
        Command::Soak => soak::run(options).await,
        Command::Node(_) | Command::All => anyhow::bail!("this is no single benchmark"),
    }
}
