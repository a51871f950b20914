//! Every way in which records and charters can be wrong, and the exact fault that each gets.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod common;

use std::collections::BTreeMap;

use common::{DAY, Net, START, assert_faults, frame_bytes, key_of, log, member, to_bytes};
use ecomesh_audit::{Options, Place, Verdict, What, audit};
use ecomesh_protocol::erasure::{Erase, Extend, Ground};
use ecomesh_protocol::{FoundingError, Void};
use ecomesh_record::{Flags, ForkProof, FoundedCharter, Kind, Position, Priority, Record, RecordId};
use ecomesh_seal::{OpenBodyError, PrekeySecret, envelope};

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
        "records    7 (7 with body, 0 expired, 0 erased, 0 for addressees only, 0 bodies missing)",
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

/// The checksum is no secret: whoever changes an archive can make a new one. What is left is what is signed. Only
/// the exporter's clock and the address hints of the charter are nobody's signed word.
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
    let branch = |record: &Record| (record.hash(), *record.signature());
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
fn an_erased_body_is_explained_by_its_authors_own_record() {
    let erased_by = |author: &str| {
        let mut net = Net::erasing();
        let position = third_of_kenya(&net);
        let content = Erase::new(Ground::COURT_ORDER, [net.id(position)]).unwrap().encode().unwrap();
        net.write(author, 0, 0, &content, |h| h.kind = Kind::ERASE);
        let record = net.records[&position].clone().without_body();
        net.records.insert(position, record);
        (net.place(position), net.audit(&net.archive()))
    };
    let (_, report) = erased_by("KE");
    assert_faults(&report, &[]);
    assert_eq!((report.bodies_erased, report.bodies_missing), (1, 0));
    assert!(report.to_string().contains("1 erased"), "{report}");
    // Nobody erases what another country has written.
    let (place, report) = erased_by("TZ");
    assert_faults(&report, &[(place, What::MissingBody)]);
}

#[test]
fn what_was_extended_has_not_expired() {
    let mut net = Net::erasing();
    let position = third_of_kenya(&net);
    let until = START.after(45 * DAY);
    let extend = Extend::new(Ground::STILL_NEEDED, until, [net.id(position)]).unwrap().encode().unwrap();
    net.write("KE", 0, 0, &extend, |h| {
        h.kind = Kind::EXTEND;
        h.created_at = START.after(10 * DAY);
    });
    let record = net.records[&position].clone().without_body();
    net.records.insert(position, record);
    for (day, missing) in [(44, 1), (46, 0)] {
        net.exported_at = START.after(day * DAY);
        assert_eq!(net.audit(&net.archive()).bodies_missing, missing, "day {day}");
    }
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

/// A small network in which KE has sealed a record to TZ; its place, and its content key.
fn with_sealed(document: &[u8]) -> (Net, Position, [u8; 32]) {
    let mut net = Net::small();
    let header = net.next_record("KE", 1, 2, document, |h| h.to = vec![member("TZ")]).header().clone();
    let prekey = PrekeySecret::from_seed(&[5; PrekeySecret::BYTES]).public().clone();
    let sealed = envelope::seal(net.network, header, document, &[prekey], &[6; 32]).unwrap();
    let position = net.write("KE", 1, 2, &sealed.content, |h| {
        h.to = vec![member("TZ")];
        h.audience = sealed.header.audience.clone();
    });
    (net, position, *sealed.key.as_bytes())
}

#[test]
fn a_content_key_must_open_its_record() {
    let (net, position, key) = with_sealed(b"sealed words");
    let id = net.records[&position].id();
    assert_faults(&net.audit(&net.archive_with(&BTreeMap::from([(id, key)]))), &[]);
    assert_faults(&net.audit(&net.archive()), &[]);

    let wrong = What::ContentKey(OpenBodyError::Commitment);
    let other = net.archive_with(&BTreeMap::from([(id, [9; 32])]));
    assert_faults(&net.audit(&other), &[(net.place(position), wrong)]);
    let open = *net.records.keys().next().unwrap();
    let open_id = net.records[&open].id();
    let not_sealed = net.archive_with(&BTreeMap::from([(id, key), (open_id, key)]));
    let wrong = What::ContentKey(OpenBodyError::NotSealed);
    assert_faults(&net.audit(&not_sealed), &[(net.place(open), wrong)]);

    let stranger = RecordId([9; 32]);
    let stray = net.archive_with(&BTreeMap::from([(id, key), (stranger, key)]));
    assert_faults(&net.audit(&stray), &[(Place::Archive, What::StrayKey(stranger))]);
}

#[test]
fn a_key_of_a_record_whose_signature_is_bad_opens_nothing() {
    let (net, position, key) = with_sealed(b"sealed words");
    let id = net.records[&position].id();
    let mut net = net;
    let mut frame = net.records[&position].to_frame();
    frame.signature[0] ^= 1;
    let forged = Record::from_frame(net.network, frame).unwrap();
    net.records.insert(position, forged);
    let report = net.audit(&net.archive_with(&BTreeMap::from([(id, key)])));
    let expected =
        [(net.place(position), What::BadSignature(member("KE"), 2)), (Place::Archive, What::StrayKey(id))];
    assert_faults(&report, &expected);
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
