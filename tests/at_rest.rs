//! What a thief of disks, backups or memory finds: a thousand strings go through a network of real processes, and then
//! every file and the memory of the nodes are searched for them.

mod common;

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use common::{Network, Node, wait_for};
use ecomesh_api::limits::PART_BYTES;
use ecomesh_api::{Client, FileRequest, ListingQuery, PartQuery, SendRequest, Sent};
use ecomesh_seal::vault::{Part, VaultKey};
use memchr::memmem;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

/// What every canary begins with. Nothing else on this machine does.
const MARK: &str = "zq7canary";
/// Messages sealed to one addressee, each with two canaries.
const SEALED: usize = 300;
/// Messages open to all members, each with two.
const OPEN: usize = 150;
/// Messages with a file, each with two: its name and its content.
const FILES: usize = 50;

/// The strings that were planted so far.
#[derive(Default)]
struct Canaries(usize);

impl Canaries {
    fn next(&mut self) -> String {
        self.0 += 1;
        // Each of them is another one, and none is a repeated byte that a page would hold by chance.
        let digest = Sha256::digest(self.0.to_be_bytes());
        format!("{MARK}{:06}{}", self.0, hex::encode(&digest[..8]))
    }
}

/// A message with two canaries; to all members without addressees.
fn message(canaries: &mut Canaries, to: &[&str]) -> SendRequest {
    SendRequest {
        document: json!({
            "form": "message", "language": "en", "title": canaries.next(),
            "text": format!("{} was seen at the port", canaries.next()),
        }),
        to: to.iter().map(|member| (*member).to_owned()).collect(),
        members: to.is_empty(),
        ..SendRequest::default()
    }
}

async fn send(client: &Client, request: &SendRequest, key: Option<&str>) -> Sent {
    client.send(request, key).await.expect("it is recorded")
}

/// A message to TZ with a file of two parts.
async fn send_file(client: &Client, canaries: &mut Canaries, number: usize) -> Sent {
    let content = canaries.next();
    let mut bytes = vec![b'.'; 800_000];
    bytes[700_000..700_000 + content.len()].copy_from_slice(content.as_bytes());
    let name = format!("{}.txt", canaries.next());
    let query = PartQuery { to: Some("TZ".into()), ..PartQuery::default() };
    let mut parts = Vec::new();
    for (index, part) in bytes.chunks(PART_BYTES).enumerate() {
        let key = format!("file {number}, part {index}");
        parts.push(client.part(part.to_vec(), &query, &key).await.expect("a part is recorded").id);
    }
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let file = FileRequest { name, bytes: bytes.len() as u64, sha256, parts };
    send(client, &SendRequest { files: vec![file], ..message(canaries, &["TZ"]) }, None).await
}

/// Where the mark stands in these bytes, as it is or in hexadecimal digits: the first few places.
fn marks(bytes: &[u8]) -> Vec<usize> {
    let digits = hex::encode(MARK);
    let places = |needle: &str| memmem::find_iter(bytes, needle).take(3).collect::<Vec<_>>();
    [places(MARK), places(&digits)].concat()
}

fn places(bytes: &[u8], needles: &[Vec<u8>]) -> Vec<usize> {
    needles.iter().filter_map(|needle| memmem::find(bytes, needle)).collect()
}

/// What opens the mail of a node: its keys of the day, and the private halves of its prekeys.
fn secrets_of_mail(node: &Node) -> Vec<Vec<u8>> {
    let content = |name: &str, part: Part| {
        let file = fs::read(node.home.join("vault").join(name)).expect("a file of the vault");
        let key = VaultKey::of_file(&file, part, common::PASSPHRASE.as_bytes()).expect("its key");
        key.open(part, &file).expect("it opens").to_vec()
    };
    // docs/PROTOCOL.md, section 24: two secrets of the node, then day, id and key; use, three times, then the seed.
    let keys = content("keys.vault", Part::Keys);
    let days = keys[64..].chunks(52).map(|day| day[20..].to_vec());
    let prekeys = content("prekeys.vault", Part::Prekeys);
    let seeds = prekeys.chunks(25 + 96).map(|kept| kept[25..57].to_vec());
    let secrets: Vec<Vec<u8>> = days.chain(seeds).collect();
    assert!(secrets.len() >= 3, "one day, a prekey of the day and a fallback: {}", secrets.len());
    secrets
}

/// Files below a folder that hold a canary.
fn files_with_marks(dir: &Path, found: &mut Vec<PathBuf>, searched: &mut u64) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        let kind = fs::symlink_metadata(&path).expect("its kind").file_type();
        if kind.is_dir() {
            files_with_marks(&path, found, searched);
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("a file");
            *searched += bytes.len() as u64;
            if !marks(&bytes).is_empty() {
                found.push(path);
            }
        }
    }
}

/// What stands around each canary in a process's memory, as a core image would hold it; nothing if the system does not
/// let this user look, since nodes forbid it.
fn memory_with(node: &Node, wanted: &dyn Fn(&[u8]) -> Vec<usize>) -> Option<Vec<String>> {
    let id = node.process_id();
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).ok()?;
    let mut memory = match File::open(format!("/proc/{id}/mem")) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        Err(error) => panic!("the memory of {}: {error}", node.member),
    };
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with('r'))) {
        let range = line.split(' ').next().expect("a range of addresses");
        let (start, end) = range.split_once('-').expect("two addresses");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let mut bytes = vec![0; usize::try_from(address(end) - address(start)).expect("it fits")];
        // Some pages of the kernel cannot be read.
        let read = memory.seek(SeekFrom::Start(address(start))).and_then(|_| memory.read_exact(&mut bytes));
        if read.is_ok() {
            let around = |at: usize| {
                let text = &bytes[at.saturating_sub(24)..bytes.len().min(at + 48)];
                format!("{line} at {at}: {}", text.escape_ascii())
            };
            found.extend(wanted(&bytes).into_iter().map(around));
        }
    }
    Some(found)
}

/// Waits until no canary is in the memory of a node: buffers of links live for some seconds.
#[track_caller]
fn memory_is_clean(node: &Node) -> bool {
    if memory_with(node, &marks).is_none() {
        eprintln!("SKIPPED: memory of {}: only root may look at it", node.member);
        return false;
    }
    wait_for("a memory without canaries", || match memory_with(node, &marks) {
        Some(found) if found.is_empty() => Ok(()),
        found => Err(format!("{}: {found:#?}", node.member)),
    });
    // The search does find what is there: every node knows the names of the network's members.
    let name = |bytes: &[u8]| memmem::find_iter(bytes, "NCB KE").take(1).collect();
    assert!(
        memory_with(node, &name).is_some_and(|found| !found.is_empty()),
        "the search finds what is there"
    );
    true
}

async fn inbox_count(client: &Client) -> usize {
    let (mut count, mut cursor) = (0, None);
    loop {
        let page = client.inbox(&ListingQuery { cursor, ..ListingQuery::default() }).await.expect("an inbox");
        count += page.messages.len();
        match page.next {
            Some(next) => cursor = Some(next),
            None => return count,
        }
    }
}

#[test]
fn a_thousand_canaries_are_in_no_file_and_in_no_memory_where_they_do_not_belong() {
    let mut network = Network::start(&["KE", "TZ", "TH"]);
    network.wait_until_linked();
    let runtime = Runtime::new().expect("a runtime");
    let mut canaries = Canaries::default();
    let (ke, tz) = (network.nodes[0].api(), network.nodes[1].api());

    // TH is addressed by none of these.
    let mut ids = Vec::new();
    runtime.block_on(async {
        for number in 0..SEALED {
            let (from, to) = if number % 3 == 0 { (&tz, "KE") } else { (&ke, "TZ") };
            let sent = send(from, &message(&mut canaries, &[to]), None).await;
            assert!(sent.sealed);
            ids.push((to, sent.id));
        }
        for number in 0..FILES {
            ids.push(("TZ", send_file(&ke, &mut canaries, number).await.id));
        }
    });
    network.wait_until_equal();
    read_everything(&runtime, &network, (&ke, &tz), &ids);
    let carrier = memory_is_clean(&network.nodes[2]);

    runtime.block_on(async {
        for _ in 0..OPEN {
            send(&ke, &message(&mut canaries, &[]), None).await;
        }
    });
    assert!(canaries.0 >= 1_000, "{} canaries", canaries.0);
    network.wait_until_equal();
    assert_eq!(runtime.block_on(inbox_count(&network.nodes[2].api())), OPEN);

    // A locked node carries what comes, and nobody reads it there.
    let tz_node = &network.nodes[1];
    let secrets = secrets_of_mail(tz_node);
    let known = memory_with(tz_node, &|bytes| places(bytes, &secrets));
    assert!(known.is_none_or(|found| !found.is_empty()), "a node that is open has them in its memory");
    assert_eq!(tz_node.json(&["lock"])["locked"], true);
    let later = runtime.block_on(send(&ke, &message(&mut canaries, &["TZ"]), None));
    network.nodes[0].json(&["status", &later.id, "--wait", "delivered", "--timeout", "60s"]);
    for refused in [&["show", &later.id][..], &["inbox"], &["outbox"], &["prekeys"]] {
        let ran = tz_node.run(refused).expect(5);
        assert!(ran.stderr.contains("locked") && ran.stderr.contains("ecomesh unlock"), "{ran:?}");
    }
    let locked = memory_is_clean(tz_node);
    assert_eq!(
        memory_with(tz_node, &|bytes| places(bytes, &secrets)).unwrap_or_default(),
        Vec::<String>::new()
    );

    let passphrase_file = network.passphrase_file.clone();
    let passphrase_file = passphrase_file.to_str().expect("a plain path");
    let wrong = network.folder.path().join("wrong");
    fs::write(&wrong, "another passphrase").expect("a file");
    let refused = tz_node.run(&["unlock", "--passphrase-file", wrong.to_str().expect("a plain path")]);
    assert!(refused.expect(6).stderr.contains("stays locked"));
    assert_eq!(tz_node.json(&["unlock", "--passphrase-file", passphrase_file])["locked"], false);
    let shown = tz_node.run(&["show", &later.id]).expect(0);
    assert!(shown.stdout.contains(MARK), "{shown:?}");

    let searched = no_file_has_a_mark(&mut network);
    eprintln!(
        "{} canaries: none in {} MB of files; memory of the carrier {}, of the locked addressee {}",
        canaries.0,
        searched / 1_000_000,
        if carrier { "clean" } else { "not looked at" },
        if locked { "clean" } else { "not looked at" }
    );
}

/// Stops the nodes, makes a backup and an audit, and searches homes, logs, backup and all else that was written beside
/// them. Returns how many bytes were searched.
#[track_caller]
fn no_file_has_a_mark(network: &mut Network) -> u64 {
    network.nodes.iter_mut().for_each(|node| assert_eq!(node.stop(), Some(0)));
    let passphrase = network.passphrase_file.to_str().expect("a plain path");
    let backup = network.folder.path().join("ke.backup");
    let backup = backup.to_str().expect("a plain path");
    network.nodes[0].run(&["backup", "--passphrase-file", passphrase, "-o", backup]).expect(0);
    let audited = network.nodes[1].json(&["audit", "--passphrase-file", passphrase]);
    assert_eq!(audited["verdict"], "whole", "{audited}");
    let (mut found, mut searched) = (Vec::new(), 0);
    files_with_marks(network.folder.path(), &mut found, &mut searched);
    assert_eq!(found, Vec::<PathBuf>::new());
    assert!(searched > 100_000_000, "files of 50 times 800 kB on three nodes: {searched} bytes");
    searched
}

/// Officers read every message and save every file, over connections that stay open; one is refused, one erased.
fn read_everything(
    runtime: &Runtime,
    network: &Network,
    (ke, tz): (&Client, &Client),
    ids: &[(&str, String)],
) {
    runtime.block_on(async {
        for (to, id) in ids {
            let reader = if *to == "TZ" { tz } else { ke };
            let record = reader.record(id).await.expect("it is here");
            let document = record.document.expect("it is readable").to_string();
            assert!(document.contains(MARK), "{document}");
            for number in 1..=record.files.len() {
                let bytes = reader.file(id, number).await.expect("its file is here");
                assert!(!marks(&bytes).is_empty());
            }
            assert!(network.nodes[2].api().record(id).await.expect("it is carried").document.is_none());
        }
    });
    let (_, id) = ids.iter().find(|(to, _)| *to == "TZ").expect("one to TZ");
    network.nodes[1].run(&["receipt", id, "--refuse", "incomplete"]).expect(0);
    network.nodes[0].json(&["status", id]);
    network.nodes[0].run(&["erase", id, "--reason", "sent-in-error"]).expect(0);
}
