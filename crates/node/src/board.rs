//! What the bureaus' documents come to: which notices and diffusions stand, and which
//! entries of databases hold. (The rules are those of
//! `ecomesh_document::projection`; here documents are read from the store and handed to them.)
//!
//! It is computed from the logs after each start, in the background, and kept up by what is stored. It holds one line of
//! each text; so while the node is locked there is none of it, and it is computed again when the node is unlocked.
//!
//! * [`index`] leads from numbers and names to records;
//! * [`Board`] knows what is not read yet, and holds the projections;
//! * [`reading`] reads it;
//! * [`reissue`] writes batches anew without what was withdrawn from them.

pub(crate) mod index;
pub(crate) mod reading;
pub(crate) mod reissue;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ecomesh_document::hit::Hit;
use ecomesh_document::member::MemberCode;
use ecomesh_document::notice::life::{self, Review};
use ecomesh_document::projection::{Batches, Entries, Notices, Place, Withdrawn};
use ecomesh_document::{Document, ReadDocument};
use ecomesh_protocol::Roster;
use ecomesh_protocol::author::lane_of;
use ecomesh_protocol::judge::Void;
use ecomesh_record::{Header, Kind, Lane, LogId, MemberId, Position, Record, RecordId};
use ecomesh_search::exact::SECRET_BYTES;
use tokio::sync::{Notify, watch};

use crate::vault::Locked;
use index::Index;

/// Longest wait for an own record to be read: it is durable already, and only the answer's picture would be old.
const SETTLE: Duration = Duration::from_secs(5);

/// The index of texts is written anew without what was forgotten at most so often: that takes a second for each hundred
/// thousand.
const COMPACT_EVERY: Duration = Duration::from_secs(10 * 60);

/// What the documents come to, and what is not read yet.
pub(crate) struct Board {
    review: Review,
    /// None while the node is locked.
    projections: RwLock<Option<Projections>>,
    unread: Mutex<Unread>,
    /// Something is to be read.
    news: Notify,
    /// Goes up when something was read.
    read: watch::Sender<u64>,
    /// Whoever withdraws a line of an own batch, or writes the batch anew, is alone: otherwise a line that is withdrawn in
    /// between would come back with the new batch.
    rewriting: tokio::sync::Mutex<()>,
}

/// The projections of one node.
pub(crate) struct Projections {
    pub(crate) notices: Notices,
    pub(crate) entries: Entries,
    pub(crate) batches: Batches,
    /// What was withdrawn and is erased.
    pub(crate) withdrawn: Withdrawn,
    pub(crate) index: Index,
    /// Hits, by the records that tell of them.
    pub(crate) hits: BTreeMap<RecordId, Hit>,
    /// Whether words of what was forgotten may still lie in the index of texts.
    stale: bool,
    compacted: Instant,
}

#[derive(Default)]
struct Unread {
    positions: BTreeSet<Key>,
    /// What is sealed to a group whose key record is not here: it may never come, and is not read again and again.
    parked: BTreeMap<RecordId, BTreeSet<Key>>,
    /// What was erased or destroyed, and may be in the projections.
    forgotten: Vec<RecordId>,
    /// All logs are to be read: after a start, and after the node was unlocked.
    everything: bool,
    /// How many records of them are not looked at yet.
    unlooked: u64,
    /// How often the projections were opened or closed: what was read for others is not in these.
    opened: u64,
}

/// The order in which records are read: texts before what speaks of them, so that little has to wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    speaks_of_another: bool,
    position: Position,
}

impl Key {
    fn of(header: &Header) -> Self {
        let speaks_of_another = matches!(header.kind, Kind::NOTICE_STEP | Kind::ENTRY_STEP);
        Self { speaks_of_another, position: header.position() }
    }
}

impl Unread {
    /// So many more records of the logs are read, and in the projections.
    fn looked_at(&mut self, records: u64) {
        self.unlooked = self.unlooked.saturating_sub(records);
    }

    /// All logs were read for the projections that were opened then, if these are still the ones.
    fn all_is_read(&mut self, opened: u64) {
        if self.opened == opened {
            (self.everything, self.unlooked) = (false, 0);
        }
    }

    fn has(&self, position: Position) -> bool {
        let key = |speaks_of_another| Key { speaks_of_another, position };
        self.positions.contains(&key(false)) || self.positions.contains(&key(true))
    }
}

impl Board {
    /// Nothing is read yet; everything is to be.
    pub(crate) fn new(roster: &Roster) -> Self {
        let review = review_of(roster);
        Self {
            projections: RwLock::new(Some(Projections::new(&review))),
            review,
            unread: Mutex::new(Unread { everything: true, ..Unread::default() }),
            news: Notify::new(),
            read: watch::Sender::new(0),
            rewriting: tokio::sync::Mutex::new(()),
        }
    }

    /// Who reviews, and how many must agree.
    pub(crate) fn review(&self) -> &Review {
        &self.review
    }

    /// A record is durable here. What is void says nothing.
    pub(crate) fn arrived(&self, record: &Record, verdict: Result<(), Void>) {
        let header = record.header();
        if verdict.is_err() {
            return;
        }
        if is_projected(header.kind, header.lane) {
            self.unread().positions.insert(Key::of(header));
            self.news.notify_one();
        } else if header.kind == Kind::GROUP_KEY {
            self.unpark(record.id());
        }
    }

    /// A key record is here: what waited for it can be read.
    fn unpark(&self, key_record: RecordId) {
        let mut unread = self.unread();
        if let Some(keys) = unread.parked.remove(&key_record) {
            unread.positions.extend(keys);
            drop(unread);
            self.news.notify_one();
        }
    }

    /// A body that was missing is here.
    pub(crate) fn body_came(&self) {
        self.news.notify_one();
    }

    /// What this record said was erased or destroyed. The core waits for this: it is only noted, and what is erased is hidden
    /// meanwhile, since whoever shows something looks how its record stands.
    pub(crate) fn forget(&self, id: RecordId) {
        self.unread().forgotten.push(id);
        self.news.notify_one();
    }

    /// Looks at the projections.
    ///
    /// # Errors
    /// [`Locked`].
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Projections) -> T) -> Result<T, Locked> {
        self.projections.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(look).ok_or(Locked)
    }

    /// How many records are here, and not read or not searched yet.
    pub(crate) fn waiting(&self) -> usize {
        self.unlisted() + self.look(|projections| projections.index.unshown()).unwrap_or(0)
    }

    /// How many records are here, and in no list yet. Asked while [looking](Self::look), it holds for what is looked at. What
    /// only the search of words does not know yet is in the lists.
    pub(crate) fn unlisted(&self) -> usize {
        let unread = self.unread();
        let unlooked = usize::try_from(unread.unlooked).unwrap_or(usize::MAX);
        unread.positions.len() + unlooked.max(usize::from(unread.everything))
    }

    /// Whether all logs are still to be read, after a start or after the node was unlocked.
    pub(crate) fn reads_everything(&self) -> bool {
        self.unread().everything
    }

    /// Nothing of the documents stays in memory.
    pub(crate) fn close(&self) {
        *self.projections.write().unwrap_or_else(PoisonError::into_inner) = None;
        let mut unread = self.unread();
        *unread = Unread { opened: unread.opened + 1, ..Unread::default() };
    }

    /// Everything is read again.
    pub(crate) fn open(&self) {
        *self.projections.write().unwrap_or_else(PoisonError::into_inner) =
            Some(Projections::new(&self.review));
        let mut unread = self.unread();
        unread.everything = true;
        unread.opened += 1;
        drop(unread);
        self.news.notify_one();
    }

    /// Waits until the record at this place is read, a few seconds at most.
    pub(crate) async fn settled(&self, position: Position) {
        let mut read = self.read.subscribe();
        let wait = async {
            while self.unread().has(position) {
                if read.changed().await.is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(SETTLE, wait).await.is_err() {
            tracing::debug!(%position, "an own record is not read yet");
        }
    }

    /// While the answer lives nobody else withdraws a line of an own batch or writes one anew.
    pub(crate) async fn alone_with_own_batches(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.rewriting.lock().await
    }

    /// Whether a withdrawal by this member may be here and not be read yet.
    pub(crate) fn has_unread_withdrawals(&self, own: MemberId) -> bool {
        let unread = self.unread();
        let is_one = |key: &Key| {
            key.speaks_of_another && key.position.log.author == own && key.position.log.lane == Lane::ENTRIES
        };
        unread.everything || unread.positions.iter().any(is_one)
    }

    /// Whether all entries of this member that are here are in the projections.
    pub(crate) fn has_read_entries_of(&self, own: MemberId) -> bool {
        let unread = self.unread();
        let is_one = |key: &Key| key.position.log.author == own && key.position.log.lane == Lane::ENTRIES;
        !unread.everything && !unread.positions.iter().any(is_one)
    }

    fn unread(&self) -> MutexGuard<'_, Unread> {
        // A set is whole after every single call on it.
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Projections {
    fn new(review: &Review) -> Self {
        let mut secret = [0; SECRET_BYTES];
        if let Err(error) = getrandom::fill(&mut secret) {
            // With a secret that is known somebody could make look-ups slow, and no more.
            tracing::error!(%error, "the system gives no randomness");
        }
        Self {
            notices: Notices::new(review.clone()),
            entries: Entries::default(),
            batches: Batches::default(),
            withdrawn: Withdrawn::default(),
            index: Index::new(secret),
            hits: BTreeMap::new(),
            stale: false,
            compacted: Instant::now(),
        }
    }

    /// Whether texts wait to be searched, or words of what was forgotten to be taken out of memory.
    fn waits(&self, now: Instant) -> bool {
        self.index.unshown() > 0 || self.is_compaction_due(now)
    }

    fn is_compaction_due(&self, now: Instant) -> bool {
        self.stale && now.saturating_duration_since(self.compacted) >= COMPACT_EVERY
    }

    /// From now on what was read is searched. Now and then the words of what was forgotten are taken out of memory, too.
    fn show(&mut self, now: Instant) {
        let compact = self.is_compaction_due(now);
        self.index.show(compact);
        if compact {
            (self.stale, self.compacted) = (false, now);
        }
    }

    fn take(&mut self, place: &Place, read: &ReadDocument) {
        let document = &read.document;
        self.notices.take(place, document);
        // A withdrawal that names no line is of an entry or of a batch; if neither is here yet, of whichever comes.
        let target = match document {
            Document::EntryStep(step) if step.line.is_none() => Some(step.entry.0),
            _ => None,
        };
        let is_entry = target.is_some_and(|id| self.entries.item(id).is_some());
        let is_batch = target.is_some_and(|id| self.batches.batch_of(id).is_some());
        if !is_batch {
            self.entries.take(place, document);
        }
        if !is_entry {
            self.batches.take(place, document);
        }
        self.index.take(place, read);
        if let Document::Hit(hit) = document {
            self.hits.insert(place.id, Hit::clone(hit));
        }
    }

    fn forget(&mut self, id: RecordId) {
        self.withdrawn.forget(id, &self.entries, &self.batches);
        self.notices.forget(id);
        self.entries.forget(id);
        self.batches.forget(id);
        self.index.forget(id);
        self.hits.remove(&id);
    }
}

/// Whether a document comes to something together with others. One in another lane than honest authors write it into says
/// nothing: whether it is disputed is asked of that lane, and places in the logs of one lane are all different.
fn is_projected(kind: Kind, lane: Lane) -> bool {
    let comes_to_something = matches!(
        kind,
        Kind::ECOMESSAGE
            | Kind::MESSAGE
            | Kind::NOTICE
            | Kind::DIFFUSION
            | Kind::NOTICE_STEP
            | Kind::ENTRY
            | Kind::ENTRY_STEP
            | Kind::ENTRY_BATCH
            | Kind::HIT
    );
    comes_to_something && lane == lane_of(kind)
}

/// A member's code in documents. Both are 2 to 8 capital letters.
pub(crate) fn code_of(member: MemberId) -> Option<MemberCode> {
    MemberCode::parse(member.as_str()).ok()
}

/// The place of a record as the projections take it.
pub(crate) fn place_of(record: &Record) -> Option<Place> {
    let header = record.header();
    let position = life::Position {
        when_ms: header.created_at.0,
        who: code_of(header.author)?,
        generation: header.generation,
        seq: header.seq,
    };
    Some(Place { position, id: record.id() })
}

/// The place in the logs of an event of the projections.
pub(crate) fn position_of(position: &life::Position, lane: Lane) -> Option<Position> {
    let author = MemberId::parse(position.who.as_str()).ok()?;
    Some(Position { log: LogId { author, lane, generation: position.generation }, seq: position.seq })
}

/// Who reviews, by the charter. Where it says nothing the General Secretariat reviews alone, if it is a member; else
/// nobody does.
fn review_of(roster: &Roster) -> Review {
    let charter = roster.charter();
    let secretariat = MemberId::parse("IPSG").ok().filter(|member| roster.contains(*member));
    let (reviewers, quorum, own_review) = match charter.review_rule() {
        Ok(Some(rule)) => (rule.reviewers, usize::from(rule.quorum), rule.own_review),
        _ => (secretariat.into_iter().collect(), 1, true),
    };
    let review = Review::new(reviewers.into_iter().filter_map(code_of), quorum);
    let mut review = review.unwrap_or_else(|_| Review::none());
    if own_review {
        review = review.with_own_review();
    }
    if let Ok(Some(types)) = charter.notice_types() {
        review = review.with_types(types);
    }
    for member in roster.members() {
        if let Some(code) = code_of(member.member) {
            review = review.with_participant(&code, member.pilots());
        }
    }
    review
}

#[cfg(test)]
mod forgetting;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_in_another_lane_comes_to_nothing() {
        assert!(is_projected(Kind::NOTICE_STEP, Lane::MESSAGES) && is_projected(Kind::ENTRY, Lane::ENTRIES));
        for lane in [Lane::CONTROL, Lane::ENTRIES, Lane::BULK] {
            assert!(!is_projected(Kind::NOTICE_STEP, lane), "{lane:?}");
        }
        assert!(!is_projected(Kind::ENTRY_STEP, Lane::MESSAGES) && !is_projected(Kind::PART, Lane::BULK));
        // The logs of control records are not read for documents.
        assert!((0..=u16::MAX).all(|kind| !is_projected(Kind(kind), Lane::CONTROL)));
    }

    #[test]
    fn what_was_forgotten_leaves_memory_even_if_nothing_comes_after_it() {
        let mut projections = Projections::new(&Review::none());
        projections.stale = true;
        let later = projections.compacted + COMPACT_EVERY;
        assert!(!projections.waits(projections.compacted) && projections.waits(later));
        projections.show(later);
        assert!(!projections.stale && !projections.waits(later + COMPACT_EVERY));
    }
}
