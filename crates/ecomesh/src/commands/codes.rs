//! Codes of documents as arguments.

use clap::builder::{PossibleValue, PossibleValuesParser};
use ecomesh_document::codes::{Code, CodeList};

/// The codes of a list, each with what it means.
pub fn codes<L: CodeList>() -> PossibleValuesParser {
    let entries = Code::<L>::table().entries();
    PossibleValuesParser::new(
        entries.iter().map(|entry| PossibleValue::new(entry.code).help(entry.label("en"))),
    )
}
