//! Clients: they write drafts, remember what they were told, and send again what had no answer.

use std::collections::BTreeMap;

use ecomesh_protocol::{AuthorError, Draft, Input, Recorded};
use ecomesh_record::{Flags, Kind, MemberId, Priority, RecordId, Retention};

use crate::calendar::DAY_MS;
use crate::coverage::Mark;
use crate::mail::{Complaint, Errand};
use crate::sabotage::Sabotage;
use crate::secrecy::document;
use crate::world::{Event, MS, World};

/// A client sends no draft again after so many milliseconds: a node need not know its key any more after 7 days.
const RETRIES_FOR_MS: u64 = 6 * DAY_MS;

/// One node's client.
#[derive(Debug, Default)]
pub(crate) struct Client {
    next_ticket: u64,
    /// Drafts without an answer, by ticket. A crash of the node loses the way to the answer.
    pub(crate) waiting: BTreeMap<u64, Waiting>,
    /// The last draft with a key, to be sent again.
    keyed: Option<Keyed>,
    /// What a key gave.
    recorded: BTreeMap<[u8; 32], RecordId>,
    /// What the officer has sent again, and as which record.
    pub(crate) sent_again: BTreeMap<Complaint, RecordId>,
    drafts: u64,
}

/// A draft with a key.
#[derive(Clone, Debug)]
struct Keyed {
    draft: Draft,
    /// It is sealed at each try.
    is_sealed: bool,
    /// When it was sent first, in milliseconds of the world.
    since: u64,
}

/// A draft without an answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    key: Option<[u8; 32]>,
    /// The node was recovering when it was sent.
    in_recovery: bool,
    /// The node itself wants it, and not the client.
    errand: Option<Errand>,
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
        if let Some(keyed) = self.clients[number].keyed.clone().filter(|_| retries)
            && self.wall().0 < keyed.since + RETRIES_FOR_MS
        {
            if keyed.is_sealed {
                self.submit_sealed(number, &keyed.draft);
            } else {
                self.submit(number, keyed.draft);
            }
            return;
        }
        let count = 1 + self.client_rng.below(self.scenario.load.burst.max(1));
        for _ in 0..count {
            if !self.has_written_enough() {
                let draft = self.any_draft(number);
                if self.is_to_be_sealed(&draft) {
                    let content = document(&draft.salt, draft.content.len());
                    self.submit_sealed(number, &Draft { content, ..draft });
                } else {
                    self.submit(number, draft);
                }
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
        self.remember_keyed(number, &draft, false);
        self.clients[number].drafts += 1;
        self.hand_in(number, draft, None);
    }

    /// Sends a draft sealed to its addressees, if the core's queue has room and all have prekeys.
    fn submit_sealed(&mut self, number: usize, draft: &Draft) {
        if !self.has_room(number) {
            return;
        }
        let Some(sealed) = self.seal(number, draft) else { return };
        self.remember_keyed(number, draft, true);
        self.clients[number].drafts += 1;
        self.hand_in(number, sealed, None);
    }

    /// A draft with a key may be sent again, and is as old then as at its first try.
    fn remember_keyed(&mut self, number: usize, draft: &Draft, is_sealed: bool) {
        let now = self.wall().0;
        let keyed = &mut self.clients[number].keyed;
        let is_known = keyed.as_ref().is_some_and(|known| known.draft.idempotency == draft.idempotency);
        if draft.idempotency.is_some() && !is_known {
            *keyed = Some(Keyed { draft: draft.clone(), is_sealed, since: now });
        }
    }

    /// Gives the core a draft that the node itself wants written.
    pub(crate) fn submit_errand(&mut self, number: usize, errand: Errand, draft: Draft) {
        self.hand_in(number, draft, Some(errand));
    }

    fn hand_in(&mut self, number: usize, draft: Draft, errand: Option<Errand>) {
        let in_recovery = self.is_recovering(number);
        let client = &mut self.clients[number];
        client.next_ticket += 1;
        let ticket = client.next_ticket;
        client.waiting.insert(ticket, Waiting { key: draft.idempotency, in_recovery, errand });
        self.give(number, Input::Author { ticket, draft: Box::new(draft) });
    }

    fn is_recovering(&self, number: usize) -> bool {
        let node = &self.nodes[number];
        node.core.as_ref().is_some_and(|core| core.status(node.now(self.now)).generation.is_none())
    }

    /// A message, a part of a file, an erasure, or something for the register. Where there are none of these no luck is used up: kept seeds go on to play what they played.
    fn any_draft(&mut self, number: usize) -> Draft {
        let permille = self.scenario.load.erase_permille;
        if permille > 0
            && self.client_rng.permille(permille)
            && let Some(erasure) = self.erasing_draft(number)
        {
            return erasure;
        }
        let permille = self.scenario.load.register_permille;
        if permille > 0
            && self.client_rng.permille(permille)
            && let Some(draft) = self.register_draft(number)
        {
            return draft;
        }
        let draft = self.draft(number);
        let permille = self.scenario.load.part_permille;
        if permille > 0 && !draft.to.is_empty() && self.client_rng.permille(permille) {
            return Draft { kind: Kind::PART, flags: Flags(Flags::ADDRESSEES_ONLY), ..draft };
        }
        draft
    }

    /// Whether a draft that names addressees is sealed to them: so many of a thousand are. What is sealed is a document
    /// with a canary.
    fn is_to_be_sealed(&mut self, draft: &Draft) -> bool {
        let permille = self.scenario.load.seal_permille;
        permille > 0
            && draft.kind == Kind::MESSAGE
            && !draft.to.is_empty()
            && self.client_rng.permille(permille)
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
        if let Some(errand) = &waiting.errand {
            self.errand_done(number, errand, result.as_ref().ok().map(|recorded| recorded.id));
        }
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
