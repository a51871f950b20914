//! `ecomesh import mappings`: the mappings that come with the program, and how one is found that somebody names.

use std::path::Path;

use clap::builder::PossibleValuesParser;
use ecomesh_document::limits::MAPPING_BYTES_MAX;
use ecomesh_document::mapping::{Mapping, SHIPPED, Shipped};
use ecomesh_document::report::Report;
use serde::Serialize;

use crate::cli::Global;
use crate::exit::{ExitCode, Failure};
use crate::{files, output};

/// List the mappings that come with the program, or print one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ecomesh import mappings                            all of them
  ecomesh import mappings vehicles > mine.toml       one, to adapt it

docs/DOMAIN.md tells the format of a mapping, key by key.")]
pub struct Args {
    /// The mapping to print
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(SHIPPED.iter().map(|mapping| mapping.name)))]
    name: Option<String>,
}

/// A mapping as `--json` lists it.
#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    purpose: &'static str,
    toml: &'static str,
}

impl From<&Shipped> for Listed {
    fn from(mapping: &Shipped) -> Self {
        Self { name: mapping.name, purpose: mapping.purpose, toml: mapping.toml }
    }
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    match args.name.as_deref().and_then(Shipped::find) {
        Some(mapping) => output::either(global, &Listed::from(mapping), |listed| listed.toml.to_owned())?,
        None => {
            let all: Vec<Listed> = SHIPPED.iter().map(Listed::from).collect();
            output::either(global, &all, |all| {
                let mut table = output::Table::new(&["name", "reads"]);
                for mapping in all {
                    table.row([mapping.name.to_owned(), mapping.purpose.to_owned()]);
                }
                table.render()
            })?;
        }
    }
    Ok(ExitCode::Ok)
}

/// The mapping of that name, else of that file.
pub(super) fn load(named: &Path) -> Result<Mapping, Failure> {
    let shipped = named.to_str().and_then(Shipped::find);
    let text = match shipped {
        Some(mapping) => mapping.toml.to_owned(),
        None if !named.exists() => {
            let names: Vec<_> = SHIPPED.iter().map(|mapping| mapping.name).collect();
            let what = format!("there is neither a mapping nor a file {}", named.display());
            let help = format!("check the path, or choose one of {}", names.join(", "));
            return Err(Failure::new(ExitCode::BadInput, what).help(help));
        }
        None => files::read_text(named, MAPPING_BYTES_MAX as u64)?,
    };
    Mapping::parse(&text).map_err(|report| {
        let help = "correct the mapping; docs/DOMAIN.md tells the format, and ecomesh import mappings NAME prints an example";
        unfit(&format!("{} is no mapping", named.display()), &report, help)
    })
}

/// What a report says, one problem a line.
pub(super) fn unfit(what: &str, report: &Report, help: &str) -> Failure {
    Failure::new(ExitCode::BadInput, what)
        .help(help)
        .details(report.problems().iter().map(ToString::to_string))
}
