//! Starting the shell.

use std::io;
use std::net::{SocketAddr, TcpListener};

use libp2p::core::transport::TransportError;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, Swarm};
use thiserror::Error;

use crate::behaviour::{self, Behaviour, Topics};
use crate::event::Events;
use crate::handle::{self, AddressError, NetHandle};
use crate::shell::Shell;
use crate::{Config, ConfigError, TransportSecret};

/// Why the shell did not start.
#[derive(Debug, Error)]
pub enum BindError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A listen address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Another process listens there.
    #[error(
        "the address {addr} is in use; stop the other process (perhaps this node is running already) or choose \
         another port"
    )]
    InUse {
        /// The address.
        addr: String,
    },
    /// The operating system does not allow it.
    #[error("no permission to listen on {addr}; use a port above 1023 or give the service the right to it")]
    Permission {
        /// The address.
        addr: String,
    },
    /// No interface has this address.
    #[error(
        "this machine has no address {addr}; list its addresses with `ip addr`, or listen on /ip4/0.0.0.0/tcp/…"
    )]
    NotHere {
        /// The address.
        addr: String,
    },
    /// Anything else that the operating system says.
    #[error("cannot listen on {addr}: {source}")]
    Io {
        /// The address.
        addr: String,
        /// What it said.
        source: io::Error,
    },
    /// A library refused what this crate gave it: our bug.
    #[error("cannot set up {what}: {reason}; please report this")]
    Internal {
        /// Which part.
        what: &'static str,
        /// What it said.
        reason: String,
    },
}

/// Listens on the configured addresses and starts the shell's task. Must be called inside a tokio runtime.
///
/// All listen addresses are bound when this returns; [`Event::Listening`](crate::Event::Listening) names them
/// with their real ports.
pub fn bind(config: Config, secret: &TransportSecret) -> Result<(NetHandle, Events), BindError> {
    config.check()?;
    let addresses =
        config.listen.iter().map(|addr| handle::parse_address(addr)).collect::<Result<Vec<_>, _>>()?;
    for addr in &addresses {
        probe(addr)?;
    }
    let topics = Topics::new(&config.network);
    let mut swarm = behaviour::swarm(&config, secret, &topics)?;
    for addr in &addresses {
        listen(&mut swarm, addr)?;
    }
    let (shell, handle, events) = Shell::new(config, secret.public(), topics, swarm);
    tokio::spawn(shell.run());
    Ok((handle, events))
}

/// libp2p sets SO_REUSEPORT, so that a second node on the same port would start without an error and take half
/// of the connections. A plain listener finds out.
fn probe(addr: &Multiaddr) -> Result<(), BindError> {
    let Some(socket) = socket_addr(addr).filter(|socket| socket.port() != 0) else { return Ok(()) };
    TcpListener::bind(socket).map(drop).map_err(|error| listen_error(addr, error))
}

fn listen(swarm: &mut Swarm<Behaviour>, addr: &Multiaddr) -> Result<(), BindError> {
    match swarm.listen_on(addr.clone()) {
        Ok(_) => Ok(()),
        Err(TransportError::Other(error)) => Err(listen_error(addr, error)),
        Err(TransportError::MultiaddrNotSupported(addr)) => {
            Err(BindError::Address(AddressError::Form { addr: addr.to_string() }))
        }
    }
}

fn listen_error(addr: &Multiaddr, source: io::Error) -> BindError {
    let addr = addr.to_string();
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { addr },
        io::ErrorKind::PermissionDenied => BindError::Permission { addr },
        io::ErrorKind::AddrNotAvailable => BindError::NotHere { addr },
        _ => BindError::Io { addr, source },
    }
}

fn socket_addr(addr: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = addr.iter();
    match (parts.next()?, parts.next()?) {
        (Protocol::Ip4(ip), Protocol::Tcp(port)) => Some(SocketAddr::new(ip.into(), port)),
        (Protocol::Ip6(ip), Protocol::Tcp(port)) => Some(SocketAddr::new(ip.into(), port)),
        _ => None,
    }
}
