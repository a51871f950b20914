//! Backup and restore of a node.
//!
//! A backup is one file: keys (sealed as they are), the vault without its prekeys, card, charter, settings, code lists, journal,
//! evidence, the access log, and all records as an archive, encrypted under the storage key. Whoever takes it needs the
//! passphrase. It ends with a hash over all before it, so that a damaged one is refused before anything is written.
//!
//! A restore makes a fresh store with a new instance id and takes every record through the same checks as from a
//! peer. The old journal stays bound to the old store: at its first start the node sees that it cannot be sure of
//! its own history, asks its peers, and goes on in a new generation. So no restore forks the bureau's own log.
//!
//! ```text
//! magic "ECOBKUP2" ‖ entries ‖ end ‖ SHA-256(tag ‖ all before)
//! entry: length of name u8 (1 to 64) ‖ name ‖ length u64 big-endian ‖ bytes          end: u8 = 0
//! ```

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use ecomesh_protocol::evidence::EVIDENCE;
use ecomesh_protocol::journal::JOURNAL;
use ecomesh_record::{Time, tags};
use ecomesh_seal::StorageKey;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::access_log;
use crate::archives::{ArchivingError, write_archive_locked};
use crate::code_lists;
use crate::founding::keygen::{KeygenError, random};
use crate::home::{FileError, Home, HomeError, files};
use crate::passphrase::{Passphrase, PassphraseError};
use crate::storage_key::{self, StorageKeyError};
use crate::vault;

mod refill;
mod restore;
mod sealed;

use sealed::Sealing;

pub use refill::RefillError;
pub use restore::{RestoreError, Restored, restore};

const MAGIC: &[u8; 8] = b"ECOBKUP2";
/// Name of the entry with the records.
const ARCHIVE: &str = "records.sealed";
/// Longest small file of a home in bytes; the journal is bounded by its rewrites, the evidence grows slowly.
const SMALL_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The names of its entries.
    pub entries: Vec<String>,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Why there is no backup. Nothing is left behind.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The home, its lock, or a file of it.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file of the home.
    #[error(transparent)]
    File(#[from] FileError),
    /// The storage key.
    #[error(transparent)]
    Key(#[from] StorageKeyError),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] KeygenError),
    /// The records.
    #[error(transparent)]
    Records(#[from] ArchivingError),
    /// The file is there already.
    #[error("{0} is there already; give another name, a backup is never overwritten")]
    Exists(PathBuf),
    /// The backup cannot be written.
    #[error("the backup cannot be written to {path}: {reason}; check the folder and the space on its disk")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Writes a backup of a home whose node does not run to `path`, which must not exist. The passphrase opens the storage
/// key; it is asked for when nothing else is in the way.
///
/// # Errors
/// [`BackupError`].
pub fn backup(
    home: &Home,
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
    now: Time,
) -> Result<BackedUp, BackupError> {
    let _lock = home.lock()?;
    if files::exists(path)? {
        return Err(BackupError::Exists(path.into()));
    }
    home.roster()?;
    let key = storage_key::of_home(home, &passphrase().map_err(StorageKeyError::from)?)?;
    let written = write(home, path, &key, now);
    if written.is_err() {
        // Best effort: what matters is reported already.
        let _ = std::fs::remove_file(path);
    }
    written
}

/// The small files of a home that a backup holds, by the names of their entries. Those that are absent are left out.
fn small_files(home: &Home) -> Vec<(String, PathBuf)> {
    let mut list = vec![
        ("identity.key".to_owned(), home.identity_file()),
        ("card.toml".to_owned(), home.card_file()),
        ("network.charter".to_owned(), home.charter_file()),
        ("transport.toml".to_owned(), home.transport_file()),
        ("node.toml".to_owned(), home.config_file()),
        ("storage.key".to_owned(), home.storage_key_file()),
    ];
    for name in [JOURNAL, EVIDENCE] {
        list.push((format!("log/{name}"), home.log_dir().join(name)));
    }
    // Prekeys are in no backup: a copy of them would outlive their destruction.
    list.push(("vault/keys.vault".to_owned(), vault::keys_file(&home.vault_dir())));
    list
}

/// The files of content keys, which only the keys of the vault open.
fn content_key_files(home: &Home) -> Result<Vec<(String, PathBuf)>, FileError> {
    let names = files::names(&vault::content_keys_dir(&home.vault_dir()))?;
    let entry = |name: String| {
        (format!("{CONTENT_KEYS}{name}"), vault::content_keys_dir(&home.vault_dir()).join(name))
    };
    Ok(names.into_iter().map(entry).collect())
}

/// The files of the access log, which are encrypted as they lie there.
fn access_files(home: &Home) -> Result<Vec<(String, PathBuf)>, FileError> {
    let names = files::names(&home.access_dir())?;
    let of_log = names.into_iter().filter(|name| access_log::file_number(name).is_some());
    Ok(of_log.map(|name| (format!("{ACCESS}{name}"), home.access_dir().join(name))).collect())
}

/// The code lists that replace those of the program, as they are: one that cannot be used is told of after a restore, too.
fn code_list_files(home: &Home) -> Result<Vec<(String, PathBuf)>, FileError> {
    let names = files::names(&home.codes_dir())?;
    let lists = names.into_iter().filter(|name| code_lists::is_name(name));
    Ok(lists.map(|name| (format!("{CODES}{name}"), home.codes_dir().join(name))).collect())
}

/// The names of these files in a backup begin so.
const CONTENT_KEYS: &str = "vault/content-keys/";
/// So do those of the access log.
const ACCESS: &str = "access/";
/// So do those of code lists.
const CODES: &str = "codes/";

fn write(home: &Home, path: &Path, key: &StorageKey, now: Time) -> Result<BackedUp, BackupError> {
    let fault = |e: io::Error| BackupError::Write { path: path.into(), reason: e.to_string() };
    let roster = home.roster()?;
    tracing::debug!(network = %roster.network(), "backing up");
    let mut options = File::options();
    use std::os::unix::fs::OpenOptionsExt;
    let file = options.write(true).create_new(true).mode(0o600).open(path).map_err(fault)?;
    let mut out = Hashing::new(BufWriter::new(&file));
    let mut entries = Vec::new();
    out.write_all(MAGIC).map_err(fault)?;
    let sources = small_files(home).into_iter().chain(code_list_files(home)?);
    let sources = sources.chain(content_key_files(home)?).chain(access_files(home)?);
    for (name, source) in sources {
        if files::exists(&source)? {
            let bytes = files::read(&source, SMALL_FILE_BYTES_MAX)?;
            write_entry(&mut out, &name, bytes.len() as u64, &mut bytes.as_slice()).map_err(fault)?;
            entries.push(name);
        }
    }
    // The archive's length must be known before it: it goes through a file beside the backup.
    let mut beside = tempfile_beside(path).map_err(fault)?;
    let mut sealing = Sealing::begin(key, *random()?, BufWriter::new(&beside)).map_err(fault)?;
    write_archive_locked(home, key, now, &mut sealing)?;
    sealing.finish().map_err(fault)?;
    let length = beside.stream_position().map_err(fault)?;
    beside.rewind().map_err(fault)?;
    write_entry(&mut out, ARCHIVE, length, &mut BufReader::new(&beside)).map_err(fault)?;
    entries.push(ARCHIVE.to_owned());
    out.write_all(&[0]).map_err(fault)?;
    let bytes = out.finish().map_err(fault)?;
    file.sync_all().map_err(fault)?;
    files::sync_dir_of(path)?;
    Ok(BackedUp { entries, bytes })
}

fn write_entry(out: &mut impl Write, name: &str, length: u64, bytes: &mut impl Read) -> io::Result<()> {
    out.write_all(&[u8::try_from(name.len()).unwrap_or(u8::MAX)])?;
    out.write_all(name.as_bytes())?;
    out.write_all(&length.to_be_bytes())?;
    match io::copy(&mut bytes.take(length), out)? {
        copied if copied == length => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a file became shorter meanwhile")),
    }
}

/// An unnamed file in the same folder, so that it needs no other disk.
fn tempfile_beside(path: &Path) -> io::Result<File> {
    let name = path.with_extension(format!("{}.tmp", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&name)?;
    std::fs::remove_file(&name)?;
    Ok(file)
}

/// Hashes what goes through it.
struct Hashing<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn new(out: W) -> Self {
        Self { out, hash: Sha256::new().chain_update(tags::BACKUP), bytes: 0 }
    }

    fn finish(mut self) -> io::Result<u64> {
        let digest = self.hash.finalize();
        self.out.write_all(&digest)?;
        self.out.flush()?;
        Ok(self.bytes + digest.len() as u64)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
