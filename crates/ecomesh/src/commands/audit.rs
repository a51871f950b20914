//! `ecomesh audit`: every signature, chain, body and rule; with `--access` the log of consultations.

mod access;

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, PipeWriter};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ecomesh_api::ClientError;
use ecomesh_audit::{Options, Report, audit};
use ecomesh_node::archives::{ArchivingError, write_archive};
use ecomesh_node::home::{Home, HomeError};
use ecomesh_node::record::{NetworkId, Time};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::prove;
use crate::exit::{ExitCode, Failure};
use crate::keys::{self, PassphraseArgs};
use crate::{files, output, times};

/// Verify every signature, chain, body and rule, of an archive or of this node; needs no running node.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0: whole. 1: broken, and each fault is named. Records that break a rule of the network are listed as
void: every node carries them, and none shows them or acts on them.
A home whose node does not run is encrypted on its disk: the passphrase is asked for.

With --access the log of consultations is verified and listed instead, whether the node runs or
not. It is encrypted, so the passphrase is always asked for. Write down the head that is printed at
the end, in another place: given to --head next time, it shows that nothing was cut off since.")]
pub struct Args {
    /// The archive [default: all that this home holds]
    #[arg(value_name = "FILE.ecoarchive")]
    file: Option<PathBuf>,
    /// The network id that it must have, as the founders read it out to each other
    #[arg(long, value_name = "ID")]
    network: Option<String>,
    #[command(flatten)]
    access: access::AccessArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    if args.access.is_wanted() {
        return access::run(&args.access, &args.passphrase, global);
    }
    let network = args.network.as_deref().map(parse_network).transpose()?;
    let options = Options { network, ..Options::at(Time(times::now_ms())) };
    let report = match &args.file {
        Some(path) => audit_file(path, &options)?,
        None => audit_home(global, &args.passphrase, options)?,
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
fn audit_home(global: &Global, passphrase: &PassphraseArgs, options: Options) -> anyhow::Result<Report> {
    let home = Home::open(global.home()?)?;
    // A home knows its network: an archive of another one would be broken.
    let options = Options { network: options.network.or(Some(home.roster()?.network())), ..options };
    let ask = || passphrase.source().existing(keys::prompt);
    let stopped =
        audit_written(&options, |out| Ok(write_archive(&home, ask, options.now, &mut BufWriter::new(out))?));
    match stopped {
        Err(error) if is_in_use(&error) => {}
        other => return other,
    }
    let node = Node::of(global)?;
    audit_written(&options, |out| {
        let mut out = tokio::fs::File::from_std(File::from(OwnedFd::from(out)));
        node.ask(node.api.export(&ecomesh_api::ExportQuery::default(), &mut out)).map(drop)
    })
}

/// Audits an archive while it is written. It goes through a pipe: on a disk, even without a name, it would leave in the
/// clear what the home keeps encrypted.
fn audit_written(
    options: &Options,
    write: impl FnOnce(PipeWriter) -> anyhow::Result<()>,
) -> anyhow::Result<Report> {
    let (reader, writer) = std::io::pipe().context("no pipe for the archive")?;
    let (written, audited) = std::thread::scope(|scope| {
        let auditing = scope.spawn(move || audit(BufReader::new(reader), options));
        let written = write(writer);
        (written, auditing.join())
    });
    let audited = audited.map_err(|_| anyhow::anyhow!("the audit panicked; please report this"))?;
    match written {
        // Whoever has seen enough of an archive reads no further.
        Err(error) if !is_broken_pipe(&error) => Err(error),
        _ => Ok(audited?),
    }
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<ArchivingError>(), Some(ArchivingError::Home(HomeError::InUse { .. })))
}

/// Whether the archive could not be written since nobody reads it any more.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    match (error.downcast_ref::<ArchivingError>(), error.downcast_ref::<ClientError>()) {
        (Some(ArchivingError::Write(io)), _) => io.kind() == ErrorKind::BrokenPipe,
        // The pipe is all that a client writes to here.
        (_, Some(ClientError::Output(_))) => true,
        _ => false,
    }
}
