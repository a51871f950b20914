//! The bounds of everything in this crate that comes from outside, and why each number is what it is.

/// Longest header in bytes. 64 addressees with one 16-byte prekey id each take 1.5 KiB; the rest is room for `ext`.
pub const HEADER_BYTES_MAX: usize = 4 * 1024;
/// Longest content of a body in bytes (1 MiB), without the salt. Larger things travel as chunks.
pub const CONTENT_BYTES_MAX: usize = 1024 * 1024;
/// Length of a body's salt in bytes.
pub const SALT_BYTES: usize = 32;
/// Longest body in bytes: salt and content.
pub const BODY_BYTES_MAX: usize = SALT_BYTES + CONTENT_BYTES_MAX;
/// Most addressees of a record. Beyond it, address all members.
pub const ADDRESSEES_MAX: usize = 64;
/// Most members that share the key of a group.
pub const GROUP_MEMBERS_MAX: usize = 256;
/// Most extensions of a header.
pub const EXTENSIONS_MAX: usize = 8;
/// Longest extension in bytes.
pub const EXTENSION_BYTES_MAX: usize = 256;
/// Longest audience field in bytes: 64 prekey ids and one key commitment are 1,056.
pub const AUDIENCE_BYTES_MAX: usize = 64 * 16 + 32;
/// Number of lanes of a log.
pub const LANES: u8 = 4;
/// Most reviewers that a charter names: what its extension holds.
pub const REVIEWERS_MAX: usize = 31;
/// Most members of a network. INTERPOL has 196 members; entities and growth fit.
pub const MEMBERS_MAX: usize = 512;
/// Most entries of one frontier: 512 members, 4 lanes, 8 generations each on average.
pub const FRONTIER_ENTRIES_MAX: usize = 16 * 1024;
/// Most holes that a frontier lists; with more, it covers nothing.
pub const HOLES_MAX: usize = 1024;
/// Longest encoded frontier in bytes: an entry takes at most 58 bytes.
pub const FRONTIER_BYTES_MAX: usize = 1024 * 1024;
/// Longest encoded charter in bytes.
pub const CHARTER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest name in a charter (network, bureau) in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 128;
/// Most address hints of one member.
pub const ADDRESSES_MAX: usize = 8;
/// Longest address hint in bytes.
pub const ADDRESS_BYTES_MAX: usize = 128;
/// Longest fallback prekey in bytes: X25519 (32) and ML-KEM-768 (1,184), with room.
pub const PREKEY_BYTES_MAX: usize = 2 * 1024;
