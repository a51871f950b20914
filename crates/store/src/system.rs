//! What the store asks of the operating system and cannot take for granted: free space, the confirmation that a file
//! is on the disk, and the files themselves. Tests put failing ones in their place.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::files::{Files, OsFiles};

type FreeSpace = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;
pub(crate) type SyncFile = dyn Fn(&File) -> io::Result<()> + Send + Sync;

/// Free space, fsync and files. [`System::default`] asks the real system.
#[derive(Clone)]
pub struct System {
    free_space: Arc<FreeSpace>,
    sync: Arc<SyncFile>,
    /// `None`: those of the operating system, with the fsync above.
    files: Option<Arc<dyn Files>>,
}

impl System {
    /// The same system with another answer for the free bytes of the file system that holds a folder.
    pub fn with_free_space(
        mut self,
        free_space: impl Fn(&Path) -> io::Result<u64> + Send + Sync + 'static,
    ) -> Self {
        self.free_space = Arc::new(free_space);
        self
    }

    /// The same system with another fsync.
    pub fn with_sync(mut self, sync: impl Fn(&File) -> io::Result<()> + Send + Sync + 'static) -> Self {
        self.sync = Arc::new(sync);
        self
    }

    /// The same system with another file system for the marker, the journal and the evidence. The database stays where
    /// it is, with the fsync of this system.
    pub fn with_files(mut self, files: impl Files + 'static) -> Self {
        self.files = Some(Arc::new(files));
        self
    }

    /// Bytes that this process may still write to the file system that holds `dir`.
    pub(crate) fn free_space(&self, dir: &Path) -> io::Result<u64> {
        (self.free_space)(dir)
    }

    /// The file system for everything but the database.
    pub(crate) fn files(&self) -> Arc<dyn Files> {
        self.files.clone().unwrap_or_else(|| Arc::new(OsFiles::new(Arc::clone(&self.sync))))
    }

    /// Makes a file of the database, or its folder, durable.
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        (self.sync)(file)
    }
}

impl Default for System {
    fn default() -> Self {
        Self { free_space: Arc::new(statvfs), sync: Arc::new(File::sync_all), files: None }
    }
}

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("System(..)")
    }
}

fn statvfs(dir: &Path) -> io::Result<u64> {
    let info = rustix::fs::statvfs(dir)?;
    // What is left for users without privileges: the rest is the administrator's.
    Ok(info.f_bavail.saturating_mul(info.f_frsize))
}
