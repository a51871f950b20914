//! The disk on files: a folder of small append-only files.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ecomesh_protocol::disk::{Disk, DiskError};

use crate::files::{Access, Files, OpenFile};
use crate::system::System;

/// A folder (0700) of append-only files (0600).
///
/// After a failed sync it refuses everything that writes: a second fsync of the same file would report success
/// although what was written is lost.
#[derive(Debug)]
pub struct FileDisk {
    dir: PathBuf,
    files: Arc<dyn Files>,
    /// Kept open: the system tells each descriptor about a failed write, and only once.
    open: BTreeMap<String, Open>,
    failed: Option<DiskError>,
}

#[derive(Debug)]
struct Open {
    file: Box<dyn OpenFile>,
    /// Whether its name is known to be on the disk.
    name_is_durable: bool,
}

impl FileDisk {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// [`DiskError::Io`] or [`DiskError::Full`], with the folder as the name.
    #[expect(clippy::needless_pass_by_value, reason = "every caller makes one for this call")]
    pub fn open(dir: &Path, system: System) -> Result<Self, DiskError> {
        let files = system.files();
        files.make_dir(dir).map_err(|error| disk_error(&dir.display().to_string(), &error))?;
        Ok(Self { dir: dir.into(), files, open: BTreeMap::new(), failed: None })
    }

    /// The handle of a file; makes the file if `create`.
    fn file(&mut self, name: &str, create: bool) -> Result<&mut Open, DiskError> {
        if !self.open.contains_key(name) {
            let access = if create { Access::AppendOrCreate } else { Access::Append };
            let file = self.files.open(&self.path(name)?, access);
            let file = file.map_err(|error| disk_error(name, &error))?;
            // Also of a file that is there: the process that made it may have ended before it synced the folder.
            self.open.insert(name.into(), Open { file, name_is_durable: false });
        }
        Ok(self.open.get_mut(name).expect("it was inserted just above, if it was not there"))
    }

    fn path(&self, name: &str) -> Result<PathBuf, DiskError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            let reason = "a plain name was expected".into();
            return Err(DiskError::Io { name: name.into(), reason });
        }
        Ok(self.dir.join(name))
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<Box<dyn OpenFile>> {
        let file = self.files.open(path, Access::Fresh)?;
        file.append(bytes)?;
        Ok(file)
    }

    fn check(&self) -> Result<(), DiskError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Remembers that a sync failed.
    fn synced(&mut self, name: &str, result: io::Result<()>) -> Result<(), DiskError> {
        result.map_err(|error| {
            let failed = DiskError::SyncFailed { name: name.into(), reason: error.to_string() };
            self.failed = Some(failed.clone());
            failed
        })
    }
}

impl Disk for FileDisk {
    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, DiskError> {
        match self.files.read(&self.path(name)?) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(disk_error(name, &error)),
        }
    }

    fn read_part(&mut self, name: &str, start: u64, length: usize) -> Result<Option<Vec<u8>>, DiskError> {
        match self.files.read_part(&self.path(name)?, start, length) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => Ok(None),
            Err(error) => Err(disk_error(name, &error)),
        }
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.check()?;
        let file = &self.file(name, true)?.file;
        let length = file.length().map_err(|error| disk_error(name, &error))?;
        file.append(bytes).map_err(|error| {
            // Nothing counts as done: what was written of it is taken back. If that fails too, a torn tail stays,
            // which whoever reads the file knows how to cut.
            let _ = file.set_length(length);
            disk_error(name, &error)
        })
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        self.check()?;
        let (files, dir) = (Arc::clone(&self.files), self.dir.clone());
        let open = self.file(name, false)?;
        let mut result = open.file.sync();
        if result.is_ok() && !open.name_is_durable {
            result = files.sync_dir(&dir);
            open.name_is_durable = result.is_ok();
        }
        self.synced(name, result)
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), DiskError> {
        self.check()?;
        let file = &self.file(name, false)?.file;
        file.set_length(length).map_err(|error| disk_error(name, &error))?;
        self.sync(name)
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.check()?;
        let path = self.path(name)?;
        // No plain name ends so: `path` refuses what begins with a dot.
        let temporary = self.dir.join(format!(".{name}.new"));
        let written = self.write_new(&temporary, bytes);
        let file = written.map_err(|error| {
            let _ = self.files.remove(&temporary);
            disk_error(name, &error)
        })?;
        let result = file.sync();
        self.synced(name, result)?;
        self.files.rename(&temporary, &path).map_err(|error| disk_error(name, &error))?;
        // The old handle is that of the file that is gone.
        self.open.remove(name);
        let result = self.files.sync_dir(&self.dir);
        self.synced(name, result)
    }
}

fn disk_error(name: &str, error: &io::Error) -> DiskError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => DiskError::Full,
        _ => DiskError::Io { name: name.into(), reason: error.to_string() },
    }
}
