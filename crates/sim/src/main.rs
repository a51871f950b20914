//! `ecomesh-sim`: runs simulations and tells how they went.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ecomesh_sim::{Coverage, Outcome, Scenario, run};
use lexopt::prelude::*;

const HELP: &str = "\
ecomesh-sim: plays meshes of real ecomesh cores in one thread, under one seed

  ecomesh-sim [--scenario NAME|FILE] [--nodes N] [--seed N | --seeds A..B] [--json]
  ecomesh-sim [--scenario NAME|FILE] --until-failure [--seed N] [--minutes M]
  ecomesh-sim --list

  --scenario NAME|FILE  a scenario that comes along, or a TOML file (default: everything)
  --nodes N             so many members instead of the scenario's
  --seed N              the seed (default 1)
  --seeds A..B          all seeds from A up to, and without, B
  --until-failure       one seed after the other, over all scenarios for 7 nodes unless one is named
  --minutes M           end --until-failure after so many minutes
  --json                one JSON object for each run
  --list                the scenarios that come along

ends with 0 if everything held, 1 if an invariant broke, 2 if it was called wrongly
";

/// The scenarios that `--until-failure` plays in turn.
const SHORT: &[&str] = &[
    "everything",
    "crashes",
    "hostile",
    "disks",
    "partitions",
    "lossy",
    "clocks",
    "erasures",
    "parts",
    "sealing",
    "register",
    "retracted",
    "closed",
    "calm",
];

#[derive(Debug)]
struct Arguments {
    scenario: Option<String>,
    nodes: Option<usize>,
    seeds: std::ops::Range<u64>,
    json: bool,
    until_failure: bool,
    minutes: Option<u64>,
}

fn main() {
    let code = match start() {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            eprintln!("ecomesh-sim: {error:#}\n\n{HELP}");
            2
        }
    };
    std::process::exit(code);
}

fn start() -> anyhow::Result<bool> {
    let Some(arguments) = read_arguments()? else { return Ok(true) };
    if arguments.until_failure {
        return hunt(&arguments);
    }
    let scenario = load(arguments.scenario.as_deref().unwrap_or("everything"), arguments.nodes)?;
    let mut good = true;
    for seed in arguments.seeds.clone() {
        good &= play(&scenario, seed, &arguments).violations.is_empty();
    }
    Ok(good)
}

fn read_arguments() -> anyhow::Result<Option<Arguments>> {
    let mut arguments = Arguments {
        scenario: None,
        nodes: None,
        seeds: 1..2,
        json: false,
        until_failure: false,
        minutes: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("scenario") => arguments.scenario = Some(parser.value()?.string()?),
            Long("nodes") => arguments.nodes = Some(parser.value()?.parse()?),
            Long("seed") => {
                let seed = parser.value()?.parse()?;
                arguments.seeds = seed..seed + 1;
            }
            Long("seeds") => arguments.seeds = range(&parser.value()?.string()?)?,
            Long("json") => arguments.json = true,
            Long("until-failure") => arguments.until_failure = true,
            Long("minutes") => arguments.minutes = Some(parser.value()?.parse()?),
            Long("list") => {
                list();
                return Ok(None);
            }
            Short('h') | Long("help") => {
                println!("{HELP}");
                return Ok(None);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(arguments))
}

fn range(text: &str) -> anyhow::Result<std::ops::Range<u64>> {
    let (from, to) = text.split_once("..").context("--seeds takes two numbers with .. between")?;
    let (from, to) = (from.parse()?, to.parse()?);
    if from >= to {
        bail!("--seeds {text} names no seed");
    }
    Ok(from..to)
}

fn list() {
    for (name, text) in Scenario::built_in() {
        match Scenario::parse(text) {
            Ok(scenario) => println!("{name:<12} {}", scenario.about),
            Err(error) => println!("{name:<12} {error}"),
        }
    }
}

/// A scenario by name, or from a file.
fn load(name: &str, nodes: Option<usize>) -> anyhow::Result<Scenario> {
    let mut scenario = match Scenario::named(name) {
        Some(scenario) => scenario?,
        None => Scenario::parse(&read(name)?)?,
    };
    if let Some(nodes) = nodes {
        scenario.nodes = nodes;
    }
    scenario.check()?;
    Ok(scenario)
}

fn read(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("{path} is no scenario that comes along, and no file that can be read"))
}

/// The wall clock, for how long a run really takes.
#[expect(
    clippy::disallowed_methods,
    reason = "only to tell how fast the simulation is; no run depends on it"
)]
fn clock() -> Instant {
    Instant::now()
}

fn play(scenario: &Scenario, seed: u64, arguments: &Arguments) -> Outcome {
    let begun = clock();
    let outcome = run(scenario, seed);
    let seconds = begun.elapsed().as_secs_f64();
    if arguments.json {
        println!("{}", json(&outcome, seconds));
    } else {
        println!("{}\n  took {seconds:.1} s", outcome.report);
    }
    if !outcome.violations.is_empty() {
        tell_failure(&outcome, arguments);
    }
    outcome
}

fn json(outcome: &Outcome, seconds: f64) -> String {
    let coverage: serde_json::Map<String, serde_json::Value> =
        outcome.coverage.counts().map(|(mark, count)| (format!("{mark:?}"), count.into())).collect();
    let violations: Vec<String> =
        outcome.violations.iter().map(|v| format!("{}: {}", v.invariant, v.what)).collect();
    serde_json::json!({
        "report": outcome.report,
        "coverage": coverage,
        "violations": violations,
        "seconds": seconds,
    })
    .to_string()
}

/// What did not hold, the end of the story, and how to play it again.
fn tell_failure(outcome: &Outcome, arguments: &Arguments) {
    eprintln!("\nthe story ends:");
    outcome.story.iter().for_each(|line| eprintln!("{line}"));
    eprintln!();
    for violation in &outcome.violations {
        eprintln!("{} does not hold: {}", violation.invariant, violation.what);
    }
    let report = &outcome.report;
    let scenario = arguments.scenario.as_deref().unwrap_or(&report.scenario);
    eprintln!(
        "play it again: cargo run --release -p ecomesh-sim -- --scenario {scenario} --nodes {} --seed {}\n",
        report.nodes, report.seed
    );
}

/// How often a hunt tells how far it is.
const PROGRESS: Duration = Duration::from_secs(300);

/// One seed after the other, until one fails or the time is over.
fn hunt(arguments: &Arguments) -> anyhow::Result<bool> {
    let names: Vec<&str> = match &arguments.scenario {
        Some(name) => vec![name],
        None => SHORT.to_vec(),
    };
    let scenarios: Vec<Scenario> =
        names.iter().map(|name| load(name, arguments.nodes)).collect::<anyhow::Result<_>>()?;
    let begun = clock();
    let limit = arguments.minutes.map(|minutes| minutes as f64 * 60.0);
    let (mut seeds, mut events) = (0u64, 0u64);
    let mut coverage = Coverage::default();
    let mut good = true;
    let mut told = begun;
    for seed in arguments.seeds.start.. {
        if limit.is_some_and(|limit| begun.elapsed().as_secs_f64() > limit) {
            break;
        }
        if told.elapsed() > PROGRESS {
            told = clock();
            eprintln!("{seeds} seeds were clean so far; the next is {seed}");
        }
        let index = usize::try_from(seed).unwrap_or(0) % scenarios.len();
        let Some(scenario) = scenarios.get(index) else { break };
        let outcome = run(scenario, seed);
        seeds += 1;
        events += outcome.report.events;
        coverage.merge(&outcome.coverage);
        if !outcome.violations.is_empty() {
            tell_failure(&outcome, arguments);
            good = false;
            break;
        }
    }
    let hours = begun.elapsed().as_secs_f64() / 3_600.0;
    println!(
        "{seeds} seeds, {events} events, {:.0} seeds an hour, {} events a seed; never reached: {:?}",
        seeds as f64 / hours,
        events / seeds.max(1),
        coverage.missing()
    );
    Ok(good)
}
