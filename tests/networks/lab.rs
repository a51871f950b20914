//! A founded network whose nodes live in namespaces, and what can be asked of all of them.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ecomesh_api::{FrontierQuery, PeerView};

use crate::common::{Network, wait_at_most};
use crate::conditions::Conditions;
use crate::namespace::Namespace;
use crate::outcome::{ask, try_ask};
use crate::random::Random;
use crate::shaper::Shaper;

/// Longest wait for anything that should happen: what a path with loss takes, and a busy machine in addition.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// The members of all labs, as many as are wanted.
const MEMBERS: [&str; 20] = [
    "KE", "TZ", "TH", "FR", "CN", "BR", "NO", "PE", "UG", "IN", "CA", "ES", "NG", "ZA", "VN", "ID", "MX",
    "DE", "AU", "JP",
];
/// The only settings that are not those of the field: a small reserve, and the longest wait before a redial, which is
/// a minute there and would be most of the time of a test.
const SETTINGS: &str = "[net]\nredial_ms_max = 4000\n\n[store]\nballast_mib = 1\n";

/// Links that a node dials for.
const LINKS: usize = 14;

/// The lab. Its parts go in this order: processes, network, namespaces.
pub(crate) struct Lab {
    pub(crate) network: Network,
    pub(crate) shaper: Shaper,
    namespaces: Vec<Namespace>,
}

impl Lab {
    /// So many founded nodes on a perfect network; none runs. `None`, said aloud, where this machine has no lab.
    pub(crate) fn found(name: &str, nodes: usize) -> Option<Self> {
        match Self::try_found(name, nodes) {
            Ok(lab) => Some(lab),
            Err(why) => {
                eprintln!("skipped: {name}: {why}");
                None
            }
        }
    }

    fn try_found(name: &str, nodes: usize) -> Result<Self, String> {
        let addresses: Vec<Ipv4Addr> = (1..=nodes).map(|host| Ipv4Addr::new(10, 77, 0, host as u8)).collect();
        let namespaces = addresses.iter().map(|_| Namespace::new()).collect::<Result<Vec<_>, _>>()?;
        let devices = namespaces
            .iter()
            .zip(&addresses)
            .map(|(namespace, address)| Ok((*address, namespace.device(*address)?)))
            .collect::<Result<Vec<_>, String>>()?;
        let members: Vec<(String, String)> = MEMBERS
            .iter()
            .zip(&addresses)
            .map(|(member, address)| ((*member).to_owned(), format!("/ip4/{address}/tcp/7400")))
            .collect();
        let network = Network::found_at(&members, SETTINGS);
        let shaper = Shaper::start(devices, Random::for_test(name));
        Ok(Self { network, shaper, namespaces })
    }

    /// [`Self::found`], then starts every node and waits for the links.
    pub(crate) fn start(name: &str, nodes: usize) -> Option<Self> {
        let mut lab = Self::found(name, nodes)?;
        lab.start_all();
        lab.wait_until_linked();
        Some(lab)
    }

    /// Numbers of all nodes.
    pub(crate) fn all(&self) -> Vec<usize> {
        (0..self.namespaces.len()).collect()
    }

    /// Starts all nodes at once, and waits until their APIs answer.
    #[track_caller]
    pub(crate) fn start_all(&mut self) {
        self.all().into_iter().for_each(|index| self.launch(index));
        self.all().into_iter().for_each(|index| self.wait_for_start(index));
    }

    /// Starts a node in its namespace and waits until its API answers.
    #[track_caller]
    pub(crate) fn start_node(&mut self, index: usize) {
        self.launch(index);
        self.wait_for_start(index);
    }

    fn launch(&mut self, index: usize) {
        let passphrase_file = &self.network.passphrase_file;
        let node = &mut self.network.nodes[index];
        self.namespaces[index].inside(|| node.launch(passphrase_file)).expect("we were inside before");
    }

    #[track_caller]
    fn wait_for_start(&mut self, index: usize) {
        let node = &mut self.network.nodes[index];
        if let Err(code) = node.wait_for_start() {
            panic!("{} ended at once with code {code}: {}", node.member, node.log_tail());
        }
    }

    /// Changes the network from now on.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Conditions) -> T) -> T {
        self.shaper.change(change)
    }

    /// Waits until every node has links with all others, or with as many as it dials for.
    #[track_caller]
    pub(crate) fn wait_until_linked(&self) {
        let wanted = LINKS.min(self.namespaces.len() - 1);
        for (index, node) in self.network.nodes.iter().enumerate() {
            wait_at_most(PATIENCE, "links", || {
                match self.peers(index).into_iter().filter(|peer| peer.connected).count() {
                    links if links >= wanted => Ok(()),
                    links => Err(format!("{} has {links} links", node.member)),
                }
            });
        }
    }

    /// Waits until a node has, or has not, a link with each of these.
    #[track_caller]
    pub(crate) fn wait_for_links(&self, node: usize, others: &[usize], connected: bool) {
        let member = &self.network.nodes[node].member;
        let others: Vec<&str> =
            others.iter().map(|other| self.network.nodes[*other].member.as_str()).collect();
        wait_at_most(PATIENCE, "links", || {
            let wrong =
                |peer: &PeerView| others.contains(&peer.member.as_str()) && peer.connected != connected;
            let wrong: Vec<String> =
                self.peers(node).into_iter().filter(wrong).map(|peer| peer.member).collect();
            if wrong.is_empty() {
                return Ok(());
            }
            let links = if connected { "has no link with" } else { "has still a link with" };
            Err(format!("{member} {links} {wrong:?}"))
        });
    }

    /// What a node says of the others.
    pub(crate) fn peers(&self, node: usize) -> Vec<PeerView> {
        ask(&self.network.nodes[node], async |api| api.peers().await).peers
    }

    /// Waits until these nodes hold the same; how long that took.
    #[track_caller]
    pub(crate) fn wait_until_equal(&self, nodes: &[usize]) -> Duration {
        self.wait_until_equal_within(PATIENCE, nodes)
    }

    /// The same with a patience of its own.
    #[track_caller]
    pub(crate) fn wait_until_equal_within(&self, patience: Duration, nodes: &[usize]) -> Duration {
        let began = Instant::now();
        wait_at_most(patience, "equal holdings", || {
            let digests: Vec<Option<String>> = nodes.iter().map(|node| self.digest(*node)).collect();
            if digests[0].is_some() && digests.iter().all(|digest| *digest == digests[0]) {
                return Ok(());
            }
            Err(format!("{digests:?}"))
        });
        began.elapsed()
    }

    fn digest(&self, node: usize) -> Option<String> {
        let view =
            try_ask(&self.network.nodes[node], async |api| api.frontier(&FrontierQuery::default()).await);
        view.ok()?.digest
    }

    /// A counter of a node's network; zero after each start of the node.
    #[track_caller]
    pub(crate) fn counter(&self, node: usize, name: &str) -> u64 {
        let text = ask(&self.network.nodes[node], async |api| api.metrics().await);
        let label = format!("{{name=\"{name}\"}}");
        let value = text.lines().find_map(|line| line.split_once(&label)?.1.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no counter {name} in {text}"))
    }

    /// What the network did, for the report of a test.
    pub(crate) fn report(&self) -> String {
        format!("packets: {:?}", self.shaper.tally())
    }
}
