//! sled behind a guard: how it is opened, and how each call into it is made.
//!
//! Damage makes sled panic as often as it makes it return an error. It is opened on a thread of its own, whose panic
//! is a result like any other, and every later call is guarded in the same way. After the first failure the engine is
//! *suspect*: sled's inner state may be half-way through something, so nothing is read from it or written to it again.
//!
//! A full disk is no damage: sled has everything that was committed when it is opened again with space.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use ecomesh_protocol::ledger::LedgerError;
use sled::Db;

use crate::panics;

/// What is read of a note.
const NOTE_BYTES_MAX: usize = 1_024;

/// An open database.
pub(crate) struct Engine {
    /// Always there, but for the end of `drop`.
    db: Option<Db>,
    suspect: OnceLock<LedgerError>,
    /// Where damage is noted, for the next start.
    note: PathBuf,
}

/// Why the database did not open.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    /// Another process, or another handle of this one, has it open.
    InUse,
    /// The system said no.
    Io(io::Error),
    /// It is damaged.
    Damaged(String),
}

impl Engine {
    /// Opens or makes the database in `dir`. What was repaired on the way is told in `notes`. Damage that is found
    /// while the database is open is noted in the file `note`: the next start may not meet it, since it reads less.
    pub(crate) fn open(
        dir: &Path,
        note: PathBuf,
        cache_bytes: u64,
        notes: &mut Vec<String>,
    ) -> Result<Self, OpenFailure> {
        if let Some(reason) = read_note(&note).map_err(OpenFailure::Io)? {
            return Err(OpenFailure::Damaged(reason));
        }
        remove_half_written_snapshots(dir, notes).map_err(OpenFailure::Io)?;
        let db = match open_when_free(dir, cache_bytes) {
            Err(sled::Error::Corruption { at: None, .. }) if set_snapshots_aside(dir, notes)? > 0 => {
                open_when_free(dir, cache_bytes)
            }
            other => other,
        };
        match db {
            Ok(db) => Ok(Self { db: Some(db), suspect: OnceLock::new(), note }),
            Err(error) => Err(OpenFailure::from(error)),
        }
    }

    /// Reads. A failure means damage, except on a disk that takes no writes: sled writes a little on its own, also
    /// while it only reads, and after a failed write it refuses everything.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&Db) -> sled::Result<T>) -> Result<T, LedgerError> {
        self.guarded(f)?.map_err(|error| match error {
            sled::Error::Io(io) if takes_no_writes(&io) => self.stop(LedgerError::SyncFailed(reason(&io))),
            other => self.condemn(&other.to_string()),
        })
    }

    /// Writes. A failure of the disk is told apart from damage: the process has to end then.
    pub(crate) fn write<T>(&self, f: impl FnOnce(&Db) -> sled::Result<T>) -> Result<T, LedgerError> {
        self.guarded(f)?.map_err(|error| match error {
            sled::Error::Io(io) => self.stop(LedgerError::SyncFailed(reason(&io))),
            other => self.condemn(&other.to_string()),
        })
    }

    /// Marks the store as damaged: nothing is asked of it again.
    pub(crate) fn condemn(&self, reason: &str) -> LedgerError {
        if self.suspect.get().is_none()
            && let Err(error) = write_note(&self.note, reason)
        {
            tracing::error!(%error, "the damage could not be noted; run `ecomesh doctor --repair` before the next start");
        }
        self.stop(LedgerError::Damaged(reason.to_owned()))
    }

    /// Marks the engine as suspect, for this reason or an earlier one: nothing is asked of it again.
    pub(crate) fn stop(&self, reason: LedgerError) -> LedgerError {
        self.suspect.get_or_init(|| reason).clone()
    }

    fn guarded<T>(&self, f: impl FnOnce(&Db) -> sled::Result<T>) -> Result<sled::Result<T>, LedgerError> {
        if let Some(reason) = self.suspect.get() {
            return Err(reason.clone());
        }
        let db = self.db.as_ref().expect("the database is taken out when the engine is dropped, not before");
        panics::catch(|| f(db)).map_err(|text| {
            if tells_of_a_full_disk(&text) || text.contains("ReadOnlyFilesystem") {
                self.stop(LedgerError::SyncFailed(text))
            } else {
                self.condemn(&text)
            }
        })
    }
}

/// sled syncs once more when it closes, and panics if that fails.
impl Drop for Engine {
    fn drop(&mut self) {
        let db = self.db.take();
        if let Err(reason) = panics::catch(|| drop(db)) {
            tracing::error!(%reason, "the database did not close cleanly; what was committed is not affected");
        }
    }
}

impl From<sled::Error> for OpenFailure {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(io) if is_lock_failure(&io) => Self::InUse,
            sled::Error::Io(io) if is_damage(&io) => Self::Damaged(io.to_string()),
            sled::Error::Io(io) => Self::Io(io),
            // The text of a panic; sled itself returns no such error when it opens.
            sled::Error::ReportableBug(text) => Self::Damaged(text),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<io::Error> for OpenFailure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The first line of what damage was noted, if any was.
fn read_note(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(NOTE_BYTES_MAX)]).into_owned();
            Ok(Some(text.lines().next().unwrap_or("it was found damaged").to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_note(path: &Path, reason: &str) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(reason.as_bytes())?;
    file.sync_all()
}

/// sled keeps its lock for a moment after it was closed, on threads of its own.
const LOCK_WAIT: Duration = Duration::from_secs(5);

fn open_when_free(dir: &Path, cache_bytes: u64) -> sled::Result<Db> {
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match open_on_a_thread(dir, cache_bytes) {
            Err(sled::Error::Io(io)) if is_lock_failure(&io) && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

fn open_on_a_thread(dir: &Path, cache_bytes: u64) -> sled::Result<Db> {
    let config = sled::Config::new().path(dir).cache_capacity(cache_bytes);
    let thread =
        thread::Builder::new().name("store open".into()).spawn(move || panics::catch(|| config.open()))?;
    thread.join().unwrap_or_else(|_| Err("the thread that opens it ended".into())).unwrap_or_else(|text| {
        let full = || sled::Error::Io(io::Error::new(io::ErrorKind::StorageFull, text.clone()));
        Err(if tells_of_a_full_disk(&text) { full() } else { sled::Error::ReportableBug(text) })
    })
}

/// A snapshot that was being written at a crash makes sled fail to open. It is a cache: the log has everything.
fn remove_half_written_snapshots(dir: &Path, notes: &mut Vec<String>) -> io::Result<()> {
    for path in snapshots(dir)? {
        if path.extension().is_some_and(|e| e == "generating") {
            fs::remove_file(&path)?;
            notes.push(format!("removed {}, which a crash had left half-written", path.display()));
        }
    }
    Ok(())
}

fn set_snapshots_aside(dir: &Path, notes: &mut Vec<String>) -> io::Result<usize> {
    let all = snapshots(dir)?;
    for path in &all {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let aside = dir.join(format!("aside-{name}"));
        fs::rename(path, &aside)?;
        notes.push(format!("moved {} to {}, because it is damaged", path.display(), aside.display()));
    }
    Ok(all.len())
}

fn snapshots(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn is_lock_failure(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn takes_no_writes(error: &io::Error) -> bool {
    is_full(error) || error.kind() == io::ErrorKind::ReadOnlyFilesystem
}

/// What the system said. sled passes most errors on as the text `Os { code: N, … }`, which is no sentence.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let code = text.strip_prefix("Os { code: ").and_then(|rest| rest.split_once(',')).map(|(code, _)| code);
    match code.and_then(|code| code.parse().ok()) {
        Some(code) => io::Error::from_raw_os_error(code).to_string(),
        None => text,
    }
}

/// sled unwraps some errors of the system; the panic shows the error then.
fn tells_of_a_full_disk(panic: &str) -> bool {
    panic.contains("StorageFull") || panic.contains("QuotaExceeded")
}

/// Kinds that come from what was read, not from the system.
fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_said_is_a_sentence_also_through_sled() {
        let plain = io::Error::from_raw_os_error(30);
        let through_sled = io::Error::new(io::ErrorKind::ReadOnlyFilesystem, format!("{plain:?}"));
        assert_eq!(reason(&through_sled), "Read-only file system (os error 30)");
        assert_eq!(reason(&plain), "Read-only file system (os error 30)");
        assert_eq!(reason(&io::Error::other("something else")), "something else");
        assert!(takes_no_writes(&through_sled));
    }

    /// sled panics over a write that fails as it does over damage; only what is damaged is set aside at the next start.
    #[test]
    fn a_panic_over_a_disk_that_takes_no_writes_is_no_damage() {
        for (panic, damaged) in [
            ("Io(Os { code: 30, kind: ReadOnlyFilesystem })", false),
            ("Io(Os { code: 28, kind: StorageFull })", false),
            ("Io(Os { code: 122, kind: QuotaExceeded })", false),
            ("index out of bounds", true),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let (note, db) = (dir.path().join("damaged"), dir.path().join("db"));
            fs::create_dir(&db).unwrap();
            let engine = Engine::open(&db, note.clone(), 1 << 20, &mut Vec::new()).unwrap();
            let error = engine.read(|_| -> sled::Result<()> { panic!("{panic}") }).unwrap_err();
            assert_eq!(matches!(error, LedgerError::Damaged(_)), damaged, "{panic}: {error}");
            assert_eq!(note.exists(), damaged, "{panic}");
            let again = engine.read(|db| db.get("x")).unwrap_err();
            assert_eq!(again, error, "nothing is asked of it again");
        }
    }
}
