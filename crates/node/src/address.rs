//! Addresses of nodes: the part of libp2p's multiaddresses that ecomesh uses, `/ip4/…/tcp/…` and `/ip6/…/tcp/…`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ecomesh_record::limits::ADDRESS_BYTES_MAX;
use thiserror::Error;

/// An IP address and a TCP port, written as `/ip4/192.0.2.10/tcp/4001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub SocketAddr);

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Another form.
    #[error("{0:?} is no address; write it as /ip4/192.0.2.10/tcp/4001 or /ip6/2001:db8::1/tcp/4001")]
    Form(String),
    /// Nobody can dial it.
    #[error("{0} cannot be dialled: give the IP address and the port at which other bureaus reach this node")]
    NotDiallable(Address),
}

impl Address {
    /// Reads an address; the port may be 0 and the IP address `0.0.0.0` or `::`, which is enough to listen.
    ///
    /// # Errors
    /// [`AddressError::Form`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let form = || AddressError::Form(text.chars().take(ADDRESS_BYTES_MAX).collect());
        let parts: Vec<&str> = text.split('/').collect();
        let ["", family, ip, "tcp", port] = parts.as_slice() else { return Err(form()) };
        let ip: IpAddr = match *family {
            "ip4" => IpAddr::V4(ip.parse().map_err(|_| form())?),
            "ip6" => IpAddr::V6(ip.parse().map_err(|_| form())?),
            _ => return Err(form()),
        };
        // The number parser takes a sign, an address has none.
        let port = port.parse().ok().filter(|_| !port.starts_with('+')).ok_or_else(form)?;
        Ok(Self(SocketAddr::new(ip, port)))
    }

    /// Reads an address that others can dial.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse_diallable(text: &str) -> Result<Self, AddressError> {
        let address = Self::parse(text)?;
        if address.0.ip().is_unspecified() || address.0.ip().is_multicast() || address.0.port() == 0 {
            return Err(AddressError::NotDiallable(address));
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.0.is_ipv4() { "ip4" } else { "ip6" };
        write!(f, "/{family}/{}/tcp/{}", self.0.ip(), self.0.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for text in ["/ip4/192.0.2.10/tcp/4001", "/ip6/2001:db8::1/tcp/65535", "/ip4/0.0.0.0/tcp/0"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "192.0.2.10:4001",
            "/ip4/192.0.2.10",
            "/ip4/192.0.2.10/udp/4001",
            "/ip4/192.0.2.10/tcp/4001/p2p/12D3",
            "/ip4/192.0.2.10/tcp/70000",
            "/ip4/192.0.2.10/tcp/+1",
            "/ip4/192.0.2.256/tcp/1",
            "/ip6/192.0.2.1/tcp/1",
            "/ip4/::1/tcp/1",
            "/dns4/host/tcp/1",
            " /ip4/192.0.2.10/tcp/4001",
        ] {
            assert_eq!(Address::parse(text), Err(AddressError::Form(text.into())));
        }
        for text in
            ["/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001", "/ip4/127.0.0.1/tcp/0", "/ip4/224.0.0.1/tcp/1"]
        {
            let address = Address::parse(text).unwrap();
            assert_eq!(Address::parse_diallable(text), Err(AddressError::NotDiallable(address)));
        }
    }
}
