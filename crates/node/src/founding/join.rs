//! Joining: the home takes a founded charter, an empty store and an empty journal.

use std::path::Path;

use ecomesh_protocol::{DiskError, FoundingError, Roster, journal};
use ecomesh_record::charter::{CharterError, FoundedCharter};
use ecomesh_record::{MemberId, NetworkId};
use ecomesh_store::{FileDisk, OpenError, System, create};
use thiserror::Error;

use super::keygen::{KeygenError, random};
use crate::config::{ConfigError, NodeConfig};
use crate::home::{CHARTER_FILE_BYTES_MAX, FileError, Home, HomeError, files};

/// What joining did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The member.
    pub member: MemberId,
    /// The network.
    pub network: NetworkId,
    /// Its name.
    pub name: String,
    /// Number of its members.
    pub members: usize,
    /// Whether the home had joined this network before: nothing was changed then.
    pub already: bool,
}

/// Why a home does not join. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JoinError {
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file is no founded charter.
    #[error(
        "{path} is no founded charter: {reason}; ask the founder for the file that `ecomesh charter found` wrote"
    )]
    NoCharter {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: CharterError,
    },
    /// The charter founds nothing.
    #[error(transparent)]
    Founding(#[from] FoundingError),
    /// This bureau is not in it.
    #[error("{0} is not in this charter; ask the founder to draft one with your card")]
    NotInCharter(MemberId),
    /// It names other keys.
    #[error("the charter names other keys of {0} than this home has; give the founder the card of this home")]
    OtherKeys(MemberId),
    /// The home has joined another network.
    #[error("this home belongs to network {0}; use another folder for another network")]
    OtherNetwork(NetworkId),
    /// The store cannot be made.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The journal cannot be made.
    #[error(transparent)]
    Journal(#[from] DiskError),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] KeygenError),
}

/// Verifies a founded charter entirely and makes it the home's network: charter, empty store, empty journal. A
/// second time with the same charter changes nothing.
///
/// # Errors
/// [`JoinError`].
pub fn join(home: &Home, charter_file: &Path) -> Result<Joined, JoinError> {
    let bytes = files::read(charter_file, CHARTER_FILE_BYTES_MAX)?;
    let founded = FoundedCharter::decode(&bytes)
        .map_err(|reason| JoinError::NoCharter { path: charter_file.display().to_string(), reason })?;
    let roster = Roster::found(founded)?;
    let card = home.card()?;
    let member = card.member;
    let founder = roster.charter().member(member).ok_or(JoinError::NotInCharter(member))?;
    if founder.signing_key != card.to_member().signing_key {
        return Err(JoinError::OtherKeys(member));
    }
    let joined = |already| Joined {
        member,
        network: roster.network(),
        name: roster.charter().network.clone(),
        members: roster.len(),
        already,
    };
    // A node that runs has joined: what it has is left alone.
    let _lock = home.lock()?;
    if home.has_joined()? {
        let network = home.roster()?.network();
        return if network == roster.network() {
            Ok(joined(true))
        } else {
            Err(JoinError::OtherNetwork(network))
        };
    }
    make_store(home, &roster, member)?;
    // Last, and in one step: a home is joined when the charter is there.
    files::write_public(&home.charter_file(), &bytes)?;
    Ok(joined(false))
}

/// An empty store and the journal that belongs to it. What a broken-off attempt left is empty too.
fn make_store(home: &Home, roster: &Roster, member: MemberId) -> Result<(), JoinError> {
    let settings = NodeConfig::load_or_default(&home.config_file())?.store;
    let options = settings.options();
    // Joining needs no passphrase: the storage key comes with the first start.
    let instance = create(&home.store_dir(), roster.network(), *random::<16>()?, &options)?;
    files::create_private_dir(&home.log_dir())?;
    let mut disk = FileDisk::open(&home.log_dir(), System::default())?;
    Ok(journal::create(&mut disk, roster.network(), member, instance)?)
}
