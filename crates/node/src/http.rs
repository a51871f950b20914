//! The HTTP API: what clients see of the node. Types and client are in `ecomesh-api`.
//!
//! The API answers from the first moment: while the node starts, every route but `/health`, `/ready` and
//! `/openapi.json` says "starting, n %". Requests at once, bodies and streams are bounded; beyond a bound the client
//! hears `busy` at once rather than waiting.

mod answer;
mod archives;
mod auth;
mod connections;
mod entries;
mod erasures;
mod extract;
mod files;
mod find;
mod listings;
mod lock;
mod members;
mod messages;
mod node;
mod notices;
mod openapi;
mod operation;
mod paging;
mod prekeys;
mod receipts;
mod records;
mod resend;
mod secrecy;
mod serve;
mod shown;
mod stream;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ecomesh_api::limits::{REQUEST_BYTES_MAX, TRANSFERS_MAX};
use ecomesh_api::{Problem, ProblemCode, Ready};
use ecomesh_net::NetHandle;
use ecomesh_protocol::{KeyRing, LedgerError, Roster};
use ecomesh_record::{MemberId, Time};
use ecomesh_store::LedgerReader;
use tokio::sync::{Semaphore, watch};

use crate::access_log::{AccessLog, Consultation};
use crate::board::Board;
use crate::clock;
use crate::core_thread::CoreHandle;
use crate::events::Hub;
use crate::metrics::Metrics;
use crate::pool::PoolHandle;
use crate::sealing::Mail;
use crate::vault::Writer;
use crate::views::Views;

pub use openapi::document as openapi_document;

pub(crate) use answer::Refusal;
pub use auth::TokenError;
pub use serve::BindError;

pub(crate) use connections::Connections;
pub(crate) use receipts::{Openings, is_letter, receipt_view};
pub(crate) use serve::{Listening, bind};

/// What the API knows from the first moment.
pub(crate) struct Shared {
    progress: ArcSwap<Ready>,
    services: ArcSwapOption<Services>,
    stopping: AtomicBool,
    /// Ends event streams and takes no new requests.
    pub(crate) stop: watch::Sender<bool>,
    /// Ends requests that are still in work.
    pub(crate) stop_hard: watch::Sender<bool>,
    pub(crate) connections: Connections,
    pub(crate) metrics: Arc<Metrics>,
    requests: Semaphore,
    streams: Arc<Semaphore>,
    transfers: Arc<Semaphore>,
}

/// What it knows once the core runs.
pub(crate) struct Services {
    pub(crate) own: MemberId,
    pub(crate) roster: Roster,
    pub(crate) core: CoreHandle,
    pub(crate) pool: PoolHandle,
    pub(crate) ring: Arc<ArcSwap<KeyRing>>,
    pub(crate) reader: LedgerReader,
    pub(crate) views: Arc<RwLock<Views>>,
    pub(crate) board: Arc<Board>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) net: NetHandle,
    pub(crate) listening: watch::Receiver<Vec<String>>,
    /// Where each other member is dialled.
    pub(crate) dialled: BTreeMap<MemberId, Vec<String>>,
    pub(crate) started_at: Time,
    /// Whether the store is new because the old one did not open, so that it is being refilled.
    pub(crate) refilling: bool,
    pub(crate) import_bytes_max: u64,
    /// How long after the first withdrawal of a line a batch is written anew, in milliseconds.
    pub(crate) rewrite_after_ms: u64,
    /// Whether authors are told when an officer reads their message.
    pub(crate) tell_opened: bool,
    pub(crate) openings: Openings,
    pub(crate) mail: Arc<Mail>,
    /// So many messages are sealed at once: each takes a thread and a megabyte.
    pub(crate) sealing: Semaphore,
    pub(crate) writer: Writer,
    pub(crate) access_log: AccessLog,
}

impl Shared {
    pub(crate) fn new(requests: usize, streams: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            progress: ArcSwap::from_pointee(Ready { ready: false, percent: 0, doing: "starting".into() }),
            services: ArcSwapOption::empty(),
            stopping: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            stop_hard: watch::Sender::new(false),
            connections: Connections::default(),
            metrics,
            requests: Semaphore::new(requests),
            streams: Arc::new(Semaphore::new(streams)),
            transfers: Arc::new(Semaphore::new(TRANSFERS_MAX)),
        }
    }

    /// Says how far the start has come.
    pub(crate) fn progress(&self, percent: u8, doing: &str) {
        self.progress.store(Arc::new(Ready { ready: false, percent, doing: doing.into() }));
    }

    /// The node runs from now on.
    pub(crate) fn go(&self, services: Services) {
        self.services.store(Some(Arc::new(services)));
        self.progress.store(Arc::new(Ready { ready: true, percent: 100, doing: "ready".into() }));
    }

    /// No new request is taken, and event streams end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.progress.store(Arc::new(Ready { ready: false, percent: 100, doing: "stopping".into() }));
        self.stop.send_replace(true);
    }

    /// Requests that are still in work end now, and let go of the store.
    pub(crate) fn stop_hard(&self) {
        self.stop_hard.send_replace(true);
        self.services.store(None);
    }

    pub(crate) fn services(&self) -> Result<Arc<Services>, Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(stopping());
        }
        self.services.load_full().ok_or_else(|| {
            let progress = self.progress.load();
            let message = format!("starting, {} % ({})", progress.percent, progress.doing);
            Refusal(Problem::new(ProblemCode::Starting, message).advice("try again in a moment"))
        })
    }
}

impl Services {
    /// Runs what reads the store or parses documents on a thread that may wait.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let services = self.clone();
        // A client that goes away does not end the work; what it holds ends before the node counts as locked.
        let in_use = self.mail.safe().enter()?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&services);
            drop(in_use);
            done
        })
        .await;
        done.map_err(|_| Refusal(Problem::new(ProblemCode::Internal, "reading the store failed")))?
    }

    /// Writes a consultation into the access log.
    async fn log(self: &Arc<Self>, consultation: Consultation) -> Result<(), Refusal> {
        let services = self.clone();
        // It waits for the disk.
        let logged =
            tokio::task::spawn_blocking(move || services.access_log.append(clock::wall(), &consultation));
        let logged = logged.await;
        logged.map_err(|_| {
            Refusal(Problem::new(ProblemCode::Internal, "the access log cannot be written"))
        })??;
        Ok(())
    }

    fn views<T>(&self, look: impl FnOnce(&Views) -> T) -> T {
        look(&self.views.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn name_of(&self, member: MemberId) -> String {
        self.roster.charter().member(member).map(|m| m.name.clone()).unwrap_or_default()
    }

    fn now(&self) -> Time {
        clock::wall()
    }
}

/// The API without its door: sockets and tokens come on top.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let documents = Router::new()
        .route("/v1/messages", post(messages::send))
        .route("/v1/parts", post(files::part))
        .route("/v1/records/{id}/files/{number}", get(files::file))
        .route("/v1/inbox", get(listings::inbox))
        .route("/v1/outbox", get(listings::outbox))
        .route("/v1/records/{id}", get(records::record))
        .route("/v1/records/{id}/status", get(records::status))
        .route("/v1/records/{id}/receipt", post(receipts::receipt))
        .route("/v1/records/{id}/resend", post(resend::resend))
        .route("/v1/erasures", post(erasures::erase))
        .route("/v1/extensions", post(erasures::extend))
        .route("/v1/entries", get(entries::list).post(entries::add))
        .route("/v1/entries/known", post(entries::known))
        .route("/v1/entries/{id}", get(entries::entry))
        .route("/v1/entries/{id}/lines", get(entries::lines))
        .route("/v1/entries/{id}/hit", post(find::report))
        .route("/v1/find", post(find::find))
        .route("/v1/hits", get(find::list))
        .route("/v1/entries/{id}/withdrawal", post(entries::withdraw))
        .route("/v1/notices", get(notices::list).post(notices::send))
        .route("/v1/notices/audience", post(notices::audience))
        .route("/v1/notices/{id}", get(notices::notice))
        .route("/v1/notices/{id}/steps", post(notices::step))
        .route("/v1/prekeys", get(prekeys::prekeys))
        .route("/v1/export", get(archives::export))
        .route("/v1/import", post(archives::import).layer(DefaultBodyLimit::disable()))
        .layer(middleware::from_fn_with_state(shared.clone(), lock::open_only));
    documents
        .route("/v1/node", get(node::node))
        .route("/v1/peers", get(node::peers))
        .route("/v1/frontier", get(node::frontier))
        .route("/v1/network", get(node::network))
        .route("/v1/events", get(stream::events))
        .route("/metrics", get(operation::metrics))
        .route("/openapi.json", get(operation::openapi))
        .layer(middleware::from_fn_with_state(shared.clone(), bounded))
        // Watchdogs must get an answer from a busy node too.
        .route("/health", get(operation::health))
        // And a node that is busy must be locked at once.
        .route("/v1/lock", post(lock::lock))
        .route("/v1/unlock", post(lock::unlock))
        .route("/ready", get(operation::ready))
        .fallback(no_such_route)
        .method_not_allowed_fallback(bad_method)
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(middleware::from_fn_with_state(shared.clone(), counted))
        .with_state(shared)
}

async fn no_such_route() -> Refusal {
    Refusal(
        Problem::new(ProblemCode::NoSuchRoute, "this API has no such route")
            .advice("GET /openapi.json describes all routes"),
    )
}

async fn bad_method() -> Refusal {
    Refusal(
        Problem::new(ProblemCode::BadMethod, "this route does not take this method")
            .advice("GET /openapi.json describes all routes"),
    )
}

/// Counts requests by route and status.
async fn counted(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    shared.metrics.request(route.as_deref().unwrap_or("none"), response.status().as_u16());
    response
}

/// Takes so many requests at once and no more. A stream counts until its head is sent; then its own bound holds.
async fn bounded(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Ok(_permit) = shared.requests.try_acquire() else {
        return busy("too many requests at once").into_response();
    };
    let mut hard = shared.stop_hard.subscribe();
    tokio::select! {
        response = next.run(request) => response,
        _ = hard.wait_for(|stop| *stop) => stopping().into_response(),
    }
}

fn stopping() -> Refusal {
    Refusal(Problem::new(ProblemCode::Stopping, "the node is stopping").advice("try again when it runs"))
}

fn busy(message: &str) -> Refusal {
    Refusal(Problem::new(ProblemCode::Busy, message).advice("try again in a moment"))
}

fn damaged(error: &LedgerError) -> Refusal {
    tracing::error!(%error, "the store cannot be read");
    Refusal(Problem::new(ProblemCode::Internal, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NodeConfig;
    use crate::home::Home;
    use ecomesh_api::{Client, ClientError};

    #[tokio::test]
    async fn a_node_that_starts_or_stops_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let shared = Arc::new(Shared::new(4, 4, Arc::new(Metrics::new())));
        let mut listening = bind(&home, &NodeConfig::default(), &shared).await.unwrap();
        shared.progress(42, "reading records");
        let client = Client::for_home(dir.path());
        let ready = client.ready().await.unwrap();
        assert_eq!((ready.ready, ready.percent), (false, 42));
        assert_eq!(client.health().await.unwrap().status, "ok");
        assert_eq!(
            client.node().await,
            Err(ClientError::Starting("starting, 42 % (reading records)".into()))
        );
        assert!(client.openapi().await.unwrap()["paths"].is_object());
        let other = Client::for_home(dir.path());
        shared.stopping.store(true, Ordering::Relaxed);
        match other.node().await {
            Err(ClientError::Refused(problem)) => assert_eq!(problem.code, ProblemCode::Stopping),
            answer => panic!("{answer:?}"),
        }
        shared.stop();
        listening.ended().await;
        assert!(!home.socket_file().exists());
    }
}
