//! `ecomesh resend`: the same message again, sealed to the prekeys of today.

use ecomesh_api::{Client, ClientError, ResendRequest, Sent};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::send;
use crate::exit::ExitCode;
use crate::output;

/// Send a message again to those who cannot open it.
///
/// A bureau that has lost its keys says so by a signed receipt; `ecomesh status ID` shows it. The message goes to these
/// bureaus again as a new one, with an id of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ecomesh resend 3f9a2c71d0            to those who have said that they cannot open it
  ecomesh resend 3f9a2c71d0 --to TZ")]
pub struct Args {
    /// The message's id, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
    /// To these members, separated by commas, whatever they have said
    #[arg(long, value_name = "MEMBERS")]
    to: Option<String>,
    /// A key of your own, so that repeating the command never sends twice (kept 7 days)
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let request = ResendRequest { to: send::addressees(args.to.as_deref())? };
    let key = match args.idempotency_key {
        Some(key) => key,
        None => send::random_key()?,
    };
    let node = Node::of(global)?;
    let sent = node.ask(resend(&node.api, &args.id, &request, &key))?;
    output::either(global, &sent, |sent| sent.id.clone())?;
    output::remark(global, &send::remark(&sent));
    Ok(ExitCode::Ok)
}

async fn resend(api: &Client, id: &str, request: &ResendRequest, key: &str) -> Result<Sent, ClientError> {
    send::repeated(|| api.resend(id, request, Some(key))).await
}
