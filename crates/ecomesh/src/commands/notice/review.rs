//! What `notice list` and `notice show` say of a review: who has voted, who is awaited and cannot be reached, whether the text
//! can still be approved, and what can follow.

use ecomesh_api::{
    AwaitedView, CaseKind, NextView, NoticeDetail, NoticeStanding, NoticeView, StuckWhy, VotesView,
};

use crate::times;

/// "1 of 2 approvals, refused by TZ".
pub(super) fn votes(notice: &NoticeView) -> String {
    let mut words = format!("{} of {} approvals", notice.approved_by.len(), notice.quorum);
    if let Some(refused) = votes_for(notice, "refuse") {
        words.push_str(&format!(", refused by {}", refused.by.join(", ")));
    }
    words
}

/// That too few reviewers are left to approve the text that waits, behind other words.
pub(super) fn stuck(notice: &NoticeView) -> &'static str {
    use StuckWhy::{Decided, NoReviewers, NoneCanRead, OwnReview, TooFewCanRead};
    match (notice.stuck_why, notice.kind) {
        // A diffusion is in circulation all the same: that it is not reviewed is all that there is to say.
        (None, _) | (Some(NoReviewers), CaseKind::Diffusion) => "",
        (Some(NoReviewers), CaseKind::Notice) => "; there are no reviewers: it is never published",
        (Some(OwnReview), _) => "; too few reviewers are left beside its source",
        (Some(NoneCanRead), _) => "; no reviewer can read it",
        (Some(TooFewCanRead), _) => "; too few reviewers can read it",
        (Some(Decided), CaseKind::Notice) => "; this text cannot be published any more",
        (Some(Decided), CaseKind::Diffusion) => "; this text cannot be approved any more",
    }
}

/// How the votes stand for a step that one reviewer alone does not decide: "1 of 2 votes to reinstate it".
pub(super) fn undecided(notice: &NoticeView, step: &str) -> Option<String> {
    let votes = votes_for(notice, step)?;
    Some(format!("{} of {} votes to {step} it", votes.by.len(), notice.quorum))
}

/// What else there is to say of the review of a notice.
pub(super) fn lines(detail: &NoticeDetail) -> Vec<String> {
    let notice = &detail.notice;
    let mut lines = Vec::new();
    for votes in &notice.votes {
        let of = format!("{} of {}", votes.by.len(), notice.quorum);
        lines.push(format!("votes      to {} it: {of} ({})", votes.step, votes.by.join(", ")));
    }
    lines.extend(why_stuck(notice));
    lines.extend(cannot_be_reached(detail));
    lines
}

/// What can follow: who could do what now.
pub(super) fn next_lines(detail: &NoticeDetail) -> Vec<String> {
    let mut groups: Vec<(Vec<&str>, &[String])> = Vec::new();
    for NextView { member, steps } in &detail.next {
        match groups.iter_mut().find(|(_, known)| *known == steps.as_slice()) {
            Some((members, _)) => members.push(member),
            None => groups.push((vec![member], steps)),
        }
    }
    if groups.is_empty() {
        return vec!["next       nothing can follow".into()];
    }
    let line = |(members, steps): (Vec<&str>, &[String])| {
        format!(
            "next       {}: {}",
            members.join(", "),
            steps.iter().map(|step| command(step)).collect::<Vec<_>>().join(", ")
        )
    };
    groups.into_iter().map(line).collect()
}

/// A step as its command is named.
fn command(step: &str) -> &str {
    match step {
        "text" => "update",
        "approve" => "review approve",
        "return" => "review return",
        "refuse" => "review refuse",
        other => other,
    }
}

/// Why the text that waits will never be approved, and what helps. A new text is for the members that the first one was for: it
/// helps only where enough of them review.
pub(super) fn why_stuck(notice: &NoticeView) -> Option<String> {
    if notice.stuck_why? == StuckWhy::Decided {
        let (source, approved) = (&notice.source, approved(notice.kind));
        return Some(format!(
            "STUCK      too few reviewers are left who could approve it, and each decides once on a text: it cannot be {approved}\n           \
             any more unless {source} gives it a new text (`ecomesh notice update`), which all of them review anew"
        ));
    }
    let instead = match notice.kind {
        CaseKind::Notice => ";\n           `ecomesh notice diffuse` tells chosen countries at once",
        CaseKind::Diffusion => "",
    };
    Some(format!("reviewers  {}{instead}", never(notice)?))
}

/// That no text of it will ever be approved by those for whom it is, and why.
pub(super) fn never(notice: &NoticeView) -> Option<String> {
    let why = match notice.stuck_why? {
        StuckWhy::Decided => return None,
        StuckWhy::NoReviewers if notice.kind == CaseKind::Diffusion => return None,
        StuckWhy::NoReviewers => "there are no reviewers".to_owned(),
        StuckWhy::OwnReview => {
            format!("{} may not review its own, and too few reviewers are left beside it", notice.source)
        }
        StuckWhy::NoneCanRead => "no reviewer can read it".to_owned(),
        StuckWhy::TooFewCanRead => "too few reviewers can read it".to_owned(),
    };
    Some(format!("{why}: it is never {}", approved(notice.kind)))
}

fn approved(kind: CaseKind) -> &'static str {
    match kind {
        CaseKind::Notice => "published",
        CaseKind::Diffusion => "approved",
    }
}

/// That too few of the reviewers that are awaited can be reached: it stays requested.
fn cannot_be_reached(detail: &NoticeDetail) -> Option<String> {
    let notice = &detail.notice;
    let waits = matches!(notice.standing, NoticeStanding::Requested) || notice.pending.is_some();
    let (linked, away): (Vec<&AwaitedView>, Vec<&AwaitedView>) =
        detail.awaits.iter().partition(|reviewer| reviewer.linked);
    let reached = (notice.approved_by.len() + linked.len()) as u64;
    if !waits || notice.stuck_why.is_some() || away.is_empty() || reached >= notice.quorum {
        return None;
    }
    let away: Vec<String> = away.into_iter().map(away_since).collect();
    let stays = match (notice.kind, notice.standing) {
        (CaseKind::Notice, NoticeStanding::Published) => "its new text waits until they have read it",
        (CaseKind::Notice, _) => {
            "it stays REQUESTED until they have read it;\n           `ecomesh notice diffuse` tells chosen countries at once"
        }
        (CaseKind::Diffusion, _) => "it stays NOT REVIEWED until they have read it",
    };
    Some(format!("reviewers  too few can be reached now, there is no link with {}: {stays}", away.join(", ")))
}

fn away_since(reviewer: &AwaitedView) -> String {
    match reviewer.heard_at_ms {
        Some(at) => format!("{} (last heard {})", reviewer.member, times::show(at)),
        None => format!("{} (not heard since the start)", reviewer.member),
    }
}

fn votes_for<'n>(notice: &'n NoticeView, step: &str) -> Option<&'n VotesView> {
    notice.votes.iter().find(|votes| votes.step == step)
}
