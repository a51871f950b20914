//! `ecomesh frontier`: what a node holds of each log.

use ecomesh_api::{FrontierQuery, FrontierView};

use crate::cli::Global;
use crate::client::Node;
use crate::exit::ExitCode;
use crate::output;

/// What this node holds of each member's logs, without gaps; two nodes with one digest hold the same.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ecomesh frontier\n  ecomesh frontier --of TZ       what TZ's node said last that it holds"
)]
pub struct Args {
    /// Another member, by its last signed statement
    #[arg(long, value_name = "MEMBER")]
    of: Option<String>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let frontier = node.ask(node.api.frontier(&FrontierQuery { member: args.of }))?;
    output::either(global, &frontier, text)?;
    Ok(ExitCode::Ok)
}

fn text(frontier: &FrontierView) -> String {
    let mut table = output::Table::new(&["AUTHOR", "LANE", "GENERATION", "UP TO", "HEAD"]);
    for entry in &frontier.entries {
        table.row([
            entry.author.clone(),
            format!("{:?}", entry.lane).to_lowercase(),
            entry.generation.to_string(),
            entry.seq.to_string(),
            entry.head.chars().take(16).collect(),
        ]);
    }
    let mut text = format!("held by {}\n{}", frontier.member, table.render());
    if !frontier.holes.is_empty() {
        text.push_str(&format!("{} bodies are missing and being fetched\n", frontier.holes.len()));
    }
    if let Some(digest) = &frontier.digest {
        text.push_str(&format!("digest {digest}\n"));
    }
    text
}
