//! The stateful target: bytes become a story of inputs for the core of KE's node, from members with keys that send in
//! order, out of order, twice, contradicting themselves or nonsense; with crashes and full disks in between.
//!
//! After each step: no panic, nothing larger than its bound, every frame that the node sends is one that an honest
//! node takes, no two published records at one place, and nothing forgotten that a client was told.

use std::collections::BTreeMap;

use ecomesh_protocol::hello::{self, Certificate, Hello};
use ecomesh_protocol::io::Draft;
use ecomesh_protocol::ledger::{Ledger, MemoryLedger};
use ecomesh_protocol::limits::{
    HELLO_BYTES_MAX, PARKED_RECORDS_PER_AUTHOR, PUSH_BYTES_MAX, SYNC_FRAME_BYTES_MAX,
};
use ecomesh_protocol::verify::{verify_frontier, verify_record};
use ecomesh_protocol::wire::{answer, ask, encode_push, verify_answer, verify_push, verify_question};
use ecomesh_protocol::{Core, CoreConfig, Identity, Input, MemoryDisk, Now, Output, PeerKey, Room, journal};
use ecomesh_record::limits::HOLES_MAX;
use ecomesh_record::{
    Flags, ForkProof, Frontier, FrontierEntry, Kind, LogId, Position, Priority, Record, RecordId, Retention,
    Time,
};

use super::world::{INSTANCE, MEMBERS, key, log, member, peer, record, signed, storage_key, world};

/// Most steps of one story.
const STEPS_MAX: usize = 64;

/// Reads a story's bytes; zeros behind its end.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// A node and the world around it.
struct Story {
    core: Option<Core<MemoryLedger, MemoryDisk>>,
    now: Now,
    boots: u8,
    counter: u64,
    ticket: u64,
    /// What each log of others has so far.
    logs: BTreeMap<LogId, Vec<Record>>,
    /// What was asked and not answered.
    asked: Vec<(PeerKey, u64)>,
    published: BTreeMap<Position, RecordId>,
    authored: BTreeMap<Position, RecordId>,
}

pub fn core(data: &[u8]) -> bool {
    let mut bytes = Bytes(data);
    let mut story = Story::begin();
    let mut steps = 0;
    while !bytes.0.is_empty() && steps < STEPS_MAX {
        story.step(&mut bytes);
        steps += 1;
    }
    story.settle();
    !story.published.is_empty() && story.logs.values().any(|records| !records.is_empty())
}

impl Story {
    fn begin() -> Self {
        let network = world().network;
        let ledger = MemoryLedger::new(network, INSTANCE);
        let mut disk = MemoryDisk::new();
        journal::create(&mut disk, network, member("KE"), INSTANCE).expect("the memory has room");
        let now = Now { wall: Time(1_800_000_000_000), mono: 1_000 };
        let mut story = Self {
            core: None,
            now,
            boots: 0,
            counter: 0,
            ticket: 0,
            logs: BTreeMap::new(),
            asked: Vec::new(),
            published: BTreeMap::new(),
            authored: BTreeMap::new(),
        };
        story.start(ledger, disk);
        story.say_hello("TZ");
        story.say_hello("ZM");
        story
    }

    fn core(&mut self) -> &mut Core<MemoryLedger, MemoryDisk> {
        self.core.as_mut().expect("the node runs, but for the moment of a crash")
    }

    fn handle(&mut self, input: Input) {
        let now = self.now;
        self.core().handle(input, now);
    }

    fn start(&mut self, ledger: MemoryLedger, disk: MemoryDisk) {
        self.boots = self.boots.wrapping_add(1);
        let config =
            CoreConfig { member: member("KE"), boot_nonce: [self.boots; 16], seed: 7, recovery_ms: 5_000 };
        let identity = Identity {
            signing: key("KE"),
            transport_key: peer("KE"),
            transport_counter: 1,
            storage: storage_key(),
        };
        let core = Core::open(config, identity, world().roster.clone(), ledger, disk, self.now);
        self.core = Some(core.unwrap_or_else(|error| panic!("the node does not start: {error}")));
        self.asked.clear();
    }

    fn say_hello(&mut self, name: &str) {
        let certificate = Certificate { member: member(name), key: peer(name), counter: 1 };
        let hello = Hello { certificate, boot_nonce: [2; 16], instance: [3; 16], roster_epoch: 0 };
        let bytes = hello::encode(world().network, &key(name), &hello, Vec::new());
        self.handle(Input::HelloReceived { peer: peer(name), exchange: 1, bytes });
        self.handle(Input::LinkUp { peer: peer(name) });
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let name = MEMBERS[1 + usize::from(bytes.below(2))];
        match bytes.below(18) {
            0 | 1 => self.write_draft(bytes),
            2..=4 => self.push_next(name, bytes),
            5 => self.push_old(name, bytes),
            6 => self.contradict(name, bytes),
            7 => self.forge_own(bytes),
            8 => self.say_frontier(name, bytes),
            9 => self.ask(name, bytes),
            10 | 11 => self.answer(bytes),
            12 => self.pass_time(bytes),
            13 => self.send_raw(name, bytes),
            14 => self.change_link(name, bytes),
            15 => self.crash(bytes),
            16 => self.fill_disk(bytes),
            _ => self.import(name),
        }
        self.settle();
    }

    fn write_draft(&mut self, bytes: &mut Bytes<'_>) {
        self.ticket += 1;
        let to = [vec![], vec![member("TZ")], vec![member("TZ"), member("ZM")], vec![member("KE")]];
        let draft = Draft {
            kind: Kind([256, 257, 2][usize::from(bytes.below(3))]),
            priority: Priority(bytes.below(4)),
            to: to[usize::from(bytes.below(4))].clone(),
            retention: Retention(bytes.below(8)),
            expires_at: (bytes.below(4) == 0).then_some(Time(1_800_000_001_000)),
            flags: Flags(u16::from(bytes.byte())),
            content: bytes.take(20).to_vec(),
            salt: [bytes.byte(); 32],
            idempotency: (bytes.below(2) == 0).then(|| [bytes.below(4); 32]),
            sealed: None,
        };
        self.handle(Input::Author { ticket: self.ticket, draft: Box::new(draft) });
    }

    /// The next record of a member's log; sometimes written and not sent, so that there is a gap.
    fn push_next(&mut self, name: &str, bytes: &mut Bytes<'_>) {
        let log = log(name, 1 + bytes.below(2), 0);
        let records = self.logs.entry(log).or_default();
        let prev = records.last().map_or(RecordId::ZERO, Record::id);
        let record = record(log.at(records.len() as u64), prev, bytes.take(10).to_vec());
        records.push(record.clone());
        if bytes.below(4) != 0 {
            self.push(name, &[&record]);
        }
    }

    fn push_old(&mut self, name: &str, bytes: &mut Bytes<'_>) {
        let old: Vec<Record> =
            self.logs.iter().filter(|(l, _)| l.author == member(name)).flat_map(|(_, r)| r.clone()).collect();
        let from = usize::from(bytes.byte()) % (old.len() + 1);
        let some: Vec<&Record> = old[from..].iter().take(usize::from(bytes.below(4))).collect();
        if !some.is_empty() {
            self.push(name, &some);
        }
    }

    /// Another record at a place that has one.
    fn contradict(&mut self, name: &str, bytes: &mut Bytes<'_>) {
        let log = log(name, 1, 0);
        let records = self.logs.get(&log).cloned().unwrap_or_default();
        let Some(old) = records.get(usize::from(bytes.byte()) % records.len().max(1)) else { return };
        let other = record(old.position(), old.header().prev, vec![200, bytes.byte()]);
        let side = |r: &Record| (r.hash(), *r.signature());
        match ForkProof::new(old.position(), side(old), side(&other)) {
            Some(proof) if bytes.below(2) == 0 => self.notify(name, &[], &[proof]),
            _ => self.push(name, &[&other]),
        }
    }

    /// A record of KE that this node did not write, as after a restore of an old copy.
    fn forge_own(&mut self, bytes: &mut Bytes<'_>) {
        let generation = u32::from(bytes.below(2));
        let at = log("KE", 1, generation).at(u64::from(bytes.below(4)));
        let prev = if at.seq == 0 { RecordId::ZERO } else { RecordId([bytes.byte(); 32]) };
        let forged = record(at, prev, vec![99]);
        self.push("TZ", &[&forged]);
    }

    fn push(&mut self, name: &str, records: &[&Record]) {
        let Some(bytes) = encode_push(records) else { return };
        let ring = self.core().ring();
        let report = verify_push(&ring, records[0].header().priority.topic(), &bytes);
        self.handle(Input::Pushed { token: 1, from: peer(name), report });
    }

    /// What a member holds by its word: the truth of the node's own heads, or a lie.
    fn say_frontier(&mut self, name: &str, bytes: &mut Bytes<'_>) {
        self.counter += 1;
        let heads = self.core().ledger().heads().expect("the memory can be read");
        let lie = bytes.below(3);
        let mut entries: Vec<FrontierEntry> = heads
            .into_iter()
            .map(|head| FrontierEntry { log: head.log, seq: head.seq + u64::from(lie == 1), head: head.head })
            .collect();
        if lie == 2 {
            let generation = u32::from(bytes.byte()) << (bytes.below(4) * 8);
            entries.push(FrontierEntry { log: log("ZM", 3, generation), seq: 5, head: RecordId([1; 32]) });
        }
        entries.sort_by_key(|entry| entry.log);
        entries.dedup_by_key(|entry| entry.log);
        let frontier = Frontier {
            member: member(name),
            instance: [3; 16],
            counter: self.counter.saturating_sub(u64::from(bytes.below(3))),
            roster_epoch: 0,
            time: self.now.wall,
            complete: bytes.below(2) == 0,
            entries,
            holes: Vec::new(),
            bodiless_lanes: Vec::new(),
        };
        self.notify(name, &[signed(&frontier)], &[]);
    }

    fn notify(&mut self, name: &str, frontiers: &[ecomesh_record::SignedFrontier], forks: &[ForkProof]) {
        frontiers
            .iter()
            .for_each(|f| drop(verify_frontier(&world().ring, f.clone()).expect("signed by a member")));
        self.question(name, &ask::notify(frontiers, forks));
    }

    fn question(&mut self, name: &str, frame: &[u8]) {
        let question = verify_question(&self.core().ring(), frame).map_err(|error| error.to_string());
        self.handle(Input::Asked { peer: peer(name), exchange: 2, question });
    }

    fn ask(&mut self, name: &str, bytes: &mut Bytes<'_>) {
        let at = log(MEMBERS[usize::from(bytes.below(3))], bytes.below(4), 0).at(u64::from(bytes.below(6)));
        let known = self.published.values().next().copied();
        let known = known.unwrap_or_else(|| RecordId([bytes.byte(); 32]));
        let number = u32::from(bytes.byte()) << (bytes.below(4) * 8);
        let frame = match bytes.below(5) {
            0 => ask::exchange([bytes.byte(); 32], &[]),
            1 => ask::page(at.log, at.seq, number),
            2 => ask::slice(known, number, number),
            3 => ask::bodies(&[known, RecordId([bytes.byte(); 32])]),
            _ => ask::header(at),
        };
        self.question(name, &frame);
    }

    /// Answers one of the node's questions, to the point or not.
    fn answer(&mut self, bytes: &mut Bytes<'_>) {
        if self.asked.is_empty() {
            return;
        }
        let (peer, request) = self.asked.swap_remove(usize::from(bytes.byte()) % self.asked.len());
        let all: Vec<Record> = self.logs.values().flatten().cloned().collect();
        let some: Vec<_> =
            all.iter().skip(usize::from(bytes.below(8))).take(8).map(Record::to_frame).collect();
        let one = all.get(usize::from(bytes.byte()) % all.len().max(1));
        let body = one.and_then(Record::body).map(ecomesh_record::Body::encode).unwrap_or_default();
        let number = u32::from(bytes.byte()) << (bytes.below(4) * 8);
        let frame = match bytes.below(8) {
            0 => answer::unavailable(),
            1 => answer::taken(),
            2 => answer::page(&some),
            3 => answer::slice(number, body.len() as u32, &body),
            4 => answer::bodies(&one.map(|r| (r.id(), body)).into_iter().collect::<Vec<_>>()),
            5 => answer::header(one),
            6 => answer::exchange(None, &[]),
            _ => return self.handle(Input::AskFailed { peer, request }),
        };
        let answer = verify_answer(&self.core().ring(), &frame).map_err(|error| error.to_string());
        self.handle(Input::Answered { peer, request, answer });
    }

    fn pass_time(&mut self, bytes: &mut Bytes<'_>) {
        let millis = [10, 1_000, 11_000, 3_600_000][usize::from(bytes.below(4))];
        self.now.mono += millis;
        // The wall clock may stand still, or jump.
        match bytes.below(4) {
            0 => {}
            1 => self.now.wall = Time(self.now.wall.0.saturating_sub(millis)),
            _ => self.now.wall = self.now.wall.after(millis),
        }
        let now = self.now;
        self.core().handle_timeout(now);
    }

    /// Bytes that nobody made with care.
    fn send_raw(&mut self, name: &str, bytes: &mut Bytes<'_>) {
        let kind = bytes.below(5);
        let raw = bytes.take(64).to_vec();
        let ring = self.core().ring();
        match kind {
            0 => {
                let report = verify_push(&ring, 1, &raw);
                self.handle(Input::Pushed { token: 3, from: peer(name), report });
            }
            1 => self.question(name, &raw),
            2 => self.handle(Input::HelloReceived { peer: peer(name), exchange: 3, bytes: raw }),
            3 => self.handle(Input::HelloAnswered { peer: peer("stranger"), bytes: raw }),
            _ => self.handle(Input::Misbehaved { peer: peer(name), reason: "nonsense".into() }),
        }
    }

    fn change_link(&mut self, name: &str, bytes: &mut Bytes<'_>) {
        match bytes.below(4) {
            0 => self.handle(Input::LinkDown { peer: peer(name) }),
            1 => self.handle(Input::LinkUp { peer: peer(name) }),
            2 => self.handle(Input::StrangerReached { peer: peer("stranger") }),
            _ => self.say_hello(name),
        }
    }

    /// The power goes; a part of what was not synced survives.
    fn crash(&mut self, bytes: &mut Bytes<'_>) {
        let core = self.core.take().expect("the node runs");
        let (ledger, mut disk) = core.into_parts();
        disk.crash(usize::from(bytes.byte()));
        match bytes.below(16) {
            // Damage: the node must not go on as if nothing had happened.
            0 => disk.remove(journal::JOURNAL),
            1 => disk.flip(journal::JOURNAL, usize::from(bytes.byte()), bytes.byte()),
            _ => {}
        }
        self.now.mono += 1_000;
        self.now.wall = self.now.wall.after(1_000);
        self.start(ledger, disk);
        self.say_hello("TZ");
        self.say_hello("ZM");
    }

    fn fill_disk(&mut self, bytes: &mut Bytes<'_>) {
        let core = self.core.take().expect("the node runs");
        let (mut ledger, mut disk) = core.into_parts();
        ledger.set_room(
            [Room::None, Room::ControlOnly, Room::Plenty, Room::Plenty][usize::from(bytes.below(4))],
        );
        disk.crash(usize::MAX);
        self.start(ledger, disk);
        self.say_hello("TZ");
    }

    fn import(&mut self, name: &str) {
        self.ticket += 1;
        let ring = self.core().ring();
        let of_member = self.logs.iter().filter(|(log, _)| log.author == member(name));
        let records = of_member.flat_map(|(_, records)| records.clone());
        let records = records.filter_map(|record| verify_record(&ring, record).ok()).collect();
        self.handle(Input::Import { ticket: self.ticket, records, refused: 0 });
    }

    /// Commits, and looks at all that comes out.
    fn settle(&mut self) {
        let now = self.now;
        self.core().commit(now);
        let mut outputs = 0;
        while let Some(output) = self.core().poll_output() {
            outputs += 1;
            self.look_at(output);
        }
        assert!(outputs < 5_000, "{outputs} outputs of one step");
        let status = self.core().status(now);
        assert!(status.parked <= PARKED_RECORDS_PER_AUTHOR * MEMBERS.len());
        assert!(status.holes <= HOLES_MAX + 1);
        let ledger = self.core.as_ref().expect("the node runs").ledger();
        for (position, id) in &self.authored {
            let there = ledger.record(*position).expect("the memory can be read").map(|record| record.id());
            assert_eq!(there, Some(*id), "{position} was acknowledged");
        }
    }

    fn look_at(&mut self, output: Output) {
        let ring = self.core().ring();
        match output {
            Output::Publish { topic, bytes } => {
                assert!(bytes.len() <= PUSH_BYTES_MAX);
                let report = verify_push(&ring, topic, &bytes);
                assert_eq!((report.blame, report.deferred), (None, 0));
                for record in report.records {
                    let (position, id) = (record.record().position(), record.record().id());
                    assert_eq!(position.log.author, member("KE"));
                    let before = self.published.insert(position, id);
                    assert!(before.is_none_or(|before| before == id), "the own log forks at {position}");
                }
            }
            Output::Authored { result: Ok(recorded), .. } => {
                let before = self.authored.insert(recorded.position, recorded.id);
                assert!(before.is_none_or(|before| before == recorded.id), "two records at one place");
            }
            Output::Ask { peer, request, bytes } => {
                assert!(bytes.len() <= SYNC_FRAME_BYTES_MAX + 16);
                assert!(verify_question(&ring, &bytes).is_ok(), "an honest node would blame this question");
                self.asked.push((peer, request));
            }
            Output::Respond { bytes, .. } => {
                assert!(bytes.len() <= SYNC_FRAME_BYTES_MAX + 16);
                assert!(verify_answer(&ring, &bytes).is_ok(), "an honest node would blame this answer");
            }
            Output::SayHello { bytes, .. } | Output::HelloReply { bytes, .. } => {
                assert!(bytes.len() <= HELLO_BYTES_MAX);
            }
            Output::Fatal(reason) => panic!("nothing failed to sync: {reason}"),
            _ => {}
        }
    }
}
