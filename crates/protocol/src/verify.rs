//! From received bytes to [`Verified`] records. Pure, and made to run on a pool of threads before the core.
//!
//! Nothing outside this file constructs a [`Verified`]: one search for it lists every place where trust in a record
//! begins. The keys come from a [`KeyRing`], a snapshot that the core publishes whenever it learns a key.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_record::frontier::{FrontierError, frontier_hash};
use ecomesh_record::record::{RecordError, RecordFrame};
use ecomesh_record::{ForkProof, Frontier, Kind, Lane, MemberId, NetworkId, Record, SignedFrontier};
use ecomesh_seal::{PublicKey, Signature};
use thiserror::Error;

use crate::control::{LogOpen, OpenMode};
use crate::roster::Roster;

/// The keys under which records verify, by member and generation: a snapshot.
#[derive(Clone, Debug)]
pub struct KeyRing {
    network: NetworkId,
    epoch: u32,
    keys: BTreeMap<MemberId, BTreeMap<u32, PublicKey>>,
}

impl KeyRing {
    /// The keys of generation 0 of all members.
    pub fn of_roster(roster: &Roster) -> Self {
        let first = |m: &ecomesh_record::CharterMember| {
            let key = *roster.key(m.member)?;
            Some((m.member, BTreeMap::from([(0, key)])))
        };
        Self {
            network: roster.network(),
            epoch: roster.epoch(),
            keys: roster.members().filter_map(first).collect(),
        }
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// The key of a generation of a member's logs.
    pub fn key(&self, member: MemberId, generation: u32) -> Option<&PublicKey> {
        self.keys.get(&member)?.get(&generation)
    }

    /// The key of the newest generation of a member's logs: signs its frontiers and transport certificates.
    pub fn newest(&self, member: MemberId) -> Option<&PublicKey> {
        self.keys.get(&member)?.last_key_value().map(|(_, key)| key)
    }

    /// All known keys of a member, newest first.
    pub fn all(&self, member: MemberId) -> impl Iterator<Item = &PublicKey> {
        self.keys.get(&member).into_iter().flat_map(|keys| keys.values().rev())
    }

    /// Number of generations known of a member.
    pub fn generations(&self, member: MemberId) -> usize {
        self.keys.get(&member).map_or(0, BTreeMap::len)
    }

    /// Whether [`KeyRing::learn`] would learn a key from this record: asked before a ring is copied.
    pub fn would_learn(&self, record: &Verified) -> bool {
        let header = record.record().header();
        is_log_open(record.record()) && self.key(header.author, header.generation).is_none()
    }

    /// Learns the key of the generation that a valid log-open record opens. Returns whether it is new.
    pub fn learn(&mut self, record: &Verified) -> bool {
        let header = record.record().header();
        self.would_learn(record) && self.insert(header.author, header.generation, *record.key())
    }

    /// Learns the key of a generation from a fork proof at the place of the record that opens it. Nobody passes on a
    /// disputed record, so a node that comes later has no other way to know the generation, and would lack what was
    /// written in it. Returns whether it is new.
    pub fn learn_fork(&mut self, proof: &ForkProof) -> bool {
        let position = proof.position();
        let log = position.log;
        let opens = log.lane == Lane::CONTROL && position.seq == 0;
        if !opens || self.key(log.author, log.generation).is_some() {
            return false;
        }
        let key = key_of_fork(self, proof).copied();
        key.is_some_and(|key| self.insert(log.author, log.generation, key))
    }

    fn insert(&mut self, member: MemberId, generation: u32, key: PublicKey) -> bool {
        let generations = self.keys.entry(member).or_default();
        let room = generations.len() < crate::limits::GENERATIONS_MAX;
        if room {
            generations.insert(generation, key);
        }
        room
    }
}

/// A record whose signature verified under the key of its generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    record: Record,
    key: PublicKey,
}

impl Verified {
    /// The record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The key that verified it.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The record with its body, which was checked against the header.
    ///
    /// # Errors
    /// [`RecordError::Commitment`] if it is another body.
    pub fn attach(mut self, network: NetworkId, body: ecomesh_record::Body) -> Result<Self, RecordError> {
        self.record.attach(network, body)?;
        Ok(self)
    }

    /// The record without its body.
    #[must_use]
    pub fn without_body(self) -> Self {
        Self { record: self.record.without_body(), ..self }
    }

    /// One's own record, signed just now: the caller holds the secret key.
    pub(crate) fn own(record: Record, key: PublicKey) -> Self {
        Self { record, key }
    }
}

/// Why a record is not verified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The frame is no record. Deserves blame.
    #[error(transparent)]
    Malformed(#[from] RecordError),
    /// The signature fails under the key of its generation. Deserves blame.
    #[error("the signature of {0} fails")]
    BadSignature(MemberId),
    /// Its author is not in the roster that is known here. May become known.
    #[error("{0} is not a member")]
    UnknownMember(MemberId),
    /// Its roster epoch is not known here. May become known.
    #[error("roster epoch {0} is not known here")]
    UnknownEpoch(u32),
    /// The record that opens its generation is not here. May come.
    #[error("generation {1} of {0} is not open here")]
    UnknownGeneration(MemberId, u32),
}

impl Refusal {
    /// Whether no honest peer passes such a record on.
    pub fn deserves_blame(&self) -> bool {
        matches!(self, Self::Malformed(_) | Self::BadSignature(_))
    }
}

/// Verifies one frame: it decodes, its body is the one that it commits to, its signature is its author's.
///
/// # Errors
/// [`Refusal`], which says whether the sender is to blame.
pub fn verify_frame(ring: &KeyRing, frame: RecordFrame) -> Result<Verified, Refusal> {
    verify_record(ring, Record::from_frame(ring.network, frame)?)
}

/// Verifies the signature of a decoded record.
///
/// # Errors
/// [`Refusal`], which says whether the sender is to blame.
pub fn verify_record(ring: &KeyRing, record: Record) -> Result<Verified, Refusal> {
    let header = record.header();
    let author = header.author;
    if !ring.keys.contains_key(&author) {
        return Err(Refusal::UnknownMember(author));
    }
    if header.roster_epoch > ring.epoch {
        return Err(Refusal::UnknownEpoch(header.roster_epoch));
    }
    let key = match ring.key(author, header.generation) {
        Some(key) => key,
        None => opening_key(ring, &record).ok_or(Refusal::UnknownGeneration(author, header.generation))?,
    };
    match key.verify_record(ring.network, record.id(), &Signature(*record.signature())) {
        Ok(()) => Ok(Verified { key: *key, record }),
        Err(_) => Err(Refusal::BadSignature(author)),
    }
}

/// Whether this is where a record that opens a generation stands.
fn is_log_open(record: &Record) -> bool {
    let header = record.header();
    header.kind == Kind::LOG_OPEN && header.lane == Lane::CONTROL && header.seq == 0 && header.generation > 0
}

/// A log-open record after a restore is signed with the key of an older generation, which it names.
fn opening_key<'a>(ring: &'a KeyRing, record: &Record) -> Option<&'a PublicKey> {
    if !is_log_open(record) {
        return None;
    }
    let header = record.header();
    let open = LogOpen::decode(header.author, record.body()?.content()).ok()?;
    let keeps_key = open.mode == OpenMode::RESTORE && open.base < header.generation;
    if keeps_key { ring.key(header.author, open.base) } else { None }
}

/// A frontier whose signature verified under a key of its member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFrontier {
    frontier: Frontier,
    signed: SignedFrontier,
}

impl VerifiedFrontier {
    /// What it says.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// As it was signed, to pass on and to keep as evidence.
    pub fn signed(&self) -> &SignedFrontier {
        &self.signed
    }
}

/// Why a frontier is not verified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrontierRefusal {
    /// The bytes are no frontier. Deserves blame.
    #[error(transparent)]
    Malformed(#[from] FrontierError),
    /// Its member is not known here.
    #[error("{0} is not a member")]
    UnknownMember(MemberId),
    /// The signature fails under every key of the member that is known here. Deserves blame.
    #[error("the signature of {0} on a frontier fails")]
    BadSignature(MemberId),
}

impl FrontierRefusal {
    /// Whether no honest peer passes such a frontier on.
    pub fn deserves_blame(&self) -> bool {
        !matches!(self, Self::UnknownMember(_))
    }
}

/// Verifies a signed frontier.
///
/// # Errors
/// [`FrontierRefusal`].
pub fn verify_frontier(ring: &KeyRing, signed: SignedFrontier) -> Result<VerifiedFrontier, FrontierRefusal> {
    let frontier = Frontier::decode(&signed.bytes)?;
    let member = frontier.member;
    if !ring.keys.contains_key(&member) {
        return Err(FrontierRefusal::UnknownMember(member));
    }
    let hash = frontier_hash(ring.network, &signed.bytes);
    let good = ring
        .all(member)
        .any(|key| key.verify_frontier(ring.network, &hash, &Signature(signed.signature)).is_ok());
    if good { Ok(VerifiedFrontier { frontier, signed }) } else { Err(FrontierRefusal::BadSignature(member)) }
}

/// Whether both branches of a fork proof carry the signature of the log's generation key. Where that generation is not
/// known here, another known key of the author shows as well that it signed both; `None` if none does, since the right
/// one may become known.
pub fn verify_fork(ring: &KeyRing, proof: &ForkProof) -> Option<bool> {
    let log = proof.position().log;
    match ring.key(log.author, log.generation) {
        Some(key) => Some(signed_both(ring.network, key, proof)),
        None => key_of_fork(ring, proof).map(|_| true),
    }
}

/// The known key of the author that signed both branches.
fn key_of_fork<'a>(ring: &'a KeyRing, proof: &ForkProof) -> Option<&'a PublicKey> {
    // Generations that keep their key all have the same one: it is tried once.
    let keys: BTreeSet<&PublicKey> = ring.all(proof.position().log.author).collect();
    keys.into_iter().find(|key| signed_both(ring.network, key, proof))
}

fn signed_both(network: NetworkId, key: &PublicKey, proof: &ForkProof) -> bool {
    let good =
        |(id, signature): (_, &[u8; 64])| key.verify_record(network, id, &Signature(*signature)).is_ok();
    proof.branches(network).into_iter().all(good)
}
