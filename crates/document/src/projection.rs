//! What all documents together come to: which [notices] and diffusions stand, and which [entries] of
//! databases hold.
//!
//! A projection is a pure function from a set of documents to a state. Documents are taken in any order, since a mesh
//! brings them in any; the state is the same as after any other order. What breaks a rule of the domain has no effect and
//! is kept with the rule that it breaks, on every node alike: also if the node that sent it is hostile. A projection can be
//! thrown away and computed again from the logs.
//!
//! A projection holds ids, times and one line of each text, not the texts.

pub mod batches;
pub mod entries;
pub mod notices;
pub mod withdrawn;

mod waiting;

use ecomesh_record::RecordId;

use crate::member::MemberCode;
use crate::notice::life::Position;

pub use batches::Batches;
pub use entries::Entries;
pub use notices::Notices;
pub use withdrawn::Withdrawn;

/// The record in which a document came, as its header says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its author, its time and its place in the author's log.
    pub position: Position,
    /// Its id.
    pub id: RecordId,
}

impl Place {
    /// Who wrote it.
    pub fn author(&self) -> &MemberCode {
        &self.position.who
    }
}
