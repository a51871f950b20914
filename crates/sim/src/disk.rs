//! The simulated disk: files whose unsynced tail is volatile, page by page.
//!
//! [`SimDisk`] is a handle; the node's core owns one and the world another, so that the world can cut the power under
//! a running core and look at what is left.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ecomesh_protocol::{Disk, DiskError};

use crate::fuse::{Failure, Fuse};
use crate::rng::Rng;
use crate::secrecy::has_canary;

/// What a crash keeps or loses is decided for pages of this many bytes.
const PAGE_BYTES: usize = 512;

/// A handle to a simulated disk.
#[derive(Clone, Debug)]
pub(crate) struct SimDisk(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    files: BTreeMap<String, File>,
    fuse: Rc<RefCell<Fuse>>,
    full: bool,
    /// Sabotage: a sync that does nothing.
    forgets_syncs: bool,
    /// A file to which plaintext of a sealed document was written.
    leaked: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

impl SimDisk {
    /// An empty disk.
    pub(crate) fn new(fuse: Rc<RefCell<Fuse>>) -> Self {
        let state = State { files: BTreeMap::new(), fuse, full: false, forgets_syncs: false, leaked: None };
        Self(Rc::new(RefCell::new(state)))
    }

    /// The power is gone: of each unsynced tail some pages survive, perhaps torn. Returns whether a tail was torn.
    pub(crate) fn crash(&self, rng: &mut Rng) -> bool {
        let mut torn = false;
        for file in self.0.borrow_mut().files.values_mut() {
            torn |= file.crash(rng);
        }
        torn
    }

    /// No space is left, or there is space again.
    pub(crate) fn set_full(&self, full: bool) {
        self.0.borrow_mut().full = full;
    }

    /// Sabotage: syncs are believed and not done.
    pub(crate) fn forget_syncs(&self) {
        self.0.borrow_mut().forgets_syncs = true;
    }

    /// A file to which plaintext of a sealed document was ever written.
    pub(crate) fn leaked(&self) -> Option<String> {
        self.0.borrow().leaked.clone()
    }

    /// One bit of a file flips. Returns whether there was one.
    pub(crate) fn flip(&self, name: &str, rng: &mut Rng) -> bool {
        let mut state = self.0.borrow_mut();
        let Some(file) = state.files.get_mut(name) else { return false };
        let at = rng.index(file.bytes.len());
        let bit = rng.below(8);
        file.bytes.get_mut(at).map(|byte| *byte ^= 1 << bit).is_some()
    }

    /// A file is lost. Returns whether there was one.
    pub(crate) fn remove(&self, name: &str) -> bool {
        self.0.borrow_mut().files.remove(name).is_some()
    }

    /// What a file holds, synced or not.
    pub(crate) fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().files.get(name).map(|file| file.bytes.clone())
    }
}

impl File {
    /// Keeps a random length of the unsynced tail, and of that only some pages.
    fn crash(&mut self, rng: &mut Rng) -> bool {
        let tail = self.bytes.len() - self.synced;
        let kept = match rng.below(4) {
            0 => 0,
            1 => tail,
            _ => rng.index(tail + 1),
        };
        let torn = kept > 0 && kept < tail;
        self.bytes.truncate(self.synced + kept);
        let lost_percent = if rng.percent(50) { 0 } else { 30 };
        for page in self.bytes[self.synced..].chunks_mut(PAGE_BYTES) {
            if rng.percent(lost_percent) {
                page.fill(0);
            }
        }
        self.synced = self.bytes.len();
        torn
    }
}

impl State {
    fn look_at(&mut self, name: &str, bytes: &[u8]) {
        if has_canary(bytes) {
            self.leaked.get_or_insert_with(|| name.to_owned());
        }
    }

    /// Counts a write that is to happen. `Err(None)`: the power goes within it.
    fn begin(&mut self, name: &str, syncs: bool) -> Result<(), DiskError> {
        if self.full {
            return Err(DiskError::Full);
        }
        let outcome = self.fuse.borrow_mut().write(syncs);
        outcome.map_err(|failure| error(name, failure))
    }
}

fn error(name: &str, failure: Failure) -> DiskError {
    let (name, reason) = (name.to_owned(), "injected by the simulation".to_owned());
    match failure {
        Failure::Sync => DiskError::SyncFailed { name, reason },
        Failure::Io | Failure::Power => DiskError::Io { name, reason },
    }
}

impl Disk for SimDisk {
    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(self.content(name))
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let mut state = self.0.borrow_mut();
        state.look_at(name, bytes);
        let was_dead = state.fuse.borrow().is_dead();
        let begun = state.begin(name, false);
        // An append that fails may have written a part.
        let written = match &begun {
            Ok(()) => bytes.len(),
            Err(DiskError::Io { .. }) if !was_dead => bytes.len() / 2,
            Err(_) => 0,
        };
        if written > 0 {
            let file = state.files.entry(name.into()).or_default();
            file.bytes.extend_from_slice(&bytes[..written]);
        }
        begun
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        let mut state = self.0.borrow_mut();
        state.begin(name, true)?;
        if state.forgets_syncs {
            return Ok(());
        }
        if let Some(file) = state.files.get_mut(name) {
            file.synced = file.bytes.len();
        }
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), DiskError> {
        let mut state = self.0.borrow_mut();
        state.begin(name, true)?;
        if let Some(file) = state.files.get_mut(name) {
            file.bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
            file.synced = file.bytes.len();
        }
        Ok(())
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let mut state = self.0.borrow_mut();
        state.look_at(name, bytes);
        let was_dead = state.fuse.borrow().is_dead();
        let begun = state.begin(name, true);
        // A rename that the power or a sync interrupts is done or not: this one is.
        let done = match &begun {
            Ok(()) => true,
            Err(_) => !was_dead && state.fuse.borrow().is_dead() && bytes.len().is_multiple_of(2),
        };
        if done {
            state.files.insert(name.into(), File { bytes: bytes.to_vec(), synced: bytes.len() });
        }
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (SimDisk, Rc<RefCell<Fuse>>) {
        let fuse = Rc::new(RefCell::new(Fuse::default()));
        (SimDisk::new(fuse.clone()), fuse)
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_no_more_than_was_written() {
        let mut rng = Rng::stream(1, "test");
        let mut lengths = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let (mut disk, _) = disk();
            disk.append("a", &[7; 1_000]).unwrap();
            disk.sync("a").unwrap();
            disk.append("a", &[8; 3_000]).unwrap();
            disk.crash(&mut rng);
            let left = disk.content("a").unwrap();
            assert!(left.len() >= 1_000 && left.len() <= 4_000);
            assert!(left[..1_000].iter().all(|byte| *byte == 7));
            lengths.insert(left.len());
        }
        assert!(lengths.len() > 10 && lengths.contains(&1_000) && lengths.contains(&4_000));
    }

    #[test]
    fn plaintext_that_is_written_is_noticed_even_if_it_is_gone_again() {
        let plaintext = crate::secrecy::document(&[1; 32], 300);
        let (mut disk, _) = disk();
        disk.append("a", &[7; 300]).unwrap();
        assert_eq!(disk.leaked(), None);
        disk.append("a", &plaintext).unwrap();
        disk.truncate("a", 0).unwrap();
        assert_eq!(disk.leaked().as_deref(), Some("a"));
        let (mut disk, _) = self::disk();
        disk.replace("b", &plaintext).unwrap();
        assert_eq!(disk.leaked().as_deref(), Some("b"));
    }

    #[test]
    fn after_a_power_cut_nothing_is_written() {
        let (mut disk, fuse) = disk();
        disk.append("a", b"one").unwrap();
        disk.sync("a").unwrap();
        fuse.borrow_mut().set(1, Failure::Power);
        disk.append("a", b"two").unwrap();
        assert!(disk.sync("a").is_err());
        assert!(disk.append("a", b"three").is_err());
        assert!(disk.replace("b", b"four").is_err());
        assert_eq!(disk.content("a").unwrap(), b"onetwo");
        assert_eq!(disk.content("b"), None);
    }
}
