//! Single messages, and who has them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ecomesh_api::{Priority, SendRequest};

use crate::common::{Node, wait_at_most};
use crate::lab::PATIENCE;
use crate::load::{Acknowledged, message};
use crate::outcome::{ask, messages, try_ask};

/// Sends a message to all members; its node has acknowledged it.
#[track_caller]
pub(crate) fn send(node: &Node, title: &str, text: &str, priority: Priority) -> Acknowledged {
    let request = SendRequest { priority: Some(priority), ..message(title, text) };
    let sent = ask(node, async |api| api.send(&request, Some(title)).await);
    Acknowledged { id: sent.id, key: title.to_owned() }
}

/// Whether a node holds a message.
pub(crate) fn holds(node: &Node, message: &Acknowledged) -> bool {
    try_ask(node, async |api| api.record(&message.id).await).is_ok()
}

/// Waits until each of these nodes holds a message; how long after `since` the last one had it.
#[track_caller]
pub(crate) fn wait_until_held<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    message: &Acknowledged,
    since: Instant,
) -> Duration {
    for node in nodes {
        wait_at_most(PATIENCE, "a message", || match holds(node, message) {
            true => Ok(()),
            false => Err(format!("{} has no {message:?}", node.member)),
        });
    }
    since.elapsed()
}

/// How many of these messages a node does not hold.
pub(crate) fn missing(node: &Node, all: &[Acknowledged]) -> usize {
    let held: BTreeSet<String> = messages(node).into_iter().map(|one| one.id).collect();
    all.iter().filter(|one| !held.contains(&one.id)).count()
}
