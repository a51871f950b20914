//! The verify pool of the simulated nodes: real decoding and real strict verification, done once for equal bytes.
//!
//! What the pool finds is a pure function of a key ring and of bytes. So the same bytes under an equal ring need not be
//! verified again for every node: the result is kept under the SHA-256 of both. The ring's part of that hash covers
//! every key in full. This changes no result; it only takes the 40 µs of a signature once and not once for each node.

use std::collections::{BTreeMap, VecDeque};

use ecomesh_protocol::wire::{self, Answer, PushReport, Question};
use ecomesh_protocol::{Input, KeyRing, PeerKey, Roster};
use sha2::{Digest, Sha256};

/// Bytes whose results are kept.
const CACHE_BYTES: usize = 48 * 1024 * 1024;

/// Names the content of a key ring.
pub(crate) type RingHash = [u8; 32];

/// Bytes to verify.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    Push { token: u64, from: PeerKey, topic: u8, bytes: Vec<u8> },
    Question { peer: PeerKey, exchange: u64, bytes: Vec<u8> },
    Answer { peer: PeerKey, request: u64, bytes: Vec<u8> },
}

enum Found {
    Push(PushReport),
    Question(Result<Question, String>),
    Answer(Result<Answer, String>),
}

/// The results that are kept.
#[derive(Default)]
pub(crate) struct Cache {
    found: BTreeMap<[u8; 32], (Found, usize)>,
    order: VecDeque<[u8; 32]>,
    bytes: usize,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

/// The hash of everything in a ring.
pub(crate) fn ring_hash(ring: &KeyRing, roster: &Roster) -> RingHash {
    let mut hash = Sha256::new();
    // The debug text has every generation's number; the keys in it are shortened, so they follow in full.
    hash.update(format!("{ring:?}"));
    for member in roster.members() {
        ring.all(member.member).for_each(|key| hash.update(key.as_bytes()));
    }
    hash.finalize().into()
}

impl Cache {
    /// What the pool of a node with this ring makes of a job.
    pub(crate) fn verify(&mut self, ring: &KeyRing, ring_hash: &RingHash, job: Job) -> Input {
        let (kind, bytes) = match &job {
            Job::Push { topic, bytes, .. } => (*topic, bytes),
            Job::Question { bytes, .. } => (10, bytes),
            Job::Answer { bytes, .. } => (11, bytes),
        };
        let key: [u8; 32] =
            Sha256::new().chain_update([kind]).chain_update(ring_hash).chain_update(bytes).finalize().into();
        if let Some((found, _)) = self.found.get(&key) {
            self.hits += 1;
            return input(job, found);
        }
        self.misses += 1;
        let found = match &job {
            Job::Push { topic, bytes, .. } => Found::Push(wire::verify_push(ring, *topic, bytes)),
            Job::Question { bytes, .. } => {
                Found::Question(wire::verify_question(ring, bytes).map_err(|e| e.to_string()))
            }
            Job::Answer { bytes, .. } => {
                Found::Answer(wire::verify_answer(ring, bytes).map_err(|e| e.to_string()))
            }
        };
        let length = bytes.len() + 256;
        let input = input(job, &found);
        self.keep(key, found, length);
        input
    }

    fn keep(&mut self, key: [u8; 32], found: Found, length: usize) {
        self.found.insert(key, (found, length));
        self.order.push_back(key);
        self.bytes += length;
        while self.bytes > CACHE_BYTES
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.found.remove(&oldest).map_or(0, |(_, length)| length);
        }
    }
}

fn input(job: Job, found: &Found) -> Input {
    match (job, found) {
        (Job::Push { token, from, .. }, Found::Push(report)) => {
            Input::Pushed { token, from, report: copy(report) }
        }
        (Job::Question { peer, exchange, .. }, Found::Question(question)) => {
            Input::Asked { peer, exchange, question: question.clone() }
        }
        (Job::Answer { peer, request, .. }, Found::Answer(answer)) => {
            Input::Answered { peer, request, answer: answer.clone() }
        }
        // The kind is part of the key.
        (Job::Push { from: peer, .. } | Job::Question { peer, .. } | Job::Answer { peer, .. }, _) => {
            Input::Misbehaved { peer, reason: "the simulation mixed up two results".into() }
        }
    }
}

fn copy(report: &PushReport) -> PushReport {
    PushReport {
        topic: report.topic,
        records: report.records.clone(),
        deferred: report.deferred,
        blame: report.blame.clone(),
    }
}
