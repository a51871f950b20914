//! Who may read what is recorded, and sealing it to them.

use std::sync::Arc;

use ecomesh_api::{Detail, Problem, ProblemCode};
use ecomesh_document::Document;
use ecomesh_protocol::Draft;
use ecomesh_record::limits::GROUP_MEMBERS_MAX;
use ecomesh_record::{Audience, MemberId, Record};

use super::messages::{Ready, sealed_unless};
use super::{Refusal, Services};
use crate::sealing::group::NoGroupKey;
use crate::sealing::{NotSealed, seal_to_group};

/// Who may read what is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// All members.
    Open,
    /// The addressees of the draft.
    Addressees,
    /// These members, in ascending order, by the key of their group; the draft is addressed to all.
    Group(Vec<MemberId>),
}

impl Secrecy {
    /// Of a text for all members but those that its form excludes.
    ///
    /// # Errors
    /// If nobody is left, or more than share a key.
    pub(super) fn by_form(
        services: &Services,
        document: &Document,
        warnings: &mut Vec<Detail>,
    ) -> Result<Self, Refusal> {
        if document.excluded().next().is_none() {
            return Ok(Self::Open);
        }
        let members = others(services).filter(|member| !is_excluded(document, *member)).collect();
        group(services, members, warnings)
    }

    /// Of a new text of what this record said first: as that was, and nobody who is excluded since.
    ///
    /// # Errors
    /// If nobody is left.
    pub(super) fn of_revision(
        services: &Services,
        first: &Record,
        document: &Document,
        warnings: &mut Vec<Detail>,
    ) -> Result<Self, Refusal> {
        match first.header().audience {
            Audience::Open => Ok(Self::Open),
            Audience::Group { .. } => {
                let members = services.mail.group_members(first.header()).map_err(|closed| {
                    Refusal(
                        Problem::new(
                            ProblemCode::Closed,
                            format!("it is not known who may read the text before: {closed}"),
                        )
                        .advice("withdraw or cancel it, and write it anew"),
                    )
                })?;
                let members = members.iter().map(|(member, _)| *member);
                let members = members.filter(|member| !is_excluded(document, *member)).collect();
                group(services, members, warnings)
            }
            Audience::Sealed { .. } | Audience::Unknown { .. } => Ok(Self::Addressees),
        }
    }

    /// Who reads it, of a draft that is addressed to `to`: empty if it is all members.
    pub(super) fn readers<'a>(&'a self, to: &'a [MemberId]) -> &'a [MemberId] {
        match self {
            Self::Open | Self::Addressees => to,
            Self::Group(members) => members,
        }
    }
}

/// The members but this one.
pub(super) fn others(services: &Services) -> impl Iterator<Item = MemberId> {
    services.roster.members().map(|m| m.member).filter(|member| *member != services.own)
}

/// Whether a form closes itself to a member.
pub(super) fn is_excluded(document: &Document, member: MemberId) -> bool {
    document.excluded().any(|country| country == member.as_str())
}

/// Those of the members to whom something can be sealed now, and those to whom nothing can.
pub(super) fn by_prekey(
    services: &Services,
    members: impl IntoIterator<Item = MemberId>,
) -> (Vec<MemberId>, Vec<MemberId>) {
    let now = services.now();
    members.into_iter().partition(|member| services.views(|views| views.prekey(*member, now).is_ok()))
}

/// Members as they are told.
pub(super) fn named(members: &[MemberId]) -> String {
    members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A group that shares a key. A member to whom nothing can be sealed now, since its node has been away for months, does not
/// keep all others from it; the author is told.
fn group(
    services: &Services,
    members: Vec<MemberId>,
    warnings: &mut Vec<Detail>,
) -> Result<Secrecy, Refusal> {
    let (mut members, away) = by_prekey(services, members);
    if !away.is_empty() {
        warnings.push(Detail {
            path: "handling.excluded".into(),
            message: format!("nothing can be sealed to {} now: it is not for them", named(&away)),
            advice: "write it anew when their nodes are back; `ecomesh prekeys` shows who has a prekey"
                .into(),
        });
    }
    members.sort_unstable();
    match members.len() {
        0 => Err(Refusal(
            Problem::new(ProblemCode::NoAddressees, "the form excludes all other members that could read it")
                .advice(
                    "take a country out of handling.excluded: what nobody else may read is not recorded here",
                ),
        )),
        1..=GROUP_MEMBERS_MAX => Ok(Secrecy::Group(members)),
        many => Err(Refusal(
            Problem::new(
                ProblemCode::TooManyAddressees,
                format!("it is for {many} members, and {GROUP_MEMBERS_MAX} can share a key"),
            )
            .advice("exclude nobody, or send it to fewer"),
        )),
    }
}

/// Makes a draft ready to be recorded: sealed as its text asks.
pub(super) async fn ready(
    services: &Arc<Services>,
    secrecy: Secrecy,
    draft: Draft,
    warnings: Vec<Detail>,
) -> Result<Ready, Refusal> {
    let members = match secrecy {
        Secrecy::Open => return sealed_unless(true, services, draft, warnings),
        Secrecy::Addressees => {
            return services.read(move |services| sealed_unless(false, services, draft, warnings)).await;
        }
        Secrecy::Group(members) => members,
    };
    // The text waits in memory for a key; who locks the node waits for it.
    let _in_use = services.mail.safe().enter()?;
    let now = services.now();
    let key =
        services.mail.group_key(&services.core, &services.views, &members, draft.retention, now).await?;
    services
        .read(move |services| {
            let sealed = seal_to_group(&services.mail, &draft, now, &key)?;
            let mut ready = Ready::sealed(sealed, warnings);
            ready.readers = members;
            Ok(ready)
        })
        .await
}

impl From<NoGroupKey> for Refusal {
    fn from(error: NoGroupKey) -> Self {
        match error {
            NoGroupKey::NotSealed(NotSealed::NoPrekey(error)) => {
                Self(Problem::new(ProblemCode::NoPrekey, error.to_string()).advice(
                    "do it again: a member to whom nothing can be sealed is left out, and you are told",
                ))
            }
            NoGroupKey::NotSealed(error) => error.into(),
            NoGroupKey::Author(error) => error.into(),
            NoGroupKey::Core(error) => error.into(),
        }
    }
}
