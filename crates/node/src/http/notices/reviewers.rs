//! Whether enough reviewers are left to agree on a text, can read it, and can be reached.

use std::sync::Arc;

use ecomesh_api::{AwaitedView, Detail, StuckWhy};
use ecomesh_document::Document;
use ecomesh_document::member::MemberCode;
use ecomesh_document::projection::notices::Case;
use ecomesh_protocol::core::PeerStatus;
use ecomesh_record::{MemberId, Time};

use crate::board::code_of;
use crate::core_thread::NodeCore;
use crate::founding::text::time_text;
use crate::http::messages::wrong_field;
use crate::http::secrecy::is_excluded;
use crate::http::{Refusal, Services};
use ecomesh_document::notice::life::State;

/// A request that too few reviewers could read, or might decide on, would stay a request for ever: it is refused. `readers` is
/// empty if all members read it. In a network without reviewers every request stays one, and whoever asks is told.
pub(super) fn check_enough(
    services: &Services,
    document: &Document,
    readers: &[MemberId],
) -> Result<(), Refusal> {
    let review = services.board.review();
    let Some(own) = code_of(services.own) else { return Ok(()) };
    let able = review
        .reviewers_for(&own)
        .filter(|reviewer| reads(services, reviewer, readers.iter().map(MemberId::as_str)))
        .count();
    if review.reviewers().next().is_none() || able >= review.quorum() {
        return Ok(());
    }
    Err(wrong_field(too_few(services, document, readers, &own)))
}

/// Why too few reviewers could agree on a text, and what to do.
fn too_few(services: &Services, document: &Document, readers: &[MemberId], own: &MemberCode) -> Detail {
    let review = services.board.review();
    let shut_out: Vec<&MemberCode> = review
        .reviewers()
        .filter(|reviewer| !reads(services, reviewer, readers.iter().map(MemberId::as_str)))
        .collect();
    let (excluded, away): (Vec<&MemberCode>, Vec<&MemberCode>) = shut_out
        .into_iter()
        .partition(|reviewer| MemberId::parse(reviewer.as_str()).is_ok_and(|m| is_excluded(document, m)));
    let is_own = review.is_reviewer(own) && review.reviewers_for(own).all(|reviewer| reviewer != own);
    let mut why = Vec::new();
    if !excluded.is_empty() {
        why.push(format!("the form excludes {}", listed(excluded.iter().copied())));
    }
    if !away.is_empty() {
        why.push(format!("nothing can be sealed to {} now", listed(away.iter().copied())));
    }
    if is_own {
        why.push(format!("{own} may not review what it asks for itself"));
    }
    let alternative = "send a diffusion, which needs no review before: `ecomesh notice diffuse`";
    Detail {
        path: if excluded.is_empty() { "request".into() } else { "handling.excluded".into() },
        message: format!(
            "it could never be published: {} of {} must approve it, and {}",
            review.quorum(),
            listed(review.reviewers()),
            why.join("; ")
        ),
        advice: if excluded.is_empty() {
            alternative.to_owned()
        } else {
            format!("take {} out of handling.excluded, or {alternative}", listed(excluded.iter().copied()))
        },
    }
}

/// Why too few reviewers who could approve the text that waits are left; nothing if enough are. `readers` as of
/// [`check_enough`].
pub(super) fn why_stuck(
    services: &Services,
    case: &Case,
    state: &State,
    approved: usize,
    readers: &[String],
) -> Option<StuckWhy> {
    state.pending()?;
    let review = services.board.review();
    if approved + awaited(services, case, state, readers).len() >= review.quorum() {
        return None;
    }
    let may = || review.reviewers_for(case.source());
    Some(
        Left {
            reviewers: review.reviewers().count(),
            may: may().count(),
            can_read: may().filter(|reviewer| can_read(services, case, reviewer, readers)).count(),
            quorum: review.quorum(),
        }
        .why(),
    )
}

/// How many reviewers there are for a text, whether they have decided on it or not.
struct Left {
    reviewers: usize,
    /// Those of them who may review what its source asks for.
    may: usize,
    /// Those of them who can also read it.
    can_read: usize,
    quorum: usize,
}

impl Left {
    /// Why a text waits in vain. A new one helps only if enough of them can read it: it is for whom the first one was.
    fn why(&self) -> StuckWhy {
        match *self {
            Self { reviewers: 0, .. } => StuckWhy::NoReviewers,
            Self { may, quorum, .. } if may < quorum => StuckWhy::OwnReview,
            Self { can_read: 0, .. } => StuckWhy::NoneCanRead,
            Self { can_read, quorum, .. } if can_read < quorum => StuckWhy::TooFewCanRead,
            _ => StuckWhy::Decided,
        }
    }
}

/// The reviewers that have not decided on the text that waits, and can read it. `readers` as of [`check_enough`].
pub(super) fn awaited(services: &Services, case: &Case, state: &State, readers: &[String]) -> Vec<MemberId> {
    let awaited = case.awaited(state).into_iter().filter(|code| can_read(services, case, code, readers));
    awaited.filter_map(|code| MemberId::parse(code.as_str()).ok()).collect()
}

/// Whether a reviewer can read a case: its source can. `readers` as of [`check_enough`].
pub(super) fn can_read(services: &Services, case: &Case, reviewer: &MemberCode, readers: &[String]) -> bool {
    reviewer == case.source() || reads(services, reviewer, readers.iter().map(String::as_str))
}

/// Which of these reviewers can be reached.
pub(super) async fn links(
    services: &Arc<Services>,
    reviewers: &[MemberId],
) -> Result<Vec<AwaitedView>, Refusal> {
    if reviewers.is_empty() {
        return Ok(Vec::new());
    }
    let peers = services.core.query(NodeCore::peers).await?;
    let view = |reviewer: &MemberId| {
        let peer: Option<&PeerStatus> = peers.iter().find(|peer| peer.member == *reviewer);
        AwaitedView {
            member: reviewer.to_string(),
            linked: *reviewer == services.own || peer.is_some_and(|peer| peer.connected),
            heard_at_ms: peer.and_then(|peer| peer.last_frontier_at).map(|time| time.0),
        }
    };
    Ok(reviewers.iter().map(view).collect())
}

/// Says of a request that is about to be recorded that too few reviewers can be reached now. `readers` as of [`check_enough`].
pub(super) async fn cannot_be_reached(
    services: &Arc<Services>,
    readers: &[MemberId],
) -> Result<Option<Detail>, Refusal> {
    let review = services.board.review();
    let Some(own) = code_of(services.own) else { return Ok(None) };
    let able = review
        .reviewers_for(&own)
        .filter(|reviewer| reads(services, reviewer, readers.iter().map(MemberId::as_str)));
    let able: Vec<MemberId> = able.filter_map(|code| MemberId::parse(code.as_str()).ok()).collect();
    let links = links(services, &able).await?;
    let (linked, away): (Vec<_>, Vec<_>) = links.into_iter().partition(|reviewer| reviewer.linked);
    if linked.len() >= review.quorum() || away.is_empty() {
        return Ok(None);
    }
    let away: Vec<String> = away
        .iter()
        .map(|reviewer| match reviewer.heard_at_ms {
            Some(at) => format!("{} (last heard {})", reviewer.member, time_text(Time(at))),
            None => format!("{} (not heard since the start)", reviewer.member),
        })
        .collect();
    Ok(Some(Detail {
        path: String::new(),
        message: format!(
            "too few reviewers can be reached now, there is no link with {}: it stays REQUESTED until they have read it",
            away.join(", ")
        ),
        advice: "`ecomesh notice diffuse` tells chosen countries at once".into(),
    }))
}

/// Whether a reviewer can read what is for these members, or for all if they are none: whoever asks has it.
fn reads<'r>(
    services: &Services,
    reviewer: &MemberCode,
    mut readers: impl ExactSizeIterator<Item = &'r str>,
) -> bool {
    let is_for = readers.len() == 0 || readers.any(|reader| reader == reviewer.as_str());
    MemberId::parse(reviewer.as_str())
        .is_ok_and(|member| member == services.own || is_for && services.roster.contains(member))
}

fn listed<'m>(members: impl Iterator<Item = &'m MemberCode>) -> String {
    members.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_text_is_asked_for_only_where_enough_reviewers_can_read_it() {
        let why = |reviewers, may, can_read, quorum| Left { reviewers, may, can_read, quorum }.why();
        assert_eq!(why(0, 0, 0, 1), StuckWhy::NoReviewers);
        assert_eq!(why(1, 0, 0, 1), StuckWhy::OwnReview);
        assert_eq!(why(2, 1, 1, 2), StuckWhy::OwnReview);
        assert_eq!(why(1, 1, 0, 1), StuckWhy::NoneCanRead);
        assert_eq!(why(3, 3, 1, 2), StuckWhy::TooFewCanRead);
        assert_eq!(why(3, 3, 2, 2), StuckWhy::Decided);
    }
}
