//! A client of the API: over the node's Unix socket, or loopback TCP with a token.

mod connection;
mod error;
mod events;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::limits::{ID_PREFIX_MIN, RESPONSE_BYTES_MAX};
use crate::{
    EntryDetail, EntryDraft, EntryListing, EntryQuery, EraseRequest, ErasuresView, ExportQuery,
    ExtendRequest, ExtensionsView, FindAnswer, FindRequest, FrontierQuery, FrontierView, Health, HitListing,
    HitRequest, Imported, KnownAnswer, KnownRequest, LineListing, LineQuery, Listing, ListingQuery, LockView,
    NetworkView, NodeView, NoticeAudience, NoticeDetail, NoticeDraft, NoticeListing, NoticeQuery, PartQuery,
    PartSent, PeersView, PrekeysView, Problem, Ready, ReceiptRequest, ReceiptView, RecordView, ResendRequest,
    SendRequest, Sent, StatusView, StepRequest, StepSent, UnlockRequest, ViewerQuery, WithdrawRequest,
    WithdrawnView,
};
use connection::Pool;

pub use error::ClientError;
pub use events::{EventStream, Received};

/// What is sent: whole, or as a stream.
type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// How long an ordinary request may take, unless [`Client::with_timeout`] says otherwise: a send waits for the disk.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long an import may take: the records of a whole network, at a few thousand a second.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(6 * 3600);
/// Bytes of an archive that are read and sent at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Speaks to one node. Cheap to clone; clones share one kept-alive connection. Needs a tokio runtime.
#[derive(Debug, Clone)]
pub struct Client {
    pool: Arc<Pool>,
    timeout: Duration,
}

impl Client {
    /// The node with this home, by its Unix socket.
    pub fn for_home(home: &Path) -> Self {
        Self::unix(crate::socket::path(home))
    }

    /// The node with this Unix socket.
    pub fn unix(socket: impl Into<PathBuf>) -> Self {
        Self::new(Pool::unix(socket.into()))
    }

    /// The node at this address, which must be a loopback one: the token travels in clear.
    pub fn tcp(address: SocketAddr, token: &str) -> Self {
        Self::new(Pool::tcp(address, token))
    }

    fn new(pool: Pool) -> Self {
        Self { pool: Arc::new(pool), timeout: TIMEOUT }
    }

    /// Changes how long an ordinary request may take; 30 s at first. Streams have limits of their own.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// `GET /health`: the process answers.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("/health").await
    }

    /// `GET /ready`: whether the node takes and gives messages, and if not, how far its start has come.
    ///
    /// # Errors
    /// [`ClientError`]; a node that is starting is no error here.
    pub async fn ready(&self) -> Result<Ready, ClientError> {
        let response = self.exchange(Method::GET, "/ready", &[], empty()).await?;
        if response.status() == StatusCode::OK || response.status() == StatusCode::SERVICE_UNAVAILABLE {
            return self.read_json(response).await;
        }
        Err(self.refusal(response).await)
    }

    /// `GET /metrics`, in the Prometheus text format.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn metrics(&self) -> Result<String, ClientError> {
        self.get_text("/metrics").await
    }

    /// `GET /openapi.json`: the description of the API.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.get("/openapi.json").await
    }

    /// `GET /v1/node`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn node(&self) -> Result<NodeView, ClientError> {
        self.get("/v1/node").await
    }

    /// `GET /v1/peers`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn peers(&self) -> Result<PeersView, ClientError> {
        self.get("/v1/peers").await
    }

    /// `GET /v1/frontier`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn frontier(&self, query: &FrontierQuery) -> Result<FrontierView, ClientError> {
        self.get(&with_query("/v1/frontier", query)?).await
    }

    /// `GET /v1/network`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn network(&self) -> Result<NetworkView, ClientError> {
        self.get("/v1/network").await
    }

    /// `POST /v1/lock`: returns when no key of the vault and no document is in the node's memory.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn lock(&self) -> Result<LockView, ClientError> {
        self.post("/v1/lock", &()).await
    }

    /// `POST /v1/unlock`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn unlock(&self, request: &UnlockRequest) -> Result<LockView, ClientError> {
        self.post("/v1/unlock", request).await
    }

    /// `POST /v1/messages`: returns once the record is durable. A retry with the same key never makes two records.
    ///
    /// # Errors
    /// [`ClientError`]; after [`ClientError::Timeout`] or [`ClientError::Protocol`] the record may have been made:
    /// retry with the same key.
    pub async fn send(
        &self,
        request: &SendRequest,
        idempotency_key: Option<&str>,
    ) -> Result<Sent, ClientError> {
        self.post_once("/v1/messages", request, idempotency_key).await
    }

    /// `POST /v1/parts`: records a part of a file, at most [`crate::limits::PART_BYTES`]; as [`Client::send`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn part(
        &self,
        bytes: Vec<u8>,
        query: &PartQuery,
        idempotency_key: &str,
    ) -> Result<PartSent, ClientError> {
        let headers = [
            (header::CONTENT_TYPE.as_str(), "application/octet-stream"),
            (crate::IDEMPOTENCY_KEY, idempotency_key),
        ];
        let path = with_query("/v1/parts", query)?;
        let response = self.exchange(Method::POST, &path, &headers, whole(bytes)).await?;
        self.accepted(response).await
    }

    /// `GET /v1/records/{id}/files/{number}`: a file of a message, whole; `number` begins with 1. Whoever saves it compares
    /// its SHA-256 with what the message says.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn file(&self, id: &str, number: usize) -> Result<Vec<u8>, ClientError> {
        let path = format!("/v1/records/{}/files/{number}", digits(id)?);
        let response = self.exchange(Method::GET, &path, &[], empty()).await?;
        if response.status().is_success() {
            self.read_bytes(response).await
        } else {
            Err(self.refusal(response).await)
        }
    }

    /// `GET /v1/inbox`: what other bureaus sent, newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn inbox(&self, query: &ListingQuery) -> Result<Listing, ClientError> {
        self.get(&with_query("/v1/inbox", query)?).await
    }

    /// `GET /v1/outbox`: what this bureau sent, newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn outbox(&self, query: &ListingQuery) -> Result<Listing, ClientError> {
        self.get(&with_query("/v1/outbox", query)?).await
    }

    /// `GET /v1/records/{id}`: by the whole id, or by at least 6 digits that fit one record only.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn record(&self, id: &str) -> Result<RecordView, ClientError> {
        self.get(&format!("/v1/records/{}", digits(id)?)).await
    }

    /// `GET /v1/records/{id}/status`: how far one's own message has come.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self, id: &str) -> Result<StatusView, ClientError> {
        self.get(&format!("/v1/records/{}/status", digits(id)?)).await
    }

    /// `POST /v1/records/{id}/resend`: sends an own message again; as [`Client::send`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn resend(
        &self,
        id: &str,
        request: &ResendRequest,
        idempotency_key: Option<&str>,
    ) -> Result<Sent, ClientError> {
        self.post_once(&format!("/v1/records/{}/resend", digits(id)?), request, idempotency_key).await
    }

    /// `POST /v1/notices`: asks for a notice, sends a diffusion, or gives one a new text; as [`Client::send`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn notice(
        &self,
        draft: &NoticeDraft,
        idempotency_key: Option<&str>,
    ) -> Result<Sent, ClientError> {
        self.post_once("/v1/notices", draft, idempotency_key).await
    }

    /// `POST /v1/notices/audience`: for whom a draft would be, if it may be sent; nothing is recorded.
    ///
    /// # Errors
    /// [`ClientError`], as of [`Client::notice`].
    pub async fn notice_audience(&self, draft: &NoticeDraft) -> Result<NoticeAudience, ClientError> {
        self.post("/v1/notices/audience", draft).await
    }

    /// `POST /v1/notices/{id}/steps`: a step in the life of a notice or diffusion; returns once it is durable.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn notice_step(&self, id: &str, step: &StepRequest) -> Result<StepSent, ClientError> {
        self.post(&format!("/v1/notices/{}/steps", digits(id)?), step).await
    }

    /// `GET /v1/notices`: the newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn notices(&self, query: &NoticeQuery) -> Result<NoticeListing, ClientError> {
        self.get(&with_query("/v1/notices", query)?).await
    }

    /// `GET /v1/notices/{id}`: by the id of any of its records, or by at least 6 digits that fit one record only.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn notice_detail(&self, id: &str) -> Result<NoticeDetail, ClientError> {
        self.get(&format!("/v1/notices/{}", digits(id)?)).await
    }

    /// `POST /v1/entries`: adds an entry, or gives one a new text; as [`Client::send`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_entry(
        &self,
        draft: &EntryDraft,
        idempotency_key: Option<&str>,
    ) -> Result<Sent, ClientError> {
        self.post_once("/v1/entries", draft, idempotency_key).await
    }

    /// `POST /v1/entries/known`: which of these entries this bureau has already.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn known_entries(&self, request: &KnownRequest) -> Result<KnownAnswer, ClientError> {
        self.post("/v1/entries/known", request).await
    }

    /// `POST /v1/entries/{id}/withdrawal`: returns once it is durable.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn withdraw_entry(
        &self,
        id: &str,
        request: &WithdrawRequest,
    ) -> Result<WithdrawnView, ClientError> {
        self.post(&format!("/v1/entries/{}/withdrawal", entry_name(id)?), request).await
    }

    /// `GET /v1/entries`: the newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn entries(&self, query: &EntryQuery) -> Result<EntryListing, ClientError> {
        self.get(&with_query("/v1/entries", query)?).await
    }

    /// `GET /v1/entries/{id}`: by the id of any of its records, or by at least 6 digits that fit one record only.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn entry(&self, id: &str) -> Result<EntryDetail, ClientError> {
        self.entry_for(id, &ViewerQuery::default()).await
    }

    /// [`Client::entry`], for an officer who says who it is and why.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn entry_for(&self, id: &str, viewer: &ViewerQuery) -> Result<EntryDetail, ClientError> {
        self.get(&with_query(&format!("/v1/entries/{}", entry_name(id)?), viewer)?).await
    }

    /// `GET /v1/entries/{id}/lines`: the lines of a batch, in their order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn entry_lines(&self, id: &str, query: &LineQuery) -> Result<LineListing, ClientError> {
        self.get(&with_query(&format!("/v1/entries/{}/lines", digits(id)?), query)?).await
    }

    /// `POST /v1/find`: searches, and writes that into the access log.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn find(&self, request: &FindRequest) -> Result<FindAnswer, ClientError> {
        self.post("/v1/find", request).await
    }

    /// `POST /v1/entries/{id}/hit`: tells the source of an entry that it was found; returns once that is durable.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn report_hit(&self, id: &str, request: &HitRequest) -> Result<Sent, ClientError> {
        self.post(&format!("/v1/entries/{}/hit", entry_name(id)?), request).await
    }

    /// `GET /v1/hits`: hits on entries of this bureau, and its own on those of others, newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn hits(&self) -> Result<HitListing, ClientError> {
        self.get("/v1/hits").await
    }

    /// Posts what a retry under the same key does once.
    async fn post_once<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
        idempotency_key: Option<&str>,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(request).map_err(|e| ClientError::Request(e.to_string()))?;
        let mut headers = vec![(header::CONTENT_TYPE.as_str(), "application/json")];
        headers.extend(idempotency_key.map(|key| (crate::IDEMPOTENCY_KEY, key)));
        let response = self.exchange(Method::POST, path, &headers, whole(body)).await?;
        self.accepted(response).await
    }

    /// `GET /v1/prekeys`: own prekeys, and to which of others a message would be sealed now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn prekeys(&self) -> Result<PrekeysView, ClientError> {
        self.get("/v1/prekeys").await
    }

    /// `POST /v1/records/{id}/receipt`: tells the author of a message what became of it; returns once that is durable.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn receipt(&self, id: &str, request: &ReceiptRequest) -> Result<ReceiptView, ClientError> {
        self.post(&format!("/v1/records/{}/receipt", digits(id)?), request).await
    }

    /// `POST /v1/erasures`: takes back what own messages say; returns once that is durable. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn erase(&self, request: &EraseRequest) -> Result<ErasuresView, ClientError> {
        self.post("/v1/erasures", request).await
    }

    /// `POST /v1/extensions`: keeps what own messages say for longer; returns once that is durable.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn extend(&self, request: &ExtendRequest) -> Result<ExtensionsView, ClientError> {
        self.post("/v1/extensions", request).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(request).map_err(|e| ClientError::Request(e.to_string()))?;
        let headers = [(header::CONTENT_TYPE.as_str(), "application/json")];
        let response = self.exchange(Method::POST, path, &headers, whole(body)).await?;
        self.accepted(response).await
    }

    /// `GET /v1/export`: writes an archive and returns its length in bytes. The node ends an archive with a hash
    /// over all before it; check it before you trust the file.
    ///
    /// # Errors
    /// [`ClientError`]; what was written until then is no whole archive.
    pub async fn export(
        &self,
        query: &ExportQuery,
        out: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u64, ClientError> {
        let path = with_query("/v1/export", query)?;
        let response = self.exchange(Method::GET, &path, &[], empty()).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let mut body = response.into_body();
        let mut length = 0;
        while let Some(frame) = self.in_time(body.frame()).await? {
            let frame = frame.map_err(|e| ClientError::Protocol(format!("the archive broke off: {e}")))?;
            if let Ok(bytes) = frame.into_data() {
                out.write_all(&bytes).await.map_err(|e| ClientError::Output(e.to_string()))?;
                length += bytes.len() as u64;
            }
        }
        out.flush().await.map_err(|e| ClientError::Output(e.to_string()))?;
        Ok(length)
    }

    /// `POST /v1/import`: sends an archive; returns once its records are durable.
    ///
    /// # Errors
    /// [`ClientError`]. Records that were durable by then stay; a second import is harmless.
    pub async fn import(
        &self,
        archive: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Imported, ClientError> {
        let headers = [(header::CONTENT_TYPE.as_str(), crate::ARCHIVE_TYPE)];
        let client = self.clone().with_timeout(IMPORT_TIMEOUT);
        let response = client.exchange(Method::POST, "/v1/import", &headers, streamed(archive)).await?;
        client.accepted(response).await
    }

    /// `GET /v1/events`: what happens from now on, or from behind the event with id `after`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn events(&self, after: Option<&str>) -> Result<EventStream, ClientError> {
        let mut headers = vec![(header::ACCEPT.as_str(), "text/event-stream")];
        headers.extend(after.map(|id| ("last-event-id", id)));
        // A stream of its own connection: the shared one stays free for other requests.
        let request = self.request(Method::GET, "/v1/events", &headers, empty())?;
        let response = self.in_time(self.pool.send_alone(request)).await??;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        Ok(EventStream::new(response.into_body()))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let response = self.exchange(Method::GET, path, &[], empty()).await?;
        self.accepted(response).await
    }

    async fn get_text(&self, path: &str) -> Result<String, ClientError> {
        let response = self.exchange(Method::GET, path, &[], empty()).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let bytes = self.read_bytes(response).await?;
        String::from_utf8(bytes).map_err(|_| ClientError::Protocol("the answer is not UTF-8".into()))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Result<Response<Incoming>, ClientError> {
        let request = self.request(method, path, headers, body)?;
        self.in_time(self.pool.send(request)).await?
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Result<Request<Body>, ClientError> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers.iter().copied().chain(self.pool.headers()) {
            request = request.header(name, value);
        }
        request.body(body).map_err(|e| ClientError::Request(e.to_string()))
    }

    /// The answer of a request that was done, or the problem that it met.
    async fn accepted<T: DeserializeOwned>(&self, response: Response<Incoming>) -> Result<T, ClientError> {
        if response.status().is_success() {
            self.read_json(response).await
        } else {
            Err(self.refusal(response).await)
        }
    }

    async fn refusal(&self, response: Response<Incoming>) -> ClientError {
        let status = response.status();
        match self.read_bytes(response).await {
            Ok(bytes) => match serde_json::from_slice::<Problem>(&bytes) {
                Ok(problem) => ClientError::of(problem),
                Err(_) => ClientError::Protocol(format!("status {status} without a problem of this API")),
            },
            Err(error) => error,
        }
    }

    async fn read_json<T: DeserializeOwned>(&self, response: Response<Incoming>) -> Result<T, ClientError> {
        let bytes = self.read_bytes(response).await?;
        serde_json::from_slice(&bytes).map_err(|e| ClientError::Protocol(e.to_string()))
    }

    async fn read_bytes(&self, response: Response<Incoming>) -> Result<Vec<u8>, ClientError> {
        let body = http_body_util::Limited::new(response.into_body(), RESPONSE_BYTES_MAX);
        let collected = self.in_time(body.collect()).await?;
        Ok(collected.map_err(|e| ClientError::Protocol(e.to_string()))?.to_bytes().to_vec())
    }

    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, ClientError> {
        tokio::time::timeout(self.timeout, work)
            .await
            .map_err(|_| ClientError::Timeout { seconds: self.timeout.as_secs() })
    }
}

fn empty() -> Body {
    whole(Vec::new())
}

fn whole(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

/// A body that is read as it is sent, so that the node's pace is the reader's.
fn streamed(source: impl AsyncRead + Send + Unpin + 'static) -> Body {
    let frames = stream::try_unfold(source, |mut source| async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        let length = source.read(&mut chunk).await?;
        chunk.truncate(length);
        Ok((length > 0).then(|| (Frame::data(Bytes::from(chunk)), source)))
    });
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

fn with_query(path: &str, query: &impl Serialize) -> Result<String, ClientError> {
    let query = serde_urlencoded::to_string(query).map_err(|e| ClientError::Request(e.to_string()))?;
    Ok(if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") })
}

/// An id, or the beginning of one, fit to stand in a path.
fn digits(id: &str) -> Result<String, ClientError> {
    let id = id.trim().to_ascii_lowercase();
    let good = (ID_PREFIX_MIN..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
    if good {
        return Ok(id);
    }
    Err(ClientError::Request(format!(
        "a record is named by its id or by at least its first {ID_PREFIX_MIN} digits (0-9, a-f)"
    )))
}

/// The name of an entry: digits, and behind a full stop the line of a batch.
fn entry_name(name: &str) -> Result<String, ClientError> {
    let Some((id, line)) = name.split_once('.') else { return digits(name) };
    let line: u32 = line.trim().parse().map_err(|_| {
        ClientError::Request("an entry of a batch is named by its id, a full stop and its line".into())
    })?;
    Ok(format!("{}.{line}", digits(id)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_get_into_a_path() {
        assert_eq!(digits(" ABCdef01 ").unwrap(), "abcdef01");
        for bad in ["", "abcde", "../../etc", "abcdefg", &"a".repeat(65), "abcdef/status", "ébcdef"] {
            assert!(matches!(digits(bad), Err(ClientError::Request(_))), "{bad}");
        }
    }

    #[test]
    fn queries_are_escaped() {
        let query = ListingQuery { member: Some("K&E".into()), limit: Some(5), ..Default::default() };
        assert_eq!(with_query("/v1/inbox", &query).unwrap(), "/v1/inbox?member=K%26E&limit=5");
        assert_eq!(with_query("/v1/inbox", &ListingQuery::default()).unwrap(), "/v1/inbox");
    }

    #[tokio::test]
    async fn a_node_that_is_not_there_is_told_with_advice() {
        let home = tempfile::tempdir().unwrap();
        let error = Client::for_home(home.path()).node().await.unwrap_err();
        assert!(matches!(error, ClientError::NodeNotRunning { .. }), "{error:?}");
        assert!(error.advice().contains("ecomesh run"));
    }
}
