//! The tables that come with the program.

use std::sync::OnceLock;

use crate::codes::{CodeSet, CodeTable};

/// The tables that come with the program, all of them, whatever is in force.
pub fn builtin() -> &'static CodeSet {
    static BUILTIN: OnceLock<CodeSet> = OnceLock::new();
    BUILTIN.get_or_init(|| {
        let single = [
            ("term", include_str!("terms.tsv")),
            ("unit", include_str!("units.tsv")),
            ("country", include_str!("countries.tsv")),
            ("currency", include_str!("currencies.tsv")),
            ("spoken-language", include_str!("languages.tsv")),
            ("region", include_str!("regions.tsv")),
            ("hs", include_str!("hs.tsv")),
        ];
        let single = single.into_iter().map(|(name, text)| (name, text.to_owned()));
        single.chain(short(include_str!("lists.tsv"))).map(|(name, text)| parsed(name, &text)).collect()
    })
}

/// Tables of the program are read as any other.
fn parsed(name: &str, text: &str) -> CodeTable {
    CodeTable::parse(name, text).expect("a test reads every table that comes with the program")
}

/// The file of short tables, taken apart. Each opens with `## name: note`, and its lines begin with that name.
fn short(file: &'static str) -> Vec<(&'static str, String)> {
    let mut tables: Vec<(&str, String)> = Vec::new();
    let mut lines = file.lines().skip(1);
    let columns = lines.next().and_then(|line| line.split_once('\t')).map_or("", |(_, columns)| columns);
    for line in lines {
        if let Some((name, note)) = line.strip_prefix("## ").and_then(|line| line.split_once(": ")) {
            tables.push((name, format!("# {note}\n{columns}\n")));
        } else if let (Some((_, text)), Some((_, rest))) = (tables.last_mut(), line.split_once('\t')) {
            text.push_str(rest);
            text.push('\n');
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::LISTS;

    #[test]
    fn every_list_is_there_and_is_the_same_when_written_and_read() {
        assert_eq!(builtin().iter().count(), LISTS.len());
        for table in builtin().iter() {
            assert_eq!(CodeTable::parse(table.name, &table.to_tsv()).as_ref(), Ok(table));
        }
    }
}
