//! `ecomesh export`: an archive that anyone can audit without a node.

use std::path::{Path, PathBuf};

use ecomesh_api::ExportQuery;
use serde::Serialize;

use crate::cli::Global;
use crate::client::Node;
use crate::exit::{ExitCode, Failure};
use crate::{output, times};

/// Write records to an archive: the charter, headers, signatures and bodies, in their canonical bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ecomesh export -o all.ecoarchive && ecomesh audit all.ecoarchive
  ecomesh export --from KE --since 2026-03-01 -o kenya.ecoarchive")]
pub struct Args {
    /// The file to write; an existing one is not replaced
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Only the logs of this member
    #[arg(long, value_name = "MEMBER")]
    from: Option<String>,
    /// Bodies only since then; headers go along from the beginning, so that the chains can be checked
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

#[derive(Serialize)]
struct Exported {
    file: String,
    bytes: u64,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let since_ms = args.since.as_deref().map(|text| times::point(text, times::now_ms())).transpose()?;
    let query = ExportQuery { from: args.from, since_ms, record: None };
    write(global, &query, &args.output)
}

/// Has the node write an archive, which appears under its name only when it is whole.
pub fn write(global: &Global, query: &ExportQuery, path: &Path) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let cannot =
        |error: std::io::Error| anyhow::Error::new(error).context(format!("cannot write {}", path.display()));
    if path.exists() {
        return Err(Failure::new(ExitCode::Io, format!("{} exists already", path.display()))
            .help("choose another name, or move the existing file away")
            .into());
    }
    let part = tempfile::NamedTempFile::new_in(&folder).map_err(cannot)?;
    let mut writer = tokio::fs::File::from_std(part.as_file().try_clone().map_err(cannot)?);
    let bytes = node.ask(node.api.export(query, &mut writer))?;
    part.as_file().sync_all().map_err(cannot)?;
    part.persist_noclobber(path).map_err(|error| cannot(error.error))?;
    let exported = Exported { file: path.display().to_string(), bytes };
    output::either(global, &exported, |exported| {
        format!(
            "{} ({} bytes)\ncheck it with: ecomesh audit {}",
            exported.file, exported.bytes, exported.file
        )
    })?;
    Ok(ExitCode::Ok)
}
