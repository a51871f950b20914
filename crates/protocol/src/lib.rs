//! What an ecomesh node decides, as pure state machines: no clock, no file, no network, no randomness of their own.
//!
//! # The story
//!
//! Every member writes four chains of signed records, its **lanes**; a chain under one key with one uninterrupted
//! history is a **generation**. A node's work is to hold every chain of every member, whole and in order, and to
//! say honestly what it holds.
//!
//! New records are **pushed**: their author batches them into messages, and gossip spreads them fast and without a
//! promise. What gossip loses is **pulled**: nodes exchange signed **frontiers** ("of this log I hold all up to
//! here") and ask each other for pages of what they lack. A record that comes early is **parked** until its
//! predecessors are here. Delivery is what a frontier of the addressee covers, and nothing else.
//!
//! A record is **carried** if its bytes decode, its signature verifies and its chain fits, whatever it says; a
//! broken rule makes it **void in place** ([`mod@judge`]), never shown and never in the way. Two signed records at one
//! place are a **fork proof**, which everyone keeps. Blame is only for what no honest peer can send.
//!
//! # The shape
//!
//! [`Core`] takes [`Input`]s, decides, commits once per batch, and gives
//! [`Output`]s; it dispatches to small machines, each in its own file. Bytes from outside are decoded
//! and verified before the core sees them ([`verify`], [`wire`]). What must last goes through two traits:
//! [`Ledger`] for records and [`Disk`] for the journal and the evidence of delivery.

pub mod admission;
pub mod author;
pub mod blame;
pub mod control;
pub mod core;
pub mod delivery;
pub mod disk;
pub mod erasure;
pub mod evidence;
pub mod forks;
pub mod frontiers;
pub mod hello;
pub mod io;
pub mod journal;
pub mod judge;
pub mod ledger;
pub mod limits;
pub mod lives;
pub mod park;
pub mod prekeys;
pub mod receipt;
pub mod replica;
mod rng;
pub mod roster;
pub mod rotation;
pub mod small_log;
pub mod sync;
pub mod verify;
pub mod wire;

pub use core::{Core, CoreConfig, Identity};
pub use disk::{Disk, DiskError, MemoryDisk};
pub use io::{Alarm, AuthorError, Draft, Input, Now, Output, PeerKey, PushVerdict, Recorded};
pub use judge::{Void, judge};
pub use ledger::{Batch, Ledger, LedgerError, LogHead, MemoryLedger, NewRecord, Room};
pub use roster::{FoundingError, Roster};
pub use verify::{KeyRing, Refusal, Verified, VerifiedFrontier};
