//! Codes of documents as arguments.

use clap::builder::{PossibleValue, PossibleValuesParser};
use ecomesh_document::codes::{CodeList, CodeTable, builtin};

/// The codes of a list, each with what it means. Arguments are read before it is known which tables are in force; so the
/// list must be one whose codes are fixed, and its labels are those of the program.
pub fn codes<L: CodeList>() -> PossibleValuesParser {
    let entries = builtin().get(L::NAME).map_or(&[][..], CodeTable::entries);
    PossibleValuesParser::new(
        entries.iter().map(|entry| PossibleValue::new(entry.code()).help(entry.label("en"))),
    )
}

#[cfg(test)]
mod tests {
    use ecomesh_document::codes::{ListSpec, MayChange};

    /// Lists that arguments are read by.
    #[test]
    fn the_codes_of_arguments_are_fixed() {
        for list in [
            "entry-withdrawal",
            "search-purpose",
            "notice-refusal",
            "notice-missing",
            "notice-withdrawal",
            "notice-cancellation",
        ] {
            assert_eq!(ListSpec::find(list).map(|list| list.may_change), Some(MayChange::Fixed), "{list}");
        }
    }
}
