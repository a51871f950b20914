//! Filling a fresh store from an archive, every record verified as if it came from a peer.

use std::io::Read;
use std::sync::Arc;

use ecomesh_protocol::ledger::Ledger;
use ecomesh_protocol::lives::{Life, Lives, Term};
use ecomesh_protocol::replica::{Receipt, Replica};
use ecomesh_protocol::verify::{verify_fork, verify_frame};
use ecomesh_protocol::{KeyRing, LedgerError, Roster, Verified, judge};
use ecomesh_record::archive::{ArchiveDecoder, ArchiveError, Item};
use ecomesh_record::{MemberId, Record, Time};
use ecomesh_seal::StorageKey;
use ecomesh_store::{OpenError, SledLedger, open_or_create};
use thiserror::Error;

use crate::config::{ConfigError, NodeConfig};
use crate::founding::keygen::{KeygenError, random};
use crate::home::{Home, HomeError};

/// Records of one commit.
const BATCH_RECORDS: usize = 256;

/// What came into the store.
pub(super) struct Refilled {
    pub(super) records: u64,
    pub(super) left_out: u64,
}

/// Why the records were not taken.
#[derive(Debug, Error)]
pub enum RefillError {
    /// The settings of the backup.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The card of the backup.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The new store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A commit.
    #[error(transparent)]
    Commit(#[from] LedgerError),
    /// The archive.
    #[error("the records in the backup cannot be read: {0}; use another copy of the backup")]
    Archive(#[from] ArchiveError),
    /// Reading.
    #[error("the backup cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] KeygenError),
}

/// Makes a fresh store, with an instance id that no journal knows, and fills it.
pub(super) fn refill(
    home: &Home,
    roster: &Roster,
    key: &StorageKey,
    mut archive: impl Read,
    now: Time,
) -> Result<Refilled, RefillError> {
    let settings = NodeConfig::load_or_default(&home.config_file())?.store;
    let options = settings.options();
    let opened = open_or_create(&home.store_dir(), roster.network(), *random::<16>()?, key, &options)?;
    let mut filling = Filling {
        replica: Replica::open(roster.network(), &opened.ledger)?,
        ring: KeyRing::of_roster(roster),
        lives: Lives::new(roster),
        roster: roster.clone(),
        own: home.card()?.member,
        ledger: opened.ledger,
        now,
        done: Refilled { records: 0, left_out: 0 },
    };
    let mut decoder = ArchiveDecoder::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = archive.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        decoder.push(&buffer[..length]);
        while let Some(item) = decoder.next()? {
            filling.take(item)?;
        }
    }
    decoder.finish()?;
    filling.commit()?;
    Ok(filling.done)
}

struct Filling {
    replica: Replica,
    ring: KeyRing,
    lives: Lives,
    roster: Roster,
    own: MemberId,
    ledger: SledLedger,
    now: Time,
    done: Refilled,
}

impl Filling {
    fn take(&mut self, item: Item) -> Result<(), RefillError> {
        match item {
            Item::Record { frame, .. } => {
                let verified = frame.ok().and_then(|frame| verify_frame(&self.ring, frame).ok());
                let Some(verified) = verified else {
                    self.done.left_out += 1;
                    return Ok(());
                };
                self.ring.learn(&verified);
                self.learn(&verified);
                let excused = self.is_excused(verified.record());
                let verified = if excused { verified.without_body() } else { verified };
                let record = Arc::new(verified);
                match self.replica.receive(&self.ledger, record.clone(), self.now, excused)? {
                    Receipt::Staged(count) => self.done.records += count as u64,
                    // The body was missing, or was erased by a record that is not in the backup: a hole, which the peers
                    // fill, or explain.
                    Receipt::WantsBody => {
                        self.replica.stage_own(record, self.now, false);
                        self.done.records += 1;
                    }
                    _ => self.done.left_out += 1,
                }
                if self.replica.staged().records.len() >= BATCH_RECORDS {
                    self.commit()?;
                }
            }
            Item::Fork(proof) => {
                if verify_fork(&self.ring, &proof) == Some(true) {
                    self.ring.learn_fork(&proof);
                    self.replica.dispute(proof);
                }
            }
            Item::Charter(_) | Item::Manifest(_) | Item::Key { .. } | Item::End => {}
        }
        Ok(())
    }

    /// What it says of bodies. The hold of an erasure begins anew: nobody knows how long the backup lay.
    fn learn(&mut self, verified: &Verified) {
        let record = verified.record();
        if record.header().kind.is_control()
            && judge(&self.roster, record).is_ok()
            && let Some((name, value)) = self.lives.learn(record, self.now, true)
        {
            self.replica.stage_value(name, value);
        }
    }

    /// Whether its body is for others only, was erased, or is not in the backup since it had expired.
    fn is_excused(&self, record: &Record) -> bool {
        if !self.roster.needs_body(record.header(), self.own) {
            return true;
        }
        match self.lives.life(&Term::of(record), self.now) {
            Life::Living => false,
            Life::Expired => record.body().is_none(),
            Life::Erased => true,
        }
    }

    fn commit(&mut self) -> Result<(), RefillError> {
        if !self.replica.staged().is_empty() {
            self.ledger.commit(self.replica.staged())?;
            self.replica.committed();
        }
        Ok(())
    }
}
