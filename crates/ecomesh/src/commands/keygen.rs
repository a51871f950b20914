//! `ecomesh keygen`: the keys of a bureau, sealed, and its public card.

use std::path::PathBuf;

use ecomesh_node::founding::keygen::{KeygenRequest, keygen, recovery_files};
use ecomesh_node::record::MemberId;
use ecomesh_node::seal::Params;
use serde::Serialize;

use crate::cli::Global;
use crate::exit::{ExitCode, Failure};
use crate::{keys, output};

/// Make the keys of a bureau, sealed with a passphrase, and its public card.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes DIR/card.toml, which is public: send it to whoever drafts the charter. The three files in DIR/recovery
open a new generation of keys after loss or theft: move them off this machine, to three different places.

Example:
  ecomesh keygen --member KE --name \"NCB Nairobi\" --listen /ip4/192.0.2.10/tcp/4001")]
pub struct Args {
    /// The member: a country's two letters, or an entity's 3 to 8
    #[arg(long, value_name = "MEMBER")]
    member: String,
    /// The bureau's name, for people
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where the node listens, as a multiaddress; may be given several times
    #[arg(long, value_name = "/ip4/…/tcp/…", required = true)]
    listen: Vec<String>,
    /// Where others reach it, if that is not where it listens
    #[arg(long, value_name = "/ip4/…/tcp/…")]
    address: Vec<String>,
    #[command(flatten)]
    passphrase: keys::PassphraseArgs,
}

#[derive(Serialize)]
struct Made {
    member: String,
    home: PathBuf,
    card: PathBuf,
    fingerprint: String,
    recovery_keys: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let member = MemberId::parse(&args.member).map_err(|e| Failure::new(ExitCode::Usage, e.to_string()))?;
    let request =
        KeygenRequest { member, name: args.name, role: None, listen: args.listen, addresses: args.address };
    let dir = global.home()?;
    let passphrase = args.passphrase.source().new_keys(keys::prompt)?;
    let (home, card) = keygen(&dir, &request, &passphrase, Params::default())?;
    let made = Made {
        member: member.to_string(),
        card: home.card_file(),
        fingerprint: card.signing_key.fingerprint(),
        recovery_keys: recovery_files(&home, member).to_vec(),
        home: dir,
    };
    output::either(global, &made, |made| {
        format!(
            "{} has keys in {}\ncard         {}   (public: send it to whoever drafts the charter)\nfingerprint  {}\n\
             recovery     {}   (move these three files off this machine, to three places)",
            made.member,
            made.home.display(),
            made.card.display(),
            made.fingerprint,
            home.recovery_dir().display(),
        )
    })?;
    Ok(ExitCode::Ok)
}
