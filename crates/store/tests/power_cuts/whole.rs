//! A whole node as it runs, core and database and all: sled's folder is copied at each operation of the other files
//! and at each of its own syncs, and a cut mixes its unsynced blocks while marker, journal and evidence lose theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ecomesh_protocol::{Now, journal};
use ecomesh_record::Time;
use ecomesh_store::{FileDisk, OpenError, Opened, Options, System, open_or_create};

use crate::common::{Authors, Dice, INSTANCE, copy_dir, member, mix, options, storage_key};
use crate::full;
use crate::node::{Holds, Node, Promises, START, Told};
use crate::sim::{Sabotage, SimFiles, State, Survives};

/// A moment at which the power can be cut.
struct Point {
    /// The simulated files.
    state: State,
    /// Copy of the database's folder as it was when it was synced last.
    synced: PathBuf,
    /// Copy of it at this moment.
    now: PathBuf,
    /// How much the node had told.
    told: usize,
}

/// Takes copies of the database's folder.
struct Camera {
    live: PathBuf,
    album: PathBuf,
    points: Vec<Point>,
    synced: PathBuf,
    told: usize,
    count: usize,
    /// Nothing is taken before the store is open and after the work is over.
    on: bool,
}

impl Camera {
    fn copy(&mut self) -> PathBuf {
        self.count += 1;
        let copy = self.album.join(self.count.to_string());
        copy_dir(&self.live, &copy);
        copy
    }

    fn take(&mut self, state: &State) {
        if self.on {
            let (now, synced) = (self.copy(), self.synced.clone());
            self.points.push(Point { state: state.clone(), synced, now, told: self.told });
        }
    }
}

/// Options of a store whose marker lies in these files.
fn with(system: System) -> Options {
    Options { system, ..options() }
}

fn start(
    authors: &Authors,
    path: &Path,
    system: System,
    now: Now,
) -> Result<Node<ecomesh_store::SledLedger>, OpenError> {
    let Opened { ledger, .. } =
        open_or_create(path, authors.network, INSTANCE, &storage_key(), &with(system.clone()))?;
    let disk = FileDisk::open(Path::new("log"), system).unwrap();
    Ok(Node::open(authors, ledger, disk, now).unwrap_or_else(|error| panic!("{error}")))
}

/// Lets a node work under the camera. Returns what it told, and the moments.
fn work(authors: &mut Authors, live: &Path, album: &Path, steps: usize) -> (Vec<Told>, Vec<Point>) {
    let files = SimFiles::default();
    let camera = Camera {
        live: live.into(),
        album: album.into(),
        points: Vec::new(),
        synced: PathBuf::new(),
        told: 0,
        count: 0,
        on: false,
    };
    let camera = Arc::new(Mutex::new(camera));
    let sync = {
        let (camera, files) = (Arc::clone(&camera), files.clone());
        move |file: &fs::File| {
            camera.lock().unwrap().take(&files.state());
            file.sync_all()?;
            let mut camera = camera.lock().unwrap();
            if camera.on {
                camera.synced = camera.copy();
            }
            Ok(())
        }
    };
    let system = files.system().with_sync(sync);
    let mut disk = FileDisk::open(Path::new("log"), files.system()).unwrap();
    journal::create(&mut disk, authors.network, member("KE"), INSTANCE).unwrap();
    let mut node = start(authors, live, system, START).unwrap();
    {
        let mut camera = camera.lock().unwrap();
        camera.on = true;
        camera.synced = camera.copy();
    }
    let observer = Arc::clone(&camera);
    files.observe(Some(Box::new(move |state| observer.lock().unwrap().take(state))));
    let mut dice = Dice(21);
    for step in 0..steps {
        // Now and then a commit of several batches.
        let count = if step % 7 == 6 { 90 } else { dice.roll(4) };
        (0..count).for_each(|_| node.submit(&mut dice));
        if dice.roll(3) == 0 {
            node.receive(authors, &mut dice);
        }
        if dice.roll(3) == 0 {
            node.hear(authors);
        }
        node.commit(authors);
        assert_eq!(node.fatal, None);
        camera.lock().unwrap().told = node.told.len();
    }
    camera.lock().unwrap().on = false;
    files.observe(None);
    let told = std::mem::take(&mut node.told);
    drop(node);
    let points = std::mem::take(&mut camera.lock().unwrap().points);
    (told, points)
}

#[test]
fn no_cut_of_power_takes_back_what_a_node_with_its_database_has_said() {
    ecomesh_store::hide_caught_panics();
    let dir = tempfile::tempdir().unwrap();
    let (live, album) = (dir.path().join("live"), dir.path().join("album"));
    let mut authors = Authors::new();
    let (told, points) = work(&mut authors, &live, &album, if full() { 60 } else { 24 });
    let (mut cuts, mut refused) = (0, 0);
    let mut dice = Dice(22);
    let later = Now { wall: Time(START.wall.0 + 10_000_000), mono: START.mono + 10_000_000 };
    for (number, point) in points.iter().enumerate() {
        let mut promises = Promises::default();
        told[..point.told].iter().for_each(|one| promises.learn(one));
        let some = if full() {
            Survives::ALL.to_vec()
        } else {
            [0, 3].map(|n| Survives::ALL[(number + n) % 8]).to_vec()
        };
        for survives in some {
            fs::remove_dir_all(&live).unwrap();
            mix(&point.synced, &point.now, &live, &mut dice);
            let files = SimFiles::new(point.state.cut(survives, &mut dice), Sabotage::None);
            cuts += 1;
            let holds = match start(&authors, &live, files.system(), later) {
                Ok(mut node) => Holds::of(&mut node, &authors),
                Err(OpenError::Damaged { .. }) => {
                    refused += 1;
                    // As the node does: a fresh store, with another instance, and the journal.
                    promises.delivered.clear();
                    fresh(&authors, &dir.path().join(format!("fresh{cuts}")), &files, later)
                }
                Err(other) => panic!("moment {number}, {survives:?}: {other}"),
            };
            let checked = holds.and_then(|holds| holds.check(&promises));
            checked.unwrap_or_else(|error| panic!("moment {number}, {survives:?}: {error}"));
        }
    }
    eprintln!("{cuts} cuts at {} moments; {refused} were refused as damaged", points.len());
    assert!(cuts > 150 && refused * 10 <= cuts, "{refused} of {cuts}");
}

/// A start with an empty store, whose instance is not the journal's.
fn fresh(authors: &Authors, path: &Path, files: &SimFiles, now: Now) -> Result<Holds, String> {
    let opened = open_or_create(path, authors.network, [8; 16], &storage_key(), &with(files.system()));
    let ledger = opened.map_err(|error| error.to_string())?.ledger;
    let disk = FileDisk::open(Path::new("log"), files.system()).map_err(|error| error.to_string())?;
    let mut node = Node::open(authors, ledger, disk, now)?;
    let holds = Holds::of(&mut node, authors)?;
    if holds.generation.is_some() {
        return Err("it went on in its old generation with an empty store".into());
    }
    Ok(holds)
}
