//! The rows of a CSV file, one after the other: however long the file is, one row of it is in memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
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
pub(super) struct Rows {
    path: PathBuf,
    reader: csv::Reader<Bounded>,
    left: Rc<Cell<usize>>,
    record: ByteRecord,
}

/// A row, and where it stands.
pub(super) struct Row {
    /// As a spreadsheet shows it, from 1, the header included. Lines without any cell do not count.
    pub(super) number: u64,
    /// Line of the file on which it begins, from 1.
    pub(super) line: u64,
    /// Its cells, or why they cannot be read.
    pub(super) cells: Result<Vec<String>, Vec<CellProblem>>,
}

impl Rows {
    /// Opens a file.
    pub(super) fn open(path: &Path, dialect: Dialect) -> Result<Self, Failure> {
        let unusable = |error: std::io::Error| files::unusable(path, &error);
        let mut file = File::open(path).map_err(unusable)?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(files::unusable(path, &ErrorKind::IsADirectory.into()));
        }
        refuse_utf16(path, &mut file).map_err(unusable)??;
        let left = Rc::new(Cell::new(ROW_BYTES_MAX));
        let reader = ReaderBuilder::new()
            .delimiter(dialect.delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(Bounded { file, left: Rc::clone(&left) });
        Ok(Self { path: path.to_owned(), reader, left, record: ByteRecord::new() })
    }

    /// The next row; `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Failure> {
        self.left.set(ROW_BYTES_MAX);
        let begins = self.reader.position().clone();
        let more = self.reader.read_byte_record(&mut self.record).map_err(|error| self.explain(&error, begins.line()))?;
        if !more {
            return Ok(None);
        }
        let place = self.record.position().cloned().unwrap_or(begins);
        let cells = match self.quote_is_open(place.byte()) {
            true => Err(vec![CellProblem::of_row(
                "a quote is opened in it and not closed, so that it may hold what were rows of their own",
                "close the quote, and double the quotes within cells",
            )]),
            false => self.texts(),
        };
        Ok(Some(Row { number: place.record() + 1, line: place.line(), cells }))
    }

    /// The cells as texts.
    fn texts(&self) -> Result<Vec<String>, Vec<CellProblem>> {
        let mut problems = Vec::new();
        let mut cells = Vec::new();
        for (number, cell) in (1..).zip(&self.record) {
            match std::str::from_utf8(cell) {
                Ok(text) => cells.push(text.to_owned()),
                Err(_) => problems.push(CellProblem::new(
                    number.to_string(),
                    "",
                    &String::from_utf8_lossy(cell),
                    "the cell is no text in UTF-8",
                    "save the file as CSV UTF-8",
                )),
            }
        }
        if problems.is_empty() { Ok(cells) } else { Err(problems) }
    }

    /// Whether a quote of the row is not closed. The reader takes the rest of the file for the cell then, and says nothing.
    /// Only a cell with a line break can have swallowed a row; of what is no file on a disk it cannot be said.
    fn quote_is_open(&self, begins: u64) -> bool {
        if !self.record.iter().any(|cell| cell.contains(&b'\n')) {
            return false;
        }
        let length = self.reader.position().byte().saturating_sub(begins);
        let quotes = || {
            let mut file = File::open(&self.path).ok().filter(|f| f.metadata().is_ok_and(|m| m.is_file()))?;
            file.seek(SeekFrom::Start(begins)).ok()?;
            let mut written = Vec::new();
            file.take(length.min(2 * ROW_BYTES_MAX as u64)).read_to_end(&mut written).ok()?;
            Some(written.iter().filter(|byte| **byte == b'"').count())
        };
        quotes().is_some_and(|quotes| quotes % 2 == 1)
    }

    /// What an error of the reader means.
    fn explain(&self, error: &csv::Error, line: u64) -> Failure {
        match error.kind() {
            csv::ErrorKind::Io(io) if self.left.get() == 0 && io.kind() == ErrorKind::InvalidData => {
                let what = format!(
                    "{}, line {line}: a row of more than {ROW_BYTES_MAX} bytes begins here",
                    self.path.display()
                );
                Failure::new(ExitCode::BadInput, what)
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
