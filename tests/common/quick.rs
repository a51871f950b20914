//! Networks of many members, founded in this process with keys that are sealed with next to no work: they guard
//! nothing, and a test of twenty nodes must not spend its minute on Argon2id.

use std::path::{Path, PathBuf};

use ecomesh_node::founding::draft::Draft;
use ecomesh_node::founding::join::join;
use ecomesh_node::founding::keygen::{KeygenRequest, keygen};
use ecomesh_node::founding::sign::{found, sign};
use ecomesh_node::home::Home;
use ecomesh_node::passphrase::Passphrase;
use ecomesh_record::{MemberId, Time};
use ecomesh_seal::Params;

use super::{Network, Node, PASSPHRASE};

/// A home that has joined a network, and where its node listens.
pub struct Founded {
    pub member: String,
    pub home: PathBuf,
    pub address: String,
}

/// Founds a network in `folder`: each member with the multiaddress of its card. `settings` is every `node.toml`.
pub fn found_in(folder: &Path, members: &[(String, String)], settings: &str) -> Vec<Founded> {
    std::fs::write(passphrase_file(folder), PASSPHRASE).expect("a passphrase file");
    let made: Vec<_> = members
        .iter()
        .map(|(member, address)| {
            let request = KeygenRequest {
                member: MemberId::parse(member).expect("a member id"),
                name: format!("NCB {member}"),
                role: None,
                listen: vec![address.clone()],
                addresses: Vec::new(),
            };
            let params = Params::new(8, 1, 1).expect("the smallest that Argon2id takes");
            keygen(&folder.join(member), &request, &passphrase(), params).expect("keys")
        })
        .collect();
    let cards: Vec<_> = made.iter().map(|(_, card)| card.clone()).collect();
    let draft = Draft::new("test", &cards, Time(1_700_000_000_000)).expect("a draft");
    let signatures: Vec<_> = made
        .iter()
        .map(|(home, card)| {
            let identity = home.unseal(&passphrase()).expect("the keys open");
            (PathBuf::from(card.member.as_str()), sign(&draft, card, &identity).expect("a signature"))
        })
        .collect();
    let charter = folder.join("test.charter");
    let founded = found(&draft, &signatures).expect("all have signed");
    std::fs::write(&charter, founded.encode().expect("a charter")).expect("a writable folder");
    for (home, _) in &made {
        std::fs::write(home.config_file(), settings).expect("a writable home");
        join(home, &charter).expect("joins");
    }
    let homes = made.into_iter().map(|(home, _)| home.dir().to_owned());
    members
        .iter()
        .zip(homes)
        .map(|((member, address), home)| Founded { member: member.clone(), home, address: address.clone() })
        .collect()
}

/// Where [`found_in`] puts the passphrase of all homes.
pub fn passphrase_file(folder: &Path) -> PathBuf {
    folder.join("passphrase")
}

/// The passphrase of all test homes.
pub fn passphrase() -> Passphrase {
    Passphrase::new(PASSPHRASE.as_bytes().to_vec().into()).expect("a passphrase")
}

impl Network {
    /// [`Network::found`], with `settings` as every `node.toml`.
    pub fn found_quickly(members: &[&str], settings: &str) -> Self {
        let ports = super::free_ports(members.len());
        let address = |port: &u16| format!("/ip4/127.0.0.1/tcp/{port}");
        let members: Vec<(String, String)> =
            members.iter().zip(&ports).map(|(m, port)| ((*m).to_owned(), address(port))).collect();
        Self::found_at(&members, settings)
    }

    /// The same, each member with the multiaddress of its card.
    pub fn found_at(members: &[(String, String)], settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let founded = found_in(folder.path(), members, settings);
        let node = |one: Founded| Node { member: one.member, home: one.home, child: None, ready: None };
        let nodes = founded.into_iter().map(node).collect();
        let passphrase_file = passphrase_file(folder.path());
        Self { nodes, folder, passphrase_file }
    }
}

/// The home of a founded member, for a test that plays its node itself.
pub fn home_of(node: &Node) -> Home {
    Home::open(&node.home).expect("a home")
}

impl Node {
    /// The process id, while the node runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(std::process::Child::id)
    }
}
