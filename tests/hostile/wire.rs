//! A libp2p connection put together by hand, so that every layer of it can be broken: TCP, multistream-select,
//! Noise, Yamux, and streams on top. Nothing here knows ecomesh.

use std::future::poll_fn;
use std::io::{self, Error, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerExt};
use libp2p::core::upgrade::OutboundConnectionUpgrade;
use libp2p::identity::Keypair;
use libp2p::{noise, tcp, yamux};

/// Longest wait for one step of a connection. A node that refuses closes much sooner.
pub const STEP: Duration = Duration::from_secs(20);

/// A byte stream below Noise.
pub type Socket = tcp::tokio::TcpStream;
/// A byte stream above Noise.
pub type Secure = noise::Output<Flipping<Socket>>;
/// One stream of Yamux.
pub type Stream = yamux::Stream;

/// Connects from the loopback address `127.0.0.source`: as another machine, as far as limits per address go.
pub async fn connect(source: u8, port: u16) -> io::Result<Socket> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, source.max(2)), 0)))?;
    let stream = in_time(socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))).await?;
    stream.set_nodelay(true)?;
    Ok(tcp::tokio::TcpStream(stream))
}

/// `step`, or an error after [`STEP`].
pub async fn in_time<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(STEP, step).await.map_err(|_| Error::from(ErrorKind::TimedOut))?
}

/// One message of multistream-select.
pub fn line(text: &str) -> Vec<u8> {
    let mut bytes = varint(text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'\n');
    bytes
}

/// An unsigned LEB128 number.
pub fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

const MULTISTREAM: &str = "/multistream/1.0.0";

/// Asks for a protocol; an error if the other side does not speak it.
pub async fn negotiate<S: AsyncRead + AsyncWrite + Unpin>(io: &mut S, protocol: &str) -> io::Result<()> {
    in_time(async {
        io.write_all(&[line(MULTISTREAM), line(protocol)].concat()).await?;
        io.flush().await?;
        for expected in [MULTISTREAM, protocol] {
            let answer = read_line(io).await?;
            if answer != expected {
                return Err(Error::other(format!("{answer:?} where {expected} was expected")));
            }
        }
        Ok(())
    })
    .await
}

/// The other side of [`negotiate`]: takes the first protocol that is among `spoken`.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(io: &mut S, spoken: &[&str]) -> io::Result<String> {
    if read_line(io).await? != MULTISTREAM {
        return Err(ErrorKind::InvalidData.into());
    }
    io.write_all(&line(MULTISTREAM)).await?;
    loop {
        let wanted = read_line(io).await?;
        let known = spoken.contains(&wanted.as_str());
        io.write_all(&line(if known { &wanted } else { "na" })).await?;
        io.flush().await?;
        if known {
            return Ok(wanted);
        }
    }
}

async fn read_line<S: AsyncRead + Unpin>(io: &mut S) -> io::Result<String> {
    let mut length = 0;
    for shift in (0..21).step_by(7) {
        let mut byte = [0];
        io.read_exact(&mut byte).await?;
        length |= usize::from(byte[0] & 0x7F) << shift;
        if byte[0] < 0x80 {
            break;
        }
    }
    let mut bytes = vec![0; length];
    io.read_exact(&mut bytes).await?;
    String::from_utf8(bytes).map(|text| text.trim_end().to_owned()).map_err(|_| ErrorKind::InvalidData.into())
}

/// Passes bytes on, with one bit flipped in the byte number `at` of what is written, if there is one.
pub struct Flipping<S> {
    inner: S,
    at: Option<usize>,
    written: usize,
}

impl<S> Flipping<S> {
    pub fn new(inner: S, at: Option<usize>) -> Self {
        Self { inner, at, written: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Flipping<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Flipping<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let place = self.at.and_then(|at| at.checked_sub(self.written)).filter(|at| *at < buf.len());
        let mut bytes = buf.to_vec();
        if let Some(place) = place {
            bytes[place] ^= 1 << (place % 8);
        }
        let polled = Pin::new(&mut self.inner).poll_write(cx, &bytes);
        if let Poll::Ready(Ok(count)) = &polled {
            self.written += count;
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

/// TCP and a Noise handshake under this key, with one bit of it flipped if `flip` says so.
pub async fn secure(source: u8, port: u16, key: &Keypair, flip: Option<usize>) -> io::Result<Secure> {
    let mut socket = connect(source, port).await?;
    negotiate(&mut socket, "/noise").await?;
    let noise = noise::Config::new(key).map_err(Error::other)?;
    let shake = noise.upgrade_outbound(Flipping::new(socket, flip), "/noise");
    let (_, secure) = in_time(async { shake.await.map_err(Error::other) }).await?;
    Ok(secure)
}

/// A connection with streams. Dropping it closes it.
pub struct Wire {
    opener: mpsc::UnboundedSender<oneshot::Sender<Stream>>,
    closed: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

/// Which protocols are spoken on streams that the other side opens, and what is done with each.
pub trait Manners: Send + Sync + 'static {
    fn spoken(&self) -> Vec<&'static str>;
    fn serve(&self, protocol: &str, stream: Stream) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// Speaks nothing.
pub struct Mute;

impl Manners for Mute {
    fn spoken(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn serve(&self, _: &str, _: Stream) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {})
    }
}

impl Wire {
    /// All the way up to Yamux.
    pub async fn open(source: u8, port: u16, key: &Keypair, manners: Arc<dyn Manners>) -> io::Result<Self> {
        let mut secure = secure(source, port, key, None).await?;
        negotiate(&mut secure, "/yamux/1.0.0").await?;
        let upgrade = yamux::Config::default().upgrade_outbound(secure, "/yamux/1.0.0");
        let muxer = upgrade.await.map_err(Error::other)?;
        let (opener, wanted) = mpsc::unbounded();
        let closed = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&closed);
        let task = tokio::spawn(async move {
            drive(muxer, wanted, manners).await;
            ended.store(true, Ordering::SeqCst);
        });
        Ok(Self { opener, closed, task })
    }

    /// A new stream that speaks this protocol.
    pub async fn stream(&self, protocol: &str) -> io::Result<Stream> {
        let (sender, receiver) = oneshot::channel();
        self.opener.unbounded_send(sender).map_err(|_| Error::from(ErrorKind::BrokenPipe))?;
        let broken = |_| Error::from(ErrorKind::BrokenPipe);
        let mut stream = in_time(async { receiver.await.map_err(broken) }).await?;
        negotiate(&mut stream, protocol).await?;
        Ok(stream)
    }

    /// Whether the other side has ended the connection.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Waits for the end of the connection; whether it came in time.
    pub async fn ends_within(&self, time: Duration) -> bool {
        let end = async {
            while !self.is_closed() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(time, end).await.is_ok()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Moves the connection's bytes until it ends.
async fn drive<M>(
    mut muxer: M,
    mut wanted: mpsc::UnboundedReceiver<oneshot::Sender<Stream>>,
    manners: Arc<dyn Manners>,
) where
    M: StreamMuxer<Substream = Stream> + Unpin,
{
    let mut waiting: Option<oneshot::Sender<Stream>> = None;
    poll_fn(|cx| {
        loop {
            if muxer.poll_unpin(cx).is_ready_with_error() {
                return Poll::Ready(());
            }
            match muxer.poll_inbound_unpin(cx) {
                Poll::Ready(Ok(stream)) => {
                    tokio::spawn(serve(stream, Arc::clone(&manners)));
                    continue;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if waiting.is_none() {
                match wanted.poll_next_unpin(cx) {
                    Poll::Ready(Some(sender)) => waiting = Some(sender),
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            if waiting.is_some() {
                match muxer.poll_outbound_unpin(cx) {
                    Poll::Ready(Ok(stream)) => {
                        let _ = waiting.take().map(|sender| sender.send(stream));
                        continue;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            return Poll::Pending;
        }
    })
    .await;
}

trait ReadyWithError {
    fn is_ready_with_error(&self) -> bool;
}

impl<T, E> ReadyWithError for Poll<Result<T, E>> {
    fn is_ready_with_error(&self) -> bool {
        matches!(self, Self::Ready(Err(_)))
    }
}

async fn serve(mut stream: Stream, manners: Arc<dyn Manners>) {
    if let Ok(protocol) = answer(&mut stream, &manners.spoken()).await {
        manners.serve(&protocol, stream).await;
    }
}
