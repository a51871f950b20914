//! `ecomesh join`: this home becomes a node of a founded network.

use std::path::PathBuf;

use ecomesh_node::founding::join::{JoinError, join};
use ecomesh_node::home::Home;
use serde::Serialize;

use crate::cli::Global;
use crate::commands::listing;
use crate::exit::{ExitCode, split_advice};
use crate::{keys, output};

/// Join the network of a founded charter. Everything in it is verified first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Compare the printed fingerprint with the other founders on the telephone. Then: ecomesh run")]
pub struct Args {
    /// The founded charter
    #[arg(value_name = "NAME.charter")]
    charter: PathBuf,
    /// Joining needs no keys; a passphrase is checked if it is given
    #[command(flatten)]
    passphrase: keys::PassphraseArgs,
}

#[derive(Serialize)]
struct View {
    member: String,
    network: String,
    network_id: String,
    fingerprint: String,
    members: usize,
    already_joined: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let home = Home::open(global.home()?)?;
    if args.passphrase.is_given() {
        home.unseal(&args.passphrase.source().existing(keys::prompt)?)?;
    }
    let joined = join(&home, &args.charter).map_err(explain)?;
    let view = View {
        member: joined.member.to_string(),
        network: joined.name,
        network_id: joined.network.to_string(),
        fingerprint: ecomesh_node::seal::fingerprint(joined.network.as_bytes()),
        members: joined.members,
        already_joined: joined.already,
    };
    output::either(global, &view, |view| {
        let members = listing::counted(view.members as u64, "member", "members");
        let how = if view.already_joined { "had joined" } else { "joins" };
        format!(
            "{} {how} {} ({})\nnetwork id   {}\nfingerprint  {}",
            view.member, view.network, members, view.network_id, view.fingerprint
        )
    })?;
    Ok(ExitCode::Ok)
}

fn explain(error: JoinError) -> anyhow::Error {
    let code = match &error {
        JoinError::Home(_) | JoinError::File(_) | JoinError::Config(_) => return anyhow::Error::new(error),
        JoinError::NoCharter { .. } => ExitCode::BadInput,
        JoinError::Founding(_) | JoinError::NotInCharter(_) | JoinError::OtherNetwork(_) => ExitCode::Refused,
        JoinError::OtherKeys(_) => ExitCode::Keys,
        JoinError::Store(_) | JoinError::Journal(_) | JoinError::Randomness(_) => ExitCode::Io,
    };
    split_advice(code, &error.to_string()).into()
}
