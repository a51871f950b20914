//! `ecomesh prekeys`: what messages are sealed to.

use ecomesh_api::{KeptFor, MemberPrekeyView, OwnPrekeyView, PrekeyUse, PrekeysView};

use crate::cli::Global;
use crate::client::Node;
use crate::exit::ExitCode;
use crate::{output, times};

/// The keys to which messages are sealed: own ones, and those of the other members.
///
/// The node makes a new pair every day, and publishes the public half. The private half is destroyed as soon as no mail
/// can need it any more, so that whoever takes this machine later cannot read what was recorded on the way.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A daily key ends after a day, a fallback after 60 days; two days later, when this node has all that others hold and has
opened its mail, the private half is destroyed. Days without links do not count.")]
pub struct Args {}

/// Runs the command.
pub fn run(Args {}: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let prekeys = node.ask(node.api.prekeys())?;
    output::either(global, &prekeys, text)?;
    Ok(ExitCode::Ok)
}

fn text(prekeys: &PrekeysView) -> String {
    let mut own = output::Table::new(&["OWN", "USE", "BEGAN", "ENDS", "PUBLISHED", "KEPT"]);
    prekeys.own.iter().for_each(|prekey| own.row(own_row(prekey)));
    let mut others = output::Table::new(&["MEMBER", "SEALED NOW TO", "USE", "BEGAN", "ENDS", "RECORD"]);
    prekeys.others.iter().for_each(|member| others.row(other_row(member)));
    format!("{}\n{}", own.render(), others.render())
}

fn own_row(prekey: &OwnPrekeyView) -> [String; 6] {
    let kept = match prekey.kept_for {
        KeptFor::Use => String::from("in use"),
        KeptFor::Mail { until_ms } => {
            format!("for mail on its way, until {} at least", times::show(until_ms))
        }
        KeptFor::Sync { with, of } => format!("until this node has caught up with {of} members (now {with})"),
        KeptFor::Unopened => String::from("until the mail that is here is opened"),
        KeptFor::Nothing => String::from("destroyed within a minute"),
        KeptFor::Unknown => String::from("for a reason that this version does not know"),
    };
    [
        short(&prekey.id),
        words(prekey.purpose),
        times::show(prekey.begins_at_ms),
        times::show(prekey.ends_at_ms),
        String::from(if prekey.published { "yes" } else { "not yet" }),
        kept,
    ]
}

fn other_row(member: &MemberPrekeyView) -> [String; 6] {
    let Some(prekey) = &member.prekey else {
        let problem = member.problem.clone().unwrap_or_default();
        let dash = || String::from("-");
        return [member.member.clone(), problem, dash(), dash(), dash(), dash()];
    };
    let time = |ms: Option<u64>| ms.map_or_else(|| String::from("-"), times::show);
    [
        member.member.clone(),
        short(&prekey.id),
        words(prekey.purpose),
        time(prekey.begins_at_ms),
        time(prekey.ends_at_ms),
        prekey.position.clone().unwrap_or_else(|| String::from("charter")),
    ]
}

fn words(purpose: PrekeyUse) -> String {
    String::from(match purpose {
        PrekeyUse::Daily => "daily",
        PrekeyUse::Fallback => "fallback",
        PrekeyUse::Unknown => "unknown",
    })
}

fn short(id: &str) -> String {
    id.chars().take(10).collect()
}
