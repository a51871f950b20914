//! Hostile peers against three real nodes: garbage at every layer, crowds, floods, slow readers, wrong answers. No
//! node panics, none grows beyond its bounds, honest members go on exchanging messages, and who breaks the rules is
//! cut off and named.
//!
//! `ECOMESH_FRAMES=1000000` sends a million malformed frames in all; without it some thousands.

#![allow(clippy::unwrap_used, unreachable_pub, missing_docs)] // Helpers unwrap as tests do.

mod common;
#[path = "hostile/mod.rs"]
mod hostile;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ecomesh_protocol::wire::{self, ask};
use ecomesh_record::{Priority, Record};
use futures::AsyncWriteExt;
use hostile::arena::Arena;
use hostile::member::{GOSSIP, Guest, Member, SYNC, framed, published, published_by};
use hostile::offences::{self, OFFENCES, WRONG_ANSWERS};
use hostile::random::Random;
use hostile::stranger::{self, LAYERS, Target};
use hostile::wire::connect;

/// Malformed frames of a run, over all layers: five below the gate, two behind it.
fn frames() -> usize {
    let wanted = std::env::var("ECOMESH_FRAMES").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(10_000)
}

/// One attack at a time: latencies and memory under two at once would say nothing of either.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections that attack at once.
const WORKERS: u8 = 8;

/// Runs `work` in [`WORKERS`] tasks, each with a number of its own, until all are done.
async fn crowd<F: Future<Output = ()> + Send + 'static>(work: impl Fn(u8) -> F) {
    let tasks: Vec<_> = (0..WORKERS).map(|number| tokio::spawn(work(number))).collect();
    for task in tasks {
        task.await.expect("an attacker ends without a panic");
    }
}

#[test]
fn garbage_below_the_gate_harms_nobody() {
    let _alone = alone();
    let arena = Arena::start();
    for layer in LAYERS {
        let sent = Arc::new(AtomicUsize::new(0));
        let share = frames() / 7;
        let began = Instant::now();
        arena.under(&format!("garbage at {layer:?}"), async {
            crowd(|number| {
                let target = Target::new(arena.ports[0], 100 + number, &arena.hostile[0]);
                let sent = Arc::clone(&sent);
                async move {
                    let mut random = Random::new(u64::from(number) << 8 | layer as u64);
                    // A node that refuses everything would otherwise keep the test for ever.
                    let deadline = Instant::now() + Duration::from_secs(3600);
                    while sent.load(Ordering::Relaxed) < share && Instant::now() < deadline {
                        let frames = stranger::garbage(layer, &target, &mut random).await;
                        sent.fetch_add(frames, Ordering::Relaxed);
                    }
                }
            })
            .await;
        });
        let sent = sent.load(Ordering::Relaxed);
        eprintln!("garbage at {layer:?}: {sent} malformed frames in {:.1} s", began.elapsed().as_secs_f64());
        assert!(sent >= share, "only {sent} of {share} frames went out");
    }
    arena.network.wait_until_equal();
}

#[test]
fn strangers_get_no_further_than_hello() {
    let _alone = alone();
    let arena = Arena::start();
    let joins = frames() / 100;
    let (began, before) = (Instant::now(), arena.processor_time(0));
    let answered = Arc::new(AtomicUsize::new(0));
    arena.under("unauthorised joins", async {
        crowd(|number| {
            let target = Target::new(arena.ports[0], 100 + number, &arena.hostile[0]);
            let answered = Arc::clone(&answered);
            async move {
                let mut random = Random::new(u64::from(number));
                let mut way = 0;
                while answered.load(Ordering::Relaxed) < joins {
                    if stranger::join(&target, way, &mut random).await.is_ok() {
                        way += 1;
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        })
        .await;
    });
    let used = arena.processor_time(0) - before;
    let answered = answered.load(Ordering::Relaxed);
    eprintln!(
        "{answered} unauthorised joins in {:.1} s, {:.2} ms of processor time each, honest work included",
        began.elapsed().as_secs_f64(),
        used.as_secs_f64() * 1e3 / answered as f64
    );
    for node in &arena.network.nodes[..1] {
        let node = node.json(&["peers"]);
        let connected = node["peers"].as_array().into_iter().flatten();
        assert_eq!(connected.filter(|peer| peer["connected"] == true).count(), 2, "{node}");
    }
}

/// Bad frames that a member may send before it is cut off.
const BAD_FRAMES_MAX: usize = 10;
/// How long a node may take to end a link after a bad frame: far above what it takes.
const CUT: Duration = Duration::from_secs(5);

/// A hostile member and the honest node that it attacks: each pair is used once, since a node remembers.
fn pair(arena: &Arena, number: usize) -> (&Member, usize) {
    (&arena.hostile[number % arena.hostile.len()], number / arena.hostile.len())
}

#[test]
fn members_that_send_malformed_frames_are_cut_off_and_named() {
    let _alone = alone();
    let arena = Arena::start();
    let mut random = Random::new(5);
    for (number, offence) in OFFENCES.into_iter().enumerate() {
        let (member, honest) = pair(&arena, number);
        let sent = arena.under(&format!("{offence:?}"), async {
            let wire = member.join_patiently(arena.ports[honest], Guest::quiet()).await;
            for sent in 1..=BAD_FRAMES_MAX {
                let broken = offences::commit(offence, member, &wire, sent, &mut random).await.is_err();
                if broken || wire.ends_within(CUT).await {
                    assert!(wire.ends_within(CUT).await, "{offence:?}: refused, and still linked");
                    return sent;
                }
            }
            BAD_FRAMES_MAX + 1
        });
        assert!(sent <= BAD_FRAMES_MAX, "{offence:?}: still linked after {BAD_FRAMES_MAX} bad frames");
        let reason = arena.named(honest, member);
        eprintln!("{offence:?}: cut off after {sent} bad frames: {reason}");
    }
    arena.network.wait_until_equal();
}

#[test]
fn members_that_answer_wrongly_are_cut_off_and_named() {
    let _alone = alone();
    let arena = Arena::start();
    for (number, kind) in WRONG_ANSWERS.into_iter().enumerate() {
        let (member, honest) = pair(&arena, number);
        let (guest, given) = offences::wrongly(kind, member, pair(&arena, number + 1).0);
        arena.under(&format!("answers: {kind:?}"), async {
            let wire = member.join_patiently(arena.ports[honest], guest).await;
            assert!(wire.ends_within(common::PATIENCE).await, "{kind:?}: still linked");
        });
        let reason = arena.named(honest, member);
        let given = given.load(Ordering::SeqCst);
        eprintln!("answers: {kind:?}: cut off after {given}: {reason}");
        assert!((1..=BAD_FRAMES_MAX).contains(&given), "{kind:?}: {given} wrong answers");
    }
    arena.network.wait_until_equal();
}

/// Most bytes that a node may write into its log while a member misbehaves in a way of which it is not told.
const LOG_BYTES_MAX: u64 = 64 * 1024;

#[test]
fn gossip_that_names_its_author_is_dropped_and_fills_no_log() {
    let _alone = alone();
    let arena = Arena::start();
    let member = &arena.hostile[0];
    let messages = frames() / 7;
    let mut random = Random::new(11);
    let log = || std::fs::metadata(arena.network.nodes[0].log()).expect("a log").len();
    let before = log();
    arena.under("gossip that names its author", async {
        let wire = member.join_patiently(arena.ports[0], Guest::quiet()).await;
        let mut stream = wire.stream(GOSSIP).await.expect("a gossip stream");
        for _ in 0..messages {
            let length = 1 + random.below(1000);
            let named = published_by(&member.topic(2), &random.bytes(length), b"somebody");
            stream.write_all(&named).await.expect("the node reads on");
        }
        stream.flush().await.expect("the node reads on");
        assert!(!wire.is_closed(), "the link ended");
    });
    // gossipsub drops such messages itself: we do not hear of them, so nobody is to blame.
    let peer = arena.peer(0, member);
    assert_eq!(peer["blame_count"], 0, "{peer}");
    let written = log() - before;
    assert!(written < LOG_BYTES_MAX, "{written} bytes of log for {messages} messages");
    arena.network.wait_until_equal();
}

/// Good records in a flood: ten times what a second's quota and its burst allow.
const FLOOD: u64 = 20_000;
/// As many in one message as fit well below its bound.
const IN_ONE_PUSH: usize = 100;

#[test]
fn a_flood_of_good_records_is_left_to_the_pull() {
    let _alone = alone();
    let arena = Arena::start();
    let member = &arena.hostile[0];
    let records = member.records(FLOOD, Priority::ROUTINE, 50);
    let records: Vec<&Record> = records.iter().collect();
    let pushes = records.chunks(IN_ONE_PUSH).map(|some| wire::encode_push(some).expect("it fits"));
    let rpcs: Vec<Vec<u8>> = pushes.map(|push| published(&member.topic(2), &push)).collect();
    arena.under("a flood", async {
        let wire = member.join_patiently(arena.ports[0], Guest::quiet()).await;
        let mut stream = wire.stream(GOSSIP).await.expect("a gossip stream");
        for rpc in &rpcs {
            stream.write_all(rpc).await.expect("the node reads on");
        }
        stream.flush().await.expect("the node reads on");
        // The node has looked at the flood once it has left some of it to the pull.
        let deadline = Instant::now() + common::PATIENCE;
        while deferred(&arena) == 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(!wire.is_closed(), "the link ended");
    });
    let peer = arena.peer(0, member);
    assert_eq!(peer["blame_count"], 0, "{peer}");
    let deferred = deferred(&arena);
    assert!(deferred > 0, "no record was left to the pull");
    eprintln!("a flood: {deferred} of {FLOOD} records left to the pull by KE");
    arena.network.wait_until_equal();
}

/// Records that the first honest node left to the pull.
fn deferred(arena: &Arena) -> u64 {
    arena.node(0)["deferred"].as_u64().expect("a count")
}

#[test]
fn silent_connections_by_the_thousand_harm_nobody() {
    let _alone = alone();
    let arena = Arena::start();
    arena.under("silent connections", async {
        let mut held = Vec::new();
        // From many addresses, so that not only the limit for each of them is met.
        for number in 0..1_000_u32 {
            let source = 100 + (number % 100) as u8;
            if let Ok(socket) = connect(source, arena.ports[0]).await {
                held.push(socket);
            }
        }
        eprintln!("silent connections: {} of 1000 were taken by the system", held.len());
        tokio::time::sleep(SILENCE).await;
    });
    // The places are free again: a member gets in.
    let member = &arena.hostile[0];
    arena.under("afterwards", async {
        let wire = member.join_patiently(arena.ports[0], Guest::quiet()).await;
        drop(wire);
    });
    arena.network.wait_until_equal();
}

/// How long silent connections are held: longer than the node grants them.
const SILENCE: Duration = Duration::from_secs(8);
/// Questions of which no answer is ever read.
const UNREAD: usize = 200;

#[test]
fn a_member_that_reads_nothing_harms_nobody() {
    let _alone = alone();
    let arena = Arena::start();
    let member = &arena.hostile[0];
    // Something to ask for: pages of a megabyte that nobody takes.
    let big = arena.long_messages(40);
    arena.under("a member that reads nothing", async {
        let wire = member.join_patiently(arena.ports[0], Guest::deaf()).await;
        let mut unread = Vec::new();
        for _ in 0..UNREAD {
            let Ok(mut stream) = wire.stream(SYNC).await else { break };
            let question = framed(&ask::page(big, 0, 1 << 20));
            if stream.write_all(&question).await.is_err() || stream.close().await.is_err() {
                break;
            }
            unread.push(stream);
        }
        eprintln!("a member that reads nothing: {} questions were taken", unread.len());
        tokio::time::sleep(SILENCE).await;
    });
    arena.network.wait_until_equal();
}
