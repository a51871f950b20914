//! Which countries lie in a region of the world, so that something can be sent to a region by its name.
//!
//! Regions are those of the UN's standard M49, as a table of codes (`codes/regions.tsv`). A region that has parts has the
//! countries of its parts. Antarctica, Taiwan and codes that are no country's of ISO 3166-1 are in none, and neither are
//! members that are no countries.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::codes::{Code, CodeEntry, Region};

/// How many names are offered for one that is not known.
const OFFERED_MAX: usize = 3;
/// How much a name must be like one that is not known to be offered for it: 0 nothing, 1 the same.
const LIKE_MIN: f64 = 0.6;

/// A name that no region has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no region \"{name}\"")]
pub struct UnknownRegion {
    /// The name.
    pub name: String,
    /// Names of regions that are like it, the nearest first; the largest regions if none is like it.
    pub nearest: Vec<&'static str>,
}

/// All regions, the largest first.
pub fn all() -> impl Iterator<Item = Code<Region>> {
    entries().iter().filter_map(|entry| Code::new(entry.code()).ok())
}

/// The region of this name: its code, its label in a language of the table, or another name in use. Capitals and blanks do
/// not count.
///
/// # Errors
/// [`UnknownRegion`], with the names that are nearest.
pub fn find(name: &str) -> Result<Code<Region>, UnknownRegion> {
    let wanted = plain(name);
    let found = entries().iter().find(|entry| names(entry).any(|name| name == wanted));
    found
        .and_then(|entry| Code::new(entry.code()).ok())
        .ok_or_else(|| UnknownRegion { name: name.trim().to_owned(), nearest: nearest(&wanted) })
}

/// The countries of a region, by their codes of two letters. None for a region of a newer table.
pub fn countries(region: &Code<Region>) -> BTreeSet<&'static str> {
    let parts = entries().iter().filter(|entry| is_within(entry, region.as_str()));
    parts.filter_map(|entry| entry.column("countries")).flat_map(str::split_whitespace).collect()
}

fn entries() -> &'static [CodeEntry] {
    Code::<Region>::table().entries()
}

/// Whether an entry is that region, or a part of it at whatever depth.
fn is_within(entry: &'static CodeEntry, region: &str) -> bool {
    let larger =
        |part: &&'static str| Code::<Region>::table().find(part).and_then(|entry| entry.column("within"));
    // A table that went in circles would end here all the same.
    std::iter::successors(Some(entry.code()), larger).take(entries().len()).any(|code| code == region)
}

/// Everything by which a region may be called.
pub(crate) fn names(entry: &CodeEntry) -> impl Iterator<Item = String> {
    let labels = entry.labels().map(plain);
    [entry.code().to_owned()].into_iter().chain(also(entry).map(str::to_owned)).chain(labels)
}

/// Other names in use.
fn also(entry: &CodeEntry) -> impl Iterator<Item = &str> {
    entry.column("also").unwrap_or_default().split_whitespace()
}

/// A name as codes are written.
fn plain(name: &str) -> String {
    name.split(|c: char| c.is_whitespace() || c == '_' || c == '-')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect::<Vec<_>>()
        .join("-")
}

/// Codes of the regions with the names that are most like this one.
fn nearest(wanted: &str) -> Vec<&'static str> {
    let likeness =
        |entry: &'static CodeEntry| names(entry).map(|name| likeness(&name, wanted)).fold(0.0, f64::max);
    let mut like: Vec<_> = entries()
        .iter()
        .map(|entry| (likeness(entry), entry.code()))
        .filter(|(like, _)| *like >= LIKE_MIN)
        .collect();
    if like.is_empty() {
        return entries()
            .iter()
            .filter(|entry| entry.column("within").is_none())
            .map(CodeEntry::code)
            .collect();
    }
    like.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    like.into_iter().take(OFFERED_MAX).map(|(_, code)| code).collect()
}

/// How much two names are like each other, as letters or, in whatever order, as words.
fn likeness(a: &str, b: &str) -> f64 {
    let sorted = |name: &str| {
        let mut words: Vec<_> = name.split('-').collect();
        words.sort_unstable();
        words.join("-")
    };
    strsim::normalized_damerau_levenshtein(a, b)
        .max(strsim::normalized_damerau_levenshtein(&sorted(a), &sorted(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Country;

    fn members(name: &str) -> BTreeSet<&'static str> {
        countries(&find(name).unwrap())
    }

    #[test]
    fn regions_have_the_countries_of_their_parts() {
        let eastern = members("eastern-africa");
        assert!(eastern.contains("KE") && eastern.contains("TZ") && !eastern.contains("CM"));
        let africa = members("africa");
        assert!(eastern.is_subset(&africa) && africa.contains("EG") && !africa.contains("FR"));
        // The number of countries and areas of Africa in M49.
        assert_eq!(africa.len(), 60);
        assert!(members("oceania").contains("FJ") && members("melanesia").contains("FJ"));
        assert_eq!(countries(&Code::new("middle-earth").unwrap()), BTreeSet::new());
    }

    #[test]
    fn every_country_lies_in_one_smallest_region_but_two_that_m49_leaves_out() {
        let leaves = || entries().iter().filter(|entry| entry.column("countries").is_some());
        let isos =
            Code::<Country>::table().entries().iter().filter(|entry| entry.column("scheme") == Some("iso"));
        for country in isos {
            let lists = |entry: &&CodeEntry| {
                entry
                    .column("countries")
                    .is_some_and(|list| list.split(' ').any(|code| code == country.code()))
            };
            let expected = usize::from(!["AQ", "TW"].contains(&country.code()));
            assert_eq!(leaves().filter(lists).count(), expected, "{}", country.code());
        }
        for entry in entries() {
            let known = |code: &str| Code::<Country>::table().find(code).is_some();
            assert!(
                entry.column("countries").is_none_or(|list| list.split(' ').all(known)),
                "{}",
                entry.code()
            );
            let larger = entry.column("within");
            assert!(
                larger.is_none_or(|code| Code::<Region>::table().find(code).is_some()),
                "{}",
                entry.code()
            );
            assert!(!members(entry.code()).is_empty(), "{}", entry.code());
        }
    }

    #[test]
    fn no_name_is_that_of_two_regions() {
        for entry in entries() {
            for name in names(entry) {
                assert_eq!(find(&name).unwrap().as_str(), entry.code(), "{name}");
            }
        }
        assert_eq!(all().count(), entries().len());
    }

    #[test]
    fn a_region_is_found_by_whatever_it_is_called() {
        for (name, code) in [
            ("africa", "africa"),
            ("Eastern Africa", "eastern-africa"),
            ("EAST_AFRICA", "eastern-africa"),
            ("pacific", "oceania"),
            ("south-east asia", "south-eastern-asia"),
            ("Afrique orientale", "eastern-africa"),
            ("latin-america", "latin-america-and-the-caribbean"),
        ] {
            assert_eq!(find(name).unwrap().as_str(), code, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let nearest = |name: &str| find(name).unwrap_err().nearest;
        assert_eq!(nearest("estern-africa")[0], "eastern-africa");
        assert_eq!(nearest("africa-eastern")[0], "eastern-africa");
        assert_eq!(nearest("afrika")[0], "africa");
        assert_eq!(nearest("KE"), ["africa", "americas", "asia", "europe", "oceania"]);
        assert_eq!(nearest(""), ["africa", "americas", "asia", "europe", "oceania"]);
        assert_eq!(find(" atlantis ").unwrap_err().to_string(), "there is no region \"atlantis\"");
    }
}
