//! One simulated node: the real core, a simulated home, and the shell around them as `ecomesh-node` has it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use ecomesh_protocol::{Core, Input, KeyRing, Now, Output, journal};
use ecomesh_record::{LogId, MemberId, NetworkId, RecordId, Time};

use crate::disk::SimDisk;
use crate::erasures::Erased;
use crate::fuse::Fuse;
use crate::gossip::{Gossip, MessageId};
use crate::hostile::Vice;
use crate::ledger::{Pool, SimLedger};
use crate::mail::{Desk, Vault};
use crate::members::storage_key;
use crate::network::ConnId;
use crate::pace::Pace;
use crate::pool::RingHash;
use crate::register::Register;

/// The core as the simulator runs it.
pub(crate) type SimCore = Core<SimLedger, SimDisk>;

/// Inputs of one batch, as a node's default.
pub(crate) const BATCH_INPUTS: usize = 256;
/// Inputs that wait, as a node's default.
pub(crate) const INBOX_MAX: usize = 1024;
/// Unasked jobs that wait in the verify pool, as a node's default.
pub(crate) const POOL_MAX: usize = 1024;
/// The simulation begins at 2026-11-01.
pub(crate) const WALL_BEGIN: u64 = 1_793_491_200_000;

/// Where a dialled address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialState {
    /// To be dialled at this time.
    Due(u64),
    /// Being dialled or greeted.
    Busy,
    /// Its peer has a link.
    Linked,
}

/// One address that is dialled for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial {
    pub(crate) state: DialState,
    pub(crate) attempt: u32,
    /// Its place among those that are due at the same time.
    pub(crate) order: u64,
}

/// A question that waits for its answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) to: usize,
    pub(crate) conn: ConnId,
    /// The log of which it asks a page.
    pub(crate) page: Option<LogId>,
}

/// A question of a peer that waits for the core, or a hello.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) conn: ConnId,
    pub(crate) request: u64,
    /// It asks for records: a withholding member does not answer it.
    pub(crate) asks_records: bool,
}

/// One node.
pub(crate) struct Node {
    pub(crate) number: usize,
    pub(crate) member: MemberId,
    pub(crate) core: Option<SimCore>,
    pub(crate) ledger: SimLedger,
    pub(crate) disk: SimDisk,
    pub(crate) fuse: Rc<RefCell<Fuse>>,
    pub(crate) vices: Vec<Vice>,
    /// Starts so far; what belongs to an earlier one is stale.
    pub(crate) boot: u32,
    booted_at: u64,
    pub(crate) clock_ms: i64,
    /// How far its clock has leapt with all others, in milliseconds: so many days have passed.
    pub(crate) leapt_ms: u64,
    /// What it keeps for its sealed mail.
    pub(crate) vault: Vault,
    /// What this process has read of its sealed mail.
    pub(crate) desk: Desk,
    /// What this process makes of notices and entries.
    pub(crate) register: Register,
    /// What this process knows to be erased.
    pub(crate) erased: Erased,
    /// The latest time that its clock has shown when it jumped.
    pub(crate) latest_wall: Time,
    pub(crate) paused_until: u64,
    /// It stays down until somebody starts it.
    pub(crate) instances: u32,

    pub(crate) inbox: VecDeque<Input>,
    /// Effects that happen once the running commit is done.
    pub(crate) committing: Option<Vec<Output>>,
    pub(crate) wake_at: Option<u64>,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) ring_hash: RingHash,
    pub(crate) jobs: usize,
    pub(crate) pace: Pace,

    /// Records that came before their predecessors, when it was last looked.
    pub(crate) early: BTreeSet<RecordId>,

    pub(crate) gossip: Gossip,
    pub(crate) open: BTreeMap<usize, ConnId>,
    pub(crate) conns: BTreeSet<ConnId>,
    pub(crate) dials: BTreeMap<usize, Dial>,
    /// With whom it wants a link even beyond those that it needs.
    pub(crate) sought: Vec<usize>,
    pub(crate) explores_at: u64,
    pub(crate) blocked: BTreeMap<usize, u64>,
    pub(crate) reached: BTreeMap<usize, VecDeque<ConnId>>,
    pub(crate) answered: BTreeMap<usize, VecDeque<ConnId>>,
    pub(crate) exchanges: BTreeMap<u64, Exchange>,
    pub(crate) requests: BTreeMap<u64, Request>,
    pub(crate) pushes: BTreeMap<u64, (MessageId, u64)>,
    /// Highest push token that has its verdict.
    pub(crate) last_token: u64,
    pub(crate) next_number: u64,
    pub(crate) fatal: Option<String>,
    /// A failed sync was injected: the next fatal end is as it should be.
    pub(crate) may_fail: bool,
}

impl Node {
    /// A home that has just joined the network.
    pub(crate) fn join(
        number: usize,
        member: MemberId,
        network: NetworkId,
        pool: Pool,
        ring: (Arc<KeyRing>, RingHash),
    ) -> Self {
        let fuse = Rc::new(RefCell::new(Fuse::default()));
        let instance = instance_of(number, 0);
        let ledger = SimLedger::new(network, instance, fuse.clone(), pool);
        let mut disk = SimDisk::new(fuse.clone());
        let created = journal::create(&mut disk, network, member, instance);
        created.expect("a new disk without any fault takes its first file");
        Self {
            number,
            member,
            core: None,
            ledger,
            disk,
            fuse,
            vices: Vec::new(),
            boot: 0,
            booted_at: 0,
            clock_ms: 0,
            leapt_ms: 0,
            vault: Vault::default(),
            desk: Desk::default(),
            register: Register::default(),
            erased: Erased::new(),
            latest_wall: Time(0),
            paused_until: 0,
            instances: 1,
            inbox: VecDeque::new(),
            committing: None,
            wake_at: None,
            ring: ring.0,
            ring_hash: ring.1,
            jobs: 0,
            pace: Pace::default(),
            early: BTreeSet::new(),
            gossip: Gossip::default(),
            open: BTreeMap::new(),
            conns: BTreeSet::new(),
            dials: BTreeMap::new(),
            sought: Vec::new(),
            explores_at: 0,
            blocked: BTreeMap::new(),
            reached: BTreeMap::new(),
            answered: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            requests: BTreeMap::new(),
            pushes: BTreeMap::new(),
            last_token: 0,
            next_number: 1,
            fatal: None,
            may_fail: false,
        }
    }

    /// Whether it keeps the rules.
    pub(crate) fn is_honest(&self) -> bool {
        self.vices.is_empty()
    }

    /// Whether it does this.
    pub(crate) fn has(&self, vice: Vice) -> bool {
        self.vices.contains(&vice)
    }

    /// The two clocks of this node at a moment of the world, given in microseconds.
    pub(crate) fn now(&self, world: u64) -> Now {
        let wall = (WALL_BEGIN + self.leapt_ms + world / 1_000).saturating_add_signed(self.clock_ms);
        Now { wall: Time(wall), mono: (world - self.booted_at) / 1_000 }
    }

    /// The moment of the world, in microseconds, at which the node's monotonic clock shows this.
    pub(crate) fn world_time(&self, mono: u64) -> u64 {
        self.booted_at.saturating_add(mono.saturating_mul(1_000))
    }

    /// A number for exchanges and pushes.
    pub(crate) fn number_next(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// A new process begins: nothing of the last one's memory is left.
    pub(crate) fn begin(&mut self, now: u64, ring: Arc<KeyRing>, ring_hash: RingHash) {
        self.boot += 1;
        self.booted_at = now;
        self.forget();
        self.ring = ring;
        self.ring_hash = ring_hash;
    }

    /// The process is gone, and its memory with it.
    pub(crate) fn forget(&mut self) {
        self.core = None;
        self.inbox.clear();
        self.committing = None;
        self.wake_at = None;
        self.jobs = 0;
        self.early.clear();
        self.gossip = Gossip::default();
        self.open.clear();
        self.conns.clear();
        self.dials.clear();
        self.sought.clear();
        self.blocked.clear();
        self.reached.clear();
        self.answered.clear();
        self.exchanges.clear();
        self.requests.clear();
        self.pushes.clear();
        self.last_token = 0;
        self.erased.clear();
        self.desk = Desk::default();
        self.register = Register::default();
        self.fatal = None;
        self.may_fail = false;
    }

    /// Own records that the journal on the disk holds, if it can be read.
    pub(crate) fn journaled(&self, network: NetworkId) -> Vec<ecomesh_record::Record> {
        let Some(bytes) = self.disk.content(journal::JOURNAL) else { return Vec::new() };
        let content = journal::read(network, self.member, &storage_key(self.number), &bytes);
        content.map(|content| content.entries.into_iter().map(|e| e.record).collect()).unwrap_or_default()
    }
}

/// Instance ids are all different.
pub(crate) fn instance_of(number: usize, count: u32) -> [u8; 16] {
    let mut instance = [1; 16];
    instance[..8].copy_from_slice(&(number as u64).to_be_bytes());
    instance[8..12].copy_from_slice(&count.to_be_bytes());
    instance
}
