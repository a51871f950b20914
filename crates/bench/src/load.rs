//! Clients under load: documents of an exact length, sent in a window or at a rate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ecomesh_api::{Client, ClientError, ProblemCode, SendRequest};
use ecomesh_document::Document;
use ecomesh_document::codes::Code;
use ecomesh_document::member::MemberCode;
use ecomesh_record::{Lane, LogId, MemberId, Position};

use crate::figures::Samples;

/// Refusals of one send before the run is given up: a node that is busy for so long does not work.
const RETRIES_MAX: u32 = 1_000;
/// A refused client tries again after this.
const RETRY_AFTER: Duration = Duration::from_millis(5);

/// A message to all members whose encoded content has exactly `bytes` bytes.
pub fn message(bytes: usize) -> anyhow::Result<SendRequest> {
    let mut characters = bytes;
    // Lengths of lengths vary, so the first guess may be off by a few.
    for _ in 0..4 {
        let request = request_of(characters);
        let length = content_bytes(&request)?;
        if length == bytes {
            return Ok(request);
        }
        characters = (characters + bytes).checked_sub(length).context("a message cannot be that short")?;
    }
    bail!("no message has a content of exactly {bytes} bytes; choose another --body-bytes")
}

fn request_of(characters: usize) -> SendRequest {
    let mut text = "Forty tusks in sacks of tea, two arrests. ".repeat(characters / 42 + 1);
    text.truncate(characters.saturating_sub(1));
    // No space at the end: forms do not keep it.
    text.push('.');
    SendRequest {
        document: serde_json::json!({
            "form": "message", "language": "en", "title": "Benchmark", "text": text,
        }),
        to: Vec::new(),
        members: true,
        open: false,
        priority: None,
        reply_to: None,
        expires_at_ms: None,
        exercise: true,
        files: Vec::new(),
    }
}

/// What a node makes of the document: it writes sender and priority into it.
pub fn content_bytes(request: &SendRequest) -> anyhow::Result<usize> {
    Ok(content(request)?.len())
}

/// The content of the record that a node writes for a request.
pub fn content(request: &SendRequest) -> anyhow::Result<Vec<u8>> {
    let (document, _) = Document::from_json(&request.document)
        .map_err(|report| anyhow::anyhow!("the benchmark's own document: {report}"))?;
    let sender = MemberCode::parse("KE").context("a member")?;
    let priority = Code::new("routine").context("a priority")?;
    Ok(document.routed(sender, Vec::new(), priority).encode()?)
}

/// What came of a load.
#[derive(Debug, Clone)]
pub struct Sending {
    /// When the first request was sent.
    pub began: Instant,
    /// When the last acknowledgement came.
    pub ended: Instant,
    /// Acknowledged records of each log.
    pub logs: BTreeMap<LogId, Acknowledged>,
    /// From request to acknowledgement, in milliseconds.
    pub waits: Samples,
    /// How often a node said that it was busy; the client tried again.
    pub busy: u64,
}

/// Acknowledged records of one log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// How many.
    pub count: u64,
    /// The highest sequence number.
    pub last: u64,
}

impl Sending {
    fn new() -> Self {
        let now = Instant::now();
        Self { began: now, ended: now, logs: BTreeMap::new(), waits: Samples::default(), busy: 0 }
    }

    /// Acknowledged records.
    pub fn count(&self) -> u64 {
        self.logs.values().map(|log| log.count).sum()
    }

    fn acknowledged(&mut self, position: Position, wait: Duration) {
        let log = self.logs.entry(position.log).or_default();
        log.count += 1;
        log.last = log.last.max(position.seq);
        self.waits.time(wait);
        self.ended = Instant::now();
    }

    fn merge(&mut self, other: Self) {
        for (log, more) in other.logs {
            let sum = self.logs.entry(log).or_default();
            *sum = Acknowledged { count: sum.count + more.count, last: sum.last.max(more.last) };
        }
        self.began = self.began.min(other.began);
        self.ended = self.ended.max(other.ended);
        self.waits.append(other.waits);
        self.busy += other.busy;
    }
}

/// Sends `total` copies of a request; each client has one send outstanding at any time.
pub async fn in_a_window(clients: Vec<Client>, request: &SendRequest, total: u64) -> anyhow::Result<Sending> {
    let request = Arc::new(request.clone());
    let next = Arc::new(AtomicU64::new(0));
    let mut sending = Sending::new();
    let sender = |client: Client| {
        let (request, next) = (request.clone(), next.clone());
        tokio::spawn(async move {
            let mut own = Sending::new();
            while next.fetch_add(1, Ordering::Relaxed) < total {
                send(&client, &request, &mut own).await?;
            }
            anyhow::Ok(own)
        })
    };
    let senders: Vec<_> = clients.into_iter().map(sender).collect();
    for sender in senders {
        sending.merge(sender.await??);
    }
    Ok(sending)
}

/// One send, until it is acknowledged.
async fn send(client: &Client, request: &SendRequest, into: &mut Sending) -> anyhow::Result<()> {
    let began = Instant::now();
    for _ in 0..RETRIES_MAX {
        match client.send(request, None).await {
            Ok(sent) => {
                let position = parse_position(&sent.position)?;
                into.acknowledged(position, began.elapsed());
                return Ok(());
            }
            Err(ClientError::Refused(problem)) if problem.code == ProblemCode::Busy => into.busy += 1,
            Err(error) => return Err(error).context("a send failed"),
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
    bail!("a node was busy {RETRIES_MAX} times in a row")
}

/// Reads `KE/1/0/5`.
pub fn parse_position(text: &str) -> anyhow::Result<Position> {
    let parts: Vec<&str> = text.split('/').collect();
    let [author, lane, generation, seq] = parts.as_slice() else { bail!("{text} is no position") };
    let lane = Lane::new(lane.parse()?).with_context(|| format!("{text} has no lane"))?;
    let log = LogId { author: MemberId::parse(author)?, lane, generation: generation.parse()? };
    Ok(log.at(seq.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_length_that_was_asked_for() {
        for bytes in [256, 300, 1024, 4096, 70_000] {
            assert_eq!(content_bytes(&message(bytes).unwrap()).unwrap(), bytes);
        }
    }

    #[test]
    fn positions_are_read_as_they_are_written() {
        let position = parse_position("KE/1/0/5").unwrap();
        assert_eq!(position.to_string(), "KE/1/0/5");
        assert_eq!(position.seq, 5);
        assert!(parse_position("KE/1/0").is_err());
    }
}
