//! The members of a simulated network: names, keys, charter. The same for every seed.

use std::collections::BTreeMap;

use ecomesh_protocol::prekeys::Use;
use ecomesh_protocol::rotation::life_of_new;
use ecomesh_protocol::{FoundingError, PeerKey, Roster};
use ecomesh_record::charter::{FounderSignature, Thresholds};
use ecomesh_record::{Charter, CharterMember, FoundedCharter, Kind, MemberId, Retention, Time};
use ecomesh_seal::{PrekeySecret, SigningKey, StorageKey};

use crate::calendar::DAY_MS;
use crate::mail::Half;
use crate::node::WALL_BEGIN;

/// Most members: two letters name 676, and the charter takes 512.
pub const MEMBERS_MAX: usize = 512;
/// When the network was founded: 2025-06-01.
pub(crate) const FOUNDED: Time = Time(1_748_736_000_000);

/// How long before the begin of the simulation the cards were made, in milliseconds: 36 days.
const CARD_AGE_MS: u64 = 36 * DAY_MS;

/// The members, in the roster's order: index in this list is the number of a node.
pub(crate) struct Members {
    pub(crate) roster: Roster,
    pub(crate) ids: Vec<MemberId>,
    pub(crate) peers: Vec<PeerKey>,
    numbers: BTreeMap<PeerKey, usize>,
    by_id: BTreeMap<MemberId, usize>,
}

impl Members {
    /// A network of `count` members, founded by all.
    /// Without erasures it has the control records of before there were any: its id, which all records depend on, stays
    /// the same, and so does what kept seeds play.
    /// In the same way only a network that seals has first fallback prekeys.
    pub(crate) fn found(count: usize, erases: bool, seals: bool) -> Result<Self, FoundingError> {
        let ids: Vec<MemberId> = (0..count.min(MEMBERS_MAX)).map(name).collect();
        let peers: Vec<PeerKey> = (0..ids.len()).map(transport_key).collect();
        let roster = Roster::found(charter(&ids, &peers, erases, seals))?;
        let numbers = peers.iter().copied().zip(0..).collect();
        let by_id = ids.iter().copied().zip(0..).collect();
        Ok(Self { roster, ids, peers, numbers, by_id })
    }

    /// The node behind a transport key.
    pub(crate) fn node(&self, peer: PeerKey) -> Option<usize> {
        self.numbers.get(&peer).copied()
    }

    /// The node of a member.
    pub(crate) fn node_of(&self, member: MemberId) -> Option<usize> {
        self.by_id.get(&member).copied()
    }
}

/// Who reviews notices: the first three members.
pub(crate) fn reviewers() -> [MemberId; 3] {
    [0, 1, 2].map(name)
}

/// The signing key of a node's member.
pub(crate) fn signing_key(node: usize) -> SigningKey {
    SigningKey::from_seed(&seed(1, node))
}

/// The key under which a node keeps its own bodies.
pub(crate) fn storage_key(node: usize) -> StorageKey {
    StorageKey::from_bytes(&seed(6, node))
}

/// The private half of the fallback prekey on a member's card. It was made so long ago that the next one is due, and
/// that it ends within a run of some weeks.
pub(crate) fn first_half(node: usize) -> Half {
    let mut bytes = [0; PrekeySecret::BYTES];
    bytes
        .chunks_exact_mut(32)
        .zip(3..)
        .for_each(|(part, purpose)| part.copy_from_slice(&seed(purpose, node)));
    Half::new(&bytes, life_of_new(Use::FALLBACK, Time(WALL_BEGIN - CARD_AGE_MS)))
}

fn transport_key(node: usize) -> PeerKey {
    PeerKey(*SigningKey::from_seed(&seed(2, node)).public().as_bytes())
}

fn seed(purpose: u8, node: usize) -> [u8; 32] {
    let mut seed = [purpose; 32];
    seed[..8].copy_from_slice(&(node as u64).to_be_bytes());
    seed
}

fn name(node: usize) -> MemberId {
    let letter = |n: usize| b'A' + u8::try_from(n % 26).unwrap_or(0);
    MemberId::from_bytes([letter(node / 26), letter(node), 0, 0, 0, 0, 0, 0])
        .expect("two capital letters name a member")
}

fn charter(ids: &[MemberId], peers: &[PeerKey], erases: bool, seals: bool) -> FoundedCharter {
    let entry = |(node, id): (usize, &MemberId)| CharterMember {
        member: *id,
        role: 0,
        name: format!("NCB {id}"),
        signing_key: *signing_key(node).public().as_bytes(),
        recovery_keys: Vec::new(),
        fallback_prekey: if seals { first_half(node).secret.public().to_bytes() } else { Vec::new() }.into(),
        transport_key: peers.get(node).map_or([0; 32], |peer| peer.0),
        ext: Vec::new(),
    };
    let retention = (1..=6).filter_map(|class| Some((class, Retention(class).days()?)));
    let charter = Charter {
        version: 1,
        suite: 1,
        network: "simulation".into(),
        drafted_at: FOUNDED,
        thresholds: Thresholds::default(),
        retention: retention.collect(),
        control_kinds: if erases {
            ecomesh_protocol::control::CONTROL_KINDS.to_vec()
        } else {
            vec![Kind::LOG_OPEN.0, Kind::PREKEY.0, Kind::RECEIPT.0]
        },
        members: ids.iter().enumerate().map(entry).collect(),
        ext: Vec::new(),
    };
    let fits = "a charter of at most 512 members fits its bound";
    let network = charter.network_id().expect(fits);
    let sign = |(node, id): (usize, &MemberId)| FounderSignature {
        member: *id,
        signature: *signing_key(node).sign_charter(network).as_bytes(),
    };
    FoundedCharter {
        charter: charter.encode().expect(fits).into(),
        addresses: Vec::new(),
        signatures: ids.iter().enumerate().map(sign).collect(),
    }
}
