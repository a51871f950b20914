//! Destroys the content keys of bodies that were destroyed: who takes disks and passphrase later opens nothing of what was
//! captured on the way. The surviving keys of the same day move under a new key of the day, and the old one dies.

use std::sync::Arc;
use std::time::Duration;

use super::Mail;

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
    let gone = mail.condemned().clone();
    // What is condemned while the vault is locked is destroyed when it is open.
    let Some(vault) = mail.vault().ok().filter(|_| !gone.is_empty()) else {
        return Ok(0);
    };
    vault.forget(&gone).map_err(|e| e.to_string())?;
    mail.condemned().retain(|commitment| !gone.contains(commitment));
    Ok(gone.len())
}
