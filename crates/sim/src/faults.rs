//! What breaks: links, processes, power, clocks, disks. And the starts after it.

use ecomesh_protocol::evidence::EVIDENCE;
use ecomesh_protocol::journal::JOURNAL;
use ecomesh_protocol::{Core, CoreConfig, Identity, Room};
use ecomesh_record::Position;

use crate::coverage::Mark;
use crate::disk::SimDisk;
use crate::fuse::Failure;
use crate::ledger::SimLedger;
use crate::members::{signing_key, storage_key};
use crate::network::Parcel;
use crate::node::instance_of;
use crate::scenario::{DiskFault, PartitionKind};
use crate::world::{Event, MS, World};

/// A loss of power that waits for a commit happens after this in any case.
const PATIENCE_US: u64 = 3_000 * MS;
/// A process that ended is started again after this, at most.
const RESTART_US: u64 = 3_000 * MS;
/// Writes of one start or commit: a cut is drawn among them.
const CUT_WRITES: u64 = 5;

/// Something that breaks or is mended.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A partition of a random kind.
    Partition,
    /// The two halves of a planned split.
    Split,
    /// These ordered pairs reach each other again.
    Mend(Vec<(usize, usize)>),
    /// A flapping link changes, so many times more.
    Flap(Vec<(usize, usize)>, u32),
    /// A link stands still.
    Clog,
    /// A node crashes.
    Crash,
    /// The power goes, if no commit of this process has met the cut.
    PowerCut { node: usize, boot: u32 },
    /// A node stands still.
    Pause,
    /// A clock jumps.
    Clock,
    /// A disk fails.
    Disk,
    /// A full disk has space again.
    Space { node: usize },
}

impl World {
    /// The first fault of every kind.
    pub(crate) fn plan_faults(&mut self) {
        for (gap, fault) in self.gaps() {
            self.plan_next(gap, fault);
        }
        let partitions = &self.scenario.partitions;
        if partitions.split_at_ms > 0 {
            let at = partitions.split_at_ms * MS;
            self.at(at, Event::Fault(Fault::Split));
        }
    }

    fn gaps(&self) -> [(u64, Fault); 6] {
        let plan = &self.scenario;
        [
            (plan.partitions.gap_ms, Fault::Partition),
            (plan.network.clog_gap_ms, Fault::Clog),
            (plan.crashes.gap_ms, Fault::Crash),
            (plan.pauses.gap_ms, Fault::Pause),
            (plan.clocks.gap_ms, Fault::Clock),
            (plan.disks.gap_ms, Fault::Disk),
        ]
    }

    fn plan_next(&mut self, gap_ms: u64, fault: Fault) {
        if gap_ms > 0 && !self.calm {
            let wait = self.fault_rng.wait(gap_ms * MS);
            self.after(wait, Event::Fault(fault));
        }
    }

    /// Something breaks or is mended.
    pub(crate) fn fault(&mut self, fault: Fault) {
        if self.calm {
            return;
        }
        let plan = self.scenario.clone();
        match fault {
            Fault::Partition => {
                self.partition();
                self.plan_next(plan.partitions.gap_ms, Fault::Partition);
            }
            Fault::Split => self.split(),
            Fault::Mend(pairs) => self.mend(&pairs),
            Fault::Flap(pairs, left) => self.flap(pairs, left),
            Fault::Clog => {
                if self.network.clog(&mut self.fault_rng, self.now) {
                    self.coverage.mark(Mark::Clogged);
                }
                self.plan_next(plan.network.clog_gap_ms, Fault::Clog);
            }
            Fault::Crash => {
                self.crash();
                self.plan_next(plan.crashes.gap_ms, Fault::Crash);
            }
            Fault::PowerCut { node, boot } => {
                if self.nodes[node].boot == boot && self.nodes[node].core.is_some() {
                    self.lose_power(node);
                }
            }
            Fault::Pause => {
                self.pause();
                self.plan_next(plan.pauses.gap_ms, Fault::Pause);
            }
            Fault::Clock => {
                self.jump();
                self.plan_next(plan.clocks.gap_ms, Fault::Clock);
            }
            Fault::Disk => {
                self.fail_disk();
                self.plan_next(plan.disks.gap_ms, Fault::Disk);
            }
            Fault::Space { node } => self.make_room(node),
        }
    }

    /// Everything is mended.
    pub(crate) fn end_faults(&mut self) {
        self.network.calm = true;
        let released = self.network.mend_all();
        self.resend(released);
        for node in 0..self.nodes.len() {
            self.make_room(node);
            self.nodes[node].fuse.borrow_mut().renew();
            if self.nodes[node].paused_until > self.now {
                self.nodes[node].paused_until = self.now;
            }
            if self.nodes[node].core.is_none() {
                self.at(self.now, Event::Start { node });
            }
        }
    }

    fn some_node(&mut self) -> usize {
        self.fault_rng.index(self.nodes.len())
    }

    fn partition(&mut self) {
        let Some(kind) = self.fault_rng.pick(&self.scenario.partitions.kinds).copied() else { return };
        let groups = if kind == PartitionKind::Three { 3 } else { 2 };
        let mut side: Vec<usize> = (0..self.nodes.len()).map(|_| self.fault_rng.index(groups)).collect();
        if matches!(kind, PartitionKind::Alone | PartitionKind::Flapping) {
            side.fill(0);
            let alone = self.some_node();
            side[alone] = 1;
        }
        let parted = |(a, b): &(usize, usize)| match kind {
            PartitionKind::OneWay => side[*a] < side[*b],
            _ => side[*a] != side[*b],
        };
        let count = side.len();
        let all = (0..count).flat_map(|a| (0..count).map(move |b| (a, b)));
        let mut pairs: Vec<(usize, usize)> = all.filter(parted).collect();
        if kind == PartitionKind::Flapping {
            let (a, b) = pairs.get(self.fault_rng.index(pairs.len())).copied().unwrap_or((0, 1));
            pairs = vec![(a, b), (b, a)];
            return self.flap(pairs, 12);
        }
        self.coverage.mark(if kind == PartitionKind::OneWay { Mark::OneWay } else { Mark::Partitioned });
        self.tell(&format!("a partition: {kind:?} {side:?}"));
        self.network.cut(&pairs);
        let last = self.fault_rng.range(self.scenario.partitions.last_ms) * MS;
        self.after(last, Event::Fault(Fault::Mend(pairs)));
    }

    fn split(&mut self) {
        let count = self.nodes.len();
        let all = (0..count).flat_map(|a| (0..count).map(move |b| (a, b)));
        let pairs: Vec<(usize, usize)> = all.filter(|(a, b)| a % 2 != b % 2).collect();
        self.network.cut(&pairs);
        self.coverage.mark(Mark::Partitioned);
        self.tell("the mesh is split into two halves");
        let heal = self.scenario.partitions.heal_at_ms * MS;
        self.at(heal, Event::Fault(Fault::Mend(pairs)));
    }

    fn mend(&mut self, pairs: &[(usize, usize)]) {
        self.tell("a partition heals");
        let released = self.network.mend(pairs);
        self.resend(released);
        if self.scenario.partitions.heal_at_ms * MS == self.now {
            self.note_heal();
        }
    }

    /// A flapping link: cut on even counts, mended on odd ones.
    fn flap(&mut self, pairs: Vec<(usize, usize)>, left: u32) {
        if left.is_multiple_of(2) {
            self.coverage.mark(Mark::Flapped);
            self.network.cut(&pairs);
        } else {
            let released = self.network.mend(&pairs);
            self.resend(released);
        }
        if left > 1 || left.is_multiple_of(2) {
            let wait = self.fault_rng.range([50, 1_500]) * MS;
            self.after(wait, Event::Fault(Fault::Flap(pairs, left.saturating_sub(1))));
        }
    }

    fn crash(&mut self) {
        let node = self.some_node();
        if self.nodes[node].core.is_none() || self.nodes[node].paused_until > self.now {
            return;
        }
        let plan = self.scenario.crashes.clone();
        if !self.fault_rng.percent(plan.power_percent) {
            return self.kill(node);
        }
        if !self.fault_rng.percent(plan.in_commit_percent) {
            return self.lose_power(node);
        }
        let writes = self.fault_rng.below(CUT_WRITES);
        self.nodes[node].fuse.borrow_mut().set(writes, Failure::Power);
        let boot = self.nodes[node].boot;
        self.after(PATIENCE_US, Event::Fault(Fault::PowerCut { node, boot }));
    }

    /// A process is killed: the kernel ends its connections, and what was written stays.
    fn kill(&mut self, number: usize) {
        self.coverage.mark(Mark::Killed);
        self.tell(&format!("{} is killed", self.name(number)));
        self.take_down(number, false);
        let down = self.fault_rng.range(self.scenario.crashes.down_ms) * MS;
        self.after(down, Event::Start { node: number });
    }

    /// The power goes: the peers hear nothing, and of what was not synced some is lost.
    pub(crate) fn lose_power(&mut self, number: usize) {
        self.coverage.mark(Mark::PowerLost);
        self.tell(&format!("{} loses power", self.name(number)));
        self.take_down(number, true);
        let down = self.fault_rng.range(self.scenario.crashes.down_ms) * MS;
        self.after(down, Event::Start { node: number });
    }

    /// A node ended itself: a failed sync is the one reason for that.
    pub(crate) fn ended(&mut self, number: usize, reason: &str) {
        self.tell(&format!("{} ends: {reason}", self.name(number)));
        if self.nodes[number].may_fail {
            self.coverage.mark(Mark::SyncFailed);
        } else if self.nodes[number].is_honest() {
            self.checks.fail("I9", format!("{} ended for no reason: {reason}", self.name(number)));
        }
        self.take_down(number, true);
        let down = self.fault_rng.below(RESTART_US);
        self.after(down, Event::Start { node: number });
    }

    pub(crate) fn take_down(&mut self, number: usize, power: bool) {
        for id in self.nodes[number].conns.clone() {
            let Some(side) = self.network.side_of(id, number) else { continue };
            if !power {
                self.send(id, side, Parcel::End);
            }
            if let Some(end) = self.network.end(id, side) {
                end.stage = crate::network::Stage::Closed;
            }
            self.network.sweep(id);
        }
        self.nodes[number].forget();
        self.clients[number].hang_up();
        if power {
            if self.nodes[number].disk.crash(&mut self.fault_rng) {
                self.coverage.mark(Mark::TornTail);
            }
            self.nodes[number].ledger.crash();
        }
        self.check_durable(number);
    }

    /// A node starts from what is on its disk.
    pub(crate) fn start(&mut self, number: usize) {
        if self.nodes[number].core.is_some() {
            return;
        }
        self.break_home(number);
        let cut = !self.calm
            && self.nodes[number].boot > 0
            && self.scenario.crashes.gap_ms > 0
            && self.fault_rng.percent(self.scenario.crashes.in_start_percent);
        self.nodes[number].fuse.borrow_mut().renew();
        if cut {
            let writes = self.fault_rng.below(CUT_WRITES - 2);
            self.nodes[number].fuse.borrow_mut().set(writes, Failure::Power);
        }
        let (ring, hash) = self.first_ring.clone();
        self.nodes[number].begin(self.now, ring, hash);
        let node = &self.nodes[number];
        let config = CoreConfig {
            member: node.member,
            boot_nonce: self.work_rng.bytes(),
            seed: self.work_rng.bits(),
            recovery_ms: self.scenario.work.recovery_ms,
        };
        let identity = Identity {
            signing: signing_key(number),
            transport_key: self.members.peers[number],
            transport_counter: 1,
            storage: storage_key(number),
        };
        let (ledger, disk) = (node.ledger.clone(), node.disk.clone());
        let opened =
            Core::open(config, identity, self.members.roster.clone(), ledger, disk, node.now(self.now));
        let is_dead = self.nodes[number].fuse.borrow().is_dead();
        match opened {
            Ok(core) if !is_dead => self.started(number, core),
            _ => self.start_failed(number, is_dead),
        }
    }

    fn started(&mut self, number: usize, core: crate::node::SimCore) {
        self.nodes[number].fuse.borrow_mut().renew();
        let ring = core.ring();
        self.nodes[number].core = Some(core);
        self.set_ring(number, ring);
        if self.nodes[number].boot > 1 {
            self.tell(&format!("{} starts", self.name(number)));
        }
        self.check_durable(number);
        self.open_desk(number);
        self.open_register(number);
        self.choose_addresses(number);
        let boot = self.nodes[number].boot;
        let phase = self.work_rng.below(1_000 * MS);
        self.after(phase, Event::Beat { node: number, boot });
        self.redial(number);
        self.wake_soon(number);
    }

    /// A disk that is full or fails at the start, or another loss of power: it is tried again.
    fn start_failed(&mut self, number: usize, is_dead: bool) {
        self.nodes[number].forget();
        if is_dead {
            self.coverage.mark(Mark::CrashInStart);
            self.tell(&format!("{} loses power while it starts", self.name(number)));
            self.nodes[number].disk.crash(&mut self.fault_rng);
        } else {
            self.coverage.mark(Mark::DiskFailed);
        }
        self.check_durable(number);
        self.after(1_000 * MS, Event::Start { node: number });
    }

    fn pause(&mut self) {
        let node = self.some_node();
        let last = self.fault_rng.range(self.scenario.pauses.last_ms) * MS;
        if self.nodes[node].core.is_some() {
            self.coverage.mark(Mark::Paused);
            self.tell(&format!("{} stands still for {} ms", self.name(node), last / MS));
            self.nodes[node].paused_until = self.now + last;
        }
    }

    /// A jump of one second, ten, a hundred, and so on up to the furthest.
    fn jump(&mut self) {
        let node = self.some_node();
        let furthest = self.scenario.clocks.jump_s.max(1);
        let magnitude = self.fault_rng.below(u64::from(furthest.ilog10()) + 1);
        let most = 10u64.saturating_pow(u32::try_from(magnitude + 1).unwrap_or(1)).min(furthest);
        let seconds = i64::try_from(1 + self.fault_rng.below(most)).unwrap_or(1);
        let jump = if self.fault_rng.percent(50) { seconds } else { -seconds };
        self.coverage.mark(Mark::ClockJumped);
        self.tell(&format!("the clock of {} jumps by {jump} s", self.name(node)));
        let clock = &mut self.nodes[node].clock_ms;
        // A clock is corrected as often as it goes wrong.
        *clock = if *clock == 0 { jump * 1_000 } else { 0 };
        let latest = self.nodes[node].now(self.now).wall;
        let seen = &mut self.nodes[node].latest_wall;
        *seen = latest.max(*seen);
    }

    fn fail_disk(&mut self) {
        let Some(kind) = self.fault_rng.pick(&self.scenario.disks.kinds).copied() else { return };
        let node = self.some_node();
        if self.nodes[node].core.is_none() || self.nodes[node].paused_until > self.now {
            return;
        }
        self.tell(&format!("the disk of {}: {kind:?}", self.name(node)));
        match kind {
            DiskFault::Full | DiskFault::ControlOnly => {
                let room = if kind == DiskFault::Full { Room::None } else { Room::ControlOnly };
                self.nodes[node].ledger.set_room(room);
                self.nodes[node].disk.set_full(room == Room::None);
                let last = self.fault_rng.range(self.scenario.disks.full_ms) * MS;
                self.after(last, Event::Fault(Fault::Space { node }));
            }
            DiskFault::Io | DiskFault::Sync => {
                let failure = if kind == DiskFault::Io { Failure::Io } else { Failure::Sync };
                let writes = self.fault_rng.below(CUT_WRITES);
                self.nodes[node].fuse.borrow_mut().set(writes, failure);
            }
            _ => {
                self.kill(node);
                self.damage(node, kind);
            }
        }
    }

    /// What is found damaged or missing at the next start.
    fn damage(&mut self, node: usize, kind: DiskFault) {
        let flips = self.fault_rng.percent(50);
        let mut harm = |disk: &SimDisk, name: &str| {
            if flips { disk.flip(name, &mut self.fault_rng) } else { disk.remove(name) }
        };
        match kind {
            DiskFault::Evidence if harm(&self.nodes[node].disk, EVIDENCE) => {
                self.coverage.mark(Mark::EvidenceLost);
            }
            DiskFault::Journal if harm(&self.nodes[node].disk, JOURNAL) => {
                self.coverage.mark(Mark::JournalLost);
                self.after_loss(node, |_| {});
            }
            DiskFault::Body => self.lose_bodies(node),
            DiskFault::Vault => self.lose_vault(node),
            DiskFault::Store => {
                self.coverage.mark(Mark::StoreLost);
                self.after_loss(node, |world| world.lose_store(node));
            }
            DiskFault::Home => {
                self.coverage.mark(Mark::StoreLost);
                self.lose_vault(node);
                self.after_loss(node, |world| {
                    world.nodes[node].disk = SimDisk::new(world.nodes[node].fuse.clone());
                    world.lose_store(node);
                });
            }
            _ => {}
        }
    }

    fn lose_store(&mut self, node: usize) {
        let network = self.members.roster.network();
        let this = &mut self.nodes[node];
        let instance = instance_of(node, this.instances);
        this.instances += 1;
        this.ledger = SimLedger::new(network, instance, this.fuse.clone(), self.pool.clone());
    }

    /// Bodies that enough others hold: what nobody else has is the journal's matter.
    fn lose_bodies(&mut self, node: usize) {
        let places = self.nodes[node].ledger.places();
        let places: Vec<(Position, _)> = places.into_iter().collect();
        for _ in 0..3 {
            let Some((position, id)) = self.fault_rng.pick(&places).copied() else { return };
            let others = self.nodes.iter().filter(|other| other.number != node && other.is_honest());
            let holders = others.filter(|other| other.ledger.holds(position, id)).count();
            if holders >= 2 {
                self.nodes[node].ledger.lose_body(position);
            }
        }
    }

    fn make_room(&mut self, node: usize) {
        self.nodes[node].ledger.set_room(Room::Plenty);
        self.nodes[node].disk.set_full(false);
    }
}
