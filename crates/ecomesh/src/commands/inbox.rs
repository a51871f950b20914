//! `ecomesh inbox`: what other bureaus sent.

use ecomesh_api::MessageView;

use crate::cli::Global;
use crate::client::Node;
use crate::commands::listing::{self, Which};
use crate::exit::ExitCode;
use crate::output::Table;
use crate::times;

/// List what other bureaus sent, newest last.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ecomesh inbox --since 24h\n  ecomesh inbox --from KE --limit 10 --json")]
pub struct Args {
    /// Only from this member
    #[arg(long, value_name = "MEMBER")]
    from: Option<String>,
    #[command(flatten)]
    options: listing::Options,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let query = args.options.query(args.from)?;
    let listing = node.ask(listing::read(&node.api, Which::Inbox, query, args.options.limit as usize))?;
    listing::print(global, &listing, table)?;
    Ok(ExitCode::Ok)
}

fn table(messages: &[MessageView]) -> Table {
    let mut table = Table::new(&["ID", "ARRIVED", "FROM", "TO", "PRIORITY", "SUBJECT"])
        .whole(&["ID"])
        .spare(&["ARRIVED"]);
    for message in messages {
        table.row([
            listing::short(&message.id),
            times::show(message.first_seen_ms),
            message.from.clone(),
            listing::addressees(&message.to),
            listing::priority(message.priority),
            listing::subject(message),
        ]);
    }
    table
}
