//! Files that people name on the command line.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
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
    write_with(path, bytes, OpenOptions::new().write(true).create_new(true))
}

/// As [`write_new`], for what names persons or was sealed: only this user reads it.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_with(path, bytes, OpenOptions::new().write(true).create_new(true).mode(0o600))
}

/// Makes a folder into which only this user looks; one that is there stays as it is.
pub fn make_private(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| unusable(path, &error))
}

fn write_with(path: &Path, bytes: &[u8], options: &OpenOptions) -> Result<(), Failure> {
    let fault = |e: std::io::Error| unusable(path, &e);
    let mut file = options.open(path).map_err(fault)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fault)
}

/// A file that the system does not let us use: named, with advice.
pub fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let failure = explain_io(error);
    Failure { what: format!("{}: {}", path.display(), failure.what), ..failure }
}
