//! Slow and lossy paths between all, and one member with hardly a line at all: everything arrives, nobody is blamed
//! for being slow, and what is urgent does not wait for what is not.

use std::time::{Duration, Instant};

use ecomesh_api::Priority;

use crate::common::wait_at_most;
use crate::conditions::Conditions;
use crate::lab::{Lab, PATIENCE};
use crate::load::Acknowledged;
use crate::outcome;
use crate::post::{missing, send, wait_until_held};
use crate::random::number;

/// Nodes of the short form.
const NODES: u64 = 8;
/// From any node to any other, one way.
const DELAY: Duration = Duration::from_millis(300);
const LOSS_PERMILLE: u64 = 50;
const SLOW_BITS_PER_SECOND: u64 = 64_000;
/// Alerts of 2 KB, one after the other.
const ALERTS: usize = 6;
const ALERT_BYTES: usize = 2_000;
/// Nodes that have a backlog for the slow one, and routine messages of each.
const BACKLOG_NODES: usize = 3;
const BACKLOG_EACH: usize = 24;
const BACKLOG_BYTES: usize = 16_000;
/// For a member that has 1.2 MB to get over 64 kbit/s, behind what gossip pushes to it besides.
const LONG_PATIENCE: Duration = Duration::from_secs(1_800);
/// Flash messages against it.
const FLASHES: usize = 2;

#[test]
fn slow_links_delay_everything_and_lose_nothing_and_a_flash_does_not_wait_for_a_backlog() {
    let long = number("ECOMESH_NODES");
    let nodes = usize::try_from(long.unwrap_or(NODES)).unwrap();
    if long.is_none() {
        eprintln!("slow links: {NODES} nodes in this short form; ECOMESH_NODES=20 is the long one");
    }
    let Some(mut lab) = Lab::found("slow links", nodes) else { return };
    let slow = nodes - 1;
    lab.change(|network| {
        network.delay = DELAY;
        network.loss_permille = LOSS_PERMILLE;
        network.slow = vec![(slow, SLOW_BITS_PER_SECOND)];
    });
    let began = Instant::now();
    lab.start_all();
    lab.wait_until_linked();
    eprintln!("slow links: all linked after {:.1} s", began.elapsed().as_secs_f64());
    let mut sent = alerts(&lab);
    let backlog = backlog(&lab);
    sent.extend(flashes(&lab, slow, &backlog));
    sent.extend(backlog);
    let others: Vec<usize> = (0..slow).collect();
    lab.wait_until_equal(&others);
    eprintln!("slow links: all others equal after {:.1} s", began.elapsed().as_secs_f64());
    if long.is_none() {
        // The rest of the backlog would take minutes.
        lab.change(|network| *network = Conditions::default());
    }
    lab.wait_until_equal_within(LONG_PATIENCE, &lab.all());
    outcome::nothing_is_lost(&lab.network, &sent);
    eprintln!(
        "slow links: all equal {:.1} s after the start; {}",
        began.elapsed().as_secs_f64(),
        lab.report()
    );
}

/// At next to no load: how long until every member has an alert.
fn alerts(lab: &Lab) -> Vec<Acknowledged> {
    let nodes = &lab.network.nodes;
    let mut took = Vec::new();
    let all = (0..ALERTS).map(|number| {
        let author = number % nodes.len();
        let since = Instant::now();
        let alert =
            send(&nodes[author], &format!("Alert {number}"), &"a".repeat(ALERT_BYTES), Priority::Flash);
        took.push(wait_until_held(nodes, &alert, since));
        alert
    });
    let all = all.collect();
    took.sort();
    eprintln!(
        "slow links: alerts of {ALERT_BYTES} bytes at every member: median {:.1} s, longest {:.1} s",
        took[took.len() / 2].as_secs_f64(),
        took[took.len() - 1].as_secs_f64()
    );
    all
}

/// Routine messages that take the slow member minutes, acknowledged by their nodes and held by all others.
fn backlog(lab: &Lab) -> Vec<Acknowledged> {
    let authors = &lab.network.nodes[1..=BACKLOG_NODES];
    let one = |number: usize| {
        let author = &authors[number % authors.len()];
        send(author, &format!("Backlog {number}"), &"b".repeat(BACKLOG_BYTES), Priority::Routine)
    };
    let began = Instant::now();
    let all = (0..BACKLOG_NODES * BACKLOG_EACH).map(one).collect();
    eprintln!("slow links: the backlog was taken in {:.1} s", began.elapsed().as_secs_f64());
    all
}

/// Sends flash messages while the slow member is behind: it has each of them while it still lacks most of the backlog.
fn flashes(lab: &Lab, slow: usize, backlog: &[Acknowledged]) -> Vec<Acknowledged> {
    let (author, slow) = (&lab.network.nodes[0], &lab.network.nodes[slow]);
    let one = |number: usize| {
        let before = missing(slow, backlog);
        let since = Instant::now();
        let flash = send(author, &format!("Flash {number}"), &"f".repeat(ALERT_BYTES), Priority::Flash);
        let took = wait_until_held([slow], &flash, since);
        let lacking = missing(slow, backlog);
        eprintln!(
            "slow links: flash at the slow member after {:.1} s; of {} of the backlog it lacked {before} before and \
             {lacking} after",
            took.as_secs_f64(),
            backlog.len()
        );
        assert!(lacking > backlog.len() / 2, "the flash waited for the backlog: only {lacking} are missing");
        flash
    };
    let flashes = (0..FLASHES).map(one).collect();
    // The backlog itself gets on, at whatever pace.
    let before = missing(slow, backlog);
    wait_at_most(PATIENCE, "some more of the backlog", || match missing(slow, backlog) {
        now if now < before => Ok(()),
        now => Err(format!("{now} missing")),
    });
    flashes
}
