//! The fuzz targets of `tests/fuzz` on a stable compiler: the committed corpora, and a few thousand mutations of them.
//! The mutations are always the same ones; `ECOMESH_CORPORA_TIMES=20` in the environment makes five times as many.
//! With `ECOMESH_WRITE_SEEDS=1` the seeds are written anew, after a change of a format.

#[path = "fuzz/src/lib.rs"]
#[allow(unreachable_pub)] // The same files are a crate of their own under `cargo fuzz`.
mod targets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use targets::{TARGETS, seeds};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target)
}

/// All files of a target's corpus, by name.
fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("{target}: {error}"));
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("the folder can be listed");
        let bytes = std::fs::read(entry.path()).expect("a file of the corpus");
        (entry.file_name().to_string_lossy().into_owned(), bytes)
    };
    entries.map(read).collect()
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }
}

/// Changes a file as a careless fuzzer does: bits, bytes, numbers at their edges, cuts, copies, splices of two.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.roll(bytes.len());
    let length = 1 + dice.roll(16);
    match dice.roll(9) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.roll(8),
        1 if !bytes.is_empty() => bytes[at] = dice.roll(256) as u8,
        2 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 250, 251, 252, 253, 255][dice.roll(9)],
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..(at + length).min(bytes.len()))),
        5 => drop(bytes.splice(at..at, (0..length).map(|_| dice.roll(256) as u8).collect::<Vec<_>>())),
        6 => {
            let copy = bytes[at..(at + length).min(bytes.len())].to_vec();
            let to = dice.roll(bytes.len());
            drop(bytes.splice(to..to, copy));
        }
        7 => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[dice.roll(other.len())..]);
        }
        _ => {
            let from = dice.roll(other.len());
            let part = &other[from..(from + length).min(other.len())];
            let end = (at + part.len()).min(bytes.len());
            drop(bytes.splice(at..end, part.iter().copied()));
        }
    }
}

#[test]
fn the_seeds_are_those_of_the_formats_as_they_are() {
    let write = std::env::var_os("ECOMESH_WRITE_SEEDS").is_some();
    for (target, name, bytes) in seeds() {
        let path = folder(target).join(name);
        if write {
            std::fs::create_dir_all(folder(target)).expect("a folder for the corpus");
            std::fs::write(&path, &bytes).expect("a file of the corpus");
        }
        let committed = std::fs::read(&path).unwrap_or_default();
        assert!(
            committed == bytes,
            "{target}/{name} has changed; write the seeds anew with ECOMESH_WRITE_SEEDS=1"
        );
        assert!(targets::run(target, &bytes), "{target} does not take its seed {name}");
    }
}

#[test]
fn the_corpora_are_small_and_belong_to_targets() {
    let mut bytes = 0;
    for target in TARGETS {
        let files = corpus(target.name);
        assert!((1..=16).contains(&files.len()), "{} has {} files", target.name, files.len());
        bytes += files.values().map(Vec::len).sum::<usize>();
    }
    assert!(bytes < 300 * 1024, "{bytes} bytes");
    let folders = std::fs::read_dir(folder("")).expect("the folder of the corpora").count();
    assert_eq!(folders, TARGETS.len(), "a corpus without a target");
}

#[test]
fn every_file_of_the_corpora_and_its_mutations_do_no_harm() {
    let times = std::env::var("ECOMESH_CORPORA_TIMES").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    for target in TARGETS {
        let files: Vec<Vec<u8>> = corpus(target.name).into_values().collect();
        let mut taken = files.iter().filter(|bytes| (target.run)(bytes)).count();
        let mut dice = Dice(17);
        for _ in 0..target.mutations * times {
            let mut bytes = files[dice.roll(files.len())].clone();
            let other = &files[dice.roll(files.len())];
            for _ in 0..=dice.roll(4) {
                mutate(&mut bytes, other, &mut dice);
            }
            taken += usize::from((target.run)(&bytes));
        }
        eprintln!("{}: {taken} of {} taken", target.name, target.mutations * times);
    }
}
