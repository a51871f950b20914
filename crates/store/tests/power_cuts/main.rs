//! Losses of power at every operation on files, and errors of the disk at every operation: what was acknowledged is
//! there, and everything opens.
//!
//! `sim.rs` is the file system that loses power. `logs.rs` runs journal and evidence over it, `node.rs` a whole core,
//! `whole.rs` a core with the real database beside it, `errors.rs` lets single operations fail. The forms that run
//! with `cargo test` try every operation and take turns with the rest; with `ECOMESH_POWER_CUTS=full` in the
//! environment every combination is tried.
#![allow(clippy::unwrap_used, unreachable_pub)] // These are tests: a panic is their answer.

#[path = "../common/mod.rs"]
mod common;
mod errors;
mod logs;
mod node;
mod sim;
mod whole;

/// Whether every combination is tried.
fn full() -> bool {
    std::env::var("ECOMESH_POWER_CUTS").is_ok_and(|form| form == "full")
}
