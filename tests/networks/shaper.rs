//! The network between the namespaces: one thread that carries packets from device to device.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tun_rs::SyncDevice;

use crate::conditions::{Conditions, Fate, Lines};
use crate::packet::Packet;
use crate::random::Random;

/// Longest wait without a look at whether to stop.
const IDLE: Duration = Duration::from_millis(50);
/// Larger than any packet.
const BUFFER: usize = 64 * 1024;

/// What happened to packets so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) carried: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) muted: AtomicU64,
    pub(crate) overrun: AtomicU64,
}

/// The running network. It ends when this is dropped, and its devices with it.
pub(crate) struct Shaper {
    conditions: Arc<Mutex<Conditions>>,
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Shaper {
    /// Connects these devices, perfectly at first.
    pub(crate) fn start(devices: Vec<(Ipv4Addr, SyncDevice)>, random: Random) -> Self {
        let conditions = Arc::new(Mutex::new(Conditions::default()));
        let tally = Arc::new(Tally::default());
        let stop = Arc::new(AtomicBool::new(false));
        let lines = Lines::new(devices.len(), random, Instant::now());
        let (addresses, devices) = devices.into_iter().unzip();
        let carrier = Carrier {
            addresses,
            devices,
            lines,
            conditions: Arc::clone(&conditions),
            tally: Arc::clone(&tally),
            under_way: BinaryHeap::new(),
            number: 0,
        };
        let end = Arc::clone(&stop);
        let thread = std::thread::spawn(move || carrier.run(&end));
        Self { conditions, tally, stop, thread: Some(thread) }
    }

    /// Changes the network from now on. What is under way arrives.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Conditions) -> T) -> T {
        change(&mut self.conditions.lock().unwrap())
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Drop for Shaper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            eprintln!("the shaper of the network panicked");
        }
    }
}

/// A packet by arrival: when, its number, to whom, its bytes. Packets that arrive together keep their order by number.
type UnderWay = (Instant, u64, usize, Vec<u8>);

struct Carrier {
    addresses: Vec<Ipv4Addr>,
    devices: Vec<SyncDevice>,
    lines: Lines,
    conditions: Arc<Mutex<Conditions>>,
    tally: Arc<Tally>,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    number: u64,
}

impl Carrier {
    fn run(mut self, stop: &AtomicBool) {
        let mut buffer = vec![0; BUFFER];
        while !stop.load(Ordering::SeqCst) {
            for from in self.readable() {
                self.take_from(from, &mut buffer);
            }
            self.deliver();
        }
    }

    /// Waits for packets, or until one that is under way arrives.
    fn readable(&self) -> Vec<usize> {
        let next =
            self.under_way.peek().map(|Reverse((at, ..))| at.saturating_duration_since(Instant::now()));
        let wait = Timespec::try_from(next.unwrap_or(IDLE).min(IDLE)).unwrap();
        let mut waiting: Vec<PollFd<'_>> =
            self.devices.iter().map(|device| PollFd::new(device, PollFlags::IN)).collect();
        // A signal may end the wait; then nothing is readable.
        let _ = poll(&mut waiting, Some(&wait));
        let is_readable = |(_, fd): &(usize, &PollFd<'_>)| fd.revents().contains(PollFlags::IN);
        waiting.iter().enumerate().filter(is_readable).map(|(index, _)| index).collect()
    }

    fn take_from(&mut self, from: usize, buffer: &mut [u8]) {
        loop {
            match self.devices[from].recv(buffer) {
                Ok(length) => self.carry(from, &buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn carry(&mut self, from: usize, bytes: &[u8]) {
        let Some(packet) = Packet::read(bytes) else { return };
        let Some(to) = self.addresses.iter().position(|address| *address == packet.destination) else {
            return;
        };
        let fate = {
            let conditions = self.conditions.lock().unwrap();
            self.lines.judge(&conditions, (from, to), (packet, bytes.len()), Instant::now())
        };
        let counter = match fate {
            Fate::Arrives(at) => {
                self.number += 1;
                self.under_way.push(Reverse((at, self.number, to, bytes.to_vec())));
                &self.tally.carried
            }
            Fate::Lost => &self.tally.lost,
            Fate::Cut => &self.tally.cut,
            Fate::Muted => &self.tally.muted,
            Fate::Overrun => &self.tally.overrun,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn deliver(&mut self) {
        let now = Instant::now();
        while self.under_way.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((_, _, to, bytes))) = self.under_way.pop() else { return };
            // A device that takes no more loses the packet, as any would.
            let _ = self.devices[to].send(&bytes);
        }
    }
}
