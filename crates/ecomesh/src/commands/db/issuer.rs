//! Whether this bureau may enter a travel document: what `db check` knows only of a node's folder, and asks it for.

use ecomesh_document::Document;
use ecomesh_document::entry::may_enter;
use ecomesh_document::report::{Problem, Report, Severity};

use crate::cli::Global;
use crate::commands::forms;

/// The report, and what the issuer of the document adds to it. Without a node's folder nothing is added: a form is checked
/// anywhere.
pub(super) fn check(report: Report, text: &str, global: &Global) -> Report {
    let (Some(member), Ok((Document::Entry(entry), _))) =
        (forms::own_member(global), Document::from_toml(text))
    else {
        return report;
    };
    let Err(rule) = may_enter(&entry, &member) else { return report };
    if report.errors().any(|problem| problem.rule == Some(rule)) {
        return report;
    }
    let problem = Problem {
        severity: Severity::Error,
        line: None,
        column: None,
        path: "document.country".into(),
        message: format!("{member} may not enter it"),
        advice: "tell the country that issued the document in a message: that country enters it".into(),
        rule: Some(rule),
    };
    report.and(problem.into())
}
