//! The report: the machine, then each benchmark's figures beside their targets; as text for people or as JSON.

use std::fmt::Write as _;
use std::io::Write as _;

use serde::Serialize;

use crate::figures::{Figure, Section, Target};
use crate::machine::Machine;

/// Everything that a run found.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: Machine,
    benchmarks: Vec<Section>,
}

impl Report {
    /// Looks at the machine before anything loads it.
    pub fn begin() -> Self {
        Self { machine: Machine::look(), benchmarks: Vec::new() }
    }

    /// Adds what a benchmark found.
    pub fn add(&mut self, section: Section) {
        self.benchmarks.push(section);
    }

    /// Prints it.
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        let text = if json { serde_json::to_string_pretty(self)? } else { self.text() };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}")?;
        Ok(out.flush()?)
    }

    fn text(&self) -> String {
        let mut text = head(&self.machine);
        for section in &self.benchmarks {
            section_text(&mut text, section);
        }
        text
    }
}

fn head(m: &Machine) -> String {
    let mut text = format!(
        "machine   {} cores, {}, {} MiB, Linux {}\ndate      {}\nload      {} before the run\ncommand   {}\n",
        m.cores, m.cpu, m.memory_mib, m.kernel, m.date, m.load_before, m.command
    );
    if let Some(commit) = &m.commit {
        text.push_str(&format!("commit    {commit}\n"));
    }
    if !m.optimised {
        text.push_str("warning   this binary is not optimised: build it with --release\n");
    }
    text
}

fn section_text(text: &mut String, section: &Section) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\n== {}\n{}\n\n", section.name, section.story);
    let width = section.figures.iter().map(|f| f.what.chars().count()).max().unwrap_or(0).max(6);
    let _ = writeln!(text, "{:<width$}  {:>12}  {:<14}  {:<16}  met", "figure", "measured", "unit", "target");
    for figure in &section.figures {
        let _ = writeln!(
            text,
            "{:<width$}  {:>12}  {:<14}  {:<16}  {}",
            figure.what,
            number(figure.measured),
            figure.unit,
            target(figure),
            met(figure)
        );
    }
    if !section.notes.is_empty() {
        text.push('\n');
    }
    for note in &section.notes {
        let _ = writeln!(text, "- {note}");
    }
}

fn target(figure: &Figure) -> String {
    match figure.target {
        Some(Target::AtLeast(bound)) => format!("≥ {}", number(bound)),
        Some(Target::AtMost(bound)) => format!("≤ {}", number(bound)),
        None => String::new(),
    }
}

fn met(figure: &Figure) -> &'static str {
    match figure.met {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    }
}

/// Whole numbers from 100 on, three digits below.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    if value.abs() >= 100.0 {
        return grouped(value.round());
    }
    let decimals = if value.abs() >= 10.0 { 1 } else { 2 };
    format!("{value:.decimals$}")
}

/// 12,345,678.
fn grouped(whole: f64) -> String {
    let digits = format!("{whole:.0}");
    let first = usize::from(digits.starts_with('-'));
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > first && (digits.len() - n) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        let texts: Vec<String> =
            [0.5, 4.26, 12.34, 123.4, 12_345.6, 1_234_567.0, f64::NAN].into_iter().map(number).collect();
        assert_eq!(texts, ["0.50", "4.26", "12.3", "123", "12,346", "1,234,567", "–"]);
    }

    #[test]
    fn a_missed_target_is_told() {
        let mut section = Section::new("mesh", "A story.");
        section
            .figure(Figure::new("mesh.rate", "rate", 7_000.0, "records/s").target(Target::AtLeast(8_000.0)));
        let mut text = String::new();
        section_text(&mut text, &section);
        assert!(text.contains("≥ 8,000"), "{text}");
        assert!(text.contains("NO"), "{text}");
    }
}
