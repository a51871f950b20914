//! The `ecomesh` command line: one binary, one subcommand per thing that an officer or an operator does.
//!
//! `cli` describes the commands, `commands` holds one file for each of them, `output` prints, and `exit` is
//! the one place that turns an error into a sentence, an advice and an exit code. Commands that need the node
//! talk to its HTTP API through `client` and to nothing else; commands on files work without a node.

// In a binary nothing is reachable from outside; `pub` marks what the other modules of this crate may use.
#![allow(unreachable_pub)]

mod cli;
mod client;
mod commands;
mod demo;
mod exit;
mod files;
mod keys;
mod output;
mod times;

use clap::Parser;
use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// What a node does most is to make and drop small buffers, often on different threads. Whatever it frees is wiped: what
/// a message said is gone from memory once nobody looks at it any more.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> std::process::ExitCode {
    ecomesh_node::hide_caught_panics();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && exit::json_is_wanted(std::env::args_os()) => {
            return exit::report(&exit::usage(&error).into(), true).into();
        }
        Err(error) => error.exit(),
    };
    let json = cli.global.json;
    let code = match commands::dispatch(cli) {
        Ok(code) => code,
        Err(error) => exit::report(&error, json),
    };
    code.into()
}
