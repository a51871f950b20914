//! The world: virtual time, the queue of events, and the nodes.
//!
//! Time is in microseconds. Events happen in the order of (time, number); the number rises with each event that is
//! put into the queue, so two events of one moment happen in the order in which they were made. Nothing else orders
//! anything, and nothing asks a clock: the same seed plays the same run.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use ecomesh_protocol::{Input, KeyRing, Output};

use crate::calendar::Calendar;
use crate::clients::Client;
use crate::coverage::{Coverage, Mark};
use crate::faults::Fault;
use crate::fuse::Failure;
use crate::hostile::Misdeeds;
use crate::invariants::Checks;
use crate::ledger::Pool;
use crate::measure::Measure;
use crate::members::Members;
use crate::network::{ConnId, Network, Parcel};
use crate::node::{BATCH_INPUTS, INBOX_MAX, Node};
use crate::pool::{Cache, Job, RingHash, ring_hash};
use crate::register::{Library, Meant};
use crate::rng::Rng;
use crate::sabotage::Sabotage;
use crate::scenario::Scenario;
use crate::secrecy::Book;
use crate::trace::Trace;

/// A millisecond.
pub(crate) const MS: u64 = 1_000;
/// How often the convergence of the mesh is looked at, once the faults are over.
const LOOK_US: u64 = 1_000 * MS;
/// What is quiet must stay so for this long.
const STILL_US: u64 = 5_000 * MS;
/// The core is asked again after this at the latest, and not sooner than a millisecond without an input: as in a node.
const SLEEP_MAX_US: u64 = 10_000 * MS;

/// What happens at a moment.
#[derive(Debug)]
pub(crate) enum Event {
    /// A core's thread takes a batch.
    Wake { node: usize, boot: u32, at: u64 },
    /// A commit is done: its effects happen.
    Committed { node: usize, boot: u32 },
    /// The verify pool is done with a job.
    Verified { node: usize, boot: u32, input: Box<Input> },
    /// A frame reaches one side of a connection.
    Arrive { conn: ConnId, side: usize, parcel: Parcel },
    /// A dial has gone there and back.
    Dialed { node: usize, boot: u32, to: usize },
    /// A dial came to nothing.
    DialFailed { node: usize, boot: u32, to: usize },
    /// Look for addresses to dial.
    Redial { node: usize, boot: u32 },
    /// Once a second: gossip's heartbeat, pings, what is overdue.
    Beat { node: usize, boot: u32 },
    /// A client's turn.
    Client { node: usize },
    /// A node looks at its prekeys and its sealed mail.
    Mail { node: usize, boot: u32 },
    /// A node starts.
    Start { node: usize },
    /// Something breaks, or is mended.
    Fault(Fault),
    /// A hostile member does something.
    Misdeed { node: usize },
    /// Hours pass at once.
    Leap,
    /// A member leaves for days or weeks.
    Leave,
    /// A clock goes wrong, or the one of this node is set right.
    WrongClock { of: Option<usize> },
    /// The faults are over.
    Calm,
    /// Whether all agree is looked at.
    Look,
}

/// A running simulation.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    made: u64,
    pub(crate) members: Members,
    pub(crate) nodes: Vec<Node>,
    pub(crate) clients: Vec<Client>,
    pub(crate) misdeeds: Misdeeds,
    pub(crate) network: Network,
    pub(crate) cache: Cache,
    pub(crate) pool: Pool,
    pub(crate) first_ring: (Arc<KeyRing>, RingHash),
    pub(crate) trace: Trace,
    pub(crate) coverage: Coverage,
    pub(crate) measure: Measure,
    pub(crate) checks: Checks,
    pub(crate) calendar: Calendar,
    /// Of all that was sealed, who wrote it, for whom, and who can open it.
    pub(crate) book: Book,
    pub(crate) seal_rng: Rng,
    /// The documents of notices and entries, each read once.
    pub(crate) library: Library,
    /// For whom those are that are closed to some.
    pub(crate) closed: Meant,
    pub(crate) register_rng: Rng,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) work_rng: Rng,
    pub(crate) fault_rng: Rng,
    pub(crate) client_rng: Rng,
    /// The faults are over.
    pub(crate) calm: bool,
    /// How often days have passed since.
    pub(crate) days_passed: u32,
    /// When all agreed for the first time after that.
    pub(crate) agreed_at: Option<u64>,
    /// Records of hostile authors that had been stored then.
    agreed_with: u64,
    over: bool,
}

impl World {
    /// Founds the network and puts the first events into the queue.
    pub(crate) fn new(scenario: Scenario, seed: u64, sabotage: Option<Sabotage>) -> Self {
        let erases = scenario.load.erase_permille > 0;
        let seals = scenario.load.seal_permille > 0 || scenario.load.closed_permille > 0;
        let members =
            Members::found(scenario.nodes, erases, seals).expect("the keys of a simulation found a network");
        let ring = Arc::new(KeyRing::of_roster(&members.roster));
        let first_ring = (ring.clone(), ring_hash(&ring, &members.roster));
        let pool = Pool::default();
        let network = members.roster.network();
        let join =
            |(number, id): (usize, &_)| Node::join(number, *id, network, pool.clone(), first_ring.clone());
        let nodes: Vec<Node> = members.ids.iter().enumerate().map(join).collect();
        let count = nodes.len();
        let mut world = Self {
            now: 0,
            queue: BTreeMap::new(),
            made: 0,
            clients: (0..count).map(|_| Client::default()).collect(),
            misdeeds: Misdeeds::new(seed),
            network: Network::new(scenario.network.clone(), count, seed),
            cache: Cache::default(),
            pool,
            first_ring,
            trace: Trace::default(),
            coverage: Coverage::default(),
            measure: Measure::default(),
            checks: Checks::new(count),
            calendar: Calendar::new(seed),
            book: Book::new(count),
            seal_rng: Rng::stream(seed, "sealing"),
            library: Library::new(),
            closed: Meant::new(),
            register_rng: Rng::stream(seed, "register"),
            sabotage,
            work_rng: Rng::stream(seed, "work"),
            fault_rng: Rng::stream(seed, "faults"),
            client_rng: Rng::stream(seed, "clients"),
            calm: false,
            days_passed: 0,
            agreed_at: None,
            agreed_with: 0,
            over: false,
            scenario,
            members,
            nodes,
        };
        world.appoint_hostile();
        world.plan();
        world
    }

    fn plan(&mut self) {
        for node in 0..self.nodes.len() {
            let at = self.work_rng.below(1_000 * MS);
            self.at(at, Event::Start { node });
        }
        self.found_vaults();
        self.plan_clients();
        self.plan_faults();
        self.plan_misdeeds();
        self.plan_days();
        self.at(self.scenario.run_ms * MS, Event::Calm);
    }

    /// Plays until all agree, something is wrong, or the time is over.
    pub(crate) fn play(&mut self) {
        while !self.over && self.checks.is_clean() {
            let Some(((at, _), event)) = self.queue.pop_first() else { break };
            self.now = at;
            self.step(event);
        }
    }

    /// Puts an event into the queue.
    pub(crate) fn at(&mut self, time: u64, event: Event) {
        self.made += 1;
        self.queue.insert((time.max(self.now), self.made), event);
    }

    /// Puts an event into the queue, after a while.
    pub(crate) fn after(&mut self, micros: u64, event: Event) {
        self.at(self.now + micros, event);
    }

    /// Adds a line to the story.
    pub(crate) fn tell(&mut self, line: &str) {
        self.trace.line(self.now, line);
    }

    /// The number of the node that an event is for, if it is for a running one.
    fn node_of(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Wake { node, boot, .. }
            | Event::Committed { node, boot }
            | Event::Verified { node, boot, .. }
            | Event::Dialed { node, boot, .. }
            | Event::DialFailed { node, boot, .. }
            | Event::Redial { node, boot }
            | Event::Mail { node, boot }
            | Event::Beat { node, boot } => (self.nodes[*node].boot == *boot).then_some(*node),
            Event::Arrive { conn, side, .. } => {
                self.network.conns.get(conn).map(|conn| conn.ends[*side].node)
            }
            Event::Client { node } | Event::Start { node } | Event::Misdeed { node } => Some(*node),
            Event::Fault(_)
            | Event::Leap
            | Event::Leave
            | Event::WrongClock { .. }
            | Event::Calm
            | Event::Look => None,
        }
    }

    fn step(&mut self, event: Event) {
        let node = self.node_of(&event);
        let Some(number) = node.or_else(|| belongs_to_all(&event).then_some(usize::MAX)) else { return };
        if let Some(paused) = node.map(|n| self.nodes[n].paused_until).filter(|until| *until > self.now) {
            // The process stands still; what is for it waits in the kernel.
            return self.at(paused, event);
        }
        if let Event::Wake { node, at, .. } = event
            && self.nodes[node].wake_at != Some(at)
        {
            return;
        }
        self.trace.event(self.now, tag(&event), number, 0);
        if let Some(number) = node {
            self.check_rest(number);
        }
        match event {
            Event::Wake { node, .. } => self.wake(node),
            Event::Committed { node, .. } => self.committed(node),
            Event::Verified { node, input, .. } => {
                self.nodes[node].jobs = self.nodes[node].jobs.saturating_sub(1);
                self.give(node, *input);
            }
            Event::Arrive { conn, side, parcel } => self.arrive(conn, side, parcel),
            Event::Dialed { node, to, .. } => self.dialed(node, to),
            Event::DialFailed { node, to, .. } => self.dial_failed(node, to),
            Event::Redial { node, .. } => self.redial(node),
            Event::Beat { node, boot } => self.beat(node, boot),
            Event::Client { node } => self.client_turn(node),
            Event::Mail { node, boot } => self.look_at_mail(node, boot),
            Event::Start { node } => self.start(node),
            Event::Fault(fault) => self.fault(fault),
            Event::Misdeed { node } => self.misdeed(node),
            Event::Leap => self.leap(),
            Event::Leave => self.leave(),
            Event::WrongClock { of } => self.wrong_clock(of),
            Event::Calm => self.calm_down(),
            Event::Look => self.look(),
        }
    }

    /// Gives a core an input.
    pub(crate) fn give(&mut self, node: usize, input: Input) {
        if self.nodes[node].core.is_none() {
            return;
        }
        self.nodes[node].inbox.push_back(input);
        if self.nodes[node].committing.is_none() {
            self.wake_at(node, self.now);
        }
    }

    /// Whether a client finds room in a core's queue.
    pub(crate) fn has_room(&self, node: usize) -> bool {
        self.nodes[node].core.is_some() && self.nodes[node].inbox.len() < INBOX_MAX
    }

    fn wake_at(&mut self, node: usize, at: u64) {
        let at = at.max(self.now);
        if self.nodes[node].wake_at.is_none_or(|planned| at < planned) {
            self.nodes[node].wake_at = Some(at);
            let boot = self.nodes[node].boot;
            self.at(at, Event::Wake { node, boot, at });
        }
    }

    /// A core that has just started looks at its timer.
    pub(crate) fn wake_soon(&mut self, node: usize) {
        self.wake_at(node, self.now);
    }

    /// One batch of a core: inputs, timer, verdicts, commit.
    fn wake(&mut self, number: usize) {
        let world = self.now;
        let node = &mut self.nodes[number];
        node.wake_at = None;
        if node.committing.is_some() {
            return;
        }
        let now = node.now(world);
        let Some(core) = &mut node.core else { return };
        let writes = node.fuse.borrow().writes();
        let count = node.inbox.len().min(BATCH_INPUTS);
        for input in node.inbox.drain(..count) {
            core.handle(input, now);
        }
        if core.poll_timeout(now) <= now.mono {
            core.handle_timeout(now);
        }
        let early = outputs(core);
        self.apply(number, early);
        let node = &mut self.nodes[number];
        let Some(core) = &mut node.core else { return };
        core.commit(now);
        let late = outputs(core);
        let fuse = node.fuse.clone();
        if fuse.borrow().is_dead() {
            self.coverage.mark(Mark::CrashInCommit);
            self.tell(&format!("{} loses power within a commit", self.nodes[number].member));
            return self.lose_power(number);
        }
        let blown = fuse.borrow_mut().take_blown();
        if let Some(failure) = blown {
            self.coverage.mark(Mark::DiskFailed);
            self.nodes[number].may_fail |= failure == Failure::Sync;
        }
        let wrote = fuse.borrow().writes() != writes;
        if wrote && !late.is_empty() {
            let takes = self.work_rng.range(self.scenario.work.commit_us);
            let boot = self.nodes[number].boot;
            self.nodes[number].committing = Some(late);
            return self.after(takes, Event::Committed { node: number, boot });
        }
        self.apply(number, late);
        self.settle_down(number);
    }

    fn committed(&mut self, number: usize) {
        if let Some(outputs) = self.nodes[number].committing.take() {
            self.apply(number, outputs);
        }
        self.settle_down(number);
    }

    /// After a batch: ends a node that cannot go on, or plans its next batch.
    fn settle_down(&mut self, number: usize) {
        if let Some(reason) = self.nodes[number].fatal.take() {
            return self.ended(number, &reason);
        }
        self.keep_from_resting(number);
        let node = &self.nodes[number];
        let Some(core) = &node.core else { return };
        if !node.inbox.is_empty() {
            return self.wake_at(number, self.now);
        }
        let timer = node.world_time(core.poll_timeout(node.now(self.now)));
        let sleep = timer.clamp(self.now + MS, self.now + SLEEP_MAX_US);
        self.wake_at(number, sleep);
    }

    /// Lets effects happen; answers to clients last, as in a node.
    fn apply(&mut self, number: usize, outputs: Vec<Output>) {
        let is_answer = |output: &Output| matches!(output, Output::Authored { .. } | Output::Imported { .. });
        let (answers, effects): (Vec<Output>, Vec<Output>) = outputs.into_iter().partition(is_answer);
        for output in effects.into_iter().chain(answers) {
            self.effect(number, output);
        }
    }

    /// Verifies bytes for a core, which gets the result after a random time.
    pub(crate) fn verify(&mut self, number: usize, job: Job) {
        let node = &mut self.nodes[number];
        if node.core.is_none() {
            return;
        }
        node.jobs += 1;
        let boot = node.boot;
        let input = Box::new(self.cache.verify(&node.ring, &node.ring_hash, job));
        let takes = self.work_rng.range(self.scenario.work.verify_us);
        self.after(takes, Event::Verified { node: number, boot, input });
    }

    /// The faults are over: everything is mended, and all must come to agree.
    fn calm_down(&mut self) {
        self.calm = true;
        self.tell("the faults are over");
        self.end_faults();
        self.let_days_pass();
        self.after(LOOK_US, Event::Look);
    }

    fn look(&mut self) {
        self.let_days_pass();
        let wrong = self.disagreement().map(|wrong| ("I8", wrong));
        let wrong = wrong.or_else(|| self.unread().map(|wrong| ("I7", wrong)));
        let wrong = wrong.or_else(|| self.unlike_registers().map(|wrong| ("I11", wrong)));
        let late = self.scenario.run_ms + self.scenario.converge_ms;
        match (wrong, self.agreed_at) {
            (None, None) => {
                self.agreed_at = Some(self.now);
                self.agreed_with = self.checks.stored_of_hostile;
                self.tell("all agree");
                self.note_agreement();
            }
            (None, Some(since)) if self.now >= since + STILL_US => {
                self.check_secrecy();
                self.over = true;
                return;
            }
            (None, Some(_)) => {}
            (Some(_), Some(_)) if self.agreed_with != self.checks.stored_of_hostile => {
                // Nobody can keep a hostile member from writing: it begins anew.
                self.agreed_at = None;
            }
            (Some((invariant, wrong)), Some(_)) => {
                self.checks.fail(invariant, format!("what was quiet did not stay so: {wrong}"));
            }
            (Some((invariant, wrong)), None) if self.now > late * MS => {
                self.checks.fail(
                    invariant,
                    format!("no agreement {} ms after the faults: {wrong}", self.scenario.converge_ms),
                );
            }
            (Some(_), None) => {}
        }
        self.after(LOOK_US, Event::Look);
    }

    /// A member's name.
    pub(crate) fn name(&self, number: usize) -> String {
        self.nodes.get(number).map_or_else(|| number.to_string(), |node| node.member.to_string())
    }

    /// Keeps a ring and its hash for a node.
    pub(crate) fn set_ring(&mut self, number: usize, ring: Arc<KeyRing>) {
        let hash = if Arc::ptr_eq(&ring, &self.first_ring.0) {
            self.first_ring.1
        } else {
            ring_hash(&ring, &self.members.roster)
        };
        let node = &mut self.nodes[number];
        (node.ring, node.ring_hash) = (ring, hash);
    }

    /// A record that a store holds, without a copy.
    pub(crate) fn shared(&self, id: ecomesh_record::RecordId) -> Option<Rc<ecomesh_record::Record>> {
        self.pool.borrow().get(&id).cloned()
    }
}

fn outputs(core: &mut crate::node::SimCore) -> Vec<Output> {
    std::iter::from_fn(|| core.poll_output()).collect()
}

fn belongs_to_all(event: &Event) -> bool {
    use Event::{Calm, Fault, Leap, Leave, Look, WrongClock};
    matches!(event, Fault(_) | Leap | Leave | WrongClock { .. } | Calm | Look)
}

fn tag(event: &Event) -> u8 {
    match event {
        Event::Wake { .. } => 1,
        Event::Committed { .. } => 2,
        Event::Verified { .. } => 3,
        Event::Arrive { parcel, .. } => 32 + parcel.tag(),
        Event::Dialed { .. } => 4,
        Event::DialFailed { .. } => 5,
        Event::Redial { .. } => 6,
        Event::Beat { .. } => 7,
        Event::Client { .. } => 8,
        Event::Start { .. } => 9,
        Event::Fault(_) => 10,
        Event::Misdeed { .. } => 11,
        Event::Calm => 12,
        Event::Look => 13,
        Event::Mail { .. } => 14,
        Event::Leap => 15,
        Event::Leave => 16,
        Event::WrongClock { .. } => 17,
    }
}
