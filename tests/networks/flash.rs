//! A member whose only way is one slow link, with a backlog on it: what is urgent overtakes.
//!
//! On several links a flash finds a free one. Here all logs share one, so the order in which the member asks for their
//! pages decides: a page of each author in turn, and pages that are small where they come slowly.

use std::time::{Duration, Instant};

use ecomesh_api::Priority;

use crate::conditions::Conditions;
use crate::lab::Lab;
use crate::outcome;
use crate::post::{missing, send, wait_until_held};

const NODES: usize = 5;
/// The member with one link, and who is at the other end.
const LONELY: usize = 4;
const HUB: usize = 3;
/// Kenya and Thailand have a backlog. Tanzania, the last in the order of the alphabet, has something urgent.
const BACKLOG: [usize; 2] = [0, 2];
const URGENT: usize = 1;
const BACKLOG_EACH: usize = 40;
const BACKLOG_BYTES: usize = 16_000;
const FLASHES: usize = 2;

#[test]
fn a_flash_overtakes_the_backlog_on_the_only_link_of_a_member() {
    let Some(mut lab) = Lab::found("flash", NODES) else { return };
    lab.change(|network| {
        network.delay = Duration::from_millis(100);
        network.loss_permille = 10;
        network.slow = vec![(LONELY, 64_000)];
        network.part(&[LONELY], &[0, 1, 2]);
    });
    lab.start_all();
    lab.wait_for_links(HUB, &lab.all(), true);
    let nodes = &lab.network.nodes;
    let backlog: Vec<_> = (0..BACKLOG_EACH)
        .flat_map(|number| BACKLOG.map(|author| (author, format!("Backlog {number} of {author}"))))
        .map(|(author, title)| send(&nodes[author], &title, &"b".repeat(BACKLOG_BYTES), Priority::Routine))
        .collect();
    lab.wait_until_equal(&[0, 1, 2, HUB]);
    let mut sent = backlog.clone();
    for number in 0..FLASHES {
        let before = missing(&nodes[LONELY], &backlog);
        let since = Instant::now();
        let flash = send(&nodes[URGENT], &format!("Flash {number}"), &"f".repeat(2_000), Priority::Flash);
        let took = wait_until_held([&nodes[LONELY]], &flash, since);
        let lacking = missing(&nodes[LONELY], &backlog);
        eprintln!(
            "flash: over the only link after {:.1} s; of {} of the backlog were missing {before} before and {lacking} after",
            took.as_secs_f64(),
            backlog.len(),
        );
        assert!(lacking > backlog.len() / 2, "the flash waited for the backlog: only {lacking} are missing");
        sent.push(flash);
    }
    // The rest of the backlog would take minutes.
    lab.change(|network| *network = Conditions::default());
    lab.wait_until_equal(&lab.all());
    outcome::nothing_is_lost(&lab.network, &sent);
    eprintln!("flash: {}", lab.report());
}
