//! Two nodes: links, gossip and requests, and what happens when a link breaks.

use std::time::Duration;

use crate::common::{Brain, HONEST, config, node, node_with, pair, start};
use ecomesh_net::{
    BindError, Config, DialFailure, DownReason, RequestFailure, TransportSecret, Verdict, bind,
};

#[tokio::test]
async fn an_admitted_pair_exchanges_hellos_gossip_and_requests() {
    let (a, b) = pair().await;
    assert_eq!(b.see(|seen| seen.hellos.clone()), [(a.key, vec![1])]);
    assert_eq!(a.see(|seen| seen.answers.clone()), [(b.key, true, vec![1])]);
    a.reaches(&b, "forward").await;
    b.reaches(&a, "back").await;
    a.handle.request(b.key, 7, b"ask".to_vec()).unwrap();
    b.handle.request(a.key, 8, Vec::new()).unwrap();
    a.until("answered", |seen| seen.responses.get(&7) == Some(&Ok(b"ask".to_vec()))).await;
    b.until("answered", |seen| seen.responses.get(&8) == Some(&Ok(Vec::new()))).await;
}

#[tokio::test]
async fn topics_carry_their_priority() {
    let (a, b) = pair().await;
    a.reaches(&b, "warm-up").await;
    for topic in 0..3 {
        a.handle.publish(topic, vec![topic; 10]).unwrap();
    }
    for topic in 0..3 {
        b.until("heard", |seen| seen.gossip.contains(&(topic, vec![topic; 10]))).await;
    }
}

#[tokio::test]
async fn a_network_hears_only_its_own_topics() {
    let other = Config { network: [9; 32], ..config() };
    let (a, b) = (node(1).await, node_with(2, other, HONEST).await);
    a.dials(&[&b]);
    a.linked(&b).await;
    a.handle.publish(0, b"x".to_vec()).unwrap();
    // Requests overtake nothing: once this is answered, the publication has been tried.
    a.handle.request(b.key, 1, Vec::new()).unwrap();
    a.until("answered", |seen| seen.responses.contains_key(&1)).await;
    assert_eq!(a.handle.counters().gossip_no_peers, 1);
    assert!(b.see(|seen| seen.gossip.is_empty()));
}

/// The size trap of gossipsub: its bound is checked against a buffer that holds part of the next message.
#[tokio::test]
async fn three_hundred_large_messages_back_to_back_and_a_small_one() {
    // The default queue holds 64 messages per peer; this test is about the stream and not about the queue.
    let config = || Config { gossip_queue: 512, ..config() };
    let (a, b) = (node_with(1, config(), HONEST).await, node_with(2, config(), HONEST).await);
    a.dials(&[&b]);
    a.linked(&b).await;
    a.reaches(&b, "warm-up").await;
    for n in 0..300u32 {
        let mut large = vec![0xAA; 60 * 1024];
        large[..4].copy_from_slice(&n.to_be_bytes());
        a.handle.publish(2, large).unwrap();
    }
    a.handle.publish(0, b"small".to_vec()).unwrap();
    b.until("heard the small one", |seen| seen.heard(b"small")).await;
    b.until("heard all", |seen| seen.gossip.iter().filter(|(_, m)| m.len() == 60 * 1024).count() == 300)
        .await;
    assert!(b.see(|seen| seen.downs.is_empty()));
}

#[tokio::test]
async fn a_slow_peer_costs_messages_and_is_named() {
    // Nothing leaves while the command loop runs, so that a burst over the queue's length must lose some.
    let (a, b) = (node_with(1, Config { gossip_queue: 4, ..config() }, HONEST).await, node(2).await);
    a.dials(&[&b]);
    a.linked(&b).await;
    a.reaches(&b, "warm-up").await;
    for n in 0..400u32 {
        let mut large = vec![0xBB; 60 * 1024];
        large[..4].copy_from_slice(&n.to_be_bytes());
        a.handle.publish(2, large).unwrap();
    }
    a.until("told of the slow peer", |seen| seen.slow > 0).await;
    let counters = a.handle.counters();
    assert!(counters.gossip_slow_dropped + counters.gossip_queues_full > 0, "{counters:?}");
    a.reaches(&b, "and the link lives").await;
}

#[tokio::test]
async fn a_message_without_a_verdict_is_not_passed_on_and_one_accepted_is() {
    let mute = Brain { verdict: None, ..HONEST };
    let (a, b, c) = (node(1).await, node_with(2, config(), mute).await, node(3).await);
    b.dials(&[&a, &c]);
    b.linked(&a).await;
    b.linked(&c).await;
    a.reaches(&b, "only to b").await;
    b.until("expired", |_| b.handle.counters().verdicts_expired > 0).await;
    assert!(c.see(|seen| seen.gossip.is_empty()));
    b.reaches(&c, "b itself speaks").await;
}

#[tokio::test]
async fn a_rejected_message_is_not_passed_on() {
    let strict = Brain { verdict: Some(Verdict::Reject), ..HONEST };
    let (a, b, c) = (node(1).await, node_with(2, config(), strict).await, node(3).await);
    b.dials(&[&a, &c]);
    b.linked(&a).await;
    b.linked(&c).await;
    a.reaches(&b, "bad").await;
    b.reaches(&c, "good").await;
    assert!(c.see(|seen| seen.gossip.iter().all(|(_, bytes)| bytes.starts_with(b"good"))));
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let a = node(1).await;
    let taken = Config { listen: vec![a.addr.clone()], ..config() };
    let error = bind(taken, &TransportSecret::from_seed([2; 32])).expect_err("refused");
    assert!(matches!(&error, BindError::InUse { addr } if *addr == a.addr), "{error}");
    let nowhere = Config { listen: vec!["/ip4/192.0.2.1/tcp/4710".to_owned()], ..config() };
    let error = bind(nowhere, &TransportSecret::from_seed([2; 32])).expect_err("refused");
    assert!(matches!(error, BindError::NotHere { .. }), "{error}");
    let odd = Config { listen: vec!["/dns4/example.org/tcp/4710".to_owned()], ..config() };
    let error = bind(odd, &TransportSecret::from_seed([2; 32])).expect_err("refused");
    assert!(matches!(error, BindError::Address(_)), "{error}");
}

#[tokio::test]
async fn a_stopped_node_frees_its_port_at_once() {
    let a = node(1).await;
    let same = Config { listen: vec![a.addr.clone()], ..config() };
    a.stop().await;
    let again = node_with(1, same, HONEST).await;
    assert_eq!(again.addr, a.addr);
}

#[tokio::test]
async fn redial_reaches_a_peer_that_starts_late_and_one_that_comes_back() {
    let a = node(1).await;
    let b = node(2).await;
    let (place, same) = (b.addr.clone(), Config { listen: vec![b.addr.clone()], ..config() });
    b.stop().await;
    a.handle.set_addresses(&[(5, place)]).unwrap();
    a.until("failed a few times", |seen| seen.dial_failures.len() >= 4).await;
    assert!(a.see(|seen| {
        seen.dial_failures.iter().all(|(tag, why)| *tag == 5 && matches!(why, DialFailure::Unreachable(_)))
    }));
    let b = start(2, 1, same.clone(), HONEST).await;
    a.linked(&b).await;
    b.stop().await;
    a.until("lost b", |seen| !seen.up.contains(&b.key)).await;
    let b = start(2, 2, same, HONEST).await;
    a.linked(&b).await;
    a.reaches(&b, "after the restart").await;
    b.reaches(&a, "and back").await;
}

#[tokio::test]
async fn two_nodes_that_dial_each_other_end_with_one_link() {
    for round in 0..10 {
        let (a, b) = (node(1).await, node(2).await);
        a.dials(&[&b]);
        b.dials(&[&a]);
        a.linked(&b).await;
        b.linked(&a).await;
        // Gossip both ways proves that both ends mean the same connection, or will in a moment.
        a.reaches(&b, "forward").await;
        b.reaches(&a, "back").await;
        let ups = a.see(|seen| seen.ups) + b.see(|seen| seen.ups);
        assert!(ups <= 4, "round {round}: {ups} links made where two ends need two");
        assert!(a.see(|seen| seen.up.len()) == 1 && b.see(|seen| seen.up.len()) == 1);
    }
}

#[tokio::test]
async fn dials_no_further_than_the_links_it_wants_and_takes_the_next_when_one_goes() {
    let (a, b, c) =
        (node_with(1, Config { target_links: 1, ..config() }, HONEST).await, node(2).await, node(3).await);
    a.dials(&[&b, &c]);
    a.until("linked", |seen| !seen.up.is_empty()).await;
    let (first, second) = if a.see(|seen| seen.up.contains(&b.key)) { (&b, &c) } else { (&c, &b) };
    a.reaches(first, "the first").await;
    first.stop().await;
    a.linked(second).await;
    assert_eq!(second.see(|seen| seen.ups), 1);
}

#[tokio::test]
async fn ones_own_address_is_dialled_once_and_named() {
    let a = node(1).await;
    let proxied = a.addr.replace("127.0.0.1", "127.0.0.2");
    a.handle.set_addresses(&[(1, a.addr.clone())]).unwrap();
    a.until("told", |seen| seen.dial_failures.contains(&(1, DialFailure::Own))).await;
    assert_eq!(a.handle.counters().dials, 1);
    // An address that is ours without our knowing: nothing listens on 127.0.0.2 here.
    a.handle.dial(&proxied, 2).unwrap();
    a.until("told", |seen| seen.dial_failures.iter().any(|(tag, _)| *tag == 2)).await;
}

#[tokio::test]
async fn a_blocked_peer_is_cut_off_and_comes_back_after_its_time() {
    let (a, b) = pair().await;
    b.handle.block(a.key, Duration::from_millis(1500)).unwrap();
    b.until("cut", |seen| seen.downs == [(a.key, DownReason::Closed)]).await;
    a.until("notices", |seen| !seen.downs.is_empty()).await;
    a.until("is refused", |seen| !seen.hello_failures.is_empty() || !seen.dial_failures.is_empty()).await;
    a.linked(&b).await;
    a.reaches(&b, "forgiven").await;
}

#[tokio::test]
async fn a_disconnected_peer_is_redialled() {
    let (a, b) = pair().await;
    a.handle.disconnect(b.key).unwrap();
    a.until("down and up", |seen| seen.downs.len() == 1 && seen.up.contains(&b.key)).await;
    b.linked(&a).await;
    a.reaches(&b, "again").await;
    b.reaches(&a, "again").await;
}

#[tokio::test]
async fn requests_fail_at_once_without_a_link_and_when_it_goes() {
    let deaf = Brain { responds: false, ..HONEST };
    let (a, b) = (node(1).await, node_with(2, config(), deaf).await);
    a.handle.request(b.key, 1, Vec::new()).unwrap();
    a.until("told", |seen| seen.responses.get(&1) == Some(&Err(RequestFailure::NotLinked))).await;
    a.dials(&[&b]);
    a.linked(&b).await;
    for id in 2..7 {
        a.handle.request(b.key, id, Vec::new()).unwrap();
    }
    a.until("told", |seen| seen.responses.get(&6) == Some(&Err(RequestFailure::Busy))).await;
    b.until("asked", |seen| seen.requests.len() == 4).await;
    b.stop().await;
    a.until("told", |seen| (2..6).all(|id| seen.responses.get(&id) == Some(&Err(RequestFailure::LinkDown))))
        .await;
}

#[tokio::test]
async fn a_request_times_out() {
    let deaf = Brain { responds: false, ..HONEST };
    let hasty = Config { request_timeout: Duration::from_millis(300), ..config() };
    let (a, b) = (node_with(1, hasty, HONEST).await, node_with(2, config(), deaf).await);
    a.dials(&[&b]);
    a.linked(&b).await;
    a.handle.request(b.key, 1, Vec::new()).unwrap();
    a.until("told", |seen| seen.responses.get(&1) == Some(&Err(RequestFailure::Timeout))).await;
    assert!(a.see(|seen| seen.up.contains(&b.key)), "a slow answer is no reason to end a link");
}

/// Both sides ask as much as they may, with gossip beside it: the 16 streams of a link must suffice.
#[tokio::test]
async fn a_link_survives_all_requests_that_both_sides_may_make() {
    let (a, b) = pair().await;
    for round in 0..60u64 {
        for n in 0..4 {
            let id = round * 4 + n;
            a.handle.request(b.key, id, vec![1; 64 * 1024]).unwrap();
            b.handle.request(a.key, id, vec![2; 64 * 1024]).unwrap();
        }
        a.handle.publish(0, round.to_be_bytes().to_vec()).unwrap();
        for node in [&a, &b] {
            node.until("answered", |seen| seen.responses.len() as u64 == (round + 1) * 4).await;
        }
    }
    for node in [&a, &b] {
        assert!(node.see(|seen| seen.responses.values().all(Result::is_ok) && seen.downs.is_empty()));
    }
}

#[tokio::test]
async fn a_response_of_one_mebibyte_arrives() {
    let (a, b) = pair().await;
    let page = vec![7; 1024 * 1024];
    a.handle.request(b.key, 1, page.clone()).unwrap();
    a.until("answered", |seen| seen.responses.get(&1) == Some(&Ok(page.clone()))).await;
}

/// In each half of a mesh that was cut in two, everyone has the links that it wants. It must grow together again.
#[tokio::test]
async fn two_meshes_with_all_the_links_that_they_want_grow_together() {
    let settings = || Config { target_links: 1, explore_every: Duration::from_millis(200), ..config() };
    let mut nodes = Vec::new();
    for seed in 1..=4 {
        nodes.push(node_with(seed, settings(), HONEST).await);
    }
    nodes[0].dials(&[&nodes[1]]);
    nodes[2].dials(&[&nodes[3]]);
    nodes[0].linked(&nodes[1]).await;
    nodes[2].linked(&nodes[3]).await;
    // Now the halves learn of each other.
    nodes[0].dials(&[&nodes[1], &nodes[2], &nodes[3]]);
    nodes[0]
        .until("links with the other half", |seen| {
            seen.up.contains(&nodes[2].key) || seen.up.contains(&nodes[3].key)
        })
        .await;
    nodes[1].reaches(&nodes[2], "across").await;
    nodes[3].reaches(&nodes[0], "back").await;
}

#[tokio::test]
async fn who_is_sought_gets_a_link_and_what_is_too_many_is_closed() {
    let settings = Config {
        target_links: 1,
        spare_links: 1,
        seek_every: Duration::from_millis(100),
        explore_every: Duration::from_secs(3600),
        settle_time: Duration::from_millis(500),
        ..config()
    };
    let (a, b, c) = (node_with(1, settings, HONEST).await, node(2).await, node(3).await);
    let d = node(4).await;
    a.dials(&[&b]);
    a.linked(&b).await;
    // The tags are the places in this list.
    a.dials(&[&b, &c, &d]);
    a.handle.seek(vec![1]).unwrap();
    a.linked(&c).await;
    assert!(!a.see(|seen| seen.up.contains(&d.key)), "nobody asked for that one");
    a.handle.seek(vec![2]).unwrap();
    a.linked(&d).await;
    // Three links are one too many.
    a.until("one is closed", |seen| seen.downs.iter().any(|(_, reason)| *reason == DownReason::Surplus))
        .await;
    assert_eq!(a.see(|seen| seen.up.len()), 2);
}
