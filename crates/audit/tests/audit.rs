//! Every way in which an archive can be wrong, and the exact fault that it gets.

mod common;

use std::io::{self, Read};

use common::{DAY, Net, START, assert_faults, close, frame_bytes, key_of, log, member, to_bytes};
use ecomesh_audit::{AuditError, Options, Place, Verdict, What, audit};
use ecomesh_protocol::{FoundingError, Void};
use ecomesh_record::archive::{ArchiveError, Filter, LogRange};
use ecomesh_record::codec::DecodeError;
use ecomesh_record::header::HeaderError;
use ecomesh_record::{Flags, ForkProof, FoundedCharter, Position, Priority, RecordId, Time, codec};
use proptest::prelude::*;

fn third_of_kenya(net: &Net) -> Position {
    let position = log("KE", 1, 0).at(2);
    assert!(net.records.contains_key(&position));
    position
}

#[test]
fn a_good_archive_is_whole() {
    let net = Net::small();
    let report = net.audit(&net.archive());
    assert_faults(&report, &[]);
    assert_eq!(report.verdict, Verdict::Whole);
    assert_eq!(report.network, Some(net.network));
    assert_eq!(report.exported, Some((member("KE"), net.exported_at)));
    assert_eq!((report.records, report.bodies_present, report.void_count, report.forks), (7, 7, 0, 0));
    let counts: Vec<_> =
        report.members.iter().map(|m| (m.member.as_str(), m.records, m.generations)).collect();
    assert_eq!(counts, [("FR", 0, 1), ("KE", 5, 2), ("TZ", 2, 1)]);
    assert_eq!(report.members[1].span, Some((START, START.after(4 * 60_000))));
}

#[test]
fn the_encoder_writes_what_the_document_says() {
    let net = Net::small();
    assert_eq!(net.archive(), net.parts().assemble());
}

#[test]
fn an_archive_of_nothing_is_whole() {
    let net = Net::found(&["KE"], &[]);
    assert_eq!(net.audit(&net.archive()).verdict, Verdict::Whole);
}

#[test]
fn the_report_reads_well_and_serialises() {
    let mut net = Net::small();
    net.write("TZ", 1, 0, b"void", |h| h.priority = Priority(9));
    let mut parts = net.parts();
    parts.records.remove(1);
    let report = net.audit(&parts.assemble());
    let text = report.to_string();
    for line in [
        "network    audit test",
        "written    by KE at 2026-10-21T",
        "records    7 (7 with body, 0 expired, 0 for addressees only, 0 bodies missing)",
        "priority 9 does not exist",
        "KE/1/0/1",
        "the records 0 to 0 of this log are missing before this one",
        "verdict    broken",
    ] {
        assert!(text.contains(line), "{line:?} is not in:\n{text}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["verdict"], "broken");
    assert_eq!(json["network"], net.network.to_string());
    assert_eq!(json["faults"][0]["code"], "gap");
    assert_eq!(json["faults"][0]["position"], "KE/1/0/1");
    assert_eq!(json["faults"][0]["log"], "KE/1/0");
    assert_eq!(json["void"][0]["why"], "priority 9 does not exist");
    assert_eq!(json["bodies"]["present"], 7);
    assert_eq!(json["members"][1]["generations"], 2);
    assert_eq!(json["not_covered"].as_array().map(Vec::len), Some(1));
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

/// The checksum is no secret: whoever changes an archive can make a new one. What is left is what is signed. Only
/// the exporter's clock and the address hints of the charter are nobody's signed word.
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
    let newer = net.audit(b"ECOARCHV\x02");
    assert_faults(&newer, &[(Place::Archive, What::Container(ArchiveError::UnknownVersion(2)))]);
    let mut changed = net.archive();
    *changed.last_mut().unwrap() ^= 1;
    assert_faults(&net.audit(&changed), &[(Place::Archive, What::Container(ArchiveError::Checksum))]);
}

#[test]
fn a_removed_record_leaves_a_gap() {
    let net = Net::small();
    let at = |seq| net.records.keys().position(|p| *p == log("KE", 1, 0).at(seq)).unwrap();
    let mut parts = net.parts();
    parts.records.remove(at(1));
    let third = net.place(third_of_kenya(&net));
    assert_faults(&net.audit(&parts.assemble()), &[(third, What::Gap { from: 1, to: 1 })]);

    let mut parts = net.parts();
    parts.records.remove(at(2));
    let cut = (Place::Log(log("KE", 1, 0)), What::Cut { from: 2, to: 2 });
    assert_faults(&net.audit(&parts.assemble()), &[cut]);
}

#[test]
fn a_removed_log_is_cut() {
    let net = Net::small();
    let mut parts = net.parts();
    parts.records.pop();
    let cut = (Place::Log(log("TZ", 2, 0)), What::Cut { from: 0, to: 0 });
    assert_faults(&net.audit(&parts.assemble()), &[cut]);
}

#[test]
fn swapped_records_are_out_of_order() {
    let net = Net::small();
    let at = net.records.keys().position(|p| *p == log("KE", 1, 0).at(1)).unwrap();
    let mut parts = net.parts();
    parts.records.swap(at, at + 1);
    let (second, third) = (net.place(log("KE", 1, 0).at(1)), net.place(third_of_kenya(&net)));
    let expected = [(third, What::Gap { from: 1, to: 1 }), (second, What::OutOfOrder)];
    assert_faults(&net.audit(&parts.assemble()), &expected);
}

#[test]
fn swapped_logs_are_out_of_order() {
    let net = Net::small();
    let mut parts = net.parts();
    let last = parts.records.len() - 1;
    parts.records.swap(last - 1, last);
    let moved = net.place(log("TZ", 1, 0).at(0));
    assert_faults(&net.audit(&parts.assemble()), &[(moved, What::OutOfOrder)]);
}

#[test]
fn a_doubled_record_is_named() {
    let net = Net::small();
    let at = net.records.keys().position(|p| *p == third_of_kenya(&net)).unwrap();
    let mut parts = net.parts();
    parts.records.insert(at, parts.records[at].clone());
    let third = net.place(third_of_kenya(&net));
    assert_faults(&net.audit(&parts.assemble()), &[(third, What::Doubled)]);
}

#[test]
fn a_signature_by_another_key_is_noticed() {
    let net = Net::small();
    let position = third_of_kenya(&net);
    let mut frame = net.records[&position].to_frame();
    frame.signature = key_of("TZ").sign_record(net.network, net.id(position)).0;
    let mut parts = net.parts();
    let at = net.records.keys().position(|p| *p == position).unwrap();
    parts.records[at] = to_bytes(&frame);
    let bad = (net.place(position), What::BadSignature(member("KE"), 0));
    assert_faults(&net.audit(&parts.assemble()), &[bad]);
}

#[test]
fn a_signature_of_another_network_is_noticed() {
    let net = Net::small();
    let other = Net::found(&["KE", "TZ"], &[]);
    let position = log("TZ", 2, 0).at(0);
    let mut frame = net.records[&position].to_frame();
    frame.signature = key_of("TZ").sign_record(other.network, net.id(position)).0;
    let mut parts = net.parts();
    *parts.records.last_mut().unwrap() = to_bytes(&frame);
    let bad = (net.place(position), What::BadSignature(member("TZ"), 0));
    assert_faults(&net.audit(&parts.assemble()), &[bad]);
}

#[test]
fn a_broken_chain_is_noticed() {
    let mut net = Net::small();
    let found = net.id(third_of_kenya(&net));
    let position = net.write("KE", 1, 0, b"another history", |h| h.prev = RecordId([9; 32]));
    let named = RecordId([9; 32]);
    let broken = (net.place(position), What::BrokenChain { named, found });
    assert_faults(&net.audit(&net.archive()), &[broken]);
}

#[test]
fn two_records_at_one_position_are_a_fork() {
    let net = Net::small();
    let mut before = net.clone();
    before.records.remove(&third_of_kenya(&net));
    let other = before.next_record("KE", 1, 0, b"another third", |_| {});
    let at = net.records.keys().position(|p| *p == third_of_kenya(&net)).unwrap();
    let mut parts = net.parts();
    parts.records.insert(at + 1, frame_bytes(&other));
    let forked = (Place::Record(other.position(), other.id()), What::Forked);
    assert_faults(&net.audit(&parts.assemble()), &[forked]);

    // A second record that the author did not sign is no fork: it is only a bad record.
    let mut frame = other.to_frame();
    frame.signature = [7; 64];
    parts.records[at + 1] = to_bytes(&frame);
    let bad = (Place::Record(other.position(), other.id()), What::BadSignature(member("KE"), 0));
    assert_faults(&net.audit(&parts.assemble()), &[bad]);
}

#[test]
fn a_fork_proof_is_checked_and_told() {
    let mut net = Net::small();
    let position = third_of_kenya(&net);
    let mut before = net.clone();
    before.records.remove(&position);
    let other = before.next_record("KE", 1, 0, b"another third", |_| {});
    let one = &net.records[&position];
    let branch = |record: &ecomesh_record::Record| (record.hash(), *record.signature());
    let proof = ForkProof::new(position, branch(one), branch(&other)).unwrap();
    let forged = ForkProof::new(position, branch(one), (other.hash(), [7; 64])).unwrap();
    net.forks = vec![proof];
    let report = net.audit(&net.archive());
    assert_faults(&report, &[(Place::Position(position), What::Forked)]);
    assert_eq!(report.forks, 1);
    net.forks = vec![forged];
    assert_faults(&net.audit(&net.archive()), &[(Place::Position(position), What::FalseForkProof)]);

    let stranger = log("XX", 1, 0).at(0);
    net.forks = vec![ForkProof::new(stranger, branch(one), branch(&other)).unwrap()];
    let unknown = What::UnknownMember(member("XX"));
    assert_faults(&net.audit(&net.archive()), &[(Place::Position(stranger), unknown)]);
    let unopened = log("KE", 1, 7).at(0);
    net.forks = vec![ForkProof::new(unopened, branch(one), branch(&other)).unwrap()];
    let unknown = What::UnknownGeneration(member("KE"), 7);
    assert_faults(&net.audit(&net.archive()), &[(Place::Position(unopened), unknown)]);
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
fn a_void_record_is_listed_and_is_no_fault() {
    let mut net = Net::small();
    let loud = net.write("TZ", 1, 0, b"too loud", |h| h.priority = Priority(9));
    let late = net.write("TZ", 1, 0, b"too long", |h| h.expires_at = h.created_at.after(41 * DAY));
    net.write("TZ", 1, 0, b"and the log goes on", |_| {});
    let report = net.audit(&net.archive());
    assert_faults(&report, &[]);
    assert_eq!(report.verdict, Verdict::Whole);
    let void: Vec<_> = report.void.iter().map(|v| (v.position, v.id, v.why)).collect();
    let expected = [(loud, net.id(loud), Void::Priority(9)), (late, net.id(late), Void::Expiry)];
    assert_eq!(void, expected);
    assert_eq!((report.void_count, report.members[2].void), (2, 2));
}

#[test]
fn a_wrong_charter_is_named() {
    let net = Net::small();
    let missing = |founded: FoundedCharter| {
        let mut parts = net.parts();
        parts.charter = founded.encode().unwrap();
        net.audit(&parts.assemble())
    };
    let mut founded = net.founded.clone();
    founded.signatures.pop();
    let what = What::Founding(FoundingError::MissingSignature(member("TZ")));
    assert_faults(&missing(founded), &[(Place::Archive, what)]);

    let mut founded = net.founded.clone();
    founded.signatures[1].signature[5] ^= 1;
    let what = What::Founding(FoundingError::WrongSignature(member("KE")));
    assert_faults(&missing(founded), &[(Place::Archive, what)]);
}

#[test]
fn the_charter_of_another_network_fits_nothing() {
    let net = Net::small();
    let other = Net::found(&["KE", "TZ"], &[]);
    let mut parts = net.parts();
    parts.charter = other.founded.encode().unwrap();
    let report = net.audit(&parts.assemble());
    let network = What::Network { charter: other.network, manifest: net.network };
    assert_eq!(report.faults[0].what, network);
    // Every body and every signature is of the other network.
    assert_eq!(report.verdict, Verdict::Broken);
    assert_eq!(report.bodies_present, 0);
    assert!(report.faults.iter().filter(|f| matches!(f.what, What::BadSignature(..))).count() >= 5);
}

#[test]
fn another_network_than_asked_for_is_named() {
    let net = Net::small();
    let expected = Net::found(&["KE", "TZ"], &[]).network;
    let options = Options { network: Some(expected), ..Options::at(net.now()) };
    let report = audit(net.archive().as_slice(), &options).unwrap();
    assert_faults(&report, &[(Place::Archive, What::OtherNetwork { expected, found: net.network })]);
    let options = Options { network: Some(net.network), ..options };
    assert_eq!(audit(net.archive().as_slice(), &options).unwrap().verdict, Verdict::Whole);
}

#[test]
fn a_generation_needs_the_record_that_opens_it() {
    let net = Net::small();
    let opening = net.records.keys().position(|p| *p == log("KE", 0, 2).at(0)).unwrap();
    let after = net.place(log("KE", 1, 2).at(0));
    let unknown = (after, What::UnknownGeneration(member("KE"), 2));

    let mut parts = net.parts();
    parts.records.remove(opening);
    let cut = (Place::Log(log("KE", 0, 2)), What::Cut { from: 0, to: 0 });
    assert_faults(&net.audit(&parts.assemble()), &[unknown.clone(), cut]);

    // Opened by somebody else.
    let mut parts = net.parts();
    let position = log("KE", 0, 2).at(0);
    let mut frame = net.records[&position].to_frame();
    frame.signature = key_of("FR").sign_record(net.network, net.id(position)).0;
    parts.records[opening] = to_bytes(&frame);
    let forged = (net.place(position), What::BadSignature(member("KE"), 2));
    assert_faults(&net.audit(&parts.assemble()), &[forged, unknown.clone()]);

    // Without its body nobody can tell which key it names.
    let mut frame = net.records[&position].to_frame();
    frame.body.clear();
    parts.records[opening] = to_bytes(&frame);
    let blind = (net.place(position), What::UnknownGeneration(member("KE"), 2));
    assert_faults(&net.audit(&parts.assemble()), &[blind, unknown]);
}

#[test]
fn a_generation_can_be_built_on_a_later_one() {
    let mut net = Net::small();
    net.open_generation("KE", 5, 2);
    net.write("KE", 3, 5, b"chunk", |_| {});
    let report = net.audit(&net.archive());
    assert_faults(&report, &[]);
    assert_eq!(report.members[1].generations, 3);
}

#[test]
fn a_missing_body_is_a_hole() {
    let net = Net::small();
    let position = third_of_kenya(&net);
    let mut holed = net.clone();
    let record = holed.records.get_mut(&position).unwrap();
    *record = record.clone().without_body();
    let report = net.audit(&holed.archive());
    assert_faults(&report, &[(net.place(position), What::MissingBody)]);
    assert_eq!((report.bodies_present, report.bodies_missing), (6, 1));
}

#[test]
fn an_expired_body_is_explained() {
    let mut net = Net::small();
    net.records.values_mut().for_each(|r| {
        if r.header().lane.number() != 0 {
            *r = r.clone().without_body();
        }
    });
    net.exported_at = START.after(41 * DAY);
    let report = net.audit(&net.archive());
    assert_faults(&report, &[]);
    assert_eq!((report.bodies_present, report.bodies_expired), (1, 6));

    // The exporter's word alone does not explain it: by the auditor's clock the bodies are alive.
    let report = audit(net.archive().as_slice(), &Options::at(START.after(39 * DAY))).unwrap();
    assert_eq!(report.bodies_missing, 6);
    assert!(report.faults.iter().all(|f| f.what == What::MissingBody));

    // Nor does the auditor's clock: when the archive was written they were alive.
    net.exported_at = START.after(39 * DAY);
    let report = audit(net.archive().as_slice(), &Options::at(START.after(99 * DAY))).unwrap();
    assert_eq!((report.bodies_missing, report.verdict), (6, Verdict::Broken));
}

#[test]
fn a_body_for_addressees_only_is_explained_by_who_exports() {
    let mut net = Net::found(&["KE", "TZ", "FR", "CH"], &["CH"]);
    let position = net.write("KE", 1, 0, b"for Tanzania", |h| {
        h.to = vec![member("TZ")];
        h.flags = Flags(Flags::ADDRESSEES_ONLY);
    });
    let record = net.records[&position].clone().without_body();
    net.records.insert(position, record);
    for (exporter, explained) in [("FR", true), ("KE", false), ("TZ", false), ("CH", false)] {
        net.exporter = member(exporter);
        let report = net.audit(&net.archive());
        assert_eq!(report.bodies_addressees_only, u64::from(explained), "{exporter}");
        let hole = (net.place(position), What::MissingBody);
        assert_faults(&report, if explained { &[] } else { std::slice::from_ref(&hole) });
    }
}

#[test]
fn another_body_is_noticed() {
    let net = Net::small();
    let position = third_of_kenya(&net);
    let mut frame = net.records[&position].to_frame();
    let last = frame.body.len() - 1;
    frame.body[last] ^= 1;
    let at = net.records.keys().position(|p| *p == position).unwrap();
    let mut parts = net.parts();
    parts.records[at] = to_bytes(&frame);
    let report = net.audit(&parts.assemble());
    assert_faults(&report, &[(net.place(position), What::OtherBody)]);
    assert_eq!(report.bodies_missing, 1);

    frame.body.truncate(31);
    parts.records[at] = to_bytes(&frame);
    let short = What::Body(ecomesh_record::body::BodyError::Truncated(31));
    assert_faults(&net.audit(&parts.assemble()), &[(net.place(position), short)]);
}

#[test]
fn records_of_strangers_and_of_other_epochs_are_noticed() {
    let mut net = Net::small();
    let stranger = net.write("XX", 1, 0, b"let me in", |_| {});
    let epoch = net.write("TZ", 2, 0, b"from the future", |h| h.roster_epoch = 1);
    let expected =
        [(net.place(epoch), What::UnknownEpoch(1)), (net.place(stranger), What::UnknownMember(member("XX")))];
    assert_faults(&net.audit(&net.archive()), &expected);
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
