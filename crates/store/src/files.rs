//! The operations on files on which durability rests, as a trait: so that tests can put a disk below the journal, the
//! evidence and the marker that loses power after each of them. sled's own files are not behind it.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use crate::system::SyncFile;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To append to a file that is there.
    Append,
    /// To append; the file is made if there is none.
    AppendOrCreate,
    /// To write a new file; what was there under this name is emptied.
    Fresh,
    /// To write at given places; the file is made if there is none.
    InPlace,
}

/// A file system. Nothing that it does is durable before it is synced: the content of a file by
/// [`OpenFile::sync`], its name by [`Files::sync_dir`].
pub trait Files: Send + Sync + Debug {
    /// Makes a folder (0700) with those above it, if there is none.
    ///
    /// # Errors
    /// What the system says.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;

    /// The whole content of a file.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::NotFound`] if there is none.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// `length` bytes of a file from `start` on.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::UnexpectedEof`] if there are fewer.
    fn read_part(&self, path: &Path, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let whole = self.read(path)?;
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let part = start.checked_add(length).and_then(|end| whole.get(start..end));
        part.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Opens a file (0600).
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>>;

    /// Gives a file another name, in one step; a file that has this name already is gone then.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file.
pub trait OpenFile: Send + Sync + Debug {
    /// Its length in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn length(&self) -> io::Result<u64>;

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// What the system says; a part of the bytes may be there then.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Writes bytes at a place; only for [`Access::InPlace`].
    ///
    /// # Errors
    /// What the system says; a part of the bytes may be there then.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file.
    ///
    /// # Errors
    /// What the system says.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Makes the content and the length durable. After an error nothing is known of what was written before.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&self) -> io::Result<()>;
}

/// The files of the operating system.
pub(crate) struct OsFiles {
    sync: Arc<SyncFile>,
}

impl OsFiles {
    pub(crate) fn new(sync: Arc<SyncFile>) -> Self {
        Self { sync }
    }
}

impl Debug for OsFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OsFiles")
    }
}

impl Files for OsFiles {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_part(&self, path: &Path, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        File::open(path)?.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        options.mode(0o600).write(true);
        match access {
            Access::Append => options.append(true),
            Access::AppendOrCreate => options.append(true).create(true),
            Access::Fresh => options.create(true).truncate(true),
            Access::InPlace => options.create(true).truncate(false),
        };
        Ok(Box::new(OsFile { file: options.open(path)?, sync: Arc::clone(&self.sync) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        (self.sync)(&File::open(dir)?)
    }
}

struct OsFile {
    file: File,
    sync: Arc<SyncFile>,
}

impl Debug for OsFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(f)
    }
}

impl OpenFile for OsFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        (self.sync)(&self.file)
    }
}
