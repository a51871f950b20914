//! Faults on real processes: what kills, pauses, full and read-only disks, and damaged files do to a mesh under load.
//!
//! Everything is measured against the list that the clients keep: what a node has acknowledged must be on every node
//! in the end, once. Randomness is seeded; `ECOMESH_SEED=N` takes another seed, `ECOMESH_KILLS=N` and
//! `ECOMESH_DAMAGES=N` make the loops longer. The processes themselves are not deterministic: a seed gives the same
//! plan, not the same run.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

#[path = "faults/damage.rs"]
mod damage;
#[path = "faults/full_disk.rs"]
mod full_disk;
#[path = "faults/kills.rs"]
mod kills;
#[path = "faults/load.rs"]
mod load;
#[path = "faults/loss.rs"]
mod loss;
#[path = "faults/mount.rs"]
mod mount;
#[path = "faults/outcome.rs"]
mod outcome;
#[path = "faults/pauses.rs"]
mod pauses;
#[path = "faults/random.rs"]
mod random;
#[path = "faults/read_only.rs"]
mod read_only;
