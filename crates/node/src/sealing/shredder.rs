//! Destroys the content keys of bodies that were destroyed: who takes disks and passphrase later opens nothing of what was
//! captured on the way. The surviving keys of the same day move under a new key of the day, and the old one dies.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ecomesh_seal::envelope;

use super::{Condemned, Mail};

/// What is condemned within this time shares the writing.
const GATHER: Duration = Duration::from_secs(1);
/// What could not be written is tried again after this.
const AGAIN: Duration = Duration::from_secs(60);

/// Runs until it is aborted.
pub(crate) async fn run(mail: Arc<Mail>) {
    loop {
        let work = mail.clone();
        match tokio::task::spawn_blocking(move || shred(&work)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!(count, "content keys were destroyed"),
            Ok(Err(error)) => tracing::warn!(%error, "content keys wait to be destroyed"),
            Err(_) => return,
        }
        // Whether something came or not: what is left is tried again.
        let _ = tokio::time::timeout(AGAIN, mail.sentence.notified()).await;
        tokio::time::sleep(GATHER).await;
    }
}

/// Destroys what is condemned now; how many. What could not be destroyed is tried again.
fn shred(mail: &Mail) -> Result<usize, String> {
    let condemned = mail.condemned().clone();
    // What is condemned while the vault is locked is destroyed when it is open.
    let Some(vault) = mail.vault().ok().filter(|_| !condemned.is_empty()) else {
        return Ok(0);
    };
    // Whoever copies the commitment of another record into its own header and erases that has no say about the other's key.
    let is_its_key = |one: &&Condemned| {
        let key = vault.content_key(&one.key_commitment);
        key.is_some_and(|key| envelope::is_key_of(&key, &one.core, &one.key_commitment))
    };
    let gone: BTreeSet<_> = condemned.iter().filter(is_its_key).map(|one| one.key_commitment).collect();
    if !gone.is_empty() {
        vault.forget(&gone).map_err(|e| e.to_string())?;
    }
    mail.condemned().retain(|one| !condemned.contains(one));
    Ok(gone.len())
}

#[cfg(test)]
mod tests {
    use ecomesh_record::{
        Audience, Flags, Header, Kind, Lane, MemberId, NetworkId, Priority, RecordId, Retention, Time,
    };
    use ecomesh_seal::{Params, PrekeySecret, Sealed};

    use super::*;
    use crate::passphrase::Passphrase;
    use crate::sealing::kept;
    use crate::vault::{self, Vault};

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

    #[test]
    fn a_copied_commitment_destroys_no_others_key() {
        let dir = tempfile::tempdir().unwrap();
        let passphrase = Passphrase::new(zeroize::Zeroizing::new(b"a long passphrase".to_vec())).unwrap();
        vault::create(dir.path(), &passphrase, Params::new(8, 1, 1).unwrap(), &[]).unwrap();
        let (vault, _) = Vault::open(dir.path(), &passphrase, None).unwrap();
        let mail = Mail::new(member("KE"), NETWORK, vault);
        let prekey = PrekeySecret::from_seed(&[7; PrekeySecret::BYTES]).public().clone();
        let Sealed { header: own, key, .. } =
            envelope::seal(NETWORK, header("KE"), b"ivory", &[prekey], &[3; 32]).unwrap();
        let commitment = *own.audience.key_commitment().unwrap();
        mail.vault().unwrap().keep(&[kept(&own, key).unwrap()], Time(1_000)).unwrap();

        let copied = [
            Header { audience: own.audience.clone(), ..header("UG") },
            Header {
                audience: Audience::Group { key_record: RecordId([9; 32]), key_commitment: commitment },
                to: Vec::new(),
                ..header("UG")
            },
        ];
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
}
