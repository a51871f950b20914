//! The nodes of the demonstration: one real process and one folder for each country.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use ecomesh_api::Client;
use futures::future::try_join_all;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::proxy::Wires;

/// Longest wait for a node to become ready.
const START_MAX: Duration = Duration::from_secs(60);
/// Longest wait for a node that was asked to stop; it needs less than two seconds.
const STOP_MAX: Duration = Duration::from_secs(10);

/// All nodes and the wires between them. When this is dropped, every process is killed.
pub struct Cluster {
    /// In the order of the countries.
    pub nodes: Vec<Node>,
    /// The proxies, which can be cut.
    pub wires: Wires,
    folder: PathBuf,
    program: PathBuf,
}

/// One country's node.
pub struct Node {
    /// The country's letters.
    pub member: String,
    /// Its folder.
    pub home: PathBuf,
    /// Its API.
    pub api: Client,
    /// The process, while it runs. It is killed when this is dropped.
    child: Option<Child>,
}

impl Cluster {
    /// Makes keys, charter and homes for all, in the way that operators would type it.
    pub async fn found(folder: &Path, countries: &[String]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the path of this program")?;
        write_private(&folder.join("passphrase"), &crate::commands::send::random_key()?)?;
        // Where the nodes listen, and a public address for each card. Nothing ever listens on the latter: in this
        // demonstration every link has a wire of its own, which node.toml names and which can be cut.
        let held = hold_ports(2 * countries.len())?;
        let ports: Vec<u16> =
            held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect::<std::io::Result<_>>()?;
        let (listening, public) = ports.split_at(countries.len());
        let node = |member: &String| {
            let home = folder.join(member);
            Node { member: member.clone(), api: Client::for_home(&home), home, child: None }
        };
        let nodes = countries.iter().map(node).collect();
        let mut cluster = Self { nodes, wires: Wires::new(), folder: folder.to_owned(), program };
        try_join_all(cluster.nodes.iter().zip(public).map(|(node, port)| cluster.make_keys(node, *port)))
            .await?;
        for dialer in 0..countries.len() {
            cluster.configure(dialer, listening).await?;
        }
        cluster.make_charter().await?;
        Ok(cluster)
    }

    /// Starts all nodes at once and waits until each is ready.
    pub async fn start_all(&mut self) -> anyhow::Result<()> {
        let started = try_join_all(self.nodes.iter().map(|node| self.spawn(node))).await?;
        for (index, child) in started.into_iter().enumerate() {
            self.nodes[index].child = Some(child);
        }
        Ok(())
    }

    /// Starts one node and waits until it is ready.
    pub async fn start(&mut self, index: usize) -> anyhow::Result<()> {
        let child = self.spawn(&self.nodes[index]).await?;
        self.nodes[index].child = Some(child);
        Ok(())
    }

    /// SIGKILL: the process ends between two instructions.
    pub async fn kill(&mut self, index: usize) -> anyhow::Result<()> {
        let Some(mut child) = self.nodes[index].child.take() else {
            bail!("{} does not run", self.nodes[index].member)
        };
        child.kill().await.context("cannot kill a node")
    }

    /// Asks every node to stop and waits; the ones that do not stop are killed.
    pub async fn stop_all(&mut self) {
        let children: Vec<Child> = self.nodes.iter_mut().filter_map(|node| node.child.take()).collect();
        futures::future::join_all(children.into_iter().map(|mut child| async move {
            // The node stops when its standard input ends.
            drop(child.stdin.take());
            if tokio::time::timeout(STOP_MAX, child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
        }))
        .await;
    }

    /// Runs one command of this program to its end; its output.
    pub async fn command(&self, args: &[&str]) -> anyhow::Result<std::process::Output> {
        let mut command = self.program();
        command.args(args).stdin(Stdio::null());
        command.output().await.with_context(|| format!("cannot run ecomesh {}", args.join(" ")))
    }

    /// [`Self::command`], which must succeed.
    async fn must(&self, args: &[&str]) -> anyhow::Result<()> {
        let output = self.command(args).await?;
        if !output.status.success() {
            bail!("ecomesh {} failed: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).env_remove("ECOMESH_HOME").kill_on_drop(true);
        command
    }

    async fn make_keys(&self, node: &Node, public: u16) -> anyhow::Result<()> {
        let listen = format!("/ip4/127.0.0.1/tcp/{public}");
        let (member, name) = (&node.member, bureau(&node.member));
        self.must(&[
            "keygen",
            "--member",
            member,
            "--name",
            &name,
            "--listen",
            &listen,
            "--home",
            member,
            "--passphrase-file",
            "passphrase",
        ])
        .await
    }

    /// Writes a node's settings: where it listens, and the wires to all others. One machine plays all bureaus, so
    /// redials are quick, the reserve on the disk is small, and many strangers may come from one address.
    async fn configure(&mut self, dialer: usize, listening: &[u16]) -> anyhow::Result<()> {
        let mut config = format!(
            "[net]\nlisten = [\"/ip4/127.0.0.1/tcp/{}\"]\nstrangers_per_ip_max = 64\nredial_ms_min = 100\n\
             redial_ms_max = 1000\n\n[store]\nballast_mib = 1\n\n[net.addresses]\n",
            listening[dialer]
        );
        for (target, port) in listening.iter().enumerate().filter(|(target, _)| *target != dialer) {
            let wire =
                self.wires.add(dialer, target, *port).await.context("cannot open a port for a wire")?;
            config.push_str(&format!("{} = [\"/ip4/127.0.0.1/tcp/{wire}\"]\n", self.nodes[target].member));
        }
        std::fs::write(self.nodes[dialer].home.join("node.toml"), config).context("cannot write node.toml")
    }

    async fn make_charter(&self) -> anyhow::Result<()> {
        let cards: Vec<String> = self.nodes.iter().map(|node| format!("{}/card.toml", node.member)).collect();
        let signatures: Vec<String> = self.nodes.iter().map(|node| format!("{}.sig", node.member)).collect();
        let mut draft = vec!["charter", "draft", "--network", "demo", "-o", "charter.toml"];
        let members = self.nodes.iter().map(|node| node.member.as_str());
        let reviewers = super::register::reviewers(members).join(",");
        draft.extend(["--reviewers", &reviewers]);
        // All countries take part in the pilot, so that each sample of node-config/demo can be sent by one of them.
        let countries: Vec<&str> = self
            .nodes
            .iter()
            .map(|node| node.member.as_str())
            .filter(|member| super::register::is_country(member))
            .collect();
        let pilot = format!("silver={}", countries.join(","));
        if !countries.is_empty() {
            draft.extend(["--pilot", &pilot]);
        }
        draft.extend(cards.iter().map(String::as_str));
        self.must(&draft).await?;
        try_join_all(self.nodes.iter().zip(&signatures).map(|(node, signature)| async move {
            let home = &node.member;
            self.must(&[
                "charter",
                "sign",
                "--home",
                home,
                "--passphrase-file",
                "passphrase",
                "charter.toml",
                "-o",
                signature,
            ])
            .await
        }))
        .await?;
        let mut found = vec!["charter", "found", "charter.toml", "-o", "demo.charter"];
        found.extend(signatures.iter().map(String::as_str));
        self.must(&found).await?;
        try_join_all(self.nodes.iter().map(|node| async move {
            self.must(&["join", "--home", &node.member, "--passphrase-file", "passphrase", "demo.charter"])
                .await
        }))
        .await?;
        Ok(())
    }

    async fn spawn(&self, node: &Node) -> anyhow::Result<Child> {
        let log = node.home.with_extension("log");
        let stderr = std::fs::File::options().create(true).append(true).open(&log)?;
        let mut child = self
            .program()
            .args(["run", "--stop-with-stdin", "--passphrase-file", "passphrase", "--home", &node.member])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .context("cannot start a node")?;
        let stdout = child.stdout.take().context("a node without output")?;
        // One line says that the node is ready; the end of the output says that it ended.
        let mut lines = BufReader::new(stdout).lines();
        match tokio::time::timeout(START_MAX, lines.next_line()).await {
            Ok(Ok(Some(_))) => {}
            _ => bail!("the node of {} did not start: {}", node.member, tail(&log)),
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(child)
    }
}

/// The name of a country's bureau, by its city where the samples have one.
fn bureau(member: &str) -> String {
    let city = match member {
        "KE" => "Nairobi",
        "TZ" => "Dar es Salaam",
        "TH" => "Bangkok",
        "FR" => "Paris",
        "CN" => "Beijing",
        other => other,
    };
    format!("NCB {city}")
}

/// Ports that are free now, all different since they are held together.
fn hold_ports(count: usize) -> std::io::Result<Vec<TcpListener>> {
    (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect()
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}
