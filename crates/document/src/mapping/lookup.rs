//! Codes by their letters or labels, and countries by code or name: what is in no table is not mapped.

use std::collections::BTreeSet;

use crate::codes::{CodeEntry, CodeTable};
use crate::incident::names;
use crate::mapping::value::Misfit;
use crate::report::excerpt;

/// By what a country is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountryBy {
    /// By its code of two letters or of three.
    Code,
    /// By its name in the table of countries, or one that is in use for it.
    Name,
    /// By either.
    Either,
}

/// Names of countries that are in use, mostly the short names of ISO 3166-1, where the table of codes has another one.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("Bolivia (Plurinational State of)", "BO"),
    ("Bosnia and Herzegovina", "BA"),
    ("Brunei Darussalam", "BN"),
    ("Cabo Verde", "CV"),
    ("Central African Republic", "CF"),
    ("Czechia", "CZ"),
    ("Democratic Republic of the Congo", "CD"),
    ("Congo (the Democratic Republic of the)", "CD"),
    ("Republic of the Congo", "CG"),
    ("Eswatini", "SZ"),
    ("Swaziland", "SZ"),
    ("Iran (Islamic Republic of)", "IR"),
    ("Korea (the Republic of)", "KR"),
    ("Republic of Korea", "KR"),
    ("South Korea", "KR"),
    ("Democratic People's Republic of Korea", "KP"),
    ("North Korea", "KP"),
    ("Lao People's Democratic Republic", "LA"),
    ("Lao PDR", "LA"),
    ("Republic of Moldova", "MD"),
    ("Myanmar", "MM"),
    ("Russian Federation", "RU"),
    ("Syrian Arab Republic", "SY"),
    ("Tanzania, United Republic of", "TZ"),
    ("United Republic of Tanzania", "TZ"),
    ("Timor-Leste", "TL"),
    ("Türkiye", "TR"),
    ("United Kingdom of Great Britain and Northern Ireland", "GB"),
    ("United States of America", "US"),
    ("USA", "US"),
    ("Venezuela (Bolivarian Republic of)", "VE"),
    ("Viet Nam", "VN"),
];

/// The code that a cell names: by its letters, else by its label in a language of the table, whatever the capitals.
///
/// # Errors
/// Why it names none, or several.
pub(super) fn code<'t>(table: &'t CodeTable, cell: &str) -> Result<&'t str, Misfit> {
    if let Some(entry) = table.find(cell) {
        return Ok(entry.code());
    }
    let wanted = cell.to_lowercase();
    let same = |text: &str| text.to_lowercase() == wanted;
    let by_letters = codes(table, |entry| same(entry.code()));
    let found =
        if by_letters.is_empty() { codes(table, |entry| entry.labels().any(same)) } else { by_letters };
    the_only(found, table, cell)
}

/// The code of a country.
///
/// # Errors
/// As [`code`].
pub(super) fn country<'t>(table: &'t CodeTable, cell: &str, by: CountryBy) -> Result<&'t str, Misfit> {
    let letters = cell.to_uppercase();
    let is_code = |entry: &CodeEntry| entry.code() == letters || entry.column("alpha3") == Some(&letters);
    if by != CountryBy::Name {
        let found = codes(table, is_code);
        if !found.is_empty() || by == CountryBy::Code {
            return the_only(found, table, cell);
        }
    }
    if let Some(code) = names::country(cell) {
        return Ok(code);
    }
    let name = cell.to_lowercase();
    if let Some((_, code)) = OTHER_NAMES.iter().find(|(other, _)| other.to_lowercase() == name) {
        return Ok(code);
    }
    the_only(codes(table, |entry| entry.labels().any(|label| label.to_lowercase() == name)), table, cell)
}

fn codes(table: &CodeTable, fits: impl Fn(&CodeEntry) -> bool) -> BTreeSet<&str> {
    table.entries().iter().filter(|entry| fits(entry)).map(CodeEntry::code).collect()
}

fn the_only<'t>(found: BTreeSet<&'t str>, table: &CodeTable, cell: &str) -> Result<&'t str, Misfit> {
    let mut codes = found.iter();
    match (codes.next(), codes.next()) {
        (Some(code), None) => Ok(code),
        (Some(_), Some(_)) => Err(Misfit {
            reason: format!("{} names several codes of the list \"{}\"", excerpt(cell), table.name),
            advice: format!(
                "write the code, one of {}, or name it in a table of the mapping",
                found.into_iter().collect::<Vec<_>>().join(", ")
            ),
        }),
        (None, _) => Err(Misfit {
            reason: format!("it is neither a code nor a name of the list \"{}\"", table.name),
            advice: format!("{}; or name it in a table of the mapping", table.advice(cell)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{table, tables};

    #[test]
    fn codes_are_found_by_letters_and_by_labels() {
        for (list, cell, wanted) in [
            ("term", "SCA", "SCA"),
            ("term", "sca", "SCA"),
            ("term", "Scales", "SCA"),
            ("term", "écorce", "BAR"),
            ("unit", "Kilograms", "KIL"),
            ("travel-document", "Passeport", "passport"),
        ] {
            assert_eq!(code(table(list).unwrap(), cell), Ok(wanted), "{cell}");
        }
        for (list, cell) in [("term", "scale"), ("unit", "kg"), ("term", ""), ("vehicle-kind", "lorry")] {
            let misfit = code(table(list).unwrap(), cell).unwrap_err();
            assert!(misfit.reason.contains("neither a code nor a name"), "{cell}: {misfit:?}");
        }
        let text = "# Purposes.\ncode\ten\tsw\tnote\nT\ttrade\tbiashara\tas before\n";
        let own = CodeTable::parse("purpose", text).expect("a table");
        assert_eq!((code(&own, "Biashara"), code(&own, "as before").is_err()), (Ok("T"), true));
        let text = "# Countries.\ncode\talpha3\ten\tscheme\tfr\nEG\tEGY\tEgypt\tiso\tÉgypte\n";
        let own = CodeTable::parse("country", text).expect("a table");
        assert_eq!(country(&own, "égypte", CountryBy::Name), Ok("EG"));
    }

    #[test]
    fn every_code_is_found_by_its_letters_and_a_label_of_two_codes_by_none() {
        for table in tables().iter() {
            for entry in table.entries() {
                assert_eq!(code(table, entry.code()), Ok(entry.code()));
                if let Ok(found) = code(table, entry.label("en")) {
                    let by_letters = found.to_lowercase() == entry.label("en").to_lowercase();
                    assert!(found == entry.code() || by_letters, "{}: {}", table.name, entry.code());
                }
            }
        }
    }

    #[test]
    fn other_names_are_of_the_table_and_no_name_of_another_country() {
        let countries = table("country").unwrap();
        for (name, code) in OTHER_NAMES {
            assert!(countries.find(code).is_some(), "{code}");
            let same = |entry: &&CodeEntry| entry.label("en").to_lowercase() == name.to_lowercase();
            assert_eq!(countries.entries().iter().find(same), None, "{name}");
            assert!(names::country(name).is_none_or(|known| known == *code), "{name}");
        }
    }

    #[test]
    fn countries_are_found_by_code_and_name() {
        let countries = table("country").unwrap();
        let find = |cell, by| country(countries, cell, by).ok();
        for (cell, by_code, by_name) in [
            ("KE", Some("KE"), None),
            ("ke", Some("KE"), None),
            ("KEN", Some("KE"), None),
            ("Kenya", None, Some("KE")),
            ("KENYA", None, Some("KE")),
            ("China - Hong Kong", None, Some("HK")),
            ("DRC", None, Some("CD")),
            ("viet nam", None, Some("VN")),
            ("Congo", None, None),
            ("Atlantis", None, None),
            ("", None, None),
        ] {
            assert_eq!(find(cell, CountryBy::Code), by_code, "{cell}");
            assert_eq!(find(cell, CountryBy::Name), by_name, "{cell}");
            assert_eq!(find(cell, CountryBy::Either), by_code.or(by_name), "{cell}");
        }
    }
}
