//! What the core needs of a file system: the [`Disk`] trait, and [`MemoryDisk`], which forgets what was not synced.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use thiserror::Error;

/// Why a file operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DiskError {
    /// No space; nothing of the operation counts as done.
    #[error("no space left on the disk: free some, then try again")]
    Full,
    /// A sync failed: what was written may be lost, and the process must end.
    #[error("the disk did not confirm a write to {name} ({reason}); the node must stop and start again")]
    SyncFailed {
        /// The file.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// Anything else, such as a read-only folder.
    #[error("{name}: {reason}; check that the node's user may read and write this folder")]
    Io {
        /// The file.
        name: String,
        /// What the system said.
        reason: String,
    },
}

/// A folder of small append-only files. Names are plain (`journal`), without separators.
pub trait Disk {
    /// The whole file; `None` if there is none.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, DiskError>;

    /// `length` bytes of a file from `start` on; `None` if it has not so many. For files that are too long to be read
    /// whole while a node works.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    fn read_part(&mut self, name: &str, start: u64, length: usize) -> Result<Option<Vec<u8>>, DiskError> {
        let whole = self.read(name)?;
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let part = whole.as_deref().and_then(|bytes| bytes.get(start..start.checked_add(length)?));
        Ok(part.map(<[u8]>::to_vec))
    }

    /// Adds bytes at the end; makes the file if there is none. Not durable before [`Disk::sync`].
    ///
    /// # Errors
    /// [`DiskError`].
    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError>;

    /// Makes everything appended to the file durable, and the file's name too.
    ///
    /// # Errors
    /// [`DiskError::SyncFailed`]: the process must end.
    fn sync(&mut self, name: &str) -> Result<(), DiskError>;

    /// Cuts the file to `length` bytes, durably.
    ///
    /// # Errors
    /// [`DiskError`].
    fn truncate(&mut self, name: &str, length: u64) -> Result<(), DiskError>;

    /// Puts new content in place of the file, durably and in one step: after a crash either is there, whole.
    ///
    /// # Errors
    /// [`DiskError`].
    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError>;
}

/// A disk in memory. [`MemoryDisk::crash`] loses what was not synced, down to any byte of it.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    files: BTreeMap<String, File>,
    full: Arc<AtomicBool>,
    read_only: bool,
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Plays a loss of power: of the unsynced tail of each file the first `kept` bytes survive.
    pub fn crash(&mut self, kept: usize) {
        for file in self.files.values_mut() {
            let survives = file.synced.saturating_add(kept).min(file.bytes.len());
            file.bytes.truncate(survives);
            file.synced = survives;
        }
    }

    /// Plays a full disk, or the end of it.
    pub fn set_full(&mut self, full: bool) {
        self.full.store(full, Relaxed);
    }

    /// What plays a full disk while a core has it. Clones of a disk share it.
    pub fn full_switch(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.full)
    }

    /// Plays a read-only folder.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    /// Plays damage: flips one bit of a file. Does nothing beyond its end.
    pub fn flip(&mut self, name: &str, byte: usize, bit: u8) {
        if let Some(target) = self.files.get_mut(name).and_then(|file| file.bytes.get_mut(byte)) {
            *target ^= 1 << (bit % 8);
        }
    }

    /// Plays a lost file.
    pub fn remove(&mut self, name: &str) {
        self.files.remove(name);
    }

    fn check_writable(&self, name: &str) -> Result<(), DiskError> {
        match (self.full.load(Relaxed), self.read_only) {
            (true, _) => Err(DiskError::Full),
            (_, true) => Err(DiskError::Io { name: name.into(), reason: "read-only file system".into() }),
            _ => Ok(()),
        }
    }
}

impl Disk for MemoryDisk {
    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(self.files.get(name).map(|file| file.bytes.clone()))
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.check_writable(name)?;
        self.files.entry(name.into()).or_default().bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        if let Some(file) = self.files.get_mut(name) {
            file.synced = file.bytes.len();
        }
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), DiskError> {
        if let Some(file) = self.files.get_mut(name) {
            file.bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
            file.synced = file.bytes.len();
        }
        Ok(())
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.check_writable(name)?;
        self.files.insert(name.into(), File { bytes: bytes.to_vec(), synced: bytes.len() });
        Ok(())
    }
}
