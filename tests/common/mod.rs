//! Helpers that the workspace's tests share: the binary under test, networks of real processes on loopback,
//! and waiting for a condition with a deadline. Every process started here is ended here.

#![allow(dead_code, unreachable_pub, missing_docs)] // Each test target compiles this file for itself and uses its own part.

pub mod quick;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The passphrase of every test home.
pub const PASSPHRASE: &str = "correct horse battery staple";
/// Longest wait for anything that should happen: far above what it takes, so that a slow machine passes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The command under test, away from the caller's environment.
pub fn ecomesh() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecomesh"));
    command
        .env_remove("ECOMESH_HOME")
        .env_remove("XDG_DATA_HOME")
        // Help is wrapped to a fixed width where there is no terminal.
        .env_remove("COLUMNS")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[allow(clippy::needless_pass_by_value)] // It reads as `Ran::from(command.output()?)`.
    pub fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON on stdout.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON on stdout ({error}): {self:#?}"))
    }

    /// The JSON of the error on stderr, the last line of it.
    pub fn error(&self) -> Value {
        let line = self.stderr.lines().last().unwrap_or("");
        let value: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("no JSON on stderr ({error}): {self:#?}"));
        value["error"].clone()
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }
}

/// Runs a command to its end.
pub fn run(args: &[&str]) -> Ran {
    Ran::from(ecomesh().args(args).output().expect("the binary runs"))
}

/// Runs a command in a folder, so that relative paths mean that folder.
pub fn run_in(folder: &Path, args: &[&str]) -> Ran {
    Ran::from(ecomesh().args(args).current_dir(folder).output().expect("the binary runs"))
}

/// Waits until `condition` gives something; panics with `what` and the last finding after [`PATIENCE`].
#[track_caller]
pub fn wait_for<T>(what: &str, condition: impl FnMut() -> Result<T, String>) -> T {
    wait_at_most(PATIENCE, what, condition)
}

/// [`wait_for`], with a patience of one's own.
#[track_caller]
pub fn wait_at_most<T>(
    patience: Duration,
    what: &str,
    mut condition: impl FnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        match condition() {
            Ok(found) => return found,
            Err(last) if Instant::now() > deadline => {
                panic!("waited {patience:?} for {what}; last seen: {last}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Loopback ports that are free now. Another program may take one before its node does; the listeners are held
/// together, so that no two are the same.
pub fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

/// One member of a [`Network`]: its folder and, while it runs, its process.
pub struct Node {
    pub member: String,
    pub home: PathBuf,
    child: Option<Child>,
    /// Hears once that the launched process is ready, or that it never will be.
    ready: Option<Receiver<()>>,
}

impl Node {
    /// Waits until the node has published its prekey of the day: from then on it writes nothing by itself.
    #[track_caller]
    pub fn wait_until_prekeys(&self) {
        wait_for("published prekeys", || {
            let own = self.json(&["prekeys"])["own"].clone();
            let list = own.as_array().cloned().unwrap_or_default();
            let published = list.len() == 2 && list.iter().all(|prekey| prekey["published"] == true);
            if published { Ok(()) } else { Err(own.to_string()) }
        });
    }

    /// Starts the node and waits until its API answers.
    #[track_caller]
    pub fn start(&mut self, passphrase_file: &Path) {
        self.launch(passphrase_file);
        if let Err(code) = self.wait_for_start() {
            panic!("{} ended at once with code {code}: {}", self.member, self.log_tail());
        }
    }

    /// Starts the node's process and does not wait for it.
    #[track_caller]
    pub fn launch(&mut self, passphrase_file: &Path) {
        assert!(self.child.is_none(), "{} runs already", self.member);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).expect("a log file");
        let mut child = ecomesh()
            // A test that is killed closes the pipe, and its nodes stop.
            .args(["run", "--stop-with-stdin", "--home"])
            .arg(&self.home)
            .arg("--passphrase-file")
            .arg(passphrase_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the node starts");
        let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, ready) = channel();
        std::thread::spawn(move || {
            // The node prints one line when it is ready. End of file means that it ended instead.
            let mut line = String::new();
            if reader.read_line(&mut line).is_ok_and(|length| length > 0) {
                let _ = sender.send(());
            }
            // Drain what may follow, so that the pipe never fills.
            let _ = reader.read_to_end(&mut Vec::new());
        });
        self.child = Some(child);
        self.ready = Some(ready);
    }

    /// Waits until a launched node is ready. If it ends instead, that is its exit code.
    #[track_caller]
    pub fn wait_for_start(&mut self) -> Result<(), i32> {
        let ready = self.ready.take().expect("it was launched");
        match ready.recv_timeout(PATIENCE) {
            Ok(()) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(self.wait_for_end()),
            Err(RecvTimeoutError::Timeout) => {
                panic!("{} is not ready after {PATIENCE:?}: {}", self.member, self.log_tail())
            }
        }
    }

    /// Waits until the process has ended by itself; its exit code, or −1 if a signal ended it.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> i32 {
        let mut child = self.child.take().expect("it runs");
        let code = wait_for("the end of the process", || match child.try_wait() {
            Ok(Some(status)) => Ok(status.code().unwrap_or(-1)),
            other => Err(format!("{other:?}")),
        });
        self.ready = None;
        code
    }

    /// The exit code, if the process has ended by itself.
    pub fn has_ended(&mut self) -> Option<i32> {
        let status = self.child.as_mut()?.try_wait().expect("a child of ours")?;
        self.child = None;
        self.ready = None;
        Some(status.code().unwrap_or(-1))
    }

    /// Sends a signal, as `STOP`, to the process.
    pub fn signal(&self, name: &str) {
        signal(self.child.as_ref().expect("it runs"), name);
    }

    /// SIGKILL: no chance to tidy up.
    pub fn kill(&mut self) {
        self.ready = None;
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and waits for the end; the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        let began = Instant::now();
        terminate(&child);
        let code = wait_for("a clean stop", || match child.try_wait() {
            Ok(Some(status)) => Ok(status.code().unwrap_or(-1)),
            other => Err(format!("{other:?}")),
        });
        eprintln!("{} stopped in {} ms", self.member, began.elapsed().as_millis());
        Some(code)
    }

    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// The id of its process, which runs.
    pub fn process_id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// A client of its API.
    pub fn api(&self) -> ecomesh_api::Client {
        ecomesh_api::Client::for_home(&self.home)
    }

    /// Runs a command against this node.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::from(ecomesh().args(args).arg("--home").arg(&self.home).output().expect("the binary runs"))
    }

    /// Runs a command against this node with `--json` and expects it to succeed.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.push("--json");
        self.run(&all).expect(0).json()
    }

    pub fn log(&self) -> PathBuf {
        self.home.with_extension("log")
    }

    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    pub fn log_tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends SIGTERM to a child of ours, by its id.
pub fn terminate(child: &Child) {
    signal(child, "TERM");
}

/// Sends a signal, as `TERM`, to a child of ours, by its id.
pub fn signal(child: &Child, name: &str) {
    let arguments = [format!("-{name}"), child.id().to_string()];
    let status = Command::new("kill").args(&arguments).status().expect("kill runs");
    assert!(status.success(), "kill {arguments:?}");
}

/// A network of real processes on loopback, founded with the commands that an operator would type.
pub struct Network {
    pub nodes: Vec<Node>,
    pub folder: tempfile::TempDir,
    pub passphrase_file: PathBuf,
}

impl Network {
    /// Keys, charter, signatures and homes for these members; nothing runs yet.
    pub fn found(members: &[&str]) -> Self {
        Self::found_with(members, &[])
    }

    /// The same, in a network in which `quorum` of `reviewers` review notices.
    pub fn reviewed(members: &[&str], reviewers: &[&str], quorum: usize) -> Self {
        let (reviewers, quorum) = (reviewers.join(","), quorum.to_string());
        Self::found_with(members, &["--reviewers", &reviewers, "--quorum", &quorum])
    }

    fn found_with(members: &[&str], options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let passphrase_file = folder.path().join("passphrase");
        std::fs::write(&passphrase_file, PASSPHRASE).expect("a passphrase file");
        let ports = free_ports(members.len());
        let nodes: Vec<Node> = members
            .iter()
            .zip(&ports)
            .map(|(member, port)| keygen(folder.path(), &passphrase_file, member, *port))
            .collect();
        let network = Self { nodes, folder, passphrase_file };
        network.charter(options);
        network
    }

    /// [`Self::found`], then starts every node.
    pub fn start(members: &[&str]) -> Self {
        let mut network = Self::found(members);
        for index in 0..network.nodes.len() {
            network.start_node(index);
        }
        network
    }

    pub fn start_node(&mut self, index: usize) {
        let passphrase_file = self.passphrase_file.clone();
        self.nodes[index].start(&passphrase_file);
    }

    /// Draft, one signature per member, founding, and every home joins.
    fn charter(&self, options: &[&str]) {
        let folder = self.folder.path();
        let cards: Vec<String> = self.nodes.iter().map(|node| format!("{}/card.toml", node.member)).collect();
        let mut draft = vec!["charter", "draft", "--network", "test", "-o", "charter.toml"];
        draft.extend(cards.iter().map(String::as_str));
        draft.extend(options);
        run_in(folder, &draft).expect(0);
        let signatures: Vec<String> = self.nodes.iter().map(|node| format!("{}.sig", node.member)).collect();
        for (node, signature) in self.nodes.iter().zip(&signatures) {
            let sign = [
                "charter",
                "sign",
                "--home",
                &node.member,
                "--passphrase-file",
                "passphrase",
                "charter.toml",
                "-o",
                signature,
            ];
            run_in(folder, &sign).expect(0);
        }
        let mut found = vec!["charter", "found", "charter.toml", "-o", "test.charter"];
        found.extend(signatures.iter().map(String::as_str));
        run_in(folder, &found).expect(0);
        for node in &self.nodes {
            run_in(
                folder,
                &["join", "--home", &node.member, "--passphrase-file", "passphrase", "test.charter"],
            )
            .expect(0);
        }
    }

    /// Waits until all running nodes hold the same, and returns it.
    #[track_caller]
    pub fn wait_until_equal(&self) -> Value {
        wait_for("equal frontiers", || {
            let all: Vec<Value> = self.running().map(|node| holdings(&node.json(&["frontier"]))).collect();
            match all.windows(2).find(|pair| pair[0] != pair[1]) {
                None => Ok(all.into_iter().next().unwrap_or(Value::Null)),
                Some(pair) => Err(format!("{} and {}", pair[0], pair[1])),
            }
        })
    }

    /// Waits until every running node has a link with every other running one.
    #[track_caller]
    pub fn wait_until_linked(&self) {
        let running: Vec<&str> = self.running().map(|node| node.member.as_str()).collect();
        wait_for("links between all nodes", || {
            for node in self.running() {
                let view = node.json(&["peers"]);
                let mut peers = view["peers"].as_array().into_iter().flatten();
                let is_alone = |peer: &Value| {
                    peer["connected"] != true && running.iter().any(|member| peer["member"] == *member)
                };
                if peers.any(is_alone) {
                    return Err(format!("{}: {view}", node.member));
                }
            }
            Ok(())
        });
    }

    pub fn running(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_running())
    }

    /// Exports what the node holds and audits the archive without any node.
    #[track_caller]
    pub fn audit(&self, index: usize) -> Value {
        let archive = self.folder.path().join(format!("{}.ecoarchive", self.nodes[index].member));
        let _ = std::fs::remove_file(&archive);
        let path = archive.to_str().expect("a plain path");
        self.nodes[index].run(&["export", "-o", path]).expect(0);
        run(&["audit", path, "--json"]).expect(0).json()
    }
}

fn keygen(folder: &Path, passphrase_file: &Path, member: &str, port: u16) -> Node {
    let home = folder.join(member);
    let listen = format!("/ip4/127.0.0.1/tcp/{port}");
    let name = format!("NCB {member}");
    let ran = Ran::from(
        ecomesh()
            .args(["keygen", "--member", member, "--name", &name, "--listen", &listen, "--home"])
            .arg(&home)
            .arg("--passphrase-file")
            .arg(passphrase_file)
            .output()
            .expect("the binary runs"),
    );
    ran.expect(0);
    // One machine plays all bureaus.
    let config = "[net]\nstrangers_per_ip_max = 64\nredial_ms_min = 100\nredial_ms_max = 1000\n\n[store]\nballast_mib = 1\n";
    std::fs::write(home.join("node.toml"), config).expect("a writable home");
    Node { member: member.to_owned(), home, child: None, ready: None }
}

/// What of a frontier two nodes that hold the same must agree on: the entries and the holes, not who signed when.
pub fn holdings(frontier: &Value) -> Value {
    serde_json::json!({ "entries": frontier["entries"], "holes": frontier["holes"] })
}

/// A file of `../shared` beside the project, where the workplace has one; tests that need it skip visibly.
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    if file.exists() {
        return Some(file);
    }
    eprintln!("skipped: {path} is not here");
    None
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root of the workspace")
}
