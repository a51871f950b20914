//! What one edition of a list has that another has not.

use serde::Serialize;

use crate::codes::{CodeEntry, CodeTable};

/// What changes when a table takes the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Difference {
    /// Codes that are new.
    pub added: Vec<String>,
    /// Codes that are not there any more.
    pub gone: Vec<String>,
    /// Codes of which a label or another column is different.
    pub changed: Vec<String>,
}

impl Difference {
    /// What changes when `new` takes the place of `old`.
    pub fn between(old: &CodeTable, new: &CodeTable) -> Self {
        let lacks = |table: &CodeTable, entry: &&CodeEntry| table.find(entry.code()).is_none();
        let differs =
            |entry: &&CodeEntry| old.find(entry.code()).is_some_and(|old| !says_the_same(old, entry));
        let codes = |entries: Vec<&CodeEntry>| entries.iter().map(|entry| entry.code().to_owned()).collect();
        Self {
            added: codes(new.entries().iter().filter(|entry| lacks(old, entry)).collect()),
            gone: codes(old.entries().iter().filter(|entry| lacks(new, entry)).collect()),
            changed: codes(new.entries().iter().filter(differs).collect()),
        }
    }

    /// Whether nothing changes but, perhaps, the note and the order of the lines.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.gone.is_empty() && self.changed.is_empty()
    }
}

/// Whatever the order of the columns; an empty cell says as much as none.
fn says_the_same(old: &CodeEntry, new: &CodeEntry) -> bool {
    old.columns().count() == new.columns().count()
        && new.columns().all(|(name, cell)| old.column(name) == Some(cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_gone_and_different_is_told_apart() {
        let table = |lines: &str| CodeTable::parse("purpose", &format!("# Purposes.\n{lines}")).unwrap();
        let old = table("code\ten\tfr\nT\ttrade\tcommerce\nZ\tzoo\nB\tbreeding\n");
        let new = table("code\tfr\ten\nB\t\tbreeding in captivity\nT\tcommerce\ttrade\nQ\t\tcircus\n");
        let difference = Difference::between(&old, &new);
        assert_eq!(difference.added, ["Q"]);
        assert_eq!(difference.gone, ["Z"]);
        assert_eq!(difference.changed, ["B"]);
        assert!(!difference.is_empty() && Difference::between(&old, &old).is_empty());
    }
}
