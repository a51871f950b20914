//! Files that people name on the command line.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;

use crate::exit::{ExitCode, Failure, explain_io};

/// The whole file, if it has at most `max` bytes.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let fault = |e: std::io::Error| unusable(path, &e);
    let file = std::fs::File::open(path).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > max {
        let what = format!("{} has more than {max} bytes", path.display());
        return Err(Failure::new(ExitCode::BadInput, what).help("this is not the file that you mean"));
    }
    Ok(bytes)
}

/// As [`read`], for a text.
pub fn read_text(path: &Path, max: u64) -> Result<String, Failure> {
    let not_text = |_| {
        Failure::new(ExitCode::BadInput, format!("{} is no text in UTF-8", path.display()))
            .help("this is another kind of file; check the path")
    };
    String::from_utf8(read(path, max)?).map_err(not_text)
}

/// Writes a new file; one that is there is never overwritten.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fault = |e: std::io::Error| unusable(path, &e);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(fault)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fault)
}

/// A file that the system does not let us use: named, with advice.
pub fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let failure = explain_io(error);
    Failure { what: format!("{}: {}", path.display(), failure.what), ..failure }
}
