//! The roster: who is a member and with which keys. Epoch 0 is the charter; later epochs come with membership.

use std::collections::BTreeMap;

use ecomesh_record::charter::{CharterError, CharterMember, FoundedCharter};
use ecomesh_record::{Charter, Flags, Header, Kind, MemberId, NetworkId, Role};
use ecomesh_seal::{KeyError, PublicKey, Signature};
use thiserror::Error;

/// A roster whose charter is signed by all its founders, with keys that are fit to be used.
#[derive(Clone, Debug)]
pub struct Roster {
    network: NetworkId,
    charter: Charter,
    founded: FoundedCharter,
    keys: BTreeMap<MemberId, PublicKey>,
}

/// Why a charter founds no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FoundingError {
    /// The charter itself is wrong.
    #[error(transparent)]
    Charter(#[from] CharterError),
    /// A key that nobody may use.
    #[error(
        "the {what} key of {member} is refused: {reason}; {member} must make a new one and send its card again"
    )]
    Key {
        /// Whose.
        member: MemberId,
        /// `signing`, `recovery` or `transport`.
        what: &'static str,
        /// What is wrong with it.
        reason: KeyError,
    },
    /// A founder has not signed.
    #[error("the signature of {0} is missing: ask {0} to run `ecomesh charter sign` on this very charter")]
    MissingSignature(MemberId),
    /// Two signatures of one founder.
    #[error("there are two signatures of {0}; give only one")]
    DoubledSignature(MemberId),
    /// A signature by someone who is no founder.
    #[error("{0} signed, but is not in the charter")]
    UnknownSigner(MemberId),
    /// A signature that does not verify.
    #[error("the signature of {0} is wrong: it was made for another charter or with another key")]
    WrongSignature(MemberId),
    /// Address hints for someone who is no founder.
    #[error("there are addresses of {0}, who is not in the charter")]
    UnknownAddress(MemberId),
}

impl Roster {
    /// Checks a founded charter entirely: layout, every key, every signature.
    ///
    /// # Errors
    /// The first thing that is wrong, naming the member.
    pub fn found(founded: FoundedCharter) -> Result<Self, FoundingError> {
        let charter = Charter::decode(&founded.charter)?;
        let network = charter.network_id()?;
        let keys = admit_keys(&charter)?;
        check_signatures(network, &keys, &founded)?;
        if let Some((member, _)) = founded.addresses.iter().find(|(m, _)| charter.member(*m).is_none()) {
            return Err(FoundingError::UnknownAddress(*member));
        }
        Ok(Self { network, charter, founded, keys })
    }

    /// The network's id.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// The newest roster epoch; 0 is the charter.
    pub fn epoch(&self) -> u32 {
        0
    }

    /// The charter.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The charter as it was founded, with signatures and address hints.
    pub fn founded(&self) -> &FoundedCharter {
        &self.founded
    }

    /// All members, ascending.
    pub fn members(&self) -> impl Iterator<Item = &CharterMember> {
        self.charter.members.iter()
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.charter.members.len()
    }

    /// Never true: a charter has at least one member.
    pub fn is_empty(&self) -> bool {
        self.charter.members.is_empty()
    }

    /// Whether `member` is one.
    pub fn contains(&self, member: MemberId) -> bool {
        self.keys.contains_key(&member)
    }

    /// The key of generation 0 of the member's logs.
    pub fn key(&self, member: MemberId) -> Option<&PublicKey> {
        self.keys.get(&member)
    }

    /// Where the member's node listens, by the charter's hints.
    pub fn addresses(&self, member: MemberId) -> &[String] {
        let hints = &self.founded.addresses;
        hints.iter().find(|(m, _)| *m == member).map_or(&[], |(_, list)| list.as_slice())
    }

    /// Whether `member` keeps the bodies that otherwise only addressees need.
    pub fn is_keeper(&self, member: MemberId) -> bool {
        self.charter.member(member).is_some_and(|m| m.role == Role::KEEPER.0)
    }

    /// Whether this member must hold the body of a record: all of them, unless the record is marked as being for its
    /// addressees only; then they, its author, and the keepers.
    pub fn needs_body(&self, header: &Header, member: MemberId) -> bool {
        !header.flags.has(Flags::ADDRESSEES_ONLY)
            || header.author == member
            || header.is_for(member)
            || self.is_keeper(member)
    }

    /// Whether a control kind is in force in `epoch`.
    pub fn allows_control(&self, epoch: u32, kind: Kind) -> bool {
        epoch == 0 && self.charter.allows_control(kind)
    }
}

fn admit_keys(charter: &Charter) -> Result<BTreeMap<MemberId, PublicKey>, FoundingError> {
    let mut keys = BTreeMap::new();
    for m in &charter.members {
        let admit = |what, bytes: [u8; 32]| {
            PublicKey::admit(bytes).map_err(|reason| FoundingError::Key { member: m.member, what, reason })
        };
        admit("transport", m.transport_key)?;
        m.recovery_keys.iter().try_for_each(|key| admit("recovery", *key).map(drop))?;
        keys.insert(m.member, admit("signing", m.signing_key)?);
    }
    Ok(keys)
}

fn check_signatures(
    network: NetworkId,
    keys: &BTreeMap<MemberId, PublicKey>,
    founded: &FoundedCharter,
) -> Result<(), FoundingError> {
    let mut signed: Vec<MemberId> = founded.signatures.iter().map(|s| s.member).collect();
    signed.sort_unstable();
    if let Some(pair) = signed.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(FoundingError::DoubledSignature(pair[0]));
    }
    for s in &founded.signatures {
        let key = keys.get(&s.member).ok_or(FoundingError::UnknownSigner(s.member))?;
        key.verify_charter(network, &Signature(s.signature))
            .map_err(|_| FoundingError::WrongSignature(s.member))?;
    }
    match keys.keys().find(|member| signed.binary_search(member).is_err()) {
        Some(member) => Err(FoundingError::MissingSignature(*member)),
        None => Ok(()),
    }
}
