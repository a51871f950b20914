//! What can be typed: the global options and the list of commands.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands;
use crate::exit::{ExitCode, Failure};

/// Stands below `ecomesh --help`.
const AFTER_HELP: &str = "\
A first look, on this machine alone:
  ecomesh demo

A bureau's day:
  ecomesh inbox                                  what has arrived
  ecomesh ecomessage new -o seizure.toml         a commented form to fill in
  ecomesh ecomessage check seizure.toml          every problem of the form at once
  ecomesh send seizure.toml --to TZ,FR           prints the id once the record is safe on disk
  ecomesh status ID --wait delivered             until every addressee holds it
  ecomesh notice new red -o wanted.toml          a form; `notice check` names what is missing
  ecomesh db new vehicle -o truck.toml           a form; `db check` names what is missing or wrong
  ecomesh import csv --mapping vehicles list.csv --dry-run     what a list would give, cell by cell
  ecomesh receipt ID --refuse incomplete         tell the sender that nothing will be done, and why
  ecomesh erase ID --reason sent-in-error        take back what it says, on all nodes

Founding a network, once:
  ecomesh keygen --member KE --name \"NCB Nairobi\" --listen /ip4/192.0.2.10/tcp/4001
  ecomesh charter draft --network NAME */card.toml -o charter.toml
  ecomesh charter sign charter.toml -o KE.sig
  ecomesh charter found charter.toml *.sig -o NAME.charter
  ecomesh join NAME.charter
  ecomesh run

The folder of the node is --home, else $ECOMESH_HOME, else $XDG_DATA_HOME/ecomesh, else ~/.local/share/ecomesh.

Exit codes:
  0  done
  1  the answer is no: audit or doctor found a fault, a form or a row has problems, a search found
     nothing, a wait ran out
  2  the command was typed wrongly
  3  an input file is not what it should be, or rows of a list were not checked
  4  the node is not running, still starting or cannot be reached, or it found nothing and has
     not read everything
  5  refused by the node or by a rule of the network
  6  wrong passphrase or wrong keys
  7  a file, folder, disk or port cannot be used
  70 a fault of ecomesh itself; please report it";

/// Encrypted messages between the bureaus of a network, with no central hub.
///
/// Every member country runs one node. What a bureau sends is signed, copied to every node, and stays
/// available when nodes or links fail. This one program is the node, the desk officer's tool and the auditor.
#[derive(Debug, Parser)]
#[command(name = "ecomesh", version, after_long_help = AFTER_HELP, after_help = "More, with examples and exit codes: ecomesh --help", max_term_width = 100)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Folder of the node [default: $ECOMESH_HOME, else the user's data folder]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub home: Option<PathBuf>,
    /// Print JSON, for programs; errors become JSON on stderr
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Print only what was asked for, no remarks
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Let the node log more than its settings say: -v debug, -vv everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
}

impl Global {
    /// The node's folder: `--home`, else `$ECOMESH_HOME`, else the XDG data folder. It need not exist.
    pub fn home(&self) -> Result<PathBuf, Failure> {
        let from_env =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        self.home
            .clone()
            .or_else(|| from_env("ECOMESH_HOME"))
            .or_else(|| {
                from_env("XDG_DATA_HOME").filter(|path| path.is_absolute()).map(|dir| dir.join("ecomesh"))
            })
            .or_else(|| from_env("HOME").map(|dir| dir.join(".local/share/ecomesh")))
            .ok_or_else(|| {
                Failure::new(
                    ExitCode::Usage,
                    "the node's folder is not known: neither --home nor $ECOMESH_HOME nor $HOME is set",
                )
                .help("add --home DIR")
            })
    }
}

/// The commands, in the order in which people meet them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Found a network of several countries on this machine, send, cut, heal and audit it: some 10 seconds
    Demo(crate::demo::Args),
    /// Make the keys of a bureau, sealed with a passphrase, and its public card
    Keygen(commands::keygen::Args),
    /// Draft, sign and found the charter of a network
    Charter(commands::charter::Args),
    /// Join the network of a founded charter
    Join(commands::join::Args),
    /// Run the node until it is told to stop (Ctrl-C, SIGTERM)
    Run(commands::run::Args),
    /// Start or check an Ecomessage form
    Ecomessage(commands::ecomessage::Args),
    /// Ask for notices, send diffusions, review them: red, yellow, blue, …
    Notice(commands::notice::Args),
    /// Enter what other bureaus may come across: travel documents, vehicles, firearms, persons, …
    Db(commands::db::Args),
    /// Search for a number, a name or words in all that this bureau may read
    Find(commands::find::Args),
    /// Check a list, such as the passengers of a flight, against all that this bureau may read
    Check(commands::check::Args),
    /// Tell the source of an entry, a notice or a diffusion that it was found
    Hit(commands::find::HitArgs),
    /// List hits on what this bureau entered or asked for, and its own on that of others
    Hits(commands::find::HitsArgs),
    /// Show the lists of codes that forms use, and replace them by newer editions
    Codes(commands::codes::Args),
    /// Send an Ecomessage or a plain message; prints the id once it is safe on disk
    Send(commands::send::Args),
    /// List what other bureaus sent
    Inbox(commands::inbox::Args),
    /// List what this bureau sent
    Outbox(commands::outbox::Args),
    /// Show one message in full
    Show(commands::show::Args),
    /// How far one's own message has come: recorded, held by n, delivered to whom, opened or refused
    Status(commands::status::Args),
    /// Tell the sender of a message that it was opened or is refused
    Receipt(commands::receipt::Args),
    /// Send a message again to those who cannot open it
    Resend(commands::resend::Args),
    /// List the files that go with a message or notice, and save them
    Attachments(commands::attachments::Args),
    /// Take back what messages of this bureau say, on all nodes
    Erase(commands::erase::EraseArgs),
    /// Keep messages of this bureau beyond their expiry
    Extend(commands::erase::ExtendArgs),
    /// The keys to which messages are sealed: own ones, and those of the other members
    Prekeys(commands::prekeys::Args),
    /// Close the mail of this node until the passphrase is given again
    Lock(commands::lock::LockArgs),
    /// Open the mail of a locked node
    Unlock(commands::lock::UnlockArgs),
    /// Who is connected, and how far behind
    Peers(commands::peers::Args),
    /// What this node holds of each member's logs
    Frontier(commands::frontier::Args),
    /// The network: id, members, who reviews notices, roles and key fingerprints
    Network(commands::network::Args),
    /// Write records to an archive that anyone can audit
    Export(commands::export::Args),
    /// Write a proof of one message, which anyone can verify with `ecomesh audit`
    Prove(commands::prove::Args),
    /// Take records from an archive, with the same checks as from a peer; or the rows of a CSV file as forms
    Import(commands::import::Args),
    /// Verify every signature, chain, body and rule, of an archive or of this node; needs no running node
    Audit(commands::audit::Args),
    /// Look for damage in the node's folder, and repair it
    Doctor(commands::doctor::Args),
    /// Write a node's keys, journal and records to one file
    Backup(commands::backup::Args),
    /// Make a node's folder from a backup
    Restore(commands::restore::Args),
    /// Change the key of the node's links
    Transport(commands::transport::Args),
    /// Check this build: cryptography, codecs and disk on known answers
    Selftest(commands::selftest::Args),
    /// Print a completion script for a shell
    Completions(commands::manual::CompletionsArgs),
    /// Write man pages of all commands
    Man(commands::manual::ManArgs),
}
