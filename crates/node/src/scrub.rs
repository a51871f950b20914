//! Reads every record of the store again, slowly, while the node runs: rot is found while the peers still have what was
//! lost.
//!
//! The start reads headers only, so a body that is missing or damaged would else stay unnoticed until somebody asks
//! for it. What is found goes to the core, which says so in its frontier and fetches it again.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use ecomesh_protocol::{Input, LedgerError};
use ecomesh_record::Record;
use ecomesh_store::LedgerReader;

use crate::board::Board;
use crate::core_thread::CoreHandle;

/// Records between two pauses at most, and bytes of them.
const RECORDS: usize = 64;
const BYTES: usize = 1024 * 1024;
/// A pause is so many times as long as the reading before it: a tenth of one processor at most.
const PAUSE_FACTOR: u32 = 9;
/// And at least so long.
const PAUSE_MIN: Duration = Duration::from_millis(1);
/// From the end of one round to the begin of the next.
const ROUND_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// After a start the documents are read first, which people wait for; but it is not put off for longer than this.
const PUT_OFF_MAX: Duration = Duration::from_secs(10 * 60);
const PUT_OFF: Duration = Duration::from_secs(1);

/// The thread that reads. It ends when this is dropped, after a few records.
pub(crate) struct Scrub {
    _stop: Sender<()>,
    _thread: JoinHandle<()>,
}

impl Scrub {
    /// Starts the first round once the board has read everything.
    pub(crate) fn start(reader: LedgerReader, board: Arc<Board>, core: CoreHandle) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let worker = Worker { reader, board, core, stopped };
        let thread = std::thread::Builder::new().name("scrub".into()).spawn(move || worker.run())?;
        Ok(Self { _stop: stop, _thread: thread })
    }
}

/// Why the thread ends.
enum End {
    Stopped,
    Failed(LedgerError),
}

struct Worker {
    reader: LedgerReader,
    board: Arc<Board>,
    core: CoreHandle,
    stopped: Receiver<()>,
}

impl Worker {
    fn run(self) {
        if self.put_off().is_err() {
            return;
        }
        loop {
            match self.round().and_then(|()| self.pause(ROUND_PAUSE)) {
                Ok(()) => {}
                Err(End::Stopped) => return,
                Err(End::Failed(error)) => {
                    // A core that has ended needs no word of it.
                    let _ = self.core.give(Input::LedgerFailed { error });
                    return;
                }
            }
        }
    }

    fn put_off(&self) -> Result<(), End> {
        let began = Instant::now();
        while self.board.reads_everything() && began.elapsed() < PUT_OFF_MAX {
            self.pause(PUT_OFF)?;
        }
        Ok(())
    }

    fn round(&self) -> Result<(), End> {
        let began = Instant::now();
        let (mut read, mut missing) = (0_u64, 0_u64);
        for head in self.reader.heads() {
            let mut next = 0;
            while next <= head.seq {
                let slice = Instant::now();
                let records = self.reader.page(head.log, next, BYTES, RECORDS).map_err(End::Failed)?;
                if records.is_empty() {
                    break;
                }
                for record in &records {
                    missing += u64::from(self.look(record)?);
                }
                read += records.len() as u64;
                next += records.len() as u64;
                self.pause((slice.elapsed() * PAUSE_FACTOR).max(PAUSE_MIN))?;
            }
        }
        let seconds = began.elapsed().as_secs();
        tracing::debug!(read, missing, seconds, "the store was read through");
        Ok(())
    }

    /// Whether the body of a record is missing, which the core is told then.
    fn look(&self, record: &Record) -> Result<bool, End> {
        // What is gone by right is no loss; asked last, since it may have been destroyed while it was read.
        if record.body().is_some() || self.reader.is_excused(record.position()) {
            return Ok(false);
        }
        let told = self.core.give(Input::BodyMissing { id: record.id() });
        told.map_err(|_gone| End::Stopped)?;
        Ok(true)
    }

    fn pause(&self, length: Duration) -> Result<(), End> {
        match self.stopped.recv_timeout(length) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(End::Stopped),
        }
    }
}
