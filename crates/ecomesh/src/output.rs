//! Printing: plain lines, JSON, and tables that fit the terminal.
//!
//! Everything that came from another bureau passes through [`printable`] or [`isolated`], so that a message
//! can neither move the cursor of the reader's terminal nor turn the text around it from right to left.

use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;
use unicode_width::UnicodeWidthChar;

/// Width of a table when stdout is no terminal.
const PLAIN_WIDTH: usize = 120;
/// A table is never pressed into less than this.
const WIDTH_MIN: usize = 60;

/// Prints one line on stdout. A reader that closed the pipe (`ecomesh inbox | head`) ends the output, not
/// with an error.
pub fn line(text: &str) -> anyhow::Result<()> {
    write_out(&format!("{text}\n"))
}

/// Prints a remark for people on stderr, unless `--quiet` or `--json`.
pub fn remark(global: &crate::cli::Global, text: &str) {
    if !global.quiet && !global.json {
        crate::exit::eprint_line(text);
    }
}

/// Prints a value as one JSON document, indented, its field names being part of the contract.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Prints `value` as JSON or, without `--json`, what `text` makes of it.
pub fn either<T: Serialize>(
    global: &crate::cli::Global,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    if global.json { json(value) } else { write_out(&ended(text(value))) }
}

/// Writes to stdout as it is.
fn write_out(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn ended(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Replaces what could act on a terminal (control characters but line breaks and tabs, and characters that
/// turn the direction of text) by visible escapes.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let acts = c.is_control() && c != '\n' && c != '\t';
        if turns || acts {
            safe.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// [`printable`], and for text with letters that run from right to left, between the isolates of Unicode
/// Standard Annex 9 (FSI U+2068 and PDI U+2069), so that the columns beside it keep their order.
pub fn isolated(text: &str) -> String {
    let safe = printable(text);
    if safe.chars().any(runs_from_right_to_left) { format!("\u{2068}{safe}\u{2069}") } else { safe }
}

/// [`printable`] for a line that `ecomesh_document::render` made: the isolates that it put around what runs from right to
/// left stay, as long as each is closed.
pub fn rendered(line: &str) -> String {
    const OPEN: char = '\u{2068}';
    const CLOSE: char = '\u{2069}';
    let mut depth = 0_i32;
    let closed = line.chars().all(|c| {
        depth += i32::from(c == OPEN) - i32::from(c == CLOSE);
        (0..=1).contains(&depth)
    });
    if !closed || depth != 0 {
        return printable(line);
    }
    let keep = |part: &str| match part.chars().next_back() {
        Some(mark @ (OPEN | CLOSE)) => format!("{}{mark}", printable(&part[..part.len() - mark.len_utf8()])),
        _ => printable(part),
    };
    line.split_inclusive([OPEN, CLOSE]).map(keep).collect()
}

fn runs_from_right_to_left(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Columns that a text takes on a terminal.
fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Cuts a text to `columns`, with `…` where something is missing. Isolates stay paired.
fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let columns_of_c = c.width().unwrap_or(0);
        if used + columns_of_c + 1 > columns {
            break;
        }
        used += columns_of_c;
        out.push(c);
    }
    out.push('…');
    if out.contains('\u{2068}') && !out.contains('\u{2069}') {
        out.push('\u{2069}');
    }
    out
}

/// A table of texts: one line per row, columns as wide as their widest cell, the widest column cut first when
/// the terminal is too narrow.
#[derive(Debug, Clone, Default)]
pub struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column heads.
    pub fn new(heads: &[&str]) -> Self {
        Self { heads: heads.iter().map(|head| (*head).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row. Line breaks become spaces, and text from right to left is isolated.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells
            .into_iter()
            .map(|cell| isolated(&cell.split_whitespace().collect::<Vec<_>>().join(" ")))
            .collect();
        cells.resize(self.heads.len(), String::new());
        self.rows.push(cells);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table for the terminal at hand.
    pub fn render(&self) -> String {
        self.render_in(terminal_width())
    }

    /// The table in at most `columns` columns, where that is possible.
    pub fn render_in(&self, columns: usize) -> String {
        let widths = self.widths(columns.max(WIDTH_MIN));
        let mut out = String::new();
        for row in std::iter::once(&self.heads).chain(&self.rows) {
            let mut text = String::new();
            for (cell, columns) in row.iter().zip(&widths) {
                let cell = fit(cell, *columns);
                let pad = columns - width(&cell).min(*columns);
                text.push_str(&cell);
                text.push_str(&" ".repeat(pad + 2));
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
        out
    }

    /// Takes columns from the widest until the rows fit.
    fn widths(&self, columns: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| width(head)).collect();
        for row in &self.rows {
            for (wide, cell) in widths.iter_mut().zip(row) {
                *wide = (*wide).max(width(cell));
            }
        }
        let gaps = 2 * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > columns {
            let Some(widest) = widths.iter_mut().max() else { break };
            if *widest <= 8 {
                break;
            }
            *widest -= 1;
        }
        widths
    }
}

/// Columns of the terminal on stdout; a fixed width where there is none, so that files and pipes do not
/// depend on the window.
fn terminal_width() -> usize {
    if !std::io::stdout().is_terminal() {
        return PLAIN_WIDTH;
    }
    terminal_size::terminal_size().map_or(PLAIN_WIDTH, |(columns, _)| usize::from(columns.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_act_on_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c\nd"), "a\\u{1b}[2Jb\\u{202e}c\nd");
    }

    #[test]
    fn isolates_of_a_rendered_line_stay_if_each_is_closed() {
        let line = "    Name:   \u{2068}علي جمعة\u{2069}";
        assert_eq!(rendered(line), line);
        assert_eq!(rendered("Name: x"), "Name: x");
        for odd in [
            "\u{2068}علي",
            "علي\u{2069}",
            "\u{2069}x\u{2068}",
            "\u{2068}\u{2068}x\u{2069}\u{2069}",
            "a\u{202e}b",
        ] {
            assert_eq!(rendered(odd), printable(odd), "{odd}");
        }
        assert_eq!(rendered("\u{2068}a\u{202e}\u{2069}"), "\u{2068}a\\u{202e}\u{2069}");
    }

    #[test]
    fn arabic_is_isolated_and_latin_is_not() {
        assert_eq!(isolated("ضبط عاج"), "\u{2068}ضبط عاج\u{2069}");
        assert_eq!(isolated("ivory"), "ivory");
    }

    #[test]
    fn a_table_fits_and_keeps_isolates_paired() {
        let mut table = Table::new(&["id", "subject"]);
        table.row([String::from("abcdef12"), "ضبط".repeat(60)]);
        let text = table.render_in(60);
        for row in text.lines() {
            assert!(width(row) <= 60, "{row}");
            assert_eq!(row.matches('\u{2068}').count(), row.matches('\u{2069}').count());
        }
        assert!(text.contains('…'));
    }
}
