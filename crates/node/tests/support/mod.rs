//! Networks of real nodes in one process, on loopback, with real files.

// The unwraps of a test's support are the test's own; not every test uses all of it.
#![allow(clippy::unwrap_used, unreachable_pub, dead_code)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use ecomesh_api::{Client, ClientError, Problem, SendRequest};
use ecomesh_node::config::NodeConfig;
use ecomesh_node::founding::draft::Draft;
use ecomesh_node::founding::join::join;
use ecomesh_node::founding::keygen::{KeygenRequest, keygen};
use ecomesh_node::founding::sign::{found, sign};
use ecomesh_node::home::Home;
use ecomesh_node::passphrase::{Passphrase, PassphraseError};
use ecomesh_node::{Daemon, Running, StartError};
use ecomesh_protocol::author::lane_of;
use ecomesh_protocol::prekeys::{Announcement, Use};
use ecomesh_record::archive::{ArchiveEncoder, Filter, LogRange, Manifest};
use ecomesh_record::{
    Audience, Body, Flags, Header, Kind, MemberId, Priority, Record, RecordId, Retention, ReviewRule, Time,
};
use ecomesh_seal::key_file::Params;
use ecomesh_seal::vault::{Keys, Part, VaultKey};
use ecomesh_seal::{PrekeySecret, StorageKey};
use serde_json::json;
use zeroize::Zeroizing;

/// A condition must come true within this. Tests do not depend on how soon.
const DEADLINE: Duration = Duration::from_secs(60);

/// The homes of a founded network whose members have all joined.
pub struct Network {
    _root: tempfile::TempDir,
    pub homes: Vec<Home>,
}

impl Network {
    /// Founds a network of these members.
    pub fn found(members: &[&str]) -> Self {
        Self::found_by(members, |draft| draft)
    }

    /// Founds a network of these members in which `quorum` of `reviewers` review notices.
    pub fn reviewed(members: &[&str], reviewers: &[&str], quorum: u8) -> Self {
        let mut reviewers: Vec<_> = reviewers.iter().map(|name| MemberId::parse(name).unwrap()).collect();
        reviewers.sort_unstable();
        let rule = ReviewRule { quorum, own_review: false, reviewers };
        Self::found_by(members, |draft| draft.with_review(&rule).unwrap())
    }

    fn found_by(members: &[&str], change: impl FnOnce(Draft) -> Draft) -> Self {
        let root = tempfile::tempdir().unwrap();
        let made: Vec<_> = members
            .iter()
            .map(|member| {
                let request = KeygenRequest {
                    member: MemberId::parse(member).unwrap(),
                    name: format!("NCB {member}"),
                    role: None,
                    listen: vec![format!("/ip4/127.0.0.1/tcp/{}", free_port())],
                    addresses: Vec::new(),
                };
                // The smallest that Argon2id takes: these keys guard nothing.
                let params = Params::new(8, 1, 1).unwrap();
                keygen(&root.path().join(member), &request, &passphrase("correct horse"), params).unwrap()
            })
            .collect();
        let cards: Vec<_> = made.iter().map(|(_, card)| card.clone()).collect();
        let draft = change(Draft::new("test mesh", &cards, Time(1_700_000_000_000)).unwrap());
        let signatures: Vec<_> = made
            .iter()
            .map(|(home, card)| {
                let identity = home.unseal(&passphrase("correct horse")).unwrap();
                (PathBuf::from(card.member.as_str()), sign(&draft, card, &identity).unwrap())
            })
            .collect();
        let charter = found(&draft, &signatures).unwrap().encode().unwrap();
        let file = root.path().join("test.charter");
        std::fs::write(&file, charter).unwrap();
        for (home, _) in &made {
            // A reserve of 256 MiB for each node of each test would fill small disks.
            std::fs::write(home.config_file(), "[store]\nballast_mib = 1\n").unwrap();
            join(home, &file).unwrap();
        }
        Self { _root: root, homes: made.into_iter().map(|(home, _)| home).collect() }
    }

    /// Starts the node of one member.
    pub async fn start(&self, n: usize) -> Running {
        self.try_start(n, config()).await.unwrap()
    }

    /// Starts the node of one member, if it starts.
    pub async fn try_start(&self, n: usize, config: NodeConfig) -> Result<Running, StartError> {
        Daemon::start(self.homes[n].clone(), passphrase("correct horse"), config).await
    }

    /// Starts all of them.
    pub async fn start_all(&self) -> Vec<Running> {
        let mut all = Vec::new();
        for n in 0..self.homes.len() {
            all.push(self.start(n).await);
        }
        all
    }
}

impl Network {
    /// The first record of a member in a lane, or another one if `change` gives it its place, to all and open, made with its
    /// keys. Its node must never run.
    pub fn record_of(
        &self,
        n: usize,
        kind: Kind,
        content: Vec<u8>,
        change: impl FnOnce(&mut Header),
    ) -> Record {
        let home = &self.homes[n];
        let network = home.roster().unwrap().network();
        let body = Body::new([7; 32], content).unwrap();
        let mut header = Header {
            author: home.card().unwrap().member,
            lane: lane_of(kind),
            generation: 0,
            seq: 0,
            prev: RecordId::ZERO,
            created_at: now(),
            expires_at: Time(0),
            roster_epoch: 0,
            priority: Priority::ROUTINE,
            kind,
            retention: Retention::CONTROL,
            flags: Flags(0),
            to: Vec::new(),
            audience: Audience::Open,
            body_commit: body.commitment(network),
            body_len: u32::try_from(body.content().len()).unwrap(),
            ext: Vec::new(),
        };
        change(&mut header);
        let identity = home.unseal(&passphrase("correct horse")).unwrap();
        let sign = |id| *identity.signing_key().sign_record(network, id).as_bytes();
        Record::sign_with(network, header, Some(body), sign).unwrap()
    }

    /// Brings a node a record of [`Network::record_of`], in an archive.
    pub async fn bring(&self, record: &Record, client: &Client) {
        let roster = self.homes[0].roster().unwrap();
        let ecomesh_record::Position { log, seq } = record.position();
        let manifest = Manifest {
            network: roster.network(),
            exporter: log.author,
            exported_at: now(),
            filter: Filter::default(),
            logs: vec![LogRange { log, first: seq, last: seq }],
        };
        let (mut encoder, mut archive) = ArchiveEncoder::begin(roster.founded(), &manifest).unwrap();
        archive.extend(encoder.record(record).unwrap());
        archive.extend(encoder.finish().unwrap());
        client.import(std::io::Cursor::new(archive)).await.unwrap();
    }

    /// From now on nothing can be sealed to a member, as a node sees it: the last prekey has ended, as if the member had been
    /// away for months. Its node must never run.
    pub async fn let_prekeys_end(&self, n: usize, client: &Client) {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        let ended = Announcement {
            purpose: Use::FALLBACK,
            begins_at: Time(now().0 - 61 * DAY_MS),
            ends_at: Time(now().0 - DAY_MS),
            prekey: PrekeySecret::from_seed(&[7; PrekeySecret::BYTES]).public().to_bytes(),
        };
        let record = self.record_of(n, Kind::PREKEY, ended.encode().unwrap(), |_| ());
        self.bring(&record, client).await;
        let member = record.header().author.to_string();
        until("it is seen that the prekey has ended", || async {
            let others = client.prekeys().await.unwrap().others;
            others.into_iter().find(|other| other.member == member && other.prekey.is_none()).map(drop)
        })
        .await;
    }
}

/// A configuration for one machine and short tests.
pub fn config() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.store.ballast_mib = 1;
    config.limits.recovery_s = 5;
    config.net.redial_ms_max = 1_000;
    config
}

pub fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

/// A message to these members; to all without any.
pub fn message(text: &str, to: &[&str]) -> SendRequest {
    SendRequest {
        document: json!({ "form": "message", "language": "en", "title": "Test", "text": text }),
        to: to.iter().map(|member| (*member).to_owned()).collect(),
        members: to.is_empty(),
        ..SendRequest::default()
    }
}

/// The passphrase of all homes, for whoever asks for it.
pub fn given() -> Result<Passphrase, PassphraseError> {
    Ok(passphrase("correct horse"))
}

/// The key under which the bodies of a home lie on its disk.
pub fn storage_key(home: &Home) -> StorageKey {
    let file = std::fs::read(home.vault_dir().join("keys.vault")).unwrap();
    let key = VaultKey::of_file(&file, Part::Keys, b"correct horse").unwrap();
    Keys::from_bytes(&key.open(Part::Keys, &file).unwrap()).unwrap().storage_key().clone()
}

/// The time by the clock of this machine.
pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time(u64::try_from(since.as_millis()).unwrap())
}

/// A port that nobody uses now, below those from which the system takes the ports of outgoing connections: a node
/// that is away for a moment must find it free again.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Asks until the answer is there; panics at the deadline.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, ask: impl FnMut() -> F) -> T {
    until_after(Duration::ZERO, what, ask).await
}

/// The same of something that by its rules happens only after this.
pub async fn until_after<T, F: Future<Output = Option<T>>>(
    after: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let patience = after + DEADLINE;
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// The mode of a file or folder.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The problem with which a node refused something.
pub fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Problem {
    match result {
        Err(ClientError::Refused(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

/// A client of each node.
pub fn clients(network: &Network) -> Vec<Client> {
    network.homes.iter().map(|home| Client::for_home(home.dir())).collect()
}

/// Stops all nodes.
pub async fn stop(nodes: Vec<Running>) {
    for node in nodes {
        node.shutdown().await.unwrap();
    }
}
