//! Domain separation: every string that is put before hashed or signed bytes, in one place.
//!
//! All tags are ASCII, all are distinct, and none is a prefix of another (a test holds this), so that bytes
//! made for one purpose can never be taken for another. `docs/PROTOCOL.md`, section "Tags", lists them.

/// Hash input of a record's header bytes.
pub const HEADER: &[u8] = b"ecomesh/1/header";
/// Hash input of a record id.
pub const RECORD_ID: &[u8] = b"ecomesh/1/record-id";
/// Signature over a record id.
pub const RECORD_SIGNATURE: &[u8] = b"ecomesh/1/sign/record";
/// Commitment to a body.
pub const BODY: &[u8] = b"ecomesh/1/body";
/// Hash input of a charter: the network id.
pub const CHARTER: &[u8] = b"ecomesh/1/charter";
/// A founder's signature over the network id.
pub const CHARTER_SIGNATURE: &[u8] = b"ecomesh/1/sign/charter";
/// A member's card, signed by its own signing key.
pub const CARD_SIGNATURE: &[u8] = b"ecomesh/1/sign/card";
/// Hash input of a frontier's bytes.
pub const FRONTIER: &[u8] = b"ecomesh/1/frontier";
/// Signature over a frontier's hash.
pub const FRONTIER_SIGNATURE: &[u8] = b"ecomesh/1/sign/frontier";
/// Hash input of what a frontier covers, without member, counter and time: equal digests mean equal holdings.
pub const HOLDINGS: &[u8] = b"ecomesh/1/holdings";
/// Signature over a transport certificate.
pub const TRANSPORT_SIGNATURE: &[u8] = b"ecomesh/1/sign/transport";
/// Key-encryption key of a sealed key file.
pub const KEY_FILE: &[u8] = b"ecomesh/1/key-file";
/// Hash input of what a sealed body is bound to in its header.
pub const CORE: &[u8] = b"ecomesh/1/core";
/// Id of a prekey.
pub const PREKEY: &[u8] = b"ecomesh/1/prekey";
/// From the randomness of a sealing to its keys.
pub const SEALING: &[u8] = b"ecomesh/1/seal/keys";
/// From the content key to the key of the stream and the commitment.
pub const CONTENT: &[u8] = b"ecomesh/1/seal/content";
/// From the ML-KEM secret to the pre-shared key of a wrap.
pub const WRAP_SECRET: &[u8] = b"ecomesh/1/seal/psk";
/// Prologue of a wrap.
pub const WRAP: &[u8] = b"ecomesh/1/seal/wrap";
/// From the key of a group to the key that wraps one content key.
pub const GROUP: &[u8] = b"ecomesh/1/seal/group";
/// Associated data of a file of the vault.
pub const VAULT: &[u8] = b"ecomesh/1/vault";
/// From a key of the day to the key that wraps one content key.
pub const DAY_KEY: &[u8] = b"ecomesh/1/day-key";
/// From the storage key to the keys of bodies on the own disk.
pub const STORAGE: &[u8] = b"ecomesh/1/storage";
/// Salt of a sealed body that has an idempotency key.
pub const REQUEST: &[u8] = b"ecomesh/1/request";
/// Checksum of a journal entry.
pub const JOURNAL: &[u8] = b"ecomesh/1/journal";
/// Closing hash of an archive.
pub const ARCHIVE: &[u8] = b"ecomesh/1/archive";
/// Closing hash of a backup.
pub const BACKUP: &[u8] = b"ecomesh/1/backup";
/// Chain value of a header or an entry of the access log.
pub const ACCESS: &[u8] = b"ecomesh/1/access";
/// Idempotency key of a client's request.
pub const IDEMPOTENCY: &[u8] = b"ecomesh/1/idempotency";

/// All tags, for the test and for `docs/PROTOCOL.md`.
pub const ALL: &[&[u8]] = &[
    HEADER,
    RECORD_ID,
    RECORD_SIGNATURE,
    BODY,
    CHARTER,
    CHARTER_SIGNATURE,
    CARD_SIGNATURE,
    FRONTIER,
    FRONTIER_SIGNATURE,
    HOLDINGS,
    TRANSPORT_SIGNATURE,
    KEY_FILE,
    CORE,
    PREKEY,
    SEALING,
    CONTENT,
    WRAP_SECRET,
    WRAP,
    GROUP,
    VAULT,
    DAY_KEY,
    STORAGE,
    REQUEST,
    JOURNAL,
    ARCHIVE,
    BACKUP,
    ACCESS,
    IDEMPOTENCY,
];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn no_tag_is_a_prefix_of_another() {
        for (i, a) in ALL.iter().enumerate() {
            assert!(a.is_ascii());
            for (j, b) in ALL.iter().enumerate() {
                assert!(i == j || !b.starts_with(a), "{:?} is a prefix of {:?}", a, b);
            }
        }
    }
}
