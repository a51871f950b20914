//! The start, step by step.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use ecomesh_net::{Events, NetHandle, TransportSecret};
use ecomesh_protocol::core::{Core, CoreConfig, Identity, OpenError as CoreError};
use ecomesh_protocol::limits::{HELLO_BYTES_MAX, PUSH_BYTES_MAX, SYNC_FRAME_BYTES_MAX};
use ecomesh_protocol::{DiskError, PeerKey, Roster};
use ecomesh_record::MemberId;
use ecomesh_seal::StorageKey;
use ecomesh_store::{FileDisk, LedgerReader, System};
use thiserror::Error;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::timeout;

use super::storage::{self, Storage, StorageError};
use super::{Orders, Running, Tasks, dialing};
use crate::access_log::{AccessLog, AccessLogError};
use crate::board::Board;
use crate::board::reading::Reading;
use crate::board::reissue::Reissue;
use crate::clock::{self, Clock};
use crate::code_lists;
use crate::config::NodeConfig;
use crate::core_thread::{CoreHandle, CoreThread, Exit, NodeCore};
use crate::events::Hub;
use crate::home::{Home, HomeError, HomeLock, Opened};
use crate::http::{self, BindError, Listening, Openings, Services, Shared};
use crate::metrics::Metrics;
use crate::passphrase::Passphrase;
use crate::pool::Pool;
use crate::scrub::Scrub;
use crate::sealing::Mail;
use crate::sealing::keeper::Keeper;
use crate::sealing::opener::Opener;
use crate::sealing::shredder;
use crate::shell::{Correlation, Effects, NetEvents, to_net};
use crate::storage_key::{self, StorageKeyError};
use crate::vault::{Vault, VaultFault, Writer, was_locked};
use crate::views::Views;

/// Messages that are sealed at once. More than there are processors, since those that are done together share a sync.
const SEALING_MAX: usize = 64;
/// How long to wait for the network to name its addresses.
const LISTENING: Duration = Duration::from_secs(2);
/// Room in a sync frame for its version, kind and lengths.
const FRAME_SLACK: usize = 1024;

/// Why a node did not start, sorted by the part that did not. Each says what to do.
#[derive(Debug, Error)]
pub enum StartError {
    /// The folder: in use, not joined, exposed, damaged; or the passphrase.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The vault, or the storage key.
    #[error(transparent)]
    Key(#[from] StorageKeyError),
    /// A file of the vault.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// The configuration holds values that are out of bounds.
    #[error("the configuration cannot be used: {0}")]
    Config(String),
    /// The API's socket or address.
    #[error(transparent)]
    Api(#[from] BindError),
    /// The store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The journal or the evidence of delivery.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The access log.
    #[error(transparent)]
    AccessLog(#[from] AccessLogError),
    /// Keys and charter, or what is stored, do not fit together.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The network: an address in use, or not this machine's.
    #[error(transparent)]
    Net(#[from] ecomesh_net::BindError),
    /// The system does not give what a process needs.
    #[error("the system refuses {what}: {reason}; raise its limits, or end other processes")]
    System {
        /// A thread, or randomness.
        what: &'static str,
        /// What it said.
        reason: String,
    },
}

pub(super) async fn start(
    home: Home,
    passphrase: Passphrase,
    config: NodeConfig,
) -> Result<Running, StartError> {
    let problems = config.problems();
    if !problems.is_empty() {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(StartError::Config(list.join("; ")));
    }
    let lock = home.lock()?;
    let (opened, vault, storage_key) = {
        let home = home.clone();
        blocking(move || {
            let opened = home.open_all(&passphrase)?;
            let (vault, storage_key) = open_vault(&home, &opened, &passphrase)?;
            Ok::<_, StartError>((opened, vault, storage_key))
        })
        .await??
    };
    for fault in code_lists::read(&home).faults {
        tracing::error!("{fault}; {}", fault.advice());
    }
    let mail = Arc::new(Mail::new(opened.member(), opened.roster.network(), vault));
    let metrics = Arc::new(Metrics::new());
    let shared = Arc::new(Shared::new(config.api.requests_max, config.api.event_clients_max, metrics));
    let mut servers = http::bind(&home, &config, &shared).await?;
    match build(&home, opened, mail, storage_key, &config, &shared, lock).await {
        Ok(parts) => Ok(running(home, &config, shared, servers, parts)),
        Err(error) => {
            shared.stop();
            servers.abort().await;
            Err(error)
        }
    }
}

/// What runs besides the API.
struct Parts {
    net: NetHandle,
    net_events: JoinHandle<()>,
    listening: watch::Receiver<Vec<String>>,
    core: CoreHandle,
    core_thread: JoinHandle<()>,
    exit: oneshot::Receiver<Exit>,
    pool: Pool,
    scrub: Scrub,
    tasks: Tasks,
}

fn running(
    home: Home,
    config: &NodeConfig,
    shared: Arc<Shared>,
    servers: Listening,
    parts: Parts,
) -> Running {
    let Parts { net, net_events, listening, core, core_thread, exit, pool, scrub, tasks } = parts;
    let stop_after = Duration::from_millis(config.limits.stop_ms);
    Running {
        home,
        orders: Orders { shared, net },
        servers,
        net_events,
        listening,
        core,
        core_thread,
        exit,
        failure: None,
        pool,
        scrub,
        tasks,
        stop_after,
    }
}

/// Opens the store, then starts core, pool and network.
async fn build(
    home: &Home,
    opened: Opened,
    mail: Arc<Mail>,
    storage_key: StorageKey,
    config: &NodeConfig,
    shared: &Arc<Shared>,
    lock: HomeLock,
) -> Result<Parts, StartError> {
    let clock = Clock::start();
    let own = opened.member();
    let roster = opened.roster.clone();
    let listen = listen_addresses(config, &opened);
    let listens = !listen.is_empty();
    let secret = TransportSecret::from_seed(*opened.identity.transport_seed());
    let (core, opening) = open_core(home, opened, mail.clone(), storage_key, config, shared, clock).await?;
    // Before anything can open mail.
    if was_locked(&home.vault_dir())? {
        drop(mail.safe().lock().await);
        tracing::warn!("the node is locked, as it was when it ended; `ecomesh unlock` opens it");
    }
    shared.progress(95, "starting the network");
    let (net, events) = ecomesh_net::bind(net_config(config, &roster, listen), &secret)?;
    let dialled = dialing::addresses(&roster, config, own);
    introduce(&net, &roster, own, &dialled);
    let pieces = Pieces { own, roster, mail, clock, core, opening, net, events, dialled, lock };
    let (mut parts, services) = launch(pieces, config, &shared.metrics)?;
    if listens {
        // The sockets are bound; what is waited for is the word of it. Nothing but a log line depends on it.
        let _ = timeout(LISTENING, parts.listening.wait_for(|list| !list.is_empty())).await;
    }
    tracing::info!(member = %own, "the node runs");
    shared.go(services);
    Ok(parts)
}

/// Everything that is open before the first thread runs.
struct Pieces {
    own: MemberId,
    roster: Roster,
    mail: Arc<Mail>,
    clock: Clock,
    core: NodeCore,
    opening: Opening,
    net: NetHandle,
    events: Events,
    dialled: BTreeMap<MemberId, Vec<String>>,
    lock: HomeLock,
}

/// Starts the threads and connects them.
fn launch(
    pieces: Pieces,
    config: &NodeConfig,
    metrics: &Arc<Metrics>,
) -> Result<(Parts, Services), StartError> {
    let Pieces { own, roster, mail, clock, core, opening, net, events, dialled, lock } = pieces;
    let Opening { views, fresh, reader, access_log } = opening;
    let (handle, receiver) = CoreHandle::new(config.limits.core_queue);
    let ring = Arc::new(ArcSwap::new(core.ring()));
    let threads = config.verify_threads(std::thread::available_parallelism().map_or(1, usize::from));
    let (pool, jobs) =
        Pool::start(threads, config.verify.queue, &ring, &handle, metrics).map_err(|e| no_thread(&e))?;
    let correlation = Arc::new(Correlation::default());
    let hub = Arc::new(Hub::new(random()?));
    let views = Arc::new(RwLock::new(views));
    let board = Arc::new(Board::new(&roster));
    if mail.safe().is_locked() {
        board.close();
    }
    let (listening_sender, listening) = watch::channel(Vec::new());
    let effects = Effects {
        net: net.clone(),
        correlation: correlation.clone(),
        tickets: handle.tickets(),
        ring: ring.clone(),
        views: views.clone(),
        board: board.clone(),
        mail: mail.clone(),
        reader: reader.clone(),
        roster: roster.clone(),
        hub: hub.clone(),
        metrics: metrics.clone(),
        tags: dialing::tags(&dialled),
        fatal: None,
    };
    let batch_max = config.limits.batch_inputs;
    let thread = CoreThread::new(core, receiver, effects, &handle, clock, metrics.clone(), batch_max);
    let (core_thread, exit) = thread.spawn(lock).map_err(|e| no_thread(&e))?;
    let net_events = NetEvents {
        events,
        net: net.clone(),
        core: handle.clone(),
        pool: jobs.clone(),
        correlation,
        metrics: metrics.clone(),
        listening: listening_sender,
    };
    let net_events = spawn_net_events(net_events)?;
    let scrub = Scrub::start(reader.clone(), board.clone(), handle.clone()).map_err(|e| no_thread(&e))?;
    let writer = Writer::start(mail.safe().clone()).map_err(|e| no_thread(&e))?;
    let (core, views_of) = (handle.clone(), views.clone());
    let opener = Opener {
        mail: mail.clone(),
        reader: reader.clone(),
        views: views_of.clone(),
        core: core.clone(),
        roster: roster.clone(),
        own,
    };
    let reading = Reading {
        board: board.clone(),
        mail: mail.clone(),
        reader: reader.clone(),
        views: views_of.clone(),
        roster: roster.clone(),
    };
    let reissue = Reissue {
        after_ms: config.databases.rewrite_after_h * 60 * 60 * 1000,
        board: board.clone(),
        mail: mail.clone(),
        reader: reader.clone(),
        views: views_of.clone(),
        core: core.clone(),
        roster: roster.clone(),
    };
    let keeper = Keeper { mail: mail.clone(), views: views_of, core, roster: roster.clone() };
    let tasks = Tasks(vec![
        tokio::spawn(opener.run()),
        tokio::spawn(keeper.run()),
        tokio::spawn(reading.run()),
        tokio::spawn(reissue.run()),
        tokio::spawn(shredder::run(mail.clone())),
    ]);
    let services = Services {
        own,
        roster,
        core: handle.clone(),
        pool: jobs,
        ring,
        reader,
        views,
        board,
        hub,
        net: net.clone(),
        listening: listening.clone(),
        dialled,
        started_at: clock::wall(),
        refilling: fresh,
        import_bytes_max: config.limits.import_mib.saturating_mul(1024 * 1024),
        tell_opened: config.receipts.opened,
        openings: Openings::default(),
        mail,
        sealing: Semaphore::new(SEALING_MAX),
        writer,
        access_log,
    };
    let core = handle;
    Ok((Parts { net, net_events, listening, core, core_thread, exit, pool, scrub, tasks }, services))
}

fn no_thread(error: &std::io::Error) -> StartError {
    StartError::System { what: "a thread", reason: error.to_string() }
}

/// What is left of an opened store when the core has taken it.
struct Opening {
    views: Views,
    /// Whether the store was made just now: peers refill it.
    fresh: bool,
    reader: LedgerReader,
    access_log: AccessLog,
}

/// Store, disk and core, on a thread that may wait.
async fn open_core(
    home: &Home,
    opened: Opened,
    mail: Arc<Mail>,
    storage_key: StorageKey,
    config: &NodeConfig,
    shared: &Arc<Shared>,
    clock: Clock,
) -> Result<(NodeCore, Opening), StartError> {
    let core_config = CoreConfig {
        member: opened.member(),
        boot_nonce: random()?,
        seed: u64::from_be_bytes(random()?),
        recovery_ms: config.limits.recovery_s.saturating_mul(1000),
    };
    let (home, settings, shared) = (home.clone(), config.store.clone(), shared.clone());
    blocking(move || {
        shared.progress(5, "opening the store");
        let transport_key = opened.transport_key();
        let progress = |done: u64, total: u64| {
            let share = done.saturating_mul(85) / total.max(1);
            shared.progress(u8::try_from(share).unwrap_or(85).saturating_add(5), "reading records");
        };
        let storage = storage::open(&home, &settings, &opened.roster, &mail, &storage_key, progress)?;
        let Storage { ledger, views, fresh, key } = storage;
        let access_log = AccessLog::open(&home.access_dir(), &key)?;
        let reader = ledger.reader();
        shared.progress(90, "reading the journal");
        let disk = FileDisk::open(&home.log_dir(), System::default())?;
        let identity = Identity {
            signing: opened.identity.into_signing_key(),
            transport_key,
            transport_counter: opened.transport_counter,
            storage: key,
        };
        let core = Core::open(core_config, identity, opened.roster, ledger, disk, clock.now())?;
        Ok((core, Opening { views, fresh, reader, access_log }))
    })
    .await?
}

/// Opens the vault, and finds the storage key. What is made anew is told: it was lost, or the home comes from a backup or
/// an older version.
fn open_vault(
    home: &Home,
    opened: &Opened,
    passphrase: &Passphrase,
) -> Result<(Vault, StorageKey), StorageKeyError> {
    let copy = storage_key::of_copy(home, &opened.identity)?;
    let (vault, renewed) = Vault::open(&home.vault_dir(), passphrase, copy.clone())?;
    if renewed.keys {
        tracing::warn!(
            "the vault has no keys of older messages: those that were sealed stay closed, unless a backup of the vault is put back"
        );
    }
    if renewed.prekeys {
        tracing::warn!(
            "the vault has no prekeys: new ones are published, and the senders of what cannot be opened are told"
        );
    }
    let of_vault = vault.storage_key();
    let Some(first) = copy else {
        storage_key::write_copy(home, &opened.identity, &of_vault)?;
        return Ok((vault, of_vault));
    };
    let key = storage_key::beside(first, &of_vault);
    if key.second().is_some() {
        tracing::warn!("the storage key of the vault is that of another time than the one in storage.key");
    }
    Ok((vault, key))
}

/// Where to listen: as configured, else as the own card says.
fn listen_addresses(config: &NodeConfig, opened: &Opened) -> Vec<String> {
    if config.net.listen.is_empty() {
        opened.card.addresses.iter().map(ToString::to_string).collect()
    } else {
        config.net.listen.clone()
    }
}

fn net_config(config: &NodeConfig, roster: &Roster, listen: Vec<String>) -> ecomesh_net::Config {
    let settings = &config.net;
    let memory = settings.memory_mib.saturating_mul(1024 * 1024);
    ecomesh_net::Config {
        target_links: settings.links,
        max_connections: settings.connections_max,
        max_strangers: settings.strangers_max,
        max_strangers_per_ip: settings.strangers_per_ip_max,
        max_memory_bytes: usize::try_from(memory).unwrap_or(usize::MAX),
        redial_min: Duration::from_millis(settings.redial_ms_min),
        redial_max: Duration::from_millis(settings.redial_ms_max),
        max_hello_bytes: HELLO_BYTES_MAX,
        max_gossip_bytes: PUSH_BYTES_MAX,
        max_request_bytes: SYNC_FRAME_BYTES_MAX + FRAME_SLACK,
        max_response_bytes: SYNC_FRAME_BYTES_MAX + FRAME_SLACK,
        ..ecomesh_net::Config::new(*roster.network().as_bytes(), listen)
    }
}

/// Tells the network whom it knows and whom to dial. It dials as many of them as it wants links, in an order of its own.
fn introduce(net: &NetHandle, roster: &Roster, own: MemberId, dialled: &BTreeMap<MemberId, Vec<String>>) {
    let others = roster.members().filter(|m| m.member != own);
    let known = others.map(|m| to_net(PeerKey(m.transport_key))).collect();
    log_refused("the roster's keys", net.know(known).map_err(|e| e.to_string()));
    log_refused("an address", net.set_addresses(&dialing::tagged(dialled)).map_err(|e| e.to_string()));
}

fn log_refused(what: &str, result: Result<(), String>) {
    if let Err(error) = result {
        tracing::warn!(what, %error, "the network refuses");
    }
}

fn spawn_net_events(events: NetEvents) -> Result<JoinHandle<()>, StartError> {
    std::thread::Builder::new()
        .name("net-events".into())
        .spawn(move || events.run())
        .map_err(|e| no_thread(&e))
}

fn random<const N: usize>() -> Result<[u8; N], StartError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| StartError::System { what: "randomness", reason: e.to_string() })?;
    Ok(bytes)
}

/// Runs what waits for the disk or the processor off the runtime's own threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| StartError::System { what: "a thread", reason: e.to_string() })
}
