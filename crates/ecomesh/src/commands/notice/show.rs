//! Listing and showing notices and diffusions.

use clap::ValueEnum;
use ecomesh_api::{
    CaseKind, Client, ClientError, NoticeDetail, NoticeListing, NoticeQuery, NoticeStanding, NoticeView,
    RecordState,
};
use ecomesh_document::notice::Colour;

use super::{KindArg, colour_arg, review, reviewed_by};
use crate::cli::Global;
use crate::client::Node;
use crate::commands::{attachments, listing};
use crate::exit::ExitCode;
use crate::output::{self, Cell, Table};
use crate::times;

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only of this colour
    #[arg(long, value_name = "COLOUR", value_parser = colour_arg(), hide_possible_values = true)]
    colour: Option<&'static Colour>,
    /// Only of this member
    #[arg(long, value_name = "MEMBER")]
    source: Option<String>,
    /// Only notices, or only diffusions
    #[arg(long, value_enum, value_name = "notice|diffusion")]
    kind: Option<KindArg>,
    /// Only those that stand so
    #[arg(long, value_enum, value_name = "STANDING", conflicts_with = "all")]
    standing: Option<StandingArg>,
    /// All of them, wherever they stand
    #[arg(long)]
    all: bool,
    /// How many, the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Where a notice stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum StandingArg {
    /// Asked for or sent, and not reviewed yet
    Requested,
    /// The reviewers ask for more
    Returned,
    /// Refused; a diffusion does not comply
    Refused,
    /// Published; a diffusion is reviewed
    Published,
    /// Hidden while doubts are studied
    Suspended,
    /// Taken back by its source
    Cancelled,
    /// Taken away by the reviewers
    Withdrawn,
    /// Over
    Expired,
    /// Never one: its author may not ask for it
    Void,
}

impl From<StandingArg> for NoticeStanding {
    fn from(standing: StandingArg) -> Self {
        match standing {
            StandingArg::Requested => Self::Requested,
            StandingArg::Returned => Self::Returned,
            StandingArg::Refused => Self::Refused,
            StandingArg::Published => Self::Published,
            StandingArg::Suspended => Self::Suspended,
            StandingArg::Cancelled => Self::Cancelled,
            StandingArg::Withdrawn => Self::Withdrawn,
            StandingArg::Expired => Self::Expired,
            StandingArg::Void => Self::Void,
        }
    }
}

pub(super) fn list(args: List, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let query = NoticeQuery {
        colour: args.colour.map(|colour| colour.name.to_owned()),
        source: args.source,
        kind: args.kind.map(Into::into),
        standing: args.standing.map(Into::into),
        all: args.all.then_some(true),
        limit: None,
        cursor: None,
    };
    let listing = node.ask(read(&node.api, query, args.limit as usize))?;
    if global.json {
        output::json(&listing)?;
        return Ok(ExitCode::Ok);
    }
    let table = table(&listing.notices);
    if table.is_empty() {
        output::remark(global, "none; --all lists also what is not in force");
    } else {
        output::line(table.render().trim_end())?;
    }
    listing::remark_older(global, listing.next.as_deref());
    listing::remark_unread(global, listing.unread);
    Ok(ExitCode::Ok)
}

/// Reads them, the newest `limit`; oldest first.
async fn read(api: &Client, query: NoticeQuery, limit: usize) -> Result<NoticeListing, ClientError> {
    let reading = listing::pages(limit, async |limit, cursor| {
        let query = NoticeQuery { limit: Some(limit), cursor, ..query.clone() };
        let mut listing = api.notices(&query).await?;
        let rows = std::mem::take(&mut listing.notices);
        Ok(listing::Page { rows, next: listing.next.take(), listing })
    });
    let listing::Rows { rows: notices, next, listing } = reading.await?;
    Ok(NoticeListing { notices, next, ..listing })
}

fn table(notices: &[NoticeView]) -> Table {
    let mut table = Table::new(&["ID", "REQUESTED", "SOURCE", "WHAT", "STANDING", "SUBJECT"])
        .whole(&["ID", "WHAT", "STANDING"])
        .spare(&["REQUESTED"]);
    for notice in notices {
        let exercise = if notice.exercise { "EXERCISE " } else { "" };
        table.row([
            Cell::from(listing::short(&notice.id)),
            times::show(notice.requested_at_ms).into(),
            notice.source.clone().into(),
            what(notice).into(),
            Cell::mark(standing_words(notice), standing_mark(notice)),
            format!("{exercise}{}", subject(notice)).into(),
        ]);
    }
    table
}

fn subject(notice: &NoticeView) -> String {
    match notice.state {
        RecordState::Valid | RecordState::Early => notice.subject.clone(),
        RecordState::Void => "[void]".into(),
        RecordState::Disputed => "[disputed]".into(),
        RecordState::Expired => "[expired]".into(),
        RecordState::Erased => "[erased]".into(),
    }
}

/// What it is called: never a notice before it is published.
pub(super) fn what(notice: &NoticeView) -> String {
    match notice.kind {
        CaseKind::Notice => format!("{} notice", notice.colour),
        CaseKind::Diffusion => format!("{} diffusion", notice.colour),
    }
}

/// Where it stands, in words that cannot be taken for more.
pub(super) fn standing_words(notice: &NoticeView) -> String {
    use NoticeStanding::{
        Cancelled, Expired, Published, Refused, Replaced, Requested, Returned, Suspended, Void, Withdrawn,
    };
    let reasons =
        if notice.reasons.is_empty() { String::new() } else { format!(": {}", notice.reasons.join(", ")) };
    let words = match (notice.standing, notice.kind) {
        (Requested, CaseKind::Notice) => {
            return format!("REQUESTED, not published ({}){}", review::votes(notice), review::stuck(notice));
        }
        (Requested, CaseKind::Diffusion) => "in circulation, NOT REVIEWED yet",
        (Returned, CaseKind::Notice) => "returned, not published",
        (Returned, CaseKind::Diffusion) => "in circulation, not reviewed; the reviewers ask for more",
        (Refused, CaseKind::Notice) => "refused",
        (Refused, CaseKind::Diffusion) => "NOT COMPLIANT, delete national copies",
        (Published, CaseKind::Notice) => "published",
        (Published, CaseKind::Diffusion) => "in circulation, reviewed",
        (Suspended, _) => "suspended, do not act upon it",
        (Cancelled, _) => "cancelled, delete national copies",
        (Withdrawn, _) => "withdrawn, delete national copies",
        (Expired, _) => "expired, delete national copies",
        (Replaced, _) => "replaced by another text",
        (Void, _) => "void",
    };
    let waits = notice.pending.is_some() && notice.standing == Published;
    let waits = if waits { "; a new text waits for its review" } else { "" };
    format!("{words}{reasons}{waits}{}", review::stuck(notice))
}

/// [`standing_words`] where there is little room: a mark that nobody can take for another.
fn standing_mark(notice: &NoticeView) -> String {
    use NoticeStanding::{
        Cancelled, Expired, Published, Refused, Replaced, Requested, Returned, Suspended, Void, Withdrawn,
    };
    let mark = match (notice.standing, notice.kind) {
        (Requested | Returned, CaseKind::Notice) if notice.stuck_why.is_some() => "UNPUBLISHABLE",
        (Requested, CaseKind::Notice) => "REQUESTED",
        (Requested | Returned, CaseKind::Diffusion) => "NOT REVIEWED",
        (Returned, CaseKind::Notice) => "RETURNED",
        (Refused, CaseKind::Notice) => "REFUSED",
        (Refused, CaseKind::Diffusion) => "NOT COMPLIANT",
        (Published, CaseKind::Notice) => "published",
        (Published, CaseKind::Diffusion) => "reviewed",
        (Suspended, _) => "SUSPENDED",
        (Cancelled, _) => "CANCELLED",
        (Withdrawn, _) => "WITHDRAWN",
        (Expired, _) => "EXPIRED",
        (Replaced, _) => "REPLACED",
        (Void, _) => "VOID",
    };
    mark.to_owned()
}

pub(super) fn show(id: &str, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let detail = node.ask(node.api.notice_detail(id))?;
    let network = node.ask(node.api.network())?;
    let reviewers = reviewed_by(&network.reviewers, network.quorum);
    output::either(global, &detail, |detail| text(detail, &reviewers))?;
    if !detail.files.is_empty() {
        let id = listing::short(&detail.notice.id);
        output::remark(global, &format!("save the files with: ecomesh attachments {id} --save DIR"));
    }
    Ok(ExitCode::Ok)
}

fn text(detail: &NoticeDetail, reviewers: &str) -> String {
    let notice = &detail.notice;
    let mut lines = vec![
        format!("id         {}", notice.id),
        format!("what       {}", what(notice)),
        format!("standing   {}", standing_words(notice)),
        format!("source     {}", notice.source),
        format!("for        {}", listing::addressees(&notice.to)),
        format!("requested  {} (its author's clock)", times::show(notice.requested_at_ms)),
        format!("reviewed   by {reviewers}"),
    ];
    lines.extend(review::lines(detail));
    if let Some(ends) = notice.ends_at_ms {
        let is_renewed = detail.next.iter().any(|next| next.steps.iter().any(|step| step == "renew"));
        let unless = if is_renewed { " unless it is renewed" } else { "" };
        lines.push(format!("ends       {}{unless}", times::show(ends)));
    }
    if notice.exercise {
        lines.push("EXERCISE   this is not a real case".into());
    }
    lines.extend(review::next_lines(detail));
    lines.push(String::new());
    lines.push("HISTORY".into());
    for step in &detail.history {
        let reasons =
            if step.reasons.is_empty() { String::new() } else { format!(": {}", step.reasons.join(", ")) };
        let of = step.text.as_deref().map(|id| format!(" (text {})", listing::short(id))).unwrap_or_default();
        let void = step.void.as_deref().map(|rule| format!(" WITHOUT EFFECT, {rule}")).unwrap_or_default();
        let words = format!("{}{reasons}{of}{void}", step.step);
        lines.push(format!(
            "  {}  {:<8} {}",
            times::show(step.at_ms),
            step.member,
            output::printable(&words)
        ));
    }
    lines.push(String::new());
    if let Some(id) = &detail.rendered_id {
        let in_force = notice.text.as_deref() == Some(id.as_str());
        let how = if in_force { "in force" } else { "not in force" };
        lines.push(format!("TEXT {} ({how})", listing::short(id)));
    }
    lines.extend(attachments::lines(&detail.files));
    match (&detail.rendered, &detail.unreadable) {
        (Some(text), _) => lines.extend(text.lines().map(output::rendered)),
        (None, why) => {
            let why = why.as_deref().unwrap_or("it is not here");
            lines.push(format!("(the text cannot be shown: {})", output::printable(why)));
        }
    }
    if let (Some(waiting), Some(id)) = (&detail.waiting, &notice.pending) {
        lines.push(String::new());
        lines.push(format!("TEXT {} (waits for its review, not in force)", listing::short(id)));
        lines.extend(attachments::lines(&detail.waiting_files));
        lines.extend(waiting.lines().map(output::rendered));
    }
    if !detail.problems.is_empty() {
        lines.push(String::new());
        lines.push("WHAT THE RULES FIND".into());
        for problem in &detail.problems {
            lines.push(output::printable(&format!("  {}: {}", problem.path, problem.message)));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(kind: CaseKind, colour: &str, standing: NoticeStanding) -> NoticeView {
        NoticeView {
            id: "3f9a2c71d0".repeat(6),
            kind,
            colour: colour.into(),
            source: "KE".into(),
            standing,
            reasons: Vec::new(),
            in_force: kind == CaseKind::Diffusion,
            subject: "EXAMPLE, Ali Juma, of a family with a long name".into(),
            reference: None,
            requested_at_ms: 1_800_000_000_000,
            ends_at_ms: None,
            text: None,
            pending: None,
            approved_by: Vec::new(),
            quorum: 2,
            votes: Vec::new(),
            stuck_why: None,
            to: Vec::new(),
            exercise: false,
            state: RecordState::Valid,
        }
    }

    /// The lines of a list of one for each standing and kind, at a width.
    fn lines(columns: usize) -> Vec<(CaseKind, NoticeStanding, String)> {
        let standings = StandingArg::value_variants().iter().map(|standing| NoticeStanding::from(*standing));
        let both = [(CaseKind::Notice, "orange"), (CaseKind::Diffusion, "orange")];
        let all = standings.flat_map(|standing| both.map(|(kind, colour)| (kind, colour, standing)));
        let all: Vec<_> = all.collect();
        let notices: Vec<_> =
            all.iter().map(|(kind, colour, standing)| notice(*kind, colour, *standing)).collect();
        let text = table(&notices).render_in(columns);
        let rows = text.lines().skip(1).map(str::to_owned);
        all.into_iter().zip(rows).map(|((kind, _, standing), row)| (kind, standing, row)).collect()
    }

    #[test]
    fn what_is_not_reviewed_says_so_at_every_width() {
        for columns in [60, 80, 120, usize::MAX] {
            for (kind, standing, row) in lines(columns) {
                let marks =
                    ["REQUESTED", "RETURNED", "NOT REVIEWED", "not reviewed", "returned, not published"];
                let is_marked = marks.iter().any(|mark| row.contains(mark));
                let waits = matches!(standing, NoticeStanding::Requested | NoticeStanding::Returned);
                assert_eq!(is_marked, waits, "{columns} {kind:?} {standing:?}: {row}");
                assert!(columns == usize::MAX || row.chars().count() <= columns, "{columns}: {row}");
                // Only the subject is cut.
                let cut = row.matches('…').count();
                assert!(cut == 0 || (cut == 1 && row.ends_with('…')), "{columns}: {row}");
                assert!(columns < usize::MAX || cut == 0, "{row}");
            }
        }
    }

    #[test]
    fn what_waits_in_vain_has_a_mark_of_its_own() {
        let stuck = NoticeView {
            stuck_why: Some(ecomesh_api::StuckWhy::Decided),
            ..notice(CaseKind::Notice, "red", NoticeStanding::Requested)
        };
        assert!(standing_words(&stuck).contains("cannot be published any more"));
        assert!(table(&[stuck]).render_in(60).contains("UNPUBLISHABLE"));
    }

    #[test]
    fn what_no_new_text_helps_does_not_ask_for_one() {
        use ecomesh_api::StuckWhy::{Decided, NoReviewers, NoneCanRead, OwnReview};
        let told = |kind, why| {
            let stuck_why = Some(why);
            let notice = NoticeView { stuck_why, ..notice(kind, "red", NoticeStanding::Requested) };
            format!("{}\n{}", standing_words(&notice), review::why_stuck(&notice).unwrap_or_default())
        };
        let (request, diffusion) = (CaseKind::Notice, CaseKind::Diffusion);
        for (kind, why, words) in [
            (request, NoReviewers, "there are no reviewers: it is never published"),
            (request, NoneCanRead, "no reviewer can read it: it is never published"),
            (request, OwnReview, "KE may not review its own"),
            (diffusion, NoneCanRead, "no reviewer can read it: it is never approved"),
        ] {
            let told = told(kind, why);
            assert!(told.contains(words), "{told}");
            assert!(!told.contains("STUCK") && !told.contains("notice update"), "{told}");
        }
        // It is in circulation whether there are reviewers or not.
        assert_eq!(told(diffusion, NoReviewers), "in circulation, NOT REVIEWED yet\n");
        for kind in [request, diffusion] {
            let told = told(kind, Decided);
            assert!(told.contains("STUCK") && told.contains("ecomesh notice update"), "{told}");
        }
    }
}
