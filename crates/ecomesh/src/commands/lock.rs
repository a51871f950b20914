//! `ecomesh lock` and `ecomesh unlock`: close the mail at this machine, and open it again.

use ecomesh_api::{LockView, UnlockRequest};

use crate::cli::Global;
use crate::client::Node;
use crate::exit::{ExitCode, Failure};
use crate::{keys, output};

/// Close the mail of this node until the passphrase is given again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The keys of sealed messages are wiped from the node's memory: nobody at this machine, and nobody
who takes it, reads or sends anything. The node goes on taking and passing on records; mail that
comes meanwhile is opened afterwards.

A locked node makes no prekeys and destroys none: others seal to its fallback, for up to 60 days.
It stays locked when it is started again, also if it finds its passphrase by itself.")]
pub struct LockArgs {}

/// Open the mail of a locked node.
#[derive(Debug, clap::Args)]
pub struct UnlockArgs {
    #[command(flatten)]
    passphrase: keys::PassphraseArgs,
}

/// Runs `ecomesh lock`.
pub fn lock(LockArgs {}: LockArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let view = node.ask(node.api.lock())?;
    output::either(global, &view, text)?;
    Ok(ExitCode::Ok)
}

/// Runs `ecomesh unlock`.
pub fn unlock(args: UnlockArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let passphrase = args.passphrase.source().existing(keys::prompt)?;
    let passphrase = std::str::from_utf8(passphrase.as_bytes()).map_err(|_| {
        Failure::new(ExitCode::Keys, "the passphrase is no text, and cannot be given to a running node")
            .help("stop the node and start it again: `ecomesh run` takes any bytes")
    })?;
    let view = node.ask(node.api.unlock(&UnlockRequest { passphrase: passphrase.to_owned() }))?;
    output::either(global, &view, text)?;
    Ok(ExitCode::Ok)
}

fn text(view: &LockView) -> String {
    match (view.locked, view.lasts) {
        (true, true) => "locked: the node carries records, and shows and sends nothing; `ecomesh unlock` opens it",
        (true, false) => {
            "locked until it ends: that could not be written down, so a restart opens it; look at the node's disk"
        }
        (false, _) => "open",
    }
    .into()
}
