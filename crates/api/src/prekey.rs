//! Prekeys: what is sealed to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/prekeys`: own prekeys, and those of others to which a message would be sealed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PrekeysView {
    /// The private halves that this node has, oldest first.
    pub own: Vec<OwnPrekeyView>,
    /// One for each other member.
    pub others: Vec<MemberPrekeyView>,
}

/// What a prekey is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrekeyUse {
    /// A day; destroyed soon after.
    Daily,
    /// For when no daily one is known; lives longer.
    Fallback,
    /// A use that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A private half on this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnPrekeyView {
    /// Its id, 32 digits.
    pub id: String,
    /// What it is for.
    pub purpose: PrekeyUse,
    /// From when.
    pub begins_at_ms: u64,
    /// Until when.
    pub ends_at_ms: u64,
    /// Whether the others can know it: it stands in the own log, or in the charter.
    pub published: bool,
    /// What is still to happen before it is destroyed.
    pub kept_for: KeptFor,
}

/// Why a private half is not destroyed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum KeptFor {
    /// It is in use.
    Use,
    /// Mail to it may be on its way until this time.
    Mail {
        /// Until when.
        until_ms: u64,
    },
    /// This node must first have all that so many members hold.
    Sync {
        /// How many it has caught up with since.
        with: usize,
        /// How many it must.
        of: usize,
    },
    /// Mail that is here must first be opened.
    Unopened,
    /// Nothing: it is destroyed within a minute.
    Nothing,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The prekey of another member to which a message would be sealed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberPrekeyView {
    /// The member.
    pub member: String,
    /// The prekey; absent if nothing can be sealed to it.
    pub prekey: Option<KnownPrekeyView>,
    /// Why nothing can be sealed to it.
    pub problem: Option<String>,
}

/// A prekey of another member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownPrekeyView {
    /// Its id, 32 digits.
    pub id: String,
    /// What it is for.
    pub purpose: PrekeyUse,
    /// From when, by its owner's clock; absent for the one of the charter.
    pub begins_at_ms: Option<u64>,
    /// Until when; absent for the one of the charter.
    pub ends_at_ms: Option<u64>,
    /// Where its record stands; absent for the one of the charter.
    pub position: Option<String>,
}
