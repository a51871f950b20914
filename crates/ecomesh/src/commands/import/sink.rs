//! Where the forms go that an import makes: nowhere, into files, or into the databases of the network.

use std::path::{Path, PathBuf};

use ecomesh_api::EntryDraft;
use ecomesh_document::mapping::MappedForm;
use futures::future::join_all;
use sha2::{Digest, Sha256};

use crate::client::Node;
use crate::commands::{listing, send};
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
        files::write_new(&self.0.join(&name), accepted.form.to_toml().as_bytes())?;
        Ok(Some(name))
    }
}

/// Entries that are handed to the node at once: it syncs its disk once for all that are there at the time.
const AT_ONCE: usize = 64;

/// The databases of the network, by way of the node. Each form has an idempotency key of its own that follows from what it
/// says: an import that broke off is run again, and goes on where it stopped.
pub(super) struct Databases {
    node: Node,
    waiting: Vec<(u64, EntryDraft)>,
    entered: u64,
    repeated: u64,
}

impl Databases {
    pub(super) fn of(global: &crate::cli::Global) -> anyhow::Result<Self> {
        Ok(Self { node: Node::of(global)?, waiting: Vec::new(), entered: 0, repeated: 0 })
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let api = &self.node.api;
        let all = join_all(waiting.iter().map(|(_, draft)| async move {
            let key = key_of(draft);
            send::repeated(|| api.add_entry(draft, Some(&key))).await
        }));
        let answers = self.node.ask(async { Ok(all.await) })?;
        for ((row, _), answer) in waiting.iter().zip(answers) {
            let sent = answer.map_err(|error| {
                let failure = crate::exit::explain(&error.into());
                let what = format!("row {row} was not entered: {}", failure.what);
                let again =
                    "what was entered before stays; run the import again, it goes on where it stopped";
                let help = failure.help.map_or_else(|| again.to_owned(), |help| format!("{help}; {again}"));
                Failure { what, help: Some(help), ..failure }
            })?;
            if sent.repeated {
                self.repeated += 1;
            } else {
                self.entered += 1;
            }
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
        let draft = EntryDraft { document: entry.to_json(), replaces: None, exercise: false };
        self.waiting.push((accepted.row, draft));
        if self.waiting.len() >= AT_ONCE {
            self.flush()?;
        }
        Ok(None)
    }

    fn finish(&mut self) -> anyhow::Result<Option<String>> {
        self.flush()?;
        let known = match self.repeated {
            0 => String::new(),
            count => format!(", {count} were there from an import before"),
        };
        Ok(Some(format!(
            "{} entered{known}; see them with: ecomesh db list",
            listing::counted(self.entered, "entry", "entries")
        )))
    }
}

/// The same form has the same key, in whatever file and row it stands.
fn key_of(draft: &EntryDraft) -> String {
    format!("import-{}", hex::encode(Sha256::digest(draft.document.to_string())))
}
