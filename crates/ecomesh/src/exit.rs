//! How the program ends: the exit codes, and the one place where an error of any library becomes a sentence
//! on what happened, an advice on what to do next, and a code.

use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;

use ecomesh_api::{ClientError, ProblemCode};
use ecomesh_node::access_log::AuditError;
use ecomesh_node::archives::ArchivingError;
use ecomesh_node::config::ConfigError;
use ecomesh_node::founding::join::JoinError;
use ecomesh_node::founding::keygen::KeygenError;
use ecomesh_node::home::{FileError, HomeError};
use ecomesh_node::passphrase::PassphraseError;
use ecomesh_node::{StorageKeyError, VaultFault};
use serde::Serialize;

/// The exit codes. They are part of the contract: scripts rely on them, `ecomesh --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Ok = 0,
    /// The question was answered, and the answer is no: an audit found a fault, a form has problems, a row of an import was
    /// refused.
    No = 1,
    /// The command was typed wrongly. clap uses the same number.
    Usage = 2,
    /// An input file is not what it should be, or some rows of it are not.
    BadInput = 3,
    /// The node is not running, still starting, or cannot be reached.
    NoNode = 4,
    /// Refused by the node or by a rule of the network.
    Refused = 5,
    /// Wrong passphrase or wrong keys.
    Keys = 6,
    /// A file, folder, disk or port cannot be used.
    Io = 7,
    /// A fault of ecomesh itself.
    Internal = 70,
}

impl ExitCode {
    /// A stable name for `--json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::No => "no",
            Self::Usage => "usage",
            Self::BadInput => "bad_input",
            Self::NoNode => "no_node",
            Self::Refused => "refused",
            Self::Keys => "keys",
            Self::Io => "io",
            Self::Internal => "internal",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// An error as its reader needs it. Commands return it where they know best what to advise; everything else
/// is mapped by [`explain`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends.
    pub code: ExitCode,
    /// What happened, one sentence without a full stop.
    pub what: String,
    /// What to do next.
    pub help: Option<String>,
    /// Every single finding where there are several: line and field of a form, fault of a file.
    pub details: Vec<String>,
}

impl Failure {
    /// A failure without advice yet.
    pub fn new(code: ExitCode, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), help: None, details: Vec::new() }
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the single findings, printed one a line.
    #[must_use]
    pub fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Prints an error on stderr and returns its exit code.
pub fn report(error: &anyhow::Error, json: bool) -> ExitCode {
    let failure = explain(error);
    if json {
        let report = JsonReport {
            error: JsonError {
                code: failure.code as u8,
                name: failure.code.name(),
                what: &failure.what,
                help: failure.help.as_deref(),
                details: &failure.details,
            },
        };
        let line =
            serde_json::to_string(&report).unwrap_or_else(|_| String::from("{\"error\":{\"code\":70}}"));
        eprint_line(&line);
        return failure.code;
    }
    eprint_line(&format!("error: {}", failure.what));
    // One problem alone often says it all in the first line.
    let says_more = |detail: &&String| failure.details.len() > 1 || !detail.contains(&failure.what);
    for detail in failure.details.iter().filter(says_more) {
        eprint_line(&format!("  {detail}"));
    }
    if let Some(help) = &failure.help {
        eprint_line(&format!("help: {help}"));
    }
    failure.code
}

/// Whether errors are to be JSON, of a command that may be typed wrongly.
pub fn json_is_wanted(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// A command that was typed wrongly: the first paragraph of what clap says is what happened, the others what to do.
pub fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut paragraphs =
        text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let first = paragraphs.next().unwrap_or_default();
    let what = match error.kind() {
        // Its text is the help of the command.
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Failure::new(ExitCode::Usage, "the command is not whole: a part of it is missing")
                .help("--help behind it tells what can follow");
        }
        _ => first.strip_prefix("error: ").unwrap_or(&first),
    };
    Failure::new(ExitCode::Usage, what).help(paragraphs.collect::<Vec<_>>().join("; "))
}

/// Prints a warning on stderr: something is not as it should be, and the command goes on.
pub fn warn(what: &str, help: &str, json: bool) {
    if json {
        let warning = serde_json::json!({ "warning": { "what": what, "help": help } });
        return eprint_line(&warning.to_string());
    }
    eprint_line(&format!("warning: {what}"));
    eprint_line(&format!("help: {help}"));
}

/// Writes a line to stderr; if nobody reads it, there is nobody to tell.
pub fn eprint_line(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{}", crate::output::printable(line));
}

#[derive(Serialize)]
struct JsonReport<'a> {
    error: JsonError<'a>,
}

#[derive(Serialize)]
struct JsonError<'a> {
    code: u8,
    name: &'a str,
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    details: &'a [String],
}

/// Turns any error into a [`Failure`]: the one place where the errors of the libraries meet exit codes.
pub fn explain(error: &anyhow::Error) -> Failure {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return with_context(failure.clone(), error);
        }
        if let Some(failure) = explain_library(cause) {
            return with_context(failure, error);
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return with_context(explain_io(io), error);
        }
    }
    Failure::new(ExitCode::Internal, whole_chain(error))
        .help("this should not happen; please report it with the command and the output of ecomesh --version")
}

/// Puts what anyhow's contexts say before the failure's own sentence.
fn with_context(mut failure: Failure, error: &anyhow::Error) -> Failure {
    let own = failure.what.clone();
    let contexts = error.chain().map(ToString::to_string).take_while(|text| !text.contains(&own));
    let mut sentence: Vec<String> = contexts.collect();
    sentence.push(own);
    failure.what = sentence.join(": ");
    failure
}

fn whole_chain(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // Many errors repeat their source in their own text.
        if sentence.contains(&text) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&text);
    }
    sentence
}

/// What the libraries' errors mean to the one who typed the command.
fn explain_library(cause: &(dyn std::error::Error + 'static)) -> Option<Failure> {
    if let Some(error) = cause.downcast_ref::<ClientError>() {
        return Some(explain_client(error));
    }
    if let Some(error @ ConfigError::Values { .. }) = cause.downcast_ref::<ConfigError>() {
        let help = "correct it in that file, or remove the line: then the default holds";
        return Some(Failure::new(ExitCode::BadInput, error.to_string()).help(help));
    }
    // A transparent error hides what it wraps from the chain of sources: it is unwrapped here.
    if let Some(wrapped) = wrapped(cause) {
        return explain_library(wrapped);
    }
    let code = if let Some(error) = cause.downcast_ref::<HomeError>() {
        home_code(error)
    } else if let Some(error) = cause.downcast_ref::<KeygenError>() {
        keygen_code(error)
    } else if cause.is::<StorageKeyError>() || cause.is::<VaultFault>() {
        ExitCode::Keys
    } else if cause.is::<ArchivingError>() {
        ExitCode::Io
    } else if let Some(error) = cause.downcast_ref::<PassphraseError>() {
        match error {
            PassphraseError::File(_) => ExitCode::Io,
            PassphraseError::NoTerminal(_) => ExitCode::Usage,
            _ => ExitCode::Keys,
        }
    } else if let Some(error) = cause.downcast_ref::<ConfigError>() {
        match error {
            // Bytes that are no text: the file is another one than was meant.
            ConfigError::Read { kind, .. } if *kind != ErrorKind::InvalidData => ExitCode::Io,
            _ => ExitCode::BadInput,
        }
    } else if let Some(error) = cause.downcast_ref::<FileError>() {
        file_code(error)
    } else {
        return None;
    };
    Some(split_advice(code, &cause.to_string()))
}

/// The error inside an error that only passes it on.
fn wrapped<'a>(
    cause: &'a (dyn std::error::Error + 'static),
) -> Option<&'a (dyn std::error::Error + 'static)> {
    if let Some(error) = cause.downcast_ref::<KeygenError>() {
        return match error {
            KeygenError::Home(error) => Some(error),
            KeygenError::File(error) => Some(error),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<JoinError>() {
        return match error {
            JoinError::Home(error) => Some(error),
            JoinError::File(error) => Some(error),
            JoinError::Config(error) => Some(error),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<StorageKeyError>() {
        return match error {
            StorageKeyError::Home(error) => Some(error),
            StorageKeyError::Passphrase(error) => Some(error),
            StorageKeyError::Vault(error) => Some(error),
            StorageKeyError::File(error) => Some(error),
            StorageKeyError::Damaged(_) | StorageKeyError::Lost(_) => None,
        };
    }
    if let Some(VaultFault::File(error)) = cause.downcast_ref::<VaultFault>() {
        return Some(error);
    }
    if let Some(error) = cause.downcast_ref::<AuditError>() {
        return match error {
            AuditError::File(error) => Some(error),
            AuditError::Key(error) => Some(error),
        };
    }
    match cause.downcast_ref::<ArchivingError>()? {
        ArchivingError::Home(error) => Some(error),
        ArchivingError::Key(error) => Some(error),
        ArchivingError::Config(error) => Some(error),
        _ => None,
    }
}

fn keygen_code(error: &KeygenError) -> ExitCode {
    match error {
        // What was typed does not make a card.
        KeygenError::Address(_) | KeygenError::Card(_) => ExitCode::Usage,
        KeygenError::Randomness(_) => ExitCode::Io,
        _ => ExitCode::Internal,
    }
}

fn home_code(error: &HomeError) -> ExitCode {
    match error {
        HomeError::NoHome(_) | HomeError::NotJoined(_) => ExitCode::NoNode,
        HomeError::HomeExists(_) | HomeError::Exposed { .. } | HomeError::InUse { .. } => ExitCode::Io,
        HomeError::Keys { .. }
        | HomeError::KeysMissing(_)
        | HomeError::KeysDiffer(_)
        | HomeError::Foreign(_) => ExitCode::Keys,
        HomeError::Card { .. } | HomeError::Charter { .. } | HomeError::Counter { .. } => ExitCode::BadInput,
        HomeError::File(error) => file_code(error),
    }
}

fn file_code(error: &FileError) -> ExitCode {
    match error {
        FileError::Io { .. } => ExitCode::Io,
        FileError::TooLong { .. } | FileError::NotText { .. } => ExitCode::BadInput,
    }
}

fn explain_client(error: &ClientError) -> Failure {
    let code = match error {
        ClientError::NodeNotRunning { .. }
        | ClientError::NotAllowed { .. }
        | ClientError::Starting(_)
        | ClientError::Timeout { .. }
        | ClientError::Protocol(_) => ExitCode::NoNode,
        ClientError::Unauthorized => ExitCode::Refused,
        ClientError::Request(_) => ExitCode::Usage,
        ClientError::Output(_) => ExitCode::Io,
        ClientError::Refused(problem) => match problem.code {
            ProblemCode::BadDocument | ProblemCode::BadArchive => ExitCode::BadInput,
            ProblemCode::NoAddressees => ExitCode::Usage,
            ProblemCode::WrongPassphrase => ExitCode::Keys,
            ProblemCode::Stopping => ExitCode::NoNode,
            ProblemCode::Full | ProblemCode::Disk => ExitCode::Io,
            ProblemCode::Internal => ExitCode::Internal,
            _ => ExitCode::Refused,
        },
    };
    let mut failure = Failure::new(code, error.to_string());
    if let ClientError::Refused(problem) = error {
        failure = failure.details(problem.details.iter().map(ToString::to_string));
    }
    let advice = error.advice();
    if advice.is_empty() { failure } else { failure.help(advice) }
}

/// The libraries of this workspace write `what happened; what to do next`.
pub fn split_advice(code: ExitCode, text: &str) -> Failure {
    match text.split_once("; ") {
        Some((what, help)) => Failure::new(code, what).help(help),
        None => Failure::new(code, text),
    }
}

/// What an error of the system means, and what to do about it.
pub fn explain_io(error: &std::io::Error) -> Failure {
    let failure = Failure::new(ExitCode::Io, error.to_string());
    let help = match error.kind() {
        ErrorKind::NotFound => "check the path; the file or folder is not there",
        ErrorKind::PermissionDenied => "check owner and mode of the file and of its folder",
        ErrorKind::ReadOnlyFilesystem => "choose a folder on a file system that can be written",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make space on the disk, then try again",
        ErrorKind::AddrInUse => {
            "another program uses this address: stop it, or choose another port in node.toml"
        }
        ErrorKind::AlreadyExists => "choose another name, or move the existing file away",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => {
            "check the path: a file and a folder are mixed up"
        }
        ErrorKind::InvalidData => "the file is damaged or of another kind; take a fresh copy",
        _ => "check the disk and the path, then try again",
    };
    failure.help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn an_io_error_keeps_its_context_and_gains_advice() {
        let error = Err::<(), _>(std::io::Error::from(ErrorKind::StorageFull))
            .context("cannot write out.ecoarchive")
            .expect_err("an error");
        let failure = explain(&error);
        assert_eq!(failure.code, ExitCode::Io);
        assert!(failure.what.starts_with("cannot write out.ecoarchive: "), "{}", failure.what);
        assert_eq!(failure.help.as_deref(), Some("make space on the disk, then try again"));
    }

    #[test]
    fn a_failure_under_a_context_keeps_its_code_and_help() {
        let error =
            anyhow::Error::new(Failure::new(ExitCode::Keys, "the passphrase is wrong").help("try again"))
                .context("cannot open keys");
        let failure = explain(&error);
        assert_eq!(failure.code, ExitCode::Keys);
        assert_eq!(failure.what, "cannot open keys: the passphrase is wrong");
        assert_eq!(failure.help.as_deref(), Some("try again"));
    }

    #[test]
    fn what_nobody_explained_is_a_fault_of_ours() {
        assert_eq!(explain(&anyhow::anyhow!("odd")).code, ExitCode::Internal);
    }
}
