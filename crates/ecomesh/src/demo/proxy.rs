//! The wires of the demonstration: one TCP proxy in front of each node, which can be cut.
//!
//! A proxy alone knows to whom it leads, not who dials. For a cut in both directions it must know the dialer
//! too, so it asks the kernel which process owns the other end of an accepted connection (`/proc`, Linux). During
//! a cut, a connection whose dialer is unknown is refused: too much is cut rather than too little.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Most connections through one proxy at once: every other node, twice, and the strangers of a redial.
const CONNECTIONS_MAX: usize = 256;

/// All proxies, and who is cut off.
pub struct Wires {
    state: Arc<State>,
    tasks: JoinSet<()>,
}

struct State {
    /// The node that is cut off now.
    cut: watch::Sender<Option<usize>>,
    /// The process of each node that runs.
    processes: Mutex<BTreeMap<usize, u32>>,
}

impl Wires {
    /// No proxies yet, nothing cut.
    pub fn new() -> Self {
        let (cut, _) = watch::channel(None);
        Self { state: Arc::new(State { cut, processes: Mutex::new(BTreeMap::new()) }), tasks: JoinSet::new() }
    }

    /// Puts a proxy in front of a node that listens on `port`; the proxy's own port.
    pub async fn add(&mut self, node: usize, port: u16) -> std::io::Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own = listener.local_addr()?.port();
        self.tasks.spawn(accept(Arc::clone(&self.state), listener, node, port));
        Ok(own)
    }

    /// Says which process is a node now.
    pub fn is_process(&self, node: usize, process: u32) {
        self.state.processes().insert(node, process);
    }

    /// Closes every connection from and to this node and takes no new one.
    pub fn cut(&self, node: usize) {
        self.state.cut.send_replace(Some(node));
    }

    /// Lets everyone through again.
    pub fn heal(&self) {
        self.state.cut.send_replace(None);
    }
}

impl State {
    fn processes(&self) -> MutexGuard<'_, BTreeMap<usize, u32>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which node owns the other end of a connection.
    fn dialer(&self, peer: SocketAddr) -> Option<usize> {
        let inode = socket_inode(peer)?;
        let processes = self.processes().clone();
        processes.into_iter().find(|(_, process)| owns(*process, &inode)).map(|(node, _)| node)
    }
}

async fn accept(state: Arc<State>, listener: TcpListener, node: usize, port: u16) {
    let mut links = JoinSet::new();
    loop {
        while links.try_join_next().is_some() {}
        let Ok((inward, peer)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        if links.len() < CONNECTIONS_MAX {
            links.spawn(carry(Arc::clone(&state), inward, peer, node, port));
        }
    }
}

/// Carries bytes both ways until one side closes or the wire is cut.
async fn carry(state: Arc<State>, mut inward: TcpStream, peer: SocketAddr, node: usize, port: u16) {
    let mut cut = state.cut.subscribe();
    let dialer = state.dialer(peer);
    let is_cut =
        |cut: &Option<usize>| cut.is_some_and(|cut| cut == node || dialer.is_none_or(|dialer| dialer == cut));
    if is_cut(&cut.borrow_and_update()) {
        return;
    }
    let Ok(mut outward) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    let _ = (inward.set_nodelay(true), outward.set_nodelay(true));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut inward, &mut outward) => {}
        _ = cut.wait_for(is_cut) => {}
    }
}

/// The kernel's number of the socket with this local address, from `/proc/net/tcp`.
fn socket_inode(local: SocketAddr) -> Option<String> {
    let SocketAddr::V4(local) = local else { return None };
    let address = format!("{:08X}:{:04X}", u32::from_le_bytes(local.ip().octets()), local.port());
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let row =
        table.lines().map(str::split_whitespace).find(|row| row.clone().nth(1) == Some(address.as_str()));
    row?.nth(9).map(str::to_owned)
}

/// Whether a process holds the socket open.
fn owns(process: u32, inode: &str) -> bool {
    let name = format!("socket:[{inode}]");
    let Ok(descriptors) = std::fs::read_dir(Path::new("/proc").join(process.to_string()).join("fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .any(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == Path::new(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_traced_to_its_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let dialed =
            std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (_accepted, peer) = listener.accept().expect("a connection");
        let inode = socket_inode(peer).expect("the kernel knows it");
        assert!(owns(std::process::id(), &inode));
        assert!(!owns(1, &inode) || std::process::id() == 1);
        drop(dialed);
    }
}
