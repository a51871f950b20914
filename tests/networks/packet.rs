//! The little of an IPv4 packet that the shaper looks at.

use std::net::Ipv4Addr;

const TCP: u8 = 6;
const FIN: u8 = 0x01;
const RST: u8 = 0x04;

/// What a packet is to the shaper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) destination: Ipv4Addr,
    /// Whether it ends a TCP connection, kindly (FIN) or not (RST).
    pub(crate) ends: bool,
}

impl Packet {
    /// `None` for anything but IPv4: nodes do not speak it here, but the kernel may.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        if first >> 4 != 4 {
            return None;
        }
        let address: [u8; 4] = bytes.get(16..20)?.try_into().ok()?;
        let header = usize::from(first & 0x0f) * 4;
        // Later fragments have no TCP header; there are none, since TCP finds out what fits.
        let flags = if bytes[9] == TCP { bytes.get(header + 13).copied().unwrap_or(0) } else { 0 };
        Some(Self { destination: address.into(), ends: flags & (FIN | RST) != 0 })
    }
}

#[test]
fn the_ends_of_connections_are_seen() {
    let mut bytes = vec![0; 40];
    bytes[0] = 0x45;
    bytes[9] = TCP;
    bytes[16..20].copy_from_slice(&[10, 77, 0, 3]);
    let destination = Ipv4Addr::new(10, 77, 0, 3);
    for (flags, ends) in
        [(0x02, false), (0x10, false), (0x18, false), (0x11, true), (0x04, true), (0x14, true)]
    {
        bytes[33] = flags;
        assert_eq!(Packet::read(&bytes), Some(Packet { destination, ends }), "{flags:#x}");
    }
    bytes[0] = 0x60;
    assert_eq!(Packet::read(&bytes), None, "not IPv4");
    assert_eq!(Packet::read(&[]), None);
    assert_eq!(Packet::read(&[0x45; 12]), None, "cut short");
}
