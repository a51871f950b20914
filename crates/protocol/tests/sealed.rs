//! Sealed bodies in a small mesh: written as they were sealed, opened by whom they are for, and by nobody else.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions unwrap as tests do")]

mod common;

use common::{Mesh, draft, member};
use ecomesh_protocol::author::header_to_seal;
use ecomesh_protocol::io::SealedTo;
use ecomesh_protocol::prekeys::{Announcement, DAILY_MS, Use};
use ecomesh_protocol::{AuthorError, Draft, Void, judge};
use ecomesh_record::{Audience, Kind, Lane, MemberId, RecordId, Retention, Time};
use ecomesh_seal::{ContentKey, OpenBodyError, PrekeySecret, envelope};

const WRITTEN: Time = Time(1_800_000_000_000);

fn secret(name: &str) -> PrekeySecret {
    let mut seed = [7; PrekeySecret::BYTES];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    PrekeySecret::from_seed(&seed)
}

/// A draft of KE that is sealed, with its content key. The seed makes each sealing another one.
fn sealed(mesh: &Mesh, open: &Draft, seed: u8) -> (Draft, ContentKey) {
    let header = header_to_seal(member("KE"), open, WRITTEN);
    let prekeys: Vec<_> = header.to.iter().map(|to| secret(to.as_str()).public().clone()).collect();
    let sealed = envelope::seal(mesh.network(), header, &open.content, &prekeys, &[seed; 32]).unwrap();
    let to = SealedTo {
        audience: sealed.header.audience,
        created_at: sealed.header.created_at,
        expires_at: sealed.header.expires_at,
    };
    let draft = Draft { to: sealed.header.to, content: sealed.content, sealed: Some(to), ..open.clone() };
    (draft, sealed.key)
}

fn answer(mesh: &mut Mesh, draft: Draft) -> Result<ecomesh_protocol::Recorded, AuthorError> {
    let ticket = mesh.send("KE", draft);
    mesh.pass(1_000);
    mesh.node("KE").authored[&ticket].clone()
}

#[test]
fn what_was_sealed_before_it_had_a_place_opens_for_its_addressees() {
    let mut mesh = Mesh::new(&["KE", "TZ", "FR"]);
    // Named in any order, and twice.
    let (draft, key) = sealed(&mesh, &draft("ivory, 120 kg", &["TZ", "FR", "TZ"]), 1);
    let id = answer(&mut mesh, draft).unwrap().id;
    mesh.pass(5_000);
    mesh.assert_equal();
    for name in ["KE", "TZ", "FR"] {
        let record = mesh.node(name).record(id).unwrap();
        assert_eq!(judge(&mesh.roster, &record), Ok(()), "{name}");
        let (header, content) = (record.header(), record.body().unwrap().content());
        assert_eq!(
            (header.created_at, header.lane),
            (WRITTEN, Lane::MESSAGES),
            "the time at which it was sealed"
        );
        assert!(!content.windows(5).any(|part| part == b"ivory"));
        let opened = |reader: MemberId, secret: &PrekeySecret| {
            let key = envelope::unwrap(mesh.network(), header, content, reader, secret)?;
            envelope::open(mesh.network(), header, content, &key).map(|document| document.to_vec())
        };
        for reader in ["TZ", "FR"] {
            assert_eq!(opened(member(reader), &secret(reader)).unwrap(), b"ivory, 120 kg");
            assert_eq!(opened(member(reader), &secret("KE")), Err(OpenBodyError::OtherPrekey));
        }
        assert_eq!(
            opened(member("KE"), &secret("KE")),
            Err(OpenBodyError::NotAddressed),
            "its author keeps the key"
        );
        let own = envelope::open(mesh.network(), header, content, &key).unwrap();
        assert_eq!(own.to_vec(), b"ivory, 120 kg");
    }
}

#[test]
fn a_retry_is_known_by_its_salt() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let open = Draft { idempotency: Some([5; 32]), ..draft("ivory", &["TZ"]) };
    let (first, _) = sealed(&mesh, &open, 1);
    let (again, _) = sealed(&mesh, &open, 2);
    assert_ne!(first.content, again.content, "sealed anew");
    let recorded = answer(&mut mesh, first).unwrap();
    for restart in [false, true] {
        if restart {
            mesh.stop("KE", |_, _| {});
            mesh.start("KE");
        }
        let repeated = answer(&mut mesh, again.clone()).unwrap();
        assert_eq!((repeated.id, repeated.repeated), (recorded.id, true), "restart: {restart}");
        // Another request under the same key: another document has another salt.
        let other = Draft { salt: [9; 32], ..open.clone() };
        let (other, _) = sealed(&mesh, &other, 3);
        assert_eq!(answer(&mut mesh, other), Err(AuthorError::IdempotencyKeyReused), "restart: {restart}");
        assert_eq!(answer(&mut mesh, open.clone()), Err(AuthorError::IdempotencyKeyReused), "not sealed");
    }
}

#[test]
fn what_would_be_void_is_not_written() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let (good, _) = sealed(&mesh, &draft("ivory", &["TZ"]), 1);
    let with = |change: &dyn Fn(&mut SealedTo)| {
        let mut bad = good.clone();
        change(bad.sealed.as_mut().unwrap());
        bad
    };
    let late = with(&|to| to.expires_at = Time(WRITTEN.0 + 40 * 366 * 24 * 60 * 60 * 1000));
    assert_eq!(answer(&mut mesh, late), Err(AuthorError::Void(Void::Expiry)));
    let never = with(&|to| to.expires_at = Time(0));
    assert_eq!(answer(&mut mesh, never), Err(AuthorError::Void(Void::Expiry)));
    let nobody = Draft { to: Vec::new(), ..good.clone() };
    assert_eq!(answer(&mut mesh, nobody), Err(AuthorError::Void(Void::Audience)));
    // One prekey for two addressees is no header.
    let two =
        with(&|to| to.audience = Audience::Sealed { prekeys: vec![[1; 16]; 2], key_commitment: [2; 32] });
    assert_eq!(answer(&mut mesh, two), Err(AuthorError::Void(Void::Audience)));
    // A group reads what is addressed to all.
    let group = Audience::Group { key_record: RecordId([1; 32]), key_commitment: [2; 32] };
    let named = with(&|to| to.audience = group.clone());
    assert_eq!(answer(&mut mesh, named), Err(AuthorError::Void(Void::Audience)));
    let mut to_all = with(&|to| to.audience = group.clone());
    to_all.to.clear();
    assert!(answer(&mut mesh, to_all).is_ok());
    // Only the record with a group's key is bound to its header and open.
    let open = with(&|to| to.audience = Audience::Open);
    assert_eq!(answer(&mut mesh, open.clone()), Err(AuthorError::Void(Void::Audience)));
    let key = Draft { kind: Kind::GROUP_KEY, to: Vec::new(), ..open };
    assert!(answer(&mut mesh, key).is_ok());
    let unknown = with(&|to| to.audience = Audience::Unknown { number: 9, fields: vec![1] });
    assert_eq!(answer(&mut mesh, unknown), Err(AuthorError::Void(Void::Audience)));
    assert!(answer(&mut mesh, good).is_ok());
}

#[test]
fn a_prekey_record_is_judged_by_its_form() {
    let mut mesh = Mesh::new(&["KE", "TZ"]);
    let announcement = Announcement {
        purpose: Use::DAILY,
        begins_at: WRITTEN,
        ends_at: WRITTEN.after(DAILY_MS),
        prekey: secret("KE").public().to_bytes(),
    };
    let control = |content: Vec<u8>| Draft {
        kind: Kind::PREKEY,
        retention: Retention::CONTROL,
        content,
        ..draft("", &[])
    };
    assert_eq!(answer(&mut mesh, control(vec![1, 2, 3])), Err(AuthorError::Void(Void::Prekey)));
    assert_eq!(answer(&mut mesh, control(Vec::new())), Err(AuthorError::Void(Void::Prekey)));
    let id = answer(&mut mesh, control(announcement.encode().unwrap())).unwrap().id;
    mesh.pass(5_000);
    let record = mesh.node("TZ").record(id).unwrap();
    assert_eq!(judge(&mesh.roster, &record), Ok(()));
    assert_eq!(Announcement::decode(record.body().unwrap().content()), Ok(announcement));
    assert_eq!(judge(&mesh.roster, &record.without_body()), Err(Void::Prekey));
}
