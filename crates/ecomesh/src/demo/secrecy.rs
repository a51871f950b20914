//! What the demonstration shows of sealed messages: closed to who is no addressee, and proved by who can read them.

use anyhow::Context;

use super::cluster::{Cluster, Node};
use super::report::Message;
use super::{LINKS_MAX, Narrator, wait};

/// Waits until every bureau seals to the others' prekeys of the day.
pub(super) async fn wait_for_prekeys(cluster: &Cluster) -> anyhow::Result<()> {
    wait(LINKS_MAX, "the prekeys of the day", || async {
        for node in &cluster.nodes {
            let others = node.api.prekeys().await?.others;
            if others.iter().any(|other| other.prekey.as_ref().is_none_or(|known| known.position.is_none())) {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await
}

/// Asks a node that a sealed message is not for what it says, and has its sender prove it.
pub(super) async fn show(
    cluster: &Cluster,
    messages: &[Message],
    narrator: &Narrator<'_>,
) -> anyhow::Result<()> {
    for message in messages {
        let sender = &cluster.nodes[message.sender];
        let record = sender.api.record(&message.id).await?;
        let Some(sealed) = &record.sealed else { continue };
        let readers: Vec<&str> = sealed.readers.iter().map(|reader| reader.member.as_str()).collect();
        let Some(bystander) = cluster.nodes.iter().find(|node| !readers.contains(&node.member.as_str()))
        else {
            continue;
        };
        closed(bystander, message).await?;
        narrator.say(&format!(
            "{} carries a message that is sealed: it sees who can read it ({}), and not what it says",
            bystander.member,
            readers.join(", ")
        ));
        prove(cluster, sender, bystander, message).await?;
        narrator.say(&format!(
            "{} proves to a court what it said, in one file; {} cannot",
            sender.member, bystander.member
        ));
        return Ok(());
    }
    narrator.say(
        "every sealed message is for all bureaus of this small network: nobody is left who must not read it",
    );
    Ok(())
}

async fn closed(bystander: &Node, message: &Message) -> anyhow::Result<()> {
    let record = bystander.api.record(&message.id).await?;
    let says_nothing = record.document.is_none() && record.text.is_none() && record.message.subject.is_none();
    anyhow::ensure!(says_nothing, "{} can read a message that is sealed to others", bystander.member);
    anyhow::ensure!(record.message.body_here, "{} does not carry the message", bystander.member);
    Ok(())
}

async fn prove(cluster: &Cluster, sender: &Node, bystander: &Node, message: &Message) -> anyhow::Result<()> {
    let proof = "proof.ecoarchive";
    let prove = |node: &str| {
        let arguments = ["prove", "--quiet", "--home", node, &message.id, "-o", proof].map(str::to_owned);
        async move { cluster.command(&arguments.each_ref().map(String::as_str)).await }
    };
    let refused = prove(&bystander.member).await?;
    anyhow::ensure!(!refused.status.success(), "{} proved what it cannot read", bystander.member);
    let proved = prove(&sender.member).await?;
    anyhow::ensure!(
        proved.status.success(),
        "{} cannot prove its own message: {}",
        sender.member,
        String::from_utf8_lossy(&proved.stderr).trim()
    );
    let audit = cluster.command(&["audit", proof]).await?;
    let said = String::from_utf8_lossy(&audit.stdout);
    let subject =
        sender.api.record(&message.id).await?.message.subject.context("an own message has a subject")?;
    anyhow::ensure!(
        audit.status.success() && said.contains(&subject),
        "the proof does not show the message: {said}"
    );
    Ok(())
}
