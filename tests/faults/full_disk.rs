//! A full disk under one node of a mesh.

use std::time::Duration;

use ecomesh_api::RoomView;
use serde_json::Value;

use crate::common::{Network, Node, wait_for};
use crate::load::Load;
use crate::mount::Mount;
use crate::outcome::{self, ask, try_ask};
use crate::random::Random;

const MEMBERS: [&str; 3] = ["KE", "TZ", "TH"];
const MIB: u64 = 1024 * 1024;
/// Size of the small disk: above the 64 MiB below which a node takes no messages.
const DISK_MIB: u64 = 112;
const PAUSE: Duration = Duration::from_millis(60);
const SEND: [&str; 6] = ["send", "--text", "x", "--language", "en", "--members"];

#[test]
fn a_full_disk_stops_the_sending_and_nothing_else() {
    let mut random = Random::for_test("full disk");
    let mut network = Network::found(&MEMBERS);
    let Some(disk) = Mount::memory_for(&network.nodes[0].home, DISK_MIB) else { return };
    (0..3).for_each(|index| network.start_node(index));
    let load = Load::start(&network, &[0, 1], PAUSE, &mut random);
    load.wait_for_more(0, 5);
    let sent = network.nodes[0].json(&["send", "--text", "Before", "--language", "en", "--members"]);
    let id = sent["id"].as_str().unwrap();
    network.nodes[0].json(&["status", id, "--wait", "held", "--timeout", "60s"]);
    assert_eq!(network.nodes[2].stop(), Some(0));
    load.wait_for_more(0, 3);

    disk.leave_free(40 * MIB);
    takes(&network.nodes[0], RoomView::ControlOnly, "ecomesh_room 1");
    refuses_to_send_and_says_why(&network.nodes[0]);
    stays_readable(&network, id);
    serves_alone(&mut network, 2, 1);

    disk.leave_free(8 * MIB);
    takes(&network.nodes[0], RoomView::Full, "ecomesh_room 0");
    refuses_to_send_and_says_why(&network.nodes[0]);
    stays_readable(&network, id);
    // The others go on; this node knows what it lacks.
    load.wait_for_more(1, 3);
    wait_for("the knowledge of what is missing", || {
        let peers = ask(&network.nodes[0], async |api| api.peers().await).peers;
        if peers.iter().any(|peer| peer.connected && peer.ahead > 0) {
            Ok(())
        } else {
            Err(format!("{peers:?}"))
        }
    });

    disk.make_room();
    takes(&network.nodes[0], RoomView::Plenty, "ecomesh_room 2");
    load.wait_for_more(0, 3);
    let ready = ask(&network.nodes[0], async |api| api.ready().await);
    assert!(ready.ready, "{ready:?}");
    let acknowledged = load.stop();
    assert_eq!(network.nodes[0].has_ended(), None, "it goes on without a restart");
    outcome::nothing_is_lost(&network, &acknowledged);
    network.nodes.iter().for_each(outcome::no_generation_was_opened);
    let log = network.nodes[0].log_text();
    assert!(log.contains("no space left") && log.contains("there is space again"), "{log}");
}

/// Waits until the node takes so much and no more, by its API and its metrics.
#[track_caller]
fn takes(node: &Node, room: RoomView, metric: &str) {
    wait_for("another view of the space", || {
        let view = ask(node, async |api| api.node().await);
        if view.room == room { Ok(()) } else { Err(format!("{:?}", view.room)) }
    });
    let metrics = ask(node, async |api| api.metrics().await);
    assert!(metrics.lines().any(|line| line == metric), "{metrics}");
}

/// The command fails with the documented code, and every place where an operator looks tells of it.
#[track_caller]
fn refuses_to_send_and_says_why(node: &Node) {
    let error = node.run(&[&SEND[..], &["--json"]].concat()).expect(7).error();
    assert!(error["what"].as_str().is_some_and(|what| what.contains("no space left")), "{error}");
    assert!(error["help"].as_str().is_some_and(|help| help.contains("free")), "{error}");
    let ready = ask(node, async |api| api.ready().await);
    assert!(!ready.ready && ready.doing.contains("no space left"), "{ready:?}");
    let peers = node.run(&["peers"]).expect(0);
    assert!(peers.stderr.contains("no space left"), "{peers:?}");
    let doctor = node.run(&["doctor", "--json"]).expect(1).json();
    let space = doctor["findings"].as_array().into_iter().flatten().find(|one| one["subject"] == "space");
    assert_eq!(space.map(|one| &one["severity"]), Some(&Value::from("bad")), "{doctor}");
}

/// What is there can be listed, shown, exported and audited.
#[track_caller]
fn stays_readable(network: &Network, id: &str) {
    let node = &network.nodes[0];
    assert!(node.json(&["inbox"])["messages"].as_array().is_some_and(|list| !list.is_empty()));
    let outbox = node.json(&["outbox"]);
    assert!(outbox["messages"].as_array().is_some_and(|list| !list.is_empty()), "{outbox}");
    assert_eq!(node.json(&["show", id])["message"]["id"], id);
    let status = node.json(&["status", id]);
    assert!(status["held_by"].as_array().is_some_and(|list| !list.is_empty()), "{status}");
    assert_eq!(network.audit(0)["verdict"], "whole");
}

/// A node that was away gets everything from this one while the third is away.
#[track_caller]
fn serves_alone(network: &mut Network, away: usize, other: usize) {
    assert_eq!(network.nodes[other].stop(), Some(0));
    network.start_node(away);
    network.wait_until_equal();
    network.start_node(other);
    network.wait_until_linked();
}

#[test]
fn a_disk_filled_to_the_last_byte_ends_in_a_clean_restart() {
    let mut random = Random::for_test("last byte");
    let mut network = Network::found(&MEMBERS);
    let Some(disk) = Mount::memory_for(&network.nodes[0].home, DISK_MIB) else { return };
    (0..3).for_each(|index| network.start_node(index));
    let load = Load::start(&network, &[0, 1], PAUSE, &mut random);
    let mut ended = 0;
    for _ in 0..4 {
        load.wait_for_more(0, 3);
        std::thread::sleep(random.moment(PAUSE));
        disk.fill_up();
        assert!(disk.free() < 4096, "{}", disk.free());
        ended += usize::from(stops_clearly_or_goes_on(&mut network.nodes[0]));
        // As a service manager does, also before there is space.
        if !network.nodes[0].is_running() {
            try_to_start(&mut network);
        }
        disk.make_room();
        ended += goes_on_with_room(&mut network, &load);
    }
    let acknowledged = load.stop();
    outcome::nothing_is_lost(&network, &acknowledged);
    network.nodes.iter().for_each(outcome::no_generation_was_opened);
    eprintln!("4 full disks, {ended} times the node ended; acknowledged {}, lost 0", acknowledged.len());
}

/// Waits for new messages, and starts the node again as a service manager does: a write that had failed may end it also
/// a moment after there is space. Returns how often it ended meanwhile.
#[track_caller]
fn goes_on_with_room(network: &mut Network, load: &Load) -> usize {
    let before = load.count(0);
    let mut ended = 0;
    wait_for("messages that are acknowledged once there is space", || {
        if let Some(code) = network.nodes[0].has_ended() {
            says_that_the_disk_is_full(&network.nodes[0], code);
            ended += 1;
        }
        if !network.nodes[0].is_running() {
            network.start_node(0);
        }
        match load.count(0) - before {
            3.. => Ok(()),
            new => Err(format!("{new} of 3; {}", load.last_error(0))),
        }
    });
    ended
}

/// Waits until the node has noticed. Returns whether it ended; then its last words say what to do.
#[track_caller]
fn stops_clearly_or_goes_on(node: &mut Node) -> bool {
    let ended = wait_for("a node that notices the full disk", || {
        if let Some(code) = node.has_ended() {
            return Ok(Some(code));
        }
        match try_ask(node, async |api| api.node().await) {
            Ok(view) if view.room != RoomView::Plenty => Ok(None),
            other => Err(format!("{other:?}")),
        }
    });
    if let Some(code) = ended {
        says_that_the_disk_is_full(node, code);
    }
    ended.is_some()
}

#[track_caller]
fn says_that_the_disk_is_full(node: &Node, code: i32) {
    assert_eq!(code, 7, "{}", node.log_tail());
    let log = node.log_text();
    let last = &log[log.rfind("error: ").expect("its last words")..];
    assert!(last.contains("No space left") || last.contains("no space left"), "{last}");
    assert!(last.contains("help: "), "{last}");
}

/// A start on a full disk succeeds, or is refused with the documented code and the reason.
#[track_caller]
fn try_to_start(network: &mut Network) {
    let passphrase_file = network.passphrase_file.clone();
    let node = &mut network.nodes[0];
    node.launch(&passphrase_file);
    if let Err(code) = node.wait_for_start() {
        assert_eq!(code, 7, "{}", node.log_tail());
        let log = node.log_text();
        let last = &log[log.rfind("error: ").expect("its last words")..];
        assert!(last.to_lowercase().contains("no space left"), "{last}");
    }
}
