//! `ecomesh show`: one record in full.

use ecomesh_api::{ReaderKey, ReceiptOutcome, ReceiptRequest, RecordState, RecordView, SealedView};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::{attachments, erase, listing, receipt};
use crate::exit::ExitCode;
use crate::{output, times};

/// Show one message in full.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first time that a message to this bureau is shown, its sender is told by a signed receipt that it was opened.

Examples:
  ecomesh show 3f9a2c71d0
  ecomesh show 3f9a2c71d0 --no-receipt")]
pub struct Args {
    /// The message's id, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
    /// Do not tell the sender that the message was opened
    #[arg(long)]
    no_receipt: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let mut record = node.ask(node.api.record(&args.id))?;
    let told = match record.receipt_due && !args.no_receipt {
        true => tell(&node, &mut record).err(),
        false => None,
    };
    output::either(global, &record, text)?;
    if let Some(failure) = told {
        output::remark(global, &format!("the sender was not told that it was opened: {failure}"));
    }
    Ok(ExitCode::Ok)
}

/// Tells the sender that its message was opened.
fn tell(node: &Node, record: &mut RecordView) -> anyhow::Result<()> {
    let opened = ReceiptRequest { outcome: ReceiptOutcome::Opened, reason: None };
    record.receipt = Some(node.ask(node.api.receipt(&record.message.id, &opened))?);
    record.receipt_due = false;
    Ok(())
}

/// Who can read it, and how well it is sealed.
fn sealed_words(sealed: &SealedView) -> String {
    let readers: Vec<&str> = sealed.readers.iter().map(|reader| reader.member.as_str()).collect();
    let with = |key| {
        let those = sealed.readers.iter().filter(|reader| reader.key == key);
        those.map(|reader| reader.member.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut words = format!("X25519 and ML-KEM-768; readable by {} only", readers.join(", "));
    for (key, what) in [
        (ReaderKey::Fallback, "lower secrecy (a key of weeks, not of the day)"),
        (ReaderKey::Unknown, "a key that is not known here"),
    ] {
        let those = with(key);
        if !those.is_empty() {
            words.push_str(&format!("; for {those}: {what}"));
        }
    }
    words
}

/// Lower kinds are control records, which everybody reads.
const FIRST_DOCUMENT: u16 = 256;

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
    if let Some(sealed) = &record.sealed {
        lines.push(format!("sealed     {}", sealed_words(sealed)));
    } else if record.header.kind >= FIRST_DOCUMENT {
        lines.push(String::from("sealed     no: every member can read it"));
    }
    if let Some(expires) = message.expires_at_ms {
        lines.push(format!("expires    {}", times::show(expires)));
    }
    if let Some(reply_to) = &message.reply_to {
        lines.push(format!("answers    {reply_to}"));
    }
    if let Some(signed_by) = &record.header.signed_by {
        lines.push(format!("signed by  {signed_by}"));
    }
    lines.extend(attachments::lines(&record.files));
    if let Some(erasure) = &record.erasure {
        lines.push(format!("erased     {}", erase::words(erasure)));
    }
    if let Some(said) = &record.receipt {
        lines.push(format!("receipt    {} (by this bureau)", receipt::words(said)));
    }
    if let Some(standing) = listing::standing_mark(message).filter(|_| message.state == RecordState::Valid) {
        lines.push(format!(
            "standing   {standing}; see `ecomesh notice show {}`",
            listing::short(&message.id)
        ));
    }
    if message.exercise {
        lines.push(String::from("EXERCISE   this is not a real case"));
    }
    if record.verdict.state != RecordState::Valid {
        // Why something was erased stands above.
        let reason =
            record.verdict.reason.as_deref().map(|reason| format!(": {}", output::printable(reason)));
        let reason = reason.unwrap_or_default();
        lines.push(format!("state      {:?}{reason}", record.verdict.state).to_lowercase());
    }
    lines.push(String::new());
    match (&record.text, &record.unreadable) {
        (Some(text), _) => lines.extend(text.lines().map(output::rendered)),
        (None, Some(why)) => {
            lines.push(format!("(the document cannot be shown: {})", output::printable(why)));
        }
        (None, None) => lines.push(String::from("(no document)")),
    }
    lines.join("\n")
}
