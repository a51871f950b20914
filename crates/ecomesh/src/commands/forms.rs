//! What starting and checking a form off line is the same for, whichever form it is.

use std::path::{Path, PathBuf};

use ecomesh_document::dates;
use ecomesh_document::limits::FORM_BYTES_MAX;
use ecomesh_document::report::Report;

use crate::cli::Global;
use crate::exit::ExitCode;
use crate::{files, output, times};

/// Prints a form to fill in, or writes it to a file that is not there yet. `command` is that which checks it.
pub fn start(global: &Global, text: &str, path: Option<PathBuf>, command: &str) -> anyhow::Result<ExitCode> {
    match path {
        None => output::line(text.trim_end())?,
        Some(path) => {
            files::write_new(&path, text.as_bytes())?;
            output::remark(
                global,
                &format!("fill in {0}, then: ecomesh {command} check {0}", path.display()),
            );
        }
    }
    Ok(ExitCode::Ok)
}

/// Prints every problem of a form, those of its dates as of now included.
pub fn check(global: &Global, file: &Path, check: impl FnOnce(&str) -> Report) -> anyhow::Result<ExitCode> {
    let text = files::read_text(file, FORM_BYTES_MAX as u64)?;
    let report = check(&text).and(dates::check(&text, times::now_ms()));
    output::either(global, &report, |report| {
        if report.problems().is_empty() { "no problems".into() } else { report.to_string() }
    })?;
    Ok(if report.is_ok() { ExitCode::Ok } else { ExitCode::No })
}
