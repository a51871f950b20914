//! Founding a network for a benchmark: keys, charter and homes, with the library's own functions.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ecomesh_node::founding::draft::Draft;
use ecomesh_node::founding::join::join;
use ecomesh_node::founding::keygen::{KeygenRequest, keygen};
use ecomesh_node::founding::sign::{found, sign};
use ecomesh_node::home::Home;
use ecomesh_node::passphrase::{Passphrase, Source};
use ecomesh_record::{MemberId, Time};
use ecomesh_seal::Params;

/// The members of benchmarks, in this order; the first are nodes, the rest may be authors without one.
const MEMBERS: [&str; 12] = ["KE", "TZ", "TH", "FR", "CN", "BR", "NO", "PE", "UG", "IN", "CA", "ES"];
/// Seals the keys of the benchmark, which guard nothing.
const PASSPHRASE: &str = "benchmark only";
/// The file of it, in the network's folder.
const PASSPHRASE_FILE: &str = "passphrase";
/// First port of nodes. Ports below 32,768 are not taken by outgoing connections: a node that is away for a moment
/// finds its own free again.
const PORT_MIN: u16 = 20_000;
/// Number of ports from there on.
const PORTS: u16 = 12_000;

/// A founded network. All members have joined; no node runs.
pub struct Founded {
    /// The homes, by member.
    pub homes: Vec<Home>,
    /// The members, in the same order.
    pub members: Vec<MemberId>,
    /// The file with the passphrase of all keys.
    pub passphrase_file: PathBuf,
}

impl Founded {
    /// The passphrase of all keys.
    pub fn passphrase(&self) -> anyhow::Result<Passphrase> {
        passphrase(&self.passphrase_file)
    }
}

/// Founds a network of so many members in `folder`. `settings` is the text of each `node.toml`.
pub fn found_network(folder: &Path, members: usize, settings: &str) -> anyhow::Result<Founded> {
    anyhow::ensure!(members <= MEMBERS.len(), "a benchmark has at most {} members", MEMBERS.len());
    let passphrase_file = folder.join(PASSPHRASE_FILE);
    std::fs::write(&passphrase_file, PASSPHRASE).context("cannot write the passphrase")?;
    let secret = passphrase(&passphrase_file)?;
    let ports = free_ports(members)?;
    let mut made = Vec::new();
    for (name, port) in MEMBERS.iter().zip(ports) {
        let request = KeygenRequest {
            member: MemberId::parse(name)?,
            name: format!("NCB {name}"),
            role: None,
            listen: vec![format!("/ip4/127.0.0.1/tcp/{port}")],
            addresses: Vec::new(),
        };
        // The smallest that Argon2id takes: the passphrase is known, and the start of a node is measured.
        made.push(keygen(&folder.join(name), &request, &secret, Params::new(8, 1, 1)?)?);
    }
    let cards: Vec<_> = made.iter().map(|(_, card)| card.clone()).collect();
    let draft = Draft::new("benchmark", &cards, Time(1_700_000_000_000))?;
    let mut signatures = Vec::new();
    for (home, card) in &made {
        signatures.push((PathBuf::from(card.member.as_str()), sign(&draft, card, &home.unseal(&secret)?)?));
    }
    let charter_file = folder.join("benchmark.charter");
    std::fs::write(&charter_file, found(&draft, &signatures)?.encode()?)
        .context("cannot write the charter")?;
    for (home, _) in &made {
        std::fs::write(home.config_file(), settings).context("cannot write node.toml")?;
        join(home, &charter_file)?;
    }
    let members = cards.iter().map(|card| card.member).collect();
    let homes = made.into_iter().map(|(home, _)| home).collect();
    Ok(Founded { homes, members, passphrase_file })
}

fn passphrase(file: &Path) -> anyhow::Result<Passphrase> {
    let source = Source::File(file.to_owned());
    Ok(source.existing(|_| Err(std::io::Error::other("nobody is asked")))?)
}

/// Ports that are free now. Two benchmarks at once begin at different places.
pub fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let start = u16::try_from(std::process::id() % u32::from(PORTS))?;
    let all = (0..PORTS).map(|n| PORT_MIN + (start + n) % PORTS);
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let ports: Vec<u16> = all.filter(free).take(count).collect();
    anyhow::ensure!(ports.len() == count, "this machine has no free ports from {PORT_MIN} on");
    Ok(ports)
}
