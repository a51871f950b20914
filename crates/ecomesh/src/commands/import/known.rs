//! Which entries of a list are in the databases already, from an import before.

use std::collections::HashSet;
use std::time::Duration;

use ecomesh_api::limits::{KNOWN_MAX, REQUEST_BYTES_MAX};
use ecomesh_api::{ClientError, EntryStanding, KnownRequest, KnownView};
use ecomesh_document::entry::DatabaseEntry;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::sink::{BATCH_ENTRIES, broken_off};
use super::tally::Place;
use crate::client::Node;
use crate::commands::send;
use crate::exit::{ExitCode, Failure};

/// A node that was just started reads its records before it can tell: some seconds for each million.
const READ_MAX: Duration = Duration::from_secs(10 * 60);
const PAUSE: Duration = Duration::from_millis(200);
/// Length of the forms that are asked for at once, before the longest one that may come.
const BYTES_MAX: usize = REQUEST_BYTES_MAX / 4;

/// Entries of which it is not known whether they are there.
#[derive(Default)]
pub(super) struct Unasked {
    rows: Vec<Row>,
    documents: Vec<Value>,
    bytes: usize,
}

/// An entry, and what is known of it.
pub(super) struct Row {
    /// Where it stands in the list.
    pub(super) place: Place,
    /// What it says.
    pub(super) entry: DatabaseEntry,
    /// Length of its form in JSON.
    pub(super) bytes: usize,
    /// Where it stands in the databases, if it is there; nothing before the node was asked.
    pub(super) standing: Option<EntryStanding>,
    /// Whether it is there, and has another text now.
    pub(super) is_replaced: bool,
}

/// Rows of which one stands twice at most so many rows apart: so many may be on their way, and of these the node cannot tell yet.
const ON_THE_WAY: usize = BATCH_ENTRIES + KNOWN_MAX;

/// The rows that were read last.
#[derive(Default)]
pub(super) struct Latest {
    read: HashSet<[u8; 32]>,
    /// As many before these.
    before: HashSet<[u8; 32]>,
}

impl Latest {
    /// Adds the form of a row, in JSON; whether none of them is the same.
    pub(super) fn add(&mut self, form: &str) -> bool {
        if self.read.len() >= ON_THE_WAY {
            self.before = std::mem::take(&mut self.read);
        }
        let hash = Sha256::digest(form).into();
        !self.before.contains(&hash) && self.read.insert(hash)
    }
}

impl Unasked {
    /// Adds one; whether it is time to ask.
    pub(super) fn add(&mut self, place: Place, entry: &DatabaseEntry) -> bool {
        let document = entry.to_json();
        let bytes = document.to_string().len();
        self.add_form(place, entry, document, bytes)
    }

    /// The same, with the form of the entry and its length in bytes.
    pub(super) fn add_form(
        &mut self,
        place: Place,
        entry: &DatabaseEntry,
        document: Value,
        bytes: usize,
    ) -> bool {
        self.bytes += bytes;
        self.documents.push(document);
        self.rows.push(Row { place, entry: entry.clone(), bytes, standing: None, is_replaced: false });
        self.rows.len() >= KNOWN_MAX || self.bytes >= BYTES_MAX
    }

    /// Asks the node where each of the entries stands.
    ///
    /// # Errors
    /// The node's; none of the entries was entered then, and nothing from `unentered` on. `entered` were before.
    pub(super) fn ask(
        &mut self,
        node: &Node,
        unentered: Option<Place>,
        entered: u64,
    ) -> anyhow::Result<Vec<Row>> {
        let Self { mut rows, documents, .. } = std::mem::take(self);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
        let known = known(node, &KnownRequest { documents }).map_err(|error| match error {
            Unknown::Node(error) => broken_off(unentered.unwrap_or(first.place), last.place, entered, error),
            Unknown::Reads => still_reads().into(),
        })?;
        for (row, known) in rows.iter_mut().zip(known) {
            row.is_replaced = known.as_ref().is_some_and(|known| known.replaced);
            row.standing = known.map(|known| known.standing);
        }
        Ok(rows)
    }
}

/// Why it is not known.
enum Unknown {
    Node(ClientError),
    /// It has not read all of its own entries.
    Reads,
}

fn known(node: &Node, request: &KnownRequest) -> Result<Vec<Option<KnownView>>, Unknown> {
    let asked = async {
        loop {
            // Nothing changes by it: it may be asked again.
            let answer = send::repeated(|| node.api.known_entries(request)).await?;
            if answer.complete {
                return Ok(answer.entries);
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let answer = node.answer(async { Ok(tokio::time::timeout(READ_MAX, asked).await) });
    answer.map_err(Unknown::Node)?.map_err(|_| Unknown::Reads)?.map_err(Unknown::Node)
}

fn still_reads() -> Failure {
    let what =
        "the node still reads its records after a start, and cannot tell which entries are there already";
    Failure::new(ExitCode::NoNode, what)
        .help("look at `ecomesh status`, and run the import again: it goes on where it stopped")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_that_stands_twice_is_known_as_long_as_it_may_be_on_its_way() {
        let mut latest = Latest::default();
        for row in 0..3 * ON_THE_WAY {
            assert!(latest.add(&row.to_string()), "{row}");
            let before = row.saturating_sub(ON_THE_WAY - 1);
            assert!(!latest.add(&row.to_string()) && !latest.add(&before.to_string()), "{row}");
        }
    }

    #[test]
    fn what_waits_for_the_rest_of_a_batch_is_not_told_as_entered() {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::at(folder.path()).unwrap();
        let place = |row| Place { row, line: None };
        let entry =
            DatabaseEntry::carried(&json!({ "form": "sltd-entry", "document": { "number": "A1" } })).unwrap();
        for (unentered, told) in
            [(None, "the rows 300 to 301 were not entered"), (Some(2), "the rows 2 to 301 were not entered")]
        {
            let mut unasked = Unasked::default();
            assert!(!unasked.add(place(300), &entry) && !unasked.add(place(301), &entry));
            let error = unasked.ask(&node, unentered.map(place), 5).err().unwrap().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
