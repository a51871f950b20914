//! Names of members, networks, logs and records.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::LANES;

/// A member: a country by its ISO 3166-1 alpha-2 code (`KE`), or an authorised entity by 3 to 8 letters
/// (`IPSG`, `CITES`). Always 8 bytes: upper-case ASCII letters, then zeros. An id is never given to another member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "[u8; 8]", into = "[u8; 8]")]
pub struct MemberId([u8; 8]);

/// Why a text or eight bytes are no member id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MemberIdError {
    /// Not 2 to 8 letters.
    #[error("a member is a country code of 2 letters (KE) or an entity of 3 to 8 letters (CITES), not {0:?}")]
    NotAName(String),
    /// The bytes are not letters followed by zeros.
    #[error("member id bytes are not 2 to 8 upper-case letters followed by zeros")]
    Malformed,
}

impl MemberId {
    /// Reads a member's name; lower case is accepted, since people type it.
    pub fn parse(text: &str) -> Result<Self, MemberIdError> {
        let name = text.trim().to_ascii_uppercase();
        let mut bytes = [0; 8];
        if name.len() > 8 {
            return Err(MemberIdError::NotAName(text.chars().take(32).collect()));
        }
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Self::from_bytes(bytes).map_err(|_| MemberIdError::NotAName(text.to_owned()))
    }

    /// Takes the eight bytes of the wire: 2 to 8 letters `A` to `Z`, then zeros.
    pub fn from_bytes(bytes: [u8; 8]) -> Result<Self, MemberIdError> {
        let letters = bytes.iter().take_while(|b| b.is_ascii_uppercase()).count();
        let rest_is_zero = bytes[letters..].iter().all(|b| *b == 0);
        if letters >= 2 && rest_is_zero { Ok(Self(bytes)) } else { Err(MemberIdError::Malformed) }
    }

    /// The eight bytes.
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// The letters, without the zeros.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(8);
        std::str::from_utf8(&self.0[..end]).unwrap_or("")
    }

    /// Whether this is a country (two letters) rather than an entity.
    pub fn is_country(&self) -> bool {
        self.0[2] == 0
    }
}

impl TryFrom<[u8; 8]> for MemberId {
    type Error = MemberIdError;
    fn try_from(bytes: [u8; 8]) -> Result<Self, Self::Error> {
        Self::from_bytes(bytes)
    }
}

impl From<MemberId> for [u8; 8] {
    fn from(member: MemberId) -> Self {
        member.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for MemberId {
    type Err = MemberIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why a text is no 32-byte id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an id is 64 hexadecimal digits, not {0:?}")]
pub struct HexError(String);

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The 32 bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Reads 64 hexadecimal digits.
            pub fn parse(text: &str) -> Result<Self, HexError> {
                parse_hex_32(text).map(Self)
            }

            /// The first 8 hexadecimal digits, for logs and tables.
            pub fn short(&self) -> String {
                self.to_string().chars().take(8).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Ids are written for every record and event, so not digit by digit through the formatter.
                let mut digits = [0; 64];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
                    pair[0] = HEX_DIGITS[usize::from(byte >> 4)];
                    pair[1] = HEX_DIGITS[usize::from(byte & 15)];
                }
                f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}…", self.short())
            }
        }
    };
}

hash_id!(
    /// SHA-256 of the charter: names the network in every signature.
    NetworkId
);
hash_id!(
    /// Id of a record: hash over network, position and header hash (`docs/PROTOCOL.md`, "Record id").
    RecordId
);
hash_id!(
    /// SHA-256 over the tag and a header's bytes.
    HeaderHash
);

impl RecordId {
    /// What the first record of a log names as its predecessor.
    pub const ZERO: Self = Self([0; 32]);
}

fn parse_hex_32(text: &str) -> Result<[u8; 32], HexError> {
    let bad = || HexError(text.chars().take(80).collect());
    let digits = text.trim().as_bytes();
    if digits.len() != 64 {
        return Err(bad());
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
    }
    // `from_str_radix` takes a sign; an id has none.
    if digits.contains(&b'+') { Err(bad()) } else { Ok(out) }
}

/// Which of a member's four chains. Control never waits behind messages, messages never behind bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(u8);

impl Lane {
    /// Keys, announcements, votes, erasures, receipts.
    pub const CONTROL: Self = Self(0);
    /// Messages, notices and diffusions.
    pub const MESSAGES: Self = Self(1);
    /// Database entries.
    pub const ENTRIES: Self = Self(2);
    /// Chunks and batches.
    pub const BULK: Self = Self(3);
    /// All four, most urgent first.
    pub const ALL: [Self; LANES as usize] = [Self::CONTROL, Self::MESSAGES, Self::ENTRIES, Self::BULK];

    /// A lane by its number, 0 to 3.
    pub fn new(number: u8) -> Option<Self> {
        (number < LANES).then_some(Self(number))
    }

    /// Its number, 0 to 3.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(["control", "messages", "entries", "bulk"][usize::from(self.0)])
    }
}

/// One chain of records: a member's lane in one generation. Sorts by author, lane, generation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId {
    /// Whose log it is.
    pub author: MemberId,
    /// Which of the four chains.
    pub lane: Lane,
    /// Generation: one signing key and one uninterrupted history. Rises; need not be dense.
    pub generation: u32,
}

impl LogId {
    /// The position `seq` in this log.
    pub fn at(self, seq: u64) -> Position {
        Position { log: self, seq }
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.author, self.lane.number(), self.generation)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in a log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The log.
    pub log: LogId,
    /// Starts at 0, raised by one for each record.
    pub seq: u64,
}

impl Position {
    /// Length of [`Position::key`] in bytes.
    pub const KEY_BYTES: usize = 8 + 1 + 4 + 8;

    /// `author ‖ lane ‖ generation ‖ seq`, big-endian, fixed width: sorts as positions do, so that a range is a log.
    pub fn key(&self) -> [u8; Self::KEY_BYTES] {
        let mut key = [0; Self::KEY_BYTES];
        key[..8].copy_from_slice(self.log.author.as_bytes());
        key[8] = self.log.lane.number();
        key[9..13].copy_from_slice(&self.log.generation.to_be_bytes());
        key[13..].copy_from_slice(&self.seq.to_be_bytes());
        key
    }

    /// Reads what [`Position::key`] wrote; `None` if these bytes are no key.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let key: &[u8; Self::KEY_BYTES] = key.try_into().ok()?;
        let author = MemberId::from_bytes(key[..8].try_into().ok()?).ok()?;
        let lane = Lane::new(key[8])?;
        let generation = u32::from_be_bytes(key[9..13].try_into().ok()?);
        let seq = u64::from_be_bytes(key[13..].try_into().ok()?);
        Some(Self { log: LogId { author, lane, generation }, seq })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.log, self.seq)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Milliseconds since 1970-01-01 UTC. The only clock value of the protocol; always an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub u64);

impl Time {
    /// This many milliseconds later; stops at the end of time rather than wrapping.
    pub fn after(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds since `earlier`; 0 if that is in the future.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_ids_are_letters_then_zeros() {
        assert_eq!(MemberId::parse("ke").unwrap().as_bytes(), b"KE\0\0\0\0\0\0");
        assert_eq!(MemberId::parse("CITES").unwrap().to_string(), "CITES");
        assert!(MemberId::parse("KE").unwrap().is_country());
        for bad in ["", "K", "K1", "K-", "ABCDEFGHI", "Ké", "K E"] {
            assert!(MemberId::parse(bad).is_err(), "{bad}");
        }
        for bad in [*b"K\0\0\0\0\0\0\0", *b"KE\0A\0\0\0\0", *b"ke\0\0\0\0\0\0", [0; 8]] {
            assert_eq!(MemberId::from_bytes(bad), Err(MemberIdError::Malformed));
        }
    }

    #[test]
    fn position_keys_sort_as_positions() {
        let log = |m: &str, l, g| LogId {
            author: MemberId::parse(m).unwrap(),
            lane: Lane::new(l).unwrap(),
            generation: g,
        };
        let mut all = vec![
            log("KE", 0, 0).at(0),
            log("KE", 0, 0).at(256),
            log("KE", 0, 1).at(1),
            log("KE", 3, 0).at(7),
            log("TZ", 0, 0).at(0),
        ];
        all.sort();
        let mut keys: Vec<_> = all.iter().map(Position::key).collect();
        keys.sort();
        let back: Vec<_> = keys.iter().filter_map(|k| Position::from_key(k)).collect();
        assert_eq!(back, all);
        assert_eq!(Position::from_key(&keys[0][1..]), None);
    }

    #[test]
    fn ids_are_exactly_64_digits() {
        let id = RecordId([0xab; 32]);
        assert_eq!(RecordId::parse(&id.to_string()), Ok(id));
        assert!(RecordId::parse("ab").is_err());
        assert!(RecordId::parse(&"+1".repeat(32)).is_err());
        assert!(RecordId::parse(&"zz".repeat(32)).is_err());
    }
}
