//! `ecomesh notice`: notices and diffusions, from the empty form to the end of their lives.

mod extract;
mod review;
mod show;
mod shut_out;
mod steps;

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Subcommand, ValueEnum};
use ecomesh_api::{CaseKind, FileRequest, NoticeDraft, PartQuery, Sent};
use ecomesh_document::Document;
use ecomesh_document::limits::FORM_BYTES_MAX;
use ecomesh_document::notice::{Colour, check, colour, template};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::forms::{self, FormCommand};
use crate::commands::send::{self, PriorityArg};
use crate::commands::{attachments, listing};
use crate::exit::{ExitCode, Failure};
use crate::{files, output};

/// Ask for notices, send diffusions, review them, and see where they stand.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A notice is asked for by a bureau and published once enough reviewers have approved it; the
charter names them. Until then it is a request, and no node shows it as a notice. A diffusion goes
out at once, to whom the bureau chooses, and is reviewed afterwards; a verdict reaches everybody
who has it. Whichever is used, a Red Notice is no arrest warrant. `ecomesh network` names the reviewers.

Examples:
  ecomesh notice new red -o wanted.toml          a commented form to fill in
  ecomesh notice check wanted.toml               every item that is missing, and its rule
  ecomesh notice request wanted.toml             ask for it
  ecomesh notice diffuse wanted.toml --to TZ,UG  do not wait: tell these countries at once
  ecomesh notice diffuse wanted.toml --region eastern-africa
  ecomesh notice review 3f9a2c71d0 approve       as a reviewer
  ecomesh notice list --colour red
  ecomesh notice show 3f9a2c71d0                 text, standing and history
  ecomesh notice cancel 3f9a2c71d0 --reason arrested

docs/DOMAIN.md tells the rules, and which of them are uncertain.")]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Print a commented form of a colour to fill in, or write it to a file
    #[command(
        after_help = "Examples:\n  ecomesh notice new red -o wanted.toml\n  ecomesh notice new yellow --language fr"
    )]
    New {
        /// Colour of the notice
        #[arg(value_name = "COLOUR", value_parser = colour_arg())]
        colour: &'static Colour,
        /// Where to write it; a file that is there is never overwritten
        #[arg(short, long, value_name = "FILE.toml")]
        output: Option<PathBuf>,
        /// Language of the request: ar, en, fr or es
        #[arg(long, value_name = "LANGUAGE", value_parser = ["ar", "en", "fr", "es"], hide_possible_values = true)]
        language: Option<String>,
    },
    /// List every problem of a request, with line, field and the rule that asks for it
    #[command(
        after_help = "Examples:\n  ecomesh notice check wanted.toml\n  ecomesh notice check wanted.toml --json     each problem with its rule, for programs"
    )]
    Check {
        /// The form
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
    },
    /// Ask for a notice: it is published once the reviewers of the network have approved it
    #[command(
        after_help = "The request is open to all members' nodes, unless the form excludes countries: then it is sealed to the others.\n\nFiles that go with it are as open as the request is, and all members' nodes keep them.\n\nExamples:\n  ecomesh notice request wanted.toml\n  ecomesh notice request missing.toml --attach photo.jpg     repeat it if it breaks off: it goes on"
    )]
    Request {
        #[command(flatten)]
        text: Text,
    },
    /// Send a diffusion at once; it is marked as not reviewed until the reviewers have seen it
    #[command(
        group = clap::ArgGroup::new("whom").args(["to", "region", "members"]).required(true).multiple(true),
        after_help = "It is sealed to the named countries, to those that lie in the named regions, and to the reviewers of the network, who get a copy; files that go with it are sealed to the same. A region is one of UN M49: africa, americas, asia, europe, oceania, or a part of one, such as eastern-africa, western-africa, south-eastern-asia; docs/DOMAIN.md lists them. It stands for the members of the network that lie there, but this bureau and those that the form excludes. One of them to whom nothing can be sealed now is left out, and a warning says which; whoever is named with --to is not left out: then nothing is sent.\n\nExamples:\n  ecomesh notice diffuse wanted.toml --to TZ,UG --priority urgent\n  ecomesh notice diffuse wanted.toml --region eastern-africa --to FR --attach photo.jpg\n  ecomesh notice diffuse threat.toml --members"
    )]
    Diffuse {
        #[command(flatten)]
        text: Text,
        /// For whom it is, separated by commas
        #[arg(long, value_name = "MEMBERS")]
        to: Option<String>,
        /// For the members that lie in this region; may be repeated, and stand beside --to
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        region: Vec<String>,
        /// For all members
        #[arg(long, conflicts_with_all = ["to", "region"])]
        members: bool,
    },
    /// Give a notice or diffusion of this bureau a new text; what is published stays as it is until that is approved
    #[command(
        after_help = "It goes to whom the notice or diffusion went. The files of the text before do not go with the new one: attach them again if they are still needed.\n\nExample:\n  ecomesh notice update 3f9a2c71d0 wanted.toml"
    )]
    Update {
        /// The notice: its id, or the first digits of it (6 at least)
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        text: Text,
    },
    #[command(flatten)]
    Life(steps::Step),
    /// List the notices in force and the diffusions in circulation, newest last
    #[command(
        after_help = "Examples:\n  ecomesh notice list --colour red --source KE\n  ecomesh notice list --standing requested     what waits for a review"
    )]
    List(show::List),
    /// Show the text of a notice or diffusion, where it stands, and all that was done about it
    #[command(after_help = "Example:\n  ecomesh notice show 3f9a2c71d0")]
    Show {
        /// The notice, or any record that belongs to it: the id, or the first digits of it (6 at least)
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// A text, and how it is sent.
#[derive(Debug, clap::Args)]
struct Text {
    /// The form
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// How urgent
    #[arg(long, value_enum, value_name = "flash|urgent|routine")]
    priority: Option<PriorityArg>,
    /// Files that go with it, separated by commas: at most 16, each at most 16 MiB
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    attach: Vec<PathBuf>,
    /// Mark it as an exercise, not a real case
    #[arg(long)]
    exercise: bool,
    /// A key of your own, so that repeating the command never sends twice (kept 7 days)
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    match args.step {
        Step::New { colour, output, language } => {
            forms::start(global, &template(colour, language.as_deref()), output, "notice")
        }
        Step::Check { file } => forms::check(global, &file, FormCommand::Notice, |text| {
            shut_out::check(check(text), text, global)
        }),
        Step::Request { text } => {
            let draft = draft(&text, CaseKind::Notice)?;
            send_text(draft, text, global)
        }
        Step::Diffuse { text, to, region, members } => {
            let draft = NoticeDraft {
                to: send::addressees(to.as_deref())?,
                regions: region,
                members,
                ..draft(&text, CaseKind::Diffusion)?
            };
            send_text(draft, text, global)
        }
        Step::Update { id, text } => update(&id, text, global),
        Step::Life(step) => steps::run(step, global),
        Step::List(list) => show::list(list, global),
        Step::Show { id } => show::show(&id, global),
    }
}

fn draft(text: &Text, kind: CaseKind) -> anyhow::Result<NoticeDraft> {
    let form = files::read_text(&text.file, FORM_BYTES_MAX as u64)?;
    let (document, _) = Document::from_toml(&form).map_err(|report| {
        // What does not say what it is was meant as a notice, whatever else it looks like.
        let is_notice = FormCommand::of(&form).is_some_and(|(command, _)| command == FormCommand::Notice);
        let report = if is_notice { report } else { check(&form) };
        let help = extract::help(&form, &report);
        let help = help.unwrap_or_else(|| {
            "correct these; `ecomesh notice check FILE` lists them without sending".to_owned()
        });
        Failure::new(ExitCode::BadInput, format!("{} cannot be sent as it is", text.file.display()))
            .details(report.problems().iter().map(ToString::to_string))
            .help(help)
    })?;
    if !matches!(document, Document::Notice(_)) {
        let what = format!("{} is no notice but: {}", text.file.display(), document.heading());
        return Err(Failure::new(ExitCode::BadInput, what)
            .help("start from a form of a colour: ecomesh notice new red")
            .into());
    }
    Ok(NoticeDraft {
        document: document.to_json(),
        kind,
        to: Vec::new(),
        regions: Vec::new(),
        members: false,
        replaces: None,
        priority: text.priority.map(Into::into),
        exercise: text.exercise,
        files: Vec::new(),
    })
}

fn update(id: &str, text: Text, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let known = node.ask(node.api.notice_detail(id))?.notice;
    let draft = NoticeDraft { replaces: Some(known.id), ..draft(&text, known.kind)? };
    send_text(draft, text, global)
}

fn send_text(draft: NoticeDraft, text: Text, global: &Global) -> anyhow::Result<ExitCode> {
    let local = attachments::read(&text.attach)?;
    let key = match text.idempotency_key {
        Some(key) => key,
        None => send::random_key()?,
    };
    let node = Node::of(global)?;
    let files = attach(&node, &local, &draft, global)?;
    let draft = NoticeDraft { files, ..draft };
    let sent = node.ask(send::repeated(|| node.api.notice(&draft, Some(&key))))?;
    output::either(global, &sent, |sent| sent.id.clone())?;
    // What was sent is sent; who reviews it is only a remark.
    let reviewers =
        reviewers_of(&node, &sent.id).unwrap_or_else(|_| "to be reviewed by whom the charter names".into());
    output::remark(global, &remark(&draft, &sent, &reviewers));
    Ok(ExitCode::Ok)
}

/// Who reviews a text, or that nobody can.
fn reviewers_of(node: &Node, id: &str) -> anyhow::Result<String> {
    let notice = node.ask(node.api.notice_detail(id))?.notice;
    if let Some(never) = review::never(&notice) {
        return Ok(never);
    }
    let network = node.ask(node.api.network())?;
    Ok(format!("to be reviewed by {}", reviewed_by(&network.reviewers, network.quorum)))
}

/// Records the files of a text, for its addressees and sealed as it is.
fn attach(
    node: &Node,
    files: &[attachments::Local],
    draft: &NoticeDraft,
    global: &Global,
) -> anyhow::Result<Vec<FileRequest>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    // Asked first: parts of a text that is refused would be recorded for nothing.
    let audience = node.ask(node.api.notice_audience(draft))?;
    let query = PartQuery {
        to: (!audience.to.is_empty()).then(|| audience.to.join(",")),
        open: Some(!audience.sealed),
        group: audience.group.then_some(true),
        expires_at_ms: audience.expires_at_ms,
        exercise: Some(draft.exercise),
    };
    attachments::upload(node, files, &query, &serde_json::to_string(draft)?, global)
}

/// Who reviews requests.
pub fn reviewed_by(reviewers: &[String], quorum: u64) -> String {
    match reviewers {
        [] => "nobody: the charter of this network names no reviewers, so it will never be published".into(),
        [one] => one.clone(),
        several => format!("{quorum} of {}", several.join(", ")),
    }
}

fn remark(draft: &NoticeDraft, sent: &Sent, reviewers: &str) -> String {
    let what = match (draft.kind, draft.replaces.is_some()) {
        (CaseKind::Notice, false) => "requested, and no notice yet: ",
        (CaseKind::Diffusion, false) => "sent, marked as not reviewed: ",
        (_, true) => "the new text is recorded: ",
    };
    let named = draft.replaces.as_deref().unwrap_or(&sent.id);
    let warnings: String = sent.warnings.iter().map(|warning| format!("\nwarning: {warning}")).collect();
    format!(
        "{what}{reviewers} (for {}{}); follow it with: ecomesh notice show {}{warnings}",
        listing::addressees(&sent.to),
        if sent.sealed { ", sealed" } else { "" },
        listing::short(named)
    )
}

pub use extract::file as extract_file;

/// Reads the name of a colour; the register says which there are.
pub fn colour_arg() -> impl TypedValueParser<Value = &'static Colour> {
    let names = colour::ALL.iter().map(|colour| PossibleValue::new(colour.name).help(colour.purpose));
    PossibleValuesParser::new(names).try_map(|name| Colour::from_name(&name).ok_or("there is no such colour"))
}

/// Whether something is asked for or sent.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    /// Asked for, and published after a review
    Notice,
    /// Sent at once, and reviewed afterwards
    Diffusion,
}

impl From<KindArg> for CaseKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Notice => Self::Notice,
            KindArg::Diffusion => Self::Diffusion,
        }
    }
}

#[cfg(test)]
mod tests {
    use ecomesh_api::{Detail, SentState};

    use super::*;

    #[test]
    fn whoever_is_left_out_is_told_with_what_to_do() {
        let draft = NoticeDraft {
            document: serde_json::Value::Null,
            kind: CaseKind::Diffusion,
            to: Vec::new(),
            regions: vec!["eastern-africa".into()],
            members: false,
            replaces: None,
            priority: None,
            exercise: false,
            files: Vec::new(),
        };
        let warning = Detail {
            path: "regions".into(),
            message: "nothing can be sealed to TZ now: it is not for them".into(),
            advice: "send it later".into(),
        };
        let sent = Sent {
            id: "ab".repeat(32),
            position: "KE/1/0/1".into(),
            created_at_ms: 1,
            state: SentState::Recorded,
            repeated: false,
            to: vec!["UG".into()],
            sealed: true,
            lower_secrecy: Vec::new(),
            warnings: vec![warning],
        };
        let remark = remark(&draft, &sent, "FR");
        assert!(remark.contains("(for UG, sealed)"), "{remark}");
        let told = "\nwarning: regions: nothing can be sealed to TZ now: it is not for them; send it later";
        assert!(remark.ends_with(told), "{remark}");
    }
}
