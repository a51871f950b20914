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
pub(super) fn shred(mail: &Mail) -> Result<usize, String> {
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
