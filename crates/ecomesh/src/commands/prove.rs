//! `ecomesh prove`: a file that shows to anybody what one record says and who signed it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use ecomesh_api::ExportQuery;
use ecomesh_document::{Document, render};
use ecomesh_node::record::archive::{ArchiveDecoder, Item};
use ecomesh_node::record::{Audience, Lane, NetworkId, Record, RecordFrame, RecordId};
use ecomesh_node::seal::{ContentKey, envelope};

use crate::cli::Global;
use crate::commands::export;
use crate::exit::ExitCode;
use crate::{files, output, times};

/// Write a proof of one message: the charter, the keys, its header, signature and body, in one file.
///
/// A court, or anybody else, verifies it with `ecomesh audit FILE` and needs no node, no keys and no network for that.
/// What it cannot show is that nothing was said afterwards.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Of a sealed message the file has the content key: whoever gets it can read the message.
Tell whoever gets the file the network id besides, by another way: `ecomesh network` shows it.

Example:
  ecomesh prove 3f9a2c71d0 -o seizure.ecoarchive && ecomesh audit seizure.ecoarchive")]
pub struct Args {
    /// The message's id, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
    /// The file to write; an existing one is not replaced
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let query = ExportQuery { record: Some(args.id), ..ExportQuery::default() };
    export::write(global, &query, &args.output)
}

/// The message that an archive proves, as people read it; nothing if it holds more than one, or none. Its signature is
/// the audit's affair.
pub fn proved(path: &Path) -> anyhow::Result<Option<String>> {
    let file = File::open(path).map_err(|e| files::unusable(path, &e))?;
    let mut reader = BufReader::new(file);
    let mut decoder = ArchiveDecoder::new();
    let mut network = None;
    let mut keys = BTreeMap::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = reader.read(&mut buffer).map_err(|e| files::unusable(path, &e))?;
        decoder.push(&buffer[..length]);
        // The audit has told what is wrong with it.
        while let Ok(Some(item)) = decoder.next() {
            match item {
                Item::Manifest(manifest) => {
                    let outside = manifest.logs.iter().filter(|range| range.log.lane != Lane::CONTROL);
                    let records: u64 =
                        outside.map(|range| (range.last - range.first).saturating_add(1)).sum();
                    if records != 1 {
                        return Ok(None);
                    }
                    network = Some(manifest.network);
                }
                Item::Key { id, key } => {
                    keys.insert(id, ContentKey::from_bytes(&key));
                }
                Item::Record { frame: Ok(frame), .. } => {
                    let found = network.and_then(|network| text(network, frame, &keys));
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                _ => {}
            }
        }
        if length == 0 {
            return Ok(None);
        }
    }
}

fn text(network: NetworkId, frame: RecordFrame, keys: &BTreeMap<RecordId, ContentKey>) -> Option<String> {
    let record = Record::from_frame(network, frame).ok()?;
    let header = record.header();
    let content = record.body()?.content();
    let opened = match keys.get(&record.id()) {
        Some(key) => Some(envelope::open(network, header, content, key).ok()?),
        None => None,
    };
    let document = Document::decode(header.kind.0, opened.as_deref().unwrap_or(content)).ok()?;
    let to: Vec<String> = header.to.iter().map(ToString::to_string).collect();
    let to = match (&header.audience, to.as_slice()) {
        (Audience::Group { .. }, _) => String::from("a group of members"),
        (_, []) => String::from("all members"),
        (_, named) => named.join(", "),
    };
    let mut lines = vec![
        String::from("the message that this proves:"),
        format!("  id       {}", record.id()),
        format!("  from     {}, at {}", header.author, record.position()),
        format!("  to       {to}"),
        format!("  written  {} (the author's clock)", times::show(header.created_at.0)),
        format!(
            "  sealed   {}",
            if opened.is_some() { "yes; its content key is in this file" } else { "no" }
        ),
        String::new(),
    ];
    lines.extend(render(&document).lines().map(|line| format!("  {}", output::rendered(line))));
    Some(lines.join("\n"))
}
