//! The fuse of a home: counts what its disk and its store are asked to write, and says which of it fails.
//!
//! Disk and store of one home share one fuse, so that a power cut hits whichever is written to next.

/// How a write fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// An error; a part may be written.
    Io,
    /// A sync fails; the process must end.
    Sync,
    /// The power goes: this write is done in part, nothing after it.
    Power,
}

/// Counts writes, and fails one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fuse {
    writes: u64,
    plan: Option<(u64, Failure)>,
    dead: bool,
    /// What the plan did since it was last asked for.
    blown: Option<Failure>,
}

impl Fuse {
    /// Lets the write after the next `writes` ones fail.
    pub(crate) fn set(&mut self, writes: u64, failure: Failure) {
        self.plan = Some((self.writes + writes, failure));
    }

    /// A new process runs on this home.
    pub(crate) fn renew(&mut self) {
        self.plan = None;
        self.dead = false;
        self.blown = None;
    }

    /// Counts a write; tells whether and how it fails. `syncs`: whether the write ends with a sync.
    pub(crate) fn write(&mut self, syncs: bool) -> Result<(), Failure> {
        if self.dead {
            return Err(Failure::Power);
        }
        self.writes += 1;
        match self.plan {
            Some((at, Failure::Sync)) if self.writes > at && !syncs => Ok(()),
            Some((at, failure)) if self.writes > at => {
                self.plan = None;
                self.dead = failure == Failure::Power;
                self.blown = Some(failure);
                Err(failure)
            }
            _ => Ok(()),
        }
    }

    /// Writes so far.
    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    /// Whether the power is gone.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    /// What failed since this was asked last.
    pub(crate) fn take_blown(&mut self) -> Option<Failure> {
        self.blown.take()
    }
}
