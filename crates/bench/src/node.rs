//! The hidden subcommand: one node, as this process, as `ecomesh run` would be. It stops when standard input ends, so
//! that no node outlives the benchmark that started it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use ecomesh_node::config::NodeConfig;
use ecomesh_node::home::Home;
use ecomesh_node::passphrase::Source;
use ecomesh_node::{Running, run as run_node};
use tokio::io::AsyncReadExt;

use crate::cli::NodeArgs;

/// What hangs in a task must not hold up the end for longer.
const RUNTIME_STOP: Duration = Duration::from_millis(100);

/// Runs the node. One line on standard output says when it is ready.
pub fn run(args: &NodeArgs) -> anyhow::Result<ExitCode> {
    let home = Home::open(&args.home)?;
    let config = NodeConfig::load_or_default(&home.config_file())?;
    let source = Source::File(args.passphrase_file.clone());
    let passphrase = source.existing(|_| Err(std::io::Error::other("nobody is asked")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run_node(home, passphrase, config, say_ready, stdin_ends()));
    runtime.shutdown_timeout(RUNTIME_STOP);
    result.with_context(|| node_name(&args.home))?;
    Ok(ExitCode::SUCCESS)
}

fn say_ready(running: &Running) {
    println!("ready: {}", running.listening().join(", "));
}

async fn stdin_ends() {
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 64];
    while matches!(stdin.read(&mut buffer).await, Ok(1..)) {}
}

fn node_name(home: &Path) -> String {
    format!("the node in {}", home.display())
}
