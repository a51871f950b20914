//! `ecomesh restore`: a node's folder from a backup.

use std::path::PathBuf;

use ecomesh_node::backup::{RestoreError, restore};
use ecomesh_node::record::Time;
use serde::Serialize;

use crate::cli::Global;
use crate::commands::listing;
use crate::exit::{ExitCode, Failure};
use crate::{keys, output, times};

/// Make a node's folder from a backup. --home names the new folder, which must be empty or absent.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The restored node never continues its old log: at its first start it asks its peers, for at most 30 seconds, and
goes on in a new generation. Never run the old and the restored node at the same time.")]
pub struct Args {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    passphrase: keys::PassphraseArgs,
}

#[derive(Serialize)]
struct View {
    home: String,
    member: String,
    network_id: String,
    records: u64,
    left_out: u64,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let dir = global.home()?;
    let now = Time(times::now_ms());
    let restored = restore(&args.file, &dir, || args.passphrase.source().existing(keys::prompt), now);
    let restored = restored.map_err(explain)?;
    let view = View {
        home: dir.display().to_string(),
        member: restored.member.to_string(),
        network_id: restored.network.to_string(),
        records: restored.records,
        left_out: restored.left_out,
    };
    output::either(global, &view, |view| {
        format!(
            "{} is restored in {} with {}{}\nstart it with: ecomesh run --home {}",
            view.member,
            view.home,
            listing::counted(view.records, "record", "records"),
            if view.left_out > 0 {
                format!(" ({} left out, peers bring them)", view.left_out)
            } else {
                String::new()
            },
            view.home
        )
    })?;
    Ok(ExitCode::Ok)
}

fn explain(error: RestoreError) -> anyhow::Error {
    let code = match error {
        RestoreError::Home(error) => return error.into(),
        RestoreError::File(error) => return error.into(),
        RestoreError::Key(error) => return error.into(),
        RestoreError::NotABackup(_) | RestoreError::Damaged(_) | RestoreError::Content { .. } => {
            ExitCode::BadInput
        }
        RestoreError::Read { .. } | RestoreError::NotEmpty(_) | RestoreError::Records(_) => ExitCode::Io,
    };
    Failure::new(code, error.to_string()).into()
}
