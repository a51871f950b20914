//! Where notices and diffusions stand.

use axum::Json;
use axum::extract::Path;
use ecomesh_api::{
    CaseKind, NextView, NoticeDetail, NoticeListing, NoticeQuery, NoticeStanding, NoticeView, Problem,
    RecordState, StepView, VotesView,
};
use ecomesh_document::codes::{Code, CodeList};
use ecomesh_document::notice::Colour;
use ecomesh_document::notice::life::{Matter, Standing, State, Step, What};
use ecomesh_document::projection::notices::{self, Case};
use ecomesh_document::{Document, render};
use ecomesh_record::{Flags, Kind, MemberId, Record, RecordId};

use super::{find, is_left_out, reviewers};
use crate::http::extract::{ApiQuery, Live, bad_request};
use crate::http::messages::detail;
use crate::http::paging::{Page, page_of, state_of};
use crate::http::{Refusal, Services, damaged, files, members, records};
use crate::views::Entry;

/// Notices in force and diffusions in circulation, the newest first; others if asked for.
#[utoipa::path(
    get, path = "/v1/notices", params(NoticeQuery),
    responses((status = 200, body = NoticeListing), (status = 400, body = Problem), (status = 423, body = Problem))
)]
pub(in crate::http) async fn list(
    Live(services): Live,
    ApiQuery(query): ApiQuery<NoticeQuery>,
) -> Result<Json<NoticeListing>, Refusal> {
    let listing = services.read(move |services| listing(services, &query)).await?;
    Ok(Json(listing))
}

/// All that is known of a notice or a diffusion.
#[utoipa::path(
    get, path = "/v1/notices/{id}",
    params(("id" = String, Path, description = "The id of any of its records, or at least 6 digits of it")),
    responses((status = 200, body = NoticeDetail), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(in crate::http) async fn notice(
    Live(services): Live,
    Path(id): Path<String>,
) -> Result<Json<NoticeDetail>, Refusal> {
    let (mut view, awaited) = services.read(move |services| detailed(services, &id)).await?;
    view.awaits = reviewers::links(&services, &awaited).await?;
    Ok(Json(view))
}

fn listing(services: &Services, query: &NoticeQuery) -> Result<NoticeListing, Refusal> {
    if let Some(colour) = query.colour.as_deref().filter(|name| Colour::from_name(name).is_none()) {
        let known: Vec<_> = ecomesh_document::notice::colour::ALL.iter().map(|colour| colour.name).collect();
        return Err(bad_request(format!("there is no colour {colour}; there are {}", known.join(", "))));
    }
    members::check(services, query.source.as_deref())?;
    let (keys, unread) = services.board.look(|projections| {
        let cases = projections.notices.cases().filter(|case| concerns(case, query));
        let keys = cases.map(|case| (case.place().position.when_ms, case.id())).collect();
        (keys, services.board.unlisted() as u64)
    })?;
    let show = |id: RecordId| -> Result<Option<NoticeView>, Refusal> {
        let case = services.board.look(|projections| projections.notices.case(id).cloned())?;
        let Some(case) = case else { return Ok(None) };
        Ok(view_of(services, &case)?.filter(|view| wanted(view, query)))
    };
    let Page { rows: notices, next } = page_of(keys, query.limit, query.cursor.as_deref(), show)?;
    let review = services.board.review();
    Ok(NoticeListing {
        notices,
        next,
        reviewers: review.reviewers().map(ToString::to_string).collect(),
        quorum: review.quorum() as u64,
        unread,
    })
}

fn concerns(case: &Case, query: &NoticeQuery) -> bool {
    query.colour.as_deref().is_none_or(|colour| case.colour().name == colour)
        && query.source.as_deref().is_none_or(|source| case.source().as_str().eq_ignore_ascii_case(source))
        && query.kind.is_none_or(|kind| kind_of(case) == kind)
}

fn wanted(view: &NoticeView, query: &NoticeQuery) -> bool {
    match query.standing {
        // Of one that is published a new text may wait for its review.
        Some(NoticeStanding::Requested) if view.pending.is_some() => true,
        Some(standing) => view.standing == standing,
        None => query.all == Some(true) || view.in_force,
    }
}

fn first_of(services: &Services, case: &Case) -> Result<Option<Record>, Refusal> {
    let position = services.reader.find(case.id()).map_err(|e| damaged(&e))?;
    let Some(position) = position else { return Ok(None) };
    Ok(services.reader.header(position).map_err(|e| damaged(&e))?.map(|(record, _)| record))
}

/// Where the notice or diffusion of a record stands, if it is one of its texts.
pub(in crate::http) fn standing_of(services: &Services, entry: &Entry) -> Option<NoticeStanding> {
    if !matches!(entry.kind, Kind::NOTICE | Kind::DIFFUSION) {
        return None;
    }
    let case = services.board.look(|projections| projections.notices.case_of(entry.id).cloned()).ok()??;
    let view = view_of(services, &case).ok()??;
    Some(standing_of_text(&view, &entry.id.to_string(), case.text_of(entry.id).is_some()))
}

/// Where a text of a notice or diffusion stands: what holds for the one that is shown holds for no other.
fn standing_of_text(view: &NoticeView, id: &str, is_text: bool) -> NoticeStanding {
    let is = |of: &Option<String>| of.as_deref() == Some(id);
    if !is_text {
        // By somebody who is not its source, or of another colour.
        NoticeStanding::Void
    } else if view.text.is_none() || is(&view.text) {
        view.standing
    } else if is(&view.pending) {
        NoticeStanding::Requested
    } else {
        NoticeStanding::Replaced
    }
}

/// Where a case stands, if the record of its first text is here.
pub(in crate::http) fn view_of(services: &Services, case: &Case) -> Result<Option<NoticeView>, Refusal> {
    Ok(first_of(services, case)?.map(|first| view(services, case, &first)))
}

/// Where a case stands. `first` is the record of its first text.
pub(super) fn view(services: &Services, case: &Case, first: &Record) -> NoticeView {
    let now = services.now();
    let state = case.state(|position| is_left_out(services, position));
    let shown = case.shown(&state, now.0);
    let spoken_of = shown.or_else(|| case.text(&state));
    let text_state = spoken_of.map_or(RecordState::Void, |text| state_of(services, text.place.id));
    let (standing, reasons) = standing(&state.standing_at(now.0));
    let is_here = text_state == RecordState::Valid;
    let header = first.header();
    let approved_by = approved_by(&state);
    let to = records::addressees(services, header);
    let stuck_why = reviewers::why_stuck(services, case, &state, approved_by.len(), &to);
    NoticeView {
        id: case.id().to_string(),
        kind: kind_of(case),
        colour: case.colour().name.to_owned(),
        source: case.source().to_string(),
        // Its text has expired or was erased: nothing stands for which there are no words.
        standing: if text_state == RecordState::Expired { NoticeStanding::Expired } else { standing },
        reasons,
        in_force: shown.is_some() && is_here,
        subject: spoken_of.filter(|_| is_here).map_or_else(String::new, |text| text.subject.clone()),
        reference: spoken_of.filter(|_| is_here).and_then(|text| text.reference.clone()),
        requested_at_ms: case.place().position.when_ms,
        ends_at_ms: state.expires_ms(),
        text: shown.map(|text| text.place.id.to_string()),
        pending: state.pending().map(|version| RecordId(version.0).to_string()),
        approved_by,
        quorum: services.board.review().quorum() as u64,
        votes: votes(case, &state),
        stuck_why,
        to,
        exercise: header.flags.has(Flags::EXERCISE),
        state: text_state,
    }
}

/// Who has approved the text that waits.
fn approved_by(state: &State) -> Vec<String> {
    state.pending().map(|version| voters(state, Matter::Version(version), true)).unwrap_or_default()
}

/// Votes on what is not decided yet.
fn votes(case: &Case, state: &State) -> Vec<VotesView> {
    let mut votes = Vec::new();
    let mut tell = |step: &str, by: Vec<String>| {
        if !by.is_empty() {
            votes.push(VotesView { step: step.to_owned(), by });
        }
    };
    if let Some(version) = state.pending() {
        tell("refuse", voters(state, case.refusal_of(version), false));
    }
    let standing = state.standing_at(0);
    if matches!(standing, Standing::Suspended(_)) {
        tell("reinstate", voters(state, Matter::Suspension, true));
    }
    if !matches!(standing, Standing::Cancelled(_) | Standing::Withdrawn(_) | Standing::Refused(_)) {
        tell("withdraw", voters(state, Matter::Withdrawal, true));
    }
    votes
}

/// Who has voted so on a matter.
fn voters(state: &State, matter: Matter, says: bool) -> Vec<String> {
    state.votes(matter).filter(|(_, said)| *said == says).map(|(who, _)| who.to_string()).collect()
}

/// What the source and the reviewers that can read it could do now. `readers` as of [`reviewers::awaited`].
fn next(services: &Services, case: &Case, readers: &[String]) -> Vec<NextView> {
    let when_ms = services.now().0.max(case.last_ms() + 1);
    let reviewers = services.board.review().reviewers().filter(|reviewer| {
        *reviewer != case.source() && reviewers::can_read(services, case, reviewer, readers)
    });
    let members = std::iter::once(case.source()).chain(reviewers);
    let views = members.map(|member| NextView {
        member: member.to_string(),
        steps: case.open_steps(member, when_ms).into_iter().map(|step| step_name(step).to_owned()).collect(),
    });
    views.filter(|view| !view.steps.is_empty()).collect()
}

fn step_name(step: Step) -> &'static str {
    match step {
        Step::Request => "request",
        Step::Revise => "text",
        Step::Return => "return",
        Step::Refuse => "refuse",
        Step::Attest => "approve",
        Step::Suspend => "suspend",
        Step::Reinstate => "reinstate",
        Step::Renew => "renew",
        Step::Cancel => "cancel",
        Step::Withdraw => "withdraw",
    }
}

fn kind_of(case: &Case) -> CaseKind {
    match case.kind() {
        notices::CaseKind::Notice => CaseKind::Notice,
        notices::CaseKind::Diffusion => CaseKind::Diffusion,
    }
}

fn standing(standing: &Standing) -> (NoticeStanding, Vec<String>) {
    match standing {
        Standing::Nothing => (NoticeStanding::Void, Vec::new()),
        Standing::Requested => (NoticeStanding::Requested, Vec::new()),
        Standing::Returned(missing) => (NoticeStanding::Returned, codes(missing)),
        Standing::Refused(reason) => (NoticeStanding::Refused, codes([reason])),
        Standing::Published => (NoticeStanding::Published, Vec::new()),
        Standing::Suspended(reason) => (NoticeStanding::Suspended, codes([reason])),
        Standing::Cancelled(reason) => (NoticeStanding::Cancelled, codes([reason])),
        Standing::Withdrawn(reason) => (NoticeStanding::Withdrawn, codes([reason])),
        Standing::Expired => (NoticeStanding::Expired, Vec::new()),
    }
}

fn codes<'c, L: CodeList>(codes: impl IntoIterator<Item = &'c Code<L>>) -> Vec<String> {
    codes.into_iter().map(|code| code.as_str().to_owned()).collect()
}

/// All but which of the reviewers that are awaited can be reached, and these.
fn detailed(services: &Services, id: &str) -> Result<(NoticeDetail, Vec<MemberId>), Refusal> {
    let (case, first) = find(services, id)?;
    let state = case.state(|position| is_left_out(services, position));
    let now = services.now().0;
    // Of what is in force that is the text; one that waits for its review stands beside it, and is never taken for it.
    let shown = case.shown(&state, now).map(|text| text.place.id);
    let text = shown.or_else(|| case.text(&state).map(|text| text.place.id));
    let waiting = state.pending().map(|version| RecordId(version.0)).filter(|id| Some(*id) != text);
    let read = |id: RecordId| -> Result<(Record, Result<Document, String>), Refusal> {
        let (record, _) = records::find(services, &id.to_string())?;
        let document = records::document_of(services, &record);
        Ok((record, document))
    };
    let (document, files) = match text.map(read).transpose()? {
        Some((record, Ok(document))) => {
            let files = files::views(services, &record, &document)?;
            (Ok(document), files)
        }
        Some((_, Err(why))) => (Err(why), Vec::new()),
        None => (Err("its text was erased".to_owned()), Vec::new()),
    };
    let waiting = waiting.map(read).transpose()?;
    let waiting = waiting.and_then(|(record, document)| Some((record, document.ok()?)));
    // A review of a text is one of its files too.
    let waiting_files = match &waiting {
        Some((record, document)) => files::views(services, record, document)?,
        None => Vec::new(),
    };
    let waiting = waiting.as_ref().map(|(_, document)| render(document));
    let problems = document.as_ref().map(|document| document.check().problems().iter().map(detail).collect());
    let notice = view(services, &case, &first);
    let awaited = reviewers::awaited(services, &case, &state, &notice.to);
    let detail = NoticeDetail {
        next: next(services, &case, &notice.to),
        notice,
        rendered: document.as_ref().ok().map(render),
        rendered_id: text.map(|id| id.to_string()),
        waiting,
        waiting_files,
        files,
        unreadable: document.as_ref().err().cloned(),
        problems: problems.unwrap_or_default(),
        document: document.ok().map(|document| document.to_json()),
        history: history(services, &case),
        awaits: Vec::new(),
    };
    Ok((detail, awaited))
}

fn history(services: &Services, case: &Case) -> Vec<StepView> {
    let events = case.history(|position| is_left_out(services, position)).into_iter().map(|(event, rule)| {
        let (step, reasons, version) = told(&event.what);
        StepView {
            at_ms: event.position.when_ms,
            member: event.position.who.to_string(),
            step: step.to_owned(),
            reasons,
            text: version.map(|version| RecordId(version).to_string()),
            void: rule.map(ToString::to_string),
        }
    });
    let void = case.void().map(|(position, rule)| StepView {
        at_ms: position.when_ms,
        member: position.who.to_string(),
        step: "text".into(),
        reasons: Vec::new(),
        text: None,
        void: Some(rule.to_string()),
    });
    let mut history: Vec<StepView> = events.chain(void).collect();
    history.sort_by_key(|step| step.at_ms);
    history
}

fn told(what: &What) -> (&'static str, Vec<String>, Option<[u8; 32]>) {
    let (reasons, version) = match what {
        What::Requested { version, .. } | What::Revised { version } | What::Attested { version } => {
            (Vec::new(), Some(version.0))
        }
        What::Returned { version, missing } => (codes(missing), Some(version.0)),
        What::Refused { version, reason } => (codes([reason]), Some(version.0)),
        What::Suspended { reason } => (codes([reason]), None),
        What::Reinstated => (Vec::new(), None),
        What::Renewed { reason, .. } => (vec![reason.to_string()], None),
        What::Cancelled { reason } => (codes([reason]), None),
        What::Withdrawn { reason } => (codes([reason]), None),
    };
    (step_name(what.step()), reasons, version)
}
