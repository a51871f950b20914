//! Codes of members as documents name them.

use std::fmt;

use thiserror::Error;

/// A member of the mesh: a country (2 letters, ISO 3166-1) or an entity (3 to 8 letters), in capitals. Whether such a
/// member exists is known only to the roster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberCode(String);

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
        let fits = (2..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase());
        if fits { Ok(Self(text.to_owned())) } else { Err(MemberCodeError) }
    }

    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MemberCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
