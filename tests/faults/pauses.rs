//! `SIGSTOP` and `SIGCONT`: nodes that stand still for a moment, or for longer than a link lives.

use std::time::{Duration, Instant};

use crate::common::{Network, wait_for};
use crate::load::Load;
use crate::outcome::{self, ask};
use crate::random::{Random, number};

const MEMBERS: [&str; 3] = ["KE", "TZ", "TH"];
/// The node that stands still for longer than a link lives.
const LONG: usize = 2;
/// A commit that takes more than 30 seconds ends the process. A pause is no such commit.
const LONG_MIN: Duration = Duration::from_secs(33);
/// Longest of the short pauses.
const SHORT_MAX: Duration = Duration::from_millis(2_500);

#[test]
fn a_node_that_was_paused_catches_up_and_nobody_is_blamed() {
    let mut random = Random::for_test("pauses");
    let mut network = Network::start(&MEMBERS);
    let load = Load::start(&network, &[0, 1, 2], Duration::from_millis(40), &mut random);
    network.wait_until_linked();
    let mut pauses = 0;
    for _ in 0..number("ECOMESH_PAUSES").unwrap_or(1) {
        load.wait_for_more(LONG, 1);
        pauses += long_pause(&network, &load, &mut random);
        // It catches up, and its clients go on.
        load.wait_for_more(LONG, 2);
        network.wait_until_linked();
        for _ in 0..3 {
            pauses += short_pause(&network, &load, &[0, 1, 2], &mut random);
        }
    }
    let retries = load.retries();
    let acknowledged = load.stop();
    for node in &mut network.nodes {
        assert_eq!(node.has_ended(), None, "{}", node.log_tail());
    }
    outcome::nothing_is_lost(&network, &acknowledged);
    network.nodes.iter().for_each(outcome::no_generation_was_opened);
    println!("pauses {pauses}, acknowledged {}, repeated sends {retries}, lost 0", acknowledged.len());
}

/// One node stands still until the others have closed their links with it; meanwhile they pause for moments.
fn long_pause(network: &Network, load: &Load, random: &mut Random) -> usize {
    let began = Instant::now();
    let mut pauses = 1;
    network.nodes[LONG].signal("STOP");
    while began.elapsed() < LONG_MIN {
        pauses += short_pause(network, load, &[0, 1], random);
    }
    for index in [0, 1] {
        wait_for("the end of the links with the paused node", || {
            let peers = ask(&network.nodes[index], async |api| api.peers().await).peers;
            let linked = peers.iter().any(|peer| peer.member == MEMBERS[LONG] && peer.connected);
            if linked { Err("it is up".to_owned()) } else { Ok(()) }
        });
    }
    network.nodes[LONG].signal("CONT");
    eprintln!("{} stood still for {:.1} s", MEMBERS[LONG], began.elapsed().as_secs_f64());
    pauses
}

/// One of these nodes, or all of them, stand still for a moment.
fn short_pause(network: &Network, load: &Load, nodes: &[usize], random: &mut Random) -> usize {
    let one = nodes[random.index(nodes.len())];
    let paused = if random.below(4) == 0 { nodes.to_vec() } else { vec![one] };
    load.wait_for_more(one, 1);
    std::thread::sleep(random.moment(Duration::from_millis(30)));
    paused.iter().for_each(|index| network.nodes[*index].signal("STOP"));
    std::thread::sleep(random.moment(SHORT_MAX));
    paused.iter().for_each(|index| network.nodes[*index].signal("CONT"));
    load.wait_for_more(one, 1);
    paused.len()
}
