//! `ecomesh network`: who is a member, and with which keys.

use ecomesh_api::NetworkView;

use crate::cli::Global;
use crate::client::Node;
use crate::commands::notice::reviewed_by;
use crate::exit::ExitCode;
use crate::{output, times};

/// The network: id, members, who reviews notices, roles and key fingerprints, to be compared over the telephone.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(Args {}: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let network = node.ask(node.api.network())?;
    output::either(global, &network, text)?;
    Ok(ExitCode::Ok)
}

fn text(network: &NetworkView) -> String {
    let mut text = format!(
        "network      {}\nid           {}\nfingerprint  {}\ndrafted      {}\nepoch        {}\nmembers      {}\nreviewed     by {}\n\n",
        output::printable(&network.name),
        network.network_id,
        network.fingerprint,
        times::show(network.drafted_at_ms),
        network.roster_epoch,
        network.members.len(),
        reviewed_by(&network.reviewers, network.quorum),
    );
    for member in &network.members {
        let own = if member.own { " (this node)" } else { "" };
        text.push_str(&format!(
            "{:<8} {}{own}, {}, {} generation{}\n         key {}\n         {}\n",
            member.member,
            output::isolated(&member.name),
            member.role,
            member.generations,
            if member.generations == 1 { "" } else { "s" },
            member.fingerprint,
            output::printable(&member.addresses.join(" ")),
        ));
    }
    text
}
