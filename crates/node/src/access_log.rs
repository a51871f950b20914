//! The access log: every search and every hit that is reported, with who, when, what and why. (What is only listed is not
//! in it.)
//!
//! The rules on the processing of data ask for it, and let it be used for supervision only. So it is written before an
//! answer is given, it can be read with the passphrase alone, and it is part of no search. [`AccessLog`] writes it,
//! [`audit`] reads it back and verifies it, while the node runs or not.
//!
//! - **Secret.** Each entry is encrypted under a key of its file, which comes from the storage key and the file's header.
//! - **Chained.** Each entry has a hash over all before it, each header the one of the file before: what was altered,
//!   moved or taken out is found. What was cut off at the end is found by who has noted a [`Head`] (`format.rs`).
//! - **No nonce twice.** A process only ever appends to files that it has made itself, each with a salt of its own, and
//!   begins another one after every append that failed. So neither a torn tail nor a backup that is put back makes the
//!   number of an entry serve twice under one key.
//! - **Durable.** [`AccessLog::append`] returns after the sync. Callers that wait at the same time share one.

mod entry;
mod format;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use ecomesh_protocol::disk::{Disk, DiskError};
use ecomesh_record::Time;
use ecomesh_seal::StorageKey;
use ecomesh_seal::at_rest::ChunkKey;
use ecomesh_store::{FileDisk, System};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::home::{FileError, files};

pub use entry::{Consultation, Entry, limits};
pub use format::Head;
pub use read::{Audit, AuditError, Fault, FaultKind, audit, read};

pub(crate) use format::number as file_number;

/// Longest file in bytes; what does not fit goes into the next one.
const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Entries that share a sync at most, so that a batch is far shorter than a file.
const BATCH_ENTRIES_MAX: usize = 128;

/// Why a consultation was not logged. It must be refused then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccessLogError {
    /// No space. The operator acts; the log goes on by itself then.
    #[error(
        "the disk is full: no consultation can be logged, so none is allowed; free some space, then try again"
    )]
    Full,
    /// A file or the folder cannot be used. The operator acts.
    #[error("the access log cannot be written: {0}")]
    Disk(DiskError),
    /// The folder cannot be listed. The operator acts.
    #[error("the access log cannot be opened: {0}")]
    Folder(#[from] FileError),
    /// No randomness. The operator acts.
    #[error("the system gives no randomness ({0}); look at the machine, then start the node again")]
    Random(String),
    /// What is on the disk is not known any more, since an earlier write failed so. The operator acts.
    #[error("the access log refuses everything since a write was not confirmed ({0}); start the node again")]
    Stopped(String),
}

impl From<DiskError> for AccessLogError {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Full => Self::Full,
            DiskError::SyncFailed { reason, .. } => Self::Stopped(reason),
            DiskError::Io { .. } => Self::Disk(error),
        }
    }
}

/// The access log of a home, for appending. There is one for each folder: the lock of the home sees to that.
pub struct AccessLog {
    writer: Mutex<Writer>,
    queue: Mutex<Vec<Waiting>>,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessLog(..)")
    }
}

/// An entry that nobody has written yet.
struct Waiting {
    plaintext: Zeroizing<Vec<u8>>,
    answer: Arc<OnceLock<Result<(), AccessLogError>>>,
}

impl AccessLog {
    /// Opens the log in the folder `dir` ([`Home::access_dir`](crate::home::Home::access_dir)), which is made if it is not
    /// there. New entries are under `key`; its second key is for reading only. The first file is made with the first entry.
    ///
    /// A log that was damaged is gone on with behind what is whole of it: the damage stays where it is, for [`audit`].
    ///
    /// # Errors
    /// [`AccessLogError`], if the folder or its newest files cannot be used.
    pub fn open(dir: &Path, key: &StorageKey) -> Result<Self, AccessLogError> {
        Self::open_on(dir, key, System::default(), FILE_BYTES_MAX)
    }

    fn open_on(
        dir: &Path,
        key: &StorageKey,
        system: System,
        file_bytes_max: usize,
    ) -> Result<Self, AccessLogError> {
        let writer = Writer::open(dir, key, system, file_bytes_max)?;
        Ok(Self { writer: Mutex::new(writer), queue: Mutex::new(Vec::new()) })
    }

    /// Logs a consultation. When this returns, it survives a loss of power. Texts beyond their [`limits`] are cut.
    ///
    /// It blocks for a sync of the disk, some milliseconds: async code calls it on a thread for blocking work.
    ///
    /// # Errors
    /// [`AccessLogError`]; the consultation must be refused then. After [`AccessLogError::Stopped`] every call fails until
    /// the log is opened again.
    pub fn append(&self, now: Time, consultation: &Consultation) -> Result<(), AccessLogError> {
        let answer = Arc::new(OnceLock::new());
        let plaintext = entry::encode(now, consultation);
        locked(&self.queue)?.push(Waiting { plaintext, answer: Arc::clone(&answer) });
        let mut writer = locked(&self.writer)?;
        loop {
            // Whoever held the writer meanwhile may have written this entry with its own.
            if let Some(result) = answer.get() {
                return result.clone();
            }
            let mut queue = locked(&self.queue)?;
            let count = queue.len().min(BATCH_ENTRIES_MAX);
            let batch: Vec<Waiting> = queue.drain(..count).collect();
            drop(queue);
            let result = writer.append(&batch);
            for waiting in batch {
                // It is in no other batch, so this is its first answer.
                let _ = waiting.answer.set(result.clone());
            }
        }
    }
}

/// After a panic nothing is known of what was being written.
fn locked<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, AccessLogError> {
    mutex.lock().map_err(|_| AccessLogError::Stopped("a thread that wrote to it panicked".into()))
}

struct Writer {
    dir: PathBuf,
    key: StorageKey,
    disk: FileDisk,
    file_bytes_max: usize,
    /// How far the log has come.
    head: Head,
    /// Number of the newest file; 0 before there is one.
    newest: u64,
    /// The file that this process appends to; none before its first entry, and after an append that failed.
    open: Option<OpenLog>,
    /// Why nothing is written any more.
    stopped: Option<AccessLogError>,
}

/// A file of the log that this process has made.
struct OpenLog {
    name: String,
    key: ChunkKey,
    /// Its length in bytes.
    end: usize,
}

impl Writer {
    fn open(
        dir: &Path,
        key: &StorageKey,
        system: System,
        file_bytes_max: usize,
    ) -> Result<Self, AccessLogError> {
        let mut disk = FileDisk::open(dir, system)?;
        let mut numbers: Vec<u64> =
            files::names(dir)?.iter().filter_map(|name| format::number(name)).collect();
        numbers.sort_unstable();
        let head = head_of(&mut disk, &numbers)?;
        let newest = numbers.last().copied().unwrap_or(0);
        let (dir, key) = (dir.into(), key.clone());
        Ok(Self { dir, key, disk, file_bytes_max, head, newest, open: None, stopped: None })
    }

    /// Writes entries and syncs once; all of them count, or none.
    fn append(&mut self, batch: &[Waiting]) -> Result<(), AccessLogError> {
        if let Some(stopped) = &self.stopped {
            return Err(stopped.clone());
        }
        let appended = self.try_append(batch);
        if let Err(stopped @ AccessLogError::Stopped(_)) = &appended {
            self.stopped = Some(stopped.clone());
        }
        appended
    }

    fn try_append(&mut self, batch: &[Waiting]) -> Result<(), AccessLogError> {
        let length: usize = batch.iter().map(|waiting| format::entry_len(&waiting.plaintext)).sum();
        // It is put back when all went well: numbers that met a failed append are never used under its key again.
        let mut log = match self.open.take().filter(|log| log.end + length <= self.file_bytes_max) {
            Some(log) => log,
            None => self.begin_file()?,
        };
        let (mut bytes, mut head) = (Vec::with_capacity(length), self.head);
        for waiting in batch {
            head = format::seal_entry(&log.key, head, &waiting.plaintext, &mut bytes);
        }
        self.write(&log, &bytes)?;
        self.head = head;
        log.end += bytes.len();
        self.open = Some(log);
        Ok(())
    }

    fn write(&mut self, log: &OpenLog, bytes: &[u8]) -> Result<(), AccessLogError> {
        let appended = self.disk.append(&log.name, bytes);
        if let Err(error) = appended {
            // The next file says where this one ends: nothing of this batch may stay behind that, for it would look as
            // if it had been added by somebody else.
            let cut = self.disk.truncate(&log.name, log.end as u64);
            cut.map_err(|cut| AccessLogError::Stopped(format!("{error}, and it cannot be cut away: {cut}")))?;
            return Err(error.into());
        }
        Ok(self.disk.sync(&log.name)?)
    }

    /// Makes the next file, durably and in one step.
    fn begin_file(&mut self) -> Result<OpenLog, AccessLogError> {
        if self.newest > 0 {
            // What a process that was killed had written and not synced was seen at the start, and counts.
            self.disk.sync(&format::name(self.newest))?;
        }
        let number = self.newest.saturating_add(1);
        let name = format::name(number);
        if files::exists(&self.dir.join(&name))? {
            let reason = "another process writes this log".into();
            return Err(AccessLogError::Disk(DiskError::Io { name, reason }));
        }
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|e| AccessLogError::Random(e.to_string()))?;
        let header = format::Header { number, before: self.head, key: self.key.id(), salt };
        let bytes = header.encode();
        self.disk.replace(&name, &bytes)?;
        (self.newest, self.head) = (number, header.head());
        Ok(OpenLog { name, key: header.chunk_key(&self.key), end: bytes.len() })
    }
}

/// Where the log ends: behind the whole entries of its newest file that has a header.
fn head_of(disk: &mut FileDisk, numbers: &[u64]) -> Result<Head, AccessLogError> {
    for number in numbers.iter().rev() {
        let name = format::name(*number);
        let file = disk.read(&name)?.unwrap_or_default();
        let Some(header) = format::Header::decode(&file) else {
            tracing::error!(file = %name, "a file of the access log is damaged: `ecomesh audit --access` says more");
            continue;
        };
        let (head, end) = format::whole_entries(&header, &file);
        if end < file.len() {
            let bytes = file.len() - end;
            tracing::warn!(file = %name, bytes, "the access log has a torn or damaged end: `ecomesh audit --access` says more");
        }
        return Ok(head);
    }
    Ok(Head::default())
}
