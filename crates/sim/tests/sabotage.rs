//! Each check fails when the mechanism that it guards is broken on purpose.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ecomesh_sim::{Sabotage, Scenario, run_sabotaged};

/// Seeds that are tried: a mechanism may go unused for one.
const SEEDS: std::ops::Range<u64> = 1..17;

/// What is broken, where it shows, and the invariants of which one must fail.
const BROKEN: &[(Sabotage, &str, &[&str])] = &[
    (Sabotage::AcknowledgeBeforeDurable, "crashes", &["I1", "I2", "I3"]),
    (Sabotage::ForgetRecord, "calm", &["I1", "I2", "I9"]),
    (Sabotage::ForgetForks, "hostile", &["I8"]),
    (Sabotage::NeverAsk, "crashes", &["I8"]),
    (Sabotage::BlameHonest, "calm", &["I9"]),
    (Sabotage::EndForNothing, "calm", &["I9"]),
    (Sabotage::LoseAnswer, "calm", &["I8"]),
    (Sabotage::LoseBodies, "calm", &["I1", "I2", "I8"]),
    (Sabotage::ForgetErasures, "erasures", &["I6", "I8"]),
    (Sabotage::KeepErased, "erasures", &["I8"]),
    (Sabotage::SealToOneMore, "sealing", &["I7"]),
    (Sabotage::LeaveOpen, "sealing", &["I7"]),
    (Sabotage::DestroyEarly, "sealing", &["I7"]),
    (Sabotage::DestroyUnsynced, "sealing", &["I7"]),
    (Sabotage::NeverDestroy, "sealing", &["I7"]),
    (Sabotage::ReuseDeadPrekey, "sealing", &["I7"]),
    (Sabotage::LeakContentKeys, "sealing", &["I7"]),
    (Sabotage::ForgetContentKeys, "sealing", &["I7"]),
    (Sabotage::NeverTell, "sealing", &["I7"]),
    (Sabotage::NeverResend, "sealing", &["I7"]),
    (Sabotage::OrderByArrival, "register", &["I11"]),
    (Sabotage::SourceUnchecked, "register", &["I11"]),
    (Sabotage::PublishUnreviewed, "register", &["I11"]),
    (Sabotage::RememberErased, "retracted", &["I11"]),
    (Sabotage::RememberErased, "closed", &["I11"]),
    (Sabotage::SealToOneMore, "closed", &["I7"]),
    (Sabotage::GiveUpOnGroupKeys, "closed", &["I11"]),
    (Sabotage::WriteNoKeyRecord, "closed", &["I11"]),
    (Sabotage::Forge, "calm", &["I4"]),
    (Sabotage::NeverRest, "calm", &["I9"]),
];

#[test]
fn every_sabotage_is_noticed() {
    for (sabotage, name, expected) in BROKEN {
        let mut scenario = Scenario::named(name).unwrap().unwrap();
        // Weeks must pass for prekeys to end.
        if scenario.days.day_ms == 0 {
            scenario.run_ms = 40_000;
            // Whether all remember what was erased is asked once they agree; and with what is erased they agree days later.
            let is_late = *sabotage == Sabotage::RememberErased || *name == "closed";
            scenario.converge_ms = if is_late { 240_000 } else { 60_000 };
        }
        let mut seen = Vec::new();
        for seed in SEEDS {
            let outcome = run_sabotaged(&scenario, seed, Some(*sabotage));
            if let Some(violation) = outcome.violations.first() {
                println!("{sabotage:?} ({name}, seed {seed}): {} {}", violation.invariant, violation.what);
                seen.push(violation.invariant);
                break;
            }
        }
        assert!(
            seen.iter().any(|invariant| expected.contains(invariant)),
            "{sabotage:?} goes unnoticed: {seen:?} where one of {expected:?} must fail"
        );
    }
}

#[test]
fn the_list_names_every_sabotage() {
    for sabotage in Sabotage::ALL {
        assert!(BROKEN.iter().any(|(broken, ..)| broken == sabotage), "{sabotage:?} is never tried");
    }
}
