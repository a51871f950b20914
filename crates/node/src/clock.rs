//! The node's clocks. The only place that reads them for the core.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ecomesh_protocol::Now;
use ecomesh_record::Time;

/// Both clocks of a process. Cheap to copy; copies agree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts the monotonic clock at 0.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// This moment.
    pub(crate) fn now(self) -> Now {
        let mono = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { wall: wall(), mono }
    }
}

/// The wall clock; 0 if it stands before 1970.
pub(crate) fn wall() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
