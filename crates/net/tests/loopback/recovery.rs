//! Links that die without a word: gossipsub must not stay half deaf after them.

use std::time::Duration;

use crate::common::{Brain, HONEST, Node, config, node, node_with, start};
use crate::proxy::Proxy;
use ecomesh_net::{Config, DownReason};

async fn both_ways(a: &Node, b: &Node) {
    a.reaches(b, "forward").await;
    b.reaches(a, "back").await;
}

/// `a` dialled `b` over a path that goes silent; `a` dies and starts again with the same key, and `b` never saw
/// the end of the old connection.
async fn restart_over_a_half_open_link(brain: Brain) {
    let b = node_with(2, config(), brain).await;
    let proxy = Proxy::start(&b.addr).await;
    let a = node(1).await;
    a.handle.set_addresses(&[(0, proxy.addr.clone())]).unwrap();
    a.linked(&b).await;
    both_ways(&a, &b).await;
    proxy.freeze();
    a.stop().await;
    let a = start(1, 2, config(), HONEST).await;
    a.handle.set_addresses(&[(0, b.addr.clone())]).unwrap();
    a.linked(&b).await;
    b.until("replaced", |seen| seen.ups == 2 && seen.up.contains(&a.key)).await;
    both_ways(&a, &b).await;
    assert!(b.see(|seen| seen.downs.len() == 1));
    assert_eq!(b.handle.counters().links_replaced, 1);
}

#[tokio::test]
async fn a_node_that_restarts_over_a_half_open_link_hears_again() {
    restart_over_a_half_open_link(HONEST).await;
}

#[tokio::test]
async fn it_does_so_even_if_the_node_forgets_to_reset() {
    restart_over_a_half_open_link(Brain { resets: false, ..HONEST }).await;
}

/// The other direction: `b` had dialled, so that its young link looks like one half of a crossing.
#[tokio::test]
async fn a_reset_drops_a_dead_link_that_this_side_had_dialled() {
    for (small, large) in [(1, 2), (2, 1)] {
        let a = node(small).await;
        let proxy = Proxy::start(&a.addr).await;
        let b = node(large).await;
        b.handle.set_addresses(&[(0, proxy.addr.clone())]).unwrap();
        b.linked(&a).await;
        both_ways(&a, &b).await;
        proxy.freeze();
        a.stop().await;
        let a = start(small, 2, config(), HONEST).await;
        a.handle.set_addresses(&[(0, b.addr.clone())]).unwrap();
        a.linked(&b).await;
        both_ways(&a, &b).await;
    }
}

/// Nobody restarts: the path dies, one side notices and comes back on a new path.
#[tokio::test]
async fn a_side_that_lost_the_path_alone_hears_again() {
    let b = node(2).await;
    let proxy = Proxy::start(&b.addr).await;
    let a = node(1).await;
    a.handle.set_addresses(&[(0, proxy.addr.clone())]).unwrap();
    a.linked(&b).await;
    both_ways(&a, &b).await;
    proxy.freeze();
    a.handle.disconnect(b.key).unwrap();
    a.until("came back", |seen| seen.ups == 2 && seen.up.contains(&b.key)).await;
    b.until("replaced", |seen| seen.ups == 2 && seen.up.contains(&a.key)).await;
    assert_eq!(b.see(|seen| seen.downs.clone()), [(a.key, DownReason::Replaced)]);
    both_ways(&a, &b).await;
}

/// The dead path is also full: closing its connection waits for buffers that nobody empties. The inner
/// protocols must not wait with it.
#[tokio::test]
async fn a_dead_link_that_cannot_even_close_is_replaced_at_once() {
    let b = node(2).await;
    let proxy = Proxy::start(&b.addr).await;
    let a = node(1).await;
    a.handle.set_addresses(&[(0, proxy.addr.clone())]).unwrap();
    a.linked(&b).await;
    both_ways(&a, &b).await;
    proxy.stall();
    for n in 0..4 {
        b.handle.request(a.key, n, vec![0; 1024 * 1024]).unwrap();
    }
    for n in 0..300u32 {
        let mut large = vec![0xCC; 60 * 1024];
        large[..4].copy_from_slice(&n.to_be_bytes());
        b.handle.publish(2, large).unwrap();
    }
    // Messages that wait too long for a full connection are given up, and the peer is called slow.
    b.until("its queue is full", |seen| seen.slow > 0).await;
    a.stop().await;
    let a = start(1, 2, config(), HONEST).await;
    a.handle.set_addresses(&[(0, b.addr.clone())]).unwrap();
    a.linked(&b).await;
    both_ways(&a, &b).await;
    assert_eq!(a.see(|seen| (seen.ups, seen.hello_failures.len())), (1, 0), "by the first hello");
}

#[tokio::test]
async fn a_silent_link_is_closed_by_ping_and_redialled() {
    let restless = || Config {
        ping_interval: Duration::from_millis(200),
        ping_timeout: Duration::from_secs(1),
        ..config()
    };
    let b = node_with(2, restless(), HONEST).await;
    let proxy = Proxy::start(&b.addr).await;
    let a = node_with(1, restless(), HONEST).await;
    a.handle.set_addresses(&[(0, proxy.addr.clone())]).unwrap();
    a.linked(&b).await;
    both_ways(&a, &b).await;
    proxy.freeze();
    a.until("came back", |seen| seen.ups == 2 && seen.up.contains(&b.key)).await;
    let first = a.see(|seen| seen.downs[0].clone());
    // Either side may notice first; the other one's link is then replaced.
    assert_eq!(first, (b.key, DownReason::PingTimeout));
    both_ways(&a, &b).await;
}
