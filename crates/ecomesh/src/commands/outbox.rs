//! `ecomesh outbox`: what this bureau sent, and how far it has come.

use ecomesh_api::{DeliveryView, MessageView};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::listing::{self, Which};
use crate::exit::ExitCode;
use crate::output::Table;
use crate::times;

/// List what this bureau sent, newest last, and how far it has come.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ecomesh outbox\n  ecomesh outbox --to TZ --since 2026-03-01")]
pub struct Args {
    /// Only to this member
    #[arg(long, value_name = "MEMBER")]
    to: Option<String>,
    #[command(flatten)]
    options: listing::Options,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let query = args.options.query(args.to)?;
    let listing = node.ask(listing::read(&node.api, Which::Outbox, query, args.options.limit as usize))?;
    listing::print(global, &listing, table)?;
    Ok(ExitCode::Ok)
}

fn table(messages: &[MessageView]) -> Table {
    let mut table =
        Table::new(&["ID", "SENT", "TO", "PRIORITY", "STATE", "SUBJECT"]).whole(&["ID"]).spare(&["SENT"]);
    for message in messages {
        table.row([
            listing::short(&message.id),
            times::show(message.created_at_ms),
            listing::addressees(&message.to),
            listing::priority(message.priority),
            message.delivery.as_ref().map_or_else(|| String::from("recorded"), state),
            listing::subject(message),
        ]);
    }
    table
}

/// How far a message has come, in the network's own words.
pub fn state(delivery: &DeliveryView) -> String {
    if delivery.addressees > 0 && delivery.delivered == delivery.addressees {
        String::from("delivered")
    } else if delivery.delivered > 0 {
        format!("delivered {}/{}", delivery.delivered, delivery.addressees)
    } else if delivery.held > 0 {
        format!("held by {}", delivery.held)
    } else {
        String::from("recorded")
    }
}
