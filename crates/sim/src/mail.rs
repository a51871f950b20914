//! What a bureau keeps for its sealed mail, and what its process knows of it: a model of the node's vault and views.
//!
//! The **vault** is a part of the home: private halves of prekeys, and content keys. It survives a crash, since a node
//! writes it before anybody can hear of what is in it, and is lost as a whole. The **desk** is what one process has read
//! in its store; it is gone with the process. Both only keep: `sealing.rs` decides, with the rules of the product.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_protocol::prekeys::{Announcement, Directory, Use};
use ecomesh_protocol::receipt::{Outcome, Receipt};
use ecomesh_protocol::rotation::{Life, life_of_new};
use ecomesh_protocol::{Roster, judge};
use ecomesh_record::{Kind, MemberId, NetworkId, Position, Record, RecordId, Time};
use ecomesh_seal::{ContentKey, OpenBodyError, PrekeyId, PrekeySecret, envelope};

/// What a header commits to: names a content key.
pub(crate) type Commitment = [u8; 32];

/// The private half of a prekey.
#[derive(Debug)]
pub(crate) struct Half {
    pub(crate) secret: PrekeySecret,
    pub(crate) life: Life,
}

impl Half {
    /// The half of a seed, with this life.
    pub(crate) fn new(seed: &[u8; PrekeySecret::BYTES], life: Life) -> Self {
        Self { secret: PrekeySecret::from_seed(seed), life }
    }

    /// The name of its prekey.
    pub(crate) fn id(&self) -> PrekeyId {
        self.secret.public().id()
    }

    /// What the others are told of it.
    pub(crate) fn announcement(&self) -> Announcement {
        let Life { purpose, begins_at, ends_at, .. } = self.life;
        Announcement { purpose, begins_at, ends_at, prekey: self.secret.public().to_bytes() }
    }
}

/// Why a record cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It is sealed to others, or not at all.
    ToOthers,
    /// An own record whose content key is lost.
    KeyLost,
    /// The private half is destroyed or lost.
    PrekeyGone,
    /// The body is not here.
    NoBody,
    /// What is sealed does not open.
    Wrong(OpenBodyError),
}

/// A bureau's vault.
#[derive(Debug, Default)]
pub(crate) struct Vault {
    halves: Vec<Half>,
    keys: BTreeMap<Commitment, ContentKey>,
}

impl Vault {
    /// The private halves, in the order in which they were made.
    pub(crate) fn halves(&self) -> &[Half] {
        &self.halves
    }

    /// The private half of a prekey, if it is there.
    pub(crate) fn half(&self, id: PrekeyId) -> Option<&Half> {
        self.halves.iter().find(|half| half.id() == id)
    }

    /// Begins and ends of all halves.
    pub(crate) fn lives(&self) -> Vec<Life> {
        self.halves.iter().map(|half| half.life).collect()
    }

    /// Keeps a private half.
    pub(crate) fn keep_half(&mut self, half: Half) {
        self.halves.push(half);
    }

    /// Makes a prekey for this use.
    pub(crate) fn make(&mut self, purpose: Use, now: Time, seed: &[u8; PrekeySecret::BYTES]) {
        self.keep_half(Half::new(seed, life_of_new(purpose, now)));
    }

    /// Takes out the private halves with these names.
    pub(crate) fn take(&mut self, ids: &[PrekeyId]) -> Vec<Half> {
        let (gone, left) = std::mem::take(&mut self.halves).into_iter().partition(|h| ids.contains(&h.id()));
        self.halves = left;
        gone
    }

    /// Counts time with links for the halves that `counts` names.
    pub(crate) fn count_linked(&mut self, passed_ms: u64, counts: impl Fn(&Life) -> bool) {
        for half in self.halves.iter_mut().filter(|half| counts(&half.life)) {
            half.life.linked_ms = half.life.linked_ms.saturating_add(passed_ms);
        }
    }

    /// Whether the content key to which a header commits is kept.
    pub(crate) fn knows(&self, commitment: &Commitment) -> bool {
        self.keys.contains_key(commitment)
    }

    /// Keeps a content key.
    pub(crate) fn keep(&mut self, commitment: Commitment, key: ContentKey) {
        self.keys.insert(commitment, key);
    }

    /// The content key to which a header commits, if it is kept.
    pub(crate) fn kept(&self, commitment: &Commitment) -> Option<&ContentKey> {
        self.keys.get(commitment)
    }

    /// All content keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &ContentKey> {
        self.keys.values()
    }

    /// The content key of a record: the one that is kept, else the one that its wrap brings.
    pub(crate) fn content_key(
        &self,
        network: NetworkId,
        own: MemberId,
        record: &Record,
    ) -> Result<ContentKey, Closed> {
        let header = record.header();
        let commitment = header.audience.key_commitment().ok_or(Closed::ToOthers)?;
        if let Some(key) = self.keys.get(commitment) {
            return Ok(key.clone());
        }
        if header.author == own {
            return Err(Closed::KeyLost);
        }
        let prekey = envelope::prekey_for(header, own).ok_or(Closed::ToOthers)?;
        let half = self.half(prekey).ok_or(Closed::PrekeyGone)?;
        let content = record.body().ok_or(Closed::NoBody)?.content();
        envelope::unwrap(network, header, content, own, &half.secret).map_err(Closed::Wrong)
    }

    /// What a record says, if it can be opened here.
    pub(crate) fn open(&self, network: NetworkId, own: MemberId, record: &Record) -> Result<Vec<u8>, Closed> {
        let key = self.content_key(network, own, record)?;
        let content = record.body().ok_or(Closed::NoBody)?.content();
        let opened = envelope::open(network, record.header(), content, &key).map_err(Closed::Wrong)?;
        Ok(opened.to_vec())
    }
}

/// An own message that an addressee cannot open: which, who says so, and in which record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    pub(crate) about: RecordId,
    pub(crate) by: MemberId,
    pub(crate) said_in: RecordId,
}

/// A draft of the node itself that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Errand {
    /// A prekey is announced.
    Announce(PrekeyId),
    /// A receipt says that these cannot be opened.
    Tell(Vec<RecordId>),
    /// An own message is sent again.
    Resend(Complaint),
    /// A group gets a key.
    Group(GroupOf),
}

/// What the key of a group is for: the members, in ascending order, and the class of what is written, as long as which the key
/// record lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupOf {
    pub(crate) members: Vec<MemberId>,
    pub(crate) retention: u8,
}

/// What a process has read of prekeys, mail and receipts.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) directory: Directory,
    /// Own prekeys that the others can know.
    pub(crate) published: BTreeSet<PrekeyId>,
    /// Records to this bureau whose content key is not kept yet, with the prekeys that they name.
    pub(crate) unopened: BTreeMap<Position, PrekeyId>,
    /// Records of which this bureau has said that it cannot open them.
    pub(crate) said: BTreeSet<RecordId>,
    /// What others have said of own ones.
    pub(crate) complaints: BTreeSet<Complaint>,
    pub(crate) underway: BTreeSet<Errand>,
    /// When it looked last, in milliseconds of the world.
    pub(crate) looked_at: Option<u64>,
}

impl Desk {
    /// A desk that knows the charter's fallbacks.
    pub(crate) fn of_charter(roster: &Roster) -> Self {
        let mut desk = Self::default();
        for member in roster.members() {
            desk.directory.first(member.member, &member.fallback_prekey);
        }
        desk
    }

    /// Takes in a record that is durable here. What is void is not acted upon.
    pub(crate) fn read(&mut self, record: &Record, own: MemberId, roster: &Roster, vault: &Vault) {
        let header = record.header();
        let content = record.body().map(ecomesh_record::Body::content);
        if judge(roster, record).is_err() {
            return;
        }
        match header.kind {
            Kind::PREKEY => {
                if let Some(announced) = content.and_then(|bytes| Announcement::decode(bytes).ok()) {
                    if header.author == own {
                        self.published.extend(PrekeyId::of_bytes(&announced.prekey));
                    }
                    self.directory.insert(record.position(), announced);
                }
            }
            Kind::RECEIPT => {
                if let Some(receipt) = content.and_then(|bytes| Receipt::decode(bytes).ok()) {
                    self.hear(record, own, &receipt);
                }
            }
            _ => {
                if let Some(prekey) = envelope::prekey_for(header, own)
                    && header.audience.key_commitment().is_some_and(|commitment| !vault.knows(commitment))
                {
                    self.unopened.insert(record.position(), prekey);
                }
            }
        }
    }

    fn hear(&mut self, record: &Record, own: MemberId, receipt: &Receipt) {
        let closed = receipt.entries().iter().filter(|entry| entry.outcome == Outcome::CANNOT_OPEN);
        let author = record.header().author;
        if author == own {
            self.said.extend(closed.map(|entry| entry.id));
        } else {
            // Whose message each is shows when it is to be sent again.
            let complaint = |id| Complaint { about: id, by: author, said_in: record.id() };
            self.complaints.extend(closed.map(|entry| complaint(entry.id)));
        }
    }

    /// Whether a record that is here and not opened names this prekey.
    pub(crate) fn needs(&self, id: PrekeyId) -> bool {
        self.unopened.values().any(|named| *named == id)
    }

    /// Whether an announcement of a prekey has no answer yet.
    pub(crate) fn is_announcing(&self) -> bool {
        self.underway.iter().any(|errand| matches!(errand, Errand::Announce(_)))
    }

    /// Whether a receipt about this record has no answer yet.
    pub(crate) fn is_telling(&self, id: RecordId) -> bool {
        self.underway.iter().any(|errand| matches!(errand, Errand::Tell(ids) if ids.contains(&id)))
    }
}
