//! Codes of members as documents name them.

use std::fmt;

use thiserror::Error;

/// A member of the mesh: a country (2 letters, ISO 3166-1) or an entity (3 to 8 letters), in capitals. Whether such a
/// member exists is known only to the roster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberCode {
    /// Zeros behind them, so that the order is that of texts. In place and not on the heap: each record that the projections
    /// know has one.
    letters: [u8; LETTERS_MAX],
    length: u8,
}

/// Letters of the longest one.
const LETTERS_MAX: usize = 8;

/// Why a text is no member code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is no member: a member has 2 to 8 capital letters A to Z")]
pub struct MemberCodeError;

impl MemberCode {
    /// Reads a code, in capitals.
    ///
    /// # Errors
    /// [`MemberCodeError`].
    pub fn parse(text: &str) -> Result<Self, MemberCodeError> {
        let fits = (2..=LETTERS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase());
        if !fits {
            return Err(MemberCodeError);
        }
        let mut letters = [0; LETTERS_MAX];
        letters[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { letters, length: text.len() as u8 })
    }

    /// The letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.letters[..usize::from(self.length)])
            .expect("capital letters were copied in")
    }
}

impl fmt::Display for MemberCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_the_order_of_their_texts() {
        let texts = ["AAA", "AB", "ABCDEFGH", "ABD", "FR", "FRA", "KE"];
        assert!(texts.map(|text| MemberCode::parse(text).unwrap()).is_sorted());
    }

    #[test]
    fn members_are_capital_letters() {
        for good in ["KE", "IPSG", "UNODC", "ABCDEFGH"] {
            assert_eq!(MemberCode::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "K", "ke", "K1", "ABCDEFGHI", "ΚΕ", "KE "] {
            assert_eq!(MemberCode::parse(bad), Err(MemberCodeError), "{bad}");
        }
    }
}
