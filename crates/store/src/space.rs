//! Room on the disk: sled must never meet a full one.
//!
//! Measured: after "no space left" half of what it had acknowledged could not be read, and it did not open again. So
//! the free space is asked for before each commit, and a part of the disk is held by a **ballast** file that is
//! really allocated. While ordinary records are refused, the ballast is given up in steps, so that control records
//! (keys, erasures, votes) are still taken. When space is back the ballast is made again, and everything goes on.
//!
//! ```text
//! free ≥ low water, ballast whole                   everything is taken
//! free + ballast ≥ the least that must stay free    control records only
//! otherwise                                         nothing
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ecomesh_protocol::ledger::{LedgerError, Room};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::system::System;

/// Bounds of the space, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Size of the whole ballast.
    pub(crate) ballast: u64,
    /// Below this much free space only control records are taken.
    pub(crate) low_water: u64,
    /// This much stays free always: sled writes a little on its own.
    pub(crate) min_free: u64,
}

impl Bounds {
    /// How much may be taken with so much free space and so much ballast.
    pub(crate) fn room(&self, free: u64, held: u64) -> Room {
        if held == self.ballast && free >= self.low_water {
            Room::Plenty
        } else if free.saturating_add(held) >= self.min_free.saturating_add(CONTROL_BYTES) {
            Room::ControlOnly
        } else {
            Room::None
        }
    }
}

/// Watches the free space and owns the ballast.
#[derive(Debug)]
pub(crate) struct Space {
    system: System,
    dir: PathBuf,
    bounds: Bounds,
    ballast: File,
    /// Bytes that the ballast holds now.
    held: u64,
}

impl Space {
    /// Opens the ballast file, or makes an empty one. If the disk is full already, it is given up: the database may
    /// have to write when it opens.
    pub(crate) fn open(dir: &Path, path: &Path, bounds: Bounds, system: System) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let ballast = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let held = ballast.metadata()?.len();
        let mut space = Self { system, dir: dir.into(), bounds, ballast, held };
        if space.held > bounds.ballast {
            space.hold(bounds.ballast)?;
        }
        while space.held > 0 && space.free() < bounds.min_free {
            space.give_up_a_step()?;
        }
        Ok(space)
    }

    /// How much may be taken. Makes the ballast again when there is space for it.
    pub(crate) fn room(&mut self) -> Room {
        let missing = self.bounds.ballast - self.held;
        if missing > 0
            && self.free() >= self.bounds.low_water.saturating_add(missing)
            && let Err(error) = self.hold(self.bounds.ballast)
        {
            tracing::warn!(%error, "the reserve of disk space could not be made again");
        }
        self.bounds.room(self.free(), self.held)
    }

    /// Sees to it that `bytes` can be written: for control records by giving up ballast if need be.
    ///
    /// # Errors
    /// [`LedgerError::Full`].
    pub(crate) fn reserve(&mut self, bytes: u64, control_only: bool) -> Result<(), LedgerError> {
        let needed = self.bounds.min_free.saturating_add(SEGMENTS_BYTES).saturating_add(bytes);
        while self.free() < needed {
            if !control_only || self.held == 0 {
                return Err(LedgerError::Full);
            }
            self.give_up_a_step().map_err(|error| {
                tracing::error!(%error, "the reserve of disk space could not be given up");
                LedgerError::Full
            })?;
            tracing::warn!(left = self.held, "the disk is full; control records use up the reserve");
        }
        Ok(())
    }

    /// Free bytes; none if the system does not say.
    fn free(&self) -> u64 {
        self.system.free_space(&self.dir).unwrap_or_else(|error| {
            tracing::error!(%error, "the free disk space is not known");
            0
        })
    }

    fn give_up_a_step(&mut self) -> io::Result<()> {
        let step = (self.bounds.ballast / STEPS).max(1);
        self.hold(self.held.saturating_sub(step))
    }

    /// Makes the ballast this long, in real blocks.
    fn hold(&mut self, bytes: u64) -> io::Result<()> {
        let grown = if bytes > self.held { allocate(&mut self.ballast, self.held, bytes) } else { Ok(()) };
        // Also after a failure: what was got half-way is given back.
        let kept = if grown.is_ok() { bytes } else { self.held };
        self.ballast.set_len(kept)?;
        self.held = kept;
        grown
    }
}

/// Number of steps in which the ballast is given up.
const STEPS: u64 = 8;
/// sled grows its file by segments of 512 KiB; a commit may begin two.
const SEGMENTS_BYTES: u64 = 1024 * 1024;
/// Room that is promised to control records as long as they are taken at all.
const CONTROL_BYTES: u64 = 2 * SEGMENTS_BYTES;

fn allocate(file: &mut File, from: u64, to: u64) -> io::Result<()> {
    match fallocate(&*file, FallocateFlags::empty(), from, to - from) {
        // Some file systems cannot; written zeros take up blocks too.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeros(file, from, to),
        other => Ok(other?),
    }
}

fn write_zeros(file: &mut File, from: u64, to: u64) -> io::Result<()> {
    static BLOCK: [u8; 64 * 1024] = [0; 64 * 1024];
    file.seek(SeekFrom::Start(from))?;
    let mut left = to - from;
    while left > 0 {
        let now = left.min(BLOCK.len() as u64);
        // At most 64 KiB.
        file.write_all(&BLOCK[..now as usize])?;
        left -= now;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    const BOUNDS: Bounds = Bounds { ballast: 8 << 20, low_water: 4 << 20, min_free: 1 << 20 };

    /// A disk of which `left` bytes are free, apart from the ballast.
    fn space(dir: &Path, left: &Arc<AtomicU64>) -> Space {
        let (path, left) = (dir.join("ballast"), Arc::clone(left));
        let free = {
            let path = path.clone();
            move |_: &Path| Ok(left.load(Ordering::SeqCst).saturating_sub(path.metadata()?.len()))
        };
        Space::open(dir, &path, BOUNDS, System::default().with_free_space(free)).unwrap()
    }

    #[test]
    fn the_ballast_is_made_of_real_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let mut space = space(dir.path(), &Arc::new(AtomicU64::new(100 << 20)));
        assert_eq!(space.room(), Room::Plenty);
        let file = dir.path().join("ballast").metadata().unwrap();
        assert_eq!(file.len(), BOUNDS.ballast);
        assert!(file.blocks() * 512 >= BOUNDS.ballast);
        let mut by_hand = tempfile::tempfile().unwrap();
        write_zeros(&mut by_hand, 0, 200_000).unwrap();
        assert_eq!(by_hand.metadata().unwrap().len(), 200_000);
    }

    #[test]
    fn control_records_use_up_the_ballast_and_it_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let left = Arc::new(AtomicU64::new(13 << 20));
        let mut space = space(dir.path(), &left);
        assert_eq!(space.room(), Room::Plenty);
        // The disk fills up by other hands.
        left.store(9 << 20, Ordering::SeqCst);
        assert_eq!(space.room(), Room::ControlOnly);
        assert_eq!(space.reserve(0, false), Err(LedgerError::Full));
        assert_eq!(space.held, BOUNDS.ballast);
        assert_eq!(space.reserve(0, true), Ok(()));
        assert_eq!(space.held, 7 << 20);
        assert_eq!(space.reserve(5 << 20, true), Ok(()));
        assert_eq!(space.held, 2 << 20);
        left.store(2 << 20, Ordering::SeqCst);
        assert_eq!(space.room(), Room::None);
        assert_eq!(space.reserve(1 << 20, true), Err(LedgerError::Full));
        assert_eq!(space.held, 0);
        // There is space again, but not for everything.
        left.store(11 << 20, Ordering::SeqCst);
        assert_eq!(space.room(), Room::ControlOnly);
        left.store(12 << 20, Ordering::SeqCst);
        assert_eq!(space.room(), Room::Plenty);
        assert_eq!(space.held, BOUNDS.ballast);
    }

    #[test]
    fn a_full_disk_gives_up_the_ballast_before_the_database_opens() {
        let dir = tempfile::tempdir().unwrap();
        let left = Arc::new(AtomicU64::new(20 << 20));
        assert_eq!(space(dir.path(), &left).room(), Room::Plenty);
        left.store(8 << 20, Ordering::SeqCst);
        assert_eq!(space(dir.path(), &left).held, 7 << 20);
    }

    #[test]
    fn an_unknown_free_space_takes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let system = System::default().with_free_space(|_| Err(io::Error::other("no answer")));
        let mut space = Space::open(dir.path(), &dir.path().join("ballast"), BOUNDS, system).unwrap();
        assert_eq!(space.room(), Room::None);
        assert_eq!(space.reserve(1, true), Err(LedgerError::Full));
    }
}
