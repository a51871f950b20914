//! Connections to a node: one is kept for the next request.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Mutex;

use super::{Body, ClientError};
use crate::socket::Reachable;

/// One endpoint and its idle connection.
pub(super) struct Pool {
    endpoint: Endpoint,
    /// The `host` and, over TCP, `authorization` of every request.
    headers: Vec<(&'static str, String)>,
    idle: Mutex<Option<SendRequest<Body>>>,
}

enum Endpoint {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl Pool {
    pub(super) fn unix(path: PathBuf) -> Self {
        // A Unix socket has no host; HTTP/1.1 wants one (RFC 9112 section 3.2).
        Self::new(Endpoint::Unix(path), vec![("host", "ecomesh".into())])
    }

    pub(super) fn tcp(address: SocketAddr, token: &str) -> Self {
        let headers = vec![("host", address.to_string()), ("authorization", format!("Bearer {token}"))];
        Self::new(Endpoint::Tcp(address), headers)
    }

    fn new(endpoint: Endpoint, headers: Vec<(&'static str, String)>) -> Self {
        Self { endpoint, headers, idle: Mutex::new(None) }
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Sends on the idle connection, or on a new one.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, ClientError> {
        // One that is not ready still carries the answer to another clone, or is closed.
        let idle = self.idle.lock().await.take().filter(SendRequest::is_ready);
        let (request, mut sender) = match idle {
            Some(mut sender) => match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.keep(sender, response).await),
                // The node closed the connection before it saw the request: another one is safe.
                Err(mut error) => match error.take_message() {
                    Some(request) => (request, self.connect().await?),
                    None => return Err(broken(error.error())),
                },
            },
            None => (request, self.connect().await?),
        };
        let response = sender.send_request(request).await.map_err(|e| broken(&e))?;
        Ok(self.keep(sender, response).await)
    }

    /// Sends on a connection that is used for nothing else.
    pub(super) async fn send_alone(&self, request: Request<Body>) -> Result<Response<Incoming>, ClientError> {
        self.connect().await?.send_request(request).await.map_err(|e| broken(&e))
    }

    async fn keep(&self, sender: SendRequest<Body>, response: Response<Incoming>) -> Response<Incoming> {
        *self.idle.lock().await = Some(sender);
        response
    }

    async fn connect(&self) -> Result<SendRequest<Body>, ClientError> {
        let refused = |e: &std::io::Error| ClientError::connect(&self.endpoint.to_string(), e);
        match &self.endpoint {
            Endpoint::Unix(path) => {
                let reachable = Reachable::new(path).map_err(|e| refused(&e))?;
                let stream = UnixStream::connect(reachable.as_path()).await.map_err(|e| refused(&e))?;
                drive(TokioIo::new(stream)).await
            }
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await.map_err(|e| refused(&e))?;
                // Requests are small and each waits for its answer: Nagle's delay would only add to it.
                let _ = stream.set_nodelay(true);
                drive(TokioIo::new(stream)).await
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// The token is not shown.
impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.endpoint)
    }
}

async fn drive(
    io: impl hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
) -> Result<SendRequest<Body>, ClientError> {
    let (sender, connection) = handshake(io).await.map_err(|e| broken(&e))?;
    // Ends when the sender is dropped and the last answer was read, or when the node closes. Its error, if any,
    // comes to the request too.
    tokio::spawn(connection);
    Ok(sender)
}

fn broken(error: &hyper::Error) -> ClientError {
    ClientError::Protocol(format!("the connection broke: {error}"))
}
