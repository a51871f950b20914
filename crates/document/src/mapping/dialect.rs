//! How the sheet is written: delimiter, header, and how its columns are named.

use std::fmt;
use std::ops::Range;

use crate::limits::COLUMNS_MAX;
use crate::mapping::written::Table;
use crate::tree::{Node, Value};

/// How a CSV file is written. Its text is UTF-8, with a byte order mark or without; cells may stand in double quotes, and
/// a quote in such a cell is doubled (RFC 4180).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Between the cells: a comma, unless the mapping says otherwise.
    pub delimiter: u8,
    /// Whether the first row names the columns.
    pub header: bool,
    /// Number of columns of a sheet without header; 0 of one with.
    pub columns: usize,
}

/// A column as the mapping names it.
#[derive(Debug, Clone)]
pub(super) struct ColumnRef {
    pub(super) name: ColumnName,
    pub(super) at: Option<Range<usize>>,
}

/// By its heading or by its number from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ColumnName {
    Heading(String),
    Number(usize),
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', header: true, columns: 0 }
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heading(heading) => f.write_str(heading),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Reads the table `csv`: the dialect, and the texts that count as blank in every column.
pub(super) fn read<'n>(top: &mut Table<'n, '_>) -> (Dialect, Vec<&'n str>) {
    let Some(node) = top.node("csv") else { return (Dialect::default(), Vec::new()) };
    let mut table = Table::new(node, "csv", top.findings());
    let delimiters = [(",", b','), (";", b';'), ("\t", b'\t'), ("|", b'|')];
    let delimiter = table.choice("delimiter", &delimiters).unwrap_or(b',');
    let header = table.flag("header", true);
    let columns = table.number("columns", 1..=COLUMNS_MAX);
    let blank = table.texts("blank");
    match (header, columns) {
        (true, Some(_)) => table.missing("columns", "columns is for sheets without header: delete the line"),
        (false, None) => table.missing("columns", "say how many columns the sheet has, since no header does"),
        _ => {}
    }
    table.finish();
    (Dialect { delimiter, header, columns: columns.unwrap_or(0) }, blank)
}

/// Reads the columns under a key: headings, numbers from 1, or a list of them.
pub(super) fn columns(table: &mut Table<'_, '_>, key: &'static str, dialect: &Dialect) -> Vec<ColumnRef> {
    let Some(node) = table.node(key) else { return Vec::new() };
    let alone = std::slice::from_ref(node);
    let items = if let Value::List(items) = &node.value { items.as_slice() } else { alone };
    items.iter().filter_map(|item| column(table, key, item, dialect)).collect()
}

fn column(table: &mut Table<'_, '_>, key: &str, node: &Node, dialect: &Dialect) -> Option<ColumnRef> {
    let name = match &node.value {
        Value::Text(heading) if dialect.header => ColumnName::Heading(heading.trim().to_owned()),
        Value::Number(digits) => {
            let most = if dialect.header { COLUMNS_MAX } else { dialect.columns };
            match digits.parse().ok().filter(|number| (1..=most).contains(number)) {
                Some(number) => ColumnName::Number(number),
                None => {
                    let message = format!("there is no column {digits}");
                    table.error(key, node, message, format!("columns are numbered from 1 to {most}"));
                    return None;
                }
            }
        }
        Value::Text(_) => {
            let message = "the sheet has no header, so its columns have no names";
            table.error(key, node, message, "write the number of the column, from 1");
            return None;
        }
        _ => {
            let message = format!("it is {}, where a column is wanted", node.type_name());
            table.error(
                key,
                node,
                message,
                "write the heading in quotes, or the number of the column from 1",
            );
            return None;
        }
    };
    Some(ColumnRef { name, at: node.at.clone() })
}
