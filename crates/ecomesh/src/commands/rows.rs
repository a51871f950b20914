//! The rows of a CSV file, one after the other: however long the file is, one row of it is in memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::{ByteRecord, Position, ReaderBuilder};
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

/// A row whose cells are looked at one by one.
pub struct Cells {
    /// As of a [`Row`].
    pub number: u64,
    /// Each cell, or why it cannot be read; or why the row cannot be.
    pub cells: Result<Vec<Result<String, CellProblem>>, CellProblem>,
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

    /// Whether it is a file on a disk, which ends by itself.
    pub fn is_file(&self) -> bool {
        self.length.is_some()
    }

    /// The next row; `None` behind the last one.
    pub fn next(&mut self) -> Result<Option<Row>, Failure> {
        let begins = self.reader.position().clone();
        match self.read() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(self.fault(&error, &begins)),
        }
        let place = self.record.position().cloned().unwrap_or(begins);
        let line = self.line_at(place.byte())?;
        let cells = self.whole(&place).map_err(|problem| vec![problem]).and_then(|()| {
            let (texts, problems): (Vec<_>, Vec<_>) = self.texts().partition(Result::is_ok);
            let problems: Vec<CellProblem> = problems.into_iter().filter_map(Result::err).collect();
            if problems.is_empty() { Ok(texts.into_iter().flatten().collect()) } else { Err(problems) }
        });
        Ok(Some(Row { number: place.record() + 1, line, cells }))
    }

    /// As [`Rows::next`], with what is wrong of each cell. A row that is too long is passed over, where the file can be read
    /// again from the next line on.
    pub fn next_cells(&mut self) -> Result<Option<Cells>, Failure> {
        let begins = self.reader.position().clone();
        match self.read() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) if self.is_too_long(&error) && self.length.is_some() => {
                return self.pass_over(&begins).map(Some);
            }
            Err(error) => return Err(self.fault(&error, &begins)),
        }
        let place = self.record.position().cloned().unwrap_or(begins);
        let cells = self.whole(&place).map(|()| self.texts().collect());
        Ok(Some(Cells { number: place.record() + 1, cells }))
    }

    fn read(&mut self) -> csv::Result<bool> {
        self.left.set(ROW_BYTES_MAX);
        self.reader.read_byte_record(&mut self.record)
    }

    /// What an error at a row means, which begins there.
    fn fault(&mut self, error: &csv::Error, begins: &Position) -> Failure {
        self.line_at(begins.byte()).map_or_else(|unusable| unusable, |line| self.explain(error, line))
    }

    /// Goes on behind the first line of a row that is too long: mostly a quote is opened in that line and not closed.
    fn pass_over(&mut self, begins: &Position) -> Result<Cells, Failure> {
        let number = begins.record() + 1;
        let next = line_end(&self.path, begins.byte()).and_then(|byte| {
            let mut place = Position::new();
            place.set_byte(byte).set_record(number);
            self.left.set(ROW_BYTES_MAX);
            self.reader.seek_raw(SeekFrom::Start(byte), place).map_err(std::io::Error::from)
        });
        next.map_err(|error| files::unusable(&self.path, &error))?;
        let problem = CellProblem::of_row(
            format!("it has more than {ROW_BYTES_MAX} bytes; the next line is taken for the next row"),
            "look for a quote that is opened in it and not closed",
        );
        Ok(Cells { number, cells: Err(problem) })
    }

    fn line_at(&mut self, byte: u64) -> Result<Option<u64>, Failure> {
        let line = self.lines.as_mut().map(|lines| lines.at(byte)).transpose();
        line.map_err(|error| files::unusable(&self.path, &error))
    }

    /// Whether the row ends where it seems to.
    fn whole(&self, place: &Position) -> Result<(), CellProblem> {
        if self.quote_is_open(place.byte()) {
            return Err(CellProblem::of_row(
                "a quote is opened in it and not closed, so that it may hold what were rows of their own",
                "close the quote, and double the quotes within cells",
            ));
        }
        Ok(())
    }

    /// The cells as texts.
    fn texts(&self) -> impl Iterator<Item = Result<String, CellProblem>> {
        self.record.iter().enumerate().map(|(place, cell)| {
            std::str::from_utf8(cell).map(str::to_owned).map_err(|_| {
                CellProblem::new(
                    self.column(place),
                    "",
                    &String::from_utf8_lossy(cell),
                    "the cell is no text in UTF-8",
                    "save the file as CSV UTF-8",
                )
            })
        })
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

    fn is_too_long(&self, error: &csv::Error) -> bool {
        let csv::ErrorKind::Io(io) = error.kind() else { return false };
        self.left.get() == 0 && io.kind() == ErrorKind::InvalidData
    }

    /// What an error of the reader means.
    fn explain(&self, error: &csv::Error, line: Option<u64>) -> Failure {
        match error.kind() {
            csv::ErrorKind::Io(_) if self.is_too_long(error) => {
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

/// Where the line ends that begins at a byte, or behind empty lines there.
fn line_end(path: &Path, begins: u64) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(begins))?;
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    let (mut byte, mut in_line) = (begins, false);
    loop {
        let buffer = file.fill_buf()?;
        for (read, sign) in (1..).zip(buffer) {
            match sign {
                b'\n' | b'\r' if in_line => return Ok(byte + read),
                b'\n' | b'\r' => {}
                _ => in_line = true,
            }
        }
        let read = buffer.len();
        if read == 0 {
            return Ok(byte);
        }
        byte += read as u64;
        file.consume(read);
    }
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

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
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
