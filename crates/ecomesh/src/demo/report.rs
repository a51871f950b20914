//! What the demonstration prints in the end: who sent what to whom, when it was there, and the audits' verdicts.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use ecomesh_api::{FrontierView, NodeView, RecipientView, Sent};
use serde::Serialize;

use super::cluster::Cluster;
use super::samples::Sample;
use crate::output::Table;
use crate::{commands::listing, times};

/// The whole result. Field names are part of the contract of `demo --json`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every node holds the same and every audit is whole.
    pub passed: bool,
    /// Whether all frontiers are equal and everything is delivered.
    pub settled: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The folder of all files.
    pub folder: String,
    /// All messages in the order of sending.
    pub messages: Vec<Message>,
    /// All nodes in the order of the countries.
    pub nodes: Vec<Verdict>,
}

/// A message that a node acknowledged.
#[derive(Debug, Serialize)]
pub struct Message {
    /// The record's id.
    pub id: String,
    /// Who sent it.
    pub from: String,
    /// For whom; empty means all members.
    pub to: Vec<String>,
    /// In which part of the demonstration.
    pub when: &'static str,
    /// What it is about.
    pub subject: String,
    /// The language of its texts.
    pub language: String,
    /// The sender's own reference.
    pub reference: Option<String>,
    /// One for each addressee, with the time until its own node's signed statement covered the record.
    pub delivered: Vec<Delivered>,
    /// The sender's place in the list of nodes.
    #[serde(skip)]
    pub sender: usize,
}

/// An addressee.
#[derive(Debug, Serialize)]
pub struct Delivered {
    /// Its letters.
    pub member: String,
    /// From durable at the sender to proven at the addressee, in milliseconds; absent if it is not there.
    pub after_ms: Option<u64>,
}

/// A node at the end.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Whose node it is.
    pub member: String,
    /// Records held.
    pub records: u64,
    /// Logs held.
    pub logs: u64,
    /// Digest over what it holds.
    pub digest: Option<String>,
    /// Whether the audit of its archive found everything whole.
    pub whole: bool,
    /// What the audit said, as its own JSON.
    pub audit: serde_json::Value,
    /// What was done to it.
    pub happened: String,
}

impl Message {
    /// A message as its sender acknowledged it.
    pub fn new(sent: &Sent, sample: &Sample, from: &str, when: &'static str) -> Self {
        Self {
            id: sent.id.clone(),
            from: from.to_owned(),
            to: sent.to.clone(),
            when,
            subject: sample.document.title(),
            language: sample.document.language().to_owned(),
            reference: sample.document.reference().map(str::to_owned),
            delivered: Vec::new(),
            sender: sample.from,
        }
    }
}

impl Verdict {
    /// Sums up a node and the audit of its archive.
    pub fn new(view: &NodeView, frontier: &FrontierView, audit: &Output, happened: String) -> Self {
        let said = serde_json::from_slice(&audit.stdout).unwrap_or_else(|_| {
            serde_json::Value::String(String::from_utf8_lossy(&audit.stderr).trim().to_owned())
        });
        Self {
            member: view.member.clone(),
            records: view.records,
            logs: view.logs,
            digest: frontier.digest.clone(),
            whole: audit.status.success(),
            audit: said,
            happened,
        }
    }
}

impl Report {
    /// Puts the parts together and judges them.
    pub fn new(
        took: Duration,
        folder: &Path,
        settled: bool,
        messages: Vec<Message>,
        nodes: Vec<Verdict>,
    ) -> Self {
        Self {
            passed: settled && !messages.is_empty() && nodes.iter().all(|node| node.whole),
            settled,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            folder: folder.display().to_string(),
            messages,
            nodes,
        }
    }
}

/// Asks every sender how far its messages have come.
pub async fn deliveries(cluster: &Cluster, mut messages: Vec<Message>) -> anyhow::Result<Vec<Message>> {
    for message in &mut messages {
        let status = cluster.nodes[message.sender].api.status(&message.id).await?;
        let delivered = |recipient: &RecipientView| Delivered {
            member: recipient.member.clone(),
            after_ms: recipient.delivered_at_ms.map(|at| at.saturating_sub(status.recorded_at_ms)),
        };
        message.delivered = status.recipients.iter().map(delivered).collect();
    }
    Ok(messages)
}

/// The report for people.
pub fn text(report: &Report) -> String {
    let mut text = String::from(
        "\nWho sent what to whom, and how long until it was there (proven by the addressee's signed frontier):\n\n",
    );
    text.push_str(&messages(report).render());
    text.push_str("\nWhat every node holds, and what the audit of its archive says:\n\n");
    text.push_str(&nodes(report).render());
    let took = report.took_ms as f64 / 1000.0;
    let deliveries: usize = report.messages.iter().map(|message| message.delivered.len()).sum();
    text.push_str(&if report.passed {
        format!(
            "\n{} messages, {deliveries} deliveries, nothing lost: all frontiers are equal and all {} audits are whole. {took:.1} s\n",
            report.messages.len(),
            report.nodes.len(),
        )
    } else {
        format!("\nFAILED: {} {took:.1} s\n", if report.settled { "an audit found a fault." } else { "not every node holds everything." })
    });
    text
}

/// One row per message, one column per country.
fn messages(report: &Report) -> Table {
    let mut heads = vec!["FROM", "LANG", "WHEN", "SUBJECT"];
    heads.extend(report.nodes.iter().map(|node| node.member.as_str()));
    let mut table = Table::new(&heads);
    for message in &report.messages {
        let mut row = vec![
            message.from.clone(),
            message.language.clone(),
            message.when.to_owned(),
            message.subject.clone(),
        ];
        row.extend(report.nodes.iter().map(|node| cell(message, &node.member)));
        table.row(row);
    }
    table
}

fn cell(message: &Message, member: &str) -> String {
    if message.from == member {
        return String::from("sent");
    }
    match message.delivered.iter().find(|delivered| delivered.member == member) {
        None => String::from("-"),
        Some(Delivered { after_ms: Some(ms), .. }) => times::length(*ms),
        Some(Delivered { after_ms: None, .. }) => String::from("NOT YET"),
    }
}

fn nodes(report: &Report) -> Table {
    let mut table = Table::new(&["NODE", "RECORDS", "LOGS", "FRONTIER", "AUDIT", ""]);
    for node in &report.nodes {
        table.row([
            node.member.clone(),
            node.records.to_string(),
            node.logs.to_string(),
            node.digest.as_deref().map_or_else(|| String::from("unknown"), listing::short),
            String::from(if node.whole { "whole" } else { "BROKEN" }),
            node.happened.clone(),
        ]);
    }
    table
}

/// How to talk to a network that is left running.
pub fn how_to_talk(cluster: &Cluster, process: u32) -> String {
    let mut text = String::from("\nThe network keeps running. From another terminal:\n");
    for node in &cluster.nodes {
        text.push_str(&format!("  ecomesh inbox --home {}\n", node.home.display()));
    }
    if let [first, second, ..] = cluster.nodes.as_slice() {
        let home = first.home.display();
        text.push_str(&format!(
            "  ecomesh send --text \"Hello\" --language en --to {} --home {home}\n",
            second.member
        ));
        text.push_str(&format!("  ecomesh peers --home {home}\n"));
    }
    text.push_str(&format!("Stop it with Ctrl-C here, or with: kill {process}"));
    text
}
