//! The judgement after a fault: nothing is lost, nothing is doubled, nobody is blamed, nothing has forked.

use std::collections::BTreeMap;

use ecomesh_api::{Client, ListingQuery};
use serde_json::{Value, json};

use crate::common::{Network, Node};
use crate::load::Acknowledged;

/// Waits until all nodes hold the same and checks every claim of this file against it.
#[track_caller]
pub(crate) fn nothing_is_lost(network: &Network, acknowledged: &[Acknowledged]) {
    let holdings = network.wait_until_equal();
    assert_eq!(holdings["holes"], json!([]), "bodies are missing");
    for node in &network.nodes {
        every_message_is_there_once(node, acknowledged);
        nobody_is_blamed(node);
    }
    for index in 0..network.nodes.len() {
        let audit = network.audit(index);
        assert_eq!((&audit["verdict"], &audit["forks"]), (&json!("whole"), &json!(0)), "{audit}");
        assert_eq!(audit["records"], audit["bodies"]["present"], "{audit}");
    }
}

/// The list of a node against the list of the clients, ids and keys.
#[track_caller]
pub(crate) fn every_message_is_there_once(node: &Node, acknowledged: &[Acknowledged]) {
    let held = messages(node);
    let by_id: BTreeMap<&str, &str> = held.iter().map(|one| (one.id.as_str(), one.key.as_str())).collect();
    let lost: Vec<&Acknowledged> =
        acknowledged.iter().filter(|one| by_id.get(one.id.as_str()) != Some(&one.key.as_str())).collect();
    assert!(lost.is_empty(), "{} lost {} acknowledged messages: {lost:?}", node.member, lost.len());
    // A send that was repeated never made a second record.
    let mut ids_of_key = BTreeMap::<&str, Vec<&str>>::new();
    for one in &held {
        ids_of_key.entry(&one.key).or_default().push(&one.id);
    }
    ids_of_key.retain(|_, ids| ids.len() > 1);
    assert!(ids_of_key.is_empty(), "{} holds two records of one key: {ids_of_key:?}", node.member);
}

/// No log is disputed, no peer was ever cut off, and nothing panicked.
#[track_caller]
pub(crate) fn nobody_is_blamed(node: &Node) {
    let view = ask(node, async |api| api.node().await);
    assert!(view.disputed.is_empty(), "{} disputes {:?}", node.member, view.disputed);
    for peer in ask(node, async |api| api.peers().await).peers {
        assert_eq!(
            (peer.blame_count, &peer.last_blame),
            (0, &None),
            "{} blames {}",
            node.member,
            peer.member
        );
    }
    // What the views say ends with a process; the log has it of all of them.
    log_is_free_of(node, &["a peer is cut off", "a log has forked", "panicked"]);
}

/// None of these stands in the node's log.
#[track_caller]
pub(crate) fn log_is_free_of(node: &Node, words: &[&str]) {
    let log = node.log_text();
    let found: Vec<&str> = log.lines().filter(|line| words.iter().any(|word| line.contains(word))).collect();
    assert!(found.is_empty(), "{}: {found:#?}", node.member);
}

/// The own logs of a node never left their first generation.
#[track_caller]
pub(crate) fn no_generation_was_opened(node: &Node) {
    let view = ask(node, async |api| api.node().await);
    assert_eq!(view.generation, Some(0), "{} could not be sure of its own history", node.member);
    log_is_free_of(node, &["logs go on in generation", "the store cannot be used"]);
}

/// Highest generation of a member's own logs that this frontier covers.
pub(crate) fn generation_of(frontier: &Value, member: &str) -> u64 {
    let entries = frontier["entries"].as_array().into_iter().flatten();
    let own = entries.filter(|entry| entry["author"] == member);
    own.filter_map(|entry| entry["generation"].as_u64()).max().unwrap_or(0)
}

/// Id and title of every valid message that a node sent or received.
pub(crate) fn messages(node: &Node) -> Vec<Acknowledged> {
    let mut all = listing(node, false);
    all.extend(listing(node, true));
    all
}

fn listing(node: &Node, sent: bool) -> Vec<Acknowledged> {
    ask(node, async |api| {
        let mut all = Vec::new();
        let mut query = ListingQuery { limit: Some(500), ..ListingQuery::default() };
        loop {
            let page = if sent { api.outbox(&query).await? } else { api.inbox(&query).await? };
            all.extend(
                page.messages
                    .into_iter()
                    .map(|one| Acknowledged { id: one.id, key: one.subject.unwrap_or_default() }),
            );
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(all),
            }
        }
    })
}

/// Asks a node that must answer.
#[track_caller]
pub(crate) fn ask<T>(
    node: &Node,
    question: impl AsyncFnOnce(Client) -> Result<T, ecomesh_api::ClientError>,
) -> T {
    try_ask(node, question).unwrap_or_else(|error| panic!("{}: {error}\n{}", node.member, node.log_tail()))
}

/// Asks a node that may not answer.
pub(crate) fn try_ask<T>(
    node: &Node,
    question: impl AsyncFnOnce(Client) -> Result<T, ecomesh_api::ClientError>,
) -> Result<T, ecomesh_api::ClientError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(question(node.api()))
}
