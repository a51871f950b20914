//! Where the forms go that an import makes. This is the seam for storing them: whoever does so writes one more sink.

use std::path::{Path, PathBuf};

use ecomesh_document::mapping::MappedForm;

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
