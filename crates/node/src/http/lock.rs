//! Locking the node, opening it again, and the door in front of everything that shows or takes documents.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ecomesh_api::{LockView, Problem, ProblemCode, UnlockRequest};
use ecomesh_seal::vault::VaultError;
use zeroize::Zeroizing;

use super::extract::{ApiJson, Live};
use super::{Refusal, Services, Shared};
use crate::core_thread::NodeCore;
use crate::passphrase::{Passphrase, PassphraseError};
use crate::shell::to_net;
use crate::vault::{Locked, StillInWork, VaultFault};

/// Wipes the keys of the mail from memory. Until the passphrase is given again nothing is shown and nothing is sent; the
/// node goes on carrying records. Requests that hold documents end.
#[utoipa::path(
    post, path = "/v1/lock",
    responses((status = 200, body = LockView), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn lock(Live(services): Live) -> Result<Json<LockView>, Refusal> {
    services.mail.safe().lock().await?;
    close_links(&services).await?;
    tracing::info!("locked");
    Ok(Json(LockView { locked: true }))
}

/// Closes all links; they come back at once. A link's buffers hold the last of what went through it, and of records that
/// are open to all members that is what they say.
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
    Live(services): Live,
    ApiJson(request): ApiJson<UnlockRequest>,
) -> Result<Json<LockView>, Refusal> {
    let passphrase = Passphrase::new(Zeroizing::new(request.passphrase.into_bytes()))?;
    let mail = services.mail.clone();
    let opened = tokio::task::spawn_blocking(move || mail.safe().unlock(&passphrase)).await;
    opened.map_err(|_| Refusal(Problem::new(ProblemCode::Internal, "opening the vault failed")))??;
    services.mail.unlocked();
    tracing::info!("unlocked");
    Ok(Json(LockView { locked: false }))
}

/// Lets requests for documents pass while the node is open. One that is in work when the node is locked ends at once.
pub(super) async fn open_only(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    // A node that starts or stops says so itself.
    let Ok(services) = shared.services() else { return next.run(request).await };
    let safe = services.mail.safe();
    let Ok(_in_use) = safe.enter() else { return Refusal::from(Locked).into_response() };
    tokio::select! {
        response = next.run(request) => response,
        () = safe.until_locked() => Refusal::from(Locked).into_response(),
    }
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
impl From<VaultFault> for Refusal {
    fn from(fault: VaultFault) -> Self {
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
