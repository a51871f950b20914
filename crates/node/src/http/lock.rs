//! Locking the node, opening it again, and the door in front of everything that shows or takes documents.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ecomesh_api::{LockView, Problem, ProblemCode, UnlockRequest};
use ecomesh_seal::vault::VaultError;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::connections::ConnectionId;
use super::extract::{ApiJson, Live};
use super::{Refusal, Services, Shared};
use crate::core_thread::NodeCore;
use crate::passphrase::{Passphrase, PassphraseError};
use crate::shell::to_net;
use crate::vault::{Locked, StillInWork, UnlockError, VaultFault};

/// How long requests in work may take to end by themselves. A message that the core has is recorded, and its client is to
/// hear of it.
const SETTLE: Duration = Duration::from_secs(2);
/// How long it may take until nothing is held, once the connections of clients are cut.
const LET_GO: Duration = Duration::from_secs(10);

/// Wipes the keys of the mail from memory. Until the passphrase is given again nothing is shown and nothing is sent; the
/// node goes on carrying records. Connections of clients end, with what was on its way in them.
#[utoipa::path(
    post, path = "/v1/lock",
    responses((status = 200, body = LockView), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn lock(
    State(shared): State<Arc<Shared>>,
    Live(services): Live,
    ConnectInfo(asking): ConnectInfo<ConnectionId>,
) -> Result<impl IntoResponse, Refusal> {
    let _spared = shared.connections.spare(asking);
    // In a task of its own: a client that goes away must not leave the node half locked.
    let locking = tokio::spawn(lock_now(shared.clone(), services));
    let locking = locking.await;
    let lasts = locking.map_err(|_| Refusal(Problem::new(ProblemCode::Internal, "locking failed")))??;
    Ok(([(CONNECTION, "close")], Json(LockView { locked: true, lasts })))
}

/// Returns whether the node stays locked when it is started again.
async fn lock_now(shared: Arc<Shared>, services: Arc<Services>) -> Result<bool, Refusal> {
    let locking = services.mail.safe().lock().await;
    // Whether they end or not, what they may hold goes with their connections.
    let _ = locking.let_go(SETTLE).await;
    services.board.close();
    // Buffers of connections keep what went through them for as long as these stand: documents to clients, and on links
    // what is open to all members.
    let ended = shared.connections.cut();
    if let Err(error) = close_links(&services).await {
        tracing::warn!(error = %error.0, "links were not closed");
    }
    locking.let_go(LET_GO).await?;
    timeout(LET_GO, ended).await.map_err(|_| StillInWork)?;
    tracing::info!("locked");
    Ok(locking.lasts)
}

/// Closes all links; they come back at once.
async fn close_links(services: &Services) -> Result<(), Refusal> {
    let peers = services.core.query(NodeCore::peers).await?;
    for key in peers.into_iter().filter(|peer| peer.connected).filter_map(|peer| peer.peer) {
        if let Err(error) = services.net.disconnect(to_net(key)) {
            tracing::warn!(%error, "a link was not closed");
        }
    }
    Ok(())
}

/// Opens the mail again.
#[utoipa::path(
    post, path = "/v1/unlock", request_body = UnlockRequest,
    responses((status = 200, body = LockView), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn unlock(
    State(shared): State<Arc<Shared>>,
    Live(services): Live,
    ConnectInfo(asking): ConnectInfo<ConnectionId>,
    ApiJson(request): ApiJson<UnlockRequest>,
) -> Result<Json<LockView>, Refusal> {
    // It waits for a lock that is under way.
    let _spared = shared.connections.spare(asking);
    let passphrase = Passphrase::new(Zeroizing::new(request.passphrase.into_bytes()))?;
    let mail = services.mail.clone();
    let opened = tokio::task::spawn_blocking(move || mail.unlock(&passphrase)).await;
    let opened =
        opened.map_err(|_| Refusal(Problem::new(ProblemCode::Internal, "opening the vault failed")))?;
    if let Err(error) = opened {
        tracing::warn!(%error, "the node stays locked");
        return Err(error.into());
    }
    services.board.open();
    tracing::info!("unlocked");
    Ok(Json(LockView { locked: false, lasts: true }))
}

/// Lets requests for documents pass while the node is open. One that is in work when the node is locked may end.
pub(super) async fn open_only(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    // A node that starts or stops says so itself.
    let Ok(services) = shared.services() else { return next.run(request).await };
    let Ok(_in_use) = services.mail.safe().enter() else { return Refusal::from(Locked).into_response() };
    next.run(request).await
}

impl From<StillInWork> for Refusal {
    fn from(error: StillInWork) -> Self {
        Self(
            Problem::new(ProblemCode::Busy, error.to_string())
                .advice("run `ecomesh lock` again in a moment; it says when nothing is left"),
        )
    }
}

impl From<PassphraseError> for Refusal {
    fn from(error: PassphraseError) -> Self {
        Self(Problem::new(ProblemCode::WrongPassphrase, error.to_string()))
    }
}

/// Why the vault did not open.
impl From<UnlockError> for Refusal {
    fn from(error: UnlockError) -> Self {
        let fault = match error {
            UnlockError::Vault(fault) => fault,
            UnlockError::StillInWork(error) => {
                return Self(
                    Problem::new(ProblemCode::Busy, error.to_string()).advice("try again in a moment"),
                );
            }
        };
        let wrong = matches!(fault, VaultFault::Damaged { reason: VaultError::WrongPassphrase, .. });
        Self(if wrong {
            Problem::new(ProblemCode::WrongPassphrase, "the vault does not open with this passphrase; the node stays locked")
                .advice("give the one with which the node was started; if it is right, the vault is damaged: stop the node and put it back from a backup")
        } else {
            Problem::new(ProblemCode::Disk, fault.to_string())
                .advice("look at the node's disk; the node stays locked")
        })
    }
}
