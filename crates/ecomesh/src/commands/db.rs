//! `ecomesh db`: a commented form for an entry of any database, and all its problems at once.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::PossibleValue;
use ecomesh_document::entry::{Database, check, database, template};

use crate::cli::Global;
use crate::commands::forms;
use crate::exit::ExitCode;

/// Start or check an entry of a database.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ecomesh db new vehicle -o truck.toml      a commented form to fill in
  ecomesh db check truck.toml               every item that is missing or wrong, and its rule

An entry that passes the check is ready. It cannot be sent or looked up yet: this version has no records of entries.
docs/DOMAIN.md tells the rules, and which of them are uncertain.")]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Print a commented form of an entry to fill in, or write it to a file
    #[command(
        after_help = "Examples:\n  ecomesh db new sltd -o passport.toml\n  ecomesh db new firearm --language fr"
    )]
    New {
        /// Kind of the entry
        #[arg(value_name = "KIND", value_parser = KindArg)]
        kind: &'static Database,
        /// Where to write it; a file that is there is never overwritten
        #[arg(short, long, value_name = "FILE.toml")]
        output: Option<PathBuf>,
        /// Language of the entry: ar, en, fr or es
        #[arg(long, value_name = "LANGUAGE", value_parser = ["ar", "en", "fr", "es"], hide_possible_values = true)]
        language: Option<String>,
    },
    /// List every problem of an entry, with line, field and the rule that asks for it
    #[command(
        after_help = "Examples:\n  ecomesh db check truck.toml\n  ecomesh db check truck.toml --json     each problem with its rule, for programs"
    )]
    Check {
        /// The form
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
    },
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    match args.step {
        Step::New { kind, output, language } => {
            forms::start(global, &template(kind, language.as_deref()), output, "db")
        }
        Step::Check { file } => forms::check(global, &file, check),
    }
}

/// Reads the name of a database; the register says which there are.
#[derive(Debug, Clone)]
struct KindArg;

impl clap::builder::TypedValueParser for KindArg {
    type Value = &'static Database;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let names = clap::builder::PossibleValuesParser::new(database::ALL.iter().map(|kind| kind.name));
        let name = names.parse_ref(command, arg, value)?;
        Database::from_name(&name).ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidValue))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(database::ALL.iter().map(|kind| PossibleValue::new(kind.name).help(kind.purpose))))
    }
}
