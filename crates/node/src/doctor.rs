//! Looks for damage in a node's folder, and repairs what can be repaired without guessing.
//!
//! Repair never invents anything: a damaged store is set aside and a fresh one is refilled by the peers; a torn tail
//! was never told to anyone and is cut; a journal that cannot be used is left for the node, which then opens a new
//! generation of its own logs.

use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use ecomesh_protocol::evidence::{EVIDENCE, EVIDENCE_MAGIC};
use ecomesh_protocol::journal::{self, JOURNAL};
use ecomesh_protocol::ledger::{Ledger, Room};
use ecomesh_protocol::{Disk, Roster, small_log};
use ecomesh_record::{MemberId, Time};
use ecomesh_seal::StorageKey;
use ecomesh_seal::key_file::{self, Purpose};
use ecomesh_store::{FileDisk, OpenError, Options, System, look_at_room, open_or_create, set_aside};

use crate::code_lists;
use crate::config::NodeConfig;
use crate::founding::keygen::random;
use crate::home::{Home, HomeError, files};
use crate::passphrase::{Passphrase, PassphraseError};
use crate::storage_key;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It is as it should be.
    Good,
    /// The node copes with it by itself; someone should know.
    Note,
    /// Someone must act.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, and what to do.
    pub text: String,
    /// Whether it was repaired just now.
    pub repaired: bool,
}

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// In the order in which it was looked at.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// Whether nothing is left to do.
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|f| f.severity != Severity::Bad || f.repaired)
    }

    fn add(&mut self, subject: &'static str, severity: Severity, text: impl Into<String>) {
        self.findings.push(Finding { subject, severity, text: text.into(), repaired: false });
    }

    fn good(&mut self, subject: &'static str, text: impl Into<String>) {
        self.add(subject, Severity::Good, text);
    }

    fn bad(&mut self, subject: &'static str, text: impl Into<String>) {
        self.add(subject, Severity::Bad, text);
    }

    fn repaired(&mut self, subject: &'static str, text: impl Into<String>) {
        self.findings.push(Finding { subject, severity: Severity::Bad, text: text.into(), repaired: true });
    }

    fn judge<T, E: std::fmt::Display>(
        &mut self,
        subject: &'static str,
        good: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        match result {
            Ok(value) => {
                self.good(subject, good);
                Some(value)
            }
            Err(error) => {
                self.bad(subject, error.to_string());
                None
            }
        }
    }
}

/// Looks at everything in a home. With `repair`, sets a damaged store aside and cuts torn tails. Of a home whose node
/// runs only the files are looked at that the node does not write. Store and journal need the passphrase, which is asked
/// for only when they can be looked at.
pub fn examine(
    home: &Home,
    repair: bool,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
) -> Examination {
    let mut found = Examination::default();
    examine_clock(&mut found);
    if found.judge("folder", "only its owner can write to it", home.check_modes()).is_none() {
        return found;
    }
    examine_keys(&mut found, home);
    let card = found.judge("card", "its signature is right", home.card());
    found.judge("transport", "its counter is readable", home.transport_counter());
    examine_vault(&mut found, home);
    let config = found.judge("settings", "readable", NodeConfig::load_or_default(&home.config_file()));
    examine_code_lists(&mut found, home);
    let roster = found.judge("charter", "signed by all founders", home.roster());
    let lock = match home.lock() {
        Ok(lock) => lock,
        Err(error @ HomeError::InUse { .. }) => {
            found.add(
                "node",
                Severity::Note,
                format!("{error}; store and journal are looked at only when it is stopped"),
            );
            if let Some(config) = config {
                match look_at_room(&home.store_dir(), &config.store.options()) {
                    Ok(room) => examine_room(&mut found, room),
                    Err(error) => found.bad("space", format!("the free space is not known: {error}")),
                }
            }
            return found;
        }
        Err(error) => {
            found.bad("node", error.to_string());
            return found;
        }
    };
    let (Some(card), Some(config), Some(roster)) = (card, config, roster) else { return found };
    examine_ports(&mut found, &config, &card.addresses.iter().map(|a| a.0).collect::<Vec<_>>());
    if let Some(key) = open_storage_key(&mut found, home, passphrase) {
        let looked = Looked { home, roster: &roster, key: &key, repair };
        let instance = examine_store(&mut found, &looked, &config);
        examine_logs(&mut found, &looked, card.member, instance);
    }
    drop(lock);
    found
}

fn examine_clock(found: &mut Examination) {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    // 2025-01-01: no record is older than the software.
    if seconds < 1_735_689_600 {
        found.bad("clock", "this machine's clock is before 2025; set it, and switch on the time service");
    } else {
        found.good("clock", "plausible; running nodes compare it with their peers'");
    }
}

fn examine_keys(found: &mut Examination, home: &Home) {
    let path = home.identity_file();
    match files::read(&path, key_file::FILE_BYTES_MAX as u64) {
        // No key file opens with an empty passphrase; everything that can be checked without one comes before that.
        Ok(bytes) => match key_file::open(&bytes, Purpose::IDENTITY, b"") {
            Ok(_) | Err(key_file::OpenError::WrongPassphrase) => {
                found.good("keys", "sealed");
            }
            Err(error) => found.bad("keys", format!("{}: {error}", path.display())),
        },
        Err(error) => found.bad("keys", error.to_string()),
    }
    if home.recovery_dir().exists() {
        let text = format!(
            "the recovery keys are still on this machine; move {} to three safe places",
            home.recovery_dir().display()
        );
        found.add("recovery", Severity::Note, text);
    }
    let mode = files::mode(&path).unwrap_or(0o600);
    if mode & 0o077 != 0 {
        found.bad("keys", format!("{} can be read by others: chmod 600 it", path.display()));
    }
}

fn examine_ports(found: &mut Examination, config: &NodeConfig, card: &[std::net::SocketAddr]) {
    let configured: Vec<std::net::SocketAddr> = config
        .net
        .listen
        .iter()
        .filter_map(|text| crate::address::Address::parse(text).ok())
        .map(|a| a.0)
        .collect();
    let addresses = if configured.is_empty() { card } else { &configured };
    for address in addresses {
        match TcpListener::bind(address) {
            Ok(_) => found.good("port", format!("{address} is free")),
            Err(error) => found.bad(
                "port",
                format!("{address}: {error}; stop what uses it, or change [net] listen in node.toml"),
            ),
        }
    }
}

/// Whether every code list that replaces one of the program can be used.
fn examine_code_lists(found: &mut Examination, home: &Home) {
    let lists = code_lists::read(home);
    for fault in &lists.faults {
        found.bad("codes", format!("{fault}; {}", fault.advice()));
    }
    let replaced: Vec<_> =
        lists.set.iter().map(|table| table.name).filter(|name| lists.set.is_replaced(name)).collect();
    if !replaced.is_empty() {
        found.good("codes", format!("replaced: {}", replaced.join(", ")));
    } else if lists.faults.is_empty() {
        found.good("codes", "all lists are those of ecomesh");
    }
}

/// What is looked at, and how.
struct Looked<'a> {
    home: &'a Home,
    roster: &'a Roster,
    key: &'a StorageKey,
    repair: bool,
}

/// The key of store and journal. Without it they are left alone.
fn open_storage_key(
    found: &mut Examination,
    home: &Home,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
) -> Option<StorageKey> {
    let left_alone = "store and journal are not looked at";
    let passphrase = match passphrase() {
        Ok(passphrase) => passphrase,
        Err(error) => {
            found.bad("passphrase", format!("{error}; {left_alone}"));
            return None;
        }
    };
    match storage_key::of_home(home, &passphrase) {
        Ok(key) => {
            found.good("passphrase", "it opens the keys");
            Some(key)
        }
        Err(error) => {
            found.bad("passphrase", format!("{error}; {left_alone}"));
            None
        }
    }
}

/// Opens the store and reads all of it back. Returns its instance id.
fn examine_store(found: &mut Examination, looked: &Looked<'_>, config: &NodeConfig) -> Option<[u8; 16]> {
    let Looked { home, roster, key, repair } = *looked;
    let path = home.store_dir();
    if !path.exists() {
        found.bad("store", "it is missing; `ecomesh run` makes a fresh one and the peers refill it");
        return None;
    }
    let options = config.store.options();
    let instance = random::<16>().ok()?;
    let open = |key: &StorageKey| open_or_create(&path, roster.network(), *instance, key, &options);
    let reason = match storage_key::open_with(key, open) {
        Ok((mut opened, _)) => {
            opened.notes.iter().for_each(|note| found.add("store", Severity::Note, note.clone()));
            match opened.ledger.verify(|_| {}) {
                Ok(walk) if walk.is_sound() => {
                    let holes = walk.known_holes + walk.new_holes.len() as u64;
                    let text = format!("{} records read back, each header and chain is right", walk.records);
                    found.good("store", text);
                    if walk.excused > 0 {
                        let text = format!(
                            "{} bodies are not here by right: they were erased, have expired, or are for others only",
                            walk.excused
                        );
                        found.add("store", Severity::Note, text);
                    }
                    if holes > 0 {
                        let text = format!(
                            "{holes} bodies are missing or damaged; the node fetches them from its peers"
                        );
                        found.add("store", Severity::Note, text);
                    }
                    examine_room(found, opened.ledger.room());
                    return Some(opened.ledger.instance());
                }
                Ok(walk) => {
                    let first = walk.faults.first().map(|f| format!("{}: {}", f.position, f.reason));
                    format!(
                        "{} damaged headers, the first at {}",
                        walk.faults.len(),
                        first.unwrap_or_default()
                    )
                }
                Err(error) => error.to_string(),
            }
        }
        Err(OpenError::Damaged { reason, .. }) => reason,
        Err(OpenError::OtherKey(_)) => "it was written with the storage key of another vault".into(),
        Err(error) => {
            found.bad("store", error.to_string());
            return None;
        }
    };
    if !repair {
        found.bad(
            "store",
            format!(
                "damaged: {reason}; `ecomesh doctor --repair` sets it aside, the peers refill a fresh one"
            ),
        );
        return None;
    }
    repair_store(found, looked, &options, &reason)
}

/// Whether what opens sealed messages is there; whether it opens is seen with the passphrase.
fn examine_vault(found: &mut Examination, home: &Home) {
    let keys = crate::vault::keys_file(&home.vault_dir());
    match files::exists(&keys) {
        Ok(true) => found.good("vault", "there"),
        Ok(false) => found.add(
            "vault",
            Severity::Note,
            format!("{} is missing: the node makes a new one, and what was sealed to the old one stays closed; a backup may have it", keys.display()),
        ),
        Err(error) => found.bad("vault", error.to_string()),
    }
}

fn examine_room(found: &mut Examination, room: Room) {
    match room {
        Room::Plenty => found.good("space", "enough for all records"),
        Room::ControlOnly => {
            found.bad("space", "only control records are taken; free space on the store's disk");
        }
        Room::None => found.bad("space", "no records are taken; free space on the store's disk"),
    }
}

fn repair_store(
    found: &mut Examination,
    &Looked { home, roster, key, .. }: &Looked<'_>,
    options: &Options,
    reason: &str,
) -> Option<[u8; 16]> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
    let now = Time(u64::try_from(now).unwrap_or(u64::MAX));
    let aside = match set_aside(&home.store_dir(), now) {
        Ok(aside) => aside,
        Err(error) => {
            found.bad(
                "store",
                format!("damaged ({reason}), and cannot be set aside: {error}; move the folder away by hand"),
            );
            return None;
        }
    };
    let fresh = open_or_create(&home.store_dir(), roster.network(), *random::<16>().ok()?, key, options);
    match fresh {
        Ok(opened) => {
            let text = format!(
                "damaged ({reason}); set aside as {}, a fresh store is refilled by the peers at the next start",
                aside.display()
            );
            found.repaired("store", text);
            Some(opened.ledger.instance())
        }
        Err(error) => {
            found.bad("store", error.to_string());
            None
        }
    }
}

fn examine_logs(
    found: &mut Examination,
    &Looked { home, roster, key, repair }: &Looked<'_>,
    member: MemberId,
    instance: Option<[u8; 16]>,
) {
    let Some(mut disk) =
        found.judge("logs", "the folder can be used", FileDisk::open(&home.log_dir(), System::default()))
    else {
        return;
    };
    let next_generation = "the node asks its peers and goes on in a new generation; nothing to do";
    match disk.read(JOURNAL) {
        Ok(Some(bytes)) => match journal::read(roster.network(), member, key, &bytes) {
            Ok(content) => {
                found.good("journal", format!("{} own records, each whole", content.entries.len()));
                let closed = content.entries.iter().filter(|entry| entry.closed).count();
                if closed > 0 {
                    let text = format!(
                        "{closed} of them are under another storage key; what no other member holds of them is lost, unless the vault or the file storage.key of their time comes back"
                    );
                    found.bad("journal", text);
                }
                examine_tail(
                    found,
                    "journal",
                    &mut disk,
                    JOURNAL,
                    (content.whole_bytes, content.torn_bytes),
                    repair,
                );
                if instance.is_some_and(|instance| instance != content.instance) {
                    let text = format!(
                        "it belongs to another store (after a restore or a repair): {next_generation}"
                    );
                    found.add("journal", Severity::Note, text);
                }
            }
            Err(error) => found.add("journal", Severity::Note, format!("{error}: {next_generation}")),
        },
        Ok(None) => found.add("journal", Severity::Note, format!("it is missing: {next_generation}")),
        Err(error) => found.bad("journal", error.to_string()),
    }
    match disk.read(EVIDENCE) {
        Ok(Some(bytes)) => match small_log::scan(EVIDENCE_MAGIC, &bytes) {
            Ok(scan) => {
                found.good("evidence", format!("{} proofs of delivery", scan.entries.len()));
                examine_tail(
                    found,
                    "evidence",
                    &mut disk,
                    EVIDENCE,
                    (scan.whole_bytes, scan.torn_bytes),
                    repair,
                );
            }
            Err(error) => {
                let text =
                    format!("{error}; it begins anew, and the next frontiers prove the deliveries again");
                found.add("evidence", Severity::Note, text);
            }
        },
        Ok(None) => found.add("evidence", Severity::Note, "none yet"),
        Err(error) => found.bad("evidence", error.to_string()),
    }
}

/// A torn tail was never told to anyone; the node cuts it by itself at the next start.
fn examine_tail(
    found: &mut Examination,
    subject: &'static str,
    disk: &mut FileDisk,
    name: &str,
    (whole, torn): (u64, u64),
    repair: bool,
) {
    if torn == 0 {
        return;
    }
    if !repair {
        return found.add(
            subject,
            Severity::Note,
            format!("a torn tail of {torn} bytes; the next start cuts it"),
        );
    }
    match disk.truncate(name, whole) {
        Ok(()) => found.repaired(subject, format!("a torn tail of {torn} bytes was cut")),
        Err(error) => found.bad(subject, error.to_string()),
    }
}
