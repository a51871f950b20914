//! The house rules, as a test rather than as a review comment: which crate may use which, that the pure
//! crates stay pure, that every crate tells its story, and that nothing is left half done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each crate and the crates of this workspace that it may use, as in `docs/ARCHITECTURE.md`. Arrows only run
/// downward.
const ARROWS: &[(&str, &[&str])] = &[
    ("record", &[]),
    ("seal", &["record"]),
    ("protocol", &["record", "seal"]),
    ("document", &["record"]),
    ("search", &["record", "document"]),
    ("store", &["record", "seal", "protocol"]),
    ("net", &["record", "protocol"]),
    ("api", &["record", "document"]),
    ("node", &["record", "seal", "protocol", "document", "search", "store", "net", "api", "audit"]),
    ("audit", &["record", "seal", "protocol"]),
    ("ecomesh", &["api", "node", "audit", "document"]),
    ("sim", &["record", "seal", "protocol", "document"]),
    (
        "bench",
        &["record", "seal", "protocol", "document", "search", "store", "net", "api", "node", "audit", "sim"],
    ),
];

/// Crates that compile without any input or output.
const PURE: &[&str] = &["record", "seal", "protocol", "document", "sim"];

/// What no pure crate may reach through normal dependencies, however far away.
const IMPURE: &[&str] = &["tokio", "libp2p", "sled", "axum", "hyper", "mio", "socket2", "async-io", "rustix"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root of the workspace")
}

fn package_of(folder: &str) -> String {
    if folder == "ecomesh" { folder.to_owned() } else { format!("ecomesh-{folder}") }
}

/// `cargo metadata` with resolved dependencies for this platform.
fn metadata() -> Value {
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let text = String::from_utf8(rustc.stdout).expect("rustc prints text");
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Package name by package id.
fn names(metadata: &Value) -> BTreeMap<&str, &str> {
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().filter_map(|p| Some((p["id"].as_str()?, p["name"].as_str()?))).collect()
}

/// Ids of the packages that each package uses in normal (not test, not build) dependencies.
fn normal_dependencies(metadata: &Value) -> BTreeMap<&str, Vec<&str>> {
    let nodes = metadata["resolve"]["nodes"].as_array().expect("resolved nodes");
    let is_normal = |dep: &&Value| {
        dep["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    nodes
        .iter()
        .filter_map(|node| {
            let deps =
                node["deps"].as_array()?.iter().filter(is_normal).filter_map(|dep| dep["pkg"].as_str());
            Some((node["id"].as_str()?, deps.collect()))
        })
        .collect()
}

fn workspace_ids(metadata: &Value) -> BTreeSet<&str> {
    metadata["workspace_members"].as_array().expect("members").iter().filter_map(Value::as_str).collect()
}

#[test]
fn arrows_between_crates_only_run_downward() {
    let metadata = metadata();
    let (names, dependencies, members) =
        (names(&metadata), normal_dependencies(&metadata), workspace_ids(&metadata));
    let allowed: BTreeMap<String, BTreeSet<String>> = ARROWS
        .iter()
        .map(|(folder, uses)| (package_of(folder), uses.iter().map(|used| package_of(used)).collect()))
        .collect();
    let mut faults = Vec::new();
    for id in &members {
        let name = names[id];
        let Some(allowed) = allowed.get(name) else {
            faults.push(format!("{name} is not in the table of crates"));
            continue;
        };
        for used in dependencies[id].iter().filter(|used| members.contains(*used)).map(|used| names[used]) {
            if !allowed.contains(used) {
                faults.push(format!("{name} must not use {used}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(members.len(), ARROWS.len(), "a crate of the table is missing");
}

#[test]
fn pure_crates_reach_no_input_or_output() {
    let metadata = metadata();
    let (names, dependencies) = (names(&metadata), normal_dependencies(&metadata));
    let mut faults = Vec::new();
    for folder in PURE {
        let package = package_of(folder);
        let start =
            names.iter().find(|(_, name)| **name == package).map(|(id, _)| *id).expect("a pure crate");
        let mut seen = BTreeSet::from([start]);
        let mut todo = vec![start];
        while let Some(id) = todo.pop() {
            for used in &dependencies[id] {
                if seen.insert(used) {
                    todo.push(used);
                }
            }
        }
        let reached: BTreeSet<&str> = seen.iter().map(|id| names[id]).collect();
        faults.extend(
            IMPURE.iter().filter(|bad| reached.contains(*bad)).map(|bad| format!("{package} reaches {bad}")),
        );
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn pure_crates_ban_clocks_files_and_hash_maps() {
    for folder in PURE {
        let path = root().join("crates").join(folder).join("clippy.toml");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for banned in [
            "std::time::Instant::now",
            "std::time::SystemTime::now",
            "std::fs::read",
            "std::collections::HashMap",
        ] {
            assert!(text.contains(banned), "{} does not ban {banned}", path.display());
        }
    }
}

#[test]
fn every_crate_opens_with_its_story() {
    for (folder, _) in ARROWS {
        let source = root().join("crates").join(folder).join("src");
        let library = source.join("lib.rs");
        let path = if library.exists() { library } else { source.join("main.rs") };
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let story: usize = text.lines().take_while(|line| line.starts_with("//!")).map(str::len).sum();
        assert!(story >= 80, "{} has no story at its top", path.display());
    }
}

#[test]
fn the_code_map_names_every_crate() {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("docs/ARCHITECTURE.md");
    for (folder, _) in ARROWS {
        let named = text.contains(&format!("`{folder}`")) || text.contains(&format!("crates/{folder}"));
        assert!(named, "docs/ARCHITECTURE.md does not name the crate {folder}");
    }
}

#[test]
fn nothing_is_left_half_done() {
    // Put together here, so that this file does not find itself.
    let marks =
        [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME"), concat!("X", "XX ")];
    let mut faults = Vec::new();
    for path in files(&root()).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "rs")) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                faults.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn packages_come_from_crates_io_only() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let index = "registry+https://github.com/rust-lang/crates.io-index";
    for line in lock.lines().filter_map(|line| line.strip_prefix("source = ")) {
        assert_eq!(line.trim_matches('"'), index);
    }
    // A manifest or a cargo configuration must not send anyone to a registry of this machine.
    let marks = [
        concat!("replace-", "with"),
        concat!("sparse+", "http"),
        concat!("registry-", "index"),
        concat!("[registries", "."),
    ];
    for path in files(&root()) {
        let is_text = path
            .extension()
            .is_some_and(|ext| ["toml", "rs", "md", "lock", "yml"].iter().any(|known| ext == *known))
            || path.parent().is_some_and(|dir| dir.file_name().is_some_and(|name| name == ".ci"));
        if !is_text {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for mark in marks {
            assert!(!text.contains(mark), "{} names a package registry ({mark})", path.display());
        }
    }
}

/// All files of the project, without what is built and without git's own.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).expect("a readable folder").map(|entry| entry.expect("an entry"))
        {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && name != ".git" {
                    folders.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    found
}
