//! Content keys on the disk: one file for each key of the day, which is only appended to.
//!
//! ```text
//! header   magic `ECOCKEYS` 8 ‖ day u32 big-endian ‖ id of the key of the day 16
//! entry    commitment of the record's header to its content key 32 ‖ content key under the key of the day 48
//! ```
//!
//! An entry needs no checksum: one that a crash has torn does not open, and the content key is learned again. A crash can
//! tear only what was written last, so that alone is tried when the vault is opened. Where the keys stand is kept in
//! memory, 16 bytes for each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ecomesh_seal::ContentKey;
use ecomesh_seal::vault::{DayKey, Keys, WRAPPED_BYTES};
use ecomesh_store::Runs;

use super::VaultFault;
use crate::home::{FileError, files};

const MAGIC: [u8; 8] = *b"ECOCKEYS";
const HEADER_BYTES: usize = 8 + 4 + 16;
const ENTRY_BYTES: usize = 32 + WRAPPED_BYTES;
/// A key of the day opens files of at most so many bytes; 50 million keys.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Files in which a crash may have torn something: of the newest days. A clock that was set back writes into an older one,
/// where a torn entry is noticed when somebody wants to read the record.
const DAYS_TRIED: usize = 3;
/// Entries at the end of such a file that are tried: more than share a sync.
const ENTRIES_TRIED: u32 = 4096;

/// A content key to be kept, with the commitment to it in the header of its record.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) key_commitment: [u8; 32],
    pub(crate) key: ContentKey,
}

/// All content keys of a vault.
pub(crate) struct ContentKeys {
    dir: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    files: Vec<DayFile>,
    /// First eight bytes of the commitment, number of the file, number of the entry.
    places: Runs<(u64, u32, u32)>,
    /// Ids of keys whose files moved under others, and the old files.
    retired: BTreeMap<[u8; 16], PathBuf>,
    /// What the system said when a file could not be synced: what is in it then is uncertain until the next start.
    broken: Option<FileError>,
}

struct DayFile {
    path: PathBuf,
    day: u32,
    id: [u8; 16],
    entries: u32,
    /// Open for the day that is written to, and for no other: a node has thousands of these files after some years.
    writing: Option<File>,
}

impl ContentKeys {
    /// Reads where the keys stand. Files of keys that are not in the vault are left alone: they open with its backup.
    pub(super) fn open(dir: &Path, keys: &Keys) -> Result<Self, VaultFault> {
        files::create_private_dir(dir)?;
        let mut inner = Inner::default();
        let old = keys.days.len().saturating_sub(DAYS_TRIED);
        for (number, day) in keys.days.iter().enumerate() {
            let path = path_of(dir, day);
            if files::exists(&path)? {
                inner.read(path, day, number >= old)?;
            }
        }
        Ok(Self { dir: dir.into(), inner: Mutex::new(inner) })
    }

    /// Whether a content key was kept for this commitment, without opening it.
    pub(super) fn knows(&self, key_commitment: &[u8; 32]) -> bool {
        let first = prefix(key_commitment);
        self.lock().places.between((first, 0, 0), (first, u32::MAX, u32::MAX)).next().is_some()
    }

    /// The content key that was kept for this commitment.
    pub(super) fn get(&self, key_commitment: &[u8; 32], keys: &Keys) -> Option<ContentKey> {
        self.lock().find(key_commitment, keys)
    }

    /// Appends content keys to the file of the day; returns when they are durable. `key_of_day` gives its key.
    pub(super) fn keep(
        &self,
        list: &[Kept],
        day: u32,
        key_of_day: impl Fn() -> Result<DayKey, VaultFault>,
    ) -> Result<(), VaultFault> {
        let (key, mut inner) = loop {
            // Before the lock: whoever looks for a key holds the vault's keys and waits for this lock.
            let key = key_of_day()?;
            let inner = self.lock();
            // It may have died in between.
            if !inner.retired.contains_key(&key.id) {
                break (key, inner);
            }
        };
        if let Some(error) = &inner.broken {
            return Err(error.clone().into());
        }
        let number = match inner.files.iter().position(|file| (file.day, file.id) == (day, key.id)) {
            Some(number) => number,
            None => {
                inner.files.push(DayFile::create(path_of(&self.dir, &key), &key)?);
                inner.files.len() - 1
            }
        };
        inner.close_all_but(number);
        inner.append(number, list, &key)
    }

    /// The keys of the days under which any of these content keys stands.
    pub(super) fn days_of(&self, gone: &BTreeSet<[u8; 32]>, keys: &Keys) -> Vec<DayKey> {
        let inner = self.lock();
        let places = |commitment: &[u8; 32]| {
            let first = prefix(commitment);
            inner.places.between((first, 0, 0), (first, u32::MAX, u32::MAX)).collect::<Vec<_>>()
        };
        let numbers: BTreeSet<u32> = gone.iter().flat_map(places).map(|(_, number, _)| number).collect();
        let files = numbers.into_iter().filter_map(|number| inner.files.get(number as usize));
        files.filter_map(|file| keys.days.iter().find(|key| key.id == file.id).cloned()).collect()
    }

    /// Writes the file of a day anew under another key, without the content keys that are gone.
    pub(super) fn move_to(
        &self,
        old: &DayKey,
        new: &DayKey,
        gone: &BTreeSet<[u8; 32]>,
    ) -> Result<(), VaultFault> {
        let mut inner = self.lock();
        let Some(number) = inner.files.iter().position(|file| file.id == old.id) else { return Ok(()) };
        let old_path = inner.files[number].path.clone();
        let bytes = files::read(&old_path, FILE_BYTES_MAX)?;
        let mut moved = header(new);
        let entries = bytes.get(HEADER_BYTES..).unwrap_or_default().chunks_exact(ENTRY_BYTES);
        let mut prefixes = Vec::new();
        for (commitment, key) in entries.filter_map(|entry| open(old, entry)) {
            if !gone.contains(&commitment) {
                moved.extend_from_slice(&commitment);
                moved.extend_from_slice(&new.wrap(&commitment, &key));
                prefixes.push(prefix(&commitment));
            }
        }
        let path = path_of(&self.dir, new);
        files::write_private(&path, &moved)?;
        let file = &mut inner.files[number];
        *file = DayFile::found(path, new, moved.len() as u64);
        let others = inner.places.between((0, 0, 0), (u64::MAX, u32::MAX, u32::MAX));
        let mut places = Runs::default();
        others.filter(|place| place.1 != index(number)).for_each(|place| places.insert(place));
        (0..).zip(prefixes).for_each(|(place, first)| places.insert((first, index(number), place)));
        inner.places = places;
        inner.retired.insert(old.id, old_path);
        Ok(())
    }

    /// Ids of keys that open nothing any more.
    pub(super) fn retired(&self) -> BTreeSet<[u8; 16]> {
        self.lock().retired.keys().copied().collect()
    }

    /// Removes the files of keys that are destroyed.
    pub(super) fn remove_retired(&self) -> Result<(), VaultFault> {
        for path in self.lock().retired.values() {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(FileError::io(path, &error).into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Places are added only for what was written whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes the entries of a file; the last ones only if they open, if `tries`.
    fn read(&mut self, path: PathBuf, day: &DayKey, tries: bool) -> Result<(), VaultFault> {
        let bytes = files::read(&path, FILE_BYTES_MAX)?;
        let file = DayFile::found(path, day, bytes.len() as u64);
        let number = index(self.files.len());
        // A header that a crash has torn has no entries behind it.
        let entries = bytes.get(HEADER_BYTES..).unwrap_or_default();
        let untried = file.entries.saturating_sub(ENTRIES_TRIED);
        for (place, entry) in (0..file.entries).zip(entries.chunks_exact(ENTRY_BYTES)) {
            if !tries || place < untried || opens(day, entry) {
                self.places.insert((prefix(entry), number, place));
            }
        }
        self.files.push(file);
        Ok(())
    }

    fn find(&self, key_commitment: &[u8; 32], keys: &Keys) -> Option<ContentKey> {
        let first = prefix(key_commitment);
        let mut places = self.places.between((first, 0, 0), (first, u32::MAX, u32::MAX));
        places.find_map(|(_, number, place)| {
            let file = self.files.get(number as usize)?;
            let day = keys.days.iter().rev().find(|day| day.id == file.id)?;
            let mut entry = [0; ENTRY_BYTES];
            file.read(&mut entry, offset(place)).ok()?;
            let (commitment, wrapped) = entry.split_first_chunk::<32>()?;
            if commitment != key_commitment {
                return None;
            }
            day.unwrap(key_commitment, wrapped.first_chunk()?)
        })
    }

    fn close_all_but(&mut self, number: usize) {
        let others = self.files.iter_mut().enumerate().filter(|(other, _)| *other != number);
        others.for_each(|(_, file)| file.writing = None);
    }

    fn append(&mut self, number: usize, list: &[Kept], key: &DayKey) -> Result<(), VaultFault> {
        let mut bytes = Vec::with_capacity(list.len() * ENTRY_BYTES);
        for kept in list {
            bytes.extend_from_slice(&kept.key_commitment);
            bytes.extend_from_slice(&key.wrap(&kept.key_commitment, &kept.key));
        }
        let file = self.files.get_mut(number).expect("`keep` has found or pushed it just now");
        let (path, end) = (file.path.clone(), offset(file.entries));
        let writing = file.writing(key)?;
        // If that fails, what was written of it is written over by the next one, or does not open.
        writing.write_all_at(&bytes, end).map_err(|error| FileError::io(&path, &error))?;
        if let Err(error) = writing.sync_data() {
            let error = FileError::io(&path, &error);
            self.broken = Some(error.clone());
            return Err(error.into());
        }
        for (place, kept) in (file.entries..).zip(list) {
            self.places.insert((prefix(&kept.key_commitment), index(number), place));
        }
        file.entries = file.entries.saturating_add(index(list.len()));
        Ok(())
    }
}

impl DayFile {
    fn create(path: PathBuf, key: &DayKey) -> Result<Self, VaultFault> {
        let fault = |error: io::Error| FileError::io(&path, &error);
        let mut file = options().create(true).truncate(true).mode(0o600).open(&path).map_err(fault)?;
        file.write_all(&header(key)).map_err(fault)?;
        file.sync_all().map_err(fault)?;
        files::sync_dir_of(&path)?;
        Ok(Self { path, day: key.day, id: key.id, entries: 0, writing: Some(file) })
    }

    /// A file of this length that is there. What a crash has left behind its last entry is written over.
    fn found(path: PathBuf, key: &DayKey, length: u64) -> Self {
        let entries = length.saturating_sub(HEADER_BYTES as u64) / ENTRY_BYTES as u64;
        let entries = u32::try_from(entries).unwrap_or(u32::MAX);
        Self { path, day: key.day, id: key.id, entries, writing: None }
    }

    fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        match &self.writing {
            Some(file) => file.read_exact_at(bytes, at),
            None => File::open(&self.path)?.read_exact_at(bytes, at),
        }
    }

    /// The file, to append to it. What a crash has left behind its last entry is cut off, and its header is whole.
    fn writing(&mut self, key: &DayKey) -> Result<&File, VaultFault> {
        let file = match self.writing.take() {
            Some(file) => file,
            None => {
                let fault = |error: io::Error| FileError::io(&self.path, &error);
                let file = options().open(&self.path).map_err(fault)?;
                file.set_len(offset(self.entries)).map_err(fault)?;
                file.write_all_at(&header(key), 0).map_err(fault)?;
                file
            }
        };
        Ok(self.writing.insert(file))
    }
}

fn opens(day: &DayKey, entry: &[u8]) -> bool {
    open(day, entry).is_some()
}

/// The commitment and the content key of an entry that is whole.
fn open(day: &DayKey, entry: &[u8]) -> Option<([u8; 32], ContentKey)> {
    let (commitment, wrapped) = entry.split_first_chunk::<32>()?;
    Some((*commitment, day.unwrap(commitment, wrapped.first_chunk()?)?))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}

fn path_of(dir: &Path, key: &DayKey) -> PathBuf {
    dir.join(format!("{}-{}", key.day, hex::encode(&key.id[..4])))
}

fn header(key: &DayKey) -> Vec<u8> {
    [MAGIC.as_slice(), &key.day.to_be_bytes(), &key.id].concat()
}

fn prefix(commitment: &[u8]) -> u64 {
    commitment.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn offset(entry: u32) -> u64 {
    HEADER_BYTES as u64 + u64::from(entry) * ENTRY_BYTES as u64
}

fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
