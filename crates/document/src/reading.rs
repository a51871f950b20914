//! What reading a form in TOML or JSON is the same for, whichever document it is: bounds, syntax, and one report of all
//! that is wrong.

use crate::document::EncodeError;
use crate::limits::{CONTENT_BYTES_MAX, FORM_BYTES_MAX};
use crate::report::{Finding, Report, Severity};
use crate::tree::Node;

/// What is read from a form, and written to one.
pub(crate) trait FromForm: Sized {
    /// Reads it as its author's form is read; every problem is a finding.
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Self>;

    /// The tree of all forms: `form` first, then the fields in their order.
    fn to_node(&self) -> Node;
}

/// Reads a form in TOML; the report holds the warnings.
///
/// # Errors
/// The report, with at least one error.
pub(crate) fn from_toml<T: FromForm>(text: &str) -> Result<(T, Report), Report> {
    if text.len() > FORM_BYTES_MAX {
        return Err(whole_form_error(format!(
            "the form has {} bytes where at most {FORM_BYTES_MAX} are allowed",
            text.len()
        )));
    }
    let (node, mut findings) = Node::from_toml(text);
    let syntax_is_broken = !findings.is_empty();
    let mut document = None;
    // After a syntax error the rest is guesswork: fields behind it would be called missing.
    if !syntax_is_broken {
        document = T::read(&node, &mut findings);
    }
    if let Some(length) =
        document.as_ref().map(|d| d.to_node().to_json().len()).filter(|n| *n > CONTENT_BYTES_MAX)
    {
        findings.push(finding(None, EncodeError::TooLong(length).to_string()));
    }
    finish(document, Report::new(findings, Some(text)))
}

/// Reads a form in JSON; the report holds the warnings.
///
/// # Errors
/// As [`from_toml`]; problems have a path, but no line.
pub(crate) fn from_json<T: FromForm>(json: &serde_json::Value) -> Result<(T, Report), Report> {
    let node = Node::from_json(json).map_err(whole_form_error)?;
    let mut findings = Vec::new();
    let document = T::read(&node, &mut findings);
    finish(document, Report::new(findings, None))
}

/// A problem of the whole form.
pub(crate) fn finding(at: Option<std::ops::Range<usize>>, message: String) -> Finding {
    Finding { severity: Severity::Error, at, path: String::new(), message, advice: String::new(), rule: None }
}

fn finish<T>(document: Option<T>, report: Report) -> Result<(T, Report), Report> {
    match document {
        Some(document) if report.is_ok() => Ok((document, report)),
        _ => Err(report),
    }
}

fn whole_form_error(message: String) -> Report {
    Report::new(vec![finding(None, message)], None)
}
