//! What is fuzzed: one function for each parser that a stranger or a file can reach, and one for the core. Each takes
//! any bytes, panics on a fault, and says whether it took the bytes.
//!
//! `cargo fuzz` runs them under libFuzzer (see `README.md`); `tests/corpora.rs` runs the same functions with the
//! committed corpora on a stable compiler. What a target writes again must be what it read: `encode(decode(b)) == b`,
//! or a refusal.

mod bytes;
mod core;
mod forms;
mod seeds;
mod world;

pub use seeds::seeds;

/// A target.
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// What it does with bytes.
    pub run: fn(&[u8]) -> bool,
    /// How many mutations of its corpus `tests/corpora.rs` tries: fewer where one costs more.
    pub mutations: u32,
}

const fn target(name: &'static str, run: fn(&[u8]) -> bool, mutations: u32) -> Target {
    Target { name, run, mutations }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    target("record_frame", bytes::record_frame, 3_000),
    target("header", bytes::header, 3_000),
    target("body", bytes::body, 1_000),
    target("frontier", bytes::frontier, 3_000),
    target("fork_proof", bytes::fork_proof, 3_000),
    target("charter", bytes::charter, 2_000),
    target("founded_charter", bytes::founded_charter, 1_000),
    target("archive", bytes::archive, 1_000),
    target("hello", bytes::hello, 3_000),
    target("push", bytes::push, 2_000),
    target("sync_question", bytes::sync_question, 3_000),
    target("sync_answer", bytes::sync_answer, 2_000),
    target("log_open", bytes::log_open, 3_000),
    target("erase", bytes::erase, 3_000),
    target("extend", bytes::extend, 3_000),
    target("erased", bytes::erased, 3_000),
    target("receipt", bytes::receipt, 3_000),
    target("prekey", bytes::prekey, 100),
    target("sealed", bytes::sealed, 100),
    target("small_log", bytes::small_log, 2_000),
    target("journal", bytes::journal, 2_000),
    target("evidence", bytes::evidence, 2_000),
    target("key_file", bytes::key_file, 1_000),
    target("card_toml", forms::card_toml, 1_000),
    target("charter_toml", forms::charter_toml, 300),
    target("signature_toml", forms::signature_toml, 1_000),
    target("node_toml", forms::node_toml, 500),
    target("transport_toml", forms::transport_toml, 200),
    target("form_toml", forms::form_toml, 300),
    target("form_json", forms::form_json, 500),
    target("document", forms::document, 500),
    target("backup", forms::backup, 200),
    target("core", core::core, 300),
];

/// Runs a target by its name.
///
/// # Panics
/// If there is none, and on every fault that it finds.
pub fn run(name: &str, data: &[u8]) -> bool {
    let target = TARGETS.iter().find(|target| target.name == name).expect("the name of a target");
    (target.run)(data)
}
