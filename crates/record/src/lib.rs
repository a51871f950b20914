//! Records of ecomesh, as bytes: ids, headers, bodies, frontiers, fork proofs and the charter.
//!
//! Every member of the network writes *logs*: chains of signed **records**. A record is a **header** (who, where in
//! the log, for whom, until when), a signature over the header's hash, and a **body** to which the header commits
//! but which can be erased. A **frontier** says up to where a node holds each log. A **fork proof** is two signed
//! headers at one place. The **charter** founds a network; its hash is in everything that is hashed or signed.
//!
//! This crate is pure: it reads and writes bytes and hashes them. It checks no signatures (`ecomesh-seal`) and
//! takes no decisions (`ecomesh-protocol`). [`codec`] is the only place that names bincode, [`tags`] the only one
//! that names hash and signature prefixes, [`limits`] holds every bound.

pub mod archive;
pub mod body;
pub mod charter;
pub mod codec;
pub mod fork;
pub mod frontier;
pub mod header;
pub mod id;
pub mod limits;
pub mod record;
pub mod review;
pub mod tags;

pub use body::Body;
pub use charter::{Charter, CharterMember, FoundedCharter, Role};
pub use fork::ForkProof;
pub use frontier::{Frontier, FrontierEntry, SignedFrontier};
pub use header::{Audience, Extension, Flags, Header, Kind, Priority, Retention};
pub use id::{HeaderHash, Lane, LogId, MemberId, NetworkId, Position, RecordId, Time};
pub use record::{Record, RecordFrame};
pub use review::ReviewRule;
