//! One folder, one process: an advisory lock that the system drops when the process ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::files::FileError;
use super::{Home, HomeError};

/// The home belongs to this process as long as this lives.
#[derive(Debug)]
pub struct HomeLock {
    // Closing the file drops the lock. The file itself stays: to remove it would let two processes lock two files.
    _file: File,
}

pub(super) fn take(home: &Home) -> Result<HomeLock, HomeError> {
    let path = home.lock_file();
    let fault = |e: std::io::Error| FileError::io(&path, &e);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(fault)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(HomeError::InUse { dir: home.dir().into(), holder: holder(&mut file) });
        }
        Err(errno) => return Err(fault(errno.into()).into()),
    }
    // For people and for the message above; the lock does not depend on it, so a full disk does no harm.
    let _ =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(HomeLock { _file: file })
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.take(32).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(pid) => format!("process {pid}"),
        Err(_) => "another process".into(),
    }
}
