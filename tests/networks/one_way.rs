//! A path that carries in one direction only.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ecomesh_api::Priority;

use crate::lab::Lab;
use crate::outcome;
use crate::post::{send, wait_until_held};

const NODES: usize = 3;

#[test]
fn a_path_that_carries_one_way_only_is_noticed_gone_round_and_healed() {
    let Some(lab) = Lab::start("one way", NODES) else { return };
    lab.change(|network| {
        network.delay = Duration::from_millis(20);
        network.cut.insert((0, 1));
    });
    // Both ends find out, also the one that still hears the other.
    lab.wait_for_links(0, &[1], false);
    lab.wait_for_links(1, &[0], false);
    lab.wait_for_links(2, &[0, 1], true);
    let nodes = &lab.network.nodes;
    let since = Instant::now();
    let sent = [0, 1]
        .map(|author| send(&nodes[author], &format!("By a third, from {author}"), "Round", Priority::Flash));
    for message in &sent {
        wait_until_held(nodes, message, since);
    }
    let round = since.elapsed();
    // A link that is half there is none: it does not come back while the path is cut.
    let not_yet: Vec<bool> = lab.peers(0).into_iter().map(|peer| peer.connected).collect();
    assert_eq!(not_yet.iter().filter(|connected| **connected).count(), 1, "{not_yet:?}");

    let healed = Instant::now();
    lab.change(|network| network.cut.clear());
    lab.wait_until_linked();
    assert!(lab.shaper.tally().cut.load(Ordering::Relaxed) > 0);
    outcome::nothing_is_lost(&lab.network, &sent);
    eprintln!(
        "one way: by the third node in {:.2} s, linked {:.1} s after the heal; {}",
        round.as_secs_f64(),
        healed.elapsed().as_secs_f64(),
        lab.report()
    );
}
