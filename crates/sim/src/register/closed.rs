//! Papers that are closed to somebody: sealed to the group of all others, with the envelope of the product, under a key that
//! a key record brings to them (`docs/PROTOCOL.md`, section 28). A node reads what its vault opens.
//!
//! No prekey ends in these runs, so each member is sealed to by the one on its card; `sealing.rs` plays their lives. An author
//! asks for the key record first, and what it would have written is dropped: its next paper for that group finds the key.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_document::Document;
use ecomesh_protocol::author::header_to_seal;
use ecomesh_protocol::io::SealedTo;
use ecomesh_protocol::{Draft, Ledger};
use ecomesh_record::{Audience, Flags, Header, Kind, MemberId, Priority, Record, RecordId, Retention, Time};
use ecomesh_seal::envelope::{self, group};
use ecomesh_seal::{ContentKey, Prekey, Sealed};

use crate::calendar::DAY_MS;
use crate::coverage::Mark;
use crate::mail::{Commitment, Errand, GroupOf};
use crate::members::first_half;
use crate::sabotage::Sabotage;
use crate::world::World;

/// Among so many others of its choice an author excludes one: few groups, so that most papers find a key.
const EXCLUDED_AMONG: u64 = 2;
/// Of a hundred papers of a hostile member so many name a group that is not theirs, or none.
const NONSENSE_PERCENT: u8 = 10;

/// The keys under which one process writes. They are gone with it.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    asked: BTreeMap<GroupOf, (ContentKey, Time)>,
    used: BTreeMap<GroupOf, Key>,
}

#[derive(Clone, Debug)]
struct Key {
    record: RecordId,
    key: ContentKey,
    made_at: Time,
}

/// Whom the world knows to be meant by what was sealed, whatever its header says: the author and the members.
pub(crate) type Meant = BTreeMap<Commitment, BTreeSet<MemberId>>;

/// What comes of a record that is sealed to a group.
pub(super) enum Opened {
    Text(Vec<u8>),
    /// It is for others, or nobody knows for whom.
    Nothing,
    /// The record with the group's key is missing, or one of the bodies.
    NotYet,
}

impl World {
    /// Whether papers are closed in this network.
    pub(crate) fn closes(&self) -> bool {
        self.scenario.load.closed_permille > 0
    }

    /// The draft of a paper, closed if luck or what it changes has it so; nothing if its group has no key yet.
    pub(super) fn closed_or_open(&mut self, number: usize, paper: &Document, draft: Draft) -> Option<Draft> {
        if !self.closes() {
            return Some(draft);
        }
        if !self.nodes[number].is_honest() {
            return Some(self.nonsense(number, draft));
        }
        match self.readers_of(number, paper) {
            Some(readers) => self.sealed(number, &draft, readers),
            None => Some(draft),
        }
    }

    /// Who reads a paper besides its author; nothing if all do. A new text is for those for whom the first one was.
    fn readers_of(&mut self, number: usize, paper: &Document) -> Option<BTreeSet<MemberId>> {
        let own = self.nodes[number].member;
        if let Some(first) = paper.replaces() {
            let mut readers = self.meant(first.0)?.clone();
            readers.remove(&own);
            return Some(readers);
        }
        let opens = matches!(paper, Document::Notice(_) | Document::Diffusion(_) | Document::Entry(_));
        if !opens || !self.register_rng.permille(self.scenario.load.closed_permille) {
            return None;
        }
        let count = self.nodes.len();
        let nth = usize::try_from(1 + self.register_rng.below(EXCLUDED_AMONG)).unwrap_or(1);
        let excluded = self.members.ids[(number + nth) % count];
        let others = self.members.ids.iter().copied();
        Some(others.filter(|member| *member != own && *member != excluded).collect())
    }

    /// Whom a record is meant for, if it is closed to some.
    fn meant(&self, id: RecordId) -> Option<&BTreeSet<MemberId>> {
        let record = self.shared(id)?;
        self.closed.get(record.header().audience.key_commitment()?)
    }

    /// Whether a member may read a record.
    pub(super) fn may_read(&self, number: usize, id: RecordId) -> bool {
        self.meant(id).is_none_or(|members| members.contains(&self.nodes[number].member))
    }

    /// A draft sealed to a group, if that has a key; else the record that brings one is asked for.
    fn sealed(&mut self, number: usize, open: &Draft, readers: BTreeSet<MemberId>) -> Option<Draft> {
        let mut written_to = readers.clone();
        if self.is_broken(number, Sabotage::SealToOneMore) {
            let own = self.nodes[number].member;
            written_to.extend(self.members.ids.iter().copied().filter(|member| *member != own));
        }
        let of = GroupOf { members: written_to.into_iter().collect(), retention: open.retention.0 };
        let now = self.nodes[number].now(self.now).wall;
        let used = self.nodes[number].register.keys.used.get(&of);
        // As in a node: for a day, and not before it was made by a clock that was set back.
        let Some(key) = used.filter(|key| (key.made_at..key.made_at.after(DAY_MS)).contains(&now)).cloned()
        else {
            self.ask_for_key(number, of, now);
            return None;
        };
        let header = header_to_seal(self.nodes[number].member, open, now);
        let seed = self.seal_rng.bytes();
        let network = self.members.roster.network();
        let sealed = group::seal(network, header, &open.content, key.record, &key.key, &seed).ok()?;
        let commitment = *sealed.header.audience.key_commitment()?;
        // Before the record: whoever has written it must be able to read it.
        self.nodes[number].vault.keep(commitment, sealed.key.clone());
        let author = self.nodes[number].member;
        self.closed.insert(commitment, readers.into_iter().chain([author]).collect());
        // A retry would be sealed anew, and is played in `sealing.rs`.
        Some(Draft {
            content: sealed.content,
            sealed: Some(to(&sealed.header)),
            idempotency: None,
            ..open.clone()
        })
    }

    fn ask_for_key(&mut self, number: usize, of: GroupOf, now: Time) {
        if self.nodes[number].register.keys.asked.contains_key(&of) || !self.has_room(number) {
            return;
        }
        let draft = Draft {
            kind: Kind::GROUP_KEY,
            priority: Priority::URGENT,
            to: Vec::new(),
            retention: Retention(of.retention),
            expires_at: None,
            flags: Flags::default(),
            content: Vec::new(),
            salt: self.seal_rng.bytes(),
            idempotency: None,
            sealed: None,
        };
        let header = header_to_seal(self.nodes[number].member, &draft, now);
        let members: Vec<(MemberId, Prekey)> =
            of.members.iter().filter_map(|member| Some((*member, self.prekey_on_card(*member)?))).collect();
        let seed = self.seal_rng.bytes();
        let Ok(Sealed { header, content, key }) =
            group::make(self.members.roster.network(), header, &members, &seed)
        else {
            return;
        };
        if self.is_broken(number, Sabotage::WriteNoKeyRecord) {
            let never_written = Key { record: RecordId(self.seal_rng.bytes()), key, made_at: now };
            self.nodes[number].register.keys.used.insert(of, never_written);
            return;
        }
        self.nodes[number].register.keys.asked.insert(of.clone(), (key, now));
        let draft = Draft { content, sealed: Some(to(&header)), ..draft };
        self.submit_errand(number, Errand::Group(of), draft);
    }

    fn prekey_on_card(&self, member: MemberId) -> Option<Prekey> {
        Some(first_half(self.members.node_of(member)?).secret.public().clone())
    }

    /// The record with the key of a group was written, or was not.
    pub(crate) fn key_answered(&mut self, number: usize, of: &GroupOf, written: Option<RecordId>) {
        let keys = &mut self.nodes[number].register.keys;
        let Some((key, made_at)) = keys.asked.remove(of) else { return };
        if let Some(record) = written {
            keys.used.insert(of.clone(), Key { record, key, made_at });
        }
    }

    /// Now and then a hostile member names a group that is not its own, with a commitment that is not, or one that is none.
    fn nonsense(&mut self, number: usize, draft: Draft) -> Draft {
        if !self.register_rng.percent(NONSENSE_PERCENT) {
            return draft;
        }
        let ids: Vec<RecordId> = self.nodes[number].ledger.places().into_values().collect();
        let audience = |id: RecordId| Some(self.shared(id)?.header().audience.clone());
        let mut known: Vec<Audience> = ids.into_iter().filter_map(audience).collect();
        known.retain(|audience| audience.key_record().is_some());
        let key_record = RecordId(self.register_rng.bytes());
        let key_commitment = self.register_rng.bytes();
        let none = Audience::Group { key_record, key_commitment };
        let audience =
            self.register_rng.pick(&known).filter(|_| key_commitment[0].is_multiple_of(2)).cloned();
        let header = header_to_seal(self.nodes[number].member, &draft, self.nodes[number].now(self.now).wall);
        let sealed = Some(to(&Header { audience: audience.unwrap_or(none), ..header }));
        let noise: [u8; 128] = self.register_rng.bytes();
        Draft { content: noise.to_vec(), sealed, idempotency: None, ..draft }
    }

    /// What a record says that is sealed to a group. What is opened once is opened for as long as its key is kept.
    pub(super) fn opened_of_group(&mut self, number: usize, record: &Record) -> Opened {
        let (network, header) = (self.members.roster.network(), record.header());
        let (Some(body), Some(commitment)) = (record.body(), header.audience.key_commitment()) else {
            return Opened::NotYet;
        };
        let (content, node) = (body.content(), &self.nodes[number]);
        let key = match node.vault.kept(commitment) {
            Some(key) => key.clone(),
            None => match self.key_of_group(number, record) {
                Ok(group_key) => match group::unwrap(network, header, content, &group_key) {
                    Ok(key) => key,
                    Err(_) => return Opened::Nothing,
                },
                Err(closed) => return closed,
            },
        };
        let Ok(text) = envelope::open(network, header, content, &key) else { return Opened::Nothing };
        let (text, name, id) = (text.to_vec(), self.name(number), record.id());
        if self.closed.get(commitment).is_none_or(|members| !members.contains(&self.nodes[number].member)) {
            self.checks.fail("I7", format!("{name} reads {id:?}, which is closed to it"));
        }
        if header.author != self.nodes[number].member {
            self.coverage.mark(Mark::ClosedRead);
        }
        self.nodes[number].vault.keep(*commitment, key);
        Opened::Text(text)
    }

    fn key_of_group(&mut self, number: usize, record: &Record) -> Result<ContentKey, Opened> {
        let (node, header) = (&self.nodes[number], record.header());
        let Some(id) = header.audience.key_record().filter(|_| header.author != node.member) else {
            return Err(Opened::Nothing);
        };
        let Some(key_record) =
            node.ledger.find(id).ok().flatten().and_then(|at| node.ledger.record(at).ok()?)
        else {
            // Some of what hostile members write names no record at all.
            if header.audience.key_commitment().is_some_and(|known| self.closed.contains_key(known)) {
                self.coverage.mark(Mark::KeyAwaited);
            }
            let gives_up = self.is_broken(number, Sabotage::GiveUpOnGroupKeys);
            return Err(if gives_up { Opened::Nothing } else { Opened::NotYet });
        };
        if group::check_key_record(header, key_record.header()).is_err() {
            return Err(Opened::Nothing);
        }
        let body = key_record.body().ok_or(Opened::NotYet)?;
        let brought = group::Group::decode(body.content()).map_err(|_| Opened::Nothing)?;
        let prekey = brought.prekey_for(node.member).ok_or(Opened::Nothing)?;
        let half = node.vault.half(prekey).ok_or(Opened::Nothing)?;
        let network = self.members.roster.network();
        brought.unwrap(network, key_record.header(), node.member, &half.secret).map_err(|_| Opened::Nothing)
    }

    /// Section 28: an author records the key record before anything that names it.
    pub(super) fn check_key_is_there(&mut self, number: usize, record: &Record) {
        let node = &self.nodes[number];
        let Some(id) = record.header().audience.key_record() else { return };
        let is_own = record.header().author == node.member && node.is_honest();
        if is_own && node.ledger.find(id).ok().flatten().is_none() {
            let (name, position) = (node.member, record.position());
            self.checks.fail("I11", format!("{name} wrote {position} before the key record that it names"));
        }
    }

    /// Why a node has read what is closed to it, or not read what is not; `None` if it is as it must be.
    pub(super) fn wrongly_read(&self, number: usize) -> Option<String> {
        let node = &self.nodes[number];
        let read: BTreeSet<RecordId> =
            node.register.said.values().flat_map(BTreeMap::keys).copied().collect();
        for (position, id) in node.ledger.places() {
            let Some(members) = self.meant(id) else { continue };
            let Some(record) = self.shared(id) else { continue };
            // A hostile member may copy what names a group, and opens nothing with it.
            if self.members.node_of(position.log.author).is_none_or(|author| !self.nodes[author].is_honest())
            {
                if read.contains(&id) {
                    return Some(format!("{} reads the nonsense at {position}", node.member));
                }
                continue;
            }
            let is_over = self.is_over_at(number, &record) || node.ledger.is_excused(position);
            let must = members.contains(&node.member) && !is_over;
            if read.contains(&id) != must {
                let how = if must { "has not read" } else { "still reads" };
                return Some(format!("{} {how} {position}, which is closed to others", node.member));
            }
        }
        None
    }
}

fn to(header: &Header) -> SealedTo {
    SealedTo {
        audience: header.audience.clone(),
        created_at: header.created_at,
        expires_at: header.expires_at,
    }
}
