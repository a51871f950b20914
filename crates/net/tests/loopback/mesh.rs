//! Five nodes in a line of acquaintance: gossip reaches all, over relays.

use std::time::Duration;

use crate::common::{Node, node};

async fn five() -> Vec<Node> {
    let mut nodes = Vec::new();
    for seed in 1..=5 {
        nodes.push(node(seed).await);
    }
    nodes
}

#[tokio::test]
async fn gossip_reaches_all_nodes_of_a_full_mesh_once() {
    let nodes = five().await;
    for (at, node) in nodes.iter().enumerate() {
        node.dials(&nodes[..at].iter().collect::<Vec<_>>());
    }
    for node in &nodes {
        node.until("linked with all", |seen| seen.up.len() == 4).await;
    }
    for (from, to) in [(0, 4), (4, 0), (1, 3), (2, 1), (3, 2)] {
        nodes[from].reaches(&nodes[to], "warm-up").await;
    }
    for (at, from) in nodes.iter().enumerate() {
        let message = format!("from {at}").into_bytes();
        from.handle.publish(1, message.clone()).unwrap();
        for (_, to) in nodes.iter().enumerate().filter(|(other, _)| *other != at) {
            to.until("heard", |seen| seen.heard(&message)).await;
            assert_eq!(to.see(|seen| seen.gossip.iter().filter(|(_, heard)| *heard == message).count()), 1);
        }
    }
}

#[tokio::test]
async fn gossip_passes_through_relays_in_a_chain() {
    let nodes = five().await;
    for next in nodes.windows(2) {
        next[0].dials(&[&next[1]]);
    }
    for next in nodes.windows(2) {
        next[0].linked(&next[1]).await;
    }
    nodes[0].reaches(&nodes[4], "down the chain").await;
    nodes[4].reaches(&nodes[0], "up the chain").await;
}

/// Peers outside of the mesh hear in lists what there is to have. A list of all that a busy second brings was longer
/// than what the library takes: it broke the stream, and at the fifth the peer was deaf for good.
#[tokio::test]
async fn lists_of_many_messages_break_no_stream() {
    let hub = node(1).await;
    let mut others = Vec::new();
    for seed in 2..=9 {
        let other = node(seed).await;
        other.dials(&[&hub]);
        other.linked(&hub).await;
        others.push(other);
    }
    hub.until("linked with all", |seen| seen.up.len() == others.len()).await;
    // More heartbeats, each with a list, than streams that the library lets break.
    for round in 0..16u32 {
        for n in 0..500u32 {
            hub.handle.publish(2, [round.to_be_bytes(), n.to_be_bytes()].concat()).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    for other in &others {
        hub.reaches(other, "after the flood").await;
        assert_eq!(other.see(|seen| seen.misbehaved.clone()), [], "no honest node is named");
    }
}
