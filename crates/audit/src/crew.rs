//! Threads that examine batches of records, and give them back in the order in which they came.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use ecomesh_protocol::KeyRing;

use crate::examine::{Examined, Waiting, examine};

/// Records of a batch: some milliseconds of work.
const BATCH_RECORDS: usize = 256;
/// And so many bytes of bodies at most.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// In the place of a batch's number: a thread panicked.
const PANICKED: u64 = u64::MAX;

struct Job {
    number: u64,
    ring: Arc<KeyRing>,
    batch: Vec<Waiting>,
}

/// The threads, and what is on its way to and from them.
pub(crate) struct Crew {
    jobs: Sender<Job>,
    results: Receiver<(u64, Vec<Examined>)>,
    batch: Vec<Waiting>,
    bytes: usize,
    sent: u64,
    taken: u64,
    early: BTreeMap<u64, Vec<Examined>>,
    under_way_max: u64,
}

impl Crew {
    /// Starts `threads` of them; they end when the crew is dropped.
    pub(crate) fn start<'scope>(scope: &'scope Scope<'scope, '_>, threads: usize) -> Self {
        let (jobs, inbox) = channel::<Job>();
        let (outbox, results) = channel();
        let inbox = Arc::new(Mutex::new(inbox));
        for _ in 0..threads.max(1) {
            let (inbox, outbox) = (Arc::clone(&inbox), outbox.clone());
            scope.spawn(move || work(&inbox, &outbox));
        }
        let under_way_max = 2 * threads.max(1) as u64 + 1;
        Self {
            jobs,
            results,
            batch: Vec::new(),
            bytes: 0,
            sent: 0,
            taken: 0,
            early: BTreeMap::new(),
            under_way_max,
        }
    }

    /// Gives the threads a record; gives back those that are done and whose turn it is.
    pub(crate) fn give(&mut self, waiting: Waiting, ring: &Arc<KeyRing>) -> VecDeque<Examined> {
        self.bytes += waiting.body.len();
        self.batch.push(waiting);
        let mut done = VecDeque::new();
        if self.batch.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES {
            self.send(ring);
            while self.sent - self.taken >= self.under_way_max {
                done.extend(self.next());
            }
        }
        done
    }

    /// Waits for all that is on its way.
    pub(crate) fn finish(&mut self, ring: &Arc<KeyRing>) -> VecDeque<Examined> {
        self.send(ring);
        let mut done = VecDeque::new();
        while self.taken < self.sent {
            done.extend(self.next());
        }
        done
    }

    fn send(&mut self, ring: &Arc<KeyRing>) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        // The threads end only when this sender is gone, or when one of them panics: then the scope panics too.
        let _ = self.jobs.send(Job { number: self.sent, ring: Arc::clone(ring), batch });
        self.sent += 1;
    }

    /// The next batch in order; waits for it.
    fn next(&mut self) -> Vec<Examined> {
        loop {
            if let Some(done) = self.early.remove(&self.taken) {
                self.taken += 1;
                return done;
            }
            match self.results.recv() {
                Ok((number, done)) if number != PANICKED => drop(self.early.insert(number, done)),
                _ => {
                    // With the thread the scope panics, once the others have ended.
                    self.taken = self.sent;
                    return Vec::new();
                }
            }
        }
    }
}

/// Tells, when a thread panics, that its batch will never come.
struct Bell<'a>(&'a Sender<(u64, Vec<Examined>)>);

impl Drop for Bell<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // If nobody listens any more, nobody waits.
            let _ = self.0.send((PANICKED, Vec::new()));
        }
    }
}

fn work(inbox: &Mutex<Receiver<Job>>, outbox: &Sender<(u64, Vec<Examined>)>) {
    let _bell = Bell(outbox);
    loop {
        let job = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { number, ring, batch }) = job else { return };
        let done = batch.into_iter().map(|waiting| examine(&ring, waiting)).collect();
        if outbox.send((number, done)).is_err() {
            return;
        }
    }
}
