//! Members that hold real keys and do not keep the rules. They run a real core, and twist what goes in and out of it.

use std::collections::VecDeque;
use std::rc::Rc;

use ecomesh_protocol::wire;
use ecomesh_record::{Body, Priority, Record};
use serde::{Deserialize, Serialize};

use crate::coverage::Mark;
use crate::effects::message_of;
use crate::gossip::{Frame, Message};
use crate::members::signing_key;
use crate::network::Parcel;
use crate::rng::Rng;
use crate::world::{Event, MS, World};

/// What a hostile member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vice {
    /// Signs two records for one place and shows them to two halves.
    Equivocate,
    /// Passes nothing on and gives no records to those who ask.
    Withhold,
    /// Leaves half of the questions without any answer.
    Silence,
    /// Writes and repeats far more than its share.
    Flood,
    /// Sends old messages again.
    Replay,
    /// Has a clock that is years off, in its records and frontiers.
    LieAboutTime,
    /// Sends malformed and altered frames.
    Malform,
}

impl Vice {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Equivocate,
        Self::Withhold,
        Self::Silence,
        Self::Flood,
        Self::Replay,
        Self::LieAboutTime,
        Self::Malform,
    ];
}

/// Messages that a replaying member keeps.
const KEPT: usize = 200;
/// The topic of flash messages.
const FLASH_TOPIC: u8 = 0;
/// Records of one flood.
const FLOOD: usize = 40;
/// Of a hundred publications, so many are shown in two versions.
const EQUIVOCATES_PERCENT: u8 = 15;

/// What all hostile members share: their dice, and messages to send again.
pub(crate) struct Misdeeds {
    rng: Rng,
    old: VecDeque<Rc<Message>>,
}

impl Misdeeds {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng::stream(seed, "hostile"), old: VecDeque::new() }
    }

    /// Whether a silent member leaves this question unanswered.
    pub(crate) fn keeps_silent(&mut self) -> bool {
        self.rng.percent(50)
    }
}

impl World {
    /// Spreads the hostile members over the mesh.
    pub(crate) fn appoint_hostile(&mut self) {
        let count = self.scenario.hostile_count();
        let mut numbers: Vec<usize> = (0..self.nodes.len()).collect();
        self.misdeeds.rng.shuffle(&mut numbers);
        // The first node stays honest: sabotage is done there.
        let chosen: Vec<usize> = numbers.into_iter().filter(|n| *n != 0).take(count).collect();
        for number in chosen {
            self.nodes[number].vices.clone_from(&self.scenario.hostile.vices);
            if self.nodes[number].has(Vice::LieAboutTime) {
                let years = 1 + i64::try_from(self.misdeeds.rng.below(10)).unwrap_or(0);
                let sign = if self.misdeeds.rng.percent(50) { 1 } else { -1 };
                self.nodes[number].clock_ms = sign * years * 365 * 24 * 60 * 60 * 1_000;
            }
        }
        let honest = self.nodes.iter().filter(|node| node.is_honest()).count();
        self.measure.audience = honest.saturating_sub(1);
    }

    /// The first misdeed of every hostile member.
    pub(crate) fn plan_misdeeds(&mut self) {
        for node in 0..self.nodes.len() {
            if !self.nodes[node].is_honest() {
                let wait = self.misdeeds.rng.wait(self.scenario.hostile.gap_ms * MS);
                self.at(self.scenario.load.start_ms * MS + wait, Event::Misdeed { node });
            }
        }
    }

    /// A hostile member does something.
    pub(crate) fn misdeed(&mut self, number: usize) {
        if self.calm {
            return;
        }
        let wait = self.misdeeds.rng.wait(self.scenario.hostile.gap_ms * MS);
        self.after(wait, Event::Misdeed { node: number });
        if self.nodes[number].core.is_none() {
            return;
        }
        let vices = self.nodes[number].vices.clone();
        match self.misdeeds.rng.pick(&vices) {
            Some(Vice::Flood) => self.flood(number),
            Some(Vice::Replay) => self.replay(number),
            Some(Vice::Malform) => self.malform(number),
            // The others happen all the time.
            _ => {}
        }
    }

    /// A hostile member keeps what it sees, to send it again.
    pub(crate) fn remember_push(&mut self, number: usize, frame: &Frame) {
        if let Frame::Message(message) = frame
            && self.nodes[number].has(Vice::Replay)
        {
            self.misdeeds.old.push_back(message.clone());
            if self.misdeeds.old.len() > KEPT {
                self.misdeeds.old.pop_front();
            }
        }
    }

    fn some_peer(&mut self, number: usize) -> Option<usize> {
        let peers: Vec<usize> = self.nodes[number].open.keys().copied().collect();
        self.misdeeds.rng.pick(&peers).copied()
    }

    fn flood(&mut self, number: usize) {
        for _ in 0..FLOOD {
            let mut draft = self.draft(number);
            draft.priority = Priority::FLASH;
            draft.content.truncate(200);
            self.submit(number, draft);
        }
        self.push_again(number);
    }

    /// Own flash records once more, in new messages: a core of its own would keep within the quota.
    fn push_again(&mut self, number: usize) {
        let node = &self.nodes[number];
        let own =
            node.ledger.lengths().into_iter().map(|(log, _)| log).filter(|log| log.author == node.member);
        let mut records: Vec<Rc<Record>> = Vec::new();
        for log in own {
            records.extend(node.ledger.ids(log).into_iter().filter_map(|id| self.shared(id)));
        }
        records.retain(|record| record.header().priority == Priority::FLASH && !wire::is_pushed_bare(record));
        self.misdeeds.rng.shuffle(&mut records);
        for chunk in records.chunks(FLOOD).take(10) {
            let chunk: Vec<&Record> = chunk.iter().map(Rc::as_ref).collect();
            let (Some(bytes), Some(peer)) = (wire::encode_push(&chunk), self.some_peer(number)) else {
                continue;
            };
            self.send_to(number, peer, Parcel::Push(Frame::Message(message_of(FLASH_TOPIC, bytes))));
        }
    }

    fn replay(&mut self, number: usize) {
        for _ in 0..10 {
            let index = self.misdeeds.rng.index(self.misdeeds.old.len());
            let (Some(message), Some(peer)) = (self.misdeeds.old.get(index).cloned(), self.some_peer(number))
            else {
                return;
            };
            self.send_to(number, peer, Parcel::Push(Frame::Message(message)));
        }
    }

    /// A push with a flipped bit, noise, a question that is none, or an answer of noise.
    fn malform(&mut self, number: usize) {
        let Some(peer) = self.some_peer(number) else { return };
        let noise: [u8; 64] = self.misdeeds.rng.bytes();
        let parcel = match self.misdeeds.rng.below(4) {
            0 => match self.misdeeds.old.back().cloned() {
                Some(message) => {
                    let mut bytes = message.bytes.clone();
                    let at = self.misdeeds.rng.index(bytes.len());
                    bytes[at] ^= 1 << self.misdeeds.rng.below(8);
                    Parcel::Push(Frame::Message(message_of(message.topic, bytes)))
                }
                None => Parcel::Push(Frame::Message(message_of(0, noise.to_vec()))),
            },
            1 => Parcel::Push(Frame::Message(message_of(1, noise.to_vec()))),
            2 => {
                let mut bytes = wire::ask::exchange([0; 32], &[]);
                let at = self.misdeeds.rng.index(bytes.len());
                bytes[at] ^= 1 << self.misdeeds.rng.below(8);
                Parcel::Question { request: u64::MAX - self.misdeeds.rng.below(1_000_000), bytes }
            }
            _ => Parcel::Question { request: u64::MAX, bytes: noise.to_vec() },
        };
        self.send_to(number, peer, parcel);
    }

    /// Shows the message to one half of its peers, and another version of the same places to the other half.
    pub(crate) fn equivocate(&mut self, number: usize, message: &Rc<Message>) -> bool {
        if self.calm || !self.misdeeds.rng.percent(EQUIVOCATES_PERCENT) {
            return false;
        }
        let Some(twin) = self.twin_of(number, message) else { return false };
        let twin = message_of(message.topic, twin);
        self.checks.published(&twin);
        let mut peers: Vec<usize> = self.nodes[number].gossip.peers().collect();
        if peers.len() < 2 {
            return false;
        }
        self.misdeeds.rng.shuffle(&mut peers);
        let half = peers.len() / 2;
        self.coverage.mark(Mark::Equivocated);
        self.tell(&format!("{} shows two branches", self.name(number)));
        for (index, peer) in peers.into_iter().enumerate() {
            let shown = if index < half { message.clone() } else { twin.clone() };
            self.send_to(number, peer, Parcel::Push(Frame::Message(shown)));
        }
        true
    }

    /// The same records with other contents, signed with the same key.
    fn twin_of(&mut self, number: usize, message: &Message) -> Option<Vec<u8>> {
        let network = self.members.roster.network();
        let report = wire::verify_push(&self.nodes[number].ring, message.topic, &message.bytes);
        let key = signing_key(number);
        let mut twins: Vec<Record> = Vec::new();
        for verified in report.records {
            let mut header = verified.record().header().clone();
            let told = verified.record().body().map(Body::content).unwrap_or_default();
            let story = self.other_story(number, header.kind, told);
            let story = story.unwrap_or_else(|| b"another story".to_vec());
            let body = Body::new(self.misdeeds.rng.bytes(), story).ok()?;
            header.body_commit = body.commitment(network);
            header.body_len = u32::try_from(body.content().len()).ok()?;
            if let Some(before) = twins.last().filter(|twin| twin.position().log == header.log()) {
                header.prev = before.id();
            }
            let twin =
                Record::sign_with(network, header, Some(body), |id| *key.sign_record(network, id).as_bytes());
            twins.push(twin.ok()?);
        }
        wire::encode_push(&twins.iter().collect::<Vec<_>>())
    }
}
