//! `ecomesh ecomessage`: a commented form, and all its problems at once.

use std::path::PathBuf;

use clap::Subcommand;
use ecomesh_document::{check, template};

use crate::cli::Global;
use crate::commands::forms::{self, FormCommand};
use crate::exit::ExitCode;

/// Start or check an Ecomessage form.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Print a commented form to fill in, or write it to a file
    New {
        /// Where to write it; a file that is there is never overwritten
        #[arg(value_name = "FILE.toml")]
        file: Option<PathBuf>,
        /// The same
        #[arg(short, long, value_name = "FILE.toml", conflicts_with = "file")]
        output: Option<PathBuf>,
        /// Language of the message: ar, en, fr or es
        #[arg(long, value_name = "LANGUAGE")]
        language: Option<String>,
    },
    /// List every problem of a form, with line and field
    Check {
        /// The form
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
    },
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    match args.step {
        Step::New { file, output, language } => {
            forms::start(global, &template::ecomessage(language.as_deref()), file.or(output), "ecomessage")
        }
        Step::Check { file } => forms::check(global, &file, FormCommand::Ecomessage, check),
    }
}
