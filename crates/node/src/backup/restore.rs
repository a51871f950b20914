//! Restoring a backup into an empty folder.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use ecomesh_record::{MemberId, NetworkId, Time, tags};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::refill::{RefillError, Refilled, refill};
use super::sealed::Opening;
use super::{ACCESS, ARCHIVE, CODES, CONTENT_KEYS, MAGIC, SMALL_FILE_BYTES_MAX, small_files};
use crate::home::{FileError, Home, HomeError, files};
use crate::passphrase::{Passphrase, PassphraseError};
use crate::storage_key::{self, StorageKeyError};
use crate::vault;
use crate::{access_log, code_lists};

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The member.
    pub member: MemberId,
    /// The network.
    pub network: NetworkId,
    /// Records that were taken from the backup.
    pub records: u64,
    /// Records that were refused, or whose predecessors are not in the backup: peers bring them.
    pub left_out: u64,
}

/// Why nothing was restored.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The passphrase, or what it opens.
    #[error(transparent)]
    Key(#[from] StorageKeyError),
    /// The backup cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It is no backup.
    #[error("{0} is no backup of ecomesh; give the file that `ecomesh backup` wrote")]
    NotABackup(PathBuf),
    /// It is damaged.
    #[error("{0} is damaged or cut short: its hash does not fit; use another copy of the backup")]
    Damaged(PathBuf),
    /// It lacks an entry, or has one that does not belong there.
    #[error("{path} has no whole backup in it ({what}); use another copy of the backup")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The folder is not empty.
    #[error("{0} is not empty; restore into a new folder, and look at the old one before you remove it")]
    NotEmpty(PathBuf),
    /// The new home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file of the new home.
    #[error(transparent)]
    File(#[from] FileError),
    /// The records.
    #[error(transparent)]
    Records(#[from] RefillError),
}

/// Entries of a backup at most: a file of content keys for each day of a century, as many of the access log, and the
/// others.
const ENTRIES_MAX: usize = 80_000;

/// Where an entry stands in the backup.
struct Entry {
    name: String,
    at: u64,
    length: u64,
}

/// Makes a home in `dir`, which must be empty or absent, from the backup in `path`.
///
/// # Errors
/// [`RestoreError`]; a damaged backup is refused before anything is written.
pub fn restore(
    path: &Path,
    dir: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
    now: Time,
) -> Result<Restored, RestoreError> {
    let mut file = File::open(path).map_err(|e| read_error(path, &e))?;
    check_hash(path, &mut file)?;
    let entries = list(path, &mut file)?;
    let occupied = std::fs::read_dir(dir).is_ok_and(|mut list| list.next().is_some());
    if occupied {
        return Err(RestoreError::NotEmpty(dir.into()));
    }
    let passphrase = passphrase().map_err(StorageKeyError::from)?;
    files::create_private_dir(dir)?;
    let home = Home::at(dir);
    let made = fill(path, &mut file, &entries, &home, &passphrase, now);
    if made.is_err() {
        // Everything in the folder was written just now. Best effort: what matters is reported already.
        let _ = std::fs::remove_dir_all(dir);
    }
    made
}

fn fill(
    path: &Path,
    file: &mut File,
    entries: &[Entry],
    home: &Home,
    passphrase: &Passphrase,
    now: Time,
) -> Result<Restored, RestoreError> {
    let content = |what: &str| RestoreError::Content { path: path.into(), what: what.into() };
    let wanted = small_files(home);
    files::create_private_dir(&home.log_dir())?;
    files::create_private_dir(&home.vault_dir())?;
    files::create_private_dir(&vault::content_keys_dir(&home.vault_dir()))?;
    files::create_private_dir(&home.access_dir())?;
    for entry in entries.iter().filter(|entry| entry.name != ARCHIVE) {
        let target = wanted.iter().find(|(name, _)| *name == entry.name);
        let target = target.map(|(_, target)| target.clone());
        let target = target.or_else(|| content_key_file(home, &entry.name));
        let target = target.or_else(|| access_file(home, &entry.name));
        let target = target.or_else(|| code_list_file(home, &entry.name));
        let target = &target.ok_or_else(|| content("an entry that no home has"))?;
        let bytes = read_entry(path, file, entry)?;
        if entry.name.starts_with(CODES) {
            files::create_private_dir(&home.codes_dir())?;
        }
        // The modes that `keygen` and `join` give: card and charter are public.
        match entry.name.as_str() {
            "card.toml" | "network.charter" => files::write_public(target, &bytes)?,
            _ => files::write_private(target, &bytes)?,
        }
    }
    if !files::exists(&home.identity_file())? {
        return Err(content("no keys"));
    }
    let card = home.card()?;
    let roster = home.roster()?;
    let archive = entries.iter().find(|e| e.name == ARCHIVE).ok_or_else(|| content("no records"))?;
    let key = storage_key::of_home(home, passphrase)?;
    // Of two transport certificates the higher counter holds: this one must come after any that was made since.
    let counter = home.transport_counter()?.saturating_add(1).max(now.0 / 1000);
    home.write_transport_counter(counter)?;
    file.seek(io::SeekFrom::Start(archive.at)).map_err(|e| read_error(path, &e))?;
    let archive = Opening::begin(&key, BufReader::new(file.take(archive.length)));
    let archive = archive.map_err(|e| read_error(path, &e))?;
    let Refilled { records, left_out } = refill(home, &roster, &key, archive, now)?;
    Ok(Restored { member: card.member, network: roster.network(), records, left_out })
}

/// Where an entry with content keys goes, if its name is that of such a file and nothing else.
fn content_key_file(home: &Home, name: &str) -> Option<PathBuf> {
    let file = name.strip_prefix(CONTENT_KEYS)?;
    let (day, id) = file.split_once('-')?;
    let good = day.bytes().all(|b| b.is_ascii_digit()) && id.bytes().all(|b| b.is_ascii_hexdigit());
    (good && !day.is_empty() && !id.is_empty()).then(|| vault::content_keys_dir(&home.vault_dir()).join(file))
}

/// As [`content_key_file`], for the access log.
fn access_file(home: &Home, name: &str) -> Option<PathBuf> {
    let file = name.strip_prefix(ACCESS)?;
    access_log::file_number(file).map(|_| home.access_dir().join(file))
}

/// As [`content_key_file`], for code lists.
fn code_list_file(home: &Home, name: &str) -> Option<PathBuf> {
    let file = name.strip_prefix(CODES)?;
    code_lists::is_name(file).then(|| home.codes_dir().join(file))
}

fn read_entry(path: &Path, file: &mut File, entry: &Entry) -> Result<Vec<u8>, RestoreError> {
    if entry.length > SMALL_FILE_BYTES_MAX {
        return Err(RestoreError::Content { path: path.into(), what: "a file that is too long".into() });
    }
    let mut bytes = Vec::new();
    file.seek(io::SeekFrom::Start(entry.at))
        .and_then(|_| file.take(entry.length).read_to_end(&mut bytes))
        .map_err(|e| read_error(path, &e))?;
    Ok(bytes)
}

/// Reads the whole file once: only a backup whose hash fits is looked into.
fn check_hash(path: &Path, file: &mut File) -> Result<(), RestoreError> {
    let fault = |e: io::Error| read_error(path, &e);
    let length = file.metadata().map_err(fault)?.len();
    let mut magic = [0; 8];
    let is_backup = file.read_exact(&mut magic).is_ok() && magic == *MAGIC;
    if !is_backup {
        return Err(RestoreError::NotABackup(path.into()));
    }
    let body = length.checked_sub(32).filter(|body| *body > 8);
    let body = body.ok_or_else(|| RestoreError::Damaged(path.into()))?;
    file.rewind().map_err(fault)?;
    let mut reader = BufReader::new(&*file);
    let mut hash = Sha256::new().chain_update(tags::BACKUP);
    let mut rest = body;
    let mut buffer = vec![0; 64 * 1024];
    while rest > 0 {
        let wanted = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        reader.read_exact(&mut buffer[..wanted]).map_err(fault)?;
        hash.update(&buffer[..wanted]);
        rest -= wanted as u64;
    }
    let mut expected = [0; 32];
    reader.read_exact(&mut expected).map_err(fault)?;
    if hash.finalize()[..] == expected { Ok(()) } else { Err(RestoreError::Damaged(path.into())) }
}

fn list(path: &Path, file: &mut File) -> Result<Vec<Entry>, RestoreError> {
    let content = || RestoreError::Content { path: path.into(), what: "entries that do not fit".into() };
    file.seek(io::SeekFrom::Start(8)).map_err(|e| read_error(path, &e))?;
    let mut entries = Vec::new();
    loop {
        let mut length = [0; 1];
        file.read_exact(&mut length).map_err(|_| content())?;
        if length[0] == 0 {
            return Ok(entries);
        }
        if length[0] > 64 || entries.len() > ENTRIES_MAX {
            return Err(content());
        }
        let mut name = vec![0; usize::from(length[0])];
        let mut bytes = [0; 8];
        file.read_exact(&mut name).and_then(|()| file.read_exact(&mut bytes)).map_err(|_| content())?;
        let length = u64::from_be_bytes(bytes);
        let at = file.stream_position().map_err(|e| read_error(path, &e))?;
        let end = at.checked_add(length).ok_or_else(content)?;
        file.seek(io::SeekFrom::Start(end)).map_err(|e| read_error(path, &e))?;
        entries.push(Entry { name: String::from_utf8(name).map_err(|_| content())?, at, length });
    }
}

fn read_error(path: &Path, error: &io::Error) -> RestoreError {
    RestoreError::Read { path: path.into(), reason: error.to_string() }
}
