//! `ecomesh import`: records from an archive, with the same checks as from a peer; and rows of CSV files as forms.

mod known;
mod mappings;
mod sender;
mod sheets;
mod sink;
mod tally;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use ecomesh_api::Imported;

use crate::cli::Global;
use crate::client::Node;
use crate::exit::{ExitCode, Failure};
use crate::{files, output};

/// Take records from an archive. Nothing in it is trusted: every signature, chain and body is checked as if a
/// peer had sent it. With `csv`, rows of a list become forms; that needs no node.
#[derive(Debug, clap::Args)]
// Not `args_conflicts_with_subcommands`: it would also forbid the global options before a subcommand.
#[command(
    subcommand_negates_reqs = true,
    override_usage = "ecomesh import [OPTIONS] <FILE>\n       ecomesh import [OPTIONS] <COMMAND>"
)]
#[command(after_help = "\
Examples:
  ecomesh import kenya.ecoarchive                             records of an archive
  ecomesh import csv --mapping vehicles list.csv --dry-run    what becomes of each row
  ecomesh import mappings                                     the mappings that there are

An archive whose name is that of a command: ecomesh import ./csv")]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// The archive
    #[arg(value_name = "FILE", required = true)]
    file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make forms of the rows of a CSV file, by a mapping that says what its columns mean
    Csv(sheets::Args),
    /// List the mappings that come with the program, or print one
    Mappings(mappings::Args),
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    match (args.what, args.file) {
        (Some(_), Some(file)) => {
            let what = format!("{} stands before a command, which imports something else", file.display());
            Err(Failure::new(ExitCode::Usage, what)
                .help("import the archive by itself: ecomesh import FILE")
                .into())
        }
        (Some(What::Csv(args)), None) => sheets::run(args, global),
        (Some(What::Mappings(args)), None) => mappings::run(args, global),
        (None, Some(file)) => archive(&file, global),
        // clap asks for one of the two.
        (None, None) => Err(Failure::new(ExitCode::Usage, "there is no archive to import")
            .help("name the file: ecomesh import FILE")
            .into()),
    }
}

/// Sends an archive to the node: exit 1 if a record of it was refused.
fn archive(path: &Path, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(files::unusable(path, &ErrorKind::IsADirectory.into()).into());
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
