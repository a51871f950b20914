//! Reads every record of the store again, slowly, while the node runs: rot is found while the peers still have what was
//! lost.
//!
//! The start reads headers only, so a body that is missing or damaged would else stay unnoticed until somebody asks
//! for it. What is found goes to the core, which says so in its frontier and fetches it again.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use ecomesh_protocol::{Input, LedgerError};
use ecomesh_record::Position;
use ecomesh_store::LedgerReader;

use crate::core_thread::CoreHandle;

/// Records between two pauses.
const RECORDS: usize = 64;
/// A pause is so many times as long as the reading before it: a tenth of one processor at most.
const PAUSE_FACTOR: u32 = 9;
/// And at least so long.
const PAUSE_MIN: Duration = Duration::from_millis(1);
/// From the end of one round to the begin of the next.
const ROUND_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// The thread that reads. It ends when this is dropped, after a few records.
pub(crate) struct Scrub {
    _stop: Sender<()>,
    _thread: JoinHandle<()>,
}

impl Scrub {
    /// Starts the first round at once.
    pub(crate) fn start(reader: LedgerReader, core: CoreHandle) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let worker = Worker { reader, core, stopped };
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
    core: CoreHandle,
    stopped: Receiver<()>,
}

impl Worker {
    fn run(self) {
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

    fn round(&self) -> Result<(), End> {
        let began = Instant::now();
        let (mut read, mut missing) = (0_u64, 0_u64);
        for head in self.reader.heads() {
            let mut next = 0;
            while next <= head.seq {
                let last = head.seq.min(next.saturating_add(RECORDS as u64 - 1));
                let slice = Instant::now();
                for seq in next..=last {
                    missing += u64::from(self.look(head.log.at(seq))?);
                }
                read += last - next + 1;
                next = last + 1;
                self.pause((slice.elapsed() * PAUSE_FACTOR).max(PAUSE_MIN))?;
            }
        }
        let seconds = began.elapsed().as_secs();
        tracing::debug!(read, missing, seconds, "the store was read through");
        Ok(())
    }

    /// Whether the body at a position is missing, which the core is told then.
    fn look(&self, position: Position) -> Result<bool, End> {
        let record = self.reader.record(position).map_err(End::Failed)?;
        let Some(record) = record.filter(|record| record.body().is_none()) else { return Ok(false) };
        // What is gone by right is no loss; asked last, since it may have been destroyed while it was read.
        if self.reader.is_excused(position) {
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
