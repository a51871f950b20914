//! Clients: they write drafts, remember what they were told, and send again what had no answer.

use std::collections::BTreeMap;

use ecomesh_protocol::{AuthorError, Draft, Input, Recorded};
use ecomesh_record::{Flags, Kind, MemberId, Priority, RecordId, Retention};

use crate::coverage::Mark;
use crate::sabotage::Sabotage;
use crate::world::{Event, MS, World};

/// One node's client.
#[derive(Debug, Default)]
pub(crate) struct Client {
    next_ticket: u64,
    /// Drafts without an answer, by ticket. A crash of the node loses the way to the answer.
    pub(crate) waiting: BTreeMap<u64, Waiting>,
    /// The last draft with a key, to be sent again.
    keyed: Option<Draft>,
    /// What a key gave.
    recorded: BTreeMap<[u8; 32], RecordId>,
    drafts: u64,
}

/// A draft without an answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    key: Option<[u8; 32]>,
    /// The node was recovering when it was sent.
    in_recovery: bool,
}

impl Client {
    /// The node is gone, and with it the way to the answers.
    pub(crate) fn hang_up(&mut self) {
        self.waiting.clear();
    }
}

impl World {
    /// The first turn of every client that writes.
    pub(crate) fn plan_clients(&mut self) {
        let load = &self.scenario.load;
        let (gap, start, writers, count) =
            (load.gap_ms * MS, load.start_ms * MS, load.writers, self.nodes.len());
        if gap == 0 {
            return;
        }
        let step = if writers == 0 { 1 } else { count.div_ceil(writers).max(1) };
        for node in (0..count).step_by(step) {
            let at = start + self.client_rng.below(gap);
            self.at(at, Event::Client { node });
        }
    }

    /// One client's turn: some drafts, or a retry.
    pub(crate) fn client_turn(&mut self, number: usize) {
        if self.calm || self.has_written_enough() {
            return;
        }
        let wait = self.client_rng.wait(self.scenario.load.gap_ms * MS);
        self.after(wait, Event::Client { node: number });
        let retries = self.client_rng.percent(self.scenario.load.retry_percent);
        if let Some(draft) = self.clients[number].keyed.clone().filter(|_| retries) {
            return self.submit(number, draft);
        }
        let count = 1 + self.client_rng.below(self.scenario.load.burst.max(1));
        for _ in 0..count {
            if !self.has_written_enough() {
                let draft = self.any_draft(number);
                self.submit(number, draft);
            }
        }
    }

    fn has_written_enough(&self) -> bool {
        let most = self.scenario.load.drafts;
        most > 0 && self.clients.iter().map(|client| client.drafts).sum::<u64>() >= most
    }

    /// Sends a draft, if the core's queue has room.
    pub(crate) fn submit(&mut self, number: usize, draft: Draft) {
        if !self.has_room(number) {
            return;
        }
        let in_recovery = self.is_recovering(number);
        let client = &mut self.clients[number];
        client.drafts += 1;
        client.next_ticket += 1;
        let ticket = client.next_ticket;
        if draft.idempotency.is_some() {
            client.keyed = Some(draft.clone());
        }
        client.waiting.insert(ticket, Waiting { key: draft.idempotency, in_recovery });
        self.give(number, Input::Author { ticket, draft: Box::new(draft) });
    }

    fn is_recovering(&self, number: usize) -> bool {
        let node = &self.nodes[number];
        node.core.as_ref().is_some_and(|core| core.status(node.now(self.now)).generation.is_none())
    }

    /// A message, a part of a file, or an erasure. Where there are none of these no luck is used up: kept seeds go on to play what they played.
    fn any_draft(&mut self, number: usize) -> Draft {
        let permille = self.scenario.load.erase_permille;
        if permille > 0
            && self.client_rng.permille(permille)
            && let Some(erasure) = self.erasing_draft(number)
        {
            return erasure;
        }
        let draft = self.draft(number);
        let permille = self.scenario.load.part_permille;
        if permille > 0 && !draft.to.is_empty() && self.client_rng.permille(permille) {
            return Draft { kind: Kind::PART, flags: Flags(Flags::ADDRESSEES_ONLY), ..draft };
        }
        draft
    }

    /// A draft of random size, priority and addressees.
    pub(crate) fn draft(&mut self, number: usize) -> Draft {
        let load = self.scenario.load.clone();
        let rng = &mut self.client_rng;
        let length = if rng.permille(load.large_permille) {
            rng.range([48 * 1024, 200 * 1024])
        } else if rng.permille(load.medium_permille) {
            rng.range([4 * 1024, 40 * 1024])
        } else {
            rng.range(load.bytes)
        };
        let priority = match rng.below(100) {
            n if n < load.urgent_percent.into() => Priority::FLASH,
            n if n < 2 * u64::from(load.urgent_percent) => Priority::URGENT,
            _ => Priority::ROUTINE,
        };
        let salt: [u8; 32] = rng.bytes();
        let mut content = salt.to_vec();
        content.resize(usize::try_from(length).unwrap_or(0), b'.');
        let idempotency = rng.percent(load.keyed_percent).then(|| rng.bytes());
        let to_all = rng.percent(load.to_all_percent);
        let to = if to_all { Vec::new() } else { self.addressees(number) };
        Draft {
            kind: Kind::MESSAGE,
            priority,
            to,
            retention: Retention::YEARS_5,
            expires_at: None,
            flags: Flags::default(),
            content,
            salt,
            idempotency,
            sealed: None,
        }
    }

    fn addressees(&mut self, number: usize) -> Vec<MemberId> {
        let count = self.nodes.len();
        let wanted = 1 + self.client_rng.index(4);
        let drawn: Vec<usize> = (0..wanted).map(|_| self.client_rng.index(count)).collect();
        let others = drawn.into_iter().filter(|other| *other != number);
        let mut to: Vec<MemberId> = others.map(|other| self.members.ids[other]).collect();
        if to.is_empty() {
            to.push(self.members.ids[(number + 1) % count]);
        }
        to
    }

    /// A client gets its answer.
    pub(crate) fn authored(&mut self, number: usize, ticket: u64, result: &Result<Recorded, AuthorError>) {
        if self.is_broken(number, Sabotage::LoseAnswer) {
            return;
        }
        let Some(waiting) = self.clients[number].waiting.remove(&ticket) else { return };
        let recorded = match result {
            Ok(recorded) => recorded,
            Err(AuthorError::Full) => return self.coverage.mark(Mark::RefusedFull),
            Err(_) => return,
        };
        if waiting.in_recovery && !recorded.repeated {
            self.coverage.mark(Mark::WroteWhileRecovering);
        }
        if let Some(key) = waiting.key {
            self.check_retry(number, key, recorded);
        }
        self.acknowledged(number, recorded);
    }

    /// The same key gives the same record, unless the home that knew it was lost.
    fn check_retry(&mut self, number: usize, key: [u8; 32], recorded: &Recorded) {
        let before = self.clients[number].recorded.insert(key, recorded.id);
        let Some(before) = before else { return };
        if before == recorded.id {
            self.coverage.mark(Mark::RetryAnswered);
        } else if self.nodes[number].is_honest() && self.nodes[number].instances == 1 {
            let name = self.name(number);
            self.checks.fail("I1", format!("a retry at {name} made a second record of one draft"));
        }
    }
}
