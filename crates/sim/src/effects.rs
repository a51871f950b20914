//! What a core's outputs do in the simulated world: each is one effect, as in `ecomesh-node`'s shell.

use std::rc::Rc;

use ecomesh_protocol::{Alarm, Output};
use sha2::{Digest, Sha256};

use crate::coverage::Mark;
use crate::gossip::Message;
use crate::hostile::Vice;
use crate::world::World;

impl World {
    /// Lets one output of a node's core happen.
    pub(crate) fn effect(&mut self, number: usize, output: Output) {
        match output {
            Output::SayHello { peer, bytes } => {
                if let Some(other) = self.members.node(peer) {
                    self.say_hello(number, other, bytes);
                }
            }
            Output::HelloReply { exchange, bytes, admit, .. } => {
                self.reply_hello(number, exchange, bytes, admit.is_some());
            }
            Output::Admit { peer, .. } => {
                if let Some(other) = self.members.node(peer) {
                    self.admit(number, other);
                }
            }
            Output::Reset { peer } => {
                if let Some(other) = self.members.node(peer) {
                    self.reset(number, other);
                }
            }
            Output::Forget { peer } => {
                if let Some(other) = self.members.node(peer) {
                    self.close_all(number, other);
                }
            }
            Output::Seek { members } => {
                let sought = members.into_iter().filter_map(|member| self.members.node_of(member)).collect();
                self.nodes[number].sought = sought;
            }
            Output::Block { peer, millis, reason } => {
                if let Some(other) = self.members.node(peer) {
                    self.block(number, other, millis, &reason);
                }
            }
            Output::Publish { topic, bytes } => self.publish(number, topic, bytes),
            Output::Verdict { token, verdict } => self.judged(number, token, verdict),
            Output::Ask { peer, request, bytes } => {
                self.check_told(number, &bytes);
                if let Some(other) = self.members.node(peer).filter(|_| !self.keeps_from_asking(number)) {
                    self.ask(number, other, request, bytes);
                }
            }
            Output::Respond { exchange, bytes } => self.respond(number, exchange, bytes),
            Output::Authored { ticket, result } => self.authored(number, ticket, &result),
            Output::Imported { .. } => {}
            Output::Stored { record, verdict, .. } => {
                self.stored(number, record.record());
                self.register(number, record.record(), verdict.is_ok());
            }
            Output::Filled { position } => {
                self.coverage.mark(Mark::HoleFilled);
                self.body_came(number, position);
                self.read_unread(number);
            }
            Output::Erased { record, .. } => {
                self.learnt_erasure(number, record.record());
                self.forget_erased(number, record.record());
            }
            Output::Destroyed { position } => {
                self.coverage.mark(Mark::Destroyed);
                self.forget_destroyed(number, position);
            }
            Output::Delivered { id, position, member, .. } => self.delivered(number, id, position, member),
            Output::Keys(ring) => self.set_ring(number, ring),
            Output::Forked(proof) => {
                self.forked(number, &proof);
                self.learn_fork(number, &proof);
            }
            Output::Alarm(alarm) => self.alarmed(number, &alarm),
            Output::Fatal(reason) => {
                self.nodes[number].fatal.get_or_insert(reason);
            }
        }
    }

    fn block(&mut self, number: usize, other: usize, millis: u64, reason: &str) {
        let line = format!("{} cuts {} off: {reason}", self.name(number), self.name(other));
        self.tell(&line);
        let until = self.now + millis * 1_000;
        self.nodes[number].blocked.insert(other, until);
        self.close_all(number, other);
        if !self.nodes[number].is_honest() {
            return;
        }
        if self.nodes[other].is_honest() {
            self.checks.fail("I9", format!("an honest node is blamed: {line}"));
        } else {
            self.coverage.mark(Mark::HostileBlamed);
        }
    }

    /// The core publishes.
    pub(crate) fn publish(&mut self, number: usize, topic: u8, bytes: Vec<u8>) {
        let message = message_of(topic, bytes);
        self.trace.bytes(&message.id.to_be_bytes());
        self.checks.published(&message);
        if self.nodes[number].has(Vice::Equivocate) && self.equivocate(number, &message) {
            return;
        }
        let outcome = self.nodes[number].gossip.publish(&message);
        self.gossip(number, outcome);
    }

    fn judged(&mut self, number: usize, token: u64, verdict: ecomesh_protocol::PushVerdict) {
        let node = &mut self.nodes[number];
        let Some((id, _)) = node.pushes.remove(&token) else { return };
        if token < node.last_token {
            self.coverage.mark(Mark::VerdictOutOfOrder);
        }
        let node = &mut self.nodes[number];
        node.last_token = node.last_token.max(token);
        let withholds = node.has(Vice::Withhold);
        let verdict = if withholds { ecomesh_protocol::PushVerdict::Ignore } else { verdict };
        let outcome = node.gossip.verdict(id, verdict);
        self.gossip(number, outcome);
    }

    fn alarmed(&mut self, number: usize, alarm: &Alarm) {
        let mark = match alarm {
            Alarm::GenerationOpened(_) => Mark::GenerationOpened,
            Alarm::SpaceAgain => Mark::SpaceAgain,
            Alarm::ClockSkew(_) | Alarm::PeerClockSkew(..) => Mark::ClockAlarm,
            _ => return,
        };
        self.coverage.mark(mark);
        if mark == Mark::GenerationOpened {
            self.tell(&format!("{}: {alarm}", self.name(number)));
        }
    }
}

/// A push message with its name.
pub(crate) fn message_of(topic: u8, bytes: Vec<u8>) -> Rc<Message> {
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    let id = digest.iter().take(16).fold(0u128, |id, byte| (id << 8) | u128::from(*byte));
    Rc::new(Message { id, topic, bytes })
}
