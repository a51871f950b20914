//! A client of NATS, as far as a publish with an acknowledgement needs it (NATS client protocol; a JetStream publish
//! is a request with a reply subject). One connection carries any number of publishes at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Longest payload that is read: answers are short.
const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
/// Frames that wait for the socket.
const FRAMES_MAX: usize = 1024;
/// Written at once at the most.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// One connection. Dropping it closes it.
pub struct Client {
    frames: mpsc::Sender<Vec<u8>>,
    waiting: Arc<Waiting>,
    /// Answers come to the subjects below it.
    inbox: String,
    next: AtomicU64,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Client {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Client {
    /// Connects to a server on this machine.
    pub async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.context("no NATS server answers")?;
        stream.set_nodelay(true)?;
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let mut info = String::new();
        reader.read_line(&mut info).await?;
        ensure!(info.starts_with("INFO "), "what answers is no NATS server");
        let inbox = inbox()?;
        let hello = format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {inbox}.* 1\r\n");
        writer.write_all(hello.as_bytes()).await?;
        let (frames, wanted) = mpsc::channel(FRAMES_MAX);
        let waiting = Arc::new(Waiting::default());
        let reading = tokio::spawn(read(reader, waiting.clone(), frames.clone()));
        let writing = tokio::spawn(write(writer, wanted));
        Ok(Self { frames, waiting, inbox, next: AtomicU64::new(0), tasks: [reading, writing] })
    }

    /// Sends a request and waits for the answer.
    pub async fn request(&self, subject: &str, payload: &[u8]) -> anyhow::Result<Vec<u8>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let answered = self.waiting.wait_for(number);
        let head = format!("PUB {subject} {}.{number} {}\r\n", self.inbox, payload.len());
        let frame = [head.as_bytes(), payload, b"\r\n"].concat();
        self.frames.send(frame).await.ok().context("the connection to NATS ended")?;
        match tokio::time::timeout(ANSWER_MAX, answered).await {
            Ok(answer) => answer.context("the connection to NATS ended"),
            Err(_) => {
                self.waiting.take(number);
                bail!("NATS did not answer within {} s", ANSWER_MAX.as_secs())
            }
        }
    }

    /// Publishes to a stream; returns when its leader has acknowledged.
    pub async fn publish(&self, subject: &str, payload: &[u8]) -> anyhow::Result<u64> {
        let answer = self.request(subject, payload).await?;
        let json: serde_json::Value = serde_json::from_slice(&answer)
            .with_context(|| format!("no acknowledgement: {}", String::from_utf8_lossy(&answer)))?;
        json["seq"].as_u64().with_context(|| format!("NATS refuses: {json}"))
    }
}

/// Who waits for which answer.
#[derive(Default)]
struct Waiting(Mutex<BTreeMap<u64, oneshot::Sender<Vec<u8>>>>);

impl Waiting {
    fn wait_for(&self, number: u64) -> oneshot::Receiver<Vec<u8>> {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(number, sender);
        receiver
    }

    fn take(&self, number: u64) -> Option<oneshot::Sender<Vec<u8>>> {
        self.lock().remove(&number)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Vec<u8>>>> {
        // A map is whole after every single call on it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands answers to those who wait, until the connection ends; then they all learn it.
async fn read(mut from: BufReader<OwnedReadHalf>, waiting: Arc<Waiting>, frames: mpsc::Sender<Vec<u8>>) {
    let mut line = String::new();
    loop {
        line.clear();
        match from.read_line(&mut line).await {
            Ok(1..) => {}
            _ => break,
        }
        if line.starts_with("PING") {
            // A writer that has ended ends this too, with the socket.
            let _ = frames.send(b"PONG\r\n".to_vec()).await;
        } else if line.starts_with("MSG ") || line.starts_with("HMSG ") {
            let Ok((number, payload)) = message(&line, &mut from).await else { break };
            if let Some(answer) = waiting.take(number) {
                // Who gave up waiting does not need it.
                let _ = answer.send(payload);
            }
        }
    }
    waiting.lock().clear();
}

/// `MSG subject sid [reply] size`, or `HMSG subject sid [reply] head size` where the head is a status and no answer.
async fn message(line: &str, from: &mut BufReader<OwnedReadHalf>) -> anyhow::Result<(u64, Vec<u8>)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = words.get(1).and_then(|subject| subject.rsplit('.').next()?.parse().ok());
    let number: u64 = number.context("an answer to nobody")?;
    let size: usize = words.last().context("an answer without a size")?.parse()?;
    ensure!(size <= PAYLOAD_BYTES_MAX, "an answer of {size} bytes");
    let mut payload = vec![0; size + 2];
    from.read_exact(&mut payload).await?;
    payload.truncate(size);
    Ok((number, payload))
}

/// Writes frames, several at once where they wait.
async fn write(mut to: OwnedWriteHalf, mut frames: mpsc::Receiver<Vec<u8>>) {
    while let Some(mut bytes) = frames.recv().await {
        while bytes.len() < WRITE_BYTES_MAX {
            let Ok(more) = frames.try_recv() else { break };
            bytes.extend_from_slice(&more);
        }
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// A subject that no other client uses.
fn inbox() -> anyhow::Result<String> {
    let mut number = [0; 8];
    getrandom::fill(&mut number)?;
    Ok(format!("_INBOX.{:x}", u64::from_be_bytes(number)))
}
