//! One folder, one process: a lock that the system drops when the process ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use thiserror::Error;

/// A folder belongs to this process as long as this lives.
#[derive(Debug)]
pub struct Lock {
    // Closing it drops the lock. The file stays: if it were removed, two processes could lock two files.
    _file: File,
}

/// Why the lock was not got.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{dir} is in use by {}; stop that first (one folder, one process)", match .pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".into(),
    })]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The other process, if it has said so already.
        pid: Option<u32>,
    },
    /// The file cannot be made or locked.
    #[error("{path}: {reason}; check that the node's user may write to this folder")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl Lock {
    /// Takes the file `lock` in `dir`, and writes this process's id into it.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join("lock");
        let fault = |e: io::Error| LockError::Io { path: path.clone(), reason: e.to_string() };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = file.map_err(fault)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(LockError::InUse { dir: dir.into(), pid: holder(&mut file) });
            }
            Err(errno) => return Err(fault(errno.into())),
        }
        // For the message above only: a full disk does the lock no harm.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
