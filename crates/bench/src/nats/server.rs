//! Three NATS servers on loopback as a JetStream cluster, each a process with a folder of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use tokio::process::{Child, Command};

use super::client::Client;
use crate::cli::Options;
use crate::cluster::temporary_folder;
use crate::founding::free_ports;

/// Servers, and replicas of the stream.
pub const SERVERS: usize = 3;
/// The stream's subject.
pub const SUBJECT: &str = "records";
/// Longest wait for the servers to elect a leader and make the stream.
const START_MAX: Duration = Duration::from_secs(60);
/// Between two tries.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// When a server syncs what it has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sync {
    /// Every two minutes.
    Default,
    /// Before each acknowledgement.
    Always,
}

impl Sync {
    /// In figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Always => "always",
        }
    }
}

/// The running servers. They are killed when this is dropped, then their folder is removed.
pub struct Cluster {
    servers: Vec<Child>,
    /// Where clients connect.
    pub ports: Vec<u16>,
    _folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts the servers and makes the stream.
    pub async fn start(program: &Path, sync: Sync, options: &Options) -> anyhow::Result<Self> {
        let folder = temporary_folder(options)?;
        let ports = free_ports(2 * SERVERS)?;
        let (clients, routes) = ports.split_at(SERVERS);
        let mut servers = Vec::new();
        for n in 0..SERVERS {
            let config = folder.path().join(format!("server-{n}.conf"));
            std::fs::write(&config, config_text(n, folder.path(), clients, routes, sync))?;
            let log = std::fs::File::create(folder.path().join(format!("server-{n}.log")))?;
            let mut command = Command::new(program);
            command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            servers.push(command.kill_on_drop(true).spawn().context("cannot start nats-server")?);
        }
        let cluster = Self { servers, ports: clients.to_vec(), _folder: folder };
        cluster.make_stream().await?;
        Ok(cluster)
    }

    /// Kills the servers and waits for their end.
    pub async fn stop(&mut self) {
        for server in &mut self.servers {
            // One that has ended already is no matter.
            let _ = server.kill().await;
        }
    }

    /// Asks for the stream until the servers have found each other.
    async fn make_stream(&self) -> anyhow::Result<()> {
        let stream = serde_json::json!({
            "name": SUBJECT, "subjects": [SUBJECT], "storage": "file", "retention": "limits",
            "num_replicas": SERVERS, "discard": "old", "max_msgs": -1, "max_bytes": -1,
        });
        let deadline = Instant::now() + START_MAX;
        loop {
            match self.try_stream(stream.to_string().as_bytes()).await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() >= deadline => {
                    return Err(error).context("the NATS servers made no stream");
                }
                Err(_) => tokio::time::sleep(RETRY_AFTER).await,
            }
        }
    }

    async fn try_stream(&self, stream: &[u8]) -> anyhow::Result<()> {
        let client = Client::connect(self.ports[0]).await?;
        let subject = format!("$JS.API.STREAM.CREATE.{SUBJECT}");
        let request = client.request(&subject, stream);
        // Before there is a leader nobody answers.
        let answer = tokio::time::timeout(Duration::from_secs(5), request).await??;
        let json: serde_json::Value = serde_json::from_slice(&answer)?;
        ensure!(json["config"]["num_replicas"] == SERVERS, "{json}");
        Ok(())
    }
}

fn config_text(n: usize, folder: &Path, clients: &[u16], routes: &[u16], sync: Sync) -> String {
    let sync = match sync {
        Sync::Default => "",
        Sync::Always => "sync_interval: always",
    };
    let others: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    format!(
        "server_name: server-{n}\nlisten: 127.0.0.1:{}\n\
         jetstream {{ store_dir: \"{}/store-{n}\"\n {sync} }}\n\
         cluster {{ name: benchmark\n listen: 127.0.0.1:{}\n routes: [{}] }}\n",
        clients[n],
        folder.display(),
        routes[n],
        others.join(", ")
    )
}

/// What the program says of itself.
pub fn version(program: &Path) -> anyhow::Result<String> {
    let output = std::process::Command::new(program).arg("--version").stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || !text.starts_with("nats-server") {
        bail!("{} is no nats-server", program.display());
    }
    Ok(text)
}
