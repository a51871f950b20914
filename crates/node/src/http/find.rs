//! Searching in what this bureau may read, and telling the sources of what was found.
//!
//! A number is looked up exactly, and a hit on another country's entry is told to that country at once, as its owner
//! wants it. A name only suggests: an officer looks at the result, and reports the hit.

mod as_of;
mod filters;
mod hits;
mod order;

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use ecomesh_api::limits::RESULTS_MAX;
use ecomesh_api::{
    FindAnswer, FindRequest, FoundKind, FoundView, NoticeStanding, Problem, ProblemCode, RecordState,
};
use ecomesh_document::Document;
use ecomesh_document::codes::{Code, CodeEntry, CodeList, SearchPurpose};
use ecomesh_document::entry::Batch;
use ecomesh_document::lookup::Number;
use ecomesh_document::projection::entries::EntryStanding;
use ecomesh_document::text::TextError;
use ecomesh_record::{Flags, Record};
use ecomesh_search::text::says_something;

use super::entries::Named;
use super::extract::{ApiJson, Live, bad_request};
use super::paging::state_of;
use super::{Refusal, Services, entries, members, notices, records};
use crate::access_log::Consultation;
use crate::board::index::{Candidate, NUMBERS_MAX, keys_of};
use crate::core_thread::NodeCore;

pub(super) use hits::{__path_list, __path_report, list, report};

/// Results of a search by name or words if nothing else is asked for. Of a number all are given: the source of each is told.
const RESULTS_DEFAULT: usize = 10;
/// Names that are looked at for each result: some do not stand any more, others are not asked for.
const LOOKED_AT: usize = 4;
/// Most candidates of a search by name or words, and most results that are compared.
const CANDIDATES_MAX: usize = 1_000;
/// Longest query in bytes.
const QUERY_BYTES_MAX: usize = 1024;

/// Searches in entries, notices and diffusions that this bureau may read, and writes that into the access log.
#[utoipa::path(
    post, path = "/v1/find", request_body = FindRequest,
    responses(
        (status = 200, body = FindAnswer), (status = 400, body = Problem), (status = 423, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem),
    )
)]
pub(super) async fn find(
    Live(services): Live,
    ApiJson(request): ApiJson<FindRequest>,
) -> Result<Json<FindAnswer>, Refusal> {
    let query = Query::of(&request)?;
    members::check(&services, request.source.as_deref())?;
    // In a task of its own: a client that goes away must not leave a hit without its line in the log, or the reverse.
    let answered = tokio::spawn(answer(services, query, Arc::new(request))).await;
    answered.map_err(|_| Refusal(Problem::new(ProblemCode::Internal, "the search failed")))?.map(Json)
}

async fn answer(
    services: Arc<Services>,
    query: Query,
    request: Arc<FindRequest>,
) -> Result<FindAnswer, Refusal> {
    let asked = request.clone();
    let (unread, Looked { found, more, all }) = services
        .read(move |services| {
            // Before it is looked: what is read in between is found. What it brings itself, as hits, is not counted.
            let unread = query.unread(services);
            Ok((unread, look_up(services, &query, &asked)?))
        })
        .await?;
    // Before anybody is told, and before it is answered.
    log(&services, &request, &found).await?;
    let mut warnings = Vec::new();
    if !all {
        warnings.push("not all that may fit was looked at; narrow the search".to_owned());
    }
    let mut views = Vec::new();
    for Found { mut view, hit } in found {
        if let Some(hit) = hit {
            match hits::tell(&services, hit).await {
                Ok(sent) => view.hit = Some(sent.id),
                Err(refusal) => warnings.push(format!(
                    "{} was not told of the hit on {}: {}",
                    view.source, view.id, refusal.0.message
                )),
            }
        }
        views.push(view);
    }
    let peers = services.core.query(NodeCore::peers).await?;
    let now = services.now();
    let as_of = peers.iter().map(|peer| as_of::of(peer, now));
    Ok(FindAnswer { found: views, more, as_of: as_of.collect(), unread, warnings })
}

/// What is searched for.
enum Query {
    Number(String),
    Name(String),
    Text(String),
}

impl Query {
    fn of(request: &FindRequest) -> Result<Self, Refusal> {
        check_code::<SearchPurpose>("purpose", &request.purpose)?;
        check_line("officer", Some(&request.officer))?;
        check_line("place", request.place.as_deref())?;
        filters::check(request)?;
        if request.limit.is_some_and(|limit| !(1..=RESULTS_MAX).contains(&limit)) {
            return Err(bad_request(format!("a search gives 1 to {RESULTS_MAX} results")));
        }
        let query = match (&request.number, &request.name, &request.text) {
            (Some(number), None, None) => Self::Number(number.clone()),
            (None, Some(name), None) => Self::Name(name.clone()),
            (None, None, Some(text)) => Self::Text(text.clone()),
            _ => return Err(bad_request("search for a number, a name or words, one at a time")),
        };
        check_line("the query", Some(query.text()))?;
        query.check_words()?;
        Ok(query)
    }

    /// Words that stand in every text would find nothing, or everything: neither is an answer.
    fn check_words(&self) -> Result<(), Refusal> {
        match self {
            Self::Number(text) | Self::Name(text) if !text.chars().any(char::is_alphanumeric) => {
                Err(Refusal(
                    Problem::new(ProblemCode::BadRequest, "the query has no letter and no digit")
                        .advice("say what is searched for: --number A1234567 or --name \"Gavrilov, Ivan\""),
                ))
            }
            Self::Text(text) if !says_something(text) => Err(Refusal(
                Problem::new(ProblemCode::BadRequest, "the query has no word that says something").advice(
                    "search for other words; articles and prepositions count in a \"quoted phrase\" alone",
                ),
            )),
            _ => Ok(()),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Number(text) | Self::Name(text) | Self::Text(text) => text,
        }
    }

    /// Records that are here and cannot be found yet: words wait for their index, numbers and names do not.
    fn unread(&self, services: &Services) -> u64 {
        let unread = match self {
            Self::Number(_) | Self::Name(_) => services.board.unlisted(),
            Self::Text(_) => services.board.waiting(),
        };
        unread as u64
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// How many results are given if nothing else is asked for.
    fn limit(&self) -> usize {
        if self.is_number() { RESULTS_MAX } else { RESULTS_DEFAULT }
    }
}

/// One of the codes of a list.
pub(super) fn check_code<L: CodeList>(field: &str, code: &str) -> Result<(), Refusal> {
    let known = Code::<L>::table();
    if known.find(code).is_some() {
        return Ok(());
    }
    let codes: Vec<_> = known.entries().iter().map(CodeEntry::code).collect();
    Err(bad_request(format!("{field} is none of {}", codes.join(", "))))
}

/// A line of text that says something.
pub(super) fn check_line(field: &str, text: Option<&str>) -> Result<(), Refusal> {
    let Some(text) = text else { return Ok(()) };
    if text.len() > QUERY_BYTES_MAX {
        let message = format!("{field} has more than {QUERY_BYTES_MAX} bytes");
        return Err(Refusal(Problem::new(ProblemCode::BadRequest, message).advice("shorten it")));
    }
    ecomesh_document::text::Line::new(text).map(drop).map_err(|error| {
        let advice = match (field, error) {
            ("officer", TextError::Empty) => "say who searches: --officer \"N. 12\" (the field `officer`)",
            ("the query", TextError::Empty) => {
                "say what is searched for: --number A1234567, --name \"Gavrilov, Ivan\" or --text \"pangolin scales\" (the fields `number`, `name`, `text`)"
            }
            _ => error.advice(),
        };
        Refusal(Problem::new(ProblemCode::BadRequest, format!("{field}: {error}")).advice(advice))
    })
}

/// A result, and what its source is told.
struct Found {
    view: FoundView,
    hit: Option<hits::Draft>,
}

/// What was looked at.
struct Looked {
    found: Vec<Found>,
    /// Whether there is more than that.
    more: bool,
    /// Whether everything that may fit was looked at, or enough was found.
    all: bool,
}

/// Candidates that do not stand, or are not asked for, are passed over: so more are taken until enough are found, or there are
/// no more.
fn look_up(services: &Services, query: &Query, request: &FindRequest) -> Result<Looked, Refusal> {
    let limit = request.limit.unwrap_or_else(|| query.limit());
    let mut wanted = limit.saturating_mul(LOOKED_AT);
    let mut best = order::Best::new(limit);
    // More candidates may come with others before them.
    let mut looked_at = HashSet::new();
    let all = loop {
        let candidates = candidates(services, query, wanted)?;
        let count = candidates.len();
        for candidate in candidates {
            if !looked_at.insert((candidate.record, candidate.line)) {
                continue;
            }
            if !filters::takes_score(request, candidate.score) || best.is_complete(candidate.score) {
                return Ok(best.into_looked(true));
            }
            if best.len() >= CANDIDATES_MAX {
                return Ok(best.into_looked(false));
            }
            if let Some(one) = look_at(services, query, request, candidate)? {
                best.take(one);
            }
        }
        let exhausted = count < if query.is_number() { NUMBERS_MAX } else { wanted };
        if query.is_number() || exhausted || wanted >= CANDIDATES_MAX {
            break exhausted;
        }
        wanted = wanted.saturating_mul(2).min(CANDIDATES_MAX);
    };
    Ok(best.into_looked(all))
}

/// What the index has for a query, the best first.
fn candidates(services: &Services, query: &Query, wanted: usize) -> Result<Vec<Candidate>, Refusal> {
    let candidates = services.board.look(|projections| match query {
        Query::Number(number) => Some(projections.index.by_number(number)),
        Query::Name(name) => Some(projections.index.by_name(name, wanted)),
        Query::Text(text) => projections.index.by_text(text, wanted),
    })?;
    candidates.ok_or_else(|| {
        Refusal(
            Problem::new(ProblemCode::Internal, "texts cannot be searched on this node")
                .advice("look at its log; numbers and names can be searched"),
        )
    })
}

/// A candidate, if it stands, fits, and is asked for.
fn look_at(
    services: &Services,
    query: &Query,
    request: &FindRequest,
    candidate: Candidate,
) -> Result<Option<Found>, Refusal> {
    let id = candidate.record;
    if state_of(services, id) != RecordState::Valid {
        return Ok(None);
    }
    let (record, _) = records::find(services, &id.to_string())?;
    let Ok(document) = records::document_of(services, &record) else { return Ok(None) };
    if !filters::takes_record(request, &record, &document) {
        return Ok(None);
    }
    let found = fitting(services, query, request, candidate, &document, &record)?;
    let mut found = found.filter(|found| filters::takes_view(request, &found.view));
    if let Some(found) = &mut found {
        found.view.exercise = record.header().flags.has(Flags::EXERCISE);
        if let Some(hit) = &mut found.hit {
            hit.exercise = found.view.exercise;
        }
    }
    Ok(found)
}

fn fitting(
    services: &Services,
    query: &Query,
    request: &FindRequest,
    candidate: Candidate,
    document: &Document,
    record: &Record,
) -> Result<Option<Found>, Refusal> {
    if let Document::Batch(batch) = document {
        return line_of(services, query, request, candidate, batch);
    }
    let Some(fit) = fit(query, document) else { return Ok(None) };
    match document {
        Document::Entry(_) => entry(services, query, request, candidate, document, fit),
        Document::Notice(_) | Document::Diffusion(_) => notice(services, candidate, document, record),
        Document::Ecomessage(_) | Document::Message(_) => Ok(Some(message(candidate, document, record))),
        _ => Ok(None),
    }
}

/// How a document answers a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// What was searched for is a number of the thing that was entered.
    Met,
    /// By a name, by words, or by a reference: whoever looks that up met nothing, and nobody need be told.
    Found,
}

/// How a document answers a query; `None` if it does not really have the number: of two numbers the index may have seen one.
fn fit(query: &Query, document: &Document) -> Option<Fit> {
    let Query::Number(text) = query else { return Some(Fit::Found) };
    let keys = document.keys();
    let wanted: Vec<_> = keys_of(text).into_iter().filter(|key| keys.contains(key)).collect();
    let is_met = wanted.iter().any(|(number, _)| *number != Number::Reference);
    (!wanted.is_empty()).then_some(if is_met { Fit::Met } else { Fit::Found })
}

fn entry(
    services: &Services,
    query: &Query,
    request: &FindRequest,
    candidate: Candidate,
    document: &Document,
    fit: Fit,
) -> Result<Option<Found>, Refusal> {
    let item = services.board.look(|projections| projections.entries.item_of(candidate.record).cloned())?;
    let Some(item) = item else { return Ok(None) };
    let state = item.state(|position| entries::is_disputed(services, position));
    let holds = state.standing(services.now().0) == EntryStanding::Active
        && state.text.is_some_and(|text| text.place.id == candidate.record);
    let database = item.database().name;
    if !holds {
        return Ok(None);
    }
    let named = Named::alone(&item);
    let view = entry_view(&named, database, document, candidate.score);
    let told = (fit == Fit::Met).then(|| hits::Draft::of(services, &named, document, request, query.text()));
    Ok(Some(Found { view, hit: told.flatten() }))
}

/// An entry of a batch.
fn line_of(
    services: &Services,
    query: &Query,
    request: &FindRequest,
    candidate: Candidate,
    batch: &Batch,
) -> Result<Option<Found>, Refusal> {
    let Some(document) = batch.entry(candidate.line).map(Document::from) else { return Ok(None) };
    let item = services.board.look(|projections| projections.batches.batch_of(candidate.record).cloned())?;
    let Some((item, fit)) = item.zip(fit(query, &document)) else { return Ok(None) };
    let standing =
        item.standing(candidate.line, services.now().0, |position| entries::is_disputed(services, position));
    let database = item.database().name;
    if standing != Some(EntryStanding::Active) {
        return Ok(None);
    }
    let named = Named::line(&item, candidate.line);
    let view = entry_view(&named, database, &document, candidate.score);
    let told = (fit == Fit::Met).then(|| hits::Draft::of(services, &named, &document, request, query.text()));
    Ok(Some(Found { view, hit: told.flatten() }))
}

fn entry_view(named: &Named, database: &str, document: &Document, score: f32) -> FoundView {
    FoundView {
        kind: FoundKind::Entry,
        id: named.to_string(),
        register: Some(database.to_owned()),
        source: named.source.to_string(),
        subject: subject(document),
        reference: document.reference().map(str::to_owned),
        standing: None,
        score,
        exercise: false,
        hit: None,
    }
}

fn notice(
    services: &Services,
    candidate: Candidate,
    document: &Document,
    record: &Record,
) -> Result<Option<Found>, Refusal> {
    let case = services.board.look(|projections| projections.notices.case_of(candidate.record).cloned())?;
    let Some(case) = case else { return Ok(None) };
    let Some(view) = notices::view_of(services, &case)? else { return Ok(None) };
    let is = |text: &Option<String>| text.as_deref() == Some(record.id().to_string().as_str());
    // A text that was replaced or refused is none that anybody should find.
    let waits = matches!(view.standing, NoticeStanding::Requested | NoticeStanding::Returned);
    let stands = (view.in_force && is(&view.text)) || (!view.in_force && waits && is(&view.pending));
    if !stands {
        return Ok(None);
    }
    let kind = match view.kind {
        ecomesh_api::CaseKind::Notice => FoundKind::Notice,
        ecomesh_api::CaseKind::Diffusion => FoundKind::Diffusion,
    };
    let view = FoundView {
        kind,
        id: view.id,
        register: Some(view.colour),
        source: view.source,
        subject: subject(document),
        reference: document.reference().map(str::to_owned),
        standing: Some(view.standing),
        score: candidate.score,
        exercise: false,
        hit: None,
    };
    Ok(Some(Found { view, hit: None }))
}

fn message(candidate: Candidate, document: &Document, record: &Record) -> Found {
    let view = FoundView {
        kind: FoundKind::Message,
        id: candidate.record.to_string(),
        register: None,
        source: record.header().author.to_string(),
        subject: subject(document),
        reference: document.reference().map(str::to_owned),
        standing: None,
        score: candidate.score,
        exercise: false,
        hit: None,
    };
    Found { view, hit: None }
}

fn subject(document: &Document) -> String {
    match document {
        Document::Entry(entry) => entry.subject(),
        Document::Notice(notice) | Document::Diffusion(notice) => notice.subject(),
        other => other.title(),
    }
}

/// Writes a search into the access log. Without that it is not answered.
async fn log(services: &Arc<Services>, request: &FindRequest, found: &[Found]) -> Result<(), Refusal> {
    let (action, query) = match (&request.number, &request.name, &request.text) {
        (Some(number), ..) => ("find-number", number),
        (_, Some(name), _) => ("find-name", name),
        (.., Some(text)) => ("find-text", text),
        _ => return Ok(()),
    };
    let filters = filters::told(request);
    let consultation = Consultation {
        action: action.into(),
        officer: request.officer.clone(),
        purpose: request.purpose.clone(),
        place: request.place.clone(),
        query: query.clone(),
        filters: (!filters.is_empty()).then(|| filters.join(" ")),
        found: found.len() as u64,
        hits: found.iter().filter(|one| one.hit.is_some()).count() as u64,
    };
    services.log(consultation).await
}
