//! What starting and checking a form off line is the same for, whichever form it is.

use std::path::{Path, PathBuf};

use ecomesh_document::entry::Database;
use ecomesh_document::limits::FORM_BYTES_MAX;
use ecomesh_document::member::MemberCode;
use ecomesh_document::notice::Colour;
use ecomesh_document::report::{Problem, Report, Severity};
use ecomesh_document::{Document, ECOMESSAGE, ENTRY, Kind, MESSAGE, NOTICE, dates, file};
use ecomesh_node::home::Home;

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

/// Prints every problem of a form, those of its dates as of now included. One that another command checks is told that.
pub fn check(
    global: &Global,
    file: &Path,
    command: FormCommand,
    check: impl FnOnce(&str) -> Report,
) -> anyhow::Result<ExitCode> {
    let text = files::read_text(file, FORM_BYTES_MAX as u64)?;
    let report = match of_another(&text, command, file) {
        Some(problem) => problem.into(),
        None => check(&text).and(dates::check(&text, times::now_ms())),
    };
    output::either(global, &report, |report| {
        if report.problems().is_empty() { "no problems".into() } else { report.to_string() }
    })?;
    if report.is_ok() {
        remark_files(global, &text);
    }
    Ok(if report.is_ok() { ExitCode::Ok } else { ExitCode::No })
}

/// A command that takes forms of some kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormCommand {
    /// Of Ecomessages and plain messages.
    Ecomessage,
    /// Of notices and diffusions.
    Notice,
    /// Of entries of databases.
    Db,
}

impl FormCommand {
    /// The command for a form, and what the form is; nothing if it does not say that.
    pub fn of(text: &str) -> Option<(Self, &'static str)> {
        let table: toml::Table = toml::from_str(text).ok()?;
        let form = table.get("form")?.as_str()?;
        match Kind::from_form(form)? {
            kind if *kind == NOTICE => Colour::from_form(form).map(|colour| (Self::Notice, colour.title)),
            kind if *kind == ENTRY => Database::from_form(form).map(|database| (Self::Db, database.title)),
            kind if [ECOMESSAGE, MESSAGE].contains(kind) => Some((Self::Ecomessage, kind.title)),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ecomessage => "ecomessage",
            Self::Notice => "notice",
            Self::Db => "db",
        }
    }

    /// What its forms are.
    fn takes(self) -> &'static str {
        match self {
            Self::Ecomessage => "Ecomessage",
            Self::Notice => "notice",
            Self::Db => "entry of a database",
        }
    }
}

/// That a form is for another command than this one.
fn of_another(text: &str, command: FormCommand, file: &Path) -> Option<Problem> {
    let (other, what) = FormCommand::of(text).filter(|(other, _)| *other != command)?;
    Some(Problem {
        severity: Severity::Error,
        line: None,
        column: None,
        path: "form".into(),
        message: format!("it is no {} but: {what}", command.takes()),
        advice: format!("check it with: ecomesh {} check {}", other.name(), file.display()),
        rule: None,
    })
}

/// A form names photographs and copies; the files themselves go only with --attach.
fn remark_files(global: &Global, text: &str) {
    let Ok((document, _)) = Document::from_toml(text) else { return };
    let names = file::named(&document);
    if !names.is_empty() {
        let names = output::printable(&names.join(","));
        output::remark(
            global,
            &format!("the files that it names go with it only if they are attached: --attach {names}"),
        );
    }
}

/// The member whose node has its folder here, by its card.
pub fn own_member(global: &Global) -> Option<MemberCode> {
    let card = Home::open(global.home().ok()?).ok()?.card().ok()?;
    MemberCode::parse(card.member.as_str()).ok()
}
