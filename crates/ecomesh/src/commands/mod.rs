//! One file per command: `Args` says what can be typed, `run` does it and names the exit code.

// Every command takes its arguments in the same way, whether it keeps them or not.
#![allow(clippy::needless_pass_by_value)]

pub mod attachments;
pub mod audit;
pub mod backup;
pub mod charter;
pub mod check;
pub mod code_args;
pub mod codes;
pub mod db;
pub mod doctor;
pub mod ecomessage;
pub mod erase;
pub mod export;
pub mod find;
pub mod forms;
pub mod frontier;
pub mod import;
pub mod inbox;
pub mod join;
pub mod keygen;
pub mod listing;
pub mod lock;
pub mod manual;
pub mod network;
pub mod notice;
pub mod outbox;
pub mod peers;
pub mod prekeys;
pub mod prove;
pub mod receipt;
pub mod resend;
pub mod restore;
pub mod rows;
pub mod run;
pub mod selftest;
pub mod send;
pub mod show;
pub mod status;
pub mod transport;

use crate::cli::{Cli, Command};
use crate::exit::ExitCode;

/// Runs the command that was typed.
pub fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let global = &cli.global;
    codes::put_in_force(&cli.command, global);
    match cli.command {
        Command::Demo(args) => crate::demo::run(args, global),
        Command::Keygen(args) => keygen::run(args, global),
        Command::Charter(args) => charter::run(args, global),
        Command::Join(args) => join::run(args, global),
        Command::Run(args) => run::run(args, global),
        Command::Ecomessage(args) => ecomessage::run(args, global),
        Command::Notice(args) => notice::run(args, global),
        Command::Db(args) => db::run(args, global),
        Command::Find(args) => find::find(args, global),
        Command::Check(args) => check::run(args, global),
        Command::Hit(args) => find::hit(args, global),
        Command::Hits(args) => find::hits(args, global),
        Command::Codes(args) => codes::run(args, global),
        Command::Send(args) => send::run(args, global),
        Command::Inbox(args) => inbox::run(args, global),
        Command::Outbox(args) => outbox::run(args, global),
        Command::Show(args) => show::run(args, global),
        Command::Status(args) => status::run(args, global),
        Command::Receipt(args) => receipt::run(args, global),
        Command::Attachments(args) => attachments::run(args, global),
        Command::Erase(args) => erase::erase(args, global),
        Command::Extend(args) => erase::extend(args, global),
        Command::Peers(args) => peers::run(args, global),
        Command::Frontier(args) => frontier::run(args, global),
        Command::Network(args) => network::run(args, global),
        Command::Export(args) => export::run(args, global),
        Command::Resend(args) => resend::run(args, global),
        Command::Prekeys(args) => prekeys::run(args, global),
        Command::Lock(args) => lock::lock(args, global),
        Command::Unlock(args) => lock::unlock(args, global),
        Command::Prove(args) => prove::run(args, global),
        Command::Import(args) => import::run(args, global),
        Command::Audit(args) => audit::run(args, global),
        Command::Doctor(args) => doctor::run(args, global),
        Command::Backup(args) => backup::run(args, global),
        Command::Restore(args) => restore::run(args, global),
        Command::Transport(args) => transport::run(args, global),
        Command::Selftest(args) => selftest::run(args, global),
        Command::Completions(args) => manual::completions(args, global),
        Command::Man(args) => manual::man(args, global),
    }
}
