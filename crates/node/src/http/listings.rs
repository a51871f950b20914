//! Inbox and outbox.

use std::sync::Arc;

use axum::Json;
use ecomesh_api::limits::{LISTING_DEFAULT, LISTING_MAX};
use ecomesh_api::{DeliveryView, Listing, ListingQuery, MessageView, Problem, RecordState};
use ecomesh_protocol::core::Delivery;
use ecomesh_record::{MemberId, Position, Time};

use super::extract::{ApiQuery, Live, bad_request};
use super::node::member_of;
use super::{Refusal, Services, damaged, records};
use crate::core_thread::NodeCore;
use crate::views::{self, Entry, Filter, Folder, Key, Page};

/// What other bureaus sent to this one, newest first.
#[utoipa::path(
    get, path = "/v1/inbox", params(ListingQuery),
    responses((status = 200, body = Listing), (status = 400, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn inbox(
    Live(services): Live,
    ApiQuery(query): ApiQuery<ListingQuery>,
) -> Result<Json<Listing>, Refusal> {
    let mut listing = list(&services, Folder::Inbox, &query).await?;
    if query.all == Some(true) && query.cursor.is_none() {
        let filter = filter(&services, &query)?;
        listing.messages.splice(0..0, early(&services, &filter).await?);
    }
    Ok(Json(listing))
}

/// What this bureau sent, newest first.
#[utoipa::path(
    get, path = "/v1/outbox", params(ListingQuery),
    responses((status = 200, body = Listing), (status = 400, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn outbox(
    Live(services): Live,
    ApiQuery(query): ApiQuery<ListingQuery>,
) -> Result<Json<Listing>, Refusal> {
    Ok(Json(list(&services, Folder::Outbox, &query).await?))
}

async fn list(services: &Arc<Services>, folder: Folder, query: &ListingQuery) -> Result<Listing, Refusal> {
    let filter = filter(services, query)?;
    // Each row of the inbox is for this bureau, or none; each of the outbox for the member that is asked for.
    let reader = if folder == Folder::Inbox { Some(services.own) } else { filter.member };
    let limit = query.limit.unwrap_or(LISTING_DEFAULT);
    if !(1..=LISTING_MAX).contains(&limit) {
        return Err(bad_request(format!("limit is {limit}; a page has 1 to {LISTING_MAX} entries")));
    }
    let all = filter.all;
    let look = move |services: &Services| {
        let Services { reader, views, roster, .. } = services;
        views::list(reader, views, roster, (folder, &filter), limit, services.now()).map_err(|e| damaged(&e))
    };
    let Page { entries, next } = services.read(look).await?;
    let deliveries = match folder {
        Folder::Inbox => vec![None; entries.len()],
        Folder::Outbox => deliveries(services, &entries).await?,
    };
    let messages = services
        .read(move |services| {
            let rows = entries.into_iter().zip(deliveries);
            let rows =
                rows.filter_map(|((entry, state), delivery)| row(services, &entry, state, delivery, reader));
            // That a text went with its notice is known once it is read.
            Ok(rows.filter(|row| all || row.state != RecordState::Erased).collect())
        })
        .await?;
    Ok(Listing { messages, next: next.map(Key::to_cursor) })
}

fn filter(services: &Services, query: &ListingQuery) -> Result<Filter, Refusal> {
    let before = match &query.cursor {
        None => None,
        Some(text) => Some(Key::from_cursor(text).ok_or_else(|| {
            bad_request("the cursor is not one that this API gave; leave it out to begin with the newest")
        })?),
    };
    Ok(Filter {
        member: query.member.as_deref().map(|text| member_of(services, text)).transpose()?,
        since: Time(query.since_ms.unwrap_or(0)),
        all: query.all == Some(true),
        before,
    })
}

/// A row, with what its document says of itself. None of what is closed to `reader`: its header is addressed to all, and it
/// is for the members of a group.
fn row(
    services: &Services,
    entry: &Entry,
    state: RecordState,
    delivery: Option<Delivery>,
    reader: Option<MemberId>,
) -> Option<MessageView> {
    // A row is shown even if the store cannot read its record: the log tells of that.
    let record = services.reader.record(entry.position).ok().flatten();
    let is_closed =
        |member| record.as_ref().is_some_and(|record| services.mail.is_closed_to(record.header(), member));
    if reader.is_some_and(is_closed) {
        return None;
    }
    let view = records::message_view(entry, state, record.as_ref(), services);
    let delivery = match &record {
        Some(record) => delivery.map(|delivery| records::to_readers(services, record, delivery)),
        None => delivery,
    };
    Some(MessageView { delivery: delivery.as_ref().map(delivery_view), ..view })
}

async fn deliveries(
    services: &Services,
    entries: &[(Entry, RecordState)],
) -> Result<Vec<Option<Delivery>>, Refusal> {
    let positions: Vec<Position> = entries.iter().map(|(entry, _)| entry.position).collect();
    let look = move |core: &NodeCore, _| positions.into_iter().map(|p| core.delivery(p)).collect::<Vec<_>>();
    Ok(services.core.query(look).await?)
}

/// How far a record has come, in numbers.
pub(super) fn delivery_view(delivery: &Delivery) -> DeliveryView {
    DeliveryView {
        held: delivery.held_by.len() as u64,
        members: delivery.members as u64,
        delivered: delivery.delivered.iter().filter(|(_, at)| at.is_some()).count() as u64,
        addressees: delivery.delivered.len() as u64,
    }
}

/// Messages to this bureau that wait for their predecessors; they stand before all others.
async fn early(services: &Services, filter: &Filter) -> Result<Vec<MessageView>, Refusal> {
    let own = services.own;
    let waiting = services.core.query(|core, _| core.early()).await?;
    let for_us = waiting.iter().map(|verified| verified.record()).filter(|record| {
        let header = record.header();
        header.is_for(own) && header.kind.is_document()
    });
    let rows = for_us.filter_map(|record| {
        // When it came is told once it has its place; until then its author's clock stands for it.
        let entry = Entry::new(record, None, record.header().created_at);
        let wanted = filter.member.is_none_or(|member| entry.concerns(Folder::Inbox, member));
        let recent = entry.first_seen >= filter.since;
        (wanted && recent).then(|| records::message_view(&entry, RecordState::Early, Some(record), services))
    });
    Ok(rows.take(LISTING_MAX).collect())
}
