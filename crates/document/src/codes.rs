//! Closed code lists, as data: tables of facts, and the types that name them.
//!
//! A [`Code`] holds the letters of a code, not a position in a table, so that a table can be replaced by a newer
//! edition without touching the logic, and a message of a bureau with a newer table is still carried and shown. A
//! code that is not in the table is an error to whoever *writes* a message, and only marked to whoever reads it.
//!
//! The program brings a table of each list ([`builtin`]). What may change of which is said beside the list
//! ([`MayChange`]); a table of a bureau's own is read by [`CodeTable::parse`], checked against all others by
//! [`CodeSet::with`], and put in force by [`install`], once in the life of a process and before the first look at a table.
//!
//! **Nothing that is decided about the records of others may rest on a table in force**, or two nodes would decide
//! differently. Where such a decision needs a table, it takes the built-in one.

mod builtin;
mod difference;
mod lists;
mod parse;
mod set;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::GUESS_BYTES_MAX;

pub use builtin::builtin;
pub use difference::Difference;
pub use lists::*;
pub use parse::CodeTableError;
pub use set::{CodeSet, InstallError, ReplaceError, install, table, tables};

/// One line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeEntry {
    code: String,
    /// One for each column of the table.
    cells: Vec<String>,
    columns: Arc<[String]>,
}

/// Longest code in bytes: the longest that is in use has 20.
const CODE_BYTES_MAX: usize = 32;
/// Columns that hold the code of another list for the same: what is written so means this code, but nobody calls it that.
const OTHER_CODES: &[&str] = &["alpha2", "alpha3", "terminology"];

/// A closed list of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeTable {
    /// Name of the list.
    pub name: &'static str,
    /// What the list is for.
    pub note: String,
    /// Names of the columns behind the code.
    columns: Arc<[String]>,
    entries: Vec<CodeEntry>,
    /// Places of the entries, by their codes.
    by_code: Vec<usize>,
}

/// Names a list at the type level.
pub trait CodeList: 'static {
    /// Name of its table.
    const NAME: &'static str;
}

/// A code of the list `L`: 1 to 32 letters, digits, `-` and `/`.
pub struct Code<L> {
    code: String,
    list: PhantomData<fn() -> L>,
}

/// A code of a list that real data go beyond: to whoever writes it, a code that is not in the table is a warning with
/// the nearest one, and no error.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OpenCode<L: CodeList>(pub Code<L>);

/// Why a text cannot be a code of any list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a code has 1 to 32 letters, digits, - and /")]
pub struct CodeError;

impl CodeEntry {
    /// The code, as it is written in messages.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The column `name` of the table, if it is there and not empty.
    pub fn column(&self, name: &str) -> Option<&str> {
        self.columns().find(|(column, _)| *column == name).map(|(_, cell)| cell)
    }

    /// The columns that are not empty, in the order of the table, each with its name.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &str)> {
        let cells = self.columns.iter().zip(&self.cells).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(column, cell)| (column.as_str(), cell.as_str()))
    }

    /// What it means, in `language` (`en`, `fr`, `es`) if the table has that column, else in English.
    pub fn label(&self, language: &str) -> &str {
        self.column(language).or_else(|| self.column("en")).unwrap_or(&self.code)
    }

    /// What it means, in every language that the table has: the columns that are named by a language's two or three letters.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        let is_language =
            |name: &str| (2..=3).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase());
        self.columns().filter(move |(name, _)| is_language(name)).map(|(_, label)| label)
    }

    fn other_codes(&self) -> impl Iterator<Item = &str> {
        self.columns().filter(|(name, _)| OTHER_CODES.contains(name)).map(|(_, code)| code)
    }
}

impl CodeTable {
    /// The entry of a code, written exactly.
    pub fn find(&self, code: &str) -> Option<&CodeEntry> {
        let at = self.by_code.binary_search_by(|place| self.entries[*place].code.as_str().cmp(code)).ok()?;
        self.entries.get(self.by_code[at])
    }

    /// All entries in the table's order.
    pub fn entries(&self) -> &[CodeEntry] {
        &self.entries
    }

    /// The code that was probably meant: same letters in another case, a label, or nearly the same letters. A text of more
    /// than [`GUESS_BYTES_MAX`] bytes is at most a label, and nothing is guessed for it.
    pub fn nearest(&self, text: &str) -> Option<&CodeEntry> {
        let wanted = text.trim().to_lowercase();
        let same = |candidate: &str| candidate.to_lowercase() == wanted;
        self.entries
            .iter()
            .find(|e| same(&e.code) || e.labels().chain(e.other_codes()).any(same))
            .or_else(|| self.guess(&wanted))
    }

    /// The entry that is like this text, in small letters.
    fn guess(&self, wanted: &str) -> Option<&CodeEntry> {
        if wanted.len() > GUESS_BYTES_MAX {
            return None;
        }
        self.meant(wanted).or_else(|| self.nearest_code(wanted)).or_else(|| self.nearest_label(wanted))
    }

    /// The entry of which the code has nearly these letters.
    fn nearest_code(&self, wanted: &str) -> Option<&CodeEntry> {
        // Two- and three-letter codes are all near each other: a guess would only mislead.
        let long = self.entries.iter().filter(|e| e.code.len() > 3);
        let scored = long.map(|e| (strsim::damerau_levenshtein(&e.code.to_lowercase(), wanted), e));
        scored.filter(|(d, e)| *d <= e.code.len() / 3).min_by_key(|(d, _)| *d).map(|(_, e)| e)
    }

    /// The entry of which a label is nearly this text, or begins it: `kenia`, `kenya colony`.
    fn nearest_label(&self, wanted: &str) -> Option<&CodeEntry> {
        let distance = |label: &str| {
            let label = label.to_lowercase();
            let length = label.chars().count();
            let begins = wanted.strip_prefix(&label).is_some_and(|rest| rest.starts_with(' '));
            let slips = if begins { 1 } else { strsim::damerau_levenshtein(&label, wanted) };
            // Of short labels half the letters would be slips.
            (length > 4 && slips <= length / 5).then_some(slips)
        };
        let of_entry = |e: &CodeEntry| e.labels().filter_map(distance).min();
        self.entries.iter().filter_map(|e| Some((of_entry(e)?, e))).min_by_key(|(d, _)| *d).map(|(_, e)| e)
    }

    /// The one code that others write so (the column `also`), whose label begins so, or with which it begins: `kg`, `tusk`,
    /// `kilo`. `wanted` is in small letters. What fits several codes is no help.
    fn meant(&self, wanted: &str) -> Option<&CodeEntry> {
        let one = |fits: &dyn Fn(&CodeEntry) -> bool| {
            let mut fitting = self.entries.iter().filter(|entry| fits(entry));
            fitting.next().filter(|_| fitting.next().is_none())
        };
        let begins = |entry: &CodeEntry, letters_more: usize| {
            entry.labels().any(|label| {
                label
                    .to_lowercase()
                    .strip_prefix(wanted)
                    .is_some_and(|rest| rest.chars().count() <= letters_more)
            })
        };
        let also = |entry: &CodeEntry| {
            entry
                .column("also")
                .is_some_and(|also| also.split(' ').any(|other| other.to_lowercase() == wanted))
        };
        // A letter or two begin too much.
        let is_long = wanted.chars().count() > 2;
        let code_and_more = |entry: &CodeEntry| {
            entry.code.len() > 2
                && wanted.strip_prefix(&entry.code.to_lowercase()).is_some_and(|rest| rest.len() <= 2)
        };
        one(&also)
            .or_else(|| one(&|entry| is_long && begins(entry, 2)))
            .or_else(|| one(&|entry| is_long && begins(entry, usize::MAX)))
            .or_else(|| one(&code_and_more))
    }

    /// What to write instead of a text that is no code of the list: the code that was meant, or the codes that there are.
    pub(crate) fn advice(&self, text: &str) -> String {
        if let Some(near) = self.nearest(text) {
            return format!("did you mean \"{}\" ({})?", near.code, near.label("en"));
        }
        let codes: Vec<_> = self.entries.iter().map(|e| e.code.as_str()).collect();
        if codes.len() <= 40 {
            format!("choose one of {}", codes.join(", "))
        } else {
            format!("choose one of its {} codes, such as {}", codes.len(), codes[..5].join(", "))
        }
    }
}

impl<L: CodeList> Code<L> {
    /// A code by its letters; whether the list has it is said by [`Code::entry`].
    ///
    /// # Errors
    /// [`CodeError`] if it is no code at all.
    pub fn new(code: &str) -> Result<Self, CodeError> {
        let fits = (1..=CODE_BYTES_MAX).contains(&code.len())
            && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'/');
        if fits { Ok(Self { code: code.to_owned(), list: PhantomData }) } else { Err(CodeError) }
    }

    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.code
    }

    /// The table's entry; `None` for a code of a newer table.
    pub fn entry(&self) -> Option<&'static CodeEntry> {
        Self::table().find(&self.code)
    }

    /// The table of this list.
    pub fn table() -> &'static CodeTable {
        table(L::NAME).expect("a test looks up every list that has a type")
    }
}

impl<L> Clone for Code<L> {
    fn clone(&self) -> Self {
        Self { code: self.code.clone(), list: PhantomData }
    }
}

impl<L> PartialEq for Code<L> {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl<L> Eq for Code<L> {}

impl<L> PartialOrd for Code<L> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By letters, not by the table's order: tables may be replaced.
impl<L> Ord for Code<L> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code.cmp(&other.code)
    }
}

impl<L> fmt::Debug for Code<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

impl<L> fmt::Display for Code<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_typed_list_has_a_table_and_every_table_a_type() {
        let mut typed: Vec<_> = LISTS.iter().map(|list| list.name).collect();
        typed.sort_unstable();
        assert_eq!(tables().iter().map(|table| table.name).collect::<Vec<_>>(), typed);
        assert!(tables().iter().all(|table| table.entries.len() > 1));
    }

    #[test]
    fn the_tables_have_the_sizes_of_their_sources() {
        let count = |name: &str, column: &str, value: &str| {
            table(name).unwrap().entries().iter().filter(|e| e.column(column) == Some(value)).count()
        };
        assert_eq!(Code::<Term>::table().entries().len(), 105);
        assert_eq!(count("unit", "scheme", "cites"), 38);
        assert_eq!(count("country", "scheme", "iso"), 249);
        for special in ["XX", "ZZ", "XV", "XK", "KV", "ZC", "ZR", "YD", "NT", "AN", "SU", "YU"] {
            assert!(Code::<Country>::table().find(special).is_some(), "{special}");
        }
        for list in ["term", "unit", "family", "source", "purpose", "leg-role", "convention"] {
            for entry in table(list).unwrap().entries() {
                assert!(
                    entry.column("fr").is_some() && entry.column("es").is_some(),
                    "{list}: {}",
                    entry.code
                );
            }
        }
    }

    #[test]
    fn a_near_miss_finds_what_was_meant() {
        let nearest = |list: &str, text: &str| table(list).unwrap().nearest(text).map(CodeEntry::code);
        assert_eq!(nearest("term", "sca"), Some("SCA"));
        assert_eq!(nearest("term", "scales"), Some("SCA"));
        assert_eq!(nearest("term", "écailles"), Some("SCA"));
        assert_eq!(nearest("country", "Kenia"), Some("KE"));
        assert_eq!(nearest("country", "Kenya Colony"), Some("KE"));
        assert_eq!(nearest("country", "XQ"), None);
        assert_eq!(nearest("unit", "kilograms"), Some("KIL"));
        assert_eq!(nearest("country", "Kenya"), Some("KE"));
        assert_eq!(nearest("leg-role", "transist"), Some("transit"));
        assert_eq!(nearest("term", "XQZ"), None);
        for (text, code) in
            [("TUSK", "TUS"), ("scale", "SCA"), ("pangolin", "none"), ("iv", "none"), ("ivory", "none")]
        {
            assert_eq!(nearest("term", text).unwrap_or("none"), code, "{text}");
        }
        let units = [
            ("KG", "KIL"),
            ("kg", "KIL"),
            ("KGM", "KIL"),
            ("kilo", "KIL"),
            ("MTQ", "CUM"),
            ("m3", "CUM"),
            ("m³", "CUM"),
        ];
        let more = [
            ("g", "GRM"),
            ("t", "TON"),
            ("l", "LTR"),
            ("LITER", "LTR"),
            ("gram", "GRM"),
            ("pcs", "PCS"),
            ("m", "MTR"),
        ];
        for (text, code) in units.into_iter().chain(more) {
            assert_eq!(nearest("unit", text), Some(code), "{text}");
        }
        assert_eq!(nearest("country", "KEN"), Some("KE"));
        for other in ["FR", "fra", "French"] {
            assert_eq!(nearest("spoken-language", other), Some("FRE"), "{other}");
        }
    }

    #[test]
    fn a_language_that_is_added_is_found_and_other_columns_are_not() {
        let text = "# Purposes.\ncode\ten\tsw\tnote\tswa\nT\ttrade\tbiashara\tas before\tmauzo\n";
        let table = CodeTable::parse("purpose", text).expect("a table");
        assert_eq!(table.entries[0].labels().collect::<Vec<_>>(), ["trade", "biashara", "mauzo"]);
        for (text, code) in [
            ("BIASHARA", Some("T")),
            ("mauzo", Some("T")),
            ("biasharo", Some("T")),
            ("biash", Some("T")),
            ("as before", None),
        ] {
            assert_eq!(table.nearest(text).map(CodeEntry::code), code, "{text}");
        }
    }

    #[test]
    fn every_column_of_the_program_s_tables_is_known() {
        let facts = ["units", "dimension", "scheme", "m49", "within", "countries", "also"];
        for entry in tables().iter().flat_map(CodeTable::entries) {
            let labels: Vec<_> = entry.labels().chain(entry.other_codes()).collect();
            let names: Vec<_> = entry.columns().filter(|(name, _)| !facts.contains(name)).collect();
            assert_eq!(names.len(), labels.len(), "{}", entry.code());
            assert!(names.iter().all(|(_, cell)| labels.contains(cell)), "{}", entry.code());
        }
    }

    #[test]
    fn nothing_is_guessed_for_a_long_text() {
        let countries = table("country").unwrap();
        let colony = |bytes: usize| format!("kenya {}", "x".repeat(bytes - 6));
        assert_eq!(countries.nearest(&colony(GUESS_BYTES_MAX)).map(CodeEntry::code), Some("KE"));
        for bytes in [GUESS_BYTES_MAX + 1, crate::limits::CONTENT_BYTES_MAX] {
            assert_eq!(countries.nearest(&colony(bytes)), None);
            assert!(countries.advice(&colony(bytes)).starts_with("choose one of"));
        }
        // A label is found however long it is, since nothing is guessed.
        let long = |e: &&CodeEntry| e.label("en").len() > GUESS_BYTES_MAX;
        let (list, entry) = tables().iter().find_map(|t| Some((t, t.entries.iter().find(long)?))).unwrap();
        assert_eq!(list.nearest(&entry.label("en").to_uppercase()), Some(entry));
    }
}
