//! Archives of a home whose node does not run.

use std::io::{self, Write};

use ecomesh_protocol::LedgerError;
use ecomesh_protocol::lives::{Life, Term};
use ecomesh_record::archive::{ArchiveEncoder, EncodeError, Filter, LogRange, Manifest};
use ecomesh_record::{MemberId, Time};
use ecomesh_seal::StorageKey;
use ecomesh_store::{LedgerReader, OpenError, open_or_create};
use thiserror::Error;

use crate::config::{ConfigError, NodeConfig};
use crate::founding::keygen::{KeygenError, random};
use crate::home::{Home, HomeError};
use crate::passphrase::{Passphrase, PassphraseError};
use crate::storage_key::{self, StorageKeyError};
use crate::views;

/// Why there is no archive.
#[derive(Debug, Error)]
pub enum ArchivingError {
    /// The home, or its lock.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The storage key.
    #[error(transparent)]
    Key(#[from] StorageKeyError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] LedgerError),
    /// The archive cannot be written.
    #[error("the archive cannot be written: {0}; check the folder and the space on its disk")]
    Write(#[from] io::Error),
    /// What is stored does not fit an archive.
    #[error("what is stored does not fit an archive: {0}")]
    Encode(#[from] EncodeError),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] KeygenError),
}

/// Writes everything that the home's store holds. The node must not run: the home's lock is taken meanwhile, and only then
/// is the passphrase asked for, which opens the storage key.
///
/// # Errors
/// [`ArchivingError`]; what was written then is no archive.
pub fn write_archive(
    home: &Home,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
    now: Time,
    out: &mut impl Write,
) -> Result<(), ArchivingError> {
    let _lock = home.lock()?;
    home.roster()?;
    let key = storage_key::of_home(home, &passphrase().map_err(StorageKeyError::from)?)?;
    write_archive_locked(home, &key, now, out)
}

/// As [`write_archive`], for a caller that holds the lock.
pub(crate) fn write_archive_locked(
    home: &Home,
    key: &StorageKey,
    now: Time,
    out: &mut impl Write,
) -> Result<(), ArchivingError> {
    let roster = home.roster()?;
    let member = home.card()?.member;
    let settings = NodeConfig::load_or_default(&home.config_file())?.store;
    let options = settings.options();
    let instance = *random::<16>()?;
    let (opened, _) = storage_key::open_with(key, |key| {
        open_or_create(&home.store_dir(), roster.network(), instance, key, &options)
    })?;
    let reader = opened.ledger.reader();
    let manifest = manifest(&reader, member, now);
    let lives = views::lives(&reader, &roster);
    let (mut encoder, head) = ArchiveEncoder::begin(roster.founded(), &manifest)?;
    out.write_all(&head)?;
    for record in reader.records() {
        let (record, _) = record?;
        // What was erased or has expired is in no archive; its header still holds the chain together.
        let living = lives.life(&Term::of(&record), now) == Life::Living;
        let record = if living { record } else { record.without_body() };
        out.write_all(&encoder.record(&record)?)?;
    }
    for proof in reader.forks() {
        out.write_all(&encoder.fork(&proof)?)?;
    }
    out.write_all(&encoder.finish()?)?;
    Ok(out.flush()?)
}

fn manifest(reader: &LedgerReader, exporter: MemberId, exported_at: Time) -> Manifest {
    let range = |head: ecomesh_protocol::LogHead| LogRange { log: head.log, first: 0, last: head.seq };
    Manifest {
        network: reader.network(),
        exporter,
        exported_at,
        filter: Filter::default(),
        logs: reader.heads().into_iter().map(range).collect(),
    }
}
