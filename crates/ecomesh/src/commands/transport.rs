//! `ecomesh transport`: the key of the node's links.

use clap::Subcommand;
use ecomesh_node::founding::transport::{RotateError, rotate};
use ecomesh_node::home::Home;
use ecomesh_node::seal::Params;
use serde::Serialize;

use crate::cli::Global;
use crate::exit::{ExitCode, Failure};
use crate::{keys, output};

/// Change the key of the node's links.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Make a new transport key; others learn it from the node's next hello. The node must not run
    Rotate {
        #[command(flatten)]
        passphrase: keys::PassphraseArgs,
    },
}

#[derive(Serialize)]
struct View {
    transport_key: String,
    counter: u64,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Step::Rotate { passphrase } = args.step;
    let home = Home::open(global.home()?)?;
    let passphrase = passphrase.source().existing(keys::prompt)?;
    let rotated = rotate(&home, &passphrase, Params::default()).map_err(|error| match error {
        RotateError::Home(error) => anyhow::Error::new(error),
        RotateError::File(error) => anyhow::Error::new(error),
        other => Failure::new(ExitCode::Internal, other.to_string()).into(),
    })?;
    let view = View { transport_key: hex::encode(rotated.transport_key), counter: rotated.counter };
    output::either(global, &view, |view| {
        format!("new transport key {}\ncertificate number {}", view.transport_key, view.counter)
    })?;
    Ok(ExitCode::Ok)
}
