//! Golden vectors: bytes in hexadecimal digits, field by field, so that a bad vector is a good one with one field
//! changed. They were computed from `docs/PROTOCOL.md` by another program, not by this crate.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses its own part of this"
)]

use ecomesh_record::codec::DecodeError;

/// The tag of a u64 in eight bytes and 1,790,000,000,000 (2026-09-21) in them.
pub const CREATED: &str = "fd006c50c4a0010000";
/// The same, an hour later.
pub const EXPIRES: &str = "fd805a87c4a0010000";
/// `KE`, `TZ` and `FR`.
pub const KE: &str = "4b45000000000000";
pub const TZ: &str = "545a000000000000";
pub const FR: &str = "4652000000000000";

/// Good bytes by their fields.
#[derive(Clone)]
pub struct Golden(Vec<(&'static str, String)>);

impl Golden {
    pub fn new(fields: &[(&'static str, &str)]) -> Self {
        Self(fields.iter().map(|(name, hex)| (*name, (*hex).to_owned())).collect())
    }

    pub fn bytes(&self) -> Vec<u8> {
        let hex: String = self.0.iter().map(|(_, hex)| hex.as_str()).collect();
        hex::decode(hex).unwrap()
    }

    /// The same with other digits in one field.
    #[track_caller]
    pub fn set(&self, field: &str, digits: impl Into<String>) -> Self {
        let (mut changed, digits) = (self.clone(), digits.into());
        let place = changed.0.iter_mut().find(|(name, _)| *name == field).expect("a field of this vector");
        assert_ne!(place.1, digits, "{field} is not changed");
        place.1 = digits;
        changed
    }

    /// The bytes with other digits in one field.
    #[track_caller]
    pub fn with(&self, field: &str, digits: impl Into<String>) -> Vec<u8> {
        self.set(field, digits).bytes()
    }
}

/// `count` times the same byte.
pub fn rep(byte: &str, count: usize) -> String {
    byte.repeat(count)
}

/// A length of 251 to 65,535 as a varint, then that many times the same byte.
pub fn long(byte: &str, count: u16) -> String {
    assert!(count > 250);
    format!("fb{}{}", hex::encode(count.to_le_bytes()), rep(byte, usize::from(count)))
}

/// Every truncation gives `Truncated`, and a byte behind the end `TrailingBytes`.
#[track_caller]
pub fn assert_exact_length<T, E: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    error: impl Fn(DecodeError) -> E,
) {
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length]).err(), Some(error(DecodeError::Truncated)), "{length} bytes");
    }
    assert!(decode(bytes).is_ok());
    let longer = [bytes, &[0]].concat();
    assert_eq!(decode(&longer).err(), Some(error(DecodeError::TrailingBytes(1))));
}
