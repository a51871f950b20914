//! How long bodies live: expiry, what keeps them beyond it, and erasure (`docs/PROTOCOL.md`, section 25).
//!
//! A body that was erased or has expired is *hidden*: not shown, exported or served. Later it is *destroyed*: what was
//! erased after a hold, so that the erasures of a thief can be undone, and what has expired after a grace, so that its
//! author can still extend it. Header, signature and chain stay whole.
//!
//! All that is known here comes from the signed control records of the bodies' authors, in any order.

use std::collections::BTreeMap;

use ecomesh_record::codec;
use ecomesh_record::record::FRAME_BYTES_MAX;
use ecomesh_record::{Kind, MemberId, NetworkId, Record, RecordFrame, RecordId, Retention, Time};

use crate::erasure::{Erase, Extend, Ground};
use crate::ledger::VALUE_BYTES_MAX;
use crate::roster::Roster;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// What was erased is destroyed so long after a node first saw the erasure, in milliseconds: 72 hours.
pub const HOLD_MS: u64 = 3 * DAY_MS;
/// What has expired is destroyed so long after that, in milliseconds: 30 days.
pub const EXPIRED_MS: u64 = 30 * DAY_MS;
/// Erasures of one author that are believed before their place in its log is reached. What is beyond comes by pull.
pub const OFF_CHAIN_MAX: usize = 256;

/// What is to be shown of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// All.
    Living,
    /// Nothing: it has expired.
    Expired,
    /// Nothing: its author has erased it.
    Erased,
}

/// What decides about the life of a body, beside erasures and extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whose record it is.
    pub author: MemberId,
    /// The record.
    pub id: RecordId,
    /// What it is.
    pub kind: Kind,
    /// Its class.
    pub retention: Retention,
    /// When its body expires by its header; `None` for control records, which do not.
    pub expires_at: Option<Time>,
}

impl Term {
    /// What a record says.
    pub fn of(record: &Record) -> Self {
        let header = record.header();
        let expires = !header.kind.is_control() && header.expires_at != Time(0);
        Self {
            author: header.author,
            id: record.id(),
            kind: header.kind,
            retention: header.retention,
            expires_at: expires.then_some(header.expires_at),
        }
    }
}

/// Whether records of this kind can be erased. Control records cannot, since all others are checked by them; nor can steps of
/// notices and entries: who could take back that he cancelled, reviewed or withdrew would undo it, and nobody would see that it was
/// ever done. They have codes, and no words about persons.
pub fn is_erasable(kind: Kind) -> bool {
    !kind.is_control() && !matches!(kind, Kind::NOTICE_STEP | Kind::ENTRY_STEP)
}

/// How far a node is with an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The bodies are hidden, and kept in case that the erasure is undone.
    Held,
    /// They are destroyed.
    Destroyed,
    /// They are, and the others were told.
    Told,
}

/// An erasure that is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Who erased.
    pub author: MemberId,
    /// Why.
    pub ground: Ground,
    /// When, by its author's clock.
    pub written_at: Time,
    /// When this node saw it: never before its own clock or the others'.
    pub seen_at: Time,
    /// How far this node is.
    pub stage: Stage,
    /// Whether its record stands in its place here.
    pub in_chain: bool,
    /// The records, ascending.
    pub targets: Vec<RecordId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extension {
    id: RecordId,
    until: Time,
    written_at: Time,
}

/// All erasures and extensions that are known.
#[derive(Clone, Debug, Default)]
pub struct Lives {
    /// Longest life of a body by retention class, in milliseconds.
    longest: BTreeMap<u8, u64>,
    erasures: BTreeMap<RecordId, Erasure>,
    /// From a record and its author to the erasure that counts: the one that was seen first.
    erased: BTreeMap<(MemberId, RecordId), RecordId>,
    extended: BTreeMap<(MemberId, RecordId), Vec<Extension>>,
}

impl Lives {
    /// Nothing is erased or extended yet.
    pub fn new(roster: &Roster) -> Self {
        let table = roster.charter().retention.iter();
        let longest = table.map(|(class, days)| (*class, u64::from(*days) * DAY_MS)).collect();
        Self { longest, ..Self::default() }
    }

    /// What small values of a store tell, as [`Lives::learn`] gave them.
    pub fn from_values<'a>(roster: &Roster, values: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut lives = Self::new(roster);
        for (name, value) in values {
            if name.starts_with(ERASURE_PREFIX) {
                lives.read_erasure(roster.network(), value);
            } else if name.starts_with(EXTENSION_PREFIX)
                && let Some(record) = read_frame(roster.network(), value)
            {
                lives.learn_extension(&record);
            }
        }
        lives
    }

    fn read_erasure(&mut self, network: NetworkId, value: &[u8]) -> Option<()> {
        let (stage, rest) = value.split_first()?;
        let (in_chain, rest) = rest.split_first()?;
        let (seen, frame) = rest.split_first_chunk::<8>()?;
        let record = read_frame(network, frame)?;
        let id = record.id();
        self.learn_erasure(&record, Time(u64::from_be_bytes(*seen)), *in_chain != 0);
        self.erasures.get_mut(&id)?.stage = match stage {
            0 => Stage::Held,
            1 => Stage::Destroyed,
            _ => Stage::Told,
        };
        Some(())
    }

    /// Learns what a valid control record says of bodies. Returns the small value that a store is to keep of it, if there
    /// is anything new in it. An extension counts only once its record is in its place.
    pub fn learn(&mut self, record: &Record, seen_at: Time, in_chain: bool) -> Option<(String, Vec<u8>)> {
        let id = record.id();
        match record.header().kind {
            Kind::ERASE if self.learn_erasure(record, seen_at, in_chain) => {
                let frame = kept_frame(record)?;
                Some((erasure_name(id), erasure_value(self.erasures.get(&id)?, &frame)))
            }
            Kind::EXTEND if in_chain && self.learn_extension(record) => {
                Some((extension_name(id), kept_frame(record)?))
            }
            _ => None,
        }
    }

    /// Learns of an erasure whose record is valid. Returns whether anything is new. One that is not in its place yet is
    /// believed only while its author has few of these.
    fn learn_erasure(&mut self, record: &Record, seen_at: Time, in_chain: bool) -> bool {
        let header = record.header();
        let author = header.author;
        if let Some(known) = self.erasures.get_mut(&record.id()) {
            let news = in_chain && !known.in_chain;
            known.in_chain |= in_chain;
            return news;
        }
        let Some(Ok(erase)) = record.body().map(|body| Erase::decode(body.content())) else { return false };
        if !in_chain && self.off_chain(author) >= OFF_CHAIN_MAX {
            return false;
        }
        for target in erase.targets() {
            let by = self.erased.entry((author, *target)).or_insert_with(|| record.id());
            if self.erasures.get(by).is_some_and(|other| other.seen_at > seen_at) {
                *by = record.id();
            }
        }
        let erasure = Erasure {
            author,
            ground: erase.ground,
            written_at: header.created_at,
            seen_at,
            stage: Stage::Held,
            in_chain,
            targets: erase.targets().to_vec(),
        };
        self.erasures.insert(record.id(), erasure);
        true
    }

    fn off_chain(&self, author: MemberId) -> usize {
        self.erasures.values().filter(|erasure| !erasure.in_chain && erasure.author == author).count()
    }

    /// Learns of an extension whose record is valid. Returns whether it is new.
    fn learn_extension(&mut self, record: &Record) -> bool {
        let Some(Ok(extend)) = record.body().map(|body| Extend::decode(body.content())) else { return false };
        let header = record.header();
        let extension = Extension { id: record.id(), until: extend.until, written_at: header.created_at };
        let mut news = false;
        for target in extend.targets() {
            let known = self.extended.entry((header.author, *target)).or_default();
            if !known.contains(&extension) {
                known.push(extension);
                news = true;
            }
        }
        news
    }

    /// When the body of a record expires; `None` for one that never does. The latest of what its header says and of what
    /// its author's extensions say; each of these keeps it for no longer than its class allows from then on.
    pub fn expiry(&self, term: &Term) -> Option<Time> {
        let by_header = term.expires_at?;
        let extended = self.extended.get(&(term.author, term.id)).into_iter().flatten();
        let longest = self.longest(term.retention);
        let ends = extended.map(|extension| extension.until.min(extension.written_at.after(longest)));
        ends.chain([by_header]).max()
    }

    /// For how long a body of this class may live from when it is written or extended, in milliseconds.
    pub fn longest(&self, class: Retention) -> u64 {
        let by_version = || class.days().map(|days| u64::from(days) * DAY_MS);
        self.longest.get(&class.0).copied().or_else(by_version).unwrap_or(0)
    }

    /// The erasure of a record, with the id of its own record.
    pub fn erasure_of(&self, term: &Term) -> Option<(RecordId, &Erasure)> {
        if !is_erasable(term.kind) {
            return None;
        }
        let by = *self.erased.get(&(term.author, term.id))?;
        Some((by, self.erasures.get(&by)?))
    }

    /// The erasure with this id.
    pub fn erasure(&self, id: RecordId) -> Option<&Erasure> {
        self.erasures.get(&id)
    }

    /// What is to be shown of a body at this time.
    pub fn life(&self, term: &Term, now: Time) -> Life {
        if self.erasure_of(term).is_some() {
            Life::Erased
        } else if self.expiry(term).is_some_and(|end| end <= now) {
            Life::Expired
        } else {
            Life::Living
        }
    }

    /// Whether a body that is here is to be destroyed at this time, on which the clocks agree.
    pub fn is_over(&self, term: &Term, agreed: Time) -> bool {
        let erased = self.erasure_of(term).is_some_and(|(_, erasure)| erasure.is_over(agreed));
        erased || self.expiry(term).is_some_and(|end| end.after(EXPIRED_MS) <= agreed)
    }

    /// Up to `count` erasures whose hold is over at this time and that are not carried out.
    pub fn due(&self, agreed: Time, count: usize) -> Vec<RecordId> {
        let due = self.erasures.iter().filter(|(_, e)| e.stage == Stage::Held && e.is_over(agreed));
        due.map(|(id, _)| *id).take(count).collect()
    }

    /// Erasures that were carried out and not told, as many as name at most `records` records.
    pub fn untold(&self, records: usize) -> Vec<RecordId> {
        let mut left = records;
        let untold = self.erasures.iter().filter(|(_, e)| e.stage == Stage::Destroyed);
        let fits = |(id, erasure): (&RecordId, &Erasure)| {
            left = left.checked_sub(erasure.targets.len())?;
            Some(*id)
        };
        untold.map_while(fits).collect()
    }

    /// This node is so far with an erasure.
    pub fn reach(&mut self, id: RecordId, stage: Stage) {
        if let Some(erasure) = self.erasures.get_mut(&id) {
            erasure.stage = erasure.stage.max(stage);
        }
    }
}

impl Erasure {
    fn is_over(&self, agreed: Time) -> bool {
        self.stage > Stage::Held || self.seen_at.after(HOLD_MS) <= agreed
    }
}

/// Prefix of the names under which the ledger keeps erasures.
pub const ERASURE_PREFIX: &str = "erasure/";
/// Prefix of the names under which the ledger keeps extensions.
pub const EXTENSION_PREFIX: &str = "extension/";

/// Name under which the ledger keeps an erasure.
pub fn erasure_name(id: RecordId) -> String {
    format!("{ERASURE_PREFIX}{id}")
}

/// Name under which the ledger keeps an extension.
fn extension_name(id: RecordId) -> String {
    format!("{EXTENSION_PREFIX}{id}")
}

/// What the ledger keeps of an erasure: stage, whether its record is in its place, when it was seen, and the frame of the
/// record, which proves to others that the bodies need not be there.
pub fn erasure_value(erasure: &Erasure, frame: &[u8]) -> Vec<u8> {
    let stage = match erasure.stage {
        Stage::Held => 0,
        Stage::Destroyed => 1,
        Stage::Told => 2,
    };
    [&[stage, u8::from(erasure.in_chain)], erasure.seen_at.0.to_be_bytes().as_slice(), frame].concat()
}

/// The frame in what [`erasure_value`] wrote.
pub fn frame_of_value(value: &[u8]) -> Option<&[u8]> {
    value.get(1 + 1 + 8..)
}

/// The frame of an erasure or extension as the ledger keeps it; `None` if it does not fit.
fn kept_frame(record: &Record) -> Option<Vec<u8>> {
    let bytes = codec::encode(&record.to_frame(), FRAME_BYTES_MAX).ok()?;
    (bytes.len() + 10 <= VALUE_BYTES_MAX).then_some(bytes)
}

fn read_frame(network: NetworkId, bytes: &[u8]) -> Option<Record> {
    Record::from_frame(network, decode_frame(bytes)?).ok()
}

/// Reads a frame that the ledger keeps.
pub fn decode_frame(bytes: &[u8]) -> Option<RecordFrame> {
    codec::decode(bytes, FRAME_BYTES_MAX).ok()
}
