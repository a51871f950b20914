//! Sealing a draft, before it has a place.

use ecomesh_protocol::Draft;
use ecomesh_protocol::author::header_to_seal;
use ecomesh_protocol::io::SealedTo;
use ecomesh_protocol::prekeys::Use;
use ecomesh_record::{MemberId, Time};
use ecomesh_seal::{Sealed, SealingError, envelope};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Mail, kept};
use crate::vault::{Kept, Locked};
use crate::views::{Chosen, NoPrekey};

/// A draft whose content is sealed, with what must be kept before it is written.
#[derive(Debug)]
pub(crate) struct SealedDraft {
    pub(crate) draft: Draft,
    pub(crate) kept: Kept,
    /// Addressees for whom no prekey of the day was known.
    pub(crate) lower_secrecy: Vec<MemberId>,
}

/// Why a draft was not sealed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NotSealed {
    /// Nothing can be sealed to an addressee.
    #[error(transparent)]
    NoPrekey(#[from] NoPrekey),
    /// Too long, or to nobody.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The vault is locked.
    #[error(transparent)]
    Locked(#[from] Locked),
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Random(String),
}

/// Seals the content of an open draft to its addressees. `choose` gives the prekey of each.
pub(crate) fn seal(
    mail: &Mail,
    open: &Draft,
    now: Time,
    choose: impl Fn(MemberId) -> Result<Chosen, NoPrekey>,
) -> Result<SealedDraft, NotSealed> {
    let header = header_to_seal(mail.own, open, now);
    let chosen: Vec<Chosen> = header.to.iter().map(|member| choose(*member)).collect::<Result<_, _>>()?;
    let lower_secrecy = header.to.iter().zip(&chosen).filter(|(_, one)| one.purpose != Use::DAILY);
    let lower_secrecy = lower_secrecy.map(|(member, _)| *member).collect();
    let prekeys: Vec<_> = chosen.into_iter().map(|one| one.prekey).collect();
    let seed = random()?;
    let sealed = envelope::seal(mail.network, header, &open.content, &prekeys, &seed)?;
    sealed_draft(mail, open, sealed, lower_secrecy)
}

/// Randomness of a sealing.
pub(super) fn random() -> Result<Zeroizing<[u8; 32]>, NotSealed> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|e| NotSealed::Random(e.to_string()))?;
    Ok(bytes)
}

/// The draft of what was sealed, from the one of which it is the content.
pub(super) fn sealed_draft(
    mail: &Mail,
    open: &Draft,
    sealed: Sealed,
    lower_secrecy: Vec<MemberId>,
) -> Result<SealedDraft, NotSealed> {
    // A retry is sealed anew, and must be known as a retry all the same.
    let salt = match &open.idempotency {
        Some(key) => mail.vault()?.request_salt(key, &Sha256::digest(&open.content).into()),
        None => open.salt,
    };
    let Sealed { header, content, key } = sealed;
    // Sealing has just written it.
    let kept = kept(&header, key).ok_or(SealingError::Addressees(0))?;
    let sealed =
        SealedTo { audience: header.audience, created_at: header.created_at, expires_at: header.expires_at };
    let draft = Draft {
        to: header.to,
        content,
        salt,
        sealed: Some(sealed),
        kind: open.kind,
        priority: open.priority,
        retention: open.retention,
        expires_at: open.expires_at,
        flags: open.flags,
        idempotency: open.idempotency,
    };
    Ok(SealedDraft { draft, kept, lower_secrecy })
}
