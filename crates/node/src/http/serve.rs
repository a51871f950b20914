//! The sockets of the API.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::middleware;
use axum::serve::{IncomingStream, Listener};
use ecomesh_api::socket::Reachable;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::auth::{self, Token, TokenError};
use super::connections::{ConnectionId, Connections, Open};
use super::{Shared, router};
use crate::config::NodeConfig;
use crate::home::{FileError, Home, files};

/// Connections of clients at once, on each socket.
const CONNECTIONS_MAX: usize = 1024;

/// Why the API does not listen. The operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BindError {
    /// The folder of the socket cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The socket cannot be bound.
    #[error("the API's socket {path} cannot be opened: {reason}; check owner and mode of its folder")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The TCP address is not loopback: the token would travel in clear text.
    #[error(
        "the API listens on loopback only, not on {0}; set api.tcp to 127.0.0.1:PORT and put a proxy with TLS before it"
    )]
    NotLoopback(SocketAddr),
    /// Another process listens there.
    #[error("the API's address {0} is in use; stop the other process, or choose another port in api.tcp")]
    InUse(SocketAddr),
    /// Anything else that the operating system says.
    #[error("the API cannot listen on {address}: {reason}; choose another address in api.tcp")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
}

/// The API's sockets, being served.
pub(crate) struct Listening {
    servers: JoinSet<()>,
    socket: Option<PathBuf>,
    pub(crate) tcp: Option<SocketAddr>,
}

impl Listening {
    /// Waits until all requests are answered. [`Shared::stop`] ends it.
    pub(crate) async fn ended(&mut self) {
        while self.servers.join_next().await.is_some() {}
        self.remove_socket();
    }

    /// Ends what is still open.
    pub(crate) async fn abort(&mut self) {
        self.servers.shutdown().await;
        self.remove_socket();
    }

    /// A socket file that nobody answers would only puzzle people; the next start would remove it too.
    fn remove_socket(&mut self) {
        if let Some(path) = self.socket.take() {
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens the sockets and begins to answer. The home's lock must be held: a socket that is there is a dead one.
pub(crate) async fn bind(
    home: &Home,
    config: &NodeConfig,
    shared: &Arc<Shared>,
) -> Result<Listening, BindError> {
    let mut listening = Listening { servers: JoinSet::new(), socket: None, tcp: None };
    if config.api.socket {
        let path = home.socket_file();
        let listener = bind_unix(&path)?;
        listening.socket = Some(path);
        listening.servers.spawn(serve(
            Limited::new(listener, shared),
            router(shared.clone()),
            shared.stop.subscribe(),
        ));
    }
    if let Some(address) = config.api_tcp() {
        let token_file = match config.api.token_file.as_str() {
            "" => home.token_file(),
            path => PathBuf::from(path),
        };
        files::create_private_dir(&home.api_dir())?;
        let token = Token::load_or_create(&token_file)?;
        let listener = bind_tcp(address).await?;
        listening.tcp = listener.local_addr().ok();
        let guarded = router(shared.clone()).layer(middleware::from_fn_with_state(token, auth::guard));
        listening.servers.spawn(serve(Limited::new(listener, shared), guarded, shared.stop.subscribe()));
    }
    Ok(listening)
}

/// A socket in a folder that only the node's user may enter, before the socket itself gets its mode.
fn bind_unix(path: &Path) -> Result<UnixListener, BindError> {
    let fault = |e: io::Error| BindError::Socket { path: path.into(), reason: e.to_string() };
    if let Some(folder) = path.parent() {
        files::create_private_dir(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(fault)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    let reachable = Reachable::new(path).map_err(fault)?;
    let listener = UnixListener::bind(reachable.as_path()).map_err(fault)?;
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(fault)?;
    Ok(listener)
}

async fn bind_tcp(address: SocketAddr) -> Result<TcpListener, BindError> {
    if !address.ip().is_loopback() {
        return Err(BindError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        ErrorKind::AddrInUse => BindError::InUse(address),
        _ => BindError::Tcp { address, reason: e.to_string() },
    })
}

async fn serve<L>(listener: Limited<L>, router: Router, mut stop: watch::Receiver<bool>)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let stopped = async move {
        // Without a sender the node is gone too.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let service = router.into_make_service_with_connect_info::<ConnectionId>();
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stopped).await {
        tracing::error!(%error, "the API ended");
    }
}

impl<L: Listener> Connected<IncomingStream<'_, Limited<L>>> for ConnectionId {
    fn connect_info(stream: IncomingStream<'_, Limited<L>>) -> Self {
        stream.io().open.id
    }
}

/// A listener that lets so many connections in at once; others wait in the system's queue.
struct Limited<L> {
    inner: L,
    free: Arc<Semaphore>,
    connections: Connections,
}

impl<L: Listener> Limited<L> {
    fn new(inner: L, shared: &Arc<Shared>) -> Self {
        Self {
            inner,
            free: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            connections: shared.connections.clone(),
        }
    }
}

impl<L: Listener> Listener for Limited<L> {
    type Io = Cuttable<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let permit = self.free.clone().acquire_owned().await.ok();
        let (io, address) = self.inner.accept().await;
        let open = self.connections.open();
        let cut = Box::pin(open.until_cut());
        (Cuttable { io, open, cut: Some(cut), _permit: permit }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// A connection that gives its place back when it ends, and can be ended from outside. Its buffers are those of the HTTP
/// library, which keeps what went through them.
struct Cuttable<I> {
    io: I,
    open: Open,
    /// Gone once it is cut.
    cut: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<I> Cuttable<I> {
    /// An error once the connection is cut; otherwise the task is woken when it is.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let is_cut = self.cut.as_mut().is_none_or(|cut| cut.as_mut().poll(cx).is_ready());
        if is_cut {
            self.cut = None;
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Cuttable<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Cuttable<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
