//! A node dies and is back within a second, and nobody was told: the network swallows every FIN and RST.
//!
//! The others keep connections to a process that is no more. If they went on using them, they would hear the new
//! process on its own connections and it would hear nobody: it would be half deaf. On loopback `kill -9` does not show
//! this, since the kernel closes the connections of the dead.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ecomesh_api::Priority;

use crate::common::wait_at_most;
use crate::lab::{Lab, PATIENCE};
use crate::load::Acknowledged;
use crate::outcome;
use crate::post::{send, wait_until_held};

const NODES: usize = 4;
const VICTIM: usize = 3;
const OTHERS: [usize; 3] = [0, 1, 2];
/// Restarts: sometimes the order of dials is kind.
const ROUNDS: usize = 3;

#[test]
fn a_node_that_restarts_unnoticed_hears_and_is_heard_at_once() {
    let Some(mut lab) = Lab::start("half deaf", NODES) else { return };
    lab.change(|network| {
        network.delay = Duration::from_millis(10);
        network.mute.insert(VICTIM);
    });
    let mut sent = vec![send(&lab.network.nodes[0], "Before", "Before", Priority::Routine)];
    lab.wait_until_equal(&lab.all());
    for round in 0..ROUNDS {
        sent.extend(restart_unnoticed(&mut lab, round));
    }
    assert!(lab.shaper.tally().muted.load(Ordering::Relaxed) > 0, "no end of a connection was swallowed");
    // Nobody had to wait until a link was silent for too long.
    for index in lab.all() {
        assert_eq!(lab.counter(index, "ping_timeouts"), 0, "{}", lab.network.nodes[index].log_tail());
    }
    lab.wait_until_equal(&lab.all());
    outcome::nothing_is_lost(&lab.network, &sent);
    eprintln!("half deaf: {}", lab.report());
}

/// Kills and starts the victim, and lets it hear all others and all others hear it, by gossip and by sync.
fn restart_unnoticed(lab: &mut Lab, round: usize) -> Vec<Acknowledged> {
    let heard_before: Vec<u64> = OTHERS.iter().map(|other| lab.counter(*other, "gossip_received")).collect();
    let down = Instant::now();
    lab.network.nodes[VICTIM].kill();
    lab.start_node(VICTIM);
    eprintln!("half deaf: down for {:.2} s", down.elapsed().as_secs_f64());
    let since = Instant::now();
    let nodes = &lab.network.nodes;
    let mut sent: Vec<Acknowledged> = lab
        .all()
        .into_iter()
        .map(|author| send(&nodes[author], &format!("Round {round} of {author}"), "Back", Priority::Flash))
        .collect();
    for message in &sent {
        wait_until_held(nodes, message, since);
    }
    let by_sync = since.elapsed();
    // What is pulled hides what is not pushed, so the pushes are counted.
    let mut extra = 0;
    wait_at_most(PATIENCE, "gossip to and from the restarted node", || {
        let author = extra % NODES;
        sent.push(send(&nodes[author], &format!("Round {round}, push {extra}"), "Push", Priority::Flash));
        extra += 1;
        let to = lab.counter(VICTIM, "gossip_received");
        let from: Vec<u64> = OTHERS.iter().map(|other| lab.counter(*other, "gossip_received")).collect();
        match to > 0 && from.iter().zip(&heard_before).all(|(now, before)| now > before) {
            true => Ok(()),
            false => {
                Err(format!("the restarted node got {to} pushes, the others {from:?} after {heard_before:?}"))
            }
        }
    });
    eprintln!(
        "half deaf: messages of all at all after {:.2} s, pushes both ways after {:.2} s",
        by_sync.as_secs_f64(),
        since.elapsed().as_secs_f64()
    );
    sent
}
