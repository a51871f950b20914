//! `ecomesh completions` and `ecomesh man`: what shells and `man` want to know of the commands.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, Global};
use crate::exit::ExitCode;
use crate::{files, output};

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ecomesh completions bash > ~/.local/share/bash-completion/completions/ecomesh
  ecomesh completions zsh > ~/.zfunc/_ecomesh
  ecomesh completions fish > ~/.config/fish/completions/ecomesh.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Write man pages of all commands.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ecomesh man ~/.local/share/man/man1 ; man ecomesh-notice-review")]
pub struct ManArgs {
    /// The folder; it is made if it is not there, and pages that are there are written anew
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs `ecomesh completions`.
pub fn completions(args: CompletionsArgs, _: &Global) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ecomesh", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::Ok)
}

/// Runs `ecomesh man`.
pub fn man(args: ManArgs, global: &Global) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&args.folder).map_err(|error| files::unusable(&args.folder, &error))?;
    clap_mangen::generate_to(Cli::command(), &args.folder)
        .map_err(|error| files::unusable(&args.folder, &error))?;
    output::remark(global, &format!("the pages are in {}", args.folder.display()));
    Ok(ExitCode::Ok)
}
