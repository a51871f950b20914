//! Opening a store, making a new one, and setting a damaged one aside.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ecomesh_protocol::ledger::{LedgerError, Room};
use ecomesh_record::{NetworkId, Time};
use ecomesh_seal::StorageKey;
use thiserror::Error;

use crate::commit::Committer;
use crate::engine::{self, Engine, OpenFailure};
use crate::ledger::SledLedger;
use crate::marker::{self, Mark, Marker};
use crate::read::Shared;
use crate::recover;
use crate::schema::{self, Meta, RowDigest, SCHEMA_VERSION};
use crate::space::{Bounds, Space};
use crate::state::State;
use crate::system::System;

/// Key id of a store without a body.
const UNKEYED: [u8; 16] = [0; 16];

/// How a store is kept. The default is good for a node.
#[derive(Clone, Debug)]
pub struct Options {
    /// sled's page cache in bytes. 16 MiB by default: with more, measured memory grew and speed did not.
    pub cache_bytes: u64,
    /// Size of the ballast file in bytes, see `docs/STORAGE.md`, "Full disk". 256 MiB by default; 0 for none.
    pub ballast_bytes: u64,
    /// Below this much free space, beside the ballast, only control records are taken. In bytes; 64 MiB by default.
    pub low_water_bytes: u64,
    /// This much space stays free whatever comes. In bytes; 16 MiB by default.
    pub min_free_bytes: u64,
    /// A commit that takes longer counts as a failed sync. 30 s by default.
    pub commit_limit: Duration,
    /// Where free space and fsync come from.
    pub system: System,
}

impl Default for Options {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            cache_bytes: 16 * MIB,
            ballast_bytes: 256 * MIB,
            low_water_bytes: 64 * MIB,
            min_free_bytes: 16 * MIB,
            commit_limit: Duration::from_secs(30),
            system: System::default(),
        }
    }
}

impl Options {
    fn bounds(&self) -> Bounds {
        Bounds { ballast: self.ballast_bytes, low_water: self.low_water_bytes, min_free: self.min_free_bytes }
    }
}

/// An open store.
#[derive(Debug)]
pub struct Opened {
    /// The ledger.
    pub ledger: SledLedger,
    /// Whether it was made just now, and is empty.
    pub fresh: bool,
    /// What the operator should know: repairs, what a crash left, a reserve that does not fit.
    pub notes: Vec<String>,
}

/// Why a store does not open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The folder cannot be used. The operator acts.
    #[error(
        "{path}: {reason}; check that the node's user may write to this folder and that the disk is sound"
    )]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// No space even to open. The operator acts.
    #[error("{0}: no space left on the disk; free some, then start again")]
    Full(PathBuf),
    /// Another process has it open. The operator acts.
    #[error("the store {0} is in use; stop the other process first")]
    InUse(PathBuf),
    /// It holds the records of another network. The operator acts.
    #[error("the store {path} belongs to network {found}, not to {expected}; give another folder")]
    OtherNetwork {
        /// The folder.
        path: PathBuf,
        /// The network of the store.
        found: NetworkId,
        /// The network of the node.
        expected: NetworkId,
    },
    /// A newer version of the software wrote it. The operator acts.
    #[error(
        "the store {path} has schema {found}, this software knows {SCHEMA_VERSION}; use the newer software again, or \
         move the folder away and let the node fetch its records from its peers"
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its schema.
        found: u32,
    },
    /// An older version of the software wrote it, which this one cannot read. The operator acts.
    #[error(
        "the store {path} has schema {found}, this software knows {SCHEMA_VERSION} only; let the peers catch up with \
         the older software, then move the folder away and let the node fetch its records from its peers, and delete \
         the folder: what it holds may not be encrypted"
    )]
    Older {
        /// The folder.
        path: PathBuf,
        /// Its schema.
        found: u32,
    },
    /// Its bodies are under another storage key: the vault was lost, or belongs to another node. Call [`set_aside`] and
    /// open a fresh one, which the peers fill.
    #[error(
        "the store {0} was written with another storage key than the one in the vault; put the vault back from a \
         backup, or have the store set aside (`ecomesh doctor --repair`), and the node fetches its records from its \
         peers again"
    )]
    OtherKey(PathBuf),
    /// It is damaged: call [`set_aside`] and open a fresh one, which the peers fill.
    #[error(
        "the store {path} is damaged ({reason}); it has to be set aside (`ecomesh doctor --repair`), and the node \
         fetches its records from its peers again"
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
}

/// Makes an empty store in `path`, before there is a storage key, and returns its instance id. One that is there already,
/// and was not written to, is as good.
///
/// # Errors
/// [`OpenError`].
pub fn create(
    path: &Path,
    network: NetworkId,
    random_instance: [u8; 16],
    options: &Options,
) -> Result<[u8; 16], OpenError> {
    Ok(prepare(path, network, random_instance, None, options)?.meta.instance)
}

/// Opens the store in `path`, or makes one, with its bodies under the storage key `key`.
///
/// `random_instance` (16 random bytes) names the store if it is made now. A damaged store is refused, never opened
/// with a part of its records: the caller decides to [`set_aside`].
///
/// # Errors
/// [`OpenError`].
pub fn open_or_create(
    path: &Path,
    network: NetworkId,
    random_instance: [u8; 16],
    key: &StorageKey,
    options: &Options,
) -> Result<Opened, OpenError> {
    let store = Folder { path };
    let Prepared { engine, meta, state, space, db_file, marker, fresh, notes } =
        prepare(path, network, random_instance, Some(key.id()), options)?;
    let shared = Arc::new(Shared::new(engine, network, meta.instance, key.clone(), state));
    let system = options.system.clone();
    let committer = Committer::start(Arc::clone(&shared), db_file, marker, system, options.commit_limit);
    let committer = committer.map_err(|e| store.io(path, &e))?;
    Ok(Opened { ledger: SledLedger::new(shared, committer, space), fresh, notes })
}

/// A store that is open and checked.
struct Prepared {
    engine: Engine,
    meta: Meta,
    state: State,
    space: Space,
    db_file: File,
    marker: Marker,
    fresh: bool,
    notes: Vec<String>,
}

fn prepare(
    path: &Path,
    network: NetworkId,
    random_instance: [u8; 16],
    key_id: Option<[u8; 16]>,
    options: &Options,
) -> Result<Prepared, OpenError> {
    let mut notes = Vec::new();
    let store = Folder { path };
    store.make()?;
    let mark =
        marker::read(&*options.system.files(), &store.marker()).map_err(|e| store.io(&store.marker(), &e))?;
    if let Some(mark) = &mark {
        store.check_kind(mark.schema, mark.network, network)?;
    }
    let space = Space::open(path, &store.ballast(), options.bounds(), options.system.clone());
    let mut space = space.map_err(|e| store.io(&store.ballast(), &e))?;
    let engine = Engine::open(&store.records(), store.note(), options.cache_bytes, &mut notes);
    let engine = engine.map_err(|failure| store.open_error(failure))?;

    let (mut meta, fresh) = store.find_meta(&engine, mark, network, random_instance, &mut notes)?;
    if meta.key_id != UNKEYED && Some(meta.key_id) != key_id {
        return Err(OpenError::OtherKey(path.to_owned()));
    }
    meta.key_id = key_id.unwrap_or(UNKEYED);
    let (state, cut) = recover::load(&engine, &meta).map_err(|e| store.ledger_error(e))?;
    if cut > 0 {
        notes.push(format!("cut {cut} records of a commit that a crash had interrupted"));
    }
    let (db_file, marker) = store.settle(&engine, &meta, &options.system)?;
    if space.room() != Room::Plenty {
        notes.push(format!(
            "little space on the disk of {}: only control records are taken until there are {} MiB free",
            path.display(),
            options.ballast_bytes.saturating_add(options.low_water_bytes) / (1024 * 1024)
        ));
    }
    Ok(Prepared { engine, meta, state, space, db_file, marker, fresh, notes })
}

/// How much the store in `path` may take, from outside: another process may have it open. Changes nothing.
///
/// # Errors
/// What the system said.
pub fn look_at_room(path: &Path, options: &Options) -> io::Result<Room> {
    let held = match fs::metadata(Folder { path }.ballast()) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(options.bounds().room(options.system.free_space(path)?, held))
}

/// Moves a damaged store away, to a folder beside it whose name ends with `.damaged-` and the time `now` in
/// milliseconds, and returns that name. Its ballast is removed: it would only take up space.
///
/// # Errors
/// What the system said.
pub fn set_aside(path: &Path, now: Time) -> io::Result<PathBuf> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a folder's name"))?;
    let mut aside = path.with_file_name(format!("{name}.damaged-{}", now.0));
    let mut number = 1;
    while aside.exists() {
        number += 1;
        aside = path.with_file_name(format!("{name}.damaged-{}-{number}", now.0));
    }
    match fs::remove_file(Folder { path }.ballast()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(path, &aside)?;
    System::default().files().sync_dir(parent(path))?;
    Ok(aside)
}

/// The files of a store.
struct Folder<'a> {
    path: &'a Path,
}

impl Folder<'_> {
    fn records(&self) -> PathBuf {
        self.path.join("records")
    }

    fn marker(&self) -> PathBuf {
        self.path.join("marker")
    }

    /// Damage that was found while the store was open.
    fn note(&self) -> PathBuf {
        self.path.join("damaged")
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }

    /// Makes the folders (0700), and tries whether they can be written to.
    fn make(&self) -> Result<(), OpenError> {
        for dir in [self.path, &self.records()] {
            DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| self.io(dir, &e))?;
            rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).map_err(|e| self.io(dir, &e.into()))?;
        }
        Ok(())
    }

    /// Refuses another network or schema.
    fn check_kind(&self, schema: u32, found: NetworkId, expected: NetworkId) -> Result<(), OpenError> {
        let path = self.path.to_owned();
        if schema > SCHEMA_VERSION {
            return Err(OpenError::Newer { path, found: schema });
        }
        if schema < SCHEMA_VERSION {
            return Err(OpenError::Older { path, found: schema });
        }
        if found != expected {
            return Err(OpenError::OtherNetwork { path, found, expected });
        }
        Ok(())
    }

    /// The meta row, checked against the marker; a new one in an empty database.
    fn find_meta(
        &self,
        engine: &Engine,
        mark: Option<Mark>,
        network: NetworkId,
        instance: [u8; 16],
        notes: &mut Vec<String>,
    ) -> Result<(Meta, bool), OpenError> {
        let found = recover::meta(engine).map_err(|e| self.ledger_error(e))?;
        match (found, mark) {
            (Some(meta), mark) => {
                self.check_kind(meta.schema, meta.network, network)?;
                match mark {
                    Some(mark) if mark.instance != meta.instance => {
                        return Err(self.damaged("its files are those of two stores"));
                    }
                    Some(mark) if mark.commit > meta.commit => {
                        let lost = mark.commit - meta.commit;
                        return Err(self.damaged(&format!("the last {lost} commits are missing")));
                    }
                    Some(_) => {}
                    None => notes.push("the marker of the store was missing or damaged; made again".into()),
                }
                Ok((meta, false))
            }
            (None, Some(mark)) => {
                Err(self.damaged(&format!("it is empty, and it had {} commits", mark.commit)))
            }
            (None, None) => {
                let digest = RowDigest::default();
                let (schema, key_id) = (SCHEMA_VERSION, UNKEYED);
                Ok((Meta { schema, network, instance, key_id, commit: 0, digest }, true))
            }
        }
    }

    /// Makes durable what there is: the meta row of a new store, what recovery cut, and the names of all files.
    fn settle(&self, engine: &Engine, meta: &Meta, system: &System) -> Result<(File, Marker), OpenError> {
        let written = engine.write(|db| {
            db.insert(schema::meta_key(), meta.encode())?;
            db.flush()
        });
        written.map_err(|e| self.ledger_error(e))?;
        let records = self.records();
        let files = || -> io::Result<(File, Marker)> {
            let db_file = File::options().read(true).write(true).open(records.join("db"))?;
            system.sync(&db_file)?;
            system.sync(&File::open(records.join("conf"))?)?;
            system.sync(&File::open(&records)?)?;
            let files = system.files();
            let marker = Marker::open(&*files, &self.marker())?;
            let Meta { schema, network, instance, commit, .. } = *meta;
            marker.write(&Mark { schema, network, instance, commit })?;
            marker.sync()?;
            files.sync_dir(self.path)?;
            files.sync_dir(parent(self.path))?;
            Ok((db_file, marker))
        };
        files().map_err(|e| self.io(self.path, &e))
    }

    fn io(&self, path: &Path, error: &io::Error) -> OpenError {
        match error {
            full if engine::is_full(full) => OpenError::Full(self.path.to_owned()),
            _ => OpenError::Io { path: path.to_owned(), reason: error.to_string() },
        }
    }

    fn damaged(&self, reason: &str) -> OpenError {
        OpenError::Damaged { path: self.path.to_owned(), reason: reason.to_owned() }
    }

    fn ledger_error(&self, error: LedgerError) -> OpenError {
        match error {
            LedgerError::Damaged(reason) => self.damaged(&reason),
            LedgerError::Full => OpenError::Full(self.path.to_owned()),
            other => OpenError::Io { path: self.path.to_owned(), reason: other.to_string() },
        }
    }

    fn open_error(&self, failure: OpenFailure) -> OpenError {
        match failure {
            OpenFailure::InUse => OpenError::InUse(self.path.to_owned()),
            OpenFailure::Io(error) => self.io(&self.records(), &error),
            OpenFailure::Damaged(reason) => self.damaged(&reason),
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
