//! A mesh of real cores in one thread: memory ledgers and disks, a virtual clock, and a network that only carries
//! bytes. Frames are encoded, decoded and verified exactly as on the wire.
#![allow(dead_code, unreachable_pub)] // Each test file uses its own part of this module.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use ecomesh_protocol::control::{LogOpen, OpenMode};
use ecomesh_protocol::io::Draft;
use ecomesh_protocol::ledger::{Ledger, MemoryLedger};
use ecomesh_protocol::{
    Alarm, AuthorError, Core, CoreConfig, Identity, Input, MemoryDisk, Now, Output, PeerKey, PushVerdict,
    Recorded, Roster, journal, wire,
};
use ecomesh_record::charter::{FounderSignature, Thresholds};
use ecomesh_record::{
    Audience, Body, Charter, CharterMember, Flags, FoundedCharter, Header, Kind, Lane, MemberId, NetworkId,
    Position, Priority, Record, RecordId, Retention, Time,
};
use ecomesh_seal::{SigningKey, StorageKey};

pub type TestCore = Core<MemoryLedger, MemoryDisk>;

pub fn member(name: &str) -> MemberId {
    MemberId::parse(name).unwrap()
}

pub fn signing_key(name: &str) -> SigningKey {
    let mut seed = [1; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(&seed)
}

/// The key under which each node keeps its own bodies.
pub fn storage_key() -> StorageKey {
    StorageKey::from_bytes(&[3; 32])
}

pub fn transport_key(name: &str) -> PeerKey {
    // The harness asks for them at every step.
    static KEYS: Mutex<BTreeMap<String, PeerKey>> = Mutex::new(BTreeMap::new());
    let mut keys = KEYS.lock().unwrap();
    *keys.entry(name.into()).or_insert_with(|| {
        let mut seed = [2; 32];
        seed[..name.len()].copy_from_slice(name.as_bytes());
        PeerKey(*SigningKey::from_seed(&seed).public().as_bytes())
    })
}

/// A network of these members, signed by all.
pub fn roster(names: &[&str]) -> Roster {
    let mut names = names.to_vec();
    names.sort_unstable();
    let entry = |name: &&str| CharterMember {
        member: member(name),
        role: 0,
        name: format!("NCB {name}"),
        signing_key: *signing_key(name).public().as_bytes(),
        recovery_keys: Vec::new(),
        fallback_prekey: Vec::new().into(),
        transport_key: transport_key(name).0,
        ext: Vec::new(),
    };
    let charter = Charter {
        version: 1,
        suite: 1,
        network: "test".into(),
        drafted_at: Time(1_700_000_000_000),
        thresholds: Thresholds::default(),
        retention: (1..=6).map(|class| (class, Retention(class).days().unwrap())).collect(),
        control_kinds: ecomesh_protocol::control::CONTROL_KINDS.to_vec(),
        members: names.iter().map(entry).collect(),
        ext: Vec::new(),
    };
    let network = charter.network_id().unwrap();
    let sign = |name: &&str| FounderSignature {
        member: member(name),
        signature: *signing_key(name).sign_charter(network).as_bytes(),
    };
    let founded = FoundedCharter {
        charter: charter.encode().unwrap().into(),
        addresses: Vec::new(),
        signatures: names.iter().map(sign).collect(),
    };
    Roster::found(founded).unwrap()
}

pub fn draft(text: &str, to: &[&str]) -> Draft {
    let mut salt = [3; 32];
    let start = text.as_bytes();
    salt[..start.len().min(32)].copy_from_slice(&start[..start.len().min(32)]);
    Draft {
        kind: Kind::MESSAGE,
        priority: Priority::ROUTINE,
        to: to.iter().map(|name| member(name)).collect(),
        retention: Retention::YEARS_5,
        expires_at: None,
        flags: Flags::default(),
        content: text.as_bytes().to_vec(),
        salt,
        idempotency: None,
        sealed: None,
    }
}

/// A record of TZ's messages, before `change`.
pub fn header(network: NetworkId, body: &Body, seq: u64, prev: RecordId) -> Header {
    Header {
        author: member("TZ"),
        lane: Lane::MESSAGES,
        generation: 0,
        seq,
        prev,
        created_at: Time(1_800_000_000_000),
        expires_at: Time(1_800_000_000_000 + 1_000),
        roster_epoch: 0,
        priority: Priority::ROUTINE,
        kind: Kind::MESSAGE,
        retention: Retention::YEARS_5,
        flags: Flags::default(),
        to: vec![member("KE")],
        audience: Audience::Open,
        body_commit: body.commitment(network),
        body_len: body.content().len() as u32,
        ext: Vec::new(),
    }
}

/// Signs a record as `signer`, whoever its header names as author.
pub fn sign(
    network: NetworkId,
    signer: &str,
    seq: u64,
    prev: RecordId,
    change: impl FnOnce(&mut Header),
) -> Record {
    let body = Body::new([seq as u8; 32], format!("content {seq}").into_bytes()).unwrap();
    let mut header = header(network, &body, seq, prev);
    change(&mut header);
    let key = signing_key(signer);
    Record::sign_with(network, header, Some(body), |id| *key.sign_record(network, id).as_bytes()).unwrap()
}

/// A record that opens a generation of TZ with the key of another, before `change`.
pub fn opening(network: NetworkId, generation: u32, base: u32, change: impl FnOnce(&mut Header)) -> Record {
    let open = LogOpen { mode: OpenMode::RESTORE, base, heads: Vec::new() };
    let body = Body::new([1; 32], open.encode().unwrap()).unwrap();
    let mut header = Header {
        lane: Lane::CONTROL,
        generation,
        expires_at: Time(0),
        kind: Kind::LOG_OPEN,
        retention: Retention::CONTROL,
        to: Vec::new(),
        ..header(network, &body, 0, RecordId::ZERO)
    };
    change(&mut header);
    let key = signing_key("TZ");
    Record::sign_with(network, header, Some(body), |id| *key.sign_record(network, id).as_bytes()).unwrap()
}

/// A node: its core, and what came out of it for people.
pub struct Node {
    pub name: String,
    pub core: Option<TestCore>,
    parts: Option<(MemoryLedger, MemoryDisk)>,
    /// Plays a full disk while the node runs.
    pub disk_full: Arc<AtomicBool>,
    pub inbox: VecDeque<(Input, u64)>,
    pub authored: BTreeMap<u64, Result<Recorded, AuthorError>>,
    pub stored: Vec<(RecordId, Result<(), ecomesh_protocol::Void>)>,
    pub delivered: Vec<(RecordId, MemberId)>,
    pub sought: Vec<MemberId>,
    /// Erasures and bodies that were destroyed, in the order in which they were told.
    pub erasures: Vec<RecordId>,
    pub destroyed: Vec<Position>,
    pub alarms: Vec<Alarm>,
    pub fatal: Option<String>,
    pub blocked: Vec<(PeerKey, String)>,
    pub verdicts: Vec<PushVerdict>,
    pub imported: Vec<ecomesh_protocol::io::Imported>,
    /// The key of its journal from the next start on.
    storage: StorageKey,
    boots: u8,
    next_ticket: u64,
}

impl Node {
    pub fn core(&self) -> &TestCore {
        self.core.as_ref().expect("the node runs")
    }

    pub fn core_mut(&mut self) -> &mut TestCore {
        self.core.as_mut().expect("the node runs")
    }

    /// Ids of all records here, in log order.
    pub fn holdings(&self) -> Vec<RecordId> {
        let ledger = self.core().ledger();
        let mut ids = Vec::new();
        for head in ledger.heads().unwrap() {
            for seq in 0..=head.seq {
                ids.push(ledger.record(head.log.at(seq)).unwrap().unwrap().id());
            }
        }
        ids
    }

    pub fn record(&self, id: RecordId) -> Option<Record> {
        let ledger = self.core().ledger();
        let position = ledger.find(id).unwrap()?;
        ledger.record(position).unwrap()
    }
}

fn skewed(now: Now, skew_ms: &BTreeMap<String, i64>, name: &str) -> Now {
    let skew = skew_ms.get(name).copied().unwrap_or(0);
    Now { wall: Time(now.wall.0.saturating_add_signed(skew)), ..now }
}

pub struct Mesh {
    pub roster: Roster,
    pub nodes: BTreeMap<String, Node>,
    pub now: Now,
    /// How far wall clocks are from the right time, in milliseconds.
    pub skew_ms: BTreeMap<String, i64>,
    /// Pairs that cannot talk.
    pub cut: BTreeSet<(String, String)>,
    /// Whether pushes are lost.
    pub lose_pushes: bool,
    linked: BTreeSet<(String, String)>,
    wanted: BTreeSet<(String, String)>,
    exchanges: BTreeMap<u64, (String, u64)>,
    next_exchange: u64,
    next_token: u64,
    pub bytes_carried: usize,
}

impl Mesh {
    /// A network of these members; all run, all are linked.
    pub fn new(names: &[&str]) -> Self {
        let mut mesh = Self::unlinked(names);
        mesh.link_all();
        mesh
    }

    pub fn unlinked(names: &[&str]) -> Self {
        let mut mesh = Self {
            roster: roster(names),
            nodes: BTreeMap::new(),
            now: Now { wall: Time(1_800_000_000_000), mono: 1_000 },
            skew_ms: BTreeMap::new(),
            cut: BTreeSet::new(),
            lose_pushes: false,
            linked: BTreeSet::new(),
            wanted: BTreeSet::new(),
            exchanges: BTreeMap::new(),
            next_exchange: 1,
            next_token: 1,
            bytes_carried: 0,
        };
        for (i, name) in names.iter().enumerate() {
            let network = mesh.network();
            let ledger = MemoryLedger::new(network, [i as u8 + 1; 16]);
            let mut disk = MemoryDisk::new();
            journal::create(&mut disk, network, member(name), [i as u8 + 1; 16]).unwrap();
            mesh.put(name, ledger, disk);
            mesh.start(name);
        }
        mesh
    }

    pub fn network(&self) -> NetworkId {
        self.roster.network()
    }

    fn put(&mut self, name: &str, ledger: MemoryLedger, disk: MemoryDisk) {
        let node = Node {
            name: name.into(),
            core: None,
            disk_full: disk.full_switch(),
            parts: Some((ledger, disk)),
            inbox: VecDeque::new(),
            authored: BTreeMap::new(),
            stored: Vec::new(),
            delivered: Vec::new(),
            sought: Vec::new(),
            erasures: Vec::new(),
            destroyed: Vec::new(),
            alarms: Vec::new(),
            fatal: None,
            blocked: Vec::new(),
            verdicts: Vec::new(),
            imported: Vec::new(),
            storage: storage_key(),
            boots: 0,
            next_ticket: 1,
        };
        self.nodes.insert(name.into(), node);
    }

    /// Starts a stopped node from its ledger and disk.
    pub fn start(&mut self, name: &str) {
        // A start takes its time.
        self.now.mono += 2_000;
        self.now.wall = self.now.wall.after(2_000);
        let roster = self.roster.clone();
        let now = self.now;
        let node = self.nodes.get_mut(name).unwrap();
        let (ledger, disk) = node.parts.take().expect("the node is stopped");
        node.boots += 1;
        node.disk_full = disk.full_switch();
        let config =
            CoreConfig { member: member(name), boot_nonce: [node.boots; 16], seed: 7, recovery_ms: 30_000 };
        let identity = Identity {
            signing: signing_key(name),
            transport_key: transport_key(name),
            transport_counter: 1,
            storage: node.storage.clone(),
        };
        node.core = Some(Core::open(config, identity, roster, ledger, disk, now).unwrap());
    }

    /// Stops a node as a loss of power does; `change` may damage what is left.
    pub fn stop(&mut self, name: &str, change: impl FnOnce(&mut MemoryLedger, &mut MemoryDisk)) {
        for other in self.names() {
            self.unlink(name, &other);
        }
        let node = self.nodes.get_mut(name).unwrap();
        let (mut ledger, mut disk) = node.core.take().expect("the node runs").into_parts();
        disk.crash(0);
        change(&mut ledger, &mut disk);
        node.parts = Some((ledger, disk));
        node.inbox.clear();
    }

    /// Loses power while others may still have its questions: their answers find nobody, as on broken streams.
    pub fn crash_midway(&mut self, name: &str, change: impl FnOnce(&mut MemoryLedger, &mut MemoryDisk)) {
        let exchanges = &self.exchanges;
        let is_mine = |exchange: &u64| exchanges.get(exchange).is_some_and(|(asker, _)| asker == name);
        for node in self.nodes.values_mut() {
            node.inbox.retain(|(input, _)| match input {
                Input::Asked { exchange, .. } | Input::HelloReceived { exchange, .. } => !is_mine(exchange),
                _ => true,
            });
        }
        self.stop(name, change);
    }

    /// Lets each node take one batch: what comes of it is still on its way.
    pub fn run_one_round(&mut self) {
        for name in self.names() {
            self.turn(&name);
        }
    }

    /// Replaces what a stopped node has.
    pub fn replace(&mut self, name: &str, ledger: MemoryLedger, disk: MemoryDisk) {
        self.nodes.get_mut(name).unwrap().parts = Some((ledger, disk));
    }

    /// What a stopped node has.
    pub fn parts(&self, name: &str) -> (MemoryLedger, MemoryDisk) {
        self.nodes[name].parts.clone().expect("the node is stopped")
    }

    pub fn names(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }

    pub fn node(&self, name: &str) -> &Node {
        &self.nodes[name]
    }

    /// Its journal is under another key from the next start on.
    pub fn lose_storage_key(&mut self, name: &str) {
        let node = self.nodes.get_mut(name).unwrap();
        node.storage = StorageKey::from_bytes(&[9; 32]);
    }

    pub fn link_all(&mut self) {
        let names = self.names();
        for a in &names {
            for b in &names {
                if a < b {
                    self.link(a, b);
                }
            }
        }
    }

    /// Both say hello and get a full link, as the shell does.
    pub fn link(&mut self, a: &str, b: &str) {
        if a != b && !self.wanted.contains(&(b.into(), a.into())) {
            self.wanted.insert((a.into(), b.into()));
        }
        let runs = |n: &str| self.nodes[n].core.is_some();
        let is_cut = self.cut.contains(&(a.into(), b.into())) || self.cut.contains(&(b.into(), a.into()));
        if a == b || !runs(a) || !runs(b) || is_cut {
            return;
        }
        self.input(a, Input::StrangerReached { peer: transport_key(b) });
        self.run();
    }

    pub fn unlink(&mut self, a: &str, b: &str) {
        for (one, other) in [(a, b), (b, a)] {
            if self.linked.remove(&(one.into(), other.into())) {
                self.input(one, Input::LinkDown { peer: transport_key(other) });
            }
        }
    }

    /// The link carries nothing more, and nobody has told the two yet: every question fails at once.
    pub fn link_dies_silently(&mut self, a: &str, b: &str) {
        self.linked.remove(&(a.into(), b.into()));
        self.linked.remove(&(b.into(), a.into()));
    }

    /// Cuts two groups off from each other.
    pub fn partition(&mut self, left: &[&str], right: &[&str]) {
        for a in left {
            for b in right {
                self.unlink(a, b);
                self.cut.insert((a.to_string(), b.to_string()));
            }
        }
        self.run();
    }

    pub fn heal(&mut self) {
        self.cut.clear();
        let names = self.names();
        for a in &names {
            for b in &names {
                if a < b && !self.linked.contains(&(a.clone(), b.clone())) {
                    self.link(a, b);
                }
            }
        }
    }

    pub fn input(&mut self, name: &str, input: Input) {
        let now = self.now.mono;
        self.nodes.get_mut(name).unwrap().inbox.push_back((input, now));
    }

    /// Sends, and returns the ticket.
    pub fn send(&mut self, name: &str, draft: Draft) -> u64 {
        let node = self.nodes.get_mut(name).unwrap();
        let ticket = node.next_ticket;
        node.next_ticket += 1;
        self.input(name, Input::Author { ticket, draft: Box::new(draft) });
        ticket
    }

    /// Sends and returns the record's id.
    pub fn sent(&mut self, name: &str, text: &str, to: &[&str]) -> RecordId {
        let ticket = self.send(name, draft(text, to));
        self.run();
        match &self.node(name).authored[&ticket] {
            Ok(recorded) => recorded.id,
            Err(error) => panic!("{name} could not send: {error}"),
        }
    }

    /// Lets everything happen that needs no time.
    pub fn run(&mut self) {
        for _ in 0..10_000 {
            let mut busy = false;
            for name in self.names() {
                busy |= self.turn(&name);
            }
            if !busy {
                return;
            }
        }
        panic!("the mesh does not come to rest");
    }

    /// Lets time pass, in steps of 50 ms.
    pub fn pass(&mut self, millis: u64) {
        let until = self.now.mono + millis;
        while self.now.mono < until {
            self.now.mono += 50;
            self.now.wall = self.now.wall.after(50);
            for node in self.nodes.values_mut() {
                if let Some(core) = &mut node.core {
                    let now = skewed(self.now, &self.skew_ms, &node.name);
                    core.handle_timeout(now);
                    core.commit(now);
                }
            }
            self.run();
            if self.now.mono.is_multiple_of(1_000) {
                self.redial();
            }
        }
    }

    /// All wall clocks jump ahead.
    pub fn jump(&mut self, millis: u64) {
        self.now.wall = self.now.wall.after(millis);
    }

    /// Dials again what was linked once and is not cut, as the shell does for ever.
    fn redial(&mut self) {
        for (a, b) in self.wanted.clone() {
            if !self.linked.contains(&(a.clone(), b.clone())) {
                self.link(&a, &b);
            }
        }
    }

    /// One batch of a node: inputs, outputs, commit, outputs.
    fn turn(&mut self, name: &str) -> bool {
        let now = skewed(self.now, &self.skew_ms, name);
        let node = self.nodes.get_mut(name).unwrap();
        let Some(core) = &mut node.core else {
            node.inbox.clear();
            return false;
        };
        let inputs: Vec<Input> = node.inbox.drain(..).map(|(input, _)| input).collect();
        let mut outputs = Vec::new();
        let had_inputs = !inputs.is_empty();
        for input in inputs {
            core.handle(input, now);
        }
        if had_inputs {
            core.commit(now);
        }
        while let Some(output) = core.poll_output() {
            outputs.push(output);
        }
        let busy = had_inputs || !outputs.is_empty();
        for output in outputs {
            self.effect(name, output);
        }
        busy
    }

    fn name_of(&self, peer: PeerKey) -> Option<String> {
        self.nodes.keys().find(|name| transport_key(name) == peer).cloned()
    }

    fn can_talk(&self, a: &str, b: &str) -> bool {
        self.linked.contains(&(a.into(), b.into())) && self.nodes[b].core.is_some()
    }

    fn establish(&mut self, a: &str, b: &str) {
        for (one, other) in [(a, b), (b, a)] {
            if self.linked.insert((one.into(), other.into())) {
                self.input(one, Input::LinkUp { peer: transport_key(other) });
            }
        }
    }

    fn effect(&mut self, name: &str, output: Output) {
        let me = transport_key(name);
        match output {
            Output::SayHello { peer, bytes } => {
                let Some(other) = self.name_of(peer) else { return };
                let exchange = self.exchange(name, 0);
                self.input(&other, Input::HelloReceived { peer: me, exchange, bytes });
            }
            Output::HelloReply { exchange, bytes, .. } => {
                let (asker, _) = self.exchanges.remove(&exchange).unwrap();
                self.input(&asker, Input::HelloAnswered { peer: me, bytes });
            }
            Output::Admit { peer, .. } => {
                if let Some(other) = self.name_of(peer) {
                    self.establish(name, &other);
                }
            }
            Output::Reset { peer } | Output::Forget { peer } => {
                if let Some(other) = self.name_of(peer) {
                    self.unlink(name, &other);
                }
            }
            Output::Block { peer, reason, .. } => {
                if let Some(other) = self.name_of(peer) {
                    self.unlink(name, &other);
                }
                self.nodes.get_mut(name).unwrap().blocked.push((peer, reason));
            }
            Output::Publish { topic, bytes } => self.push(name, topic, &bytes),
            Output::Verdict { verdict, .. } => self.nodes.get_mut(name).unwrap().verdicts.push(verdict),
            Output::Ask { peer, request, bytes } => self.ask(name, peer, request, &bytes),
            Output::Respond { exchange, bytes } => self.respond(name, exchange, &bytes),
            Output::Seek { members } => self.nodes.get_mut(name).unwrap().sought = members,
            Output::Keys(_) | Output::Filled { .. } | Output::Forked(_) => {}
            Output::Authored { ticket, result } => {
                self.nodes.get_mut(name).unwrap().authored.insert(ticket, result);
            }
            Output::Imported { result, .. } => {
                self.nodes.get_mut(name).unwrap().imported.push(result.unwrap());
            }
            Output::Stored { record, verdict, .. } => {
                self.nodes.get_mut(name).unwrap().stored.push((record.record().id(), verdict));
            }
            Output::Delivered { id, member, .. } => {
                self.nodes.get_mut(name).unwrap().delivered.push((id, member));
            }
            Output::Alarm(alarm) => self.nodes.get_mut(name).unwrap().alarms.push(alarm),
            Output::Erased { record, .. } => {
                self.nodes.get_mut(name).unwrap().erasures.push(record.record().id());
            }
            Output::Destroyed { position } => self.nodes.get_mut(name).unwrap().destroyed.push(position),
            Output::Fatal(reason) => self.nodes.get_mut(name).unwrap().fatal = Some(reason),
        }
    }

    fn exchange(&mut self, asker: &str, request: u64) -> u64 {
        let exchange = self.next_exchange;
        self.next_exchange += 1;
        self.exchanges.insert(exchange, (asker.into(), request));
        exchange
    }

    /// Every linked peer gets the message: a gossip of one hop.
    pub fn push(&mut self, name: &str, topic: u8, bytes: &[u8]) {
        if self.lose_pushes {
            return;
        }
        for other in self.names() {
            if self.can_talk(name, &other) {
                let ring = self.nodes[&other].core().ring();
                let report = wire::verify_push(&ring, topic, bytes);
                let token = self.next_token;
                self.next_token += 1;
                self.bytes_carried += bytes.len();
                self.input(&other, Input::Pushed { token, from: transport_key(name), report });
            }
        }
    }

    fn ask(&mut self, name: &str, peer: PeerKey, request: u64, bytes: &[u8]) {
        let other = self.name_of(peer).unwrap();
        if !self.can_talk(name, &other) {
            return self.input(name, Input::AskFailed { peer, request });
        }
        self.bytes_carried += bytes.len();
        let question =
            wire::verify_question(&self.nodes[&other].core().ring(), bytes).map_err(|e| e.to_string());
        let exchange = self.exchange(name, request);
        self.input(&other, Input::Asked { peer: transport_key(name), exchange, question });
    }

    fn respond(&mut self, name: &str, exchange: u64, bytes: &[u8]) {
        // A test may ask without waiting for the answer.
        let Some((asker, request)) = self.exchanges.remove(&exchange) else { return };
        if self.nodes[&asker].core.is_none() {
            return;
        }
        self.bytes_carried += bytes.len();
        let answer = wire::verify_answer(&self.nodes[&asker].core().ring(), bytes).map_err(|e| e.to_string());
        self.input(&asker, Input::Answered { peer: transport_key(name), request, answer });
    }

    /// All running nodes hold the same.
    pub fn assert_equal(&self) {
        let mut all = self.nodes.values().filter(|n| n.core.is_some());
        let first = all.next().unwrap();
        for other in all {
            assert_eq!(first.holdings(), other.holdings(), "{} and {}", first.name, other.name);
        }
    }

    /// Who has proved to hold an own record of `name`.
    pub fn delivered_to(&self, name: &str, id: RecordId) -> Vec<String> {
        let core = self.node(name).core();
        let position: Position = core.ledger().find(id).unwrap().unwrap();
        let delivery = core.delivery(position).unwrap();
        let done = delivery.delivered.iter().filter(|(_, at)| at.is_some());
        done.map(|(member, _)| member.to_string()).collect()
    }
}
