//! The only place that names bincode: every value has exactly one encoding, and anything else is refused.
//!
//! bincode 2.0.1 through serde, standard configuration: little-endian, integers wider than one byte as varints,
//! byte lists with a length before them. `docs/PROTOCOL.md`, section "Bytes", says it byte for byte.
//!
//! bincode by itself takes non-minimal integers and trailing bytes, and without a limit twelve bytes can ask for
//! more memory than the machine has. So [`decode`] checks the length first, limits what may be claimed in
//! proportion to that length, wants all input used, and encodes the value again: the bytes must come out the same.

use bincode::config;
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why bytes are no value of the wanted type. All of these are the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Longer than the type allows.
    #[error("{length} bytes where at most {max} are allowed")]
    TooLong {
        /// How many bytes there were.
        length: usize,
        /// How many are allowed.
        max: usize,
    },
    /// The bytes end before the value does.
    #[error("the bytes end before the value does")]
    Truncated,
    /// Bytes are left after the value.
    #[error("{0} bytes are left after the value")]
    TrailingBytes(usize),
    /// The value would be written differently, for instance with a shorter integer.
    #[error("the value has another encoding than these bytes")]
    NotCanonical,
    /// A length or an integer that no value of the type has.
    #[error("the bytes are no value of this type")]
    Malformed,
}

/// A value that does not fit its own bound; the caller made it too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the value takes {length} bytes where at most {max} are allowed")]
pub struct TooLarge {
    /// How many bytes it takes.
    pub length: usize,
    /// How many are allowed.
    pub max: usize,
}

/// The canonical bytes of a value.
///
/// # Errors
/// [`TooLarge`] if they are more than `max`.
pub fn encode<T: Serialize + ?Sized>(value: &T, max: usize) -> Result<Vec<u8>, TooLarge> {
    encode_sized(value, FIRST_BYTES, max)
}

/// [`encode`] for a value of which the length is known about: a long list is not copied again and again while it grows.
///
/// # Errors
/// [`TooLarge`] if they are more than `max`.
pub fn encode_sized<T: Serialize + ?Sized>(value: &T, about: usize, max: usize) -> Result<Vec<u8>, TooLarge> {
    let mut bytes = Grown(Vec::with_capacity(about.min(max)));
    bincode::serde::encode_into_writer(value, &mut bytes, config::standard())
        .expect("wire types are structs, tuples, integers, byte arrays and lists of known length: bincode writes all of them");
    let bytes = bytes.0;
    if bytes.len() > max { Err(TooLarge { length: bytes.len(), max }) } else { Ok(bytes) }
}

/// Room that most headers need.
const FIRST_BYTES: usize = 512;

/// Keeps what is written.
struct Grown(Vec<u8>);

impl Writer for &mut Grown {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// The value that these bytes are the canonical encoding of.
///
/// # Errors
/// The first thing that is wrong with the bytes, see [`DecodeError`].
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLong { length: bytes.len(), max });
    }
    let (value, used) = decode_within_memory::<T>(bytes)?;
    if used < bytes.len() {
        return Err(DecodeError::TrailingBytes(bytes.len() - used));
    }
    if is_encoding_of(&value, bytes) { Ok(value) } else { Err(DecodeError::NotCanonical) }
}

/// Whether a value is encoded as exactly these bytes: encodes it without keeping anything, up to the first difference.
fn is_encoding_of<T: Serialize>(value: &T, bytes: &[u8]) -> bool {
    let mut expected = Expected(bytes);
    let written = bincode::serde::encode_into_writer(value, &mut expected, config::standard());
    written.is_ok() && expected.0.is_empty()
}

/// Takes what is written, as long as it is what is expected next.
struct Expected<'a>(&'a [u8]);

impl Writer for &mut Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let rest = match (bytes, self.0) {
            // Arrays come byte by byte, and are most of a header.
            ([byte], [first, rest @ ..]) if byte == first => Some(rest),
            ([_], _) => None,
            _ => self.0.strip_prefix(bytes),
        };
        self.0 = rest.ok_or(EncodeError::Other("another encoding"))?;
        Ok(())
    }
}

/// bincode's limit counts widths in memory, at most 8 bytes for each byte read; it is a constant of the type, so
/// the length picks one of a few.
fn decode_within_memory<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), DecodeError> {
    const KIB: usize = 1024;
    let result = if bytes.len() <= KIB {
        bincode::serde::decode_from_slice(bytes, config::standard().with_limit::<{ 8 * KIB }>())
    } else if bytes.len() <= 64 * KIB {
        bincode::serde::decode_from_slice(bytes, config::standard().with_limit::<{ 8 * 64 * KIB }>())
    } else if bytes.len() <= 2048 * KIB {
        bincode::serde::decode_from_slice(bytes, config::standard().with_limit::<{ 8 * 2048 * KIB }>())
    } else {
        bincode::serde::decode_from_slice(bytes, config::standard().with_limit::<{ 8 * 16_384 * KIB }>())
    };
    result.map_err(|error| match error {
        bincode::error::DecodeError::UnexpectedEnd { .. } => DecodeError::Truncated,
        _ => DecodeError::Malformed,
    })
}

/// serde adapter for `[u8; 64]`: 64 bytes without a length.
pub mod bytes64 {
    use std::fmt;

    use serde::de::{Error, SeqAccess, Visitor};
    use serde::ser::SerializeTuple;
    use serde::{Deserializer, Serializer};

    /// Writes the 64 bytes.
    ///
    /// # Errors
    /// Whatever the serializer says.
    pub fn serialize<S: Serializer>(bytes: &[u8; 64], serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(64)?;
        for byte in bytes {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }

    /// Reads 64 bytes.
    ///
    /// # Errors
    /// Whatever the deserializer says, and too few bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 64], D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = [u8; 64];
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("64 bytes")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[u8; 64], A::Error> {
                let mut out = [0; 64];
                for (i, byte) in out.iter_mut().enumerate() {
                    *byte = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(i, &self))?;
                }
                Ok(out)
            }
        }
        deserializer.deserialize_tuple(64, Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Value {
        number: u64,
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    }

    #[test]
    fn one_value_has_one_encoding() {
        let value = Value { number: 5, bytes: vec![1, 2, 3] };
        let bytes = encode(&value, 100).unwrap();
        assert_eq!(bytes, [5, 3, 1, 2, 3]);
        assert_eq!(decode::<Value>(&bytes, 100), Ok(value));
        assert_eq!(decode::<Value>(&bytes, 4), Err(DecodeError::TooLong { length: 5, max: 4 }));
        assert_eq!(decode::<Value>(&bytes[..4], 100), Err(DecodeError::Truncated));
        assert_eq!(decode::<Value>(&[5, 0, 9], 100), Err(DecodeError::TrailingBytes(1)));
        // 251 announces two bytes, which 5 does not need.
        assert_eq!(decode::<Value>(&[251, 5, 0, 0], 100), Err(DecodeError::NotCanonical));
        // 255 announces nothing that u64 has.
        assert_eq!(decode::<Value>(&[255, 0, 0], 100), Err(DecodeError::Malformed));
    }

    #[test]
    fn twelve_bytes_cannot_ask_for_memory() {
        let bomb = [0, 253, 255, 255, 255, 255, 255, 255, 255, 127, 0, 0];
        assert!(matches!(decode::<Value>(&bomb, 100), Err(DecodeError::Malformed | DecodeError::Truncated)));
    }

    #[test]
    fn a_value_of_small_integers_stays_inside_the_limit() {
        let many = vec![0u64; 1000];
        let bytes = encode(&many, 2000).unwrap();
        assert_eq!(decode::<Vec<u64>>(&bytes, 2000), Ok(many));
    }

    #[test]
    fn too_large_is_told_to_the_caller() {
        assert_eq!(encode(&vec![0u64; 10], 5), Err(TooLarge { length: 11, max: 5 }));
    }
}
