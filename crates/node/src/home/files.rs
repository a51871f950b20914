//! Files of the home: bounded reads, and writes that are private, durable and done in one step.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a file or folder could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileError {
    /// The system refused.
    #[error("{path}: {reason}; {}", advice(*.kind))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What kind of fault.
        kind: ErrorKind,
        /// What the system said.
        reason: String,
    },
    /// Longer than such a file can be.
    #[error("{path}: longer than the {max} bytes that such a file may have; this is another file")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The bound.
        max: u64,
    },
    /// Not UTF-8.
    #[error("{path}: this is no text file; take the right one from a backup")]
    NotText {
        /// The file.
        path: PathBuf,
    },
}

impl FileError {
    /// The fault `error` of the system, met at `path`.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        Self::Io { path: path.into(), kind: error.kind(), reason: error.to_string() }
    }

    /// Whether the file is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { kind: ErrorKind::NotFound, .. })
    }
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "check the path",
        ErrorKind::PermissionDenied => "check owner and mode of the file and its folder",
        ErrorKind::ReadOnlyFilesystem => "choose a folder on a file system that can be written",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make space on the disk, then try again",
        ErrorKind::AlreadyExists => "choose another name, or move the existing file away",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "a file and a folder are mixed up",
        _ => "check the disk, then try again",
    }
}

/// Whether something is at `path`; a dangling link counts as nothing.
pub(crate) fn exists(path: &Path) -> Result<bool, FileError> {
    path.try_exists().map_err(|e| FileError::io(path, &e))
}

/// Removes a file, durably; one that is not there is no error.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(FileError::io(path, &e)),
        Ok(()) => sync_dir_of(path),
    }
}

/// The names of the files in a folder, in order; none if there is no such folder. Names that are no UTF-8 are none of
/// ours.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>, FileError> {
    let fault = |e: io::Error| FileError::io(dir, &e);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(fault(e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(fault)?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// The lowest nine bits of the mode.
pub(crate) fn mode(path: &Path) -> Result<u32, FileError> {
    Ok(fs::metadata(path).map_err(|e| FileError::io(path, &e))?.permissions().mode() & 0o777)
}

/// The whole file, if it has at most `max` bytes.
pub(crate) fn read(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let fault = |e: io::Error| FileError::io(path, &e);
    let file = File::open(path).map_err(fault)?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too long, whatever its metadata say.
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > max {
        return Err(FileError::TooLong { path: path.into(), max });
    }
    Ok(bytes)
}

/// As [`read`], for a text.
pub(crate) fn read_text(path: &Path, max: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, max)?).map_err(|_| FileError::NotText { path: path.into() })
}

/// Makes a folder that only its owner may enter, and the folders above it. One that is there and empty is made
/// private; one with content keeps its mode.
pub(crate) fn create_private_dir(path: &Path) -> Result<(), FileError> {
    let fault = |e: io::Error| FileError::io(path, &e);
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        fs::create_dir_all(above).map_err(|e| FileError::io(above, &e))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return sync_dir_of(path),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        Err(e) => return Err(fault(e)),
    }
    if fs::read_dir(path).map_err(fault)?.next().is_none() {
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(fault)?;
    }
    Ok(())
}

/// Puts a file (0600) in place, durably and in one step.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, 0o600)
}

/// As [`write_private`], for a file that everybody may read (0644).
pub(crate) fn write_public(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, 0o644)
}

/// Writes a temporary file beside, syncs it, renames it, and syncs the folder: after a crash the old file or the
/// new one is there, whole.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = write_new(&beside, bytes, mode)
        .and_then(|()| fs::rename(&beside, path).map_err(|e| FileError::io(path, &e)))
        .and_then(|()| sync_dir_of(path));
    if written.is_err() {
        // Best effort: what matters is reported already.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let fault = |e: io::Error| FileError::io(path, &e);
    // Left over from a process with the same number that was killed.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(fault)?;
    // The umask may have taken bits away from `mode`, which for a public file matters to its readers.
    file.set_permissions(Permissions::from_mode(mode)).map_err(fault)?;
    file.write_all(bytes).map_err(fault)?;
    file.sync_all().map_err(fault)
}

/// Makes the name of `path` durable.
pub(crate) fn sync_dir_of(path: &Path) -> Result<(), FileError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| FileError::io(dir, &e))
}
