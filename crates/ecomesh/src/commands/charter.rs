//! `ecomesh charter`: draft, sign, found, show.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use ecomesh_document::notice::colour;
use ecomesh_node::Roster;
use ecomesh_node::founding::Card;
use ecomesh_node::founding::draft::{DRAFT_BYTES_MAX, Draft};
use ecomesh_node::founding::sign::{SignatureFile, found, sign};
use ecomesh_node::home::{CHARTER_FILE_BYTES_MAX, Home};
use ecomesh_node::record::{FoundedCharter, MemberId, ReviewRule, Time};
use serde::Serialize;

use crate::cli::Global;
use crate::commands::listing;
use crate::exit::{ExitCode, Failure, split_advice};
use crate::{files, keys, output, times};

/// Draft, sign and found the charter of a network.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Write a draft from the cards of all founders; shows the fingerprint to compare on the telephone
    Draft {
        /// The network's name
        #[arg(long, value_name = "NAME")]
        network: String,
        /// The founders' cards
        #[arg(required = true, value_name = "CARD.toml")]
        cards: Vec<PathBuf>,
        /// Members that review requests for notices: IPSG alone, or several of which some must agree
        #[arg(long, value_name = "IDS", value_delimiter = ',')]
        reviewers: Vec<String>,
        /// How many reviewers must agree; more than half of them if it is not given
        #[arg(long, value_name = "K", requires = "reviewers")]
        quorum: Option<u8>,
        /// Members that take part in the pilot of a type of notice, such as silver=KE,TZ
        #[arg(long, value_name = "TYPE=IDS")]
        pilot: Vec<String>,
        /// Where to write the draft
        #[arg(short, long, value_name = "charter.toml")]
        output: PathBuf,
    },
    /// Sign a draft with this bureau's key
    Sign {
        /// The draft
        #[arg(value_name = "charter.toml")]
        draft: PathBuf,
        /// Where to write the signature
        #[arg(short, long, value_name = "KE.sig")]
        output: PathBuf,
        #[command(flatten)]
        passphrase: keys::PassphraseArgs,
    },
    /// Put draft and signatures together; refuses a missing, doubled or wrong one, naming it
    Found {
        /// The draft
        #[arg(value_name = "charter.toml")]
        draft: PathBuf,
        /// The signatures of all founders
        #[arg(required = true, value_name = "*.sig")]
        signatures: Vec<PathBuf>,
        /// Where to write the founded charter
        #[arg(short, long, value_name = "NAME.charter")]
        output: PathBuf,
    },
    /// Show a draft or a founded charter, and verify it
    Show {
        /// The draft or the founded charter
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Serialize)]
struct View {
    network: String,
    network_id: String,
    fingerprint: String,
    members: Vec<String>,
    signed: bool,
    /// The founder who has just signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let view = match args.step {
        Step::Draft { network, cards, reviewers, quorum, pilot, output } => {
            draft(&network, &cards, &Reviews { reviewers, quorum, pilot }, output)?
        }
        Step::Sign { draft, output, passphrase } => sign_draft(&draft, output, &passphrase, global)?,
        Step::Found { draft, signatures, output } => found_network(&draft, &signatures, output)?,
        Step::Show { file } => show(&file)?,
    };
    output::either(global, &view, text)?;
    Ok(ExitCode::Ok)
}

fn text(view: &View) -> String {
    let written =
        view.written.as_ref().map_or(String::new(), |path| format!("written      {}\n", path.display()));
    format!(
        "{written}network      {} ({}: {})\nfingerprint  {}\nsigned       {}",
        view.network,
        listing::counted(view.members.len() as u64, "member", "members"),
        view.members.join(", "),
        view.fingerprint,
        match (view.signed, &view.signed_by) {
            (true, _) => "by all founders".into(),
            (false, Some(member)) => format!("by {member}; send this file to whoever founds the network"),
            (false, None) => "not yet; compare the fingerprint on the telephone before signing".into(),
        },
    )
}

/// What is said of the review of notices.
struct Reviews {
    reviewers: Vec<String>,
    quorum: Option<u8>,
    pilot: Vec<String>,
}

impl Reviews {
    fn apply(&self, mut draft: Draft) -> anyhow::Result<Draft> {
        let members = |names: &mut dyn Iterator<Item = &str>| -> anyhow::Result<Vec<MemberId>> {
            let mut members = names
                .map(|n| MemberId::parse(n).map_err(|e| bad_input(&e)))
                .collect::<Result<Vec<_>, _>>()?;
            members.sort_unstable();
            members.dedup();
            Ok(members)
        };
        if !self.reviewers.is_empty() {
            let reviewers = members(&mut self.reviewers.iter().map(String::as_str))?;
            let majority = u8::try_from(reviewers.len() / 2 + 1).unwrap_or(u8::MAX);
            let rule = ReviewRule {
                quorum: self.quorum.unwrap_or(majority),
                // Who is the only reviewer could never ask for anything otherwise.
                own_review: reviewers.len() == 1,
                reviewers,
            };
            draft = draft.with_review(&rule).map_err(|e| bad_input(&e))?;
        }
        for pilot in &self.pilot {
            let (colour, names) = pilot.split_once('=').ok_or_else(|| {
                Failure::new(ExitCode::Usage, format!("--pilot {pilot} names no members"))
                    .help("write it as --pilot silver=KE,TZ")
            })?;
            if !colour::ALL.iter().any(|c| c.name == colour && c.pilot) {
                let message = format!("there is no pilot of notices \"{colour}\"");
                return Err(Failure::new(ExitCode::Usage, message).help("the one pilot is silver").into());
            }
            let names = members(&mut names.split(','))?;
            draft = draft.with_pilot(colour, &names).map_err(|e| bad_input(&e))?;
        }
        Ok(draft)
    }
}

fn draft(network: &str, cards: &[PathBuf], reviews: &Reviews, output: PathBuf) -> anyhow::Result<View> {
    let read = |path: &PathBuf| {
        let text = files::read_text(path, Card::BYTES_MAX)?;
        Card::parse(&text).map_err(|e| bad(path, &e))
    };
    let cards: Vec<Card> = cards.iter().map(read).collect::<Result<_, Failure>>()?;
    let draft = Draft::new(network, &cards, Time(times::now_ms())).map_err(|e| bad_input(&e))?;
    let draft = reviews.apply(draft)?;
    files::write_new(&output, draft.to_text().as_bytes())?;
    Ok(view(&draft, Some(output)))
}

fn sign_draft(
    path: &Path,
    output: PathBuf,
    passphrase: &keys::PassphraseArgs,
    global: &Global,
) -> anyhow::Result<View> {
    let draft = read_draft(path)?;
    let home = Home::open(global.home()?)?;
    let card = home.card()?;
    let identity = home.unseal(&passphrase.source().existing(keys::prompt)?)?;
    let signature =
        sign(&draft, &card, &identity).map_err(|e| split_advice(ExitCode::Refused, &e.to_string()))?;
    files::write_new(&output, signature.to_text(&draft.charter.network).as_bytes())?;
    Ok(View { signed_by: Some(card.member.to_string()), ..view(&draft, Some(output)) })
}

fn found_network(path: &Path, signatures: &[PathBuf], output: PathBuf) -> anyhow::Result<View> {
    let draft = read_draft(path)?;
    let read = |path: &PathBuf| {
        let text = files::read_text(path, SignatureFile::BYTES_MAX)?;
        SignatureFile::parse(&text).map(|file| (path.clone(), file)).map_err(|e| bad(path, &e))
    };
    let signatures: Vec<_> = signatures.iter().map(read).collect::<Result<_, Failure>>()?;
    let founded = found(&draft, &signatures).map_err(|e| split_advice(ExitCode::Refused, &e.to_string()))?;
    let bytes = founded.encode().context("the founded charter does not fit its file")?;
    files::write_new(&output, &bytes)?;
    Ok(View { signed: true, ..view(&draft, Some(output)) })
}

fn show(path: &Path) -> anyhow::Result<View> {
    let bytes = files::read(path, CHARTER_FILE_BYTES_MAX.max(DRAFT_BYTES_MAX))?;
    let Ok(founded) = FoundedCharter::decode(&bytes) else {
        return Ok(view(&read_draft(path)?, None));
    };
    let roster = Roster::found(founded).map_err(|e| split_advice(ExitCode::Refused, &e.to_string()))?;
    Ok(View {
        network: roster.charter().network.clone(),
        network_id: roster.network().to_string(),
        fingerprint: ecomesh_node::seal::fingerprint(roster.network().as_bytes()),
        members: roster.members().map(|m| m.member.to_string()).collect(),
        signed: true,
        signed_by: None,
        written: None,
    })
}

fn read_draft(path: &Path) -> Result<Draft, Failure> {
    Draft::parse(&files::read_text(path, DRAFT_BYTES_MAX)?).map_err(|e| bad(path, &e))
}

fn view(draft: &Draft, written: Option<PathBuf>) -> View {
    View {
        network: draft.charter.network.clone(),
        network_id: draft.network.to_string(),
        fingerprint: draft.fingerprint(),
        members: draft.charter.members.iter().map(|m| m.member.to_string()).collect(),
        signed: false,
        signed_by: None,
        written,
    }
}

fn bad(path: &Path, error: &impl std::fmt::Display) -> Failure {
    split_advice(ExitCode::BadInput, &format!("{}: {error}", path.display()))
}

fn bad_input(error: &impl std::fmt::Display) -> Failure {
    split_advice(ExitCode::BadInput, &error.to_string())
}
