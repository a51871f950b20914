//! The n-th operation fails, for n = 1, 2, 3 …: with an error of the device or for want of space, alone or with those
//! after it. Everything stays readable, nothing is corrupted, it goes on when the errors stop; and a failed sync ends
//! the process.

use std::path::Path;

use ecomesh_protocol::disk::{Disk, DiskError};
use ecomesh_store::FileDisk;

use crate::common::{Authors, Dice};
use crate::full;
use crate::logs::{Known, Work};
use crate::node::{self, Holds, Node, Promises, START, SimLedger};
use crate::sim::{Fault, Sabotage, SimFiles, Survives};

fn faults(operations: u64) -> impl Iterator<Item = Fault> {
    let kinds = [(1, false), (1, true), (4, false), (4, true)];
    let all = (1..=operations).flat_map(move |from| kinds.map(|(count, full)| Fault { from, count, full }));
    // In turns, unless all are wanted.
    all.filter(|fault| full() || fault.count == 1 || fault.from % 3 == 0)
}

#[test]
fn journal_and_evidence_survive_an_error_of_any_operation() {
    let (mut ended, mut went_on) = (0, 0);
    for fault in faults(120) {
        let mut work = Work::new(3, Sabotage::None);
        work.files.set_fault(Some(fault));
        // A failed sync ends the process.
        for _ in 0..60 {
            if work.files.failed_syncs() == 0 {
                work.step();
            }
        }
        let mut known = Known::at_start();
        work.events.iter().for_each(|(_, event)| known.learn(event.clone()));
        let told = |error: String| format!("{fault:?}: {error}");
        // The process is started again; or the power goes.
        let sync_failed = work.files.failed_syncs() > 0;
        let left = work.files.state().cut(Survives::Nothing, &mut Dice(1));
        work.files.set_fault(None);
        let states = [work.files.state(), left];
        for state in states {
            let found = crate::logs::recover(&SimFiles::new(state, Sabotage::None)).map_err(told).unwrap();
            known.check(&found.content).map_err(told).unwrap();
        }
        let late = work.events.last().map_or(0, |(at, _)| *at) > fault.from + fault.count;
        assert!(sync_failed || late, "{fault:?}: it did not go on");
        ended += usize::from(sync_failed);
        went_on += usize::from(!sync_failed);
    }
    eprintln!("{ended} ended by a failed sync, {went_on} went on");
    assert!(ended > 50 && went_on > 50, "{ended}, {went_on}");
}

/// A write for which there is no space leaves half of itself, and that is taken back.
#[test]
fn a_failed_append_leaves_the_file_as_it_was() {
    let files = SimFiles::default();
    let mut disk = FileDisk::open(Path::new("log"), files.system()).unwrap();
    disk.append("journal", b"whole").unwrap();
    files.set_fault(Some(Fault { from: files.operations() + 1, count: 1, full: true }));
    assert_eq!(disk.append("journal", b"more"), Err(DiskError::Full));
    assert_eq!(disk.read("journal"), Ok(Some(b"whole".to_vec())));
}

/// A node under one fault; started again, as its supervisor does, whenever it stops.
struct Run {
    files: SimFiles,
    node: Option<Node<SimLedger>>,
    promises: Promises,
    starts: usize,
    acknowledged_after: bool,
}

impl Run {
    fn step(&mut self, authors: &mut Authors, fault: Fault, dice: &mut Dice) -> Result<(), String> {
        let now = self.node.as_ref().map_or(START, |node| node.now);
        let Some(node) = &mut self.node else {
            self.starts += 1;
            // While the disk fails it may not start; it says why, and is started again.
            self.node = node::start(&self.files, authors, now).ok();
            return Ok(());
        };
        let failed = self.files.failed_syncs();
        node.submit(dice);
        if dice.roll(3) == 0 {
            node.receive(authors, dice);
        }
        if dice.roll(3) == 0 {
            node.hear(authors);
        }
        node.commit(authors);
        for told in node.told.drain(..) {
            self.acknowledged_after |= self.files.operations() > fault.from + fault.count;
            self.promises.learn(&told);
        }
        if self.files.failed_syncs() > failed && node.fatal.is_none() {
            return Err("a sync failed and the node did not stop".into());
        }
        if node.fatal.is_some() {
            self.node = None;
        }
        Ok(())
    }
}

fn run_with(fault: Fault) -> Result<(usize, usize), String> {
    let mut authors = Authors::new();
    let files = node::begin(&authors);
    let first = files.operations();
    let fault = Fault { from: first + fault.from, ..fault };
    files.set_fault(Some(fault));
    let mut dice = Dice(9);
    let (promises, node) = (Promises::default(), None);
    let mut run = Run { files, node, promises, starts: 0, acknowledged_after: false };
    let mut steps = 0;
    while steps < 14 || (!run.acknowledged_after && steps < 60) {
        run.step(&mut authors, fault, &mut dice)?;
        steps += 1;
    }
    if !run.acknowledged_after {
        return Err("it did not go on when the errors stopped".into());
    }
    let state = run.files.state();
    let cut = state.cut(Survives::Nothing, &mut dice);
    for (how, state) in [("started again", state), ("power cut", cut)] {
        let files = SimFiles::new(state, Sabotage::None);
        let told = |error| format!("{how}: {error}");
        let mut node = node::start(&files, &authors, node::later()).map_err(told)?;
        let mut promises = run.promises.clone();
        if run.files.failed_syncs() > 0 && how == "power cut" {
            // After a failed sync the system shows what is not on the disk, and nobody can tell: of the evidence the
            // end may be missing then, and the next frontier proves it again. Of records nothing may be missing.
            promises.delivered.clear();
        }
        Holds::of(&mut node, &authors).and_then(|holds| holds.check(&promises)).map_err(told)?;
    }
    Ok((run.starts, run.promises.authored.len()))
}

#[test]
fn a_node_survives_an_error_of_any_operation() {
    let mut stopped = 0;
    for fault in faults(if full() { 150 } else { 40 }) {
        let (starts, authored) = run_with(fault).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(authored >= 5, "{fault:?}: {authored}");
        stopped += usize::from(starts > 1);
    }
    eprintln!("{stopped} stopped and started again");
    assert!(stopped > 20, "{stopped}");
}
