//! Any table survives being written and read, and no text makes the reader fall over.

use ecomesh_document::codes::{CodeTable, Difference};
use proptest::prelude::*;

/// A cell as a table keeps it: without blanks at its ends.
fn any_cell() -> impl Strategy<Value = String> {
    let texts =
        prop::sample::select(vec!["", "", "x", "عاج خام", "l'ivoire \"brut\"", "# no note", "a - b; c"]);
    prop_oneof![2 => texts.prop_map(str::to_owned), 1 => "[a-zA-Zéü0-9][a-z é,.#'-]{0,20}[a-z]"]
}

/// A table of the list of purposes, as text: columns in any order, cells missing at the ends of lines.
fn any_table() -> impl Strategy<Value = String> {
    let columns = prop::sample::subsequence(vec!["fr", "es", "ar", "note", "x-1"], 0..=5)
        .prop_flat_map(|others| Just([&["en"][..], &others].concat()).prop_shuffle());
    let codes = prop::collection::btree_set("[A-Za-z0-9/-]{1,32}", 1..20);
    (columns, codes, prop::collection::vec(prop::collection::vec(any_cell(), 0..6), 20)).prop_map(
        |(columns, codes, cells)| {
            let mut text = format!("# Purposes.\ncode\t{}\n", columns.join("\t"));
            for (code, cells) in codes.iter().zip(&cells) {
                let cell = |(i, name): (usize, &&str)| match (*name, cells.get(i)) {
                    ("en", None | Some(_)) => format!("label of {code}"),
                    (_, cell) => cell.cloned().unwrap_or_default(),
                };
                let line: Vec<String> = columns.iter().enumerate().map(cell).collect();
                text.push_str(format!("{code}\t{}", line.join("\t")).trim_end());
                text.push('\n');
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_table_survives_being_written_and_read(text in any_table()) {
        let table = CodeTable::parse("purpose", &text).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        prop_assert_eq!(table.entries().len(), text.lines().count() - 2);
        let written = table.to_tsv();
        let again = CodeTable::parse("purpose", &written).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        prop_assert!(Difference::between(&table, &again).is_empty());
        prop_assert_eq!(again.to_tsv(), written);
        prop_assert_eq!(again, table);
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let windows = CodeTable::parse("purpose", &windows).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        prop_assert_eq!(windows, CodeTable::parse("purpose", &text).expect("it was read"));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(# x\n)?(code\ten\n)?[\\PC\t\n\r]{0,200}") {
        if let Ok(table) = CodeTable::parse("purpose", &text) {
            prop_assert_eq!(CodeTable::parse("purpose", &table.to_tsv()), Ok(table));
        }
    }
}
