//! Reading everything back, for `ecomesh doctor`: whatever cannot be trusted is found and named.

use ecomesh_protocol::ledger::{Batch, Ledger, LedgerError};
use ecomesh_record::{Position, Record, RecordId};

use crate::ledger::SledLedger;

/// What a walk over all records found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Records that were read.
    pub records: u64,
    /// Of these, records whose body is here and matches its header.
    pub bodies: u64,
    /// Records that were known to lack their body before.
    pub known_holes: u64,
    /// Records whose body is not here by right: it was erased, has expired, or is for others only.
    pub excused: u64,
    /// Records whose body is missing or damaged, found now. They are holes from now on, and fetched again.
    pub new_holes: Vec<RecordId>,
    /// What is wrong with headers; at most [`Verification::FAULTS_MAX`]. With any of these the store has to be set
    /// aside.
    pub faults: Vec<HeaderFault>,
}

/// A header that cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderFault {
    /// Where it stands.
    pub position: Position,
    /// What is wrong.
    pub reason: String,
}

impl Verification {
    /// Most faults that are listed.
    pub const FAULTS_MAX: usize = 1_000;

    /// Whether the store may go on as it is: holes are filled by peers, headers are not.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    fn add_fault(&mut self, position: Position, reason: String) {
        if self.faults.len() < Self::FAULTS_MAX {
            self.faults.push(HeaderFault { position, reason });
        }
    }
}

impl SledLedger {
    /// Reads all records back and checks id, header hash, chain and body; not the signatures, which were checked
    /// before the records came here. Bodies that fail become holes, durably. `progress` is told the number of
    /// records read so far, after each.
    ///
    /// # Errors
    /// [`LedgerError`] if the holes cannot be written. Damage of headers is in the answer, not an error.
    pub fn verify(&mut self, mut progress: impl FnMut(u64)) -> Result<Verification, LedgerError> {
        let mut found = Verification::default();
        for head in self.shared().heads() {
            let mut previous = RecordId::ZERO;
            for seq in 0..=head.seq {
                let position = head.log.at(seq);
                match self.check(position, previous, &mut found) {
                    Ok(record) => previous = record.id(),
                    Err(reason) => {
                        found.add_fault(position, reason);
                        // Without this record nothing can be said of those after it.
                        break;
                    }
                }
                found.records += 1;
                progress(found.records);
            }
        }
        // An empty batch: what is written is the holes that were found.
        if found.is_sound() {
            self.commit(&Batch::default())?;
        }
        Ok(found)
    }

    fn check(
        &self,
        position: Position,
        previous: RecordId,
        found: &mut Verification,
    ) -> Result<Record, String> {
        let was_hole = self.shared().state().holes.contains(position);
        let record = self.shared().record(position).map_err(|error| error.to_string())?;
        let (record, _) = record.ok_or("it is not covered by its head")?;
        if record.header().prev != previous {
            return Err("it does not name the record before it".into());
        }
        match (record.body().is_some(), was_hole) {
            (true, _) => found.bodies += 1,
            (false, true) => found.known_holes += 1,
            (false, false) if self.shared().is_excused(position) => found.excused += 1,
            (false, false) => found.new_holes.push(record.id()),
        }
        Ok(record)
    }
}
