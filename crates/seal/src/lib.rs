//! Keys, signatures and sealed bodies of ecomesh, suite 1.
//!
//! A member has one **signing key** per generation of its logs. Its public half is written into the charter or
//! the roster, and everything the member says is believed because of it. So this crate is strict at two places.
//! At **admission** ([`PublicKey::admit`]) a key that has two encodings, or under which one signature fits many
//! messages, is refused. At **verification** a signature is checked alone and strictly: two nodes that see the
//! same bytes always come to the same verdict, which batch verification does not promise for crafted signatures.
//!
//! **What is signed** is never a bare hash. Every purpose has its own method ([`SigningKey::sign_record`] and
//! [`PublicKey::verify_record`], and so on), which puts a tag of its own and the network id before fields of fixed
//! width. A signature for one purpose or one network is therefore never good for another. The layouts are in
//! `message.rs` and in `docs/PROTOCOL.md`.
//!
//! **Sealed** bodies are readable by the named addressees only: [`envelope`], to their [`prekey`]s.
//!
//! **At rest** bodies lie on a node's disk under the storage key of its [`vault`]: [`at_rest`]. Secret keys lie in a
//! [`key_file`], sealed under a passphrase. In memory they are wiped when they are dropped, and no `Debug` shows them.
//! [`Identity`] is what a bureau's key file holds.
//!
//! | primitive | standard | crate |
//! |---|---|---|
//! | Ed25519, strict | RFC 8032 section 5.1; cofactorless, canonical, no small order | `ed25519-dalek` |
//! | SHA-256 | FIPS 180-4 | `sha2` |
//! | Argon2id, version 0x13 | RFC 9106 | `argon2` |
//! | ChaCha20-Poly1305 | RFC 8439 section 2.8 | `chacha20poly1305` |
//! | X25519 | RFC 7748 | `x25519-dalek` |
//! | ML-KEM-768 | FIPS 203 | `ml-kem` |
//! | HKDF-SHA256 | RFC 5869 | `hkdf` |
//! | Noise `Npsk0` | Noise, revision 34 | `snow` |
//!
//! [`selftest()`] runs known answers of all of them in the binary that is about to use them.
//!
//! The crate is pure: no clock, no file, no network, and randomness is an argument.

pub mod at_rest;
pub mod envelope;
pub mod fingerprint;
pub mod identity;
pub mod key_file;
mod message;
pub mod padme;
pub mod prekey;
pub mod public_key;
#[cfg(test)]
mod sealing_vectors;
pub mod selftest;
pub mod signature;
pub mod signing_key;
pub mod vault;
#[cfg(test)]
mod vectors;

pub use at_rest::StorageKey;
pub use envelope::{ContentKey, OpenBodyError, Sealed, SealingError};
pub use fingerprint::fingerprint;
pub use identity::{Identity, IdentityError, OpenIdentityError};
pub use key_file::{OpenError, Params, ParamsError, Purpose, SealError};
pub use prekey::{Prekey, PrekeyError, PrekeyId, PrekeySecret};
pub use public_key::{KeyError, PublicKey};
pub use selftest::{Mismatch, selftest};
pub use signature::{BadSignature, Signature};
pub use signing_key::SigningKey;
