//! Mixed load: messages of all sizes, priorities and addressees at a rate, and reads of every kind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ecomesh_api::{Client, FrontierQuery, ListingQuery, Priority, SendRequest, Sent as Answer};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{Dice, NODES, Shared};
use crate::figures::Samples;
use crate::load::message;

/// Contents in bytes; most messages are short.
const SIZES: [usize; 8] = [256, 256, 512, 512, 1024, 1024, 4096, 48 * 1024];
/// Sends that are under way at once; beyond it the next one waits.
const UNDER_WAY_MAX: usize = 512;
/// A send that is not acknowledged after this fails the run.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two tries.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// Between two reads.
const READ_PAUSE: Duration = Duration::from_millis(100);

/// What came of the sends.
pub struct Sent {
    /// Position and id of each acknowledged record.
    pub acknowledged: Vec<(String, String)>,
    /// From when each was due until it was acknowledged.
    pub waits: Samples,
    /// Tries that failed.
    pub retries: u64,
    /// Sends that had to wait because too many were under way.
    pub late: u64,
}

/// What came of the reads.
#[derive(Default)]
pub struct Reads {
    /// Answers.
    pub answered: u64,
    /// Refusals, and nodes that were not there.
    pub refused: u64,
}

/// Sends at the rate for the time, then waits for all acknowledgements.
pub async fn send(shared: Arc<Shared>, rate: f64, time: Duration) -> anyhow::Result<Sent> {
    let mut dice = Dice::new()?;
    let messages = SIZES.iter().map(|bytes| message(*bytes)).collect::<anyhow::Result<Vec<_>>>()?;
    let room = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let mut under_way = JoinSet::new();
    let mut sent = Sent { acknowledged: Vec::new(), waits: Samples::default(), retries: 0, late: 0 };
    let start = Instant::now();
    for n in 0.. {
        let due = start + Duration::from_secs_f64(f64::from(n) / rate);
        if due >= start + time {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        sent.late += u64::from(room.available_permits() == 0);
        let permit = room.clone().acquire_owned().await?;
        let author = dice.below(NODES);
        let request = request(&shared, &messages, author, &mut dice);
        let client = shared.clients[author].clone();
        let key = format!("soak-{n}-{}", dice.below(usize::MAX));
        under_way.spawn(async move {
            let answer = until_acknowledged(&client, &request, &key).await;
            drop(permit);
            answer.map(|(answer, retries)| (answer, retries, due.elapsed()))
        });
        while let Some(done) = under_way.try_join_next() {
            sent.take(done??);
        }
    }
    while let Some(done) = under_way.join_next().await {
        sent.take(done??);
    }
    Ok(sent)
}

impl Sent {
    fn take(&mut self, (answer, retries, wait): (Answer, u64, Duration)) {
        self.acknowledged.push((answer.position, answer.id));
        self.retries += retries;
        self.waits.time(wait);
    }
}

/// One message, drawn.
fn request(shared: &Shared, messages: &[SendRequest], author: usize, dice: &mut Dice) -> SendRequest {
    let mut request = messages[dice.below(messages.len())].clone();
    request.priority = match dice.below(100) {
        0 => Some(Priority::Flash),
        1..=9 => Some(Priority::Urgent),
        _ => None,
    };
    if dice.below(2) == 0 {
        let first = dice.below(NODES - 1) + 1;
        let others = (0..=dice.below(3)).map(|n| (author + 1 + (first + n) % (NODES - 1)) % NODES);
        request.members = false;
        request.to = others.map(|n| shared.members[n].clone()).collect();
    }
    request
}

/// A node that is away, starting or busy is asked again, with the same key: never two records.
async fn until_acknowledged(
    client: &Client,
    request: &SendRequest,
    key: &str,
) -> anyhow::Result<(Answer, u64)> {
    let deadline = Instant::now() + PATIENCE;
    let mut retries = 0;
    loop {
        match client.send(request, Some(key)).await {
            Ok(answer) => return Ok((answer, retries)),
            Err(error) if Instant::now() >= deadline => {
                return Err(error).context("a send was not acknowledged in time");
            }
            Err(ecomesh_api::ClientError::Request(text)) => bail!("a send was wrong: {text}"),
            Err(_) => retries += 1,
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

/// Reads from random nodes until told to stop.
pub async fn read(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) -> Reads {
    let mut reads = Reads::default();
    let Ok(mut dice) = Dice::new() else { return reads };
    loop {
        tokio::select! {
            () = tokio::time::sleep(READ_PAUSE) => {}
            _ = stopped.wait_for(|stop| *stop) => return reads,
        }
        let client = &shared.clients[dice.below(NODES)];
        match one_read(client, dice.below(5)).await {
            Ok(()) => reads.answered += 1,
            Err(_) => reads.refused += 1,
        }
    }
}

async fn one_read(client: &Client, kind: usize) -> Result<(), ecomesh_api::ClientError> {
    match kind {
        0 => client.peers().await.map(drop),
        1 => client.frontier(&FrontierQuery::default()).await.map(drop),
        2 => client.metrics().await.map(drop),
        3 => {
            let page = client.inbox(&ListingQuery::default()).await?;
            let Some(newest) = page.messages.first() else { return Ok(()) };
            client.record(&newest.id).await.map(drop)
        }
        _ => {
            let page = client.outbox(&ListingQuery::default()).await?;
            let Some(newest) = page.messages.first() else { return Ok(()) };
            client.status(&newest.id).await.map(drop)
        }
    }
}
