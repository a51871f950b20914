//! `ecomesh codes`: the lists of codes, and how a bureau replaces them.

mod check;
mod install;
mod list;

use std::path::PathBuf;

use clap::Subcommand;
use ecomesh_document::codes;
use ecomesh_node::code_lists::{self, UnusableList};
use ecomesh_node::home::Home;

use crate::cli::{Command, Global};
use crate::exit::{self, ExitCode, Failure};

/// Show the lists of codes that forms use, and replace them by newer editions.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What forms say by code stands in lists: CITES terms, units, countries, offences and many more. They
come with ecomesh, and a newer edition of one takes its place without a new version. Which codes
may change is said of each list: some must stay, since ecomesh acts on them. Whoever has an older
list reads a new code all the same, marked as not known there.

Examples:
  ecomesh codes list                                 all lists, and what of each may change
  ecomesh codes show unit                            its codes, and what they mean
  ecomesh codes show unit --tsv -o unit.tsv          the file to edit, also with a spreadsheet
  ecomesh codes check unit.tsv                       every problem of it, and what it would change
  ecomesh codes install unit.tsv                     a running node takes it at its next start
  ecomesh codes remove unit                          back to the list of ecomesh

Files: DIR/codes/NAME.tsv in the node's folder. One that cannot be used is told of and left out.
docs/DOMAIN.md tells where the lists come from.")]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// List the lists: how many codes, whether replaced, what may change
    #[command(after_help = "Example:\n  ecomesh codes list")]
    List,
    /// Show the codes of a list and what they mean, or print the file to edit
    #[command(
        after_help = "Examples:\n  ecomesh codes show unit --language fr\n  ecomesh codes show unit --tsv -o unit.tsv"
    )]
    Show {
        /// The list
        #[arg(value_name = "NAME")]
        name: String,
        /// Print the table itself: text, with tabs between the cells
        #[arg(long)]
        tsv: bool,
        /// Where to write the table; a file that is there is never overwritten
        #[arg(short, long, value_name = "FILE.tsv", requires = "tsv")]
        output: Option<PathBuf>,
        /// Language of the meanings: a column of the table, such as fr; English where it has none
        #[arg(long, value_name = "LANGUAGE", default_value = "en", conflicts_with = "tsv")]
        language: String,
    },
    /// List every problem of tables, with line, and what they would change
    #[command(
        after_help = "Several files are taken together, with what is installed. The name of a file is that of its list.\nExit code 1: a table cannot be used as it is.\n\nExample:\n  ecomesh codes check term.tsv unit.tsv"
    )]
    Check {
        /// The tables
        #[arg(value_name = "FILE.tsv", required = true)]
        files: Vec<PathBuf>,
    },
    /// Put a table in the place of that of ecomesh
    #[command(
        after_help = "Exit code 3: the table cannot be used; nothing was written.\n\nExamples:\n  ecomesh codes install unit.tsv\n  ecomesh codes install units-2027.tsv --name unit --dry-run"
    )]
    Install {
        /// The table
        #[arg(value_name = "FILE.tsv")]
        file: PathBuf,
        /// The list [default: the name of the file]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Go back to the list of ecomesh
    #[command(after_help = "Example:\n  ecomesh codes remove unit")]
    Remove {
        /// The list
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    match args.step {
        Step::List => list::list(global),
        Step::Show { name, tsv: true, output, .. } => list::print(&name, output, global),
        Step::Show { name, language, .. } => list::show(&name, &language, global),
        Step::Check { files } => check::check(&files, global),
        Step::Install { file, name, dry_run } => install::install(&file, name, dry_run, global),
        Step::Remove { name } => install::remove(&name, global),
    }
}

/// Puts the lists of the home in force, before a command looks at one. What cannot be used is told of, and is no reason to
/// end: the list of the program holds instead.
pub fn put_in_force(command: &Command, global: &Global) {
    if !uses_lists(command) {
        return;
    }
    // Commands that need a home say so themselves.
    let Ok(home) = home(global) else { return };
    if !code_lists::has_some(&home) {
        return;
    }
    let found = code_lists::read(&home);
    // The doctor has a finding, and the node a line in its log, for each.
    let tells_itself = matches!(command, Command::Doctor(_) | Command::Run(_));
    if !tells_itself {
        warn(&found.faults, global);
    }
    if let Err(error) = codes::install(found.set) {
        exit::warn(&error.to_string(), "this is a fault of ecomesh; please report it", global.json);
    }
}

/// Commands that speak of the lists themselves, or that are the same on every machine, go by what comes with the program.
fn uses_lists(command: &Command) -> bool {
    !matches!(
        command,
        Command::Codes(_)
            | Command::Demo(_)
            | Command::Selftest(_)
            | Command::Completions(_)
            | Command::Man(_)
    )
}

/// Tells of files that cannot be used.
fn warn(faults: &[UnusableList], global: &Global) {
    for fault in faults {
        exit::warn(&fault.to_string(), &fault.advice(), global.json);
    }
}

/// The home, whether or not there is a node in it.
fn home(global: &Global) -> Result<Home, Failure> {
    Ok(Home::at(global.home()?))
}
