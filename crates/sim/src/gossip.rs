//! A model of gossipsub 1.2 as libp2p's gossipsub 0.50 does it with the settings of `ecomesh-net`. It is a model: figures
//! that come from it are labelled so.
//!
//! What is in it: the author floods to all its links; a message that the core accepts goes on along the mesh of its
//! topic (degree 3, between 2 and 4), not to those who sent it and not to those who said IDONTWANT; each heartbeat
//! mends the mesh and tells some peers outside of it what is here (IHAVE), who ask for what they lack (IWANT); messages
//! are known by the hash of their bytes for a minute. What is not: scores, peer exchange, back-off by the other side.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use ecomesh_protocol::PushVerdict;

use crate::rng::Rng;

/// Topics: one for each priority.
pub(crate) const TOPICS: usize = 3;
const MESH: usize = 3;
const MESH_LOW: usize = 2;
const MESH_HIGH: usize = 4;
/// Peers outside the mesh that hear IHAVE: at least this many, or a quarter.
const LAZY: usize = 6;
/// Heartbeats for which messages are kept, and of which IHAVE tells.
const HISTORY: usize = 4;
const HISTORY_TOLD: usize = 2;
/// Heartbeats for which a message is known: 60 s.
const SEEN_BEATS: u64 = 60;
/// Messages above this are announced by IDONTWANT, in bytes.
const DONT_WANT_BYTES: usize = 1_000;
/// Heartbeats for which an IDONTWANT holds: 3 s.
const DONT_WANT_BEATS: u64 = 3;
/// How often one peer gets one message by IWANT.
const RETRANSMISSIONS: u8 = 3;
/// Heartbeats after a prune before the peer is grafted again: 60 s.
const BACKOFF_BEATS: u64 = 60;

/// Names a message: the first half of the SHA-256 of its bytes.
pub(crate) type MessageId = u128;

/// A push message on its way.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) topic: u8,
    pub(crate) bytes: Vec<u8>,
}

/// What gossip sends.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    Message(Rc<Message>),
    IHave(Vec<MessageId>),
    IWant(Vec<MessageId>),
    IDontWant(MessageId),
    Graft(u8),
    Prune(u8),
}

impl Frame {
    /// Its length on the wire, about, in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Message(message) => message.bytes.len() + 80,
            Self::IHave(ids) => 80 + 34 * ids.len(),
            Self::IWant(ids) => 8 + 34 * ids.len(),
            Self::IDontWant(_) => 42,
            Self::Graft(_) | Self::Prune(_) => 76,
        }
    }
}

/// Frames to send, and a message for the core.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) send: Vec<(usize, Frame)>,
    /// A message that is new here, for the verify pool.
    pub(crate) deliver: Option<Rc<Message>>,
    /// The message was known.
    pub(crate) duplicate: bool,
    /// Messages served by IWANT.
    pub(crate) served: usize,
    /// Messages kept back by IDONTWANT.
    pub(crate) kept_back: usize,
}

#[derive(Debug)]
struct Kept {
    message: Rc<Message>,
    sources: BTreeSet<usize>,
    validated: bool,
    served: BTreeMap<usize, u8>,
}

/// The gossip of one node.
#[derive(Debug, Default)]
pub(crate) struct Gossip {
    /// Linked peers, and whether this node dialled.
    peers: BTreeMap<usize, bool>,
    mesh: [BTreeSet<usize>; TOPICS],
    beat: u64,
    seen: BTreeMap<MessageId, u64>,
    kept: BTreeMap<MessageId, Kept>,
    history: VecDeque<Vec<MessageId>>,
    dont_send: BTreeMap<(usize, MessageId), u64>,
    asked: BTreeMap<MessageId, u64>,
    backoff: BTreeMap<(u8, usize), u64>,
}

impl Gossip {
    /// A link stands.
    pub(crate) fn link_up(&mut self, peer: usize, dialed: bool) -> Outcome {
        self.peers.insert(peer, dialed);
        let mut outcome = Outcome::default();
        for topic in 0..TOPICS {
            if self.mesh[topic].len() < MESH_LOW {
                self.graft(topic, peer, &mut outcome);
            }
        }
        outcome
    }

    /// A link is gone.
    pub(crate) fn link_down(&mut self, peer: usize) {
        self.peers.remove(&peer);
        for mesh in &mut self.mesh {
            mesh.remove(&peer);
        }
    }

    /// The own core publishes: to all links.
    pub(crate) fn publish(&mut self, message: &Rc<Message>) -> Outcome {
        let mut outcome = Outcome::default();
        if self.peers.is_empty() || self.is_seen(message.id) {
            return outcome;
        }
        self.keep(message, None, true);
        outcome.send = self.peers.keys().map(|peer| (*peer, Frame::Message(message.clone()))).collect();
        outcome
    }

    /// A frame comes from a linked peer.
    pub(crate) fn receive(&mut self, from: usize, frame: Frame) -> Outcome {
        let mut outcome = Outcome::default();
        if !self.peers.contains_key(&from) {
            return outcome;
        }
        match frame {
            Frame::Message(message) => self.take(from, message, &mut outcome),
            Frame::IHave(ids) => self.want(from, ids, &mut outcome),
            Frame::IWant(ids) => self.serve(from, &ids, &mut outcome),
            Frame::IDontWant(id) => drop(self.dont_send.insert((from, id), self.beat + DONT_WANT_BEATS)),
            Frame::Graft(topic) => self.grafted(from, topic, &mut outcome),
            Frame::Prune(topic) => {
                if let Some(mesh) = self.mesh.get_mut(usize::from(topic)) {
                    mesh.remove(&from);
                    self.backoff.insert((topic, from), self.beat + BACKOFF_BEATS);
                }
            }
        }
        outcome
    }

    /// The core's verdict on a message: an accepted one goes on along the mesh.
    pub(crate) fn verdict(&mut self, id: MessageId, verdict: PushVerdict) -> Outcome {
        let mut outcome = Outcome::default();
        if verdict != PushVerdict::Accept {
            self.kept.remove(&id);
            return outcome;
        }
        let Some(kept) = self.kept.get_mut(&id) else { return outcome };
        kept.validated = true;
        let Some(mesh) = self.mesh.get(usize::from(kept.message.topic)) else { return outcome };
        for peer in mesh.iter().filter(|peer| !kept.sources.contains(peer)) {
            if self.dont_send.contains_key(&(*peer, id)) {
                outcome.kept_back += 1;
            } else {
                outcome.send.push((*peer, Frame::Message(kept.message.clone())));
            }
        }
        outcome
    }

    /// Once a second: mend the mesh, tell what is here, forget what is old.
    pub(crate) fn heartbeat(&mut self, rng: &mut Rng) -> Outcome {
        let mut outcome = Outcome::default();
        self.beat += 1;
        for topic in 0..TOPICS {
            self.mend(topic, rng, &mut outcome);
        }
        self.tell(rng, &mut outcome);
        self.forget();
        outcome
    }

    /// Peers of the mesh of a topic.
    #[cfg(test)]
    fn mesh_of(&self, topic: usize) -> usize {
        self.mesh.get(topic).map_or(0, BTreeSet::len)
    }

    /// Linked peers.
    pub(crate) fn peers(&self) -> impl Iterator<Item = usize> {
        self.peers.keys().copied()
    }

    /// Messages in memory.
    #[cfg(test)]
    fn kept_count(&self) -> usize {
        self.kept.len()
    }

    fn is_seen(&self, id: MessageId) -> bool {
        self.seen.contains_key(&id)
    }

    fn keep(&mut self, message: &Rc<Message>, source: Option<usize>, validated: bool) {
        self.seen.insert(message.id, self.beat + SEEN_BEATS);
        let kept = Kept {
            message: message.clone(),
            sources: source.into_iter().collect(),
            validated,
            served: BTreeMap::new(),
        };
        self.kept.insert(message.id, kept);
        if self.history.is_empty() {
            self.history.push_front(Vec::new());
        }
        if let Some(newest) = self.history.front_mut() {
            newest.push(message.id);
        }
    }

    fn take(&mut self, from: usize, message: Rc<Message>, outcome: &mut Outcome) {
        if self.is_seen(message.id) {
            outcome.duplicate = true;
            if let Some(kept) = self.kept.get_mut(&message.id) {
                kept.sources.insert(from);
            }
            return;
        }
        let Some(mesh) = self.mesh.get(usize::from(message.topic)) else { return };
        if message.bytes.len() > DONT_WANT_BYTES {
            let others = mesh.iter().filter(|peer| **peer != from);
            outcome.send.extend(others.map(|peer| (*peer, Frame::IDontWant(message.id))));
        }
        self.asked.remove(&message.id);
        self.keep(&message, Some(from), false);
        outcome.deliver = Some(message);
    }

    fn want(&mut self, from: usize, ids: Vec<MessageId>, outcome: &mut Outcome) {
        let new = ids.into_iter().filter(|id| !self.seen.contains_key(id) && !self.asked.contains_key(id));
        let wanted: Vec<MessageId> = new.collect();
        if !wanted.is_empty() {
            self.asked.extend(wanted.iter().map(|id| (*id, self.beat + 3)));
            outcome.send.push((from, Frame::IWant(wanted)));
        }
    }

    fn serve(&mut self, from: usize, ids: &[MessageId], outcome: &mut Outcome) {
        for id in ids {
            let Some(kept) = self.kept.get_mut(id).filter(|kept| kept.validated) else { continue };
            let served = kept.served.entry(from).or_default();
            if *served < RETRANSMISSIONS && !self.dont_send.contains_key(&(from, *id)) {
                *served += 1;
                outcome.served += 1;
                outcome.send.push((from, Frame::Message(kept.message.clone())));
            }
        }
    }

    fn grafted(&mut self, from: usize, topic: u8, outcome: &mut Outcome) {
        let beat = self.beat;
        let Some(mesh) = self.mesh.get_mut(usize::from(topic)) else { return };
        if mesh.contains(&from) {
            return;
        }
        let dialed = self.peers.get(&from).copied().unwrap_or(false);
        let too_early = self.backoff.get(&(topic, from)).is_some_and(|until| *until > beat);
        if too_early || (mesh.len() >= MESH_HIGH && !dialed) {
            self.backoff.insert((topic, from), beat + BACKOFF_BEATS);
            outcome.send.push((from, Frame::Prune(topic)));
        } else {
            mesh.insert(from);
        }
    }

    fn graft(&mut self, topic: usize, peer: usize, outcome: &mut Outcome) {
        let number = u8::try_from(topic).unwrap_or(0);
        let waits = self.backoff.get(&(number, peer)).is_some_and(|until| *until > self.beat);
        if !waits && self.mesh[topic].insert(peer) {
            outcome.send.push((peer, Frame::Graft(number)));
        }
    }

    fn mend(&mut self, topic: usize, rng: &mut Rng, outcome: &mut Outcome) {
        let number = u8::try_from(topic).unwrap_or(0);
        if self.mesh[topic].len() < MESH_LOW {
            let mut others: Vec<usize> =
                self.peers.keys().copied().filter(|peer| !self.mesh[topic].contains(peer)).collect();
            rng.shuffle(&mut others);
            for peer in others {
                if self.mesh[topic].len() < MESH {
                    self.graft(topic, peer, outcome);
                }
            }
        }
        if self.mesh[topic].len() >= MESH_HIGH {
            let mut inside: Vec<usize> = self.mesh[topic].iter().copied().collect();
            rng.shuffle(&mut inside);
            let mut dialed = inside.iter().filter(|peer| self.peers.get(peer) == Some(&true)).count();
            for peer in inside {
                let is_dialed = self.peers.get(&peer) == Some(&true);
                if self.mesh[topic].len() <= MESH || (is_dialed && dialed <= 1) {
                    continue;
                }
                dialed -= usize::from(is_dialed);
                self.mesh[topic].remove(&peer);
                self.backoff.insert((number, peer), self.beat + BACKOFF_BEATS);
                outcome.send.push((peer, Frame::Prune(number)));
            }
        }
        self.want_outbound(topic, rng, outcome);
    }

    /// At least one peer of the mesh was dialled by this node.
    fn want_outbound(&mut self, topic: usize, rng: &mut Rng, outcome: &mut Outcome) {
        let is_dialed = |peer: &usize| self.peers.get(peer) == Some(&true);
        if self.mesh[topic].len() < MESH_LOW || self.mesh[topic].iter().any(is_dialed) {
            return;
        }
        let dialed: Vec<usize> = self.peers.iter().filter(|(_, dialed)| **dialed).map(|(p, _)| *p).collect();
        if let Some(peer) = rng.pick(&dialed) {
            self.graft(topic, *peer, outcome);
        }
    }

    fn tell(&mut self, rng: &mut Rng, outcome: &mut Outcome) {
        for topic in 0..TOPICS {
            let recent = self.history.iter().take(HISTORY_TOLD).flatten();
            let ids: Vec<MessageId> = recent
                .filter(|id| {
                    self.kept.get(id).is_some_and(|k| k.validated && usize::from(k.message.topic) == topic)
                })
                .copied()
                .collect();
            if ids.is_empty() {
                continue;
            }
            let mut others: Vec<usize> =
                self.peers.keys().copied().filter(|peer| !self.mesh[topic].contains(peer)).collect();
            rng.shuffle(&mut others);
            others.truncate(LAZY.max(others.len() / 4));
            outcome.send.extend(others.into_iter().map(|peer| (peer, Frame::IHave(ids.clone()))));
        }
    }

    fn forget(&mut self) {
        self.history.push_front(Vec::new());
        if self.history.len() > HISTORY {
            for id in self.history.pop_back().into_iter().flatten() {
                self.kept.remove(&id);
            }
        }
        let beat = self.beat;
        self.seen.retain(|_, until| *until > beat);
        self.dont_send.retain(|_, until| *until > beat);
        self.asked.retain(|_, until| *until > beat);
        self.backoff.retain(|_, until| *until > beat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: MessageId, length: usize) -> Rc<Message> {
        Rc::new(Message { id, topic: 2, bytes: vec![7; length] })
    }

    fn linked(count: usize) -> Gossip {
        let mut gossip = Gossip::default();
        for peer in 1..=count {
            gossip.link_up(peer, peer % 2 == 0);
        }
        gossip
    }

    fn messages(outcome: &Outcome) -> Vec<usize> {
        let sent = outcome.send.iter().filter(|(_, frame)| matches!(frame, Frame::Message(_)));
        sent.map(|(peer, _)| *peer).collect()
    }

    #[test]
    fn the_author_floods_and_a_relay_uses_its_mesh() {
        let mut gossip = linked(14);
        assert_eq!(messages(&gossip.publish(&message(1, 10))).len(), 14);
        gossip.heartbeat(&mut Rng::stream(1, "test"));
        assert!((MESH_LOW..MESH_HIGH).contains(&gossip.mesh_of(2)));
        let outcome = gossip.receive(14, Frame::Message(message(2, 10)));
        assert!(outcome.deliver.is_some() && messages(&outcome).is_empty(), "not before the verdict");
        assert_eq!(messages(&gossip.verdict(2, PushVerdict::Accept)).len(), gossip.mesh_of(2));
        assert!(gossip.receive(13, Frame::Message(message(2, 10))).duplicate);
        gossip.receive(14, Frame::Message(message(3, 10)));
        assert!(messages(&gossip.verdict(3, PushVerdict::Ignore)).is_empty());
    }

    #[test]
    fn who_does_not_want_a_message_does_not_get_it() {
        let mut gossip = linked(2);
        let outcome = gossip.receive(1, Frame::Message(message(1, 2_000)));
        assert!(matches!(outcome.send.as_slice(), [(2, Frame::IDontWant(1))]));
        gossip.receive(2, Frame::IDontWant(1));
        let outcome = gossip.verdict(1, PushVerdict::Accept);
        assert_eq!((messages(&outcome).len(), outcome.kept_back), (0, 1));
    }

    #[test]
    fn what_was_missed_comes_by_ihave_and_iwant() {
        let mut gossip = linked(8);
        gossip.publish(&message(1, 10));
        let beat = gossip.heartbeat(&mut Rng::stream(1, "test"));
        let told = beat.send.iter().filter(|(_, frame)| matches!(frame, Frame::IHave(ids) if ids == &[1]));
        assert_eq!(told.count(), 6);
        let asked = gossip.receive(5, Frame::IHave(vec![1, 9]));
        assert!(matches!(&asked.send[..], [(5, Frame::IWant(ids))] if ids == &[9]));
        for expected in [1, 1, 1, 0] {
            assert_eq!(gossip.receive(6, Frame::IWant(vec![1])).served, expected);
        }
        for _ in 0..HISTORY {
            gossip.heartbeat(&mut Rng::stream(1, "test"));
        }
        assert_eq!(gossip.kept_count(), 0);
    }
}
