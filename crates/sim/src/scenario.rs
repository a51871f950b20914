//! Scenarios: what happens in a run, as data. Each is a TOML file in `crates/sim/scenarios/`.
//!
//! Every key has a default, given in its text, and a key that does not exist is refused. Most defaults are "never", so
//! a file says only what is special about it. The ranges of faults are those of TigerBeetle's simulator: up to 30 % of
//! messages lost, up to 50 % doubled, links clogged for up to 5 s, every kind of partition.
//!
//! A *gap* is the mean time between two events of a kind in the whole mesh, in milliseconds; 0 means never.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hostile::Vice;
use crate::members::MEMBERS_MAX;

/// A scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Its name. Default: "unnamed".
    pub name: String,
    /// What it is about, in one sentence. Default: empty.
    pub about: String,
    /// Number of members. Default 7.
    pub nodes: usize,
    /// How long clients write and faults happen, in milliseconds of virtual time. Default 60,000.
    pub run_ms: u64,
    /// Within this time after the last fault all honest nodes must agree, in milliseconds. Default 240,000: a redial
    /// may wait 60 s, a blamed peer is let in again after 10 s and more, a recovery takes 30 s.
    pub converge_ms: u64,
    /// What clients do.
    pub load: Load,
    /// How links behave.
    pub network: NetworkPlan,
    /// Who is cut off from whom.
    pub partitions: Partitions,
    /// Crashes of nodes.
    pub crashes: Crashes,
    /// Nodes that stand still for a while.
    pub pauses: Pauses,
    /// Wall clocks that jump.
    pub clocks: Clocks,
    /// Disks that fail.
    pub disks: Disks,
    /// Members that do not keep the rules.
    pub hostile: Hostile,
    /// How long a node's own work takes.
    pub work: Work,
    /// Days that pass.
    pub days: Days,
    /// Members that are away for days and weeks.
    pub absences: Absences,
}

/// What clients do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Load {
    /// Mean pause between two turns of one node's client, in milliseconds. Default 400; 0: no client writes.
    pub gap_ms: u64,
    /// Clients begin after this, in milliseconds: links stand by then. Default 3,000.
    pub start_ms: u64,
    /// Most drafts of one turn. Default 3.
    pub burst: u64,
    /// No more than so many drafts in all; 0: no bound. Default 0.
    pub drafts: u64,
    /// Only so many nodes write, spread over the mesh; 0: all. Default 0.
    pub writers: usize,
    /// Size of an ordinary content, from and to, in bytes. Default 1 to 2,000.
    pub bytes: [u64; 2],
    /// So many of a thousand contents have between 4 and 40 KiB. Default 30.
    pub medium_permille: u16,
    /// So many of a thousand contents have between 48 and 200 KiB: they travel in slices. Default 8.
    pub large_permille: u16,
    /// So many percent of drafts have an idempotency key. Default 30.
    pub keyed_percent: u8,
    /// So many percent of turns send the last draft with a key once more. Default 10.
    pub retry_percent: u8,
    /// So many percent of drafts are for all members; the others name up to four. Default 30.
    pub to_all_percent: u8,
    /// So many of a thousand drafts take back up to three own messages instead. Default 0.
    pub erase_permille: u16,
    /// So many of a thousand drafts that name addressees are for these only: nobody else keeps what they say. Default 0.
    pub part_permille: u16,
    /// So many of a thousand drafts that name addressees are sealed to these. The members have a vault then, and publish
    /// prekeys. Default 0.
    pub seal_permille: u16,
    /// So many of a thousand drafts are notices, diffusions, entries of databases, and steps on them, readable by all; the
    /// first three members review. Default 0.
    pub register_permille: u16,
    /// So many of a thousand notices, diffusions and entries that honest members write first are closed to one other member,
    /// and sealed to the group of all others. Default 0.
    pub closed_permille: u16,
    /// So many percent of drafts are flash, and as many urgent. Default 20.
    pub urgent_percent: u8,
}

/// How links behave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkPlan {
    /// Time on the way in one direction, drawn once for each pair from this range, in milliseconds. Default 1 to 40.
    pub latency_ms: [u64; 2],
    /// On top of it, for each frame, up to this, in milliseconds. Default 5.
    pub jitter_ms: u64,
    /// So many percent of pushes are lost, and as many frames of streams come one retransmission later. Default 0; the
    /// simulator's range is 0 to 30.
    pub loss_percent: u8,
    /// So many percent of pushes come twice. Default 0; the range is 0 to 50.
    pub double_percent: u8,
    /// So many percent of pushes are delayed by up to [`Self::overtake_ms`], so that others overtake them. Default 0.
    pub overtake_percent: u8,
    /// See [`Self::overtake_percent`]. Default 2,000.
    pub overtake_ms: u64,
    /// Gap between clogs of a link. Default 0.
    pub clog_gap_ms: u64,
    /// Longest clog in milliseconds. Default 5,000.
    pub clog_ms: u64,
    /// Rate of each direction of each link, in kilobits per second; 0: unbounded. Default 0.
    pub kbit_per_s: u64,
    /// Links that a node dials for. Default 14, as in a real node.
    pub links: usize,
}

/// Who is cut off from whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Partitions {
    /// Gap between partitions. Default 0.
    pub gap_ms: u64,
    /// How long one lasts, from and to, in milliseconds. Default 500 to 45,000.
    pub last_ms: [u64; 2],
    /// The kinds that occur. Default: all.
    pub kinds: Vec<PartitionKind>,
    /// One partition into two halves begins at this time, in milliseconds; 0: none. Default 0.
    pub split_at_ms: u64,
    /// And ends at this. Default 0.
    pub heal_at_ms: u64,
}

/// Kinds of partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionKind {
    /// Two groups.
    Two,
    /// Three groups.
    Three,
    /// One node alone.
    Alone,
    /// One direction between two groups.
    OneWay,
    /// One link, cut and healed every few hundred milliseconds.
    Flapping,
}

/// Crashes of nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crashes {
    /// Gap between crashes. Default 0.
    pub gap_ms: u64,
    /// How long a node stays down, from and to, in milliseconds. Default 200 to 20,000.
    pub down_ms: [u64; 2],
    /// So many percent are losses of power, which lose unsynced writes and say nothing to the peers; the others are
    /// killed processes. Default 60.
    pub power_percent: u8,
    /// So many percent of the losses of power happen within a commit. Default 60.
    pub in_commit_percent: u8,
    /// So many percent of the losses of power are followed by another while the node starts. Default 20.
    pub in_start_percent: u8,
}

/// Nodes that stand still for a while, as by SIGSTOP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pauses {
    /// Gap between pauses. Default 0.
    pub gap_ms: u64,
    /// How long, from and to, in milliseconds. Default 100 to 50,000.
    pub last_ms: [u64; 2],
}

/// Wall clocks that jump.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clocks {
    /// Gap between jumps. Default 0.
    pub gap_ms: u64,
    /// Furthest jump in either direction, in seconds. Default 315,360,000: ten years. Each jump first draws its order of
    /// magnitude, from one second up to this.
    pub jump_s: u64,
}

/// Disks that fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disks {
    /// Gap between faults. Default 0.
    pub gap_ms: u64,
    /// The kinds that occur. Default: all but `vault`, which only matters where drafts are sealed.
    pub kinds: Vec<DiskFault>,
    /// How long a disk stays full, from and to, in milliseconds. Default 500 to 15,000.
    pub full_ms: [u64; 2],
}

/// Kinds of disk fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskFault {
    /// No space for anything.
    Full,
    /// Space for control records only.
    ControlOnly,
    /// One write fails.
    Io,
    /// One sync fails: the node ends and starts again.
    Sync,
    /// The body of a record is gone.
    Body,
    /// Evidence is damaged or lost, found at the next start.
    Evidence,
    /// The journal is damaged or lost, found at the next start.
    Journal,
    /// The store is lost, found at the next start.
    Store,
    /// The whole home is lost, with its vault.
    Home,
    /// The vault is lost: private halves of prekeys, and content keys.
    Vault,
}

/// Days that pass: the wall clocks of all nodes leap by four hours, six times a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Days {
    /// In so many milliseconds of virtual time a day passes; 0: never. Default 0.
    pub day_ms: u64,
    /// So many days still pass after the faults are over. Default 14.
    pub after: u64,
    /// Gap between two times at which a clock goes wrong by up to 100 days, in milliseconds of virtual time; it is set right
    /// within nine days, and only one is wrong at a time. Default 0.
    pub clock_gap_ms: u64,
}

/// Members that are away for days and weeks, with their nodes off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Absences {
    /// Gap between two members that leave. Default 0. It needs days that pass.
    pub gap_ms: u64,
    /// For how many days, from and to. Default 2 to 14.
    pub days: [u64; 2],
    /// So many percent are away for 28 to 31 days instead. Default 40.
    pub month_percent: u8,
}

/// Members that do not keep the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hostile {
    /// How many; never more than (nodes − 1) / 3. Default 0.
    pub count: usize,
    /// What they do, each all of it. Default: everything.
    pub vices: Vec<Vice>,
    /// Gap between two misdeeds of one member. Default 2,000.
    pub gap_ms: u64,
}

/// How long a node's own work takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Work {
    /// A commit that writes, from and to, in microseconds. Default 300 to 4,000.
    pub commit_us: [u64; 2],
    /// A job of the verify pool, from and to, in microseconds. Default 100 to 3,000: verdicts overtake each other.
    pub verify_us: [u64; 2],
    /// A node asks its peers for its own history for so long before it opens a generation. Default 30,000, as in a real
    /// node.
    pub recovery_ms: u64,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "unnamed".into(),
            about: String::new(),
            nodes: 7,
            run_ms: 60_000,
            converge_ms: 240_000,
            load: Load::default(),
            network: NetworkPlan::default(),
            partitions: Partitions::default(),
            crashes: Crashes::default(),
            pauses: Pauses::default(),
            clocks: Clocks::default(),
            disks: Disks::default(),
            hostile: Hostile::default(),
            work: Work::default(),
            days: Days::default(),
            absences: Absences::default(),
        }
    }
}

impl Default for Load {
    fn default() -> Self {
        Self {
            gap_ms: 400,
            start_ms: 3_000,
            burst: 3,
            drafts: 0,
            writers: 0,
            bytes: [1, 2_000],
            medium_permille: 30,
            large_permille: 8,
            keyed_percent: 30,
            retry_percent: 10,
            to_all_percent: 30,
            erase_permille: 0,
            part_permille: 0,
            seal_permille: 0,
            register_permille: 0,
            closed_permille: 0,
            urgent_percent: 20,
        }
    }
}

impl Default for NetworkPlan {
    fn default() -> Self {
        Self {
            latency_ms: [1, 40],
            jitter_ms: 5,
            loss_percent: 0,
            double_percent: 0,
            overtake_percent: 0,
            overtake_ms: 2_000,
            clog_gap_ms: 0,
            clog_ms: 5_000,
            kbit_per_s: 0,
            links: 14,
        }
    }
}

impl Default for Partitions {
    fn default() -> Self {
        use PartitionKind::{Alone, Flapping, OneWay, Three, Two};
        let kinds = vec![Two, Three, Alone, OneWay, Flapping];
        Self { gap_ms: 0, last_ms: [500, 45_000], kinds, split_at_ms: 0, heal_at_ms: 0 }
    }
}

impl Default for Crashes {
    fn default() -> Self {
        Self {
            gap_ms: 0,
            down_ms: [200, 20_000],
            power_percent: 60,
            in_commit_percent: 60,
            in_start_percent: 20,
        }
    }
}

impl Default for Pauses {
    fn default() -> Self {
        Self { gap_ms: 0, last_ms: [100, 50_000] }
    }
}

impl Default for Clocks {
    fn default() -> Self {
        Self { gap_ms: 0, jump_s: 10 * 365 * 24 * 60 * 60 }
    }
}

impl Default for Disks {
    fn default() -> Self {
        use DiskFault::{Body, ControlOnly, Evidence, Full, Home, Io, Journal, Store, Sync};
        let kinds = vec![Full, ControlOnly, Io, Sync, Body, Evidence, Journal, Store, Home];
        Self { gap_ms: 0, kinds, full_ms: [500, 15_000] }
    }
}

impl Default for Days {
    fn default() -> Self {
        Self { day_ms: 0, after: 14, clock_gap_ms: 0 }
    }
}

impl Default for Absences {
    fn default() -> Self {
        Self { gap_ms: 0, days: [2, 14], month_percent: 40 }
    }
}

impl Default for Hostile {
    fn default() -> Self {
        Self { count: 0, vices: Vice::ALL.to_vec(), gap_ms: 2_000 }
    }
}

impl Default for Work {
    fn default() -> Self {
        Self { commit_us: [300, 4_000], verify_us: [100, 3_000], recovery_ms: 30_000 }
    }
}

/// Why a scenario cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScenarioError {
    /// It is no scenario.
    #[error("the scenario cannot be read: {0}")]
    Toml(String),
    /// Too few or too many members.
    #[error("{0} members; a simulation has 2 to {MEMBERS_MAX}")]
    Nodes(usize),
    /// A share above its range.
    #[error("{name} is {given}; it is a share of {most} at most")]
    Share {
        /// The key.
        name: &'static str,
        /// Its value.
        given: u64,
        /// The highest value.
        most: u64,
    },
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|error| ScenarioError::Toml(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether it can be played.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn check(&self) -> Result<(), ScenarioError> {
        if self.nodes < 2 || self.nodes > MEMBERS_MAX {
            return Err(ScenarioError::Nodes(self.nodes));
        }
        let share = |name, given: u64, most: u64| {
            if given > most { Err(ScenarioError::Share { name, given, most }) } else { Ok(()) }
        };
        share("network.loss_percent", self.network.loss_percent.into(), 30)?;
        share("load.erase_permille", self.load.erase_permille.into(), 1_000)?;
        share("load.part_permille", self.load.part_permille.into(), 1_000)?;
        share("load.seal_permille", self.load.seal_permille.into(), 1_000)?;
        share("load.register_permille", self.load.register_permille.into(), 1_000)?;
        share("load.closed_permille", self.load.closed_permille.into(), 1_000)?;
        share("network.double_percent", self.network.double_percent.into(), 50)?;
        share("network.overtake_percent", self.network.overtake_percent.into(), 100)?;
        share("network.clog_ms", self.network.clog_ms, 5_000)
    }

    /// Number of hostile members: fewer than a third.
    pub fn hostile_count(&self) -> usize {
        self.hostile.count.min((self.nodes - 1) / 3)
    }

    /// The scenarios that come with the simulator, by name.
    pub fn built_in() -> Vec<(&'static str, &'static str)> {
        BUILT_IN.to_vec()
    }

    /// A scenario that comes with the simulator.
    ///
    /// # Errors
    /// [`ScenarioError`], if its file is wrong.
    pub fn named(name: &str) -> Option<Result<Self, ScenarioError>> {
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| Self::parse(text))
    }
}

const BUILT_IN: &[(&str, &str)] = &[
    ("calm", include_str!("../scenarios/calm.toml")),
    ("lossy", include_str!("../scenarios/lossy.toml")),
    ("partitions", include_str!("../scenarios/partitions.toml")),
    ("crashes", include_str!("../scenarios/crashes.toml")),
    ("disks", include_str!("../scenarios/disks.toml")),
    ("clocks", include_str!("../scenarios/clocks.toml")),
    ("erasures", include_str!("../scenarios/erasures.toml")),
    ("parts", include_str!("../scenarios/parts.toml")),
    ("sealing", include_str!("../scenarios/sealing.toml")),
    ("register", include_str!("../scenarios/register.toml")),
    ("retracted", include_str!("../scenarios/retracted.toml")),
    ("closed", include_str!("../scenarios/closed.toml")),
    ("hostile", include_str!("../scenarios/hostile.toml")),
    ("everything", include_str!("../scenarios/everything.toml")),
    ("wide", include_str!("../scenarios/wide.toml")),
    ("split", include_str!("../scenarios/split.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_that_comes_along_can_be_played_and_has_its_own_name() {
        for (name, text) in Scenario::built_in() {
            let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(scenario.name, name);
            assert!(!scenario.about.is_empty(), "{name} says what it is about");
        }
    }

    #[test]
    fn an_unknown_key_and_a_share_out_of_range_are_refused() {
        assert!(matches!(Scenario::parse("[network]\nlos_percent = 3"), Err(ScenarioError::Toml(_))));
        let refused = Scenario::parse("[network]\nloss_percent = 31");
        assert_eq!(refused, Err(ScenarioError::Share { name: "network.loss_percent", given: 31, most: 30 }));
        assert_eq!(Scenario::parse("nodes = 1"), Err(ScenarioError::Nodes(1)));
    }
}
