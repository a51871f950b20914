//! `kill -9`, again and again, at random moments.
//!
//! The page cache survives the kill of a process, so this says nothing of fsync; the simulator and the store's own
//! tests cut the power. It says that no moment is wrong: while a client waits for its answer, during a start, while a
//! node catches up, and of several nodes at once.

use std::time::{Duration, Instant};

use crate::common::{Network, Node};
use crate::load::Load;
use crate::outcome;
use crate::random::{Random, number};

const MEMBERS: [&str; 3] = ["KE", "TZ", "TH"];
/// Kills of the short form: so many, unless the machine is too busy for them.
const KILLS: u64 = 50;
/// And never fewer than so many, however busy it is.
const KILLS_MIN: u64 = 25;
/// After this time the short form ends.
const SHORT: Duration = Duration::from_secs(60);

#[test]
fn kill_9_at_any_moment_loses_nothing_and_doubles_nothing() {
    let wanted = number("ECOMESH_KILLS");
    let mut random = Random::for_test("kills");
    let network = Network::start(&MEMBERS);
    let pause = pause(wanted.unwrap_or(KILLS));
    let load = Load::start(&network, &[0, 1, 2], pause, &mut random);
    let mut killer = Killer { network, load, random, kills: 0, longest: Duration::ZERO, usual: USUAL_START };
    let began = Instant::now();
    let enough = |kills: u64| match wanted {
        Some(wanted) => kills >= wanted,
        None => kills >= KILLS || (kills >= KILLS_MIN && began.elapsed() > SHORT),
    };
    while !enough(killer.kills) {
        killer.round();
    }
    let Killer { network, load, kills, longest, .. } = killer;
    let seconds = began.elapsed().as_secs_f64();
    let retries = load.retries();
    let acknowledged = load.stop();
    outcome::nothing_is_lost(&network, &acknowledged);
    // No kill makes a node doubt its own history.
    network.nodes.iter().for_each(outcome::no_generation_was_opened);
    println!(
        "kills {kills} in {seconds:.1} s, acknowledged {}, repeated sends {retries}, lost 0, longest start {:.2} s",
        acknowledged.len(),
        longest.as_secs_f64()
    );
}

/// Clients of a long run send more slowly, so that ten thousand kills end with some hundred thousand records.
fn pause(kills: u64) -> Duration {
    Duration::from_millis((kills / 2).clamp(40, 500))
}

/// A first guess of how long a start takes; measured ones follow.
const USUAL_START: Duration = Duration::from_millis(600);

struct Killer {
    network: Network,
    load: Load,
    random: Random,
    kills: u64,
    longest: Duration,
    /// How long a start took lately.
    usual: Duration,
}

impl Killer {
    /// One of the kinds of bad moments, then all nodes run.
    fn round(&mut self) {
        let victim = self.random.index(MEMBERS.len());
        match self.random.below(5) {
            0 | 1 => self.under_load(victim),
            2 => self.while_it_starts(victim),
            3 => self.while_it_catches_up(victim),
            _ => self.two_at_once(victim),
        }
    }

    /// Somewhere between an acknowledgement and the next.
    fn under_load(&mut self, victim: usize) {
        let more = 1 + self.random.index(4);
        self.load.wait_for_more(victim, more);
        self.wait(Duration::from_millis(60));
        self.kill(victim);
        self.start(victim);
    }

    /// Once or twice before it is ready.
    fn while_it_starts(&mut self, victim: usize) {
        self.kill(victim);
        for _ in 0..1 + self.random.below(2) {
            self.launch(victim);
            self.wait(self.usual);
            self.kill(victim);
        }
        self.start(victim);
    }

    /// It is ready, and fetches what the others wrote while it was away.
    fn while_it_catches_up(&mut self, victim: usize) {
        self.kill(victim);
        let other = (victim + 1 + self.random.index(MEMBERS.len() - 1)) % MEMBERS.len();
        self.load.wait_for_more(other, 5);
        self.start(victim);
        self.wait(Duration::from_millis(150));
        self.kill(victim);
        self.start(victim);
    }

    /// Two nodes die within a moment and start together.
    fn two_at_once(&mut self, victim: usize) {
        let other = (victim + 1 + self.random.index(MEMBERS.len() - 1)) % MEMBERS.len();
        self.load.wait_for_more(victim, 1);
        self.kill(victim);
        self.wait(Duration::from_millis(20));
        self.kill(other);
        let began = Instant::now();
        self.launch(victim);
        self.launch(other);
        for index in [victim, other] {
            self.ready(index, began);
        }
    }

    fn wait(&mut self, at_most: Duration) {
        std::thread::sleep(self.random.moment(at_most));
    }

    fn kill(&mut self, victim: usize) {
        // A node that ended by itself has failed, whatever kills it a moment later.
        let ended = self.network.nodes[victim].has_ended();
        assert_eq!(ended, None, "{}", self.network.nodes[victim].log_tail());
        self.network.nodes[victim].kill();
        self.kills += 1;
    }

    fn launch(&mut self, index: usize) {
        let passphrase_file = self.network.passphrase_file.clone();
        self.network.nodes[index].launch(&passphrase_file);
    }

    fn start(&mut self, index: usize) {
        let began = Instant::now();
        self.launch(index);
        self.ready(index, began);
        self.usual = began.elapsed();
    }

    fn ready(&mut self, index: usize, began: Instant) {
        let node: &mut Node = &mut self.network.nodes[index];
        if let Err(code) = node.wait_for_start() {
            panic!("{} ended with {code}: {}", node.member, node.log_tail());
        }
        self.longest = self.longest.max(began.elapsed());
    }
}
