//! Erasures: clients take messages back, and no honest node serves what it knows to be erased (I6). When the faults are
//! over days pass at once, and every node must have destroyed it.

use std::collections::BTreeSet;

use ecomesh_protocol::erasure::{Erase, Ground};
use ecomesh_protocol::lives::is_erasable;
use ecomesh_protocol::wire::{Answer, verify_answer};
use ecomesh_protocol::{Draft, Ledger, Verified};
use ecomesh_record::{Kind, Lane, MemberId, Position, Record, RecordId, Time};

use crate::coverage::Mark;
use crate::node::{Node, SimCore};
use crate::world::{MS, World};

/// How far all clocks jump when the faults are over, in milliseconds: past the hold of the last erasure.
const DAYS_MS: i64 = 4 * 24 * 60 * 60 * 1000;

/// How often they do so.
const NIGHTS: u32 = 4;
/// And in which distance of virtual time, in microseconds.
const NIGHT_GAP_US: u64 = 60_000 * MS;

/// What a process knows to be erased: whose, and which.
pub(crate) type Erased = BTreeSet<(MemberId, RecordId)>;

impl World {
    /// A draft that takes back up to three messages of this node's client; nothing while it has none.
    pub(crate) fn erasing_draft(&mut self, number: usize) -> Option<Draft> {
        let mut own: Vec<RecordId> = self.checks.messages_of(number);
        // What keeps a record longer keeps its key record too; nobody erases that.
        own.retain(|id| self.shared(*id).is_none_or(|record| may_be_erased(record.header().kind)));
        if own.is_empty() {
            return None;
        }
        let count = 1 + self.client_rng.below(3);
        let targets: Vec<RecordId> = (0..count).map(|_| own[self.client_rng.index(own.len())]).collect();
        let content = Erase::new(Ground::SENT_IN_ERROR, targets).ok()?.encode().ok()?;
        Some(Draft::control(Kind::ERASE, content, self.client_rng.bytes()))
    }

    /// A process has learnt of an erasure.
    pub(crate) fn learnt_erasure(&mut self, number: usize, record: &Record) {
        self.coverage.mark(Mark::Erased);
        self.nodes[number].erased.extend(targets(record));
    }

    /// A process has begun: whatever it has made of them, the records in its store are what it knows.
    pub(crate) fn remember_erasures(&mut self, number: usize) {
        if self.scenario.load.erase_permille > 0 {
            self.nodes[number].erased = stored_erasures(&self.nodes[number]);
        }
    }

    /// I6: an answer of an honest node has no body that it knows to be erased.
    pub(crate) fn check_served(&mut self, number: usize, bytes: &[u8]) {
        let node = &self.nodes[number];
        if node.erased.is_empty() || !node.is_honest() {
            return;
        }
        let served: Vec<RecordId> = match verify_answer(&node.ring, bytes) {
            Ok(Answer::Page { records }) => {
                let whole = records.iter().map(Verified::record).filter(|r| r.body().is_some());
                whole.filter(|r| node.erased.contains(&(r.header().author, r.id()))).map(Record::id).collect()
            }
            Ok(Answer::Bodies { bodies }) => {
                let of = |id: &RecordId| node.ledger.find(*id).ok().flatten().map(|p| (p.log.author, *id));
                bodies
                    .iter()
                    .map(|(id, _)| *id)
                    .filter(|id| of(id).is_some_and(|k| node.erased.contains(&k)))
                    .collect()
            }
            Ok(Answer::Erased { .. }) => {
                self.coverage.mark(Mark::ErasureShown);
                return;
            }
            _ => return,
        };
        if let Some(id) = served.first() {
            let name = self.name(number);
            self.checks.fail("I6", format!("{name} serves the body of {id:?}, which it knows to be erased"));
        }
    }

    /// The faults are over: so much time passes that the holds are over; and again, for those who have seen an erasure
    /// only since.
    pub(crate) fn let_days_pass(&mut self) {
        let since_calm = self.now.saturating_sub(self.scenario.run_ms * MS);
        let due = self.days_passed < NIGHTS && since_calm >= u64::from(self.days_passed) * NIGHT_GAP_US;
        if self.scenario.load.erase_permille > 0 && due {
            self.days_passed += 1;
            self.tell("four days pass");
            self.nodes.iter_mut().for_each(|node| node.clock_ms += DAYS_MS);
        }
    }

    /// Whether a node has carried out all erasures, and will not say so just now.
    pub(crate) fn has_told(&self, number: usize) -> bool {
        let node = &self.nodes[number];
        let done = |core: &SimCore| {
            core.lives().due(Time(u64::MAX), 1).is_empty() && !core.is_about_to_tell(node.now(self.now))
        };
        node.core.as_ref().is_some_and(done)
    }

    /// Where an honest node still has what was erased.
    pub(crate) fn undestroyed(&self, honest: &[usize]) -> Option<String> {
        if self.scenario.load.erase_permille == 0 {
            return None;
        }
        for number in honest {
            let node = &self.nodes[*number];
            for (author, id) in stored_erasures(node) {
                let Some(position) = node.ledger.find(id).ok().flatten() else { continue };
                if position.log.author == author
                    && position.log.lane != Lane::CONTROL
                    && !node.ledger.is_excused(position)
                {
                    return Some(format!("{} still has {position}, which was erased", node.member));
                }
            }
        }
        None
    }
}

fn may_be_erased(kind: Kind) -> bool {
    is_erasable(kind) && kind != Kind::GROUP_KEY
}

/// What the records in a store erase, whatever the core has made of it.
fn stored_erasures(node: &Node) -> Erased {
    let logs = node.ledger.lengths().into_iter().filter(|(log, _)| log.lane == Lane::CONTROL);
    let places = logs.flat_map(|(log, length)| (0..length).map(move |seq| log.at(seq)));
    let record = |position: Position| node.ledger.record(position).ok().flatten();
    places.filter_map(record).flat_map(|record| targets(&record)).collect()
}

/// What a record erases: whose, and which.
pub(crate) fn targets(record: &Record) -> Vec<(MemberId, RecordId)> {
    if record.header().kind != Kind::ERASE {
        return Vec::new();
    }
    let author = record.header().author;
    let erase = record.body().and_then(|body| Erase::decode(body.content()).ok());
    erase.map(|erase| erase.targets().iter().map(|id| (author, *id)).collect()).unwrap_or_default()
}
