//! The node's folder: what lies where, who may read it, and the lock that keeps two nodes apart.
//!
//! ```text
//! DIR/                 0700
//!   identity.key       signing seed and transport seed, sealed with the passphrase (0600)
//!   card.toml          the public card
//!   recovery/          three recovery keys, sealed; to be moved off this machine
//!   transport.toml     counter of the transport certificate
//!   network.charter    the founded charter, since `ecomesh join`
//!   node.toml          settings; optional
//!   codes/             0700: code lists that replace those of the program, NAME.tsv; optional
//!   store/             records (sled); can be fetched again from peers
//!   log/               journal of own records, evidence of delivery; cannot be fetched again
//!   access/            0700: the access log: who consulted what, when and why; cannot be fetched again
//!   vault/             0700: prekeys and keys of sealed mail; prekeys are in no backup
//!   storage.key        the key of what store and journal hold, sealed under the signing key (0600)
//!   api/               0700: socket and token of the API
//!   lock               held by the running node, or by a command that must be alone
//! ```

pub(crate) mod files;
mod lock;

use std::path::{Path, PathBuf};

use ecomesh_protocol::roster::FoundingError;
use ecomesh_protocol::{PeerKey, Roster};
use ecomesh_record::MemberId;
use ecomesh_record::charter::FoundedCharter;
use ecomesh_record::limits::CHARTER_BYTES_MAX;
use ecomesh_seal::identity::OpenIdentityError;
use ecomesh_seal::{Identity, key_file};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::founding::card::{Card, CardError};
use crate::passphrase::Passphrase;
use crate::vault;

pub use files::FileError;
pub use lock::HomeLock;

/// A node's folder that has keys. Whether it has joined a network is told by [`Home::roster`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    dir: PathBuf,
}

/// Why a folder cannot be used as a node's folder. The operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HomeError {
    /// There are no keys here.
    #[error(
        "there is no node in {0}; make its keys with `ecomesh keygen --home {0}`, or give another --home"
    )]
    NoHome(PathBuf),
    /// There was a node here, and its keys are gone.
    #[error(
        "{} is missing, and the rest of a node is there; put the file back, or restore a backup with `ecomesh restore`, and make no new keys: the network knows the old ones", .0.display()
    )]
    KeysMissing(PathBuf),
    /// There are keys here already.
    #[error(
        "there is a node in {0} already; nothing was changed. Give another --home, or move that folder away"
    )]
    HomeExists(PathBuf),
    /// There is no charter yet.
    #[error(
        "there is no network.charter in {0}: the node has not joined a network, or the file was lost; run `ecomesh join --home {0} NAME.charter`"
    )]
    NotJoined(PathBuf),
    /// Others may read the keys.
    #[error("{path} may be used by others (mode {mode:04o}); run `chmod {} {path}`, and if others have an account here, make new keys", if *.folder { "700" } else { "600" })]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its mode, the lowest nine bits.
        mode: u32,
        /// Whether it is a folder.
        folder: bool,
    },
    /// Another process uses the folder.
    #[error("the node in {dir} is in use by {holder}; stop that first (one folder, one process)")]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// What is known of the other process.
        holder: String,
    },
    /// The keys do not open.
    #[error("{path}: {reason}")]
    Keys {
        /// The key file.
        path: PathBuf,
        /// Why.
        reason: OpenIdentityError,
    },
    /// The keys open, but are not those of the card.
    #[error("the keys in {0} are not those of its card; take both from one backup")]
    KeysDiffer(PathBuf),
    /// The card is damaged.
    #[error("{path}: {reason}")]
    Card {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: CardError,
    },
    /// The charter is damaged.
    #[error("{path}: {reason}; copy the founded charter again from another founder")]
    Charter {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: FoundingError,
    },
    /// The charter is whole, but has other keys for this member, or no such member.
    #[error("the charter of {0} does not have this node's member and keys; take both from one backup")]
    Foreign(PathBuf),
    /// The counter of the transport certificate is damaged.
    #[error("{path}: {text}; write the line `counter = N` with an N higher than any before")]
    Counter {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
    /// A file or folder cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransportFile {
    counter: u64,
}

/// What a home holds, opened and checked against each other: all that a node needs to start.
#[derive(Debug)]
pub struct Opened {
    /// Signing key and transport key.
    pub identity: Identity,
    /// The network.
    pub roster: Roster,
    /// The own card.
    pub card: Card,
    /// Counter of the transport certificate; 0 for the key of the charter.
    pub transport_counter: u64,
}

impl Opened {
    /// The own member.
    pub fn member(&self) -> MemberId {
        self.card.member
    }

    /// The public transport key.
    pub fn transport_key(&self) -> PeerKey {
        PeerKey(*self.identity.transport_public().as_bytes())
    }
}

impl Home {
    /// Opens the folder `dir` if it has keys that nobody else may read.
    ///
    /// # Errors
    /// [`HomeError::NoHome`], [`HomeError::KeysMissing`], [`HomeError::Exposed`], [`HomeError::File`].
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, HomeError> {
        let home = Self { dir: dir.into() };
        if !files::exists(&home.identity_file())? {
            let was_home = files::exists(&home.card_file())? || files::exists(&home.charter_file())?;
            return Err(if was_home {
                HomeError::KeysMissing(home.identity_file())
            } else {
                HomeError::NoHome(home.dir)
            });
        }
        home.check_modes()?;
        Ok(home)
    }

    /// Names the folder without looking at it; for `keygen`, `restore` and `doctor`.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Makes the folder (0700) for a new node.
    ///
    /// # Errors
    /// [`HomeError::HomeExists`] if it has a key file, a card or a vault; [`HomeError::File`].
    pub fn create(dir: impl Into<PathBuf>) -> Result<Self, HomeError> {
        let home = Self { dir: dir.into() };
        // A vault alone may be all that can still read years of mail.
        let vault = vault::keys_file(&home.vault_dir());
        for file in [home.identity_file(), home.card_file(), vault] {
            if files::exists(&file)? {
                return Err(HomeError::HomeExists(home.dir));
            }
        }
        files::create_private_dir(&home.dir)?;
        Ok(home)
    }

    /// Refuses a folder or a key file that others may read or write.
    ///
    /// # Errors
    /// [`HomeError::Exposed`], [`HomeError::File`].
    pub fn check_modes(&self) -> Result<(), HomeError> {
        for (path, folder) in [(self.dir.clone(), true), (self.identity_file(), false)] {
            let mode = files::mode(&path)?;
            // Who may not enter the folder cannot reach the files in it; others may at most look up names.
            let forbidden = if folder { 0o022 } else { 0o077 };
            if mode & forbidden != 0 {
                return Err(HomeError::Exposed { path, mode, folder });
            }
        }
        Ok(())
    }

    /// Takes the folder for this process, until the lock is dropped or the process ends.
    ///
    /// # Errors
    /// [`HomeError::InUse`], [`HomeError::File`].
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        lock::take(self)
    }

    /// The own card, its signature verified.
    ///
    /// # Errors
    /// [`HomeError::Card`], [`HomeError::File`].
    pub fn card(&self) -> Result<Card, HomeError> {
        let path = self.card_file();
        let text = files::read_text(&path, Card::BYTES_MAX)?;
        Card::parse(&text).map_err(|reason| HomeError::Card { path, reason })
    }

    /// Whether `ecomesh join` was run.
    ///
    /// # Errors
    /// [`HomeError::File`].
    pub fn has_joined(&self) -> Result<bool, HomeError> {
        Ok(files::exists(&self.charter_file())?)
    }

    /// The network, its charter verified entirely.
    ///
    /// # Errors
    /// [`HomeError::NotJoined`], [`HomeError::Charter`], [`HomeError::File`].
    pub fn roster(&self) -> Result<Roster, HomeError> {
        if !self.has_joined()? {
            return Err(HomeError::NotJoined(self.dir.clone()));
        }
        let path = self.charter_file();
        let bytes = files::read(&path, CHARTER_FILE_BYTES_MAX)?;
        let founded = FoundedCharter::decode(&bytes).map_err(FoundingError::from);
        founded.and_then(Roster::found).map_err(|reason| HomeError::Charter { path, reason })
    }

    /// Opens the sealed keys. Takes a quarter of a second on purpose (Argon2id).
    ///
    /// # Errors
    /// [`HomeError::Keys`], [`HomeError::File`].
    pub fn unseal(&self, passphrase: &Passphrase) -> Result<Identity, HomeError> {
        let path = self.identity_file();
        let bytes = files::read(&path, key_file::FILE_BYTES_MAX as u64)?;
        Identity::open(&bytes, passphrase.as_bytes()).map_err(|reason| HomeError::Keys { path, reason })
    }

    /// Opens everything that a node needs, and checks that it belongs together.
    ///
    /// # Errors
    /// [`HomeError`]; whether there is a home and a charter is checked before the passphrase is used.
    pub fn open_all(&self, passphrase: &Passphrase) -> Result<Opened, HomeError> {
        let card = self.card()?;
        let roster = self.roster()?;
        let transport_counter = self.transport_counter()?;
        let own = roster.charter().member(card.member);
        if own.is_none_or(|own| own.signing_key != *card.signing_key.as_bytes()) {
            return Err(HomeError::Foreign(self.dir.clone()));
        }
        let identity = self.unseal(passphrase)?;
        if identity.signing_key().public() != card.signing_key {
            return Err(HomeError::KeysDiffer(self.dir.clone()));
        }
        let is_charters = own.is_some_and(|own| own.transport_key == *identity.transport_public().as_bytes());
        if transport_counter == 0 && !is_charters {
            // Peers that know this key's certificate would let it in; those that know an older one would not.
            let text = "the counter is missing or 0, but the transport key was changed since the charter";
            return Err(HomeError::Counter { path: self.transport_file(), text: text.to_owned() });
        }
        Ok(Opened { identity, roster, card, transport_counter })
    }

    /// Counter of the transport certificate; 0 as long as the key is the charter's.
    ///
    /// # Errors
    /// [`HomeError::Counter`], [`HomeError::File`].
    pub fn transport_counter(&self) -> Result<u64, HomeError> {
        let path = self.transport_file();
        if !files::exists(&path)? {
            return Ok(0);
        }
        let text = files::read_text(&path, 4096)?;
        let parsed: Result<TransportFile, _> = toml::from_str(&text);
        parsed.map(|file| file.counter).map_err(|e| HomeError::Counter { path, text: e.message().into() })
    }

    /// Writes the counter, durably.
    ///
    /// # Errors
    /// [`HomeError::File`].
    pub fn write_transport_counter(&self, counter: u64) -> Result<(), HomeError> {
        let text = format!(
            "# Counter of this node's transport certificate: of two certificates the higher counter holds.\n\
             # `ecomesh transport rotate` and `ecomesh restore` raise it. Never lower it by hand.\n\
             counter = {counter}\n"
        );
        Ok(files::write_private(&self.transport_file(), text.as_bytes())?)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The sealed keys.
    pub fn identity_file(&self) -> PathBuf {
        self.dir.join("identity.key")
    }

    /// The public card.
    pub fn card_file(&self) -> PathBuf {
        self.dir.join("card.toml")
    }

    /// The folder of the sealed recovery keys, until they are moved off this machine.
    pub fn recovery_dir(&self) -> PathBuf {
        self.dir.join("recovery")
    }

    /// The founded charter.
    pub fn charter_file(&self) -> PathBuf {
        self.dir.join("network.charter")
    }

    /// The settings; need not exist.
    pub fn config_file(&self) -> PathBuf {
        self.dir.join("node.toml")
    }

    /// The code lists that replace those of the program; need not exist.
    pub fn codes_dir(&self) -> PathBuf {
        self.dir.join("codes")
    }

    /// The counter of the transport certificate.
    pub fn transport_file(&self) -> PathBuf {
        self.dir.join("transport.toml")
    }

    /// The store of records.
    pub fn store_dir(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// The journal and the evidence of delivery.
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The access log: who consulted what, when and why.
    pub fn access_dir(&self) -> PathBuf {
        self.dir.join("access")
    }

    /// The vault: what opens the bureau's mail.
    pub fn vault_dir(&self) -> PathBuf {
        self.dir.join("vault")
    }

    /// The storage key, sealed under the signing key; the vault has it too.
    pub fn storage_key_file(&self) -> PathBuf {
        self.dir.join("storage.key")
    }

    /// The folder of socket and token (0700).
    pub fn api_dir(&self) -> PathBuf {
        self.dir.join("api")
    }

    /// The Unix socket of the API.
    pub fn socket_file(&self) -> PathBuf {
        self.api_dir().join("node.sock")
    }

    /// The token of the API over TCP, unless the configuration names another file.
    pub fn token_file(&self) -> PathBuf {
        self.api_dir().join("token")
    }

    /// The lock.
    pub fn lock_file(&self) -> PathBuf {
        self.dir.join("lock")
    }
}

/// Largest `.charter` file in bytes: magic and the encoding.
pub const CHARTER_FILE_BYTES_MAX: u64 = CHARTER_BYTES_MAX as u64 + 8;
