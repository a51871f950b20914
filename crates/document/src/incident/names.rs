//! Names as the sheet writes them, by explicit tables: what is not in a table is not mapped.

use crate::codes::{Code, Country};
use crate::incident::text;
use crate::tree::Entry;

/// A taxon of the sheet: scientific name, rank, and whether the sheet's own words must be kept beside it.
pub(super) struct Taxon {
    pub(super) scientific_name: &'static str,
    pub(super) rank: &'static str,
    pub(super) reported: bool,
}

/// Pangolins are the family Manidae; two species in one cell are their genus, with the cell kept.
pub(super) fn taxon(reported: &str) -> Option<Taxon> {
    let (scientific_name, rank) = match reported {
        "Pangolin" => ("Manidae", "family"),
        "Manis javanica / Manis pentadactyla" => ("Manis spp.", "genus"),
        "Manis javanica" => ("Manis javanica", "species"),
        "Manis pentadactyla" => ("Manis pentadactyla", "species"),
        "Manis crassicaudata" => ("Manis crassicaudata", "species"),
        "Manis culionensis" => ("Manis culionensis", "species"),
        "Phataginus tricuspis" => ("Phataginus tricuspis", "species"),
        "Phataginus tetradactyla" => ("Phataginus tetradactyla", "species"),
        "Smutsia gigantea" => ("Smutsia gigantea", "species"),
        "Smutsia temminckii" => ("Smutsia temminckii", "species"),
        _ => return None,
    };
    Some(Taxon { scientific_name, rank, reported: rank != "species" })
}

/// Code of a country by the sheet's name for it. "Congo" is not here: there are two. Regions have the codes of CITES.
pub(crate) fn country(reported: &str) -> Option<&'static str> {
    Some(match reported {
        "Angola" => "AO",
        "Africa" => "XF",
        "Australia" => "AU",
        "Belgium" => "BE",
        "Cambodia" => "KH",
        "Cameroon" => "CM",
        "China" => "CN",
        "China - Hong Kong" | "Hong Kong" => "HK",
        "China - Taiwan" | "Taiwan" => "TW",
        "Côte d’Ivoire" | "Côte d'Ivoire" => "CI",
        "DRC" => "CD",
        "France" => "FR",
        "Gabon" => "GA",
        "Germany" => "DE",
        "Ghana" => "GH",
        "Guinea" => "GN",
        "India" => "IN",
        "Indonesia" => "ID",
        "Kenya" => "KE",
        "Laos" => "LA",
        "Liberia" => "LR",
        "Macao" => "MO",
        "Malaysia" => "MY",
        "Morocco" => "MA",
        "Mozambique" => "MZ",
        "Myanmar" => "MM",
        "Nepal" => "NP",
        "Netherlands" => "NL",
        "Nigeria" => "NG",
        "Pakistan" => "PK",
        "Philippines" => "PH",
        "Sierra Leone" => "SL",
        "Singapore" => "SG",
        "South Africa" => "ZA",
        "Sri Lanka" => "LK",
        "Thailand" => "TH",
        "Togo" => "TG",
        "Uganda" => "UG",
        "Uruguay" => "UY",
        "Various" => "XV",
        "Vietnam" => "VN",
        "Zambia" => "ZM",
        "Zimbabwe" => "ZW",
        _ => return None,
    })
}

/// `country`, and `country_reported` unless the sheet's name is the one in the table of codes.
pub(super) fn country_fields(reported: &str) -> Vec<Entry> {
    let code = country(reported).unwrap_or("XX");
    let mut fields = vec![text("country", code)];
    let name = Code::<Country>::table().find(code).map(|entry| entry.label("en"));
    if !reported.is_empty() && name != Some(reported) {
        fields.push(text("country_reported", reported));
    }
    fields
}

/// Mode of transport, whatever the capitals ("By road", "By Road", "by road").
pub(super) fn transport_mode(reported: &str) -> Option<&'static str> {
    Some(match reported.to_lowercase().as_str() {
        "by air" => "air",
        "by sea" => "sea",
        "by road" => "road",
        "by rail" => "rail",
        "by river" => "river",
        "posted" => "mail",
        "in luggage" => "luggage",
        "on foot" => "on-foot",
        _ => return None,
    })
}

/// Way of concealment.
pub(super) fn concealment(reported: &str) -> Option<&'static str> {
    Some(match reported.to_lowercase().as_str() {
        "hidden" => "hidden",
        "mis-declared" => "mis-declared",
        "mis-described" => "mis-described",
        "luggage" => "luggage",
        _ => return None,
    })
}
