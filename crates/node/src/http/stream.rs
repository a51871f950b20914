//! Events as they happen, by Server-Sent Events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use ecomesh_api::{Event, EventEnvelope, Problem};
use futures::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::extract::Live;
use super::{Refusal, Services, Shared, busy};
use crate::events::Cursor;

/// A comment is sent after so much silence, so that a dead connection is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What happens from now on, or from behind `Last-Event-ID`. The data of each event is JSON.
#[utoipa::path(
    get, path = "/v1/events",
    params(("last-event-id" = Option<String>, Header, description = "The id of the last event that was seen")),
    responses((status = 200, body = Event, content_type = "text/event-stream"), (status = 429, body = Problem))
)]
pub(crate) async fn events(
    State(shared): State<Arc<Shared>>,
    Live(services): Live,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let permit = shared.streams.clone().try_acquire_owned();
    let permit = permit.map_err(|_| busy("too many clients listen for events"))?;
    let after = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let cursor = services.hub.begin(after);
    let reader = Reader { services, cursor, stop: shared.stop.subscribe(), _permit: permit };
    let events = stream::unfold(reader, |mut reader| async move {
        let envelope = reader.next().await?;
        Some((Ok::<_, Infallible>(sse(&envelope)), reader))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

struct Reader {
    services: Arc<Services>,
    cursor: Cursor,
    stop: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    /// The next event; `None` when the node stops, since an open stream would hold it up for ever.
    async fn next(&mut self) -> Option<EventEnvelope> {
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => None,
            envelope = self.services.hub.next(&mut self.cursor) => Some(envelope),
        }
    }
}

fn sse(envelope: &EventEnvelope) -> SseEvent {
    // An event is made of strings and numbers, which always have a JSON form.
    let data = serde_json::to_string(&envelope.event).unwrap_or_default();
    SseEvent::default().id(&envelope.id).event(envelope.event.name()).data(data)
}
