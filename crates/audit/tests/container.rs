//! The file as a whole: damage, truncation, manifests, and how the bytes come.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod common;

use std::io::{self, Read};

use common::{Net, START, assert_faults, close, log, member, to_bytes};
use ecomesh_audit::{AuditError, Options, Place, Verdict, What, audit};
use ecomesh_record::archive::{ArchiveError, Filter, LogRange};
use ecomesh_record::codec::DecodeError;
use ecomesh_record::header::HeaderError;
use ecomesh_record::{ForkProof, Position, Time, codec};
use proptest::prelude::*;

fn third_of_kenya(net: &Net) -> Position {
    let position = log("KE", 1, 0).at(2);
    assert!(net.records.contains_key(&position));
    position
}

#[test]
fn every_flipped_byte_is_noticed() {
    let net = Net::small();
    let archive = net.archive();
    for at in 0..archive.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut bad = archive.clone();
            bad[at] ^= mask;
            let report = net.audit(&bad);
            assert_eq!(report.verdict, Verdict::Broken, "byte {at} ^ {mask:#x}\n{report}");
        }
    }
}

#[test]
fn every_flipped_byte_is_noticed_without_the_checksum_too() {
    let net = Net::small();
    let archive = net.archive();
    let open = archive.len() - 32;
    let find = |needle: &[u8]| {
        let at = archive.windows(needle.len()).position(|w| w == needle).unwrap();
        at..at + needle.len()
    };
    let clock = find(&codec::encode(&net.exported_at.0, 16).unwrap());
    let hint = find(b"/ip4/192.0.2.1/tcp/4001");
    let mut unnoticed = Vec::new();
    for at in 0..open {
        for mask in [0x01, 0x80] {
            let mut bad = archive[..open].to_vec();
            bad[at] ^= mask;
            if net.audit(&close(bad)).verdict != Verdict::Whole {
                continue;
            }
            unnoticed.push(at);
            assert!(clock.contains(&at) || hint.contains(&at), "byte {at} ^ {mask:#x}");
        }
    }
    assert!(unnoticed.iter().any(|at| clock.contains(at)) && unnoticed.iter().any(|at| hint.contains(at)));
}

#[test]
fn every_truncation_is_noticed() {
    let net = Net::small();
    let archive = net.archive();
    for length in 0..archive.len() {
        let report = net.audit(&archive[..length]);
        let last = report.faults.last().unwrap();
        assert_eq!(last.what, What::Container(ArchiveError::Truncated), "{length} bytes");
        assert_eq!(report.verdict, Verdict::Broken);
    }
}

#[test]
fn bytes_behind_the_end_are_noticed() {
    let net = Net::small();
    let mut archive = net.archive();
    archive.push(0);
    let trailing = (Place::Archive, What::Container(ArchiveError::TrailingBytes));
    assert_faults(&net.audit(&archive), &[trailing]);
}

#[test]
fn other_files_are_named() {
    let net = Net::small();
    let other = net.audit(b"PK\x03\x04 and so on");
    assert_faults(&other, &[(Place::Archive, What::Container(ArchiveError::NotAnArchive))]);
    let newer = net.audit(b"ECOARCHV\x03");
    assert_faults(&newer, &[(Place::Archive, What::Container(ArchiveError::UnknownVersion(3)))]);
    let mut changed = net.archive();
    *changed.last_mut().unwrap() ^= 1;
    assert_faults(&net.audit(&changed), &[(Place::Archive, What::Container(ArchiveError::Checksum))]);
}

#[test]
fn fork_proofs_out_of_order_are_noticed() {
    let mut net = Net::small();
    let branch = |at| {
        let record = &net.records[&at];
        (record.hash(), *record.signature())
    };
    let (one, two) = (branch(log("KE", 1, 0).at(0)), branch(log("KE", 1, 0).at(1)));
    let proof = |seq| ForkProof::new(log("KE", 1, 0).at(seq), one, two).unwrap();
    net.forks = vec![proof(0), proof(1)];
    let mut parts = net.parts();
    parts.forks.swap(0, 1);
    let report = net.audit(&parts.assemble());
    let last = report.faults.last().unwrap();
    assert_eq!(last.what, What::Container(ArchiveError::Order("fork proofs")));
}

#[test]
fn a_record_that_the_manifest_does_not_name_is_noticed() {
    let net = Net::small();
    let mut manifest = net.manifest();
    let range = manifest.logs.iter_mut().find(|r| r.log == log("KE", 1, 0)).unwrap();
    range.last = 1;
    let mut parts = net.parts();
    parts.manifest = manifest.encode().unwrap();
    let beyond = (net.place(third_of_kenya(&net)), What::NotInManifest);
    assert_faults(&net.audit(&parts.assemble()), &[beyond]);

    manifest.logs.retain(|r| r.log.author != member("TZ"));
    manifest.logs[1].last = 2;
    parts.manifest = manifest.encode().unwrap();
    let tanzania = |lane| (net.place(log("TZ", lane, 0).at(0)), What::NotInManifest);
    assert_faults(&net.audit(&parts.assemble()), &[tanzania(1), tanzania(2)]);
}

#[test]
fn damaged_records_are_named_by_their_offset() {
    let net = Net::small();
    let mut parts = net.parts();
    let offset = |parts: &common::Parts, at: usize| {
        let before = 9 + 4 + parts.charter.len() + 4 + parts.manifest.len();
        let records: usize = parts.records[..at].iter().map(|r| 4 + r.len()).sum();
        (before + records) as u64
    };
    let last = parts.records.len() - 1;
    parts.records[last] = vec![0xff; 3];
    let expected = [
        (Place::Offset(offset(&parts, last)), What::Frame(DecodeError::Malformed)),
        (Place::Log(log("TZ", 2, 0)), What::Cut { from: 0, to: 0 }),
    ];
    assert_faults(&net.audit(&parts.assemble()), &expected);

    let mut frame = net.records[&log("TZ", 2, 0).at(0)].to_frame();
    frame.header[0] = 2;
    parts.records[last] = to_bytes(&frame);
    let expected = [
        (Place::Offset(offset(&parts, last)), What::Header(HeaderError::UnknownVersion(2))),
        (Place::Log(log("TZ", 2, 0)), What::Cut { from: 0, to: 0 }),
    ];
    assert_faults(&net.audit(&parts.assemble()), &expected);
}

#[test]
fn one_bad_record_does_not_hide_the_others() {
    let net = Net::small();
    let mut parts = net.parts();
    for bytes in &mut parts.records {
        // The last byte of a frame is the last of its body.
        *bytes.last_mut().unwrap() ^= 1;
    }
    let report = net.audit(&parts.assemble());
    assert_eq!(report.faults.iter().filter(|f| f.what == What::OtherBody).count(), 7);
    assert_eq!(report.bodies_missing, 5, "the record that opens generation 2 proves no key without its body");
}

#[test]
fn a_part_of_a_network_is_partial() {
    let mut net = Net::small();
    net.records.retain(|position, _| position.log.author == member("TZ"));
    net.filter = Filter { members: vec![member("TZ")], since: Time(0) };
    let report = net.audit(&net.archive());
    assert_faults(&report, &[]);
    assert_eq!(report.verdict, Verdict::Partial);
    assert_eq!(report.not_covered()[0], "Only logs of TZ were asked for.");

    let mut net = Net::small();
    net.records.remove(&log("KE", 1, 0).at(0));
    net.filter = Filter { members: Vec::new(), since: START.after(1) };
    let report = net.audit(&net.archive());
    assert_faults(&report, &[]);
    assert_eq!(report.verdict, Verdict::Partial);
    assert!(report.not_covered()[0].contains("records before 2026-09-21T"));
}

#[test]
fn a_manifest_that_contradicts_itself_is_noticed() {
    let mut net = Net::small();
    net.records.remove(&log("KE", 1, 0).at(0));
    let late = (Place::Log(log("KE", 1, 0)), What::OutsideFilter);
    assert_faults(&net.audit(&net.archive()), &[late]);

    let mut net = Net::small();
    net.records.retain(|position, _| position.log == log("TZ", 2, 0));
    net.filter.members = vec![member("KE")];
    let foreign = (Place::Log(log("TZ", 2, 0)), What::OutsideFilter);
    assert_faults(&net.audit(&net.archive()), &[foreign]);
}

#[test]
fn a_manifest_with_a_stranger_as_exporter_is_noticed() {
    let mut net = Net::small();
    net.exporter = member("XX");
    assert_faults(&net.audit(&net.archive()), &[(Place::Archive, What::UnknownMember(member("XX")))]);
}

#[test]
fn a_control_lane_that_starts_late_is_no_manifest() {
    let mut net = Net::small();
    net.write("KE", 0, 2, b"", |_| {});
    let mut manifest = net.manifest();
    manifest.logs[0] = LogRange { first: 1, ..manifest.logs[0] };
    assert!(manifest.encode().is_err());
    let honest = net.manifest().encode().unwrap();
    // The range ends with generation, first and last: 2, 0, 1.
    let needle = [2, 0, 1];
    let at = honest.windows(3).position(|w| w == needle).unwrap();
    let mut parts = net.parts();
    parts.manifest[at + 1] = 1;
    let cut = What::Container(ArchiveError::ControlCut(log("KE", 0, 2)));
    assert_faults(&net.audit(&parts.assemble()), &[(Place::Archive, cut)]);
}

#[test]
fn the_list_of_faults_is_bounded_and_the_count_is_not() {
    let net = Net::small();
    let mut parts = net.parts();
    parts.records.clear();
    let options = Options { listed_max: 2, ..Options::at(net.now()) };
    let report = audit(parts.assemble().as_slice(), &options).unwrap();
    assert_eq!((report.faults.len(), report.fault_count), (2, 5));
    assert!(report.to_string().contains("… and 3 more"));
}

/// Gives one byte at a time.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(&mut buffer[..1])
    }
}

#[test]
fn the_report_does_not_depend_on_how_the_bytes_come() {
    let net = Net::small();
    let mut parts = net.parts();
    parts.records.remove(2);
    let archive = parts.assemble();
    let dribbled = audit(Dribble(&archive), &Options::at(net.now())).unwrap();
    assert_eq!(dribbled, net.audit(&archive));
}

#[test]
fn the_report_does_not_depend_on_how_many_threads_examine() {
    let mut net = Net::found(&["KE", "TZ", "TH"], &[]);
    for number in 0..900u32 {
        let author = ["KE", "TZ", "TH"][number as usize % 3];
        // A generation in the middle: its key must be known before the records after it.
        let generation = u32::from(author == "TZ" && number > 450);
        if author == "TZ" && number == 451 {
            net.open_generation("TZ", 1, 0);
        }
        net.write(author, 1, generation, &number.to_be_bytes(), |_| ());
    }
    let whole = net.archive();
    let mut archives = vec![whole.clone()];
    for number in 1..12 {
        let mut damaged = whole.clone();
        let at = 2_000 + number * (damaged.len() - 2_100) / 12;
        damaged[at] ^= 1;
        archives.push(damaged);
    }
    for archive in archives {
        let by = |threads| audit(archive.as_slice(), &Options { threads, ..Options::at(net.now()) }).unwrap();
        let one = by(1);
        assert!(one.records > 0);
        for threads in [2, 8] {
            assert_eq!(by(threads), one);
        }
    }
    assert_eq!(net.audit(&whole).verdict, Verdict::Whole);
}

/// Fails after its bytes.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            length => Ok(length),
        }
    }
}

#[test]
fn a_failing_disk_is_no_verdict() {
    let net = Net::small();
    let archive = net.archive();
    let result = audit(Failing(&archive[..100]), &Options::at(net.now()));
    assert!(matches!(result, Err(AuditError::Read(error)) if error.to_string() == "the disk is gone"));
}

proptest! {
    #[test]
    fn garbage_is_never_good(bytes in proptest::collection::vec(any::<u8>(), 0..600), begin in any::<bool>()) {
        let start: &[u8] = if begin { b"ECOARCHV\x01" } else { b"" };
        let report = audit([start, &bytes].concat().as_slice(), &Options::at(START)).unwrap();
        prop_assert_eq!(report.verdict, Verdict::Broken);
    }

    #[test]
    fn a_shuffled_archive_is_never_good(swaps in proptest::collection::vec((0usize..7, 0usize..7), 1..4)) {
        let net = Net::small();
        let mut parts = net.parts();
        swaps.iter().for_each(|(a, b)| parts.records.swap(*a, *b));
        let same = parts.records == net.parts().records;
        prop_assert_eq!(net.audit(&parts.assemble()).verdict.is_good(), same);
    }
}
