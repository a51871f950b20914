//! `ecomesh demo`: the whole network on one machine, with real processes, real files and real links.
//!
//! One process per country; the charter is signed by all of them with the commands of an operator; the sample
//! documents are sent, sealed to their addressees; one node is killed right after it acknowledged a message, and started again; another is cut
//! off in both directions while both sides go on sending. Then the demonstration waits until every node holds
//! everything, shows that who is no addressee cannot read a message, has its sender prove it, has notices reviewed and a stolen passport
//! met at a border, audits what each of them holds, and prints who sent what to whom and when it was there.
//! All processes end with the demonstration, however it ends: each stops when its standard input does.

mod cluster;
mod erasure;
mod proxy;
mod register;
mod report;
mod samples;
mod secrecy;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use ecomesh_api::{ReceiptOutcome, ReceiptRequest, RefusalReason};
use futures::future::try_join_all;

use crate::cli::Global;
use crate::commands::send;
use crate::exit::{ExitCode, Failure};
use crate::output;
use cluster::Cluster;
use report::{Message, Report, Verdict};
use samples::Sample;

/// Longest wait until every node holds everything; it takes a few seconds.
const SETTLE_MAX: Duration = Duration::from_secs(90);
/// Longest wait for the first links and for a cut to show.
const LINKS_MAX: Duration = Duration::from_secs(30);
/// Pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(100);
/// Most countries: each is a process with a store of its own on this one machine.
const COUNTRIES_MAX: usize = 20;

/// Found a network of several countries on this machine, send, cut, heal and audit it: some 10 seconds.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0 only if every node holds the same in the end and every audit found everything whole.

Examples:
  ecomesh demo
  ecomesh demo --countries KE,TZ,UG --dir ./demo --keep")]
pub struct Args {
    /// Members of the network, at least two
    #[arg(long, value_name = "MEMBERS", default_value = "KE,TZ,TH,FR,CN")]
    countries: String,
    /// Folder for all files, kept afterwards; without it they are temporary
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave the network running until Ctrl-C, and say how to talk to it
    #[arg(long)]
    keep: bool,
}

/// Runs the command.
#[allow(clippy::needless_pass_by_value, reason = "as every command takes them")]
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Args { countries: typed, dir, keep } = args;
    let countries = countries(&typed)?;
    let (folder, _temporary) = folder(dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let code = runtime.block_on(async {
        let (mut cluster, code) = tokio::select! {
            told = story(&countries, &folder, global) => told?,
            // Whatever the story holds is dropped here, and with it every process.
            () = interrupted() => {
                return Err(Failure::new(ExitCode::No, "interrupted")
                    .help("all nodes of the demonstration are stopped; start it again")
                    .into());
            }
        };
        if keep {
            output::remark(global, &report::how_to_talk(&cluster, std::process::id()));
            interrupted().await;
        }
        cluster.stop_all().await;
        Ok(code)
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

/// The demonstration from the first key to the last audit.
async fn story(countries: &[String], folder: &Path, global: &Global) -> anyhow::Result<(Cluster, ExitCode)> {
    let narrator = Narrator { began: Instant::now(), global };
    let (samples, remarks) = samples::for_countries(countries)?;
    remarks.iter().for_each(|remark| narrator.say(remark));

    narrator.say(&format!(
        "{} bureaus make their keys and sign one charter, in {}",
        countries.len(),
        folder.display()
    ));
    let mut cluster = Cluster::found(folder, countries).await?;
    cluster.start_all().await?;
    wait_for_links(&cluster).await?;
    narrator.say("all nodes run and are linked");
    secrecy::wait_for_prekeys(&cluster).await?;
    narrator
        .say("every bureau has published its key of the day: what is sent to named members is sealed to it");

    let (messages, events) = exchange(&mut cluster, &samples, &narrator).await?;
    let settled = settle(&cluster, &messages, SETTLE_MAX).await?;
    narrator.say(if settled {
        "every node holds everything"
    } else {
        "NOT every node holds everything; this is what there is"
    });

    answer(&cluster, &messages, &narrator).await?;
    secrecy::show(&cluster, &messages, &narrator).await?;
    register::show(&cluster, &narrator).await?;
    erasure::show(&cluster, &messages, &narrator).await?;
    let settled = settled && settle(&cluster, &messages, SETTLE_MAX).await?;

    let messages = report::deliveries(&cluster, messages).await?;
    let nodes = try_join_all(cluster.nodes.iter().map(|node| verdict(&cluster, node, &events))).await?;
    narrator.say("every node's archive is exported and audited");
    let report = Report::new(narrator.began.elapsed(), folder, settled, messages, nodes);
    let code = if report.passed { ExitCode::Ok } else { ExitCode::No };
    output::either(global, &report, report::text)?;
    Ok((cluster, code))
}

/// What happened to a node, for the report.
#[derive(Debug, Default)]
struct Events {
    killed: usize,
    cut: usize,
    cut_off_ms: u64,
}

/// Sends all samples: a third in calm, a third around a killed node, a third across a cut.
async fn exchange(
    cluster: &mut Cluster,
    samples: &[Sample],
    narrator: &Narrator<'_>,
) -> anyhow::Result<(Vec<Message>, Events)> {
    let countries = cluster.nodes.len();
    let mut events = Events { killed: 1, cut: if countries > 2 { countries - 1 } else { 0 }, cut_off_ms: 0 };
    let (calm, killing, cutting) = thirds(samples, events.killed);
    let mut messages = Vec::new();

    send_all(cluster, &calm, "calm", &mut messages).await?;
    narrator.say(&format!("{} messages sent in calm", calm.len()));

    let (mine, others): (Vec<&Sample>, Vec<&Sample>) =
        killing.iter().partition(|sample| sample.from == events.killed);
    send_all(cluster, &mine, "killed right after", &mut messages).await?;
    cluster.kill(events.killed).await?;
    let killed = cluster.nodes[events.killed].member.clone();
    narrator.say(&format!(
        "{killed} is killed (SIGKILL) right after it acknowledged {}",
        counted(mine.len(), "message")
    ));
    send_all(cluster, &others, "while one node is dead", &mut messages).await?;
    cluster.start(events.killed).await?;
    narrator.say(&format!(
        "{} sent to a network without {killed}; {killed} runs again",
        counted(others.len(), "message")
    ));

    let cut = cluster.nodes[events.cut].member.clone();
    let began = Instant::now();
    cluster.wires.cut(events.cut);
    wait_until_alone(cluster, events.cut).await?;
    narrator.say(&format!("{cut} is cut off from everyone"));
    send_all(cluster, &cutting, "across the cut", &mut messages).await?;
    wait_until_others_hold(cluster, &messages, events.cut).await?;
    // Nothing of the other side may have come through while the wires are cut.
    let through = leaked(cluster, &messages, events.cut).await?;
    anyhow::ensure!(through == 0, "{through} messages crossed the cut: the demonstration cut nothing");
    cluster.wires.heal();
    events.cut_off_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    narrator.say(&format!(
        "{} sent on both sides of the cut, none crossed it; the wires are mended",
        counted(cutting.len(), "message")
    ));
    Ok((messages, events))
}

/// Splits the samples; every sender has some in each part where it has enough, and the node to be killed sends
/// at least one message just before.
fn thirds(samples: &[Sample], killed: usize) -> (Vec<&Sample>, Vec<&Sample>, Vec<&Sample>) {
    let (mut calm, mut killing, mut cutting) = (Vec::new(), Vec::new(), Vec::new());
    let mut sent_by = std::collections::BTreeMap::<usize, usize>::new();
    for sample in samples {
        let count = sent_by.entry(sample.from).or_default();
        let turn = if sample.from == killed { *count + 1 } else { *count };
        match turn % 3 {
            0 => calm.push(sample),
            1 => killing.push(sample),
            _ => cutting.push(sample),
        }
        *count += 1;
    }
    (calm, killing, cutting)
}

/// Sends one after the other, as a bureau does, and notes every acknowledged message.
async fn send_all(
    cluster: &Cluster,
    samples: &[&Sample],
    when: &'static str,
    messages: &mut Vec<Message>,
) -> anyhow::Result<()> {
    for sample in samples {
        let mut request = send::request(&sample.document, sample.to.clone(), sample.to.is_empty());
        request.exercise = sample.exercise;
        let answered = sample.document.reply_to_reference().and_then(|reference| {
            messages
                .iter()
                .find(|message| message.reference.as_deref() == Some(reference))
                .map(|message| message.id.clone())
        });
        request.reply_to = answered;
        let node = &cluster.nodes[sample.from];
        let key = send::random_key()?;
        let sent = send::send(&node.api, &request, &key)
            .await
            .with_context(|| format!("{} cannot send", node.member))?;
        messages.push(Message::new(&sent, sample, &node.member, when));
    }
    Ok(())
}

/// Waits until every node has a link with every other.
async fn wait_for_links(cluster: &Cluster) -> anyhow::Result<()> {
    wait(LINKS_MAX, "links between all nodes", || async {
        let views = try_join_all(cluster.nodes.iter().map(|node| node.api.peers())).await?;
        Ok(views.iter().all(|view| view.peers.iter().all(|peer| peer.connected)))
    })
    .await
}

/// Waits until nobody has a link with this node.
async fn wait_until_alone(cluster: &Cluster, cut: usize) -> anyhow::Result<()> {
    wait(LINKS_MAX, "the cut", || async {
        let peers = cluster.nodes[cut].api.peers().await?;
        Ok(peers.peers.iter().all(|peer| !peer.connected))
    })
    .await
}

/// Waits until what was sent outside the cut has reached everyone outside it: the network goes on without one node.
async fn wait_until_others_hold(cluster: &Cluster, messages: &[Message], cut: usize) -> anyhow::Result<()> {
    let outside = |message: &&Message| message.when == "across the cut" && message.sender != cut;
    wait(LINKS_MAX, "delivery among the nodes that are not cut off", || async {
        for message in messages.iter().filter(outside) {
            let status = cluster.nodes[message.sender].api.status(&message.id).await?;
            let away = &cluster.nodes[cut].member;
            if status
                .recipients
                .iter()
                .any(|recipient| recipient.delivered_at_ms.is_none() && recipient.member != *away)
            {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await
}

/// How many messages of this moment are on the wrong side of the cut.
async fn leaked(cluster: &Cluster, messages: &[Message], cut: usize) -> anyhow::Result<usize> {
    let mut leaked = 0;
    for message in messages.iter().filter(|message| message.when == "across the cut") {
        let sender_is_cut = message.from == cluster.nodes[cut].member;
        let beyond = if sender_is_cut { (cut + 1) % cluster.nodes.len() } else { cut };
        leaked += usize::from(cluster.nodes[beyond].api.record(&message.id).await.is_ok());
    }
    Ok(leaked)
}

/// The addressees of the first message open it, one of the second refuses it, and the senders learn of it.
async fn answer(cluster: &Cluster, messages: &[Message], narrator: &Narrator<'_>) -> anyhow::Result<()> {
    let opened = ReceiptRequest { outcome: ReceiptOutcome::Opened, reason: None };
    let refused =
        ReceiptRequest { outcome: ReceiptOutcome::Refused, reason: Some(RefusalReason::NotCompetent) };
    for (message, (receipt, most)) in messages.iter().zip([(opened, usize::MAX), (refused, 1)]) {
        let sender = &cluster.nodes[message.sender];
        let recipients = sender.api.status(&message.id).await?.recipients;
        let answering: Vec<&str> = recipients.iter().take(most).map(|r| r.member.as_str()).collect();
        for node in cluster.nodes.iter().filter(|node| answering.contains(&node.member.as_str())) {
            let told = node.api.receipt(&message.id, &receipt).await;
            told.with_context(|| format!("{} cannot write a receipt", node.member))?;
        }
        wait(LINKS_MAX, "the receipts", || async {
            let recipients = sender.api.status(&message.id).await?.recipients;
            Ok(recipients.iter().filter(|recipient| recipient.receipt.is_some()).count() == answering.len())
        })
        .await?;
        let verb = if receipt.reason.is_some() { "refused (another agency is competent)" } else { "opened" };
        narrator.say(&format!(
            "{} {verb} a message, and {} knows it by signed receipts",
            answering.join(", "),
            sender.member
        ));
    }
    Ok(())
}

/// Waits until all frontiers are equal and every message is delivered to every addressee; whether that came.
async fn settle(cluster: &Cluster, messages: &[Message], patience: Duration) -> anyhow::Result<bool> {
    let deadline = Instant::now() + patience;
    loop {
        if frontiers_are_equal(cluster).await? && all_delivered(cluster, messages).await? {
            return Ok(true);
        }
        if Instant::now() > deadline {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn frontiers_are_equal(cluster: &Cluster) -> anyhow::Result<bool> {
    let own = ecomesh_api::FrontierQuery::default();
    let frontiers = try_join_all(cluster.nodes.iter().map(|node| node.api.frontier(&own))).await?;
    // Equal to the last record of every log, and not because all of them hold nothing.
    Ok(frontiers.windows(2).all(|pair| pair[0].entries == pair[1].entries && pair[0].holes == pair[1].holes)
        && frontiers.iter().all(|frontier| frontier.holes.is_empty() && !frontier.entries.is_empty()))
}

async fn all_delivered(cluster: &Cluster, messages: &[Message]) -> anyhow::Result<bool> {
    for message in messages {
        if !cluster.nodes[message.sender].api.status(&message.id).await?.is_delivered() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Exports what a node holds, audits the archive with another process, and sums the node up.
async fn verdict(cluster: &Cluster, node: &cluster::Node, events: &Events) -> anyhow::Result<Verdict> {
    let archive = format!("{}.ecoarchive", node.member);
    let export = cluster.command(&["export", "--quiet", "--home", &node.member, "-o", &archive]).await?;
    anyhow::ensure!(
        export.status.success(),
        "the export of {} failed: {}",
        node.member,
        String::from_utf8_lossy(&export.stderr).trim()
    );
    let audit = cluster.command(&["audit", "--json", &archive]).await?;
    let view = node.api.node().await?;
    let frontier = node.api.frontier(&ecomesh_api::FrontierQuery::default()).await?;
    let happened = if node.member == cluster.nodes[events.killed].member {
        String::from("killed and restarted")
    } else if node.member == cluster.nodes[events.cut].member {
        format!("cut off for {}", crate::times::length(events.cut_off_ms))
    } else {
        String::new()
    };
    Ok(Verdict::new(&view, &frontier, &audit, happened))
}

/// Looks until a condition holds.
async fn wait<F, A>(patience: Duration, what: &str, condition: F) -> anyhow::Result<()>
where
    F: Fn() -> A,
    A: Future<Output = anyhow::Result<bool>>,
{
    let deadline = Instant::now() + patience;
    while !condition().await? {
        anyhow::ensure!(
            Instant::now() < deadline,
            "waited {} s in vain for {what}; the nodes' logs lie beside their folders",
            patience.as_secs()
        );
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// SIGINT or SIGTERM.
async fn interrupted() {
    let term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match term {
        Ok(mut term) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = term.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

fn countries(text: &str) -> Result<Vec<String>, Failure> {
    let wrong = |what: String| {
        Failure::new(ExitCode::Usage, what).help("name two to twenty members, as in --countries KE,TZ,FR")
    };
    let mut countries: Vec<String> = Vec::new();
    for country in text.split(',').map(|country| country.trim().to_ascii_uppercase()) {
        if !(2..=8).contains(&country.len()) || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong(format!(
                "{country:?} is no member: a country has 2 letters, an entity 3 to 8"
            )));
        }
        if countries.contains(&country) {
            return Err(wrong(format!("{country} is named twice")));
        }
        countries.push(country);
    }
    match countries.len() {
        2..=COUNTRIES_MAX => Ok(countries),
        1 => Err(wrong(String::from("one member is no network"))),
        many => Err(wrong(format!("{many} members are too many for one machine"))),
    }
}

/// The folder of the demonstration, and what removes it at the end if it is temporary.
fn folder(dir: Option<PathBuf>) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    let Some(dir) = dir else {
        let temporary = tempfile::Builder::new()
            .prefix("ecomesh-demo-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let dir = dir.canonicalize()?;
    let is_empty =
        std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?.next().is_none();
    if !is_empty {
        return Err(Failure::new(ExitCode::Io, format!("{} is not empty", dir.display()))
            .help("give a new or empty folder")
            .into());
    }
    Ok((dir, None))
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Tells what happens, with the time since the start.
struct Narrator<'a> {
    began: Instant,
    global: &'a Global,
}

impl Narrator<'_> {
    fn say(&self, text: &str) {
        output::remark(self.global, &format!("{:6.1} s  {text}", self.began.elapsed().as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_distinct_names_and_at_least_two() {
        assert_eq!(countries("ke, TZ"), Ok(vec![String::from("KE"), String::from("TZ")]));
        for wrong in ["KE", "", "KE,KE", "KE,T", "KE,T1", "KE,,TZ"] {
            assert_eq!(countries(wrong).map_err(|failure| failure.code), Err(ExitCode::Usage), "{wrong}");
        }
    }
}
