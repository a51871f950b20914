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
    let (own, others) = tables(prekeys);
    format!("{}\n{}", own.render(), others.render())
}

/// Of a date a part says nothing: the end of a key is never cut.
fn tables(prekeys: &PrekeysView) -> (output::Table, output::Table) {
    let mut own = output::Table::new(&["OWN", "USE", "BEGAN", "ENDS", "PUBLISHED", "KEPT"])
        .whole(&["OWN", "ENDS"])
        .spare(&["BEGAN", "PUBLISHED"]);
    for prekey in &prekeys.own {
        own.row(own_row(prekey));
        if let KeptFor::Mail { until_ms } = prekey.kept_for {
            own.note(format!("kept for mail on its way, until {} at least", times::show(until_ms)));
        }
    }
    let mut others = output::Table::new(&["MEMBER", "SEALED NOW TO", "USE", "BEGAN", "ENDS", "RECORD"])
        .whole(&["MEMBER", "ENDS"])
        .spare(&["BEGAN", "RECORD"]);
    prekeys.others.iter().for_each(|member| others.row(other_row(member)));
    (own, others)
}

fn own_row(prekey: &OwnPrekeyView) -> [String; 6] {
    let kept = match prekey.kept_for {
        KeptFor::Use => String::from("in use"),
        KeptFor::Mail { .. } => String::from("for mail"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_when_a_key_is_good_and_kept_is_never_cut() {
        let own = OwnPrekeyView {
            id: "ab".repeat(16),
            purpose: PrekeyUse::Fallback,
            begins_at_ms: 1_772_352_930_000,
            ends_at_ms: 1_772_352_930_000,
            published: true,
            kept_for: KeptFor::Mail { until_ms: 1_772_352_930_000 },
        };
        let prekeys = PrekeysView { own: vec![own], others: Vec::new() };
        let (own, _) = tables(&prekeys);
        for columns in [60, 80, 120] {
            let text = own.render_in(columns);
            assert!(text.contains("fallback") && text.contains("2026-03-01 08:15:30Z"), "{text}");
            assert!(
                text.contains("\n  kept for mail on its way, until 2026-03-01 08:15:30Z at least"),
                "{text}"
            );
            assert!(!text.contains("2026-0…") && !text.contains("2026-03-…"), "{text}");
        }
    }
}
