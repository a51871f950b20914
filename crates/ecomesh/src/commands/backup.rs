//! `ecomesh backup`: everything of a node in one file.

use std::path::PathBuf;

use ecomesh_node::backup::{BackupError, backup};
use ecomesh_node::home::{Home, HomeError};
use ecomesh_node::record::Time;
use serde::Serialize;

use crate::cli::Global;
use crate::exit::{ExitCode, Failure};
use crate::{keys, output, times};

/// Write keys (still sealed), charter, journal, evidence and all records to one file. The node must not run.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Whoever has the file and the passphrase is this bureau: keep them apart. Without the passphrase no
message in it can be read. The keys of sealed messages are in it, prekeys are not: what was sealed
to them and not opened yet is sent again by those who wrote it.
While the node runs, `ecomesh export` writes its records.")]
pub struct Args {
    /// Where to write it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    passphrase: keys::PassphraseArgs,
}

#[derive(Serialize)]
struct View {
    file: String,
    bytes: u64,
    entries: Vec<String>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let home = Home::open(global.home()?)?;
    let now = Time(times::now_ms());
    let made = backup(&home, &args.output, || args.passphrase.source().existing(keys::prompt), now)
        .map_err(explain)?;
    let view = View { file: args.output.display().to_string(), bytes: made.bytes, entries: made.entries };
    output::either(global, &view, |view| {
        format!("{} ({} bytes): {}", view.file, view.bytes, view.entries.join(", "))
    })?;
    Ok(ExitCode::Ok)
}

fn explain(error: BackupError) -> anyhow::Error {
    match error {
        BackupError::Home(HomeError::InUse { dir, holder }) => {
            Failure::new(ExitCode::Io, format!("the node in {} runs ({holder})", dir.display()))
                .help("stop it for the time of the backup; `ecomesh export` works while it runs")
                .into()
        }
        BackupError::Home(error) => error.into(),
        BackupError::File(error) => error.into(),
        BackupError::Key(error) => error.into(),
        BackupError::Records(error) => error.into(),
        other => Failure::new(ExitCode::Io, other.to_string()).into(),
    }
}
