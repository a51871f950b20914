//! What strangers get, and what members get who misbehave.

use std::time::{Duration, Instant};

use crate::common::{Brain, DEADLINE, HONEST, Node, config, node, node_with, pair};
use crate::stranger::{AllEvent, Stranger, framed};
use ecomesh_net::{Config, Event, Misbehaviour, TransportSecret, bind};
use libp2p::gossipsub;
use libp2p::swarm::SwarmEvent;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A node with a short hello timeout.
async fn strict(seed: u8) -> Node {
    let quick = Config { hello_timeout: Duration::from_millis(700), ..config() };
    node_with(seed, quick, HONEST).await
}

#[tokio::test]
async fn a_stranger_that_never_says_hello_gets_nothing_and_is_cut_off() {
    let (a, b) = (strict(1).await, node(2).await);
    b.dials(&[&a]);
    b.linked(&a).await;
    let mut stranger = Stranger::new(9);
    let began = Instant::now();
    let peer = stranger.connect(&a).await;
    let refused = stranger.ask(peer, framed(b"give")).await;
    assert_eq!(refused, Err("The remote supports none of the requested protocols".to_owned()));
    let events = stranger.during(b.reaches(&a, "among members")).await;
    let gossip = |event: &SwarmEvent<AllEvent>| {
        use gossipsub::Event::{Message, Subscribed};
        matches!(event, SwarmEvent::Behaviour(AllEvent::Gossip(Message { .. } | Subscribed { .. })))
    };
    assert!(!events.iter().any(gossip), "{events:?}");
    if !events.iter().any(|event| matches!(event, SwarmEvent::ConnectionClosed { .. })) {
        stranger.closed().await;
    }
    assert!(began.elapsed() >= Duration::from_millis(700), "it had its time");
    assert!(a.see(|seen| seen.requests.is_empty() && seen.up.len() == 1 && seen.hellos.len() == 1));
    assert!(a.see(|seen| seen.misbehaved.is_empty()), "silence is no crime");
}

#[tokio::test]
async fn a_refused_stranger_learns_it_and_tries_again_in_vain() {
    let closed = Brain { admits: false, ..HONEST };
    let (a, b) = (node(1).await, node_with(2, config(), closed).await);
    a.dials(&[&b]);
    a.until("refused thrice", |seen| seen.answers.len() >= 3).await;
    assert!(a.see(|seen| seen.answers.iter().all(|answer| *answer == (b.key, false, vec![1]))));
    assert_eq!((a.see(|seen| seen.ups), b.see(|seen| seen.ups)), (0, 0));
    assert_eq!(a.see(|seen| seen.hello_failures.clone()), [], "one event for each refusal");
}

#[tokio::test]
async fn a_node_that_never_answers_a_hello_costs_the_dialer_only_its_patience() {
    let silent = bind(config(), &TransportSecret::from_seed([2; 32])).unwrap();
    let (_handle, mut events) = silent;
    let Some(Event::Listening { addr }) = events.recv().await else { panic!("no address") };
    let a = strict(1).await;
    a.handle.set_addresses(&[(0, addr)]).unwrap();
    a.until("gave up twice", |seen| seen.hello_failures.len() >= 2).await;
    assert_eq!(a.see(|seen| seen.ups), 0);
}

#[tokio::test]
async fn hellos_that_break_the_rules_are_named_and_cut_off() {
    let cases: [(&str, Vec<u8>, Misbehaviour); 6] = [
        ("above its bound", vec![0, 1, 0, 2], Misbehaviour::Frame),
        ("above any bound", vec![0xFF; 4], Misbehaviour::Frame),
        ("with bytes behind it", vec![0, 0, 0, 1, 0, 0], Misbehaviour::Frame),
        ("empty", framed(&[]), Misbehaviour::Hello),
        ("of an unknown kind", framed(&[7]), Misbehaviour::Hello),
        ("done without a hello", framed(&[1]), Misbehaviour::Hello),
    ];
    let a = node(1).await;
    for (n, (what, bytes, blame)) in cases.into_iter().enumerate() {
        let mut stranger = Stranger::new(100 + n as u8);
        let peer = stranger.connect(&a).await;
        let answer = stranger.hello(peer, bytes).await;
        assert!(answer.is_none_or(|bytes| bytes.is_empty()), "{what}");
        a.until("named", |seen| seen.misbehaved.contains(&(stranger.key, blame))).await;
    }
    assert_eq!(a.see(|seen| seen.ups + seen.hellos.len()), 0);
}

#[tokio::test]
async fn a_second_hello_on_one_link_is_named() {
    let a = node(1).await;
    let mut stranger = Stranger::new(9);
    let peer = stranger.connect(&a).await;
    assert!(stranger.hello(peer, framed(&[0, 42])).await.is_some());
    let answer = stranger.hello(peer, framed(&[0, 42])).await;
    assert!(answer.is_none_or(|bytes| bytes.is_empty()));
    a.until("named", |seen| seen.misbehaved == [(stranger.key, Misbehaviour::Hello)]).await;
    assert_eq!(a.see(|seen| (seen.hellos.len(), seen.ups)), (1, 0));
}

#[tokio::test]
async fn a_hello_that_is_cut_short_is_no_crime() {
    let a = strict(1).await;
    let mut stranger = Stranger::new(9);
    let peer = stranger.connect(&a).await;
    let answer = stranger.hello(peer, vec![0, 0, 0, 10, 0, 1, 2]).await;
    assert!(answer.is_none_or(|bytes| bytes.is_empty()));
    a.until("closed it", |_| a.handle.counters().hellos_failed == 1).await;
    assert!(a.see(|seen| seen.misbehaved.is_empty() && seen.hellos.is_empty()));
}

#[tokio::test]
async fn requests_of_members_above_their_bound_are_dropped_and_named() {
    let a = node(1).await;
    let mut member = Stranger::new(9);
    let peer = member.greet(&a).await;
    a.until("linked", |seen| seen.up.contains(&member.key)).await;

    let echo = member.ask(peer, framed(b"honest")).await;
    assert_eq!(echo, Ok(framed(b"honest")));
    let long = (1024 * 1024 + 64 * 1024 + 1u32).to_be_bytes().to_vec();
    let answer = member.ask(peer, long).await;
    assert!(answer.is_err() || answer == Ok(Vec::new()), "the stream ends without an answer: {answer:?}");
    a.until("named", |seen| seen.misbehaved == [(member.key, Misbehaviour::Frame)]).await;
    assert_eq!(a.see(|seen| seen.requests.len()), 1);
}

#[tokio::test]
async fn gossip_above_its_bound_is_dropped_and_named() {
    let kib = 1024;
    // A member that allows itself more than the others do.
    let loud = Config { max_gossip_bytes: 300 * kib, max_transmit_bytes: 600 * kib, ..config() };
    let (a, b, c) = (node(1).await, node(2).await, node_with(3, loud, HONEST).await);
    a.dials(&[&b, &c]);
    a.linked(&b).await;
    a.linked(&c).await;
    c.reaches(&a, "warm-up").await;
    let just = vec![1; 60 * kib];
    c.handle.publish(0, just.clone()).unwrap();
    a.until("heard", |seen| seen.heard(&just)).await;
    c.handle.publish(0, vec![2; 60 * kib + 1]).unwrap();
    a.until("named", |seen| seen.misbehaved == [(c.key, Misbehaviour::Gossip)]).await;
    // Above gossipsub's own bound the stream breaks, and nothing else.
    c.handle.publish(0, vec![3; 300 * kib]).unwrap();
    c.handle.request(a.key, 1, Vec::new()).unwrap();
    c.until("answered", |seen| seen.responses.contains_key(&1)).await;
    a.reaches(&b, "among the others").await;
    b.reaches(&a, "and back").await;
    assert!(b.see(|seen| seen.gossip.iter().all(|(_, bytes)| bytes.len() <= 60 * kib)));
}

#[tokio::test]
async fn strangers_are_bounded_but_a_known_peer_gets_in() {
    let few = Config { max_strangers: 2, hello_timeout: Duration::from_secs(20), ..config() };
    let a = node_with(1, few, HONEST).await;
    let mut crowd = Vec::new();
    for seed in 20..22 {
        let mut stranger = Stranger::new(seed);
        stranger.connect(&a).await;
        crowd.push(stranger);
    }
    let b = node(2).await;
    b.dials(&[&a]);
    a.until("refused b", |_| a.handle.counters().inbound_refused > 0).await;
    assert_eq!(a.see(|seen| seen.ups), 0);
    a.handle.know(vec![b.key]).unwrap();
    a.linked(&b).await;
}

#[tokio::test]
async fn garbage_and_silence_on_bare_tcp_do_no_harm() {
    let quick = Config { handshake_timeout: Duration::from_millis(500), ..config() };
    let a = node_with(1, quick, HONEST).await;
    let port: u16 = a.addr.rsplit('/').next().unwrap().parse().unwrap();
    let mut idle = Vec::new();
    for n in 0..30u8 {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        if n % 2 == 0 {
            let junk: Vec<u8> =
                (0..2000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8 ^ n).collect();
            // The node may have closed the connection before all was written.
            let _closed = socket.write_all(&junk).await;
        }
        idle.push(socket);
    }
    for mut socket in idle {
        let end = tokio::time::timeout(DEADLINE, async { while socket.read_u8().await.is_ok() {} });
        end.await.expect("the node closes it");
    }
    assert!(a.handle.counters().inbound_refused >= 30);
    let b = node(2).await;
    b.dials(&[&a]);
    b.linked(&a).await;
    b.reaches(&a, "alive").await;
}

#[tokio::test]
async fn a_forgotten_peer_loses_its_link() {
    let (a, b) = pair().await;
    b.handle.forget(a.key).unwrap();
    b.until("cut", |seen| seen.downs.len() == 1).await;
    a.until("cut", |seen| seen.downs.len() == 1).await;
}
