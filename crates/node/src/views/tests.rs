//! Listings over a store of a small network.

use std::sync::{Arc, RwLock};

use ecomesh_api::RecordState;
use ecomesh_protocol::control::CONTROL_KINDS;
use ecomesh_protocol::ledger::{Batch, Ledger, NewRecord};
use ecomesh_protocol::lives::Lives;
use ecomesh_protocol::verify::{KeyRing, verify_record};
use ecomesh_protocol::{Roster, judge};
use ecomesh_record::charter::{FounderSignature, Thresholds};
use ecomesh_record::{
    Audience, Body, Charter, CharterMember, Flags, ForkProof, FoundedCharter, Header, HeaderHash, Kind, Lane,
    LogId, MemberId, Position, Priority, Record, RecordId, Retention, Time,
};
use ecomesh_seal::SigningKey;
use ecomesh_store::{Options, SledLedger, open_or_create};

use crate::passphrase::Passphrase;
use crate::sealing::Mail;
use crate::vault::{self, Vault};

use super::{Filter, Folder, Key, Page, Views, list, scan};

fn member(text: &str) -> MemberId {
    MemberId::parse(text).unwrap()
}

fn key(name: &str) -> SigningKey {
    let mut seed = [1; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(&seed)
}

fn roster() -> Roster {
    let members = ["FR", "KE", "TZ"];
    let entry = |name: &&str| CharterMember {
        member: member(name),
        role: 0,
        name: format!("NCB {name}"),
        signing_key: *key(name).public().as_bytes(),
        recovery_keys: Vec::new(),
        fallback_prekey: Vec::new().into(),
        transport_key: *key(&format!("t{name}")).public().as_bytes(),
        ext: Vec::new(),
    };
    let charter = Charter {
        version: 1,
        suite: 1,
        network: "test".into(),
        drafted_at: Time(1),
        thresholds: Thresholds::default(),
        retention: (1..=6).map(|class| (class, Retention(class).days().unwrap())).collect(),
        control_kinds: CONTROL_KINDS.to_vec(),
        members: members.iter().map(entry).collect(),
        ext: Vec::new(),
    };
    let network = charter.network_id().unwrap();
    let sign = |name: &&str| FounderSignature {
        member: member(name),
        signature: *key(name).sign_charter(network).as_bytes(),
    };
    let charter = charter.encode().unwrap().into();
    let signatures = members.iter().map(sign).collect();
    Roster::found(FoundedCharter { charter, addresses: Vec::new(), signatures }).unwrap()
}

fn mail(bureau: &Bureau) -> Mail {
    let passphrase = Passphrase::new(zeroize::Zeroizing::new(b"a long passphrase".to_vec())).unwrap();
    let dir = bureau._dir.path().join("vault");
    let _storage_key =
        vault::create(&dir, &passphrase, ecomesh_seal::Params::new(8, 1, 1).unwrap(), &[]).unwrap();
    let (vault, _) = Vault::open(&dir, &passphrase, None).unwrap();
    Mail::new(member("KE"), bureau.roster.network(), vault)
}

/// KE's store and views.
struct Bureau {
    roster: Roster,
    ledger: SledLedger,
    views: RwLock<Views>,
    heads: std::collections::BTreeMap<MemberId, (u64, RecordId)>,
    _dir: tempfile::TempDir,
}

impl Bureau {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let roster = roster();
        let options = Options { ballast_bytes: 0, ..Options::default() };
        let ledger = open_or_create(
            &dir.path().join("store"),
            roster.network(),
            [7; 16],
            &ecomesh_seal::StorageKey::from_bytes(&[1; 32]),
            &options,
        )
        .unwrap()
        .ledger;
        let views = RwLock::new(Views::new(member("KE"), &roster, Vec::new(), Lives::new(&roster)));
        Self { roster, ledger, views, heads: Default::default(), _dir: dir }
    }

    /// 0 to 5 from TZ to KE, 6 to FR only, 7 to all; and one of KE's own.
    fn with_mail() -> Self {
        let mut bureau = Self::new();
        for seq in 0..6 {
            bureau.store("TZ", &["KE"], 9_999, 100 + seq);
        }
        bureau.store("TZ", &["FR"], 9_999, 106);
        bureau.store("TZ", &[], 9_999, 107);
        bureau.store("KE", &["TZ"], 9_999, 108);
        bureau
    }

    /// Stores the next message of an author.
    fn store(&mut self, author: &str, to: &[&str], expires_at: u64, first_seen: u64) -> Position {
        let network = self.roster.network();
        let body = Body::new([2; 32], vec![3; 4]).unwrap();
        let author_id = member(author);
        let (seq, prev) = self.heads.get(&author_id).map_or((0, RecordId::ZERO), |(seq, id)| (seq + 1, *id));
        let header = Header {
            author: author_id,
            lane: Lane::MESSAGES,
            generation: 0,
            seq,
            prev,
            created_at: Time(10),
            expires_at: Time(expires_at),
            roster_epoch: 0,
            priority: Priority::ROUTINE,
            kind: Kind::MESSAGE,
            retention: Retention::YEARS_5,
            flags: Flags(0),
            to: to.iter().map(|m| member(m)).collect(),
            audience: Audience::Open,
            body_commit: body.commitment(network),
            body_len: 4,
            ext: Vec::new(),
        };
        let sign = |id| *key(author).sign_record(network, id).as_bytes();
        let record = Record::sign_with(network, header, Some(body), sign).unwrap();
        let record = Arc::new(verify_record(&KeyRing::of_roster(&self.roster), record).unwrap());
        self.heads.insert(author_id, (seq, record.record().id()));
        let first_seen = Time(first_seen);
        let new = NewRecord { record: record.clone(), first_seen };
        self.ledger.commit(&Batch { records: vec![new], ..Batch::default() }).unwrap();
        let verdict = judge(&self.roster, record.record());
        self.views.write().unwrap().stored(record.record(), verdict, first_seen);
        record.record().position()
    }

    fn page(&self, folder: Folder, filter: &Filter, limit: usize, now: u64) -> Page {
        let reader = self.ledger.reader();
        list(&reader, &self.views, &self.roster, (folder, filter), limit, Time(now)).unwrap()
    }

    fn list(&self, folder: Folder, filter: &Filter) -> Vec<u64> {
        seqs(&self.page(folder, filter, 100, 1_000))
    }
}

fn seqs(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|(entry, _)| entry.position.seq).collect()
}

#[test]
fn the_inbox_holds_what_is_for_us_newest_first() {
    let mut bureau = Bureau::with_mail();
    assert_eq!(bureau.list(Folder::Inbox, &Filter::default()), [7, 5, 4, 3, 2, 1, 0]);
    assert_eq!(bureau.list(Folder::Outbox, &Filter::default()), [0]);
    let since = Filter { since: Time(104), ..Filter::default() };
    assert_eq!(bureau.list(Folder::Inbox, &since), [7, 5, 4]);
    let of_fr = Filter { member: Some(member("FR")), ..Filter::default() };
    assert_eq!(bureau.list(Folder::Inbox, &of_fr), Vec::<u64>::new());
    assert_eq!(bureau.list(Folder::Outbox, &of_fr), Vec::<u64>::new());
    bureau.store("KE", &[], 9_999, 109);
    assert_eq!(bureau.list(Folder::Outbox, &of_fr), [1], "what is for all is for FR too");
    let of_tz = Filter { member: Some(member("TZ")), ..Filter::default() };
    assert_eq!(bureau.list(Folder::Outbox, &of_tz), [1, 0]);
}

#[test]
fn a_start_finds_the_same_listings_again() {
    let bureau = Bureau::with_mail();
    let scanned = scan(&bureau.ledger.reader(), &bureau.roster, &mail(&bureau), |_, _| {}).unwrap();
    let all = |views: &Views| (views.places(Folder::Inbox, None, 99), views.places(Folder::Outbox, None, 99));
    assert_eq!(all(&scanned), all(&bureau.views.read().unwrap()));
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat() {
    let mut bureau = Bureau::with_mail();
    // Several that came at once: the cursor tells them apart.
    for _ in 0..4 {
        bureau.store("TZ", &["KE"], 9_999, 107);
    }
    let mut filter = Filter::default();
    let mut seen = Vec::new();
    loop {
        let page = bureau.page(Folder::Inbox, &filter, 3, 1_000);
        seen.extend(seqs(&page));
        let Some(next) = page.next else { break };
        filter.before = Key::from_cursor(&next.to_cursor());
        assert_eq!(filter.before, Some(next));
    }
    assert_eq!(seen, [11, 10, 9, 8, 7, 5, 4, 3, 2, 1, 0]);
    for junk in ["", "00", "zz", &"ff".repeat(29)] {
        assert_eq!(Key::from_cursor(junk), None, "{junk}");
    }
}

#[test]
fn a_filter_may_pass_over_more_places_than_are_looked_at_together() {
    let mut bureau = Bureau::new();
    let first = bureau.store("KE", &["FR"], 9_999, 100);
    for n in 0..super::listing::STEP as u64 + 10 {
        bureau.store("KE", &["TZ"], 9_999, 101 + n);
    }
    let to_fr = Filter { member: Some(member("FR")), ..Filter::default() };
    assert_eq!(bureau.list(Folder::Outbox, &to_fr), [first.seq]);
}

#[test]
fn what_is_not_valid_is_listed_only_when_asked_for() {
    let mut bureau = Bureau::with_mail();
    bureau.store("TZ", &["KE"], 500, 108);
    bureau.store("TZ", &["KE"], 9, 109); // Expires before it was written.
    let position = LogId { author: member("TZ"), lane: Lane::MESSAGES, generation: 0 }.at(5);
    let branch = |n| (HeaderHash([n; 32]), [n; 64]);
    let fork = ForkProof::new(position, branch(1), branch(2)).unwrap();
    bureau.views.write().unwrap().forked(fork);
    assert_eq!(bureau.list(Folder::Inbox, &Filter::default()), [4, 3, 2, 1, 0]);
    let page = bureau.page(Folder::Inbox, &Filter { all: true, ..Filter::default() }, 100, 1_000);
    let states: Vec<RecordState> = page.entries.iter().map(|(_, state)| *state).collect();
    let disputed = RecordState::Disputed;
    assert_eq!(states[..4], [RecordState::Void, disputed, disputed, disputed]);
    assert_eq!(states[4..], [RecordState::Valid; 5]);
}

#[test]
fn an_expired_record_is_hidden() {
    let mut bureau = Bureau::new();
    bureau.store("TZ", &["KE"], 500, 100);
    assert_eq!(seqs(&bureau.page(Folder::Inbox, &Filter::default(), 9, 499)), [0]);
    assert_eq!(seqs(&bureau.page(Folder::Inbox, &Filter::default(), 9, 500)), Vec::<u64>::new());
}
