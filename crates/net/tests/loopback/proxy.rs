//! A TCP proxy that can go silent: from then on it swallows all bytes, and the end of the connection as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Proxy {
    pub(crate) addr: String,
    /// Connections made before this era carry nothing any more.
    era: Arc<AtomicUsize>,
    /// Frozen connections are not even read any more, so that the sender's buffers fill up.
    stalled: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens on a free port and connects to the given multiaddress of the form `/ip4/127.0.0.1/tcp/…`.
    pub(crate) async fn start(target: &str) -> Self {
        let target: u16 = target.rsplit('/').next().unwrap().parse().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port());
        let (era, stalled) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (clock, stop) = (era.clone(), stalled.clone());
        tokio::spawn(async move {
            while let Ok((inward, _)) = listener.accept().await {
                let Ok(outward) = TcpStream::connect(("127.0.0.1", target)).await else { continue };
                let born = clock.load(Ordering::SeqCst);
                let (inward, outward) = (inward.into_split(), outward.into_split());
                tokio::spawn(pipe(inward.0, outward.1, clock.clone(), stop.clone(), born));
                tokio::spawn(pipe(outward.0, inward.1, clock.clone(), stop.clone(), born));
            }
        });
        Self { addr, era, stalled }
    }

    /// Freezes the connections that exist; new ones work.
    pub(crate) fn freeze(&self) {
        self.era.fetch_add(1, Ordering::SeqCst);
    }

    /// Freezes the connections that exist, and stops reading from them.
    pub(crate) fn stall(&self) {
        self.stalled.store(true, Ordering::SeqCst);
        self.freeze();
    }
}

async fn pipe(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    clock: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    born: usize,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer).await {
        let frozen = clock.load(Ordering::SeqCst) != born;
        if length == 0 || (frozen && stop.load(Ordering::SeqCst)) {
            if frozen {
                // The end is swallowed: neither half is ever dropped.
                std::future::pending::<()>().await;
            }
            break;
        }
        if !frozen && to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}
