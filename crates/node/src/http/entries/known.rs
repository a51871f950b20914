//! Which entries this bureau has already: a list that is imported again, with some rows corrected, enters these alone.

use std::collections::BTreeSet;

use axum::Json;
use ecomesh_api::limits::KNOWN_MAX;
use ecomesh_api::{EntryStanding, KnownAnswer, KnownRequest, KnownView, Problem, RecordState};
use ecomesh_document::Document;
use ecomesh_document::entry::DatabaseEntry;
use ecomesh_document::projection::batches::BatchItem;
use ecomesh_document::projection::entries::Item;
use ecomesh_record::{Flags, RecordId};

use super::show::told;
use super::{is_disputed, named_text};
use crate::board::Projections;
use crate::http::extract::{ApiJson, Live, bad_request};
use crate::http::paging::state_of;
use crate::http::{Refusal, Services, records};

/// Own records with the same number that are compared. A bureau has a few texts of one thing.
const COMPARED_MAX: usize = 64;

/// Which of these entries this bureau has already: own ones that say the same, and are no exercise.
#[utoipa::path(
    post, path = "/v1/entries/known", request_body = KnownRequest,
    responses(
        (status = 200, body = KnownAnswer), (status = 400, body = Problem), (status = 423, body = Problem),
        (status = 503, body = Problem),
    )
)]
pub(in crate::http) async fn known(
    Live(services): Live,
    ApiJson(request): ApiJson<KnownRequest>,
) -> Result<Json<KnownAnswer>, Refusal> {
    if request.documents.len() > KNOWN_MAX {
        return Err(bad_request(format!("at most {KNOWN_MAX} entries are asked for at once")));
    }
    let answer = services.read(move |services| answer(services, &request.documents)).await?;
    Ok(Json(answer))
}

fn answer(services: &Services, documents: &[serde_json::Value]) -> Result<KnownAnswer, Refusal> {
    // Before it is looked: what is read in between is found, and said to be missing at worst.
    let complete = services.board.has_read_entries_of(services.own);
    // What is no entry was never entered.
    let asked: Vec<Option<DatabaseEntry>> =
        documents.iter().map(|document| DatabaseEntry::carried(document).ok()).collect();
    let own = services.own.as_str();
    let candidates = services.board.look(|projections| {
        let each = (0..).zip(&asked).filter_map(|(n, entry)| Some((n, entry.as_ref()?)));
        each.flat_map(|(n, entry)| own_candidates(projections, own, entry, n)).collect::<BTreeSet<_>>()
    })?;
    let mut entries = vec![None; asked.len()];
    let candidates: Vec<Candidate> = candidates.into_iter().collect();
    for of_record in candidates.chunk_by(|one, next| one.record == next.record) {
        let Some(text) = text_of(services, of_record[0].record)? else { continue };
        for candidate in of_record {
            let (Some(entry), known) = (&asked[candidate.asked], &mut entries[candidate.asked]) else {
                continue;
            };
            // Of several the one that holds counts.
            let holds = |known: &KnownView| known.standing == EntryStanding::Active && !known.replaced;
            if known.as_ref().is_some_and(holds) {
                continue;
            }
            if let Some(view) = same(services, &text, candidate, entry)? {
                *known = Some(view);
            }
        }
    }
    Ok(KnownAnswer { entries, complete })
}

/// A record that may have an entry which is asked for. In the order of the records, so that each is read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    record: RecordId,
    /// Line of a batch, from 1; 0 of a record that is none.
    line: u32,
    /// Which entry is asked for.
    asked: usize,
}

fn own_candidates(
    projections: &Projections,
    own: &str,
    entry: &DatabaseEntry,
    asked: usize,
) -> Vec<Candidate> {
    let is_own = |record: RecordId| {
        let batch = projections.batches.batch_of(record).map(BatchItem::source);
        let source = batch.or_else(|| projections.entries.item_of(record).map(Item::source));
        source.is_some_and(|source| source.as_str() == own)
    };
    // As a line of a batch and alone it has the numbers of what it is of; they say more than a reference.
    let numbers = entry.keys();
    let keys = if numbers.is_empty() { Document::from(entry.clone()).keys() } else { numbers };
    let all = keys.iter().flat_map(|(number, key)| projections.index.by_key(*number, key));
    all.filter(|one| is_own(one.record))
        .take(COMPARED_MAX)
        .map(|one| Candidate { record: one.record, line: one.line, asked })
        .collect()
}

/// What an own record says, if that counts.
fn text_of(services: &Services, id: RecordId) -> Result<Option<Document>, Refusal> {
    if state_of(services, id) != RecordState::Valid {
        return Ok(None);
    }
    let (record, _) = records::find(services, &id.to_string())?;
    if record.header().flags.has(Flags::EXERCISE) {
        return Ok(None);
    }
    Ok(records::document_of(services, &record).ok())
}

/// The entry of a candidate, if it says the same.
fn same(
    services: &Services,
    text: &Document,
    candidate: &Candidate,
    asked: &DatabaseEntry,
) -> Result<Option<KnownView>, Refusal> {
    let Candidate { record, line, .. } = *candidate;
    let disputed = |position: &_| is_disputed(services, position);
    let now = services.now().0;
    let (line, standing, id, replaced) = match text {
        Document::Batch(batch) => {
            if !batch.entry(line).is_some_and(|entry| entry.says_the_same(asked)) {
                return Ok(None);
            }
            let item = services.board.look(|projections| projections.batches.batch_of(record).cloned())?;
            (Some(line), item.and_then(|item| item.standing(line, now, disputed)), record, false)
        }
        Document::Entry(entry) => {
            if !entry.says_the_same(asked) {
                return Ok(None);
            }
            let item = services.board.look(|projections| projections.entries.item_of(record).cloned())?;
            let Some(item) = item else { return Ok(None) };
            let state = item.state(disputed);
            let replaced = state.text.is_none_or(|text| text.place.id != record);
            (None, Some(state.standing(now)), item.id(), replaced)
        }
        _ => return Ok(None),
    };
    let standing =
        standing.map(|standing| told(standing).0).filter(|standing| *standing != EntryStanding::Void);
    Ok(standing.map(|standing| KnownView { id: named_text(id, line), standing, replaced }))
}
