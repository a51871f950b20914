//! What a charter says of the review of notices: who reviews, how many must agree, which types of notice there are, and who
//! takes part in pilots (`docs/PROTOCOL.md`, "Extensions of the charter").
//!
//! They stand in extensions of the charter, so a network that says nothing of it has no other network id than before.
//! What a type of notice *is* stays opaque here: a name.

use serde_bytes::ByteBuf;
use thiserror::Error;

use crate::charter::{Charter, CharterMember};
use crate::id::MemberId;
use crate::limits::{EXTENSION_BYTES_MAX, REVIEWERS_MAX};

/// Extension of a charter: who reviews.
pub const REVIEW: u16 = 1;
/// Extension of a charter: the types of notice in force.
pub const NOTICE_TYPES: u16 = 2;
/// Extension of a member: the types of notice in whose pilot it takes part.
pub const PILOTS: u16 = 2;

/// Bit 0 of the flags: reviewers may review what they ask for themselves.
const OWN_REVIEW: u8 = 1;

/// Who reviews requests for notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewRule {
    /// How many must agree: 1 to the number of reviewers.
    pub quorum: u8,
    /// Whether a reviewer may review what it asks for itself: needed where there is one alone.
    pub own_review: bool,
    /// The reviewers, strictly ascending, at most 31.
    pub reviewers: Vec<MemberId>,
}

/// Why an extension about reviews is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReviewRuleError {
    /// Not a quorum, flags and members.
    #[error("the review rule does not decode")]
    Malformed,
    /// Nobody would have to agree, or more than there are.
    #[error("{quorum} of {reviewers} reviewers can never agree; at least one must, and at most all")]
    Quorum {
        /// How many must agree.
        quorum: u8,
        /// How many there are.
        reviewers: usize,
    },
    /// A reviewer that is no member.
    #[error("the reviewer {0} is no member")]
    Stranger(MemberId),
    /// Names that are none.
    #[error("types of notice are names of small letters, strictly ascending, with commas between them")]
    Names,
}

impl ReviewRule {
    /// The extension's bytes: quorum, flags, 8 bytes for each reviewer.
    ///
    /// # Errors
    /// [`ReviewRuleError`] if a rule of the layout is broken.
    pub fn encode(&self) -> Result<ByteBuf, ReviewRuleError> {
        self.check()?;
        let mut bytes = vec![self.quorum, if self.own_review { OWN_REVIEW } else { 0 }];
        for reviewer in &self.reviewers {
            bytes.extend_from_slice(reviewer.as_bytes());
        }
        Ok(ByteBuf::from(bytes))
    }

    /// Reads the extension's bytes.
    ///
    /// # Errors
    /// [`ReviewRuleError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ReviewRuleError> {
        let ([quorum, flags], members) = bytes.split_first_chunk::<2>().ok_or(ReviewRuleError::Malformed)?;
        let (members, []) = members.as_chunks::<8>() else { return Err(ReviewRuleError::Malformed) };
        if *flags > OWN_REVIEW {
            return Err(ReviewRuleError::Malformed);
        }
        let reviewers = members.iter().map(|bytes| MemberId::from_bytes(*bytes));
        let reviewers: Vec<_> =
            reviewers.collect::<Result<_, _>>().map_err(|_| ReviewRuleError::Malformed)?;
        let rule = Self { quorum: *quorum, own_review: *flags == OWN_REVIEW, reviewers };
        rule.check()?;
        Ok(rule)
    }

    fn check(&self) -> Result<(), ReviewRuleError> {
        let reviewers = self.reviewers.len();
        if reviewers > REVIEWERS_MAX || !self.reviewers.is_sorted_by(|a, b| a < b) {
            return Err(ReviewRuleError::Malformed);
        }
        if self.quorum == 0 || usize::from(self.quorum) > reviewers {
            return Err(ReviewRuleError::Quorum { quorum: self.quorum, reviewers });
        }
        Ok(())
    }
}

impl Charter {
    /// Who reviews; `None` if the charter does not say it.
    ///
    /// # Errors
    /// [`ReviewRuleError`]. A charter that decodes has none.
    pub fn review_rule(&self) -> Result<Option<ReviewRule>, ReviewRuleError> {
        extension(&self.ext, REVIEW).map(|bytes| ReviewRule::decode(bytes)).transpose()
    }

    /// Names of the types of notice in force; `None` if the charter does not say it: then all that a version knows.
    ///
    /// # Errors
    /// [`ReviewRuleError`]. A charter that decodes has none.
    pub fn notice_types(&self) -> Result<Option<Vec<&str>>, ReviewRuleError> {
        extension(&self.ext, NOTICE_TYPES).map(|bytes| names(bytes)).transpose()
    }

    pub(crate) fn check_review(&self) -> Result<(), ReviewRuleError> {
        self.notice_types()?;
        let Some(rule) = self.review_rule()? else { return Ok(()) };
        let stranger = rule.reviewers.into_iter().find(|reviewer| self.member(*reviewer).is_none());
        stranger.map_or(Ok(()), |stranger| Err(ReviewRuleError::Stranger(stranger)))
    }
}

impl CharterMember {
    /// Names of the types of notice in whose pilot the member takes part. What does not decode names none.
    pub fn pilots(&self) -> Vec<&str> {
        extension(&self.ext, PILOTS).and_then(|bytes| names(bytes).ok()).unwrap_or_default()
    }
}

/// The bytes of a list of names.
///
/// # Errors
/// [`ReviewRuleError::Names`] if they are no names, not in order, or too many.
pub fn encode_names(names: &[&str]) -> Result<ByteBuf, ReviewRuleError> {
    let bytes = names.join(",").into_bytes();
    self::names(&bytes)?;
    Ok(ByteBuf::from(bytes))
}

fn names(bytes: &[u8]) -> Result<Vec<&str>, ReviewRuleError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ReviewRuleError::Names)?;
    let names: Vec<&str> = text.split(',').collect();
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    let good =
        bytes.len() <= EXTENSION_BYTES_MAX && names.iter().all(is_name) && names.is_sorted_by(|a, b| a < b);
    if good { Ok(names) } else { Err(ReviewRuleError::Names) }
}

fn extension(ext: &[(u16, ByteBuf)], kind: u16) -> Option<&ByteBuf> {
    ext.iter().find(|(k, _)| *k == kind).map(|(_, bytes)| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> MemberId {
        MemberId::parse(name).unwrap()
    }

    fn rule(quorum: u8, reviewers: &[&str]) -> ReviewRule {
        ReviewRule {
            quorum,
            own_review: false,
            reviewers: reviewers.iter().map(|name| member(name)).collect(),
        }
    }

    #[test]
    fn a_rule_has_these_bytes() {
        let rule = ReviewRule { own_review: true, ..rule(2, &["FR", "IPSG"]) };
        let bytes = rule.encode().unwrap();
        assert_eq!(bytes.as_slice(), b"\x02\x01FR\0\0\0\0\0\0IPSG\0\0\0\0");
        assert_eq!(ReviewRule::decode(&bytes), Ok(rule));
    }

    #[test]
    fn rules_by_which_nothing_or_anything_is_published_are_refused() {
        for (bad, quorum) in [(rule(0, &["FR"]), 0), (rule(2, &["FR"]), 2)] {
            assert_eq!(bad.encode(), Err(ReviewRuleError::Quorum { quorum, reviewers: 1 }));
        }
        assert_eq!(rule(1, &["SG", "FR"]).encode(), Err(ReviewRuleError::Malformed));
        assert_eq!(rule(1, &["FR", "FR"]).encode(), Err(ReviewRuleError::Malformed));
        for bad in [&b""[..], b"\x01", b"\x01\x00FR", b"\x01\x02FR\0\0\0\0\0\0", b"\x01\x00fr\0\0\0\0\0\0"] {
            assert_eq!(ReviewRule::decode(bad), Err(ReviewRuleError::Malformed), "{bad:?}");
        }
        assert_eq!(ReviewRule::decode(b"\x01\x00"), Err(ReviewRuleError::Quorum { quorum: 1, reviewers: 0 }));
    }

    #[test]
    fn names_are_small_letters_in_order() {
        assert_eq!(encode_names(&["black", "red"]).unwrap().as_slice(), b"black,red");
        for bad in [&["red", "black"][..], &["red", "red"], &[""], &[], &["Red"], &["un notice"]] {
            assert_eq!(encode_names(bad), Err(ReviewRuleError::Names), "{bad:?}");
        }
        assert_eq!(names(b"a,b"), Ok(vec!["a", "b"]));
        assert_eq!(names(&[0xff]), Err(ReviewRuleError::Names));
    }
}
