//! Two halves that do not hear each other, and one mesh again.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::lab::Lab;
use crate::load::Load;
use crate::outcome;
use crate::random::Random;

const NODES: usize = 6;
/// Messages of each client while the halves are apart, at least.
const EACH: usize = 20;
const PAUSE: Duration = Duration::from_millis(200);

#[test]
fn two_halves_send_on_and_are_one_mesh_after_the_heal() {
    let Some(lab) = Lab::start("partition", NODES) else { return };
    let (left, right): (Vec<usize>, Vec<usize>) = lab.all().into_iter().partition(|node| node % 2 == 0);
    lab.change(|network| network.delay = Duration::from_millis(20));
    let load = Load::start(&lab.network, &lab.all(), PAUSE, &mut Random::for_test("partition load"));
    lab.all().into_iter().for_each(|node| load.wait_for_more(node, 1));

    let parted = Instant::now();
    lab.change(|network| network.part(&left, &right));
    // TCP says nothing of a dead path for a quarter of an hour: the nodes find out by themselves.
    for node in lab.all() {
        let (own, other) = if left.contains(&node) { (&left, &right) } else { (&right, &left) };
        lab.wait_for_links(node, other, false);
        lab.wait_for_links(node, own, true);
    }
    eprintln!("partition: noticed after {:.1} s", parted.elapsed().as_secs_f64());
    lab.all().into_iter().for_each(|node| load.wait_for_more(node, EACH));
    let acknowledged = load.stop();
    // Each half agrees within itself.
    lab.wait_until_equal(&left);
    lab.wait_until_equal(&right);
    let lost = lab.network.nodes.iter().map(|node| acknowledged.len() - outcome::messages(node).len());
    assert!(
        lost.clone().all(|lost| lost > NODES / 2 * EACH / 2),
        "the halves were apart: {:?}",
        lost.collect::<Vec<_>>()
    );

    let healed = Instant::now();
    lab.change(|network| network.cut.clear());
    lab.wait_until_equal(&lab.all());
    let took = healed.elapsed();
    lab.wait_until_linked();
    outcome::nothing_is_lost(&lab.network, &acknowledged);
    assert!(lab.shaper.tally().cut.load(Ordering::Relaxed) > 0);
    eprintln!(
        "partition: {} messages of {NODES} nodes, equal {:.1} s after the heal; {}",
        acknowledged.len(),
        took.as_secs_f64(),
        lab.report()
    );
}
