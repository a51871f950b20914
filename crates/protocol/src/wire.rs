//! The frames between nodes: push messages, and the questions and answers of sync (`docs/PROTOCOL.md`, "Frames").
//!
//! Decoding and verifying happen together, on the pool: bytes come in, [`PushReport`], [`Question`] and [`Answer`]
//! come out, with verified records inside.

use ecomesh_record::codec::{self, DecodeError};
use ecomesh_record::id::{Lane, LogId, MemberId, Position};
use ecomesh_record::{ForkProof, Record, RecordFrame, RecordId, SignedFrontier};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use thiserror::Error;

use crate::limits::{
    BODIES_WANTED_MAX, NOTIFY_FORKS_MAX, PAGE_RECORDS_MAX, PUSH_BYTES_MAX, PUSH_RECORDS_MAX, SLICE_BYTES_MAX,
    SYNC_FRAME_BYTES_MAX, THIRD_FRONTIERS_MAX,
};
use crate::verify::{KeyRing, Verified, VerifiedFrontier, verify_fork, verify_frame, verify_frontier};

/// The version of all frames.
pub const VERSION: u8 = 1;

/// Why a frame deserves blame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The bytes do not decode.
    #[error("frame: {0}")]
    Bytes(#[from] DecodeError),
    /// Another version.
    #[error("frame: version {0} is unknown")]
    UnknownVersion(u8),
    /// A kind of question or answer that does not exist.
    #[error("frame: kind {0} is unknown")]
    UnknownKind(u8),
    /// More of something than allowed.
    #[error("frame: too many {0}")]
    TooMany(&'static str),
    /// A member id or lane that does not exist.
    #[error("frame: a field has a value that does not exist")]
    Field,
    /// A record or frontier in it deserves blame.
    #[error("{0}")]
    Content(String),
}

/// A push message: records of one author, in the order of its log.
#[derive(Serialize, Deserialize)]
struct PushWire {
    version: u8,
    records: Vec<RecordFrame>,
}

/// What the pool found in a push message.
#[derive(Debug)]
pub struct PushReport {
    /// The topic on which it came.
    pub topic: u8,
    /// The good records.
    pub records: Vec<Verified>,
    /// How many may become good later: unknown member, epoch or generation.
    pub deferred: usize,
    /// Why its forwarder is to blame, if it is.
    pub blame: Option<String>,
}

/// Encodes a push message; `None` if it would be longer than [`PUSH_BYTES_MAX`].
pub fn encode_push(records: &[&Record]) -> Option<Vec<u8>> {
    let frames = records.iter().map(|record| push_frame(record)).collect();
    codec::encode(&PushWire { version: VERSION, records: frames }, PUSH_BYTES_MAX).ok()
}

/// Whether a record is pushed without its body.
pub fn is_pushed_bare(record: &Record) -> bool {
    record.frame_len() > crate::limits::PUSH_RECORD_BYTES_MAX
}

/// What a record takes in a push message, in bytes.
pub fn push_len(record: &Record) -> usize {
    if is_pushed_bare(record) { record.header_bytes().len() + 80 } else { record.frame_len() }
}

fn push_frame(record: &Record) -> RecordFrame {
    let mut frame = record.to_frame();
    if is_pushed_bare(record) {
        frame.body.clear();
    }
    frame
}

/// Decodes and verifies a push message.
pub fn verify_push(ring: &KeyRing, topic: u8, bytes: &[u8]) -> PushReport {
    let mut report = PushReport { topic, records: Vec::new(), deferred: 0, blame: None };
    let frames = match decode_push(bytes) {
        Ok(frames) => frames,
        Err(error) => {
            report.blame = Some(error.to_string());
            return report;
        }
    };
    let mut author = None;
    for frame in frames {
        match verify_frame(ring, frame) {
            Ok(record) => {
                let header = record.record().header();
                if header.priority.topic() != topic {
                    report.blame = Some("a record on the wrong topic".into());
                } else if *author.get_or_insert(header.author) != header.author {
                    report.blame = Some("records of two authors in one message".into());
                } else {
                    report.records.push(record);
                }
            }
            Err(refusal) if refusal.deserves_blame() => report.blame = Some(refusal.to_string()),
            Err(_) => report.deferred += 1,
        }
    }
    report
}

fn decode_push(bytes: &[u8]) -> Result<Vec<RecordFrame>, FrameError> {
    check_version(bytes)?;
    let wire: PushWire = codec::decode(bytes, PUSH_BYTES_MAX)?;
    match wire.records.len() {
        0 => Err(FrameError::Field),
        n if n > PUSH_RECORDS_MAX => Err(FrameError::TooMany("records")),
        _ => Ok(wire.records),
    }
}

fn check_version(bytes: &[u8]) -> Result<(), FrameError> {
    match bytes.first() {
        Some(&VERSION) | None => Ok(()),
        Some(&other) => Err(FrameError::UnknownVersion(other)),
    }
}

/// A question of sync.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// What do you hold? Equal digests need no list.
    Exchange {
        /// The asker's holdings; zeros ask for the list in any case.
        digest: [u8; 32],
        /// Members from whom the asker waits for a newer frontier than this counter of this instance.
        waiting: Vec<Waiting>,
    },
    /// What the asker holds now, and fork proofs that it has learnt. Answered by [`Answer::Taken`].
    Notify {
        /// Its newest frontier, complete or delta, if it changed.
        frontiers: Vec<VerifiedFrontier>,
        /// Proofs whose log is known here and which verified.
        forks: Vec<ForkProof>,
    },
    /// Records of a log from a sequence number on.
    Page {
        /// The log.
        log: LogId,
        /// First sequence number.
        from: u64,
        /// As many as fit.
        max_bytes: u32,
    },
    /// A part of a large body.
    Slice {
        /// The record.
        id: RecordId,
        /// First byte of the encoded body.
        offset: u32,
        /// As many as fit.
        max_bytes: u32,
    },
    /// Bodies that the asker lacks.
    Bodies {
        /// The records.
        ids: Vec<RecordId>,
    },
    /// The header at a position, to find where two logs part.
    Header {
        /// The position.
        position: Position,
    },
}

/// From whom the asker waits for a frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The member.
    pub member: MemberId,
    /// The instance of the newest frontier that the asker has; zeros if none.
    pub instance: [u8; 16],
    /// Its counter.
    pub counter: u64,
}

impl Waiting {
    /// Whatever there is of this member.
    pub fn anything(member: MemberId) -> Self {
        Self { member, instance: [0; 16], counter: 0 }
    }
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To an exchange.
    Exchange {
        /// The answerer's complete frontier; `None` if the digests are equal.
        frontier: Option<VerifiedFrontier>,
        /// Newer frontiers of members from whom the asker waits.
        third: Vec<VerifiedFrontier>,
    },
    /// To a notification.
    Taken,
    /// To a page: records in the log's order, verified up to the first that is not.
    Page {
        /// The records; a large one comes without its body.
        records: Vec<Verified>,
    },
    /// To a slice.
    Slice {
        /// First byte of the encoded body.
        offset: u32,
        /// Length of the whole encoded body.
        total: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// To a request for bodies: those that are here.
    Bodies {
        /// Id and encoded body.
        bodies: Vec<(RecordId, Vec<u8>)>,
    },
    /// To a header: the record there without its body, if there is one.
    Header {
        /// The record.
        record: Option<Box<Verified>>,
    },
    /// Bodies were asked for that were erased: the erasures, whole.
    Erased {
        /// The records.
        records: Vec<Verified>,
    },
    /// Not now, or not here. Nobody is to blame.
    Unavailable,
}

#[derive(Serialize, Deserialize)]
struct FrameWire {
    version: u8,
    kind: u8,
    payload: ByteBuf,
}

const EXCHANGE: u8 = 1;
const NOTIFY: u8 = 2;
const PAGE: u8 = 3;
const SLICE: u8 = 4;
const BODIES: u8 = 5;
const HEADER: u8 = 6;
/// Only in answers.
const ERASED: u8 = 7;
/// Set in the kind of an answer.
const ANSWER: u8 = 0x80;
const UNAVAILABLE: u8 = 0xff;

type LogWire = ([u8; 8], u8, u32);

fn log_to_wire(log: LogId) -> LogWire {
    (*log.author.as_bytes(), log.lane.number(), log.generation)
}

fn log_from_wire((author, lane, generation): LogWire) -> Result<LogId, FrameError> {
    let author = MemberId::from_bytes(author).map_err(|_| FrameError::Field)?;
    let lane = Lane::new(lane).ok_or(FrameError::Field)?;
    Ok(LogId { author, lane, generation })
}

fn frame<T: Serialize + ?Sized>(kind: u8, payload: &T) -> Vec<u8> {
    frame_sized(kind, payload, 0)
}

/// [`frame`] of a payload that is about so many bytes long.
fn frame_sized<T: Serialize + ?Sized>(kind: u8, payload: &T, about: usize) -> Vec<u8> {
    let fits = "the core asks and answers within the bounds of limits.rs";
    let payload = codec::encode_sized(payload, about, SYNC_FRAME_BYTES_MAX).expect(fits);
    let about = payload.len() + 16;
    let wire = FrameWire { version: VERSION, kind, payload: ByteBuf::from(payload) };
    codec::encode_sized(&wire, about, SYNC_FRAME_BYTES_MAX + 16).expect(fits)
}

fn unframe(bytes: &[u8]) -> Result<(u8, Vec<u8>), FrameError> {
    check_version(bytes)?;
    let wire: FrameWire = codec::decode(bytes, SYNC_FRAME_BYTES_MAX + 16)?;
    Ok((wire.kind, wire.payload.into_vec()))
}

fn payload<T: Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    Ok(codec::decode(bytes, SYNC_FRAME_BYTES_MAX)?)
}

/// Frames of questions.
pub mod ask {
    use super::*;

    /// See [`Question::Exchange`].
    pub fn exchange(digest: [u8; 32], waiting: &[Waiting]) -> Vec<u8> {
        frame(EXCHANGE, &(digest, waiting.to_vec()))
    }

    /// See [`Question::Notify`].
    pub fn notify(frontiers: &[SignedFrontier], forks: &[ForkProof]) -> Vec<u8> {
        let forks: Vec<ByteBuf> = forks.iter().map(|proof| ByteBuf::from(proof.encode())).collect();
        frame(NOTIFY, &(frontiers.to_vec(), forks))
    }

    /// See [`Question::Page`].
    pub fn page(log: LogId, from: u64, max_bytes: u32) -> Vec<u8> {
        frame(PAGE, &(log_to_wire(log), from, max_bytes))
    }

    /// See [`Question::Slice`].
    pub fn slice(id: RecordId, offset: u32, max_bytes: u32) -> Vec<u8> {
        frame(SLICE, &(id, offset, max_bytes))
    }

    /// See [`Question::Bodies`].
    pub fn bodies(ids: &[RecordId]) -> Vec<u8> {
        frame(BODIES, ids)
    }

    /// See [`Question::Header`].
    pub fn header(position: Position) -> Vec<u8> {
        frame(HEADER, &(log_to_wire(position.log), position.seq))
    }
}

/// Frames of answers.
pub mod answer {
    use super::*;

    /// See [`Answer::Exchange`].
    pub fn exchange(frontier: Option<&SignedFrontier>, third: &[SignedFrontier]) -> Vec<u8> {
        let own: Vec<SignedFrontier> = frontier.into_iter().cloned().collect();
        frame(EXCHANGE | ANSWER, &(own, third.to_vec()))
    }

    /// See [`Answer::Taken`].
    pub fn taken() -> Vec<u8> {
        frame(NOTIFY | ANSWER, &())
    }

    /// See [`Answer::Page`].
    pub fn page(records: &[RecordFrame]) -> Vec<u8> {
        let bytes = records.iter().map(|r| r.header.len() + r.body.len() + 80).sum();
        frame_sized(PAGE | ANSWER, records, bytes)
    }

    /// See [`Answer::Slice`].
    pub fn slice(offset: u32, total: u32, bytes: &[u8]) -> Vec<u8> {
        frame(SLICE | ANSWER, &(offset, total, ByteBuf::from(bytes.to_vec())))
    }

    /// See [`Answer::Bodies`].
    pub fn bodies(bodies: &[(RecordId, Vec<u8>)]) -> Vec<u8> {
        let wire: Vec<(RecordId, ByteBuf)> =
            bodies.iter().map(|(id, bytes)| (*id, ByteBuf::from(bytes.clone()))).collect();
        frame(BODIES | ANSWER, &wire)
    }

    /// See [`Answer::Header`].
    pub fn header(record: Option<&Record>) -> Vec<u8> {
        let frames: Vec<RecordFrame> =
            record.map(|r| r.clone().without_body().to_frame()).into_iter().collect();
        frame(HEADER | ANSWER, &frames)
    }

    /// See [`Answer::Erased`].
    pub fn erased(records: &[RecordFrame]) -> Vec<u8> {
        frame(ERASED | ANSWER, records)
    }

    /// See [`Answer::Unavailable`].
    pub fn unavailable() -> Vec<u8> {
        frame(UNAVAILABLE, &())
    }
}

/// Decodes a question and verifies what is signed in it.
///
/// # Errors
/// [`FrameError`]: the asker is to blame.
pub fn verify_question(ring: &KeyRing, bytes: &[u8]) -> Result<Question, FrameError> {
    let (kind, bytes) = unframe(bytes)?;
    match kind {
        EXCHANGE => {
            let (digest, waiting): ([u8; 32], Vec<Waiting>) = payload(&bytes)?;
            if waiting.len() > THIRD_FRONTIERS_MAX {
                return Err(FrameError::TooMany("members waited for"));
            }
            Ok(Question::Exchange { digest, waiting })
        }
        NOTIFY => read_notify(ring, &bytes),
        PAGE => {
            let (log, from, max_bytes): (LogWire, u64, u32) = payload(&bytes)?;
            Ok(Question::Page { log: log_from_wire(log)?, from, max_bytes })
        }
        SLICE => {
            let (id, offset, max_bytes): (RecordId, u32, u32) = payload(&bytes)?;
            Ok(Question::Slice { id, offset, max_bytes })
        }
        BODIES => {
            let ids: Vec<RecordId> = payload(&bytes)?;
            if ids.len() > BODIES_WANTED_MAX {
                return Err(FrameError::TooMany("bodies wanted"));
            }
            Ok(Question::Bodies { ids })
        }
        HEADER => {
            let (log, seq): (LogWire, u64) = payload(&bytes)?;
            Ok(Question::Header { position: log_from_wire(log)?.at(seq) })
        }
        other => Err(FrameError::UnknownKind(other)),
    }
}

fn read_notify(ring: &KeyRing, bytes: &[u8]) -> Result<Question, FrameError> {
    let (frontiers, proofs): (Vec<SignedFrontier>, Vec<ByteBuf>) = payload(bytes)?;
    if frontiers.len() > THIRD_FRONTIERS_MAX || proofs.len() > NOTIFY_FORKS_MAX {
        return Err(FrameError::TooMany("frontiers or fork proofs"));
    }
    let frontiers = read_frontiers(ring, frontiers)?;
    let mut forks = Vec::new();
    for bytes in proofs {
        let proof = ForkProof::decode(&bytes).map_err(|e| FrameError::Content(e.to_string()))?;
        match verify_fork(ring, &proof) {
            Some(true) => forks.push(proof),
            Some(false) => return Err(FrameError::Content("a fork proof whose signatures fail".into())),
            None => {}
        }
    }
    Ok(Question::Notify { frontiers, forks })
}

/// Verifies frontiers; those of unknown members are left out.
fn read_frontiers(ring: &KeyRing, signed: Vec<SignedFrontier>) -> Result<Vec<VerifiedFrontier>, FrameError> {
    let mut good = Vec::new();
    for one in signed {
        match verify_frontier(ring, one) {
            Ok(frontier) => good.push(frontier),
            Err(refusal) if refusal.deserves_blame() => {
                return Err(FrameError::Content(refusal.to_string()));
            }
            Err(_) => {}
        }
    }
    Ok(good)
}

/// Decodes an answer and verifies what is signed in it.
///
/// # Errors
/// [`FrameError`]: the answerer is to blame.
pub fn verify_answer(ring: &KeyRing, bytes: &[u8]) -> Result<Answer, FrameError> {
    let (kind, bytes) = unframe(bytes)?;
    if kind == UNAVAILABLE {
        return Ok(Answer::Unavailable);
    }
    match kind ^ ANSWER {
        EXCHANGE => {
            let (own, third): (Vec<SignedFrontier>, Vec<SignedFrontier>) = payload(&bytes)?;
            if own.len() > 1 || third.len() > THIRD_FRONTIERS_MAX {
                return Err(FrameError::TooMany("frontiers"));
            }
            let frontier = read_frontiers(ring, own)?.pop();
            Ok(Answer::Exchange { frontier, third: read_frontiers(ring, third)? })
        }
        NOTIFY => payload::<()>(&bytes).map(|()| Answer::Taken),
        PAGE => read_page(ring, payload(&bytes)?),
        SLICE => {
            let (offset, total, bytes): (u32, u32, ByteBuf) = payload(&bytes)?;
            if bytes.len() > SLICE_BYTES_MAX as usize {
                return Err(FrameError::TooMany("bytes of a body"));
            }
            Ok(Answer::Slice { offset, total, bytes: bytes.into_vec() })
        }
        BODIES => {
            let bodies: Vec<(RecordId, ByteBuf)> = payload(&bytes)?;
            if bodies.len() > BODIES_WANTED_MAX {
                return Err(FrameError::TooMany("bodies"));
            }
            Ok(Answer::Bodies { bodies: bodies.into_iter().map(|(id, b)| (id, b.into_vec())).collect() })
        }
        HEADER => {
            let mut frames: Vec<RecordFrame> = payload(&bytes)?;
            if frames.len() > 1 {
                return Err(FrameError::TooMany("headers"));
            }
            let record = frames.pop().map(|frame| verify_one(ring, frame)).transpose()?.flatten();
            Ok(Answer::Header { record: record.map(Box::new) })
        }
        ERASED => {
            let frames: Vec<RecordFrame> = payload(&bytes)?;
            if frames.len() > BODIES_WANTED_MAX {
                return Err(FrameError::TooMany("erasures"));
            }
            let records: Vec<_> =
                frames.into_iter().map(|frame| verify_one(ring, frame)).collect::<Result<_, _>>()?;
            Ok(Answer::Erased { records: records.into_iter().flatten().collect() })
        }
        _ => Err(FrameError::UnknownKind(kind)),
    }
}

/// A page is verified in order; from the first record on whose key is not known here, the rest is left for later.
fn read_page(ring: &KeyRing, frames: Vec<RecordFrame>) -> Result<Answer, FrameError> {
    if frames.len() > PAGE_RECORDS_MAX {
        return Err(FrameError::TooMany("records"));
    }
    let mut records = Vec::with_capacity(frames.len());
    for frame in frames {
        match verify_one(ring, frame)? {
            Some(record) => records.push(record),
            None => break,
        }
    }
    Ok(Answer::Page { records })
}

fn verify_one(ring: &KeyRing, frame: RecordFrame) -> Result<Option<Verified>, FrameError> {
    match verify_frame(ring, frame) {
        Ok(record) => Ok(Some(record)),
        Err(refusal) if refusal.deserves_blame() => Err(FrameError::Content(refusal.to_string())),
        Err(_) => Ok(None),
    }
}
