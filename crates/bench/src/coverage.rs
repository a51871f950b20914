//! Waiting until records are covered by signed frontiers, as their author's node has received and checked them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use ecomesh_api::{Client, FrontierQuery};
use ecomesh_record::{LogId, MemberId};

use crate::cluster::Node;
use crate::load::Acknowledged;

/// How often an author's node is asked. Each frontier comes at most every 50 ms.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// Waits until the frontiers of all `holders` cover the last acknowledged record of each log, and returns when that
/// was. The node of each log's author is asked: it has checked the signatures of the others' frontiers, and its own
/// covers only what is synced.
pub async fn covered(
    nodes: &[Node],
    logs: &BTreeMap<LogId, Acknowledged>,
    holders: &[MemberId],
    longest: Duration,
) -> anyhow::Result<Instant> {
    let deadline = Instant::now() + longest;
    let mut last = Instant::now();
    for (log, acknowledged) in logs {
        let Some(node) = nodes.iter().find(|node| node.member == log.author) else {
            bail!("{} has no node here", log.author)
        };
        for holder in holders {
            last = last.max(holder_covers(&node.client(), *holder, *log, acknowledged.last, deadline).await?);
        }
    }
    Ok(last)
}

/// Waits until one holder's frontier, as `client`'s node knows it, covers a record.
pub async fn holder_covers(
    client: &Client,
    holder: MemberId,
    log: LogId,
    seq: u64,
    deadline: Instant,
) -> anyhow::Result<Instant> {
    let mut known = None;
    while Instant::now() < deadline {
        // A busy node, and one that has not heard of the holder yet, are asked again.
        known = covered_until(client, holder, log).await.or(known);
        if known.is_some_and(|known| known >= seq) {
            return Ok(Instant::now());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    bail!("{holder}'s frontier covers {log} until {known:?} and not until {seq}")
}

/// Up to where a holder's frontier covers a log, as `client`'s node knows it.
pub async fn covered_until(client: &Client, holder: MemberId, log: LogId) -> Option<u64> {
    let query = FrontierQuery { member: Some(holder.to_string()) };
    let view = client.frontier(&query).await.ok()?;
    let of_log = |entry: &&ecomesh_api::FrontierEntryView| {
        entry.author == log.author.as_str()
            && entry.lane == log.lane.into()
            && entry.generation == log.generation
    };
    view.entries.iter().find(of_log).map(|entry| entry.seq)
}
