//! `import`: a node takes lists of travel documents in batches, and entries about persons one by one, until all can be
//! found; then it is killed, and computes everything again from its logs.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use ecomesh_api::{Client, EntryDraft, FindRequest, NoticeQuery};
use ecomesh_document::Document;
use ecomesh_document::entry::{Batch, DatabaseEntry, EntrySource};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::cli::Options;
use crate::cluster::{Cluster, until};
use crate::figures::{Figure, Section, Target};
use crate::process::usage;

/// Entries of a batch, as the command `import csv` makes them.
const BATCH_ENTRIES: u64 = 4_000;
/// Batches that a client has outstanding: while one is read and signed the next comes.
const BATCHES_AT_ONCE: usize = 4;
/// Entries about persons that are outstanding.
const ALONE_AT_ONCE: usize = 256;
/// Longest wait for a node that reads its logs.
const READ_MAX: Duration = Duration::from_secs(600);
/// Without work before memory is looked at.
const SETTLE: Duration = Duration::from_secs(3);

/// Runs it.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let (imported, alone) = (options.imported, options.imported_alone);
    let mut section = Section::new(
        "import",
        format!(
            "One node takes {imported} travel documents in batches of {BATCH_ENTRIES} and then, in a network of its own, {alone} \
             entries about persons one by one, by its API; each is killed and computes all of it again. Its files are in \
             the system's cache."
        ),
    );
    let batches =
        measure(options, &batches(imported)?, BATCHES_AT_ONCE, imported, &number(imported - 1)).await?;
    let persons = measure(options, &persons(alone), ALONE_AT_ONCE, alone, &person(alone - 1)).await?;
    let figure =
        |id: &str, what: &str, value: f64, unit| Figure::new(&format!("import.{id}"), what, value, unit);
    section.figure(
        figure(
            "batches.entries_per_second",
            "in batches: signed, durable and found",
            batches.taken,
            "entries/s",
        )
        .target(Target::AtLeast(20_000.0)),
    );
    section.figure(figure(
        "batches.rebuilt_per_second",
        "in batches: computed again",
        batches.rebuilt,
        "entries/s",
    ));
    section.figure(
        figure(
            "batches.memory_mb",
            "in batches: resident memory of the node, after that",
            batches.memory_mb,
            "MB",
        )
        .target(Target::AtMost(600.0)),
    );
    section.figure(figure(
        "alone.records_per_second",
        "alone: signed, durable and found",
        persons.taken,
        "records/s",
    ));
    section.figure(
        figure("alone.rebuilt_per_second", "alone: computed again", persons.rebuilt, "records/s")
            .target(Target::AtLeast(50_000.0)),
    );
    section.figure(figure(
        "alone.memory_mb",
        "alone: resident memory of the node, after that",
        persons.memory_mb,
        "MB",
    ));
    section.note("Computing again begins when the node says that it is ready; what is not read yet is told with every answer.");
    Ok(section)
}

/// What a node did with entries.
struct Measured {
    taken: f64,
    rebuilt: f64,
    memory_mb: f64,
}

/// What has the last of the entries.
enum Last {
    Number(String),
    Name(String),
}

async fn measure(
    options: &Options,
    drafts: &[EntryDraft],
    at_once: usize,
    entries: u64,
    last: &Last,
) -> anyhow::Result<Measured> {
    let mut cluster = Cluster::found(1, 0, options)?;
    cluster.nodes[0].spawn()?;
    cluster.nodes[0].ready(READ_MAX).await?;
    let clients: Vec<Client> = (0..at_once).map(|_| cluster.nodes[0].client()).collect();
    let began = Instant::now();
    let send = |(n, client): (usize, &Client)| {
        let client = client.clone();
        async move {
            for draft in drafts.iter().skip(n).step_by(at_once) {
                client.add_entry(draft, None).await?;
            }
            anyhow::Ok(())
        }
    };
    for sent in join_all(clients.iter().enumerate().map(send)).await {
        sent.context("an entry was not taken")?;
    }
    found(&cluster.nodes[0].api, last).await?;
    let taken = entries as f64 / began.elapsed().as_secs_f64();

    cluster.nodes[0].kill().await?;
    cluster.nodes[0].spawn()?;
    cluster.nodes[0].ready(READ_MAX).await?;
    let began = Instant::now();
    found(&cluster.nodes[0].api, last).await?;
    let rebuilt = entries as f64 / began.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let memory_mb = usage(cluster.nodes[0].pid()?)?.rss_kib as f64 * 1024.0 / 1e6;
    cluster.stop().await;
    Ok(Measured { taken, rebuilt, memory_mb })
}

/// Waits until the node has read everything and finds the last entry.
async fn found(api: &Client, last: &Last) -> anyhow::Result<()> {
    // There are none: what is asked costs nothing.
    let query = NoticeQuery { limit: Some(1), ..NoticeQuery::default() };
    until(READ_MAX, "everything to be read", async || {
        let listing = api.notices(&query).await.ok()?;
        (listing.unread == 0).then_some(())
    })
    .await?;
    let mut request = FindRequest {
        purpose: "investigation".into(),
        officer: "benchmark".into(),
        ..FindRequest::default()
    };
    if let Last::Name(name) = last {
        request.text = Some("ivory".into());
        // What is in the listings may not be searched yet for its words.
        until(READ_MAX, "all words to be searched", async || {
            api.find(&request).await.ok().filter(|answer| answer.unread == 0)
        })
        .await?;
        (request.text, request.name) = (None, Some(name.clone()));
    }
    if let Last::Number(number) = last {
        request.number = Some(number.clone());
    }
    let answer = until(READ_MAX, "everything to be searched", async || {
        api.find(&request).await.ok().filter(|answer| answer.unread == 0)
    })
    .await?;
    ensure!(!answer.found.is_empty(), "the last entry is not found");
    Ok(())
}

fn text_of(n: u64) -> String {
    format!("A{n:08}")
}

fn number(n: u64) -> Last {
    Last::Number(text_of(n))
}

fn person(n: u64) -> Last {
    Last::Name(name_of(n))
}

/// Syllables make a name of every number.
fn name_of(n: u64) -> String {
    const SYLLABLES: [&str; 10] = ["ba", "de", "fi", "go", "ku", "la", "me", "ni", "so", "tu"];
    let syllable = |digit: char| SYLLABLES[digit.to_digit(10).unwrap_or(0) as usize];
    format!("{n:06}").chars().map(syllable).collect()
}

fn draft(document: Value) -> EntryDraft {
    EntryDraft { document, replaces: None, exercise: true }
}

fn batches(entries: u64) -> anyhow::Result<Vec<EntryDraft>> {
    let starts = (0..entries).step_by(BATCH_ENTRIES as usize);
    starts
        .map(|start| {
            let lines = start..(start + BATCH_ENTRIES).min(entries);
            let lines = lines.map(|n| {
                DatabaseEntry::carried(&json!({
                    "form": "sltd-entry", "status": "stolen", "date": "2026-11-02",
                    "source": { "reference": format!("KE/{n}") },
                    "document": { "kind": "passport", "number": text_of(n), "country": "KE" },
                }))
                .map_err(|report| anyhow::anyhow!("the benchmark's own entry: {report}"))
            });
            let source = DatabaseEntry::carried(&json!({
                "form": "sltd-entry", "source": { "reference": format!("KE/list/{start}"), "from": "KE", "retention": "until-recovered", "contact": "benchmark" },
            }))
            .map_err(|report| anyhow::anyhow!("the benchmark's own source: {report}"))?;
            let source: EntrySource = source.source().cloned().unwrap_or_default();
            let batch = Batch::new(source, lines.collect::<anyhow::Result<_>>()?)?;
            Ok(draft(Document::from(batch).to_json()))
        })
        .collect()
}

fn persons(entries: u64) -> Vec<EntryDraft> {
    let person = |n: u64| {
        draft(json!({
            "form": "nominal-entry", "purpose": "locate", "article_3": "conforms",
            "source": { "reference": format!("KE/{n}"), "from": "KE", "retention": "five-years", "contact": "benchmark" },
            "person": { "status": "suspect", "family_name": name_of(n), "given_names": "Ali Juma", "birth_date": "1974",
                "documents": [{ "kind": "passport", "number": text_of(n), "country": "KE" }] },
            "facts": { "text": "Is said to have rented the warehouse in which 2,152 kg of ivory were found.",
                "crimes": ["wildlife"], "date": "2014-06-05", "place": { "text": "Mombasa", "country": "KE" } },
        }))
    };
    (0..entries).map(person).collect()
}
