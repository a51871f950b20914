//! `ecomesh audit`: every signature, chain, body and rule.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek};
use std::path::{Path, PathBuf};

use anyhow::Context;
use ecomesh_audit::{Options, Report, audit};
use ecomesh_node::archives::{ArchivingError, write_archive};
use ecomesh_node::home::{Home, HomeError};
use ecomesh_node::record::{NetworkId, Time};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::prove;
use crate::exit::{ExitCode, Failure};
use crate::{files, output, times};

/// Verify every signature, chain, body and rule, of an archive or of this node; needs no running node.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0: whole. 1: broken, and each fault is named. Records that break a rule of the network are listed as
void: every node carries them, and none shows them or acts on them.")]
pub struct Args {
    /// The archive [default: all that this home holds]
    #[arg(value_name = "FILE.ecoarchive")]
    file: Option<PathBuf>,
    /// The network id that it must have, as the founders read it out to each other
    #[arg(long, value_name = "ID")]
    network: Option<String>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let network = args.network.as_deref().map(parse_network).transpose()?;
    let options = Options { network, ..Options::at(Time(times::now_ms())) };
    let report = match &args.file {
        Some(path) => audit_file(path, &options)?,
        None => audit_home(global, options)?,
    };
    output::either(global, &report, Report::to_string)?;
    // A broken proof proves nothing: what it would say is not shown.
    if let (Some(path), true, false) = (&args.file, report.verdict.is_good(), global.json)
        && let Some(message) = prove::proved(path)?
    {
        output::line(&format!("\n{message}"))?;
    }
    Ok(if report.verdict.is_good() { ExitCode::Ok } else { ExitCode::No })
}

fn parse_network(text: &str) -> Result<NetworkId, Failure> {
    let digits: String = text.split_whitespace().collect();
    NetworkId::parse(&digits).map_err(|e| Failure::new(ExitCode::Usage, e.to_string()))
}

fn audit_file(path: &Path, options: &Options) -> anyhow::Result<Report> {
    let file = File::open(path).map_err(|e| files::unusable(path, &e))?;
    Ok(audit(BufReader::new(file), options)?)
}

/// The home's own records: from its store if the node is stopped, else from the node.
fn audit_home(global: &Global, options: Options) -> anyhow::Result<Report> {
    let home = Home::open(global.home()?)?;
    // A home knows its network: an archive of another one would be broken.
    let options = Options { network: options.network.or(Some(home.roster()?.network())), ..options };
    let mut file = tempfile::tempfile().context("no temporary file for the archive")?;
    match write_archive(&home, options.now, &mut BufWriter::new(&file)) {
        Ok(()) => {}
        Err(ArchivingError::Home(HomeError::InUse { .. })) => {
            let node = Node::of(global)?;
            let mut copy = tokio::fs::File::from_std(file.try_clone()?);
            node.ask(node.api.export(&ecomesh_api::ExportQuery::default(), &mut copy))?;
        }
        Err(error) => return Err(error.into()),
    }
    file.rewind()?;
    Ok(audit(BufReader::new(file), &options)?)
}
