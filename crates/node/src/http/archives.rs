//! Export and import of archives, streamed both ways.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use ecomesh_api::{ARCHIVE_TYPE, ExportQuery, Imported, Problem, ProblemCode};
use ecomesh_protocol::control::LogOpen;
use ecomesh_protocol::lives::{Life, Term};
use ecomesh_protocol::verify::verify_frame;
use ecomesh_protocol::{KeyRing, Verified};
use ecomesh_record::archive::{
    ArchiveDecoder, ArchiveEncoder, ArchiveError, Filter, Item, LogRange, Manifest,
};
use ecomesh_record::{Body as RecordBody, Lane, LogId, Position, RecordFrame, RecordId, Time};
use ecomesh_store::LedgerReader;
use futures::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use super::extract::{ApiQuery, Live, bad_request, too_large};
use super::node::member_of;
use super::{Refusal, Services, Shared, busy, damaged, records};
use crate::pool::Job;
use crate::vault::Locked;

/// Pieces of an export that wait for the client.
const PIECES_MAX: usize = 8;
/// Bytes that are sent at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Records of an import that are verified and committed at once: one commit of the store.
const BATCH_RECORDS: usize = 256;
/// And their bytes at the most.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Most bytes that are read after a refusal: what a Unix socket carries in a fraction of a second.
const REST_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Longest time to read after a refusal.
const REST_TIMEOUT: Duration = Duration::from_secs(5);

/// An archive of what is held here. What cannot be read ends the connection before the archive's end.
#[utoipa::path(
    get, path = "/v1/export", params(ExportQuery),
    responses(
        (status = 200, body = String, content_type = "application/vnd.ecomesh.archive"),
        (status = 422, body = Problem), (status = 429, body = Problem),
    )
)]
pub(crate) async fn export(
    State(shared): State<Arc<Shared>>,
    Live(services): Live,
    ApiQuery(query): ApiQuery<ExportQuery>,
) -> Result<impl IntoResponse, Refusal> {
    let permit = transfer(&shared)?;
    let members = query.from.as_deref().map(|text| member_of(&services, text)).transpose()?;
    if query.record.is_some() && (members.is_some() || query.since_ms.is_some()) {
        return Err(bad_request("one record is asked for, and a member or a time besides; leave one out"));
    }
    let filter = Filter { members: members.into_iter().collect(), since: Time(query.since_ms.unwrap_or(0)) };
    let (manifest, keys) = services
        .read(move |services| match &query.record {
            Some(id) => proof_of(services, id),
            None => Ok((manifest(services, filter)?, BTreeMap::new())),
        })
        .await?;
    let in_use = services.mail.safe().enter()?;
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let mut pieces = Pieces { sender, stop: shared.stop.subscribe(), runtime: Handle::current() };
    tokio::task::spawn_blocking(move || {
        let result = write(&services, &manifest, &keys, &mut pieces);
        if let Err(error) = result {
            tracing::warn!(%error, "an export broke off");
            // The body ends with an error, so that no client takes it for whole.
            let _ = pieces.sender.try_send(Err(error));
        }
        drop((permit, in_use));
    });
    let pieces = stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
    Ok(([(header::CONTENT_TYPE, ARCHIVE_TYPE)], Body::from_stream(pieces)))
}

/// Takes in the records of an archive, each verified as if it came from a peer. Returns when they are durable.
#[utoipa::path(
    post, path = "/v1/import", request_body(content = String, content_type = "application/vnd.ecomesh.archive"),
    responses(
        (status = 200, body = Imported), (status = 413, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem), (status = 507, body = Problem),
    )
)]
pub(crate) async fn import(
    State(shared): State<Arc<Shared>>,
    Live(services): Live,
    body: Body,
) -> Result<Json<Imported>, Refusal> {
    let _permit = transfer(&shared)?;
    let mut chunks = body.into_data_stream();
    let taken = take(&services, &mut chunks).await;
    if taken.is_err() {
        read_rest(&mut chunks).await;
    }
    taken.map(Json)
}

/// Takes the records of an archive that comes in pieces.
async fn take(services: &Arc<Services>, chunks: &mut BodyDataStream) -> Result<Imported, Refusal> {
    let mut import = Import::new(services);
    let mut bytes = 0;
    while let Some(chunk) = chunks.next().await {
        // What was taken is taken; the rest can be imported again.
        if services.mail.safe().is_locked() {
            return Err(Locked.into());
        }
        let chunk = chunk.map_err(|_| bad_archive(&ArchiveError::Truncated, &import.counts))?;
        bytes += chunk.len() as u64;
        if bytes > services.import_bytes_max {
            return Err(too_large(services.import_bytes_max));
        }
        import.push(&chunk).await?;
    }
    import.finish().await
}

/// Reads on after a refusal: a client that is still sending would see a broken connection instead of the reason.
async fn read_rest(chunks: &mut BodyDataStream) {
    let rest = async {
        let mut bytes = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            bytes += chunk.len() as u64;
            if bytes > REST_BYTES_MAX {
                break;
            }
        }
    };
    // Who is slower than that does not get the reason.
    let _ = tokio::time::timeout(REST_TIMEOUT, rest).await;
}

/// Leave to hold much in memory for a while.
pub(super) fn transfer(shared: &Shared) -> Result<OwnedSemaphorePermit, Refusal> {
    shared.transfers.clone().try_acquire_owned().map_err(|_| busy("too many transfers at once"))
}

/// What the export will hold: the logs up to their heads of now.
fn manifest(services: &Services, filter: Filter) -> Result<Manifest, Refusal> {
    let mut logs = Vec::new();
    for head in services.reader.heads() {
        if filter.wants(head.log)
            && let Some(first) = first_since(&services.reader, head.log, head.seq, filter.since)?
        {
            logs.push(LogRange { log: head.log, first, last: head.seq });
        }
    }
    Ok(Manifest {
        network: services.roster.network(),
        exporter: services.own,
        exported_at: services.now(),
        filter,
        logs,
    })
}

/// Content keys of sealed records, in the clear.
type ContentKeys = BTreeMap<RecordId, [u8; 32]>;

/// One record, with its content key if it is sealed, and the records that open its generation and those whose keys lead
/// there.
fn proof_of(services: &Services, id: &str) -> Result<(Manifest, ContentKeys), Refusal> {
    let (record, _) = records::find(services, id)?;
    let header = record.header();
    let ended =
        services.views(|views| views.lives().life(&Term::of(&record), services.now())) != Life::Living;
    if record.body().is_none() || ended {
        return Err(Refusal(
            Problem::new(ProblemCode::NotFound, "what this record says is not here, so it cannot be proved")
                .advice("a body that is missing comes back from the peers by itself; one that was erased or has expired does not"),
        ));
    }
    let mut keys = ContentKeys::new();
    if header.audience.is_closed() {
        let key = services.mail.content_key(&record).map_err(|closed| {
            Refusal(
                Problem::new(
                    ProblemCode::Closed,
                    format!("what this record says cannot be proved here: {closed}"),
                )
                .advice("a bureau that can read it can prove it; `ecomesh show` says which"),
            )
        })?;
        keys.insert(record.id(), *key.as_bytes());
    }
    let Position { log, seq } = record.position();
    let mut ranges = BTreeMap::from([(log, LogRange { log, first: seq, last: seq })]);
    if log.lane == Lane::CONTROL {
        // A control lane is not cut at its beginning.
        ranges.insert(log, LogRange { log, first: 0, last: seq });
    }
    let mut generation = log.generation;
    while generation > 0 {
        let log = LogId { lane: Lane::CONTROL, generation, ..log };
        ranges.entry(log).or_insert(LogRange { log, first: 0, last: 0 });
        let opening = services.reader.record(log.at(0)).map_err(|e| damaged(&e))?;
        let open = opening.as_ref().and_then(|opening| opening.body()).map(RecordBody::content);
        let open = open.and_then(|content| LogOpen::decode(log.author, content).ok());
        // Opened twice, or its opening is being fetched: whoever audits it is told.
        let Some(open) = open.filter(|open| open.base < generation) else { break };
        generation = open.base;
    }
    let manifest = Manifest {
        network: services.roster.network(),
        exporter: services.own,
        exported_at: services.now(),
        filter: Filter { members: vec![header.author], since: header.created_at },
        logs: ranges.into_values().collect(),
    };
    Ok((manifest, keys))
}

/// The first record of a log that was written at this time or later; `None` if there is none.
fn first_since(reader: &LedgerReader, log: LogId, last: u64, since: Time) -> Result<Option<u64>, Refusal> {
    if log.lane == Lane::CONTROL || since == Time(0) {
        return Ok(Some(0));
    }
    for seq in 0..=last {
        let record = reader.record(log.at(seq)).map_err(|e| damaged(&e))?;
        if record.is_some_and(|record| record.header().created_at >= since) {
            return Ok(Some(seq));
        }
    }
    Ok(None)
}

/// Writes the archive piece by piece, at the client's pace.
fn write(
    services: &Services,
    manifest: &Manifest,
    keys: &ContentKeys,
    pieces: &mut Pieces,
) -> io::Result<()> {
    let mut piece = Vec::with_capacity(2 * PIECE_BYTES);
    let mut put = |bytes: Vec<u8>, flush: bool| {
        piece.extend_from_slice(&bytes);
        if piece.len() < PIECE_BYTES && !flush {
            return Ok(());
        }
        pieces.send(Bytes::from(std::mem::take(&mut piece)))
    };
    let (mut encoder, head) = ArchiveEncoder::begin_with_keys(services.roster.founded(), manifest, keys)
        .map_err(io::Error::other)?;
    put(head, false)?;
    while let Some(position) = encoder.expected() {
        if services.mail.safe().is_locked() {
            return Err(io::Error::other(Locked));
        }
        let record = services.reader.record(position).map_err(io::Error::other)?;
        let record = record.ok_or_else(|| io::Error::other("a record of the manifest is gone"))?;
        // What was erased or has expired is exported no more; its header still holds the chain together.
        let life = services.views(|views| views.lives().life(&Term::of(&record), services.now()));
        let record = if life == Life::Living { record } else { record.without_body() };
        put(encoder.record(&record).map_err(io::Error::other)?, false)?;
    }
    let mut forks = services.reader.forks();
    forks.retain(|proof| manifest.filter.wants(proof.position().log));
    forks.sort_by_key(ecomesh_record::ForkProof::position);
    for proof in forks {
        put(encoder.fork(&proof).map_err(io::Error::other)?, false)?;
    }
    put(encoder.finish().map_err(io::Error::other)?, true)
}

/// The way of an archive to the client, for a thread that may wait.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    stop: watch::Receiver<bool>,
    runtime: Handle,
}

impl Pieces {
    /// Waits for the client, unless the node stops: a client that reads nothing must not hold that up.
    fn send(&mut self, piece: Bytes) -> io::Result<()> {
        let Self { sender, stop, runtime } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => Err(io::Error::other("the node is stopping")),
                sent = sender.send(Ok(piece)) => sent.map_err(|_| io::Error::other("the client went away")),
            }
        })
    }
}

/// An import under way: decoder, keys, and the batch that is being collected.
struct Import<'a> {
    services: &'a Arc<Services>,
    decoder: ArchiveDecoder,
    /// The node's keys, and those of the generations that the archive itself proves.
    ring: KeyRing,
    batch: Vec<RecordFrame>,
    batch_bytes: usize,
    counts: Imported,
}

impl<'a> Import<'a> {
    fn new(services: &'a Arc<Services>) -> Self {
        Self {
            services,
            decoder: ArchiveDecoder::new(),
            ring: KeyRing::clone(&services.ring.load()),
            batch: Vec::new(),
            batch_bytes: 0,
            counts: Imported::default(),
        }
    }

    async fn push(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        self.decoder.push(chunk);
        while let Some(item) = self.decoder.next().map_err(|e| bad_archive(&e, &self.counts))? {
            match item {
                Item::Manifest(manifest) if manifest.network != self.services.roster.network() => {
                    return Err(other_network(&manifest));
                }
                Item::Record { frame: Ok(frame), .. } => {
                    self.batch_bytes += frame.header.len() + frame.body.len();
                    self.batch.push(frame);
                    if self.batch.len() >= BATCH_RECORDS || self.batch_bytes >= BATCH_BYTES {
                        self.commit().await?;
                    }
                }
                Item::Record { frame: Err(_), .. } => self.counts.refused += 1,
                // The charter is known here, and a fork is proved again by the records themselves.
                Item::Charter(_) | Item::Manifest(_) | Item::Key { .. } | Item::Fork(_) | Item::End => {}
            }
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Imported, Refusal> {
        self.decoder.finish().map_err(|e| bad_archive(&e, &self.counts))?;
        self.commit().await?;
        Ok(self.counts)
    }

    /// Verifies the batch on the pool and hands it to the core.
    async fn commit(&mut self) -> Result<(), Refusal> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let frames = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let (verified, refused) = self.verify(frames).await?;
        let counts = self.services.core.import(verified, refused).await??;
        self.counts.new += counts.new;
        self.counts.known += counts.known;
        self.counts.early += counts.early;
        self.counts.refused += counts.refused;
        Ok(())
    }

    async fn verify(&mut self, frames: Vec<RecordFrame>) -> Result<(Vec<Verified>, u64), Refusal> {
        let (sender, receiver) = oneshot::channel();
        let mut ring = self.ring.clone();
        let work = move |_: &KeyRing| {
            let mut verified = Vec::with_capacity(frames.len());
            let mut refused = 0;
            for frame in frames {
                match verify_frame(&ring, frame) {
                    Ok(record) => {
                        ring.learn(&record);
                        verified.push(record);
                    }
                    Err(_) => refused += 1,
                }
            }
            let _ = sender.send((verified, refused, ring));
        };
        let pool = self.services.pool.clone();
        // The queue may be full for a moment.
        let given = tokio::task::spawn_blocking(move || pool.give(Job::Work(Box::new(work)))).await;
        if !matches!(given, Ok(Ok(()))) {
            return Err(stopped());
        }
        let (verified, refused, ring) = receiver.await.map_err(|_| stopped())?;
        self.ring = ring;
        Ok((verified, refused))
    }
}

fn stopped() -> Refusal {
    Refusal(
        Problem::new(ProblemCode::Stopping, "the node is stopping")
            .advice("import the file again when it runs"),
    )
}

fn bad_archive(error: &ArchiveError, counts: &Imported) -> Refusal {
    let text = error.to_string();
    let (message, advice) = text.split_once("; ").unwrap_or((&text, "copy it again, or export it again"));
    let kept = counts.new + counts.known + counts.early;
    let advice = match kept {
        0 => advice.to_owned(),
        _ => format!("{advice}. The {kept} records before were each verified and are kept"),
    };
    Refusal(Problem::new(ProblemCode::BadArchive, message).advice(advice))
}

fn other_network(manifest: &Manifest) -> Refusal {
    let message = format!("the archive is of network {}, which is not this node's", manifest.network.short());
    Refusal(
        Problem::new(ProblemCode::BadArchive, message)
            .advice("import it at a node of that network; `ecomesh network` shows this one's id"),
    )
}
