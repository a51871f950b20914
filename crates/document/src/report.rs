//! What is wrong with a form: every problem at once, each with its place and with what to do.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::limits::{EXCERPT_CHARS_MAX, PROBLEMS_MAX};
use crate::rule::Rule;
use crate::text;

/// What is said of a field with nothing in it.
pub(crate) const EMPTY_FIELD: &str = "the field is empty";

/// Whether a problem stops a form from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It cannot be sent like this.
    Error,
    /// It can be sent; look again.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// Line, from 1; `None` if the form did not come as TOML text.
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: Option<usize>,
    /// Path of the field, as `products[2].term`; entries of lists are counted from 1. Empty for the whole form.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: String,
    /// Rule of the domain that is broken, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static Rule>,
}

/// All problems of a form in the order of its lines, at most [`PROBLEMS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    problems: Vec<Problem>,
}

/// A problem before its place is turned into line and column.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) at: Option<Range<usize>>,
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) advice: String,
    pub(crate) rule: Option<&'static Rule>,
}

impl Report {
    /// Puts findings in order; `source` is the TOML text to which their places belong.
    pub(crate) fn new(findings: Vec<Finding>, source: Option<&str>) -> Self {
        Self::ordered(findings.into_iter().map(|f| f.locate(source)).collect())
    }

    fn ordered(mut problems: Vec<Problem>) -> Self {
        // What a rule says of an empty field is said once, with the rule.
        let ruled: BTreeSet<String> =
            problems.iter().filter(|p| p.rule.is_some()).map(|p| p.path.clone()).collect();
        problems.retain(|p| p.rule.is_some() || p.message != EMPTY_FIELD || !ruled.contains(&p.path));
        // Errors are kept before warnings: a form full of warnings must not pass because its error was cut off.
        problems.sort_by_key(|p| p.severity);
        problems.truncate(PROBLEMS_MAX);
        problems.sort_by_key(|p| (p.line, p.column, p.severity));
        problems.dedup();
        Self { problems }
    }

    /// The problems of both, in their order.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.problems.extend(other.problems);
        Self::ordered(self.problems)
    }

    /// All problems.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What stops the form from being sent.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|p| p.severity == Severity::Error)
    }

    /// What should be looked at again.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|p| p.severity == Severity::Warning)
    }

    /// True if nothing stops the form from being sent.
    pub fn is_ok(&self) -> bool {
        self.errors().next().is_none()
    }
}

impl From<Problem> for Report {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl Finding {
    fn locate(self, source: Option<&str>) -> Problem {
        let place = source.zip(self.at).map(|(text, at)| line_and_column(text, at.start));
        Problem {
            severity: self.severity,
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            path: self.path,
            message: self.message,
            advice: self.advice,
            rule: self.rule,
        }
    }
}

/// One problem a line: `line 12, column 8: products[1].term: … What to do.` The rules that problems name follow, each once.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        let rules: BTreeSet<_> = self.problems.iter().filter_map(|problem| problem.rule).collect();
        if !rules.is_empty() {
            writeln!(f, "\nThe rules:")?;
        }
        for rule in rules {
            writeln!(f, "  {rule}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.severity {
            Severity::Error => f.write_str("error")?,
            Severity::Warning => f.write_str("warning")?,
        }
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ", line {line}, column {column}")?;
        }
        if !self.path.is_empty() {
            write!(f, ", {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(rule) = self.rule {
            write!(f, " [{}]", rule.id)?;
        }
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

/// A wrong value for a message: shortened, and without what could disturb a terminal.
pub(crate) fn excerpt(value: &str) -> String {
    let mut short: String = value.chars().take(EXCERPT_CHARS_MAX).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    format!("\"{}\"", text::neutralise(&short))
}

/// Line and column from 1, columns in characters, of a byte of `text`.
pub(crate) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let before = &text[..byte];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        assert_eq!(line_and_column("", 0), (1, 1));
        assert_eq!(line_and_column("é = 1\nß x", 9), (2, 2));
        assert_eq!(line_and_column("é", 1), (1, 1));
        assert_eq!(line_and_column("ab\n", 99), (2, 1));
    }

    #[test]
    fn an_error_behind_many_warnings_is_not_cut_off() {
        let finding = |severity, message: String| Finding {
            severity,
            at: None,
            path: String::new(),
            message,
            advice: String::new(),
            rule: None,
        };
        let mut findings: Vec<_> = (0..999).map(|i| finding(Severity::Warning, i.to_string())).collect();
        findings.push(finding(Severity::Error, "late".into()));
        let report = Report::new(findings, None);
        assert_eq!((report.problems().len(), report.is_ok()), (PROBLEMS_MAX, false));
    }

    #[test]
    fn excerpts_are_short_and_harmless() {
        assert_eq!(excerpt("a\u{1b}[2J"), "\"a\u{FFFD}[2J\"");
        assert_eq!(excerpt(&"x".repeat(99)).chars().count(), EXCERPT_CHARS_MAX + 3);
    }
}
