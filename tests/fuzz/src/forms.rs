//! Targets for what people write or edit: cards, drafts, settings, forms; and for the files of a home.

use std::path::Path;

use ecomesh_document::{Document, KINDS, render};
use ecomesh_node::backup::restore;
use ecomesh_node::config::NodeConfig;
use ecomesh_node::founding::Card;
use ecomesh_node::founding::draft::Draft;
use ecomesh_node::founding::sign::SignatureFile;
use ecomesh_node::home::Home;
use ecomesh_node::passphrase::{Passphrase, PassphraseError, Source};
use ecomesh_record::{Time, tags};
use sha2::{Digest, Sha256};

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

pub fn card_toml(data: &[u8]) -> bool {
    let Some(Ok(card)) = text(data).map(Card::parse) else { return false };
    assert_eq!(Card::parse(&card.to_text()).as_ref(), Ok(&card));
    true
}

pub fn charter_toml(data: &[u8]) -> bool {
    let Some(Ok(draft)) = text(data).map(Draft::parse) else { return false };
    assert_eq!(Draft::parse(&draft.to_text()).as_ref(), Ok(&draft));
    assert_eq!(draft.charter.network_id(), Ok(draft.network));
    true
}

pub fn signature_toml(data: &[u8]) -> bool {
    let Some(Ok(signature)) = text(data).map(SignatureFile::parse) else { return false };
    assert_eq!(SignatureFile::parse(&signature.to_text("a \"name\"\n")).as_ref(), Ok(&signature));
    true
}

pub fn node_toml(data: &[u8]) -> bool {
    let Some(Ok(config)) = text(data).map(|text| NodeConfig::parse(text, Path::new("node.toml"))) else {
        return false;
    };
    let again = toml::to_string(&config).expect("settings can be written");
    assert_eq!(NodeConfig::parse(&again, Path::new("node.toml")).ok().as_ref(), Some(&config));
    true
}

pub fn transport_toml(data: &[u8]) -> bool {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("transport.toml"), data).expect("a file in it");
    let home = Home::at(dir.path());
    let Ok(counter) = home.transport_counter() else { return false };
    home.write_transport_counter(counter).expect("a file in it");
    assert_eq!(home.transport_counter().ok(), Some(counter));
    true
}

pub fn form_toml(data: &[u8]) -> bool {
    let Some(Ok((document, _))) = text(data).map(Document::from_toml) else { return false };
    check_document(&document);
    true
}

pub fn form_json(data: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice(data) else { return false };
    let Ok((document, _)) = Document::from_json(&json) else { return false };
    check_document(&document);
    true
}

/// The first byte names the kind.
pub fn document(data: &[u8]) -> bool {
    let Some((kind, content)) = data.split_first() else { return false };
    let kind = KINDS[usize::from(*kind) % KINDS.len()].number;
    let Ok(document) = Document::decode(kind, content) else { return false };
    // What another version sent may break a rule of this one: it is carried, and then written as it came.
    if let Ok(again) = document.encode() {
        assert_eq!(again, content);
    }
    render(&document);
    document.summary();
    true
}

fn check_document(document: &Document) {
    render(document);
    let Ok(content) = document.encode() else { return };
    let decoded = Document::decode(document.kind().number, &content).expect("canonical bytes");
    assert_eq!(&decoded, document);
    let (from_toml, _) = Document::from_toml(&document.to_toml()).expect("its own form in TOML");
    assert_eq!(&from_toml, document);
    let (from_json, _) = Document::from_json(&document.to_json()).expect("its own form in JSON");
    assert_eq!(&from_json, document);
}

/// A passphrase: a backup without records is refused before it is used.
fn given() -> Result<Passphrase, PassphraseError> {
    Source::Prompt.existing(|_| Ok("correct horse".into()))
}

/// The entries of a backup; magic and hash are put around them, since nobody finds a hash by chance. Backups with
/// records are left out: an archive has a target of its own, and a restore that gets so far makes a database.
pub fn backup(data: &[u8]) -> bool {
    if data.windows(ARCHIVE.len()).any(|part| part == ARCHIVE) {
        return false;
    }
    let mut file = [b"ECOBKUP2", data].concat();
    let hash = Sha256::new().chain_update(tags::BACKUP).chain_update(&file).finalize();
    file.extend_from_slice(&hash);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (path, home) = (dir.path().join("backup"), dir.path().join("home"));
    std::fs::write(&path, &file).expect("a file in it");
    let refused =
        restore(&path, &home, given, Time(1_800_000_000_000)).expect_err("a backup without records");
    // Nothing is left behind, wherever it failed; and nothing was written beside the home.
    assert!(!home.exists(), "{refused}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("the folder").count(), 1);
    refused.to_string().contains("no records")
}

const ARCHIVE: &[u8] = b"records.sealed";
