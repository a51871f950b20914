//! `ecomesh receipt`: telling the sender of a message what became of it.

use clap::ValueEnum;
use ecomesh_api::{ReceiptOutcome, ReceiptRequest, ReceiptView, RefusalReason, SendRequest, Sent};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::send::{self, Language};
use crate::exit::ExitCode;
use crate::{output, times};

/// Tell the sender of a message that it was opened or is refused.
///
/// A receipt is signed, copied to every node, readable there, and kept for ever. So a refusal has a code and no words.
/// Words go into an answer that is sealed to the sender: `--say` sends it, before the receipt.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
That a message was opened is told by itself when `ecomesh show` shows it first, unless the node's settings say
otherwise (`[receipts] opened = false`).

Examples:
  ecomesh receipt 3f9a2c71d0 --refuse not-competent
  ecomesh receipt 3f9a2c71d0 --refuse incomplete --say \"Which port? No quantity.\" --language en
  ecomesh receipt 3f9a2c71d0 --opened")]
pub struct Args {
    /// The message's id, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
    /// The bureau does not act upon it, for this reason
    #[arg(long, value_enum, value_name = "REASON", required_unless_present = "opened")]
    refuse: Option<Reason>,
    /// An officer has read it
    #[arg(long, conflicts_with = "refuse")]
    opened: bool,
    /// Why, in words, for the sender alone: sent as a sealed answer
    #[arg(long, value_name = "TEXT", requires = "refuse", requires = "language")]
    say: Option<String>,
    /// Language of these words
    #[arg(long, value_enum, value_name = "en|fr|es|ar", requires = "say")]
    language: Option<Language>,
}

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reason {
    /// Another bureau or agency is competent
    NotCompetent,
    /// Items are missing without which nothing can be done
    Incomplete,
    /// The same came before
    Duplicate,
    /// The law does not allow it
    Unlawful,
    /// It was meant for somebody else
    WrongAddressee,
    /// Another reason, told in an answer
    Other,
}

impl From<Reason> for RefusalReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::NotCompetent => Self::NotCompetent,
            Reason::Incomplete => Self::Incomplete,
            Reason::Duplicate => Self::Duplicate,
            Reason::Unlawful => Self::Unlawful,
            Reason::WrongAddressee => Self::WrongAddressee,
            Reason::Other => Self::Other,
        }
    }
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let reason = args.refuse.map(RefusalReason::from);
    let outcome = if reason.is_some() { ReceiptOutcome::Refused } else { ReceiptOutcome::Opened };
    let answer = match (&args.say, args.language) {
        (Some(text), Some(language)) => Some(answer(&node, &args.id, text, language)?),
        _ => None,
    };
    let receipt = node.ask(node.api.receipt(&args.id, &ReceiptRequest { outcome, reason }))?;
    output::either(global, &receipt, |receipt| format!("the sender is told: {}", words(receipt)))?;
    if let Some(sent) = answer {
        output::remark(global, &format!("your words went to it as {}", send::remark(&sent)));
    }
    Ok(ExitCode::Ok)
}

/// Sends words to the author of a message.
fn answer(node: &Node, id: &str, text: &str, language: Language) -> anyhow::Result<Sent> {
    let author = node.ask(node.api.record(id))?.message.from;
    let document = send::plain(text, language)?;
    let request =
        SendRequest { reply_to: Some(id.to_owned()), ..send::request(&document, vec![author], false) };
    let key = send::random_key()?;
    node.ask(send::send(&node.api, &request, &key))
}

/// A receipt in a few words.
pub fn words(receipt: &ReceiptView) -> String {
    let when = times::show(receipt.at_ms);
    let reason = receipt.reason.map(|reason| match reason {
        RefusalReason::NotCompetent => "another bureau or agency is competent",
        RefusalReason::Incomplete => "items are missing",
        RefusalReason::Duplicate => "the same came before",
        RefusalReason::Unlawful => "the law does not allow it",
        RefusalReason::WrongAddressee => "meant for somebody else",
        RefusalReason::PrekeyGone => "the key it was sealed to is destroyed or lost there",
        RefusalReason::DoesNotOpen => "what was sealed does not open",
        RefusalReason::Other => "another reason, told in a message",
        RefusalReason::Unknown => "a reason that this version does not know",
    });
    let outcome = match receipt.outcome {
        ReceiptOutcome::Opened => "opened",
        ReceiptOutcome::Refused => "refused",
        ReceiptOutcome::CannotOpen => "cannot open",
        ReceiptOutcome::Unknown => "an outcome that this version does not know",
    };
    match reason {
        Some(reason) => format!("{outcome} {when}: {reason}"),
        None => format!("{outcome} {when}"),
    }
}
