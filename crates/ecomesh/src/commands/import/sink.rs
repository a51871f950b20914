//! Where the forms go that an import makes: nowhere, into files, or into the databases of the network.

use std::path::{Path, PathBuf};

use ecomesh_api::{ClientError, EntryDraft, Sent};
use ecomesh_document::Document;
use ecomesh_document::entry::{BATCHED, Batch, DatabaseEntry, EntrySource};
use ecomesh_document::mapping::MappedForm;
use futures::future::join_all;
use sha2::{Digest, Sha256};

use crate::client::Node;
use crate::commands::{listing, notice, send};
use crate::exit::{ExitCode, Failure};
use crate::files;

/// A form that passed all checks, and the row of which it was made.
pub(super) struct Accepted {
    /// Number of the row as a spreadsheet shows it; of an entry of a list, its number from 1.
    pub(super) row: u64,
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

    /// The last form was taken; says what became of all of them, if there is something to say.
    ///
    /// # Errors
    /// As [`Sink::take`].
    fn finish(&mut self) -> anyhow::Result<Option<String>> {
        Ok(None)
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
        std::fs::create_dir_all(path).map_err(unusable)?;
        if std::fs::read_dir(path).map_err(unusable)?.next().is_some() {
            return Err(Failure::new(ExitCode::Io, format!("the folder {} is not empty", path.display()))
                .help("choose a new one: nothing is overwritten or mixed"));
        }
        Ok(Self(path.to_owned()))
    }
}

impl Sink for Folder {
    fn take(&mut self, accepted: &Accepted) -> anyhow::Result<Option<String>> {
        let name = format!("row-{:06}.toml", accepted.row);
        let toml = accepted.form.to_toml();
        let text = if is_extract(&accepted.form) { notice::extract_file(&toml) } else { toml };
        files::write_new(&self.0.join(&name), text.as_bytes())?;
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

/// The databases of the network, by way of the node. Each form has an idempotency key of its own that follows from what it
/// says: an import that broke off is run again, and goes on where it stopped.
pub(super) struct Databases {
    node: Node,
    waiting: Vec<(u64, DatabaseEntry)>,
    /// Whether this import writes batches: a long list of documents or vehicles.
    in_batches: bool,
    /// Length of what waits, about.
    bytes: usize,
    entered: u64,
    repeated: u64,
}

impl Databases {
    pub(super) fn of(global: &crate::cli::Global) -> anyhow::Result<Self> {
        Ok(Self {
            node: Node::of(global)?,
            waiting: Vec::new(),
            in_batches: false,
            bytes: 0,
            entered: 0,
            repeated: 0,
        })
    }

    /// Enters what waits, each entry with a record of its own.
    fn enter_alone(&mut self) -> anyhow::Result<()> {
        self.bytes = 0;
        for some in std::mem::take(&mut self.waiting).chunks(AT_ONCE) {
            let drafts: Vec<(u64, EntryDraft)> =
                some.iter().map(|(row, entry)| (*row, draft(entry.to_json()))).collect();
            let api = &self.node.api;
            let all = join_all(drafts.iter().map(|(_, draft)| async move {
                let key = key_of(draft);
                send::repeated(|| api.add_entry(draft, Some(&key))).await
            }));
            let answers = self.node.ask(async { Ok(all.await) })?;
            for ((row, _), answer) in drafts.iter().zip(answers) {
                self.count(*row, 1, answer)?;
            }
        }
        Ok(())
    }

    /// Enters what waits in one record.
    fn enter_batch(&mut self) -> anyhow::Result<()> {
        if self.waiting.len() < BATCH_MIN {
            return self.enter_alone();
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let Some((row, first)) = waiting.first() else { return Ok(()) };
        let (row, count) = (*row, waiting.len() as u64);
        let source = first.source().cloned().unwrap_or_default();
        let entries = waiting.iter().map(|(_, entry)| entry.clone().with_reference_alone()).collect();
        let batch = Batch::new(source, entries).map_err(|error| {
            Failure::new(ExitCode::BadInput, format!("the rows from {row} on make no batch: {error}"))
        })?;
        let draft = draft(Document::from(batch).to_json());
        let key = key_of(&draft);
        let api = &self.node.api;
        let answer =
            self.node.ask(async { Ok(send::repeated(|| api.add_entry(&draft, Some(&key))).await) })?;
        self.count(row, count, answer)
    }

    fn count(&mut self, row: u64, entries: u64, answer: Result<Sent, ClientError>) -> anyhow::Result<()> {
        let sent = answer.map_err(|error| {
            let failure = crate::exit::explain(&error.into());
            let what = format!("row {row} was not entered: {}", failure.what);
            let again = "what was entered before stays; run the import again, it goes on where it stopped";
            let help = failure.help.map_or_else(|| again.to_owned(), |help| format!("{help}; {again}"));
            Failure { what, help: Some(help), ..failure }
        })?;
        if sent.repeated {
            self.repeated += entries;
        } else {
            self.entered += entries;
        }
        Ok(())
    }
}

impl Sink for Databases {
    fn take(&mut self, accepted: &Accepted) -> anyhow::Result<Option<String>> {
        let MappedForm::Entry(entry) = &accepted.form else {
            let what =
                format!("row {} is no entry of a database but: {}", accepted.row, accepted.form.name());
            return Err(Failure::new(ExitCode::Usage, what)
                .help(
                    "messages are sent and notices are asked for one by one: write the forms with --out DIR",
                )
                .into());
        };
        // What is the same for all entries of a batch stands in it once: an entry of which more differs begins another one.
        let differs = |(_, other): &(u64, DatabaseEntry)| general(other) != general(entry);
        if self.in_batches && (self.waiting.first().is_some_and(differs) || self.bytes > BATCH_BYTES) {
            self.enter_batch()?;
        }
        self.bytes += entry.to_json().to_string().len();
        self.waiting.push((accepted.row, entry.clone()));
        let batched = BATCHED.contains(&entry.database());
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
        Ok(None)
    }

    fn finish(&mut self) -> anyhow::Result<Option<String>> {
        if self.in_batches {
            self.enter_batch()?;
        } else {
            self.enter_alone()?;
        }
        let known = match self.repeated {
            0 => String::new(),
            count => format!(", {count} were there from an import before"),
        };
        let entries = listing::counted(self.entered, "entry", "entries");
        Ok(Some(format!("{entries} entered{known}; see them with: ecomesh db list")))
    }
}

/// What of an entry's source is the same for all entries of a batch.
fn general(entry: &DatabaseEntry) -> Option<EntrySource> {
    entry.source().map(|source| EntrySource { reference: None, ..source.clone() })
}

/// Most entries of a batch, and most bytes: below what a record holds.
const BATCH_ENTRIES: usize = 4_000;
const BATCH_BYTES: usize = 800_000;
/// So few entries have a record each.
const BATCH_MIN: usize = 16;

fn draft(document: serde_json::Value) -> EntryDraft {
    EntryDraft { document, replaces: None, exercise: false }
}

/// The same form has the same key, in whatever file and row it stands.
fn key_of(draft: &EntryDraft) -> String {
    format!("import-{}", hex::encode(Sha256::digest(draft.document.to_string())))
}
