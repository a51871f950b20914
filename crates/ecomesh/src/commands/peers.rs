//! `ecomesh peers`: who is connected, and how far behind.

use ecomesh_api::{PeerView, PeersView, RoomView};

use crate::cli::Global;
use crate::client::Node;
use crate::exit::ExitCode;
use crate::{output, times};

/// Who is connected, and how far behind.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
LACKS: records that we hold and that node lacks. AHEAD: records that it holds and we lack. Both by its last
signed statement. Nodes that are away get everything when they are back.")]
pub struct Args {}

/// Runs the command.
pub fn run(Args {}: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let peers = node.ask(node.api.peers())?;
    output::either(global, &peers, text)?;
    if node.ask(node.api.node())?.room != RoomView::Plenty {
        let advice = "`ecomesh doctor` tells how much it may still take";
        output::remark(global, &format!("no space left: this node takes no messages; {advice}"));
    }
    Ok(ExitCode::Ok)
}

fn text(peers: &PeersView) -> String {
    let mut table =
        output::Table::new(&["MEMBER", "LINK", "LACKS", "AHEAD", "LAST HEARD", "REMARKS", "NAME"]);
    for peer in &peers.peers {
        table.row([
            peer.member.clone(),
            String::from(if peer.connected { "up" } else { "down" }),
            peer.behind.to_string(),
            peer.ahead.to_string(),
            peer.last_frontier_at_ms.map_or_else(|| String::from("never"), times::show),
            remarks(peer),
            peer.name.clone(),
        ]);
    }
    table.render()
}

fn remarks(peer: &PeerView) -> String {
    let mut remarks = Vec::new();
    if let Some(ms) = peer.blocked_ms {
        remarks.push(format!("cut off for {}", times::length(ms)));
    }
    if peer.blame_count > 0 {
        let reason = peer.last_blame.as_deref().unwrap_or("unknown reason");
        remarks.push(format!("blamed {} times, last: {reason}", peer.blame_count));
    }
    if peer.over_budget {
        remarks.push(String::from("over its budget, pulling paused"));
    }
    if let Some(skew) = peer.clock_skew_ms.filter(|skew| skew.unsigned_abs() >= 60_000) {
        remarks.push(format!("clock off by {}", times::length(skew.unsigned_abs())));
    }
    if remarks.is_empty() { String::from("-") } else { remarks.join("; ") }
}
