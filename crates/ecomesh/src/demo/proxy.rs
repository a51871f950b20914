//! The wires of the demonstration: a TCP proxy for each pair of nodes and each direction of dialling, so that it is
//! known who dials whom and a node can be cut off from everyone while the others stay linked.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Most connections through one proxy at once: a link, a stranger's hello before it, and redials of both.
const CONNECTIONS_MAX: usize = 16;

/// All proxies, and who is cut off.
pub struct Wires {
    /// The node that is cut off now.
    cut: watch::Sender<Option<usize>>,
    /// Dropping the set ends the proxies.
    proxies: JoinSet<()>,
}

/// From which node to which a proxy leads.
#[derive(Debug, Clone, Copy)]
struct Wire {
    dialer: usize,
    target: usize,
}

impl Wire {
    fn is_cut(self, cut: Option<usize>) -> bool {
        cut.is_some_and(|cut| cut == self.dialer || cut == self.target)
    }
}

impl Wires {
    /// No proxies yet, nothing cut.
    pub fn new() -> Self {
        Self { cut: watch::channel(None).0, proxies: JoinSet::new() }
    }

    /// A wire on which `dialer` reaches `target`, which listens on `port`; the port to dial instead.
    pub async fn add(&mut self, dialer: usize, target: usize, port: u16) -> std::io::Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own = listener.local_addr()?.port();
        self.proxies.spawn(accept(listener, Wire { dialer, target }, self.cut.subscribe(), port));
        Ok(own)
    }

    /// Closes every connection from and to this node, and takes no new one.
    pub fn cut(&self, node: usize) {
        self.cut.send_replace(Some(node));
    }

    /// Lets everyone through again.
    pub fn heal(&self) {
        self.cut.send_replace(None);
    }
}

async fn accept(listener: TcpListener, wire: Wire, cut: watch::Receiver<Option<usize>>, port: u16) {
    let mut links = JoinSet::new();
    loop {
        while links.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((inward, _)) if links.len() < CONNECTIONS_MAX => {
                links.spawn(carry(inward, wire, cut.clone(), port));
            }
            Ok(_) => {}
            // Out of descriptors, for one: let some go first.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Carries bytes both ways until one side closes or the wire is cut.
async fn carry(mut inward: TcpStream, wire: Wire, mut cut: watch::Receiver<Option<usize>>, port: u16) {
    if wire.is_cut(*cut.borrow_and_update()) {
        return;
    }
    let Ok(mut outward) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    let _ = (inward.set_nodelay(true), outward.set_nodelay(true));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut inward, &mut outward) => {}
        _ = cut.wait_for(|cut| wire.is_cut(*cut)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_cut_closes_what_is_open_and_lets_nothing_new_through() {
        let echo = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = echo.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let mut wires = Wires::new();
        let cut_off = wires.add(0, 1, port).await.expect("a proxy");
        let other = wires.add(2, 3, port).await.expect("a proxy");

        let mut open = TcpStream::connect(("127.0.0.1", cut_off)).await.expect("a link");
        assert!(echoes(&mut open).await);
        wires.cut(1);
        assert!(!echoes(&mut open).await, "an open link survived the cut");
        let mut new = TcpStream::connect(("127.0.0.1", cut_off)).await.expect("the proxy listens");
        assert!(!echoes(&mut new).await, "a new link crossed the cut");
        let mut unharmed = TcpStream::connect(("127.0.0.1", other)).await.expect("a link");
        assert!(echoes(&mut unharmed).await, "the cut took a wire of others");

        wires.heal();
        let mut again = TcpStream::connect(("127.0.0.1", cut_off)).await.expect("a link");
        assert!(echoes(&mut again).await);
    }

    async fn echoes(stream: &mut TcpStream) -> bool {
        let mut byte = [0];
        stream.write_all(b"x").await.is_ok() && stream.read_exact(&mut byte).await.is_ok() && byte == *b"x"
    }
}
