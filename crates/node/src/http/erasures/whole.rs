//! What is erased as a whole: of a notice all texts, and an entry by its withdrawal. Whoever erased one text alone would leave the
//! others, which then belong to nothing, and which nobody could take back any more.

use ecomesh_api::{Problem, ProblemCode};
use ecomesh_document::notice::life::Step;
use ecomesh_document::projection::entries::EntryStanding;
use ecomesh_protocol::lives::is_erasable;
use ecomesh_record::{Kind, Record, RecordId};

use crate::board::code_of;
use crate::http::entries::is_disputed;
use crate::http::{Refusal, Services, records};

/// What is erased with an own record: itself, and of a notice or diffusion all other texts.
///
/// # Errors
/// What ends in another way: a notice is cancelled before, an entry withdrawn instead, and a step stays.
pub(super) fn with_all_texts(services: &Services, record: Record) -> Result<Vec<Record>, Refusal> {
    let kind = record.header().kind;
    if !kind.is_control() && !is_erasable(kind) {
        return Err(refusal(
            &record,
            "is a step in the life of a notice or an entry, and stays",
            "what was done is not undone by an erasure: take the next step, or ask for a new notice, or enter it anew",
        ));
    }
    match kind {
        Kind::NOTICE | Kind::DIFFUSION => texts_of_notice(services, record),
        Kind::ENTRY | Kind::ENTRY_BATCH => {
            check_entry(services, &record)?;
            Ok(vec![record])
        }
        _ => Ok(vec![record]),
    }
}

fn texts_of_notice(services: &Services, record: Record) -> Result<Vec<Record>, Refusal> {
    check_read(services)?;
    let case = services.board.look(|projections| projections.notices.case_of(record.id()).cloned())?;
    // A text that belongs to no notice any more goes alone.
    let Some(case) = case else { return Ok(vec![record]) };
    let may_cancel = code_of(services.own)
        .is_some_and(|own| case.open_steps(&own, services.now().0).contains(&Step::Cancel));
    if may_cancel {
        return Err(refusal(
            &record,
            "is a text of a notice or diffusion that has not ended",
            "end it first with `ecomesh notice cancel`, so that all are told to delete their copies; then erase it",
        ));
    }
    let is_text = |id: &RecordId| case.text_of(*id).is_some() && *id != record.id();
    let others = case.records().filter(is_text).map(|id| Ok(records::find(services, &id.to_string())?.0));
    let mut texts = others.collect::<Result<Vec<_>, Refusal>>()?;
    texts.push(record);
    Ok(texts)
}

/// One that its source can withdraw is withdrawn: so it is told of, and no text is left.
fn check_entry(services: &Services, record: &Record) -> Result<(), Refusal> {
    check_read(services)?;
    let disputed = |position: &_| is_disputed(services, position);
    let holds = services.board.look(|projections| {
        let batch =
            projections.batches.batch_of(record.id()).map(|batch| batch.withdrawal(None, disputed).is_none());
        batch.or_else(|| {
            let item = projections.entries.item_of(record.id())?;
            let standing = item.state(disputed).standing(services.now().0);
            Some(matches!(standing, EntryStanding::Active | EntryStanding::Expired))
        })
    })?;
    if holds == Some(true) {
        return Err(refusal(
            record,
            "is an entry of a database",
            "withdraw it with `ecomesh db withdraw ID --reason REASON`: all its texts are destroyed as by an erasure",
        ));
    }
    Ok(())
}

/// Whether it is known to what a text belongs: after a start that is read first.
fn check_read(services: &Services) -> Result<(), Refusal> {
    if !services.board.reads_everything() {
        return Ok(());
    }
    let what =
        "the node still reads its records, and does not know yet to which notices and entries they belong";
    Err(Refusal(Problem::new(ProblemCode::Starting, what).advice("try again in some seconds")))
}

fn refusal(record: &Record, what: &str, advice: &str) -> Refusal {
    let message = format!("record {} {what}", record.id().short());
    Refusal(Problem::new(ProblemCode::AgainstRule, message).advice(advice))
}
