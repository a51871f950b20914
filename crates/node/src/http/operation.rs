//! What watchdogs, monitoring and developers ask.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use ecomesh_api::{Health, Problem, Ready};
use ecomesh_protocol::ledger::Room;

use super::extract::Live;
use super::{Refusal, Services, Shared, openapi};
use crate::metrics::Snapshot;

/// The process answers.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok".into(), version: env!("CARGO_PKG_VERSION").into() })
}

/// Whether the node takes and gives messages; if not, how far its start has come.
#[utoipa::path(get, path = "/ready", responses((status = 200, body = Ready), (status = 503, body = Ready)))]
pub(crate) async fn ready(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let mut ready = Ready::clone(&shared.progress.load());
    if let Ok(services) = shared.services()
        && let Some(not_ready) = waiting(&services).await
    {
        ready = not_ready;
    }
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready))
}

/// Everything that is counted, in the Prometheus text format.
#[utoipa::path(
    get, path = "/metrics",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"), (status = 503, body = Problem))
)]
pub(crate) async fn metrics(
    State(shared): State<Arc<Shared>>,
    Live(services): Live,
) -> Result<impl IntoResponse, Refusal> {
    let (status, peers) = services.core.query(|core, now| (core.status(now), core.peers(now))).await?;
    let snapshot = Snapshot {
        status,
        behind: peers.iter().filter(|peer| peer.behind > 0).count(),
        ahead: peers.iter().filter(|peer| peer.ahead > 0).count(),
        core_waiting: services.core.waiting(),
        verify_waiting: services.pool.waiting(),
        sealed_unopened: services.mail.waiting(),
        locked: services.mail.safe().is_locked(),
    };
    let text = shared.metrics.render(&snapshot, &services.net);
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, body = Object)))]
pub(crate) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi::document())
}

/// What a running node still waits for before it takes and gives messages; `None` if nothing.
async fn waiting(services: &Services) -> Option<Ready> {
    let not_ready = |percent, doing: &str| Some(Ready { ready: false, percent, doing: doing.into() });
    let look = services.core.query(|core, now| (core.status(now), core.peers(now)));
    let Ok(Ok((status, peers))) = tokio::time::timeout(CORE_TIMEOUT, look).await else {
        return not_ready(100, "the core does not answer; see the log");
    };
    if status.room < Room::Plenty {
        return not_ready(100, "no space left: it takes no messages until there is space on its disk");
    }
    let recovering = status.recovering_ms.is_some();
    // A store that did not open was replaced by an empty one. Without a peer that has more, it is as full as can be.
    let missing = peers.iter().filter(|peer| peer.connected).map(|peer| peer.ahead).max().unwrap_or(0);
    if services.refilling && (recovering || missing > 0) {
        let all = status.records.saturating_add(missing).max(1);
        let percent = u8::try_from(status.records.saturating_mul(100) / all).unwrap_or(100).min(99);
        return not_ready(
            percent,
            &format!("fetching records again from peers, {} of {all}", status.records),
        );
    }
    if recovering { not_ready(99, "asking the peers for this bureau's own history") } else { None }
}

/// A core that does not answer a question within this is stuck, or its disk is.
const CORE_TIMEOUT: Duration = Duration::from_secs(5);
