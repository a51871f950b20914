//! The lines of a batch, page by page.

use axum::Json;
use axum::extract::Path;
use ecomesh_api::limits::{LISTING_DEFAULT, LISTING_MAX};
use ecomesh_api::{EntryStanding, LineListing, LineQuery, LineView, Problem};
use ecomesh_document::Document;
use ecomesh_document::entry::Batch;
use ecomesh_document::projection::batches::BatchItem;

use super::show::told;
use super::{find_line, is_disputed, named_text};
use crate::http::extract::{ApiQuery, Live, bad_request};
use crate::http::{Refusal, Services, records};

/// The lines of a batch, in their order. Of one that is withdrawn it is told when and why, and not what it said.
#[utoipa::path(
    get, path = "/v1/entries/{id}/lines",
    params(("id" = String, Path, description = "The id of the batch, or at least 6 digits of it"), LineQuery),
    responses(
        (status = 200, body = LineListing), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 423, body = Problem),
    )
)]
pub(in crate::http) async fn lines(
    Live(services): Live,
    Path(id): Path<String>,
    ApiQuery(query): ApiQuery<LineQuery>,
) -> Result<Json<LineListing>, Refusal> {
    let listing = services.read(move |services| listing(services, &id, &query)).await?;
    Ok(Json(listing))
}

fn listing(services: &Services, id: &str, query: &LineQuery) -> Result<LineListing, Refusal> {
    let limit = query.limit.unwrap_or(LISTING_DEFAULT);
    if !(1..=LISTING_MAX).contains(&limit) {
        return Err(bad_request(format!("limit is {limit}; a page has 1 to {LISTING_MAX} lines")));
    }
    let (item, record) = find_line(services, id, 1)?;
    let batch = match records::document_of(services, &record) {
        Ok(Document::Batch(batch)) => batch,
        Ok(other) => return Err(bad_request(format!("it is no batch but: {}", other.heading()))),
        Err(why) => return Err(bad_request(format!("its lines cannot be shown: {why}"))),
    };
    let after = query.after.unwrap_or(0);
    let page = (after.saturating_add(1)..=item.lines()).take(limit);
    let lines: Vec<LineView> = page.map(|line| line_view(services, &item, &batch, line)).collect();
    // A page has at most some hundred lines.
    let last = after.saturating_add(u32::try_from(lines.len()).unwrap_or(u32::MAX));
    Ok(LineListing { lines, count: item.lines(), next: (last < item.lines()).then_some(last) })
}

fn line_view(services: &Services, item: &BatchItem, batch: &Batch, line: u32) -> LineView {
    let disputed = |position: &_| is_disputed(services, position);
    let standing = item.standing(line, services.now().0, disputed);
    let (standing, reason) = standing.map_or((EntryStanding::Void, None), told);
    let withdrawal = item.withdrawal(Some(line), disputed);
    let entry = batch.entry(line).filter(|_| standing != EntryStanding::Withdrawn);
    LineView {
        id: named_text(item.id(), Some(line)),
        standing,
        reason,
        withdrawn_at_ms: withdrawal.map(|(place, _)| place.position.when_ms),
        subject: entry.as_ref().map_or_else(String::new, ecomesh_document::entry::DatabaseEntry::subject),
        reference: entry
            .as_ref()
            .and_then(|entry| entry.source()?.reference.as_ref().map(ToString::to_string)),
    }
}
