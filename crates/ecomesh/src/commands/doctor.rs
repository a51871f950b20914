//! `ecomesh doctor`: is this node's folder sound?

use ecomesh_node::doctor::{Examination, Finding, Severity, examine};
use ecomesh_node::home::{Home, HomeError};
use serde::Serialize;

use crate::cli::Global;
use crate::exit::ExitCode;
use crate::{keys, output};

/// Look for damage in the node's folder, and repair it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 0: healthy, or repaired. 1: someone must act; each finding says how.")]
pub struct Args {
    /// Set a damaged store aside, and cut torn tails. Nothing is deleted
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    passphrase: keys::PassphraseArgs,
}

#[derive(Serialize)]
struct View<'a> {
    healthy: bool,
    findings: Vec<FindingView<'a>>,
}

#[derive(Serialize)]
struct FindingView<'a> {
    subject: &'a str,
    severity: &'static str,
    text: &'a str,
    repaired: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let dir = global.home()?;
    let home = Home::at(&dir);
    if !home.identity_file().exists() && !home.card_file().exists() {
        return Err(HomeError::NoHome(dir).into());
    }
    let examination = examine(&home, args.repair, || args.passphrase.source().existing(keys::prompt));
    output::either(global, &view(&examination), text)?;
    Ok(if examination.is_healthy() { ExitCode::Ok } else { ExitCode::No })
}

fn view(examination: &Examination) -> View<'_> {
    let finding = |f: &'_ Finding| -> &'static str {
        match f.severity {
            Severity::Good => "good",
            Severity::Note => "note",
            Severity::Bad => "bad",
        }
    };
    View {
        healthy: examination.is_healthy(),
        findings: examination
            .findings
            .iter()
            .map(|f| FindingView {
                subject: f.subject,
                severity: finding(f),
                text: &f.text,
                repaired: f.repaired,
            })
            .collect(),
    }
}

fn text(view: &View<'_>) -> String {
    let line = |f: &FindingView<'_>| {
        let mark = if f.repaired { "FIXED" } else { f.severity };
        format!("{mark:5}  {:10} {}\n", f.subject, f.text)
    };
    let mut lines: String = view.findings.iter().map(line).collect();
    lines.push_str(if view.healthy { "healthy" } else { "not healthy: see the lines that begin with bad" });
    lines
}
