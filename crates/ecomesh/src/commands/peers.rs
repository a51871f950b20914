//! `ecomesh peers`: who is connected, and how far behind.

use ecomesh_api::{PeerView, PeersView, RoomView};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::listing;
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
    output::either(global, &peers, |peers| table(peers).render())?;
    if node.ask(node.api.node())?.room != RoomView::Plenty {
        let advice = "`ecomesh doctor` tells how much it may still take";
        output::remark(global, &format!("no space left: this node takes no messages; {advice}"));
    }
    Ok(ExitCode::Ok)
}

fn table(peers: &PeersView) -> output::Table {
    let mut table =
        output::Table::new(&["MEMBER", "LINK", "LACKS", "AHEAD", "LAST HEARD", "REMARKS", "NAME"])
            .whole(&["MEMBER", "LAST HEARD"])
            .spare(&["NAME"]);
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
    table
}

fn remarks(peer: &PeerView) -> String {
    let mut remarks = Vec::new();
    if let Some(ms) = peer.blocked_ms {
        remarks.push(format!("cut off for {}", times::length(ms)));
    }
    if peer.blame_count > 0 {
        let reason = peer.last_blame.as_deref().unwrap_or("unknown reason");
        let times = listing::counted(peer.blame_count.into(), "time", "times");
        remarks.push(format!("blamed {times}, last: {reason}"));
    }
    if peer.over_budget {
        remarks.push(String::from("over its budget, pulling paused"));
    }
    if let Some(skew) = peer.clock_skew_ms.filter(|skew| skew.unsigned_abs() >= 60_000) {
        remarks.push(format!("clock off by {}", times::length(skew.unsigned_abs())));
    }
    if remarks.is_empty() { String::from("-") } else { remarks.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_peer_was_heard_is_never_cut() {
        let peer = PeerView {
            member: "KE".into(),
            name: "National Central Bureau Nairobi".into(),
            connected: true,
            transport_key: None,
            behind: 1_234_567,
            ahead: 12,
            last_frontier_at_ms: Some(1_772_352_930_000),
            clock_skew_ms: None,
            blocked_ms: Some(340),
            blame_count: 3,
            last_blame: Some("a signature that is wrong".into()),
            over_budget: false,
            addresses: Vec::new(),
        };
        let text = table(&PeersView { peers: vec![peer] }).render_in(60);
        assert!(
            text.contains("2026-03-01 08:15:30Z") && text.lines().all(|line| line.chars().count() <= 60),
            "{text}"
        );
    }
}
