//! What the store asks of the operating system and cannot take for granted: free space, and the confirmation that a
//! file is on the disk. Tests put failing ones in their place.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

type FreeSpace = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;
type SyncFile = dyn Fn(&File) -> io::Result<()> + Send + Sync;

/// Free space and fsync. [`System::default`] asks the real system.
#[derive(Clone)]
pub struct System {
    free_space: Arc<FreeSpace>,
    sync: Arc<SyncFile>,
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

    /// Bytes that this process may still write to the file system that holds `dir`.
    pub(crate) fn free_space(&self, dir: &Path) -> io::Result<u64> {
        (self.free_space)(dir)
    }

    /// Makes a file, or the names in a folder, durable.
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        (self.sync)(file)
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.sync(&File::open(dir)?)
    }
}

impl Default for System {
    fn default() -> Self {
        Self { free_space: Arc::new(statvfs), sync: Arc::new(File::sync_all) }
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
