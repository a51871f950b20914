//! I7: sealed plaintext only at its author and its addressees.
//!
//! The world knows of each sealed document who wrote it and for whom, whatever the header says; every document is full of
//! a canary. So it can look for plaintext where there must be none: in what is sent, in stores, in journals and evidence.
//! And it can try every key that is left on every record that ever was. What the rules of destruction promise is looked
//! at apart from their code: by the right time, by what every node held when the grace of a half was over, and by the
//! time for which its owner had links.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_protocol::evidence::EVIDENCE;
use ecomesh_protocol::journal::JOURNAL;
use ecomesh_protocol::prekeys::{Announcement, Use};
use ecomesh_protocol::receipt::Reason;
use ecomesh_record::{Kind, MemberId, Position, Record};
use ecomesh_seal::{ContentKey, PrekeyId, envelope};

use crate::calendar::DAY_MS;
use crate::coverage::Mark;
use crate::gossip::Frame;
use crate::mail::{Commitment, Errand, Half, Vault};
use crate::network::Parcel;
use crate::world::World;

/// What every document is full of. No other content in a simulation has a run of it.
const CANARY: u8 = 0xc7;
/// A run of the canary so long is plaintext: no ciphertext, key or hash has one.
const CANARY_RUN: usize = 32;
/// A document begins with a salt, which tells it from others; the shortest one still has the canary many times over.
const DOCUMENT_BYTES_MIN: usize = 4 * CANARY_RUN;
/// Mail may be on its way to a prekey so long after its end (design, section 8).
const GRACE_MS: u64 = 2 * DAY_MS;
const HOUR_MS: u64 = 60 * 60 * 1000;
/// After so much time with links a half is destroyed in any case.
const LINKED_MS: u64 = 7 * DAY_MS;
/// By so much may a node's own counting of hours differ from the world's.
const SLACK_MS: u64 = DAY_MS;
/// So long after the grace, at the latest, a half is destroyed where all is mended and all are there.
const DESTROYED_WITHIN_MS: u64 = 2 * DAY_MS;
/// Prekeys that a node makes in a day: two, and as many for each clock that goes wrong or right, and for each lost vault.
const PREKEYS_A_DAY_MAX: u64 = 12;
/// For fewer days than this nothing can be said of what must be destroyed when they are over.
const DAYS_TO_DESTROY: u64 = 5;

/// A document that was sealed once.
#[derive(Debug)]
pub(crate) struct Letter {
    author: usize,
    /// For whom it is, by its author's will.
    to: BTreeSet<MemberId>,
    /// Names the document: what is sent again has the same.
    pub(crate) salt: [u8; 32],
    pub(crate) length: usize,
    key: ContentKey,
}

impl Letter {
    pub(crate) fn new(author: usize, to: BTreeSet<MemberId>, content: &[u8], key: ContentKey) -> Self {
        let salt = content.first_chunk().copied().unwrap_or_default();
        Self { author, to, salt, length: content.len(), key }
    }
}

/// What the world knows of sealed mail.
#[derive(Debug)]
pub(crate) struct Book {
    letters: BTreeMap<Commitment, Letter>,
    /// Whose vault must have which content keys.
    known: Vec<BTreeSet<Commitment>>,
    /// Who has ever opened what.
    opened: BTreeSet<(usize, Commitment)>,
    /// Prekeys whose private halves were destroyed, with whose they were and their bytes.
    dead: BTreeMap<PrekeyId, (usize, Vec<u8>)>,
    /// Prekeys whose private halves were lost with a vault.
    lost: BTreeSet<PrekeyId>,
    /// For how long owners had links since the grace of a half was over, in milliseconds.
    linked_ms: BTreeMap<PrekeyId, u64>,
    /// How many prekeys each node has made on which day.
    made: BTreeMap<(usize, u64), u64>,
}

impl Book {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            letters: BTreeMap::new(),
            known: vec![BTreeSet::new(); nodes],
            opened: BTreeSet::new(),
            dead: BTreeMap::new(),
            lost: BTreeSet::new(),
            linked_ms: BTreeMap::new(),
            made: BTreeMap::new(),
        }
    }

    /// A document was sealed, and its author has kept the key.
    pub(crate) fn sealed(&mut self, number: usize, commitment: Commitment, letter: Letter) {
        self.letters.insert(commitment, letter);
        self.known[number].insert(commitment);
    }

    /// The letter to whose key a header commits.
    pub(crate) fn letter(&self, commitment: &Commitment) -> Option<&Letter> {
        self.letters.get(commitment)
    }

    /// A vault is gone.
    pub(crate) fn lose_vault(&mut self, number: usize, vault: &Vault) {
        self.known[number].clear();
        self.lost.extend(vault.halves().iter().map(Half::id));
    }

    /// A prekey of a node whose private half was destroyed.
    pub(crate) fn some_dead(&self, number: usize) -> Option<&Vec<u8>> {
        self.dead.values().find(|(owner, _)| *owner == number).map(|(_, bytes)| bytes)
    }
}

/// The content of a document: its salt, then the canary.
pub(crate) fn document(salt: &[u8; 32], length: usize) -> Vec<u8> {
    let mut content = salt.to_vec();
    content.resize(length.max(DOCUMENT_BYTES_MIN), CANARY);
    content
}

/// Whether there is plaintext of a sealed document among these bytes. A run of twice this length has a whole block of it,
/// wherever it begins.
pub(crate) fn has_canary(bytes: &[u8]) -> bool {
    bytes.chunks_exact(CANARY_RUN).any(|block| block.iter().all(|byte| *byte == CANARY))
}

fn carries_canary(parcel: &Parcel) -> bool {
    match parcel {
        Parcel::Hello(bytes) | Parcel::Admitted(bytes) => has_canary(bytes),
        Parcel::Question { bytes, .. } | Parcel::Answer { bytes, .. } => has_canary(bytes),
        Parcel::Push(Frame::Message(message)) => has_canary(&message.bytes),
        _ => false,
    }
}

/// Looked at when something happens.
impl World {
    /// I7: nothing that is sent has a sealed document in it.
    pub(crate) fn check_sent(&mut self, number: usize, parcel: &Parcel) {
        if self.seals() && carries_canary(parcel) {
            let name = self.name(number);
            self.checks.fail("I7", format!("{name} sends what a sealed document says"));
        }
    }

    /// I7: nothing that is stored has one, and nobody publishes a prekey whose private half is destroyed.
    pub(crate) fn check_stored(&mut self, number: usize, record: &Record) {
        if !self.seals() {
            return;
        }
        let content = record.body().map(ecomesh_record::Body::content).unwrap_or_default();
        if has_canary(content) || has_canary(record.header_bytes()) {
            let (name, position) = (self.name(number), record.position());
            self.checks.fail("I7", format!("{name} stores what a sealed document says, at {position}"));
        }
        // What is fetched again after a loss was published long ago.
        let author = self.members.node_of(record.header().author);
        let is_honest = author.is_some_and(|author| self.nodes[author].is_honest());
        let is_new = is_honest && !self.checks.is_known(record.position());
        if is_new && record.header().kind == Kind::PREKEY {
            let announced = Announcement::decode(content).ok();
            let id = announced.and_then(|announced| PrekeyId::of_bytes(&announced.prekey));
            if id.is_some_and(|id| self.book.dead.contains_key(&id)) {
                let name = self.name(number);
                self.checks.fail("I7", format!("{name} publishes a prekey that it has destroyed"));
            }
        }
    }

    /// I7: nothing on a disk has one.
    pub(crate) fn check_disk(&mut self, number: usize) {
        if let Some(file) = self.nodes[number].disk.leaked() {
            let name = self.name(number);
            self.checks.fail("I7", format!("{name} writes what a sealed document says to {file}"));
        }
    }

    /// A node has learnt the content key of a record: it is one of those for whom the document is, and reads what was
    /// written.
    pub(crate) fn opened(&mut self, number: usize, record: &Record) {
        let (position, name) = (record.position(), self.name(number));
        let Some(commitment) = record.header().audience.key_commitment().copied() else { return };
        let Some(letter) = self.book.letters.get(&commitment) else {
            return self.checks.fail("I7", format!("{name} opens {position}, which nobody has sealed"));
        };
        let node = &self.nodes[number];
        if !letter.to.contains(&node.member) {
            return self.checks.fail("I7", format!("{name} opens {position}, which is not for it"));
        }
        let salt = letter.salt;
        let is_read_again = self.is_read_again(number, &commitment);
        self.book.known[number].insert(commitment);
        self.book.opened.insert((number, commitment));
        if self.read(number, record).is_some_and(|read| read.first_chunk() != Some(&salt)) {
            self.checks.fail("I7", format!("{name} reads something else at {position} than was written"));
        }
        self.coverage.mark(Mark::Opened);
        if self.calendar.was_away_for_a_month(number, record.header().created_at) {
            self.coverage.mark(Mark::MonthRead);
        }
        if is_read_again {
            self.coverage.mark(Mark::ReadAgain);
        }
    }

    /// Whether this is a document that the reader could not open when it was sent first.
    fn is_read_again(&self, number: usize, commitment: &Commitment) -> bool {
        let Some(letter) = self.book.letters.get(commitment) else { return false };
        let author = &self.clients[letter.author];
        let first = |id| self.shared(id).and_then(|record| self.salt_of(&record));
        let by = self.nodes[number].member;
        author.sent_again.keys().any(|one| one.by == by && first(one.about) == Some(letter.salt))
    }

    fn salt_of(&self, record: &Record) -> Option<[u8; 32]> {
        self.book.letters.get(record.header().audience.key_commitment()?).map(|letter| letter.salt)
    }

    fn read(&self, number: usize, record: &Record) -> Option<Vec<u8>> {
        let node = &self.nodes[number];
        node.vault.open(self.members.roster.network(), node.member, record).ok()
    }

    /// A node is about to say that it cannot open a record: so it is, because its key is gone.
    pub(crate) fn check_closed(&mut self, number: usize, record: &Record, reason: Reason) {
        let (position, member) = (record.position(), self.nodes[number].member);
        let named = envelope::prekey_for(record.header(), member);
        let is_gone =
            named.is_some_and(|id| self.book.dead.contains_key(&id) || self.book.lost.contains(&id));
        if reason != Reason::PREKEY_GONE || !is_gone {
            self.checks
                .fail("I7", format!("{member} cannot open {position}, and nothing is gone: {reason:?}"));
        }
        let was_open = record
            .header()
            .audience
            .key_commitment()
            .is_some_and(|c| self.book.opened.contains(&(number, *c)));
        if !was_open && named.is_some_and(|id| self.book.dead.contains_key(&id)) {
            self.coverage.mark(Mark::CameTooLate);
        }
    }

    /// I9: a node makes a prekey. Each is a record that is kept for ever.
    pub(crate) fn made_prekey(&mut self, number: usize) {
        let day = self.wall().0 / DAY_MS;
        let count = self.book.made.entry((number, day)).or_default();
        *count += 1;
        if *count > PREKEYS_A_DAY_MAX {
            let name = self.name(number);
            self.checks.fail("I9", format!("{name} makes more than {PREKEYS_A_DAY_MAX} prekeys in a day"));
        }
    }

    /// Some time has passed, in which nodes had links or not.
    pub(crate) fn count_links(&mut self, passed_ms: u64) {
        let now = self.wall();
        for node in self.nodes.iter().filter(|node| node.core.is_some() && !node.open.is_empty()) {
            for half in node.vault.halves().iter().filter(|half| half.life.ends_at.after(GRACE_MS) <= now) {
                *self.book.linked_ms.entry(half.id()).or_default() += passed_ms;
            }
        }
    }

    /// A node has destroyed a private half: nobody could need it any more, as far as it can know.
    pub(crate) fn destroyed(&mut self, number: usize, half: &Half) {
        let (id, purpose) = (half.id(), half.life.purpose);
        self.book.dead.insert(id, (number, half.secret.public().to_bytes()));
        let mark = if purpose == Use::DAILY { Mark::DailyDestroyed } else { Mark::FallbackDestroyed };
        self.coverage.mark(mark);
        let over = half.life.ends_at.after(GRACE_MS);
        let linked = self.book.linked_ms.get(&id).copied().unwrap_or(0);
        let why = if self.wall() < over {
            "while mail to it may be on its way".to_owned()
        } else if half.life.linked_ms >= LINKED_MS && linked + SLACK_MS < LINKED_MS {
            format!("having had links for {} h only since its end", linked / HOUR_MS)
        } else if half.life.linked_ms >= LINKED_MS {
            return;
        } else if let Some(position) = self.needed_for(number, id) {
            format!("which it needs for {position}")
        } else if let Some(with) = self.short_of_sync(number, half) {
            format!("having caught up with {with} members since its end only")
        } else {
            return;
        };
        let name = self.name(number);
        self.checks.fail("I7", format!("{name} destroys its {purpose} prekey of {:?}, {why}", half.life));
    }

    /// Where a record stands that names this prekey, and is neither opened nor answered.
    fn needed_for(&self, number: usize, id: PrekeyId) -> Option<Position> {
        let node = &self.nodes[number];
        let needs = |record: &Record| {
            envelope::prekey_for(record.header(), node.member) == Some(id)
                && record
                    .header()
                    .audience
                    .key_commitment()
                    .is_some_and(|known| !self.book.known[number].contains(known))
                && !node.desk.said.contains(&record.id())
        };
        let all = node.ledger.places().into_iter();
        all.filter(|(_, id)| self.shared(*id).is_some_and(|record| needs(&record))).map(|(at, _)| at).next()
    }

    /// With how many members a node has caught up since the end of a half, if these are too few: it must have all that a
    /// third of them held when the grace was over.
    fn short_of_sync(&self, number: usize, half: &Half) -> Option<usize> {
        let held = self.calendar.held_at(half.life.ends_at.after(GRACE_MS))?;
        let own: BTreeMap<_, _> = self.nodes[number].ledger.lengths().into_iter().collect();
        let has_all = |other: &usize| {
            let Some(then) = held.get(*other) else { return true };
            // Of a store that was lost nobody need have what was in it.
            then.instances != self.nodes[*other].instances
                || then.lengths.iter().all(|(log, length)| own.get(log).is_some_and(|own| own >= length))
        };
        let others = (0..self.nodes.len()).filter(|other| *other != number);
        let caught_up = others.filter(has_all).count();
        (caught_up < (self.nodes.len() - 1) / 3 + 1).then_some(caught_up)
    }
}

/// Looked at once the faults are over and all agree.
impl World {
    /// Who has sealed mail that it has neither read nor will be sent again, or prekeys that nobody knows.
    pub(crate) fn unread(&self) -> Option<String> {
        if !self.seals() {
            return None;
        }
        if self.has_days_left() {
            return Some("days still pass".into());
        }
        for node in self.nodes.iter().filter(|node| node.is_honest()) {
            let (number, name) = (node.number, node.member);
            if let Some(errand) = node.desk.underway.iter().next() {
                let what = match errand {
                    Errand::Announce(_) => "publish a prekey",
                    Errand::Tell(_) => "say what it cannot open",
                    Errand::Resend(_) => "send something again",
                    Errand::Group(_) => "give a group a key",
                };
                return Some(format!("{name} is still about to {what}"));
            }
            let records = node.ledger.places().into_values().filter_map(|id| self.shared(id));
            let sealed: Vec<_> = records
                .filter_map(|record| Some((*record.header().audience.key_commitment()?, record)))
                .filter(|(commitment, _)| {
                    let letter = self.book.letters.get(commitment);
                    // A member that withholds does not pass on what it sends again.
                    letter.is_some_and(|letter| {
                        letter.to.contains(&node.member) && self.nodes[letter.author].is_honest()
                    })
                })
                .collect();
            let knows = |commitment: &Commitment| self.book.known[number].contains(commitment);
            let opened = sealed.iter().filter(|(commitment, _)| knows(commitment));
            let read: BTreeSet<[u8; 32]> = opened.filter_map(|(_, record)| self.salt_of(record)).collect();
            for (_, record) in sealed.iter().filter(|(commitment, _)| !knows(commitment)) {
                let position = record.position();
                if !node.desk.said.contains(&record.id()) {
                    return Some(format!("{name} has neither opened {position} nor said that it cannot"));
                }
                if self.salt_of(record).is_none_or(|salt| !read.contains(&salt)) {
                    return Some(format!("{name} cannot open {position}, and it was not sent again"));
                }
            }
        }
        None
    }

    /// I7 of all records and all vaults, with every key that is left.
    pub(crate) fn check_secrecy(&mut self) {
        if !self.seals() {
            return;
        }
        let wrong = self.wrongly_open().or_else(|| self.undead());
        if let Some(wrong) = wrong {
            self.checks.fail("I7", wrong);
        }
        for number in 0..self.nodes.len() {
            let leaks = |file: &&str| self.nodes[number].disk.content(file).is_some_and(|b| has_canary(&b));
            if let Some(file) = [JOURNAL, EVIDENCE].iter().copied().find(leaks) {
                let name = self.name(number);
                self.checks.fail("I7", format!("{name} has what a sealed document says in its {file}"));
            }
        }
    }

    /// A record that a vault opens and must not, or does not open and must.
    fn wrongly_open(&mut self) -> Option<String> {
        let network = self.members.roster.network();
        let records: Vec<_> = self.pool.borrow().values().cloned().collect();
        let keys_of = |vault: &Vault| vault.keys().map(|key| *key.as_bytes()).collect::<BTreeSet<_>>();
        let keys: Vec<BTreeSet<[u8; 32]>> = self.nodes.iter().map(|node| keys_of(&node.vault)).collect();
        for record in records {
            let Some(commitment) = record.header().audience.key_commitment() else { continue };
            if record.body().is_none() {
                continue;
            }
            let position = record.position();
            let Some(letter) = self.book.letters.get(commitment) else {
                return Some(format!("{position} is sealed, and nobody has sealed it"));
            };
            let mut kept = false;
            for node in &self.nodes {
                let (number, name) = (node.number, node.member);
                let is_for = number == letter.author || letter.to.contains(&name);
                let must = self.book.known[number].contains(commitment);
                let opens = self.read(number, &record);
                if opens.is_some() && !is_for {
                    return Some(format!("{name} can open {position}, which is not for it"));
                }
                if opens.is_none() && must {
                    return Some(format!("{name} cannot open {position} any more, and has lost nothing"));
                }
                // What was lost on its way to an addressee opens as long as its half is there: it does not know of it.
                let has_it = node.ledger.id_at(position) == Some(record.id());
                if opens.is_some() && !must && has_it {
                    return Some(format!("{name} can open {position}, whose keys it must not have"));
                }
                if opens.is_some_and(|read| read != document(&letter.salt, letter.length)) {
                    return Some(format!("{name} reads something else at {position} than was written"));
                }
                if keys[number].contains(letter.key.as_bytes()) != must {
                    return Some(format!("{name} and the content key of {position}: it has it, or must"));
                }
                kept |= must;
                // A thief of this vault tries its halves on every wrap.
                let content = record.body().map(ecomesh_record::Body::content).unwrap_or_default();
                for half in node.vault.halves() {
                    let tries = |reader: &&MemberId| {
                        envelope::unwrap(network, record.header(), content, **reader, &half.secret).is_ok()
                    };
                    let is_its = must || (is_for && !has_it);
                    if !is_its && record.header().to.iter().any(|reader| tries(&reader)) {
                        return Some(format!(
                            "a half of {name} opens {position}, whose key it must not have"
                        ));
                    }
                }
            }
            if !kept {
                self.coverage.mark(Mark::ClosedForEver);
            }
        }
        None
    }

    /// A private half that must be gone.
    fn undead(&self) -> Option<String> {
        let now = self.wall();
        for node in self.nodes.iter().filter(|node| node.is_honest()) {
            for half in node.vault.halves() {
                let over = half.life.ends_at.after(GRACE_MS);
                let is_late = over.after(DESTROYED_WITHIN_MS) <= now;
                if self.scenario.days.after >= DAYS_TO_DESTROY && is_late {
                    return Some(format!("{} still has its half of {:?}", node.member, half.life));
                }
                if self.book.dead.contains_key(&half.id()) {
                    return Some(format!("{} has a half that it destroyed", node.member));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::gossip::Message;

    #[test]
    fn a_canary_is_seen_wherever_it_begins() {
        let document = document(&[9; 32], 1);
        for before in 0..100 {
            let bytes = [vec![0; before], document.clone()].concat();
            assert!(has_canary(&bytes), "after {before} bytes");
        }
        assert!(!has_canary(&[CANARY; CANARY_RUN - 1]));
        assert!(!has_canary(&[0xc6; 1_000]));
    }

    #[test]
    fn it_is_seen_in_every_frame_that_carries_bytes() {
        let message = |bytes: Vec<u8>| Frame::Message(Rc::new(Message { id: 1, topic: 0, bytes }));
        let with = |bytes: Vec<u8>| {
            [
                Parcel::Hello(bytes.clone()),
                Parcel::Admitted(bytes.clone()),
                Parcel::Question { request: 1, bytes: bytes.clone() },
                Parcel::Answer { request: 1, bytes: bytes.clone() },
                Parcel::Push(message(bytes)),
            ]
        };
        assert!(with(document(&[9; 32], 1)).iter().all(carries_canary));
        assert!(!with(vec![0; 200]).iter().any(carries_canary));
    }
}
