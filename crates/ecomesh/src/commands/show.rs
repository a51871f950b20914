//! `ecomesh show`: one record in full.

use ecomesh_api::{RecordState, RecordView};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::listing;
use crate::exit::ExitCode;
use crate::{output, times};

/// Show one message in full.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ecomesh show 3f9a2c71d0")]
pub struct Args {
    /// The message's id, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let record = node.ask(node.api.record(&args.id))?;
    output::either(global, &record, text)?;
    Ok(ExitCode::Ok)
}

fn text(record: &RecordView) -> String {
    let message = &record.message;
    let mut lines = vec![
        format!("id         {}", message.id),
        format!("position   {}", message.position),
        format!("from       {}", message.from),
        format!("to         {}", listing::addressees(&message.to)),
        format!("priority   {}", listing::priority(message.priority)),
        format!("written    {} (the author's clock)", times::show(message.created_at_ms)),
        format!("arrived    {}", times::show(message.first_seen_ms)),
    ];
    if let Some(expires) = message.expires_at_ms {
        lines.push(format!("expires    {}", times::show(expires)));
    }
    if let Some(reply_to) = &message.reply_to {
        lines.push(format!("answers    {reply_to}"));
    }
    if let Some(signed_by) = &record.header.signed_by {
        lines.push(format!("signed by  {signed_by}"));
    }
    if message.exercise {
        lines.push(String::from("EXERCISE   this is not a real case"));
    }
    if record.verdict.state != RecordState::Valid {
        let reason = record.verdict.reason.as_deref().unwrap_or("no reason given");
        lines.push(
            format!("STATE      {:?}: {}", record.verdict.state, output::printable(reason)).to_lowercase(),
        );
    }
    lines.push(String::new());
    match (&record.text, &record.unreadable) {
        (Some(text), _) => lines.extend(text.lines().map(output::isolated)),
        (None, Some(why)) => {
            lines.push(format!("(the document cannot be shown: {})", output::printable(why)));
        }
        (None, None) => lines.push(String::from("(no document)")),
    }
    lines.join("\n")
}
