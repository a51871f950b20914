//! What the demonstration shows of erasure: hidden on every node within moments, while all chains still audit.

use ecomesh_api::RecordState;

use super::cluster::Cluster;
use super::report::Message;
use super::{LINKS_MAX, Narrator, wait};

/// Has the sender of the last message take it back, and waits until no node shows what it says.
pub(super) async fn show(
    cluster: &Cluster,
    messages: &[Message],
    narrator: &Narrator<'_>,
) -> anyhow::Result<()> {
    let Some(message) = messages.last() else { return Ok(()) };
    let sender = &cluster.nodes[message.sender].member;
    let arguments = ["erase", "--quiet", "--home", sender, &message.id, "--reason", "sent-in-error"];
    let erased = cluster.command(&arguments).await?;
    anyhow::ensure!(
        erased.status.success(),
        "{sender} cannot erase its own message: {}",
        String::from_utf8_lossy(&erased.stderr).trim()
    );
    wait(LINKS_MAX, "the erasure", || async {
        for node in &cluster.nodes {
            let record = node.api.record(&message.id).await?;
            let shown =
                record.document.is_some() || record.text.is_some() || record.message.subject.is_some();
            if record.message.state != RecordState::Erased || shown {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await?;
    narrator.say(&format!(
        "{sender} takes a message back: no node shows it any more, and each destroys it in three days"
    ));
    Ok(())
}
