//! `ecomesh run`: the node, as this process.

use std::path::PathBuf;

use ecomesh_node::config::NodeConfig;
use ecomesh_node::home::Home;
use ecomesh_node::{RunError, Running, StartError};
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Global;
use crate::exit::{ExitCode, Failure, split_advice};
use crate::{keys, output};

/// Run the node until it is told to stop (Ctrl-C, SIGTERM). One line says when it is ready.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings [default: node.toml in the home, else built-in]
    #[arg(long, value_name = "node.toml")]
    config: Option<PathBuf>,
    /// Stop when standard input ends: for a parent process that must not leave nodes behind
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
    #[command(flatten)]
    passphrase: keys::PassphraseArgs,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let home = Home::open(global.home()?)?;
    let mut config = match &args.config {
        Some(path) => NodeConfig::load(path)?,
        None => NodeConfig::load_or_default(&home.config_file())?,
    };
    match global.verbose {
        0 => {}
        1 => config.log.level = String::from("debug"),
        _ => config.log.level = String::from("trace"),
    }
    let passphrase = args.passphrase.source().existing(keys::prompt)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ready = |running: &Running| {
        // A reader that has gone must not end the node.
        let _ = output::line(&format!("ready: {}", running.listening().join(", ")));
    };
    let stop = stdin_ends(args.stop_with_stdin);
    let result = runtime.block_on(async {
        tokio::select! {
            result = ecomesh_node::run(home, passphrase, config, ready, stop) => result,
            // Nothing that was acknowledged needs the grace.
            () = second_signal() => Ok(()),
        }
    });
    // What hangs in a task must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    result.map_err(explain)?;
    Ok(ExitCode::Ok)
}

/// Waits for the end of standard input; for ever, if nobody asked for it.
async fn stdin_ends(wanted: bool) {
    if !wanted {
        return std::future::pending().await;
    }
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 64];
    while matches!(stdin.read(&mut buffer).await, Ok(1..)) {}
}

/// Waits for the second SIGTERM or SIGINT: the first asks for a graceful stop, the second for the end at once.
async fn second_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    for _ in 0..2 {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

fn explain(error: RunError) -> anyhow::Error {
    match &error {
        RunError::Start(_) => explain_start(error),
        RunError::Telemetry(_) => Failure::new(ExitCode::BadInput, error.to_string()).into(),
        RunError::Failed(_) => Failure::new(ExitCode::Io, error.to_string())
            .help("look at the lines above and run `ecomesh doctor`; nothing that was acknowledged is lost")
            .into(),
        RunError::Stop(_) | RunError::Signals(_) => {
            Failure::new(ExitCode::Internal, error.to_string()).into()
        }
    }
}

fn explain_start(error: RunError) -> anyhow::Error {
    let what = error.to_string();
    let RunError::Start(start) = error else { return Failure::new(ExitCode::Internal, what).into() };
    let code = match start {
        StartError::Home(error) => return error.into(),
        StartError::Key(error) => return error.into(),
        StartError::Config(_) => ExitCode::BadInput,
        StartError::Core(_) => ExitCode::Keys,
        _ => ExitCode::Io,
    };
    split_advice(code, &what).into()
}
