//! Deterministic simulation of many ecomesh nodes in one thread, under one seed.
//!
//! The nodes are real: core, journal, recovery, verification and wire formats are those of `ecomesh-protocol`. The
//! world around them is played: clock, network, disks, clients, and members that do not keep the rules. What is played
//! in the place of libp2p's gossip is a model ([`Report`] labels its figures so).
//!
//! A run is a [`Scenario`] and a seed. While it plays, what must hold is checked after every step (`invariants.rs`);
//! once the faults are over, all honest nodes must come to agree within a bound. A run that fails says what did not
//! hold and how to play it again; the same seed always plays the same run, which its trace hash shows.
//!
//! Where to begin reading: `world.rs` (time and events), `faults.rs` (what breaks), `invariants.rs` (what must hold).

mod calendar;
mod clients;
mod coverage;
mod disk;
mod effects;
mod erasures;
mod faults;
mod fuse;
mod gossip;
mod hostile;
mod invariants;
mod ledger;
mod links;
mod mail;
mod measure;
mod members;
mod network;
mod node;
mod pace;
mod pool;
mod register;
mod report;
mod rng;
mod sabotage;
mod scale;
mod scenario;
mod sealing;
mod secrecy;
mod trace;
mod world;

pub use coverage::{Coverage, Mark};
pub use hostile::Vice;
pub use invariants::Violation;
pub use members::MEMBERS_MAX;
pub use report::{Outcome, Report};
pub use sabotage::Sabotage;
pub use scale::{ScaleFigures, scale};
pub use scenario::{
    Absences, Clocks, Crashes, Days, DiskFault, Disks, Hostile, Load, NetworkPlan, PartitionKind, Partitions,
    Pauses, Scenario, ScenarioError, Work,
};

/// Plays a scenario under a seed.
pub fn run(scenario: &Scenario, seed: u64) -> Outcome {
    run_sabotaged(scenario, seed, None)
}

/// Plays a scenario in which one mechanism is broken on purpose: the check that guards it must fail.
pub fn run_sabotaged(scenario: &Scenario, seed: u64, sabotage: Option<Sabotage>) -> Outcome {
    let mut world = world::World::new(scenario.clone(), seed, sabotage);
    world.play();
    world.outcome(seed)
}
