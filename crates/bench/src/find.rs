//! `find`: the indexes in memory, on one core: exact look-ups, and names against persons who do not exist.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ecomesh_search::exact::Exact;
use ecomesh_search::names::Names;

use crate::cli::Options;
use crate::figures::{Figure, Samples, Section, Target};
use crate::process::usage;
use people::{Kind, People, Rng};

// The persons of the search's own tests.
#[allow(dead_code, missing_docs)]
#[path = "../../search/tests/people/mod.rs"]
mod people;

/// Look-ups that are measured, of each kind.
const LOOK_UPS: usize = 1_000_000;
/// Before resident memory is looked at.
const SETTLE: Duration = Duration::from_secs(3);
const MIB: f64 = 1024.0 * 1024.0;
/// Results of a query for a name.
const RANK: usize = 10;

/// Runs it.
pub async fn run(options: &Options) -> anyhow::Result<Section> {
    let (entries, persons, queries) = (options.entries, options.names, options.name_queries);
    let (runs, seed) = (options.runs, options.seed);
    tokio::task::spawn_blocking(move || {
        let mut section = Section::new(
            "find",
            format!(
                "{entries} numbers; {persons} names of persons who do not exist, {queries} queries of each kind, seed {seed}; \
                 one core, {runs} runs, medians of their figures."
            ),
        );
        let mut measured = Vec::new();
        for run in 0..runs {
            let names = names(persons as usize, queries as usize, seed + u64::from(run))?;
            settle();
            let mut figures = exact(entries, seed + u64::from(run))?;
            figures.extend(names);
            measured.push(figures);
        }
        medians(&measured).into_iter().for_each(|figure| section.figure(figure));
        section.note("Memory is the difference of the process's resident memory, three seconds after the entries were added; while the longest runs are merged it is nearly twice as much.");
        section.note("Recall is the share of queries with the person, or one whom the query describes as well, among the first ten; what the test set does not say is at the top of crates/search/tests/people/mod.rs.");
        Ok(section)
    })
    .await?
}

/// The median of each figure over the runs.
fn medians(runs: &[Vec<Figure>]) -> Vec<Figure> {
    let Some(first) = runs.first() else { return Vec::new() };
    let median = |n: usize| {
        let mut samples = Samples::default();
        runs.iter().filter_map(|run| run.get(n)).for_each(|figure| samples.value(figure.measured));
        samples.median()
    };
    let remade = |(n, figure): (usize, &Figure)| {
        let plain = Figure::new(&figure.id, figure.what.clone(), median(n), figure.unit);
        match figure.target {
            Some(target) => plain.target(target),
            None => plain,
        }
    };
    first.iter().enumerate().map(remade).collect()
}

fn rss_kib() -> anyhow::Result<f64> {
    Ok(usage(std::process::id())?.rss_kib as f64)
}

/// The allocator gives back what was freed about a second later, when it is called.
fn settle() {
    std::thread::sleep(SETTLE);
    drop(black_box(vec![0_u8; 1 << 20]));
}

/// A number like that of a travel document: a letter, eight digits. Numbers from `entries` on are in no index.
fn number(n: u64) -> [u8; 9] {
    let mut text = *b"A00000000";
    let mut rest = n;
    for digit in text.iter_mut().skip(1).rev() {
        // Below ten.
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text[0] = b'A' + (rest % 26) as u8;
    text
}

fn exact(entries: u64, seed: u64) -> anyhow::Result<Vec<Figure>> {
    let mut rng = Rng::new(seed);
    let before = rss_kib()?;
    let mut index = Exact::new([7; 16]);
    let began = Instant::now();
    // Below the bound of the option, 32 bits.
    index.extend((0..entries).map(|n| (number(n), n as u32)))?;
    let bulk = entries as f64 / began.elapsed().as_secs_f64();
    let held_mib = index.bytes() as f64 / MIB;
    settle();
    let memory = rss_kib()? - before;

    let mut one_by_one = Samples::default();
    let more = (entries / 10).max(1);
    let began = Instant::now();
    for n in entries..entries + more {
        let call_began = Instant::now();
        index.insert(&number(n), n as u32)?;
        one_by_one.value(call_began.elapsed().as_secs_f64() * 1e6);
    }
    let singly = more as f64 / began.elapsed().as_secs_f64();

    let held = entries + more;
    let mut times = |from: u64, count: u64| -> (Samples, f64) {
        let keys: Vec<[u8; 9]> =
            (0..LOOK_UPS).map(|_| number(from + rng.below(count as usize) as u64)).collect();
        let mut samples = Samples::default();
        for key in &keys {
            let began = Instant::now();
            black_box(index.places(key, RANK));
            samples.value(began.elapsed().as_secs_f64() * 1e6);
        }
        let began = Instant::now();
        for key in &keys {
            black_box(index.places(key, RANK));
        }
        (samples, LOOK_UPS as f64 / began.elapsed().as_secs_f64())
    };
    let (hits, hit_rate) = times(0, held);
    let (misses, miss_rate) = times(held, held);
    let figure =
        |id: &str, what: &str, value: f64, unit| Figure::new(&format!("find.{id}"), what, value, unit);
    Ok(vec![
        figure("exact.bulk", "exact: inserted in bulk", bulk, "entries/s").target(Target::AtLeast(1e6)),
        figure("exact.insert", "exact: inserted one by one, beside them", singly, "entries/s"),
        figure("exact.insert_us_p99", "exact: one insertion, p99", one_by_one.percentile(0.99), "µs"),
        figure("exact.insert_ms_max", "exact: one insertion, longest", one_by_one.max() / 1e3, "ms"),
        figure("exact.held_mib", "exact: its lists", held_mib, "MiB")
            .target(Target::AtMost(entries as f64 * 16.0 / MIB)),
        figure(
            "exact.entry_bytes",
            "exact: resident memory of an entry",
            memory * 1024.0 / entries as f64,
            "bytes",
        )
        .target(Target::AtMost(16.0)),
        figure("exact.mib", "exact: resident memory in all", memory / 1024.0, "MiB"),
        figure("exact.miss_us_p50", "exact: miss, p50", misses.median(), "µs"),
        figure("exact.miss_us_p99", "exact: miss, p99", misses.percentile(0.99), "µs")
            .target(Target::AtMost(100.0)),
        figure("exact.hit_us_p50", "exact: hit, p50", hits.median(), "µs"),
        figure("exact.hit_us_p99", "exact: hit, p99", hits.percentile(0.99), "µs")
            .target(Target::AtMost(100.0)),
        figure("exact.misses", "exact: misses, one core", miss_rate, "look-ups/s")
            .target(Target::AtLeast(2e5)),
        figure("exact.hits", "exact: hits, one core", hit_rate, "look-ups/s").target(Target::AtLeast(2e5)),
    ])
}

fn names(count: usize, queries: usize, seed: u64) -> anyhow::Result<Vec<Figure>> {
    let people = People::generate(count, seed);
    let before = rss_kib()?;
    let began = Instant::now();
    let mut index = Names::new();
    for (place, person) in people.persons.iter().enumerate() {
        // Below the bound of the option, 32 bits.
        index.add(place as u32, &person.stored);
    }
    let built = count as f64 / began.elapsed().as_secs_f64();
    let memory = rss_kib()? - before;
    let figure = |id: &str, what: String, value: f64, unit| {
        Figure::new(&format!("find.names.{id}"), what, value, unit)
    };
    let mut figures = vec![
        figure("added", "names: added".into(), built, "names/s"),
        figure("bytes", "names: memory of a name".into(), memory * 1024.0 / count as f64, "bytes"),
        figure("parts", "names: distinct parts".into(), index.distinct_parts() as f64, ""),
    ];
    let mut all = Samples::default();
    for kind in Kind::ALL {
        let mut rng = Rng::new(seed.wrapping_add(17 + kind as u64));
        let mut found = 0;
        for _ in 0..queries {
            let query = people.query(kind, &mut rng);
            let began = Instant::now();
            let hits = index.search(&query.text, RANK);
            all.time(began.elapsed());
            found += usize::from(hits.iter().any(|hit| people.answers(&query, hit.place as usize)));
        }
        let recall = 100.0 * found as f64 / queries as f64;
        let name = format!("{kind:?}").to_lowercase();
        let row = figure(&format!("recall.{name}"), format!("names: recall at {RANK}, {name}"), recall, "%");
        figures.push(row.target(Target::AtLeast(95.0)));
    }
    figures.push(figure("ms_p50", "names: a query, p50".into(), all.median(), "ms"));
    let p99 = figure("ms_p99", "names: a query, p99".into(), all.percentile(0.99), "ms");
    figures.push(p99.target(Target::AtMost(20.0)));
    figures.push(figure("ms_max", "names: a query, longest".into(), all.max(), "ms"));
    Ok(figures)
}
