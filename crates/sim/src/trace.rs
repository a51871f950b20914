//! The trace: a running SHA-256 over all that happens. Two runs with one hash are the same run (invariant I10).

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

/// Lines of the story that are kept for a failure.
const LINES_KEPT: usize = 60;

/// The hash so far, and the last lines of the story.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    hash: Sha256,
    events: u64,
    lines: VecDeque<String>,
}

impl Trace {
    /// Notes one event: when, what, where, and a number that tells its content.
    pub(crate) fn event(&mut self, now: u64, what: u8, node: usize, content: u64) {
        self.events += 1;
        let mut bytes = [0; 25];
        bytes[..8].copy_from_slice(&now.to_be_bytes());
        bytes[8] = what;
        bytes[9..17].copy_from_slice(&(node as u64).to_be_bytes());
        bytes[17..].copy_from_slice(&content.to_be_bytes());
        self.hash.update(bytes);
    }

    /// Notes bytes that an event is about.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// Adds a line to the story, which is part of the hash.
    pub(crate) fn line(&mut self, now: u64, line: &str) {
        self.hash.update(line.as_bytes());
        if self.lines.len() == LINES_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>10}.{:03} ms  {line}", now / 1_000, now % 1_000));
    }

    /// Events so far.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// The hash so far, in hexadecimal.
    pub(crate) fn hash(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }

    /// The last lines of the story, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
