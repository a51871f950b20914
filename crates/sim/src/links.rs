//! Links between the simulated nodes: dial, hello, answer, open, done, pings, as `ecomesh-net` does it.

use ecomesh_protocol::wire::Question;
use ecomesh_protocol::{Input, wire};
use ecomesh_record::LogId;

use crate::coverage::Mark;
use crate::gossip::{Frame, Outcome};
use crate::hostile::Vice;
use crate::network::{ConnId, Parcel, Stage};
use crate::node::{Dial, DialState, Exchange, POOL_MAX, Request};
use crate::pool::Job;
use crate::world::{Event, MS, World};

/// Dials and greetings at once.
const DIALS_MAX: usize = 8;
const REDIAL_MIN_US: u64 = 250 * MS;
const REDIAL_MAX_US: u64 = 60_000 * MS;
const HELLO_TIMEOUT_US: u64 = 5_000 * MS;
const PING_US: u64 = 15_000 * MS;
const SILENT_US: u64 = 35_000 * MS;
const BEAT_US: u64 = 1_000 * MS;
const VERDICT_US: u64 = 2_000 * MS;
const REQUESTS_PER_PEER: usize = 4;
const INBOUND_MAX: usize = 256;
/// The second byte of a question for a page.
const PAGE: u8 = 3;
/// Time between two dials beyond the links that a node wants.
const EXPLORE_US: u64 = 60_000 * MS;
/// Links beyond those that a node wants which it keeps.
const SPARE: usize = 6;
/// A younger link is not closed for being too many.
const SETTLE_US: u64 = 30_000 * MS;

impl World {
    /// The addresses that a node dials: those of all, in an order of its own.
    pub(crate) fn choose_addresses(&mut self, number: usize) {
        let now = self.now;
        let others = (0..self.nodes.len()).filter(|other| *other != number);
        let rng = &mut self.work_rng;
        let due = |other| (other, Dial { state: DialState::Due(now), attempt: 0, order: rng.bits() });
        self.nodes[number].dials = others.map(due).collect();
        self.nodes[number].explores_at = now + self.work_rng.below(EXPLORE_US);
    }

    /// Beyond the links that a node wants: one more now and then, and one less if that makes too many.
    fn explore(&mut self, number: usize) {
        let (now, target) = (self.now, self.scenario.network.links);
        let node = &mut self.nodes[number];
        if node.open.len() < target {
            return;
        }
        let anybody = now >= node.explores_at;
        if anybody {
            node.explores_at = now + EXPLORE_US;
        } else if node.sought.is_empty() || !(now / BEAT_US).is_multiple_of(2) {
            return;
        }
        let is_due = |dial: &Dial| matches!(dial.state, DialState::Due(at) if at <= now);
        let due = node.dials.iter().filter(|(_, dial)| is_due(dial)).map(|(other, _)| *other);
        let due: Vec<usize> = due.filter(|other| anybody || node.sought.contains(other)).collect();
        let next = self.work_rng.pick(&due).copied();
        if self.nodes[number].open.len() > target + SPARE {
            self.close_surplus(number);
        }
        if let Some(other) = next {
            self.dial(number, other);
        }
    }

    /// Closes one of the links that the node dialled, if it has one that is not new.
    fn close_surplus(&mut self, number: usize) {
        let now = self.now;
        let conns: Vec<ConnId> = self.nodes[number].open.values().copied().collect();
        let is_old = |id: &ConnId| {
            self.network.conns.get(id).is_some_and(|conn| {
                let end = &conn.ends[0];
                end.node == number && end.stage == Stage::Up && now >= end.since + SETTLE_US
            })
        };
        let closable: Vec<ConnId> = conns.into_iter().filter(is_old).collect();
        if let Some(id) = self.work_rng.pick(&closable).copied() {
            self.close(id, 0);
        }
    }

    /// Dials what is due, while there are links to make.
    pub(crate) fn redial(&mut self, number: usize) {
        let (now, target) = (self.now, self.scenario.network.links);
        let node = &mut self.nodes[number];
        if node.core.is_none() {
            return;
        }
        let mut busy = node.dials.values().filter(|dial| dial.state == DialState::Busy).count();
        let mut due: Vec<(u64, u64, usize)> = Vec::new();
        for (other, dial) in &node.dials {
            if let DialState::Due(at) = dial.state {
                due.push((at, dial.order, *other));
            }
        }
        due.sort_unstable();
        let mut next = None;
        let mut chosen = Vec::new();
        for (at, _, other) in due {
            if busy >= DIALS_MAX || node.open.len() >= target {
                break;
            }
            if at > now {
                next = Some(at);
                break;
            }
            busy += 1;
            chosen.push(other);
        }
        let boot = node.boot;
        for other in chosen {
            self.dial(number, other);
        }
        if let Some(at) = next {
            self.at(at, Event::Redial { node: number, boot });
        }
    }

    fn dial(&mut self, number: usize, other: usize) {
        let boot = self.nodes[number].boot;
        if let Some(dial) = self.nodes[number].dials.get_mut(&other) {
            dial.state = DialState::Busy;
        }
        // TCP and Noise: three ways there and back.
        let takes = 3 * (self.network.latency(number, other) + self.network.latency(other, number));
        self.after(takes, Event::Dialed { node: number, boot, to: other });
    }

    /// A dial has gone there and back, if there is a way and somebody who answers.
    pub(crate) fn dialed(&mut self, number: usize, other: usize) {
        if self.nodes[number].core.is_none() {
            return;
        }
        let boot = self.nodes[number].boot;
        let is_cut = self.network.is_cut(number, other) || self.network.is_cut(other, number);
        if is_cut || self.nodes[other].paused_until > self.now {
            return self.after(HELLO_TIMEOUT_US, Event::DialFailed { node: number, boot, to: other });
        }
        let refuses =
            |one: usize, two: usize| self.nodes[one].blocked.get(&two).is_some_and(|until| *until > self.now);
        if self.nodes[other].core.is_none() || refuses(other, number) || refuses(number, other) {
            return self.dial_failed(number, other);
        }
        let id = self.network.connect(number, other, self.now);
        self.nodes[number].conns.insert(id);
        self.nodes[other].conns.insert(id);
        if self.nodes[number].open.contains_key(&other) {
            return self.close(id, 0);
        }
        self.nodes[number].reached.entry(other).or_default().push_back(id);
        let peer = self.members.peers[other];
        self.give(number, Input::StrangerReached { peer });
    }

    /// A dial or a greeting came to nothing.
    pub(crate) fn dial_failed(&mut self, number: usize, other: usize) {
        let now = self.now;
        let share = self.work_rng.below(1_000);
        let node = &mut self.nodes[number];
        let is_open = node.open.contains_key(&other);
        let boot = node.boot;
        let Some(dial) = node.dials.get_mut(&other) else { return };
        if is_open {
            *dial = Dial { state: DialState::Linked, attempt: 0, ..*dial };
            return;
        }
        let full = (REDIAL_MIN_US << dial.attempt.min(16)).min(REDIAL_MAX_US);
        let at = now + full / 2 + full / 2 * share / 1_000;
        *dial = Dial { state: DialState::Due(at), attempt: dial.attempt + 1, ..*dial };
        self.at(at, Event::Redial { node: number, boot });
    }

    /// The core's hello goes out on a connection that we dialled.
    pub(crate) fn say_hello(&mut self, number: usize, other: usize, bytes: Vec<u8>) {
        let queue = self.nodes[number].reached.get_mut(&other);
        let Some(id) = queue.and_then(std::collections::VecDeque::pop_front) else { return };
        if self.nodes[number].open.contains_key(&other) {
            return self.close(id, 0);
        }
        if self.set_stage(id, 0, Stage::Silent, Stage::Asked) {
            self.send(id, 0, Parcel::Hello(bytes));
        }
    }

    /// The core's answer to a hello.
    pub(crate) fn reply_hello(&mut self, number: usize, exchange: u64, bytes: Vec<u8>, admit: bool) {
        let Some(exchange) = self.nodes[number].exchanges.remove(&exchange) else { return };
        let id = exchange.conn;
        if !self.set_stage(id, 1, Stage::Answering, Stage::Refused) {
            return;
        }
        if !admit {
            self.send(id, 1, Parcel::Refused);
        } else if !self.prefer(id, 1) {
            self.send(id, 1, Parcel::Superfluous);
        } else {
            self.set_stage(id, 1, Stage::Refused, Stage::Ajar);
            self.mark_open(id, 1);
            self.send(id, 1, Parcel::Admitted(bytes));
        }
    }

    /// The core takes the answer to our hello.
    pub(crate) fn admit(&mut self, number: usize, other: usize) {
        let queue = self.nodes[number].answered.get_mut(&other);
        let Some(id) = queue.and_then(std::collections::VecDeque::pop_front) else { return };
        if self.network.end(id, 0).is_none_or(|end| end.stage != Stage::Welcome) {
            return;
        }
        if !self.prefer(id, 0) {
            return self.close(id, 0);
        }
        self.set_stage(id, 0, Stage::Welcome, Stage::Ajar);
        self.mark_open(id, 0);
        self.send(id, 0, Parcel::Done);
        self.complete(id, 0);
    }

    fn set_stage(&mut self, id: ConnId, side: usize, from: Stage, to: Stage) -> bool {
        match self.network.end(id, side) {
            Some(end) if end.stage == from => {
                end.stage = to;
                true
            }
            _ => false,
        }
    }

    fn ends(&self, id: ConnId, side: usize) -> Option<(usize, usize)> {
        let conn = self.network.conns.get(&id)?;
        Some((conn.ends[side].node, conn.ends[1 - side].node))
    }

    fn mark_open(&mut self, id: ConnId, side: usize) {
        if let Some((own, other)) = self.ends(id, side) {
            self.nodes[own].open.insert(other, id);
        }
    }

    /// Makes room for a connection that is to be opened; `false` if the peer's open link is the better one.
    fn prefer(&mut self, id: ConnId, side: usize) -> bool {
        let Some((own, other)) = self.ends(id, side) else { return false };
        let Some(old) = self.nodes[own].open.get(&other).copied() else { return true };
        let Some(old_side) = self.network.side_of(old, own) else { return true };
        let old_since = self.network.end(old, old_side).map_or(0, |end| end.since);
        let crossing = (old_side == 0) != (side == 0);
        let keys = |node: usize| self.members.peers[node];
        let (dialer, listener) = if side == 0 { (own, other) } else { (other, own) };
        let new_wins = if !crossing || (side == 1 && self.now - old_since >= HELLO_TIMEOUT_US) {
            true
        } else {
            keys(dialer) < keys(listener)
        };
        if new_wins {
            self.close(old, old_side);
        }
        new_wins
    }

    /// Both ends are open: the core hears of the link.
    fn complete(&mut self, id: ConnId, side: usize) {
        if !self.set_stage(id, side, Stage::Ajar, Stage::Up) {
            return;
        }
        let Some((own, other)) = self.ends(id, side) else { return };
        if let Some(dial) = self.nodes[own].dials.get_mut(&other)
            && (side == 0 || dial.state != DialState::Busy)
        {
            *dial = Dial { state: DialState::Linked, attempt: 0, ..*dial };
        }
        let outcome = self.nodes[own].gossip.link_up(other, side == 0);
        self.gossip(own, outcome);
        let peer = self.members.peers[other];
        self.give(own, Input::LinkUp { peer });
    }

    /// Ends a connection from one side.
    pub(crate) fn close(&mut self, id: ConnId, side: usize) {
        self.send(id, side, Parcel::End);
        self.settle(id, side);
    }

    /// One side of a connection is gone: tells everyone on that side, once.
    pub(crate) fn settle(&mut self, id: ConnId, side: usize) {
        let Some((own, other)) = self.ends(id, side) else { return };
        let Some(end) = self.network.end(id, side) else { return };
        let stage = std::mem::replace(&mut end.stage, Stage::Closed);
        if stage == Stage::Closed {
            return;
        }
        self.network.sweep(id);
        let node = &mut self.nodes[own];
        node.conns.remove(&id);
        if node.open.get(&other) == Some(&id) {
            node.open.remove(&other);
        }
        for list in [&mut node.reached, &mut node.answered] {
            if let Some(queue) = list.get_mut(&other) {
                queue.retain(|queued| *queued != id);
            }
        }
        node.exchanges.retain(|_, exchange| exchange.conn != id);
        if stage == Stage::Up {
            self.link_lost(own, other, id);
        }
        self.dial_again(own, other, side, stage);
    }

    fn link_lost(&mut self, own: usize, other: usize, id: ConnId) {
        let peer = self.members.peers[other];
        let node = &mut self.nodes[own];
        if !node.open.contains_key(&other) {
            node.gossip.link_down(other);
        }
        let lost: Vec<u64> =
            node.requests.iter().filter(|(_, asked)| asked.conn == id).map(|(request, _)| *request).collect();
        for request in lost {
            if let Some(log) = self.nodes[own].requests.remove(&request).and_then(|asked| asked.page) {
                self.pull_failed(own, log);
            }
            self.coverage.mark(Mark::AskFailed);
            self.give(own, Input::AskFailed { peer, request });
        }
        self.give(own, Input::LinkDown { peer });
    }

    fn dial_again(&mut self, own: usize, other: usize, side: usize, stage: Stage) {
        let is_open = self.nodes[own].open.contains_key(&other);
        let now = self.now;
        let was_open = matches!(stage, Stage::Ajar | Stage::Up);
        let Some(dial) = self.nodes[own].dials.get_mut(&other) else { return };
        if was_open && !is_open && dial.state == DialState::Linked {
            *dial = Dial { state: DialState::Due(now + REDIAL_MIN_US), attempt: 1, ..*dial };
            let boot = self.nodes[own].boot;
            self.after(REDIAL_MIN_US, Event::Redial { node: own, boot });
        } else if side == 0 && stage != Stage::Up {
            self.dial_failed(own, other);
        }
    }

    /// Drops the link with a peer and dials it again.
    pub(crate) fn reset(&mut self, number: usize, other: usize) {
        self.coverage.mark(Mark::HalfOpenReset);
        if let Some(id) = self.nodes[number].open.get(&other).copied()
            && let Some(side) = self.network.side_of(id, number)
        {
            self.close(id, side);
        }
        let now = self.now;
        if let Some(dial) = self.nodes[number].dials.get_mut(&other)
            && dial.state != DialState::Busy
        {
            *dial = Dial { state: DialState::Due(now), attempt: 0, ..*dial };
        }
        self.redial(number);
    }

    /// Closes all connections with a peer.
    pub(crate) fn close_all(&mut self, number: usize, other: usize) {
        for id in self.nodes[number].conns.clone() {
            let side = self.network.side_of(id, number);
            if let Some(side) = side
                && self.ends(id, side).is_some_and(|(_, peer)| peer == other)
            {
                self.close(id, side);
            }
        }
    }

    /// Sends a frame from one side of a connection.
    pub(crate) fn send(&mut self, id: ConnId, side: usize, parcel: Parcel) {
        if self.network.end(id, side).is_none_or(|end| end.stage == Stage::Closed) {
            return;
        }
        self.check_parcel(id, side, &parcel);
        self.measure.sent(&parcel);
        let sent = self.network.send(id, side, &parcel, self.now);
        for (happened, mark) in [
            (sent.lost, Mark::PushLost),
            (sent.dropped, Mark::PushDropped),
            (sent.doubled, Mark::PushDoubled),
            (sent.overtaken, Mark::PushOvertook),
        ] {
            if happened {
                self.coverage.mark(mark);
            }
        }
        let mut arrivals = sent.arrivals;
        let last = arrivals.pop();
        for at in arrivals {
            self.at(at, Event::Arrive { conn: id, side: 1 - side, parcel: parcel.clone() });
        }
        if let Some(at) = last {
            self.at(at, Event::Arrive { conn: id, side: 1 - side, parcel });
        }
    }

    fn check_parcel(&mut self, id: ConnId, side: usize, parcel: &Parcel) {
        if let Some((own, _)) = self.ends(id, side) {
            self.check_sent(own, parcel);
        }
    }

    /// Sends a frame over the link with a peer.
    pub(crate) fn send_to(&mut self, number: usize, other: usize, parcel: Parcel) {
        if let Some(id) = self.nodes[number].open.get(&other).copied()
            && let Some(side) = self.network.side_of(id, number)
            && self.network.end(id, side).is_some_and(|end| end.stage == Stage::Up)
        {
            self.send(id, side, parcel);
        }
    }

    /// Sends what waited for a cut to be mended.
    pub(crate) fn resend(&mut self, released: Vec<(ConnId, usize, Parcel)>) {
        for (id, side, parcel) in released {
            let sent = self.network.send(id, side, &parcel, self.now);
            for at in sent.arrivals {
                self.at(at, Event::Arrive { conn: id, side: 1 - side, parcel: parcel.clone() });
            }
        }
    }

    /// A frame reaches one side of a connection.
    pub(crate) fn arrive(&mut self, id: ConnId, side: usize, parcel: Parcel) {
        let Some((own, other)) = self.ends(id, side) else { return };
        let now = self.now;
        let Some(end) = self.network.end(id, side) else { return };
        if end.stage == Stage::Closed {
            return self.answer_dead(id, side, own, other, &parcel);
        }
        self.trace.event(now, parcel.tag(), other, parcel.len() as u64);
        let stage = end.stage;
        match (stage, parcel) {
            (_, Parcel::End) => self.settle(id, side),
            (Stage::Listening, Parcel::Hello(bytes)) => {
                end.stage = Stage::Answering;
                let exchange = self.exchange(own, id, 0, false);
                let peer = self.members.peers[other];
                self.give(own, Input::HelloReceived { peer, exchange, bytes });
            }
            (Stage::Asked, Parcel::Admitted(bytes)) => {
                end.stage = Stage::Welcome;
                self.nodes[own].answered.entry(other).or_default().push_back(id);
                let peer = self.members.peers[other];
                self.give(own, Input::HelloAnswered { peer, bytes });
            }
            (Stage::Asked, Parcel::Refused | Parcel::Superfluous) => self.close(id, side),
            (Stage::Ajar | Stage::Up, parcel) => {
                end.alive = now;
                self.complete(id, side);
                self.carried(id, side, own, other, parcel);
            }
            // Anything else comes too early, on a connection that is being greeted.
            _ => {}
        }
    }

    /// A machine that knows nothing of a connection any more says so, if it runs and its packets get through.
    fn answer_dead(&mut self, id: ConnId, side: usize, own: usize, other: usize, parcel: &Parcel) {
        let says = self.nodes[own].core.is_some() && !self.network.is_cut(own, other);
        if says && !matches!(parcel, Parcel::End) && self.work_rng.percent(50) {
            let takes = self.network.latency(own, other);
            self.after(takes, Event::Arrive { conn: id, side: 1 - side, parcel: Parcel::End });
        }
    }

    /// A frame of the inner protocols.
    fn carried(&mut self, id: ConnId, side: usize, own: usize, other: usize, parcel: Parcel) {
        let peer = self.members.peers[other];
        match parcel {
            Parcel::Question { request, bytes } => self.asked(own, other, id, request, bytes),
            Parcel::Answer { request, bytes } if self.nodes[own].requests.remove(&request).is_some() => {
                self.verify(own, Job::Answer { peer, request, bytes });
            }
            Parcel::NoAnswer { request } if self.nodes[own].requests.remove(&request).is_some() => {
                self.coverage.mark(Mark::AskFailed);
                self.give(own, Input::AskFailed { peer, request });
            }
            Parcel::Push(frame) => {
                self.count_copies(own, &frame);
                self.remember_push(own, &frame);
                let outcome = self.nodes[own].gossip.receive(other, frame);
                if let Some(message) = outcome.deliver.clone() {
                    self.pushed(own, other, &message);
                }
                self.gossip(own, outcome);
            }
            Parcel::Ping => self.send(id, side, Parcel::Pong),
            _ => {}
        }
    }

    fn count_copies(&mut self, own: usize, frame: &Frame) {
        if let Frame::Message(message) = frame
            && self.nodes[own].is_honest()
        {
            self.measure.copies += self.checks.records_in(message.id);
        }
    }

    /// A peer's question goes to the pool, or is let go.
    fn asked(&mut self, own: usize, other: usize, id: ConnId, request: u64, bytes: Vec<u8>) {
        let from_peer = self.nodes[own].exchanges.values().filter(|exchange| exchange.conn == id).count();
        let side = self.network.side_of(id, own).unwrap_or(0);
        if from_peer >= REQUESTS_PER_PEER || self.nodes[own].exchanges.len() >= INBOUND_MAX {
            return self.send(id, side, Parcel::NoAnswer { request });
        }
        if self.nodes[own].jobs >= POOL_MAX {
            let bytes = wire::answer::unavailable();
            return self.send(id, side, Parcel::Answer { request, bytes });
        }
        // The kind of a question is its second byte: 3 page, 4 slice, 5 bodies.
        let asks_records = bytes.get(1).is_some_and(|kind| (3..=5).contains(kind));
        let exchange = self.exchange(own, id, request, asks_records);
        let peer = self.members.peers[other];
        self.verify(own, Job::Question { peer, exchange, bytes });
    }

    fn exchange(&mut self, own: usize, conn: ConnId, request: u64, asks_records: bool) -> u64 {
        let number = self.nodes[own].number_next();
        self.nodes[own].exchanges.insert(number, Exchange { conn, request, asks_records });
        number
    }

    /// A message that is new here goes to the pool, or is ignored if that is full.
    fn pushed(&mut self, own: usize, other: usize, message: &crate::gossip::Message) {
        if self.nodes[own].jobs >= POOL_MAX {
            self.coverage.mark(Mark::PushDropped);
            let outcome = self.nodes[own].gossip.verdict(message.id, ecomesh_protocol::PushVerdict::Ignore);
            return self.gossip(own, outcome);
        }
        let token = self.nodes[own].number_next();
        self.nodes[own].pushes.insert(token, (message.id, self.now));
        let (from, bytes) = (self.members.peers[other], message.bytes.clone());
        self.verify(own, Job::Push { token, from, topic: message.topic, bytes });
    }

    /// Sends what gossip wants to send.
    pub(crate) fn gossip(&mut self, number: usize, outcome: Outcome) {
        for (happened, mark) in [
            (outcome.duplicate, Mark::DuplicateIgnored),
            (outcome.served > 0, Mark::WantServed),
            (outcome.kept_back > 0, Mark::DontWantKept),
        ] {
            if happened {
                self.coverage.mark(mark);
            }
        }
        for (peer, frame) in outcome.send {
            self.send_to(number, peer, Parcel::Push(frame));
        }
    }

    /// The core asks a peer.
    pub(crate) fn ask(&mut self, number: usize, other: usize, request: u64, bytes: Vec<u8>) {
        let peer = self.members.peers[other];
        let open = self.nodes[number].open.get(&other).copied();
        let id = open.filter(|id| {
            let side = self.network.side_of(*id, number);
            side.and_then(|side| self.network.end(*id, side)).is_some_and(|end| end.stage == Stage::Up)
        });
        let waiting = self.nodes[number].requests.values().filter(|asked| asked.to == other).count();
        let Some(id) = id.filter(|_| waiting < REQUESTS_PER_PEER) else {
            self.coverage.mark(Mark::AskFailed);
            return self.give(number, Input::AskFailed { peer, request });
        };
        let page = self.page_asked(number, &bytes);
        self.nodes[number].requests.insert(request, Request { to: other, conn: id, page });
        let side = self.network.side_of(id, number).unwrap_or(0);
        self.send(id, side, Parcel::Question { request, bytes });
    }

    /// The log of which a question asks a page.
    fn page_asked(&mut self, number: usize, bytes: &[u8]) -> Option<LogId> {
        if bytes.get(1) != Some(&PAGE) {
            return None;
        }
        let node = &self.nodes[number];
        let job = Job::Question { peer: self.members.peers[number], exchange: 0, bytes: bytes.to_vec() };
        match self.cache.verify(&node.ring, &node.ring_hash, job) {
            Input::Asked { question: Ok(Question::Page { log, .. }), .. } => Some(log),
            _ => None,
        }
    }

    /// The core answers a peer.
    pub(crate) fn respond(&mut self, number: usize, exchange: u64, bytes: Vec<u8>) {
        let Some(exchange) = self.nodes[number].exchanges.remove(&exchange) else { return };
        self.check_served(number, &bytes);
        let mut bytes = bytes;
        if exchange.asks_records && self.nodes[number].has(Vice::Withhold) {
            bytes = wire::answer::unavailable();
        }
        if self.nodes[number].has(Vice::Silence) && self.misdeeds.keeps_silent() {
            return;
        }
        if bytes == wire::answer::unavailable() {
            self.coverage.mark(Mark::Unavailable);
        }
        if let Some(side) = self.network.side_of(exchange.conn, number) {
            self.send(exchange.conn, side, Parcel::Answer { request: exchange.request, bytes });
        }
    }

    /// Once a second.
    pub(crate) fn beat(&mut self, number: usize, boot: u32) {
        if self.nodes[number].core.is_none() {
            return;
        }
        self.after(BEAT_US, Event::Beat { node: number, boot });
        self.sabotage(number);
        self.note_early(number);
        let outcome = self.nodes[number].gossip.heartbeat(&mut self.work_rng);
        self.gossip(number, outcome);
        self.expire_verdicts(number);
        for id in self.nodes[number].conns.clone() {
            self.look_after(number, id);
        }
        self.redial(number);
        self.explore(number);
    }

    fn expire_verdicts(&mut self, number: usize) {
        let now = self.now;
        let is_late = |at: &u64| now >= at + VERDICT_US;
        let late: Vec<u64> =
            self.nodes[number].pushes.iter().filter(|(_, (_, at))| is_late(at)).map(|(t, _)| *t).collect();
        for token in late {
            if let Some((id, _)) = self.nodes[number].pushes.remove(&token) {
                let outcome = self.nodes[number].gossip.verdict(id, ecomesh_protocol::PushVerdict::Ignore);
                self.gossip(number, outcome);
            }
        }
    }

    /// Pings a link, and ends what is silent or overdue.
    fn look_after(&mut self, number: usize, id: ConnId) {
        let now = self.now;
        let Some(side) = self.network.side_of(id, number) else { return };
        let Some(end) = self.network.end(id, side) else { return };
        if end.stage == Stage::Up {
            if now >= end.alive + SILENT_US {
                self.coverage.mark(Mark::PingTimeout);
                self.close(id, side);
            } else if now >= end.pinged + PING_US {
                end.pinged = now;
                self.send(id, side, Parcel::Ping);
            }
        } else if now >= end.since + HELLO_TIMEOUT_US {
            self.close(id, side);
        }
    }
}
