//! `ecomesh db`: entries of databases, from the empty form to their withdrawal.

mod issuer;
mod lines;

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use ecomesh_api::{
    Client, ClientError, EntryDetail, EntryDraft, EntryListing, EntryQuery, EntryStanding, EntryView,
    RecordState, ViewerQuery, WithdrawRequest, WithdrawnView,
};
use ecomesh_document::Document;
use ecomesh_document::codes::{EntryWithdrawal, SearchPurpose};
use ecomesh_document::entry::{Database, check, database, template};
use ecomesh_document::limits::FORM_BYTES_MAX;

use crate::cli::Global;
use crate::client::Node;
use crate::commands::code_args::codes;
use crate::commands::forms::{self, FormCommand};
use crate::commands::{listing, send};
use crate::exit::{ExitCode, Failure};
use crate::output::{self, Table};
use crate::{files, times};

/// Enter what other bureaus may come across: documents, vehicles, vessels, works of art, firearms, persons, seizures.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An entry is its source's: nobody else changes or withdraws it, and only the country that issued a
travel document enters it. All members can look it up, unless the form excludes countries: then it
is sealed to the others.

Examples:
  ecomesh db new sltd -o passport.toml               a commented form to fill in
  ecomesh db check passport.toml                     every item that is missing, and its rule
  ecomesh db add passport.toml
  ecomesh db update 3f9a2c71d0 passport.toml
  ecomesh db withdraw 3f9a2c71d0 --reason recovered  no look-up finds it any more
  ecomesh db lines 8b21d4e0aa                        the entries of a batch
  ecomesh db list --database vehicle --source KE
  ecomesh find --number A1234567 --purpose border-control --officer \"N. 12\"

docs/DOMAIN.md tells the rules, and which of them are uncertain.")]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Print a commented form of a database to fill in, or write it to a file
    #[command(
        after_help = "Examples:\n  ecomesh db new sltd -o passport.toml\n  ecomesh db new vehicle --language es"
    )]
    New {
        /// Database
        #[arg(value_name = "DATABASE", value_parser = database_arg())]
        database: &'static Database,
        /// Where to write it; a file that is there is never overwritten
        #[arg(short, long, value_name = "FILE.toml")]
        output: Option<PathBuf>,
        /// Language of the entry: ar, en, fr or es
        #[arg(long, value_name = "LANGUAGE", value_parser = ["ar", "en", "fr", "es"], hide_possible_values = true)]
        language: Option<String>,
    },
    /// List every problem of an entry, with line, field and the rule that asks for it
    #[command(
        after_help = "Examples:\n  ecomesh db check passport.toml\n  ecomesh db check passport.toml --json     each problem with its rule, for programs"
    )]
    Check {
        /// The form
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
    },
    /// Enter it: all members can look it up
    #[command(after_help = "Example:\n  ecomesh db add passport.toml")]
    Add {
        #[command(flatten)]
        text: Text,
    },
    /// Give an entry of this bureau a new text
    #[command(after_help = "Example:\n  ecomesh db update 3f9a2c71d0 passport.toml")]
    Update {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        text: Text,
    },
    /// Withdraw an entry of this bureau: no look-up finds it any more, and its text is hidden at once and destroyed later
    #[command(
        after_help = "A batch is withdrawn whole by its id, one line of it by its name, ID.LINE.\n\nExamples:\n  ecomesh db withdraw 3f9a2c71d0 --reason recovered\n  ecomesh db withdraw 8b21d4e0aa.42 --reason recovered"
    )]
    Withdraw {
        #[command(flatten)]
        id: Id,
        /// Why
        #[arg(long, value_name = "REASON", value_parser = codes::<EntryWithdrawal>())]
        reason: String,
    },
    /// List entries that hold, newest last
    #[command(
        after_help = "That a list names persons whom other countries have entered goes into the access log of the bureau, with the officer and the purpose if they are given.\n\nExamples:\n  ecomesh db list --database vehicle --source KE\n  ecomesh db list --database nominal --purpose investigation --officer \"N. 12\""
    )]
    List {
        /// Only of this database
        #[arg(long, value_name = "DATABASE", value_parser = database_arg(), hide_possible_values = true)]
        database: Option<&'static Database>,
        /// Only of this member
        #[arg(long, value_name = "MEMBER")]
        source: Option<String>,
        /// Also what is withdrawn, expired or void; what is withdrawn and erased is told without its database
        #[arg(long)]
        all: bool,
        /// How many, the newest
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        #[command(flatten)]
        viewer: Viewer,
    },
    /// List the entries of a batch, line by line
    #[command(
        after_help = "Examples:\n  ecomesh db lines 8b21d4e0aa\n  ecomesh db lines 8b21d4e0aa --after 50\n  ecomesh db show 8b21d4e0aa.42         one of them in full"
    )]
    Lines {
        /// The batch: its id, or the first digits of it (6 at least)
        #[arg(value_name = "ID")]
        id: String,
        /// Only lines behind this one
        #[arg(long, value_name = "LINE")]
        after: Option<u32>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Show an entry, and what was written about it without effect
    #[command(
        after_help = "That another country's entry about a person was shown goes into the access log of the bureau, with the officer and the purpose if they are given.\n\nExamples:\n  ecomesh db show 3f9a2c71d0\n  ecomesh db show 3f9a2c71d0 --purpose investigation --officer \"N. 12\""
    )]
    Show {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        viewer: Viewer,
    },
}

/// Who looks at entries, for the access log.
#[derive(Debug, clap::Args)]
struct Viewer {
    /// Why it is looked at
    #[arg(long, value_name = "PURPOSE", value_parser = codes::<SearchPurpose>())]
    purpose: Option<String>,
    /// Who looks at it: name or number of the officer
    #[arg(long, value_name = "OFFICER")]
    officer: Option<String>,
}

/// An entry.
#[derive(Debug, clap::Args)]
struct Id {
    /// The entry: its id, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
}

/// A text of an entry.
#[derive(Debug, clap::Args)]
struct Text {
    /// The form
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Mark it as an exercise, not a real case
    #[arg(long)]
    exercise: bool,
    /// A key of your own, so that repeating the command never enters it twice (kept 7 days)
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    match args.step {
        Step::New { database, output, language } => {
            forms::start(global, &template(database, language.as_deref()), output, "db")
        }
        Step::Check { file } => {
            forms::check(global, &file, FormCommand::Db, |text| issuer::check(check(text), text, global))
        }
        Step::Add { text } => add(&text, None, global),
        Step::Update { id, text } => {
            listing::refuse_line(
                &id.id,
                "has no new texts",
                "; enter another with: ecomesh db add FILE.toml",
            )?;
            add(&text, Some(id.id), global)
        }
        Step::Withdraw { id, reason } => withdraw(&id.id, reason, global),
        Step::List { database, source, all, limit, viewer } => {
            let database = database.map(|database| database.name.to_owned());
            let all = all.then_some(true);
            let Viewer { officer, purpose } = viewer;
            let query = EntryQuery { database, source, all, officer, purpose, ..EntryQuery::default() };
            list(query, limit as usize, global)
        }
        Step::Lines { id, after, limit } => lines::list(&id, after, limit as usize, global),
        Step::Show { id, viewer: Viewer { officer, purpose } } => {
            let node = Node::of(global)?;
            let detail = node.ask(node.api.entry_for(&id.id, &ViewerQuery { officer, purpose }))?;
            output::either(global, &detail, text)?;
            // Of a batch there is a text to read and no form.
            let is_batch = detail.rendered.is_some() && detail.document.is_none();
            if is_batch && detail.entry.standing == EntryStanding::Active {
                let id = listing::short(&detail.entry.id);
                output::remark(global, &format!("list its lines with: ecomesh db lines {id}"));
            }
            Ok(ExitCode::Ok)
        }
    }
}

fn add(text: &Text, replaces: Option<String>, global: &Global) -> anyhow::Result<ExitCode> {
    let form = files::read_text(&text.file, FORM_BYTES_MAX as u64)?;
    let (document, _) = Document::from_toml(&form).map_err(|report| {
        // What does not say what it is was meant as an entry, whatever else it looks like.
        let is_entry = FormCommand::of(&form).is_some_and(|(command, _)| command == FormCommand::Db);
        let report = if is_entry { report } else { check(&form) };
        Failure::new(ExitCode::BadInput, format!("{} cannot be entered as it is", text.file.display()))
            .details(report.problems().iter().map(ToString::to_string))
            .help("correct these; `ecomesh db check FILE` lists them without entering anything")
    })?;
    if !matches!(document, Document::Entry(_)) {
        let what = format!("{} is no entry of a database but: {}", text.file.display(), document.heading());
        return Err(Failure::new(ExitCode::BadInput, what)
            .help("start from a form of a database: ecomesh db new sltd")
            .into());
    }
    let draft = EntryDraft { document: document.to_json(), replaces, exercise: text.exercise };
    let key = match &text.idempotency_key {
        Some(key) => key.clone(),
        None => send::random_key()?,
    };
    let node = Node::of(global)?;
    let sent = node.ask(send::repeated(|| node.api.add_entry(&draft, Some(&key))))?;
    output::either(global, &sent, |sent| sent.id.clone())?;
    let what = if draft.replaces.is_some() { "the new text is recorded" } else { "entered" };
    let again = if sent.repeated { " (before, under this key)" } else { "" };
    let sealed = if sent.sealed { ", sealed" } else { "" };
    let warnings: String = sent.warnings.iter().map(|warning| format!("\nwarning: {warning}")).collect();
    output::remark(
        global,
        &format!(
            "{what}{again}, for {}{sealed}; see it with: ecomesh db show {}{warnings}",
            listing::addressees(&sent.to),
            listing::short(draft.replaces.as_deref().unwrap_or(&sent.id))
        ),
    );
    Ok(ExitCode::Ok)
}

fn withdraw(id: &str, reason: String, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let sent = node.ask(node.api.withdraw_entry(id, &WithdrawRequest { reason }))?;
    output::either(global, &sent, |sent| sent.sent.id.clone())?;
    output::remark(global, &withdrawn_words(&sent));
    Ok(ExitCode::Ok)
}

fn withdrawn_words(withdrawn: &WithdrawnView) -> String {
    let text = match withdrawn.destroyed_from_ms {
        Some(at) => format!("what it said is destroyed here from {} on", times::show(at)),
        None => "what it said stays hidden: the charter of this network has no erasures".to_owned(),
    };
    format!("withdrawn: no look-up finds it here any more, nor on a node that this has reached; {text}")
}

fn list(query: EntryQuery, limit: usize, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let listing = node.ask(read(&node.api, query, limit))?;
    if global.json {
        output::json(&listing)?;
        return Ok(ExitCode::Ok);
    }
    let table = table(&listing.entries);
    if table.is_empty() {
        output::remark(global, "none; --all lists also what does not hold any more");
    } else {
        output::line(table.render().trim_end())?;
    }
    listing::remark_older(global, listing.next.as_deref());
    listing::remark_unread(global, listing.unread);
    Ok(ExitCode::Ok)
}

/// Reads them, the newest `limit`; oldest first.
async fn read(api: &Client, query: EntryQuery, limit: usize) -> Result<EntryListing, ClientError> {
    let reading = listing::pages(limit, async |limit, cursor| {
        let query = EntryQuery { limit: Some(limit), cursor, ..query.clone() };
        let mut listing = api.entries(&query).await?;
        let rows = std::mem::take(&mut listing.entries);
        Ok(listing::Page { rows, next: listing.next.take(), listing })
    });
    let listing::Rows { rows: entries, next, listing } = reading.await?;
    Ok(EntryListing { entries, next, ..listing })
}

fn table(entries: &[EntryView]) -> Table {
    let mut table = Table::new(&["ID", "ENTERED", "SOURCE", "DATABASE", "STANDING", "SUBJECT"])
        .whole(&["ID", "STANDING"])
        .spare(&["ENTERED"]);
    for entry in entries {
        let exercise = if entry.exercise { "EXERCISE " } else { "" };
        table.row([
            listing::short(&entry.id),
            times::show(entry.entered_at_ms),
            entry.source.clone(),
            if entry.database.is_empty() { "-".into() } else { entry.database.clone() },
            standing_words(entry),
            format!("{exercise}{}", entry.subject),
        ]);
    }
    table
}

fn standing_words(entry: &EntryView) -> String {
    match entry.standing {
        EntryStanding::Active if entry.state != RecordState::Valid => "not shown".to_owned(),
        standing => words(standing, entry.reason.as_deref()),
    }
}

/// Where an entry stands, and why.
fn words(standing: EntryStanding, reason: Option<&str>) -> String {
    let standing = match standing {
        EntryStanding::Active => "holds",
        EntryStanding::Withdrawn => "withdrawn",
        EntryStanding::Expired => "expired",
        EntryStanding::Void => "void",
    };
    reason.map_or_else(|| standing.to_owned(), |reason| format!("{standing}: {reason}"))
}

fn text(detail: &EntryDetail) -> String {
    let entry = &detail.entry;
    let mut lines = vec![
        format!("id         {}", entry.id),
        format!("standing   {}", standing_words(entry)),
        format!("source     {}", entry.source),
        format!("for        {}", listing::addressees(&entry.to)),
        format!("entered    {} (its author's clock)", times::show(entry.entered_at_ms)),
    ];
    if !entry.database.is_empty() {
        lines.insert(1, format!("database   {}", entry.database));
    }
    if let Some(at) = entry.withdrawn_at_ms {
        lines.push(format!("withdrawn  {} (its author's clock)", times::show(at)));
    }
    if let Some(until) = entry.until_ms {
        lines.push(format!("until      {}", times::show(until)));
    }
    if entry.exercise {
        lines.push("EXERCISE   this is not a real case".into());
    }
    for ignored in &detail.ignored {
        let words = format!("{} by {}: {}", listing::short(&ignored.id), ignored.member, ignored.rule);
        lines.push(format!("no effect  {}", output::printable(&words)));
    }
    lines.push(String::new());
    match (&detail.rendered, &detail.unreadable) {
        (Some(text), _) => lines.extend(text.lines().map(output::rendered)),
        (None, why) => {
            let why = output::printable(why.as_deref().unwrap_or("it is not here"));
            let cannot = if entry.withdrawn_at_ms.is_some() { "" } else { "the text cannot be shown: " };
            lines.push(format!("({cannot}{why})"));
        }
    }
    lines.push(String::new());
    lines.push("An entry is a reason to ask its source, and no proof.".into());
    lines.join("\n")
}

/// Reads the name of a database; the register says which there are.
pub fn database_arg() -> impl TypedValueParser<Value = &'static Database> {
    let names = database::ALL.iter().map(|database| PossibleValue::new(database.name).help(database.purpose));
    PossibleValuesParser::new(names)
        .try_map(|name| Database::from_name(&name).ok_or("there is no such database"))
}
