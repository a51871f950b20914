//! The disk on files: a folder of small append-only files.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ecomesh_protocol::disk::{Disk, DiskError};

use crate::system::System;

/// A folder (0700) of append-only files (0600).
///
/// After a failed sync it refuses everything that writes: a second fsync of the same file would report success
/// although what was written is lost.
#[derive(Debug)]
pub struct FileDisk {
    dir: PathBuf,
    system: System,
    /// Kept open: the system tells each descriptor about a failed write, and only once.
    open: BTreeMap<String, OpenFile>,
    failed: Option<DiskError>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    /// Whether its name is on the disk already.
    name_is_durable: bool,
}

impl FileDisk {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// [`DiskError::Io`] or [`DiskError::Full`], with the folder as the name.
    pub fn open(dir: &Path, system: System) -> Result<Self, DiskError> {
        let name = dir.display().to_string();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| disk_error(&name, &error))?;
        Ok(Self { dir: dir.into(), system, open: BTreeMap::new(), failed: None })
    }

    /// The handle of a file; makes the file if `create`.
    fn file(&mut self, name: &str, create: bool) -> Result<&mut OpenFile, DiskError> {
        if !self.open.contains_key(name) {
            let path = self.path(name)?;
            let name_is_durable = path.exists();
            let mut options = OpenOptions::new();
            let file = options.read(true).append(true).create(create).mode(0o600).open(&path);
            let file = file.map_err(|error| disk_error(name, &error))?;
            self.open.insert(name.into(), OpenFile { file, name_is_durable });
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
        match fs::read(self.path(name)?) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(disk_error(name, &error)),
        }
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.check()?;
        let file = &mut self.file(name, true)?.file;
        let length = file.metadata().map_err(|error| disk_error(name, &error))?.len();
        file.write_all(bytes).map_err(|error| {
            // Nothing counts as done: what was written of it is taken back. If that fails too, a torn tail stays,
            // which whoever reads the file knows how to cut.
            let _ = file.set_len(length);
            disk_error(name, &error)
        })
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        self.check()?;
        let (system, dir) = (self.system.clone(), self.dir.clone());
        let open = self.file(name, false)?;
        let mut result = system.sync(&open.file);
        if result.is_ok() && !open.name_is_durable {
            result = system.sync_dir(&dir);
            open.name_is_durable = result.is_ok();
        }
        self.synced(name, result)
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), DiskError> {
        self.check()?;
        let system = self.system.clone();
        let file = &self.file(name, false)?.file;
        file.set_len(length).map_err(|error| disk_error(name, &error))?;
        let result = system.sync(file);
        self.synced(name, result)
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.check()?;
        let path = self.path(name)?;
        // No plain name ends so: `path` refuses what begins with a dot.
        let temporary = self.dir.join(format!(".{name}.new"));
        let written = write_new(&temporary, bytes);
        let file = written.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            disk_error(name, &error)
        })?;
        let result = self.system.sync(&file);
        self.synced(name, result)?;
        fs::rename(&temporary, &path).map_err(|error| disk_error(name, &error))?;
        // The old handle is that of the file that is gone.
        self.open.remove(name);
        let result = self.system.sync_dir(&self.dir);
        self.synced(name, result)
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

fn disk_error(name: &str, error: &io::Error) -> DiskError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DiskError::Full,
        _ => DiskError::Io { name: name.into(), reason: error.to_string() },
    }
}
