//! Code lists that a bureau has put in the place of those of the program: `codes/NAME.tsv` in the node's folder.
//!
//! A file that cannot be used is left where it is, and the list of the program holds: a slip in a list must not keep an
//! officer from the inbox. Whoever reads the lists tells of it.

use std::path::{Path, PathBuf};

use ecomesh_document::codes::{CodeSet, CodeTable, ReplaceError, builtin};
use ecomesh_document::limits::CODE_TABLE_BYTES_MAX;
use thiserror::Error;

use crate::home::{FileError, Home, files};

/// What the names of the files end with.
const ENDING: &str = ".tsv";

/// The lists of a home, and what is wrong with its files.
#[derive(Debug)]
pub struct Found {
    /// The lists: those of the program, and in their place all that can be used.
    pub set: CodeSet,
    /// Files that cannot be used.
    pub faults: Vec<UnusableList>,
}

/// How many problems of a file are told at once: `ecomesh codes check` lists all.
const TOLD_MAX: usize = 3;

/// A file that cannot be used as a list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path} is not used, and what comes with ecomesh holds instead: {}", told(.problems))]
pub struct UnusableList {
    /// The file, or the folder of lists if that cannot be read.
    pub path: PathBuf,
    /// The name that the file has without its ending: that of the list.
    pub list: String,
    /// What is wrong, each with what to do, at least one.
    pub problems: Vec<String>,
}

fn told(problems: &[String]) -> String {
    let mut told = problems.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join(" | ");
    if problems.len() > TOLD_MAX {
        told.push_str(&format!(" | and {} more", problems.len() - TOLD_MAX));
    }
    told
}

impl UnusableList {
    /// What to do about it.
    pub fn advice(&self) -> String {
        let path = self.path.display();
        if self.list.is_empty() {
            return format!("make {path} a folder that its owner can read");
        }
        format!(
            "`ecomesh codes check {path}` lists all; correct it, or go back to the list of ecomesh with `ecomesh codes remove {}`",
            self.list
        )
    }
}

/// Whether there is anything to read: most homes have no folder of lists. One that cannot be read is something.
pub fn has_some(home: &Home) -> bool {
    !files::names(&home.codes_dir()).is_ok_and(|names| names.is_empty())
}

/// Reads the lists of a home. No folder of lists is no fault: then all are those of the program.
pub fn read(home: &Home) -> Found {
    let (tables, mut faults) = tables(home);
    let set = fitting(home, tables, &mut faults);
    Found { set, faults }
}

/// The tables of a home that can be read, whether or not they fit together.
pub fn tables(home: &Home) -> (Vec<CodeTable>, Vec<UnusableList>) {
    let dir = home.codes_dir();
    let names = match files::names(&dir) {
        Ok(names) => names,
        Err(error) => {
            let fault = UnusableList { path: dir, list: String::new(), problems: vec![error.to_string()] };
            return (Vec::new(), vec![fault]);
        }
    };
    let (mut tables, mut faults) = (Vec::new(), Vec::new());
    for list in names.iter().filter_map(|name| name.strip_suffix(ENDING)) {
        let path = file(home, list);
        match table(&path, list) {
            Ok(table) => tables.push(table),
            Err(problems) => faults.push(UnusableList { path, list: list.to_owned(), problems }),
        }
    }
    (tables, faults)
}

/// Reads one table.
///
/// # Errors
/// All that is wrong with it, each with what to do.
fn table(path: &Path, list: &str) -> Result<CodeTable, Vec<String>> {
    let text =
        files::read_text(path, CODE_TABLE_BYTES_MAX as u64).map_err(|error| vec![error.to_string()])?;
    CodeTable::parse(list, &text).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The largest part of the tables that fits: a list at fault is left out, then the rest is looked at again.
fn fitting(home: &Home, mut tables: Vec<CodeTable>, faults: &mut Vec<UnusableList>) -> CodeSet {
    loop {
        let errors = match CodeSet::with(tables.iter().cloned()) {
            Ok(set) => return set,
            Err(errors) => errors,
        };
        let before = tables.len();
        tables.retain(|table| errors.iter().all(|error| error.list() != table.name));
        if tables.len() == before {
            // Only if the tables of the program did not fit together, which its tests exclude.
            return builtin().clone();
        }
        let at_fault = errors.iter().map(ReplaceError::list).collect::<std::collections::BTreeSet<_>>();
        faults.extend(at_fault.into_iter().map(|list| UnusableList {
            path: file(home, list),
            list: list.to_owned(),
            problems: errors.iter().filter(|e| e.list() == list).map(ToString::to_string).collect(),
        }));
    }
}

/// Where the table of a list stands.
pub fn file(home: &Home, list: &str) -> PathBuf {
    home.codes_dir().join(format!("{list}{ENDING}"))
}

/// Puts a table in the place of that of the program, durably and in one step. Whether it fits was asked before
/// ([`CodeSet::with`]).
///
/// # Errors
/// [`FileError`].
pub fn put(home: &Home, table: &CodeTable) -> Result<(), FileError> {
    files::create_private_dir(home.dir())?;
    files::create_private_dir(&home.codes_dir())?;
    files::write_private(&file(home, table.name), table.to_tsv().as_bytes())
}

/// Takes a table away, so that that of the program holds again. Says whether there was one.
///
/// # Errors
/// [`FileError`].
pub fn remove(home: &Home, list: &str) -> Result<bool, FileError> {
    let path = file(home, list);
    let was_there = files::exists(&path)?;
    files::remove(&path)?;
    Ok(was_there)
}

/// Whether a home has a file of that name as a list, be it one that can be used or not.
pub fn is_list(home: &Home, name: &str) -> bool {
    let file = format!("{name}{ENDING}");
    is_name(&file) && files::names(&home.codes_dir()).is_ok_and(|names| names.contains(&file))
}

/// Names of files that can be lists: for backups, which hold them whatever they say.
pub(crate) fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(ENDING).unwrap_or_default();
    (1..=32).contains(&stem.len())
        && stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("node"));
        (folder, home)
    }

    fn changed(list: &str, change: impl Fn(String) -> String) -> CodeTable {
        let text = change(builtin().get(list).unwrap().to_tsv());
        CodeTable::parse(list, &text).unwrap()
    }

    #[test]
    fn a_home_without_lists_has_those_of_the_program() {
        let (_folder, home) = home();
        let found = read(&home);
        assert!(found.faults.is_empty() && found.set == *builtin() && !has_some(&home));
        assert!(!remove(&home, "unit").unwrap());
    }

    #[test]
    fn a_list_is_put_read_and_taken_away() {
        let (_folder, home) = home();
        let unit = changed("unit", |text| text + "XQ\theaps\t\t\tcount\tecomesh\n");
        put(&home, &unit).unwrap();
        let found = read(&home);
        assert!(has_some(&home) && found.faults.is_empty() && found.set.get("unit") == Some(&unit));
        assert!(remove(&home, "unit").unwrap());
        assert_eq!(read(&home).set, *builtin());
    }

    #[test]
    fn what_cannot_be_used_is_told_and_the_rest_holds() {
        let (_folder, home) = home();
        let purpose = changed("purpose", |text| text + "K\tcircus\n");
        put(&home, &purpose).unwrap();
        // It fits only with a unit that nobody has added.
        put(&home, &changed("term", |text| text + "QQQ\tquills\t\t\tXQ\n")).unwrap();
        let write = |name: &str, text: &[u8]| std::fs::write(home.codes_dir().join(name), text).unwrap();
        write("source.tsv", b"# Sources.\ncode\ten\nW\n");
        write("unit.tsv", b"\xff\xfe");
        write("colours.tsv", b"# Colours.\ncode\ten\nred\tred\n");
        write("README.txt", b"not a list");
        let found = read(&home);
        let faults: Vec<_> = found.faults.iter().map(|fault| fault.list.as_str()).collect();
        assert_eq!(faults, ["colours", "source", "unit", "term"]);
        let text = found.faults[1].to_string();
        assert!(
            text.contains("source.tsv is not used") && text.contains("line 3: the code W has no label"),
            "{text}"
        );
        assert_eq!(found.set.get("purpose"), Some(&purpose));
        assert_eq!(found.set.get("term"), builtin().get("term"));
        assert_eq!(found.set.get("unit"), builtin().get("unit"));
    }

    #[test]
    fn names_of_files_in_backups_are_plain() {
        for good in ["unit.tsv", "leg-role.tsv"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["unit", ".tsv", "../unit.tsv", "a/b.tsv", "Unit.tsv", "unit.tsv.17.tmp"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
