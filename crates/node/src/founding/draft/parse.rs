//! Reading the text of a draft.

use ecomesh_record::charter::{CharterError, CharterMember, Thresholds};
use ecomesh_record::{Charter, MemberId};
use ecomesh_seal::fingerprint;
use serde::Deserialize;
use serde_bytes::ByteBuf;
use thiserror::Error;

use super::{Draft, FORMAT};
use crate::address::Address;
use crate::founding::text::{bytes, role_by_name, time_of};

/// Why a text is no draft. The founder gets it again from who drafted it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DraftError {
    /// No TOML, or not with the keys of a draft.
    #[error("this is no charter draft: {0}; give the charter.toml that `ecomesh charter draft` wrote")]
    Syntax(String),
    /// Another version of the layout.
    #[error("the draft has format {0}; this software reads format {FORMAT}")]
    UnknownFormat(u32),
    /// A field with a wrong value.
    #[error("{whose}: {field} is wrong: {reason}; get the draft again from who wrote it")]
    Field {
        /// The member, or the charter.
        whose: String,
        /// The field.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// No charter may be so.
    #[error(transparent)]
    Charter(#[from] CharterError),
    /// The text was edited after it was drafted.
    #[error(
        "the draft was changed after it was made: it says fingerprint {says}, but its content has {has}; \
         get it again, or draft it anew from the cards"
    )]
    Changed {
        /// What the text says.
        says: String,
        /// What follows from its content.
        has: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftText {
    format: u32,
    fingerprint: String,
    network: String,
    drafted_at: String,
    version: u8,
    suite: u8,
    retention: Vec<(u8, u32)>,
    control_kinds: Vec<u16>,
    #[serde(default)]
    ext: Vec<(u16, String)>,
    thresholds: Thresholds,
    members: Vec<MemberText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberText {
    member: String,
    name: String,
    role: String,
    signing_key: String,
    transport_key: String,
    recovery_keys: Vec<String>,
    fallback_prekey: String,
    #[serde(default)]
    ext: Vec<(u16, String)>,
    addresses: Vec<String>,
}

pub(super) fn parse(text: &str) -> Result<Draft, DraftError> {
    let raw: DraftText =
        toml::from_str(text).map_err(|e| DraftError::Syntax(e.to_string().trim_end().into()))?;
    if raw.format != FORMAT {
        return Err(DraftError::UnknownFormat(raw.format));
    }
    let mut members = Vec::with_capacity(raw.members.len());
    let mut addresses = Vec::new();
    for raw_member in raw.members {
        let (member, hints) = parse_member(raw_member)?;
        if !hints.is_empty() {
            addresses.push((member.member, hints));
        }
        members.push(member);
    }
    let drafted_at =
        time_of(&raw.drafted_at).ok_or_else(|| wrong("charter", "drafted_at", "it is no UTC time"))?;
    let charter = Charter {
        version: raw.version,
        suite: raw.suite,
        network: raw.network,
        drafted_at,
        thresholds: raw.thresholds,
        retention: raw.retention,
        control_kinds: raw.control_kinds,
        members,
        ext: parse_ext("charter", raw.ext)?,
    };
    let network = charter.network_id()?;
    let has = fingerprint(network.as_bytes());
    if raw.fingerprint != has {
        return Err(DraftError::Changed { says: raw.fingerprint, has });
    }
    Ok(Draft { charter, addresses, network })
}

fn parse_member(raw: MemberText) -> Result<(CharterMember, Vec<String>), DraftError> {
    let member = MemberId::parse(&raw.member).map_err(|e| wrong(&raw.member, "member", &e))?;
    let key = |field, text: &str| {
        bytes(text).ok_or_else(|| wrong(member.as_str(), field, "it is not 64 hexadecimal digits"))
    };
    for address in &raw.addresses {
        Address::parse_diallable(address).map_err(|e| wrong(member.as_str(), "addresses", &e))?;
    }
    let recovery = raw.recovery_keys.iter().map(|k| key("recovery_keys", k)).collect::<Result<_, _>>()?;
    let prekey =
        hex::decode(&raw.fallback_prekey).map_err(|e| wrong(member.as_str(), "fallback_prekey", &e))?;
    let role = role_by_name(&raw.role).ok_or_else(|| wrong(member.as_str(), "role", "it is not known"))?;
    let entry = CharterMember {
        member,
        role,
        name: raw.name,
        signing_key: key("signing_key", &raw.signing_key)?,
        recovery_keys: recovery,
        fallback_prekey: ByteBuf::from(prekey),
        transport_key: key("transport_key", &raw.transport_key)?,
        ext: parse_ext(member.as_str(), raw.ext)?,
    };
    Ok((entry, raw.addresses))
}

fn parse_ext(whose: &str, raw: Vec<(u16, String)>) -> Result<Vec<(u16, ByteBuf)>, DraftError> {
    let one = |(kind, text): (u16, String)| {
        let bytes = hex::decode(text).map_err(|e| wrong(whose, "ext", &e))?;
        Ok((kind, ByteBuf::from(bytes)))
    };
    raw.into_iter().map(one).collect()
}

fn wrong(whose: &str, field: &'static str, reason: &(impl ToString + ?Sized)) -> DraftError {
    DraftError::Field { whose: whose.chars().take(32).collect(), field, reason: reason.to_string() }
}
