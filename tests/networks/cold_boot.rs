//! All nodes die in one moment under load, and start in one moment.

use std::time::{Duration, Instant};

use crate::common::Node;
use crate::lab::Lab;
use crate::load::Load;
use crate::outcome;
use crate::random::Random;

const NODES: usize = 8;
/// Messages of each client before the lights go out, at least.
const EACH: usize = 5;
const PAUSE: Duration = Duration::from_millis(50);

#[test]
fn all_nodes_start_at_once_and_nobody_is_blamed() {
    let Some(mut lab) = Lab::start("cold boot", NODES) else { return };
    lab.change(|network| {
        network.delay = Duration::from_millis(50);
        network.loss_permille = 10;
    });
    let load = Load::start(&lab.network, &lab.all(), PAUSE, &mut Random::for_test("cold boot load"));
    lab.all().into_iter().for_each(|node| load.wait_for_more(node, EACH));
    // Everything that was on its way dies with them.
    lab.network.nodes.iter_mut().for_each(Node::kill);

    let began = Instant::now();
    lab.start_all();
    let ready = began.elapsed();
    // The clients are still there: they repeat what was not answered, and send more.
    lab.all().into_iter().for_each(|node| load.wait_for_more(node, EACH));
    let acknowledged = load.stop();
    lab.wait_until_linked();
    lab.wait_until_equal(&lab.all());
    outcome::nothing_is_lost(&lab.network, &acknowledged);
    lab.network.nodes.iter().for_each(outcome::no_generation_was_opened);
    eprintln!(
        "cold boot: {NODES} nodes ready {:.1} s and equal {:.1} s after the start, {} messages; {}",
        ready.as_secs_f64(),
        began.elapsed().as_secs_f64(),
        acknowledged.len(),
        lab.report()
    );
}
