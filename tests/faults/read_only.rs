//! A disk that fails under a running node: read-only from one moment to the next, and without what was not synced.
//!
//! The folder lies on an ext4 of its own, in a file. Its `abort` stands for a failed disk: every write fails, also
//! through files that are open, and what was not synced is gone once it is mounted again. So this is also a loss of
//! power, as far as one machine can play it.

use std::time::Duration;

use crate::common::{Network, Node, wait_for};
use crate::load::Load;
use crate::mount::Mount;
use crate::outcome::{self, try_ask};
use crate::random::{Random, number};

const MEMBERS: [&str; 3] = ["KE", "TZ", "TH"];
const DISK_MIB: u64 = 256;
const PAUSE: Duration = Duration::from_millis(30);

#[test]
fn a_disk_that_turns_read_only_is_told_clearly_and_loses_nothing() {
    let mut random = Random::for_test("read-only");
    let mut network = Network::found(&MEMBERS);
    let Some(disk) = Mount::disk_for(&network.nodes[0].home, DISK_MIB) else { return };
    (0..3).for_each(|index| network.start_node(index));
    let load = Load::start(&network, &[0, 1], PAUSE, &mut random);
    load.wait_for_more(0, 10);

    disk.fail();
    let code = ends_or_refuses(&mut network.nodes[0]);
    eprintln!("a read-only disk under a running node: exit code {code:?}");
    network.nodes[0].kill();
    // Before the disk is back, the node does not start, and says which folder it is about.
    let passphrase_file = network.passphrase_file.clone();
    let node = &mut network.nodes[0];
    node.launch(&passphrase_file);
    assert_eq!(node.wait_for_start(), Err(7), "{}", node.log_tail());
    let log = node.log_text();
    let last = &log[log.rfind("error: ").expect("its last words")..];
    assert!(last.contains("Read-only") && last.contains(node.home.to_str().unwrap()), "{last}");
    assert!(last.contains("help: "), "{last}");

    disk.back();
    network.start_node(0);
    load.wait_for_more(0, 5);
    let acknowledged = load.stop();
    outcome::nothing_is_lost(&network, &acknowledged);
}

/// The node ends with the documented code and the reason, or it goes on and every send is refused so.
#[track_caller]
fn ends_or_refuses(node: &mut Node) -> Option<i32> {
    let send = ["send", "--text", "x", "--language", "en", "--members", "--json"];
    let ended = wait_for("a node that notices the read-only disk", || {
        if let Some(code) = node.has_ended() {
            return Ok(Some(code));
        }
        // It may end while it is asked.
        let ran = node.run(&send);
        match ran.code {
            7 if ran.error()["what"].as_str().is_some_and(|what| what.contains("Read-only")) => Ok(None),
            _ => Err(format!("{ran:?}")),
        }
    });
    match ended {
        Some(code) => {
            assert_eq!(code, 7, "{}", node.log_tail());
            let log = node.log_text();
            let last = &log[log.rfind("error: ").expect("its last words")..];
            let told = last.contains("Read-only") || last.contains("did not confirm a write");
            assert!(told && last.contains("help: "), "{last}");
        }
        None => assert!(try_ask(node, async |api| api.inbox(&Default::default()).await).is_ok()),
    }
    ended
}

/// Losses of power in the short form.
const CUTS: u64 = 4;

#[test]
fn a_lost_disk_cache_loses_nothing_acknowledged() {
    let mut random = Random::for_test("lost cache");
    let mut network = Network::found(&MEMBERS);
    let Some(disk) = Mount::disk_for(&network.nodes[0].home, DISK_MIB) else { return };
    // Alone: what it has acknowledged is nowhere else, so only its own disk can give it back.
    network.start_node(0);
    let load = Load::start(&network, &[0], PAUSE, &mut random);
    let cuts = number("ECOMESH_CUTS").unwrap_or(CUTS);
    for _ in 0..cuts {
        load.wait_for_more(0, 5);
        std::thread::sleep(random.moment(PAUSE));
        disk.fail();
        network.nodes[0].kill();
        disk.back();
        network.start_node(0);
    }
    load.wait_for_more(0, 1);
    let acknowledged = load.stop();
    outcome::every_message_is_there_once(&network.nodes[0], &acknowledged);
    (1..3).for_each(|index| network.start_node(index));
    outcome::nothing_is_lost(&network, &acknowledged);
    println!("{cuts} lost disk caches, acknowledged {}, lost 0", acknowledged.len());
}
