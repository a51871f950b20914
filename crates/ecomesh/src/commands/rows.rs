//! The rows of a CSV file, one after the other: however long the file is, one row of it is in memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};
use ecomesh_document::limits::ROW_BYTES_MAX;
use ecomesh_document::mapping::{CellProblem, Dialect};

use crate::exit::{ExitCode, Failure};
use crate::files;

/// How much is read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// A CSV file while it is read.
pub struct Rows {
    path: PathBuf,
    reader: csv::Reader<Bounded>,
    left: Rc<Cell<usize>>,
    record: ByteRecord,
    /// Of the columns; none of a file without a header, and before that was read.
    headings: Vec<String>,
    /// Length of the file in bytes; none of what is no file on a disk.
    length: Option<u64>,
    lines: Option<Lines>,
}

/// A row, and where it stands.
pub struct Row {
    /// As a spreadsheet shows it, from 1, the header included. Lines without any cell do not count.
    pub number: u64,
    /// Line of the file on which it begins, from 1; none of what is no file on a disk.
    pub line: Option<u64>,
    /// Its cells, or why they cannot be read.
    pub cells: Result<Vec<String>, Vec<CellProblem>>,
}

impl Rows {
    /// Opens a file.
    pub fn open(path: &Path, dialect: Dialect) -> Result<Self, Failure> {
        let unusable = |error: std::io::Error| files::unusable(path, &error);
        let mut file = File::open(path).map_err(unusable)?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(files::unusable(path, &ErrorKind::IsADirectory.into()));
        }
        refuse_utf16(path, &mut file).map_err(unusable)??;
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
        let lines = length.map(|_| Lines::open(path)).transpose().map_err(unusable)?;
        let left = Rc::new(Cell::new(ROW_BYTES_MAX));
        let reader = ReaderBuilder::new()
            .delimiter(dialect.delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(Bounded { file, left: Rc::clone(&left) });
        Ok(Self {
            path: path.to_owned(),
            reader,
            left,
            record: ByteRecord::new(),
            headings: Vec::new(),
            length,
            lines,
        })
    }

    /// The headings, which the first row has. From then on a cell is told with the heading of its column.
    pub fn header(&mut self) -> Result<Vec<String>, Failure> {
        let path = self.path.display().to_string();
        let bad = |what: String, help: &str| Failure::new(ExitCode::BadInput, what).help(help);
        let Some(row) = self.next()? else {
            return Err(bad(format!("{path} is empty"), "check the path; the first row names the columns"));
        };
        self.headings = row.cells.map_err(|problems| {
            bad(format!("the header of {path} cannot be read"), "correct the first row of the file")
                .details(problems.iter().map(ToString::to_string))
        })?;
        Ok(self.headings.clone())
    }

    /// The next row; `None` behind the last one.
    pub fn next(&mut self) -> Result<Option<Row>, Failure> {
        self.left.set(ROW_BYTES_MAX);
        let begins = self.reader.position().clone();
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                let line = self.line_at(begins.byte())?;
                return Err(self.explain(&error, line));
            }
        }
        let place = self.record.position().cloned().unwrap_or(begins);
        let line = self.line_at(place.byte())?;
        let cells = match self.quote_is_open(place.byte()) {
            true => Err(vec![CellProblem::of_row(
                "a quote is opened in it and not closed, so that it may hold what were rows of their own",
                "close the quote, and double the quotes within cells",
            )]),
            false => self.texts(),
        };
        Ok(Some(Row { number: place.record() + 1, line, cells }))
    }

    fn line_at(&mut self, byte: u64) -> Result<Option<u64>, Failure> {
        let line = self.lines.as_mut().map(|lines| lines.at(byte)).transpose();
        line.map_err(|error| files::unusable(&self.path, &error))
    }

    /// The cells as texts.
    fn texts(&self) -> Result<Vec<String>, Vec<CellProblem>> {
        let mut problems = Vec::new();
        let mut cells = Vec::new();
        for (place, cell) in self.record.iter().enumerate() {
            match std::str::from_utf8(cell) {
                Ok(text) => cells.push(text.to_owned()),
                Err(_) => problems.push(CellProblem::new(
                    self.column(place),
                    "",
                    &String::from_utf8_lossy(cell),
                    "the cell is no text in UTF-8",
                    "save the file as CSV UTF-8",
                )),
            }
        }
        if problems.is_empty() { Ok(cells) } else { Err(problems) }
    }

    /// The heading of a column, or its number where there is none.
    fn column(&self, place: usize) -> String {
        let heading = self.headings.get(place).map(|heading| heading.trim());
        let heading = heading.filter(|heading| !heading.is_empty());
        heading.map_or_else(|| (place + 1).to_string(), str::to_owned)
    }

    /// Whether a quote of the row is not closed. The reader takes the rest of the file for the cell then, and says nothing.
    /// Only a cell with a line break can have swallowed rows, and only the last row can be cut off; of what is no file on a
    /// disk it cannot be said.
    fn quote_is_open(&self, begins: u64) -> bool {
        let ends = self.reader.position().byte();
        let is_last = self.length.is_some_and(|length| ends >= length);
        if !is_last && !self.record.iter().any(|cell| cell.contains(&b'\n')) {
            return false;
        }
        let quotes = || {
            self.length?;
            let mut file = File::open(&self.path).ok()?;
            let length = ends.saturating_sub(begins);
            file.seek(SeekFrom::Start(begins)).ok()?;
            let mut written = Vec::new();
            file.take(length.min(2 * ROW_BYTES_MAX as u64)).read_to_end(&mut written).ok()?;
            Some(written.iter().filter(|byte| **byte == b'"').count())
        };
        quotes().is_some_and(|quotes| quotes % 2 == 1)
    }

    /// What an error of the reader means.
    fn explain(&self, error: &csv::Error, line: Option<u64>) -> Failure {
        match error.kind() {
            csv::ErrorKind::Io(io) if self.left.get() == 0 && io.kind() == ErrorKind::InvalidData => {
                let at = line.map(|line| format!(", line {line}")).unwrap_or_default();
                let path = self.path.display();
                Failure::new(
                    ExitCode::BadInput,
                    format!("{path}{at}: a row of more than {ROW_BYTES_MAX} bytes begins here"),
                )
                .help("look for a quote that is opened there and not closed; what stands before it was read")
            }
            csv::ErrorKind::Io(io) => files::unusable(&self.path, io),
            _ => Failure::new(ExitCode::BadInput, format!("{}: {error}", self.path.display()))
                .help("check that the file is CSV"),
        }
    }
}

/// UTF-16 opens with a mark of its own, and spreadsheets write it as "Unicode text".
fn refuse_utf16(path: &Path, file: &mut File) -> std::io::Result<Result<(), Failure>> {
    // What cannot be read twice, a pipe, is taken as it is.
    if !file.metadata()?.is_file() {
        return Ok(Ok(()));
    }
    let mut mark = Vec::new();
    file.by_ref().take(2).read_to_end(&mut mark)?;
    file.seek(SeekFrom::Start(0))?;
    if mark == [0xff, 0xfe] || mark == [0xfe, 0xff] {
        let what = format!("{} is in UTF-16", path.display());
        return Ok(Err(Failure::new(ExitCode::BadInput, what).help("save it as CSV UTF-8")));
    }
    Ok(Ok(()))
}

/// Counts the lines of a file. The reader of rows counts too, but loses one where lines end with CR LF, and the empty ones
/// before a row.
struct Lines {
    file: BufReader<File>,
    byte: u64,
    line: u64,
}

impl Lines {
    fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: BufReader::with_capacity(BUFFER_BYTES, File::open(path)?), byte: 0, line: 1 })
    }

    /// The line on which a row begins, of which the reader says that it begins at a byte or behind empty lines there.
    /// Later calls are for later rows.
    fn at(&mut self, byte: u64) -> std::io::Result<u64> {
        loop {
            let buffer = self.file.fill_buf()?;
            let is_over =
                |(number, read): (u64, &u8)| self.byte + number >= byte && !matches!(read, b'\r' | b'\n');
            let length = (0..).zip(buffer).position(is_over);
            let passed = &buffer[..length.unwrap_or(buffer.len())];
            self.line += passed.iter().filter(|read| **read == b'\n').count() as u64;
            let read = passed.len();
            let is_there = length.is_some() || buffer.is_empty();
            self.byte += read as u64;
            self.file.consume(read);
            if is_there {
                return Ok(self.line);
            }
        }
    }
}

/// A file of which no more is read for one row than a row may have.
struct Bounded {
    file: File,
    left: Rc<Cell<usize>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left.get() == 0 {
            return Err(ErrorKind::InvalidData.into());
        }
        let most = buffer.len().min(self.left.get());
        let read = self.file.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - read);
        Ok(read)
    }
}
