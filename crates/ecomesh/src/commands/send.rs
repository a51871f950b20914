//! `ecomesh send`: one document to the addressees; the answer comes once the record is durable.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use ecomesh_api::{Client, ClientError, FileRequest, PartQuery, Priority, SendRequest, Sent};
use ecomesh_document::Document;
use ecomesh_document::limits::FORM_BYTES_MAX;
use ecomesh_document::report::Report;

use crate::cli::Global;
use crate::client::Node;
use crate::commands::{attachments, listing};
use crate::exit::{ExitCode, Failure};
use crate::output;

/// Tries on a connection that broke while the answer was awaited. The idempotency key makes a retry harmless.
const TRIES: u32 = 5;
/// Pause before a retry.
const PAUSE: Duration = Duration::from_millis(400);

/// Send an Ecomessage or a plain message. The form is checked first and every problem is listed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The printed id is given once the record is safe on this node's disk; delivery goes on by itself from there.
Addressees: --to, else those that the form names. All members: --members.
A message to named members is sealed: they and this bureau can read it, every other node carries it and cannot.
One to all members, or sent with --open, can be read by all.

Examples:
  ecomesh send seizure.toml --to TZ,FR --priority urgent
  ecomesh send --text \"Night duty: call +254 …\" --language en --to TZ
  ecomesh send answer.toml --reply-to 3f9a2c71d0
  ecomesh send seizure.toml --to TZ --attach photo.jpg,report.pdf     repeat it if it breaks off: it goes on")]
pub struct Args {
    /// The form, in TOML; `-` reads it from standard input
    #[arg(value_name = "FILE.toml", required_unless_present = "text", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// A plain message instead of a form
    #[arg(long, value_name = "TEXT", requires = "language")]
    text: Option<String>,
    /// Language of the plain message
    #[arg(long, value_enum, value_name = "en|fr|es|ar", requires = "text")]
    language: Option<Language>,
    /// Addressees, separated by commas; they take precedence over those of the form
    #[arg(long, value_name = "MEMBERS", conflicts_with = "members")]
    to: Option<String>,
    /// To all members of the network
    #[arg(long)]
    members: bool,
    /// Do not seal it: the nodes of all members can read it
    #[arg(long, conflicts_with = "members")]
    open: bool,
    /// How urgent; takes precedence over the form
    #[arg(long, value_enum, value_name = "flash|urgent|routine")]
    priority: Option<PriorityArg>,
    /// The message that this one answers: its id, or the first digits of it
    #[arg(long, value_name = "ID")]
    reply_to: Option<String>,
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

/// How urgent something is.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PriorityArg {
    /// At once
    Flash,
    /// Soon
    Urgent,
    /// In turn
    Routine,
}

/// Language of a plain message.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Language {
    /// English
    En,
    /// French
    Fr,
    /// Spanish
    Es,
    /// Arabic
    Ar,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let to = addressees(args.to.as_deref())?;
    let document = document(&args)?;
    let local = attachments::read(&args.attach)?;
    let request = SendRequest {
        priority: args.priority.map(Priority::from),
        reply_to: args.reply_to,
        exercise: args.exercise,
        open: args.open,
        ..request(&document, to, args.members)
    };
    let key = match args.idempotency_key {
        Some(key) => key,
        None => random_key()?,
    };
    let node = Node::of(global)?;
    let files = attach(&node, &local, &request, &document, global)?;
    let request = SendRequest { files, ..request };
    let sent = node.ask(send(&node.api, &request, &key))?;
    output::either(global, &sent, |sent| sent.id.clone())?;
    output::remark(global, &remark(&sent));
    Ok(ExitCode::Ok)
}

/// Records the files of a message, for its addressees and sealed as it is.
fn attach(
    node: &Node,
    files: &[attachments::Local],
    request: &SendRequest,
    document: &Document,
    global: &Global,
) -> anyhow::Result<Vec<FileRequest>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    check_sender(node, document)?;
    let to = match (request.members, request.to.is_empty()) {
        (true, _) => None,
        (false, false) => Some(request.to.join(",")),
        (false, true) => Some(named_by(node, document)?.join(",")),
    };
    let query = PartQuery {
        to,
        open: Some(request.open),
        group: None,
        expires_at_ms: request.expires_at_ms,
        exercise: Some(request.exercise),
    };
    attachments::upload(node, files, &query, &request.document.to_string(), global)
}

/// The node refuses the message of another bureau; files that were recorded before it would be there for nothing.
fn check_sender(node: &Node, document: &Document) -> anyhow::Result<()> {
    let Some(sender) = document.sender() else { return Ok(()) };
    let own = node.ask(node.api.node())?.member;
    if sender.as_str() == own {
        return Ok(());
    }
    let what = format!("the form names {sender} as its sender, but this is the node of {own}");
    Err(Failure::new(ExitCode::BadInput, what)
        .help("leave the field out, or send it from the bureau that it names")
        .into())
}

/// The addressees that a form names, with those who get a copy, as far as they are members.
fn named_by(node: &Node, document: &Document) -> anyhow::Result<Vec<String>> {
    let members = node.ask(node.api.network())?.members;
    let named = document.addressees().iter().chain(document.copies()).map(ToString::to_string);
    let to: Vec<String> = named.filter(|name| members.iter().any(|m| m.member == *name)).collect();
    if to.is_empty() {
        return Err(Failure::new(ExitCode::Usage, "the message has no addressees")
            .help("name members with --to, or all of them with --members")
            .into());
    }
    Ok(to)
}

/// The request that sends a document to these members, everything else as the document says.
pub fn request(document: &Document, to: Vec<String>, members: bool) -> SendRequest {
    SendRequest { document: document.to_json(), to, members, ..SendRequest::default() }
}

/// Sends, and repeats under the same key when the connection breaks before the answer.
pub async fn send(api: &Client, request: &SendRequest, key: &str) -> Result<Sent, ClientError> {
    repeated(|| api.send(request, Some(key))).await
}

/// Asks, and repeats when the connection breaks before the answer. The request must have an idempotency key.
pub async fn repeated<T, F: Future<Output = Result<T, ClientError>>>(
    ask: impl Fn() -> F,
) -> Result<T, ClientError> {
    let mut tried = 1;
    loop {
        match ask().await {
            Err(ClientError::Protocol(_) | ClientError::Timeout { .. }) if tried < TRIES => {}
            // The node went away after the first try and may be coming back.
            Err(ClientError::NodeNotRunning { .. } | ClientError::Starting(_))
                if tried > 1 && tried < TRIES => {}
            answer => return answer,
        }
        tried += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// A key that nobody else will use: 128 random bits.
pub fn random_key() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("no random numbers from the system: {error}"))?;
    Ok(hex::encode(bytes))
}

/// The members of a list that is separated by commas.
pub fn addressees(to: Option<&str>) -> Result<Vec<String>, Failure> {
    let Some(text) = to else { return Ok(Vec::new()) };
    let to: Vec<String> = text
        .split(',')
        .map(|member| member.trim().to_ascii_uppercase())
        .filter(|member| !member.is_empty())
        .collect();
    if to.is_empty() {
        return Err(Failure::new(ExitCode::Usage, "the list of addressees is empty")
            .help("name the members, as in --to TZ,FR, or send to all of them with --members"));
    }
    Ok(to)
}

/// A plain message.
pub fn plain(text: &str, language: Language) -> anyhow::Result<Document> {
    let form = serde_json::json!({ "form": "message", "language": language.code(), "text": text });
    let checked = Document::from_json(&form);
    let (document, _) = checked.map_err(|report| problems("the message cannot be sent", &report))?;
    Ok(document)
}

fn document(args: &Args) -> anyhow::Result<Document> {
    if let (Some(text), Some(language)) = (&args.text, args.language) {
        return plain(text, language);
    }
    let path = args.file.as_deref().unwrap_or_else(|| Path::new("-"));
    let text = read(path)?;
    let (document, _) = Document::from_toml(&text)
        .map_err(|report| problems(&format!("{} cannot be sent as it is", path.display()), &report))?;
    Ok(document)
}

/// Reads a form, never more than a form may have.
fn read(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let bound = FORM_BYTES_MAX as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(bound).read_to_end(&mut bytes).context("cannot read standard input")?;
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        file.take(bound)
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(ExitCode::BadInput, format!("{} is no text in UTF-8", path.display()))
            .help("start from a fresh form: ecomesh ecomessage new")
            .into()
    })
}

fn problems(what: &str, report: &Report) -> Failure {
    Failure::new(ExitCode::BadInput, what)
        .details(report.problems().iter().map(ToString::to_string))
        .help("correct these and send again; `ecomesh ecomessage check FILE` lists them without sending")
}

/// What is told beside the id.
pub fn remark(sent: &Sent) -> String {
    let again = if sent.repeated { " (sent before under this key; not sent again)" } else { "" };
    let sealed = match (sent.sealed, sent.lower_secrecy.as_slice()) {
        (false, _) => " (not sealed: every member can read it)".to_owned(),
        (true, []) => " (sealed)".to_owned(),
        (true, lower) => {
            format!(" (sealed; lower secrecy for {}, whose key of today is not known here)", lower.join(", "))
        }
    };
    format!(
        "recorded, for {}{sealed}{again}; follow it with: ecomesh status {}",
        listing::addressees(&sent.to),
        listing::short(&sent.id)
    )
}

impl From<PriorityArg> for Priority {
    fn from(priority: PriorityArg) -> Self {
        match priority {
            PriorityArg::Flash => Self::Flash,
            PriorityArg::Urgent => Self::Urgent,
            PriorityArg::Routine => Self::Routine,
        }
    }
}

impl Language {
    fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::Ar => "ar",
        }
    }
}
