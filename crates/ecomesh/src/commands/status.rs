//! `ecomesh status`: how far one's own message has come, and waiting until it is there.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use ecomesh_api::{Client, ClientError, StatusView};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::{attachments, erase, receipt};
use crate::exit::{ExitCode, Failure};
use crate::{output, times};

/// Shortest and longest pause between two questions while waiting: who waits for days need not ask five times a second.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// How far one's own message has come: recorded, held by n members, delivered to whom and when, opened or refused, erased
/// where.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
`held by n` and `delivered` are told by the other nodes' own signed statements of what they hold,
`opened`, `refused` and `cannot open` by signed receipts of the addressees. Of an erased message each
member says, once a day, that it has destroyed what it said.

Examples:
  ecomesh status 3f9a2c71d0
  ecomesh status 3f9a2c71d0 --wait delivered --timeout 5m     exit 1 if the time runs out")]
pub struct Args {
    /// The message's id, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
    /// Wait until it has come this far
    #[arg(long, value_enum, value_name = "STATE")]
    wait: Option<Goal>,
    /// Longest wait
    #[arg(long, value_name = "TIME", default_value = "60s", requires = "wait")]
    timeout: String,
}

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    /// One other member holds it
    Held,
    /// Every addressee holds it, with all its files
    Delivered,
    /// Every addressee has opened or refused it, or cannot open it
    Answered,
    /// It was erased, and every member has destroyed what it says
    Erased,
}

impl Goal {
    fn is_reached(self, status: &StatusView) -> bool {
        match self {
            Self::Held => !status.held_by.is_empty(),
            Self::Delivered => status.is_delivered(),
            Self::Answered => status.is_answered(),
            Self::Erased => status.is_erased(),
        }
    }
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let timeout = times::duration(&args.timeout)?;
    let status = match args.wait {
        None => node.ask(node.api.status(&args.id))?,
        Some(goal) => node.ask(wait(&node.api, &args.id, goal, timeout))?,
    };
    output::either(global, &status, text)?;
    match args.wait {
        Some(goal) if !goal.is_reached(&status) => Err(Failure::new(
            ExitCode::No,
            format!("the message has not come that far within {}", args.timeout),
        )
        .help("nothing is lost: it goes on by itself; `ecomesh peers` shows who is not connected")
        .into()),
        _ => Ok(ExitCode::Ok),
    }
}

/// Asks until the goal is reached or the time is over; the last answer.
pub async fn wait(api: &Client, id: &str, goal: Goal, timeout: Duration) -> Result<StatusView, ClientError> {
    let began = Instant::now();
    let deadline = began + timeout;
    loop {
        let status = api.status(id).await?;
        if goal.is_reached(&status) || Instant::now() >= deadline {
            return Ok(status);
        }
        let pause = (began.elapsed() / 50).clamp(PAUSE_MIN, PAUSE_MAX);
        tokio::time::sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
    }
}

fn text(status: &StatusView) -> String {
    let mut lines = vec![
        format!("id         {}", status.id),
        format!("recorded   {}", times::show(status.recorded_at_ms)),
        format!(
            "held by    {} of {} other members: {}",
            status.delivery.held,
            status.delivery.members,
            names(&status.held_by)
        ),
        format!("delivered  {} of {}", status.delivery.delivered, status.delivery.addressees),
    ];
    for recipient in &status.recipients {
        let when = match recipient.delivered_at_ms {
            Some(at) => format!(
                "{}  after {}",
                times::show(at),
                times::length(at.saturating_sub(status.recorded_at_ms))
            ),
            None => String::from("not yet"),
        };
        lines.push(format!("  {:<8} {when}", recipient.member));
        lines.extend(recipient.receipt.as_ref().map(|said| format!("  {:<8} {}", "", receipt::words(said))));
    }
    lines.extend(attachments::status_lines(&status.files));
    lines.extend(status.erasure.iter().flat_map(erase::status_lines));
    lines.join("\n")
}

fn names(members: &[String]) -> String {
    if members.is_empty() { String::from("none yet") } else { members.join(", ") }
}
