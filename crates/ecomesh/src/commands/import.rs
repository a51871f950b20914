//! `ecomesh import`: records from an archive, with the same checks as from a peer.

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::Context;
use ecomesh_api::Imported;

use crate::cli::Global;
use crate::client::Node;
use crate::exit::ExitCode;
use crate::{files, output};

/// Take records from an archive. Nothing in it is trusted: every signature, chain and body is checked as if a
/// peer had sent it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ecomesh import kenya.ecoarchive")]
pub struct Args {
    /// The archive
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the command: exit 1 if a record of the archive was refused.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let file =
        std::fs::File::open(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(files::unusable(&args.file, &ErrorKind::IsADirectory.into()).into());
    }
    let imported = node.ask(node.api.import(tokio::fs::File::from_std(file)))?;
    output::either(global, &imported, text)?;
    Ok(if imported.refused == 0 { ExitCode::Ok } else { ExitCode::No })
}

fn text(imported: &Imported) -> String {
    format!(
        "{} new, {} known before, {} waiting for their predecessors, {} refused",
        imported.new, imported.known, imported.early, imported.refused
    )
}
