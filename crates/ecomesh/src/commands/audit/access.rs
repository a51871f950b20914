//! `ecomesh audit --access`: who consulted what, when and why, and whether anything of that was changed.

use std::fmt::Write;

use ecomesh_node::access_log::{Audit, Consultation, Entry, Fault, FaultKind, Head, audit};
use ecomesh_node::home::Home;
use serde::Serialize;

use crate::cli::Global;
use crate::commands::listing;
use crate::exit::{ExitCode, Failure};
use crate::keys::{self, PassphraseArgs};
use crate::{output, times};

/// What is asked of the access log.
#[derive(Debug, clap::Args)]
pub struct AccessArgs {
    /// Verify and list the log of consultations of this home instead
    #[arg(long, conflicts_with_all = ["file", "network"])]
    access: bool,
    /// List what was logged from then on: 2026-03-01, 2026-03-01T08:00:00Z, or back from now: 30m, 2h, 7d
    #[arg(long, value_name = "TIME", requires = "access")]
    since: Option<String>,
    /// List the consultations of one officer, named as in the log
    #[arg(long, value_name = "NAME", requires = "access")]
    officer: Option<String>,
    /// The head that was noted at an earlier audit: nothing may have been cut off since
    #[arg(long, value_name = "NUMBER:HASH", requires = "access")]
    head: Option<String>,
}

impl AccessArgs {
    /// Whether it is the access log that is asked for.
    pub fn is_wanted(&self) -> bool {
        self.access
    }
}

#[derive(Serialize)]
struct View {
    verdict: &'static str,
    files: u64,
    /// `None` if there is no log.
    head: Option<HeadView>,
    fault_count: u64,
    faults: Vec<FaultView>,
    torn_bytes: u64,
    entries: Vec<EntryView>,
}

#[derive(Serialize)]
struct HeadView {
    entries: u64,
    hash: String,
}

#[derive(Serialize)]
struct FaultView {
    file: String,
    entry: Option<u64>,
    code: &'static str,
    what: String,
}

#[derive(Serialize)]
struct EntryView {
    number: u64,
    at_ms: u64,
    #[serde(flatten)]
    consultation: Consultation,
}

/// Verifies the whole log, and lists what the filters let through.
pub(super) fn run(
    args: &AccessArgs,
    passphrase: &PassphraseArgs,
    global: &Global,
) -> anyhow::Result<ExitCode> {
    let since = args.since.as_deref().map(|text| times::point(text, times::now_ms())).transpose()?;
    let noted = args.head.as_deref().map(parse_head).transpose()?;
    let home = Home::open(global.home()?)?;
    let mut entries = Vec::new();
    let mut keep = |entry: Entry| {
        let of_officer = args.officer.as_ref().is_none_or(|name| *name == entry.consultation.officer);
        if of_officer && since.is_none_or(|since| entry.at.0 >= since) {
            let Entry { number, at, consultation } = entry;
            entries.push(EntryView { number, at_ms: at.0, consultation });
        }
    };
    let audited = audit(&home, || passphrase.source().existing(keys::prompt), noted, &mut keep)?;
    let view = match audited {
        Some(audit) => view(audit, entries),
        None => view_of_none(noted),
    };
    output::either(global, &view, |view| text(view, &home))?;
    Ok(if view.fault_count == 0 { ExitCode::Ok } else { ExitCode::No })
}

fn parse_head(text: &str) -> Result<Head, Failure> {
    let parsed = text.split_once(':').and_then(|(entries, hash)| {
        let mut head = Head { entries: entries.trim().parse().ok()?, ..Head::default() };
        hex::decode_to_slice(hash.trim(), &mut head.hash).ok()?;
        Some(head)
    });
    parsed.ok_or_else(|| {
        Failure::new(ExitCode::Usage, format!("{text:?} is no head of an access log"))
            .help("give the number and the 64 digits that an earlier audit printed: 42:9f3c…")
    })
}

fn view(audit: Audit, entries: Vec<EntryView>) -> View {
    View {
        verdict: verdict(audit.is_whole()),
        files: audit.files,
        head: Some(HeadView { entries: audit.head.entries, hash: hex::encode(audit.head.hash) }),
        fault_count: audit.fault_count,
        faults: audit.faults.into_iter().map(fault).collect(),
        torn_bytes: audit.torn_bytes,
        entries,
    }
}

/// Of a home without a log. Whoever has noted a head knows that there was one.
fn view_of_none(noted: Option<Head>) -> View {
    let gone = noted.map(|_| Fault { file: "access".into(), entry: None, kind: FaultKind::NotedHead });
    let faults: Vec<FaultView> = gone.into_iter().map(fault).collect();
    View {
        verdict: verdict(faults.is_empty()),
        files: 0,
        head: None,
        fault_count: faults.len() as u64,
        faults,
        torn_bytes: 0,
        entries: Vec::new(),
    }
}

fn verdict(is_whole: bool) -> &'static str {
    if is_whole { "whole" } else { "broken" }
}

fn fault(fault: Fault) -> FaultView {
    FaultView { file: fault.file, entry: fault.entry, code: fault.kind.code(), what: fault.kind.to_string() }
}

fn text(view: &View, home: &Home) -> String {
    let mut text = String::new();
    if !view.entries.is_empty() {
        text.push_str(&table(&view.entries).render());
        text.push('\n');
    }
    let mut say = |line: std::fmt::Arguments<'_>| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{line}");
    };
    for FaultView { file, entry, what, .. } in &view.faults {
        match entry {
            Some(entry) => say(format_args!("fault  {file}, entry {entry}: {what}")),
            None => say(format_args!("fault  {file}: {what}")),
        }
    }
    let untold = view.fault_count.saturating_sub(view.faults.len() as u64);
    if untold > 0 {
        say(format_args!("fault  {untold} more"));
    }
    if view.torn_bytes > 0 {
        say(format_args!(
            "note   the last {} bytes are no whole entry: it is being written, or was never confirmed",
            view.torn_bytes
        ));
    }
    let Some(HeadView { entries, hash }) = &view.head else {
        say(format_args!("there is no access log in {}", home.access_dir().display()));
        return text;
    };
    let (verdict, listed, files) = (view.verdict, view.entries.len(), view.files);
    let of_all = listing::counted(*entries, "entry", "entries");
    let files = listing::counted(files, "file", "files");
    say(format_args!("{verdict}: {listed} of {of_all} listed, in {files}"));
    say(format_args!("head {entries}:{hash}"));
    text
}

fn table(entries: &[EntryView]) -> output::Table {
    let mut table = output::Table::new(&["time", "officer", "action", "purpose", "query", "found", "hits"])
        .whole(&["time"])
        .spare(&["purpose", "hits"]);
    for EntryView { at_ms, consultation: said, .. } in entries {
        table.row([
            times::show(*at_ms),
            if said.officer.is_empty() { "(not named)".into() } else { said.officer.clone() },
            said.action.clone(),
            said.purpose.clone(),
            said.query.clone(),
            said.found.to_string(),
            said.hits.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_something_was_looked_at_is_never_cut() {
        let consultation = Consultation {
            action: "find-number".into(),
            officer: "An officer with a long name".into(),
            purpose: "border-control".into(),
            query: "L898902C3 or another number that is long".into(),
            ..Consultation::default()
        };
        let entry = EntryView { number: 1, at_ms: 1_772_352_930_000, consultation };
        let text = table(&[entry]).render_in(60);
        assert!(text.contains("2026-03-01 08:15:30Z"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    }
}
