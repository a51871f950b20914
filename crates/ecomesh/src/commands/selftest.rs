//! `ecomesh selftest`: known answers, in this very binary.

use ecomesh_node::record::codec;
use serde::Serialize;

use crate::cli::Global;
use crate::exit::ExitCode;
use crate::output;

/// Check this build: cryptography and codecs on known answers.
#[derive(Debug, clap::Args)]
pub struct Args {}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    passed: bool,
}

/// Runs the command.
pub fn run(Args {}: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let mut checks: Vec<Check> = ecomesh_node::seal::selftest()
        .into_iter()
        .map(|(name, result)| Check { name, passed: result.is_ok() })
        .collect();
    checks.push(Check {
        name: "canonical bytes: a non-minimal integer is refused",
        passed: refuses_non_minimal(),
    });
    output::either(global, &checks, |checks| {
        let line = |c: &Check| format!("{}  {}\n", if c.passed { "ok    " } else { "FAILED" }, c.name);
        checks.iter().map(line).collect()
    })?;
    Ok(if checks.iter().all(|c| c.passed) { ExitCode::Ok } else { ExitCode::No })
}

/// 251 announces two bytes, which 5 does not need (`docs/PROTOCOL.md`, "Bytes").
fn refuses_non_minimal() -> bool {
    codec::decode::<u64>(&[251, 5, 0], 16) == Err(codec::DecodeError::NotCanonical)
        && codec::decode::<u64>(&[5], 16) == Ok(5)
}
