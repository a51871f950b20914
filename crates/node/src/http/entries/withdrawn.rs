//! What is told of what was withdrawn: by whom, when and why, and nothing of what it said.

use ecomesh_api::{EntryDetail, EntryStanding, EntryView, Problem, ProblemCode, RecordState};
use ecomesh_document::codes::{Code, EntryWithdrawal};
use ecomesh_document::projection::Place;
use ecomesh_document::projection::withdrawn::Gone;
use ecomesh_document::{Document, entry};
use ecomesh_record::{Flags, Record, RecordId, Time};

use super::is_disputed;
use crate::founding::text::time_text;
use crate::http::{Refusal, Services, damaged, records};

/// A withdrawal in words.
fn words(withdrawal: &Place, reason: &Code<EntryWithdrawal>) -> String {
    let when = time_text(Time(withdrawal.position.when_ms));
    format!(
        "{} withdrew it at {when}: {}; what it said is not shown any more",
        withdrawal.author(),
        reason.as_str()
    )
}

/// What of a document may be shown: of a withdrawn entry nothing, of a batch the lines that are not withdrawn.
pub(in crate::http) fn left_of(
    services: &Services,
    record: RecordId,
    document: Document,
) -> Result<Document, String> {
    let disputed = |position: &_| is_disputed(services, position);
    let left = services.board.look(|projections| match document {
        Document::Batch(batch) => {
            let Some(item) = projections.batches.batch_of(record) else { return Ok(Document::Batch(batch)) };
            if let Some((place, reason)) = item.withdrawal(None, disputed) {
                return Err(words(place, reason));
            }
            let (lines, _) = item.withdrawn(disputed);
            let left = if lines.is_empty() { Some(*batch) } else { batch.without(&lines) };
            left.map(Document::from).ok_or_else(|| "all of its lines are withdrawn".to_owned())
        }
        document => {
            let item = projections.entries.item_of(record);
            match item.and_then(|item| item.state(disputed).withdrawal()) {
                Some((place, reason)) if matches!(document, Document::Entry(_)) => Err(words(place, reason)),
                _ => Ok(document),
            }
        }
    });
    left.unwrap_or_else(|locked| Err(locked.to_string()))
}

/// Puts into a view that it is withdrawn, and takes out what it said.
pub(super) fn hide(mut view: EntryView, withdrawal: &Place, reason: &Code<EntryWithdrawal>) -> EntryView {
    view.standing = EntryStanding::Withdrawn;
    view.reason = Some(reason.as_str().to_owned());
    view.withdrawn_at_ms = Some(withdrawal.position.when_ms);
    view.subject = String::new();
    view.reference = None;
    view
}

/// All that is told of a withdrawn entry.
pub(super) fn detail_of(view: EntryView, withdrawal: &Place, reason: &Code<EntryWithdrawal>) -> EntryDetail {
    EntryDetail {
        entry: hide(view, withdrawal, reason),
        rendered: None,
        document: None,
        unreadable: Some(words(withdrawal, reason)),
        problems: Vec::new(),
        ignored: Vec::new(),
    }
}

/// What is left of an entry whose text is erased, unless the withdrawal stands where its log is disputed.
pub(super) fn gone(services: &Services, id: RecordId) -> Result<Option<Gone>, Refusal> {
    let gone = services.board.look(|projections| projections.withdrawn.of(id).cloned())?;
    Ok(gone.filter(|gone| !is_disputed(services, &gone.withdrawal.position)))
}

/// It as a row.
pub(super) fn gone_view(services: &Services, gone: &Gone) -> Result<Option<EntryView>, Refusal> {
    // Entries and batches stand in different lanes: its id leads to it.
    let position = services.reader.find(gone.entry.id).map_err(|e| damaged(&e))?;
    let first = position.map(|position| services.reader.header(position)).transpose();
    let Some((first, _)) = first.map_err(|e| damaged(&e))?.flatten() else { return Ok(None) };
    let view = EntryView {
        id: gone.entry.id.to_string(),
        database: String::new(),
        source: gone.source().to_string(),
        standing: EntryStanding::Withdrawn,
        reason: None,
        withdrawn_at_ms: None,
        subject: String::new(),
        reference: None,
        entered_at_ms: gone.entry.position.when_ms,
        until_ms: None,
        text: None,
        to: addressees(services, &first),
        exercise: first.header().flags.has(Flags::EXERCISE),
        state: RecordState::Erased,
    };
    Ok(Some(hide(view, &gone.withdrawal, &gone.reason)))
}

fn addressees(services: &Services, first: &Record) -> Vec<String> {
    records::addressees(services, first.header())
}

/// The refusal of whatever is to be done with it.
pub(super) fn refusal(gone: &Gone) -> Refusal {
    let rule = &entry::rules::ENTRY_WITHDRAWN;
    let message = format!("{} (against a rule: {rule})", words(&gone.withdrawal, &gone.reason));
    Refusal(
        Problem::new(ProblemCode::AgainstRule, message)
            .advice("nothing more is needed; whoever wants it back enters it anew with `ecomesh db add`"),
    )
}
