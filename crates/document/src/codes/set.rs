//! All tables together: whether tables of a bureau's own fit among the others, and which are in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use thiserror::Error;

use crate::codes::{CodeEntry, CodeTable, ListSpec, MayChange, builtin};
use crate::region;

/// One table of each list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeSet {
    tables: BTreeMap<&'static str, CodeTable>,
    /// The lists whose tables are not those of the program.
    replaced: BTreeSet<&'static str>,
}

/// Why a table cannot take the place of that of the program. Each names the list that is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplaceError {
    /// Two tables of one list.
    #[error("there are two tables of the list \"{list}\"; give one")]
    Twice {
        /// The list.
        list: &'static str,
    },
    /// Codes that must stay are not there.
    #[error(
        "the list \"{list}\" lacks {codes}, on which ecomesh relies; add the lines again, their labels may differ"
    )]
    Lacks {
        /// The list.
        list: &'static str,
        /// The codes.
        codes: String,
    },
    /// The codes of the list are fixed, and there are others.
    #[error(
        "{codes}: the list \"{list}\" cannot have other codes than those of ecomesh; take them out, only labels can be changed"
    )]
    Fixed {
        /// The list.
        list: &'static str,
        /// The codes.
        codes: String,
    },
    /// A term is counted in what is no unit.
    #[error(
        "the term {term} has the unit \"{unit}\", which the list \"unit\" lacks; correct one of the two lists"
    )]
    NoUnit {
        /// The list.
        list: &'static str,
        /// The term.
        term: String,
        /// What it is counted in.
        unit: String,
    },
    /// A region has what is no country.
    #[error(
        "the region {region} has \"{country}\", which the list \"country\" lacks; correct one of the two lists"
    )]
    NoCountry {
        /// The list.
        list: &'static str,
        /// The region.
        region: String,
        /// What lies in it.
        country: String,
    },
    /// A region lies within what is no region.
    #[error(
        "the region {region} lies within \"{within}\", which the list \"region\" lacks; correct the column within"
    )]
    NoRegion {
        /// The list.
        list: &'static str,
        /// The region.
        region: String,
        /// Within what it lies.
        within: String,
    },
    /// A region lies within itself.
    #[error("the region {region} lies within itself, by way of others; correct the column within")]
    Circle {
        /// The list.
        list: &'static str,
        /// The region.
        region: String,
    },
    /// A name that two regions have.
    #[error("the regions {first} and {second} are both called \"{name}\"; give one of them another name")]
    SameName {
        /// The list.
        list: &'static str,
        /// A region.
        first: String,
        /// Another one.
        second: String,
        /// The name, as it is compared.
        name: String,
    },
}

/// The tables in force cannot be chosen any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the code lists of this process are in use already; install others before anything reads one")]
pub struct InstallError;

impl ReplaceError {
    /// The list that is at fault: without its replacement, this is no error any more.
    pub fn list(&self) -> &'static str {
        match self {
            Self::Twice { list }
            | Self::Lacks { list, .. }
            | Self::Fixed { list, .. }
            | Self::NoUnit { list, .. }
            | Self::NoCountry { list, .. }
            | Self::NoRegion { list, .. }
            | Self::Circle { list, .. }
            | Self::SameName { list, .. } => list,
        }
    }
}

impl CodeSet {
    /// The tables of the program, with `tables` in the place of theirs.
    ///
    /// # Errors
    /// All that does not fit, in no table on its own or among them.
    pub fn with(tables: impl IntoIterator<Item = CodeTable>) -> Result<Self, Vec<ReplaceError>> {
        let mut set = builtin().clone();
        let mut errors = Vec::new();
        for table in tables {
            let list = table.name;
            if !set.replaced.insert(list) {
                errors.push(ReplaceError::Twice { list });
            }
            if let (Some(spec), Some(own)) = (ListSpec::find(list), builtin().get(list)) {
                errors.extend(breaks(spec.may_change, own, &table));
            }
            set.tables.insert(list, table);
        }
        errors.extend(set.units_that_are_none());
        errors.extend(set.faults_of_regions());
        if errors.is_empty() { Ok(set) } else { Err(errors) }
    }

    /// The table of a list.
    pub fn get(&self, name: &str) -> Option<&CodeTable> {
        self.tables.get(name)
    }

    /// All tables, by name.
    pub fn iter(&self) -> impl Iterator<Item = &CodeTable> {
        self.tables.values()
    }

    /// Whether the table of a list is another than that of the program.
    pub fn is_replaced(&self, name: &str) -> bool {
        self.replaced.contains(name)
    }

    fn entries(&self, list: &str) -> &[CodeEntry] {
        self.get(list).map_or(&[], CodeTable::entries)
    }

    fn has(&self, list: &str, code: &str) -> bool {
        self.get(list).is_some_and(|table| table.find(code).is_some())
    }

    /// Which of two lists is at fault if they do not fit: one that was replaced, the one that refers to the other first.
    fn at_fault(&self, refers: &'static str, referred: &'static str) -> &'static str {
        if self.is_replaced(refers) || !self.is_replaced(referred) { refers } else { referred }
    }

    fn units_that_are_none(&self) -> Vec<ReplaceError> {
        let list = self.at_fault("term", "unit");
        let units = self.entries("term").iter().flat_map(|term| {
            term.column("units").unwrap_or_default().split_whitespace().map(move |unit| (term.code(), unit))
        });
        units
            .filter(|(_, unit)| *unit != "-" && !self.has("unit", unit))
            .map(|(term, unit)| ReplaceError::NoUnit { list, term: term.to_owned(), unit: unit.to_owned() })
            .collect()
    }

    fn faults_of_regions(&self) -> Vec<ReplaceError> {
        let mut errors = Vec::new();
        let mut named: BTreeMap<String, &str> = BTreeMap::new();
        for entry in self.entries("region") {
            let region = entry.code().to_owned();
            for country in entry.column("countries").unwrap_or_default().split_whitespace() {
                if !self.has("country", country) {
                    let (list, region) = (self.at_fault("region", "country"), region.clone());
                    errors.push(ReplaceError::NoCountry { list, region, country: country.to_owned() });
                }
            }
            errors.extend(self.fault_of_place(entry));
            for name in region::names(entry) {
                if let Some(first) = named.insert(name.clone(), entry.code()).filter(|first| *first != region)
                {
                    let (first, second) = (first.to_owned(), region.clone());
                    errors.push(ReplaceError::SameName { list: "region", first, second, name });
                }
            }
        }
        errors
    }

    /// Whether the regions around a region are regions, and come to an end.
    fn fault_of_place(&self, entry: &CodeEntry) -> Option<ReplaceError> {
        let (list, region) = ("region", entry.code().to_owned());
        let within = entry.column("within")?;
        if !self.has(list, within) {
            return Some(ReplaceError::NoRegion { list, region, within: within.to_owned() });
        }
        let larger = |code: &&str| self.get(list)?.find(code)?.column("within");
        let around = std::iter::successors(Some(within), larger).take(self.entries(list).len());
        around.into_iter().any(|code| code == region).then_some(ReplaceError::Circle { list, region })
    }
}

impl FromIterator<CodeTable> for CodeSet {
    /// The tables of the program.
    fn from_iter<T: IntoIterator<Item = CodeTable>>(tables: T) -> Self {
        let tables = tables.into_iter().map(|table| (table.name, table)).collect();
        Self { tables, replaced: BTreeSet::new() }
    }
}

/// How a table breaks what its list may change.
fn breaks(may_change: MayChange, own: &CodeTable, table: &CodeTable) -> Vec<ReplaceError> {
    let list = own.name;
    let codes = |table: &CodeTable| table.entries().iter().map(|e| e.code().to_owned()).collect::<Vec<_>>();
    let must_stay = match may_change {
        MayChange::Open => Vec::new(),
        MayChange::Keeps(some) => some.iter().map(|code| (*code).to_owned()).collect(),
        MayChange::Grows | MayChange::Fixed => codes(own),
    };
    let gone = listed(must_stay, table).map(|codes| ReplaceError::Lacks { list, codes });
    let others = match may_change {
        MayChange::Fixed => listed(codes(table), own).map(|codes| ReplaceError::Fixed { list, codes }),
        _ => None,
    };
    gone.into_iter().chain(others).collect()
}

/// Those of the codes that a table lacks, if there are any.
fn listed(codes: Vec<String>, table: &CodeTable) -> Option<String> {
    let lacking: Vec<_> = codes.into_iter().filter(|code| table.find(code).is_none()).collect();
    (!lacking.is_empty()).then(|| lacking.join(", "))
}

/// Those in force, once they were looked at or chosen; nothing stands for those of the program.
static IN_FORCE: OnceLock<Option<CodeSet>> = OnceLock::new();

/// The tables in force: those that were installed, else those of the program. From the first look on they stay what they
/// are until the process ends: a form is never checked by one edition of a list and written by another.
pub fn tables() -> &'static CodeSet {
    IN_FORCE.get_or_init(|| None).as_ref().unwrap_or_else(|| builtin())
}

/// The table in force of a list, by name.
pub fn table(name: &str) -> Option<&'static CodeTable> {
    tables().get(name)
}

/// Puts tables in force, for this process. A program does this once, before anything else of this crate: values of arguments
/// are therefore read by the built-in tables, and come from lists whose codes are fixed.
///
/// # Errors
/// [`InstallError`] if tables were looked at or installed before; then nothing changes.
pub fn install(set: CodeSet) -> Result<(), InstallError> {
    IN_FORCE.set(Some(set)).map_err(|_| InstallError)
}

#[cfg(test)]
mod tests;
