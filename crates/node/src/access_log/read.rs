//! Reading the access log back, entry by entry, and verifying it.
//!
//! One fault does not hide the rest: behind it the reading goes on with the chain value that stands in the file, and looks
//! for the number under which the next entry opens.

use std::collections::BTreeMap;
use std::path::Path;

use ecomesh_seal::StorageKey;
use ecomesh_seal::at_rest::ChunkKey;
use thiserror::Error;
use zeroize::Zeroizing;

use super::FILE_BYTES_MAX;
use super::entry::{self, Entry};
use super::format::{self, FRAME_BYTES, HEADER_BYTES, Head, Header, Next};
use crate::home::{FileError, Home, files};
use crate::passphrase::{Passphrase, PassphraseError};
use crate::storage_key::{self, StorageKeyError};

/// What a reading of the whole log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// How many files there are.
    pub files: u64,
    /// How far the log has come, by what stands in it.
    pub head: Head,
    /// How many bytes at the end of the newest file are no whole entry yet. It is being written, or was cut short and never
    /// acknowledged: no fault.
    pub torn_bytes: u64,
    /// What is wrong: the first [`Audit::FAULTS_MAX`] faults.
    pub faults: Vec<Fault>,
    /// How many faults there are.
    pub fault_count: u64,
}

impl Audit {
    /// Faults that are kept at most.
    pub const FAULTS_MAX: usize = 1000;

    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.fault_count == 0
    }
}

/// Something wrong in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of the file; that of the newest for a head that was not met.
    pub file: String,
    /// The number of the entry, unless it is the file as a whole.
    pub entry: Option<u64>,
    /// What.
    pub kind: FaultKind,
}

/// What is wrong with a file or an entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// Later files are here.
    #[error("the file is missing")]
    FileMissing,
    /// No header, or one with another checksum, or that of another file.
    #[error("the header of the file was altered: none of its entries can be read")]
    Header,
    /// Longer than any file of the log.
    #[error("the file is too long to be one of this log")]
    TooLong,
    /// It was written under a storage key that this home does not have.
    #[error("the file is under another storage key, and its entries cannot be read")]
    OtherKey,
    /// The end of the file before is not the one to which this file was joined.
    #[error("the file goes on behind entry {expected}, and what is before it ends otherwise (entry {found})")]
    NotJoined {
        /// How many entries were before this file when it was made.
        expected: u64,
        /// How many entries are there.
        found: u64,
    },
    /// The entry cannot be opened under its number, or a near one.
    #[error("the entry was altered or moved, or is not from this log")]
    Altered,
    /// The entry opens, and its chain value is another one.
    #[error("the entry does not follow the one before it")]
    Chain,
    /// Entries before this one are not here.
    #[error("the {0} entries before it are missing")]
    EntriesMissing(u64),
    /// The entry opens, and says nothing that is known.
    #[error("the entry opens, but is of another version of this software")]
    Content,
    /// What follows is no entry.
    #[error("the rest of the file was altered and cannot be read: {0} bytes")]
    Rest(u64),
    /// The noted head is not in the log.
    #[error("the log does not have the head that was noted: something was cut off or replaced since")]
    NotedHead,
}

impl FaultKind {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FileMissing => "file-missing",
            Self::Header => "header",
            Self::TooLong => "too-long",
            Self::OtherKey => "other-key",
            Self::NotJoined { .. } => "not-joined",
            Self::Altered => "altered",
            Self::Chain => "chain",
            Self::EntriesMissing(_) => "entries-missing",
            Self::Content => "content",
            Self::Rest(_) => "rest",
            Self::NotedHead => "noted-head",
        }
    }
}

/// Why the log cannot be read at all. The operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuditError {
    /// A file or the folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// The storage key.
    #[error(transparent)]
    Key(#[from] StorageKeyError),
}

/// Reads and verifies the access log of a home, whose node may run. Nothing if there is none; the passphrase is asked for
/// only if there is one. `each` gets every entry that can be read, in the order in which they were written. `noted` is a
/// head of this log that was noted earlier, of which nothing may have been cut off since.
///
/// # Errors
/// [`AuditError`], if files or keys cannot be used. Damage of the log is no error, but in the [`Audit`].
pub fn audit(
    home: &Home,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
    noted: Option<Head>,
    each: impl FnMut(Entry),
) -> Result<Option<Audit>, AuditError> {
    let dir = home.access_dir();
    if !files::names(&dir)?.iter().any(|name| format::number(name).is_some()) {
        return Ok(None);
    }
    let key = storage_key::of_home(home, &passphrase().map_err(StorageKeyError::from)?)?;
    Ok(Some(read(&dir, &key, noted, each)?))
}

/// As [`audit`], of the log in the folder `dir`, with a key that is open: files under its second key are read too.
///
/// # Errors
/// [`FileError`].
pub fn read(
    dir: &Path,
    key: &StorageKey,
    noted: Option<Head>,
    each: impl FnMut(Entry),
) -> Result<Audit, FileError> {
    let listed: BTreeMap<u64, String> =
        files::names(dir)?.into_iter().filter_map(|name| Some((format::number(&name)?, name))).collect();
    let mut reading = Reading::new(key, noted, each);
    for (number, name) in listed {
        reading.file(dir, number, name)?;
    }
    Ok(reading.end())
}

struct Reading<F> {
    keys: Vec<StorageKey>,
    /// The noted head, until it was met.
    noted: Option<Head>,
    each: F,
    /// Name and number of the file that is read.
    name: String,
    number: u64,
    /// Whether what is before the next file is not known: a fault was told of it already.
    lost: bool,
    audit: Audit,
}

impl<F: FnMut(Entry)> Reading<F> {
    fn new(key: &StorageKey, noted: Option<Head>, each: F) -> Self {
        let keys = std::iter::once(key.clone()).chain(key.second()).collect();
        let audit =
            Audit { files: 0, head: Head::default(), torn_bytes: 0, faults: Vec::new(), fault_count: 0 };
        Self { keys, noted, each, name: String::new(), number: 0, lost: false, audit }
    }

    fn end(mut self) -> Audit {
        if self.noted.is_some() {
            self.fault(None, FaultKind::NotedHead);
        }
        self.audit
    }

    fn file(&mut self, dir: &Path, number: u64, name: String) -> Result<(), FileError> {
        self.missing_before(number);
        let bytes = files::read(&dir.join(&name), FILE_BYTES_MAX as u64);
        (self.number, self.name) = (number, name);
        self.audit.files += 1;
        self.audit.torn_bytes = 0;
        match bytes {
            Ok(bytes) => self.content(&bytes),
            Err(FileError::TooLong { .. }) => self.lose(FaultKind::TooLong),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Tells of each file between the last one and this one, within reason.
    fn missing_before(&mut self, number: u64) {
        let missing = (self.number + 1..number).take(Audit::FAULTS_MAX);
        for gone in missing {
            self.name = format::name(gone);
            self.lose(FaultKind::FileMissing);
        }
    }

    fn content(&mut self, file: &[u8]) {
        let header = Header::decode(file).filter(|header| header.number == self.number);
        let Some(header) = header else { return self.lose(FaultKind::Header) };
        if !self.lost && header.before != self.audit.head {
            let (expected, found) = (header.before.entries, self.audit.head.entries);
            self.fault(None, FaultKind::NotJoined { expected, found });
        }
        self.lost = false;
        let key = self.keys.iter().find(|key| key.id() == header.key).map(|key| header.chunk_key(key));
        if key.is_none() {
            self.fault(None, FaultKind::OtherKey);
        }
        self.stand_at(header.head());
        self.entries(key.as_ref(), file.get(HEADER_BYTES..).unwrap_or_default());
    }

    fn entries(&mut self, key: Option<&ChunkKey>, mut rest: &[u8]) {
        loop {
            match format::next(rest, &self.audit.head) {
                Next::End => return,
                // Whether anything that counts is missing is said by the header of the next file.
                Next::Torn => return self.audit.torn_bytes = rest.len() as u64,
                Next::Garbage => {
                    let number = self.audit.head.next_number();
                    self.fault(Some(number), FaultKind::Rest(rest.len() as u64));
                    return self.lost = true;
                }
                Next::Frame { chain, ciphertext } => {
                    self.entry(key, chain, ciphertext);
                    rest = rest.get(FRAME_BYTES + ciphertext.len()..).unwrap_or_default();
                }
            }
        }
    }

    fn entry(&mut self, key: Option<&ChunkKey>, chain: [u8; 32], ciphertext: &[u8]) {
        let expected = self.audit.head.next_number();
        let follows = self.audit.head.chain(ciphertext) == chain;
        let opened = match key {
            Some(key) => open_near(key, expected, ciphertext),
            // That nothing of this file can be read was told. Its chain can still be followed.
            None if follows => Some((expected, None)),
            None => None,
        };
        let number = opened.as_ref().map_or(expected, |(number, _)| *number);
        match &opened {
            None => self.fault(Some(number), FaultKind::Altered),
            Some(_) if number > expected => {
                self.fault(Some(number), FaultKind::EntriesMissing(number - expected));
            }
            Some(_) if number < expected => self.fault(Some(number), FaultKind::Altered),
            Some(_) if !follows => self.fault(Some(number), FaultKind::Chain),
            Some(_) => {}
        }
        if let Some((_, Some(plaintext))) = opened {
            match entry::decode(number, &plaintext) {
                Some(entry) => (self.each)(entry),
                None => self.fault(Some(number), FaultKind::Content),
            }
        }
        // One that was moved here from further up does not make those after it missing.
        self.stand_at(Head { entries: number.max(expected - 1), hash: chain });
    }

    fn stand_at(&mut self, head: Head) {
        self.audit.head = head;
        if self.noted == Some(head) {
            self.noted = None;
        }
    }

    /// Tells of a file that cannot be read: the next one says itself where it goes on.
    fn lose(&mut self, kind: FaultKind) {
        self.fault(None, kind);
        self.lost = true;
    }

    fn fault(&mut self, entry: Option<u64>, kind: FaultKind) {
        self.audit.fault_count += 1;
        if self.audit.faults.len() < Audit::FAULTS_MAX {
            self.audit.faults.push(Fault { file: self.name.clone(), entry, kind });
        }
    }
}

/// Opens an entry, which may stand some places away from where it belongs; gives its number and its plaintext.
fn open_near(key: &ChunkKey, expected: u64, ciphertext: &[u8]) -> Option<(u64, Option<Zeroizing<Vec<u8>>>)> {
    let after = expected.saturating_add(1)..=expected.saturating_add(NEAR);
    let before = expected.saturating_sub(NEAR).max(1)..expected;
    let mut numbers = std::iter::once(expected).chain(after).chain(before);
    numbers.find_map(|number| Some((number, Some(key.open(number, false, ciphertext)?))))
}

/// How many places away.
const NEAR: u64 = 64;
