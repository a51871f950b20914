//! The network between the nodes: who reaches whom, how long it takes, and connections that carry frames in order.
//!
//! A connection is a stream, as TCP with Noise and Yamux is one: hello and sync come whole and in order, or the
//! connection ends. What would be lost on the wire comes one retransmission later. Pushes travel on the same
//! connection, but may be lost, doubled and overtaken: that stands for full queues and for what gossip does not
//! promise. While a direction is cut its frames wait, as in a kernel's buffer; a connection that stays silent is ended
//! by the node's pings.

use std::collections::{BTreeMap, VecDeque};

use crate::gossip;
use crate::rng::Rng;
use crate::scenario::NetworkPlan;

/// Names a connection.
pub(crate) type ConnId = u64;
/// Pushes that wait for one peer: the rest is dropped, as gossipsub does.
const PUSHES_HELD_MAX: usize = 64;
/// First retransmission after this, in microseconds.
const RETRANSMIT_US: u64 = 200_000;

/// One frame on a connection.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    Hello(Vec<u8>),
    /// The answer to a hello: `None` refuses, an empty list says that there is a better link.
    Admitted(Vec<u8>),
    Refused,
    Superfluous,
    Done,
    Question {
        request: u64,
        bytes: Vec<u8>,
    },
    Answer {
        request: u64,
        bytes: Vec<u8>,
    },
    /// The other side let go of a question.
    NoAnswer {
        request: u64,
    },
    Push(gossip::Frame),
    Ping,
    Pong,
    /// The connection has ended.
    End,
}

impl Parcel {
    /// Bytes on the wire, with some for the layers below.
    pub(crate) fn len(&self) -> usize {
        let content = match self {
            Self::Hello(bytes) | Self::Admitted(bytes) => bytes.len(),
            Self::Question { bytes, .. } | Self::Answer { bytes, .. } => bytes.len(),
            Self::Push(frame) => frame.len(),
            Self::Ping | Self::Pong => 32,
            Self::Refused | Self::Superfluous | Self::Done | Self::NoAnswer { .. } | Self::End => 1,
        };
        content + 40
    }

    /// A number for the trace.
    pub(crate) fn tag(&self) -> u8 {
        match self {
            Self::Hello(_) => 1,
            Self::Admitted(_) => 2,
            Self::Refused => 3,
            Self::Superfluous => 4,
            Self::Done => 5,
            Self::Question { .. } => 6,
            Self::Answer { .. } => 7,
            Self::NoAnswer { .. } => 8,
            Self::Push(_) => 9,
            Self::Ping => 10,
            Self::Pong => 11,
            Self::End => 12,
        }
    }
}

/// How far one end of a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Dialled: waiting for the core's hello.
    Silent,
    /// Dialled: hello sent.
    Asked,
    /// Dialled: admitted there, waiting for the core.
    Welcome,
    /// Accepted: waiting for the peer's hello.
    Listening,
    /// Accepted: hello received, waiting for the core.
    Answering,
    /// Refused: the dialer closes.
    Refused,
    /// Accepted and open for what comes in: waiting for `done`.
    Ajar,
    /// A full link.
    Up,
    /// Ended.
    Closed,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) node: usize,
    pub(crate) stage: Stage,
    pub(crate) since: u64,
    pub(crate) alive: u64,
    pub(crate) pinged: u64,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
struct Pipe {
    free_at: u64,
    last_arrival: u64,
    held: VecDeque<Parcel>,
    pushes_held: usize,
}

/// A connection; end 0 dialled.
#[derive(Clone, Debug)]
pub(crate) struct Conn {
    pub(crate) ends: [End; 2],
    pipes: [Pipe; 2],
}

/// What became of a frame.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// When it arrives; twice if it was doubled, never if it was lost or waits.
    pub(crate) arrivals: Vec<u64>,
    pub(crate) lost: bool,
    pub(crate) dropped: bool,
    pub(crate) doubled: bool,
    pub(crate) overtaken: bool,
}

/// All links.
pub(crate) struct Network {
    plan: NetworkPlan,
    nodes: usize,
    /// Microseconds in one direction, for each ordered pair.
    latency: Vec<u32>,
    /// How many partitions cut each ordered pair.
    cuts: BTreeMap<(usize, usize), u32>,
    pub(crate) conns: BTreeMap<ConnId, Conn>,
    next: ConnId,
    rng: Rng,
    /// Faults are over: nothing is lost any more.
    pub(crate) calm: bool,
}

impl Network {
    /// Draws the latencies of all pairs.
    pub(crate) fn new(plan: NetworkPlan, nodes: usize, seed: u64) -> Self {
        let mut rng = Rng::stream(seed, "network");
        let mut latency = vec![0; nodes * nodes];
        for a in 0..nodes {
            for b in 0..a {
                let drawn =
                    u32::try_from(rng.range(plan.latency_ms.map(|ms| ms * 1_000))).unwrap_or(u32::MAX);
                latency[a * nodes + b] = drawn;
                latency[b * nodes + a] = drawn;
            }
        }
        let (cuts, conns) = (BTreeMap::new(), BTreeMap::new());
        Self { plan, nodes, latency, cuts, conns, next: 1, rng, calm: false }
    }

    /// Time on the way from one node to another, without jitter, in microseconds.
    pub(crate) fn latency(&self, from: usize, to: usize) -> u64 {
        self.latency.get(from * self.nodes + to).map_or(0, |us| u64::from(*us)).max(100)
    }

    /// Whether nothing gets from one node to another.
    pub(crate) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cuts.contains_key(&(from, to))
    }

    /// Cuts ordered pairs.
    pub(crate) fn cut(&mut self, pairs: &[(usize, usize)]) {
        for pair in pairs {
            *self.cuts.entry(*pair).or_default() += 1;
        }
    }

    /// Mends ordered pairs; what waited for them comes out, with its connection and receiving side.
    pub(crate) fn mend(&mut self, pairs: &[(usize, usize)]) -> Vec<(ConnId, usize, Parcel)> {
        for pair in pairs {
            if let Some(count) = self.cuts.get_mut(pair) {
                *count -= 1;
                if *count == 0 {
                    self.cuts.remove(pair);
                }
            }
        }
        self.release()
    }

    /// Mends everything.
    pub(crate) fn mend_all(&mut self) -> Vec<(ConnId, usize, Parcel)> {
        self.cuts.clear();
        self.release()
    }

    fn release(&mut self) -> Vec<(ConnId, usize, Parcel)> {
        let mut released = Vec::new();
        for (id, conn) in &mut self.conns {
            for side in 0..2 {
                let way = (conn.ends[side].node, conn.ends[1 - side].node);
                if !self.cuts.contains_key(&way) {
                    conn.pipes[side].pushes_held = 0;
                    released.extend(conn.pipes[side].held.drain(..).map(|parcel| (*id, side, parcel)));
                }
            }
        }
        released
    }

    /// A dial succeeded: a connection with both ends at their beginning.
    pub(crate) fn connect(&mut self, dialer: usize, listener: usize, now: u64) -> ConnId {
        let end = |node, stage| End { node, stage, since: now, alive: now, pinged: now };
        let ends = [end(dialer, Stage::Silent), end(listener, Stage::Listening)];
        let id = self.next;
        self.next += 1;
        self.conns.insert(id, Conn { ends, pipes: Default::default() });
        id
    }

    /// One end of a connection.
    pub(crate) fn end(&mut self, id: ConnId, side: usize) -> Option<&mut End> {
        self.conns.get_mut(&id).map(|conn| &mut conn.ends[side])
    }

    /// Which side of a connection a node is.
    pub(crate) fn side_of(&self, id: ConnId, node: usize) -> Option<usize> {
        self.conns.get(&id)?.ends.iter().position(|end| end.node == node)
    }

    /// Forgets connections of which both ends are closed.
    pub(crate) fn sweep(&mut self, id: ConnId) {
        let is_over = |conn: &Conn| conn.ends.iter().all(|end| end.stage == Stage::Closed);
        if self.conns.get(&id).is_some_and(is_over) {
            self.conns.remove(&id);
        }
    }

    /// The queue of one direction stands still for a while.
    pub(crate) fn clog(&mut self, rng: &mut Rng, now: u64) -> bool {
        let ids: Vec<ConnId> = self.conns.keys().copied().collect();
        let Some(conn) = rng.pick(&ids).and_then(|id| self.conns.get_mut(id)) else { return false };
        let pipe = &mut conn.pipes[rng.index(2)];
        pipe.free_at = pipe.free_at.max(now + rng.below(self.plan.clog_ms * 1_000 + 1));
        true
    }

    /// Sends a frame from one side of a connection.
    pub(crate) fn send(&mut self, id: ConnId, side: usize, parcel: &Parcel, now: u64) -> Sent {
        let mut sent = Sent::default();
        let Some(conn) = self.conns.get(&id) else { return sent };
        let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
        let latency = self.latency(from, to);
        let is_cut = self.is_cut(from, to);
        let is_push = matches!(parcel, Parcel::Push(_));
        let Some(conn) = self.conns.get_mut(&id) else { return sent };
        let pipe = &mut conn.pipes[side];
        if is_cut {
            if is_push && pipe.pushes_held >= PUSHES_HELD_MAX {
                sent.dropped = true;
            } else {
                pipe.pushes_held += usize::from(is_push);
                pipe.held.push_back(parcel.clone());
            }
            return sent;
        }
        let bits = parcel.len() as u64 * 8;
        // Kilobits per second are bits per millisecond.
        let takes = (bits * 1_000).checked_div(self.plan.kbit_per_s).unwrap_or(0);
        let leaves = pipe.free_at.max(now) + takes;
        pipe.free_at = leaves;
        let mut arrives = leaves + latency + self.rng.below(self.plan.jitter_ms * 1_000 + 1);
        let trouble = !self.calm;
        if is_push && trouble {
            if self.rng.percent(self.plan.loss_percent) {
                sent.lost = true;
                return sent;
            }
            if self.rng.percent(self.plan.overtake_percent) {
                sent.overtaken = true;
                arrives += self.rng.below(self.plan.overtake_ms * 1_000 + 1);
                sent.arrivals.push(arrives);
            } else {
                pipe.last_arrival = pipe.last_arrival.max(arrives);
                sent.arrivals.push(pipe.last_arrival);
            }
            if self.rng.percent(self.plan.double_percent) {
                sent.doubled = true;
                sent.arrivals.push(arrives + self.rng.below(1_000_000));
            }
            return sent;
        }
        if trouble && self.rng.percent(self.plan.loss_percent) {
            arrives += RETRANSMIT_US;
        }
        pipe.last_arrival = pipe.last_arrival.max(arrives);
        sent.arrivals.push(pipe.last_arrival);
        sent
    }
}
