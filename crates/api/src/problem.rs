//! What the API says when it does not do what it was asked: one shape for all errors.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not done. Every answer with a status of 400 and above has this as its JSON body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Stable, for programs.
    pub code: ProblemCode,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// What to do next; empty if there is nothing to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
    /// Single findings, such as every problem of a form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// One finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Detail {
    /// Which field, as `products[2].term`; empty for the whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// What kind of problem it is, with the HTTP status under which it comes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)*
            /// A code of a newer node.
            #[serde(other)]
            Unknown,
        }

        impl ProblemCode {
            /// All codes that this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown => "unknown",
                }
            }

            /// The HTTP status of the answer.
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                    Self::Unknown => 500,
                }
            }
        }
    };
}

codes! {
    /// 400: the request is not of the form that the API wants: bad JSON, an unknown field, a bad parameter.
    BadRequest = "bad_request", 400;
    /// 400: neither addressees nor all members were named.
    NoAddressees = "no_addressees", 400;
    /// 401: the token is missing or wrong.
    Unauthorized = "unauthorized", 401;
    /// 404: no such route.
    NoSuchRoute = "no_such_route", 404;
    /// 404: no such record here.
    NotFound = "not_found", 404;
    /// 405: the route exists, the method does not.
    BadMethod = "bad_method", 405;
    /// 409: the abbreviated id fits several records.
    AmbiguousId = "ambiguous_id", 409;
    /// 409: the idempotency key was used for another message.
    IdempotencyKeyReused = "idempotency_key_reused", 409;
    /// 409: the own key has signed so many contradictions that the network believes no new log of this bureau.
    Discredited = "discredited", 409;
    /// 413: the body is longer than allowed.
    TooLarge = "too_large", 413;
    /// 415: the body is not of the media type that the route takes.
    UnsupportedMediaType = "unsupported_media_type", 415;
    /// 422: the document has problems, listed in `details`.
    BadDocument = "bad_document", 422;
    /// 422: an addressee is no member.
    UnknownMember = "unknown_member", 422;
    /// 422: a region is not known, or no member to whom it may go lies in it.
    UnknownRegion = "unknown_region", 422;
    /// 422: the own bureau is among the addressees.
    OwnMember = "own_member", 422;
    /// 422: more than 64 addressees.
    TooManyAddressees = "too_many_addressees", 422;
    /// 422: nothing can be sealed to an addressee now.
    NoPrekey = "no_prekey", 422;
    /// 422: the document cannot be read here: it is sealed to others, or its key is lost.
    Closed = "closed", 422;
    /// 422: nobody needs the message again.
    NothingToResend = "nothing_to_resend", 422;
    /// 422: the network would hold the record to be void.
    WouldBeVoid = "would_be_void", 422;
    /// 422: a rule of the domain forbids it; the message names the rule.
    AgainstRule = "against_rule", 422;
    /// 422: a status was asked for a record of another bureau.
    NotOwnRecord = "not_own_record", 422;
    /// 422: a receipt was to be written for a record that is no message to this bureau.
    NotAddressed = "not_addressed", 422;
    /// 422: the file is no archive, or of another network, or damaged.
    BadArchive = "bad_archive", 422;
    /// 422: the passphrase is another one.
    WrongPassphrase = "wrong_passphrase", 422;
    /// 423: the node is locked, and shows and takes no documents.
    Locked = "locked", 423;
    /// 429: too much at once.
    Busy = "busy", 429;
    /// 429: the own budget of records is used up.
    OverBudget = "over_budget", 429;
    /// 500: our own mistake, or a damaged store.
    Internal = "internal", 500;
    /// 500: the node's disk takes no writes, or does not work.
    Disk = "disk", 500;
    /// 503: the node is starting; `message` says how far.
    Starting = "starting", 503;
    /// 503: the node is stopping.
    Stopping = "stopping", 503;
    /// 503: the node asks its peers for its own history before it may write.
    Recovering = "recovering", 503;
    /// 507: no space left.
    Full = "full", 507;
}

impl Problem {
    /// A problem without advice yet.
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), advice: String::new(), details: Vec::new() }
    }

    /// Says what to do next.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Adds single findings, up to [`crate::limits::DETAILS_MAX`].
    #[must_use]
    pub fn details(mut self, details: impl IntoIterator<Item = Detail>) -> Self {
        let room = crate::limits::DETAILS_MAX.saturating_sub(self.details.len());
        self.details.extend(details.into_iter().take(room));
        self
    }
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The message and the advice in one line; details stay apart.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "; {}", self.advice) }
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "; {}", self.advice) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_they_are_documented() {
        for code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!((400..600).contains(&code.status()), "{code}");
        }
    }

    #[test]
    fn a_code_of_a_newer_node_is_taken() {
        let problem: Problem = serde_json::from_str(r#"{"code":"moon_phase","message":"no"}"#).unwrap();
        assert_eq!(problem, Problem::new(ProblemCode::Unknown, "no"));
    }
}
