//! Projections for clients: inbox, outbox, and ids by their first digits.
//!
//! They are computed from the logs when the node starts and kept up by what the core stores, so they can always be
//! thrown away. An entry holds what the header says and nothing of the body: contents are read from the store when
//! they are asked for. What is void, disputed, early or expired is never listed as a normal message.

mod entry;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use ecomesh_api::{Event, RecordState};
use ecomesh_protocol::judge::Void;
use ecomesh_record::{ForkProof, LogId, MemberId, Position, Record, RecordId, Time};

pub(crate) use entry::{Entry, kind_view};
pub(crate) use scan::scan;

/// The projections of one node.
#[derive(Debug)]
pub(crate) struct Views {
    own: MemberId,
    inbox: BTreeMap<Key, Entry>,
    outbox: BTreeMap<Key, Entry>,
    /// The first eight bytes of every record's id, with its place. Whole ids would double the memory.
    ids: BTreeSet<(u64, Position)>,
    /// Where logs have forked.
    forks: BTreeMap<LogId, u64>,
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

/// Which entries of a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Only from (inbox) or to (outbox) this member.
    pub(crate) member: Option<MemberId>,
    /// Only what arrived then or later.
    pub(crate) since: Time,
    /// Also what is not valid.
    pub(crate) all: bool,
    /// Only what stands behind this entry, that is, is older.
    pub(crate) before: Option<Key>,
}

impl Views {
    /// Without records.
    pub(crate) fn new(own: MemberId, forks: &[ForkProof]) -> Self {
        let mut views = Self {
            own,
            inbox: BTreeMap::new(),
            outbox: BTreeMap::new(),
            ids: BTreeSet::new(),
            forks: BTreeMap::new(),
        };
        forks.iter().for_each(|proof| views.forked(proof.position()));
        views
    }

    /// Adds a record that is durable, and gives the event that tells of it.
    pub(crate) fn stored(&mut self, record: &Record, verdict: Result<(), Void>, first_seen: Time) -> Event {
        let header = record.header();
        let entry = Entry::new(record, verdict.err(), first_seen);
        let state = self.state(&entry, first_seen);
        let document = (!header.kind.is_control()).then(|| kind_view(header.kind));
        let for_us = header.is_for(self.own);
        self.ids.insert((first_bytes(record.id()), header.position()));
        let key = Key { first_seen, position: header.position() };
        if document.is_some() && header.author == self.own {
            self.outbox.insert(key, entry);
        } else if document.is_some() && for_us {
            self.inbox.insert(key, entry);
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

    /// A log has forked at this place, if not before it.
    pub(crate) fn forked(&mut self, position: Position) {
        let first = self.forks.entry(position.log).or_insert(position.seq);
        *first = position.seq.min(*first);
    }

    /// How an entry stands at this time.
    pub(crate) fn state(&self, entry: &Entry, now: Time) -> RecordState {
        let position = entry.position;
        if entry.void.is_some() {
            RecordState::Void
        } else if self.forks.get(&position.log).is_some_and(|seq| *seq <= position.seq) {
            RecordState::Disputed
        } else if entry.is_expired(now) {
            RecordState::Expired
        } else {
            RecordState::Valid
        }
    }

    /// Up to `limit` entries of a folder with their states, newest first, and the place behind the last of them if
    /// there are more.
    pub(crate) fn list(
        &self,
        folder: Folder,
        filter: &Filter,
        limit: usize,
        now: Time,
    ) -> (Vec<(Entry, RecordState)>, Option<Key>) {
        let entries = match folder {
            Folder::Inbox => &self.inbox,
            Folder::Outbox => &self.outbox,
        };
        let end = filter.before.map_or(Bound::Unbounded, Bound::Excluded);
        let mut page = Vec::new();
        let mut last = None;
        for (key, entry) in entries.range((Bound::Unbounded, end)).rev() {
            if key.first_seen < filter.since {
                break;
            }
            let state = self.state(entry, now);
            let wanted = filter.member.is_none_or(|member| entry.concerns(folder, member));
            if !wanted || (state != RecordState::Valid && !filter.all) {
                continue;
            }
            if page.len() == limit {
                return (page, last);
            }
            page.push((entry.clone(), state));
            last = Some(*key);
        }
        (page, None)
    }

    /// Places of the records whose ids begin with these hexadecimal digits, 2 at the most. Beyond the sixteenth digit
    /// the caller compares the whole id.
    pub(crate) fn find(&self, digits: &str) -> Vec<Position> {
        let head: String = digits.chars().take(16).collect();
        let low = u64::from_str_radix(&format!("{head:0<16}"), 16);
        let high = u64::from_str_radix(&format!("{head:f<16}"), 16);
        let (Ok(low), Ok(high)) = (low, high) else { return Vec::new() };
        self.ids
            .range((Bound::Included((low, lowest())), Bound::Unbounded))
            .take_while(|(id, _)| *id <= high)
            .take(2)
            .map(|(_, position)| *position)
            .collect()
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

fn first_bytes(id: RecordId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The lowest position that exists.
fn lowest() -> Position {
    let author = MemberId::from_bytes(*b"AA\0\0\0\0\0\0").expect("two letters and zeros are a member id");
    LogId { author, lane: ecomesh_record::Lane::CONTROL, generation: 0 }.at(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecomesh_record::{Audience, Body, Flags, Header, Kind, Lane, NetworkId, Priority, Retention};

    fn member(text: &str) -> MemberId {
        MemberId::parse(text).unwrap()
    }

    fn record(author: &str, seq: u64, to: &[&str], expires_at: u64) -> Record {
        let network = NetworkId([1; 32]);
        let body = Body::new([2; 32], vec![3; 4]).unwrap();
        let header = Header {
            author: member(author),
            lane: Lane::MESSAGES,
            generation: 0,
            seq,
            prev: RecordId::ZERO,
            created_at: Time(10),
            expires_at: Time(expires_at),
            roster_epoch: 0,
            priority: Priority::ROUTINE,
            kind: Kind::MESSAGE,
            retention: Retention::YEARS_5,
            flags: Flags(0),
            to: to.iter().map(|m| member(m)).collect(),
            audience: Audience::Open,
            body_commit: body.commitment(network),
            body_len: 4,
            ext: Vec::new(),
        };
        Record::sign_with(network, header, Some(body), |_| [0; 64]).unwrap()
    }

    fn seqs(page: &[(Entry, RecordState)]) -> Vec<u64> {
        page.iter().map(|(entry, _)| entry.position.seq).collect()
    }

    fn list(views: &Views, folder: Folder, filter: &Filter) -> Vec<u64> {
        seqs(&views.list(folder, filter, 100, Time(1_000)).0)
    }

    /// KE's views: 0 to 5 from TZ to KE, 6 to FR only, 7 to all; and one of KE's own.
    fn views() -> Views {
        let mut views = Views::new(member("KE"), &[]);
        for seq in 0..6 {
            views.stored(&record("TZ", seq, &["KE"], 9_999), Ok(()), Time(100 + seq));
        }
        views.stored(&record("TZ", 6, &["FR"], 9_999), Ok(()), Time(106));
        views.stored(&record("TZ", 7, &[], 9_999), Ok(()), Time(107));
        views.stored(&record("KE", 0, &["TZ"], 9_999), Ok(()), Time(108));
        views
    }

    #[test]
    fn the_inbox_holds_what_is_for_us_newest_first() {
        let views = views();
        assert_eq!(list(&views, Folder::Inbox, &Filter::default()), [7, 5, 4, 3, 2, 1, 0]);
        assert_eq!(list(&views, Folder::Outbox, &Filter::default()), [0]);
        let since = Filter { since: Time(104), ..Filter::default() };
        assert_eq!(list(&views, Folder::Inbox, &since), [7, 5, 4]);
        let from_fr = Filter { member: Some(member("FR")), ..Filter::default() };
        assert_eq!(list(&views, Folder::Inbox, &from_fr), Vec::<u64>::new());
        let to_fr = Filter { member: Some(member("FR")), ..Filter::default() };
        assert_eq!(list(&views, Folder::Outbox, &to_fr), Vec::<u64>::new());
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat() {
        let views = views();
        let mut filter = Filter::default();
        let mut seen = Vec::new();
        loop {
            let (page, next) = views.list(Folder::Inbox, &filter, 3, Time(1_000));
            seen.extend(seqs(&page));
            let Some(next) = next else { break };
            filter.before = Key::from_cursor(&next.to_cursor());
            assert_eq!(filter.before, Some(next));
        }
        assert_eq!(seen, [7, 5, 4, 3, 2, 1, 0]);
        for junk in ["", "00", "zz", &"ff".repeat(29)] {
            assert_eq!(Key::from_cursor(junk), None, "{junk}");
        }
    }

    #[test]
    fn what_is_not_valid_is_listed_only_when_asked_for() {
        let mut views = views();
        views.stored(&record("TZ", 8, &["KE"], 500), Ok(()), Time(108));
        views.stored(&record("TZ", 9, &["KE"], 9_999), Err(Void::Expiry), Time(109));
        views.forked(record("TZ", 5, &["KE"], 9_999).position());
        assert_eq!(list(&views, Folder::Inbox, &Filter::default()), [4, 3, 2, 1, 0]);
        let all = Filter { all: true, ..Filter::default() };
        let (page, _) = views.list(Folder::Inbox, &all, 100, Time(1_000));
        let states: Vec<RecordState> = page.iter().map(|(_, state)| *state).collect();
        assert_eq!(
            states[..4],
            [RecordState::Void, RecordState::Disputed, RecordState::Disputed, RecordState::Disputed]
        );
        assert_eq!(states[4..], [RecordState::Valid; 5]);
    }

    #[test]
    fn an_expired_record_is_hidden() {
        let mut views = Views::new(member("KE"), &[]);
        views.stored(&record("TZ", 0, &["KE"], 500), Ok(()), Time(100));
        assert_eq!(seqs(&views.list(Folder::Inbox, &Filter::default(), 9, Time(499)).0), [0]);
        assert_eq!(seqs(&views.list(Folder::Inbox, &Filter::default(), 9, Time(500)).0), Vec::<u64>::new());
    }

    #[test]
    fn records_are_found_by_the_first_digits_of_their_ids() {
        let views = views();
        let id = record("TZ", 6, &["FR"], 9_999).id().to_string();
        for digits in [&id[..6], &id[..15], &id[..16], &id[..40], &id] {
            let found = views.find(digits);
            assert_eq!(found.len(), 1, "{digits}");
            assert_eq!(found[0].seq, 6);
        }
        let other = if id.starts_with('0') { "1" } else { "0" }.repeat(10);
        assert_eq!(views.find(&other), []);
    }
}
