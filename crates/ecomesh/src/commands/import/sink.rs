//! Where the forms go that an import makes: nowhere, into files, or into the databases of the network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ecomesh_api::{ClientError, Detail, EntryDraft, EntryStanding, ProblemCode, Sent};
use ecomesh_document::Document;
use ecomesh_document::entry::{BATCHED, Batch, DatabaseEntry, EntrySource};
use ecomesh_document::mapping::{CellProblem, MappedForm};
use futures::future::join_all;
use sha2::{Digest, Sha256};

use super::known::{Latest, Row, Unasked};
use super::tally::{Entered, NodeWarning, Place};
use crate::client::Node;
use crate::commands::{notice, send};
use crate::exit::{ExitCode, Failure};
use crate::files;

/// A form that passed all checks, and the row of which it was made.
pub(super) struct Accepted {
    /// Where the row stands; of an entry of a list, its number from 1.
    pub(super) place: Place,
    /// The form: a document, a notice or an entry.
    pub(super) form: MappedForm,
}

/// Takes accepted forms, one after the other, in the order of the rows.
pub(super) trait Sink {
    /// Takes one; says where it went, if it went anywhere.
    ///
    /// # Errors
    /// Ends the import: what was taken before stays taken.
    fn take(&mut self, accepted: &Accepted) -> anyhow::Result<Option<String>>;

    /// The last form was taken; says how many were entered in the databases, if any are.
    ///
    /// # Errors
    /// As [`Sink::take`].
    fn finish(&mut self) -> anyhow::Result<Option<Entered>> {
        Ok(None)
    }

    /// Rows that were taken and refused since this was last asked, and why.
    fn refused(&mut self) -> Vec<(Place, CellProblem)> {
        Vec::new()
    }
}

/// For a dry run: it takes nothing.
pub(super) struct Nowhere;

impl Sink for Nowhere {
    fn take(&mut self, _: &Accepted) -> anyhow::Result<Option<String>> {
        Ok(None)
    }
}

/// A folder with a TOML file for each row.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder; one that is there must be empty, so that forms of two imports never mix.
    pub(super) fn new(path: &Path) -> Result<Self, Failure> {
        let unusable = |error: std::io::Error| files::unusable(path, &error);
        files::make_private(path)?;
        if std::fs::read_dir(path).map_err(unusable)?.next().is_some() {
            return Err(Failure::new(ExitCode::Io, format!("the folder {} is not empty", path.display()))
                .help("choose a new one: nothing is overwritten or mixed"));
        }
        Ok(Self(path.to_owned()))
    }
}

impl Sink for Folder {
    fn take(&mut self, accepted: &Accepted) -> anyhow::Result<Option<String>> {
        let name = format!("row-{:06}.toml", accepted.place.row);
        let toml = accepted.form.to_toml();
        let text = if is_extract(&accepted.form) { notice::extract_file(&toml) } else { toml };
        files::write_private(&self.0.join(&name), text.as_bytes())?;
        Ok(Some(name))
    }
}

/// A notice as the public list tells it: nobody has asked for it here.
fn is_extract(form: &MappedForm) -> bool {
    let MappedForm::Notice(form) = form else { return false };
    form.request().is_some_and(|request| request.reference.is_none())
}

/// Entries that are handed to the node at once: it syncs its disk once for all that are there at the time.
const AT_ONCE: usize = 64;
/// From so many rows on, entries that may stand in a batch do.
const ALONE_MAX: usize = 256;

/// The databases of the network, by way of the node. What this bureau has entered already is passed over, so an import that broke
/// off goes on where it stopped, and a list that is imported again enters what is new in it. Each form has an idempotency key of
/// its own besides, which follows from what it says: for entries by which nothing could be looked up.
pub(super) struct Databases {
    node: Node,
    unasked: Unasked,
    latest: Latest,
    /// What is entered next.
    waiting: Vec<(Place, DatabaseEntry)>,
    /// Set if what was withdrawn is entered again: a word of this import in its keys, without which the node would take it for a
    /// repetition.
    again: Option<String>,
    /// Whether this import writes batches: a long list of documents or vehicles.
    in_batches: bool,
    /// Length of what waits, about.
    bytes: usize,
    entered: Entered,
    said: Said,
    refused: Vec<(Place, CellProblem)>,
}

impl Databases {
    /// With `withdrawn` also what was withdrawn since an import before is entered.
    pub(super) fn of(global: &crate::cli::Global, withdrawn: bool) -> anyhow::Result<Self> {
        Ok(Self {
            node: Node::of(global)?,
            again: if withdrawn { Some(send::random_key()?) } else { None },
            unasked: Unasked::default(),
            latest: Latest::default(),
            waiting: Vec::new(),
            in_batches: false,
            bytes: 0,
            entered: Entered::default(),
            said: Said::default(),
            refused: Vec::new(),
        })
    }

    /// Asks which of the entries are there already; the others wait to be entered.
    fn ask(&mut self) -> anyhow::Result<()> {
        // What waits is not entered either if the node does not answer.
        let first = self.waiting.first().map(|(place, _)| *place);
        for row in self.unasked.ask(&self.node, first, self.entered.entered)? {
            self.entered.replaced += u64::from(row.is_replaced);
            match row.standing {
                None => self.enter(row)?,
                Some(EntryStanding::Withdrawn) if self.again.is_some() => self.enter(row)?,
                Some(EntryStanding::Withdrawn) => self.entered.withdrawn += 1,
                Some(_) => self.entered.known += 1,
            }
        }
        Ok(())
    }

    fn enter(&mut self, row: Row) -> anyhow::Result<()> {
        let Row { place, entry, bytes, .. } = row;
        // What is the same for all entries of a batch stands in it once: an entry of which more differs begins another one.
        let differs = |(_, other): &(Place, DatabaseEntry)| general(other) != general(&entry);
        if self.in_batches && (self.waiting.first().is_some_and(differs) || self.bytes > BATCH_BYTES) {
            self.enter_batch()?;
        }
        self.bytes += bytes;
        let batched = BATCHED.contains(&entry.database());
        self.waiting.push((place, entry));
        match (self.in_batches, batched) {
            (false, false) if self.waiting.len() >= AT_ONCE => self.enter_alone()?,
            // The first of them share their source, or each has a record of its own.
            (false, true) if self.waiting.len() > ALONE_MAX => {
                let first = self.waiting.first().map(|(_, entry)| general(entry));
                let alike = self.waiting.iter().all(|(_, entry)| Some(general(entry)) == first);
                if alike { self.in_batches = true } else { self.enter_alone()? }
            }
            (true, _) if self.waiting.len() >= BATCH_ENTRIES => self.enter_batch()?,
            _ => {}
        }
        Ok(())
    }

    /// Enters what waits, each entry with a record of its own.
    fn enter_alone(&mut self) -> anyhow::Result<()> {
        self.bytes = 0;
        for some in std::mem::take(&mut self.waiting).chunks(AT_ONCE) {
            let drafts: Vec<(Place, EntryDraft)> =
                some.iter().map(|(place, entry)| (*place, draft(entry.to_json()))).collect();
            let (api, again) = (&self.node.api, self.again.as_deref());
            let all = join_all(drafts.iter().map(|(_, draft)| async move {
                let key = key_of(draft, again);
                send::repeated(|| api.add_entry(draft, Some(&key))).await
            }));
            let answers = self.node.ask(async { Ok(all.await) })?;
            let (mut repeated, mut broken) = (Vec::new(), None);
            for ((place, _), answer) in drafts.iter().zip(answers) {
                match answer {
                    Ok(sent) if sent.repeated => repeated.push(*place),
                    Ok(sent) => self.count(&[*place], &sent),
                    // What is wrong with one row keeps no other from it.
                    Err(error) if is_of_row(&error) => self.refused.push((*place, problem_of(error))),
                    // Others that were handed over with it may be entered all the same, and count.
                    Err(error) => drop(broken.get_or_insert((*place, error))),
                }
            }
            if let Some((place, error)) = broken {
                return Err(broken_off(place, place, self.entered.entered, error));
            }
            let is_repeated =
                |(place, _): &&(Place, DatabaseEntry)| repeated.iter().any(|one| one.row == place.row);
            self.count_repeated(some.iter().filter(is_repeated))?;
        }
        Ok(())
    }

    /// The node has had these before: by now it tells which of them hold.
    fn count_repeated<'e>(
        &mut self,
        rows: impl Iterator<Item = &'e (Place, DatabaseEntry)>,
    ) -> anyhow::Result<()> {
        let mut again = Unasked::default();
        for (place, entry) in rows {
            if again.add(*place, entry) {
                self.count_known(&again.ask(&self.node, None, self.entered.entered)?);
            }
        }
        self.count_known(&again.ask(&self.node, None, self.entered.entered)?);
        Ok(())
    }

    /// Of what was withdrawn and is destroyed, the node knows nothing but that it had it.
    fn count_known(&mut self, rows: &[Row]) {
        for row in rows {
            self.entered.replaced += u64::from(row.is_replaced);
            match row.standing {
                None | Some(EntryStanding::Withdrawn) => self.entered.withdrawn += 1,
                Some(_) => self.entered.known += 1,
            }
        }
    }

    /// Enters what waits in one record. If the node refuses that, each entry is entered alone, so that it tells which it refuses.
    fn enter_batch(&mut self) -> anyhow::Result<()> {
        let (Some((first, one)), Some((last, _))) = (self.waiting.first(), self.waiting.last()) else {
            return Ok(());
        };
        if self.waiting.len() < BATCH_MIN {
            return self.enter_alone();
        }
        let (first, last) = (*first, *last);
        let source = one.source().cloned().unwrap_or_default();
        let entries = self.waiting.iter().map(|(_, entry)| entry.clone().with_reference_alone()).collect();
        let batch = Batch::new(source, entries).map_err(|error| {
            let (from, to) = (first.row, last.row);
            Failure::new(ExitCode::BadInput, format!("the rows {from} to {to} make no batch: {error}"))
        })?;
        let draft = draft(Document::from(batch).to_json());
        let key = key_of(&draft, self.again.as_deref());
        let api = &self.node.api;
        let answer =
            self.node.ask(async { Ok(send::repeated(|| api.add_entry(&draft, Some(&key))).await) })?;
        match answer {
            Ok(sent) => {
                let rows = std::mem::take(&mut self.waiting);
                self.bytes = 0;
                if sent.repeated {
                    return self.count_repeated(rows.iter());
                }
                let places: Vec<Place> = rows.into_iter().map(|(place, _)| place).collect();
                self.count(&places, &sent);
                Ok(())
            }
            Err(error) if is_of_row(&error) => self.enter_alone(),
            Err(error) => Err(broken_off(first, last, self.entered.entered, error)),
        }
    }

    /// The node took the entries of these rows in one record.
    fn count(&mut self, places: &[Place], sent: &Sent) {
        self.entered.entered += places.len() as u64;
        sent.warnings.iter().for_each(|warning| self.said.add(places, warning));
    }
}

/// Most sorts of warnings of the node that are kept apart. There are a few.
const SAID_MAX: usize = 100;

/// What the node says of entries that it took, by field and reason: of thousands of rows it says the same.
#[derive(Debug, Default)]
struct Said(BTreeMap<(String, String), NodeWarning>);

impl Said {
    /// Takes a warning about a record that has the entries of these rows.
    fn add(&mut self, places: &[Place], warning: &Detail) {
        let (line, field) = line_of(&warning.path);
        let place = line.and_then(|line| places.get(line.checked_sub(1)?)).or_else(|| places.first());
        let Some(place) = place else { return };
        let sort = (field.to_owned(), warning.message.clone());
        if let Some(known) = self.0.get_mut(&sort) {
            known.count += 1;
        } else if self.0.len() < SAID_MAX {
            let (field, reason) = sort.clone();
            let Place { row, line } = *place;
            let advice = warning.advice.clone();
            self.0.insert(sort, NodeWarning { field, reason, advice, count: 1, row, line });
        }
    }
}

/// The line of a batch in a path, and the field of the entry: `entries[3].document.expires`.
fn line_of(path: &str) -> (Option<usize>, &str) {
    let of_line = || {
        let (line, field) = path.strip_prefix("entries[")?.split_once(']')?;
        Some((line.parse().ok()?, field.strip_prefix('.').unwrap_or(field)))
    };
    of_line().map_or((None, path), |(line, field)| (Some(line), field))
}

/// Whether the node refuses what was to be entered, and would take another.
fn is_of_row(error: &ClientError) -> bool {
    let ClientError::Refused(problem) = error else { return false };
    matches!(
        problem.code,
        ProblemCode::AgainstRule
            | ProblemCode::BadDocument
            | ProblemCode::BadRequest
            | ProblemCode::TooLarge
            | ProblemCode::UnknownMember
            | ProblemCode::OwnMember
            | ProblemCode::WouldBeVoid
    )
}

/// Why a row was refused.
fn problem_of(error: ClientError) -> CellProblem {
    let failure = crate::exit::explain(&error.into());
    let reason = [vec![failure.what], failure.details].concat().join(": ");
    CellProblem::of_row(reason, failure.help.unwrap_or_default())
}

/// The end of an import, for a reason that is none of its rows'.
pub(super) fn broken_off(first: Place, last: Place, entered: u64, error: ClientError) -> anyhow::Error {
    let failure = crate::exit::explain(&error.into());
    let rows = match (first.row, last.row) {
        (first, last) if first == last => format!("row {first} was not entered, nor all that come after it"),
        (first, last) => {
            format!("the rows {first} to {last} were not entered, nor those that come after them")
        }
    };
    let before = match entered {
        0 => "nothing was entered before".to_owned(),
        1 => "1 entry was entered before, and stays".to_owned(),
        count => format!("{count} entries were entered before, and stay"),
    };
    let again = format!("{before}; run the import again, it goes on where it stopped");
    let help = failure.help.map_or_else(|| again.clone(), |help| format!("{help}; {again}"));
    Failure { what: format!("{rows}: {}", failure.what), help: Some(help), ..failure }.into()
}

impl Sink for Databases {
    fn take(&mut self, accepted: &Accepted) -> anyhow::Result<Option<String>> {
        let MappedForm::Entry(entry) = &accepted.form else {
            let what =
                format!("row {} is no entry of a database but: {}", accepted.place.row, accepted.form.name());
            return Err(Failure::new(ExitCode::Usage, what)
                .help(
                    "messages are sent and notices are asked for one by one: write the forms with --out DIR",
                )
                .into());
        };
        let document = entry.to_json();
        let form = document.to_string();
        if !self.latest.add(&form) {
            self.entered.doubled += 1;
        } else if self.unasked.add_form(accepted.place, entry, document, form.len()) {
            self.ask()?;
        }
        Ok(None)
    }

    fn finish(&mut self) -> anyhow::Result<Option<Entered>> {
        self.ask()?;
        if self.in_batches {
            self.enter_batch()?;
        } else {
            self.enter_alone()?;
        }
        self.entered.warnings = std::mem::take(&mut self.said).0.into_values().collect();
        Ok(Some(std::mem::take(&mut self.entered)))
    }

    fn refused(&mut self) -> Vec<(Place, CellProblem)> {
        std::mem::take(&mut self.refused)
    }
}

/// What of an entry's source is the same for all entries of a batch.
fn general(entry: &DatabaseEntry) -> Option<EntrySource> {
    entry.source().map(|source| EntrySource { reference: None, ..source.clone() })
}

/// Most entries of a batch, and most bytes: below what a record holds.
pub(super) const BATCH_ENTRIES: usize = 4_000;
const BATCH_BYTES: usize = 800_000;
/// So few entries have a record each.
const BATCH_MIN: usize = 16;

fn draft(document: serde_json::Value) -> EntryDraft {
    EntryDraft { document, replaces: None, exercise: false }
}

/// The same form has the same key, in whatever file and row it stands, unless it is entered again.
fn key_of(draft: &EntryDraft, again: Option<&str>) -> String {
    let hash = Sha256::new().chain_update(again.unwrap_or_default()).chain_update(draft.document.to_string());
    format!("import-{}", hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_node_says_is_of_the_row_that_it_names() {
        let places: Vec<Place> = (10..20).map(|row| Place { row, line: Some(row + 1) }).collect();
        let warning = |path: &str| Detail { path: path.into(), message: "odd".into(), advice: "look".into() };
        let mut said = Said::default();
        said.add(&places, &warning("entries[3].document.expires"));
        said.add(&places, &warning("entries[7].document.expires"));
        said.add(&places, &warning("handling.excluded"));
        // What names no line that is there is of the record.
        said.add(&places, &warning("entries[99]"));
        let told: Vec<_> = said.0.values().map(|w| (w.field.as_str(), w.count, w.row, w.line)).collect();
        assert_eq!(
            told,
            [
                ("", 1, 10, Some(11)),
                ("document.expires", 2, 12, Some(13)),
                ("handling.excluded", 1, 10, Some(11))
            ]
        );
        let words = said.0.values().nth(1).map(ToString::to_string);
        assert_eq!(words.as_deref(), Some("2 × document.expires: odd; look (first row 12)"));
    }
}
