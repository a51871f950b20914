//! Two months of five bureaus in virtual hours: prekeys are made, published, used and destroyed by the rules, while nodes
//! are off for days and weeks. What is modelled is the network alone: whoever is on has what all others had when they
//! were on. The rules are the real ones.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::member;
use ecomesh_protocol::prekeys::{Announcement, Directory, Use};
use ecomesh_protocol::rotation::{Fate, GRACE_MS, Life, Standing, fate, is_due, life_of_new};
use ecomesh_record::{Lane, LogId, MemberId, Time};
use ecomesh_seal::{PrekeyId, PrekeySecret};

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;
const START: u64 = 20_000 * DAY;
const MEMBERS: [&str; 5] = ["CN", "FR", "KE", "TH", "TZ"];

/// A message to one member, sealed to one of its prekeys.
#[derive(Clone, Debug)]
struct Mail {
    to: usize,
    prekey: PrekeyId,
    purpose: Use,
    sent_at: u64,
    /// Who holds it.
    held_by: BTreeSet<usize>,
}

#[derive(Default)]
struct Bureau {
    /// The private halves that are left, in the order in which they were made.
    halves: Vec<(PrekeyId, Life)>,
    directory: Directory,
    /// Announcements of all that it has seen, by place in the world's list.
    seen: usize,
    opened: BTreeSet<usize>,
    cannot_open: BTreeSet<usize>,
    /// When it last had all that another one had.
    synced: BTreeMap<usize, u64>,
    next_seq: u64,
}

impl Bureau {
    fn has_half(&self, id: PrekeyId) -> bool {
        self.halves.iter().any(|(half, _)| *half == id)
    }

    fn daily_halves(&self) -> usize {
        self.halves.iter().filter(|(_, life)| life.purpose == Use::DAILY).count()
    }
}

struct World {
    now: u64,
    bureaus: Vec<Bureau>,
    published: Vec<(usize, u64, Announcement)>,
    mail: Vec<Mail>,
    keys_made: u64,
    /// Whether a bureau's node runs at a time.
    is_on: fn(usize, u64) -> bool,
    /// Whether a link between two nodes that run works at a time.
    is_linked: fn(usize, usize, u64) -> bool,
}

fn id_of(n: usize) -> MemberId {
    member(MEMBERS[n])
}

impl World {
    fn new(is_on: fn(usize, u64) -> bool, is_linked: fn(usize, usize, u64) -> bool) -> Self {
        let mut world = Self {
            now: START,
            bureaus: MEMBERS.iter().map(|_| Bureau::default()).collect(),
            published: Vec::new(),
            mail: Vec::new(),
            keys_made: 0,
            is_on,
            is_linked,
        };
        // The cards: each has a first fallback, made some days before.
        for n in 0..MEMBERS.len() {
            let (id, bytes) = world.new_half(n, life_of_new(Use::FALLBACK, Time(START - 10 * DAY)));
            assert!(world.bureaus[n].has_half(id));
            world.bureaus.iter_mut().for_each(|bureau| bureau.directory.first(id_of(n), &bytes));
        }
        world
    }

    fn new_half(&mut self, n: usize, life: Life) -> (PrekeyId, Vec<u8>) {
        self.keys_made += 1;
        let mut seed = [0; PrekeySecret::BYTES];
        seed[..8].copy_from_slice(&self.keys_made.to_be_bytes());
        seed[40..48].copy_from_slice(&self.keys_made.to_be_bytes());
        let public = PrekeySecret::from_seed(&seed).public().clone();
        self.bureaus[n].halves.push((public.id(), life));
        (public.id(), public.to_bytes())
    }

    fn day(&self) -> u64 {
        (self.now - START) / DAY
    }

    fn on(&self) -> Vec<usize> {
        (0..MEMBERS.len()).filter(|n| (self.is_on)(*n, self.day())).collect()
    }

    fn links(&self, n: usize) -> Vec<usize> {
        let day = self.day();
        self.on().into_iter().filter(|m| *m != n && (self.is_linked)(n, *m, day)).collect()
    }

    /// What each node does in an hour.
    fn hour(&mut self) {
        for n in self.on() {
            self.make_and_publish(n);
        }
        for n in self.on() {
            self.sync(n);
        }
        for n in self.on() {
            self.open(n);
            self.destroy(n);
            if self.now.is_multiple_of(6 * HOUR) {
                self.send(n);
            }
        }
        self.now += HOUR;
    }

    fn make_and_publish(&mut self, n: usize) {
        for purpose in [Use::DAILY, Use::FALLBACK] {
            let lives: Vec<Life> = self.bureaus[n].halves.iter().map(|(_, life)| *life).collect();
            if !is_due(purpose, &lives, Time(self.now)) {
                continue;
            }
            let life = life_of_new(purpose, Time(self.now));
            let (_, prekey) = self.new_half(n, life);
            let Life { begins_at, ends_at, .. } = life;
            let seq = self.bureaus[n].next_seq;
            self.bureaus[n].next_seq += 1;
            self.published.push((n, seq, Announcement { purpose, begins_at, ends_at, prekey }));
        }
    }

    /// A node gets all from those with which it has links; over them, from everybody who has links with them.
    fn sync(&mut self, n: usize) {
        let peers = self.links(n);
        let now = self.now;
        for mail in &mut self.mail {
            if peers.iter().any(|peer| mail.held_by.contains(peer)) {
                mail.held_by.insert(n);
            }
        }
        if !peers.is_empty() {
            for (owner, seq, announcement) in &self.published[self.bureaus[n].seen..] {
                let log = LogId { author: id_of(*owner), lane: Lane::CONTROL, generation: 0 };
                self.bureaus[n].directory.insert(log.at(*seq), announcement.clone());
            }
            self.bureaus[n].seen = self.published.len();
        }
        self.bureaus[n].synced.extend(peers.into_iter().map(|peer| (peer, now)));
    }

    fn open(&mut self, n: usize) {
        for (number, mail) in self.mail.iter().enumerate() {
            let bureau = &mut self.bureaus[n];
            if mail.to != n || !mail.held_by.contains(&n) || bureau.cannot_open.contains(&number) {
                continue;
            }
            if bureau.has_half(mail.prekey) || bureau.opened.contains(&number) {
                bureau.opened.insert(number);
            } else {
                bureau.cannot_open.insert(number);
            }
        }
    }

    fn destroy(&mut self, n: usize) {
        let linked = !self.links(n).is_empty();
        let now = self.now;
        let bureau = &mut self.bureaus[n];
        let synced = bureau.synced.clone();
        bureau.halves.retain_mut(|(_, life)| {
            let over = life.ends_at.after(GRACE_MS).0;
            let standing = Standing {
                agreed: Some(Time(now)),
                synced_with: synced.values().filter(|at| **at >= over).count(),
                others: MEMBERS.len() - 1,
                // Whatever is here was opened or answered just before.
                all_opened: true,
            };
            let fate = fate(life, &standing);
            if linked && now >= over {
                life.linked_ms += HOUR;
            }
            fate != Fate::Destroy
        });
    }

    fn send(&mut self, n: usize) {
        for to in (0..MEMBERS.len()).filter(|to| *to != n) {
            let chosen = self.bureaus[n].directory.choose(id_of(to), Time(self.now), |_| false);
            let chosen =
                chosen.unwrap_or_else(|e| panic!("day {}: {} cannot write: {e}", self.day(), MEMBERS[n]));
            let mail = Mail {
                to,
                prekey: chosen.id().unwrap(),
                purpose: chosen.purpose,
                sent_at: self.now,
                held_by: BTreeSet::from([n]),
            };
            self.mail.push(mail);
        }
    }

    fn run(&mut self, days: u64) {
        for _ in 0..days * 24 {
            self.hour();
        }
    }

    /// Numbers of all that was opened, cannot be opened, and neither.
    fn sums(&self) -> (usize, usize, usize) {
        let opened: usize = self.bureaus.iter().map(|bureau| bureau.opened.len()).sum();
        let closed: usize = self.bureaus.iter().map(|bureau| bureau.cannot_open.len()).sum();
        (opened, closed, self.mail.len() - opened - closed)
    }

    /// What could still be opened by who takes every disk and passphrase now, of what was sent at least so long ago.
    fn exposed(&self, age: u64) -> Vec<&Mail> {
        let old = self.mail.iter().filter(|mail| mail.sent_at + age <= self.now);
        old.filter(|mail| self.bureaus[mail.to].has_half(mail.prekey)).collect()
    }
}

#[test]
fn in_a_quiet_network_all_is_opened_and_after_eight_days_nothing_recorded_can_be() {
    let mut world = World::new(|_, _| true, |_, _, _| true);
    world.run(60);
    let (opened, closed, waiting) = world.sums();
    assert_eq!(closed, 0);
    // The mail of the last hours is on its way.
    assert!(opened > 4_000 && waiting <= 20, "{opened} opened, {waiting} waiting");
    let daily = world.mail.iter().filter(|mail| mail.purpose == Use::DAILY).count();
    assert!(daily + 20 >= world.mail.len(), "only the first hour's is sealed to fallbacks: {daily}");
    let exposed = world.exposed(8 * DAY);
    assert!(exposed.iter().all(|mail| mail.purpose == Use::FALLBACK), "{exposed:?}");
    for (n, bureau) in world.bureaus.iter().enumerate() {
        let daily = bureau.daily_halves();
        assert!(daily <= 4, "{}: {daily} daily halves are left", MEMBERS[n]);
        let fallbacks = bureau.halves.len() - daily;
        assert!(fallbacks <= 4, "{}: {fallbacks} fallbacks are left", MEMBERS[n]);
    }
    // Two months later the fallbacks of the first hour are gone as well.
    world.run(5);
    assert!(world.exposed(62 * DAY).is_empty());
}

#[test]
fn bureaus_that_were_off_for_eight_days_and_for_a_month_read_everything() {
    // KE is off for a month, TZ for eight days and again for two, TH every other day, the others run.
    let is_on = |n: usize, day: u64| match MEMBERS[n] {
        "KE" => !(10..40).contains(&day),
        "TZ" => !(12..20).contains(&day) && !(30..32).contains(&day),
        "TH" => day.is_multiple_of(2),
        _ => true,
    };
    let mut world = World::new(is_on, |_, _, _| true);
    world.run(60);
    let (opened, closed, waiting) = world.sums();
    assert_eq!(closed, 0, "nothing was destroyed that mail needed");
    assert!(opened > 3_000 && waiting <= 24, "{opened} opened, {waiting} waiting");
    assert!(world.exposed(12 * DAY).iter().all(|mail| mail.purpose == Use::FALLBACK));
    // What was sent to KE while it was away was sealed to a fallback, from its third day on.
    let ke = MEMBERS.iter().position(|name| *name == "KE").unwrap();
    let away = |mail: &&Mail| mail.to == ke && (START + 12 * DAY..START + 40 * DAY).contains(&mail.sent_at);
    assert!(world.mail.iter().filter(away).count() > 300);
    assert!(world.mail.iter().filter(away).all(|mail| mail.purpose == Use::FALLBACK));
}

#[test]
fn a_node_that_is_alone_destroys_nothing_and_a_cut_loses_nothing_silently() {
    // KE runs from the tenth to the thirtieth day without any link.
    let is_linked = |a: usize, b: usize, day: u64| {
        let alone = |n: usize| MEMBERS[n] == "KE" && (10..30).contains(&day);
        !alone(a) && !alone(b)
    };
    let mut world = World::new(|_, _| true, is_linked);
    world.run(30);
    let ke = MEMBERS.iter().position(|name| *name == "KE").unwrap();
    let kept = world.bureaus[ke].daily_halves();
    assert!(
        kept >= 20,
        "{kept} daily halves: all since it was alone, which nobody has sealed to, but how can it know"
    );
    world.run(30);
    let (_, closed, waiting) = world.sums();
    assert!(waiting <= 24, "{waiting} are neither opened nor answered");
    // What KE had written in the first two days of the cut to prekeys of the day came when they were destroyed: told,
    // and to be sent again.
    assert!(closed > 0 && closed <= 4 * 4 * 3, "{closed}");
    let kept = world.bureaus[ke].daily_halves();
    assert!(kept <= 4, "{kept} daily halves a month after the cut");
}
