//! Every file of a home is damaged in every way: the node works with nothing missing, or it refuses and says which
//! file it is and what to do. What is damaged is never spread.
//!
//! One node lives through all cases, beside two whole ones: after a case in which it works, its folder is the start of
//! the next; after a refusal the folder comes back from a copy, as an operator's would from a backup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ecomesh_api::{Client, ExportQuery};

use crate::common::{Network, Node, free_ports, holdings, wait_for};
use crate::load::{Acknowledged, Load, message};
use crate::outcome::{self, ask, generation_of, try_ask};
use crate::random::{Random, number};

const MEMBERS: [&str; 3] = ["KE", "TZ", "TH"];
/// The node whose files are damaged.
const KE: usize = 0;
/// After this time the short form ends, once every file was damaged.
const SHORT: Duration = Duration::from_secs(50);

#[test]
fn a_damaged_file_is_noticed_and_nothing_of_it_is_spread() {
    let wanted = number("ECOMESH_DAMAGES");
    let mut life = Life::begin(Random::for_test("damage"));
    let began = Instant::now();
    let mut cases = 0;
    loop {
        let files = life.files();
        for file in life.random.shuffled(files) {
            let is_enough = || cases >= FILES_MIN && began.elapsed() > SHORT;
            if wanted.map_or_else(is_enough, |wanted| cases >= wanted) {
                return life.end(cases);
            }
            // A case may leave other snapshots of sled behind.
            if life.home().join(&file).exists() {
                life.case(&file);
                cases += 1;
            }
        }
        if wanted.is_none() && began.elapsed() > SHORT {
            return life.end(cases);
        }
    }
}

/// A home has so many kinds of files at least; each is damaged once in the short form.
const FILES_MIN: u64 = 12;

/// What became of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// As if nothing had happened.
    Works,
    /// Nothing is missing, and the own logs go on in another generation.
    NewGeneration,
    /// Refused with this exit code.
    Refused(i32),
}

struct Life {
    network: Network,
    random: Random,
    acknowledged: Vec<Acknowledged>,
    outcomes: Vec<(String, &'static str, Outcome)>,
}

impl Life {
    /// A home in which every kind of file has something in it.
    fn begin(mut random: Random) -> Self {
        let mut network = Network::found(&MEMBERS);
        let passphrase = network.passphrase_file.to_str().unwrap().to_owned();
        network.nodes[KE].json(&["transport", "rotate", "--passphrase-file", &passphrase]);
        let config = network.nodes[KE].home.join("node.toml");
        let tcp = format!("\n[api]\ntcp = \"127.0.0.1:{}\"\n", free_ports(1)[0]);
        fs::write(&config, fs::read_to_string(&config).unwrap() + &tcp).unwrap();
        (0..3).for_each(|index| network.start_node(index));
        let load = Load::start(&network, &[0, 1, 2], Duration::from_millis(5), &mut random);
        (0..3).for_each(|client| load.wait_for_more(client, 40));
        let acknowledged = load.stop();
        outcome::nothing_is_lost(&network, &acknowledged);
        assert_eq!(network.nodes[KE].stop(), Some(0));
        Self { network, random, acknowledged, outcomes: Vec::new() }
    }

    fn home(&self) -> PathBuf {
        self.network.nodes[KE].home.clone()
    }

    /// The files of the stopped home that have something in them, by their paths in it.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.home(), &self.home(), &mut found);
        // The process id for people, the reserve, and the founding's leftovers are never read by a node.
        let is_read = |file: &String| {
            !["lock", "store/ballast"].contains(&file.as_str()) && !file.starts_with("recovery/")
        };
        found.retain(is_read);
        found
    }

    /// Damages one file in some way, and sees what becomes of it.
    fn case(&mut self, file: &str) {
        let home = self.home();
        let copy = home.with_extension("copy");
        let _ = fs::remove_dir_all(&copy);
        must(Command::new("cp").arg("-a").arg(&home).arg(&copy));
        let kind = damage(&home.join(file), &mut self.random);
        let before = holdings(&self.network.nodes[1].json(&["frontier"]));
        let log_before = self.network.nodes[KE].log_text().len();
        eprintln!("{file} {kind}");

        let outcome = self.outcome(file, &before);
        let log = self.network.nodes[KE].log_text().split_off(log_before);
        assert!(!log.contains("panicked"), "{file} {kind}: {log}");
        eprintln!("{file} {kind}: {outcome:?}");
        if let Outcome::Refused(_) = outcome {
            fs::remove_dir_all(&home).unwrap();
            fs::rename(&copy, &home).unwrap();
        } else {
            self.write_on(file, kind);
        }
        self.peers_are_untouched(&before);
        self.outcomes.push((file.to_owned(), kind, outcome));
        remove_what_was_set_aside(&home);
    }

    fn outcome(&mut self, file: &str, before: &serde_json::Value) -> Outcome {
        let passphrase_file = self.network.passphrase_file.clone();
        let generation = generation_of(before, MEMBERS[KE]);
        // Damage that is noticed only when it is read ends the process; the next start has to be clean.
        for _ in 0..3 {
            let node = &mut self.network.nodes[KE];
            node.launch(&passphrase_file);
            if let Err(code) = node.wait_for_start() {
                refusal_is_clear(node, file, code);
                return Outcome::Refused(code);
            }
            if self.everything_comes_back() {
                let frontier = self.network.nodes[KE].json(&["frontier"]);
                let went_on = generation_of(&frontier, MEMBERS[KE]) > generation;
                return if went_on { Outcome::NewGeneration } else { Outcome::Works };
            }
        }
        panic!("{file}: the node ends again and again: {}", self.network.nodes[KE].log_tail());
    }

    /// Reads all that the node holds and waits until nothing is missing. `false` if it ended over it, clearly.
    fn everything_comes_back(&mut self) -> bool {
        let network = &mut self.network;
        wait_for("everything to come back", || {
            let node = &mut network.nodes[KE];
            if let Some(code) = node.has_ended() {
                assert_eq!(code, 7, "{}", node.log_tail());
                assert!(node.log_text().contains("help: "), "{}", node.log_tail());
                return Ok(false);
            }
            match look(node) {
                Ok(()) => {}
                Err(error) => return Err(error),
            }
            let node = &network.nodes[KE];
            let frontier = try_ask(node, async |api| api.frontier(&Default::default()).await);
            let frontier = frontier.map_err(|error| error.to_string())?;
            let mine = holdings(&serde_json::to_value(&frontier).unwrap());
            let theirs = holdings(&network.nodes[1].json(&["frontier"]));
            if mine == theirs { Ok(true) } else { Err(format!("{mine} and {theirs}")) }
        })
    }

    /// The node goes on writing, and what it writes arrives.
    fn write_on(&mut self, file: &str, kind: &str) {
        let node = &self.network.nodes[KE];
        let key = format!("after case {}", self.outcomes.len());
        let sent = ask(node, async |api| api.send(&message(&key, "still here"), Some(&key)).await);
        self.acknowledged.push(Acknowledged { id: sent.id, key });
        self.network.wait_until_equal();
        outcome::every_message_is_there_once(node, &self.acknowledged);
        outcome::nobody_is_blamed(node);
        // A stop and a kill leave different files.
        if self.random.below(2) == 0 {
            self.network.nodes[KE].kill();
        } else {
            assert_eq!(self.network.nodes[KE].stop(), Some(0), "{file} {kind}");
        }
    }

    /// What the peers hold only grows, and nothing that they hold is in doubt.
    fn peers_are_untouched(&self, before: &serde_json::Value) {
        for peer in &self.network.nodes[1..] {
            outcome::nobody_is_blamed(peer);
            let now = holdings(&peer.json(&["frontier"]));
            let covers = |entry: &serde_json::Value| {
                let mut all = now["entries"].as_array().unwrap().iter();
                let same = |one: &&serde_json::Value| {
                    ["author", "lane", "generation"].iter().all(|field| one[field] == entry[field])
                };
                all.find(same).is_some_and(|one| one["seq"].as_u64() >= entry["seq"].as_u64())
            };
            assert!(before["entries"].as_array().unwrap().iter().all(covers), "{before} and {now}");
            assert_eq!(now["holes"], serde_json::json!([]), "{}", peer.member);
        }
    }

    fn end(mut self, cases: u64) {
        self.network.start_node(KE);
        outcome::nothing_is_lost(&self.network, &self.acknowledged);
        self.outcomes.sort();
        for (file, kind, outcome) in &self.outcomes {
            println!("{file:32} {kind:10} {outcome:?}");
        }
        println!("damages {cases}, acknowledged {}, lost 0", self.acknowledged.len());
    }
}

/// Reads every record and body of a node, as an auditor would.
fn look(node: &Node) -> Result<(), String> {
    let read = async |api: Client| {
        let ready = api.ready().await?;
        api.export(&ExportQuery::default(), &mut tokio::io::sink()).await?;
        Ok(ready)
    };
    let ready = try_ask(node, read).map_err(|error| error.to_string())?;
    if ready.ready { Ok(()) } else { Err(ready.doing) }
}

/// A refusal has a documented code, names the file or its folder, and says what to do.
#[track_caller]
fn refusal_is_clear(node: &Node, file: &str, code: i32) {
    let log = node.log_text();
    let last = &log[log.rfind("error: ").unwrap_or_else(|| panic!("{file}: no error in {log}"))..];
    assert!([3, 4, 6, 7].contains(&code), "{file}: {code}: {last}");
    let name = file.rsplit('/').next().unwrap();
    assert!(last.contains(name), "{file} is not named: {last}");
    assert!(last.contains("help: "), "{file}: no advice: {last}");
    assert!(!last.contains("should not happen"), "{file}: {last}");
}

/// Damages a file in one of the ways in which disks and people do.
fn damage(file: &Path, random: &mut Random) -> &'static str {
    let bytes = fs::read(file).unwrap();
    let (kind, damaged) = match random.below(8) {
        0..=3 => ("bit", flipped(bytes, random)),
        4 => ("cut", bytes[..random.index(bytes.len())].to_vec()),
        5 => ("zeros", vec![0; bytes.len()]),
        6 => ("garbage", (0..bytes.len()).map(|_| random.byte()).collect()),
        _ => {
            fs::remove_file(file).unwrap();
            return "deleted";
        }
    };
    fs::write(file, damaged).unwrap();
    kind
}

fn flipped(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let at = random.index(bytes.len());
    bytes[at] ^= 1 << random.below(8);
    bytes
}

/// Files with content, by their paths below `root`.
fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(root, &path, found);
        } else if path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0) {
            found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
}

fn remove_what_was_set_aside(home: &Path) {
    for entry in fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_str().unwrap().starts_with("store.damaged")) {
            fs::remove_dir_all(path).unwrap();
        }
    }
    let _ = fs::remove_file(home.join("log/journal.damaged"));
    for entry in fs::read_dir(home.join("store/records")).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_str().unwrap().starts_with("aside-")) {
            fs::remove_file(path).unwrap();
        }
    }
}

#[track_caller]
fn must(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
