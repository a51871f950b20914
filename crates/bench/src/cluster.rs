//! Nodes as processes. Whatever happens, they end with the benchmark: they are killed when this is dropped, and they
//! stop by themselves when their standard input ends.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ecomesh_api::Client;
use ecomesh_record::MemberId;
use tokio::process::{Child, Command};

use crate::cli::Options;
use crate::founding::{Founded, found_network};

/// Longest wait for a node with an empty store to become ready.
const START_MAX: Duration = Duration::from_secs(60);
/// Longest wait for a node that was asked to stop; it needs less than three seconds.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How often a condition is asked for.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// Settings of the nodes that differ from the defaults, and why: one address plays all bureaus, so redials are quick
/// and many strangers may come from it; the reserve on the disk would only blur what records take; and the window of
/// the benchmark is larger than the requests that a node takes at once by default.
pub const SETTINGS: &str = "\
[net]
strangers_per_ip_max = 64
redial_ms_min = 100
redial_ms_max = 1000

[api]
requests_max = 600

[store]
ballast_mib = 1

[log]
level = \"warn\"
";

/// A network in a temporary folder, which is removed with it.
pub struct Cluster {
    /// One for each member that has a node, in the founding's order.
    pub nodes: Vec<Node>,
    /// Keys and homes of all members.
    pub founded: Founded,
    /// Removed when dropped, after the nodes are killed.
    folder: tempfile::TempDir,
}

/// One member's node.
pub struct Node {
    /// Whose it is.
    pub member: MemberId,
    /// Its API. Each clone that sends at once opens a connection of its own.
    pub api: Client,
    home: PathBuf,
    passphrase_file: PathBuf,
    child: Option<Child>,
}

impl Cluster {
    /// Founds a network of `nodes` nodes and `absent` members that only sign. Nothing runs yet.
    pub fn found(nodes: usize, absent: usize, options: &Options) -> anyhow::Result<Self> {
        let folder = temporary_folder(options)?;
        let founded = found_network(folder.path(), nodes + absent, SETTINGS)?;
        let node = |(home, member): (&ecomesh_node::home::Home, &MemberId)| Node {
            member: *member,
            api: Client::for_home(home.dir()),
            home: home.dir().to_owned(),
            passphrase_file: founded.passphrase_file.clone(),
            child: None,
        };
        let nodes = founded.homes.iter().zip(&founded.members).take(nodes).map(node).collect();
        Ok(Self { nodes, founded, folder })
    }

    /// The same, with all nodes running and linked with each other.
    pub async fn start(nodes: usize, options: &Options) -> anyhow::Result<Self> {
        let mut cluster = Self::found(nodes, 0, options)?;
        for node in &mut cluster.nodes {
            node.spawn()?;
        }
        for node in &cluster.nodes {
            node.ready(START_MAX).await?;
        }
        cluster.linked(0..nodes).await?;
        Ok(cluster)
    }

    /// Waits until each of these nodes has a link with all others of them.
    pub async fn linked(&self, nodes: std::ops::Range<usize>) -> anyhow::Result<()> {
        let all = &self.nodes[nodes];
        for node in all {
            until(START_MAX, "links between the nodes", async || {
                let peers = node.api.peers().await.ok()?.peers;
                let connected = |other: &&Node| {
                    peers.iter().any(|peer| {
                        peer.connected
                            && peer.member == other.member.as_str()
                            && peer.last_frontier_at_ms.is_some()
                    })
                };
                let others = all.iter().filter(|other| other.member != node.member);
                (others.filter(connected).count() + 1 == all.len()).then_some(())
            })
            .await?;
        }
        Ok(())
    }

    /// Asks all nodes to stop and waits; the folder is removed when this is dropped.
    pub async fn stop(&mut self) {
        futures::future::join_all(self.nodes.iter_mut().map(Node::stop)).await;
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Node {
    /// Starts the process; it does not wait for anything.
    pub fn spawn(&mut self) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("cannot find the path of this program")?;
        let log = std::fs::File::options().create(true).append(true).open(self.log_file())?;
        let mut command = Command::new(program);
        command.arg("node").arg(&self.home).arg(&self.passphrase_file);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().context("cannot start a node")?);
        Ok(())
    }

    /// Waits until the node takes and gives messages.
    pub async fn ready(&self, longest: Duration) -> anyhow::Result<()> {
        let what = format!("the node of {} to be ready", self.member);
        let ready =
            until(longest, &what, async || self.api.ready().await.ok().filter(|ready| ready.ready).map(drop));
        ready.await.with_context(|| format!("its log ends with: {}", tail(&self.log_file())))
    }

    /// SIGKILL: the process ends between two instructions.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { bail!("the node of {} does not run", self.member) };
        child.kill().await.context("cannot kill a node")
    }

    /// Asks the node to stop and waits; one that does not stop is killed.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop(child.stdin.take());
        if tokio::time::timeout(STOP_MAX, child.wait()).await.is_err() {
            // It is killed at the latest when it is dropped.
            let _ = child.kill().await;
        }
    }

    /// The process's id, while it runs.
    pub fn pid(&self) -> anyhow::Result<u32> {
        let id = self.child.as_ref().and_then(Child::id);
        id.with_context(|| format!("the node of {} does not run", self.member))
    }

    /// A client with a connection of its own.
    pub fn client(&self) -> Client {
        Client::for_home(&self.home)
    }

    /// Its folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    fn log_file(&self) -> PathBuf {
        self.home.with_extension("log")
    }
}

/// Asks until the answer is there.
pub async fn until<T>(
    longest: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + longest;
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            bail!("waited {} s in vain for {what}", longest.as_secs());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// A folder for one benchmark, on the disk that was asked for.
pub fn temporary_folder(options: &Options) -> anyhow::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("ecomesh-bench-");
    let folder = match &options.folder {
        Some(parent) => builder.tempdir_in(parent),
        None => builder.tempdir(),
    };
    folder.context("cannot make a temporary folder; name another place with --folder")
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}
