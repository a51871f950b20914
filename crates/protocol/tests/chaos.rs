//! Chaos: seeded random stories in which everything that may happen to honest nodes happens, and what must hold once
//! it is over.
//!
//! Four members write while nodes lose power, are cut off, run out of space, lose all pushes, or come back from an old
//! backup. Then all is healed, and the mesh must agree on everything that was acknowledged. `CHAOS_SEED=7` runs one
//! seed, `CHAOS_SEED=100..200` a range.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions unwrap as tests do")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Mesh, draft, member, storage_key};
use ecomesh_protocol::io::SealedTo;
use ecomesh_protocol::verify::verify_record;
use ecomesh_protocol::{
    Batch, Disk, Draft, KeyRing, Ledger, MemoryDisk, MemoryLedger, NewRecord, Recorded, Room, journal,
};
use ecomesh_record::{Audience, Lane, Position, Priority, RecordId, Time};

const MEMBERS: [&str; 4] = ["FR", "KE", "TH", "TZ"];
const STEPS: usize = 700;
/// Within this time after the last fault all must be quiet, in milliseconds: two of the longest pauses between
/// exchanges.
const QUIET_MS: u64 = 120_000;
/// Steps that a failure prints.
const STEPS_SHOWN: usize = 40;

#[test]
fn stories_1_to_4_end_in_agreement() {
    tell(1..=4);
}

#[test]
fn stories_5_to_8_end_in_agreement() {
    tell(5..=8);
}

#[test]
fn stories_9_to_12_end_in_agreement() {
    tell(9..=12);
}

#[test]
fn stories_13_to_16_end_in_agreement() {
    tell(13..=16);
}

/// Tells the stories of these seeds; with `CHAOS_SEED`, the first caller tells those instead.
fn tell(seeds: std::ops::RangeInclusive<u64>) {
    match chosen_seeds() {
        None => seeds.for_each(tell_one),
        Some(chosen) if seeds.contains(&1) => chosen.for_each(tell_one),
        Some(_) => {}
    }
}

fn chosen_seeds() -> Option<std::ops::Range<u64>> {
    let chosen = std::env::var("CHAOS_SEED").ok()?;
    let number = |text: &str| text.parse().expect("CHAOS_SEED is a number, or two with .. between");
    Some(match chosen.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&chosen)..number(&chosen) + 1,
    })
}

fn tell_one(seed: u64) {
    let mut story = Story::new(seed);
    for _ in 0..STEPS {
        story.step();
    }
    story.heal_everything();
    story.pass_until_quiet();
    let wrong = story.what_is_wrong();
    assert!(wrong.is_empty(), "CHAOS_SEED={seed}:\n{}", wrong.join("\n"));
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Which record stands where.
type Places = BTreeMap<Position, RecordId>;

/// A copy of a home.
struct Backup {
    of: &'static str,
    step: usize,
    ledger: MemoryLedger,
    disk: MemoryDisk,
}

/// A mesh, what happens to it, and what the test knows besides.
struct Story {
    seed: u64,
    dice: Dice,
    mesh: Mesh,
    steps: Vec<String>,
    backups: Vec<Backup>,
    next_instance: u8,
    /// Drafts that a node took and has not answered; a loss of power forgets them.
    open: BTreeMap<&'static str, BTreeSet<u64>>,
    /// The last draft with a key, for retries.
    keyed: BTreeMap<&'static str, Draft>,
    /// Own records that a restored journal holds, perhaps not in the store yet.
    journals: BTreeMap<&'static str, Places>,
    /// Nodes whose store has no room for everything.
    full: BTreeSet<&'static str>,
    /// Records that only a home had which was thrown away.
    lost: BTreeSet<RecordId>,
}

/// What happens.
impl Story {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            dice: Dice(seed),
            mesh: Mesh::new(&MEMBERS),
            steps: Vec::new(),
            backups: Vec::new(),
            next_instance: 100,
            open: BTreeMap::new(),
            keyed: BTreeMap::new(),
            journals: BTreeMap::new(),
            full: BTreeSet::new(),
            lost: BTreeSet::new(),
        }
    }

    fn step(&mut self) {
        match self.dice.below(1_000) {
            0..700 => self.send(),
            700..900 => self.pass(),
            900..915 => self.restart(),
            915..930 => self.crash_while_busy(),
            930..936 => self.go_down(),
            936..944 => self.come_up(),
            944..954 => self.partition(),
            954..968 => self.heal(),
            968..976 => self.lose_pushes(),
            976..984 => self.back_up(),
            984..990 => self.restore(),
            990..994 => self.fill_up(),
            _ => self.make_room(),
        }
    }

    fn note(&mut self, step: &str) {
        let at = self.mesh.now.mono;
        self.steps.push(format!("{:5} {at:8} ms  {step}", self.steps.len()));
    }

    fn send(&mut self) {
        let name = self.dice.pick(&MEMBERS);
        let wait = self.dice.one_in(3);
        self.send_from(name);
        if !wait {
            self.mesh.run();
        }
    }

    fn send_from(&mut self, name: &'static str) {
        if !self.runs(name) {
            return;
        }
        let draft = self.some_draft(name);
        let length = draft.content.len();
        let ticket = self.mesh.send(name, draft);
        self.open.entry(name).or_default().insert(ticket);
        self.note(&format!("{name} sends {length} bytes (ticket {ticket})"));
    }

    fn some_draft(&mut self, name: &'static str) -> Draft {
        if let (true, Some(retry)) = (self.dice.one_in(20), self.keyed.get(name)) {
            let mut retry = retry.clone();
            if let Some(SealedTo { audience: Audience::Sealed { key_commitment, .. }, .. }) =
                &mut retry.sealed
            {
                // Sealed anew; only the salt is the same.
                key_commitment[0] ^= 1;
                retry.content[0] ^= 1;
            }
            return retry;
        }
        let mask = self.dice.below(16);
        let chosen = MEMBERS.iter().enumerate().filter(|(i, to)| mask & (1 << i) != 0 && **to != name);
        let to: Vec<&str> = chosen.map(|(_, to)| *to).collect();
        let mut draft = draft(&format!("{name} {}", self.steps.len()), &to);
        draft.priority = self.dice.pick(&[Priority::FLASH, Priority::URGENT, Priority::ROUTINE]);
        if self.dice.one_in(100) {
            // Comes without its body by push, or in slices.
            draft.content.resize(self.dice.pick(&[50_000, 70_000, 150_000]), b'.');
        }
        if !draft.to.is_empty() && self.dice.one_in(4) {
            let prekeys = vec![[7; 16]; draft.to.len()];
            let (created_at, expires_at) = (self.mesh.now.wall, self.mesh.now.wall.after(1_000_000));
            let audience = Audience::Sealed { prekeys, key_commitment: [8; 32] };
            draft.sealed = Some(SealedTo { audience, created_at, expires_at });
        }
        if self.dice.one_in(10) {
            let mut key = [9; 32];
            key[..8].copy_from_slice(&self.dice.roll().to_be_bytes());
            draft.idempotency = Some(key);
            self.keyed.insert(name, draft.clone());
        }
        draft
    }

    fn pass(&mut self) {
        let millis = match self.dice.below(20) {
            0..11 => 50 * (1 + self.dice.below(4) as u64),
            11..17 => 250 * (1 + self.dice.below(3) as u64),
            17..19 => 1_000 + 50 * self.dice.below(20) as u64,
            _ => self.dice.pick(&[3_000, 5_000, 10_000]),
        };
        self.note(&format!("{millis} ms pass"));
        self.mesh.pass(millis);
    }

    fn restart(&mut self) {
        let name = self.dice.pick(&MEMBERS);
        self.down(name);
        self.up(name);
    }

    /// Power goes while drafts, pushes and answers are on their way.
    fn crash_while_busy(&mut self) {
        let (name, writer) = (self.dice.pick(&MEMBERS), self.dice.pick(&MEMBERS));
        for _ in 0..self.dice.below(3) {
            self.send_from(writer);
            self.send_from(name);
        }
        for _ in 0..self.dice.below(5) {
            self.mesh.run_one_round();
        }
        self.down(name);
        if self.dice.one_in(2) {
            self.mesh.run();
        }
        self.up(name);
    }

    fn go_down(&mut self) {
        let name = self.dice.pick(&MEMBERS);
        self.down(name);
        self.mesh.run();
    }

    fn come_up(&mut self) {
        let down: Vec<&'static str> = MEMBERS.into_iter().filter(|name| !self.runs(name)).collect();
        if !down.is_empty() {
            let name = self.dice.pick(&down);
            self.up(name);
        }
    }

    fn partition(&mut self) {
        let mask = 1 + self.dice.below(14);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (i, name) in MEMBERS.into_iter().enumerate() {
            if mask & (1 << i) == 0 { left.push(name) } else { right.push(name) }
        }
        self.note(&format!("{left:?} and {right:?} are cut off from each other"));
        self.mesh.partition(&left, &right);
    }

    fn heal(&mut self) {
        self.note("all cuts heal");
        self.mesh.heal();
    }

    fn lose_pushes(&mut self) {
        self.mesh.lose_pushes ^= true;
        self.note(&format!("pushes are lost: {}", self.mesh.lose_pushes));
    }

    fn back_up(&mut self) {
        let name = self.dice.pick(&MEMBERS);
        self.down(name);
        let (ledger, disk) = self.mesh.parts(name);
        self.note(&format!("{name} is backed up"));
        self.backups.push(Backup { of: name, step: self.steps.len(), ledger, disk });
        self.up(name);
    }

    /// The home is thrown away; an old copy takes its place, in a new store.
    fn restore(&mut self) {
        if self.backups.is_empty() {
            return;
        }
        let index = self.dice.below(self.backups.len());
        let name = self.backups[index].of;
        let with_records = self.dice.one_in(2);
        self.down(name);
        let mut before = self.places_in_homes(name);
        before.extend(places_of(&self.mesh.parts(name).0));

        let backup = &self.backups[index];
        let mut ledger = MemoryLedger::new(self.mesh.network(), [self.next_instance; 16]);
        if with_records {
            copy_records(&self.mesh, &backup.ledger, &mut ledger, self.mesh.now.wall);
        }
        let mut disk = backup.disk.clone();
        let bytes = disk.read(journal::JOURNAL).unwrap().unwrap();
        let content = journal::read(self.mesh.network(), member(name), &storage_key(), &bytes).unwrap();
        let journaled = content.entries.iter().map(|e| (e.record.position(), e.record.id())).collect();
        let note = format!("{name} is restored from step {}, records: {with_records}", backup.step);
        self.note(&note);
        self.next_instance += 1;
        self.full.remove(name);
        self.mesh.replace(name, ledger.clone(), disk);

        self.journals.insert(name, journaled);
        let mut after = self.places_in_homes(name);
        after.extend(places_of(&ledger));
        let reachable = reachable(&after);
        let newly: Vec<RecordId> = before.into_values().filter(|id| !reachable.contains(id)).collect();
        self.note(&format!("{} records are lost with it", newly.len()));
        self.lost.extend(newly);
        self.up(name);
    }

    fn fill_up(&mut self) {
        let name = self.dice.pick(&MEMBERS);
        let room = self.dice.pick(&[Room::None, Room::ControlOnly]);
        self.set_room(name, room);
    }

    fn make_room(&mut self) {
        for name in self.full.clone() {
            self.set_room(name, Room::Plenty);
        }
    }

    fn set_room(&mut self, name: &'static str, room: Room) {
        self.down(name);
        let (mut ledger, disk) = self.mesh.parts(name);
        ledger.set_room(room);
        self.mesh.replace(name, ledger, disk);
        self.note(&format!("{name} has room: {room:?}"));
        if room == Room::Plenty {
            self.full.remove(name)
        } else {
            self.full.insert(name)
        };
        self.up(name);
    }

    fn runs(&self, name: &str) -> bool {
        self.mesh.node(name).core.is_some()
    }

    fn down(&mut self, name: &'static str) {
        if self.runs(name) {
            self.note(&format!("{name} loses power"));
            self.mesh.crash_midway(name, |_, _| {});
            self.open.remove(name);
        }
    }

    fn up(&mut self, name: &'static str) {
        self.note(&format!("{name} starts"));
        if !self.runs(name) {
            self.mesh.start(name);
        }
    }

    fn heal_everything(&mut self) {
        self.mesh.lose_pushes = false;
        self.make_room();
        MEMBERS.into_iter().for_each(|name| self.up(name));
        self.heal();
        self.mesh.link_all();
    }

    fn pass_until_quiet(&mut self) {
        let until = self.mesh.now.mono + QUIET_MS;
        while self.mesh.now.mono < until && !self.what_is_wrong().is_empty() {
            self.mesh.pass(5_000);
        }
        // What is quiet must stay so.
        self.mesh.pass(5_000);
    }
}

/// What must hold.
impl Story {
    fn what_is_wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let holdings: BTreeMap<&str, BTreeSet<RecordId>> = MEMBERS
            .into_iter()
            .map(|name| (name, self.mesh.node(name).holdings().into_iter().collect()))
            .collect();
        let all: BTreeSet<RecordId> = holdings.values().flatten().copied().collect();
        for (name, here) in &holdings {
            let missing = all.difference(here).count();
            if missing > 0 {
                wrong.push(format!("{name} lacks {missing} of {} records that others hold", all.len()));
            }
        }
        for name in MEMBERS {
            wrong.extend(self.wrong_acknowledgements(name, &holdings));
            wrong.extend(self.wrong_deliveries(name, &holdings));
            wrong.extend(self.wrong_at(name));
        }
        wrong
    }

    fn wrong_acknowledgements(
        &self,
        name: &str,
        holdings: &BTreeMap<&str, BTreeSet<RecordId>>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for (ticket, recorded) in self.acknowledged(name) {
            if self.lost.contains(&recorded.id) {
                continue;
            }
            let delivery = self.mesh.node(name).core().delivery(recorded.position);
            if delivery.is_none_or(|d| d.delivered.iter().any(|(_, at)| at.is_none())) {
                wrong.push(format!("{name} has no proof that ticket {ticket} is delivered"));
            }
            for (holder, here) in holdings {
                if !here.contains(&recorded.id) {
                    let position = recorded.position;
                    wrong.push(format!(
                        "{holder} lacks ticket {ticket} of {name}, acknowledged at {position:?}"
                    ));
                }
            }
        }
        wrong
    }

    fn wrong_deliveries(&self, name: &str, holdings: &BTreeMap<&str, BTreeSet<RecordId>>) -> Vec<String> {
        let delivered = self.mesh.node(name).delivered.iter();
        let is_false = |(id, to): &&(RecordId, _)| {
            let to: &ecomesh_record::MemberId = to;
            !self.lost.contains(id) && !holdings[to.to_string().as_str()].contains(id)
        };
        delivered
            .filter(is_false)
            .map(|(id, to)| format!("{name} says that {to} has {id}, which it has not"))
            .collect()
    }

    fn wrong_at(&self, name: &str) -> Vec<String> {
        let node = self.mesh.node(name);
        let mut wrong = Vec::new();
        for proof in node.core().forks() {
            wrong.push(format!("{name} holds a proof of a fork at {:?}", proof.position()));
        }
        for (peer, reason) in &node.blocked {
            wrong.push(format!("{name} blames {peer:?}: {reason}"));
        }
        if let Some(reason) = &node.fatal {
            wrong.push(format!("{name} has failed: {reason}"));
        }
        let status = node.core().status(self.mesh.now);
        if let Some(millis) = status.recovering_ms {
            wrong.push(format!("{name} still recovers for {millis} ms"));
        }
        if status.holes > 0 {
            wrong.push(format!("{name} has {} holes", status.holes));
        }
        let open = self.open.get(name).into_iter().flatten();
        for ticket in open.filter(|ticket| !node.authored.contains_key(ticket)) {
            wrong.push(format!("{name} never answered ticket {ticket}"));
        }
        wrong
    }

    fn acknowledged(&self, name: &str) -> impl Iterator<Item = (u64, &Recorded)> {
        let answers = self.mesh.node(name).authored.iter();
        answers.filter_map(|(ticket, result)| Some((*ticket, result.as_ref().ok()?)))
    }

    /// What all homes hold, without the store of `thrown_away`.
    fn places_in_homes(&self, thrown_away: &str) -> Places {
        let mut places: Places = self.journals.values().flatten().map(|(at, id)| (*at, *id)).collect();
        for name in MEMBERS.into_iter().filter(|name| *name != thrown_away) {
            if self.runs(name) {
                places.extend(places_of(self.mesh.node(name).core().ledger()));
            } else {
                places.extend(places_of(&self.mesh.parts(name).0));
            }
        }
        places
    }
}

/// Tells how the story went, if it did not end well.
impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let from = self.steps.len().saturating_sub(STEPS_SHOWN);
            eprintln!("the story of CHAOS_SEED={} ends:\n{}", self.seed, self.steps[from..].join("\n"));
        }
    }
}

fn places_of(ledger: &MemoryLedger) -> Places {
    let mut places = Places::new();
    for head in ledger.heads().unwrap() {
        for position in (0..=head.seq).map(|seq| head.log.at(seq)) {
            places.insert(position, ledger.record(position).unwrap().unwrap().id());
        }
    }
    places
}

/// Records whose log is whole up to them, and whose generation was opened: others can take them.
fn reachable(places: &Places) -> BTreeSet<RecordId> {
    let mut reachable = BTreeSet::new();
    let mut next = BTreeMap::new();
    for (position, id) in places {
        let opening = ecomesh_record::LogId { lane: Lane::CONTROL, ..position.log }.at(0);
        let opened = position.log.generation == 0 || places.contains_key(&opening);
        let expected = next.entry(position.log).or_insert(0);
        if opened && position.seq == *expected {
            *expected += 1;
            reachable.insert(*id);
        }
    }
    reachable
}

/// A restore takes every record through the same checks as one from a peer.
fn copy_records(mesh: &Mesh, from: &MemoryLedger, to: &mut MemoryLedger, first_seen: Time) {
    let mut ring = KeyRing::of_roster(&mesh.roster);
    let mut batch = Batch::default();
    let heads = from.heads().unwrap();
    for head in heads {
        for seq in 0..=head.seq {
            let record = from.record(head.log.at(seq)).unwrap().unwrap();
            let verified = verify_record(&ring, record).unwrap();
            ring.learn(&verified);
            batch.records.push(NewRecord { record: std::sync::Arc::new(verified), first_seen });
        }
    }
    to.commit(&batch).unwrap();
}
