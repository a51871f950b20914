//! `ecomesh receipt`: telling the sender of a message what became of it.

use clap::ValueEnum;
use ecomesh_api::{ReceiptOutcome, ReceiptRequest, ReceiptView, RefusalReason};

use crate::cli::Global;
use crate::client::Node;
use crate::exit::ExitCode;
use crate::{output, times};

/// Tell the sender of a message that it was opened or is refused.
///
/// A receipt is signed, copied to every node, and kept for ever. So a refusal has a code and no words: words go into an
/// answer, `ecomesh send --reply-to ID`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
That a message was opened is told by itself when `ecomesh show` shows it first, unless the node's settings say
otherwise (`[receipts] opened = false`).

Examples:
  ecomesh receipt 3f9a2c71d0 --refuse not-competent
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
    let receipt = node.ask(node.api.receipt(&args.id, &ReceiptRequest { outcome, reason }))?;
    output::either(global, &receipt, |receipt| format!("the sender is told: {}", words(receipt)))?;
    Ok(ExitCode::Ok)
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
