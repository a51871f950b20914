//! `ecomesh erase` and `ecomesh extend`: how long one's own messages live.

use clap::ValueEnum;
use ecomesh_api::{
    EraseReason, EraseRequest, ErasureStatus, ErasureView, ErasuresView, ExtendReason, ExtendRequest,
    ExtensionsView,
};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::listing;
use crate::exit::ExitCode;
use crate::{output, times};

/// Take back what messages of this bureau say.
///
/// Every node hides it at once and destroys it three days later, header and signature stay: so the chain can be audited
/// for ever, and that there was a message is not denied. An erasure is signed, copied to every node and readable there; so
/// it has a code for a reason, and no words.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What an officer has copied, printed or acted upon is beyond the reach of any node. `ecomesh status ID` shows which
countries have destroyed it, by their own signed word; a node that is off does so when it is back.

Examples:
  ecomesh erase 3f9a2c71d0 --reason sent-in-error
  ecomesh erase 3f9a2c71d0 8b21d4e0aa --reason court-order
  ecomesh status 3f9a2c71d0 --wait erased --timeout 5d")]
pub struct EraseArgs {
    /// Ids of the messages, or the first digits of them (6 at least)
    #[arg(value_name = "ID", required = true, num_args = 1..=64)]
    ids: Vec<String>,
    /// Why
    #[arg(long, value_enum, value_name = "REASON")]
    reason: WhyErase,
}

/// Keep messages of this bureau beyond their expiry.
///
/// At its expiry a message is hidden everywhere, and destroyed 30 days later. An extension that comes in time keeps it, as
/// long as its retention class allows from then on; one that comes within these 30 days brings it back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ecomesh extend 3f9a2c71d0 --until 2028-03-01 --reason still-needed
  ecomesh extend 3f9a2c71d0 --until 365d --reason retention-order")]
pub struct ExtendArgs {
    /// Ids of the messages, or the first digits of them (6 at least)
    #[arg(value_name = "ID", required = true, num_args = 1..=64)]
    ids: Vec<String>,
    /// Until when: a date, a time in UTC, or a span from now (365d)
    #[arg(long, value_name = "TIME")]
    until: String,
    /// Why
    #[arg(long, value_enum, value_name = "REASON")]
    reason: WhyExtend,
}

/// Why messages are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhyErase {
    /// What it was sent for is done
    PurposeMet,
    /// What it says is not true, or not true any more
    Inaccurate,
    /// It should not have been sent, by the law or the rules of the network
    Unlawful,
    /// A court has ordered it
    CourtOrder,
    /// A data-protection authority has ruled so
    DataProtection,
    /// Sent by mistake, or to the wrong addressee
    SentInError,
    /// Another message takes its place
    Superseded,
    /// Another reason, told in a message
    Other,
}

/// Why messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhyExtend {
    /// The case goes on
    StillNeeded,
    /// A court has ordered it
    RetentionOrder,
    /// Another reason, told in a message
    Other,
}

impl From<WhyErase> for EraseReason {
    fn from(reason: WhyErase) -> Self {
        match reason {
            WhyErase::PurposeMet => Self::PurposeMet,
            WhyErase::Inaccurate => Self::Inaccurate,
            WhyErase::Unlawful => Self::Unlawful,
            WhyErase::CourtOrder => Self::CourtOrder,
            WhyErase::DataProtection => Self::DataProtection,
            WhyErase::SentInError => Self::SentInError,
            WhyErase::Superseded => Self::Superseded,
            WhyErase::Other => Self::Other,
        }
    }
}

impl From<WhyExtend> for ExtendReason {
    fn from(reason: WhyExtend) -> Self {
        match reason {
            WhyExtend::StillNeeded => Self::StillNeeded,
            WhyExtend::RetentionOrder => Self::RetentionOrder,
            WhyExtend::Other => Self::Other,
        }
    }
}

/// Runs `ecomesh erase`.
pub fn erase(args: EraseArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let refuse = |id: &String| listing::refuse_line(id, "is not erased by itself", "");
    args.ids.iter().try_for_each(refuse)?;
    let node = Node::of(global)?;
    let request = EraseRequest { ids: args.ids, reason: args.reason.into() };
    let erased = node.ask(node.api.erase(&request))?;
    output::either(global, &erased, erased_text)?;
    output::remark(global, "what has been copied or printed elsewhere is beyond the reach of any node");
    Ok(ExitCode::Ok)
}

/// Runs `ecomesh extend`.
pub fn extend(args: ExtendArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let until_ms = times::later(&args.until, times::now_ms())?;
    let request = ExtendRequest { ids: args.ids, until_ms, reason: args.reason.into() };
    let extended = node.ask(node.api.extend(&request))?;
    output::either(global, &extended, extended_text)?;
    Ok(ExitCode::Ok)
}

fn erased_text(erased: &ErasuresView) -> String {
    let line = |erasure: &ErasureView| {
        let destroyed = match erasure.destroyed {
            true => "destroyed here".to_owned(),
            false => format!("hidden, destroyed here after {}", times::show(erasure.destroyed_from_ms)),
        };
        format!("{}  erased: {destroyed}", listing::short(&erasure.id))
    };
    erased.erasures.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn extended_text(extended: &ExtensionsView) -> String {
    let lines = extended.extensions.iter();
    let line = |id: &str, ms| format!("{}  expires {}", listing::short(id), times::show(ms));
    lines.map(|one| line(&one.id, one.expires_at_ms)).collect::<Vec<_>>().join("\n")
}

/// An erasure in a few words.
pub fn words(erasure: &ErasureView) -> String {
    let reason = match erasure.reason {
        EraseReason::PurposeMet => "what it was sent for is done",
        EraseReason::Inaccurate => "what it says is not true",
        EraseReason::Unlawful => "it should not have been sent",
        EraseReason::CourtOrder => "a court has ordered it",
        EraseReason::DataProtection => "a data-protection authority has ruled so",
        EraseReason::SentInError => "sent by mistake, or to the wrong addressee",
        EraseReason::Superseded => "another message takes its place",
        EraseReason::Other => "another reason, told in a message",
        EraseReason::Unknown => "a reason that this version does not know",
    };
    let here = match erasure.destroyed {
        true => "destroyed here".to_owned(),
        false => format!("hidden, destroyed here after {}", times::show(erasure.destroyed_from_ms)),
    };
    format!("{} by its author: {reason}; {here}", times::show(erasure.at_ms))
}

/// How far an erasure has come, in lines for `ecomesh status`.
pub fn status_lines(status: &ErasureStatus) -> Vec<String> {
    let members = status.confirmed.len() + status.unconfirmed.len();
    let mut lines = vec![
        format!("erased     {}", words(&status.erasure)),
        format!("destroyed  by {} of {members} members, by their signed word", status.confirmed.len()),
    ];
    let when = |member: &str, when: String| format!("  {member:<8} {when}");
    lines.extend(status.confirmed.iter().map(|done| when(&done.member, times::show(done.at_ms))));
    lines.extend(status.unconfirmed.iter().map(|member| when(member, String::from("not yet"))));
    lines
}
