//! A file system that loses power. It keeps what is durable apart from what the program sees, and after each
//! operation a copy of everything: a *moment*, at which the power can be cut in several ways.
//!
//! It promises less than any real one: any part of what was not synced may be on the disk, in any mixture of versions,
//! sector by sector; a file that was not synced may be there with a length and without a content; a name is there or
//! not, whatever became of its file. Only a rename is one step, as POSIX says.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use ecomesh_protocol::ledger::MemoryLedger;
use ecomesh_store::{Access, Files, OpenFile, System};
use sha2::{Digest, Sha256};

use crate::common::Dice;

/// What a cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    /// Nothing.
    Nothing,
    /// Everything: the operation was the last thing that happened.
    Everything,
    /// All names and no content: a rename or a new file without what was written to it.
    NamesOnly,
    /// All content and no names: new files are gone, and files that were renamed have their old names.
    ContentOnly,
    /// What happened up to some operation; of the next one a part of its bytes.
    TornPrefix,
    /// The lengths of all files, with zeros where the content should be, and all names.
    LengthsOnly,
    /// Each sector of 512 bytes, each length and each name by chance.
    SomeSectors,
    /// Each block of 4,096 bytes, each length and each name by chance; the rest of a file is what lay there before.
    SomeBlocks,
}

impl Survives {
    pub const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Everything,
        Self::NamesOnly,
        Self::ContentOnly,
        Self::TornPrefix,
        Self::LengthsOnly,
        Self::SomeSectors,
        Self::SomeBlocks,
    ];
}

/// A mechanism that is taken out, to see that its absence is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sabotage {
    #[default]
    None,
    /// Files are not synced, and the caller is told that they are.
    ContentIsNotSynced,
    /// New files are not synced before they are renamed.
    FreshFilesAreNotSynced,
    /// Folders are not synced.
    NamesAreNotSynced,
    /// A rename removes the old file first, then gives the new one its name.
    RenameIsTwoSteps,
}

/// Operations that fail: `count` of them from the one with number `from` on.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub from: u64,
    pub count: u64,
    /// `true`: no space left. `false`: an error of the device.
    pub full: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Arc<[u8]> },
    Length(usize),
}

#[derive(Clone, Debug, Default)]
struct Inode {
    durable: Arc<Vec<u8>>,
    /// What the program sees. After a failed sync it may see what will never be durable.
    visible: Arc<Vec<u8>>,
    /// With the number of its operation.
    pending: Vec<(u64, Change)>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, u64),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

/// All files at one moment.
#[derive(Clone, Debug, Default)]
pub struct State {
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    durable_names: BTreeMap<PathBuf, u64>,
    names: BTreeMap<PathBuf, u64>,
    pending_names: Vec<(u64, NameChange)>,
    /// A ledger that commits in one step, for tests of a whole node.
    pub ledger: Option<Arc<MemoryLedger>>,
}

/// Called with the state after each operation.
type Observer = dyn Fn(&State) + Send + Sync;

#[derive(Default)]
struct World {
    state: State,
    operations: u64,
    /// The state after each operation, from operation 0 (the start) on.
    moments: Option<Vec<State>>,
    observer: Option<Box<Observer>>,
    sabotage: Sabotage,
    fault: Option<Fault>,
    failed_syncs: u64,
}

/// The file system; its clones are the same one.
#[derive(Clone, Default)]
pub struct SimFiles(Arc<Mutex<World>>);

impl SimFiles {
    /// A file system in this state.
    pub fn new(state: State, sabotage: Sabotage) -> Self {
        Self(Arc::new(Mutex::new(World { state, sabotage, ..World::default() })))
    }

    pub fn system(&self) -> System {
        System::default().with_files(self.clone())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Keeps the state after each operation from now on; the first one kept is that of now.
    pub fn record(&self) {
        let mut world = self.world();
        world.operations = 0;
        world.moments = Some(vec![world.state.clone()]);
    }

    /// Calls this after each operation, until the next call.
    pub fn observe(&self, observer: Option<Box<Observer>>) {
        self.world().observer = observer;
    }

    /// What was kept.
    pub fn moments(&self) -> Vec<State> {
        self.world().moments.clone().expect("moments are recorded")
    }

    pub fn state(&self) -> State {
        self.world().state.clone()
    }

    /// Number of operations so far.
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// Number of syncs that failed so far, of files and folders.
    pub fn failed_syncs(&self) -> u64 {
        self.world().failed_syncs
    }

    pub fn set_fault(&self, fault: Option<Fault>) {
        self.world().fault = fault;
    }

    /// An operation outside of the files: the ledger has committed.
    pub fn ledger_commits(&self, ledger: &MemoryLedger) -> io::Result<()> {
        let mut world = self.world();
        world.begin()?;
        world.state.ledger = Some(Arc::new(ledger.clone()));
        world.end();
        Ok(())
    }
}

impl std::fmt::Debug for SimFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimFiles")
    }
}

impl World {
    /// Counts an operation, and lets it fail if it is its turn.
    fn begin(&mut self) -> io::Result<u64> {
        self.operations += 1;
        let number = self.operations;
        match self.fault {
            Some(fault) if (fault.from..fault.from + fault.count).contains(&number) => Err(fault.error()),
            _ => Ok(number),
        }
    }

    fn end(&mut self) {
        let state = &self.state;
        if let Some(moments) = &mut self.moments {
            moments.push(state.clone());
        }
        if let Some(observer) = &self.observer {
            observer(state);
        }
    }

    fn change(&mut self, inode: u64, number: u64, change: Change) {
        let file = self.state.inodes.entry(inode).or_default();
        apply(Arc::make_mut(&mut file.visible), &change);
        file.pending.push((number, change));
    }

    fn change_name(&mut self, number: u64, change: NameChange) {
        apply_name(&mut self.state.names, &change);
        self.state.pending_names.push((number, change));
    }
}

impl Fault {
    fn error(self) -> io::Error {
        if self.full { io::ErrorKind::StorageFull.into() } else { io::Error::other("EIO") }
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => content.resize(*length, 0),
        Change::Write { offset, bytes } => {
            let end = offset + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(bytes);
        }
    }
}

fn apply_name(names: &mut BTreeMap<PathBuf, u64>, change: &NameChange) {
    match change {
        NameChange::Set(path, inode) => drop(names.insert(path.clone(), *inode)),
        NameChange::Remove(path) => drop(names.remove(path)),
        NameChange::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
    }
}

impl State {
    /// What the next start finds after the power is cut at this moment.
    pub fn cut(&self, survives: Survives, dice: &mut Dice) -> Self {
        let mut numbers: Vec<u64> = self.pending_names.iter().map(|(number, _)| *number).collect();
        self.inodes.values().for_each(|file| numbers.extend(file.pending.iter().map(|(number, _)| *number)));
        numbers.sort_unstable();
        // The operation that is torn.
        let last = match survives {
            Survives::TornPrefix if !numbers.is_empty() => numbers[dice.roll(numbers.len() as u64) as usize],
            _ => u64::MAX,
        };
        let mut names = self.durable_names.clone();
        for (number, change) in &self.pending_names {
            let there = match survives {
                Survives::Nothing | Survives::ContentOnly => false,
                Survives::Everything | Survives::NamesOnly | Survives::LengthsOnly => true,
                Survives::TornPrefix => *number <= last,
                Survives::SomeSectors | Survives::SomeBlocks => dice.roll(2) == 0,
            };
            if there {
                apply_name(&mut names, change);
            }
        }
        let mut inodes = BTreeMap::new();
        for inode in names.values() {
            let file = self.inodes.get(inode).cloned().unwrap_or_default();
            let content = Arc::new(file.cut(survives, last, dice));
            let file = Inode { durable: Arc::clone(&content), visible: content, pending: Vec::new() };
            inodes.insert(*inode, file);
        }
        Self {
            inodes,
            next_inode: self.next_inode,
            durable_names: names.clone(),
            names,
            pending_names: Vec::new(),
            ledger: self.ledger.clone(),
        }
    }

    /// Names what the program sees: all names with the contents of their files.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (path, inode) in &self.names {
            let content = self.inodes.get(inode).map_or(&[] as &[u8], |file| &file.visible);
            hash.update(format!("{} {} ", path.display(), content.len()));
            hash.update(content);
        }
        hash.finalize().into()
    }

    /// What the program sees as the length of the file with this name.
    pub fn length_of(&self, name: &str) -> usize {
        let found = self.names.iter().find(|(path, _)| path.file_name().is_some_and(|n| n == name));
        found.and_then(|(_, inode)| self.inodes.get(inode)).map_or(0, |file| file.visible.len())
    }

    /// Whether a file lies here that waits for its rename.
    pub fn has_unfinished_rewrite(&self) -> bool {
        self.names.keys().any(|path| path.extension().is_some_and(|end| end == "new"))
    }

    /// Whether there is anything that a cut could lose.
    pub fn has_unsynced(&self) -> bool {
        !self.pending_names.is_empty() || self.inodes.values().any(|file| !file.pending.is_empty())
    }
}

impl Inode {
    fn cut(&self, survives: Survives, last: u64, dice: &mut Dice) -> Vec<u8> {
        let mut versions = vec![(*self.durable).clone()];
        for (number, change) in &self.pending {
            let mut next = versions.last().expect("the durable one").clone();
            match change {
                Change::Write { offset, bytes } if *number == last => {
                    let torn = bytes[..dice.roll(bytes.len() as u64 + 1) as usize].into();
                    apply(&mut next, &Change::Write { offset: *offset, bytes: torn });
                }
                _ if *number > last => {}
                whole => apply(&mut next, whole),
            }
            versions.push(next);
        }
        let newest = versions.last().expect("the durable one");
        match survives {
            Survives::Nothing | Survives::NamesOnly => (*self.durable).clone(),
            Survives::Everything | Survives::ContentOnly | Survives::TornPrefix => newest.clone(),
            Survives::LengthsOnly => {
                let mut content = (*self.durable).clone();
                content.resize(newest.len(), 0);
                content
            }
            Survives::SomeSectors => mix(&versions, 512, 0, dice),
            Survives::SomeBlocks => mix(&versions, 4096, 0xa5, dice),
        }
    }
}

/// A length of any version, and in each block the bytes of any version; `rest` where that version ends before.
fn mix(versions: &[Vec<u8>], block: usize, rest: u8, dice: &mut Dice) -> Vec<u8> {
    let mut any = || &versions[dice.roll(versions.len() as u64) as usize];
    let length = any().len();
    let mut content = vec![rest; length];
    for from in (0..length).step_by(block) {
        let to = (from + block).min(length);
        let version = any();
        let bytes = version.get(from..to.min(version.len())).unwrap_or(&[]);
        content[from..from + bytes.len()].copy_from_slice(bytes);
    }
    content
}

#[derive(Debug)]
struct Handle {
    files: SimFiles,
    inode: u64,
    access: Access,
}

impl Files for SimFiles {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let world = self.world();
        let inode = world.state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(world.state.inodes.get(inode).map(|file| (*file.visible).clone()).unwrap_or_default())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>> {
        let mut world = self.world();
        let inode = match (world.state.names.get(path).copied(), access) {
            (Some(inode), Access::Fresh) => {
                let number = world.begin()?;
                world.change(inode, number, Change::Length(0));
                world.end();
                inode
            }
            (Some(inode), _) => inode,
            (None, Access::Append) => return Err(io::ErrorKind::NotFound.into()),
            (None, _) => {
                let number = world.begin()?;
                world.state.next_inode += 1;
                let inode = world.state.next_inode;
                world.state.inodes.insert(inode, Inode::default());
                world.change_name(number, NameChange::Set(path.into(), inode));
                world.end();
                inode
            }
        };
        Ok(Box::new(Handle { files: self.clone(), inode, access }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        let number = world.begin()?;
        if world.sabotage == Sabotage::RenameIsTwoSteps {
            world.change_name(number, NameChange::Remove(to.into()));
        }
        world.change_name(number, NameChange::Rename(from.into(), to.into()));
        world.end();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        let number = world.begin()?;
        world.change_name(number, NameChange::Remove(path.into()));
        world.end();
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut world = self.world();
        if world.sabotage == Sabotage::NamesAreNotSynced {
            return Ok(());
        }
        let done = world.begin();
        let state = &mut world.state;
        if let Err(error) = done {
            // Names are the file system's own: it keeps them until they are on the disk.
            world.failed_syncs += 1;
            return Err(error);
        }
        let pending = std::mem::take(&mut state.pending_names);
        pending.iter().for_each(|(_, change)| apply_name(&mut state.durable_names, change));
        world.end();
        Ok(())
    }
}

impl OpenFile for Handle {
    fn length(&self) -> io::Result<u64> {
        let world = self.files.world();
        Ok(world.state.inodes.get(&self.inode).map_or(0, |file| file.visible.len() as u64))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let offset = self.length()?;
        self.write_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.files.world();
        let done = world.begin();
        // A write that fails may have written a part.
        let written = if done.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let number = world.operations;
        world.change(self.inode, number, Change::Write { offset: offset as usize, bytes: written.into() });
        world.end();
        done.map(drop)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut world = self.files.world();
        let number = world.begin()?;
        world.change(self.inode, number, Change::Length(length as usize));
        world.end();
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.files.world();
        let ignored = match world.sabotage {
            Sabotage::ContentIsNotSynced => true,
            Sabotage::FreshFilesAreNotSynced => self.access == Access::Fresh,
            _ => false,
        };
        if ignored {
            return Ok(());
        }
        let done = world.begin();
        let file = world.state.inodes.entry(self.inode).or_default();
        let pending = std::mem::take(&mut file.pending);
        if let Err(error) = done {
            // The system counts the pages as clean now: a second sync says nothing, and they are lost.
            world.failed_syncs += 1;
            return Err(error);
        }
        let content = Arc::make_mut(&mut file.durable);
        pending.iter().for_each(|(_, change)| apply(content, change));
        world.end();
        Ok(())
    }
}
