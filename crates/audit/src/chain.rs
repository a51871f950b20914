//! The place of each record: in the archive's order, in its log, after its predecessor.

use std::collections::BTreeMap;

use ecomesh_record::archive::Manifest;
use ecomesh_record::{Header, LogId, Position, RecordId};

use crate::fault::What;

/// How far each log of the manifest has come.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    logs: BTreeMap<LogId, Chain>,
    last: Option<Position>,
}

#[derive(Debug)]
struct Chain {
    next: u64,
    last: u64,
    /// Id of the record before `next`, if it is here and its signature is good.
    head: Option<RecordId>,
    /// Id of the record before `next`, whatever it is worth.
    newest: Option<RecordId>,
}

/// What the place of a record says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It extends its log; there may be faults.
    Next(Vec<What>),
    /// Another record stands at its position.
    Second {
        /// Whether that one's signature is good. If both are, the log forks.
        first_is_good: bool,
    },
    /// It has no place here.
    Misplaced(What),
}

impl Chains {
    pub(crate) fn new(manifest: &Manifest) -> Self {
        let chain = |r: &ecomesh_record::archive::LogRange| {
            (r.log, Chain { next: r.first, last: r.last, head: None, newest: None })
        };
        Self { logs: manifest.logs.iter().map(chain).collect(), last: None }
    }

    /// Finds the place of the next record of the archive.
    pub(crate) fn place(&mut self, header: &Header, id: RecordId) -> Placed {
        let position = header.position();
        let after = self.last.replace(position).is_none_or(|last| last < position);
        let Some(chain) = self.logs.get_mut(&position.log) else {
            return Placed::Misplaced(What::NotInManifest);
        };
        if position.seq < chain.next && chain.newest.is_some() {
            return match chain.newest {
                Some(newest) if position.seq + 1 == chain.next && newest == id => {
                    Placed::Misplaced(What::Doubled)
                }
                Some(_) if position.seq + 1 == chain.next => {
                    Placed::Second { first_is_good: chain.head.is_some() }
                }
                _ => Placed::Misplaced(What::OutOfOrder),
            };
        }
        if position.seq < chain.next || position.seq > chain.last {
            return Placed::Misplaced(What::NotInManifest);
        }
        let mut faults = Vec::new();
        if !after {
            faults.push(What::OutOfOrder);
        }
        if position.seq > chain.next {
            faults.push(What::Gap { from: chain.next, to: position.seq - 1 });
            chain.head = None;
        }
        if let Some(found) = chain.head.filter(|head| *head != header.prev) {
            faults.push(What::BrokenChain { named: header.prev, found });
        }
        chain.next = position.seq + 1;
        chain.newest = Some(id);
        chain.head = None;
        Placed::Next(faults)
    }

    /// Notes that the record that was placed last in its log is signed well: the one after it must name it.
    pub(crate) fn trust(&mut self, log: LogId, id: RecordId) {
        if let Some(chain) = self.logs.get_mut(&log) {
            chain.head = Some(id);
        }
    }

    /// The records that the manifest names and that did not come.
    pub(crate) fn cut(&self) -> impl Iterator<Item = (LogId, What)> {
        let missing = |(log, chain): (&LogId, &Chain)| {
            (chain.next <= chain.last).then_some((*log, What::Cut { from: chain.next, to: chain.last }))
        };
        self.logs.iter().filter_map(missing)
    }
}
