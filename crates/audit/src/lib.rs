//! Offline verification of an ecomesh archive: what it holds, and whether all of it is true.
//!
//! [`audit()`] reads an archive once, from beginning to end, and needs nothing else: no node, no store, no network,
//! no clock. It checks the container and its checksum; the charter with every founder's key and signature; and of
//! each record the header's bytes, the signature under the key of its generation, its place in the chain, the
//! commitment to its body, and the rules of the network. It does not stop at the first fault, so that a damaged
//! archive tells how much of it still stands.
//!
//! A record that breaks a rule is *void in place*: listed, and no fault of the archive, since every node carries it
//! like any other. A fault is what no honest archive of an honest network has, and each says where it is.
//!
//! Memory is bounded by members, logs and threads, not by records: the archive's order puts the records that open
//! generations before all that are signed under them.
//!
//! What an archive cannot show: that nothing was written after its last records. Compare its ranges with another
//! node's signed frontier for that; and compare the network id with the one that the bureaus read out to each other.
//! The byte formats are in `docs/PROTOCOL.md`, from which an auditor in another language can be written.

mod audit;
mod chain;
mod crew;
mod examine;
mod fault;
mod report;

pub use audit::{AuditError, Options, audit};
pub use fault::{Fault, Place, What};
pub use report::{MemberSummary, Report, Verdict, VoidRecord};
