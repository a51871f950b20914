//! Network namespaces without a name, and work inside them.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tun_rs::{DeviceBuilder, SyncDevice};

/// Room for headers of tunnels that a real path may have.
const MTU: u16 = 1_400;

/// A network namespace. The kernel removes it when this and the last process in it are gone.
pub(crate) struct Namespace(File);

impl Namespace {
    /// A new one, or why this machine gives none.
    pub(crate) fn new() -> Result<Self, String> {
        // A program that was started in it holds it open until we do. Its echo says that it is inside.
        let mut holder = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => "there is no `unshare` (it is part of util-linux)".to_owned(),
                _ => format!("unshare: {error}"),
            })?;
        let mut stdin = holder.stdin.take().unwrap();
        let echoed =
            stdin.write_all(b"!").and_then(|()| holder.stdout.as_mut().unwrap().read_exact(&mut [0]));
        let opened = echoed.and_then(|()| File::open(format!("/proc/{}/ns/net", holder.id())));
        drop(stdin);
        let output = holder.wait_with_output().map_err(|error| error.to_string())?;
        let namespace = opened.map(Self).map_err(|_| {
            format!(
                "this user may make no network namespace: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )
        })?;
        namespace
            .inside(|| ())
            .map_err(|error| format!("this user may not enter a network namespace: {error}"))?;
        Ok(namespace)
    }

    /// Does something inside: sockets that it opens and processes that it starts stay there.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
        // A thread of its own, since only the calling thread moves and nothing moves it back.
        let done = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))?;
                Ok(work())
            });
            thread.join()
        });
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The only way out of it: a device with this address, and all that ends in /24 of it behind. Or why there is
    /// none.
    pub(crate) fn device(&self, address: Ipv4Addr) -> Result<SyncDevice, String> {
        let built = self.inside(|| {
            choose_congestion_control();
            let builder = DeviceBuilder::new().name("mesh").ipv4(address, 24, None).mtu(MTU).enable(true);
            let device = builder.build_sync()?;
            device.set_nonblocking(true)?;
            Ok(device)
        });
        built.and_then(|device: std::io::Result<_>| device).map_err(|error| {
            format!(
                "there is no TUN device for us (is there /dev/net/tun, and may this user use it?): {error}"
            )
        })
    }
}

/// The most usual congestion control, whatever this machine prefers: loss must slow it down. Where the kernel has only
/// others, one of those runs.
fn choose_congestion_control() {
    let _ = std::fs::write("/proc/sys/net/ipv4/tcp_congestion_control", "cubic");
}
