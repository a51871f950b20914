//! Making a bureau's keys: the home, sealed key files, and the public card.

use std::path::{Path, PathBuf};

use ecomesh_record::{MemberId, Role};
use ecomesh_seal::key_file::{self, RANDOMNESS_BYTES};
use ecomesh_seal::{Identity, Params, Purpose, SealError, SigningKey};
use thiserror::Error;
use zeroize::Zeroizing;

use super::card::{Card, CardContent, CardError};
use crate::address::{Address, AddressError};
use crate::clock;
use crate::home::{FileError, Home, HomeError, files};
use crate::passphrase::Passphrase;
use crate::storage_key;
use crate::vault::{self, VaultFault};

/// What the operator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeygenRequest {
    /// The member.
    pub member: MemberId,
    /// The bureau's name, for people.
    pub name: String,
    /// See [`Role`]; `None`: country or entity, by the length of the member's name.
    pub role: Option<u8>,
    /// Where the node listens.
    pub listen: Vec<String>,
    /// Where others reach it; empty: where it listens.
    pub addresses: Vec<String>,
}

/// Why no keys were made. Nothing is left behind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeygenError {
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// An address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The card would be wrong.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The keys were not sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The vault of the prekeys.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// The system has no randomness.
    #[error("this system gives no random bytes ({0}); make the keys on another machine")]
    Randomness(String),
}

/// Makes keys in `dir` and returns the home and the card. `params` is what guessing the passphrase shall cost:
/// [`Params::default`] except in tests.
///
/// # Errors
/// [`KeygenError`]; what was written is taken away again.
pub fn keygen(
    dir: &Path,
    request: &KeygenRequest,
    passphrase: &Passphrase,
    params: Params,
) -> Result<(Home, Card), KeygenError> {
    let listen = parse_all(&request.listen, Address::parse)?;
    let addresses = match request.addresses.as_slice() {
        [] => parse_all(&request.listen, Address::parse_diallable)?,
        given => parse_all(given, Address::parse_diallable)?,
    };
    let identity = new_identity()?;
    let recovery: [Zeroizing<[u8; 32]>; 3] = [random()?, random()?, random()?];
    let fallback = vault::new_fallback(clock::wall())?;
    let content = CardContent {
        member: request.member,
        name: request.name.clone(),
        role: request.role.unwrap_or_else(|| default_role(request.member)),
        transport_key: identity.transport_public(),
        recovery_keys: recovery.iter().map(|seed| SigningKey::from_seed(seed).public()).collect(),
        fallback_prekey: fallback.secret.public().to_bytes(),
        addresses,
    };
    let card = Card::sign(content, identity.signing_key())?;
    // Before the slow part: a folder that has a node refuses at once.
    let home = Home::create(dir)?;
    let sealed = seal_identity(&identity, passphrase, params)?;
    let sealed_recovery = recovery.iter().map(|seed| seal_recovery(seed, passphrase, params));
    let sealed_recovery: Vec<Vec<u8>> = sealed_recovery.collect::<Result<_, _>>()?;

    let own_config = listen != card.addresses && !listen.is_empty() && !files::exists(&home.config_file())?;
    let config = own_config.then(|| config_text(&listen));
    let written =
        vault::create(&home.vault_dir(), passphrase, params, &[fallback]).map_err(KeygenError::from);
    let written = written.and_then(|key| Ok(storage_key::write_copy(&home, &identity, &key)?));
    let written = written.and_then(|()| Ok(write_all(&home, &card, &sealed, &sealed_recovery, config)?));
    if let Err(error) = written {
        take_back(&home, &card);
        return Err(error);
    }
    Ok((home, card))
}

/// Seals an identity with fresh randomness.
pub(super) fn seal_identity(
    identity: &Identity,
    passphrase: &Passphrase,
    params: Params,
) -> Result<Vec<u8>, KeygenError> {
    let randomness: Zeroizing<[u8; RANDOMNESS_BYTES]> = random()?;
    Ok(identity.seal(passphrase.as_bytes(), params, *randomness)?)
}

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeygenError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|e| KeygenError::Randomness(e.to_string()))?;
    Ok(bytes)
}

/// The sealed recovery keys' file names, in the card's order.
pub fn recovery_files(home: &Home, member: MemberId) -> [PathBuf; 3] {
    [1, 2, 3].map(|number| home.recovery_dir().join(format!("{member}-recovery-{number}.key")))
}

fn parse_all(
    texts: &[String],
    parse: impl Fn(&str) -> Result<Address, AddressError>,
) -> Result<Vec<Address>, AddressError> {
    texts.iter().map(|text| parse(text)).collect()
}

fn new_identity() -> Result<Identity, KeygenError> {
    let (signing, transport) = (random()?, random()?);
    Identity::from_seeds(&signing, &transport).map_err(|e| KeygenError::Randomness(e.to_string()))
}

fn default_role(member: MemberId) -> u8 {
    if member.is_country() { Role::COUNTRY.0 } else { Role::ENTITY.0 }
}

fn seal_recovery(seed: &[u8; 32], passphrase: &Passphrase, params: Params) -> Result<Vec<u8>, KeygenError> {
    let randomness: Zeroizing<[u8; RANDOMNESS_BYTES]> = random()?;
    Ok(key_file::seal(seed, Purpose::RECOVERY, passphrase.as_bytes(), params, *randomness)?)
}

fn config_text(listen: &[Address]) -> String {
    let listen: Vec<String> = listen.iter().map(Address::to_string).collect();
    format!(
        "# Settings of this node; node-config/node.toml in the source tree lists all of them.\n\
         [net]\n\
         listen = {}\n",
        super::text::quoted_list(&listen)
    )
}

/// The key file comes last: a folder that has one is whole.
fn write_all(
    home: &Home,
    card: &Card,
    identity: &[u8],
    recovery: &[Vec<u8>],
    config: Option<String>,
) -> Result<(), FileError> {
    files::create_private_dir(&home.recovery_dir())?;
    for (path, bytes) in recovery_files(home, card.member).iter().zip(recovery) {
        files::write_private(path, bytes)?;
    }
    files::write_private(&home.recovery_dir().join("README.txt"), RECOVERY_NOTE.as_bytes())?;
    if let Some(text) = config {
        files::write_private(&home.config_file(), text.as_bytes())?;
    }
    files::write_public(&home.card_file(), card.to_text().as_bytes())?;
    files::write_private(&home.identity_file(), identity)
}

/// Removes what [`write_all`] may have written. `Home::create` made sure that there was no node before.
fn take_back(home: &Home, card: &Card) {
    let mut files = recovery_files(home, card.member).to_vec();
    files.extend([home.recovery_dir().join("README.txt"), home.card_file(), home.identity_file()]);
    files.push(home.storage_key_file());
    // Best effort: the fault that led here is what gets reported.
    files.iter().for_each(|path| drop(std::fs::remove_file(path)));
    let _ = std::fs::remove_dir(home.recovery_dir());
    vault::remove(&home.vault_dir());
}

const RECOVERY_NOTE: &str = "\
The three files beside this one are the recovery keys of this bureau, each sealed with the passphrase that was
given when they were made. Two of the three can take the bureau's identity back after its signing key was lost
or stolen.

Move them off this machine now, to three places that do not burn, flood or get searched together: for example
the head of bureau's safe, the ministry's safe, and a bank. Write the passphrase down and keep it apart from
them. Then delete this folder. The node does not need it.
";
