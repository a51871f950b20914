//! Whole parts of a home are lost, or an old one comes back: what the node wrote and a peer or its journal has comes
//! back, and no log forks.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::common::{Network, wait_for};
use crate::load::{Acknowledged, Load, message};
use crate::outcome::{self, ask, generation_of};
use crate::random::Random;

const MEMBERS: [&str; 3] = ["KE", "TZ", "TH"];
const PAUSE: Duration = Duration::from_millis(20);

#[test]
fn a_deleted_store_comes_back_from_the_journal_and_the_peers() {
    let mut random = Random::for_test("deleted store");
    let mut network = Network::start(&MEMBERS);
    let acknowledged = written_alone(&mut network, &mut random);
    fs::remove_dir_all(network.nodes[0].home.join("store")).unwrap();
    recover_under_kills(&mut network, &mut random);
    goes_on_in_a_new_generation(&network, acknowledged);
}

#[test]
fn a_deleted_journal_costs_a_generation_and_nothing_else() {
    let mut random = Random::for_test("deleted journal");
    let mut network = Network::start(&MEMBERS);
    let acknowledged = written_alone(&mut network, &mut random);
    fs::remove_file(network.nodes[0].home.join("log/journal")).unwrap();
    recover_under_kills(&mut network, &mut random);
    goes_on_in_a_new_generation(&network, acknowledged);
}

#[test]
fn without_store_and_journal_the_peers_give_back_what_they_have() {
    let mut random = Random::for_test("deleted store and journal");
    let mut network = Network::start(&MEMBERS);
    let acknowledged = written_and_held_by_all(&network, &mut random);
    network.nodes[0].kill();
    fs::remove_dir_all(network.nodes[0].home.join("store")).unwrap();
    fs::remove_dir_all(network.nodes[0].home.join("log")).unwrap();
    recover_under_kills(&mut network, &mut random);
    goes_on_in_a_new_generation(&network, acknowledged);
}

#[test]
fn an_old_backup_in_the_place_of_a_newer_home_forks_nothing() {
    let mut random = Random::for_test("old backup");
    let mut network = Network::start(&MEMBERS);
    let mut acknowledged = written_and_held_by_all(&network, &mut random);
    assert_eq!(network.nodes[0].stop(), Some(0));
    let file = network.folder.path().join("old.ecobackup");
    let file = file.to_str().unwrap();
    let passphrase_file = network.passphrase_file.clone();
    let passphrase = ["--passphrase-file", passphrase_file.to_str().unwrap()];
    network.nodes[0].json(&[&["backup", "-o", file], passphrase.as_slice()].concat());
    network.start_node(0);
    acknowledged.extend(written_and_held_by_all(&network, &mut random));
    network.nodes[0].kill();
    // A restore never writes over a home.
    network.nodes[0].run(&["restore", file]).expect(7);
    fs::remove_dir_all(&network.nodes[0].home).unwrap();
    network.nodes[0].json(&[&["restore", file], passphrase.as_slice()].concat());
    recover_under_kills(&mut network, &mut random);
    goes_on_in_a_new_generation(&network, acknowledged);
}

/// Not the way to restore, and it happens: journal and store of the copy agree, so only the peers can tell that it is
/// old. As long as nothing is sent before they are met, nothing forks.
#[test]
fn an_old_copy_of_the_folder_is_noticed_when_the_peers_are_met() {
    let mut random = Random::for_test("old copy");
    let mut network = Network::start(&MEMBERS);
    let mut acknowledged = written_and_held_by_all(&network, &mut random);
    assert_eq!(network.nodes[0].stop(), Some(0));
    let (home, copy) = (network.nodes[0].home.clone(), network.nodes[0].home.with_extension("copy"));
    assert!(Command::new("cp").arg("-a").arg(&home).arg(&copy).status().unwrap().success());
    network.start_node(0);
    acknowledged.extend(written_and_held_by_all(&network, &mut random));
    network.nodes[0].kill();
    fs::remove_dir_all(&home).unwrap();
    fs::rename(&copy, &home).unwrap();
    recover_under_kills(&mut network, &mut random);
    goes_on_in_a_new_generation(&network, acknowledged);
}

/// All write, and all hold everything.
fn written_and_held_by_all(network: &Network, random: &mut Random) -> Vec<Acknowledged> {
    let load = Load::start(network, &[0, 1, 2], PAUSE, random);
    (0..3).for_each(|client| load.wait_for_more(client, 8));
    let acknowledged = load.stop();
    network.wait_until_equal();
    acknowledged
}

/// After all have written, the first node writes alone until it is killed: nobody else has its last records.
fn written_alone(network: &mut Network, random: &mut Random) -> Vec<Acknowledged> {
    let mut acknowledged = written_and_held_by_all(network, random);
    network.nodes[1].kill();
    network.nodes[2].kill();
    let load = Load::start(network, &[0], PAUSE, random);
    load.wait_for_more(0, 8);
    network.nodes[0].kill();
    acknowledged.extend(load.abandon());
    acknowledged
}

/// All nodes run in the end; before, the first one is killed at some moments of its recovery.
fn recover_under_kills(network: &mut Network, random: &mut Random) {
    for index in [1, 2] {
        if !network.nodes[index].is_running() {
            network.start_node(index);
        }
    }
    let passphrase_file = network.passphrase_file.clone();
    network.nodes[0].launch(&passphrase_file);
    std::thread::sleep(random.moment(Duration::from_millis(800)));
    network.nodes[0].kill();
    network.start_node(0);
    std::thread::sleep(random.moment(Duration::from_millis(400)));
    network.nodes[0].kill();
    network.start_node(0);
}

/// The first node writes again, in a generation of its own, and nothing is lost.
#[track_caller]
fn goes_on_in_a_new_generation(network: &Network, mut acknowledged: Vec<Acknowledged>) {
    let node = &network.nodes[0];
    let frontier: Value = wait_for("the next generation", || {
        let frontier = node.json(&["frontier"]);
        let ready = ask(node, async |api| api.ready().await);
        let opened = generation_of(&frontier, MEMBERS[0]) > 0 && ready.ready;
        if opened { Ok(frontier) } else { Err(format!("{ready:?} {frontier}")) }
    });
    let key = "after the recovery";
    let sent = ask(node, async |api| api.send(&message(key, "still here"), Some(key)).await);
    let generation = generation_of(&frontier, MEMBERS[0]);
    assert_eq!(sent.position, format!("KE/1/{generation}/0"), "the first message of the new generation");
    acknowledged.push(Acknowledged { id: sent.id, key: key.into() });
    outcome::nothing_is_lost(network, &acknowledged);
}
