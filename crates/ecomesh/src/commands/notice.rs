//! `ecomesh notice`: a commented form for a notice of any colour, and all its problems at once.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::PossibleValue;
use ecomesh_document::notice::{Colour, check, colour, template};

use crate::cli::Global;
use crate::commands::forms;
use crate::exit::ExitCode;

/// Start or check a request for a notice.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ecomesh notice new red -o wanted.toml     a commented form to fill in
  ecomesh notice check wanted.toml          every item that is missing, and its rule

A notice that passes the check is ready for review. It cannot be sent yet: this version has no records of notices.
docs/DOMAIN.md tells the rules, and which of them are uncertain.")]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Print a commented form of a colour to fill in, or write it to a file
    #[command(
        after_help = "Examples:\n  ecomesh notice new red -o wanted.toml\n  ecomesh notice new yellow --language fr"
    )]
    New {
        /// Colour of the notice
        #[arg(value_name = "COLOUR", value_parser = ColourArg)]
        colour: &'static Colour,
        /// Where to write it; a file that is there is never overwritten
        #[arg(short, long, value_name = "FILE.toml")]
        output: Option<PathBuf>,
        /// Language of the request: ar, en, fr or es
        #[arg(long, value_name = "LANGUAGE", value_parser = ["ar", "en", "fr", "es"], hide_possible_values = true)]
        language: Option<String>,
    },
    /// List every problem of a request, with line, field and the rule that asks for it
    #[command(
        after_help = "Examples:\n  ecomesh notice check wanted.toml\n  ecomesh notice check wanted.toml --json     each problem with its rule, for programs"
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
        Step::New { colour, output, language } => {
            forms::start(global, &template(colour, language.as_deref()), output, "notice")
        }
        Step::Check { file } => forms::check(global, &file, check),
    }
}

/// Reads the name of a colour; the register says which there are.
#[derive(Debug, Clone)]
struct ColourArg;

impl clap::builder::TypedValueParser for ColourArg {
    type Value = &'static Colour;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let names = clap::builder::PossibleValuesParser::new(colour::ALL.iter().map(|colour| colour.name));
        let name = names.parse_ref(command, arg, value)?;
        Colour::from_name(&name).ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidValue))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(colour::ALL.iter().map(|colour| PossibleValue::new(colour.name).help(colour.purpose))))
    }
}
