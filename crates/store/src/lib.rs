//! Storage of ecomesh: the ledger on sled and the disk on files.
//!
//! A node keeps two kinds of things. What others wrote can be fetched again from them; it lies in the **store**, an
//! embedded database ([sled](https://docs.rs/sled/0.34.7)), behind [`SledLedger`]. What only this node has (the journal
//! of its own records, the evidence of delivery) lies in plain append-only files, behind [`FileDisk`]. So a damaged
//! database costs time, never data.
//!
//! sled is used with care, since measurements showed where it gives less than it seems to:
//!
//! - Its flush does not reach the platter. A **commit** is sled's flush and then an fsync through descriptors that
//!   this crate keeps itself, so that an error is seen by us first (`commit.rs`). Readers see a record after that, not
//!   before (`state.rs`).
//! - A flipped bit can make it lose entries without a word. So every log has a stored **head** and is counted against
//!   it when the store opens, the small tables carry a common **digest**, and a file beside the database, the
//!   **marker**, says how many commits there were (`recover.rs`, `marker.rs`).
//! - It panics on damage. It is opened on a thread of its own, and every call into it is guarded; after a panic
//!   the store answers [`LedgerError::Damaged`](ecomesh_protocol::ledger::LedgerError::Damaged) to everything
//!   (`engine.rs`).
//! - It must never meet a full disk. Free space is checked before each commit, and a **ballast** file is given up
//!   in steps so that control records can still be taken (`space.rs`).
//!
//! The files, the keys byte for byte, and what each test shows are in `docs/STORAGE.md`.

mod bodies;
mod commit;
mod engine;
mod file_disk;
mod files;
mod index;
mod ledger;
mod marker;
mod open;
mod panics;
mod plan;
mod read;
mod recover;
mod runs;
mod schema;
mod space;
mod state;
mod system;
mod verify;
mod walk;

pub use file_disk::FileDisk;
pub use files::{Access, Files, OpenFile};
pub use ledger::SledLedger;
pub use open::{OpenError, Opened, Options, create, look_at_room, open_or_create, set_aside};
pub use panics::hide_caught_panics;
pub use read::{Counts, LedgerReader, Records};
pub use runs::Runs;
pub use schema::SCHEMA_VERSION;
pub use system::System;
pub use verify::{HeaderFault, Verification};
