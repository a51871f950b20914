//! Printing: plain lines, JSON, and tables that fit the terminal.
//!
//! Everything that came from another bureau passes through [`printable`] or [`isolated`], so that a message
//! can neither move the cursor of the reader's terminal nor turn the text around it from right to left.

use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;
use unicode_width::UnicodeWidthChar;

/// Width of a terminal that does not tell its own.
const TERMINAL_WIDTH: usize = 120;
/// A table is never pressed into less than this.
const WIDTH_MIN: usize = 60;
/// Columns that may be cut are left so wide before others are left out for them: the marks that may stand before a subject,
/// `EXERCISE [not reviewed]`, are read whole.
const CUT_BEFORE_SPARE: usize = 24;
/// No column is cut to less than this.
const CUT_TO: usize = 6;

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

/// A table of texts: one line per row, columns as wide as their widest cell. Where the terminal is too narrow the widest columns
/// are cut a little, then marks take their short form, then spare columns are left out, and then columns are cut further. Marks
/// and ids are never cut.
#[derive(Debug, Clone, Default)]
pub struct Table {
    heads: Vec<Head>,
    rows: Vec<Row>,
}

/// A row, and what is said of it on lines of their own.
#[derive(Debug, Clone, Default)]
struct Row {
    cells: Vec<Cell>,
    notes: Vec<String>,
}

/// What a cell says.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    full: String,
    short: Option<String>,
}

impl Cell {
    /// A mark that must be read whole: `short` says the same where there is little room, and is never cut.
    pub fn mark(full: impl Into<String>, short: impl Into<String>) -> Self {
        Self { full: full.into(), short: Some(short.into()) }
    }

    fn text(&self, brief: bool) -> &str {
        self.short.as_deref().filter(|_| brief).unwrap_or(&self.full)
    }

    /// Line breaks become spaces, and text from right to left is isolated.
    fn on_one_line(self) -> Self {
        let line = |text: String| isolated(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        Self { full: line(self.full), short: self.short.map(line) }
    }
}

impl From<String> for Cell {
    fn from(full: String) -> Self {
        Self { full, short: None }
    }
}

/// The head of a column, and what happens to the column where there is too little room.
#[derive(Debug, Clone)]
struct Head {
    name: String,
    room: Room,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// It is cut.
    Soft,
    /// It stays whole: what is cut could be taken for something else, or is no use.
    Whole,
    /// It is left out.
    Spare,
}

impl Table {
    /// A table with these column heads.
    pub fn new(heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| Head { name: (*head).to_owned(), room: Room::Soft });
        Self { heads: heads.collect(), rows: Vec::new() }
    }

    /// Columns that are never cut, by their heads: ids, and marks of which a part could be taken for another.
    #[must_use]
    pub fn whole(self, heads: &[&str]) -> Self {
        self.with_room(heads, Room::Whole)
    }

    /// Columns that are left out where there is too little room, by their heads: the last of them first.
    #[must_use]
    pub fn spare(self, heads: &[&str]) -> Self {
        self.with_room(heads, Room::Spare)
    }

    fn with_room(mut self, heads: &[&str], room: Room) -> Self {
        self.heads
            .iter_mut()
            .filter(|head| heads.contains(&head.name.as_str()))
            .for_each(|head| head.room = room);
        self
    }

    /// Adds a row.
    pub fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut cells: Vec<Cell> = cells.into_iter().map(|cell| cell.into().on_one_line()).collect();
        cells.resize(self.heads.len(), Cell::default());
        self.rows.push(Row { cells, notes: Vec::new() });
    }

    /// Says something of the last row, on an indented line of its own, which is not cut.
    pub fn note(&mut self, text: String) {
        if let Some(row) = self.rows.last_mut() {
            row.notes.push(Cell::from(text).on_one_line().full);
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table for the terminal at hand; whole where there is none.
    pub fn render(&self) -> String {
        self.render_in(terminal_width())
    }

    /// The table in at most `columns` columns, where that is possible.
    pub fn render_in(&self, columns: usize) -> String {
        let Layout { brief, widths } = self.layout(columns.max(WIDTH_MIN));
        let mut lines = vec![line_of(self.heads.iter().map(|head| head.name.as_str()), &widths)];
        for row in &self.rows {
            lines.push(line_of(row.cells.iter().map(|cell| cell.text(brief)), &widths));
            lines.extend(row.notes.iter().map(|note| format!("  {note}")));
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// How wide each column is: as wide as it wants to be, or else as the rest leaves it.
    fn layout(&self, columns: usize) -> Layout {
        let mut widths = self.wanted(false);
        if self.cut(&mut widths, columns, CUT_BEFORE_SPARE) {
            return Layout { brief: false, widths };
        }
        let mut widths = self.wanted(true);
        if self.cut(&mut widths, columns, CUT_BEFORE_SPARE) {
            return Layout { brief: true, widths };
        }
        // A subject gets the room of the columns that go.
        let mut wanted = self.wanted(true);
        let spare = (0..self.heads.len()).rev().filter(|place| self.heads[*place].room == Room::Spare);
        for place in spare {
            wanted[place] = None;
            let mut widths = wanted.clone();
            if self.cut(&mut widths, columns, CUT_BEFORE_SPARE) {
                return Layout { brief: true, widths };
            }
        }
        self.cut(&mut wanted, columns, CUT_TO);
        Layout { brief: true, widths: wanted }
    }

    /// The columns as wide as their widest cells.
    fn wanted(&self, brief: bool) -> Vec<Option<usize>> {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| width(&head.name)).collect();
        for row in &self.rows {
            for (wide, cell) in widths.iter_mut().zip(&row.cells) {
                *wide = (*wide).max(width(cell.text(brief)));
            }
        }
        widths.into_iter().map(Some).collect()
    }

    /// Takes columns from the widest that may be cut until the rows fit, and says whether they do.
    fn cut(&self, widths: &mut [Option<usize>], columns: usize, least: usize) -> bool {
        while Self::taken(widths) > columns {
            let soft = widths.iter_mut().zip(&self.heads).filter(|(_, head)| head.room == Room::Soft);
            let widest = soft.filter_map(|(wide, _)| wide.as_mut()).max();
            let Some(widest) = widest.filter(|widest| **widest > least) else { return false };
            *widest -= 1;
        }
        true
    }

    fn taken(widths: &[Option<usize>]) -> usize {
        let there = || widths.iter().flatten();
        there().sum::<usize>() + 2 * there().count().saturating_sub(1)
    }
}

/// The cells of a line, each as wide as its column.
fn line_of<'a>(cells: impl Iterator<Item = &'a str>, widths: &[Option<usize>]) -> String {
    let mut text = String::new();
    for (cell, columns) in cells.zip(widths) {
        let Some(columns) = *columns else { continue };
        let cell = fit(cell, columns);
        let pad = columns - width(&cell).min(columns);
        text.push_str(&cell);
        text.push_str(&" ".repeat(pad + 2));
    }
    text.trim_end().to_owned()
}

/// Whether marks are in their short form, and how wide each column is, unless it is left out.
struct Layout {
    brief: bool,
    widths: Vec<Option<usize>>,
}

/// Columns of the terminal on stdout. Where there is none nothing is cut: files and pipes have no edge.
fn terminal_width() -> usize {
    if !std::io::stdout().is_terminal() {
        return usize::MAX;
    }
    terminal_size::terminal_size().map_or(TERMINAL_WIDTH, |(columns, _)| usize::from(columns.0))
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
        assert!(!table.render_in(usize::MAX).contains('…'));
    }

    #[test]
    fn spare_columns_go_one_after_the_other_and_notes_are_not_cut() {
        let mut table =
            Table::new(&["ID", "SENT", "SUBJECT", "FILE"]).whole(&["ID"]).spare(&["SENT", "FILE"]);
        table.row(
            ["abcdef0123", "2026-11-28 12:47:08Z", "EXAMPLE, Ali Juma, of a place", "0123456789"]
                .map(String::from),
        );
        table.note("remarks: ".to_owned() + &"long ".repeat(20) + "\u{1b}[2J\nend");
        let at = |columns| table.render_in(columns);
        assert!(at(80).contains("0123456789") && at(80).contains("12:47:08Z"), "{}", at(80));
        assert!(!at(62).contains("0123456789") && at(62).contains("12:47:08Z"), "{}", at(62));
        assert!(at(60).ends_with("\\u{1b}[2J end\n") && at(60).contains("\n  remarks: long"), "{}", at(60));
    }

    #[test]
    fn a_mark_is_never_cut_and_what_is_spare_goes_first() {
        let mut table =
            Table::new(&["ID", "SENT", "STANDING", "SUBJECT"]).whole(&["ID", "STANDING"]).spare(&["SENT"]);
        table.row([
            Cell::from("abcdef0123".to_owned()),
            Cell::from("2026-11-28 12:47:08Z".to_owned()),
            Cell::mark("in circulation, NOT REVIEWED yet", "NOT REVIEWED"),
            Cell::from("EXAMPLE, Ali Juma, of a place with a long name".to_owned()),
        ]);
        let at = |columns| table.render_in(columns);
        assert!(at(200).contains("in circulation, NOT REVIEWED yet") && !at(200).contains('…'));
        assert!(at(80).contains("  NOT REVIEWED  ") && at(80).contains("12:47:08Z"), "{}", at(80));
        assert!(at(60).contains("  NOT REVIEWED  "), "{}", at(60));
        for columns in [60, 80, 120] {
            assert!(at(columns).lines().all(|line| width(line) <= columns), "{}", at(columns));
        }
    }
}
