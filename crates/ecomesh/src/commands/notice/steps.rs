//! Steps in the life of a notice: what reviewers and its source do.

use clap::Subcommand;
use ecomesh_api::StepRequest;
use ecomesh_document::codes::{NoticeCancellation, NoticeMissing, NoticeRefusal, NoticeWithdrawal};
use ecomesh_document::date::PartialDate;

use super::{review, show};
use crate::cli::Global;
use crate::client::Node;
use crate::commands::code_args::codes;
use crate::commands::listing;
use crate::exit::ExitCode;
use crate::output;

#[derive(Debug, Subcommand)]
pub(super) enum Step {
    /// As a reviewer: approve a text, return it as incomplete, or refuse it
    #[command(
        after_help = "Read the text first: `ecomesh notice show ID`. A review holds for the text that was read and for no other.\n\nExamples:\n  ecomesh notice review 3f9a2c71d0 approve\n  ecomesh notice review 3f9a2c71d0 return --missing warrant,facts\n  ecomesh notice review 3f9a2c71d0 refuse --reason article-3"
    )]
    Review {
        #[command(flatten)]
        id: Id,
        #[command(subcommand)]
        verdict: Verdict,
    },
    /// As a reviewer: hide a published notice while doubts are studied
    Suspend {
        #[command(flatten)]
        id: Id,
        /// What the doubts are about
        #[arg(long, value_name = "REASON", value_parser = codes::<NoticeRefusal>())]
        reason: String,
    },
    /// As a reviewer: the doubts are answered; it is shown again
    Reinstate {
        #[command(flatten)]
        id: Id,
    },
    /// As a reviewer: it must go; everybody who has it is told
    Withdraw {
        #[command(flatten)]
        id: Id,
        /// Why
        #[arg(long, value_name = "REASON", value_parser = codes::<NoticeWithdrawal>())]
        reason: String,
    },
    /// As its source: take a request, notice or diffusion back
    Cancel {
        #[command(flatten)]
        id: Id,
        /// Why
        #[arg(long, value_name = "REASON", value_parser = codes::<NoticeCancellation>())]
        reason: String,
    },
    /// As its source: keep a notice beyond its end, in its last six months
    Renew {
        #[command(flatten)]
        id: Id,
        /// The new last day, at most five years after the present one: 2031-11-28
        #[arg(long, value_name = "DATE", value_parser = last_day)]
        until: String,
        /// Why it is still needed. All members read it: no personal data
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// A date, as forms have it.
fn last_day(text: &str) -> Result<String, &'static str> {
    match PartialDate::parse(text) {
        Ok(date) if date.end_ms().is_some() => Ok(text.to_owned()),
        _ => Err("this is no date; write the last day as 2031-11-28"),
    }
}

/// A notice.
#[derive(Debug, clap::Args)]
pub(super) struct Id {
    /// The notice: its id, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verdict {
    /// It may be published
    Approve(Read),
    /// It lacks something; its source completes it
    Return {
        #[command(flatten)]
        read: Read,
        /// What it lacks, separated by commas
        #[arg(long, value_name = "CODES", value_delimiter = ',', required = true, value_parser = codes::<NoticeMissing>())]
        missing: Vec<String>,
    },
    /// It may not be published
    Refuse {
        #[command(flatten)]
        read: Read,
        /// Why
        #[arg(long, value_name = "REASON", value_parser = codes::<NoticeRefusal>())]
        reason: String,
    },
}

/// The text that was read.
#[derive(Debug, clap::Args)]
pub(super) struct Read {
    /// The text that was read, if the notice has several: its id, as `ecomesh notice show` tells it
    #[arg(long, value_name = "ID")]
    text: Option<String>,
}

pub(super) fn run(step: Step, global: &Global) -> anyhow::Result<ExitCode> {
    let (id, request) = request(step);
    let step = request.step.clone();
    let node = Node::of(global)?;
    let sent = node.ask(node.api.notice_step(&id.id, &request))?;
    output::either(global, &sent, |sent| sent.id.clone())?;
    let notice = &sent.notice;
    let words = show::standing_words(notice);
    let (what, id) = (show::what(notice), listing::short(&notice.id));
    // One vote of several changes nothing yet: it must not read as if it had.
    output::remark(
        global,
        &match review::undecided(notice, &step) {
            Some(votes) => format!("{votes}; until the others agree, {what} {id} stays {words}"),
            None => format!("{what} {id} is now {words}"),
        },
    );
    Ok(ExitCode::Ok)
}

fn request(step: Step) -> (Id, StepRequest) {
    let named = |step: &str| StepRequest { step: step.into(), ..StepRequest::default() };
    match step {
        Step::Review { id, verdict } => match verdict {
            Verdict::Approve(read) => (id, StepRequest { text: read.text, ..named("approve") }),
            Verdict::Return { read, missing } => {
                (id, StepRequest { text: read.text, missing, ..named("return") })
            }
            Verdict::Refuse { read, reason } => {
                (id, StepRequest { text: read.text, reason: Some(reason), ..named("refuse") })
            }
        },
        Step::Suspend { id, reason } => (id, StepRequest { reason: Some(reason), ..named("suspend") }),
        Step::Reinstate { id } => (id, named("reinstate")),
        Step::Withdraw { id, reason } => (id, StepRequest { reason: Some(reason), ..named("withdraw") }),
        Step::Cancel { id, reason } => (id, StepRequest { reason: Some(reason), ..named("cancel") }),
        Step::Renew { id, until, reason } => {
            (id, StepRequest { reason: Some(reason), until: Some(until), ..named("renew") })
        }
    }
}
