//! A fixed set of seeds over all scenarios for seven members, in dev builds in one to two minutes (`docs/TESTING.md`).

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ecomesh_sim::{Coverage, Mark, Outcome, Scenario, run};

/// Played on every run of the tests.
const FIXED: &[(&str, std::ops::Range<u64>)] = &[
    ("everything", 1..4),
    ("crashes", 1..2),
    ("hostile", 1..4),
    ("disks", 1..3),
    ("partitions", 1..2),
    ("lossy", 1..2),
    ("clocks", 1..2),
    ("erasures", 1..3),
    ("parts", 1..3),
    // These found four faults of the rules for prekeys, each within three seeds, and stay for ever.
    ("sealing", 1..4),
    ("register", 3..6),
    ("retracted", 1..3),
    ("closed", 1..4),
    ("calm", 1..2),
];

/// Seeds that found something, each with what it was. They stay here for ever.
const FOUND: &[(&str, u64, &str)] = &[
    ("clocks", 6, "a clock that jumped made a node forget its clients' keys: a retry became a second record"),
    (
        "parts",
        2_047,
        "an author lost a body that its only addressee had not got yet, and had it in its journal",
    ),
    (
        "everything",
        40_007_115,
        "a frontier that told of a filled hole had no entry of its log, and proved no delivery to its author",
    ),
    (
        "everything",
        40_006_260,
        "a clock that jumped back for nine years made a node wait for bodies that had expired, which nobody serves",
    ),
    (
        "erasures",
        1272,
        "a retry was answered whose record had lost its body meanwhile, and the check called that a lie",
    ),
    (
        "hostile",
        1082,
        "a hostile author opened a generation after all had agreed, and the check called that unrest",
    ),
    (
        "everything",
        20_000_016,
        "a notification that failed at once was repeated at once, for ever: the run never ended",
    ),
    ("everything", 20_000_056, "the same"),
    (
        "everything",
        30_000_232,
        "only a member that withholds had a record left after a home was lost, and the check called it missing",
    ),
    (
        "everything",
        30_000_496,
        "a node that lost its store after a generation was opened twice never learnt the generation's key",
    ),
    (
        "everything",
        30_000_760,
        "a node whose record that opens a generation had lost its body at a start never learnt the generation's key",
    ),
    (
        "disks",
        30_000_867,
        "evidence that could not be written on a full disk was not asked for again, and the delivery stayed unproved",
    ),
    (
        "everything",
        40_000_784,
        "the only store with the other branch was lost before anybody saw it, and the check wanted a proof of the fork",
    ),
    (
        "everything",
        40_003_216,
        "a fork proof that took the place of the newest one had its number, and peers that had that were not told",
    ),
];

fn scenario(name: &str) -> Scenario {
    Scenario::named(name).expect("a scenario that comes along").unwrap()
}

fn assert_clean(outcome: &Outcome) {
    let report = &outcome.report;
    let wrong = |v: &ecomesh_sim::Violation| format!("{} does not hold: {}", v.invariant, v.what);
    assert!(
        outcome.violations.is_empty(),
        "{}\n\n{:#?}\nplay it again: cargo run --release -p ecomesh-sim -- --scenario {} --seed {}",
        outcome.story.join("\n"),
        outcome.violations.iter().map(wrong).collect::<Vec<_>>(),
        report.scenario,
        report.seed
    );
}

#[test]
fn fixed_seeds_hold_and_reach_every_case() {
    let mut coverage = Coverage::default();
    for (name, seeds) in FIXED {
        for seed in seeds.clone() {
            let outcome = run(&scenario(name), seed);
            assert_clean(&outcome);
            coverage.merge(&outcome.coverage);
        }
    }
    let missing: Vec<&str> = coverage.missing().into_iter().map(Mark::text).collect();
    assert!(missing.is_empty(), "the generator does not reach any more: {missing:?}");
}

#[test]
fn seeds_that_found_something_hold_now() {
    for (name, seed, what) in FOUND {
        println!("{name} {seed}: {what}");
        assert_clean(&run(&scenario(name), *seed));
    }
}

#[test]
fn the_same_seed_plays_the_same_run_and_another_does_not() {
    for name in ["everything", "sealing", "register", "closed"] {
        assert_repeatable(name);
    }
}

fn assert_repeatable(name: &str) {
    let mut short = scenario(name);
    short.run_ms = 20_000;
    short.days.after = 0;
    let (one, again, other) = (run(&short, 7), run(&short, 7), run(&short, 8));
    assert_eq!(one.report, again.report);
    assert_ne!(one.report.trace, other.report.trace);
    assert!(one.report.events > 1_000);
}
