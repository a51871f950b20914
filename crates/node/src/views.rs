//! Projections for clients: inbox and outbox.
//!
//! They are computed from the logs when the node starts and kept up by what the core stores, so they can always be
//! thrown away. They hold where the messages stand and nothing of what they say: headers and contents are read from
//! the store when they are asked for, since a node keeps millions of records and lists a few dozen. What is void,
//! disputed, early or expired is never listed as a normal message.

mod entry;
mod listing;
mod prekeys;
mod receipts;
mod scan;

use ecomesh_api::{Event, RecordState};
use ecomesh_protocol::Roster;
use ecomesh_protocol::erasure::Erased;
use ecomesh_protocol::forks::Forks;
use ecomesh_protocol::judge::Void;
use ecomesh_protocol::lives::{Life, Lives};
use ecomesh_protocol::prekeys::{Announcement, Use};
use ecomesh_protocol::receipt::Receipt;
use ecomesh_record::{ForkProof, Kind, MemberId, Position, Record, RecordId, Time};
use ecomesh_seal::PrekeyId;
use ecomesh_store::Runs;

pub(crate) use entry::{Entry, is_correspondence, kind_view};
pub(crate) use listing::{Filter, Page, list};
pub(crate) use prekeys::{Chosen, NoPrekey};
pub(crate) use scan::{lives, scan};

use prekeys::Prekeys;
use receipts::Receipts;

/// The projections of one node.
#[derive(Debug)]
pub(crate) struct Views {
    own: MemberId,
    inbox: Runs<Key>,
    outbox: Runs<Key>,
    receipts: Receipts,
    prekeys: Prekeys,
    lives: Lives,
    /// Where members say that they have destroyed what was erased.
    destroyed: Receipts,
    forks: Forks,
}

/// The place of an entry in a listing: by arrival, then by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// When this node first saw the record.
    pub(crate) first_seen: Time,
    /// The record's place.
    pub(crate) position: Position,
}

/// Which of the two listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// What others sent to this bureau.
    Inbox,
    /// What this bureau sent.
    Outbox,
}

impl Views {
    /// Without records, but with all that is known of forks, and of how long bodies live.
    pub(crate) fn new(own: MemberId, roster: &Roster, forks: Vec<ForkProof>, lives: Lives) -> Self {
        Self {
            own,
            inbox: Runs::default(),
            outbox: Runs::default(),
            receipts: Receipts::default(),
            prekeys: Prekeys::of_charter(roster),
            lives,
            destroyed: Receipts::default(),
            forks: forks.into_iter().collect(),
        }
    }

    /// Adds a record that is durable, and gives the event that tells of it.
    pub(crate) fn stored(&mut self, record: &Record, verdict: Result<(), Void>, first_seen: Time) -> Event {
        let header = record.header();
        let entry = Entry::new(record, verdict.err(), first_seen);
        let state = self.state(&entry, first_seen);
        let document = header.kind.is_document().then(|| kind_view(header.kind));
        let for_us = header.is_for(self.own);
        self.control_record(record, verdict);
        let key = Key { first_seen, position: header.position() };
        if !is_correspondence(header.kind) {
            // Neither in the inbox nor in the outbox.
        } else if header.author == self.own {
            self.outbox.insert(key);
        } else if for_us {
            self.inbox.insert(key);
        }
        Event::Stored {
            id: record.id().to_string(),
            position: header.position().to_string(),
            from: header.author.to_string(),
            document,
            state,
            for_us,
        }
    }

    /// Where receipts stand that may speak of this record: what is disputed says nothing.
    pub(crate) fn receipts(&self, id: RecordId) -> Vec<Position> {
        let mut places = self.receipts.places(id);
        places.retain(|place| !self.is_disputed(*place));
        places
    }

    /// Where members say that they have destroyed the body of this record: what is disputed says nothing.
    pub(crate) fn destroyed(&self, id: RecordId) -> Vec<Position> {
        let mut places = self.destroyed.places(id);
        places.retain(|place| !self.is_disputed(*place));
        places
    }

    /// A record erases the bodies of others.
    pub(crate) fn erased(&mut self, record: &Record, seen_at: Time) {
        self.lives.learn(record, seen_at, true);
    }

    /// How long bodies live.
    pub(crate) fn lives(&self) -> &Lives {
        &self.lives
    }

    /// The prekey to which is sealed at this time.
    pub(crate) fn prekey(&self, member: MemberId, now: Time) -> Result<Chosen, NoPrekey> {
        self.prekeys.choose(member, now, |position| self.is_disputed(position))
    }

    /// What the prekey with this id was published for; nothing if none is known.
    pub(crate) fn prekey_use(&self, id: PrekeyId) -> Option<Use> {
        self.prekeys.purpose(id)
    }

    /// Whether a record at this place stands in a log that has forked at or before it.
    pub(crate) fn is_disputed(&self, position: Position) -> bool {
        self.forks.disputed_from(position.log).is_some_and(|from| from <= position.seq)
    }

    /// A log has forked.
    pub(crate) fn forked(&mut self, proof: ForkProof) {
        self.forks.learn(proof);
    }

    /// Takes note of what a control record says: one that was stored, or whose missing body came.
    pub(crate) fn control_record(&mut self, record: &Record, verdict: Result<(), Void>) {
        let Some(body) = record.body().filter(|_| verdict.is_ok()) else { return };
        match record.header().kind {
            Kind::RECEIPT => {
                if let Ok(receipt) = Receipt::decode(body.content()) {
                    let ids = receipt.entries().iter().map(|entry| entry.id);
                    self.receipts.insert(record.position(), ids);
                }
            }
            Kind::EXTEND => {
                self.lives.learn(record, record.header().created_at, true);
            }
            Kind::ERASED => {
                if let Ok(erased) = Erased::decode(body.content()) {
                    self.destroyed.insert(record.position(), erased.targets().iter().copied());
                }
            }
            Kind::PREKEY => {
                if let Ok(announcement) = Announcement::decode(body.content()) {
                    self.prekeys.insert(record.position(), announcement);
                }
            }
            _ => {}
        }
    }

    /// How an entry stands at this time.
    pub(crate) fn state(&self, entry: &Entry, now: Time) -> RecordState {
        let position = entry.position;
        if entry.void.is_some() {
            RecordState::Void
        } else if self.is_disputed(position) {
            RecordState::Disputed
        } else {
            match self.lives.life(&entry.term, now) {
                Life::Living => RecordState::Valid,
                Life::Expired => RecordState::Expired,
                Life::Erased => RecordState::Erased,
            }
        }
    }

    /// Up to `limit` places of a folder below this one, newest first.
    fn places(&self, folder: Folder, before: Option<Key>, limit: usize) -> Vec<Key> {
        let places = match folder {
            Folder::Inbox => &self.inbox,
            Folder::Outbox => &self.outbox,
        };
        places.descending(before).take(limit).collect()
    }
}

impl Key {
    /// The key as a cursor of the API.
    pub(crate) fn to_cursor(self) -> String {
        format!("{:016x}{}", self.first_seen.0, hex::encode(self.position.key()))
    }

    /// Reads what [`Key::to_cursor`] wrote.
    pub(crate) fn from_cursor(text: &str) -> Option<Self> {
        let bytes = hex::decode(text).ok()?;
        let (time, position) = bytes.split_first_chunk::<8>()?;
        let first_seen = Time(u64::from_be_bytes(*time));
        Some(Self { first_seen, position: Position::from_key(position)? })
    }
}

#[cfg(test)]
mod tests;
