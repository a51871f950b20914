//! What records of others can do to the keys of this bureau.

use ecomesh_record::{Body, Flags, Lane, Priority, Retention, Time};
use ecomesh_seal::{Params, PrekeySecret, Sealed};

use super::shredder::shred;
use super::*;
use crate::passphrase::Passphrase;
use crate::vault;

const NETWORK: NetworkId = NetworkId([1; 32]);

fn member(text: &str) -> MemberId {
    MemberId::parse(text).unwrap()
}

fn header(author: &str) -> Header {
    Header {
        author: member(author),
        lane: Lane::MESSAGES,
        generation: 0,
        seq: 0,
        prev: RecordId::ZERO,
        created_at: Time(1_000),
        expires_at: Time(9_000_000),
        roster_epoch: 0,
        priority: Priority::ROUTINE,
        kind: Kind::MESSAGE,
        retention: Retention::DAYS_40,
        flags: Flags(0),
        to: vec![member("TZ")],
        audience: Audience::Open,
        body_commit: [0; 32],
        body_len: 0,
        ext: Vec::new(),
    }
}

/// The mail of KE, with an empty vault.
fn mail() -> (tempfile::TempDir, Mail) {
    let dir = tempfile::tempdir().unwrap();
    let passphrase = Passphrase::new(zeroize::Zeroizing::new(b"a long passphrase".to_vec())).unwrap();
    vault::create(dir.path(), &passphrase, Params::new(8, 1, 1).unwrap(), &[]).unwrap();
    let (vault, _) = Vault::open(dir.path(), &passphrase, None).unwrap();
    (dir, Mail::new(member("KE"), NETWORK, vault))
}

fn record(header: Header) -> Record {
    let body = Body::new([0; 32], Vec::new()).unwrap();
    let header = Header { body_commit: body.commitment(NETWORK), ..header };
    Record::sign_with(NETWORK, header, Some(body), |_| [0; 64]).unwrap()
}

fn to_group(key_record: RecordId, key_commitment: [u8; 32]) -> Header {
    let audience = Audience::Group { key_record, key_commitment };
    Header { audience, to: Vec::new(), ..header("UG") }
}

#[test]
fn a_copied_commitment_destroys_no_others_key() {
    let (_dir, mail) = mail();
    let prekey = PrekeySecret::from_seed(&[7; PrekeySecret::BYTES]).public().clone();
    let Sealed { header: own, key, .. } =
        envelope::seal(NETWORK, header("KE"), b"ivory", &[prekey], &[3; 32]).unwrap();
    let commitment = *own.audience.key_commitment().unwrap();
    mail.vault().unwrap().keep(&[kept(&own, key).unwrap()], Time(1_000)).unwrap();

    let copied =
        [Header { audience: own.audience.clone(), ..header("UG") }, to_group(RecordId([9; 32]), commitment)];
    for header in copied {
        mail.destroyed(&header);
        assert_eq!(shred(&mail), Ok(0));
        assert!(mail.condemned().is_empty());
        assert!(mail.vault().unwrap().content_key(&commitment).is_some());
    }
    mail.destroyed(&own);
    assert_eq!(shred(&mail), Ok(1));
    assert!(mail.vault().unwrap().content_key(&commitment).is_none());
}

#[test]
fn a_record_whose_key_record_is_not_here_waits_aside_and_keeps_no_prekey() {
    let (_dir, mail) = mail();
    let key_record = record(Header { kind: Kind::GROUP_KEY, to: Vec::new(), ..header("UG") });
    let prekey = PrekeyId([5; 16]);
    let (first, second) = (to_group(key_record.id(), [1; 32]), to_group(key_record.id(), [2; 32]));
    let other = to_group(RecordId([9; 32]), [3; 32]);
    for (seq, header) in [&first, &second, &other].into_iter().enumerate() {
        mail.arrived(&record(Header { seq: seq as u64, ..header.clone() }), Ok(()));
    }
    assert_eq!((mail.waiting(), mail.needs(prekey)), (0, false));
    // One is erased before its key comes.
    mail.destroyed(&Header { seq: 1, ..second });
    mail.arrived(&key_record, Ok(()));
    assert_eq!((mail.waiting(), mail.needs(prekey)), (1, true));
    assert_eq!(mail.unopened(None, 9), [first.position()]);
    assert_eq!(mail.parked().len(), 1);
}
